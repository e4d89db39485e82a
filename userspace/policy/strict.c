/* SPDX-License-Identifier: MIT */
#include "policy/strict.h"

#include <string.h>

#include "mask/jsonpath.h"
#include "mask/regex.h"

static int order(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int compare_kept(const struct mask *a, const struct mask *b)
{
	return order(a->first + a->last, b->first + b->last);
}

/* Which replacement of findings shows less. */
static int compare_replacement(const struct mask *a, const struct mask *b)
{
	if (a->replace != b->replace)
		return order(a->replace, b->replace);
	return a->replace == REPLACE_PARTIAL ? compare_kept(a, b) : 0;
}

/* By what is shown: kind, then how much of the value is kept. */
static int compare_shown(const struct mask *a, const struct mask *b)
{
	int r;

	if (a->kind != b->kind)
		return order(a->kind, b->kind);
	switch (a->kind) {
	case MASK_NULL:
	case MASK_REDACT:
	case MASK_FIXED:
	case MASK_FAKE:
	case MASK_HASH:
	case MASK_TOKEN: return 0;
	case MASK_DATE: return order(a->unit, b->unit);
	case MASK_SHIFT: return order(b->days, a->days);
	case MASK_NUMBER: return a->step == b->step ? 0 : a->step > b->step ? -1 : 1;
	case MASK_NOISE:
		r = order(a->relative, b->relative);
		return r ? r : (a->noise < b->noise) - (a->noise > b->noise);
	case MASK_EMAIL: return order(a->keep_domain, b->keep_domain);
	case MASK_FPE:
	case MASK_PARTIAL: return compare_kept(a, b);
	case MASK_REGEX:
	case MASK_JSONPATH: return 0; /* nobody can tell */
	case MASK_DETECT:
		r = order(detectors_count(&b->detectors), detectors_count(&a->detectors));
		return r ? r : compare_replacement(a, b);
	}
	return 0;
}

static int compare_partial(const struct mask *a, const struct mask *b)
{
	int r = order(a->first, b->first);

	return r ? r : strcmp(a->fill, b->fill);
}

static int compare_regex(const struct regex *a, const struct regex *b)
{
	int r;

	if (a == b || !a || !b)
		return (a != NULL) - (b != NULL);
	r = strcmp(regex_pattern(a), regex_pattern(b));
	if (!r)
		r = strcmp(regex_template(a), regex_template(b));
	return r ? r : order(regex_match(a), regex_match(b));
}

static int compare_keys(const struct mask *a, const struct mask *b)
{
	int r = strcmp(a->domain, b->domain);

	return r ? r : memcmp(&a->key, &b->key, sizeof(a->key));
}

static int compare_fpe(const struct mask *a, const struct mask *b)
{
	int r = order(a->first, b->first);

	if (!r)
		r = strcmp(a->alphabet, b->alphabet);
	if (!r)
		r = order(a->luhn, b->luhn);
	return r ? r : compare_keys(a, b);
}

static int compare_paths(const struct jsonpath *a, const struct jsonpath *b)
{
	int r;

	if (a == b || !a || !b)
		return (a != NULL) - (b != NULL);
	r = order(jsonpath_keeps(a), jsonpath_keeps(b));
	if (!r)
		r = order(jsonpath_count(a), jsonpath_count(b));
	for (unsigned i = 0; !r && i < jsonpath_count(a); i++) {
		const struct mask *of_a = jsonpath_mask(a, i), *of_b = jsonpath_mask(b, i);

		r = strcmp(jsonpath_text(a, i), jsonpath_text(b, i));
		if (!r)
			r = of_a && of_b ? strict_compare(of_a, of_b) : !of_a - !of_b;
	}
	return r;
}

/* Between two that show as much. */
static int compare_rest(const struct mask *a, const struct mask *b)
{
	int r;

	switch (a->kind) {
	case MASK_NULL:
	case MASK_REDACT:
	case MASK_DATE:
	case MASK_EMAIL: return 0;
	case MASK_NUMBER: return order(!a->bucket, !b->bucket);
	case MASK_FIXED: return strcmp(a->fixed ? a->fixed : "", b->fixed ? b->fixed : "");
	case MASK_FAKE: r = order(a->fake, b->fake); return r ? r : compare_keys(a, b);
	case MASK_SHIFT: r = strcmp(a->entity, b->entity); return r ? r : compare_keys(a, b);
	case MASK_NOISE:
	case MASK_HASH: return compare_keys(a, b);
	case MASK_TOKEN: r = compare_keys(a, b); return r ? r : order(a->mail, b->mail);
	case MASK_FPE: return compare_fpe(a, b);
	case MASK_PARTIAL: return compare_partial(a, b);
	case MASK_REGEX: return compare_regex(a->regex, b->regex);
	case MASK_JSONPATH: return compare_paths(a->paths, b->paths);
	case MASK_DETECT: return a->replace == REPLACE_PARTIAL ? compare_partial(a, b) : 0;
	}
	return 0;
}

int strict_compare(const struct mask *a, const struct mask *b)
{
	int r = compare_shown(a, b);

	if (!r)
		r = compare_rest(a, b);
	if (!r)
		r = detectors_compare(&a->detectors, &b->detectors);
	return r ? r : detectors_compare(&a->named, &b->named);
}

/* Whether nothing of a value is left, so that there is nothing more to hide. */
static bool shows_nothing(const struct mask *m)
{
	return m->kind <= MASK_TOKEN;
}

/* Whether either shows something that the other hides. */
static bool at_odds(const struct mask *a, const struct mask *b)
{
	if (a->kind > b->kind)
		return at_odds(b, a);
	if (a->kind == MASK_REGEX && b->kind == MASK_REGEX)
		return compare_regex(a->regex, b->regex) != 0;
	if (b->kind == MASK_JSONPATH && !shows_nothing(a))
		return strict_compare(a, b) != 0;
	/* A multiple nearby bounds what the noise hides, and the reverse. */
	if ((a->kind == MASK_NUMBER && b->kind == MASK_NOISE) ||
		(a->kind == MASK_DATE && b->kind == MASK_SHIFT))
		return true;
	if (a->kind == b->kind && (a->kind == MASK_NOISE || a->kind == MASK_SHIFT))
		return strict_compare(a, b) != 0;
	return a->kind == MASK_FPE && b->kind == MASK_PARTIAL && compare_kept(a, b) > 0;
}

bool strict_covers(const struct mask *a, const struct mask *b)
{
	int r;

	if (shows_nothing(a))
		return strict_compare(a, b) <= 0;
	if (!detectors_within(&b->detectors, &a->detectors) || at_odds(a, b))
		return false;
	if (a->kind == MASK_DETECT && b->kind == MASK_DETECT)
		return compare_replacement(a, b) <= 0;
	r = compare_shown(a, b);
	return (r ? r : compare_rest(a, b)) <= 0;
}

bool strict_meet(struct mask *out, const struct mask *a, const struct mask *b, struct arena *mem)
{
	bool swap = a->kind == MASK_DETECT && b->kind == MASK_DETECT ? compare_replacement(a, b) > 0
								     : strict_compare(a, b) > 0;

	if (at_odds(a, b)) {
		*out = (struct mask){.kind = MASK_REDACT};
		return true;
	}
	*out = swap ? *b : *a;
	return detectors_union(&out->detectors, &a->detectors, &b->detectors, mem);
}
