/* SPDX-License-Identifier: MIT */
/* A statement without its constants: none of them is left in any way of writing them, and all else is. */
#include "test.h"

#include "session/shown.h"

#define V "\xe2\x80\xb9value\xe2\x80\xba"

static void constants(void **state)
{
	static const char *const lines[][2] = {
		{"SELECT 1", "SELECT " V},
		{"DELETE FROM t WHERE a='x''y' AND b=\"q'x\"", "DELETE FROM t WHERE a=" V " AND b=\"q'x\""},
		{"a = E'x\\'y' AND c", "a = " V " AND c"},
		{"a = e'\\\\' OR b = 'z'", "a = " V " OR b = " V},
		{"a = U&'\\0041' AND U&\"d\\0061t\"", "a = " V " AND U&\"d\\0061t\""},
		{"B'01' X'ff' n'n'", V " " V " " V},
		{"$$secret$$ $t$a $$ b$t$ $1", V " " V " $1"},
		{"a$b$c = 'x'", "a$b$c = " V},
		{"1.5e-3 .5 0x1F 1_000", V "-" V " " V " " V " " V},
		{"t1.c2 = 3", "t1.c2 = " V},
		{"x -- secret\n= 1", "x " V "\n= " V},
		{"x /* a /* secret */ b */ = 1", "x " V " = " V},
		{"'unended", V},
		{"$t$unended", V},
		{"/* unended", V},
		{"a - -1 / 2", "a - -" V " / " V},
		{"name\xc3\xa9 = 'x'", "name\xc3\xa9 = " V},
		{"type 'x'", "type " V},
		{"a = E'x'\n 'y\\' secret ' AND b", "a = " V " AND b"},
		{"a = E'x' -- c\n-- d\n'y\\'secret'", "a = " V},
		{"'a' 'b' -- c", V " " V " " V},
		{"'a'\n", V "\n"},
		{"", ""},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct guarded g = guard_copy(lines[i][0], strlen(lines[i][0]));
		char *out = shown_without_constants(&a, span_of(g.p, g.n));

		assert_non_null(out);
		assert_string_equal(out, lines[i][1]);
		guard_free(&g);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(constants)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
