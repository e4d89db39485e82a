/* SPDX-License-Identifier: MIT */
/* chronicle: the records of one session in their order, each proved to stand where it was written. */
#ifndef PGVEIL_CLI_CHRONICLE_H
#define PGVEIL_CLI_CHRONICLE_H

#include "cli/sessions.h"

struct chronicle;

/* is: where its records are. */
MUSTCHECK int chronicle_open(
	struct chronicle **out, const struct sessions *s, const struct indexed_session *is, struct err *e);
void chronicle_close(struct chronicle *c); /* NULL is fine */
/* 1: *out is the next; 0: there is none; -EBADMSG: what comes is not to be believed; else it cannot be read.
 */
MUSTCHECK int chronicle_next(struct chronicle *c, struct read_record *out, struct err *e);

#endif
