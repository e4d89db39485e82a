/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "pgwire/copy.h"

static const struct copy_style TEXT = {
	.format = COPY_TEXT, .delimiter = '\t', .null = SPAN_LIT("\\N"), .ncols = 3};
static const struct copy_style CSV = {
	.format = COPY_CSV, .delimiter = ',', .quote = '"', .escape = '"', .null = SPAN_LIT(""), .ncols = 3};
static const struct copy_style BINARY = {.format = COPY_BINARY, .ncols = 3};

/* Reads all, piece bytes at a time, and tells it as: cells in [], NULL as -, rows and the other kinds each
 * with a newline. BAD stands where it stopped, MORE where the end is missing. */
static char *told(const struct copy_style *s, struct span in, size_t piece, size_t row_max)
{
	static const char *const kinds[] = {"", "header ", "signature", "trailer"};
	struct copy_reader *r = copy_reader_new(s, row_max);
	struct arena a = {0};
	struct copy_row row;
	enum wire w = WIRE_MORE;
	char *out;
	size_t n;
	FILE *o = open_memstream(&out, &n);

	assert_non_null(r);
	for (size_t at = 0; w == WIRE_MORE && at < in.n; at += piece) {
		struct guarded g = guard_copy(in.p + at, in.n - at < piece ? in.n - at : piece);

		assert_int_equal(copy_reader_feed(r, span_of(g.p, g.n)), WIRE_OK);
		while ((w = copy_reader_next(r, &row)) == WIRE_OK) {
			fprintf(o, "%s", kinds[row.kind]);
			for (unsigned i = 0; row.cells && i < s->ncols; i++) {
				struct span v;

				if (copy_cell_value(s, &row, i, &a, &v) != WIRE_OK)
					fputs("BAD", o);
				else if (v.p)
					fprintf(o, "[%.*s]", (int)v.n, (const char *)v.p);
				else
					fputc('-', o);
			}
			fputc('\n', o);
		}
		guard_free(&g);
	}
	if (w == WIRE_BAD)
		fputs("BAD", o);
	else if (!copy_reader_done(r))
		fputs("MORE", o);
	fclose(o);
	copy_reader_free(r);
	arena_fini(&a);
	return out;
}

static void check(const struct copy_style *s, struct span in, const char *want)
{
	for (size_t piece = 1; piece <= in.n; piece++) {
		char *got = told(s, in, piece, 1000);

		assert_string_equal(got, want);
		free(got);
	}
}
#define CHECK(style, text, want) check(style, SPAN_LIT(text), want)

static void text(void **state)
{
	struct copy_style s = TEXT;

	(void)state;
	CHECK(&s, "1\tann\t\\N\n2\t\t\\\\N\n", "[1][ann]-\n[2][][\\N]\n");
	CHECK(&s, "a\\tb\\nc\\\\\\b\\f\\r\\v\tx\ty\n", "[a\tb\nc\\\b\f\r\v][x][y]\n");
	CHECK(&s, "1\t2\n", "BAD");
	CHECK(&s, "1\t2\t3\t4\n", "BAD");
	CHECK(&s, "1\t2\t3", "MORE");
	CHECK(&s, "1\t2\t3\\", "MORE");
	CHECK(&s, "1\t2\t3\\\n", "BAD");
	CHECK(&s, "1\t\\x41\t\\.\n", "[1]BADBAD\n");
	s.delimiter = '|';
	s.null = SPAN_LIT("");
	CHECK(&s, "a\\|b||c\td\n", "[a|b]-[c\td]\n");
	s.delimiter = 'N';
	CHECK(&s, "\\NNNx\n", "[N]-[x]\n");
	s = TEXT;
	s.header = true;
	CHECK(&s, "id\tna\\tme\tb\n1\t2\t3\n", "header [id][na\tme][b]\n[1][2][3]\n");
	s.header = false;
	s.ncols = 1;
	CHECK(&s, "\n\\N\nx\n", "[]\n-\n[x]\n");
	s.ncols = 0;
	CHECK(&s, "\n\n", "\n\n");
	CHECK(&s, "x\n", "BAD");
}

static void csv(void **state)
{
	struct copy_style s = CSV;

	(void)state;
	CHECK(&s, "1,ann,\n\"\",\"a\"\"b\",\"x,\ny\"\n", "[1][ann]-\n[][a\"b][x,\ny]\n");
	CHECK(&s, "1,\"\"\"\",\"\"\"x\"\"\"\n", "[1][\"][\"x\"]\n");
	CHECK(&s, "1,2\n", "BAD");
	CHECK(&s, "1,a\"b,2\n", "BAD");
	CHECK(&s, "1,\"a\"b,2\n", "BAD");
	CHECK(&s, "1,a\rb,2\n", "BAD");
	CHECK(&s, "1,2,\"3\n", "MORE");
	CHECK(&s, "1,2,\"3\"", "MORE");
	s.escape = '\\';
	CHECK(&s, "\"a\\\"b\",\"c\\\\d\",\\\n", "[a\"b][c\\d][\\]\n");
	CHECK(&s, "\"a\\nb\",1,2\n", "BAD");
	s = CSV;
	s.delimiter = '1';
	s.quote = 'x';
	s.escape = 'x';
	s.null = SPAN_LIT("NULL");
	s.header = true;
	CHECK(&s, "a1b1c\nx1xx2x1xNULLx\n", "header [a][b][c]\nBAD");
	CHECK(&s, "a1b1c\nx1xx2x1xNULLx1NULL\n", "header [a][b][c]\n[1x2][NULL]-\n");
}

