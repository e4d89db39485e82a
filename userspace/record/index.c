/* SPDX-License-Identifier: MIT */
#include "record/index.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "record/index_db.h"

#define VERSION 2 /* of the tables: one with another number is made anew */
#define LOCK    "index.lock"
#define BATCH   20000 /* records in one transaction */

/* uses: one row for each thing that a statement has to do with; names: each once. */
static const char schema[] =
	"CREATE TABLE runs (run INTEGER PRIMARY KEY, records INTEGER, hash BLOB, signer BLOB);"
	"CREATE TABLE sessions (id INTEGER PRIMARY KEY, run INTEGER, session INTEGER, first INTEGER, last "
	"INTEGER,"
	" began_us INTEGER, ended_us INTEGER DEFAULT 0, seen_us INTEGER, cgroup TEXT, unit TEXT, comm TEXT,"
	" address TEXT, database TEXT, dbname TEXT, role TEXT, level TEXT, closed TEXT,"
	" namespace TEXT, pod TEXT, service_account TEXT, uid INTEGER DEFAULT 0,"
	" tgid INTEGER DEFAULT 0, statements INTEGER DEFAULT 0, refused INTEGER DEFAULT 0,"
	" rows INTEGER DEFAULT 0, bytes INTEGER DEFAULT 0, masked INTEGER DEFAULT 0);"
	"CREATE UNIQUE INDEX sessions_run ON sessions (run, session);"
	"CREATE INDEX sessions_began ON sessions (began_us);"
	"CREATE TABLE names (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT, UNIQUE (kind, name));"
	"CREATE TABLE uses (name INTEGER, id INTEGER, statement INTEGER, PRIMARY KEY (name, id, statement))"
	" WITHOUT ROWID;"
	"CREATE INDEX uses_id ON uses (id);";

int index_error(struct index *ix, struct err *e)
{
	int rc = sqlite3_errcode(ix->db);

	return err_set(e,
		rc == SQLITE_NOMEM  ? -ENOMEM
		: rc == SQLITE_FULL ? -ENOSPC
				    : -EIO,
		"the index: %s", sqlite3_errmsg(ix->db));
}

int index_exec(struct index *ix, const char *sql, struct err *e)
{
	return sqlite3_exec(ix->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : index_error(ix, e);
}

static int64_t ask_number(struct index *ix, const char *sql, int64_t otherwise)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(ix->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		otherwise = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return otherwise;
}

/* ---- opening ---- */

static void shut(struct index *ix)
{
	for (size_t i = 0; i < INDEX_SQL_COUNT; i++) {
		sqlite3_finalize(ix->sql[i]);
		ix->sql[i] = NULL;
	}
	sqlite3_close(ix->db);
	ix->db = NULL;
}

static int prepare(struct index *ix, struct err *e)
{
	static const char *const text[] = {
#define X(name, sql) [INDEX_##name] = (sql),
		INDEX_SQL(X)
#undef X
	};

	for (size_t i = 0; i < INDEX_SQL_COUNT; i++)
		if (sqlite3_prepare_v3(ix->db, text[i], -1, SQLITE_PREPARE_PERSISTENT, &ix->sql[i], NULL) !=
			SQLITE_OK)
			return index_error(ix, e);
	return 0;
}

/* Another version's, or no database at all: -EBADMSG. */
static int open_file(struct index *ix, const char *file, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
	int64_t version, tables;
	int r;

	if (sqlite3_open_v2(file, &ix->db, flags, NULL) != SQLITE_OK)
		return ix->db ? index_error(ix, e) : err_set(e, -ENOMEM, "out of memory");
	sqlite3_busy_timeout(ix->db, 10000);
	r = index_exec(
		ix, "PRAGMA trusted_schema = OFF; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", e);
	tables = r ? -1 : ask_number(ix, "SELECT count(*) FROM sqlite_schema", -1);
	version = ask_number(ix, "PRAGMA user_version", -1);
	if (tables < 0)
		return err_set(e, -EBADMSG, "the index is none");
	if (!tables) {
		char mark[64];

		snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", VERSION);
		r = index_exec(ix, schema, e);
		return r ? r : index_exec(ix, mark, e);
	}
	return version == VERSION ? 0 : err_set(e, -EBADMSG, "the index is of another version");
}

static void discard(const char *file)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[PATH_MAX + 8];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		unlink(path);
	}
}

