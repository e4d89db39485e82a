/* SPDX-License-Identifier: MIT */
/* s3: one bucket of an S3-compatible store: each verb is one signed request. Who may is read anew for each,
 * since credentials are rotated. Never decides what is to be put where, nor tries anything twice. */
#ifndef PGVEIL_WEB_S3_H
#define PGVEIL_WEB_S3_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "web/digest.h"

#define S3_KEY    1024 /* bytes of an object's name at the most, with its NUL */
#define S3_UPLOAD 256
#define S3_LIST   1000

struct s3;

struct s3_config {            /* copied */
	const char *endpoint; /* "https://host[:port]"; http:// to this machine only, but for plain */
	const char *region;   /* NULL: us-east-1 */
	const char *bucket;
	const char *credentials; /* a file: access key, secret and, where there is one, session token; a line
				    each */
	const char *ca_file;     /* NULL: whom the system believes */
	bool plain;              /* http:// to anybody */
	bool proxies;
};

/* What the store said of an object, or of why there is none. */
struct s3_reply {
	int status;
	unsigned retry_after_s;
	char code[64];                 /* "SlowDown"; "" where it said none */
	char etag[DIGEST_ETAG];        /* without quotes; "" where it is none of ours */
	char checksum[DIGEST_CHECKED]; /* x-amz-checksum-sha256 */
	bool sized;
	uint64_t size; /* HEAD */
};

struct s3_part {         /* what the store has of an upload */
	unsigned number; /* from 1 */
	uint64_t size;
	char etag[DIGEST_ETAG];
};

MUSTCHECK int s3_new(struct s3 **out, const struct s3_config *cfg, struct err *e);
void s3_free(struct s3 *s); /* NULL is fine */
void s3_stop(struct s3 *s); /* from any thread: what is under way ends */
/* "s3://BUCKET[/PREFIX]": the bucket, and the prefix with a '/' behind it or "". */
MUSTCHECK int s3_url(const char *url, char bucket[64], char prefix[S3_KEY], struct err *e);

/* All: 0: it did. -ENOENT: there is no such object or upload. -EEXIST: there is one already. -EACCES: not
 * allowed, or the credentials cannot be read. -EOPNOTSUPP: the store does not know the request. -EPROTO: it
 * refuses what was sent. -EAGAIN: not now. -ECANCELED: s3_stop. -EIO: anything else. */
MUSTCHECK int s3_head(struct s3 *s, const char *key, struct s3_reply *out, struct err *e);
/* over: what is there is replaced. */
MUSTCHECK int s3_put(struct s3 *s, const char *key, int fd, const struct digest *d, bool over,
	struct s3_reply *out, struct err *e);
/* From the first byte to the last, in pieces; false: it is enough. */
MUSTCHECK int s3_get(struct s3 *s, const char *key, bool (*bytes)(void *arg, const void *p, size_t n),
	void *arg, struct err *e);
/* The names below prefix, in order; "": one that cannot be read. fn: not 0 ends it, and is returned. */
MUSTCHECK int s3_list(struct s3 *s, const char *prefix, int (*fn)(void *arg, const char *key, uint64_t size),
	void *arg, struct err *e);

MUSTCHECK int s3_upload_begin(
	struct s3 *s, const char *key, char id[S3_UPLOAD], struct s3_reply *out, struct err *e);
MUSTCHECK int s3_upload_part(struct s3 *s, const char *key, const char *id, unsigned number, int fd,
	const struct digest_part *p, struct s3_reply *out, struct err *e);
MUSTCHECK int s3_upload_finish(struct s3 *s, const char *key, const char *id, const struct digest *d,
	bool over, struct s3_reply *out, struct err *e);
MUSTCHECK int s3_upload_abort(struct s3 *s, const char *key, const char *id, struct err *e);
/* The ids of what is under way for a key: at the most n of them, *found of them. */
MUSTCHECK int s3_uploads(
	struct s3 *s, const char *key, char (*ids)[S3_UPLOAD], unsigned n, unsigned *found, struct err *e);
/* The parts that the store has: at the most n. */
MUSTCHECK int s3_upload_parts(struct s3 *s, const char *key, const char *id, struct s3_part *parts,
	unsigned n, unsigned *found, struct err *e);

#endif
