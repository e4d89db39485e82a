/* SPDX-License-Identifier: MIT */
/* http: requests to somebody else's server, one after the other over connections that are kept. Blocks; the
 * only user of libcurl here. Never follows a redirect, and never sends a token but to the server it is for.
 */
#ifndef PGVEIL_WEB_HTTP_H
#define PGVEIL_WEB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct http;

struct http_config {            /* copied */
	const char *server;     /* "https://10.96.0.1:443": scheme, host, port */
	const char *ca_file;    /* whom to believe that it is the server; NULL: whom the system believes */
	const char *token_file; /* of a bearer token, read for each request: it is rotated; NULL: none */
	bool proxies;           /* what the environment says of proxies counts */
};

/* A body that is read from a file as it goes out, never held whole. */
struct http_file {
	int fd;
	uint64_t from, n; /* bytes; a file that has fewer fails the request */
};

/* AWS Signature Version 4, by libcurl. The target's query is to be in canonical form (sorted, each with its
 * "="), and x-amz-content-sha256 among the headers. */
struct http_sign {
	const char *access, *secret;
	const char *region, *service;
};

struct http_request {               /* borrowed until http_do returns */
	const char *method;         /* "GET" */
	const char *target;         /* path and query, encoded */
	const char *const *headers; /* "Name: value"; NULL at the end; NULL: none */
	const void *body;
	size_t body_len;
	const struct http_file *file; /* instead of body; NULL: none */
	const struct http_sign *sign; /* NULL: it is not signed */
	unsigned timeout_s;           /* for all of it; 0: none */
	unsigned silence_s;           /* without a byte it is over; 0: never */
	/* Once, before the first byte of the body. retry_after_s: 0 where the answer has none. */
	void (*status)(void *arg, int status, unsigned retry_after_s);
	/* Each line of the answer's head, without its end; before status. NULL: nobody reads them. */
	void (*header)(void *arg, const char *line, size_t n);
	bool (*bytes)(void *arg, const void *p, size_t n); /* false: it is enough */
	void *arg;
};

/* The library's own start, which is not thread-safe everywhere: while there is one thread only. */
MUSTCHECK int http_start(struct err *e);
/* While there is one thread only, or behind http_start. */
MUSTCHECK int http_new(struct http **out, const struct http_config *cfg, struct err *e);
void http_free(struct http *h); /* NULL is fine */
/* 0: the answer came to its end, whatever its status. -ECANCELED: bytes said so, or http_stop. -EACCES: the
 * token cannot be read, or the server is not who it should be. -EIO: anything else. One thread at a time. */
MUSTCHECK int http_do(struct http *h, const struct http_request *rq, struct err *e);
/* From any thread: what is under way ends, and nothing begins any more. */
void http_stop(struct http *h);

#endif
