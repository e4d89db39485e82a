/* SPDX-License-Identifier: MIT */
#include "test.h"

/* The table itself is looked at: bsearch is silent about one that is not sorted. */
#include "pgwire/sqlstate.c"

static void texts(void **state)
{
	static const char *const cases[][2] = {
		{"00000", "successful completion"},
		{"01000", "warning"},
		{"01003", "null value eliminated in set function"},
		{"02000", "no data"},
		{"08P01", "protocol violation"},
		{"22008", "datetime field overflow"},
		{"22012", "division by zero"},
		{"22P02", "invalid text representation"},
		{"23505", "unique violation"},
		{"25P02", "in failed sql transaction"},
		{"25P04", "transaction timeout"},
		{"28P01", "invalid password"},
		{"40001", "serialization failure"},
		{"42501", "insufficient privilege"},
		{"42P01", "undefined table"},
		{"53300", "too many connections"},
		{"57014", "query canceled"},
		{"72000", "snapshot too old"},
		{"HV000", "fdw error"},
		{"P0001", "raise exception"},
		{"XX000", "internal error"},
		{"XX002", "index corrupted"},
		/* classes */
		{"22ZZZ", "data exception"},
		{"42ABC", "syntax error or access rule violation"},
		{"P0999", "plpgsql error"},
		/* neither */
		{"ZZ000", "error"},
		{"zz999", "error"},
		{"", "error"},
		{"2201", "error"},
		{"220120", "error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct guarded g = guard_copy(cases[i][0], strlen(cases[i][0]));

		assert_string_equal(sqlstate_text(span_of(g.p, g.n)), cases[i][1]);
		guard_free(&g);
	}
	assert_string_equal(sqlstate_text((struct span){0}), "error");
	assert_string_equal(sqlstate_text(SPAN_LIT("\0\xff\0\xff\0")), "error");
}

static void constant_messages(void **state)
{
	static const char *const cases[][3] = {
		{"57014", "canceling statement due to user request",
			"canceling statement due to user request"},
		{"57014", "canceling statement due to statement timeout",
			"canceling statement due to statement timeout"},
		{"57014", "canceling statement due to user request ", "query canceled"},
		{"57014", "canceling statement due to lock timeout", "query canceled"},
		{"55P03", "canceling statement due to lock timeout",
			"canceling statement due to lock timeout"},
		{"22012", "canceling statement due to user request", "division by zero"},
		{"57014", "a value", "query canceled"},
		{"57014", "", "query canceled"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(sqlstate_message(span_of(cases[i][0], strlen(cases[i][0])),
					    span_of(cases[i][1], strlen(cases[i][1]))),
			cases[i][2]);
	assert_string_equal(sqlstate_message(SPAN_LIT("57014"), (struct span){0}), "query canceled");
}

static void whole_table(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(states), 261);
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		const struct state *s = &states[i];
		char class[CODE_LEN + 1];

		assert_int_equal(strlen(s->code), CODE_LEN);
		assert_int_equal(strspn(s->code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), CODE_LEN);
		assert_int_equal(strspn(s->text, "abcdefghijklmnopqrstuvwxyz "), strlen(s->text));
		assert_true(i == 0 || strcmp(states[i - 1].code, s->code) < 0);
		assert_ptr_equal(sqlstate_text(span_of(s->code, CODE_LEN)), s->text);
		/* Every class has a text of its own to fall back on. */
		snprintf(class, sizeof(class), "%.2s~~~", s->code);
		assert_string_not_equal(sqlstate_text(span_of(class, CODE_LEN)), "error");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(constant_messages),
		cmocka_unit_test(whole_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
