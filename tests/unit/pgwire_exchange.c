/* SPDX-License-Identifier: MIT */
#include "pgwire/exchange.h"

#include "pgwire/message.h"
#include "pgwire/scram.h"
#include "test.h"

struct talk {
	struct exchange x;
	struct put heard; /* by the client */
	struct err e;
};

static void begin(struct talk *t, bool allow_cleartext)
{
	*t = (struct talk){0};
	exchange_start(&t->x, allow_cleartext);
}

static void finish(struct talk *t)
{
	put_fini(&t->heard);
}

static int server(struct talk *t, uint32_t kind, const void *data, size_t n)
{
	struct put w = {0};
	struct frame f;
	int r;

	put_reset(&t->heard);
	put_start(&w, BE_AUTHENTICATION);
	put_be32(&w, kind);
	put_span(&w, span_of(data, n));
	put_finish(&w);
	assert_int_equal(frame_peek(put_bytes(&w), PEER_BACKEND, &f), WIRE_OK);
	r = exchange_server(&t->x, &f, &t->heard, &t->e);
	if (r)
		assert_int_equal(t->x.state, EXCHANGE_FAILED);
	put_fini(&w);
	return r;
}
#define SERVER(t, kind, data) server(t, kind, data, sizeof(data) - 1)

static int client(struct talk *t, char type, const void *data, size_t n)
{
	struct put w = {0};
	struct frame f;
	int r;

	put_start(&w, type);
	put_span(&w, span_of(data, n));
	put_finish(&w);
	assert_int_equal(frame_peek(put_bytes(&w), PEER_FRONTEND, &f), WIRE_OK);
	r = exchange_client(&t->x, &f, &t->e);
	if (r)
		assert_int_equal(t->x.state, EXCHANGE_FAILED);
	put_fini(&w);
	return r;
}
#define CLIENT(t, data) client(t, FE_PASSWORD, data, sizeof(data) - 1)

static void heard(const struct talk *t, const char *bytes, size_t n)
{
	assert_int_equal(put_bytes(&t->heard).n, n);
	assert_memory_equal(put_bytes(&t->heard).p, bytes, n);
}
#define HEARD(t, bytes) heard(t, bytes, sizeof(bytes) - 1)

#define FIRST "SCRAM-SHA-256\0\0\0\0\010n,,n=,r="

