/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "pgwire/put.h"
#include "pgwire/startup.h"

static void packet(struct put *w, uint32_t code, struct span rest)
{
	put_reset(w);
	put_start(w, 0);
	put_be32(w, code);
	put_span(w, rest);
	put_finish(w);
	assert_false(put_failed(w));
}

/* Parses a copy against a guard page; the spans of *s are only good for their lengths afterwards. */
static enum wire parse_guarded(struct span in, struct startup *s)
{
	struct guarded g = guard_copy(in.p, in.n);
	enum wire w = startup_parse(span_of(g.p, g.n), s);

	guard_free(&g);
	return w;
}

static enum wire parse_packet(uint32_t code, struct span rest, struct startup *s)
{
	struct put w = {0};
	enum wire wire;

	packet(&w, code, rest);
	wire = parse_guarded(put_bytes(&w), s);
	put_fini(&w);
	return wire;
}

/* A whole packet is WIRE_OK, each part of it WIRE_MORE, and what follows it is not looked at. */
static void check_cuts(struct put *w, enum startup_kind kind)
{
	struct span whole = put_bytes(w);
	struct startup s;
	size_t total = whole.n;

	for (size_t n = 0; n < total; n++) {
		assert_int_equal(parse_guarded(span_of(whole.p, n), &s), WIRE_MORE);
		assert_int_equal(s.kind, STARTUP_NONE);
	}
	assert_int_equal(parse_guarded(whole, &s), WIRE_OK);
	assert_int_equal(s.kind, kind);
	assert_int_equal(s.total, total);
	put_start(w, 0);
	put_finish(w);
	assert_int_equal(parse_guarded(put_bytes(w), &s), WIRE_OK);
	assert_int_equal(s.total, total);
}

static void requests(void **state)
{
	struct put w = {0};
	struct startup s;

	(void)state;
	put_ssl_request(&w);
	check_cuts(&w, STARTUP_SSL);
	packet(&w, GSSENC_REQUEST_CODE, (struct span){0});
	check_cuts(&w, STARTUP_GSSENC);
	assert_int_equal(parse_packet(SSL_REQUEST_CODE, SPAN_LIT("x"), &s), WIRE_BAD);
	assert_int_equal(parse_packet(GSSENC_REQUEST_CODE, SPAN_LIT("x"), &s), WIRE_BAD);
	put_fini(&w);
}

static void cancel(void **state)
{
	static const size_t lengths[] = {0, 3, 4, 5, 32, 256, 257};
	uint8_t key[CANCEL_KEY_MAX + 1];
	struct put w = {0};
	struct startup s;

	(void)state;
	memset(key, 0xab, sizeof(key));
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t n = lengths[i];
		bool fits = n >= CANCEL_KEY_MIN && n <= CANCEL_KEY_MAX;

		put_reset(&w);
		put_cancel(&w, 4711, span_of(key, n));
		assert_int_equal(startup_parse(put_bytes(&w), &s), fits ? WIRE_OK : WIRE_BAD);
		assert_int_equal(s.cancel_pid, fits ? 4711 : 0);
		assert_int_equal(s.cancel_key.n, fits ? n : 0);
		if (fits) {
			assert_memory_equal(s.cancel_key.p, key, n);
			check_cuts(&w, STARTUP_CANCEL);
		}
	}
	put_fini(&w);
}

static void message(void **state)
{
	static const char *const params[][2] = {
		{"user", "agent"}, {"database", "crm"}, {"options", ""}, {"application_name", "psql"}};
	struct put w = {0};
	struct startup s;

	(void)state;
	put_startup(&w, params, ARRAY_LEN(params));
	assert_int_equal(startup_parse(put_bytes(&w), &s), WIRE_OK);
	assert_int_equal(s.protocol, PROTOCOL_3_0);
	assert_int_equal(s.nparams, ARRAY_LEN(params));
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		assert_true(span_is(s.params[i].name, params[i][0]));
		assert_true(span_is(startup_param(&s, params[i][0]), params[i][1]));
	}
	assert_non_null(startup_param(&s, "options").p);
	assert_null(startup_param(&s, "use").p);
	assert_null(startup_param(&s, "User").p);
	check_cuts(&w, STARTUP_MESSAGE);
	put_fini(&w);
}

static void message_layout(void **state)
{
	static const struct {
		struct span rest;
		enum wire wire;
	} cases[] = {
		{SPAN_LIT("\0"), WIRE_OK}, /* no parameter: the server says what it misses */
		{SPAN_LIT(""), WIRE_BAD},
		{SPAN_LIT("user\0a\0\0"), WIRE_OK},
		{SPAN_LIT("user\0a\0"), WIRE_BAD},
		{SPAN_LIT("user\0a"), WIRE_BAD},
		{SPAN_LIT("user\0"), WIRE_BAD},
		{SPAN_LIT("user\0\0"), WIRE_BAD}, /* an empty value, and then no end */
		{SPAN_LIT("user\0\0\0"), WIRE_OK},
		{SPAN_LIT("user\0a\0\0x"), WIRE_BAD},
		{SPAN_LIT("user\0a\0\0\0"), WIRE_BAD},
		{SPAN_LIT("user\0a\0user\0b\0\0"), WIRE_BAD},
		{SPAN_LIT("TimeZone\0a\0timezone\0b\0\0"), WIRE_BAD},
		{SPAN_LIT("user\0a\0users\0b\0\0"), WIRE_OK},
	};
	struct startup s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(parse_packet(PROTOCOL_3_0, cases[i].rest, &s), cases[i].wire);
		assert_int_equal(s.kind, cases[i].wire == WIRE_OK ? STARTUP_MESSAGE : STARTUP_NONE);
	}
}

