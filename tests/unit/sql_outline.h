/* SPDX-License-Identifier: MIT */
/* sql_outline: what holds of every text that an outline with free constants is made of, for the unit test and
 * the fuzzer. */
#ifndef PGVEIL_TEST_SQL_OUTLINE_H
#define PGVEIL_TEST_SQL_OUTLINE_H

#include <pg_query.h>
#include "pg_query/pg_query.pb-c.h"
#include "sql/outline.h"
#include "sql_golden.h"

/* Values that something might look at. */
static const char *const outline_numbers[] = {
	"0", "1", "2", "00", "3", "7", "32767", "32768", "65536", "999999999"};
static const char *const outline_strings[] = {"''", "'%'", "'x'", "'0'", "'a.b'", "'ssn'",
	"'clinic.patients'", "'pg_catalog'", "'app.ssn'", "'now'", "'{}'", "'1 day'", "'on'", "'NaN'",
	"' -- no comment, /* nor here '", "'$1'", "'\"a\"'"};

/* The text with other free constants; chosen by seed. Free it. */
static inline char *outline_mutated(struct span text, const struct outline *o, uint32_t seed, size_t *n)
{
	char *out = NULL;
	FILE *f = open_memstream(&out, n);
	size_t at = 0;

	for (unsigned i = 0; i < o->n; i++) {
		seed = seed * 1664525u + 1013904223u;
		if (!o->c[i].free)
			continue;
		fwrite(text.p + at, 1, o->c[i].at - at, f);
		fputs(o->c[i].text ? outline_strings[(seed >> 8) % ARRAY_LEN(outline_strings)]
				   : outline_numbers[(seed >> 8) % ARRAY_LEN(outline_numbers)],
			f);
		at = (size_t)o->c[i].at + o->c[i].len;
	}
	fwrite(text.p + at, 1, text.n - at, f);
	fclose(f);
	return out;
}

/* Whether PostgreSQL's scanner has a constant of the same kind wherever a free one stands. */
static inline bool outline_scanned(struct span text, const struct outline *o, const struct outline *marked)
{
	char *copy = strndup((const char *)text.p, text.n);
	PgQueryScanResult r = pg_query_scan(copy);
	PgQuery__ScanResult *scan =
		r.error ? NULL
			: pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
	bool all = scan;

	for (unsigned i = 0; all && i < o->n; i++) {
		bool found = !marked->c[i].free;

		for (size_t k = 0; k < scan->n_tokens && !found; k++) {
			const PgQuery__ScanToken *t = scan->tokens[k];

			found = t->start == o->c[i].at && t->end == o->c[i].at + o->c[i].len &&
				t->token ==
					(o->c[i].text ? PG_QUERY__TOKEN__SCONST : PG_QUERY__TOKEN__ICONST);
		}
		all = found;
	}
	if (scan)
		pg_query__scan_result__free_unpacked(scan, NULL);
	pg_query_free_scan_result(r);
	free(copy);
	return all;
}

/* The outline of a text of one statement without a problem, with what its analysis leaves free; false: none.
 */
static inline bool outline_marked(const struct name_scope *scope, struct span text, struct outline *o)
{
	struct arena a = {0};
	struct analysis out;
	struct err e = {0};
	int position;
	bool any = outline_of(text, o) && analyze(scope, text, &a, &out, &position, &e) == 0 && out.n == 1 &&
		   !out.statements->problem &&
		   outline_free(text, o, out.statements->constants, out.statements->nconstants);

	arena_fini(&a);
	return any;
}

/* What is claimed: with any other free constants the analysis is the same. NULL: it holds. */
static inline const char *outline_broken(
	const struct name_scope *scope, struct span text, const struct outline *o, uint32_t seed)
{
	const char *wrong = NULL;
	struct outline other;
	size_t n;
	char *mutated = outline_mutated(text, o, seed, &n), *one, *two;

	if (!outline_of(span_of(mutated, n), &other))
		wrong = n > OUTLINE_TEXT_MAX ? NULL : "it has no outline any more";
	else if (!outline_same(o, text, &other, span_of(mutated, n)))
		wrong = "it is not the same";
	else if (!outline_scanned(text, o, o) || !outline_scanned(span_of(mutated, n), &other, o))
		wrong = "PostgreSQL's scanner reads it otherwise";
	one = golden_text(scope, (const char *)text.p, text.n);
	two = golden_text(scope, mutated, n);
	if (!wrong && strcmp(one, two) != 0)
		wrong = "the analysis is another";
	if (wrong)
		fprintf(stderr, "%s: %.*s\n    with %.*s\n%s%s", wrong, (int)text.n, text.p, (int)n, mutated,
			one, two);
	free(one);
	free(two);
	free(mutated);
	return wrong;
}

#endif
