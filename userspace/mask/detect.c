/* SPDX-License-Identifier: MIT */
#include "mask/detect.h"

#include <stdlib.h>
#include <string.h>

#include "mask/finder.h"
#include "mask/kind.h"
#include "mask/normal.h"
#include "value/numeric.h"

/* A detector is a row here and one function. Its place is its bit in a set. */
static const struct {
	const char *name;
	void (*find)(struct finder *f);
	int digits; /* that a number has at least where it is one, leading zeros left out; 0: no number is */
} detectors[] = {
	{"email", find_email, 0},
	{"pan", find_pan, 12},
	{"iban", find_iban, 0},
	{"us_ssn", find_us_ssn, 7},
	{"phone", find_phone, 7},
};

_Static_assert(ARRAY_LEN(detectors) <= DETECTORS_MAX, "a set has a bit for each");

/* What was found can make what stands beside it whole. A text that is not done after so many looks was made
 * to be looked at. */
#define LOOKS_MAX  8
#define UUID_CHARS 36

const char *detector_name(unsigned detector)
{
	return detector < ARRAY_LEN(detectors) ? detectors[detector].name : "?";
}

unsigned detector_set(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(detectors); i++)
		if (strcmp(detectors[i].name, name) == 0)
			return 1u << i;
	return 0;
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* 8-4-4-4-12 hexadecimal digits that nothing continues. */
static bool is_uuid(const struct normal *t, size_t at)
{
	if (t->n - at < UUID_CHARS || (at && (is_hex(t->b[at - 1]) || t->b[at - 1] == '-')))
		return false;
	for (size_t i = 0; i < UUID_CHARS; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? t->b[at + i] != '-' : !is_hex(t->b[at + i]))
			return false;
	}
	at += UUID_CHARS;
	return at == t->n || (!is_hex(t->b[at]) && t->b[at] != '-');
}

/* A UUID counts as a word: nearly every one holds digits enough to be some number. */
static void hide_uuids(struct normal *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_hex(t->b[i]) && is_uuid(t, i)) {
			memset(t->b + i, 'z', UUID_CHARS);
			i += UUID_CHARS - 1;
		}
}

static int compare(const void *x, const void *y)
{
	const struct finding *a = x, *b = y;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to > b->to ? -1 : 1;
	return (a->detector > b->detector) - (a->detector < b->detector);
}

/* Those that touch become one. */
static size_t join(struct finding *v, size_t n)
{
	size_t out = 0;

	if (n)
		qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) {
		if (out && v[i].from <= v[out - 1].to) {
			if (v[i].to > v[out - 1].to)
				v[out - 1].to = v[i].to;
		} else {
			v[out++] = v[i];
		}
	}
	return out;
}

/* One look at what has not been found. */
static bool look(struct finder *f, struct normal *t, unsigned set)
{
	size_t before = f->nfound;

	if (!finder_group(f))
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(detectors); i++) {
		f->detector = i;
		if (set & 1u << i)
			detectors[i].find(f);
	}
	for (size_t i = before; i < f->nfound; i++)
		memset(t->b + f->found[i].from, FOUND, f->found[i].to - f->found[i].from);
	return !f->failed;
}

bool detect_find(struct findings *out, unsigned set, struct span utf8, bool number, struct arena *a)
{
	struct finder f = {.number = number, .a = a};
	struct normal t;
	unsigned looks = 0;
	size_t before;

	*out = (struct findings){0};
	if (!normal_of(&t, utf8, a))
		return false;
	hide_uuids(&t);
	f.b = t.b;
	f.n = t.n;
	do {
		before = f.nfound;
		if (looks++ == LOOKS_MAX || !look(&f, &t, set))
			return false;
	} while (f.nfound > before);
	for (size_t i = 0; i < f.nfound; i++) {
		struct span s = normal_source(&t, utf8, f.found[i].from, f.found[i].to);

		f.found[i].from = (size_t)(s.p - utf8.p);
		f.found[i].to = f.found[i].from + s.n;
	}
	out->n = join(f.found, f.nfound);
	out->v = f.found;
	return true;
}

/* What stands for one finding. */
static struct span replacement(
	const struct mask *m, const struct finding *f, struct span text, struct arena *a)
{
	const struct value_shape shape = {.type = VALUE_TEXT, .typmod = -1};
	const char *label;

	switch (m->replace) {
	case REPLACE_NULL: break; /* the whole text is NULL */
	case REPLACE_REDACT: return HIDDEN;
	case REPLACE_LABEL:
		label = arena_printf(a, "[%s]", detector_name(f->detector));
		return label ? span_of(label, strlen(label)) : (struct span){0};
	case REPLACE_PARTIAL: return mask_partial(m, &shape, span_of(text.p + f->from, f->to - f->from), a);
	}
	return (struct span){0};
}

