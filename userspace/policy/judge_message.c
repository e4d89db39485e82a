/* SPDX-License-Identifier: MIT */
/* Whose words the errors and notices of a statement are: whether they can hold a masked value. */
#include <strings.h>

#include "policy/judge.h"

/* Whether a masked column is anything else than a plain output column. */
bool judge_reads(struct judge *j, const struct statement *st, const struct plan *p)
{
	for (unsigned i = 0; i < p->ncolumns; i++)
		if (p->columns[i].action != ACTION_PASS && p->columns[i].derived)
			return true;
	for (unsigned i = 0; i < st->nuses; i++)
		if (binding_column(j->b, st->uses[i].column))
			return true;
	for (unsigned i = 0; i < st->tested.n; i++)
		if (binding_column(j->b, st->tested.v[i]))
			return true;
	for (unsigned i = 0; i < st->paid.n; i++)
		if (binding_column(j->b, st->paid.v[i]))
			return true;
	for (unsigned i = 0; i < st->ncopied; i++)
		if (binding_set(j->b, &st->copied[i].from))
			return true;
	return false;
}

/* Whether only the server itself can raise an error of this statement, and none of a constraint over what is
 * masked. A foreign table's server is another one. */
bool judge_names_only(struct judge *j, const struct statement *st, const struct plan *p)
{
	bool plain = st->kind == STATEMENT_SELECT || st->kind == STATEMENT_INSERT ||
		     st->kind == STATEMENT_UPDATE || st->kind == STATEMENT_DELETE;

	for (unsigned i = 0; plain && i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), st->relations[i]);

		plain = r && r->kind != 'f';
	}
	return plain && !p->code && !st->nopaque && !judge_reads(j, st, p);
}

bool statement_is(const struct statement *st, const char *tag)
{
	return st->tag && strcasecmp(st->tag, tag) == 0;
}

struct own_types {
	const struct binding *b;
	bool masked; /* a column of one of them */
};

static bool finds_type(void *arg, const struct relation *r)
{
	struct own_types *t = arg;

	for (unsigned i = 0; i < r->ncols && !t->masked; i++) {
		const struct masking *m =
			r->cols[i].type_oid < FIRST_USER_OID
				? NULL
				: binding_column(t->b, (struct colref){r->oid, r->cols[i].attnum});

		t->masked = m && m->rule;
	}
	return !t->masked;
}

/* Whether the statement may look at values of masked relations that it does not name: all that have a type
 * are held against a new constraint of it. */
static bool roams(struct judge *j, const struct statement *st)
{
	struct own_types t = {.b = j->b};

	if (statement_is(st, "ALTER DOMAIN") || statement_is(st, "ALTER TYPE"))
		catalog_each_relation(binding_catalog(j->b), finds_type, &t);
	return t.masked || (st->nrelations == 0 && (st->surveys || statement_is(st, "REINDEX") ||
							   statement_is(st, "CLUSTER")));
}

/* Whether what the server finds wrong with the text itself is of the text: literals are read while it is
 * analysed, and where a type of theirs runs code that is noted. */
bool judge_analysed(const struct statement *st, const struct plan *p)
{
	static const enum statement_kind kinds[] = {STATEMENT_SELECT, STATEMENT_INSERT, STATEMENT_UPDATE,
		STATEMENT_DELETE, STATEMENT_MERGE, STATEMENT_EXPLAIN, STATEMENT_PREPARE, STATEMENT_DECLARE,
		STATEMENT_COPY_OUT};
	bool known = false;

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
		known = known || st->kind == kinds[i];
	return known && !p->code && !st->nopaque && !st->watched && (!p->inner || p->inner->analysed);
}

/* Who lets all code show what it gives lets it raise what it likes; then what the server itself says is of
 * this statement, and what that has of masked columns counts, with those that refer to it. */
bool judge_frank(struct judge *j, const struct statement *st, const struct plan *p)
{
	if (binding_opaque(j->b, NULL) != OPAQUE_ALLOW || roams(j, st) || judge_reads(j, st, p))
		return false;
	for (unsigned i = 0; i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), st->relations[i]);

		if (!r || judge_masks(j->b, r->oid))
			return false;
		for (unsigned k = 0; k < r->nreferences; k++)
			if (judge_masks(j->b, r->references[k].relid))
				return false;
	}
	return !p->inner || p->inner->frank;
}
