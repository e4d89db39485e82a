/* SPDX-License-Identifier: MIT */
#include "mask/finder.h"

#include <string.h>

#include "mask/words.h"

#define SEPARATORS_MAX 3
#define BEFORE_MAX     40
#define NEAR_MAX       16

/* Looked up for every character of every text. */
static const bool separators[256] = {[' '] = true,
	['-'] = true,
	['.'] = true,
	['/'] = true,
	['_'] = true,
	['('] = true,
	[')'] = true,
	['\t'] = true,
	['\n'] = true,
	['\r'] = true};

bool finder_group(struct finder *f)
{
	size_t i = 0, n = 0, gap = SIZE_MAX;
	struct group *v;

	memset(f->has, 0, sizeof(f->has));
	f->words.at = SIZE_MAX;
	for (i = 0; i < f->n; i++) {
		n += is_digit(f->b[i]);
		f->has[f->b[i] & 0x7f] = true;
	}
	f->group = NULL;
	f->ngroups = 0;
	if (!n)
		return true;
	v = arena_alloc(f->a, n * sizeof(*v));
	if (!v)
		return false;
	f->group = v;
	for (i = 0; i < f->n;) {
		size_t start = i;

		while (i < f->n && is_digit(f->b[i]))
			i++;
		if (i > start) {
			v[f->ngroups++] =
				(struct group){(uint32_t)start, (uint32_t)(i - start), gap <= SEPARATORS_MAX};
			gap = 0;
		} else {
			gap = separators[f->b[i]] && gap < SEPARATORS_MAX ? gap + 1 : SIZE_MAX;
			i++;
		}
	}
	return true;
}

void finder_add(struct finder *f, unsigned which, size_t from, size_t to)
{
	if (f->nfound == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		struct finding *v = arena_alloc(f->a, cap * sizeof(*v));

		if (!v) {
			f->failed = true;
			return;
		}
		if (f->nfound)
			memcpy(v, f->found, f->nfound * sizeof(*v));
		f->found = v;
		f->cap = cap;
	}
	f->found[f->nfound++] = (struct finding){from, to, which};
}

void window_start(struct window *w, size_t group)
{
	*w = (struct window){.first = group, .last = SIZE_MAX};
}

bool window_grow(const struct finder *f, struct window *w, unsigned max)
{
	size_t next = w->last == SIZE_MAX ? w->first : w->last + 1;
	const struct group *g = &f->group[next];

	if (next >= f->ngroups || (w->last != SIZE_MAX && !g->joined) || g->len > max || w->n + g->len > max)
		return false;
	memcpy(w->digits + w->n, f->b + g->at, g->len);
	w->n += g->len;
	w->last = next;
	return true;
}

bool window_is_whole(const struct finder *f, const struct window *w)
{
	return !f->group[w->first].joined && (w->last + 1 == f->ngroups || !f->group[w->last + 1].joined);
}

void window_add(struct finder *f, enum detector which, const struct window *w)
{
	finder_add(f, which, f->group[w->first].at, f->group[w->last].at + f->group[w->last].len);
}

static struct detectors words_before(const struct finder *f, size_t at, size_t most)
{
	struct detectors set = {0};
	size_t from = at;

	while (from > 0 && at - from < most && !is_replacement(f->b[from - 1]))
		from--;
	words_of(&set, f->b, from, at);
	return set;
}

bool finder_word(struct finder *f, enum detector which, size_t at)
{
	if (f->hint && detectors_has(&f->hint->words, which))
		return true;
	if (f->words.at != at) {
		f->words.at = at;
		f->words.set = words_before(f, at, BEFORE_MAX);
	}
	return detectors_has(&f->words.set, which);
}

bool finder_word_near(const struct finder *f, enum detector which, size_t at)
{
	struct detectors near;

	if (f->hint && f->n <= NEAR_MAX && detectors_has(&f->hint->words, which))
		return true;
	near = words_before(f, at, NEAR_MAX);
	return detectors_has(&near, which);
}
