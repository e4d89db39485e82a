/* SPDX-License-Identifier: MIT */
#include "policy/mistake.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 character at s, 0 where there is none (a cut one, for example). Only the form counts
 * here. */
static size_t character(const unsigned char *s)
{
	size_t n = s[0] < 0x80                   ? 1
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
		   : s[0] >= 0xe0                ? 3
		   : s[0] >= 0xc2                ? 2
						 : 0;

	if (s[0] >= 0xf5)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static void make_printable(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		size_t n = character(s);

		if (n == 0 || *s < ' ' || *s == 0x7f) {
			*s++ = '?';
			continue;
		}
		s += n;
	}
}

void mistake_add(struct mistakes *m, unsigned line, unsigned column, const char *fmt, ...)
{
	char text[400];
	struct mistake *v;
	va_list ap;

	if (m->total++ >= MISTAKES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	if (m->n == m->cap) {
		unsigned cap = m->cap ? m->cap * 2 : 8;

		v = arena_array(m->mem, cap, sizeof(*v));
		if (!v) {
			m->no_memory = true;
			return;
		}
		if (m->n)
			memcpy(v, m->v, m->n * sizeof(*v));
		m->v = v;
		m->cap = cap;
	}
	v = &m->v[m->n];
	*v = (struct mistake){line, column, arena_strdup(m->mem, text)};
	if (!v->text) {
		m->no_memory = true;
		return;
	}
	m->n++;
}

static bool before(const struct mistake *a, const struct mistake *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

bool mistakes_tell(struct mistakes *m, const char *file, struct complaints *c)
{
	/* Insertion sort: stable, nearly sorted input, at most MISTAKES_MAX. */
	for (unsigned i = 1; i < m->n; i++)
		for (unsigned j = i; j > 0 && before(&m->v[j], &m->v[j - 1]); j--) {
			struct mistake t = m->v[j];

			m->v[j] = m->v[j - 1];
			m->v[j - 1] = t;
		}
	for (unsigned i = 0; i < m->n; i++)
		if (!complaints_add(c, "%s:%u:%u: %s", file, m->v[i].line, m->v[i].column, m->v[i].text))
			return false;
	if (m->total > MISTAKES_MAX &&
		!complaints_add(c, "%s:1:1: and %u more mistakes", file, m->total - MISTAKES_MAX))
		return false;
	return !m->no_memory;
}

bool complaints_add(struct complaints *c, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;
	int n;

	if (c->n == c->cap) {
		unsigned cap = c->cap ? c->cap * 2 : 8;
		char **v = realloc(c->line, cap * sizeof(*v));

		if (!v)
			return false;
		c->line = v;
		c->cap = cap;
	}
	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return false;
	c->line[c->n++] = line;
	return true;
}

void complaints_fini(struct complaints *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->line[i]);
	free(c->line);
	*c = (struct complaints){0};
}
