/* SPDX-License-Identifier: MIT */
/* What a client was sent is read as it was sent, however it was cut; what is no message is said to be none.
 */
#include "test.h"

#include "cli/cell.h"
#include "cli/grid.h"
#include "cli/reply.h"

/* ---- messages ---- */

struct wire_out {
	uint8_t p[4096];
	size_t n, start;
};

static void u8(struct wire_out *w, unsigned v)
{
	w->p[w->n++] = (uint8_t)v;
}

static void be(struct wire_out *w, uint64_t v, unsigned width)
{
	while (width--)
		u8(w, (unsigned)(v >> 8 * width & 0xff));
}

static void str(struct wire_out *w, const char *s)
{
	memcpy(w->p + w->n, s, strlen(s) + 1);
	w->n += strlen(s) + 1;
}

static void start(struct wire_out *w, char type)
{
	u8(w, (unsigned char)type);
	w->start = w->n;
	be(w, 0, 4);
}

static void finish(struct wire_out *w)
{
	size_t n = w->n;

	w->n = w->start;
	be(w, (uint32_t)(n - w->start), 4);
	w->n = n;
}

static void column(struct wire_out *w, const char *name, uint32_t type, unsigned format)
{
	str(w, name);
	be(w, 0, 6);
	be(w, type, 4);
	be(w, 0, 2);
	be(w, UINT32_MAX, 4);
	be(w, format, 2);
}

static void empty(struct wire_out *w, char type)
{
	start(w, type);
	finish(w);
}

