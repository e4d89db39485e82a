/* SPDX-License-Identifier: MIT */
/* types_check CONNINFO TABLE: every mask on every value of the table, in text and in binary and under each of
 * the server's output settings, sent through a real PostgreSQL. What a mask made of a cell
 *   - is taken by the server as a value of the column's type (SELECT $1::type), and comes back the same,
 *   - denotes the same value whether the cell was text or binary,
 *   - is written in text as the server itself writes that value, and
 *   - is not the cell, where the mask is a hash.
 * A line of TABLE is a type, with its modifier, and values of it as SQL expressions, separated by |. Prints
 * one line for each difference, and the sum; exits 1 when there was one. */
#include <libpq-fe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "mask/jsonpath.h"
#include "mask/mask.h"
#include "value/money.h"

#define VALUES_MAX 64

static const struct setting {
	const char *date, *interval, *bytea, *monetary, *zone;
	bool all; /* also for types that none of these settings touches */
} settings[] = {
	{"ISO, MDY", "postgres", "hex", "C", "UTC", true},
	{"ISO, DMY", "iso_8601", "escape", "en_US.utf8", "Asia/Kolkata", false},
	{"SQL, MDY", "sql_standard", "hex", "de_DE.utf8", "UTC", false},
	{"SQL, DMY", "postgres_verbose", "escape", "ja_JP.utf8", "America/St_Johns", false},
	{"Postgres, MDY", "postgres", "hex", "fr_FR.utf8", "UTC", false},
	{"Postgres, DMY", "sql_standard", "hex", "ar_KW.utf8", "UTC", false},
	{"German, DMY", "iso_8601", "hex", "de_CH.utf8", "UTC", false},
	{"SQL, YMD", "postgres_verbose", "hex", "C", "UTC", false},
};

