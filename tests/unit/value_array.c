/* SPDX-License-Identifier: MIT */
#include "value/array.h"

#include "test.h"

static const struct desc_part text_part = {.oid = 25, .type = VALUE_TEXT, .typmod = -1};
static const struct value_desc texts = {.kind = DESC_ARRAY, .delim = ',', .n = 1, .parts = &text_part};

static struct value_shape shape(enum value_format format)
{
	return (struct value_shape){.type = VALUE_OTHER, .typmod = -1, .format = format, .desc = &texts};
}

/* Reads the cell at the edge of a page and writes what was read. .p == NULL: it was not an array. */
static struct span again(struct arena *a, enum value_format format, struct span cell)
{
	const struct value_shape s = shape(format);
	struct guarded g = guard_copy(cell.p, cell.n);
	struct array_reader r;
	struct array_writer w;
	struct span e, out = {0};

	if (array_open(&r, &s, span_of(g.p, g.n))) {
		array_start(&w, &s, &r.dims, a, 65536);
		while (array_next(&r, a, &e))
			array_put(&w, e);
		out = array_finish(&w);
		assert_non_null(out.p);
	}
	guard_free(&g);
	return out;
}

#define SAME(format, s)                                                                                      \
	do {                                                                                                 \
		struct arena a = {0};                                                                        \
		assert_true(span_eq(again(&a, format, SPAN_LIT(s)), SPAN_LIT(s)));                           \
		arena_fini(&a);                                                                              \
	} while (0)

static void text_as_the_server_writes_it(void **state)
{
	(void)state;
	SAME(VALUE_TEXT_FORMAT, "{}");
	SAME(VALUE_TEXT_FORMAT, "{a}");
	SAME(VALUE_TEXT_FORMAT, "{a,NULL,\"NULL\",\"\",\"a b\",\"\\\\\",\"\\\"\",\"{\",\"}\",\",\",é}");
	SAME(VALUE_TEXT_FORMAT, "{{a,b,c},{d,e,NULL}}");
	SAME(VALUE_TEXT_FORMAT, "{{{a},{b}},{{c},{d}},{{e},{f}}}");
	SAME(VALUE_TEXT_FORMAT, "[0:1]={a,b}");
	SAME(VALUE_TEXT_FORMAT, "[1:1][-2147483648:-2147483647]={{a,b}}");
	SAME(VALUE_TEXT_FORMAT, "{{{{{{a}}}}}}");
}

/* What array_in takes of an operator and array_out never writes. */
static void text_as_one_may_write_it(void **state)
{
	static const char *const pairs[][2] = {{" { a , b } ", "{a,b}"}, {"{\"a\"}", "{a}"}, {"{ }", "{}"},
		{"{null,Null}", "{NULL,NULL}"}, {"{\ta\n}", "{a}"}, {"{a b}", "{\"a b\"}"},
		{"{\"\\a\"}", "{a}"}, {"[1:1]={a}", "{a}"}};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		assert_true(span_is(again(&a, VALUE_TEXT_FORMAT, span_of(pairs[i][0], strlen(pairs[i][0]))),
			pairs[i][1]));
	arena_fini(&a);
}

static void text_that_is_no_array(void **state)
{
	static const char *const bad[] = {"", "a", "{", "}", "{a", "a}", "{a}}", "{a}{b}", "{a},", "{,}",
		"{a,}", "{,a}", "{a,,b}", "{{}}", "{{},{}}", "{{a},{}}", "{{a},{b,c}}", "{{a,b},{c}}",
		"{a,{b}}", "{{a},b}", "{{{{{{{a}}}}}}}", "{\"a}", "{\"a\\\"}", "{\"a\"b}", "{a\"b\"}",
		"{\"a\"\"b\"}", "{a\\b}", "{a}x", "{a} {b}", "[1:2]={a}", "[1:2]{a,b}", "[2]={a,b}",
		"[1:2][1:1]={a,b}", "[1:2]={}", "[2:1]={}", "[1:2={a,b}", "[:]={a}", "[1:]={a}", "[-:1]={a}",
		"[1:2147483648]={a}", "[99999999999:99999999999]={a}", "[2147483647:2147483647]={a}",
		"[-2147483649:1]={a}", "[1:1][1:1][1:1][1:1][1:1][1:1][1:1]={a}", "={a}", "{a;b}{"};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (again(&a, VALUE_TEXT_FORMAT, span_of(bad[i], strlen(bad[i]))).p)
			fail_msg("%s is an array", bad[i]);
	arena_fini(&a);
}

#define BE32(v)      "\0\0\0" v
#define HEAD(n, f)   BE32(n) BE32(f) BE32("\x19")
#define DIM(n, l)    BE32(n) BE32(l)
#define CELL(n, str) BE32(n) str
#define NONE         "\xff\xff\xff\xff"

