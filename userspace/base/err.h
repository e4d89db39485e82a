/* SPDX-License-Identifier: MIT */
/* err: the detail of one failure, owned by the caller of whatever failed. Never logs and never exits. */
#ifndef PGVEIL_BASE_ERR_H
#define PGVEIL_BASE_ERR_H

#include "base/attr.h"

/* A function that can fail returns 0 or a negative errno and fills the struct err it was given (last
 * parameter, may be NULL). All zero means "no failure yet". */
struct err {
	int code;         /* negative errno */
	char sqlstate[6]; /* what a client is told; "XX000" where nobody chose better */
	char msg[250];    /* one sentence, no newline, no value out of a result */
};

/* Both return code, so that "return err_set(e, -EPROTO, ...)" is one line. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_sql(struct err *e, int code, const char *sqlstate, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
