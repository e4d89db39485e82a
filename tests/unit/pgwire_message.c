/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "pgwire/message.h"
#include "pgwire/startup.h"

/* Every decoder under one signature, so that one table can feed them all. */
#define DECODER(name)                                                                                        \
	static enum wire do_##name(struct span body)                                                         \
	{                                                                                                    \
		struct msg_##name m;                                                                         \
                                                                                                             \
		return msg_##name(body, &m);                                                                 \
	}
DECODER(query)
DECODER(parse)
DECODER(bind)
DECODER(target)
DECODER(execute)
DECODER(parameter_status)
DECODER(key_data)
DECODER(notification)
DECODER(copy_response)
DECODER(fields)
DECODER(auth)

static enum wire do_function_call(struct span body)
{
	struct msg_bind args;
	uint32_t oid;

	return msg_function_call(body, &oid, &args);
}

static enum wire do_row_description(struct span body)
{
	struct msg_column col;
	struct cur c;
	uint16_t n;

	if (msg_row_description(body, &c, &n) != WIRE_OK)
		return WIRE_BAD;
	while (n--) {
		if (msg_column_next(&c, &col) != WIRE_OK)
			return WIRE_BAD;
	}
	return cur_end(&c);
}

static enum wire do_data_row(struct span body)
{
	struct span cell;
	struct cur c;
	uint16_t n;

	if (msg_data_row(body, &c, &n) != WIRE_OK)
		return WIRE_BAD;
	while (n--) {
		if (msg_cell_next(&c, &cell) != WIRE_OK)
			return WIRE_BAD;
	}
	return cur_end(&c);
}

static enum wire do_command_complete(struct span body)
{
	struct span tag;

	return msg_command_complete(body, &tag);
}

static enum wire do_ready(struct span body)
{
	char status;

	return msg_ready(body, &status);
}

static enum wire do_parameter_description(struct span body)
{
	struct span oids;
	uint16_t n;

	return msg_parameter_description(body, &n, &oids);
}

static enum wire do_negotiate(struct span body)
{
	uint32_t minor, n;
	struct span names;

	return msg_negotiate(body, &minor, &n, &names);
}

static enum wire do_function_result(struct span body)
{
	struct span value;

	return msg_function_result(body, &value);
}

#define COLUMN_A "a\0\0\0\x40\0\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"

static const struct valid {
	enum wire (*decode)(struct span);
	struct span body;
	bool shorter_is_valid; /* some cut of it is a message of its own, as its last part has no declared
				  length */
} valid[] = {
	{do_query, SPAN_LIT("select 1\0"), false},
	{do_query, SPAN_LIT("\0"), false},
	{do_parse, SPAN_LIT("s\0select $1\0\0\1\0\0\0\x17"), false},
	{do_parse, SPAN_LIT("\0\0\0\0"), false},
	{do_bind, SPAN_LIT("p\0s\0\0\2\0\0\0\1\0\2\0\0\0\1x\xff\xff\xff\xff\0\3\0\0\0\1\0\1"), false},
	{do_bind, SPAN_LIT("\0\0\0\0\0\0\0\0"), false},
	{do_target, SPAN_LIT("Ss1\0"), false},
	{do_target, SPAN_LIT("P\0"), false},
	{do_execute, SPAN_LIT("p\0\0\0\0\5"), false},
	{do_function_call, SPAN_LIT("\0\0\0\xb1\0\1\0\1\0\2\0\0\0\1x\xff\xff\xff\xff\0\1"), false},
	{msg_empty, SPAN_LIT(""), false},
	{msg_copy_fail, SPAN_LIT("why\0"), false},
	{do_row_description, SPAN_LIT("\0\2" COLUMN_A "b\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\0\0\0\5\0\1"),
		false},
	{do_row_description, SPAN_LIT("\0\0"), false},
	{do_data_row, SPAN_LIT("\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"), false},
	{do_data_row, SPAN_LIT("\0\0"), false},
	{do_parameter_status, SPAN_LIT("TimeZone\0UTC\0"), false},
	{do_key_data, SPAN_LIT("\0\0\x12\x67secret"), true},
	{do_notification, SPAN_LIT("\0\0\0\1ch\0payload\0"), false},
	{do_copy_response, SPAN_LIT("\0\0\2\0\0\0\0"), false},
	{do_copy_response, SPAN_LIT("\1\0\1\0\1"), false},
	{do_command_complete, SPAN_LIT("SELECT 3\0"), false},
	{do_ready, SPAN_LIT("I"), false},
	{do_parameter_description, SPAN_LIT("\0\2\0\0\0\x17\0\0\0\x19"), false},
	{do_negotiate, SPAN_LIT("\0\3\0\0\0\0\0\2_pq_.a\0_pq_.b\0"), false},
	{do_function_result, SPAN_LIT("\0\0\0\4\0\0\0\x2a"), false},
	{do_function_result, SPAN_LIT("\xff\xff\xff\xff"), false},
	{do_fields, SPAN_LIT("SERROR\0VERROR\0C42P01\0Mno\0D\0\0"), false},
	{do_auth, SPAN_LIT("\0\0\0\0"), false},
	{do_auth, SPAN_LIT("\0\0\0\3"), false},
	{do_auth, SPAN_LIT("\0\0\0\5abcd"), false},
	{do_auth, SPAN_LIT("\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), false},
	{do_auth, SPAN_LIT("\0\0\0\x0br=nonce"), true},
};

static void whole_cut_and_garbage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		const struct valid *v = &valid[i];
		uint8_t more[128];

		for (size_t n = 0; n <= v->body.n; n++) {
			struct guarded g = guard_copy(v->body.p, n);
			enum wire w = v->decode(span_of(g.p, g.n));

			if (n == v->body.n)
				assert_int_equal(w, WIRE_OK);
			else if (!v->shorter_is_valid)
				assert_int_equal(w, WIRE_BAD);
			assert_int_not_equal(w, WIRE_MORE);
			guard_free(&g);
		}
		if (v->shorter_is_valid)
			continue;
		memcpy(more, v->body.p, v->body.n);
		for (unsigned byte = 0; byte < 256; byte++) {
			more[v->body.n] = (uint8_t)byte;
			assert_int_equal(v->decode(span_of(more, v->body.n + 1)), WIRE_BAD);
		}
	}
}