static void binary_as_the_server_sends_it(void **state)
{
	(void)state;
	SAME(VALUE_BINARY_FORMAT, HEAD("\0", "\0"));
	SAME(VALUE_BINARY_FORMAT, HEAD("\1", "\0") DIM("\1", "\1") CELL("\1", "a"));
	SAME(VALUE_BINARY_FORMAT, HEAD("\1", "\1") DIM("\3", "\0") CELL("\1", "a") NONE CELL("\0", ""));
	SAME(VALUE_BINARY_FORMAT,
		HEAD("\2", "\0") DIM("\1", "\1") DIM("\2", "\5") CELL("\1", "a") CELL("\2", "bc"));
}

#define BAD(s)                                                                                               \
	do {                                                                                                 \
		struct arena mem = {0};                                                                      \
		assert_null(again(&mem, VALUE_BINARY_FORMAT, SPAN_LIT(s)).p);                                \
		arena_fini(&mem);                                                                            \
	} while (0)

static void binary_that_lies(void **state)
{
	static const char good[] = HEAD("\2", "\1") DIM("\1", "\1") DIM("\2", "\1") CELL("\1", "a") NONE;
	struct arena a = {0};
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(good) - 1; n++)
		assert_null(again(&a, VALUE_BINARY_FORMAT, span_of(good, n)).p);
	assert_non_null(again(&a, VALUE_BINARY_FORMAT, span_of(good, n)).p);
	arena_fini(&a);
	BAD(HEAD("\0", "\0") "x");                              /* more than it says */
	BAD(HEAD("\1", "\0") DIM("\1", "\1") CELL("\1", "ab")); /* a length too short */
	BAD(HEAD("\1", "\0") DIM("\1", "\1") CELL("\2", "a"));  /* and too long */
	BAD(HEAD("\1", "\0") DIM("\1", "\1") "\x80\0\0\0"
					     "a");                               /* and negative */
	BAD(BE32("\1") BE32("\0") BE32("\x17") DIM("\1", "\1") CELL("\1", "a")); /* another element type */
	BAD(BE32("\1") BE32("\2") BE32("\x19") DIM("\1", "\1") CELL("\1", "a")); /* flags nobody knows */
	BAD(HEAD("\1", "\0") DIM("\0", "\1"));                                   /* nothing in a dimension */
	BAD(HEAD("\1", "\0") "\xff\xff\xff\xff" BE32("\1"));                     /* less than nothing */
	BAD(HEAD("\1", "\0") BE32("\1") "\x7f\xff\xff\xff" CELL("\1", "a"));     /* bounds beyond an int */
	BAD(HEAD("\1", "\0") "\x7f\xff\xff\xff" BE32("\0") CELL("\1", "a")); /* elements that are not there */
	BAD(HEAD("\7", "\0") DIM("\1", "\1") DIM("\1", "\1") DIM("\1", "\1") DIM("\1", "\1") DIM("\1", "\1")
			DIM("\1", "\1") DIM("\1", "\1") CELL("\1", "a"));
	/* 2^32 * 2^32 elements are 0 in 64 bits */
	BAD(HEAD("\4", "\0") "\0\1\0\0" BE32("\1") "\0\1\0\0" BE32("\1") "\0\1\0\0" BE32(
		"\1") "\0\1\0\0" BE32("\1"));
}

static void a_writer_stays_within_bounds(void **state)
{
	const struct array_dims dims = {.n = 1, .size = {2}, .lower = {1}, .elements = 2};
	struct array_writer w;
	struct arena a = {0};

	(void)state;
	for (int f = 0; f < 2; f++) {
		const struct value_shape s = shape((enum value_format)f);

		array_start(&w, &s, &dims, &a, 30);
		array_put(&w, SPAN_LIT("0123456789"));
		array_put(&w, SPAN_LIT("01234567890123456789"));
		assert_null(array_finish(&w).p);
		array_start(&w, &s, &dims, &a, 300); /* one too few */
		array_put(&w, SPAN_LIT("a"));
		assert_null(array_finish(&w).p);
		array_start(&w, &s, &dims, &a, 300); /* one too many */
		for (int i = 0; i < 3; i++)
			array_put(&w, SPAN_LIT("a"));
		assert_null(array_finish(&w).p);
	}
	arena_fini(&a);
}

/* An element costs at least a byte of the cell: opening takes no memory whatever the cell says. */
static void opening_takes_no_memory(void **state)
{
	const struct value_shape s = shape(VALUE_TEXT_FORMAT);
	struct array_reader r;
	struct arena none;
	struct span e;

	(void)state;
	arena_init(&none, 1);
	assert_true(array_open(&r, &s, SPAN_LIT("{a,\"\\\"\",b}")));
	assert_int_equal(r.dims.elements, 3);
	assert_true(array_next(&r, &none, &e));
	assert_false(array_next(&r, &none, &e)); /* escaped */
	arena_fini(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_as_the_server_writes_it),
		cmocka_unit_test(text_as_one_may_write_it),
		cmocka_unit_test(text_that_is_no_array),
		cmocka_unit_test(binary_as_the_server_sends_it),
		cmocka_unit_test(binary_that_lies),
		cmocka_unit_test(a_writer_stays_within_bounds),
		cmocka_unit_test(opening_takes_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
