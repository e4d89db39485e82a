/* SPDX-License-Identifier: MIT */
#include "kube/splitter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 4096u

void splitter_init(struct splitter *s, size_t max)
{
	*s = (struct splitter){.max = max};
}

void splitter_fini(struct splitter *s)
{
	free(s->bytes);
	splitter_init(s, s->max);
}

static void drop_given(struct splitter *s)
{
	if (!s->begin)
		return;
	memmove(s->bytes, s->bytes + s->begin, s->held - s->begin);
	s->held -= s->begin;
	s->scanned -= s->begin;
	s->begin = 0;
}

int splitter_put(struct splitter *s, const void *bytes, size_t n)
{
	size_t cap = s->cap ? s->cap : FIRST_CAP;
	char *more;

	drop_given(s);
	/* What one call brings is held beside what is under way: an object that fits is not refused because
	 * others came with it. */
	if (s->depth && s->held > s->max)
		return -EMSGSIZE;
	if (n > SIZE_MAX / 2 - s->held)
		return -ENOMEM;
	while (cap < s->held + n)
		cap *= 2;
	if (cap > s->cap) {
		more = realloc(s->bytes, cap);
		if (!more)
			return -ENOMEM;
		s->bytes = more;
		s->cap = cap;
	}
	if (n)
		memcpy(s->bytes + s->held, bytes, n);
	s->held += n;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Looks at one character; true: it ends the object. */
static bool ends(struct splitter *s, char c)
{
	if (s->in_string) {
		if (s->escaped)
			s->escaped = false;
		else if (c == '\\')
			s->escaped = true;
		else if (c == '"')
			s->in_string = false;
		return false;
	}
	if (c == '"')
		s->in_string = true;
	else if (c == '{')
		s->depth++;
	else if (c == '}')
		return --s->depth == 0;
	return false;
}

enum wire splitter_next(struct splitter *s, struct span *object)
{
	if (!s->depth)
		s->begin = s->scanned;
	while (!s->bad && s->scanned < s->held) {
		char c = s->bytes[s->scanned];

		if (!s->depth && c != '{') {
			s->bad = !is_blank(c);
			s->begin = ++s->scanned;
			continue;
		}
		s->scanned++;
		if (ends(s, c)) {
			*object = span_of(s->bytes + s->begin, s->scanned - s->begin);
			s->bad = object->n > s->max;
			return s->bad ? WIRE_BAD : WIRE_OK;
		}
	}
	return s->bad ? WIRE_BAD : WIRE_MORE;
}

bool splitter_between(const struct splitter *s)
{
	return !s->bad && !s->depth && s->scanned == s->held;
}