/* No change of one or two bytes makes a decoder read beyond the body (the guard page) or ask for more. */
static void mutations(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		const struct valid *v = &valid[i];
		struct guarded g = guard_copy(v->body.p, v->body.n);

		for (unsigned round = 0; g.n && round < 3000; round++) {
			memcpy(g.p, v->body.p, g.n);
			for (unsigned k = 0; k < 1 + round % 2; k++) {
				random = random * 1664525 + 1013904223;
				g.p[(random >> 8) % g.n] = (uint8_t)(random >> 24);
			}
			assert_int_not_equal(v->decode(span_of(g.p, g.n)), WIRE_MORE);
		}
		guard_free(&g);
	}
}

static const struct refused {
	enum wire (*decode)(struct span);
	struct span body;
} refused[] = {
	{do_query, SPAN_LIT("select\0; drop\0")},
	{do_parse, SPAN_LIT("s\0select\0\xff\xff\0\0\0\x17")},
	{do_bind, SPAN_LIT("\0\0\0\2\0\0\0\0\0\1\0\0\0\1x\0\0")}, /* two formats for one parameter */
	{do_bind, SPAN_LIT("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0")},  /* length -2 */
	{do_bind, SPAN_LIT("\0\0\0\0\0\1\x7f\xff\xff\xff\0\0")},
	{do_bind, SPAN_LIT("\0\0\0\0\0\1\x80\0\0\0\0\0")},
	{do_target, SPAN_LIT("s1\0")},
	{do_target, SPAN_LIT("X1\0")},
	{do_function_call, SPAN_LIT("\0\0\0\xb1\0\2\0\1\0\1\0\1\0\0\0\1x\0\1")},
	{do_row_description, SPAN_LIT("\xff\xff")},
	{do_row_description,
		SPAN_LIT("\0\1a\0\0\0\x40\0\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\0\2")}, /* format 2 */
	{do_row_description, SPAN_LIT("\0\1a\0\0\0\x40\0\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\xff\xff")},
	{do_data_row, SPAN_LIT("\0\1\xff\xff\xff\xfe")},
	{do_data_row, SPAN_LIT("\0\1\0\0\0\2a")},
	{do_key_data, SPAN_LIT("\0\0\0\1abc")},
	{do_copy_response, SPAN_LIT("\2\0\0")},
	{do_copy_response, SPAN_LIT("\0\0\1\0\1")}, /* a binary column in textual COPY */
	{do_copy_response, SPAN_LIT("\1\0\1\0\2")},
	{do_ready, SPAN_LIT("X")},
	{do_ready, SPAN_LIT("\0")},
	{do_negotiate, SPAN_LIT("\0\2\0\0\0\0\0\0")},
	{do_negotiate, SPAN_LIT("\0\3\0\0\0\0\0\1")},
	{do_negotiate, SPAN_LIT("\0\3\0\0\0\0\0\1\0")},
	{do_negotiate, SPAN_LIT("\0\3\0\0\xff\xff\xff\xff_pq_.a\0")},
	{do_function_result, SPAN_LIT("\xff\xff\xff\xfe")},
	{do_fields, SPAN_LIT("")},
	{do_fields, SPAN_LIT("SERROR\0SERROR\0\0")},
	{do_fields, SPAN_LIT("C\0C\0\0")}, /* an empty field counts as there */
	{do_fields, SPAN_LIT("\x80x\0\0")},
	{do_fields, SPAN_LIT("SERROR\0")},
	{do_auth, SPAN_LIT("\0\0\0\5abc")},
	{do_auth, SPAN_LIT("\0\0\0\x0a")},
	{do_auth, SPAN_LIT("\0\0\0\x0a\0")},
	{do_auth, SPAN_LIT("\0\0\0\x0aSCRAM-SHA-256\0")},
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct guarded g = guard_copy(refused[i].body.p, refused[i].body.n);

		assert_int_equal(refused[i].decode(span_of(g.p, g.n)), WIRE_BAD);
		guard_free(&g);
	}
}

