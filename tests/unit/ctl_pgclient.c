/* SPDX-License-Identifier: MIT */
/* The client against a server of a few bytes: what it is told is written into the socket before it looks. */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include "ctl/clock.h"
#include "ctl/pgclient.h"
#include "net/tls.h"

#define LOGIN_OK                                                                                             \
	"R\0\0\0\x08\0\0\0\0S\0\0\0\x08"                                                                     \
	"a\0b\0"                                                                                             \
	"K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I"

struct script {
	int ours, theirs;
};

static struct script begin(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	return (struct script){fd[0], fd[1]};
}

static void say(const struct script *s, const void *bytes, size_t n)
{
	assert_int_equal(write(s->theirs, bytes, n), n);
}

static void end(struct script *s)
{
	close(s->ours);
	close(s->theirs);
}

static const struct pgclient_config plain = {.user = "u", .database = "d", .application = "test"};

static struct pgclient *logged_in(const struct script *s)
{
	struct pgclient *c = NULL;

	say(s, LOGIN_OK, sizeof(LOGIN_OK) - 1);
	assert_int_equal(pgclient_open(&c, s->ours, &plain, clock_ms() + 5000, NULL), 0);
	return c;
}

struct rows {
	unsigned n, fail_at;
	char text[256];
};

static int on_row(void *arg, const struct span *cells, unsigned n, struct err *e)
{
	struct rows *r = arg;

	if (++r->n == r->fail_at)
		return err_set(e, -EPROTO, "not what was expected");
	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(r->text);

		if (cells[i].p)
			snprintf(r->text + len, sizeof(r->text) - len, "%.*s|", (int)cells[i].n, cells[i].p);
		else
			snprintf(r->text + len, sizeof(r->text) - len, "NULL|");
	}
	return 0;
}

#define ROW_AB                                                                                               \
	"D\0\0\0\x10\0\x02\0\0\0\x02"                                                                        \
	"ab\xff\xff\xff\xff"
#define ROW_C                                                                                                \
	"D\0\0\0\x0f\0\x02\0\0\0\x01"                                                                        \
	"c\0\0\0\0"
#define READY "Z\0\0\0\x05I"

static void rows_come_as_they_are(void **state)
{
	static const char answer[] = "N\0\0\0\x05\0" ROW_AB ROW_C "C\0\0\0\x0bSELECT\0" READY;
	struct script s = begin();
	struct pgclient *c = logged_in(&s);
	struct rows r = {0};

	(void)state;
	say(&s, answer, sizeof(answer) - 1);
	assert_int_equal(pgclient_query(c, "SELECT", clock_ms() + 5000, on_row, &r, NULL), 0);
	assert_string_equal(r.text, "ab|NULL|c||");
	pgclient_close(c);
	end(&s);
}

static void the_server_s_error_is_told_and_the_connection_lives(void **state)
{
	static const char answer[] = "E\0\0\0\x15"
				     "C42P01\0Mno such\0\0" READY;
	struct script s = begin();
	struct pgclient *c = logged_in(&s);
	struct rows r = {0};
	struct err e = {0};

	(void)state;
	say(&s, answer, sizeof(answer) - 1);
	assert_int_equal(pgclient_query(c, "SELECT", clock_ms() + 5000, on_row, &r, &e), -EREMOTEIO);
	assert_string_equal(e.sqlstate, "42P01");
	assert_string_equal(e.msg, "no such");
	say(&s, ROW_C READY, sizeof(ROW_C READY) - 1);
	assert_int_equal(pgclient_query(c, "SELECT", clock_ms() + 5000, on_row, &r, &e), 0);
	assert_string_equal(r.text, "c||");
	pgclient_close(c);
	end(&s);
}

static void what_is_not_the_protocol_is_a_failure(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{"?\0\0\0\4", 5},                    /* no such message */
		{"D\0\0\0\3", 5},                    /* a length that cannot be */
		{"D\x3f\xff\xff\xff", 5},            /* larger than we hold */
		{"D\0\0\0\x0a\0\x02\0\0\0\x09", 11}, /* a cell longer than its row */
		{"D\0\0\0\x07\0\0x", 8},             /* bytes after the last cell */
		{"D\0\0\0\x06\0\x41", 7},            /* more cells than any query of ours has */
		{"G\0\0\0\x07\0\0\0", 8},            /* a COPY that nobody began */
		{"D\0\0\0\x0f\0\x01", 7},            /* cut off */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct script s = begin();
		struct pgclient *c = logged_in(&s);
		struct rows r = {0};

		say(&s, bad[i].bytes, bad[i].n);
		shutdown(s.theirs, SHUT_WR);
		assert_true(pgclient_query(c, "SELECT", clock_ms() + 5000, on_row, &r, NULL) < 0);
		assert_int_equal(r.n, 0);
		pgclient_close(c);
		end(&s);
	}
}

