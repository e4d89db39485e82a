/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "pgwire/frame.h"

static const char frontend_letters[] = "BCdcfDEHFPpQSX";
static const char backend_letters[] = "RK23CWdcGHDIEVvnNAtS1sZT";

static enum wire peek_header(uint8_t type, uint32_t len, enum peer from, struct frame *f)
{
	const uint8_t header[FRAME_HEADER] = {
		type, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
	struct guarded g = guard_copy(header, sizeof(header));
	enum wire w = frame_peek(span_of(g.p, g.n), from, f);

	guard_free(&g);
	return w;
}

static void check_letters(enum peer from, const char *letters)
{
	struct frame f;

	for (unsigned type = 0; type < 256; type++) {
		const uint8_t byte = (uint8_t)type;
		bool sent = type && strchr(letters, (int)type);

		assert_int_equal(peek_header(byte, 4, from, &f), sent ? WIRE_OK : WIRE_BAD);
		assert_int_equal(f.type, sent ? type : 0);
		/* One byte is enough to refuse it. */
		assert_int_equal(frame_peek(span_of(&byte, 1), from, &f), sent ? WIRE_MORE : WIRE_BAD);
		assert_int_equal(strcmp(frame_name(from, byte), "unknown") != 0, sent);
	}
}

static void letters_of_each_peer(void **state)
{
	(void)state;
	check_letters(PEER_FRONTEND, frontend_letters);
	check_letters(PEER_BACKEND, backend_letters);
}

static void same_letter_two_meanings(void **state)
{
	(void)state;
	assert_string_equal(frame_name(PEER_FRONTEND, 'D'), "Describe");
	assert_string_equal(frame_name(PEER_BACKEND, 'D'), "DataRow");
	assert_string_equal(frame_name(PEER_FRONTEND, 'S'), "Sync");
	assert_string_equal(frame_name(PEER_BACKEND, 'S'), "ParameterStatus");
	assert_string_equal(frame_name(PEER_FRONTEND, 'T'), "unknown");
}

static void lengths(void **state)
{
	static const struct {
		uint32_t len;
		enum wire wire;
	} cases[] = {
		{0, WIRE_BAD},
		{3, WIRE_BAD},
		{4, WIRE_OK},
		{FRAME_MAX, WIRE_OK},
		{FRAME_MAX + 1, WIRE_BAD},
		{0x7fffffff, WIRE_BAD},
		{0x80000004, WIRE_BAD},
		{0xffffffff, WIRE_BAD},
	};
	struct frame f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(peek_header('Q', cases[i].len, PEER_FRONTEND, &f), cases[i].wire);
		assert_int_equal(f.total, cases[i].wire == WIRE_OK ? (size_t)cases[i].len + 1 : 0);
	}
	assert_int_equal(peek_header('Q', 4, PEER_FRONTEND, &f), WIRE_OK);
	assert_true(frame_whole(&f));
	assert_int_equal(peek_header('Q', 5, PEER_FRONTEND, &f), WIRE_OK);
	assert_false(frame_whole(&f));
}

static void cut_at_every_byte(void **state)
{
	static const char query[] = "Q\0\0\0\rselect 1";
	const size_t total = sizeof(query);
	struct frame f;

	(void)state;
	for (size_t n = 0; n <= total; n++) {
		struct guarded g = guard_copy(query, n);
		enum wire w = frame_peek(span_of(g.p, g.n), PEER_FRONTEND, &f);

		assert_int_equal(w, n < FRAME_HEADER ? WIRE_MORE : WIRE_OK);
		if (w == WIRE_OK) {
			assert_int_equal(f.type, FE_QUERY);
			assert_int_equal(f.total, total);
			assert_int_equal(f.body.n, n - FRAME_HEADER);
			assert_ptr_equal(f.body.p, g.p + FRAME_HEADER);
			assert_int_equal(frame_whole(&f), n == total);
		}
		guard_free(&g);
	}
}

static void stops_before_the_next(void **state)
{
	static const uint8_t two[] = "S\0\0\0\4X\0\0\0\4";
	struct frame f;

	(void)state;
	assert_int_equal(frame_peek(span_of(two, 10), PEER_FRONTEND, &f), WIRE_OK);
	assert_int_equal(f.total, 5);
	assert_int_equal(f.body.n, 0);
	assert_true(frame_whole(&f));
	assert_int_equal(frame_peek((struct span){0}, PEER_FRONTEND, &f), WIRE_MORE);
}

/* What a server that failed to fork says is text in the old protocol's form, not a frame. */
static void old_protocol_error(void **state)
{
	static const uint8_t text[] = "Ecould not fork new process for connection\n";
	struct frame f;

	(void)state;
	assert_int_equal(frame_peek(span_of(text, sizeof(text)), PEER_BACKEND, &f), WIRE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_of_each_peer),
		cmocka_unit_test(same_letter_two_meanings),
		cmocka_unit_test(lengths),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(stops_before_the_next),
		cmocka_unit_test(old_protocol_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