static struct span put_together(
	const struct mask *m, const struct findings *f, struct span text, struct arena *a)
{
	struct span *parts = arena_array(a, f->n, sizeof(*parts));
	size_t total = text.n, at = 0;
	uint8_t *out, *p;

	if (!parts)
		return (struct span){0};
	for (size_t i = 0; i < f->n; i++) {
		parts[i] = replacement(m, &f->v[i], text, a);
		if (!parts[i].p)
			return (struct span){0};
		total += parts[i].n;
		total -= f->v[i].to - f->v[i].from;
	}
	p = out = arena_alloc(a, total);
	if (!out)
		return (struct span){0};
	for (size_t i = 0; i < f->n; i++) {
		p = mempcpy(p, text.p + at, f->v[i].from - at);
		p = mempcpy(p, parts[i].p, parts[i].n);
		at = f->v[i].to;
	}
	memcpy(p, text.p + at, text.n - at);
	return span_of(out, total);
}

struct span detect_text(const struct mask *m, struct span utf8, struct arena *a)
{
	struct findings f;

	if (!detect_find(&f, m->detectors, utf8, false, a))
		return m->replace == REPLACE_NULL ? (struct span){0} : HIDDEN;
	return f.n ? put_together(m, &f, utf8, a) : utf8;
}

/* Zeros at the end of a float may stand for digits that a low extra_float_digits left out: whatever they
 * were, they could have made it a finding. */
static bool rounded(unsigned set, const struct value_shape *s, const struct numeric *v)
{
	int64_t digits = (int64_t)v->n + v->exp;

	if (value_family(s->type) != FAMILY_FLOAT || v->exp <= 0)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(detectors); i++)
		if ((set & 1u << i) && detectors[i].digits && digits >= detectors[i].digits)
			return true;
	return false;
}

/* What there is to look at in a cell. */
struct view {
	struct span text; /* empty: nothing */
	bool number;
	bool rounded; /* a finding, whatever the text says */
};

/* The digits before the point. */
static bool number_text(
	unsigned set, const struct value_shape *s, struct span cell, struct arena *a, struct view *out)
{
	struct numeric v;

	if (!value_get_number(a, s, cell, &v))
		return false;
	out->number = true;
	/* No number that is looked for has more digits. */
	if (v.kind != NUMERIC_FINITE || (int64_t)v.n + v.exp > DIGITS_MAX)
		return true;
	out->rounded = rounded(set, s, &v);
	if (v.exp < 0) {
		v.n = (size_t)-v.exp < v.n ? v.n - (size_t)-v.exp : 0;
		v.exp = 0;
	}
	v.negative = false;
	out->text = numeric_put_text(a, &v, -1);
	return out->text.p != NULL;
}

/* false: nobody can tell. */
static bool view_of(
	unsigned set, const struct value_shape *s, struct span cell, struct arena *a, struct view *out)
{
	*out = (struct view){.text = SPAN_LIT("")};
	switch (value_family(s->type)) {
	case FAMILY_TEXT: return value_get_text(s, cell, &out->text);
	case FAMILY_INTEGER:
	case FAMILY_NUMERIC:
	case FAMILY_FLOAT:
	case FAMILY_MONEY: return number_text(set, s, cell, a, out);
	/* Neither letters that mean something, nor digits in a row. */
	case FAMILY_BOOL:
	case FAMILY_DATE:
	case FAMILY_TIMESTAMP:
	case FAMILY_TIME:
	case FAMILY_INTERVAL:
	case FAMILY_UUID:
	case FAMILY_NET:
	case FAMILY_MAC: {
		struct span c;

		return value_canonical(a, s, cell, &c);
	}
	case FAMILY_OTHER:
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_BITS: break;
	}
	return false;
}

bool detect_in(unsigned set, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct findings f;
	struct view v;

	return !view_of(set, s, cell, a, &v) || v.rounded || !detect_find(&f, set, v.text, v.number, a) ||
	       f.n > 0;
}

/* Nothing was found: as it came, byte for byte. Only a cell that cannot be the column's is made one. */
static struct span clean(const struct value_shape *s, struct span cell, struct span text, struct arena *a)
{
	uint8_t *same;

	if (value_is_text(s->type) && !value_text_fits(s, text))
		return mask_redact(s, a);
	if (s->type == VALUE_BPCHAR && s->typmod != -1)
		return value_put_text(a, s, text);
	same = arena_alloc(a, cell.n);
	if (!same)
		return (struct span){0};
	if (cell.n)
		memcpy(same, cell.p, cell.n);
	return span_of(same, cell.n);
}

struct span mask_detect(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct findings f;
	struct span text;
	struct view v;

	if (!view_of(m->detectors, s, cell, a, &v) || !detect_find(&f, m->detectors, v.text, v.number, a))
		return m->replace == REPLACE_NULL ? (struct span){0} : mask_redact(s, a);
	if (v.number && (f.n || v.rounded))
		return (struct span){0};
	if (!f.n)
		return clean(s, cell, v.text, a);
	text = put_together(m, &f, v.text, a);
	if (!text.p)
		return text;
	return value_text_fits(s, text) ? value_put_text(a, s, text) : mask_redact(s, a);
}
