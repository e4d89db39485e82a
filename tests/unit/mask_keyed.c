/* SPDX-License-Identifier: MIT */
#include "mask/keyed.h"

#include "test.h"
#include "value_styles.h"

static struct mask keyed(const char *domain)
{
	struct mask m = {0};

	strcpy(m.domain, domain);
	mask_key_init(&m, (const uint8_t *)"0123456789abcdef0123456789abcdef");
	return m;
}

/* Each number below n comes out once. */
static void one_to_one(const struct mask *m, uint8_t class, unsigned n)
{
	uint8_t *seen = calloc(n, 1);

	assert_non_null(seen);
	for (unsigned x = 0; x < n; x++) {
		uint64_t y = keyed_permute(&m->aes, class, n, x);

		assert_true(y < n);
		assert_false(seen[y]);
		seen[y] = 1;
	}
	free(seen);
}

static void permutation(void **state)
{
	struct mask m = keyed("a");

	(void)state;
	for (unsigned n = 1; n < 130; n++)
		one_to_one(&m, 0, n);
	one_to_one(&m, 0, 9999);
	one_to_one(&m, 1, 32768);
	for (uint64_t x = 0; x < 100; x++)
		assert_true(keyed_permute(&m.aes, 0, UINT64_C(1) << 63, x) < UINT64_C(1) << 63);
}

/* By key domain, class and range: of a thousand numbers few go where they go in another permutation. */
static void apart(void **state)
{
	struct mask a = keyed("a"), b = keyed("b");
	unsigned domain = 0, class = 0, range = 0, still = 0;

	(void)state;
	for (uint64_t x = 0; x < 1000; x++) {
		uint64_t y = keyed_permute(&a.aes, 0, 100000, x);

		domain += y == keyed_permute(&b.aes, 0, 100000, x);
		class += y == keyed_permute(&a.aes, 1, 100000, x);
		range += y == keyed_permute(&a.aes, 0, 100001, x);
		still += y == x;
	}
	assert_true(domain < 3 && class < 3 && range < 3 && still < 3);
}

static struct span shifted(const struct mask *m, struct arena *a, enum value_type t, const char *cell,
	enum value_type of, const char *entity)
{
	struct value_style style = style_at(0);
	struct value_shape s = {.type = t, .typmod = -1, .style = &style},
			   whose = {.type = of, .typmod = -1, .style = &style};

	return mask_shift(m, &s, span_of(cell, strlen(cell)), &whose,
		entity ? span_of(entity, strlen(entity)) : (struct span){0}, a);
}

#define SHIFTED(want, t, cell, of, entity)                                                                   \
	do {                                                                                                 \
		struct span got_ = shifted(&m, &a, t, cell, of, entity);                                     \
		assert_true(got_.p &&span_eq(got_, span_of(want, strlen(want))));                            \
	} while (0)

/* The wanted ones were computed in Python. */
static void shift(void **state)
{
	struct mask m = keyed("a"), other = keyed("b");
	struct arena a = {0};

	(void)state;
	m.kind = other.kind = MASK_SHIFT;
	m.days = other.days = 30;
	SHIFTED("1984-02-23", VALUE_DATE, "1984-03-09", VALUE_INT4, "7");
	SHIFTED("1984-02-23", VALUE_DATE, "1984-03-09", VALUE_INT8, "7");
	SHIFTED("1984-03-04", VALUE_DATE, "1984-03-09", VALUE_INT8, "8");
	SHIFTED("1984-02-23 10:11:12.5", VALUE_TIMESTAMP, "1984-03-09 10:11:12.5", VALUE_TEXT, "7");
	SHIFTED("1984-03-04 10:11:12+00", VALUE_TIMESTAMPTZ, "1984-03-09 10:11:12+00", VALUE_TEXT, "8");
	assert_false(span_eq(shifted(&m, &a, VALUE_DATE, "1984-03-09", VALUE_INT4, "7"),
		shifted(&other, &a, VALUE_DATE, "1984-03-09", VALUE_INT4, "7")));
	/* No entity, one that cannot be read, a date that is none or would be none: nothing. */
	assert_null(shifted(&m, &a, VALUE_DATE, "1984-03-09", VALUE_INT4, NULL).p);
	assert_null(shifted(&m, &a, VALUE_DATE, "1984-03-09", VALUE_INT4, "seven").p);
	assert_null(shifted(&m, &a, VALUE_DATE, "1984-03-09", VALUE_OTHER, "7").p);
	assert_null(shifted(&m, &a, VALUE_DATE, "infinity", VALUE_INT4, "7").p);
	assert_null(shifted(&m, &a, VALUE_TIMESTAMP, "-infinity", VALUE_INT4, "7").p);
	assert_null(shifted(&m, &a, VALUE_TIME, "10:11:12", VALUE_INT4, "7").p);
	assert_null(shifted(&m, &a, VALUE_TEXT, "1984-03-09", VALUE_INT4, "7").p);
	SHIFTED("1970-01-01", VALUE_DATE, "09/03/1984", VALUE_INT4, "7");
	m.days = 0;
	assert_null(shifted(&m, &a, VALUE_DATE, "1984-03-09", VALUE_INT4, "7").p);
	arena_fini(&a);
}

/* Never by nothing, never by more, and every number of days occurs. */
static void shift_spread(void **state)
{
	struct value_shape date = {.type = VALUE_DATE, .typmod = -1, .format = VALUE_BINARY_FORMAT},
			   id = {.type = VALUE_INT4, .typmod = -1, .format = VALUE_BINARY_FORMAT};
	struct mask m = keyed("a");
	unsigned seen[21] = {0};
	struct arena a = {0};

	(void)state;
	m.kind = MASK_SHIFT;
	m.days = 10;
	for (unsigned i = 0; i < 4000; i++) {
		uint8_t whose[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i}, cell[4] = {0, 0, 1, 0};
		struct span got = mask_shift(&m, &date, span_of(cell, 4), &id, span_of(whose, 4), &a);
		struct cur c = cur_of(got);
		int by = (int)cur_be32(&c) - 256;

		assert_true(got.n == 4 && by && by >= -10 && by <= 10);
		seen[by + 10]++;
	}
	for (int by = -10; by <= 10; by++)
		assert_true(by ? seen[by + 10] > 100 && seen[by + 10] < 300 : !seen[10]);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permutation),
		cmocka_unit_test(apart),
		cmocka_unit_test(shift),
		cmocka_unit_test(shift_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