static void cell(struct wire_out *w, const void *p, uint32_t n)
{
	be(w, n, 4);
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void ready(struct wire_out *w)
{
	start(w, 'Z');
	u8(w, 'I');
	finish(w);
}

static void complete(struct wire_out *w, const char *tag)
{
	start(w, 'C');
	str(w, tag);
	finish(w);
}

static void row_int(struct wire_out *w, uint32_t v)
{
	const uint8_t bytes[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	start(w, 'D');
	be(w, 1, 2);
	cell(w, bytes, 4);
	finish(w);
}

/* All of it in words: "T:a/int4/0 D:1|NULL C:SELECT 1 Z:I". */
static void tell(char *out, size_t cap, const struct reply *r)
{
	static const char *const names[] = {
		"lost", "T", "D", "C", "I", "s", "E", "N", "A", "S", "H", "G", "d", "c", "V", "Z", "-"};
	struct arena a = {0};
	size_t n = strlen(out);

	n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? " " : "", names[r->kind]);
	for (unsigned i = 0; i < r->n && (r->kind == REPLY_COLUMNS || r->kind == REPLY_ROW); i++) {
		const char *sep = i ? "|" : ":";

		if (r->kind == REPLY_COLUMNS) {
			n += (size_t)snprintf(out + n, cap - n, "%s%.*s/%s/%d", sep,
				(int)r->columns[i].name.n, (const char *)r->columns[i].name.p,
				cell_type(&a, &r->columns[i]), r->columns[i].format);
		} else {
			struct span t = cell_text(&a, &r->columns[i], r->cells[i]);

			n += (size_t)snprintf(out + n, cap - n, "%s%.*s", sep, t.p ? (int)t.n : 4,
				t.p ? (const char *)t.p : "NULL");
		}
	}
	if (r->kind == REPLY_ROW && r->unknown)
		n += (size_t)snprintf(out + n, cap - n, "?");
	if (r->text.p)
		n += (size_t)snprintf(out + n, cap - n, ":%.*s", (int)r->text.n, (const char *)r->text.p);
	if (r->fields.field['C'].p)
		n += (size_t)snprintf(out + n, cap - n, ":%.*s", (int)r->fields.field['C'].n,
			(const char *)r->fields.field['C'].p);
	if (r->status)
		snprintf(out + n, cap - n, ":%c", r->status);
	arena_fini(&a);
}

static void drain(struct reply_reader *r, char *out, size_t cap)
{
	struct reply reply;
	enum wire w;

	while ((w = reply_reader_next(r, &reply)) == WIRE_OK)
		if (reply.kind != REPLY_OTHER)
			tell(out, cap, &reply);
	assert_int_equal(w, WIRE_MORE);
}

/* Whole, and cut after each number of bytes. */
static void expect(const struct wire_out *w, const char *what)
{
	char out[2048];

	for (size_t cut = 0; cut <= w->n; cut++) {
		struct reply_reader *r = reply_reader_new();
		struct guarded a = guard_copy(w->p, cut), b = guard_copy(w->p + cut, w->n - cut);

		out[0] = '\0';
		assert_true(reply_reader_feed(r, span_of(a.p, a.n)));
		drain(r, out, sizeof(out));
		assert_true(reply_reader_feed(r, span_of(b.p, b.n)));
		drain(r, out, sizeof(out));
		assert_string_equal(out, what);
		reply_reader_free(r);
		guard_free(&a);
		guard_free(&b);
	}
}

/* ---- tests ---- */

static void a_simple_query(void **state)
{
	struct wire_out w = {.n = 0};

	(void)state;
	start(&w, 'T');
	be(&w, 2, 2);
	column(&w, "id", 23, 0);
	column(&w, "name", 25, 0);
	finish(&w);
	start(&w, 'D');
	be(&w, 2, 2);
	cell(&w, "17", 2);
	be(&w, UINT32_MAX, 4);
	finish(&w);
	complete(&w, "SELECT 1");
	start(&w, 'N');
	str(&w, "SNOTICE");
	str(&w, "C00000");
	str(&w, "Mhello");
	u8(&w, 0);
	finish(&w);
	start(&w, 'E');
	str(&w, "SERROR");
	str(&w, "C42501");
	str(&w, "Mno");
	u8(&w, 0);
	finish(&w);
	ready(&w);
	expect(&w, "T:id/int4/0|name/text/0 D:17|NULL C:SELECT 1 N:00000 E:42501 Z:I");
}

static void an_answer_about_encryption_comes_before_messages(void **state)
{
	struct wire_out w = {.n = 0};

	(void)state;
	u8(&w, 'N');
	u8(&w, 'S');
	start(&w, 'R');
	be(&w, 0, 4);
	finish(&w);
	start(&w, 'S');
	str(&w, "TimeZone");
	str(&w, "UTC");
	finish(&w);
	ready(&w);
	expect(&w, "S:TimeZone Z:I");
}

static void copy_and_the_rest(void **state)
{
	struct wire_out w = {.n = 0};

	(void)state;
	start(&w, 'H');
	u8(&w, 0);
	be(&w, 1, 2);
	be(&w, 0, 2);
	finish(&w);
	start(&w, 'd');
	memcpy(w.p + w.n, "a\tb\n", 4);
	w.n += 4;
	finish(&w);
	empty(&w, 'c');
	complete(&w, "COPY 1");
	empty(&w, 'I');
	empty(&w, 's');
	start(&w, 'A');
	be(&w, 7, 4);
	str(&w, "channel");
	str(&w, "payload");
	finish(&w);
	ready(&w);
	expect(&w, "H d:a\tb\n c C:COPY 1 I s A:channel Z:I");
}

static void what_is_no_message_is_lost_and_nothing_is_guessed(void **state)
{
	struct wire_out w = {.n = 0};

	(void)state;
	ready(&w);
	u8(&w, '!');
	be(&w, 4, 4);
	ready(&w);
	expect(&w, "Z:I lost");
	/* A row that says it has more cells than it has. */
	w.n = 0;
	start(&w, 'D');
	be(&w, 3, 2);
	cell(&w, "1", 1);
	finish(&w);
	ready(&w);
	expect(&w, "lost");
	/* A cell longer than its message. */
	w.n = 0;
	start(&w, 'D');
	be(&w, 1, 2);
	be(&w, 0x7fffffff, 4);
	finish(&w);
	expect(&w, "lost");
	/* A message of a gibibyte that never comes takes no memory. */
	w.n = 0;
	u8(&w, 'D');
	be(&w, 0x3fffffff, 4);
	be(&w, 0, 4);
	expect(&w, "");
}

static void asked(
	struct reply_reader *r, const char *message, const char *name, const char *formats, size_t nformats)
{
	reply_reader_asked(r, span_of(message, strlen(message)), span_of(name, strlen(name)),
		span_of(formats, nformats));
}

static void feed(struct reply_reader *r, const struct wire_out *w, char *out, size_t cap)
{
	out[0] = '\0';
	assert_true(reply_reader_feed(r, span_of(w->p, w->n)));
	drain(r, out, cap);
}

/* Parse and Describe once, then Bind and Execute: rows without a description of their own, in binary. */
static void columns_of_a_prepared_statement_are_remembered(void **state)
{
	struct reply_reader *r = reply_reader_new();
	struct wire_out w = {.n = 0};
	char out[512];

	(void)state;
	asked(r, "parse", "s1", NULL, 0);
	empty(&w, '1');
	start(&w, 't');
	be(&w, 0, 2);
	finish(&w);
	start(&w, 'T');
	be(&w, 1, 2);
	column(&w, "n", 23, 0);
	finish(&w);
	ready(&w);
	feed(r, &w, out, sizeof(out));
	assert_string_equal(out, "Z:I");
	for (unsigned i = 0; i < 2; i++) {
		asked(r, "bind", "s1", "\0\1", 2);
		asked(r, "execute", "", NULL, 0);
		w.n = 0;
		empty(&w, '2');
		row_int(&w, 70000 + i);
		complete(&w, "SELECT 1");
		ready(&w);
		feed(r, &w, out, sizeof(out));
		assert_string_equal(out, i ? "D:70001 C:SELECT 1 Z:I" : "D:70000 C:SELECT 1 Z:I");
	}
	/* In text. */
	asked(r, "bind", "s1", "", 0);
	asked(r, "execute", "", NULL, 0);
	w.n = 0;
	empty(&w, '2');
	start(&w, 'D');
	be(&w, 1, 2);
	cell(&w, "4711", 4);
	finish(&w);
	ready(&w);
	feed(r, &w, out, sizeof(out));
	assert_string_equal(out, "D:4711 Z:I");
	/* Of another statement nothing is known, and its rows are not those of this one. */
	asked(r, "bind", "s2", "\0\1", 2);
	w.n = 0;
	empty(&w, '2');
	row_int(&w, 1);
	feed(r, &w, out, sizeof(out));
	assert_string_equal(out, "D:\\x00000001?");
	reply_reader_free(r);
}

static void in_a_pipeline_each_has_its_own(void **state)
{
	struct reply_reader *r = reply_reader_new();
	struct wire_out w = {.n = 0};
	char out[512];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		asked(r, "parse", i ? "b" : "a", NULL, 0);
		empty(&w, '1');
		start(&w, 't');
		be(&w, 0, 2);
		finish(&w);
		start(&w, 'T');
		be(&w, 1, 2);
		column(&w, "n", i ? 25 : 23, 0);
		finish(&w);
	}
	ready(&w);
	feed(r, &w, out, sizeof(out));
	asked(r, "bind", "b", "\0\1", 2);
	asked(r, "execute", "", NULL, 0);
	asked(r, "bind", "a", "\0\1", 2);
	asked(r, "execute", "", NULL, 0);
	w.n = 0;
	for (unsigned i = 0; i < 2; i++) {
		empty(&w, '2');
		row_int(&w, 0x41424344);
		complete(&w, "SELECT 1");
	}
	ready(&w);
	feed(r, &w, out, sizeof(out));
	assert_string_equal(out, "D:ABCD C:SELECT 1 D:1094861636 C:SELECT 1 Z:I");
	/* What an error skips has no reply; what comes later has its own again. */
	asked(r, "bind", "a", "\0\1", 2);
	asked(r, "execute", "", NULL, 0);
	asked(r, "bind", "b", "\0\1", 2);
	asked(r, "execute", "", NULL, 0);
	w.n = 0;
	start(&w, 'E');
	str(&w, "C22012");
	u8(&w, 0);
	finish(&w);
	ready(&w);
	feed(r, &w, out, sizeof(out));
	asked(r, "bind", "b", "\0\1", 2);
	w.n = 0;
	empty(&w, '2');
	row_int(&w, 0x41424344);
	feed(r, &w, out, sizeof(out));
	assert_string_equal(out, "D:ABCD");
	reply_reader_free(r);
}

