/* SPDX-License-Identifier: MIT */
/* judge: what the API server asks before it writes an approval or a grant: whether whoever wants to write it
 * may, and writes only what is his. Knows no clock and no socket. What it does not know it forbids.
 * Kubernetes: "Dynamic Admission Control", admission.k8s.io/v1. */
#ifndef PGVEIL_ADMISSION_JUDGE_H
#define PGVEIL_ADMISSION_JUDGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"

struct judge_rules {
	const char *const *daemons; /* the users that pgveild is */
	unsigned ndaemons;
	/* Users whose names begin with "system:" are programs, and none of them approves but these. */
	const char *const *accounts;
	unsigned naccounts;
};

struct judge_verdict { /* zero: it may not */
	bool allowed;
	char why[300]; /* it may not */
};

/* request: of an AdmissionReview. now_s: of the epoch. */
void judge_request(
	const json_t *request, const struct judge_rules *rules, int64_t now_s, struct judge_verdict *out);
/* The answer to an AdmissionReview; NULL: it is none that can be answered, or no memory. */
MUSTCHECK json_t *judge_review(
	const json_t *review, const struct judge_rules *rules, int64_t now_s, struct judge_verdict *out);

#endif
