/* SPDX-License-Identifier: MIT */
#include "base/outq.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Rooms are cut from chunks without alignment, so that rows written one after the other are one span. The
 * first is of a size that malloc keeps at hand: an answer of a row or two needs no other. */
#define CHUNK_SIZE  ((size_t)16384)
#define CHUNK_FIRST ((size_t)1024 - sizeof(struct outq_chunk))

struct outq_chunk {
	struct outq_chunk *next;
	size_t used, cap;
	uint8_t mem[];
};

void outq_fini(struct outq *q)
{
	struct outq_chunk *c, *next;

	for (c = q->chunk; c; c = next) {
		next = c->next;
		free(c);
	}
	free(q->v);
	*q = (struct outq){0};
}

static uint8_t *cut(struct outq *q, size_t n)
{
	struct outq_chunk *c = q->chunk;

	if (!c || c->cap - c->used < n) {
		size_t least = c ? CHUNK_SIZE : CHUNK_FIRST, cap = n > least ? n : least;

		if (cap > SIZE_MAX - sizeof(*c))
			return NULL;
		c = malloc(sizeof(*c) + cap);
		if (!c)
			return NULL;
		*c = (struct outq_chunk){.next = q->chunk, .cap = cap};
		q->chunk = c;
	}
	c->used += n;
	return c->mem + c->used - n;
}

static struct span *spans(struct outq *q)
{
	return q->v ? q->v : q->few;
}

static bool grow(struct outq *q)
{
	size_t cap = q->v ? q->cap * 2 : 16;
	struct span *v = reallocarray(q->v, cap, sizeof(*v));

	if (!v)
		return false;
	if (!q->v)
		memcpy(v, q->few, sizeof(q->few));
	q->v = v;
	q->cap = cap;
	return true;
}

static void append(struct outq *q, struct span s)
{
	struct span *last = q->n ? &spans(q)[q->n - 1] : NULL;

	if (q->failed || s.n == 0)
		return;
	/* Neighbours become one span: a run of untouched messages costs one iovec. */
	if (last && q->n > q->head && last->p + last->n == s.p) {
		last->n += s.n;
		q->bytes += s.n;
		return;
	}
	if (q->n == (q->v ? q->cap : OUTQ_FEW) && !grow(q)) {
		q->failed = true;
		return;
	}
	spans(q)[q->n++] = s;
	q->bytes += s.n;
}

void outq_borrow(struct outq *q, struct span s)
{
	append(q, s);
}

uint8_t *outq_room(struct outq *q, size_t n)
{
	uint8_t *p = q->failed ? NULL : cut(q, n);

	if (!p) {
		q->failed = true;
		return NULL;
	}
	append(q, span_of(p, n));
	return q->failed ? NULL : p;
}

void outq_copy(struct outq *q, struct span s)
{
	uint8_t *p = s.n ? outq_room(q, s.n) : NULL;

	if (p)
		memcpy(p, s.p, s.n);
}

void outq_take(struct outq *q, uint8_t *out)
{
	size_t off = q->head_off;

	for (size_t i = q->head; i < q->n; i++) {
		struct span s = spans(q)[i];

		memcpy(out, s.p + off, s.n - off);
		out += s.n - off;
		off = 0;
	}
	outq_wrote(q, q->bytes);
}

size_t outq_iov(const struct outq *q, struct iovec *iov, size_t max)
{
	const struct span *v = q->v ? q->v : q->few;
	size_t i, k = 0, off = q->head_off;

	for (i = q->head; i < q->n && k < max; i++, k++) {
		iov[k].iov_base = (void *)(v[i].p + off);
		iov[k].iov_len = v[i].n - off;
		off = 0;
	}
	return k;
}

void outq_wrote(struct outq *q, size_t n)
{
	assert(n <= q->bytes);
	q->bytes -= n;
	n += q->head_off;
	while (q->head < q->n && n >= spans(q)[q->head].n)
		n -= spans(q)[q->head++].n;
	q->head_off = n;
	if (q->bytes == 0) {
		bool failed = q->failed;

		/* An idle owner holds nothing. */
		outq_fini(q);
		q->failed = failed;
	}
}
