/* SPDX-License-Identifier: MIT */
/* s3_internal: one signed request, for the files behind web/s3.h. */
#ifndef PGVEIL_WEB_S3_INTERNAL_H
#define PGVEIL_WEB_S3_INTERNAL_H

#include "web/http.h"
#include "web/s3.h"

#define S3_ANSWER_MAX ((size_t)2 << 20) /* of a thousand names */
#define S3_TEXT       (3 * S3_KEY)

struct s3_ask {
	const char *method, *key; /* NULL: of the bucket */
	const char *query;        /* in canonical form; NULL: none */
	const void *body;
	size_t body_len;
	const struct http_file *file;
	const uint8_t *sha256, *md5; /* of what goes out; NULL: of nothing, and not to be checked */
	bool checked;                /* x-amz-checksum-sha256 is asked for, or sent */
	bool anew;                   /* fails where there is one already */
	const char *more;            /* one more header; NULL: none */
	bool (*bytes)(void *arg, const void *p, size_t n); /* of a 200; NULL: kept */
	void *arg;
};

struct s3_answer {
	struct s3_reply reply;
	uint8_t *p; /* the body, where it was kept; freed by the caller */
	size_t n;
};

MUSTCHECK int s3_do(struct s3 *s, const struct s3_ask *ask, struct s3_answer *a, struct err *e);
/* What a body says that is an error although its status is none. */
MUSTCHECK int s3_judge_body(struct s3_answer *a, struct err *e);
/* s as it stands in a path (slashes stay) or in a query; false: too long. */
MUSTCHECK bool s3_escape(const char *s, bool slashes, char *out, size_t cap);
struct span s3_body(const struct s3_answer *a);
/* A quoted etag as it is compared. */
void s3_etag(const char *p, size_t n, char out[DIGEST_ETAG]);

#endif
