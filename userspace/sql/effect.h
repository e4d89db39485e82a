/* SPDX-License-Identifier: MIT */
/* effect: what a statement may do, as bits of a set. What is not understood may do everything. */
#ifndef PGVEIL_SQL_EFFECT_H
#define PGVEIL_SQL_EFFECT_H

#include <stdint.h>

/* In the order that they are told in. */
#define EFFECTS(X)                                                                                           \
	X(READ, "read")                                                                                      \
	X(INSERT, "insert")                                                                                  \
	X(UPDATE, "update")                                                                                  \
	X(DELETE, "delete")                                                                                  \
	X(TRUNCATE, "truncate")                                                                              \
	X(MERGE, "merge") /* beside what its branches do */                                                  \
	X(DDL, "ddl")                                                                                        \
	X(PRIVILEGE, "privilege") /* who may do what: GRANT, roles, owners, policies, labels */              \
	X(ROLE, "role")           /* SET ROLE, SET SESSION AUTHORIZATION */                                  \
	X(SETTINGS, "settings")                                                                              \
	X(COPY_IN, "copy_in")                                                                                \
	X(COPY_OUT, "copy_out")                                                                              \
	X(PROGRAM, "program") /* of the server's machine */                                                  \
	X(FILE, "file")       /* likewise */                                                                 \
	X(NETWORK, "network") /* from the server: dblink, subscriptions, foreign servers */                  \
	X(LARGE_OBJECT, "large_object")                                                                      \
	X(FUNCTION, "function") /* code of the database's own that the statement names: calls, DO */         \
	X(CODE, "code")         /* … that it does not name: triggers, defaults, policies, rules */         \
	X(LOCK, "lock")         /* LOCK TABLE, advisory locks */                                             \
	X(ROW_LOCK, "row_lock") /* SELECT FOR UPDATE and the like */                                         \
	X(NOTIFY, "notify")     /* and LISTEN */                                                             \
	X(REPLICATION, "replication")                                                                        \
	X(TRANSACTION, "transaction")                                                                        \
	X(EXPLAIN_ANALYZE, "explain_analyze")                                                                \
	X(CURSOR, "cursor")                                                                                  \
	X(PREPARE, "prepare")   /* PREPARE, EXECUTE, DEALLOCATE as statements */                             \
	X(SEQUENCE, "sequence") /* nextval(), setval() */                                                    \
	X(MAINTAIN, "maintain") /* VACUUM, ANALYZE, CHECKPOINT, REINDEX, CLUSTER … */                      \
	X(PROCESS, "process")   /* of other sessions, or the server: pg_terminate_backend() … */           \
	X(CALL, "call")         /* of any function, also of one of pg_catalog that only gives a value */

#define X(name, word) EFFECT_NUMBER_##name,
enum effect_number { EFFECTS(X) EFFECT_COUNT };
#undef X
#define X(name, word) static const uint64_t DOES_##name = UINT64_C(1) << EFFECT_NUMBER_##name;
EFFECTS(X)
#undef X
#define DOES_WRITE (DOES_INSERT | DOES_UPDATE | DOES_DELETE | DOES_TRUNCATE | DOES_MERGE)
/* What is done to relations. */
#define DOES_TO_RELATIONS                                                                                    \
	(DOES_READ | DOES_WRITE | DOES_DDL | DOES_PRIVILEGE | DOES_COPY_IN | DOES_COPY_OUT | DOES_LOCK |     \
		DOES_ROW_LOCK | DOES_MAINTAIN | DOES_NETWORK | DOES_REPLICATION)
#define DOES_ALL ((UINT64_C(1) << EFFECT_COUNT) - 1)

/* "read"; NULL: there is no such number. */
const char *effect_name(unsigned number);

#endif
