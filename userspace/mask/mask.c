/* SPDX-License-Identifier: MIT */
#include "mask/mask.h"

#include <stdlib.h>
#include <string.h>

#include "mask/detect.h"
#include "mask/jsonpath.h"
#include "mask/kind.h"
#include "mask/nested.h"
#include "mask/pattern.h"
#include "mask/plan_text.h"
#include "mask/regex.h"

static const struct span null = {0};

static struct span fixed(const struct mask *m, const struct value_shape *s, struct arena *a)
{
	return m->fixed ? value_put_literal(a, s, span_of(m->fixed, strlen(m->fixed))) : null;
}

struct span mask_part(const struct mask *m, const struct value_shape *shape, struct span cell, struct work *w,
	struct arena *a)
{
	if (shape->desc)
		return nested_apply(m, shape, cell, w, a);
	if (m->kind == MASK_JSONPATH)
		return mask_jsonpath(m, shape, cell, w, a);
	if (value_family(shape->type) == FAMILY_JSON && mask_reads_input(m->kind))
		return mask_json(m, shape, cell, w, a);
	if (!detectors_none(&m->detectors) && m->kind != MASK_DETECT && mask_reads_input(m->kind) &&
		detect_in(m, shape, cell, w, a))
		return mask_redact(shape, a);
	switch (m->kind) {
	case MASK_NULL: return null;
	case MASK_REDACT: return mask_redact(shape, a);
	case MASK_FIXED: return fixed(m, shape, a);
	case MASK_FAKE: return mask_fake(m, shape, cell, a);
	case MASK_HASH: return mask_hash(m, shape, cell, a);
	case MASK_TOKEN: return mask_token(m, shape, cell, a);
	case MASK_DATE: return mask_date(m, shape, cell, a);
	case MASK_SHIFT: return null; /* whose date it is is not known here */
	case MASK_NUMBER: return mask_number(m, shape, cell, a);
	case MASK_NOISE: return mask_noise(m, shape, cell, a);
	case MASK_EMAIL: return mask_email(m, shape, cell, a);
	case MASK_FPE: return mask_fpe(m, shape, cell, a);
	case MASK_PARTIAL: return mask_partial(m, shape, cell, a);
	case MASK_REGEX: return mask_regex(m, shape, cell, w, a);
	case MASK_JSONPATH: return mask_jsonpath(m, shape, cell, w, a);
	case MASK_DETECT: return mask_detect(m, shape, cell, w, a);
	}
	return null;
}

struct span mask_apply(
	const struct mask *m, const struct value_shape *shape, struct span cell, struct arena *a)
{
	struct work w = {.steps = WORK_STEPS};

	if (m->plan_text)
		return plan_text_blank(cell, a);
	return mask_part(m, shape, cell, &w, a);
}

bool mask_reads_input(enum mask_kind k)
{
	return k != MASK_NULL && k != MASK_REDACT && k != MASK_FIXED;
}

bool mask_has_form(enum mask_kind k, enum value_type t)
{
	enum value_family f = value_family(t);

	if (f == FAMILY_OTHER || f == FAMILY_JSON)
		return true;
	switch (k) {
	case MASK_NULL:
	case MASK_REDACT:
	case MASK_FIXED:
	case MASK_DETECT: return true;
	case MASK_HASH:
	case MASK_TOKEN: return mask_hashes(t);
	case MASK_DATE: return f == FAMILY_DATE || f == FAMILY_TIMESTAMP || f == FAMILY_TIME;
	case MASK_SHIFT: return f == FAMILY_DATE || f == FAMILY_TIMESTAMP;
	case MASK_NUMBER:
	case MASK_NOISE: return value_is_number(t);
	case MASK_FPE: return f == FAMILY_TEXT || f == FAMILY_INTEGER || f == FAMILY_NUMERIC;
	case MASK_FAKE:
	case MASK_EMAIL:
	case MASK_PARTIAL:
	case MASK_REGEX: return f == FAMILY_TEXT;
	case MASK_JSONPATH: return false;
	}
	return false;
}

const char *mask_kind_name(enum mask_kind k)
{
	static const char *const names[] = MASK_NAMES;

	_Static_assert(ARRAY_LEN(names) == MASK_LAST + 1, "a name for each kind");
	return (size_t)k < ARRAY_LEN(names) ? names[k] : names[MASK_NULL];
}

void mask_fini(struct mask *m)
{
	free(m->fixed);
	regex_free(m->regex);
	jsonpath_free(m->paths);
	for (unsigned i = 0; i < m->detectors.nown; i++)
		pattern_free((struct pattern *)(uintptr_t)m->detectors.own[i]);
	free((void *)(uintptr_t)m->detectors.own);
	mem_wipe(m, sizeof(*m));
}
