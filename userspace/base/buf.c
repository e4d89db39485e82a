/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUF_MIN ((size_t)8192)

/* A session gives its block back whenever it is empty, and another takes one a moment later. */
static _Thread_local bool keeps;
static _Thread_local uint8_t *spare;

void buf_spare(bool keep)
{
	keeps = keep;
	if (!keep) {
		free(spare);
		spare = NULL;
	}
}

static uint8_t *block_new(size_t cap)
{
	uint8_t *block = spare;

	if (cap != BUF_MIN || !block)
		return malloc(cap);
	spare = NULL;
	return block;
}

static void block_free(uint8_t *block, size_t cap)
{
	if (keeps && cap == BUF_MIN && !spare)
		spare = block;
	else
		free(block);
}

bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_is(struct span a, const char *s)
{
	return span_eq(a, span_of(s, strlen(s)));
}

uint64_t cur_be64(struct cur *c)
{
	uint64_t hi = cur_be32(c);

	return (hi << 32) | cur_be32(c);
}

struct span cur_str(struct cur *c)
{
	const uint8_t *nul = c->bad || c->p == c->end ? NULL : memchr(c->p, 0, cur_left(c));
	struct span s;

	if (!nul) {
		c->bad = true;
		c->p = c->end;
		return (struct span){0};
	}
	s = span_of(c->p, (size_t)(nul - c->p));
	c->p = nul + 1;
	return s;
}

struct span cur_rest(struct cur *c)
{
	return cur_take(c, cur_left(c));
}

enum wire cur_end(const struct cur *c)
{
	return !c->bad && c->p == c->end ? WIRE_OK : WIRE_BAD;
}

static void check(const struct buf *b)
{
	(void)b;
	assert(b->done <= b->parsed && b->parsed <= b->filled && b->filled <= b->cap);
}

static void give_back(const struct buf *b)
{
	if (b->secret)
		mem_wipe(b->block, b->cap);
	if (b->block)
		block_free(b->block, b->cap);
}

void buf_fini(struct buf *b)
{
	give_back(b);
	*b = (struct buf){.secret = b->secret};
}

void buf_disclose(struct buf *b)
{
	if (b->secret)
		mem_wipe(b->block, b->done);
	b->secret = false;
}

/* Moves what is not done to the front of a block of cap bytes. */
static int move_to(struct buf *b, size_t cap)
{
	size_t held = b->filled - b->done;
	uint8_t *block = b->block;

	if (cap != b->cap) {
		block = block_new(cap);
		if (!block)
			return -ENOMEM;
		if (held)
			memcpy(block, b->block + b->done, held);
		give_back(b);
	} else if (b->done && held) {
		memmove(block, block + b->done, held);
	}
	*b = (struct buf){.block = block,
		.parsed = b->parsed - b->done,
		.filled = held,
		.cap = cap,
		.secret = b->secret};
	return 0;
}

int buf_reserve(struct buf *b, size_t n, size_t max, uint8_t **p, size_t *len)
{
	size_t held = b->filled - b->done, cap = b->cap ? b->cap : BUF_MIN;
	int r;

	check(b);
	if (n > max || held > max - n)
		return -ENOBUFS;
	if (b->cap - b->filled < n) {
		assert(b->done == b->parsed);
		while (cap < held + n)
			cap *= 2;
		r = move_to(b, cap);
		if (r)
			return r;
	}
	*p = b->block + b->filled;
	*len = b->cap - b->filled;
	return 0;
}

void buf_commit(struct buf *b, size_t n)
{
	b->filled += n;
	check(b);
}

struct span buf_peek(const struct buf *b)
{
	return span_of(b->block ? b->block + b->parsed : NULL, b->filled - b->parsed);
}

void buf_parse(struct buf *b, size_t n)
{
	b->parsed += n;
	check(b);
}

void buf_consume(struct buf *b)
{
	b->done = b->parsed;
	if (b->done == b->filled)
		buf_fini(b);
}

void mem_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}
