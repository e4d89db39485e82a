/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "pgwire/login.h"
#include "pgwire/message.h"
#include "pgwire/startup.h"

/* A server's side of a login, told as a word of one letter a message:
 *   o Ok   c Cleartext   m MD5   s SASL   p SASL without SCRAM-SHA-256   1 SASLContinue   2 SASLFinal   x
 * wrong SASLFinal g GSS   k BackendKeyData   S ParameterStatus   N NoticeResponse   Z ReadyForQuery   T
 * ReadyForQuery in a transaction v NegotiateProtocolVersion 3.0   w the same, 3.2   u the same, with an
 * unknown option   E ErrorResponse   D DataRow */
#define PASSWORD "pencil"

static const uint8_t random18[18] = "0123456789abcdefgh"; /* all 18, no NUL */

struct peers {
	struct login l;
	struct put out, in; /* what the login wrote; one message of the server */
	struct err e;
	char nonce[SCRAM_NONCE_LEN + 1];
	char first[128];
};

static void base64(const uint8_t *p, int n, char *out)
{
	EVP_EncodeBlock((uint8_t *)out, p, n);
}

static void server_signature(const struct peers *p, char out[45])
{
	static const uint8_t salt[16] = "0123456789abcdef";
	uint8_t salted[32], key[32], signature[32];
	char auth[512];

	snprintf(auth, sizeof(auth), "n=,r=%s,%s,c=biws,r=%sSERVER", p->nonce, p->first, p->nonce);
	PKCS5_PBKDF2_HMAC(PASSWORD, (int)strlen(PASSWORD), salt, 16, 4096, EVP_sha256(), 32, salted);
	HMAC(EVP_sha256(), salted, 32, (const uint8_t *)"Server Key", 10, key, NULL);
	HMAC(EVP_sha256(), key, 32, (const uint8_t *)auth, strlen(auth), signature, NULL);
	base64(signature, 32, out);
}

static void put_auth(struct put *w, uint32_t kind, struct span data)
{
	put_start(w, BE_AUTHENTICATION);
	put_be32(w, kind);
	put_span(w, data);
	put_finish(w);
}

static void put_auth_text(struct put *w, uint32_t kind, const char *text)
{
	put_auth(w, kind, span_of(text, strlen(text)));
}

static void say_auth(struct peers *p, char what)
{
	char signature[45], final[64];

	switch (what) {
	case 'o': put_auth(&p->in, AUTH_OK, (struct span){0}); break;
	case 'c': put_auth(&p->in, AUTH_CLEARTEXT, (struct span){0}); break;
	case 'm': put_auth(&p->in, AUTH_MD5, SPAN_LIT("\1\2\3\4")); break;
	case 's': put_auth(&p->in, AUTH_SASL, SPAN_LIT("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")); break;
	case 'p': put_auth(&p->in, AUTH_SASL, SPAN_LIT("SCRAM-SHA-256-PLUS\0OAUTHBEARER\0\0")); break;
	case 'g': put_auth(&p->in, 7, (struct span){0}); break;
	case '1': put_auth_text(&p->in, AUTH_SASL_CONTINUE, p->first); break;
	case '2':
	case 'x':
		server_signature(p, signature);
		signature[5] = what == 'x' ? (signature[5] == 'A' ? 'B' : 'A') : signature[5];
		snprintf(final, sizeof(final), "v=%s", signature);
		put_auth_text(&p->in, AUTH_SASL_FINAL, final);
		break;
	default: fail();
	}
}

static void put_negotiated(struct put *w, uint32_t minor, size_t n)
{
	static const struct span unknown = SPAN_LIT("_pq_.x");

	put_negotiate(w, minor, &unknown, n);
}

