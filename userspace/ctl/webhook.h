/* SPDX-License-Identifier: MIT */
/* webhook: tells a URL of events of the log as they happen: approvals, grants, refusals, ways past the
 * engine. What may not be in the log is not in it. Never holds anybody up: a queue of its own, bounded, and a
 * thread that signs, sends and tries again. The one user of libcurl here.
 *
 *   POST {"text": "for people, as Slack shows it", "event": {the line of the log}}
 *   X-Pgveil-Timestamp: 1764500000
 *   X-Pgveil-Signature: v1=HMAC-SHA-256(secret, "v1:" timestamp ":" body) in hex
 */
#ifndef PGVEIL_CTL_WEBHOOK_H
#define PGVEIL_CTL_WEBHOOK_H

#include <stddef.h>
#include "base/err.h"

struct webhook;

/* The secret is what secret_file holds, without the newline at its end. While there is one thread only. */
MUSTCHECK int webhook_open(struct webhook **out, const char *url, const char *secret_file, struct err *e);
MUSTCHECK int webhook_start(struct webhook *w, struct err *e);
/* A line of the log; from any thread. What is no event for it is nothing to it. */
void webhook_add(struct webhook *w, const char *event, const char *line, size_t len);
/* What still waits is sent once more, as far as a few seconds allow. NULL is fine. */
void webhook_close(struct webhook *w);

#endif
