/* SPDX-License-Identifier: MIT */
#include "web/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM ((size_t)128 << 10)

enum { OF_ALL, OF_PART, RUNS };

/* SHA-256 and MD5 of all, and of the part. MD5 proves nothing here: it is what stores name objects by. */
struct hashes {
	EVP_MD_CTX *sha256[RUNS], *md5[RUNS];
};

static bool begin(struct hashes *h, int which)
{
	return EVP_DigestInit_ex(h->sha256[which], EVP_sha256(), NULL) == 1 &&
	       EVP_DigestInit_ex(h->md5[which], EVP_md5(), NULL) == 1;
}

static bool end(struct hashes *h, int which, uint8_t sha256[DIGEST_SHA256], uint8_t md5[DIGEST_MD5])
{
	return EVP_DigestFinal_ex(h->sha256[which], sha256, NULL) == 1 &&
	       EVP_DigestFinal_ex(h->md5[which], md5, NULL) == 1;
}

static bool hashes_new(struct hashes *h)
{
	bool ok = true;

	for (int i = 0; i < RUNS; i++) {
		h->sha256[i] = EVP_MD_CTX_new();
		h->md5[i] = EVP_MD_CTX_new();
		ok = ok && h->sha256[i] && h->md5[i] && begin(h, i);
	}
	return ok;
}

static void hashes_free(struct hashes *h)
{
	for (int i = 0; i < RUNS; i++) {
		EVP_MD_CTX_free(h->sha256[i]);
		EVP_MD_CTX_free(h->md5[i]);
	}
}

static int add_part(struct hashes *h, int fd, struct digest_part *part, uint8_t *room, struct err *e)
{
	uint64_t at = part->from, left = part->n;
	bool ok = begin(h, OF_PART);

	while (ok && left) {
		ssize_t got = pread(fd, room, left < ROOM ? (size_t)left : ROOM, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(e, -EIO, "a file cannot be read: %s",
				got ? strerror(errno) : "it is shorter");
		for (int i = 0; i < RUNS; i++)
			ok = ok && EVP_DigestUpdate(h->sha256[i], room, (size_t)got) == 1 &&
			     EVP_DigestUpdate(h->md5[i], room, (size_t)got) == 1;
		at += (uint64_t)got;
		left -= (uint64_t)got;
	}
	return ok && end(h, OF_PART, part->sha256, part->md5) ? 0 : err_set(e, -EIO, "OpenSSL cannot hash");
}

static int cut(struct digest *d, uint64_t part_size, struct err *e)
{
	uint64_t least = (d->size + DIGEST_PARTS - 1) / DIGEST_PARTS, n;

	d->part_size = part_size ? part_size : DIGEST_PART;
	if (d->part_size < least)
		d->part_size = (least + 4095) / 4096 * 4096;
	n = d->size ? (d->size + d->part_size - 1) / d->part_size : 1;
	d->parts = calloc((size_t)n, sizeof(*d->parts));
	if (!d->parts)
		return err_set(e, -ENOMEM, "out of memory");
	d->nparts = (unsigned)n;
	for (unsigned i = 0; i < d->nparts; i++) {
		d->parts[i].from = i * d->part_size;
		d->parts[i].n = i + 1 < d->nparts ? d->part_size : d->size - d->parts[i].from;
	}
	return 0;
}

int digest_file(struct digest *d, int fd, uint64_t size, uint64_t part_size, struct err *e)
{
	uint8_t *room = malloc(ROOM);
	struct hashes h = {0};
	int r;

	*d = (struct digest){.size = size};
	r = hashes_new(&h) && room ? cut(d, part_size, e) : err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; !r && i < d->nparts; i++)
		r = add_part(&h, fd, &d->parts[i], room, e);
	if (!r && !end(&h, OF_ALL, d->sha256, d->md5))
		r = err_set(e, -EIO, "OpenSSL cannot hash");
	hashes_free(&h);
	free(room);
	if (r)
		digest_fini(d);
	return r;
}

void digest_fini(struct digest *d)
{
	free(d->parts);
	*d = (struct digest){0};
}

void digest_hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

void digest_base64(const uint8_t *p, size_t n, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, p, (int)n);
}

/* md: of the parts' own digests, which lie at offset in each. */
static void of_parts(const struct digest *d, const EVP_MD *md, size_t offset, size_t n, uint8_t *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, md, NULL) == 1;

	for (unsigned i = 0; ok && i < d->nparts; i++)
		ok = EVP_DigestUpdate(c, (const uint8_t *)&d->parts[i] + offset, n) == 1;
	/* Of nothing that any store would say. */
	if (!ok || EVP_DigestFinal_ex(c, out, NULL) != 1)
		memset(out, 0, n);
	EVP_MD_CTX_free(c);
}

void digest_etag(const struct digest *d, char out[DIGEST_ETAG])
{
	uint8_t md5[DIGEST_MD5];

	if (d->nparts == 1) {
		digest_hex(d->md5, DIGEST_MD5, out);
		return;
	}
	of_parts(d, EVP_md5(), offsetof(struct digest_part, md5), DIGEST_MD5, md5);
	digest_hex(md5, DIGEST_MD5, out);
	snprintf(out + 2 * DIGEST_MD5, DIGEST_ETAG - 2 * DIGEST_MD5, "-%u", d->nparts);
}

void digest_checksum(const struct digest *d, char out[DIGEST_CHECKED])
{
	uint8_t sha256[DIGEST_SHA256];

	if (d->nparts == 1) {
		digest_base64(d->sha256, DIGEST_SHA256, out);
		return;
	}
	of_parts(d, EVP_sha256(), offsetof(struct digest_part, sha256), DIGEST_SHA256, sha256);
	digest_base64(sha256, DIGEST_SHA256, out);
	snprintf(out + DIGEST_BASE64 - 1, DIGEST_CHECKED - DIGEST_BASE64 + 1, "-%u", d->nparts);
}

struct digest_run {
	EVP_MD_CTX *c;
};

int digest_run_new(struct digest_run **out, struct err *e)
{
	struct digest_run *r = calloc(1, sizeof(*r));

	if (r)
		r->c = EVP_MD_CTX_new();
	if (!r || !r->c || EVP_DigestInit_ex(r->c, EVP_sha256(), NULL) != 1) {
		digest_run_free(r);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = r;
	return 0;
}

int digest_run_add(struct digest_run *r, const void *p, size_t n)
{
	return EVP_DigestUpdate(r->c, p, n) == 1 ? 0 : -EIO;
}

int digest_run_end(struct digest_run *r, uint8_t out[DIGEST_SHA256])
{
	return EVP_DigestFinal_ex(r->c, out, NULL) == 1 ? 0 : -EIO;
}

void digest_run_free(struct digest_run *r)
{
	if (r)
		EVP_MD_CTX_free(r->c);
	free(r);
}