static void say(struct peers *p, char what)
{
	switch (what) {
	case 'k':
		put_start(&p->in, BE_BACKEND_KEY_DATA);
		put_be32(&p->in, 4711);
		put_span(&p->in, SPAN_LIT("secret"));
		put_finish(&p->in);
		break;
	case 'S': put_parameter_status(&p->in, "TimeZone", SPAN_LIT("UTC")); break;
	case 'N': put_notice(&p->in, "00000", "hello", NULL); break;
	case 'Z': put_ready(&p->in, 'I'); break;
	case 'T': put_ready(&p->in, 'T'); break;
	case 'v': put_negotiated(&p->in, 0, 0); break;
	case 'w': put_negotiated(&p->in, 2, 0); break;
	case 'u': put_negotiated(&p->in, 0, 1); break;
	case 'E': put_error(&p->in, "FATAL", "28P01", "password\nfailed\x7f \xc3\xa4", NULL, NULL); break;
	case 'D':
		put_start(&p->in, BE_DATA_ROW);
		put_be16(&p->in, 0);
		put_finish(&p->in);
		break;
	default: say_auth(p, what);
	}
}

static int hear(struct peers *p)
{
	struct span s = put_bytes(&p->in);
	struct guarded g = guard_copy(s.p, s.n);
	struct frame f;
	int r;

	assert_int_equal(frame_peek(span_of(g.p, g.n), PEER_BACKEND, &f), WIRE_OK);
	r = login_message(&p->l, &f, &p->out, &p->e);
	guard_free(&g);
	put_reset(&p->in);
	assert_int_equal(r != 0, p->l.state == LOGIN_FAILED);
	assert_int_equal(r, p->e.code);
	return r;
}

static void begin(struct peers *p, const struct login_config *cfg)
{
	*p = (struct peers){0};
	base64(random18, 18, p->nonce);
	snprintf(p->first, sizeof(p->first), "r=%sSERVER,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096", p->nonce);
	assert_int_equal(login_start(&p->l, cfg, random18, &p->out, &p->e), 0);
	assert_int_equal(p->l.state, LOGIN_AUTH);
}

static void end(struct peers *p)
{
	login_fini(&p->l);
	put_fini(&p->out);
	put_fini(&p->in);
}

static const struct login_config with_password = {
	.user = "agent", .database = "crm", .password = PASSWORD, .allow_cleartext = true};

/* Plays the word. Returns the number of messages after which the login failed, 0 where it did not. */
static size_t play(struct peers *p, const struct login_config *cfg, const char *word)
{
	size_t failed = 0;

	begin(p, cfg);
	for (size_t i = 0; word[i] && !failed; i++) {
		say(p, word[i]);
		if (hear(p) != 0)
			failed = i + 1;
	}
	return failed;
}

static void accepted(void **state)
{
	static const char *const words[] = {
		"oZ", "okZ", "oSSSkZ", "oNSNkNSZ", "coSkZ", "moSkZ", "s12oSkZ", "voZ", "vs12okZ"};
	struct peers p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_int_equal(play(&p, &with_password, words[i]), 0);
		assert_int_equal(p.l.state, LOGIN_DONE);
		assert_int_equal(p.l.status, 'I');
		end(&p);
		/* Nothing less was enough. */
		for (size_t n = 0; n < strlen(words[i]); n++) {
			char part[16];

			snprintf(part, sizeof(part), "%.*s", (int)n, words[i]);
			assert_int_equal(play(&p, &with_password, part), 0);
			assert_int_not_equal(p.l.state, LOGIN_DONE);
			end(&p);
		}
	}
}

