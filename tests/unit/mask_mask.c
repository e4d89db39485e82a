/* SPDX-License-Identifier: MIT */
#include "mask/mask.h"

#include "test.h"
#include "value_styles.h"

#include "mask/kind.h"
#include "mask/regex.h"

/* What each mask makes of which value stands in tests/golden/mask.txt; here is what holds for all values. */

#define NUMERIC_TYPMOD(p, s) (4 + ((p) << 16 | ((s)&0x7ff)))

static struct mask mask_of(enum mask_kind kind)
{
	struct mask m = {.kind = kind,
		.last = 2,
		.fill = "*",
		.domain = "test",
		.step = 7,
		.replace = REPLACE_REDACT,
		.alphabet = FPE_DIGITS,
		.noise = 100000,
		.relative = true};

	mask_key_init(&m, (const uint8_t *)"7777777777777777777777777777777");
	return m;
}

static struct span apply(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct guarded g = guard_copy(cell.p, cell.n);
	struct span out = mask_apply(m, s, span_of(g.p, g.n), a);

	/* The cell is gone: what was borrowed from it would crash below. */
	guard_free(&g);
	return out;
}

static void kinds(void **state)
{
	(void)state;
	assert_string_equal(mask_kind_name(MASK_NULL), "null");
	assert_string_equal(mask_kind_name(MASK_REDACT), "redact");
	assert_string_equal(mask_kind_name(MASK_FIXED), "fixed");
	assert_string_equal(mask_kind_name(MASK_FAKE), "fake");
	assert_string_equal(mask_kind_name(MASK_HASH), "hash");
	assert_string_equal(mask_kind_name(MASK_TOKEN), "token");
	assert_string_equal(mask_kind_name(MASK_DATE), "date");
	assert_string_equal(mask_kind_name(MASK_NUMBER), "number");
	assert_string_equal(mask_kind_name(MASK_EMAIL), "email");
	assert_string_equal(mask_kind_name(MASK_NOISE), "noise");
	assert_string_equal(mask_kind_name(MASK_FPE), "fpe");
	assert_string_equal(mask_kind_name(MASK_PARTIAL), "partial");
	assert_string_equal(mask_kind_name(MASK_REGEX), "regex");
	assert_string_equal(mask_kind_name(MASK_JSONPATH), "jsonpath");
	assert_string_equal(mask_kind_name(MASK_DETECT), "detect");
	assert_string_equal(mask_kind_name((enum mask_kind)99), "null");
	assert_false(
		mask_reads_input(MASK_NULL) || mask_reads_input(MASK_REDACT) || mask_reads_input(MASK_FIXED));
	assert_true(mask_reads_input(MASK_HASH) && mask_reads_input(MASK_EMAIL) &&
		    mask_reads_input(MASK_PARTIAL) && mask_reads_input(MASK_DATE) &&
		    mask_reads_input(MASK_NUMBER) && mask_reads_input(MASK_DETECT) &&
		    mask_reads_input(MASK_REGEX));
	assert_true(mask_reads_input((enum mask_kind)99));
}