static void binary(void **state)
{
#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
	(void)state;
	CHECK(&BINARY, HEAD "\0\3\0\0\0\1x\377\377\377\377\0\0\0\0\377\377", "signature\n[x]-[]\ntrailer\n");
	CHECK(&BINARY, HEAD "\377\377", "signature\ntrailer\n");
	CHECK(&BINARY, HEAD "\377\377x", "signature\ntrailer\nBAD");
	CHECK(&BINARY, HEAD "\0\2\0\0\0\1x\377\377\377\377", "signature\nBAD");
	CHECK(&BINARY, HEAD "\0\3\0\0\0\1x\377\377\377\377", "signature\nMORE");
	CHECK(&BINARY, HEAD "\0\3\177\377\377\377x", "signature\nBAD");
	CHECK(&BINARY, HEAD "\0\3\377\377\377\376x", "signature\nBAD");
	CHECK(&BINARY, HEAD, "signature\nMORE");
	CHECK(&BINARY, "PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0\0", "BAD"); /* with oids */
	CHECK(&BINARY, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\1x", "BAD");
	CHECK(&BINARY, "PGCOPZ", "BAD");
}

static void limits(void **state)
{
	char *got;

	(void)state;
	for (size_t piece = 1; piece < 40; piece++) {
		got = told(&TEXT, SPAN_LIT("1\t2\t3\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), piece, 16);
		assert_string_equal(got, "[1][2][3]\nBAD");
		free(got);
		got = told(&TEXT, SPAN_LIT("1\t2\t3\naaaaaaaaaaaaaaaaaaaaaaaaaaa\tb\tc\n"), piece, 16);
		assert_string_equal(got, "[1][2][3]\nBAD");
		free(got);
	}
}

static void unplain(void **state)
{
	static const char *const delimiters = "\n\r\\.az09";
	struct copy_style s = TEXT;

	(void)state;
	for (const char *d = delimiters; *d; d++) {
		s.delimiter = *d;
		assert_null(copy_reader_new(&s, 100));
	}
	s = CSV;
	s.quote = '\n';
	assert_null(copy_reader_new(&s, 100));
	s = CSV;
	s.escape = '\r';
	assert_null(copy_reader_new(&s, 100));
	s = CSV;
	s.escape = ',';
	assert_null(copy_reader_new(&s, 100));
	s = CSV;
	s.quote = ',';
	assert_null(copy_reader_new(&s, 100));
}

static void put(const struct copy_style *s, struct span v, bool quoted, const char *want)
{
	struct put w = {0};

	put_start(&w, 'd');
	copy_put_cell(&w, s, v, quoted);
	put_finish(&w);
	assert_false(put_failed(&w));
	assert_int_equal(put_bytes(&w).n - 5, strlen(want));
	assert_memory_equal(put_bytes(&w).p + 5, want, strlen(want));
	put_fini(&w);
}

/* What the server writes for these, in each format. */
static void writes(void **state)
{
	struct copy_style s = TEXT;

	(void)state;
	put(&s, SPAN_LIT("a\tb\nc\\d|"), true, "a\\tb\\nc\\\\d|");
	put(&s, SPAN_LIT("\\N"), false, "\\\\N");
	put(&s, (struct span){0}, false, "\\N");
	put(&s, SPAN_LIT(""), false, "");
	s.delimiter = '|';
	put(&s, SPAN_LIT("a|b\t"), false, "a\\|b\\t");
	s = CSV;
	put(&s, SPAN_LIT("ab"), false, "ab");
	put(&s, SPAN_LIT("ab"), true, "\"ab\"");
	put(&s, SPAN_LIT(""), false, "\"\"");
	put(&s, (struct span){0}, true, "");
	put(&s, SPAN_LIT("a,b"), false, "\"a,b\"");
	put(&s, SPAN_LIT("a\"b"), false, "\"a\"\"b\"");
	put(&s, SPAN_LIT("a\rb"), false, "\"a\rb\"");
	put(&s, SPAN_LIT("a\\b"), false, "a\\b");
	put(&s, SPAN_LIT("\\."), false, "\\.");
	s.ncols = 1;
	put(&s, SPAN_LIT("\\."), false, "\"\\.\"");
	s.escape = '\\';
	put(&s, SPAN_LIT("a\\b"), true, "\"a\\\\b\"");
	s.null = SPAN_LIT("****");
	put(&s, SPAN_LIT("****"), false, "\"****\"");
	s.delimiter = '*';
	put(&s, SPAN_LIT("a*"), false, "\"a*\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(text), cmocka_unit_test(csv),
		cmocka_unit_test(binary), cmocka_unit_test(limits), cmocka_unit_test(unplain),
		cmocka_unit_test(writes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