/* Who may write there keeps it there; who may only read makes one for himself. */
static int open_place(struct index *ix, const struct index_config *cfg, struct err *e)
{
	char file[PATH_MAX], lock[PATH_MAX];
	mode_t before;
	int r;

	if ((size_t)snprintf(file, sizeof(file), "%s/" INDEX_FILE, cfg->dir) >= sizeof(file) ||
		(size_t)snprintf(lock, sizeof(lock), "%s/" LOCK, cfg->dir) >= sizeof(lock))
		return err_set(e, -ENAMETOOLONG, "%.100s…: too long", cfg->dir);
	ix->lock_fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (ix->lock_fd < 0)
		return open_file(ix, ":memory:", e);
	while ((r = flock(ix->lock_fd, LOCK_EX)) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_set(e, -errno, "%s: %m", lock);
	before = umask(0177);
	if (cfg->anew)
		discard(file);
	r = open_file(ix, file, e);
	if (r) {
		shut(ix);
		discard(file);
		r = open_file(ix, file, e);
	}
	umask(before);
	return r;
}

/* ---- catching up ---- */

static int trouble(struct index *ix, uint32_t run, struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);
static int trouble(struct index *ix, uint32_t run, struct err *e, const char *fmt, ...)
{
	struct index_trouble *more = reallocarray(ix->trouble, ix->ntrouble + 1, sizeof(*more));
	va_list ap;

	if (!more)
		return err_set(e, -ENOMEM, "out of memory");
	ix->trouble = more;
	more[ix->ntrouble].run = run;
	va_start(ap, fmt);
	vsnprintf(more[ix->ntrouble++].text, sizeof(more->text), fmt, ap);
	va_end(ap);
	return 0;
}

static int forget_run(struct index *ix, uint32_t run, struct err *e)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"DELETE FROM uses WHERE id IN (SELECT id FROM sessions WHERE run = %1$u);"
		"DELETE FROM sessions WHERE run = %1$u; DELETE FROM runs WHERE run = %1$u",
		run);
	ix->at_run = 0;
	return index_exec(ix, sql, e);
}

/* Sessions of which nothing is kept any more. */
static int forget_before(struct index *ix, uint32_t run, uint64_t record, struct err *e)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"DELETE FROM uses WHERE id IN (SELECT id FROM sessions WHERE run = %1$u AND last < %2$llu);"
		"DELETE FROM sessions WHERE run = %1$u AND last < %2$llu",
		run, (unsigned long long)record);
	ix->at_run = 0;
	return index_exec(ix, sql, e);
}

static int forget_gone(struct index *ix, const uint32_t *runs, size_t n, struct err *e)
{
	sqlite3_stmt *s = NULL;
	uint32_t *gone = NULL;
	size_t ngone = 0;
	int r = 0;

	if (sqlite3_prepare_v2(ix->db, "SELECT run FROM runs", -1, &s, NULL) != SQLITE_OK)
		return index_error(ix, e);
	while (!r && sqlite3_step(s) == SQLITE_ROW) {
		uint32_t run = (uint32_t)sqlite3_column_int64(s, 0), *more;
		bool there = false;

		for (size_t i = 0; i < n; i++)
			there |= runs[i] == run;
		if (there)
			continue;
		more = reallocarray(gone, ngone + 1, sizeof(*gone));
		if (!more) {
			r = err_set(e, -ENOMEM, "out of memory");
			break;
		}
		gone = more;
		gone[ngone++] = run;
	}
	sqlite3_finalize(s);
	for (size_t i = 0; i < ngone && !r; i++)
		r = forget_run(ix, gone[i], e);
	free(gone);
	return r;
}