static struct mask masks[] = {
	{.kind = MASK_REDACT},
	{.kind = MASK_FIXED, .fixed = (char *)"n/a"},
	{.kind = MASK_FIXED, .fixed = (char *)"0"},
	{.kind = MASK_FIXED, .fixed = (char *)"-12.5"},
	{.kind = MASK_FIXED, .fixed = (char *)"1984-03-09"},
	{.kind = MASK_FIXED, .fixed = (char *)"23:59:59.5"},
	{.kind = MASK_FIXED, .fixed = (char *)"-1 year +2 days -03:04:05.678"},
	{.kind = MASK_FIXED, .fixed = (char *)"0044-03-15 10:11:12 BC"},
	{.kind = MASK_FIXED, .fixed = (char *)"{\"a\": [1.50, \"xé\"], \"b\": null}"},
	{.kind = MASK_FIXED, .fixed = (char *)"<a href=\"x\">&</a> \"\\"},
	{.kind = MASK_FIXED, .fixed = (char *)"10101010"},
	{.kind = MASK_FIXED, .fixed = (char *)"2001:db8::/32"},
	{.kind = MASK_FIXED, .fixed = (char *)"08:00:2b:01:02:03"},
	{.kind = MASK_FIXED, .fixed = (char *)"6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
	{.kind = MASK_HASH, .domain = "types"},
	{.kind = MASK_TOKEN, .domain = "types"},
	{.kind = MASK_TOKEN, .domain = "types", .mail = true},
	{.kind = MASK_FAKE, .fake = FAKE_NAME, .domain = "types"},
	{.kind = MASK_FAKE, .fake = FAKE_EMAIL, .domain = "types"},
	{.kind = MASK_NOISE, .noise = NOISE_ONE / 10, .relative = true},
	{.kind = MASK_NOISE, .noise = NOISE_ONE * 100},
	{.kind = MASK_FPE, .alphabet = FPE_DIGITS},
	{.kind = MASK_FPE, .alphabet = "abcdefghijklmnopqrstuvwxyz@", .first = 1},
	{.kind = MASK_EMAIL, .keep_domain = true},
	{.kind = MASK_PARTIAL, .last = 2, .fill = "*"},
	{.kind = MASK_PARTIAL, .first = 1, .fill = "\u2022"},
	{.kind = MASK_DATE, .unit = UNIT_MONTH},
	{.kind = MASK_DATE, .unit = UNIT_DECADE},
	{.kind = MASK_NUMBER, .step = 10},
	{.kind = MASK_NUMBER, .step = 1000, .bucket = true},
	{.kind = MASK_JSONPATH}, /* its paths are made in main */
	{.kind = MASK_DETECT, .detectors = {{31}}, .replace = REPLACE_REDACT},
	{.kind = MASK_DETECT, .detectors = {{31}}, .replace = REPLACE_LABEL},
	{.kind = MASK_PARTIAL, .last = 2, .fill = "*", .detectors = {{31}}},
};

struct check {
	PGconn *db;
	struct value_style style;
	const struct setting *set;
	bool utc;
	unsigned values, masked, nulls, sent, wrong;
	/* the value under test */
	const char *type, *expr;
	const struct mask *m;
	struct value_shape text, binary;
};

static void show(struct span s)
{
	if (!s.p)
		printf(" NULL");
	for (size_t i = 0; i < s.n && i < 80; i++)
		printf(s.p[i] >= ' ' && s.p[i] < 0x7f ? "%c" : "\\x%02x", s.p[i]);
}

static void wrong(struct check *c, const char *what, struct span a, struct span b)
{
	c->wrong++;
	printf("(%s)::%s, %s%s%s, DateStyle %s, IntervalStyle %s, lc_monetary %s: %s: ", c->expr, c->type,
		mask_kind_name(c->m->kind), c->m->fixed ? " " : "", c->m->fixed ? c->m->fixed : "",
		c->set->date, c->set->interval, c->set->monetary, what);
	show(a);
	printf(" | ");
	show(b);
	printf("\n");
}

static struct span cell_of(const PGresult *r)
{
	if (PQgetisnull(r, 0, 0))
		return (struct span){0};
	return span_of(PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
}

/* What the server makes of cell as a value of the type; NULL: it does not take it. */
static PGresult *through(struct check *c, struct span cell, enum value_format in, enum value_format out)
{
	const char *value = (const char *)cell.p;
	int len = (int)cell.n, format = in;
	char *copy = strndup(value, cell.n); /* text parameters end with a NUL */
	PGresult *r;

	c->sent++;
	r = PQexecPrepared(c->db, "type", 1, (const char *const[]){in ? value : copy}, &len, &format, out);
	free(copy);
	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		return r;
	printf("%s", PQresultErrorMessage(r));
	PQclear(r);
	wrong(c, "the server does not take it", cell, (struct span){0});
	return NULL;
}

/* The same bytes in text cannot be expected where the server writes in a zone, or in escapes. */
static bool same_text(const struct check *c)
{
	enum value_type t = c->text.type;

	/* With YMD it does not read what it writes; ISO takes that place. */
	if (c->style.order == DATE_ORDER_YMD && (t == VALUE_DATE || value_family(t) == FAMILY_TIMESTAMP))
		return false;
	return (t != VALUE_TIMESTAMPTZ || c->utc) && (t != VALUE_BYTEA || !strcmp(c->set->bytea, "hex"));
}

static void compare(struct check *c, struct span t, struct span b)
{
	PGresult *tb = through(c, t, VALUE_TEXT_FORMAT, VALUE_BINARY_FORMAT);
	PGresult *bb = through(c, b, VALUE_BINARY_FORMAT, VALUE_BINARY_FORMAT);
	/* The name of a zone is not read: such a text can only be redacted. */
	bool zone = c->text.type == VALUE_TIMESTAMPTZ && !c->utc && c->style.date != DATE_STYLE_ISO;
	PGresult *tt = same_text(c) ? through(c, t, VALUE_TEXT_FORMAT, VALUE_TEXT_FORMAT) : NULL;

	if (bb && !span_eq(cell_of(bb), b))
		wrong(c, "binary comes back as another", b, cell_of(bb));
	if (tb && bb && !zone && !span_eq(cell_of(tb), cell_of(bb)))
		wrong(c, "text and binary are not masked alike", cell_of(tb), cell_of(bb));
	if (tt && !span_eq(cell_of(tt), t))
		wrong(c, "the server writes it otherwise", t, cell_of(tt));
	PQclear(tb);
	PQclear(bb);
	PQclear(tt);
}

/* What it makes of a value is another one. */
static bool replaces(enum mask_kind k)
{
	return k == MASK_HASH || k == MASK_TOKEN || k == MASK_NOISE;
}

static void mask_value(struct check *c, struct span text, struct span binary)
{
	struct arena a = {0};

	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		struct span t, b;

		c->m = &masks[i];
		t = mask_apply(c->m, &c->text, text, &a);
		b = mask_apply(c->m, &c->binary, binary, &a);
		c->masked++;
		c->nulls += !t.p;
		/* Nothing was detected. The server cannot read all that it writes: dates in SQL, YMD. */
		if (c->m->kind == MASK_DETECT && t.p && b.p && span_eq(t, text) && span_eq(b, binary))
			continue;
		if ((t.p != NULL) != (b.p != NULL) && (c->utc || c->text.type != VALUE_TIMESTAMPTZ))
			wrong(c, "NULL in one format only", t, b);
		else if (t.p && b.p)
			compare(c, t, b);
		if (replaces(c->m->kind) && t.p && span_eq(t, text) &&
			value_family(c->text.type) != FAMILY_JSON)
			wrong(c, "the mask left the value as it is", t, text);
		arena_reset(&a);
	}
	arena_fini(&a);
}

static bool touched(enum value_family f)
{
	return f == FAMILY_DATE || f == FAMILY_TIMESTAMP || f == FAMILY_TIME || f == FAMILY_INTERVAL ||
	       f == FAMILY_MONEY || f == FAMILY_BYTES;
}

static PGresult *ask(struct check *c, const char *sql, int format)
{
	PGresult *r = PQexecParams(c->db, sql, 0, NULL, NULL, NULL, NULL, format);

	if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	fprintf(stderr, "%s: %s", sql, PQerrorMessage(c->db));
	exit(2);
}

static void run_value(struct check *c, const char *type, const char *expr)
{
	char sql[1024];
	PGresult *t, *b;

	snprintf(sql, sizeof(sql), "SELECT (%s)::%s", expr, type);
	t = ask(c, sql, 0);
	b = ask(c, sql, 1);
	c->type = type;
	c->expr = expr;
	c->text = (struct value_shape){
		.type = value_type_of(PQftype(t, 0)), .typmod = PQfmod(t, 0), .style = &c->style};
	c->binary = c->text;
	c->binary.format = VALUE_BINARY_FORMAT;
	if (c->set->all || touched(value_family(c->text.type))) {
		c->values++;
		mask_value(c, cell_of(t), cell_of(b));
	}
	PQclear(t);
	PQclear(b);
}

static char *trimmed(char *s)
{
	char *end;

	s += strspn(s, " ");
	for (end = s + strlen(s); end > s && (end[-1] == ' ' || end[-1] == '\n');)
		*--end = '\0';
	return s;
}

static void run_line(struct check *c, char *line)
{
	char sql[256], *type = trimmed(strsep(&line, "|")), *expr;

	snprintf(sql, sizeof(sql), "SELECT $1::%s", type);
	PQclear(ask(c, "DEALLOCATE ALL", 0));
	PQclear(PQprepare(c->db, "type", sql, 0, NULL));
	while ((expr = strsep(&line, "|")))
		run_value(c, type, trimmed(expr));
}

static void set(struct check *c, const char *name, const char *value)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SET %s = '%s'", name, value);
	PQclear(ask(c, sql, 0));
}

