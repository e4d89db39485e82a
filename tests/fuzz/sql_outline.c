/* SPDX-License-Identifier: MIT */
/* Any text over the golden schema: where constants are free, the analysis is the same with any others, and
 * PostgreSQL's scanner sees constants there too. */
#include "sql_outline.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const path[] = {"clinic", "public"};
	struct name_scope scope = {clinic, path, 2};
	struct outline o;
	uint32_t seed = (uint32_t)n;

	if (!outline_marked(&scope, span_of(p, n), &o))
		return 0;
	for (size_t i = 0; i < n; i++)
		seed = seed * 31 + p[i];
	if (outline_broken(&scope, span_of(p, n), &o, seed))
		abort();
	return 0;
}
