/* SPDX-License-Identifier: MIT */
#include "policy/limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/section.h"

#define EXPORT "spec.export"

const char *measure_name(enum measure m)
{
	switch (m) {
	case MEASURE_ROWS: return "rows";
	case MEASURE_BYTES: return "bytes";
	case MEASURE_STATEMENTS: return "statements";
	case MEASURES: break;
	}
	return "";
}

void limit_set_open(struct limit_set *s)
{
	for (unsigned m = 0; m < MEASURES; m++) {
		s->most[m] = LIMIT_NONE;
		s->where[m] = NULL;
	}
}

void limit_set_meet(struct limit_set *s, const struct limit_set *with)
{
	for (unsigned m = 0; m < MEASURES; m++)
		if (with->most[m] < s->most[m]) {
			s->most[m] = with->most[m];
			s->where[m] = with->where[m];
		}
}

/* "16MiB", or a number of bytes. Powers of ten are not offered: who writes MB means one or the other. */
static bool size_of(const char *text, uint64_t *out)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	for (unsigned i = 0; !errno && i < ARRAY_LEN(units); i++)
		if (strcmp(end, units[i].unit) == 0 && n > 0 && n <= UINT64_C(1) << (50 - units[i].shift)) {
			*out = (uint64_t)n << units[i].shift;
			return true;
		}
	return false;
}

static const char *where_of(struct reading *r, const struct node *n)
{
	const char *where = arena_printf(r->mem, "%s:%u", r->file, n->line);

	if (!where)
		r->failed = -ENOMEM;
	return where;
}

static void read_measure(
	struct reading *r, const struct node *map, const char *part, enum measure m, struct limit_set *out)
{
	const struct node *n = node_get(map, measure_name(m));
	char where[64];
	unsigned long number;

	if (!n)
		return;
	snprintf(where, sizeof(where), EXPORT ".%s.%s", part, measure_name(m));
	if (m == MEASURE_BYTES) {
		if (n->kind != NODE_SCALAR || !size_of(n->text, &out->most[m]))
			section_wrong(
				r, n, "%s must be a number of bytes, or like 64KiB, 16MiB or 2GiB", where);
	} else if (section_number(r, n, where, 1, 1000000000000, &number)) {
		out->most[m] = number;
	}
	out->where[m] = where_of(r, n);
}

/* false: it is not there, or not understood. */
static bool read_set(struct reading *r, const struct node *export, const char *part, const struct key *keys,
	unsigned nkeys, struct limit_set *out)
{
	const struct node *n = node_get(export, part);
	bool given = false;
	char where[32];

	snprintf(where, sizeof(where), EXPORT ".%s", part);
	if (!n || !section_map(r, n, where, keys, nkeys))
		return false;
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		read_measure(r, n, part, m, out);
		given = given || node_get(n, measure_name(m));
	}
	if (!given)
		section_wrong(r, n, "%s limits nothing", where);
	return true;
}

static void read_window(struct reading *r, const struct node *export, struct export_rule *out)
{
	static const struct key keys[] = {
		{"period", KEY_READ}, {"rows", KEY_READ}, {"bytes", KEY_READ}, {"statements", KEY_READ}};
	const struct node *n = node_get(export, "window");

	if (!read_set(r, export, "window", keys, ARRAY_LEN(keys), &out->window))
		return;
	section_missing(r, n, EXPORT ".window", "period");
	section_period(r, node_get(n, "period"), EXPORT ".window.period", LIMIT_PERIOD_MAX_S, &out->period_s);
}

void export_read(struct reading *r, const struct node *n, struct export_rule *out)
{
	static const struct key keys[] = {
		{"statement", KEY_READ}, {"session", KEY_READ}, {"window", KEY_READ}, {"exceed", KEY_READ}};
	static const struct key session_keys[] = {
		{"rows", KEY_READ}, {"bytes", KEY_READ}, {"statements", KEY_READ}};
	const struct node *exceed = node_get(n, "exceed");

	limit_set_open(&out->statement);
	limit_set_open(&out->session);
	limit_set_open(&out->window);
	if (!n || !section_map(r, n, EXPORT, keys, ARRAY_LEN(keys)))
		return;
	out->any = true;
	read_set(r, n, "statement", session_keys, 2, &out->statement);
	read_set(r, n, "session", session_keys, 3, &out->session);
	read_window(r, n, out);
	if (!node_get(n, "statement") && !node_get(n, "session") && !node_get(n, "window"))
		section_wrong(r, n, EXPORT " limits nothing: it needs statement, session or window");
	out->ask = exceed && node_is(exceed, "ask");
	if (exceed && !out->ask && !node_is(exceed, "deny"))
		section_wrong(r, exceed, EXPORT ".exceed must be deny or ask");
	if (out->ask && out->statement.most[MEASURE_ROWS] == LIMIT_NONE &&
		out->session.most[MEASURE_ROWS] == LIMIT_NONE && out->window.most[MEASURE_ROWS] == LIMIT_NONE)
		section_wrong(r, exceed, EXPORT ".exceed: ask is about rows, and none are limited");
}
