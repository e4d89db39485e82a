/* SPDX-License-Identifier: MIT */
#include "pgwire/startup.h"

#include <string.h>
#include <strings.h>

#define TLS_HANDSHAKE 0x16 /* record type; as a length word it would be far beyond STARTUP_MAX */
#define STARTUP_MIN   8u   /* length and code */

/* The server compares names of settings without regard to case, so "TimeZone" and "timezone" are a
 * repetition: which of the two would win is not for us to guess. */
static bool name_repeated(const struct startup *s, struct span name)
{
	for (unsigned i = 0; i < s->nparams; i++) {
		if (s->params[i].name.n == name.n &&
			strncasecmp((const char *)s->params[i].name.p, (const char *)name.p, name.n) == 0)
			return true;
	}
	return false;
}

static enum wire message_parse(struct cur *c, struct startup *s)
{
	struct startup_param p;

	for (;;) {
		p.name = cur_str(c);
		if (p.name.n == 0)
			return cur_end(c);
		p.value = cur_str(c);
		if (c->bad || s->nparams == STARTUP_PARAMS || name_repeated(s, p.name))
			return WIRE_BAD;
		s->params[s->nparams++] = p;
	}
}

static enum wire cancel_parse(struct cur *c, struct startup *s)
{
	s->cancel_pid = cur_be32(c);
	s->cancel_key = cur_rest(c);
	if (s->cancel_key.n < CANCEL_KEY_MIN || s->cancel_key.n > CANCEL_KEY_MAX)
		return WIRE_BAD;
	return cur_end(c);
}

static enum startup_kind kind_of(uint32_t code)
{
	switch (code) {
	case CANCEL_REQUEST_CODE: return STARTUP_CANCEL;
	case SSL_REQUEST_CODE: return STARTUP_SSL;
	case GSSENC_REQUEST_CODE: return STARTUP_GSSENC;
	}
	return code >> 16 == PROTOCOL_3_0 >> 16 ? STARTUP_MESSAGE : STARTUP_NONE;
}

static enum wire packet_parse(struct cur *c, struct startup *s)
{
	switch (s->kind) {
	case STARTUP_SSL:
	case STARTUP_GSSENC: return cur_end(c);
	case STARTUP_CANCEL: return cancel_parse(c, s);
	case STARTUP_MESSAGE: return message_parse(c, s);
	case STARTUP_NONE:
	case STARTUP_TLS_HELLO: break;
	}
	return WIRE_BAD;
}

enum wire startup_parse(struct span in, struct startup *s)
{
	struct cur c;
	uint32_t len, code;
	enum wire w;

	*s = (struct startup){0};
	if (in.n && in.p[0] == TLS_HANDSHAKE) {
		s->kind = STARTUP_TLS_HELLO;
		return WIRE_OK;
	}
	if (in.n < 4)
		return WIRE_MORE;
	c = cur_of(in);
	len = cur_be32(&c);
	if (len < STARTUP_MIN || len > STARTUP_MAX)
		return WIRE_BAD;
	if (in.n < STARTUP_MIN)
		return WIRE_MORE;
	code = cur_be32(&c);
	s->kind = kind_of(code);
	if (s->kind == STARTUP_NONE)
		return WIRE_BAD;
	if (in.n < len) {
		*s = (struct startup){0};
		return WIRE_MORE;
	}
	s->total = len;
	if (s->kind == STARTUP_MESSAGE)
		s->protocol = code;
	c = cur_of(span_of(in.p + STARTUP_MIN, len - STARTUP_MIN));
	w = packet_parse(&c, s);
	if (w != WIRE_OK)
		*s = (struct startup){0};
	return w;
}

struct span startup_param(const struct startup *s, const char *name)
{
	for (unsigned i = 0; i < s->nparams; i++) {
		if (span_is(s->params[i].name, name))
			return s->params[i].value;
	}
	return (struct span){0};
}
