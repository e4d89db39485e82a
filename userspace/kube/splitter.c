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

static void open_level(struct splitter *s, bool array)
{
	if ((s->state != SPLITTER_VALUE && s->state != SPLITTER_FIRST_VALUE) ||
		s->depth == SPLITTER_DEPTH_MAX) {
		s->bad = true;
		return;
	}
	if (array)
		s->is_array[s->depth / 8] |= (uint8_t)(1u << s->depth % 8);
	else
		s->is_array[s->depth / 8] &= (uint8_t) ~(1u << s->depth % 8);
	s->depth++;
	s->state = array ? SPLITTER_FIRST_VALUE : SPLITTER_FIRST_KEY;
}

static bool in_array(const struct splitter *s)
{
	return s->depth && s->is_array[(s->depth - 1) / 8] & 1u << (s->depth - 1) % 8;
}

static void close_level(struct splitter *s, bool array)
{
	s->bad = in_array(s) != array ||
		 (s->state != SPLITTER_AFTER &&
			 s->state != (array ? SPLITTER_FIRST_VALUE : SPLITTER_FIRST_KEY));
	if (s->bad)
		return;
	s->depth--;
	s->state = SPLITTER_AFTER;
}

static void in_string(struct splitter *s, char c)
{
	if (s->escaped)
		s->escaped = false;
	else if (c == '\\')
		s->escaped = true;
	else if ((unsigned char)c < 0x20)
		s->bad = true;
	else if (c == '"') {
		s->in_string = false;
		s->state = s->is_key ? SPLITTER_COLON : SPLITTER_AFTER;
	}
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
	       c == 'E';
}

static void token(struct splitter *s, char c)
{
	bool value = s->state == SPLITTER_VALUE || s->state == SPLITTER_FIRST_VALUE;

	switch (c) {
	case '{': open_level(s, false); return;
	case '[': open_level(s, true); return;
	case '}': close_level(s, false); return;
	case ']': close_level(s, true); return;
	case '"':
		s->is_key = s->state == SPLITTER_KEY || s->state == SPLITTER_FIRST_KEY;
		s->bad = !s->is_key && !value;
		s->in_string = true;
		return;
	case ':':
		s->bad = s->state != SPLITTER_COLON;
		s->state = SPLITTER_VALUE;
		return;
	case ',':
		s->bad = s->state != SPLITTER_AFTER;
		s->state = in_array(s) ? SPLITTER_VALUE : SPLITTER_KEY;
		return;
	default: s->in_word = is_word(c); s->bad = !value || !s->in_word;
	}
}

/* Looks at one character; true: it ends the object. */
static bool ends(struct splitter *s, char c)
{
	if (s->in_string) {
		in_string(s, c);
		return false;
	}
	if (s->in_word) {
		if (is_word(c))
			return false;
		s->in_word = false;
		s->state = SPLITTER_AFTER;
	}
	if (!is_blank(c))
		token(s, c);
	return !s->bad && !s->depth;
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
		if (!s->depth)
			s->state = SPLITTER_VALUE;
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
