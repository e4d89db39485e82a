/* SPDX-License-Identifier: MIT */
/* approvals.db below the state directory: a table of approvals, one of their uses, and the key.
 *
 *   seen(name, asked, given, used, until_at): of grants of a cluster
 *   approval(id, state, cause, identity, asked_at, until_at, uses, used, ends, bond, shown, votes)
 *   use(approval, n, at, how)      how NULL: used up, and nobody knows yet whether the statement was sent
 *   key(key)
 *
 * Of each subject the last 2000 that are over stay, so that none fills the disk, nor takes another's away.
 *
 * A use is written, and synced, before a statement goes. With synchronous = EXTRA a commit is there after a
 * loss of power, the directory entry of the journal included. */
#include "ctl/approval_store.h"

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/buf.h"

#define FILE_NAME "approvals.db"
#define BUSY_MS   5000
#define LOADED    "500"
#define KEPT      "2000" /* of one subject */
#define EACH      50     /* added: they are looked through */

struct approval_store {
	sqlite3 *db;
	uint8_t key[32];
};

const char *approval_state_name(enum approval_state s)
{
#define X(name, word) [APPROVAL_##name] = (word),
	static const char *const names[] = {APPROVAL_STATES(X)};
#undef X
	return (unsigned)s < APPROVAL_STATE_MAX ? names[s] : names[0];
}

static enum approval_state state_of(const char *word)
{
	for (unsigned i = 0; word && i < APPROVAL_STATE_MAX; i++)
		if (strcmp(word, approval_state_name((enum approval_state)i)) == 0)
			return (enum approval_state)i;
	return APPROVAL_DENIED;
}

static int failed(struct approval_store *s, struct err *e)
{
	int rc = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;

	return err_set(e,
		rc == SQLITE_NOMEM  ? -ENOMEM
		: rc == SQLITE_FULL ? -ENOSPC
				    : -EIO,
		FILE_NAME ": %s", s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static int run(struct approval_store *s, const char *sql, struct err *e)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(s, e);
}

static int prepare(struct approval_store *s, sqlite3_stmt **out, const char *sql, struct err *e)
{
	return sqlite3_prepare_v2(s->db, sql, -1, out, NULL) == SQLITE_OK ? 0 : failed(s, e);
}

/* Runs a statement that gives no rows. */
static int finish(struct approval_store *s, sqlite3_stmt *st, struct err *e)
{
	int r = sqlite3_step(st) == SQLITE_DONE ? 0 : failed(s, e);

	sqlite3_finalize(st);
	return r;
}

static int take_key(struct approval_store *s, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st, "SELECT key FROM key", e), rc;

	if (r)
		return r;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(st, 0) == (int)sizeof(s->key)) {
		memcpy(s->key, sqlite3_column_blob(st, 0), sizeof(s->key));
		sqlite3_finalize(st);
		return 0;
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return rc == SQLITE_ROW ? err_set(e, -EINVAL, FILE_NAME ": its key is none") : failed(s, e);
	if (RAND_bytes(s->key, sizeof(s->key)) != 1)
		return err_set(e, -EIO, "no randomness");
	r = prepare(s, &st, "INSERT INTO key VALUES (?)", e);
	if (r)
		return r;
	sqlite3_bind_blob(st, 1, s->key, sizeof(s->key), SQLITE_TRANSIENT);
	return finish(s, st, e);
}

static int make_tables(struct approval_store *s, struct err *e)
{
	static const char tables[] =
		"PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON;"
		"CREATE TABLE IF NOT EXISTS approval (id INTEGER PRIMARY KEY, state TEXT NOT NULL, cause "
		"TEXT, "
		"identity TEXT NOT NULL, asked_at INTEGER NOT NULL, until_at INTEGER NOT NULL, uses INTEGER "
		"NOT "
		"NULL, used INTEGER NOT NULL DEFAULT 0, ends INTEGER NOT NULL, bond BLOB NOT NULL, shown "
		"TEXT "
		"NOT NULL, votes TEXT NOT NULL);"
		"CREATE TABLE IF NOT EXISTS use (approval INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER "
		"NOT "
		"NULL, how TEXT, PRIMARY KEY (approval, n));"
		"CREATE TABLE IF NOT EXISTS key (key BLOB NOT NULL);"
		"CREATE TABLE IF NOT EXISTS seen (name TEXT PRIMARY KEY, asked TEXT NOT NULL, given TEXT NOT "
		"NULL, used INTEGER NOT NULL, until_at INTEGER NOT NULL);"
		"CREATE INDEX IF NOT EXISTS approval_of ON approval (identity, id);";
	int r = run(s, tables, e);

	return r ? r : take_key(s, e);
}

int approval_store_begin(struct approval_store *s, const char *cause, struct err *e)
{
	sqlite3_stmt *st;
	int r = run(s,
		"UPDATE use SET how = 'the daemon ended before it was known to be sent: it is not "
		"run again' WHERE how IS NULL",
		e);
	if (!r)
		r = prepare(
			s, &st, "UPDATE approval SET state = 'denied', cause = ? WHERE state = 'pending'", e);
	if (r)
		return r;
	sqlite3_bind_text(st, 1, cause, -1, SQLITE_TRANSIENT);
	return finish(s, st, e);
}