static void key_length(void **state)
{
	uint8_t body[4 + CANCEL_KEY_MAX + 1] = {0};

	(void)state;
	for (size_t n = 0; n <= CANCEL_KEY_MAX + 1; n++)
		assert_int_equal(do_key_data(span_of(body, 4 + n)),
			n >= CANCEL_KEY_MIN && n <= CANCEL_KEY_MAX ? WIRE_OK : WIRE_BAD);
}

static void widest_row(void **state)
{
	static uint8_t body[2 + 4 * (MESSAGE_COLUMNS_MAX + 1)];

	(void)state;
	memset(body, 0xff, sizeof(body));
	for (unsigned n = MESSAGE_COLUMNS_MAX; n <= MESSAGE_COLUMNS_MAX + 1; n++) {
		body[0] = (uint8_t)(n >> 8);
		body[1] = (uint8_t)n;
		assert_int_equal(do_data_row(span_of(body, 2 + 4 * (size_t)n)),
			n <= MESSAGE_COLUMNS_MAX ? WIRE_OK : WIRE_BAD);
	}
}

static void bad_count_sticks(void **state)
{
	struct msg_column col;
	struct span cell;
	struct cur c;
	uint16_t n;

	(void)state;
	assert_int_equal(msg_data_row(SPAN_LIT("\xff\xff\0\0\0\0"), &c, &n), WIRE_BAD);
	assert_int_equal(n, 0);
	assert_int_equal(msg_cell_next(&c, &cell), WIRE_BAD);
	assert_int_equal(cur_end(&c), WIRE_BAD);
	assert_int_equal(msg_row_description(SPAN_LIT("\x7f\xff" COLUMN_A), &c, &n), WIRE_BAD);
	assert_int_equal(msg_column_next(&c, &col), WIRE_BAD);
	/* A column that is no good ends the walk too. */
	assert_int_equal(
		msg_row_description(SPAN_LIT("\0\2z\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7" COLUMN_A), &c, &n),
		WIRE_OK);
	assert_int_equal(msg_column_next(&c, &col), WIRE_BAD);
	assert_int_equal(msg_column_next(&c, &col), WIRE_BAD);
}

static void parse_values(void **state)
{
	struct msg_parse m;

	(void)state;
	assert_int_equal(msg_parse(valid[2].body, &m), WIRE_OK);
	assert_true(span_is(m.name, "s"));
	assert_true(span_is(m.sql, "select $1"));
	assert_int_equal(m.nparams, 1);
	assert_true(span_eq(m.param_types, SPAN_LIT("\0\0\0\x17")));
}

static void bind_values(void **state)
{
	struct msg_bind m;
	struct span v;
	struct cur c;

	(void)state;
	assert_int_equal(msg_bind(valid[4].body, &m), WIRE_OK);
	assert_true(span_is(m.portal, "p"));
	assert_true(span_is(m.statement, "s"));
	assert_int_equal(m.nparam_formats, 2);
	assert_true(span_eq(m.param_formats, SPAN_LIT("\0\0\0\1")));
	assert_int_equal(m.nparams, 2);
	c = cur_of(m.params);
	assert_int_equal(msg_cell_next(&c, &v), WIRE_OK);
	assert_true(span_is(v, "x"));
	assert_int_equal(msg_cell_next(&c, &v), WIRE_OK);
	assert_null(v.p);
	assert_int_equal(cur_end(&c), WIRE_OK);
	assert_int_equal(bind_result_format(&m, 0, 3), 0);
	assert_int_equal(bind_result_format(&m, 1, 3), 1);
	assert_int_equal(bind_result_format(&m, 2, 3), 1);
	assert_int_equal(bind_result_format(&m, 3, 3), -1);
	assert_int_equal(bind_result_format(&m, 0, 2), -1);
	assert_int_equal(bind_result_format(&m, 0, 4), -1);
}

