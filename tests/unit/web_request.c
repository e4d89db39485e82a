/* SPDX-License-Identifier: MIT */
/* Heads of requests: what is asked for, and whatever two readers could read in two ways. Each is read split
 * at every byte, against a guard page. */
#include "test.h"

#include "web/request.h"

#define MAX 4096u

/* Of all of it; before its end there is more to come, and nothing is said. */
static enum wire read_all(struct request *r, const char *head, size_t n)
{
	enum wire w = WIRE_MORE;
	size_t at;

	for (at = 0; at <= n && w == WIRE_MORE; at++) {
		struct guarded g = guard_copy(head, at);

		w = request_read(r, g.p, at, MAX);
		guard_free(&g);
	}
	/* what is known once its end is there is not changed by what comes behind it */
	if (w != WIRE_MORE) {
		struct guarded g = guard_copy(head, n);
		struct request again;

		assert_int_equal(request_read(&again, g.p, n, MAX), w);
		assert_int_equal(again.refusal, r->refusal);
		assert_int_equal(again.len, at - 1);
		guard_free(&g);
	}
	return w;
}

static void refused_n(const char *head, size_t n, int code)
{
	struct request r;

	if (read_all(&r, head, n) != WIRE_BAD || r.refusal != code)
		fail_msg("%s: %d", head, r.refusal);
}

static void refused(const char *head, int code)
{
	refused_n(head, strlen(head), code);
}

static void taken(const char *head, struct request *r)
{
	if (read_all(r, head, strlen(head)) != WIRE_OK)
		fail_msg("%s: %d", head, r->refusal);
	assert_int_equal(r->refusal, 0);
}

static void test_what_is_asked(void **state)
{
	static const char head[] = "POST /v1/x?state=all&a=%41 HTTP/1.1\r\nHost: h\r\ncontent-LENGTH: \t 12 "
				   "\r\nX:\r\nauthorization: bearer  t0k.en \r\n\r\n";
	struct request r;

	(void)state;
	assert_int_equal(request_read(&r, head, sizeof(head) - 1, MAX), WIRE_OK);
	assert_int_equal(r.len, sizeof(head) - 1);
	assert_false(r.get);
	assert_string_equal(r.path, "/v1/x");
	assert_string_equal(r.query, "state=all&a=%41");
	assert_true(r.sized && r.authorized);
	assert_int_equal(r.body_len, 12);
	assert_true(span_is(r.bearer, "t0k.en"));
	taken("GET / HTTP/1.0\r\n\r\nGET /other HTTP/1.1\r\n\r\n", &r);
	assert_true(r.get && !r.sized && !r.authorized && !r.query[0]);
	assert_int_equal(r.len, 18);
	taken("GET /%2e%2e/%2F/..//?%00 HTTP/1.1\r\n\r\n", &r);
	assert_string_equal(r.path, "/%2e%2e/%2F/..//");
	assert_string_equal(r.query, "%00");
	taken("GET /? HTTP/1.1\r\nAuthorization: Basic dTpw\r\n\r\n", &r);
	assert_true(r.authorized && !r.bearer.n);
	taken("GET / HTTP/1.1\r\nAuthorization: Bearer\r\n\r\n", &r);
	assert_true(!r.bearer.n);
	taken("POST / HTTP/1.1\r\nContent-Length: 000000007\r\n\r\n", &r);
	assert_int_equal(r.body_len, 7);
	taken("GET / HTTP/1.1\r\nX-Content-Length: 7\r\nContent-Length-: 8\r\nX: \xc3\xa9\t\r\n\r\n", &r);
	assert_true(!r.sized);
}

static void test_how_long_the_body_is(void **state)
{
	static const char *const lengths[] = {"", " ", "+1", "-1", "1 2", "1,1", "1, 1", "0x10", "1e3", "1_0",
		"1;", "1.0", "1234567890", "99999999999999999999", "\xef\xbc\x91", "1\t2", "'1'", "\"1\""};
	char head[256];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\n", lengths[i]);
		refused(head, 400);
	}
	refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nA: b\r\nCONTENT-LENGTH: 2\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 501);
	refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 501);
	refused("POST / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n", 501);
	refused("POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n", 501);
	refused("POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nTransfer-Encoding\t: chunked\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nTransfer-Encoding: \x0b"
		"chunked\r\n\r\n",
		400);
}

static void test_where_lines_end(void **state)
{
	struct request r;

	(void)state;
	refused("GET / HTTP/1.1\nContent-Length: 3\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nA: b\nContent-Length: 3\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nA: b\rContent-Length: 3\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nA: b\r\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nA: b\r\n Content-Length: 3\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\n A: b\r\n\r\n", 400);
	refused("\r\nGET / HTTP/1.1\r\n\r\n", 400);
	refused("\r\n\r\n", 400);
	refused("\n\r\n\r\n", 400);
	assert_int_equal(request_read(&r, "GET / HTTP/1.1\n\n", 16, MAX), WIRE_MORE);
	assert_int_equal(request_read(&r, "GET / HTTP/1.1\r\n\n", 17, MAX), WIRE_MORE);
	assert_int_equal(request_read(&r, "GET / HTTP/1.1\r\n\r\r\n", 19, MAX), WIRE_MORE);
	assert_int_equal(request_read(&r, NULL, 0, MAX), WIRE_MORE);
}

