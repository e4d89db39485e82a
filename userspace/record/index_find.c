/* SPDX-License-Identifier: MIT */
#include "record/index_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include "record/index_kind.h"

static const char columns[] = "SELECT run, session, first, last, began_us, ended_us, seen_us, cgroup, unit, "
			      "comm, address, database, "
			      "dbname, role, level, closed, uid, tgid, statements, refused, rows, bytes, "
			      "masked, namespace, pod, service_account FROM sessions WHERE 1";

/* A query in the making: conditions, and what is bound to them. */
struct query {
	char sql[4096];
	size_t n;
	const char *text[16];
	int ntext;
};

static void add(struct query *q, const char *part)
{
	size_t n = strlen(part);

	if (q->n + n >= sizeof(q->sql))
		return;
	memcpy(q->sql + q->n, part, n + 1);
	q->n += n;
}

/* ?N of it. */
static int text(struct query *q, const char *s)
{
	q->text[q->ntext++] = s;
	return q->ntext;
}

static void add_number(struct query *q, const char *condition, uint64_t v)
{
	char part[128];

	if (!v)
		return;
	snprintf(part, sizeof(part), " AND %s %lld", condition, (long long)v);
	add(q, part);
}

/* Of what one statement must all have. */
static void add_uses(struct query *q, const struct index_filter *f)
{
	const struct {
		enum index_kind kind;
		const char *pattern;
	} wanted[] = {{INDEX_RELATION, f->relation}, {INDEX_COLUMN, f->column}, {INDEX_RULE, f->rule},
		{INDEX_EFFECT, f->effect}, {INDEX_VERDICT, f->verdict}};
	const char *with = " AND id IN (SELECT id FROM (";
	char part[192];

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!wanted[i].pattern)
			continue;
		snprintf(part, sizeof(part),
			"%sSELECT u.id, u.statement FROM names m JOIN uses u ON u.name = m.id WHERE m.kind = "
			"%u AND "
			"m.name GLOB ?%d",
			with, (unsigned)wanted[i].kind, text(q, wanted[i].pattern));
		add(q, part);
		with = " INTERSECT ";
	}
	if (*with == ' ' && with[1] == 'I')
		add(q, "))");
}

/* Of who is in no pod there is nothing that could match. */
static void add_glob(struct query *q, const char *column, const char *pattern)
{
	char part[96];

	if (!pattern)
		return;
	snprintf(part, sizeof(part), " AND pod != '' AND %s GLOB ?%d", column, text(q, pattern));
	add(q, part);
}

static void compose(struct query *q, const struct index_filter *f)
{
	char part[256];

	add(q, columns);
	add_number(q, "run =", f->run);
	add_number(q, "session =", f->session);
	add_number(q, "seen_us >=", f->since_us);
	add_number(q, "began_us <=", f->until_us);
	if (f->live)
		add(q, " AND ended_us = 0");
	if (f->identity) {
		snprintf(part, sizeof(part),
			" AND (cgroup GLOB ?%1$d OR cgroup GLOB ?%1$d || '/*' OR unit GLOB ?%1$d OR comm "
			"GLOB ?%1$d OR namespace || '/' || pod GLOB ?%1$d OR "
			"CAST(uid AS TEXT) = ?%1$d)",
			text(q, f->identity));
		add(q, part);
	}
	if (f->database) {
		snprintf(part, sizeof(part), " AND (database GLOB ?%1$d OR dbname GLOB ?%1$d)",
			text(q, f->database));
		add(q, part);
	}
	add_glob(q, "namespace", f->namespace);
	add_glob(q, "pod", f->pod);
	add_glob(q, "service_account", f->service_account);
	add_uses(q, f);
	add(q, " ORDER BY began_us DESC, run DESC, session DESC");
	if (f->limit) {
		snprintf(part, sizeof(part), " LIMIT %u", f->limit);
		add(q, part);
	}
}

static uint64_t number_at(sqlite3_stmt *s, int i)
{
	return (uint64_t)sqlite3_column_int64(s, i);
}

static const char *text_at(sqlite3_stmt *s, int i)
{
	const char *t = (const char *)sqlite3_column_text(s, i);

	return t ? t : "";
}

static void row(sqlite3_stmt *s, struct indexed_session *out)
{
	*out = (struct indexed_session){.run = (uint32_t)number_at(s, 0),
		.session = number_at(s, 1),
		.first = number_at(s, 2),
		.last = number_at(s, 3),
		.began_us = number_at(s, 4),
		.ended_us = number_at(s, 5),
		.seen_us = number_at(s, 6),
		.cgroup = text_at(s, 7),
		.unit = text_at(s, 8),
		.comm = text_at(s, 9),
		.address = text_at(s, 10),
		.database = text_at(s, 11),
		.dbname = text_at(s, 12),
		.role = text_at(s, 13),
		.level = text_at(s, 14),
		.closed = text_at(s, 15),
		.uid = number_at(s, 16),
		.tgid = number_at(s, 17),
		.statements = number_at(s, 18),
		.refused = number_at(s, 19),
		.rows = number_at(s, 20),
		.bytes = number_at(s, 21),
		.masked = number_at(s, 22),
		.namespace = text_at(s, 23),
		.pod = text_at(s, 24),
		.service_account = text_at(s, 25)};
}

int index_sessions(struct index *ix, const struct index_filter *f,
	int (*fn)(void *arg, const struct indexed_session *s), void *arg, struct err *e)
{
	struct indexed_session found;
	sqlite3_stmt *s = NULL;
	struct query q = {.n = 0};
	int rc = SQLITE_DONE, r = 0;

	compose(&q, f);
	if (sqlite3_prepare_v2(ix->db, q.sql, -1, &s, NULL) != SQLITE_OK)
		return index_error(ix, e);
	for (int i = 0; i < q.ntext; i++)
		sqlite3_bind_text(s, i + 1, q.text[i], -1, SQLITE_STATIC);
	while (!r && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		row(s, &found);
		r = fn(arg, &found);
	}
	if (!r && rc != SQLITE_DONE)
		r = index_error(ix, e);
	sqlite3_finalize(s);
	return r;
}