/* The last letter of each word is the one that must be refused. */
static void refused(void **state)
{
	static const char *const words[] = {/* nothing before authentication */
		"Z", "k", "S", "N", "T", "D", "1", "2", "g", "p",
		/* SCRAM is gone through to its end */
		"so", "s1o", "s2", "ss", "sm", "sc", "s11", "s1x", "s122", "s121", "sZ", "s1Z", "s12Z",
		"s12s", "s12k", "sS", "s1N", "sv",
		/* one method, once */
		"cc", "cm", "cs", "c2", "mm", "mc", "ms", "m1", "cZ", "mZ", "ck", "mS", "mv",
		/* after Ok */
		"oo", "om", "os", "o2", "oT", "oD", "okk", "ov", "og",
		/* negotiation */
		"vv", "w", "u",
		/* errors at any time, and nothing after the end */
		"E", "vE", "cE", "mE", "sE", "s1E", "s12E", "oE", "okE", "okZZ", "okZE", "okZN"};
	struct peers p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_int_equal(play(&p, &with_password, words[i]), strlen(words[i]));
		assert_int_equal(p.l.scram.state, SCRAM_FAILED);
		assert_true(p.e.msg[0]);
		/* A failed login stays failed. */
		say(&p, 'o');
		assert_int_equal(hear(&p), -EPROTO);
		end(&p);
	}
}

/* Every message in every state: what the table of accepted words does not allow fails. */
static void exhaustive(void **state)
{
	static const struct {
		const char *reach, *next;
	} states[] = {
		{"", "ocmsv"},
		{"v", "ocms"},
		{"c", "o"},
		{"m", "o"},
		{"s", "1"},
		{"s1", "2"},
		{"s12", "o"},
		{"o", "kSNZ"},
		{"ok", "SNZ"},
		{"okZ", ""},
	};
	static const char all[] = "ocmspg12xkSNZTvwuED";
	struct peers p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		for (const char *what = all; *what; what++) {
			assert_int_equal(play(&p, &with_password, states[i].reach), 0);
			say(&p, *what);
			assert_int_equal(hear(&p) == 0, strchr(states[i].next, *what) != NULL);
			end(&p);
		}
	}
}

static void startup_packet(void **state)
{
	static const char *const params[][2] = {{"application_name", "pgveil"}, {"TimeZone", "UTC"}};
	struct login_config cfg = with_password;
	struct startup s;
	struct peers p;

	(void)state;
	cfg.params = params;
	cfg.nparams = ARRAY_LEN(params);
	begin(&p, &cfg);
	assert_int_equal(startup_parse(put_bytes(&p.out), &s), WIRE_OK);
	assert_int_equal(s.kind, STARTUP_MESSAGE);
	assert_int_equal(s.protocol, PROTOCOL_3_0);
	assert_int_equal(s.nparams, 4);
	assert_true(span_is(startup_param(&s, "user"), "agent"));
	assert_true(span_is(startup_param(&s, "database"), "crm"));
	assert_true(span_is(startup_param(&s, "TimeZone"), "UTC"));
	end(&p);
	cfg.database = NULL;
	begin(&p, &cfg);
	assert_int_equal(startup_parse(put_bytes(&p.out), &s), WIRE_OK);
	assert_null(startup_param(&s, "database").p);
	end(&p);
}

