/* SPDX-License-Identifier: MIT */
#include "value/composite.h"

#include "test.h"

static const struct desc_part parts[] = {
	{.oid = 23, .type = VALUE_INT4, .typmod = -1}, {.oid = 25, .type = VALUE_TEXT, .typmod = -1}};
static const struct value_desc descs[] = {{.kind = DESC_COMPOSITE, .n = 0, .parts = parts},
	{.kind = DESC_COMPOSITE, .n = 1, .parts = parts + 1},
	{.kind = DESC_COMPOSITE, .n = 2, .parts = parts}};

/* Reads the cell of n fields at the edge of a page and writes what was read. .p == NULL: it was none. */
static struct span again(struct arena *a, unsigned n, enum value_format format, struct span cell)
{
	const struct value_shape s = {.typmod = -1, .format = format, .desc = &descs[n]};
	struct guarded g = guard_copy(cell.p, cell.n);
	struct composite_reader r;
	struct composite_writer w;
	struct span f, out = {0};
	bool ok = true;

	composite_open(&r, &s, span_of(g.p, g.n));
	composite_start(&w, &s, a, 65536);
	for (unsigned i = 0; i < n && ok; i++) {
		ok = composite_next(&r, a, &f);
		if (ok)
			composite_put(&w, f);
	}
	if (ok && composite_end(&r)) {
		out = composite_finish(&w);
		assert_non_null(out.p);
	}
	guard_free(&g);
	return out;
}

#define SAME(n, format, s)                                                                                   \
	do {                                                                                                 \
		struct arena a = {0};                                                                        \
		assert_true(span_eq(again(&a, n, format, SPAN_LIT(s)), SPAN_LIT(s)));                        \
		arena_fini(&a);                                                                              \
	} while (0)

static void text_as_the_server_writes_it(void **state)
{
	(void)state;
	SAME(0, VALUE_TEXT_FORMAT, "()");
	SAME(1, VALUE_TEXT_FORMAT, "()");
	SAME(1, VALUE_TEXT_FORMAT, "(\"\")");
	SAME(1, VALUE_TEXT_FORMAT, "(NULL)");
	SAME(2, VALUE_TEXT_FORMAT, "(,)");
	SAME(2, VALUE_TEXT_FORMAT, "(1,a)");
	SAME(2, VALUE_TEXT_FORMAT, "(1,\"a b\")");
	SAME(2, VALUE_TEXT_FORMAT, "(1,\"\"\"\\\\()\")");
	SAME(2, VALUE_TEXT_FORMAT, "(\",\",é)");
	SAME(1, VALUE_TEXT_FORMAT, "(\"\"\"\"\"\")");
}

static void text_that_is_no_such_row(void **state)
{
	static const struct {
		unsigned n;
		const char *text;
	} bad[] = {{0, ""}, {0, "("}, {0, ")"}, {0, "(,)"}, {0, "(a)"}, {0, "()x"}, {1, ""}, {1, "("},
		{1, "(a"}, {1, "a)"}, {1, "(a,)"}, {1, "(a)b"}, {1, "(a))"}, {1, "(\"a)"}, {1, "(\"a\"b)"},
		{1, "(a\"b\")"}, {1, "(\"a\\\")"}, {1, "(\"\\"}, {1, "(\"\"\")"}, {1, "(\""}, {1, "((a)"},
		{1, "(a\\b)"}, {2, "()"}, {2, "(1)"}, {2, "(1,2,3)"}, {2, "(1;2)"}, {2, "(1,2"}, {2, "1,2)"}};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (again(&a, bad[i].n, VALUE_TEXT_FORMAT, span_of(bad[i].text, strlen(bad[i].text))).p)
			fail_msg("%s is a row of %u", bad[i].text, bad[i].n);
	arena_fini(&a);
}

#define BE32(v) "\0\0\0" v
#define GOOD    BE32("\2") BE32("\x17") BE32("\4") BE32("\7") BE32("\x19") BE32("\2") "ab"
#define NONE    "\xff\xff\xff\xff"

static void binary_rows(void **state)
{
	(void)state;
	SAME(0, VALUE_BINARY_FORMAT, BE32("\0"));
	SAME(1, VALUE_BINARY_FORMAT, BE32("\1") BE32("\x19") NONE);
	SAME(1, VALUE_BINARY_FORMAT, BE32("\1") BE32("\x19") BE32("\0"));
	SAME(2, VALUE_BINARY_FORMAT, GOOD);
}

#define BAD(n, s)                                                                                            \
	do {                                                                                                 \
		struct arena mem = {0};                                                                      \
		assert_null(again(&mem, n, VALUE_BINARY_FORMAT, SPAN_LIT(s)).p);                             \
		arena_fini(&mem);                                                                            \
	} while (0)

static void binary_that_lies(void **state)
{
	struct arena a = {0};

	(void)state;
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++)
		assert_null(again(&a, 2, VALUE_BINARY_FORMAT, span_of(GOOD, n)).p);
	arena_fini(&a);
	BAD(2, GOOD "x");
	BAD(0, BE32("\1") BE32("\x19") NONE); /* another number of fields */
	BAD(2, BE32("\1") BE32("\x17") NONE);
	BAD(2, BE32("\2") BE32("\x19") NONE BE32("\x17") NONE); /* of other types */
	BAD(1, BE32("\1") BE32("\x19") BE32("\1") "ab");        /* a length too short */
	BAD(1, BE32("\1") BE32("\x19") BE32("\3") "ab");        /* and too long */
	BAD(1, BE32("\1") BE32("\x19") "\x80\0\0\0"
				       "ab"); /* and negative */
}

static void a_writer_stays_within_bounds(void **state)
{
	struct composite_writer w;
	struct arena a = {0};

	(void)state;
	for (int f = 0; f < 2; f++) {
		const struct value_shape s = {
			.typmod = -1, .format = (enum value_format)f, .desc = &descs[1]};

		composite_start(&w, &s, &a, 20);
		composite_put(&w, SPAN_LIT("01234567890123456789"));
		assert_null(composite_finish(&w).p);
		composite_start(&w, &s, &a, 200); /* one too few */
		assert_null(composite_finish(&w).p);
		composite_start(&w, &s, &a, 200); /* one too many */
		composite_put(&w, SPAN_LIT("a"));
		composite_put(&w, SPAN_LIT("a"));
		assert_null(composite_finish(&w).p);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_as_the_server_writes_it),
		cmocka_unit_test(text_that_is_no_such_row),
		cmocka_unit_test(binary_rows),
		cmocka_unit_test(binary_that_lies),
		cmocka_unit_test(a_writer_stays_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