static void a_flood_of_statements_is_bounded(void **state)
{
	struct reply_reader *r = reply_reader_new();
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		asked(r, i % 2 ? "bind" : "parse", name, "\0\1", 2);
	}
	reply_reader_free(r);
}

static void binary_values(void **state)
{
	static const struct {
		uint32_t type;
		const char *bytes;
		size_t n;
		const char *text;
	} values[] = {
		{16, "\1", 1, "t"},
		{21, "\xff\xff", 2, "-1"},
		{23, "\0\0\0\x2a", 4, "42"},
		{20, "\0\0\0\0\0\0\0\1", 8, "1"},
		{25, "h\xc3\xa9", 3, "h\xc3\xa9"},
		{17, "\x01\xff", 2, "\\x01ff"},
		{1700, "\0\2\0\0\0\0\0\2\0\1\x13\x88", 12, "1.5"},
		{1700, "\0\1\0\1\0\0\0\0\0\2", 10, "20000"},
		{2950, "\x12\x34\x56\x78\x12\x34\x56\x78\x12\x34\x56\x78\x12\x34\x56\x78", 16,
			"12345678-1234-5678-1234-567812345678"},
		{1082, "\0\0\0\0", 4, "2000-01-01"},
		{701, "\x3f\xf8\0\0\0\0\0\0", 8, "1.5"},
		{3802, "\1{\"a\": 1}", 9, "{\"a\": 1}"},
		/* No value of its type; a type that has no name here. */
		{23, "\0\0\1", 3, "\\x000001"},
		{600, "\1\2", 2, "\\x0102"},
		{1007, "\0\0\0\0", 4, "\\x00000000"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct reply_column c = {.type = values[i].type, .typmod = -1, .format = 1};
		struct guarded g = guard_copy(values[i].bytes, values[i].n);
		struct span t = cell_text(&a, &c, span_of(g.p, g.n));
		char text[128];

		snprintf(text, sizeof(text), "%.*s", (int)t.n, (const char *)t.p);
		assert_string_equal(text, values[i].text);
		guard_free(&g);
	}
	arena_fini(&a);
}

static void a_grid(void **state)
{
	struct reply_column c[] = {
		{.name = SPAN_LIT("n"), .type = 23}, {.name = SPAN_LIT("text"), .type = 25}};
	struct span one[] = {SPAN_LIT("7"), SPAN_LIT("\xe6\xbc\xa2\x1b[2J")},
		    two[] = {SPAN_LIT("1234"), {NULL, 0}};
	struct reply r = {.kind = REPLY_ROW, .columns = c, .n = 2, .cells = one};
	struct plain out = {0};
	struct grid g = {.columns = 0};

	(void)state;
	grid_begin(&g, c, 2);
	grid_row(&g, &r, &out, false);
	r.cells = two;
	grid_row(&g, &r, &out, false);
	assert_int_equal(out.n, 0);
	grid_end(&g, &out, false);
	assert_string_equal(out.p, "  n   |   text   \n"
				   "------+-----------\n"
				   "    7 | \xe6\xbc\xa2\\x1b[2J\n"
				   " 1234 | NULL\n"
				   "(2 rows)\n");
	out.n = 0;
	grid_begin(&g, c, 0);
	grid_end(&g, &out, false);
	assert_string_equal(out.p, "(0 rows)\n");
	/* Of many rows the first are shown before the last is there. */
	out.n = 0;
	grid_begin(&g, c, 2);
	for (unsigned i = 0; i < GRID_ROWS + 10; i++)
		grid_row(&g, &r, &out, false);
	assert_true(out.n > 1000);
	grid_end(&g, &out, false);
	assert_non_null(strstr(out.p, "(510 rows)"));
	grid_fini(&g);
	plain_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_simple_query),
		cmocka_unit_test(an_answer_about_encryption_comes_before_messages),
		cmocka_unit_test(copy_and_the_rest),
		cmocka_unit_test(what_is_no_message_is_lost_and_nothing_is_guessed),
		cmocka_unit_test(columns_of_a_prepared_statement_are_remembered),
		cmocka_unit_test(in_a_pipeline_each_has_its_own),
		cmocka_unit_test(a_flood_of_statements_is_bounded),
		cmocka_unit_test(binary_values),
		cmocka_unit_test(a_grid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