/* How far it had come in a run. */
struct known {
	uint64_t records;
	uint8_t hash[ENTRY_HASH];
};

static int known_of(struct index *ix, uint32_t run, struct known *k, struct err *e)
{
	sqlite3_stmt *s = NULL;

	*k = (struct known){0};
	if (sqlite3_prepare_v2(ix->db, "SELECT records, hash FROM runs WHERE run = ?1", -1, &s, NULL) !=
		SQLITE_OK)
		return index_error(ix, e);
	sqlite3_bind_int64(s, 1, run);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 1) == ENTRY_HASH) {
		k->records = (uint64_t)sqlite3_column_int64(s, 0);
		memcpy(k->hash, sqlite3_column_blob(s, 1), ENTRY_HASH);
	}
	sqlite3_finalize(s);
	return 0;
}

static int keep(struct index *ix, uint32_t run, const struct reader_report *rep, struct err *e)
{
	sqlite3_stmt *s = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(ix->db,
		    "INSERT INTO runs (run, records, hash, signer) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (run) "
		    "DO "
		    "UPDATE SET records = ?2, hash = ?3, signer = coalesce(signer, ?4)",
		    -1, &s, NULL) != SQLITE_OK)
		return index_error(ix, e);
	sqlite3_bind_int64(s, 1, run);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)rep->number);
	sqlite3_bind_blob(s, 3, rep->hash, ENTRY_HASH, SQLITE_STATIC);
	if (rep->seals)
		sqlite3_bind_blob(s, 4, rep->signer, SEAL_PUBLIC, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_DONE)
		r = index_error(ix, e);
	sqlite3_finalize(s);
	return r;
}

/* Whoever made the first seal that it has seen. */
static bool known_signer(struct index *ix, uint8_t signer[SEAL_PUBLIC])
{
	sqlite3_stmt *s = NULL;
	bool known = false;

	if (sqlite3_prepare_v2(ix->db, "SELECT signer FROM runs WHERE signer NOT NULL ORDER BY run LIMIT 1",
		    -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) == SEAL_PUBLIC) {
		memcpy(signer, sqlite3_column_blob(s, 0), SEAL_PUBLIC);
		known = true;
	}
	sqlite3_finalize(s);
	return known;
}

#define TAKEN                                                                                                \
	(1u << RECORD_BEGIN | 1u << RECORD_STATEMENT | 1u << RECORD_DONE | 1u << RECORD_END |                \
		1u << RECORD_EVENT)

static int open_run(struct index *ix, const struct index_config *cfg, uint32_t run, const struct known *k,
	struct reader **out, struct err *e)
{
	char dir[PATH_MAX + RUN_NAME], name[RUN_NAME];
	uint8_t signer[SEAL_PUBLIC];
	struct reader_config rc = {
		.dir = dir, .key = cfg->key, .signer = cfg->signer, .bodies = true, .kinds = TAKEN};

	rc.from = k->records ? k->records - 1 : 0;
	if (!rc.signer && known_signer(ix, signer))
		rc.signer = signer;
	run_name(run, name);
	snprintf(dir, sizeof(dir), "%s/%s", cfg->dir, name);
	return reader_open(out, &rc, e);
}