static void start_refused(void **state)
{
	static const char *const again[][2] = {{"application_name", "x"}, {"user", "postgres"}};
	static const char *const empty[][2] = {{"", "x"}};
	const struct login_config cases[] = {
		{.user = NULL},
		{.user = ""},
		{.user = "a", .params = again, .nparams = 2},
		{.user = "a", .params = empty, .nparams = 1},
		{.user = "a", .params = again, .nparams = STARTUP_PARAMS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct put w = {0};
		struct err e = {0};
		struct login l;

		assert_true(login_start(&l, &cases[i], random18, &w, &e) < 0);
		assert_int_equal(l.state, LOGIN_FAILED);
		assert_int_equal(put_bytes(&w).n, 0);
		put_fini(&w);
	}
}

/* The one message that the login wrote, as text where it is some. */
static struct span answer(struct peers *p)
{
	struct frame f;

	assert_int_equal(frame_peek(put_bytes(&p->out), PEER_FRONTEND, &f), WIRE_OK);
	assert_int_equal(f.type, FE_PASSWORD);
	assert_true(frame_whole(&f));
	assert_int_equal(f.total, put_bytes(&p->out).n);
	return f.body;
}

static void step(struct peers *p, char what)
{
	put_reset(&p->out);
	say(p, what);
	assert_int_equal(hear(p), 0);
}

static void answers(void **state)
{
	struct span body;
	struct peers p;
	char want[128];

	(void)state;
	begin(&p, &with_password);
	step(&p, 'c');
	assert_true(span_eq(answer(&p), SPAN_LIT(PASSWORD "\0")));
	end(&p);

	/* concat('md5', md5(concat(md5('pencilagent'), '\1\2\3\4'))), computed elsewhere */
	begin(&p, &with_password);
	step(&p, 'm');
	assert_true(span_eq(answer(&p), SPAN_LIT("md57cd9233dbb788c952aace68c29e82617\0")));
	end(&p);

	begin(&p, &with_password);
	step(&p, 's');
	snprintf(want, sizeof(want), "n,,n=,r=%s", p.nonce);
	body = answer(&p);
	assert_int_equal(body.n, 14 + 4 + strlen(want));
	assert_memory_equal(body.p, "SCRAM-SHA-256\0\0\0\0\x20", 18);
	assert_memory_equal(body.p + 18, want, strlen(want));
	step(&p, '1');
	snprintf(want, sizeof(want), "c=biws,r=%sSERVER,p=", p.nonce);
	body = answer(&p);
	assert_int_equal(body.n, strlen(want) + 44);
	assert_memory_equal(body.p, want, strlen(want));
	step(&p, '2');
	assert_int_equal(put_bytes(&p.out).n, 0);
	end(&p);
}

static void what_is_not_given_away(void **state)
{
	struct login_config cfg = with_password;
	struct peers p;

	(void)state;
	cfg.allow_cleartext = false;
	for (const char *method = "cm"; *method; method++) {
		begin(&p, &cfg);
		put_reset(&p.out);
		say(&p, *method);
		assert_int_equal(hear(&p), -EACCES);
		assert_int_equal(put_bytes(&p.out).n, 0);
		end(&p);
	}
	for (const char *method = "cms"; *method; method++) {
		static const char *const none[] = {NULL, ""};

		for (size_t i = 0; i < ARRAY_LEN(none); i++) {
			cfg.password = none[i];
			cfg.allow_cleartext = true;
			begin(&p, &cfg);
			put_reset(&p.out);
			say(&p, *method);
			assert_int_equal(hear(&p), -EACCES);
			assert_int_equal(put_bytes(&p.out).n, 0);
			end(&p);
		}
	}
	assert_int_equal(play(&p, &cfg, "okZ"), 0);
	assert_int_equal(p.l.state, LOGIN_DONE);
	end(&p);
}

static void key_data(void **state)
{
	uint8_t key[300] = {0};
	struct peers p;

	(void)state;
	assert_int_equal(play(&p, &with_password, "okZ"), 0);
	assert_int_equal(p.l.pid, 4711);
	assert_int_equal(p.l.key_len, 6);
	assert_memory_equal(p.l.key, "secret", 6);
	end(&p);
	assert_int_equal(play(&p, &with_password, "oZ"), 0);
	assert_int_equal(p.l.key_len, 0);
	end(&p);
	for (size_t n = 0; n < sizeof(key); n++) {
		assert_int_equal(play(&p, &with_password, "o"), 0);
		put_start(&p.in, BE_BACKEND_KEY_DATA);
		put_be32(&p.in, 1);
		put_span(&p.in, span_of(key, n));
		put_finish(&p.in);
		assert_int_equal(hear(&p), n >= 4 && n <= 256 ? 0 : -EPROTO);
		end(&p);
	}
}

static void server_errors(void **state)
{
	static const struct {
		struct span body;
		int code;
		const char *sqlstate, *msg;
	} cases[] = {
		{SPAN_LIT("SFATAL\0C28P01\0Mno\0\0"), -EACCES, "28P01", "no"},
		{SPAN_LIT("SFATAL\0C53300\0Mtoo many\0\0"), -ECONNREFUSED, "53300", "too many"},
		{SPAN_LIT("SFATAL\0C3D000\0\0"), -ECONNREFUSED, "3D000", ""},
		{SPAN_LIT("SFATAL\0Mno\0\0"), -EPROTO, "08P01", NULL},
		{SPAN_LIT("SFATAL\0C28p01\0Mno\0\0"), -EPROTO, "08P01", NULL},
		{SPAN_LIT("SFATAL\0C28P01"), -EPROTO, "08P01", NULL},
	};
	char *text = malloc(5000);
	struct peers p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(&p, &with_password);
		put_start(&p.in, BE_ERROR_RESPONSE);
		put_span(&p.in, cases[i].body);
		put_finish(&p.in);
		assert_int_equal(hear(&p), cases[i].code);
		assert_string_equal(p.e.sqlstate, cases[i].sqlstate);
		if (cases[i].msg)
			assert_string_equal(p.e.msg, cases[i].msg);
		end(&p);
	}
	/* One line of plain text, whatever the server said. */
	assert_int_equal(play(&p, &with_password, "E"), 1);
	assert_string_equal(p.e.msg, "password failed? ??");
	end(&p);
	memset(text, '\n', 4999);
	text[4999] = '\0';
	begin(&p, &with_password);
	put_error(&p.in, "FATAL", "28000", text, NULL, NULL);
	assert_int_equal(hear(&p), -EACCES);
	assert_null(strchr(p.e.msg, '\n'));
	end(&p);
	free(text);
}

