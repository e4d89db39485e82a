/* SPDX-License-Identifier: MIT */
#include "sql/colset.h"

#include <string.h>

const char *via_name(enum via v)
{
#define X(name, word) [VIA_##name] = word,
	static const char *const words[VIA_MAX] = {[VIA_VALUE] = "", VIAS(X)};
#undef X

	if (v == VIA_DECISION)
		return "decision";
	return (unsigned)v < VIA_MAX ? words[v] : "";
}

enum via via_of(const char *name)
{
	for (unsigned v = VIA_VALUE + 1; v < VIA_MAX; v++)
		if (!strcmp(via_name((enum via)v), name))
			return (enum via)v;
	return VIA_VALUE;
}

static int colref_cmp(struct colref a, struct colref b)
{
	if (a.relid != b.relid)
		return a.relid < b.relid ? -1 : 1;
	if (a.attnum != b.attnum)
		return a.attnum < b.attnum ? -1 : 1;
	return a.via != b.via ? (a.via > b.via) - (a.via < b.via) : (a.group > b.group) - (a.group < b.group);
}

/* Where c is or belongs. */
static unsigned find(const struct colset *s, struct colref c, bool *there)
{
	unsigned lo = 0, hi = s->n;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		int d = colref_cmp(s->v[mid], c);

		if (d == 0) {
			*there = true;
			return mid;
		}
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*there = false;
	return lo;
}

static bool grow(struct arena *a, struct colset *s, unsigned need)
{
	unsigned cap = s->cap ? s->cap : 4;
	struct colref *v;

	if (need <= s->cap)
		return true;
	while (cap < need)
		cap *= 2;
	v = arena_array(a, cap, sizeof(*v));
	if (!v)
		return false;
	if (s->n)
		memcpy(v, s->v, s->n * sizeof(*v));
	s->v = v;
	s->cap = cap;
	return true;
}

bool colset_add(struct arena *a, struct colset *s, struct colref c)
{
	bool there;
	unsigned at = find(s, c, &there);

	if (there)
		return true;
	if (!grow(a, s, s->n + 1))
		return false;
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = c;
	s->n++;
	return true;
}

bool colset_union(struct arena *a, struct colset *s, const struct colset *other)
{
	struct colset out = {0};
	unsigned i = 0, j = 0;

	if (other->n <= 4) {
		for (i = 0; i < other->n; i++)
			if (!colset_add(a, s, other->v[i]))
				return false;
		return true;
	}
	if (!grow(a, &out, s->n + other->n))
		return false;
	while (i < s->n || j < other->n) {
		int d = i == s->n ? 1 : j == other->n ? -1 : colref_cmp(s->v[i], other->v[j]);

		out.v[out.n++] = d <= 0 ? s->v[i] : other->v[j];
		i += d <= 0;
		j += d >= 0;
	}
	*s = out;
	return true;
}

bool colset_has(const struct colset *s, struct colref c)
{
	bool there;

	(void)find(s, c, &there);
	return there;
}

bool colset_equal(const struct colset *a, const struct colset *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (colref_cmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}
