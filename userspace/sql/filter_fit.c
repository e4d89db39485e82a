/* SPDX-License-Identifier: MIT */
#include "sql/filter_fit.h"

#include <string.h>

#include "sql/lineage.h"

#define NO_MEMORY "out of memory"

enum family {
	FAMILY_NONE,
	FAMILY_BOOL,
	FAMILY_INTEGER,
	FAMILY_NUMBER,
	FAMILY_TEXT,
	FAMILY_DATE,
	FAMILY_TIMESTAMP,
	FAMILY_TIMESTAMPTZ,
	FAMILY_UUID,
	FAMILY_ENUM
};

static const struct {
	const char *name;
	enum family family;
} builtin[] = {{"bool", FAMILY_BOOL}, {"int2", FAMILY_INTEGER}, {"int4", FAMILY_INTEGER},
	{"int8", FAMILY_INTEGER}, {"numeric", FAMILY_NUMBER}, {"float4", FAMILY_NUMBER},
	{"float8", FAMILY_NUMBER}, {"text", FAMILY_TEXT}, {"varchar", FAMILY_TEXT}, {"bpchar", FAMILY_TEXT},
	{"name", FAMILY_TEXT}, {"date", FAMILY_DATE}, {"timestamp", FAMILY_TIMESTAMP},
	{"timestamptz", FAMILY_TIMESTAMPTZ}, {"uuid", FAMILY_UUID}};

static enum family family_of_name(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(builtin); i++)
		if (!strcmp(builtin[i].name, name))
			return builtin[i].family;
	return FAMILY_NONE;
}

static enum family family_of(const struct catalog *c, const struct column *column, const struct type **type)
{
	*type = catalog_type_by_oid(c, column->base_type);
	if (*type && (*type)->kind == TYPE_ENUM)
		return FAMILY_ENUM;
	for (unsigned i = 0; i < ARRAY_LEN(builtin); i++)
		if (column->base_type == type_builtin(builtin[i].name))
			return builtin[i].family;
	return FAMILY_NONE;
}

/* ---- what the server reads alike under any DateStyle, IntervalStyle and TimeZone ---- */
static bool digits(const char **s, unsigned least, unsigned most)
{
	unsigned n = 0;

	for (; **s >= '0' && **s <= '9'; ++*s)
		n++;
	return n >= least && n <= most;
}

static bool skip(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

static unsigned two(const char *s)
{
	return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

static bool date(const char **s)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *at = *s;
	unsigned year, month, day;

	if (!digits(s, 4, 4) || !skip(s, '-') || !digits(s, 2, 2) || !skip(s, '-') || !digits(s, 2, 2))
		return false;
	year = two(at) * 100 + two(at + 2);
	month = two(at + 5);
	day = two(at + 8);
	return year && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] +
			       (unsigned)(month == 2 && !(year % 4) && (year % 100 || !(year % 400)));
}

static bool clock(const char **s)
{
	const char *at = *s;

	if (!digits(s, 2, 2) || !skip(s, ':') || !digits(s, 2, 2) || two(at) > 23 || two(at + 3) > 59)
		return false;
	if (!skip(s, ':'))
		return true;
	return digits(s, 2, 2) && two(at + 6) < 60 && (!skip(s, '.') || digits(s, 1, 6));
}

static bool offset(const char **s)
{
	const char *at;

	if (skip(s, 'Z'))
		return true;
	if (!skip(s, '+') && !skip(s, '-'))
		return false;
	at = *s;
	return digits(s, 2, 2) && two(at) < 15 &&
	       (!skip(s, ':') || (at = *s, digits(s, 2, 2) && two(at) < 60));
}

static bool is_date(const char *s)
{
	return date(&s) && !*s;
}

static bool is_timestamp(const char *s, bool zone)
{
	if (!date(&s))
		return false;
	if (*s || zone) {
		if (!skip(&s, ' ') && !skip(&s, 'T'))
			return false;
		if (!clock(&s) || (zone && !offset(&s)))
			return false;
	}
	return !*s;
}

static bool is_integer(const char *s)
{
	(void)(skip(&s, '-') || skip(&s, '+'));
	return digits(&s, 1, 18) && !*s;
}

static bool is_number(const char *s)
{
	(void)(skip(&s, '-') || skip(&s, '+'));
	return digits(&s, 1, 30) && (!skip(&s, '.') || digits(&s, 1, 30)) && !*s;
}

static bool is_uuid(const char *s)
{
	for (unsigned i = 0; i < 36; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (!s[i] || (hyphen ? s[i] != '-' : !strchr("0123456789abcdefABCDEF", s[i])))
			return false;
	}
	return !s[36];
}

static bool is_label(const struct type *t, const char *s)
{
	for (unsigned i = 0; t && i < t->nlabels; i++)
		if (!strcmp(t->labels[i], s))
			return true;
	return false;
}

