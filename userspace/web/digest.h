/* SPDX-License-Identifier: MIT */
/* digest: what a file's bytes are known by in an S3 store: of the whole and of each part, as the store itself
 * says it. Of one pass over the file, in bounded memory. */
#ifndef PGVEIL_WEB_DIGEST_H
#define PGVEIL_WEB_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define DIGEST_SHA256  32
#define DIGEST_MD5     16
#define DIGEST_PARTS   10000 /* as many as a store takes */
#define DIGEST_PART    (UINT64_C(8) << 20)
#define DIGEST_HEX     (2 * DIGEST_SHA256 + 1)
#define DIGEST_ETAG    (2 * DIGEST_MD5 + 8) /* "…-10000" */
#define DIGEST_BASE64  45
#define DIGEST_CHECKED (DIGEST_BASE64 + 6) /* "…-10000" */

struct digest_part {
	uint64_t from, n;
	uint8_t sha256[DIGEST_SHA256], md5[DIGEST_MD5];
};

struct digest {
	uint64_t size, part_size;
	uint8_t sha256[DIGEST_SHA256], md5[DIGEST_MD5]; /* of all of it */
	struct digest_part *parts;                      /* one, where it is not larger than a part */
	unsigned nparts;
};

/* Of a file of that size, which is not to change; parts of part_size (0: DIGEST_PART), or larger where they
 * would be too many. -EIO: it has fewer bytes. */
MUSTCHECK int digest_file(struct digest *d, int fd, uint64_t size, uint64_t part_size, struct err *e);
void digest_fini(struct digest *d); /* all zero is fine */

void digest_hex(const uint8_t *p, size_t n, char *out); /* 2n + 1 bytes */
void digest_base64(const uint8_t *p, size_t n, char *out);
/* What the store calls it by: without quotes; of parts: of their digests, and how many. */
void digest_etag(const struct digest *d, char out[DIGEST_ETAG]);
void digest_checksum(const struct digest *d, char out[DIGEST_CHECKED]);

/* A running SHA-256 of what comes by. */
struct digest_run;
MUSTCHECK int digest_run_new(struct digest_run **out, struct err *e);
MUSTCHECK int digest_run_add(struct digest_run *r, const void *p, size_t n);
MUSTCHECK int digest_run_end(struct digest_run *r, uint8_t out[DIGEST_SHA256]);
void digest_run_free(struct digest_run *r); /* NULL is fine */

#endif
