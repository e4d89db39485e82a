/* SPDX-License-Identifier: MIT */
#include "pgwire/scram.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define KEY_LEN        32 /* SHA-256 */
#define PROOF_B64_LEN  44
#define GS2_HEADER     "n,,"
#define GS2_HEADER_B64 "biws"
#define ITERATIONS_MIN 4096
#define ITERATIONS_LEN 7                        /* digits of SCRAM_ITERATIONS_MAX */
#define CHANGED_MAX    (SCRAM_MESSAGE_MAX + 16) /* client-final-message without its proof */

/* Fails for good: no later call may find a state to go on from. */
static int broken(struct scram_client *s, struct err *e, const char *what)
{
	scram_client_fini(s);
	return err_sql(e, -EPROTO, "08P01", "SCRAM: %s", what);
}

static int no_crypto(struct scram_client *s, struct err *e)
{
	scram_client_fini(s);
	return err_set(e, -EIO, "SCRAM: the cryptographic library failed");
}

static bool printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	}
	return true;
}

/* Takes "name=value" and, unless it is the last, the comma after it. */
static bool attribute_take(struct span *in, char name, bool last, struct span *value)
{
	const uint8_t *comma;
	size_t n;

	if (in->n < 2 || in->p[0] != (uint8_t)name || in->p[1] != '=')
		return false;
	*in = span_of(in->p + 2, in->n - 2);
	comma = in->n ? memchr(in->p, ',', in->n) : NULL;
	if (last == (comma != NULL))
		return false;
	n = comma ? (size_t)(comma - in->p) : in->n;
	*value = span_of(in->p, n);
	n += comma != NULL;
	*in = span_of(in->p + n, in->n - n);
	return value->n != 0;
}

static int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Strict, unlike EVP_DecodeBlock: no white space, padding only at the end, no bits left over. Returns the
 * number of bytes, -1 where in is not base64 or has more than cap. */
static int base64_decode(struct span in, uint8_t *out, size_t cap)
{
	size_t pad = 0, n = 0;
	uint32_t bits = 0;

	if (in.n == 0 || in.n % 4 || in.n > SCRAM_MESSAGE_MAX)
		return -1;
	while (pad < 2 && in.p[in.n - 1 - pad] == '=')
		pad++;
	if (in.n / 4 * 3 - pad > cap)
		return -1;
	for (size_t i = 0; i < in.n; i++) {
		int digit = i < in.n - pad ? base64_digit(in.p[i]) : 0;

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0; shift -= 8) {
			if (n < in.n / 4 * 3 - pad)
				out[n++] = (uint8_t)(bits >> shift);
			else if (bits >> shift & 0xff)
				return -1;
		}
		bits = 0;
	}
	return (int)n;
}

/* A whole number without sign or leading zero, within bounds. */
static int iterations_of(struct span s)
{
	int n = 0;

	if (s.n == 0 || s.n > ITERATIONS_LEN || s.p[0] == '0')
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		n = n * 10 + (s.p[i] - '0');
	}
	return n >= ITERATIONS_MIN && n <= SCRAM_ITERATIONS_MAX ? n : -1;
}

static bool hmac(const uint8_t key[KEY_LEN], struct span data, uint8_t out[KEY_LEN])
{
	return HMAC(EVP_sha256(), key, KEY_LEN, data.p, data.n, out, NULL) != NULL;
}

void scram_memory_fini(struct scram_memory *m)
{
	mem_wipe(m, sizeof(*m));
}

static bool digest(const char *password, struct span salt, int iterations, uint8_t out[KEY_LEN])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint64_t sizes[2] = {strlen(password), (uint64_t)iterations};
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(md, sizes, sizeof(sizes)) == 1 &&
		  EVP_DigestUpdate(md, password, sizes[0]) == 1 &&
		  EVP_DigestUpdate(md, salt.p, salt.n) == 1 && EVP_DigestFinal_ex(md, out, NULL) == 1;

	EVP_MD_CTX_free(md);
	return ok;
}

/* Into s->fresh, computed or remembered. RFC 5802 section 2.2, Hi(). The
 * password goes in as its bytes: for ASCII that is what SASLprep gives, and for other text, which we do not
 * normalise, what the server has where its own SASLprep refused or changed nothing. */
static bool salt_password(struct scram_client *s, struct span salt, int iterations)
{
	const struct scram_memory *m = s->memory;

	if (!digest(s->password, salt, iterations, s->fresh.of))
		return false;
	for (unsigned i = 0; m && i < m->n; i++) {
		if (CRYPTO_memcmp(m->v[i].of, s->fresh.of, KEY_LEN) != 0)
			continue;
		s->fresh = m->v[i];
		s->memory = NULL; /* it is there */
		return true;
	}
	return PKCS5_PBKDF2_HMAC(s->password, (int)strlen(s->password), salt.p, (int)salt.n, iterations,
		       EVP_sha256(), KEY_LEN, s->fresh.salted) == 1;
}

static void remember(struct scram_client *s)
{
	struct scram_memory *m = s->memory;

	if (!m)
		return;
	m->v[m->next] = s->fresh;
	m->next = (m->next + 1) % SCRAM_MEMORY_MAX;
	if (m->n < SCRAM_MEMORY_MAX)
		m->n++;
}

