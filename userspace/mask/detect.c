/* SPDX-License-Identifier: MIT */
#include "mask/detect.h"

#include <stdlib.h>
#include <string.h>

#include "mask/finder.h"
#include "mask/kind.h"
#include "mask/normal.h"
#include "mask/pattern.h"
#include "mask/regex.h"
#include "value/numeric.h"

/* One function a row; those that find for several detectors look into the set. */
static const struct {
	void (*find)(struct finder *f);
	enum detector which[3];
	unsigned n; /* of which; 0: see there */
} finders[] = {
	{find_email, {DETECT_EMAIL}, 1},
	{find_pan, {DETECT_PAN}, 1},
	{find_iban, {DETECT_IBAN}, 1},
	{find_us_ssn, {DETECT_US_SSN}, 1},
	{find_phone, {DETECT_PHONE}, 1},
	{find_card, {DETECT_CARD_TRACK, DETECT_CVV}, 2},
	{find_url, {DETECT_URL, DETECT_CONNECTION_STRING}, 2},
	{find_password, {DETECT_CONNECTION_STRING}, 1},
	{find_ip, {DETECT_IP}, 1},
	{find_mac, {DETECT_MAC}, 1},
	{find_bic, {DETECT_BIC}, 1},
	{find_person, {DETECT_BIRTH_DATE, DETECT_AGE}, 2},
	{find_coordinates, {DETECT_COORDINATES}, 1},
	{find_crypto, {DETECT_CRYPTO}, 1},
	{find_private_key, {DETECT_PRIVATE_KEY}, 1},
	{find_jwt, {DETECT_JWT}, 1},
	{find_auth_header, {DETECT_AUTH_HEADER}, 1},
	{find_token, {DETECT_CLOUD_KEY, DETECT_ACCESS_TOKEN}, 2},
	{find_secret, {DETECT_SECRET, DETECT_CLOUD_KEY}, 2},
	{find_issued, {0}, 0},
	{find_code, {0}, 0},
};

/* Digits that a number has at least where it is one, leading zeros left out. */
static const struct {
	enum detector which;
	int digits;
} numbers[] = {
	{DETECT_PAN, 12},
	{DETECT_US_SSN, 7},
	{DETECT_PHONE, 7},
};

/* What was found can make what stands beside it whole. A text that is not done after so many looks was made
 * to be looked at. */
#define LOOKS_MAX  8
#define UUID_CHARS 36

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
	const uint8_t *end = t->b + t->n, *p = t->b;

	while (p < end && (p = memchr(p, '-', (size_t)(end - p)))) {
		size_t at = (size_t)(p++ - t->b);

		if (at >= 8 && is_uuid(t, at - 8)) {
			memset(t->b + at - 8, 'z', UUID_CHARS);
			p = t->b + at - 8 + UUID_CHARS;
		}
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

static bool is_asked(const struct detectors *set, size_t finder)
{
	for (unsigned i = 0; i < finders[finder].n; i++)
		if (detectors_has(set, finders[finder].which[i]))
			return true;
	return !finders[finder].n;
}

/* One look at what has not been found. */
static bool look(struct finder *f, struct normal *t)
{
	if (!finder_group(f))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(finders); i++)
		if (is_asked(f->set, i))
			finders[i].find(f);
	for (; f->nhidden < f->nfound; f->nhidden++) {
		const struct finding *found = &f->found[f->nhidden];

		memset(t->b + found->from, FOUND, found->to - found->from);
	}
	return !f->failed;
}

/* How far before a finding one of its pattern's words may stand. */
#define WORDS_BEFORE 40

/* The policy's own patterns see the text as a person does. They look once: what they make of a replacement is
 * for their author to know. */
static bool find_own(struct finder *f, const struct normal *t, struct span utf8, uint32_t *steps)
{
	struct visible v;

	if (!f->set->nown || f->number)
		return true;
	if (!normal_visible(&v, t, utf8, f->a))
		return false;
	for (unsigned i = 0; i < f->set->nown; i++) {
		const struct pattern *p = f->set->own[i];
		enum regex_found found = REGEX_OVERRUN;
		struct regex_search *search;
		size_t from, to;

		if (!regex_search_start(&search, pattern_regex(p), v.text))
			return false;
		while ((found = regex_search_next(search, &from, &to, steps)) == REGEX_FOUND) {
			size_t at = visible_place(&v, from), back = at < WORDS_BEFORE ? at : WORDS_BEFORE;

			if (pattern_has_word(p, span_of(f->b + at - back, back),
				    f->hint ? f->hint->keys : SPAN_LIT("")))
				finder_add(f, DETECTOR_COUNT + i, at, visible_place(&v, to));
		}
		regex_search_end(search);
		if (found == REGEX_OVERRUN)
			return false;
	}
	return true;
}

bool detect_find(struct findings *out, const struct detectors *set, struct span utf8, bool number,
	struct work *w, struct arena *a)
{
	struct finder f = {.set = set, .number = number, .bare = !w->hint, .hint = w->hint, .a = a};
	struct normal t;
	unsigned looks = 0;
	size_t before;