int approval_store_open(struct approval_store **out, const char *dir, struct err *e)
{
	struct approval_store *s = calloc(1, sizeof(*s));
	char path[PATH_MAX];
	mode_t before;
	int r = 0;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "%s/" FILE_NAME, dir);
	before = umask(0077);
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
		    NULL) != SQLITE_OK)
		r = failed(s, e);
	if (!r) {
		sqlite3_busy_timeout(s->db, BUSY_MS);
		r = make_tables(s, e);
	}
	umask(before);
	if (r) {
		approval_store_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void approval_store_close(struct approval_store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	mem_wipe(s->key, sizeof(s->key));
	free(s);
}

void approval_store_key(const struct approval_store *s, uint8_t key[static 32])
{
	memcpy(key, s->key, sizeof(s->key));
}

static const char *text(sqlite3_stmt *st, int i)
{
	const char *t = (const char *)sqlite3_column_text(st, i);

	return t ? t : "";
}

static bool row_of(sqlite3_stmt *st, struct approval_row *r)
{
	int n = sqlite3_column_bytes(st, 9);

	*r = (struct approval_row){
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.state = state_of(text(st, 1)),
		.cause = text(st, 2),
		.identity = text(st, 3),
		.asked_at = sqlite3_column_int64(st, 4),
		.until_at = sqlite3_column_int64(st, 5),
		.uses = (unsigned)sqlite3_column_int(st, 6),
		.used = (unsigned)sqlite3_column_int(st, 7),
		.ends = sqlite3_column_int(st, 8) != 0,
		.shown = text(st, 10),
		.votes = text(st, 11),
	};
	/* a file from before there were shapes has none */
	if (n != (int)sizeof(r->bond) && n != (int)sizeof(r->bond.part))
		return false;
	memcpy(&r->bond, sqlite3_column_blob(st, 9), (size_t)n);
	return true;
}

int approval_store_load(struct approval_store *s, void (*fn)(void *arg, const struct approval_row *r),
	void *arg, uint64_t *last, struct err *e)
{
	static const char sql[] = "SELECT id, state, cause, identity, asked_at, until_at, uses, used, ends, "
				  "bond, shown, votes FROM "
				  "approval WHERE state = 'approved' OR id > (SELECT coalesce(max(id), 0) "
				  "FROM approval) - " LOADED " ORDER BY id";
	struct approval_row row;
	sqlite3_stmt *st;
	int r = prepare(s, &st, sql, e), rc;

	*last = 0;
	if (r)
		return r;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (row_of(st, &row))
			fn(arg, &row);
		*last = (uint64_t)sqlite3_column_int64(st, 0);
	}
	r = rc == SQLITE_DONE ? 0 : failed(s, e);
	sqlite3_finalize(st);
	return r;
}

static int add(struct approval_store *s, const struct approval_row *x, struct err *e)
{
	static const char sql[] = "INSERT INTO approval (id, state, cause, identity, asked_at, until_at, "
				  "uses, ends, bond, shown, "
				  "votes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	sqlite3_stmt *st;
	int r = prepare(s, &st, sql, e);

	if (r)
		return r;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)x->id);
	sqlite3_bind_text(st, 2, approval_state_name(x->state), -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, x->cause, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(st, 4, x->identity, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, 5, x->asked_at);
	sqlite3_bind_int64(st, 6, x->until_at);
	sqlite3_bind_int(st, 7, (int)x->uses);
	sqlite3_bind_int(st, 8, x->ends);
	sqlite3_bind_blob(st, 9, &x->bond, sizeof(x->bond), SQLITE_TRANSIENT);
	sqlite3_bind_text(st, 10, x->shown, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(st, 11, x->votes, -1, SQLITE_TRANSIENT);
	return finish(s, st, e);
}

static int use(struct approval_store *s, uint64_t id, int64_t now, unsigned *n, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st,
		"UPDATE approval SET used = used + 1, state = CASE WHEN used + 1 >= uses THEN 'used' ELSE "
		"state "
		"END WHERE id = ? AND state = 'approved' AND used < uses AND until_at >= ?",
		e);

	if (r)
		return r;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(st, 2, now);
	r = finish(s, st, e);
	if (!r && sqlite3_changes(s->db) != 1)
		r = err_set(e, -ESTALE, "it is not approved, or used up");
	if (!r)
		r = prepare(s, &st,
			"INSERT INTO use (approval, n, at) SELECT id, used, ? FROM approval WHERE id = ? "
			"RETURNING n",
			e);
	if (r)
		return r;
	sqlite3_bind_int64(st, 1, now);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)id);
	if (sqlite3_step(st) == SQLITE_ROW)
		*n = (unsigned)sqlite3_column_int(st, 0);
	else
		r = failed(s, e);
	sqlite3_finalize(st);
	return r;
}