static void bind_formats(void **state)
{
	struct msg_bind m;

	(void)state;
	assert_int_equal(msg_bind(SPAN_LIT("\0\0\0\0\0\0\0\0"), &m), WIRE_OK);
	assert_int_equal(bind_result_format(&m, 5, 9), 0);
	assert_int_equal(bind_result_format(&m, 9, 9), -1);
	assert_int_equal(msg_bind(SPAN_LIT("\0\0\0\0\0\0\0\1\0\1"), &m), WIRE_OK);
	assert_int_equal(bind_result_format(&m, 0, 9), 1);
	assert_int_equal(bind_result_format(&m, 8, 9), 1);
	assert_int_equal(bind_result_format(&m, 0, 0), -1);
	assert_int_equal(msg_bind(SPAN_LIT("\0\0\0\0\0\0\0\1\0\2"), &m), WIRE_OK);
	assert_int_equal(bind_result_format(&m, 0, 1), -1);
	assert_int_equal(msg_bind(SPAN_LIT("\0\0\0\0\0\0\0\1\xff\xff"), &m), WIRE_OK);
	assert_int_equal(bind_result_format(&m, 0, 1), -1);
	/* One parameter format serves every parameter, and none means text. */
	assert_int_equal(msg_bind(SPAN_LIT("\0\0\0\1\0\1\0\2\0\0\0\0\0\0\0\0\0\0"), &m), WIRE_OK);
}

static void execute_limits(void **state)
{
	struct msg_execute m;

	(void)state;
	assert_int_equal(msg_execute(SPAN_LIT("p\0\0\0\0\5"), &m), WIRE_OK);
	assert_int_equal(m.max_rows, 5);
	assert_true(span_is(m.portal, "p"));
	assert_int_equal(msg_execute(SPAN_LIT("\0\x7f\xff\xff\xff"), &m), WIRE_OK);
	assert_int_equal(m.max_rows, INT32_MAX);
	/* What the server takes for "all" is "all" here. */
	assert_int_equal(msg_execute(SPAN_LIT("\0\x80\0\0\0"), &m), WIRE_OK);
	assert_int_equal(m.max_rows, 0);
	assert_int_equal(msg_execute(SPAN_LIT("\0\xff\xff\xff\xff"), &m), WIRE_OK);
	assert_int_equal(m.max_rows, 0);
}

static void column_values(void **state)
{
	struct msg_column col;
	struct cur c;
	uint16_t n;

	(void)state;
	assert_int_equal(
		msg_row_description(
			SPAN_LIT("\0\1name\0\0\1\0\2\xff\xfe\0\0\4\x13\xff\xff\0\0\0\x24\0\1"), &c, &n),
		WIRE_OK);
	assert_int_equal(n, 1);
	assert_int_equal(msg_column_next(&c, &col), WIRE_OK);
	assert_int_equal(cur_end(&c), WIRE_OK);
	assert_true(span_is(col.name, "name"));
	assert_int_equal(col.table_oid, 65538);
	assert_int_equal(col.attnum, -2);
	assert_int_equal(col.type_oid, 1043);
	assert_int_equal(col.type_len, -1);
	assert_int_equal(col.typmod, 36);
	assert_int_equal(col.format, 1);
}

static void cell_values(void **state)
{
	struct span cell;
	struct cur c;
	uint16_t n;

	(void)state;
	assert_int_equal(msg_data_row(SPAN_LIT("\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"), &c, &n), WIRE_OK);
	assert_int_equal(n, 3);
	assert_int_equal(msg_cell_next(&c, &cell), WIRE_OK);
	assert_true(span_is(cell, "ab"));
	assert_int_equal(msg_cell_next(&c, &cell), WIRE_OK);
	assert_null(cell.p);
	assert_int_equal(msg_cell_next(&c, &cell), WIRE_OK);
	assert_non_null(cell.p);
	assert_int_equal(cell.n, 0);
	assert_int_equal(cur_end(&c), WIRE_OK);
	assert_int_equal(msg_cell_next(&c, &cell), WIRE_BAD);
}

