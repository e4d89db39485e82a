/* SPDX-License-Identifier: MIT */
#include "policy/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 5000

/* As a string constant; strings are read as the standard has them in every session that is judged. */
static void literal(FILE *o, const char *s)
{
	fputc('\'', o);
	for (; *s; s++) {
		if (*s == '\'')
			fputc('\'', o);
		fputc(*s, o);
	}
	fputc('\'', o);
}

struct listing {
	const struct binding *b;
	FILE *o;
	unsigned n;
};

static const char *predicates_name(enum predicates p)
{
	switch (p) {
	case PREDICATES_DENY: break;
	case PREDICATES_EQUALITY: return "equality";
	case PREDICATES_ALLOW: return "allow";
	}
	return "deny";
}

static void row(struct listing *l, const char *const *v, unsigned n)
{
	fputs(l->n++ ? ", (" : "(", l->o);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? ", " : "", l->o);
		literal(l->o, v[i]);
	}
	fputc(')', l->o);
}

/* A view's columns have the masks of what they show. */
static const struct masking *masking_of(
	const struct binding *b, const struct relation *r, const struct column *c, const struct mask **mask)
{
	const struct masking *m = binding_column(b, (struct colref){.relid = r->oid, .attnum = c->attnum});

	if (m) {
		*mask = m->direct;
		return m;
	}
	m = binding_set(b, &c->from);
	if (m)
		*mask = c->direct && !binding_mixed(b, &c->from) ? m->direct : m->derived;
	return m;
}

static bool relation_rows(void *arg, const struct relation *r)
{
	struct listing *l = arg;

	for (unsigned i = 0; i < r->ncols; i++) {
		const struct mask *mask = NULL;
		const struct masking *m = masking_of(l->b, r, &r->cols[i], &mask);

		if (!m || !m->rule)
			continue;
		if (l->n == ROWS_MAX) {
			row(l, (const char *const[]){"", "", "and more", "", "", "", ""}, 7);
			return false;
		}
		row(l,
			(const char *const[]){r->schema, r->name, r->cols[i].name,
				mask_kind_name(mask ? mask->kind : MASK_NULL),
				predicates_name(m->permit.predicates),
				mask_kind_name(m->derived ? m->derived->kind : MASK_NULL), m->rule->where},
			7);
	}
	return true;
}

static void masks(struct listing *l)
{
	bool none;

	fputs("SELECT pg_catalog.current_database()::pg_catalog.text AS database, m.* FROM (VALUES ", l->o);
	catalog_each_relation(binding_catalog(l->b), relation_rows, l);
	none = l->n == 0;
	if (none)
		row(l, (const char *const[]){"", "", "", "", "", "", ""}, 7);
	fputs(") AS m(schema, relation, \"column\", mask, predicates, derived, rule)", l->o);
	fputs(none ? " WHERE false" : "", l->o);
}

static void help(struct listing *l)
{
	static const char *const rows[][2] = {
		{"what", "pgveil stands between this session and the database. Columns that a policy names "
			 "arrive masked; everything else is as the database has it."},
		{"masked columns", "SHOW pgveil.masks lists them, each with the policy rule (file:line) that "
				   "is the reason."},
		{"limits", "SHOW pgveil.limits lists how much may be exported, and how much was."},
		{"what may be done with them", "Select them as plain output columns, also of COPY TO STDOUT. "
					       "An expression over them is NULL, or what derived says."},
		{"what is refused", "Using them in WHERE, JOIN, ORDER BY, GROUP BY or DISTINCT unless "
				    "predicates says otherwise, writing them elsewhere, and statements whose "
				    "effect on them is not understood. The database does not see a refused "
				    "statement; the session goes on."},
		{"what waits for a person",
			"A statement that the policy asks about waits, or fails with the "
			"number of its approval. SET pgveil.reason = '...' before it says "
			"why it is needed; SHOW pgveil.approvals lists what was asked "
			"for."},
		{"how to ask for more",
			"A refusal's HINT names the rule. Show it to the owner of that policy."},
	};

	fputs("SELECT * FROM (VALUES ", l->o);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		row(l, rows[i], 2);
	fputs(") AS h(topic, text)", l->o);
}

static void approvals(struct listing *l)
{
	fputs("SELECT * FROM (VALUES ", l->o);
	row(l, (const char *const[]){"", "", "", ""}, SHOW_APPROVALS_COLUMNS);
	fputs(") AS a(id, state, statement, cause) WHERE false", l->o);
}

static unsigned columns_of(const char *setting)
{
	if (!strcmp(setting, "pgveil.masks"))
		return SHOW_MASKS_COLUMNS;
	if (!strcmp(setting, SHOW_APPROVALS))
		return SHOW_APPROVALS_COLUMNS;
	return !strcmp(setting, "pgveil.help") ? SHOW_HELP_COLUMNS : 0;
}

const char *show_query(const struct binding *b, const char *setting, struct arena *a, unsigned *ncolumns)
{
	bool of_masks = !strcmp(setting, "pgveil.masks");
	struct listing l = {.b = b};
	char *text = NULL;
	const char *out;
	size_t n;

	if (!strcmp(setting, SHOW_LIMITS)) {
		*ncolumns = SHOW_LIMITS_COLUMNS;
		return SHOW_LIMITS_BEGIN SHOW_LIMITS_END;
	}
	*ncolumns = columns_of(setting);
	l.o = *ncolumns ? open_memstream(&text, &n) : NULL;
	if (!l.o)
		return NULL;
	if (of_masks)
		masks(&l);
	else if (*ncolumns == SHOW_APPROVALS_COLUMNS)
		approvals(&l);
	else
		help(&l);
	fclose(l.o);
	out = text ? arena_strdup(a, text) : NULL;
	free(text);
	return out;
}
