/* SPDX-License-Identifier: MIT */
#include "record/entry.h"

/* As in mask/hmac.c: this runs for each record, and cannot fail. */
#define OPENSSL_API_COMPAT 0x10101000L
#include <openssl/sha.h>
#include <string.h>
#include <zlib.h>
#include "record/be.h"

_Static_assert(ENTRY_HASH == SHA256_DIGEST_LENGTH, "what SHA-256 gives");

const char *record_kind_name(unsigned kind)
{
	switch (kind) {
#define X(name, number, word)                                                                                \
	case RECORD_##name: return word;
		RECORD_KINDS(X)
#undef X
	}
	return NULL;
}

#define CHECKED (ENTRY_HEAD - 4)

void entry_about(const struct entry *f, uint8_t about[static ENTRY_ABOUT])
{
	uint8_t *p = put_be(about, f->kind, 1);

	p = put_be(p, f->flags, 1);
	p = put_be(p, f->raw, 4);
	p = put_be(p, f->session, 8);
	put_be(p, f->time_us, 8);
}

void entry_put(const struct entry *f, uint8_t head[static ENTRY_HEAD])
{
	uint8_t *p = put_be(head, f->length, 4);

	p = put_be(p, f->kind, 1);
	p = put_be(p, f->flags, 1);
	p = put_be(p, 0, 2);
	p = put_be(p, f->raw, 4);
	p = put_be(p, f->number, 8);
	p = put_be(p, f->session, 8);
	p = put_be(p, f->time_us, 8);
	put_be(p, crc32(0, head, CHECKED), 4);
}

enum wire entry_get(struct entry *f, const uint8_t head[static ENTRY_HEAD])
{
	struct cur c = cur_of(span_of(head, ENTRY_HEAD));
	uint32_t check;
	unsigned zero;

	f->length = cur_be32(&c);
	f->kind = cur_u8(&c);
	f->flags = cur_u8(&c);
	zero = cur_be16(&c);
	f->raw = cur_be32(&c);
	f->number = cur_be64(&c);
	f->session = cur_be64(&c);
	f->time_us = cur_be64(&c);
	check = cur_be32(&c);
	if (check != crc32(0, head, CHECKED) || zero || !record_kind_name(f->kind) ||
		f->flags & ~(ENTRY_ZSTD | ENTRY_AES) || f->length > ENTRY_STORED_MAX ||
		f->raw > ENTRY_BODY_MAX || (!f->flags && f->length != f->raw))
		return WIRE_BAD;
	return cur_end(&c);
}

void entry_digest(struct span body, uint8_t digest[static ENTRY_HASH])
{
	SHA256_CTX c;

	/* SHA256() looks for who does it each time, which takes longer than a short body */
	SHA256_Init(&c);
	SHA256_Update(&c, body.p, body.n);
	SHA256_Final(digest, &c);
}

void entry_chain(uint8_t chain[static ENTRY_HASH], const uint8_t head[static ENTRY_HEAD],
	const uint8_t digest[static ENTRY_HASH])
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, chain, ENTRY_HASH);
	SHA256_Update(&c, head, ENTRY_HEAD);
	SHA256_Update(&c, digest, ENTRY_HASH);
	SHA256_Final(chain, &c);
}