static void backend_values(void **state)
{
	struct msg_parameter_status status;
	struct msg_notification note;
	struct msg_copy_response copy;
	struct msg_key_data key;
	struct msg_target target;
	struct msg_auth auth;
	struct msg_bind args;
	struct span s;
	uint32_t oid, minor;
	uint16_t n;
	char ready;

	(void)state;
	assert_int_equal(msg_parameter_status(SPAN_LIT("a\0b\0"), &status), WIRE_OK);
	assert_true(span_is(status.name, "a") && span_is(status.value, "b"));
	assert_int_equal(msg_key_data(SPAN_LIT("\0\0\1\1wxyz"), &key), WIRE_OK);
	assert_int_equal(key.pid, 257);
	assert_true(span_is(key.key, "wxyz"));
	assert_int_equal(msg_notification(SPAN_LIT("\0\0\0\7ch\0p\0"), &note), WIRE_OK);
	assert_int_equal(note.pid, 7);
	assert_true(span_is(note.channel, "ch") && span_is(note.payload, "p"));
	assert_int_equal(msg_copy_response(SPAN_LIT("\1\0\2\0\1\0\0"), &copy), WIRE_OK);
	assert_int_equal(copy.format, 1);
	assert_int_equal(copy.ncols, 2);
	assert_int_equal(msg_target(SPAN_LIT("Pcur\0"), &target), WIRE_OK);
	assert_int_equal(target.kind, 'P');
	assert_true(span_is(target.name, "cur"));
	assert_int_equal(
		msg_function_call(SPAN_LIT("\0\0\0\xb1\0\0\0\1\0\0\0\2ab\0\1"), &oid, &args), WIRE_OK);
	assert_int_equal(oid, 177);
	assert_true(args.nparams == 1 && args.nparam_formats == 0);
	assert_int_equal(args.params.n, 6);
	assert_int_equal(msg_ready(SPAN_LIT("E"), &ready), WIRE_OK);
	assert_int_equal(ready, 'E');
	assert_int_equal(msg_command_complete(SPAN_LIT("COPY 1\0"), &s), WIRE_OK);
	assert_true(span_is(s, "COPY 1"));
	assert_int_equal(msg_parameter_description(SPAN_LIT("\0\1\0\0\0\x17"), &n, &s), WIRE_OK);
	assert_int_equal(n, 1);
	assert_int_equal(msg_function_result(SPAN_LIT("\xff\xff\xff\xff"), &s), WIRE_OK);
	assert_null(s.p);
	assert_int_equal(msg_auth(SPAN_LIT("\0\0\0\5salt"), &auth), WIRE_OK);
	assert_int_equal(auth.kind, AUTH_MD5);
	assert_true(span_is(auth.data, "salt"));
	assert_int_equal(msg_auth(SPAN_LIT("\0\0\0\7"), &auth), WIRE_OK);
	assert_int_equal(auth.kind, 7);
	/* With and without the major version that servers send. */
	assert_int_equal(msg_negotiate(SPAN_LIT("\0\3\0\2\0\0\0\0"), &minor, &oid, &s), WIRE_OK);
	assert_int_equal(minor, 2);
	assert_int_equal(msg_negotiate(SPAN_LIT("\0\0\0\2\0\0\0\1x\0"), &minor, &oid, &s), WIRE_OK);
	assert_int_equal(minor, 2);
	assert_int_equal(oid, 1);
}

static void field_values(void **state)
{
	struct msg_fields m;

	(void)state;
	assert_int_equal(msg_fields(SPAN_LIT("SERROR\0C22012\0Mdivision\0D\0\0"), &m), WIRE_OK);
	assert_true(span_is(m.field['S'], "ERROR"));
	assert_true(span_is(m.field['C'], "22012"));
	assert_true(span_is(m.field['M'], "division"));
	assert_non_null(m.field['D'].p);
	assert_int_equal(m.field['D'].n, 0);
	assert_null(m.field['H'].p);
	assert_int_equal(msg_fields(SPAN_LIT("\0"), &m), WIRE_OK);
	assert_null(m.field['S'].p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_cut_and_garbage),
		cmocka_unit_test(mutations),
		cmocka_unit_test(refusals),
		cmocka_unit_test(key_length),
		cmocka_unit_test(widest_row),
		cmocka_unit_test(bad_count_sticks),
		cmocka_unit_test(parse_values),
		cmocka_unit_test(bind_values),
		cmocka_unit_test(bind_formats),
		cmocka_unit_test(execute_limits),
		cmocka_unit_test(column_values),
		cmocka_unit_test(cell_values),
		cmocka_unit_test(backend_values),
		cmocka_unit_test(field_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
