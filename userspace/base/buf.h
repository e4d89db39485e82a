/* SPDX-License-Identifier: MIT */
/* buf: bytes on their way in. Three types: span (a view), cur (a reader with a sticky error), buf (a block
 * with three cursors). None knows what the bytes mean. */
#ifndef PGVEIL_BASE_BUF_H
#define PGVEIL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

/* A view; never owns. Whoever returns one says whom it borrows from. */
struct span {
	const uint8_t *p;
	size_t n;
};

#define SPAN_LIT(s) ((struct span){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct span span_of(const void *p, size_t n)
{
	return (struct span){p, n};
}
bool span_eq(struct span a, struct span b);
bool span_is(struct span a, const char *s); /* equals the C string s */

/* What a codec says of its input (and only codecs return it). */
enum wire {
	WIRE_BAD = 0, /* malformed: never forward, never retry */
	WIRE_MORE,    /* not all there yet */
	WIRE_OK,
};

/* A reader over a span. The first failure sticks: later reads give zero or empty, so a decoder is
 * straight-line code ended by one cur_end(), which also proves that everything was consumed. */
struct cur {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct cur cur_of(struct span s)
{
	return (struct cur){s.p, s.p + s.n, false};
}
static inline size_t cur_left(const struct cur *c)
{
	return (size_t)(c->end - c->p);
}
static inline const uint8_t *cur_step(struct cur *c, size_t n) /* n bytes, or NULL and bad */
{
	const uint8_t *p = c->p;

	if (c->bad || cur_left(c) < n) {
		c->bad = true;
		c->p = c->end;
		return NULL;
	}
	c->p += n;
	return p;
}
static inline uint8_t cur_u8(struct cur *c)
{
	const uint8_t *p = cur_step(c, 1);

	return p ? p[0] : 0;
}
static inline uint16_t cur_be16(struct cur *c)
{
	const uint8_t *p = cur_step(c, 2);

	return (uint16_t)(p ? (p[0] << 8) | p[1] : 0);
}
static inline uint32_t cur_be32(struct cur *c)
{
	const uint8_t *p = cur_step(c, 4);

	return p ? ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3] : 0;
}
uint64_t cur_be64(struct cur *c);
static inline struct span cur_take(struct cur *c, size_t n) /* n bytes */
{
	const uint8_t *p = cur_step(c, n);

	return p ? span_of(p, n) : (struct span){0};
}
struct span cur_str(struct cur *c); /* up to a NUL, which is consumed and not part of the view */
struct span cur_rest(struct cur *c);
MUSTCHECK enum wire cur_end(
	const struct cur *c); /* WIRE_OK: nothing failed and nothing is left; else WIRE_BAD */

/* A block of bytes as they came in:
 *
 *   block        done            parsed             filled        cap
 *     | gone      | judged, may    | not yet looked   | room        |
 *     |           | still be sent  | at               |             |
 *
 * invariant: done <= parsed <= filled <= cap. Spans into [done, parsed) are what an output queue borrows;
 * they stay valid until buf_consume passes them. All zero is a valid buffer without a block. */
struct buf {
	uint8_t *block;
	size_t done, parsed, filled, cap;
	bool secret; /* set and cleared by the owner: memory is overwritten before it is given back */
};

/* true: this thread keeps one block of the smallest size at hand, which its buffers give back and take; false
 * (as it begins): not any more. */
void buf_spare(bool keep);
void buf_fini(struct buf *b);
/* Room for at least n more bytes at *p (length *len). May move the bytes: only call while nothing is borrowed
 * (done == parsed). Fails with -ENOBUFS where more than max bytes would be held, -ENOMEM. */
MUSTCHECK int buf_reserve(struct buf *b, size_t n, size_t max, uint8_t **p, size_t *len);
void buf_commit(struct buf *b, size_t n);  /* n bytes were put at *p */
struct span buf_peek(const struct buf *b); /* [parsed, filled); valid until the next buf_reserve */
void buf_parse(struct buf *b, size_t n);   /* parsed += n */
void buf_consume(struct buf *b);           /* done = parsed; an empty buffer gives its block back */
/* What is done was the last of the secret: overwrites it, and goes on as an ordinary buffer. */
void buf_disclose(struct buf *b);

/* Overwrites memory that held a secret; the compiler may not leave it out. */
void mem_wipe(void *p, size_t n);

#endif
