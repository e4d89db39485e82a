/* SPDX-License-Identifier: MIT */
/* sql_golden: an analysis as the text that tests/golden/lineage.txt is written in. */
#ifndef PGVEIL_TEST_SQL_GOLDEN_H
#define PGVEIL_TEST_SQL_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sql/analyze.h"

static inline void golden_columns(FILE *f, const struct catalog *c, const struct colref *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct relation *r = catalog_relation_by_oid(c, v[i].relid);
		const struct column *col = r ? relation_column_by_attnum(r, v[i].attnum) : NULL;
		bool home = r && !strcmp(r->schema, "clinic");

		if (v[i].attnum == COLREF_OPAQUE) {
			fprintf(f, "%s(anything)", i ? " " : "");
			continue;
		}
		if (v[i].attnum == COLREF_WRITTEN) {
			fprintf(f, "%s(definitions)", i ? " " : "");
			continue;
		}
		fprintf(f, "%s%s%s%s%s%s.%s", i ? " " : "", via_name((enum via)v[i].via), v[i].via ? "(" : "",
			!r || home ? "" : r->schema, !r || home ? "" : ".", r ? r->name : "?",
			col ? col->name : "?");
		if (v[i].via && v[i].via != VIA_COUNT)
			fprintf(f, ":%u", v[i].group);
		if (v[i].via)
			fputc(')', f);
	}
}

static inline void golden_uses(FILE *f, const char *in, const struct catalog *c, const struct statement *s)
{
	struct arena a = {0};

	for (unsigned i = 0; i < s->nuses; i++) {
		struct colset all = {0};
		bool told = false;

		for (unsigned k = 0; k < i; k++)
			told |= !strcmp(s->uses[k].where, s->uses[i].where);
		for (unsigned k = i; k < s->nuses && !told; k++)
			if (!strcmp(s->uses[k].where, s->uses[i].where) &&
				!colset_add(&a, &all, s->uses[k].column))
				abort();
		if (told)
			continue;
		fprintf(f, "%suses %s: ", in, s->uses[i].where);
		golden_columns(f, c, all.v, all.n);
		fputc('\n', f);
	}
	arena_fini(&a);
}

static inline void golden_set(
	FILE *f, const char *in, const char *word, const struct catalog *c, const struct colset *s)
{
	if (!s->n)
		return;
	fprintf(f, "%s%s ", in, word);
	golden_columns(f, c, s->v, s->n);
	fputc('\n', f);
}

static inline void golden_copy(FILE *f, const char *in, const struct copy_options *o)
{
	fprintf(f, "%scopy %s delimiter %#x quote %c escape %c null '%s'%s%s%s%s", in,
		o->csv ? "csv" : "text", (unsigned)o->delimiter, o->quote, o->escape, o->null,
		o->null_doubtful ? " doubtful" : "", o->header ? " header" : "",
		o->quote_all ? " force_quote *" : "", o->nquoted ? " force_quote" : "");
	for (unsigned i = 0; i < o->nquoted; i++)
		fprintf(f, " %s", o->quoted[i]);
	fputc('\n', f);
	if (o->odd)
		fprintf(f, "%scopy odd: %s\n", in, o->odd);
}

/* Into columns that are known, or not. */
static inline void golden_stored(FILE *f, const char *in, const struct catalog *c, const struct statement *s)
{
	struct colset all = {0};
	struct arena a = {0};

	bool ok = colset_union(&a, &all, &s->stored);

	for (unsigned i = 0; i < s->ncopied; i++)
		ok = ok && colset_union(&a, &all, &s->copied[i].from);
	if (!ok)
		abort();
	golden_set(f, in, "stored", c, &all);
	arena_fini(&a);
}

static inline void golden_statement(
	FILE *f, const char *in, const struct catalog *c, const struct statement *s)
{
	if (s->problem) {
		fprintf(f, "%sproblem %s", in, s->sqlstate);
		if (s->position)
			fprintf(f, " at %d", s->position);
		/* the server is asked for its words where, and only where, a name is wrong */
		fprintf(f, "%s%s: %s\n", s->retry ? " retry" : "",
			s->tells == (!strncmp(s->sqlstate, "42", 2) && strcmp(s->sqlstate, "42501") != 0) ? ""
			: s->tells ? " asked"
				   : " unasked",
			s->problem);
		return;
	}
	if (s->doubt)
		fprintf(f, "%sdoubt: %s\n", in, s->doubt);
	if (s->apart)
		fprintf(f, "%sapart\n", in);
	if (s->kind != STATEMENT_SELECT)
		fprintf(f, "%skind %s%s%s%s\n", in, statement_kind_name(s->kind),
			s->explain.analyze ? " analyze" : "", s->explain.settings ? " settings" : "",
			s->explain.measures ? " serialize" : "");
	for (unsigned i = 0; i < s->noutputs; i++) {
		const struct output *o = &s->outputs[i];

		fprintf(f, "%s%s = %s", in, o->name,
			!o->from.n  ? "nothing"
			: o->direct ? "direct "
				    : "derived ");
		golden_columns(f, c, o->from.v, o->from.n);
		fputc('\n', f);
	}
	golden_uses(f, in, c, s);
	golden_stored(f, in, c, s);
	golden_set(f, in, "assigned", c, &s->assigned);
	if (s->triggers)
		fprintf(f, "%striggers\n", in);
	if (s->defines)
		fprintf(f, "%sdefines%s\n", in, s->temporary ? " temporary" : "");
	for (unsigned i = 0; s->kind == STATEMENT_DEFINE && i < s->nrelations; i++)
		fprintf(f, "%schanges %s\n", in, catalog_relation_by_oid(c, s->relations[i])->name);
	for (unsigned i = 0; i < s->nopaque; i++)
		fprintf(f, "%sopaque %s\n", in, s->opaque[i].name);
	if (s->name)
		fprintf(f, "%sname %s\n", in, s->name);
	if (s->setting)
		fprintf(f, "%ssetting %s%s%s\n", in, s->setting, s->value ? " = " : "",
			s->value ? s->value : "");
	for (unsigned i = 0; i < s->nchanges; i++)
		fprintf(f, "%ssets %s%s%s\n", in, s->changes[i].name, s->changes[i].value ? " = " : "",
			s->changes[i].value ? s->changes[i].value
			: s->changes[i].any ? " = ?"
					    : "");
	if (s->binary)
		fprintf(f, "%sbinary\n", in);
	if (s->copy && !s->copy->binary)
		golden_copy(f, in, s->copy);
	if (s->inner) {
		char deeper[64];

		snprintf(deeper, sizeof(deeper), "%sinner ", in);
		golden_statement(f, deeper, c, s->inner);
	}
}

/* The whole analysis, or the error. Free the result. */
static inline char *golden_text(const struct name_scope *scope, const char *text, size_t n)
{
	struct arena a = {0};
	struct analysis out;
	struct err e = {0};
	int position, rc;
	char *s = NULL;
	size_t len;
	FILE *f = open_memstream(&s, &len);

	rc = analyze(scope, span_of(text, n), &a, &out, &position, &e);
	if (rc < 0)
		fprintf(f, "  error %s at %d: %s\n", e.sqlstate, position, e.msg);
	for (unsigned i = 0; rc == 0 && i < out.n; i++)
		golden_statement(f, "  ", scope->catalog, &out.statements[i]);
	fclose(f);
	arena_fini(&a);
	return s;
}

static inline char *golden_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *s = NULL;

	*n = 0;
	if (!f)
		return NULL;
	s = malloc(1 << 20);
	*n = fread(s, 1, 1 << 20, f);
	fclose(f);
	return s;
}

#endif
