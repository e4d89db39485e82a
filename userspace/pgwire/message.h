/* SPDX-License-Identifier: MIT */
/* message: the inside of every v3 message, decoded as views into its body (PostgreSQL docs, "Message
 * Formats"). Each decoder proves that the declared length is the parsed length; WIRE_BAD otherwise, never
 * WIRE_MORE. */
#ifndef PGVEIL_PGWIRE_MESSAGE_H
#define PGVEIL_PGWIRE_MESSAGE_H

#include "base/buf.h"

#define MESSAGE_COLUMNS_MAX 1664 /* MaxTupleAttributeNumber; the server sends no wider row */
#define MESSAGE_PARAMS_MAX  65535

/* ---- from the frontend ---- */

struct msg_query {
	struct span sql; /* without the NUL */
};
struct msg_parse {
	struct span name, sql;
	uint16_t nparams;
	struct span param_types; /* nparams big-endian oids */
};
/* Bind keeps its variable parts as raw views; bind_result_format and msg_cell_next walk
 * them. There are no, one or nparams parameter formats. */
struct msg_bind {
	struct span portal, statement;
	uint16_t nparam_formats;
	struct span param_formats; /* big-endian int16 each */
	uint16_t nparams;
	struct span params; /* (int32 length, bytes)*; lengths already checked */
	uint16_t nresult_formats;
	struct span result_formats;
};
struct msg_target { /* Describe, Close */
	char kind;  /* 'S' statement or 'P' portal, nothing else */
	struct span name;
};
struct msg_execute {
	struct span portal;
	uint32_t max_rows; /* 0 = all; never above INT32_MAX */
};
MUSTCHECK enum wire msg_query(struct span body, struct msg_query *m);
MUSTCHECK enum wire msg_parse(struct span body, struct msg_parse *m);
MUSTCHECK enum wire msg_bind(struct span body, struct msg_bind *m);
MUSTCHECK enum wire msg_target(struct span body, struct msg_target *m);
MUSTCHECK enum wire msg_execute(struct span body, struct msg_execute *m);
MUSTCHECK enum wire msg_function_call(struct span body, uint32_t *oid, struct msg_bind *args);
MUSTCHECK enum wire msg_empty(struct span body); /* Flush, Sync, Terminate, CopyDone, 1 2 3 I n s c */
MUSTCHECK enum wire msg_copy_fail(struct span body);
/* Result format of column col of ncols under Bind's rule: none given = text, one = all, else one each.
 * -1: the counts do not fit, or a code other than 0 and 1. */
int bind_result_format(const struct msg_bind *m, unsigned col, unsigned ncols);

/* ---- from the backend ---- */

struct msg_column { /* one field of RowDescription */
	struct span name;
	uint32_t table_oid; /* 0: not a plain column of a table */
	int16_t attnum;
	uint32_t type_oid;
	int16_t type_len;
	int32_t typmod;
	int16_t format; /* 0 text, 1 binary; 0 where a statement was described */
};
/* RowDescription: count first, then msg_column_next once each on *c; end with cur_end(c). */
MUSTCHECK enum wire msg_row_description(struct span body, struct cur *c, uint16_t *ncols);
MUSTCHECK enum wire msg_column_next(struct cur *c, struct msg_column *col);

#define NULL_LENGTH UINT32_MAX /* in the place of a cell's length: NULL */

/* DataRow: count first, then msg_cell_next once each; a NULL cell has .p == NULL, an empty one .p != NULL. */
MUSTCHECK enum wire msg_data_row(struct span body, struct cur *c, uint16_t *ncells);
MUSTCHECK static inline enum wire msg_cell_next(struct cur *c, struct span *cell)
{
	uint32_t len = cur_be32(c);

	*cell = (struct span){0};
	if (c->bad)
		return WIRE_BAD;
	if (len == NULL_LENGTH)
		return WIRE_OK;
	/* Beyond INT32_MAX it is beyond the body as well. */
	*cell = cur_take(c, len);
	return c->bad ? WIRE_BAD : WIRE_OK;
}

struct msg_parameter_status {
	struct span name, value;
};
struct msg_key_data {
	uint32_t pid;
	struct span key; /* 4 to 256 bytes */
};
struct msg_notification {
	uint32_t pid;
	struct span channel, payload;
};
struct msg_copy_response { /* G, H, W */
	uint8_t format;
	uint16_t ncols;
	struct span formats;
};
MUSTCHECK enum wire msg_parameter_status(struct span body, struct msg_parameter_status *m);
MUSTCHECK enum wire msg_key_data(struct span body, struct msg_key_data *m);
MUSTCHECK enum wire msg_notification(struct span body, struct msg_notification *m);
MUSTCHECK enum wire msg_copy_response(struct span body, struct msg_copy_response *m);
MUSTCHECK enum wire msg_command_complete(struct span body, struct span *tag);
MUSTCHECK enum wire msg_ready(struct span body, char *status); /* 'I', 'T' or 'E', nothing else */
MUSTCHECK enum wire msg_parameter_description(struct span body, uint16_t *nparams, struct span *oids);
/* minor: of major version 3, which servers send along with it. names: nunknown of them, each ended by a NUL.
 */
MUSTCHECK enum wire msg_negotiate(struct span body, uint32_t *minor, uint32_t *nunknown, struct span *names);
MUSTCHECK enum wire msg_function_result(struct span body, struct span *value);

/* ErrorResponse and NoticeResponse: every field by its code letter ("Error and Notice Message Fields"). A
 * repeated code is WIRE_BAD. fields[c].p == NULL: absent. */
struct msg_fields {
	struct span field[128];
};
MUSTCHECK enum wire msg_fields(struct span body, struct msg_fields *m);

enum auth_kind {
	AUTH_OK = 0,
	AUTH_CLEARTEXT = 3,
	AUTH_MD5 = 5,
	AUTH_SASL = 10,
	AUTH_SASL_CONTINUE = 11,
	AUTH_SASL_FINAL = 12,
};
struct msg_auth {
	uint32_t kind;    /* an enum auth_kind, or one of those we do not speak (GSS, SSPI …) */
	struct span data; /* salt, mechanism list, or SASL data */
};
MUSTCHECK enum wire msg_auth(struct span body, struct msg_auth *m);

#endif