static void scram(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, false);
	assert_int_equal(SERVER(&t, AUTH_SASL, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0OAUTHBEARER\0\0"), 0);
	HEARD(&t, "R\0\0\0\027\0\0\0\012SCRAM-SHA-256\0\0");
	assert_true(exchange_waits(&t.x));
	assert_int_equal(CLIENT(&t, FIRST), 0);
	assert_false(exchange_waits(&t.x));
	assert_int_equal(SERVER(&t, AUTH_SASL_CONTINUE, "r=,s=,i="), 0);
	HEARD(&t, "R\0\0\0\020\0\0\0\013r=,s=,i=");
	assert_int_equal(CLIENT(&t, "c=biws,r=,p="), 0);
	assert_int_equal(SERVER(&t, AUTH_SASL_FINAL, "v="), 0);
	HEARD(&t, "R\0\0\0\012\0\0\0\014v=");
	assert_int_equal(SERVER(&t, AUTH_OK, ""), 0);
	HEARD(&t, ""); /* the client hears of it when the session is open */
	assert_int_equal(t.x.state, EXCHANGE_DONE);
	assert_int_equal(SERVER(&t, AUTH_OK, ""), -EPROTO);
	finish(&t);
}

static void scram_wrong(void **state)
{
	static char large[SCRAM_MESSAGE_MAX + 2];
	struct talk t;

	(void)state;
	begin(&t, true);
	assert_int_equal(SERVER(&t, AUTH_SASL, "SCRAM-SHA-256-PLUS\0\0"), -EACCES);
	begin(&t, true);
	assert_int_equal(SERVER(&t, AUTH_SASL_CONTINUE, "r="), -EACCES);
#define AT_FIRST(offer)                                                                                      \
	begin(&t, true);                                                                                     \
	assert_int_equal(SERVER(&t, AUTH_SASL, offer), 0);                                                   \
	put_fini(&t.heard)
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(CLIENT(&t, "SCRAM-SHA-256-PLUS\0\0\0\0\3n,,"), -EACCES);
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(CLIENT(&t, "SCRAM-SHA-256\0\0\0\0\4n,,"), -EPROTO);
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(CLIENT(&t, "SCRAM-SHA-256\0\xff\xff\xff\xff"), -EPROTO);
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(CLIENT(&t, "SCRAM-SHA-256\0\0\0\0\4p=x,"), -EACCES);
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(CLIENT(&t, "SCRAM-SHA-256\0\0\0\0\3y,,"), 0);
	AT_FIRST("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
	assert_int_equal(CLIENT(&t, "SCRAM-SHA-256\0\0\0\0\3y,,"), -EACCES);
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(SERVER(&t, AUTH_SASL_CONTINUE, "r="), -EPROTO);
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(SERVER(&t, AUTH_OK, ""), -EPROTO);
	AT_FIRST("SCRAM-SHA-256\0\0");
	assert_int_equal(client(&t, FE_QUERY, "SELECT 1", 9), -EPROTO);
#define AT_CHALLENGE()                                                                                       \
	AT_FIRST("SCRAM-SHA-256\0\0");                                                                       \
	assert_int_equal(CLIENT(&t, FIRST), 0)
	AT_CHALLENGE();
	assert_int_equal(SERVER(&t, AUTH_OK, ""), -EPROTO);
	AT_CHALLENGE();
	assert_int_equal(SERVER(&t, AUTH_CLEARTEXT, ""), -EPROTO);
	AT_CHALLENGE();
	assert_int_equal(SERVER(&t, AUTH_SASL_CONTINUE, large), -EPROTO);
	AT_CHALLENGE();
	assert_int_equal(CLIENT(&t, "c="), -EPROTO);
	AT_CHALLENGE();
	assert_int_equal(SERVER(&t, AUTH_SASL_CONTINUE, "r="), 0);
	assert_int_equal(CLIENT(&t, large), -EPROTO);
	put_fini(&t.heard);
	/* a server that never proved that it knows the password */
	AT_CHALLENGE();
	assert_int_equal(SERVER(&t, AUTH_SASL_CONTINUE, "r="), 0);
	assert_int_equal(CLIENT(&t, "c=biws"), 0);
	assert_int_equal(SERVER(&t, AUTH_OK, ""), -EPROTO);
	finish(&t);
}

static void passwords(void **state)
{
	static char large[EXCHANGE_MESSAGE_MAX];
	struct talk t;

	(void)state;
	begin(&t, true);
	assert_int_equal(SERVER(&t, AUTH_MD5, "salt"), 0);
	HEARD(&t, "R\0\0\0\014\0\0\0\005salt");
	assert_int_equal(CLIENT(&t, "md5 and so on\0"), 0);
	assert_int_equal(SERVER(&t, AUTH_SASL_FINAL, "v="), -EPROTO);
	finish(&t);
	begin(&t, true);
	assert_int_equal(SERVER(&t, AUTH_CLEARTEXT, ""), 0);
	assert_int_equal(CLIENT(&t, "secret\0"), 0);
	assert_int_equal(SERVER(&t, AUTH_OK, ""), 0);
	assert_int_equal(t.x.state, EXCHANGE_DONE);
	finish(&t);
	for (int i = 0; i < 3; i++) {
		begin(&t, true);
		assert_int_equal(SERVER(&t, AUTH_CLEARTEXT, ""), 0);
		assert_int_equal(i == 0   ? CLIENT(&t, "without its end")
				 : i == 1 ? CLIENT(&t, "two\0of them\0")
					  : CLIENT(&t, large),
			-EPROTO);
		finish(&t);
	}
	/* whoever asks may be anybody */
	begin(&t, false);
	assert_int_equal(SERVER(&t, AUTH_CLEARTEXT, ""), -EACCES);
	HEARD(&t, "");
	begin(&t, false);
	assert_int_equal(SERVER(&t, AUTH_MD5, "salt"), -EACCES);
	HEARD(&t, "");
	begin(&t, true);
	assert_int_equal(SERVER(&t, 7, ""), -EACCES); /* GSS */
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scram),
		cmocka_unit_test(scram_wrong),
		cmocka_unit_test(passwords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
