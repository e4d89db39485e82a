/* SPDX-License-Identifier: MIT */
#include "record/index_db.h"

#include <errno.h>
#include <sqlite3.h>
#include "record/body.h"
#include "record/index_kind.h"

/* What of a body is looked for; the first of each, but for those that are a list. */
struct found {
	struct span text[256];
	uint64_t number[256];
};

static int step(struct index *ix, enum index_sql which, struct err *e)
{
	int rc = sqlite3_step(ix->sql[which]);

	sqlite3_reset(ix->sql[which]);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : index_error(ix, e);
}

static void bind_number(struct index *ix, enum index_sql which, int at, uint64_t v)
{
	sqlite3_bind_int64(ix->sql[which], at, (sqlite3_int64)v);
}

static void bind_text(struct index *ix, enum index_sql which, int at, struct span v)
{
	sqlite3_bind_text(ix->sql[which], at, v.n ? (const char *)v.p : "", (int)v.n, SQLITE_STATIC);
}

/* The first column of the row that a SELECT finds; 0: there is none. */
static int64_t ask(struct index *ix, enum index_sql which)
{
	int64_t id = sqlite3_step(ix->sql[which]) == SQLITE_ROW ? sqlite3_column_int64(ix->sql[which], 0) : 0;

	sqlite3_reset(ix->sql[which]);
	return id;
}

/* The session's row, made where there is none: its beginning may have been removed. */
static int session_of(struct index *ix, uint32_t run, const struct entry *en, struct err *e)
{
	int r;

	if (ix->at_run == run && ix->at_session == en->session)
		return 0;
	bind_number(ix, INDEX_SESSION_ID, 1, run);
	bind_number(ix, INDEX_SESSION_ID, 2, en->session);
	ix->at_id = ask(ix, INDEX_SESSION_ID);
	if (!ix->at_id) {
		bind_number(ix, INDEX_SESSION_NEW, 1, run);
		bind_number(ix, INDEX_SESSION_NEW, 2, en->session);
		bind_number(ix, INDEX_SESSION_NEW, 3, en->number);
		bind_number(ix, INDEX_SESSION_NEW, 4, en->time_us);
		r = step(ix, INDEX_SESSION_NEW, e);
		if (r)
			return r;
		ix->at_id = sqlite3_last_insert_rowid(ix->db);
	}
	ix->at_run = run;
	ix->at_session = en->session;
	return 0;
}

static int use(struct index *ix, unsigned kind, struct span name, uint64_t statement, struct err *e)
{
	int64_t id;
	int r;

	bind_number(ix, INDEX_NAME_ID, 1, kind);
	bind_text(ix, INDEX_NAME_ID, 2, name);
	id = ask(ix, INDEX_NAME_ID);
	if (!id) {
		bind_number(ix, INDEX_NAME_NEW, 1, kind);
		bind_text(ix, INDEX_NAME_NEW, 2, name);
		r = step(ix, INDEX_NAME_NEW, e);
		if (r)
			return r;
		id = sqlite3_last_insert_rowid(ix->db);
	}
	bind_number(ix, INDEX_USE, 1, (uint64_t)id);
	bind_number(ix, INDEX_USE, 2, (uint64_t)ix->at_id);
	bind_number(ix, INDEX_USE, 3, statement);
	return step(ix, INDEX_USE, e);
}

/* -EBADMSG where it is no body. */
static int find(struct span body, struct found *f, struct err *e)
{
	struct body_item it;
	enum wire w;

	*f = (struct found){0};
	while ((w = body_next(&body, &it)) == WIRE_OK) {
		if (f->text[it.field].p)
			continue;
		f->text[it.field] = it.v;
		f->number[it.field] = it.number;
	}
	return w == WIRE_MORE ? 0 : err_set(e, -EBADMSG, "a record cannot be read");
}

static void seen(struct index *ix, enum index_sql which, const struct entry *en)
{
	bind_number(ix, which, 1, (uint64_t)ix->at_id);
	bind_number(ix, which, 2, en->number);
	bind_number(ix, which, 3, en->time_us);
}

