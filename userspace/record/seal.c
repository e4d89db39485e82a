/* SPDX-License-Identifier: MIT */
#include "record/seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include "record/be.h"

struct seal_key {
	EVP_PKEY *key;
	uint8_t public_key[SEAL_PUBLIC];
};

/* What is signed: what it is, which record, when, and the chain before it. */
static const char what[] = "pgveil recording seal 1";
#define SIGNED (sizeof(what) + 8 + 8 + ENTRY_HASH)

static void to_sign(uint8_t out[SIGNED], uint64_t number, uint64_t time_us, const uint8_t chain[ENTRY_HASH])
{
	uint8_t *p = out + sizeof(what);

	memcpy(out, what, sizeof(what));
	p = put_be(p, number, 8);
	p = put_be(p, time_us, 8);
	memcpy(p, chain, ENTRY_HASH);
}

int seal_generate(uint8_t out[static SEAL_PRIVATE], struct err *e)
{
	return RAND_priv_bytes(out, SEAL_PRIVATE) == 1 ? 0 : err_set(e, -EIO, "no randomness for a key");
}

int seal_key_new(struct seal_key **out, const uint8_t private_key[static SEAL_PRIVATE], struct err *e)
{
	struct seal_key *k = calloc(1, sizeof(*k));
	size_t n = SEAL_PUBLIC;

	if (!k)
		return err_set(e, -ENOMEM, "out of memory");
	k->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, SEAL_PRIVATE);
	if (!k->key || EVP_PKEY_get_raw_public_key(k->key, k->public_key, &n) != 1 || n != SEAL_PUBLIC) {
		seal_key_free(k);
		return err_set(e, -EIO, "OpenSSL makes no Ed25519 key");
	}
	*out = k;
	return 0;
}

void seal_key_free(struct seal_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

const uint8_t *seal_key_public(const struct seal_key *k)
{
	return k->public_key;
}

int seal_put(const struct seal_key *k, uint64_t number, uint64_t time_us,
	const uint8_t chain[static ENTRY_HASH], uint8_t body[static SEAL_BODY], struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SEAL_SIGNATURE;
	uint8_t text[SIGNED];
	int r = 0;

	to_sign(text, number, time_us, chain);
	memcpy(body, k->public_key, SEAL_PUBLIC);
	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->key) != 1 ||
		EVP_DigestSign(ctx, body + SEAL_PUBLIC, &n, text, sizeof(text)) != 1 || n != SEAL_SIGNATURE)
		r = err_set(e, -EIO, "OpenSSL signs no seal");
	EVP_MD_CTX_free(ctx);
	return r;
}

int seal_check(uint64_t number, uint64_t time_us, const uint8_t chain[static ENTRY_HASH], struct span body,
	const uint8_t **by, struct err *e)
{
	EVP_MD_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	uint8_t text[SIGNED];
	int r = 0;

	if (body.n != SEAL_BODY)
		return err_set(e, -EBADMSG, "a seal of another length");
	to_sign(text, number, time_us, chain);
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, body.p, SEAL_PUBLIC);
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		r = err_set(e, -EIO, "out of memory");
	else if (!key || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) != 1 ||
		 EVP_DigestVerify(ctx, body.p + SEAL_PUBLIC, SEAL_SIGNATURE, text, sizeof(text)) != 1)
		r = err_set(e, -EBADMSG, "the signature of a seal is wrong");
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	*by = body.p;
	return r;
}
