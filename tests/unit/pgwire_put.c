/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "pgwire/frame.h"
#include "pgwire/message.h"
#include "pgwire/put.h"
#include "pgwire/startup.h"

static void assert_written(struct put *w, struct span want)
{
	assert_false(put_failed(w));
	assert_int_equal(put_bytes(w).n, want.n);
	assert_memory_equal(put_bytes(w).p, want.p, want.n);
	put_reset(w);
}

static void small_messages(void **state)
{
	static const struct span unknown[] = {SPAN_LIT("_pq_.a"), SPAN_LIT("_pq_.b")};
	struct put w = {0};

	(void)state;
	put_sync(&w);
	assert_written(&w, SPAN_LIT("S\0\0\0\4"));
	put_ready(&w, 'T');
	assert_written(&w, SPAN_LIT("Z\0\0\0\5T"));
	put_query(&w, "select 1");
	assert_written(&w, SPAN_LIT("Q\0\0\0\rselect 1\0"));
	put_ssl_request(&w);
	assert_written(&w, SPAN_LIT("\0\0\0\x08\x04\xd2\x16\x2f"));
	put_cancel(&w, 0x01020304, SPAN_LIT("\xff\xfe\xfd\xfc"));
	assert_written(&w, SPAN_LIT("\0\0\0\x10\x04\xd2\x16\x2e\1\2\3\4\xff\xfe\xfd\xfc"));
	put_parameter_status(&w, "TimeZone", SPAN_LIT("UTC"));
	assert_written(&w, SPAN_LIT("S\0\0\0\x11TimeZone\0UTC\0"));
	put_negotiate(&w, 2, unknown, ARRAY_LEN(unknown));
	assert_written(&w, SPAN_LIT("v\0\0\0\x1a\0\3\0\2\0\0\0\2_pq_.a\0_pq_.b\0"));
	put_fini(&w);
}

static void startup_packet(void **state)
{
	static const char *const params[][2] = {{"user", "u"}, {"database", ""}};
	struct put w = {0};

	(void)state;
	put_startup(&w, params, ARRAY_LEN(params));
	assert_written(&w, SPAN_LIT("\0\0\0\x1a\0\3\0\0user\0u\0database\0\0\0"));
	put_startup(&w, NULL, 0);
	assert_written(&w, SPAN_LIT("\0\0\0\x09\0\3\0\0\0"));
	put_fini(&w);
}

static void startup_packet_refused(void **state)
{
	static const char *const empty_name[][2] = {{"user", "u"}, {"", "x"}};
	char *value = malloc(STARTUP_MAX);
	struct put w = {0};

	(void)state;
	put_startup(&w, empty_name, ARRAY_LEN(empty_name));
	assert_true(put_failed(&w));
	put_reset(&w);
	/* 4 + 4 + "user" NUL value NUL NUL */
	for (size_t n = STARTUP_MAX - 15; n <= STARTUP_MAX - 14; n++) {
		const char *const params[][2] = {{"user", value}};

		memset(value, 'a', n);
		value[n] = '\0';
		put_startup(&w, params, 1);
		assert_int_equal(put_failed(&w), n > STARTUP_MAX - 15);
		put_reset(&w);
	}
	free(value);
	put_fini(&w);
}

static void scalars(void **state)
{
	struct put w = {0};

	(void)state;
	put_start(&w, 'B');
	put_u8(&w, 0xff);
	put_be16(&w, 0x1234);
	put_be32(&w, 0x89abcdef);
	put_param_int4(&w, -2);
	put_cstr_span(&w, SPAN_LIT("ab"));
	put_cstr_span(&w, (struct span){0});
	put_finish(&w);
	assert_written(&w, SPAN_LIT("B\0\0\0\x17\xff\x12\x34\x89\xab\xcd\xef\0\0\0\4\xff\xff\xff\xfe"
				    "ab\0\0"));
	put_fini(&w);
}

