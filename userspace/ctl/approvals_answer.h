/* SPDX-License-Identifier: MIT */
/* approvals_answer: what people ask of approvals by HTTP, whichever way they come:
 *
 *   GET  /v1/approvals?state=pending|all   /v1/approvals/7   /v1/grants
 *   POST /v1/approvals/7/approve  {"reason": "…", "for_s": 3600, "uses": 2, "shape": true, "break_glass":
 * true} POST /v1/approvals/7/deny     {"reason": "…"} POST /v1/grants/7/revoke      {"reason": "…"}
 *
 * Never decides who somebody is. */
#ifndef PGVEIL_CTL_APPROVALS_ANSWER_H
#define PGVEIL_CTL_APPROVALS_ANSWER_H

#include "ctl/reception.h"

struct approvals;
struct approver;

/* Whether it is one of these. */
bool approvals_asked(const char *path);
void approvals_answer(struct approvals *a, const struct approver *who, const struct reception_request *r,
	struct reception_answer *out);
/* {"error": text} */
void approvals_refuse(struct reception_answer *out, int code, const char *text);

#endif