/* NULL: the server takes the string for a value of the family. */
static const char *string_misfit(enum family f, const struct type *t, const char *s)
{
	switch (f) {
	case FAMILY_TEXT: return NULL;
	case FAMILY_BOOL:
		return !strcmp(s, "true") || !strcmp(s, "false") ? NULL : "is true or false for a boolean";
	case FAMILY_INTEGER: return is_integer(s) ? NULL : "is no integer";
	case FAMILY_NUMBER: return is_number(s) ? NULL : "is no plain number";
	case FAMILY_DATE: return is_date(s) ? NULL : "is no date like 2024-01-31";
	case FAMILY_TIMESTAMP:
		return is_timestamp(s, false) ? NULL : "is no timestamp like 2024-01-31 10:00:00";
	case FAMILY_TIMESTAMPTZ:
		return is_timestamp(s, true)
			       ? NULL
			       : "is no timestamp with its offset, like 2024-01-31 10:00:00+00: without it "
				 "the session's TimeZone would decide";
	case FAMILY_UUID: return is_uuid(s) ? NULL : "is no uuid";
	case FAMILY_ENUM: return is_label(t, s) ? NULL : "is no value of the column's type";
	case FAMILY_NONE: break;
	}
	return "is of a type that is not supported";
}

static bool integer_fits(const char *s)
{
	(void)(skip(&s, '-') || skip(&s, '+'));
	return strlen(s) <= 30;
}

static const char *constant_misfit(enum family f, const struct type *t, const struct filter_constant *k)
{
	if (k->type && family_of_name(k->type) != f)
		return "is of another type than the column";
	switch (k->kind) {
	case CONSTANT_STRING: return string_misfit(f, t, k->text);
	case CONSTANT_INTEGER:
	case CONSTANT_NUMBER:
		if (f != FAMILY_INTEGER && f != FAMILY_NUMBER)
			return "is a number, and the column is none";
		return integer_fits(k->text) ? NULL : "is too long";
	case CONSTANT_BOOL: return f == FAMILY_BOOL ? NULL : "is a boolean, and the column is none";
	}
	return "is not understood";
}

/* ---- checks ---- */
static const char *said(const char *s)
{
	return s ? s : NO_MEMORY;
}

/* NULL: there is such a column, of a family that can be compared (any: of whatever type). */
static const char *find(const struct catalog *c, const struct relation *r, const char *name, bool call,
	bool any, enum family *f, const struct type **t, struct arena *a)
{
	const struct column *column = relation_column(r, name);

	if (!column)
		return said(arena_printf(a, "%s.%s has no column \"%s\"", r->schema, r->name, name));
	*f = family_of(c, column, t);
	if (*f == FAMILY_NONE && !any)
		return said(arena_printf(a,
			"column \"%s\" of %s.%s is of a type that a filter cannot compare: text, numbers, "
			"booleans, "
			"dates, timestamps, uuids and enums can be",
			name, r->schema, r->name));
	if (call && *f != FAMILY_TEXT)
		return said(arena_printf(a, "column \"%s\" of %s.%s is no text", name, r->schema, r->name));
	return NULL;
}

const char *filter_check_fails(
	const struct filter_check *f, const struct catalog *c, const struct relation *r, struct arena *a)
{
	enum family one = FAMILY_NONE, other = FAMILY_NONE;
	const struct type *t = NULL, *u = NULL;
	const char *why = find(c, r, f->column, f->call, f->kind == CHECK_ANY, &one, &t, a);

	if (why)
		return why;
	switch (f->kind) {
	case CHECK_ANY: return NULL;
	case CHECK_BOOL:
		return one == FAMILY_BOOL ? NULL
					  : said(arena_printf(a, "column \"%s\" of %s.%s is no boolean",
						    f->column, r->schema, r->name));
	case CHECK_TEXT:
		return one == FAMILY_TEXT ? NULL
					  : said(arena_printf(a, "column \"%s\" of %s.%s is no text",
						    f->column, r->schema, r->name));
	case CHECK_CONSTANT:
		why = constant_misfit(one, t, &f->constant);
		return why ? said(arena_printf(a, "what column \"%s\" of %s.%s is compared with %s",
				     f->column, r->schema, r->name, why))
			   : NULL;
	case CHECK_COLUMNS:
		why = find(c, r, f->other, f->other_call, false, &other, &u, a);
		if (why)
			return why;
		if (one == other && t == u)
			return NULL;
		if (one == other && one != FAMILY_ENUM)
			return NULL;
		if ((one == FAMILY_INTEGER || one == FAMILY_NUMBER) &&
			(other == FAMILY_INTEGER || other == FAMILY_NUMBER))
			return NULL;
		return said(arena_printf(a, "columns \"%s\" and \"%s\" of %s.%s are of different types",
			f->column, f->other, r->schema, r->name));
	}
	return "is not understood";
}
