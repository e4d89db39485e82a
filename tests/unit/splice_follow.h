/* SPDX-License-Identifier: MIT */
/* bpf/splice.h as its program uses it, over bytes in memory; and the same said again in another way, to
 * compare. Shared by tests/unit/kern_splice.c and tests/fuzz/kern_splice.c. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "bpf/splice.h"

/* Whether all of a piece may go on; t and *rows move only then. */
static bool piece_goes(struct splice_track *t, const uint8_t *p, uint32_t len, uint64_t *rows)
{
	struct splice_track now = *t;
	__u64 more = 0;
	uint32_t at = 0, n;

	while ((n = splice_next(&now, &at, len)) != 0) {
		assert(at + n <= len);
		if (!splice_take(&now, p + at, n, &more))
			return false;
		at += n;
	}
	assert(at == len);
	*t = now;
	*rows += more;
	return true;
}

/* Where the message under way is at the end of a stream of n bytes that begins with a header. */
struct stand {
	bool rows; /* every header that is begun in it is one of type, as far as it can be seen */
	uint64_t whole;
	uint32_t to_next, nhead;
};

static struct stand stand_of(uint8_t type, const uint8_t *p, size_t n)
{
	struct stand s = {.rows = true};
	size_t at = 0;

	while (at < n) {
		uint32_t length;

		if (p[at] != type)
			return (struct stand){0};
		if (n - at < SPLICE_HEADER) {
			s.nhead = (uint32_t)(n - at);
			return s;
		}
		length = (uint32_t)p[at + 1] << 24 | (uint32_t)p[at + 2] << 16 | (uint32_t)p[at + 3] << 8 |
			 p[at + 4];
		if (length < 4 || length > 0x3ffffffe)
			return (struct stand){0};
		s.whole++;
		if (length + 1 > n - at) {
			s.to_next = (uint32_t)(length + 1 - (n - at));
			return s;
		}
		at += length + 1;
	}
	return s;
}

/* Feeds a stream in pieces, whose lengths next() gives; false: the two do not agree. */
static bool follow(uint8_t type, const uint8_t *p, size_t n, size_t (*next)(void *arg), void *arg)
{
	struct splice_track t = {.type = type};
	uint64_t rows = 0;
	size_t at = 0;

	while (at < n) {
		size_t len = next(arg);
		struct stand s;

		if (len == 0 || len > n - at)
			len = n - at;
		s = stand_of(type, p, at + len);
		if (piece_goes(&t, p + at, (uint32_t)len, &rows) != s.rows)
			return false;
		if (!s.rows) {
			/* Nothing of the piece went: the stand is that of before. */
			s = stand_of(type, p, at);
			return rows == s.whole && t.to_next == s.to_next && t.nhead == s.nhead;
		}
		at += len;
		if (rows != s.whole || t.to_next != s.to_next || t.nhead != s.nhead)
			return false;
		for (uint32_t i = 0; i < t.nhead; i++)
			if (t.head[i] != p[at - t.nhead + i])
				return false;
	}
	return true;
}
