/* SPDX-License-Identifier: MIT */
#include "pgwire/frame.h"

static const char *frontend_name(enum frontend_type type)
{
	switch (type) {
#define X(name, letter, meaning)                                                                             \
	case FE_##name: return meaning;
		FRONTEND_MESSAGES(X)
#undef X
	}
	return NULL;
}

static const char *backend_name(enum backend_type type)
{
	switch (type) {
#define X(name, letter, meaning)                                                                             \
	case BE_##name: return meaning;
		BACKEND_MESSAGES(X)
#undef X
	}
	return NULL;
}

static const char *name_of(enum peer from, uint8_t type)
{
	switch (from) {
	case PEER_FRONTEND: return frontend_name((enum frontend_type)type);
	case PEER_BACKEND: return backend_name((enum backend_type)type);
	}
	return NULL;
}

const char *frame_name(enum peer from, uint8_t type)
{
	const char *name = name_of(from, type);

	return name ? name : "unknown";
}

enum wire frame_peek(struct span in, enum peer from, struct frame *f)
{
	struct cur c;
	uint32_t len;

	*f = (struct frame){0};
	/* A wrong first byte is refused at once: four more bytes would not make it right. */
	if (in.n && !name_of(from, in.p[0]))
		return WIRE_BAD;
	if (in.n < FRAME_HEADER)
		return WIRE_MORE;
	c = cur_of(in);
	f->type = cur_u8(&c);
	len = cur_be32(&c);
	if (len < 4 || len > FRAME_MAX) {
		*f = (struct frame){0};
		return WIRE_BAD;
	}
	f->total = 1 + (size_t)len;
	f->body = cur_take(&c, in.n < f->total ? in.n - FRAME_HEADER : f->total - FRAME_HEADER);
	return WIRE_OK;
}