static void codes(void **state)
{
	static const struct {
		uint32_t code;
		enum wire wire;
	} cases[] = {
		{0, WIRE_BAD},
		{0x00020000, WIRE_BAD},
		{0x00030000, WIRE_OK},
		{0x00030002, WIRE_OK},
		{0x0003270f, WIRE_OK}, /* 3.9999, which newer clients try on purpose */
		{0x00040000, WIRE_BAD},
		{80877101, WIRE_BAD},
		{80877105, WIRE_BAD},
		{0xffffffff, WIRE_BAD},
	};
	struct startup s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(parse_packet(cases[i].code, SPAN_LIT("\0"), &s), cases[i].wire);
		assert_int_equal(s.protocol, cases[i].wire == WIRE_OK ? cases[i].code : 0);
	}
}

static void lengths(void **state)
{
	static const uint32_t bad[] = {0, 4, 7, STARTUP_MAX + 1, 0x7fffffff, 0xffffffff};
	struct startup s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const uint8_t in[] = {(uint8_t)(bad[i] >> 24), (uint8_t)(bad[i] >> 16),
			(uint8_t)(bad[i] >> 8), (uint8_t)bad[i]};

		assert_int_equal(parse_guarded(span_of(in, sizeof(in)), &s), WIRE_BAD);
	}
	assert_int_equal(startup_parse((struct span){0}, &s), WIRE_MORE);
	/* An unknown code is refused before the rest of the packet came. */
	assert_int_equal(parse_guarded(SPAN_LIT("\0\0\0\x64\0\2\0\0"), &s), WIRE_BAD);
	assert_int_equal(parse_guarded(SPAN_LIT("GET / HTTP/1.1\r\n"), &s), WIRE_BAD);
}

static void parameter_count(void **state)
{
	struct put w = {0};
	struct startup s;

	(void)state;
	for (unsigned n = STARTUP_PARAMS; n <= STARTUP_PARAMS + 1; n++) {
		put_reset(&w);
		put_start(&w, 0);
		put_be32(&w, PROTOCOL_3_0);
		for (unsigned i = 0; i < n; i++) {
			char name[16];

			snprintf(name, sizeof(name), "p%u", i);
			put_cstr(&w, name);
			put_cstr(&w, "v");
		}
		put_u8(&w, 0);
		put_finish(&w);
		assert_int_equal(startup_parse(put_bytes(&w), &s), n <= STARTUP_PARAMS ? WIRE_OK : WIRE_BAD);
	}
	put_fini(&w);
}

static void tls_hello(void **state)
{
	struct startup s;

	(void)state;
	assert_int_equal(parse_guarded(SPAN_LIT("\x16"), &s), WIRE_OK);
	assert_int_equal(s.kind, STARTUP_TLS_HELLO);
	assert_int_equal(s.total, 0);
	assert_int_equal(parse_guarded(SPAN_LIT("\x16\x03\x01\x00\xc8\x01\x00\x00\xc4"), &s), WIRE_OK);
	assert_int_equal(s.kind, STARTUP_TLS_HELLO);
}

/* Changed bytes give some answer, and views only into the input. */
static void mutations(void **state)
{
	static const char *const params[][2] = {{"user", "agent"}, {"database", "crm"}};
	struct put w = {0};
	struct startup s;
	struct guarded g;
	struct span in;

	(void)state;
	put_startup(&w, params, ARRAY_LEN(params));
	in = put_bytes(&w);
	g = guard_copy(in.p, in.n);
	for (size_t i = 0; i < g.n; i++) {
		for (unsigned v = 0; v < 256; v++) {
			g.p[i] = (uint8_t)v;
			if (startup_parse(span_of(g.p, g.n), &s) != WIRE_OK)
				continue;
			assert_true(s.total <= g.n);
			for (unsigned k = 0; k < s.nparams; k++) {
				assert_true(s.params[k].name.p >= g.p && s.params[k].name.n);
				assert_true(s.params[k].value.p + s.params[k].value.n < g.p + g.n);
			}
		}
		g.p[i] = in.p[i];
	}
	guard_free(&g);
	put_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(cancel),
		cmocka_unit_test(message),
		cmocka_unit_test(message_layout),
		cmocka_unit_test(codes),
		cmocka_unit_test(lengths),
		cmocka_unit_test(parameter_count),
		cmocka_unit_test(tls_hello),
		cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