	*out = (struct findings){0};
	if (!normal_of(&t, utf8, a))
		return false;
	hide_uuids(&t);
	f.b = t.b;
	f.n = t.n;
	if (!find_own(&f, &t, utf8, &w->steps))
		return false;
	do {
		before = f.nhidden;
		if (looks++ == LOOKS_MAX || !look(&f, &t))
			return false;
	} while (f.nhidden > before);
	for (size_t i = 0; i < f.nfound; i++) {
		struct span s = normal_source(&t, utf8, f.found[i].from, f.found[i].to);

		f.found[i].from = (size_t)(s.p - utf8.p);
		f.found[i].to = f.found[i].from + s.n;
	}
	out->n = join(f.found, f.nfound);
	out->v = f.found;
	return true;
}

static const char *name_of(const struct mask *m, unsigned detector)
{
	return detector < DETECTOR_COUNT ? detector_name(detector)
					 : pattern_name(m->detectors.own[detector - DETECTOR_COUNT]);
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
		label = arena_printf(a, "[%s]", name_of(m, f->detector));
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

struct span detect_text(const struct mask *m, struct span utf8, struct work *w, struct arena *a)
{
	struct findings f;

	if (!detect_find(&f, &m->detectors, utf8, false, w, a))
		return m->replace == REPLACE_NULL ? (struct span){0} : HIDDEN;
	return f.n ? put_together(m, &f, utf8, a) : utf8;
}

/* Zeros at the end of a float may stand for digits that a low extra_float_digits left out: whatever they
 * were, they could have made it a finding. */
static bool rounded(const struct detectors *set, const struct value_shape *s, const struct numeric *v)
{
	int64_t digits = (int64_t)v->n + v->exp;

	if (value_family(s->type) != FAMILY_FLOAT || v->exp <= 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (detectors_has(set, numbers[i].which) && digits >= numbers[i].digits)
			return true;
	return digits >= find_issued_least(set);
}

/* What there is to look at in a cell. */
struct view {
	struct span text; /* empty: nothing */
	bool number;
	bool found; /* whatever the text says */
};

/* The digits before the point. */
static bool number_text(const struct detectors *set, const struct value_shape *s, struct span cell,
	struct arena *a, struct view *out)
{
	struct numeric v;

	if (!value_get_number(a, s, cell, &v))
		return false;
	out->number = true;
	/* No number that is looked for has more digits. */
	if (v.kind != NUMERIC_FINITE || (int64_t)v.n + v.exp > DIGITS_MAX)
		return true;
	out->found = rounded(set, s, &v);
	if (v.exp < 0) {
		v.n = (size_t)-v.exp < v.n ? v.n - (size_t)-v.exp : 0;
		v.exp = 0;
	}
	v.negative = false;
	out->text = numeric_put_text(a, &v, -1);
	return out->text.p != NULL;
}

static bool is_value(const struct value_shape *s, struct span cell, struct arena *a)
{
	struct span c;

	return value_canonical(a, s, cell, &c);
}

/* false: nobody can tell. */
static bool view_of(const struct detectors *set, const struct value_shape *s, struct span cell,
	struct arena *a, struct view *out)
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
	case FAMILY_UUID: return is_value(s, cell, a);
	case FAMILY_NET: out->found = detectors_has(set, DETECT_IP); return is_value(s, cell, a);
	case FAMILY_MAC: out->found = detectors_has(set, DETECT_MAC); return is_value(s, cell, a);
	case FAMILY_OTHER:
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_BITS: break;
	}
	return false;
}

/* A text that is little more than what the column's name says it is. A document has keys for that, and a
 * number of a column needs no words. */
#define NAMED_MAX 64

static bool find_in_view(
	struct findings *out, const struct mask *m, const struct view *v, struct work *w, struct arena *a)
{
	struct hint named = {.words = m->named, .keys = SPAN_LIT("")};
	struct work own = *w;
	bool ok;

	if (!w->hint && !v->number && v->text.n <= NAMED_MAX && !detectors_none(&m->named))
		own.hint = &named;
	ok = detect_find(out, &m->detectors, v->text, v->number, &own, a);
	w->steps = own.steps;
	return ok;
}

bool detect_in(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a)
{
	struct findings f;
	struct view v;

	return !view_of(&m->detectors, s, cell, a, &v) || v.found || !find_in_view(&f, m, &v, w, a) ||
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

struct span mask_detect(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a)
{
	struct findings f;
	struct span text;
	struct view v;

	if (!view_of(&m->detectors, s, cell, a, &v) || !find_in_view(&f, m, &v, w, a))
		return m->replace == REPLACE_NULL ? (struct span){0} : mask_redact(s, a);
	if (v.number && (f.n || v.found))
		return (struct span){0};
	if (v.found)
		return m->replace == REPLACE_NULL ? (struct span){0} : mask_redact(s, a);
	if (!f.n)
		return clean(s, cell, v.text, a);
	text = put_together(m, &f, v.text, a);
	if (!text.p)
		return text;
	return value_text_fits(s, text) ? value_put_text(a, s, text) : mask_redact(s, a);
}
