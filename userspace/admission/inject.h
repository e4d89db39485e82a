/* SPDX-License-Identifier: MIT */
/* inject: gives a pod that is being made an init container that ends when the pod is captured (`pgveil
 * wait`). A pure function; it allows whatever it is asked about, and forbids nothing. Kubernetes: "Dynamic
 * Admission Control", admission.k8s.io/v1; RFC 6902. */
#ifndef PGVEIL_ADMISSION_INJECT_H
#define PGVEIL_ADMISSION_INJECT_H

#include <jansson.h>
#include "base/attr.h"

#define INJECT_NAME "pgveil-wait" /* of the container */

struct inject_rules {
	const char *image;          /* with pgveil in it */
	const char *port, *timeout; /* as `pgveil wait` takes them */
};

/* The operations that make the pod of a request as it should be: its first init container is ours, and no
 * other is called so. A reference; empty: it is so, or it is about no pod that is made here. NULL: no memory.
 */
MUSTCHECK json_t *inject_patch(const json_t *request, const struct inject_rules *rules);
/* The answer to an AdmissionReview; NULL: it is none that can be answered, or no memory. */
MUSTCHECK json_t *inject_review(const json_t *review, const struct inject_rules *rules);

#endif
