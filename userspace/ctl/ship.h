/* SPDX-License-Identifier: MIT */
/* ship: brings the recording's files that are closed to an S3-compatible store, in their order, each until
 * the store has acknowledged all of it; and says which it has. A thread of its own: no session ever waits for
 * it. Enciphered ones go as they are. */
#ifndef PGVEIL_CTL_SHIP_H
#define PGVEIL_CTL_SHIP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/metric.h"

struct ship;

struct ship_config {           /* strings are borrowed */
	const char *state_dir; /* the recordings are below it, and so is what is known of the store */
	const char *url;       /* s3://BUCKET/PREFIX */
	const char *endpoint, *region, *credentials, *ca_file; /* as in s3_config */
	const char *node;                                      /* NULL: the host's name */
	uint64_t part; /* bytes; what is larger is sent in parts of so many */
	bool plain;
};

/* Behind http_start; the recorder is open. Nothing is asked of the store yet. */
MUSTCHECK int ship_open(struct ship **out, const struct ship_config *cfg, struct err *e);
/* Behind the recorder: what it closed last goes too, if that takes no longer than grace_ms. NULL is fine. */
void ship_close(struct ship *s, uint64_t grace_ms);
void ship_metrics(struct ship *s, struct metric_text *m); /* from any thread. NULL: there is none */
json_t *ship_status(struct ship *s);                      /* a new reference; null for NULL */

#endif
