/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"

static void spans(void **state)
{
	(void)state;
	assert_true(span_is(SPAN_LIT("abc"), "abc"));
	assert_false(span_is(SPAN_LIT("abc"), "abcd"));
	assert_false(span_is(SPAN_LIT("abc\0"), "abc"));
	assert_true(span_is((struct span){0}, ""));
	assert_true(span_eq((struct span){0}, SPAN_LIT("")));
	assert_false(span_eq(SPAN_LIT("a"), SPAN_LIT("b")));
}

static void numbers(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8};
	struct cur c = cur_of(span_of(bytes, sizeof(bytes)));

	(void)state;
	assert_int_equal(cur_u8(&c), 1);
	assert_int_equal(cur_be16(&c), 0x0203);
	assert_int_equal(cur_be32(&c), 0x04050607);
	assert_true(cur_be64(&c) == 0xfffefdfcfbfaf9f8);
	assert_int_equal(cur_left(&c), 0);
	assert_int_equal(cur_end(&c), WIRE_OK);
	assert_int_equal(cur_u8(&c), 0);
	assert_int_equal(cur_end(&c), WIRE_BAD);
}

/* Each reader one byte short: zero, the end, and no way back. */
static void failure_sticks(void **state)
{
	static const size_t sizes[] = {1, 2, 4, 8, 5};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct guarded g = guard_copy("\xff\xff\xff\xff\xff\xff\xff\xff", sizes[i] - 1);
		struct cur c = cur_of(span_of(g.p, g.n));
		struct span s;

		switch (sizes[i]) {
		case 1: assert_int_equal(cur_u8(&c), 0); break;
		case 2: assert_int_equal(cur_be16(&c), 0); break;
		case 4: assert_int_equal(cur_be32(&c), 0); break;
		case 8: cur_be64(&c); break;
		default:
			s = cur_take(&c, 5);
			assert_null(s.p);
			assert_int_equal(s.n, 0);
		}
		assert_true(c.bad);
		assert_int_equal(cur_left(&c), 0);
		assert_int_equal(cur_u8(&c), 0);
		assert_null(cur_take(&c, 0).p);
		assert_null(cur_str(&c).p);
		assert_int_equal(cur_end(&c), WIRE_BAD);
		guard_free(&g);
	}
}

static void strings(void **state)
{
	struct guarded g = guard_copy("ab\0\0rest", 8);
	struct cur c = cur_of(span_of(g.p, g.n));
	struct span s;

	(void)state;
	assert_true(span_is(cur_str(&c), "ab"));
	s = cur_str(&c);
	assert_non_null(s.p);
	assert_int_equal(s.n, 0);
	assert_int_equal(cur_end(&c), WIRE_BAD);
	assert_int_equal(cur_left(&c), 4);
	/* No NUL up to the end. */
	assert_null(cur_str(&c).p);
	assert_true(c.bad);
	c = cur_of(span_of(g.p, g.n));
	assert_int_equal(cur_rest(&c).n, 8);
	assert_int_equal(cur_end(&c), WIRE_OK);
	assert_int_equal(cur_rest(&c).n, 0);
	assert_int_equal(cur_end(&c), WIRE_OK);
	guard_free(&g);
}

static void huge_take(void **state)
{
	struct cur c = cur_of(SPAN_LIT("abc"));

	(void)state;
	assert_null(cur_take(&c, SIZE_MAX).p);
	assert_true(c.bad);
}

static void fill(struct buf *b, const char *text, size_t max)
{
	size_t n = strlen(text), len;
	uint8_t *p;

	assert_int_equal(buf_reserve(b, n, max, &p, &len), 0);
	assert_true(len >= n);
	memcpy(p, text, n);
	buf_commit(b, n);
}

static void cursors(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(buf_peek(&b).n, 0);
	fill(&b, "hello", 1 << 20);
	fill(&b, " world", 1 << 20);
	assert_true(span_is(buf_peek(&b), "hello world"));
	buf_parse(&b, 6);
	assert_true(span_is(buf_peek(&b), "world"));
	assert_int_equal(b.done, 0);
	buf_consume(&b);
	assert_int_equal(b.done, 6);
	assert_true(span_is(buf_peek(&b), "world"));
	buf_parse(&b, 5);
	buf_consume(&b);
	/* An idle buffer holds no memory. */
	assert_null(b.block);
	assert_int_equal(b.cap, 0);
	fill(&b, "again", 1 << 20);
	assert_true(span_is(buf_peek(&b), "again"));
	buf_fini(&b);
}

/* Parsed bytes that are still to be sent stay where they are while there is room behind them. */
static void borrowed_bytes_stay(void **state)
{
	struct buf b = {0};
	struct span lent;

	(void)state;
	fill(&b, "lent", 1 << 20);
	lent = buf_peek(&b);
	buf_parse(&b, 4);
	fill(&b, "more", 1 << 20);
	assert_true(span_is(lent, "lent"));
	assert_ptr_equal(lent.p + 4, buf_peek(&b).p);
	buf_fini(&b);
}

static void growth_and_limit(void **state)
{
	static const char text[] = "0123456789abcdef";
	const size_t max = 100000;
	struct buf b = {0};
	size_t held = 0, len;
	uint8_t *p;

	(void)state;
	for (; held + 16 <= max; held += 16)
		fill(&b, text, max);
	assert_int_equal(buf_reserve(&b, max - held, max, &p, &len), 0);
	assert_int_equal(buf_reserve(&b, max - held + 1, max, &p, &len), -ENOBUFS);
	assert_int_equal(buf_reserve(&b, SIZE_MAX, max, &p, &len), -ENOBUFS);
	assert_int_equal(buf_peek(&b).n, held);
	for (size_t i = 0; i < held; i++)
		assert_int_equal(buf_peek(&b).p[i], text[i % 16]);
	/* What is done does not count, and its room is used again. */
	buf_parse(&b, held - 16);
	buf_consume(&b);
	assert_int_equal(buf_reserve(&b, max - 16, max, &p, &len), 0);
	assert_true(len >= max - 16);
	assert_true(span_is(buf_peek(&b), text));
	buf_fini(&b);
}

static void wiping(void **state)
{
	char secret[8] = "secret";

	(void)state;
	mem_wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret\0", 8);
	mem_wipe(NULL, 0);
}

/* Bytes that were consumed are gone from the block that stays; a block that was given back is not looked at
 * (that it is overwritten before, a debugger can see). */
static void secrets(void **state)
{
	struct buf b = {.secret = true};
	size_t len;
	uint8_t *p;

	(void)state;
	fill(&b, "password", 100);
	fill(&b, "rest", 100);
	buf_parse(&b, 8);
	buf_consume(&b);
	assert_memory_equal(b.block, "passwordrest", 12);
	buf_disclose(&b);
	assert_false(b.secret);
	assert_memory_equal(b.block, "\0\0\0\0\0\0\0\0rest", 12);
	b.secret = true;
	assert_int_equal(buf_reserve(&b, 20000, 100000, &p, &len), 0);
	assert_true(b.secret && span_is(buf_peek(&b), "rest"));
	buf_fini(&b);
	assert_true(b.secret && !b.block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans),
		cmocka_unit_test(numbers),
		cmocka_unit_test(failure_sticks),
		cmocka_unit_test(strings),
		cmocka_unit_test(huge_take),
		cmocka_unit_test(cursors),
		cmocka_unit_test(borrowed_bytes_stay),
		cmocka_unit_test(growth_and_limit),
		cmocka_unit_test(wiping),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