static void error_and_notice(void **state)
{
	struct put w = {0};
	struct msg_fields m;
	struct frame f;

	(void)state;
	put_error(&w, "ERROR", "42501", "no", "because", "ask");
	put_notice(&w, "00000", "hi", NULL);
	assert_int_equal(frame_peek(put_bytes(&w), PEER_BACKEND, &f), WIRE_OK);
	assert_int_equal(f.type, BE_ERROR_RESPONSE);
	assert_int_equal(msg_fields(span_of(f.body.p, f.total - FRAME_HEADER), &m), WIRE_OK);
	assert_true(span_is(m.field['S'], "ERROR"));
	assert_true(span_is(m.field['V'], "ERROR"));
	assert_true(span_is(m.field['C'], "42501"));
	assert_true(span_is(m.field['M'], "no"));
	assert_true(span_is(m.field['D'], "because"));
	assert_true(span_is(m.field['H'], "ask"));
	assert_int_equal(
		frame_peek(span_of(put_bytes(&w).p + f.total, put_bytes(&w).n - f.total), PEER_BACKEND, &f),
		WIRE_OK);
	assert_int_equal(f.type, BE_NOTICE_RESPONSE);
	assert_true(frame_whole(&f));
	assert_int_equal(msg_fields(f.body, &m), WIRE_OK);
	assert_true(span_is(m.field['V'], "NOTICE"));
	assert_null(m.field['D'].p);
	assert_null(m.field['H'].p);
	put_fini(&w);
}

static void only_finished_messages_show(void **state)
{
	struct put w = {0};

	(void)state;
	assert_int_equal(put_bytes(&w).n, 0);
	put_sync(&w);
	put_start(&w, 'Q');
	put_cstr(&w, "select");
	assert_int_equal(put_bytes(&w).n, 5);
	put_finish(&w);
	assert_int_equal(put_bytes(&w).n, 17);
	put_fini(&w);
	assert_int_equal(put_bytes(&w).n, 0);
}

static void growth_keeps_what_was_written(void **state)
{
	struct put w = {0};
	struct span s;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		put_start(&w, 'd');
		put_be32(&w, i);
		put_finish(&w);
	}
	s = put_bytes(&w);
	assert_int_equal(s.n, 20000 * 9);
	for (uint32_t i = 0; i < 20000; i++) {
		struct cur c = cur_of(span_of(s.p + 9 * (size_t)i, 9));

		assert_int_equal(cur_u8(&c), 'd');
		assert_int_equal(cur_be32(&c), 8);
		assert_int_equal(cur_be32(&c), i);
	}
	put_fini(&w);
}

static void failure_sticks_and_lets_nothing_out(void **state)
{
	struct put w = {0};
	uint8_t byte = 0;

	(void)state;
	put_sync(&w);
	put_start(&w, 'd');
	/* Too long by its length alone: the bytes are never looked at. */
	put_span(&w, span_of(&byte, FRAME_MAX));
	assert_true(put_failed(&w));
	put_finish(&w);
	put_sync(&w);
	assert_true(put_failed(&w));
	assert_int_equal(put_bytes(&w).n, 0);
	put_reset(&w);
	assert_false(put_failed(&w));
	put_sync(&w);
	assert_int_equal(put_bytes(&w).n, 5);
	put_fini(&w);
}

static void inner_nul(void **state)
{
	struct put w = {0};

	(void)state;
	put_parameter_status(&w, "a", SPAN_LIT("b\0c"));
	assert_true(put_failed(&w));
	assert_int_equal(put_bytes(&w).n, 0);
	put_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_messages),
		cmocka_unit_test(startup_packet),
		cmocka_unit_test(startup_packet_refused),
		cmocka_unit_test(scalars),
		cmocka_unit_test(error_and_notice),
		cmocka_unit_test(only_finished_messages_show),
		cmocka_unit_test(growth_keeps_what_was_written),
		cmocka_unit_test(failure_sticks_and_lets_nothing_out),
		cmocka_unit_test(inner_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
