/* SPDX-License-Identifier: MIT */
#include "record/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM ((size_t)256 << 10)

int scan_open(struct scan *s, int dir_fd, uint64_t number, struct err *e)
{
	char name[SEGMENT_NAME];
	struct stat st;

	*s = (struct scan){.fd = -1};
	segment_name(number, name);
	s->fd = segment_open(dir_fd, number);
	if (s->fd < 0)
		return err_set(e, s->fd, "%s: %s", name, strerror(-s->fd));
	if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		scan_close(s);
		return err_set(e, -EINVAL, "%s: not a file", name);
	}
	s->size = (uint64_t)st.st_size;
	return 0;
}

void scan_close(struct scan *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->buf);
	*s = (struct scan){.fd = -1};
}

int scan_again(struct scan *s, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return err_set(e, -errno, "a segment cannot be read: %m");
	if ((uint64_t)st.st_size < s->offset)
		return err_set(e, -EBADMSG, "a segment became shorter");
	s->size = (uint64_t)st.st_size;
	/* Of an entry that was not whole nothing is believed. */
	s->at = s->offset;
	s->filled = 0;
	return 0;
}

uint64_t scan_left(const struct scan *s)
{
	return s->size - s->offset;
}

/* n bytes from offset on at *p. 0: the file ends before. */
static int hold(struct scan *s, size_t n, const uint8_t **p, struct err *e)
{
	if (scan_left(s) < n)
		return 0;
	if (s->offset + n > s->at + s->filled) {
		size_t have = (size_t)(s->at + s->filled - s->offset), want = n > ROOM ? n : ROOM;

		if (s->cap < want) {
			uint8_t *more = realloc(s->buf, want);

			if (!more)
				return err_set(e, -ENOMEM, "out of memory");
			s->buf = more;
			s->cap = want;
		}
		if (have)
			memmove(s->buf, s->buf + (s->offset - s->at), have);
		s->at = s->offset;
		s->filled = have;
		while (s->filled < n) {
			ssize_t got = pread(
				s->fd, s->buf + s->filled, s->cap - s->filled, (off_t)(s->at + s->filled));

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return err_set(e, got ? -errno : -EIO, "a segment cannot be read: %m");
			s->filled += (size_t)got;
		}
	}
	*p = s->buf + (s->offset - s->at);
	return 1;
}

/* Nothing but zeros to the end: room that was given to the file, and never written. */
static enum scan_result blank(struct scan *s, struct err *e)
{
	struct scan rest = *s;
	const uint8_t *p;

	while (scan_left(&rest)) {
		size_t n = scan_left(&rest) < ROOM ? (size_t)scan_left(&rest) : ROOM;
		int r = hold(&rest, n, &p, e);

		s->buf = rest.buf;
		s->cap = rest.cap;
		s->filled = 0;
		s->at = s->offset;
		if (r <= 0)
			return SCAN_FAILED;
		for (size_t i = 0; i < n; i++)
			if (p[i])
				return SCAN_BAD;
		rest.offset += n;
	}
	return SCAN_TORN;
}

/* The first entry of the file says what it follows. */
static bool begins(struct scan *s)
{
	if (s->offset)
		return s->entry.kind != RECORD_SEGMENT;
	if (s->entry.kind != RECORD_SEGMENT || s->entry.flags || segment_get(&s->segment, s->body) != WIRE_OK)
		return false;
	memcpy(s->chain, s->segment.previous, ENTRY_HASH);
	return true;
}

enum scan_result scan_next(struct scan *s, struct err *e)
{
	uint8_t digest[ENTRY_HASH], head[ENTRY_HEAD];
	const uint8_t *p;
	size_t whole;
	int r;

	if (!scan_left(s))
		return SCAN_END;
	r = hold(s, ENTRY_HEAD, &p, e);
	if (r <= 0)
		return r ? SCAN_FAILED : SCAN_TORN;
	memcpy(head, p, ENTRY_HEAD);
	if (entry_get(&s->entry, head) != WIRE_OK)
		return blank(s, e);
	whole = ENTRY_HEAD + s->entry.length + ENTRY_HASH;
	r = hold(s, whole, &p, e);
	if (r <= 0)
		return r ? SCAN_FAILED : SCAN_TORN;
	s->body = span_of(p + ENTRY_HEAD, s->entry.length);
	if (!begins(s))
		return SCAN_BAD;
	memcpy(s->before, s->chain, ENTRY_HASH);
	entry_digest(s->body, digest);
	entry_chain(s->chain, head, digest);
	if (memcmp(s->chain, p + whole - ENTRY_HASH, ENTRY_HASH) != 0) {
		memcpy(s->chain, s->before, ENTRY_HASH);
		return SCAN_BAD;
	}
	s->offset += whole;
	return SCAN_ENTRY;
}
