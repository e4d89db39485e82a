/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <stdio.h>
#include <errno.h>
#include <string.h>
#include "cli/table.h"

#define LIMIT 50u

struct listing {
	struct table table;
	bool json;
	unsigned n;
};

static const char *who(const struct indexed_session *is, char room[512])
{
	snprintf(room, 512, "%s/%s", is->namespace, is->pod);
	return *is->pod ? room : *is->unit ? is->unit : *is->cgroup ? is->cgroup : "?";
}

static int one_json(const struct indexed_session *is)
{
	char id[48], at[40];
	json_t *o = json_object();

	snprintf(id, sizeof(id), "%u-%llu", is->run, (unsigned long long)is->session);
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "began", json_string(sessions_time(at, is->began_us, true)));
	json_object_set_new(
		o, "ended", is->ended_us ? json_string(sessions_time(at, is->ended_us, true)) : json_null());
	json_object_set_new(o, "seen", json_string(sessions_time(at, is->seen_us, true)));
#define TEXT(name, value)   json_object_set_new(o, name, sessions_json_text(span_of(value, strlen(value))))
#define NUMBER(name, value) json_object_set_new(o, name, json_integer((json_int_t)(value)))
	TEXT("cgroup", is->cgroup);
	TEXT("unit", is->unit);
	TEXT("namespace", is->namespace);
	TEXT("pod", is->pod);
	TEXT("service_account", is->service_account);
	TEXT("comm", is->comm);
	NUMBER("uid", is->uid);
	NUMBER("tgid", is->tgid);
	TEXT("address", is->address);
	TEXT("database", is->database);
	TEXT("dbname", is->dbname);
	TEXT("role", is->role);
	TEXT("level", is->level);
	TEXT("closed", is->closed);
	NUMBER("statements", is->statements);
	NUMBER("refused", is->refused);
	NUMBER("rows", is->rows);
	NUMBER("bytes", is->bytes);
	NUMBER("masked_cells", is->masked);
#undef TEXT
#undef NUMBER
	json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(o);
	return ferror(stdout) ? -EIO : 0;
}

static int one(void *arg, const struct indexed_session *is)
{
	struct listing *l = arg;
	struct table *t = &l->table;
	char text[40], size[16], room[512];

	l->n++;
	if (l->json)
		return one_json(is);
	table_cell(t, "%u-%llu", is->run, (unsigned long long)is->session);
	table_cell(t, "%s", sessions_time(text, is->began_us, false));
	if (is->ended_us)
		table_cell(t, "%s", sessions_span(text, is->ended_us - is->began_us));
	else
		table_cell(t, "open");
	table_cell(t, "%s", who(is, room));
	table_cell(t, "%llu", (unsigned long long)is->uid);
	table_cell(t, "%s", is->comm);
	table_cell(t, "%s", is->dbname);
	table_cell(t, "%s", is->role);
	table_cell(t, "%llu", (unsigned long long)is->statements);
	table_cell(t, "%llu", (unsigned long long)is->refused);
	table_cell(t, "%llu", (unsigned long long)is->rows);
	table_cell(t, "%llu", (unsigned long long)is->masked);
	table_cell(t, "%s", table_size(size, is->bytes));
	return 0;
}

int sessions_ls(struct sessions *s)
{
	static const char *const heads[] = {"ID", "BEGAN (UTC)", "FOR", "WHO", "UID", "COMM", "DATABASE",
		"ROLE", "STATEMENTS", "REFUSED", "ROWS", "MASKED", "BYTES", NULL};
	struct listing l = {.json = s->settings->json};
	struct index_filter f = s->filter;
	struct index *ix;
	struct err e = {0};
	int r;

	if (!s->limited && !l.json)
		f.limit = LIMIT;
	r = sessions_index(s, &ix, &e);
	if (r)
		return sessions_fail(&e);
	table_init(&l.table, heads, 0x1f14);
	r = index_sessions(ix, &f, one, &l, &e);
	index_close(ix);
	if (!r && !l.json)
		table_print(&l.table);
	table_fini(&l.table);
	if (!r && !s->limited && !l.json && l.n == LIMIT)
		fprintf(stderr, "pgveil: the last %u; --limit 0 shows all\n", LIMIT);
	return r ? sessions_fail(&e) : 0;
}
