/* SPDX-License-Identifier: MIT */
/* Any text over the golden schema: never a crash, bounded, and facts that hold together. */
#include <assert.h>
#include "sql_golden.h"

static struct catalog *clinic;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct err e = {0};
	size_t n;
	char *ddl = golden_file("tests/golden/clinic.sql", &n);

	(void)argc;
	(void)argv;
	if (!ddl || catalog_from_ddl(&clinic, span_of(ddl, n), &e) < 0) {
		fprintf(stderr, "clinic.sql: %s\n", e.msg);
		abort();
	}
	free(ddl);
	return 0;
}

/* A column of a relation, what an opaque function gave, or text of definitions. */
static void check_column(const struct colref *c)
{
	assert(c->attnum == COLREF_OPAQUE || c->attnum == COLREF_WRITTEN ||
		catalog_relation_by_oid(clinic, c->relid));
}

static void check_set(const struct colset *s)
{
	for (unsigned i = 0; i < s->n; i++)
		check_column(&s->v[i]);
}

static void check(const struct statement *s, size_t n)
{
	assert(s->tag && s->location >= 0 && (size_t)s->location + (size_t)s->len <= n);
	assert(!s->problem || s->sqlstate[0]);
	assert(!s->rows || s->outputs);
	for (unsigned i = 0; i < s->noutputs; i++) {
		assert(s->outputs[i].name);
		check_set(&s->outputs[i].from);
	}
	for (unsigned i = 0; i < s->nuses; i++) {
		assert(s->uses[i].where);
		check_column(&s->uses[i].column);
	}
	for (unsigned i = 0; i < s->nopaque; i++)
		assert(s->opaque[i].name);
	check_set(&s->stored);
	for (unsigned i = 0; i < s->ncopied; i++) {
		assert(s->copied[i].name);
		check_set(&s->copied[i].from);
	}
	check_set(&s->assigned);
	if (s->inner)
		check(s->inner, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const path[] = {"clinic", "public"};
	struct name_scope scope = {clinic, path, 2};
	struct analysis out;
	struct arena a;
	struct err e = {0};
	int position;

	arena_init(&a, (size_t)256 << 20);
	if (analyze(&scope, span_of(p, n), &a, &out, &position, &e) == 0) {
		assert(out.n > 0);
		for (unsigned i = 0; i < out.n; i++)
			check(&out.statements[i], n);
	} else {
		assert(e.sqlstate[0] && e.msg[0] && position >= 0);
	}
	arena_fini(&a);
	return 0;
}
