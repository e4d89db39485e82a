/* SPDX-License-Identifier: MIT */
#include "pgwire/put.h"

#include <stdlib.h>
#include <string.h>

#include "pgwire/frame.h"
#include "pgwire/startup.h"

#define PUT_MIN ((size_t)256)

/* What was written may be a password or a proof of one, so no block goes back to the heap as it is. */
static void block_free(uint8_t *p, size_t n)
{
	if (p)
		mem_wipe(p, n);
	free(p);
}

void put_fini(struct put *w)
{
	block_free(w->p, w->cap);
	*w = (struct put){0};
}

void put_reset(struct put *w)
{
	w->n = w->start = 0;
	w->failed = false;
}

bool put_failed(const struct put *w)
{
	return w->failed;
}

struct span put_bytes(const struct put *w)
{
	/* After a failure nobody can tell which message is whole. */
	return w->failed ? (struct span){0} : span_of(w->p, w->start);
}

static uint8_t *room(struct put *w, size_t n)
{
	size_t cap = w->cap ? w->cap : PUT_MIN;
	uint8_t *p;

	/* invariant: w->n - w->start <= FRAME_MAX + 1 */
	if (w->failed || n > FRAME_MAX + 1 - (w->n - w->start) || w->n > SIZE_MAX / 4) {
		w->failed = true;
		return NULL;
	}
	if (w->cap - w->n < n) {
		while (cap - w->n < n)
			cap *= 2;
		p = malloc(cap);
		if (!p) {
			w->failed = true;
			return NULL;
		}
		if (w->n)
			memcpy(p, w->p, w->n);
		block_free(w->p, w->cap);
		w->p = p;
		w->cap = cap;
	}
	p = w->p + w->n;
	w->n += n;
	return p;
}

static void be32_at(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void put_start(struct put *w, char type)
{
	w->start = w->n;
	if (type)
		put_u8(w, (uint8_t)type);
	put_be32(w, 0);
}

void put_finish(struct put *w)
{
	uint8_t *length;

	if (w->failed)
		return;
	/* No type is 0, and the length word still is. */
	length = w->p + w->start + (w->p[w->start] != 0);
	if ((size_t)(w->p + w->n - length) > FRAME_MAX) {
		w->failed = true;
		return;
	}
	be32_at(length, (uint32_t)(w->p + w->n - length));
	w->start = w->n;
}

void put_u8(struct put *w, uint8_t v)
{
	uint8_t *p = room(w, 1);

	if (p)
		*p = v;
}

void put_be16(struct put *w, uint16_t v)
{
	uint8_t *p = room(w, 2);

	if (p) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

void put_be32(struct put *w, uint32_t v)
{
	uint8_t *p = room(w, 4);

	if (p)
		be32_at(p, v);
}

void put_span(struct put *w, struct span s)
{
	uint8_t *p = s.n ? room(w, s.n) : NULL;

	if (p)
		memcpy(p, s.p, s.n);
}

void put_cstr(struct put *w, const char *s)
{
	put_span(w, span_of(s, strlen(s) + 1));
}

void put_cstr_span(struct put *w, struct span s)
{
	if (s.n && memchr(s.p, 0, s.n))
		w->failed = true;
	put_span(w, s);
	put_u8(w, 0);
}

void put_param_int4(struct put *w, int32_t v)
{
	put_be32(w, 4);
	put_be32(w, (uint32_t)v);
}

static void field(struct put *w, char code, const char *value)
{
	if (!value)
		return;
	put_u8(w, (uint8_t)code);
	put_cstr(w, value);
}

static void report(struct put *w, enum backend_type type, const char *severity, const char *sqlstate,
	const char *message, const char *detail, const char *hint)
{
	put_start(w, (char)type);
	field(w, 'S', severity);
	field(w, 'V', severity);
	field(w, 'C', sqlstate);
	field(w, 'M', message);
	field(w, 'D', detail);
	field(w, 'H', hint);
	put_u8(w, 0);
	put_finish(w);
}

void put_error(struct put *w, const char *severity, const char *sqlstate, const char *message,
	const char *detail, const char *hint)
{
	report(w, BE_ERROR_RESPONSE, severity, sqlstate, message, detail, hint);
}

void put_notice(struct put *w, const char *sqlstate, const char *message, const char *hint)
{
	report(w, BE_NOTICE_RESPONSE, "NOTICE", sqlstate, message, NULL, hint);
}

void put_query(struct put *w, const char *sql)
{
	put_start(w, FE_QUERY);
	put_cstr(w, sql);
	put_finish(w);
}

void put_parameter_status(struct put *w, const char *name, struct span value)
{
	put_start(w, BE_PARAMETER_STATUS);
	put_cstr(w, name);
	put_cstr_span(w, value);
	put_finish(w);
}

void put_ready(struct put *w, char status)
{
	put_start(w, BE_READY_FOR_QUERY);
	put_u8(w, (uint8_t)status);
	put_finish(w);
}

void put_startup(struct put *w, const char *const (*params)[2], size_t n)
{
	put_start(w, 0);
	put_be32(w, PROTOCOL_3_0);
	for (size_t i = 0; i < n; i++) {
		/* An empty name would end the list and leave the rest unsaid. */
		if (!params[i][0][0])
			w->failed = true;
		put_cstr(w, params[i][0]);
		put_cstr(w, params[i][1]);
	}
	put_u8(w, 0);
	if (w->n - w->start > STARTUP_MAX)
		w->failed = true;
	put_finish(w);
}

void put_cancel(struct put *w, uint32_t pid, struct span key)
{
	put_start(w, 0);
	put_be32(w, CANCEL_REQUEST_CODE);
	put_be32(w, pid);
	put_span(w, key);
	put_finish(w);
}

void put_ssl_request(struct put *w)
{
	put_start(w, 0);
	put_be32(w, SSL_REQUEST_CODE);
	put_finish(w);
}

void put_negotiate(struct put *w, uint32_t newest_minor, const struct span *unknown, size_t n)
{
	put_start(w, BE_NEGOTIATE_PROTOCOL_VERSION);
	/* The whole protocol number, as servers send it and libpq reads it. */
	put_be32(w, PROTOCOL_3_0 | newest_minor);
	put_be32(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		put_cstr_span(w, unknown[i]);
	put_finish(w);
}

void put_sync(struct put *w)
{
	put_start(w, FE_SYNC);
	put_finish(w);
}
