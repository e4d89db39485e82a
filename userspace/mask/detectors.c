/* SPDX-License-Identifier: MIT */
#include "mask/detectors.h"

#include <string.h>

#include "mask/pattern.h"

enum group { GENERIC, SECRETS, COUNTRY, EU };

static const struct {
	const char *name;
	enum group group;
} rows[DETECTOR_COUNT] = {
#define X(upper, lower, in) {#lower, in},
	DETECTORS(X)
#undef X
};

/* Of countries in the order of the table; a test compares. */
static const char *const groups[] = {"all", "generic", "secrets", "eu", "us", "uk", "ca", "au", "de", "fr",
	"es", "it", "pl", "se", "fi", "nl", "be", "ch", "tr", "in", "kr", "sg", "th", "br", "za", "jp", "ng",
	"ph"};

bool detectors_none(const struct detectors *d)
{
	return !(d->bits[0] | d->bits[1]) && !d->nown;
}

unsigned detectors_count(const struct detectors *d)
{
	return (unsigned)(__builtin_popcountll(d->bits[0]) + __builtin_popcountll(d->bits[1])) + d->nown;
}

int detectors_compare(const struct detectors *a, const struct detectors *b)
{
	for (unsigned i = 0; i < DETECTOR_WORDS; i++)
		if (a->bits[i] != b->bits[i])
			return a->bits[i] < b->bits[i] ? -1 : 1;
	for (unsigned i = 0; i < a->nown && i < b->nown; i++) {
		int r = pattern_compare(a->own[i], b->own[i]);

		if (r)
			return r;
	}
	return (a->nown > b->nown) - (a->nown < b->nown);
}

static bool has_own(const struct detectors *d, const struct pattern *p)
{
	for (unsigned i = 0; i < d->nown; i++)
		if (pattern_compare(d->own[i], p) == 0)
			return true;
	return false;
}

bool detectors_within(const struct detectors *part, const struct detectors *whole)
{
	for (unsigned i = 0; i < DETECTOR_WORDS; i++)
		if (part->bits[i] & ~whole->bits[i])
			return false;
	for (unsigned i = 0; i < part->nown; i++)
		if (!has_own(whole, part->own[i]))
			return false;
	return true;
}

static bool merge_own(
	struct detectors *out, const struct detectors *x, const struct detectors *y, struct arena *a)
{
	const struct pattern **v = arena_array(a, (size_t)x->nown + y->nown, sizeof(*v));
	unsigned i = 0, k = 0;

	if (!v)
		return false;
	out->own = v;
	while (i < x->nown || k < y->nown) {
		int r = i == x->nown ? 1 : k == y->nown ? -1 : pattern_compare(x->own[i], y->own[k]);

		v[out->nown++] = r <= 0 ? x->own[i] : y->own[k];
		i += r <= 0;
		k += r >= 0;
	}
	return true;
}

bool detectors_union(
	struct detectors *out, const struct detectors *x, const struct detectors *y, struct arena *a)
{
	struct detectors both = {.bits = {x->bits[0] | y->bits[0], x->bits[1] | y->bits[1]}};

	if (x->nown && y->nown) {
		if (!merge_own(&both, x, y, a))
			return false;
	} else {
		both.own = x->nown ? x->own : y->own;
		both.nown = x->nown + y->nown;
	}
	*out = both;
	return true;
}

const char *detector_name(unsigned which)
{
	return which < DETECTOR_COUNT ? rows[which].name : "?";
}

static bool is_in(const char *group, unsigned which)
{
	const char *name = rows[which].name;

	switch (rows[which].group) {
	case GENERIC:
		if (strcmp(group, "generic") == 0)
			return true;
		break;
	case SECRETS:
		if (strcmp(group, "secrets") == 0)
			return true;
		break;
	case EU:
		if (strcmp(group, "eu") == 0)
			return true;
		break;
	case COUNTRY: break;
	}
	return strcmp(group, "all") == 0 ||
	       (strlen(group) == 2 && strncmp(name, group, 2) == 0 && name[2] == '_');
}

static bool is_group(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (strcmp(groups[i], name) == 0)
			return true;
	return false;
}

bool detectors_add_named(struct detectors *d, const char *name)
{
	bool group = is_group(name), any = false;

	for (unsigned i = 0; i < DETECTOR_COUNT; i++)
		if (group ? is_in(name, i) : strcmp(rows[i].name, name) == 0) {
			detectors_add(d, (enum detector)i);
			any = true;
		}
	return any;
}

const char *detectors_name(unsigned i)
{
	if (i < DETECTOR_COUNT)
		return rows[i].name;
	i -= DETECTOR_COUNT;
	return i < sizeof(groups) / sizeof(*groups) ? groups[i] : NULL;
}
