/* SPDX-License-Identifier: MIT */
/* webhook: tells a URL of events of the log as they happen: approvals, grants, refusals, ways past the
 * engine. What may not be in the log is not in it. Never holds anybody up: a queue of its own, bounded, and a
 * thread that signs, sends and tries again. Of what somebody can make happen at will no more than a few are
 * told at once (ctl/flood.h).
 *
 *   POST {"text": "for people, as Slack shows it", "event": {the line of the log}}
 *   X-Pgveil-Timestamp: 1764500000
 *   X-Pgveil-Signature: v1=HMAC-SHA-256(secret, "v1:" timestamp ":" body) in hex
 */
#ifndef PGVEIL_CTL_WEBHOOK_H
#define PGVEIL_CTL_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/metric.h"

struct webhook;

struct webhook_config {
	const char *url;
	const char *secret_file; /* the secret is what it holds, without the newline at its end */
	const char *events;      /* patterns, with commas between them; NULL: what somebody should look at */
	uint64_t while_ms;       /* in which no more than a few of a kind are told (ctl/flood.h) */
};

/* While there is one thread only. */
MUSTCHECK int webhook_open(struct webhook **out, const struct webhook_config *cfg, struct err *e);
MUSTCHECK int webhook_start(struct webhook *w, struct err *e);
/* A line of the log; from any thread. What is no event for it is nothing to it. */
void webhook_add(struct webhook *w, const char *event, const char *line, size_t len);
unsigned webhook_depth(struct webhook *w);                      /* events that wait; NULL is fine */
void webhook_metrics(struct webhook *w, struct metric_text *m); /* NULL is fine */
/* What still waits is sent once more, as far as a few seconds allow. NULL is fine. */
void webhook_close(struct webhook *w);

#endif