/* Zeroed memory and a kind that does not exist show nothing. */
static void zero_is_null(void **state)
{
	const struct value_shape s = {.type = VALUE_TEXT, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct mask m = {0};
	struct arena a = {0};

	(void)state;
	assert_null(apply(&m, &s, SPAN_LIT("secret"), &a).p);
	m.kind = (enum mask_kind)99;
	assert_null(apply(&m, &s, SPAN_LIT("secret"), &a).p);
	arena_fini(&a);
}

/* No mask shows anything of a type it does not know. */
static void other_types(void **state)
{
	struct arena a = {0};
	enum mask_kind k;
	int f;

	(void)state;
	for (k = MASK_NULL; k <= MASK_LAST; k++) {
		struct mask m = mask_of(k);

		m.fixed = "0";
		for (f = 0; f < 2; f++)
			assert_null(apply(&m,
				&(struct value_shape){
					.type = VALUE_OTHER, .typmod = -1, .format = (enum value_format)f},
				SPAN_LIT("secret"), &a)
					    .p);
	}
	arena_fini(&a);
}

static void without_memory(void **state)
{
	struct arena none;
	enum value_type t;
	enum mask_kind k;

	(void)state;
	arena_init(&none, 1);
	for (k = MASK_NULL; k <= MASK_LAST; k++) {
		for (t = VALUE_OTHER; t < VALUE_TYPE_COUNT; t++) {
			struct mask m = mask_of(k);

			m.fixed = "0";
			assert_null(mask_apply(&m,
				&(struct value_shape){.type = t, .typmod = -1, .format = VALUE_TEXT_FORMAT},
				SPAN_LIT("1"), &none)
					    .p);
		}
	}
	arena_fini(&none);
}

/* In numeric(1) one value in ten hashes to itself at first. */
static void hash_is_never_the_value(void **state)
{
	const struct value_shape s = {
		.type = VALUE_NUMERIC, .typmod = NUMERIC_TYPMOD(1, 0), .format = VALUE_TEXT_FORMAT};
	struct mask m = mask_of(MASK_HASH);
	unsigned nulls = 0, key, digit;
	struct arena a = {0};

	(void)state;
	for (key = 0; key < 256; key++) {
		for (digit = '0'; digit <= '9'; digit++) {
			uint8_t cell = (uint8_t)digit;
			struct span out;

			m.key.inner[0] = key;
			out = apply(&m, &s, span_of(&cell, 1), &a);
			nulls += !out.p;
			assert_false(out.p && span_eq(out, span_of(&cell, 1)));
		}
	}
	assert_in_range(nulls, 1, 2560 / 40); /* about one in a hundred */
	arena_fini(&a);
}

/* Equal values hash alike whatever the format and, within text and within integers, the type. */
static void hash_joins(void **state)
{
	struct mask m = mask_of(MASK_HASH);
	const struct value_shape same_text[] = {
		{.type = VALUE_TEXT, .typmod = -1, .format = VALUE_TEXT_FORMAT},
		{.type = VALUE_TEXT, .typmod = -1, .format = VALUE_BINARY_FORMAT},
		{.type = VALUE_VARCHAR, .typmod = 84, .format = VALUE_TEXT_FORMAT},
		{.type = VALUE_VARCHAR, .typmod = -1, .format = VALUE_BINARY_FORMAT},
		{.type = VALUE_BPCHAR, .typmod = -1, .format = VALUE_TEXT_FORMAT}};
	struct arena a = {0};
	struct span first, out, c, first_c;
	size_t i;

	(void)state;
	first = apply(&m, &same_text[0], SPAN_LIT("alice"), &a);
	assert_int_equal(first.n, 64);
	for (i = 1; i < ARRAY_LEN(same_text); i++)
		assert_true(span_eq(apply(&m, &same_text[i], SPAN_LIT("alice"), &a), first));
	assert_true(span_eq(apply(&m, &same_text[4], SPAN_LIT("alice   "), &a), first));
	assert_false(span_eq(apply(&m, &same_text[0], SPAN_LIT("alice   "), &a), first));

	first = apply(&m,
		&(struct value_shape){.type = VALUE_NUMERIC, .typmod = -1, .format = VALUE_TEXT_FORMAT},
		SPAN_LIT("1.50"), &a);
	assert_true(value_canonical(&a,
		&(struct value_shape){.type = VALUE_NUMERIC, .typmod = -1, .format = VALUE_TEXT_FORMAT},
		first, &first_c));
	out = apply(&m,
		&(struct value_shape){.type = VALUE_NUMERIC, .typmod = -1, .format = VALUE_BINARY_FORMAT},
		SPAN_LIT("\0\2\0\0\0\0\0\1\0\1\x13\x88"), &a);
	assert_true(value_canonical(&a,
		&(struct value_shape){.type = VALUE_NUMERIC, .typmod = -1, .format = VALUE_BINARY_FORMAT},
		out, &c));
	assert_true(span_eq(c, first_c));
	arena_fini(&a);
}

static void hash_depends_on_key_domain_and_class(void **state)
{
	const struct value_shape text = {.type = VALUE_TEXT, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct mask m = mask_of(MASK_HASH), other = m;
	struct arena a = {0};
	struct span first = apply(&m, &text, SPAN_LIT("7"), &a);

	(void)state;
	other.key.outer[7] ^= 1;
	assert_false(span_eq(apply(&other, &text, SPAN_LIT("7"), &a), first));
	other = m;
	other.domain[0] = 'T';
	assert_false(span_eq(apply(&other, &text, SPAN_LIT("7"), &a), first));
	/* a domain that fills its array has no NUL */
	memset(other.domain, 'd', sizeof(other.domain));
	assert_int_equal(apply(&other, &text, SPAN_LIT("7"), &a).n, 64);
	arena_fini(&a);
}

/* A fill that is not one character would change how long a value looks, or not be text. */
static void odd_fills(void **state)
{
	static const char *const fills[] = {"", "ab", "\xff", "\xc3", "\xe2\x82"};
	const struct value_shape s = {.type = VALUE_TEXT, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct arena a = {0};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(fills); i++) {
		struct mask m = mask_of(MASK_PARTIAL);

		memset(m.fill, 0, sizeof(m.fill));
		memcpy(m.fill, fills[i], strlen(fills[i]));
		assert_true(span_is(apply(&m, &s, SPAN_LIT("secret"), &a), "****et"));
	}
	arena_fini(&a);
}

static void partial_limits_do_not_overflow(void **state)
{
	const struct value_shape s = {.type = VALUE_TEXT, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct mask m = mask_of(MASK_PARTIAL);
	struct arena a = {0};

	(void)state;
	m.first = m.last = UINT32_MAX;
	assert_true(span_is(apply(&m, &s, SPAN_LIT("secret"), &a), "******"));
	m.first = 0;
	assert_true(span_is(apply(&m, &s, SPAN_LIT("secret"), &a), "******"));
	m.first = UINT32_MAX;
	m.last = 1; /* their sum is 0 in 32 bits */
	assert_true(span_is(apply(&m, &s, SPAN_LIT("secret"), &a), "******"));
	arena_fini(&a);
}

/* A document of many small strings takes the memory of its result, not that of every string. */
static void document_memory(void **state)
{
	static char text[40000];
	struct value_shape s = {.type = VALUE_JSON, .typmod = -1};
	struct mask m = {.kind = MASK_REGEX};
	struct arena a = {0};
	enum regex_part part;
	struct err e;
	struct span out;

	(void)state;
	assert_int_equal(regex_new(&m.regex, "[0-9]+", "#", REGEX_WHOLE, &part, &e), 0);
	memset(text, '"', sizeof(text));
	text[0] = '[';
	for (size_t i = 3; i < sizeof(text) - 1; i += 3)
		text[i] = ',';
	text[sizeof(text) - 1] = ']';
	out = apply(&m, &s, span_of(text, sizeof(text)), &a);
	assert_true(out.n > sizeof(text) * 2 && !memcmp(out.p, "[\"****\",\"****\"", 14));
	assert_true(a.held < out.n * 8);
	arena_fini(&a);
	mask_fini(&m);
}

/* Every mask on every type in both formats, fed random bytes: the result, if any, is a value of the type. */
static void random_bytes(void **state)
{
	struct value_style styles[STYLES];
	unsigned seed = 3, round;
	enum regex_part part;
	struct regex *regex;
	struct err e;
	struct arena a = {0};
	struct span c;

	(void)state;
	for (round = 0; round < STYLES; round++)
		styles[round] = style_at(round);
	assert_int_equal(regex_new(&regex, "[0-9a-]+", "\\0.", REGEX_EACH, &part, &e), 0);
	for (round = 0; round < 60000; round++) {
		struct mask m = mask_of((enum mask_kind)(round % (MASK_LAST + 1)));
		struct value_shape s = {.type = (enum value_type)(rand_r(&seed) % VALUE_TYPE_COUNT),
			.typmod = -1,
			.format = (enum value_format)(rand_r(&seed) & 1),
			.style = &styles[round % STYLES]};
		uint8_t cell[48];
		size_t n = (size_t)rand_r(&seed) % sizeof(cell), i;
		struct span out;

		if (s.type == VALUE_VARCHAR || s.type == VALUE_BPCHAR)
			s.typmod = 4 + rand_r(&seed) % 20;
		else if (s.type == VALUE_NUMERIC)
			s.typmod = NUMERIC_TYPMOD(rand_r(&seed) % 12, rand_r(&seed) % 12 - 4);
		for (i = 0; i < n; i++)
			cell[i] = (uint8_t)(rand_r(&seed) & 1 ? "0123456789-@.ae"[rand_r(&seed) % 15]
							      : rand_r(&seed));
		m.fixed = "1";
		m.regex = regex;
		m.first = (unsigned)rand_r(&seed) % 4;
		m.step = 1 + (uint64_t)rand_r(&seed) % 5000;
		m.bucket = rand_r(&seed) & 1;
		m.detectors = (struct detectors){0};
		if (rand_r(&seed) & 1)
			m.detectors.bits[0] = (unsigned)rand_r(&seed) & 31;
		m.replace = (enum replace)(rand_r(&seed) & 3);
		m.unit = (enum time_unit)(rand_r(&seed) % 9);
		out = apply(&m, &s, span_of(cell, n), &a);
		if (!mask_has_form(m.kind, s.type))
			assert_true(!out.p || span_eq(out, mask_redact(&s, &a)));
		if (out.p) {
			assert_true(value_canonical(&a, &s, out, &c));
			if (value_is_text(s.type))
				assert_true(value_text_fits(&s, out));
		}
		arena_reset(&a);
	}
	regex_free(regex);
	arena_fini(&a);
}

static void fini_wipes(void **state)
{
	struct mask m = mask_of(MASK_FIXED), zero;

	(void)state;
	m.fixed = strdup("n/a");
	mask_fini(&m);
	memset(&zero, 0, sizeof(zero));
	assert_memory_equal(&m, &zero, sizeof(m));
	mask_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(zero_is_null),
		cmocka_unit_test(other_types),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(hash_is_never_the_value),
		cmocka_unit_test(hash_joins),
		cmocka_unit_test(hash_depends_on_key_domain_and_class),
		cmocka_unit_test(odd_fills),
		cmocka_unit_test(partial_limits_do_not_overflow),
		cmocka_unit_test(document_memory),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(fini_wipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