static int take_begin(struct index *ix, const struct found *f, struct err *e)
{
	static const enum body_field texts[] = {BODY_CGROUP, BODY_UNIT, BODY_COMM, BODY_ADDRESS,
		BODY_DATABASE, BODY_DBNAME, BODY_ROLE, BODY_LEVEL};

	bind_number(ix, INDEX_SESSION_BEGIN, 1, (uint64_t)ix->at_id);
	for (int i = 0; i < 8; i++)
		bind_text(ix, INDEX_SESSION_BEGIN, i + 2, f->text[texts[i]]);
	bind_number(ix, INDEX_SESSION_BEGIN, 10, f->number[BODY_UID]);
	bind_number(ix, INDEX_SESSION_BEGIN, 11, f->number[BODY_TGID]);
	bind_text(ix, INDEX_SESSION_BEGIN, 12, f->text[BODY_NAMESPACE]);
	bind_text(ix, INDEX_SESSION_BEGIN, 13, f->text[BODY_POD]);
	bind_text(ix, INDEX_SESSION_BEGIN, 14, f->text[BODY_SERVICE_ACCOUNT]);
	return step(ix, INDEX_SESSION_BEGIN, e);
}

/* A statement is what the server carries out, or would have. */
static bool is_prepared(struct span message)
{
	return span_is(message, "parse") || span_is(message, "bind");
}

static int take_statement(
	struct index *ix, const struct entry *en, struct span body, const struct found *f, struct err *e)
{
	bool refused = f->text[BODY_VERDICT].n && !span_is(f->text[BODY_VERDICT], "allow");
	uint64_t statement = f->number[BODY_STATEMENT];
	struct body_item it;
	int r;

	seen(ix, INDEX_SESSION_STATEMENT, en);
	bind_number(ix, INDEX_SESSION_STATEMENT, 4, refused);
	bind_number(ix, INDEX_SESSION_STATEMENT, 5, refused || !is_prepared(f->text[BODY_MESSAGE]));
	r = step(ix, INDEX_SESSION_STATEMENT, e);
	while (!r && body_next(&body, &it) == WIRE_OK) {
		unsigned kind = index_kind_of(it.field);

		if (kind && it.v.n)
			r = use(ix, kind, it.v, statement, e);
	}
	return r;
}

int index_take(struct index *ix, uint32_t run, const struct read_record *rec, struct err *e)
{
	const struct entry *en = &rec->entry;
	enum index_sql which = INDEX_SESSION_SEEN;
	struct found f;
	int r;

	if (!en->session || en->kind == RECORD_SEGMENT || en->kind == RECORD_SEAL || en->kind == RECORD_RUN)
		return 0;
	if (en->flags & ENTRY_AES && !rec->opened && en->kind != RECORD_RESULT)
		return err_set(e, -ENOKEY, "the recording is enciphered: its key is needed (--key FILE)");
	r = session_of(ix, run, en, e);
	if (r)
		return r;
	/* Somebody's who could write a chain that holds, and no body: it says nothing. */
	if (!rec->opened || find(rec->body, &f, NULL))
		f = (struct found){0};
	/* The rest of a long text. */
	if (en->kind == RECORD_STATEMENT && span_is(f.text[BODY_MESSAGE], "more"))
		return 0;
	if (en->kind == RECORD_STATEMENT)
		return take_statement(ix, en, rec->body, &f, e);
	if (en->kind == RECORD_BEGIN)
		r = take_begin(ix, &f, e);
	if (en->kind == RECORD_DONE) {
		which = INDEX_SESSION_DONE;
		bind_number(ix, which, 4, f.number[BODY_ROWS]);
		bind_number(ix, which, 5, f.number[BODY_BYTES]);
		bind_number(ix, which, 6, f.number[BODY_MASKED]);
	} else if (en->kind == RECORD_END) {
		which = INDEX_SESSION_END;
		bind_text(ix, which, 4, f.text[BODY_CLOSED]);
		bind_number(ix, which, 5, f.number[BODY_ROWS]);
	}
	if (r)
		return r;
	seen(ix, which, en);
	return step(ix, which, e);
}
