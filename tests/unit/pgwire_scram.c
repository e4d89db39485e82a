/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "pgwire/scram.h"

#define NONCE  "fyko+d2lbbFgONRv9qkxdawL" /* SCRAM_NONCE_LEN characters */
#define SERVER "3rfcNHYJY1ZVvWVs7j"
#define SALT   "QSXCR+Q6sek8bf92"
#define FIRST  "r=" NONCE SERVER ",s=" SALT ",i=4096"

/* RFC 7677 section 3. Its client names a user, which PostgreSQL's clients do not, and its nonce is shorter:
 * both are put in by hand. */
static void rfc_7677(void **state)
{
	static const char server_first[] = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
					   "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
	char out[SCRAM_MESSAGE_MAX];
	struct scram_client s;
	struct err e = {0};
	int n;

	(void)state;
	scram_client_init(&s, "pencil", NONCE, NULL);
	n = scram_client_first(&s, out, sizeof(out), &e);
	assert_int_equal(n, (int)strlen("n,,n=,r=" NONCE));
	assert_string_equal(out, "n,,n=,r=" NONCE);
	strcpy(s.nonce, "rOprNGfwEbeRWgbNEkqO");
	strcpy(s.first_bare, "n=user,r=rOprNGfwEbeRWgbNEkqO");
	n = scram_client_final(&s, SPAN_LIT(server_first), out, sizeof(out), &e);
	assert_true(n > 0);
	assert_int_equal(n, (int)strlen(out));
	assert_string_equal(out, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
				 "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	assert_int_equal(
		scram_client_verify(&s, SPAN_LIT("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), &e), 0);
	assert_int_equal(s.state, SCRAM_DONE);
	scram_client_fini(&s);
}

struct server_side {
	uint8_t stored_key[32], signature[32], client_proof_key[32];
};

/* What a server computes from its verifier; the salt is given as bytes. */
static void serve(const char *password, const uint8_t *salt, int salt_len, int iterations, const char *auth,
	struct server_side *side)
{
	uint8_t salted[32], server_key[32], client_key[32];

	assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, salt_len, iterations,
				 EVP_sha256(), 32, salted),
		1);
	HMAC(EVP_sha256(), salted, 32, (const uint8_t *)"Client Key", 10, client_key, NULL);
	EVP_Digest(client_key, 32, side->stored_key, NULL, EVP_sha256(), NULL);
	HMAC(EVP_sha256(), side->stored_key, 32, (const uint8_t *)auth, strlen(auth), side->client_proof_key,
		NULL);
	HMAC(EVP_sha256(), salted, 32, (const uint8_t *)"Server Key", 10, server_key, NULL);
	HMAC(EVP_sha256(), server_key, 32, (const uint8_t *)auth, strlen(auth), side->signature, NULL);
}

static void against_a_server(
	const char *password, const char *server_password, bool agree, struct scram_memory *memory)
{
	uint8_t salt[12], proof[33], key[32], digest[32], encoded[45];
	char out[SCRAM_MESSAGE_MAX], auth[512], final[64];
	struct server_side side;
	struct scram_client s;
	struct err e = {0};

	scram_client_init(&s, password, NONCE, memory);
	assert_true(scram_client_first(&s, out, sizeof(out), &e) > 0);
	assert_true(scram_client_final(&s, SPAN_LIT(FIRST), out, sizeof(out), &e) > 0);
	assert_int_equal(EVP_DecodeBlock(salt, (const uint8_t *)SALT, 16), 12);
	snprintf(auth, sizeof(auth), "n=,r=" NONCE "," FIRST ",c=biws,r=" NONCE SERVER);
	serve(server_password, salt, 12, 4096, auth, &side);

	/* The server takes the client key out of the proof; its hash is the stored key if the password is
	 * right. */
	assert_memory_equal(out, "c=biws,r=" NONCE SERVER ",p=", strlen("c=biws,r=" NONCE SERVER ",p="));
	assert_int_equal(EVP_DecodeBlock(proof, (const uint8_t *)strstr(out, ",p=") + 3, 44), 33);
	for (int i = 0; i < 32; i++)
		key[i] = proof[i] ^ side.client_proof_key[i];
	EVP_Digest(key, 32, digest, NULL, EVP_sha256(), NULL);
	assert_int_equal(memcmp(digest, side.stored_key, 32) == 0, agree);

	EVP_EncodeBlock(encoded, side.signature, 32);
	snprintf(final, sizeof(final), "v=%s", (const char *)encoded);
	assert_int_equal(scram_client_verify(&s, span_of(final, strlen(final)), &e), agree ? 0 : -EACCES);
	assert_int_equal(s.state, agree ? SCRAM_DONE : SCRAM_FAILED);
	scram_client_fini(&s);
}

static void passwords(void **state)
{
	(void)state;
	against_a_server("secret", "secret", true, NULL);
	against_a_server("secret", "Secret", false, NULL);
	against_a_server("with, comma = and space", "with, comma = and space", true, NULL);
	/* Not normalised: the bytes are what counts. */
	against_a_server("p\xc3\xa4ssword", "p\xc3\xa4ssword", true, NULL);
	against_a_server("\xff\xfe", "\xff\xfe", true, NULL);
}

static void remembers_what_a_proved_server_was_told(void **state)
{
	struct scram_memory m = {0};
	struct scram_salted first;
	char password[24];

	(void)state;
	against_a_server("secret", "Secret", false, &m);
	assert_int_equal(m.n, 0);
	against_a_server("secret", "secret", true, &m);
	assert_int_equal(m.n, 1);
	first = m.v[0];
	against_a_server("secret", "secret", true, &m);
	assert_int_equal(m.n, 1);
	assert_memory_equal(&first, &m.v[0], sizeof(first));
	/* What is there is used: with another salted password in its place the server is not convinced. */
	m.v[0].salted[0] ^= 1;
	against_a_server("secret", "secret", false, &m);
	m.v[0].salted[0] ^= 1;
	/* Another password is not taken for it, though it proves nothing to this server. */
	against_a_server("Secret", "secret", false, &m);
	for (int i = 0; i < SCRAM_MEMORY_MAX; i++) {
		snprintf(password, sizeof(password), "password %d", i);
		against_a_server(password, password, true, &m);
	}
	assert_int_equal(m.n, SCRAM_MEMORY_MAX);
	against_a_server("secret", "secret", true, &m);
	scram_memory_fini(&m);
	assert_int_equal(m.n, 0);
	assert_memory_equal(&m, &(struct scram_memory){0}, sizeof(m));
}

static void wrong_first_messages(void **state)
{
	static const struct span cases[] = {
		SPAN_LIT(""),
		SPAN_LIT("r=" NONCE ",s=" SALT ",i=4096"), /* nothing added to our nonce */
		SPAN_LIT("r=" SERVER NONCE ",s=" SALT ",i=4096"),
		SPAN_LIT("r=fyko+d2lbbFgONRv9qkxdawM" SERVER ",s=" SALT ",i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=,i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=QSXCR,i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=QSX=R+Q6,i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=QSXCR+Q-,i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=QSXCR===,i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=QSXCRR==,i=4096"), /* bits beyond the last byte */
		SPAN_LIT("r=" NONCE SERVER ",s= " SALT ",i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=4095"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=1000001"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=99999999999999999999"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=-4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=+4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=04096"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=4096x"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i="),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT),
		SPAN_LIT("r=" NONCE SERVER ",i=4096,s=" SALT),
		SPAN_LIT("m=ext,r=" NONCE SERVER ",s=" SALT ",i=4096"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=4096,x=y"),
		SPAN_LIT("r=" NONCE SERVER ",s=" SALT ",i=4096,"),
		SPAN_LIT("r=" NONCE SERVER "\0,s=" SALT ",i=4096"),
		SPAN_LIT("r=" NONCE SERVER "\xc3\xa4,s=" SALT ",i=4096"),
		SPAN_LIT("e=other-error"),
	};
	char out[SCRAM_MESSAGE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct guarded g = guard_copy(cases[i].p, cases[i].n);
		struct scram_client s;
		struct err e = {0};

		scram_client_init(&s, "pencil", NONCE, NULL);
		assert_true(scram_client_first(&s, out, sizeof(out), &e) > 0);
		assert_int_equal(scram_client_final(&s, span_of(g.p, g.n), out, sizeof(out), &e), -EPROTO);
		assert_string_equal(e.sqlstate, "08P01");
		assert_int_equal(s.state, SCRAM_FAILED);
		/* There is no second try. */
		assert_int_equal(scram_client_final(&s, SPAN_LIT(FIRST), out, sizeof(out), &e), -EPROTO);
		guard_free(&g);
	}
}

static void first_message_cut(void **state)
{
	char out[SCRAM_MESSAGE_MAX];

	(void)state;
	for (size_t n = 0; n <= strlen(FIRST); n++) {
		struct guarded g = guard_copy(FIRST, n);
		struct scram_client s;
		int r;

		scram_client_init(&s, "pencil", NONCE, NULL);
		assert_true(scram_client_first(&s, out, sizeof(out), NULL) > 0);
		r = scram_client_final(&s, span_of(g.p, g.n), out, sizeof(out), NULL);
		assert_int_equal(r > 0, n == strlen(FIRST));
		scram_client_fini(&s);
		guard_free(&g);
	}
}

static void oversize_first_message(void **state)
{
	char first[2 * SCRAM_MESSAGE_MAX] = "r=" NONCE, out[2 * SCRAM_MESSAGE_MAX];
	static const char tail[] = ",s=" SALT ",i=4096";

	(void)state;
	for (size_t total = SCRAM_MESSAGE_MAX; total <= SCRAM_MESSAGE_MAX + 1; total++) {
		size_t head = strlen("r=" NONCE), fill = total - head - strlen(tail);
		struct scram_client s;

		memset(first + head, 'x', fill);
		memcpy(first + head + fill, tail, sizeof(tail));
		scram_client_init(&s, "pencil", NONCE, NULL);
		assert_true(scram_client_first(&s, out, sizeof(out), NULL) > 0);
		assert_int_equal(scram_client_final(&s, span_of(first, total), out, sizeof(out), NULL) > 0,
			total <= SCRAM_MESSAGE_MAX);
		scram_client_fini(&s);
	}
}

static void wrong_final_messages(void **state)
{
	static const struct span cases[] = {
		SPAN_LIT(""),
		SPAN_LIT("v="),
		SPAN_LIT("e=invalid-proof"),
		SPAN_LIT("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		SPAN_LIT("v=AAAA"),
		SPAN_LIT("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
	};
	char out[SCRAM_MESSAGE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct guarded g = guard_copy(cases[i].p, cases[i].n);
		struct scram_client s;
		struct err e = {0};

		scram_client_init(&s, "pencil", NONCE, NULL);
		assert_true(scram_client_first(&s, out, sizeof(out), &e) > 0);
		assert_true(scram_client_final(&s, SPAN_LIT(FIRST), out, sizeof(out), &e) > 0);
		assert_int_equal(scram_client_verify(&s, span_of(g.p, g.n), &e), -EACCES);
		assert_int_equal(s.state, SCRAM_FAILED);
		guard_free(&g);
	}
}

/* One bit of the right signature, or one byte after it, and it is wrong. */
static void signature_tampered(void **state)
{
	char out[SCRAM_MESSAGE_MAX], final[64];
	struct scram_client sent, s;
	uint8_t encoded[45];

	(void)state;
	scram_client_init(&sent, "pencil", NONCE, NULL);
	assert_true(scram_client_first(&sent, out, sizeof(out), NULL) > 0);
	assert_true(scram_client_final(&sent, SPAN_LIT(FIRST), out, sizeof(out), NULL) > 0);
	for (unsigned bit = 0; bit <= 256; bit++) {
		uint8_t signature[32];

		memcpy(signature, sent.server_signature, 32);
		if (bit < 256)
			signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		EVP_EncodeBlock(encoded, signature, 32);
		snprintf(final, sizeof(final), "v=%s", (const char *)encoded);
		s = sent;
		assert_int_equal(scram_client_verify(&s, span_of(final, strlen(final)), NULL),
			bit < 256 ? -EACCES : 0);
	}
	strcat(final, ",");
	s = sent;
	assert_int_equal(scram_client_verify(&s, span_of(final, strlen(final)), NULL), -EACCES);
	scram_client_fini(&sent);
}

static void order(void **state)
{
	char out[SCRAM_MESSAGE_MAX];
	struct scram_client s;

	(void)state;
	scram_client_init(&s, "pencil", NONCE, NULL);
	assert_int_equal(scram_client_final(&s, SPAN_LIT(FIRST), out, sizeof(out), NULL), -EPROTO);
	scram_client_init(&s, "pencil", NONCE, NULL);
	assert_int_equal(scram_client_verify(&s, SPAN_LIT("v="), NULL), -EPROTO);
	scram_client_init(&s, "pencil", NONCE, NULL);
	assert_true(scram_client_first(&s, out, sizeof(out), NULL) > 0);
	assert_int_equal(scram_client_first(&s, out, sizeof(out), NULL), -EPROTO);
	assert_int_equal(s.state, SCRAM_FAILED);
	s = (struct scram_client){0};
	assert_int_equal(scram_client_first(&s, out, sizeof(out), NULL), -EPROTO);
}

static void nonce_and_room(void **state)
{
	static const char *const nonces[] = {"", "short", NONCE "x", "fyko+d2lbbFgONRv9qkxd,wL",
		"fyko+d2lbbFgONRv9qkxd wL", "fyko+d2lbbFgONRv9qkxd\xffwL"};
	char out[SCRAM_MESSAGE_MAX];
	struct scram_client s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nonces); i++) {
		scram_client_init(&s, "pencil", nonces[i], NULL);
		assert_int_equal(s.state, SCRAM_FAILED);
	}
	scram_client_init(&s, "pencil", NONCE, NULL);
	assert_int_equal(scram_client_first(&s, out, strlen("n,,n=,r=" NONCE), NULL), -EPROTO);
	scram_client_init(&s, "pencil", NONCE, NULL);
	assert_true(scram_client_first(&s, out, strlen("n,,n=,r=" NONCE) + 1, NULL) > 0);
	assert_int_equal(scram_client_final(&s, SPAN_LIT(FIRST), out, 64, NULL), -EPROTO);
}

static void fini_wipes(void **state)
{
	static const struct scram_client zero;
	char out[SCRAM_MESSAGE_MAX];
	struct scram_client s;

	(void)state;
	scram_client_init(&s, "pencil", NONCE, NULL);
	assert_true(scram_client_first(&s, out, sizeof(out), NULL) > 0);
	assert_true(scram_client_final(&s, SPAN_LIT(FIRST), out, sizeof(out), NULL) > 0);
	assert_null(s.password);
	scram_client_fini(&s);
	assert_memory_equal(&s, &zero, sizeof(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_7677),
		cmocka_unit_test(passwords),
		cmocka_unit_test(wrong_first_messages),
		cmocka_unit_test(first_message_cut),
		cmocka_unit_test(oversize_first_message),
		cmocka_unit_test(wrong_final_messages),
		cmocka_unit_test(signature_tampered),
		cmocka_unit_test(order),
		cmocka_unit_test(nonce_and_room),
		cmocka_unit_test(remembers_what_a_proved_server_was_told),
		cmocka_unit_test(fini_wipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
