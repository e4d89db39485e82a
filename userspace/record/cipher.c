/* SPDX-License-Identifier: MIT */
#include "record/cipher.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>
#include "record/be.h"

#define INFO "pgveil recording 1"

struct cipher {
	uint8_t key[CIPHER_KEY];
	EVP_CIPHER_CTX *ctx;
};

static int derive(uint8_t out[CIPHER_KEY], const uint8_t key[CIPHER_KEY], const uint8_t salt[CIPHER_SALT])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t n = CIPHER_KEY;
	int r = -EIO;

	if (ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt, CIPHER_SALT) == 1 &&
		EVP_PKEY_CTX_set1_hkdf_key(ctx, key, CIPHER_KEY) == 1 &&
		EVP_PKEY_CTX_add1_hkdf_info(ctx, (const unsigned char *)INFO, sizeof(INFO) - 1) == 1 &&
		EVP_PKEY_derive(ctx, out, &n) == 1 && n == CIPHER_KEY)
		r = 0;
	EVP_PKEY_CTX_free(ctx);
	return r;
}

int cipher_new(struct cipher **out, const uint8_t key[static CIPHER_KEY],
	const uint8_t salt[static CIPHER_SALT], struct err *e)
{
	struct cipher *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->ctx = EVP_CIPHER_CTX_new();
	if (!c->ctx || derive(c->key, key, salt)) {
		cipher_free(c);
		return err_set(e, -EIO, "no key can be derived for the recording");
	}
	*out = c;
	return 0;
}

void cipher_free(struct cipher *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->ctx);
	mem_wipe(c->key, sizeof(c->key));
	free(c);
}

int cipher_seal(
	struct cipher *c, uint64_t counter, struct span about, struct span in, uint8_t *out, struct err *e)
{
	uint8_t *body = out + CIPHER_NONCE;
	int n = 0, last = 0;

	put_be(out, counter, CIPHER_NONCE);
	if (in.n > INT_MAX || about.n > INT_MAX ||
		EVP_EncryptInit_ex(c->ctx, EVP_aes_256_gcm(), NULL, c->key, out) != 1 ||
		EVP_EncryptUpdate(c->ctx, NULL, &n, about.p, (int)about.n) != 1 ||
		(in.n && EVP_EncryptUpdate(c->ctx, body, &n, in.p, (int)in.n) != 1) ||
		EVP_EncryptFinal_ex(c->ctx, body + in.n, &last) != 1 ||
		EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_GCM_GET_TAG, CIPHER_TAG, body + in.n) != 1)
		return err_set(e, -EIO, "a record cannot be enciphered");
	return 0;
}

int cipher_open(struct cipher *c, struct span about, struct span in, uint8_t *out, struct err *e)
{
	size_t len = in.n - CIPHER_MORE;
	uint8_t tag[CIPHER_TAG];
	int n = 0, last = 0;

	if (in.n < CIPHER_MORE || in.n > INT_MAX || about.n > INT_MAX)
		return err_set(e, -EBADMSG, "an enciphered record is too short");
	memcpy(tag, in.p + in.n - CIPHER_TAG, CIPHER_TAG);
	if (EVP_DecryptInit_ex(c->ctx, EVP_aes_256_gcm(), NULL, c->key, in.p) != 1 ||
		EVP_DecryptUpdate(c->ctx, NULL, &n, about.p, (int)about.n) != 1 ||
		(len && EVP_DecryptUpdate(c->ctx, out, &n, in.p + CIPHER_NONCE, (int)len) != 1) ||
		EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_GCM_SET_TAG, CIPHER_TAG, tag) != 1 ||
		EVP_DecryptFinal_ex(c->ctx, out + len, &last) != 1)
		return err_set(e, -EBADMSG, "a record is enciphered with another key, or was altered");
	return 0;
}