static void a_row_that_is_not_wanted_ends_the_query(void **state)
{
	struct script s = begin();
	struct pgclient *c = logged_in(&s);
	struct rows r = {.fail_at = 2};

	(void)state;
	say(&s, ROW_AB ROW_C ROW_C READY, sizeof(ROW_AB ROW_C ROW_C READY) - 1);
	assert_int_equal(pgclient_query(c, "SELECT", clock_ms() + 5000, on_row, &r, NULL), -EPROTO);
	assert_int_equal(r.n, 2);
	pgclient_close(c);
	end(&s);
}

static void everything_ends_at_its_time(void **state)
{
	struct script s = begin();
	struct pgclient *c = NULL;
	uint64_t before = clock_ms();
	struct err e = {0};

	(void)state;
	assert_int_equal(pgclient_open(&c, s.ours, &plain, before + 30, &e), -ETIMEDOUT);
	assert_true(clock_ms() - before < 5000);
	end(&s);

	s = begin();
	c = logged_in(&s);
	assert_int_equal(pgclient_query(c, "SELECT", clock_ms() + 30, NULL, NULL, &e), -ETIMEDOUT);
	pgclient_close(c);
	end(&s);
}

/* Whoever answers there may ask for the password in clear, or as md5 with a salt of its choice. */
static void a_server_that_is_not_verified_gets_no_password(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} ask[] = {{"R\0\0\0\x08\0\0\0\x03", 9}, {"R\0\0\0\x0c\0\0\0\x05salt", 13}};
	struct pgclient_config cfg = plain;
	char sent[512];

	(void)state;
	cfg.password = "pencil";
	for (size_t i = 0; i < 2 * ARRAY_LEN(ask); i++) {
		struct script s = begin();
		struct pgclient *c = NULL;
		uint32_t startup;
		ssize_t n;

		cfg.allow_cleartext = i >= ARRAY_LEN(ask);
		say(&s, ask[i % ARRAY_LEN(ask)].bytes, ask[i % ARRAY_LEN(ask)].n);
		shutdown(s.theirs, SHUT_WR);
		assert_true(pgclient_open(&c, s.ours, &cfg, clock_ms() + 5000, NULL) < 0);
		assert_null(c);
		n = read(s.theirs, sent, sizeof(sent));
		assert_true(n > 4);
		memcpy(&startup, sent, 4);
		assert_int_equal(n > (ssize_t)ntohl(startup), cfg.allow_cleartext);
		end(&s);
	}
}

/* A server that wants what we may not give, or says 'S' and more (CVE-2021-23222). */
static void tls_is_all_or_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {{"N", 1}, {"Sx", 2}, {"E", 1}, {"S\x15", 2}, {"", 0}};
	const struct tls_config cfg = {.verify_full = false};
	struct pgclient_config with_tls = plain;
	char sent[64];

	(void)state;
	assert_int_equal(tls_context_new(&with_tls.tls, &cfg, NULL), 0);
	with_tls.host = "db.example";
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct script s = begin();
		struct pgclient *c = NULL;

		if (bad[i].n)
			say(&s, bad[i].bytes, bad[i].n);
		shutdown(s.theirs, SHUT_WR);
		assert_true(pgclient_open(&c, s.ours, &with_tls, clock_ms() + 5000, NULL) < 0);
		assert_null(c);
		/* SSLRequest, and not a byte more in plaintext. */
		assert_int_equal(read(s.theirs, sent, sizeof(sent)), 8);
		end(&s);
	}
	tls_context_free(with_tls.tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_as_they_are),
		cmocka_unit_test(the_server_s_error_is_told_and_the_connection_lives),
		cmocka_unit_test(what_is_not_the_protocol_is_a_failure),
		cmocka_unit_test(a_row_that_is_not_wanted_ends_the_query),
		cmocka_unit_test(everything_ends_at_its_time),
		cmocka_unit_test(a_server_that_is_not_verified_gets_no_password),
		cmocka_unit_test(tls_is_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
