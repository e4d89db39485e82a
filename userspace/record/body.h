/* SPDX-License-Identifier: MIT */
/* body: what the records of a session hold: fields, each a number, its length and its bytes. RESULT is none
 * of them: its body is what the client was sent, byte for byte.
 *
 *   field  length  bytes … length
 *   1      4                            numbers are big endian, 8 bytes
 *
 * A field that a reader does not know is passed over; a list is the same field several times. */
#ifndef PGVEIL_RECORD_BODY_H
#define PGVEIL_RECORD_BODY_H

#include "base/buf.h"
#include "base/err.h"

enum body_type { BODY_AS_BYTES = 0, BODY_AS_TEXT, BODY_AS_NUMBER };

/* X(name, number, word, type). Numbers are never used again. */
#define BODY_FIELDS(X)                                                                                       \
	/* BEGIN: who it is, as the kernel says, and what it is connected with */                            \
	X(CGROUP, 1, "cgroup", TEXT)                                                                         \
	X(UNIT, 2, "unit", TEXT)                                                                             \
	X(CGROUP_ID, 3, "cgroup_id", NUMBER)                                                                 \
	X(TGID, 4, "tgid", NUMBER)                                                                           \
	X(UID, 5, "uid", NUMBER)                                                                             \
	X(COMM, 6, "comm", TEXT)                                                                             \
	X(NETNS, 7, "netns_cookie", NUMBER)                                                                  \
	X(ADDRESS, 8, "address", TEXT)                                                                       \
	X(DATABASE, 9, "database", TEXT) /* the policy's entry */                                            \
	X(DBNAME, 10, "dbname", TEXT)                                                                        \
	X(ROLE, 11, "role", TEXT)                       /* at the server */                                  \
	X(CLAIMED_USER, 12, "claimed_user", TEXT)       /* the client's startup message, … */              \
	X(APPLICATION, 13, "application_name", TEXT)    /* … claims and nothing more */                    \
	X(POLICY, 14, "policy", TEXT)                   /* name of a document; a list */                     \
	X(POLICY_VERSION, 15, "policy_version", NUMBER) /* of this run of the daemon; STATEMENT too */       \
	X(SERVER_VERSION, 16, "server_version", TEXT)                                                        \
	X(LEVEL, 17, "level", TEXT)         /* of the recording: full, statements, metadata */               \
	X(NAMESPACE, 18, "namespace", TEXT) /* of its pod, as the Kubernetes API says */                     \
	X(POD, 19, "pod", TEXT)                                                                              \
	X(POD_UID, 20, "pod_uid", TEXT)                                                                      \
	X(SERVICE_ACCOUNT, 21, "service_account", TEXT)                                                      \
	/* STATEMENT: before the server gets it. DONE has the same STATEMENT number. */                      \
	X(STATEMENT, 32, "statement", NUMBER) /* in its session, from 1 */                                   \
	X(MESSAGE, 33, "message", TEXT)       /* query, parse, bind, execute; more: of a long text */        \
	X(TEXT, 34, "text", TEXT)             /* constants that a mask is concerned with are tokens */       \
	X(TAG, 35, "tag", TEXT)               /* of CommandComplete, as far as it is known; a list */        \
	X(VERDICT, 36, "verdict", TEXT)       /* allow, deny, ask */                                         \
	X(RULE, 37, "rule", TEXT)             /* file:line that decided; a list */                           \
	X(SQLSTATE, 38, "sqlstate", TEXT)     /* of a refusal, or (DONE) of the server's error */            \
	X(MESSAGE_TEXT, 39, "reason", TEXT)   /* of a refusal */                                             \
	X(RELATION, 40, "relation", TEXT)     /* schema.name that it reads or writes; a list */              \
	X(COLUMN, 41, "column", TEXT)         /* schema.relation.column that a mask is over; a list */       \
	X(EFFECT, 42, "effect", TEXT)         /* a list */                                                   \
	X(PARAMETER, 43, "parameter", TEXT)   /* value or token, in order; a list */                         \
	X(APPROVAL, 44, "approval", TEXT)     /* id of what let it run, or holds it */                       \
	X(WHY, 45, "why", TEXT)               /* pgveil.reason, a claim of the client's */                   \
	X(PREPARED, 46, "prepared", TEXT)     /* name of the prepared statement or portal */                 \
	X(FORMATS, 47, "formats", BYTES)      /* of results, as Bind has them: 2 bytes each */               \
	/* DONE and END */                                                                                   \
	X(ROWS, 64, "rows", NUMBER)                                                                          \
	X(BYTES, 65, "bytes", NUMBER) /* to the client */                                                    \
	X(MASKED, 66, "masked_cells", NUMBER)                                                                \
	X(TOOK_US, 67, "took_us", NUMBER)                                                                    \
	X(STATEMENTS, 68, "statements", NUMBER)                                                              \
	X(REFUSED, 69, "refused", NUMBER)                                                                    \
	X(CLOSED, 70, "closed", TEXT) /* END: why */                                                         \
	/* EVENT */                                                                                          \
	X(EVENT, 96, "event", TEXT)                                                                          \
	X(EVENT_TEXT, 97, "event_text", TEXT)                                                                \
	/* RUN: each run before (record/runs.h); a list of the three */                                      \
	X(RUN, 98, "run", NUMBER)                                                                            \
	X(RUN_RECORDS, 99, "run_records", NUMBER) /* that its chain had then, … */                         \
	X(RUN_HEAD, 100, "run_head", BYTES)       /* … and the hash behind them */
#define X(name, number, word, type) BODY_##name = (number),
enum body_field { BODY_FIELDS(X) };
#undef X
/* NULL: there is no such field. */
const char *body_field_name(unsigned field);
enum body_type body_field_type(unsigned field);

/* Appends to b. What does not fit any more is left out, and body_failed says so. */
struct body {
	uint8_t *p;
	size_t n, cap; /* cap 0: grows as far as max */
	size_t max;
	bool failed;
};
/* n bytes of the caller's; never freed. */
void body_init(struct body *b, uint8_t *p, size_t cap);
/* Memory of its own, at most max bytes of it. */
void body_grow(struct body *b, size_t max);
void body_fini(struct body *b);
void body_put(struct body *b, enum body_field f, struct span v);
/* What comes before a field's n bytes, which the caller puts behind all of b. */
void body_put_head(struct body *b, enum body_field f, size_t n);
void body_put_text(struct body *b, enum body_field f, const char *s); /* NULL, "": nothing */
void body_put_number(struct body *b, enum body_field f, uint64_t v);

struct body_item {
	unsigned field; /* perhaps none of enum body_field */
	struct span v;
	uint64_t number; /* BODY_AS_NUMBER */
};
/* Takes the first item off *in. WIRE_MORE: there is none; WIRE_BAD: it is no body of ours. */
MUSTCHECK enum wire body_next(struct span *in, struct body_item *out);
/* The first of a field; false, and all zero: there is none before the body ends or is none any more. */
bool body_find(struct span body, enum body_field f, struct body_item *out);
/* The same, where one that is missing is as good as an empty one, or 0. */
struct span body_bytes(struct span body, enum body_field f);
uint64_t body_number(struct span body, enum body_field f);

#endif