static void test_names_and_values(void **state)
{
	static const char *const fields[] = {"A", "A b: c", ": c", "A\xc3\xa9: b", "(A): b", "A:\x01",
		"A: \x7f", "A, B: c", "\"A\": b", "Content-Length=3", "Authorization: Bearer a b",
		"Authorization: Bearer a\tb", "Authorization: Bearer \xc3\xa9"};
	static const char nul[] = "GET / HTTP/1.1\r\nA: \0b\r\n\r\n",
			  early[] = "GET / HTTP/1.1\r\nA\0: b\r\n\r\n", line[] = "GET /\0 HTTP/1.1\r\n\r\n",
			  method[] = "GET\0 / HTTP/1.1\r\n\r\n",
			  length[] = "POST / HTTP/1.1\r\nContent-Length: 1\0002\r\n\r\n";
	char head[256];

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		snprintf(head, sizeof(head), "GET / HTTP/1.1\r\n%s\r\n\r\n", fields[i]);
		refused(head, 400);
	}
	refused("GET / HTTP/1.1\r\nAuthorization: Bearer a\r\nauthorization: Bearer a\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nAuthorization: Basic a\r\nauthorization: Bearer a\r\n\r\n", 400);
	refused_n(nul, sizeof(nul) - 1, 400);
	refused_n(early, sizeof(early) - 1, 400);
	refused_n(line, sizeof(line) - 1, 400);
	refused_n(method, sizeof(method) - 1, 400);
	refused_n(length, sizeof(length) - 1, 400);
}

static void test_first_lines(void **state)
{
	static const struct {
		const char *line;
		int code;
	} lines[] = {{"nonsense", 400}, {"GET /", 400}, {"GET  / HTTP/1.1", 400}, {"GET / HTTP/1.1 ", 400},
		{"GET / / HTTP/1.1", 400}, {" GET / HTTP/1.1", 400}, {"GET\t/\tHTTP/1.1", 400},
		{"GET / http/1.1", 400}, {"GET / HTTP/2.0", 505}, {"GET / HTTP/1.10", 505},
		{"GET / HTTP/1.1x", 505}, {"GET / HTTP/0.9", 505}, {"GET / HTTP/", 400},
		{"PUT / HTTP/1.1", 405}, {"get / HTTP/1.1", 405}, {"GETS / HTTP/1.1", 405},
		{"CONNECT a:1 HTTP/1.1", 405}, {"OPTIONS * HTTP/1.1", 405}, {"GET * HTTP/1.1", 400},
		{"GET http://h/ HTTP/1.1", 400}, {"GET a HTTP/1.1", 400}, {"GET /\x7f HTTP/1.1", 400},
		{"GET /\xc3\xa9 HTTP/1.1", 400}, {"G(T / HTTP/1.1", 400}, {"GET /?\x01 HTTP/1.1", 400},
		{"PRI * HTTP/2.0", 505}};
	char head[2048], path[600];
	struct request r;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(head, sizeof(head), "%s\r\n\r\n", lines[i].line);
		refused(head, lines[i].code);
	}
	memset(path, 'a', sizeof(path));
	snprintf(head, sizeof(head), "GET /%.*s HTTP/1.1\r\n\r\n", (int)REQUEST_PATH - 2, path);
	taken(head, &r);
	assert_int_equal(strlen(r.path), REQUEST_PATH - 1);
	snprintf(head, sizeof(head), "GET /%.*s HTTP/1.1\r\n\r\n", (int)REQUEST_PATH - 1, path);
	refused(head, 414);
	snprintf(head, sizeof(head), "GET /?%.*s HTTP/1.1\r\n\r\n", (int)REQUEST_QUERY, path);
	refused(head, 414);
}

static void test_no_longer_than_that(void **state)
{
	static const char begin[] = "GET / HTTP/1.1\r\nA: ";
	char head[MAX + 8];
	struct request r;

	(void)state;
	memset(head, 'x', sizeof(head));
	memcpy(head, begin, sizeof(begin) - 1);
	assert_int_equal(request_read(&r, head, MAX - 1, MAX), WIRE_MORE);
	for (size_t n = MAX; n <= sizeof(head); n++) {
		assert_int_equal(request_read(&r, head, n, MAX), WIRE_BAD);
		assert_int_equal(r.refusal, 431);
	}
	memcpy(head + MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(request_read(&r, head, sizeof(head), MAX), WIRE_OK);
	assert_int_equal(r.len, MAX);
	memcpy(head + MAX - 4, "x\r\n\r\n", 5);
	assert_int_equal(request_read(&r, head, sizeof(head), MAX), WIRE_BAD);
	assert_int_equal(r.refusal, 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked),
		cmocka_unit_test(test_how_long_the_body_is),
		cmocka_unit_test(test_where_lines_end),
		cmocka_unit_test(test_names_and_values),
		cmocka_unit_test(test_first_lines),
		cmocka_unit_test(test_no_longer_than_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