static void cut_and_garbage(void **state)
{
	static const char *const words[] = {"o", "s", "s1", "s12", "ok", "oS", "oN", "oZ", "v"};
	struct peers p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t last = strlen(words[i]) - 1;
		char before[8];

		snprintf(before, sizeof(before), "%.*s", (int)last, words[i]);
		for (int change = -1; change <= 1; change += 2) {
			struct frame f;
			uint8_t *body;

			assert_int_equal(play(&p, &with_password, before), 0);
			say(&p, words[i][last]);
			assert_int_equal(frame_peek(put_bytes(&p.in), PEER_BACKEND, &f), WIRE_OK);
			body = malloc(f.body.n + 1);
			memcpy(body, f.body.p, f.body.n);
			body[f.body.n] = '!';
			f.body = span_of(body, f.body.n + (size_t)change);
			f.total += (size_t)change;
			/* A key one byte shorter or longer is a key. */
			if (words[i][last] == 'k')
				assert_int_equal(login_message(&p.l, &f, &p.out, &p.e), 0);
			else
				assert_true(login_message(&p.l, &f, &p.out, &p.e) < 0);
			free(body);
			end(&p);
		}
		/* A frame whose body has not all come yet is nobody's to judge. */
		assert_int_equal(play(&p, &with_password, before), 0);
		say(&p, words[i][last]);
		{
			struct frame f;

			assert_int_equal(frame_peek(put_bytes(&p.in), PEER_BACKEND, &f), WIRE_OK);
			f.body.n--;
			assert_int_equal(login_message(&p.l, &f, &p.out, &p.e), -EPROTO);
		}
		end(&p);
	}
}

static void no_memory_fails(void **state)
{
	struct peers p;

	(void)state;
	begin(&p, &with_password);
	p.out.failed = true;
	say(&p, 'o');
	assert_int_equal(hear(&p), -ENOMEM);
	end(&p);
}

static void fini_wipes(void **state)
{
	static const struct login zero;
	struct peers p;

	(void)state;
	assert_int_equal(play(&p, &with_password, "s12okZ"), 0);
	login_fini(&p.l);
	assert_memory_equal(&p.l, &zero, sizeof(zero));
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(exhaustive),
		cmocka_unit_test(startup_packet),
		cmocka_unit_test(start_refused),
		cmocka_unit_test(answers),
		cmocka_unit_test(what_is_not_given_away),
		cmocka_unit_test(key_data),
		cmocka_unit_test(server_errors),
		cmocka_unit_test(cut_and_garbage),
		cmocka_unit_test(no_memory_fails),
		cmocka_unit_test(fini_wipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
