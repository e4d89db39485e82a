/* SPDX-License-Identifier: MIT */
/* pod_escape: whether a pod may do what gets it round the kernel's programs: load or detach such, enter other
 * cgroups, act as another pod's process, or have the node do it. */
#ifndef PGVEIL_KUBE_POD_ESCAPE_H
#define PGVEIL_KUBE_POD_ESCAPE_H

#include <jansson.h>
#include <stdbool.h>
#include "base/attr.h"

struct arena;
struct pod_rules;

/* spec: of the pod. *why: in words, of a's memory; NULL: nothing. false: no memory. */
MUSTCHECK bool pod_escape(
	struct arena *a, const json_t *spec, const struct pod_rules *rules, const char **why);

#endif
