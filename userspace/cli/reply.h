/* SPDX-License-Identifier: MIT */
/* reply: what a client was sent, message by message, out of the bytes as they were recorded. Whatever stands
 * there is read without trust: what is no message is said to be none, and nothing behind it is guessed. */
#ifndef PGVEIL_CLI_REPLY_H
#define PGVEIL_CLI_REPLY_H

#include "base/buf.h"
#include "pgwire/message.h"

enum reply_kind {
	REPLY_LOST = 0, /* from here on it cannot be read: bytes that there are and will be */
	REPLY_COLUMNS,  /* of rows that follow */
	REPLY_ROW,
	REPLY_TAG,          /* a command is complete: text */
	REPLY_EMPTY,        /* an empty statement is */
	REPLY_SUSPENDED,    /* a portal has more rows */
	REPLY_ERROR,        /* fields */
	REPLY_NOTICE,       /* fields */
	REPLY_NOTIFICATION, /* text: channel, more: payload */
	REPLY_PARAMETER,    /* text: name, more: value */
	REPLY_COPY_OUT,     /* data follow; format */
	REPLY_COPY_IN,
	REPLY_COPY_DATA, /* text */
	REPLY_COPY_DONE,
	REPLY_FUNCTION, /* text: the result of a function call */
	REPLY_READY,    /* status */
	REPLY_OTHER,    /* nothing to be seen: type */
};

struct reply_column {
	struct span name;
	uint32_t type; /* oid; 0: not known */
	int32_t typmod;
	int format; /* 0 text, 1 binary; -1: not known */
};

struct reply { /* borrowed until the next call */
	enum reply_kind kind;
	uint8_t type; /* the message's letter; 0 for REPLY_LOST */
	const struct reply_column *columns;
	const struct span *cells; /* of a row; .p NULL is NULL */
	unsigned n;               /* of both */
	bool unknown;             /* of a row: no description belongs to it, its columns are only counted */
	struct span text, more;
	struct msg_fields fields;
	int format;
	char status;
	uint64_t bytes; /* of the message, or REPLY_LOST: that are there */
};

struct reply_reader;

struct reply_reader *reply_reader_new(void);    /* NULL: no memory */
void reply_reader_free(struct reply_reader *r); /* NULL is fine */
/* A statement was recorded, which replies to come will be about. message: query, parse, bind, execute;
 * formats: of results, as Bind has them, where they are known. */
void reply_reader_asked(struct reply_reader *r, struct span message, struct span name, struct span formats);
/* More bytes; taken over. false: no memory. */
MUSTCHECK bool reply_reader_feed(struct reply_reader *r, struct span bytes);
/* WIRE_OK: *out is the next; WIRE_MORE: it is not all there. WIRE_BAD: no memory. */
MUSTCHECK enum wire reply_reader_next(struct reply_reader *r, struct reply *out);
size_t reply_reader_left(const struct reply_reader *r); /* bytes of a message that is not all there */

#endif