static bool use(struct check *c, const struct setting *s)
{
	PGresult *r;

	c->set = s;
	set(c, "DateStyle", s->date);
	set(c, "IntervalStyle", s->interval);
	set(c, "bytea_output", s->bytea);
	set(c, "TimeZone", s->zone);
	set(c, "lc_monetary", s->monetary);
	c->utc = !strcmp(s->zone, "UTC");
	c->style = (struct value_style){0};
	style_take(&c->style, SPAN_LIT("DateStyle"),
		span_of(PQparameterStatus(c->db, "DateStyle"),
			strlen(PQparameterStatus(c->db, "DateStyle"))));
	style_take(&c->style, SPAN_LIT("TimeZone"), span_of(s->zone, strlen(s->zone)));
	style_take(&c->style, SPAN_LIT("IntervalStyle"),
		span_of(PQparameterStatus(c->db, "IntervalStyle"),
			strlen(PQparameterStatus(c->db, "IntervalStyle"))));
	r = ask(c, "SELECT " MONEY_SAMPLE "::int::money, (-" MONEY_SAMPLE ")::int::money", 0);
	if (!money_format_learn(&c->style.money, cell_of(r),
		    span_of(PQgetvalue(r, 0, 1), (size_t)PQgetlength(r, 0, 1)))) {
		printf("lc_monetary %s is not learnt from %s and %s\n", s->monetary, PQgetvalue(r, 0, 0),
			PQgetvalue(r, 0, 1));
		c->wrong++;
	}
	PQclear(r);
	return true;
}

static void run_table(struct check *c, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;

	if (!f) {
		perror(path);
		exit(2);
	}
	while (getline(&line, &cap, f) > 0)
		if (line[0] != '#' && line[0] != '\n')
			run_line(c, line);
	free(line);
	fclose(f);
}

int main(int argc, char **argv)
{
	struct check c = {0};

	if (argc != 3)
		return 2;
	c.db = PQconnectdb(argv[1]);
	if (PQstatus(c.db) != CONNECTION_OK) {
		fprintf(stderr, "%s", PQerrorMessage(c.db));
		return 2;
	}
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		struct mask null = {.kind = MASK_NULL};
		struct err e;

		if (masks[i].kind == MASK_JSONPATH &&
			(jsonpath_new(&masks[i].paths, false, NULL) ||
				jsonpath_add(masks[i].paths, "$.list[1]", &null, &e)))
			return 2;
		mask_key_init(&masks[i], (const uint8_t *)"0123456789abcdef0123456789abcdef");
	}
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		use(&c, &settings[i]);
		run_table(&c, argv[2]);
	}
	printf("%u values, %u masked cells, %u of them NULL, %u sent through the server, %u wrong\n",
		c.values, c.masked, c.nulls, c.sent, c.wrong);
	PQfinish(c.db);
	return c.wrong != 0;
}