/* What is new in a run. 1: what was taken before is not there any more. */
static int read_on(struct index *ix, struct reader *r, uint32_t run, const struct known *k, struct err *e)
{
	const struct reader_report *rep = reader_report(r);
	struct read_record rec;
	uint64_t added = 0;
	int rc, keeps = 0;

	while ((rc = reader_next(r, &rec, e)) == 1) {
		if (rec.entry.number + 1 == k->records && memcmp(rec.hash, k->hash, ENTRY_HASH) != 0)
			return 1;
		if (rec.entry.number < k->records)
			continue;
		keeps = index_take(ix, run, &rec, e);
		if (!keeps && ++added % BATCH == 0) {
			keeps = keep(ix, run, rep, e);
			if (!keeps)
				keeps = index_exec(ix, "COMMIT; BEGIN", e);
		}
		if (keeps)
			return keeps;
	}
	ix->added += added;
	if (rc < 0 && rc != -EBADMSG)
		return rc;
	if (!rc && rep->number < k->records)
		return 1;
	if (rc)
		rc = trouble(ix, run, e, "record %llu: %s", (unsigned long long)rep->number,
			reader_fault_text(rep->fault));
	return rc || !added ? rc : keep(ix, run, rep, e);
}

static int catch_run(struct index *ix, const struct index_config *cfg, uint32_t run, struct err *e)
{
	struct reader *r = NULL;
	struct known k;
	int rc = known_of(ix, run, &k, e);

	if (!rc)
		rc = open_run(ix, cfg, run, &k, &r, e);
	if (!rc)
		rc = read_on(ix, r, run, &k, e);
	if (rc == 1) {
		reader_close(r);
		r = NULL;
		k.records = 0;
		rc = trouble(ix, run, e,
			"it is not what it was when it was indexed: records were replaced or removed");
		if (!rc)
			rc = forget_run(ix, run, e);
		if (!rc)
			rc = open_run(ix, cfg, run, &k, &r, e);
		if (!rc)
			rc = read_on(ix, r, run, &k, e);
	}
	if (!rc && reader_report(r)->oldest)
		rc = forget_before(ix, run, reader_report(r)->oldest, e);
	reader_close(r);
	return rc;
}

static int catch_up(struct index *ix, const struct index_config *cfg, struct err *e)
{
	int fd = open(cfg->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	uint32_t *runs = NULL;
	size_t n;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", cfg->dir);
	r = runs_list(fd, &runs, &n, e);
	close(fd);
	if (!r)
		r = index_exec(ix, "BEGIN", e);
	if (!r) {
		r = forget_gone(ix, runs, n, e);
		for (size_t i = 0; i < n && !r; i++)
			r = catch_run(ix, cfg, runs[i], e);
		if (r)
			(void)!index_exec(ix, "ROLLBACK", NULL);
		else
			r = index_exec(ix, "COMMIT", e);
	}
	free(runs);
	return r;
}

/* ---- */

static int open_once(struct index **out, const struct index_config *cfg, struct err *e)
{
	struct index *ix = calloc(1, sizeof(*ix));
	int r;

	if (!ix)
		return err_set(e, -ENOMEM, "out of memory");
	ix->lock_fd = -1;
	r = open_place(ix, cfg, e);
	if (!r)
		r = prepare(ix, e);
	if (!r)
		r = catch_up(ix, cfg, e);
	/* It may be read beside others, and is written by one. */
	if (!r && ix->lock_fd >= 0)
		flock(ix->lock_fd, LOCK_SH);
	if (r) {
		index_close(ix);
		return r;
	}
	*out = ix;
	return 0;
}

int index_open(struct index **out, const struct index_config *cfg, struct err *e)
{
	struct index_config anew = *cfg;
	int r = open_once(out, cfg, e);

	/* It is damaged, and nothing that could not be made again. */
	anew.anew = true;
	return r == -EBADMSG && !cfg->anew ? open_once(out, &anew, e) : r;
}

void index_close(struct index *ix)
{
	if (!ix)
		return;
	shut(ix);
	if (ix->lock_fd >= 0)
		close(ix->lock_fd);
	free(ix->trouble);
	free(ix);
}

const struct index_trouble *index_trouble(const struct index *ix, size_t i)
{
	return i < ix->ntrouble ? &ix->trouble[i] : NULL;
}

uint64_t index_added(const struct index *ix)
{
	return ix->added;
}
