/* SPDX-License-Identifier: MIT */
/* index_db: the database behind record/index.h, for the files that fill it and ask it. */
#ifndef PGVEIL_RECORD_INDEX_DB_H
#define PGVEIL_RECORD_INDEX_DB_H

#include "record/index.h"

struct sqlite3;
struct sqlite3_stmt;

/* X(name, SQL): statements that are prepared once. */
#define INDEX_SQL(X)                                                                                         \
	X(SESSION_ID, "SELECT id FROM sessions WHERE run = ?1 AND session = ?2")                             \
	X(SESSION_NEW, "INSERT INTO sessions (run, session, first, last, began_us, seen_us) "                \
		       "VALUES (?1, ?2, ?3, ?3, ?4, ?4)")                                                    \
	X(SESSION_BEGIN,                                                                                     \
		"UPDATE sessions SET cgroup = ?2, unit = ?3, comm = ?4, address = ?5, database = ?6, "       \
		"dbname = ?7, role = ?8, level = ?9, uid = ?10, tgid = ?11, "                                \
		"namespace = ?12, pod = ?13, service_account = ?14 WHERE id = ?1")                           \
	X(SESSION_SEEN, "UPDATE sessions SET last = ?2, seen_us = ?3 WHERE id = ?1")                         \
	X(SESSION_STATEMENT,                                                                                 \
		"UPDATE sessions SET last = ?2, seen_us = ?3, statements = statements + ?5, refused = "      \
		"refused + ?4 WHERE id = ?1")                                                                \
	X(SESSION_DONE,                                                                                      \
		"UPDATE sessions SET last = ?2, seen_us = ?3, rows = rows + ?4, bytes = bytes + ?5, "        \
		"masked = masked + ?6 WHERE id = ?1")                                                        \
	X(SESSION_END, "UPDATE sessions SET last = ?2, seen_us = ?3, ended_us = ?3, closed = ?4, rows = "    \
		       "max(rows, ?5) "                                                                      \
		       "WHERE id = ?1")                                                                      \
	X(NAME_NEW, "INSERT OR IGNORE INTO names (kind, name) VALUES (?1, ?2)")                              \
	X(NAME_ID, "SELECT id FROM names WHERE kind = ?1 AND name = ?2")                                     \
	X(USE, "INSERT OR IGNORE INTO uses (name, id, statement) VALUES (?1, ?2, ?3)")

enum index_sql {
#define X(name, sql) INDEX_##name,
	INDEX_SQL(X)
#undef X
		INDEX_SQL_COUNT
};

struct index {
	struct sqlite3 *db;
	struct sqlite3_stmt *sql[INDEX_SQL_COUNT];
	int lock_fd;
	uint64_t added;
	struct index_trouble *trouble;
	size_t ntrouble;
	/* The session that the last record belonged to. */
	uint32_t at_run;
	uint64_t at_session;
	int64_t at_id;
};

int index_error(struct index *ix, struct err *e); /* what SQLite says of the last call */
MUSTCHECK int index_exec(struct index *ix, const char *sql, struct err *e);

/* What one record adds. */
MUSTCHECK int index_take(struct index *ix, uint32_t run, const struct read_record *rec, struct err *e);

#endif