static int change(struct approval_store *s, const struct approval_row *x, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st,
		"UPDATE approval SET state = ?, cause = ?, until_at = ?, uses = ?, ends = ?, votes = ? WHERE "
		"id = ?",
		e);

	if (r)
		return r;
	sqlite3_bind_text(st, 1, approval_state_name(x->state), -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, x->cause, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, 3, x->until_at);
	sqlite3_bind_int(st, 4, (int)x->uses);
	sqlite3_bind_int(st, 5, x->ends);
	sqlite3_bind_text(st, 6, x->votes, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, 7, (sqlite3_int64)x->id);
	return finish(s, st, e);
}

static int run_with(struct approval_store *s, const char *sql, const char *identity, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st, sql, e);

	if (r)
		return r;
	sqlite3_bind_text(st, 1, identity, -1, SQLITE_TRANSIENT);
	return finish(s, st, e);
}

#define OVER                                                                                                 \
	"SELECT id FROM approval WHERE identity = ?1 AND state NOT IN ('pending', 'approved') AND id <= "    \
	"(SELECT id FROM approval WHERE identity = ?1 ORDER BY id DESC LIMIT 1 OFFSET " KEPT ")"

static int forget_old(struct approval_store *s, const char *identity, struct err *e)
{
	int r = run_with(s, "DELETE FROM use WHERE approval IN (" OVER ")", identity, e);

	return r ? r : run_with(s, "DELETE FROM approval WHERE id IN (" OVER ")", identity, e);
}

int approval_store_save(struct approval_store *s, const struct approval_row *x, bool added, struct err *e)
{
	int r = added ? add(s, x, e) : change(s, x, e);
	struct err other;

	/* it is there, whatever becomes of earlier ones */
	if (!r && added && x->id % EACH == 0)
		(void)forget_old(s, x->identity, &other);
	return r;
}

int approval_store_use(struct approval_store *s, uint64_t id, int64_t now, unsigned *n, struct err *e)
{
	struct err other;
	int r = run(s, "BEGIN IMMEDIATE", e);

	if (r)
		return r;
	r = use(s, id, now, n, e);
	if (!r)
		r = run(s, "COMMIT", e);
	/* after a COMMIT that failed it may be open or not: either way nothing is granted */
	if (r && !sqlite3_get_autocommit(s->db) && run(s, "ROLLBACK", &other))
		return r;
	return r;
}

int approval_store_tell(struct approval_store *s, uint64_t id, unsigned n, const char *how, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st, "UPDATE use SET how = ? WHERE approval = ? AND n = ?", e);

	if (r)
		return r;
	sqlite3_bind_text(st, 1, how, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)id);
	sqlite3_bind_int(st, 3, (int)n);
	return finish(s, st, e);
}

int approval_store_uses(struct approval_store *s, uint64_t id,
	void (*fn)(void *arg, unsigned n, int64_t at, const char *how), void *arg, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st, "SELECT n, at, how FROM use WHERE approval = ? ORDER BY n", e), rc;

	if (r)
		return r;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		fn(arg, (unsigned)sqlite3_column_int(st, 0), sqlite3_column_int64(st, 1),
			sqlite3_column_type(st, 2) == SQLITE_NULL ? "used up" : text(st, 2));
	r = rc == SQLITE_DONE ? 0 : failed(s, e);
	sqlite3_finalize(st);
	return r;
}

bool approval_store_valid(struct approval_store *s, uint64_t id)
{
	struct err e;
	sqlite3_stmt *st;
	bool yes = false;

	if (prepare(s, &st, "SELECT 1 FROM approval WHERE id = ? AND (state = 'approved' OR state = 'used')",
		    &e))
		return false;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
	yes = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_finalize(st);
	return yes;
}

int approval_store_see(struct approval_store *s, const struct approval_seen *o, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st,
		"INSERT INTO seen (name, asked, given, used, until_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
		"(name) DO UPDATE SET asked = CASE asked WHEN '' THEN excluded.asked ELSE asked END, "
		"used = max(used, excluded.used), until_at = max(until_at, excluded.until_at)",
		e);

	if (r)
		return r;
	sqlite3_bind_text(st, 1, o->name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(st, 2, o->asked, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(st, 3, o->given, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(st, 4, (int)o->used);
	sqlite3_bind_int64(st, 5, o->until_at);
	return finish(s, st, e);
}

int approval_store_seen(struct approval_store *s, int64_t now,
	void (*fn)(void *arg, const struct approval_seen *o), void *arg, struct err *e)
{
	sqlite3_stmt *st;
	int r = prepare(s, &st, "DELETE FROM seen WHERE until_at < ?", e), rc;

	if (r)
		return r;
	sqlite3_bind_int64(st, 1, now);
	r = finish(s, st, e);
	if (!r)
		r = prepare(s, &st, "SELECT name, asked, given, used, until_at FROM seen", e);
	if (r)
		return r;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const struct approval_seen o = {text(st, 0), text(st, 1), text(st, 2),
			(unsigned)sqlite3_column_int(st, 3), sqlite3_column_int64(st, 4)};

		fn(arg, &o);
	}
	r = rc == SQLITE_DONE ? 0 : failed(s, e);
	sqlite3_finalize(st);
	return r;
}
