/* SPDX-License-Identifier: MIT */
/* client: one request to the daemon's admin socket. The only user of libcurl here. */
#ifndef PGVEIL_CLI_CLIENT_H
#define PGVEIL_CLI_CLIENT_H

#include <jansson.h>
#include "base/err.h"

/* body may be NULL (and stays the caller's). *answer is a new reference, also where the daemon refused and
 * said why in JSON; NULL where it did not answer. -ECONNREFUSED: there is no daemon. */
MUSTCHECK int client_call(const char *run_dir, const char *method, const char *path, const json_t *body,
	json_t **answer, struct err *e);

/* The same on the socket of reviewers, who need not be root. */
MUSTCHECK int client_review(const char *run_dir, const char *method, const char *path, const json_t *body,
	json_t **answer, struct err *e);

/* GET of something that is not JSON, into *text; freed by the caller. */
MUSTCHECK int client_text(const char *run_dir, const char *path, char **text, struct err *e);

#endif