/* RFC 5802 section 3; nothing but the two results leaves. */
static bool prove(const uint8_t salted[KEY_LEN], struct span auth, uint8_t proof[KEY_LEN],
	uint8_t server_signature[KEY_LEN])
{
	uint8_t client_key[KEY_LEN], stored_key[KEY_LEN], server_key[KEY_LEN], sig[KEY_LEN];
	bool ok;

	ok = hmac(salted, SPAN_LIT("Client Key"), client_key) &&
	     hmac(salted, SPAN_LIT("Server Key"), server_key) &&
	     EVP_Digest(client_key, KEY_LEN, stored_key, NULL, EVP_sha256(), NULL) == 1 &&
	     hmac(stored_key, auth, sig) && hmac(server_key, auth, server_signature);
	for (int i = 0; ok && i < KEY_LEN; i++)
		proof[i] = client_key[i] ^ sig[i];
	mem_wipe(client_key, sizeof(client_key));
	mem_wipe(stored_key, sizeof(stored_key));
	mem_wipe(server_key, sizeof(server_key));
	return ok;
}

void scram_client_init(
	struct scram_client *s, const char *password, const char *nonce, struct scram_memory *memory)
{
	struct span n = span_of(nonce, strlen(nonce));

	*s = (struct scram_client){0};
	if (n.n != SCRAM_NONCE_LEN || !printable(n) || strchr(nonce, ','))
		return;
	memcpy(s->nonce, nonce, n.n);
	s->password = password;
	s->memory = memory;
	s->state = SCRAM_START;
}

int scram_client_first(struct scram_client *s, char *out, size_t cap, struct err *e)
{
	int n;

	if (s->state != SCRAM_START)
		return broken(s, e, "the first message was asked for out of order");
	/* The server knows the user from the startup packet and ignores a name here, so libpq sends none. */
	snprintf(s->first_bare, sizeof(s->first_bare), "n=,r=%s", s->nonce);
	n = snprintf(out, cap, GS2_HEADER "%s", s->first_bare);
	if (n < 0 || (size_t)n >= cap)
		return broken(s, e, "no room for the first message");
	s->state = SCRAM_FIRST_SENT;
	return n;
}

struct server_first {
	struct span nonce;
	uint8_t salt[SCRAM_MESSAGE_MAX];
	int salt_len, iterations;
};

/* "r=…,s=…,i=…" and nothing else: an extension ("m=" before, anything after) would change what is agreed on.
 */
static const char *server_first_parse(struct span in, const char *our_nonce, struct server_first *f)
{
	size_t ours = strlen(our_nonce);
	struct span salt, iterations;

	if (in.n > SCRAM_MESSAGE_MAX || !printable(in) || !attribute_take(&in, 'r', false, &f->nonce) ||
		!attribute_take(&in, 's', false, &salt) || !attribute_take(&in, 'i', true, &iterations))
		return "the server's first message is malformed";
	if (f->nonce.n <= ours || memcmp(f->nonce.p, our_nonce, ours) != 0)
		return "the server's nonce does not continue ours";
	f->salt_len = base64_decode(salt, f->salt, sizeof(f->salt));
	if (f->salt_len <= 0)
		return "the server's salt is malformed";
	f->iterations = iterations_of(iterations);
	if (f->iterations < 0)
		return "the server's iteration count is out of bounds";
	return NULL;
}

int scram_client_final(struct scram_client *s, struct span server_first, char *out, size_t cap, struct err *e)
{
	char changed[CHANGED_MAX], auth[sizeof(s->first_bare) + SCRAM_MESSAGE_MAX + CHANGED_MAX];
	uint8_t proof[KEY_LEN], proof_b64[PROOF_B64_LEN + 1];
	struct server_first f;
	const char *wrong;
	int n;

	if (s->state != SCRAM_FIRST_SENT || !s->password)
		return broken(s, e, "the server's first message came out of order");
	wrong = server_first_parse(server_first, s->nonce, &f);
	if (wrong)
		return broken(s, e, wrong);
	snprintf(changed, sizeof(changed), "c=" GS2_HEADER_B64 ",r=%.*s", (int)f.nonce.n,
		(const char *)f.nonce.p);
	n = snprintf(auth, sizeof(auth), "%s,%.*s,%s", s->first_bare, (int)server_first.n,
		(const char *)server_first.p, changed);
	if (n < 0 || (size_t)n >= sizeof(auth))
		return broken(s, e, "the server's first message is too long");
	if (!salt_password(s, span_of(f.salt, (size_t)f.salt_len), f.iterations) ||
		!prove(s->fresh.salted, span_of(auth, (size_t)n), proof, s->server_signature))
		return no_crypto(s, e);
	EVP_EncodeBlock(proof_b64, proof, KEY_LEN);
	n = snprintf(out, cap, "%s,p=%s", changed, (const char *)proof_b64);
	if (n < 0 || (size_t)n >= cap)
		return broken(s, e, "no room for the final message");
	s->password = NULL;
	s->state = SCRAM_FINAL_SENT;
	return n;
}

int scram_client_verify(struct scram_client *s, struct span server_final, struct err *e)
{
	uint8_t signature[KEY_LEN];
	struct span value;

	if (s->state != SCRAM_FINAL_SENT)
		return broken(s, e, "the server's final message came out of order");
	if (attribute_take(&server_final, 'v', true, &value) &&
		base64_decode(value, signature, sizeof(signature)) == KEY_LEN &&
		CRYPTO_memcmp(signature, s->server_signature, KEY_LEN) == 0) {
		s->state = SCRAM_DONE;
		remember(s);
		mem_wipe(&s->fresh, sizeof(s->fresh));
		return 0;
	}
	scram_client_fini(s);
	return err_sql(e, -EACCES, "28000", "SCRAM: the server did not prove that it knows the password");
}

void scram_client_fini(struct scram_client *s)
{
	mem_wipe(s, sizeof(*s));
}
