/* SPDX-License-Identifier: MIT */
#include "mask/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "mask/kind.h"

/* PCRE2's limit holds for one place to begin at, and it tells nobody how much of it was used. So every search
 * is first given little, which nearly all need less than, and more only out of what a cell may take as a
 * whole. What needs more than the last from one place is an accident of the pattern or made to be slow. */
static const uint32_t limits[] = {64, 512, 4096, 50000};
/* Places to begin at of one go, for each of the limits, where a text is looked at in pieces; and how far
 * before a piece a pattern may look behind. */
static const size_t pieces[] = {64, 32, 16, 8};
#define BEHIND 64

#define HEAP_LIMIT_KIB 4096
#define GROUPS         10
#define PIECES_MAX     64

struct piece {
	bool is_group;
	unsigned group;
	const char *text; /* of the template */
	size_t n;
};

struct regex {
	pcre2_code *code;
	enum regex_match match;
	char *pattern, *template;
	struct piece pieces[PIECES_MAX];
	unsigned npieces;
};

static int add_piece(struct regex *r, struct piece p, struct err *e)
{
	if (r->npieces == PIECES_MAX)
		return err_set(e, -EINVAL, "has more than %d parts", PIECES_MAX);
	r->pieces[r->npieces++] = p;
	return 0;
}

static int add_group(struct regex *r, unsigned group, unsigned groups, struct err *e)
{
	if (group > groups)
		return err_set(e, -EINVAL, "has \\%u, but the pattern has %u group%s", group, groups,
			groups == 1 ? "" : "s");
	if (!group && r->match == REGEX_WHOLE)
		return err_set(e, -EINVAL, "has \\0, which would show the whole value");
	return add_piece(r, (struct piece){.is_group = true, .group = group}, e);
}

static int read_template(struct regex *r, unsigned groups, struct err *e)
{
	const char *p = r->template;
	int rc = 0;

	while (*p && !rc) {
		size_t n = strcspn(p, "\\$");

		if (n) {
			rc = add_piece(r, (struct piece){.text = p, .n = n}, e);
			p += n;
		} else if (*p == '$' && p[1] >= '0' && p[1] <= '9') {
			rc = err_set(e, -EINVAL, "has $%c; a group is written \\%c", p[1], p[1]);
		} else if (*p == '$') {
			rc = add_piece(r, (struct piece){.text = p++, .n = 1}, e);
		} else if (p[1] >= '0' && p[1] <= '9') {
			rc = add_group(r, (unsigned)(p[1] - '0'), groups, e);
			p += 2;
		} else if (p[1] == '\\') {
			rc = add_piece(r, (struct piece){.text = p, .n = 1}, e);
			p += 2;
		} else {
			rc = err_set(e, -EINVAL, "has a \\ without a digit behind it; \\\\ is a backslash");
		}
	}
	return rc;
}

static int compile(struct regex *r, struct err *e)
{
	/* . is any character and \d any digit, \w any letter: what was not thought of should match, not stay.
	 */
	uint32_t options =
		PCRE2_UTF | PCRE2_UCP | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
	PCRE2_UCHAR text[120];
	PCRE2_SIZE at;
	uint32_t empty;
	int code;

	if (r->match == REGEX_WHOLE)
		options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
	if (r->match == REGEX_FIND)
		options |= PCRE2_USE_OFFSET_LIMIT;
	r->code = pcre2_compile((PCRE2_SPTR)r->pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
	if (!r->code) {
		if (code == PCRE2_ERROR_NOMEMORY || pcre2_get_error_message(code, text, sizeof(text)) < 0)
			return -ENOMEM;
		return err_set(e, -EINVAL, "at character %zu: %s", at + 1, (const char *)text);
	}
	pcre2_pattern_info(r->code, PCRE2_INFO_MATCHEMPTY, &empty);
	if (empty && r->match != REGEX_WHOLE)
		return err_set(e, -EINVAL, "matches an empty text, which is everywhere");
	/* Where the machine lets nobody write code, the interpreter does it. */
	(void)!pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	return 0;
}

int regex_new(struct regex **out, const char *pattern, const char *template, enum regex_match match,
	enum regex_part *part, struct err *e)
{
	struct regex *r = calloc(1, sizeof(*r));
	uint32_t groups = 0;
	int rc;

	*out = NULL;
	*part = REGEX_PATTERN;
	if (!r)
		return -ENOMEM;
	r->match = match;
	r->pattern = strdup(pattern);
	r->template = strdup(template);
	if (!r->pattern || !r->template)
		rc = -ENOMEM;
	else
		rc = compile(r, e);
	if (!rc) {
		*part = REGEX_TEMPLATE;
		pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
		rc = read_template(r, groups, e);
	}
	if (rc) {
		regex_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r->pattern);
	free(r->template);
	free(r);
}

const char *regex_pattern(const struct regex *r)
{
	return r->pattern;
}

const char *regex_template(const struct regex *r)
{
	return r->template;
}

enum regex_match regex_match(const struct regex *r)
{
	return r->match;
}

/* A result in the making. */
struct result {
	uint8_t *p;
	size_t n;
	bool full;
};

static void put(struct result *out, const void *p, size_t n)
{
	if (n > REGEX_RESULT_MAX - out->n) {
		out->full = true;
		return;
	}
	if (n)
		memcpy(out->p + out->n, p, n);
	out->n += n;
}

static void put_template(const struct regex *r, struct span text, pcre2_match_data *found, struct result *out)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(found);
	uint32_t pairs = pcre2_get_ovector_count(found);

	for (unsigned i = 0; i < r->npieces; i++) {
		const struct piece *p = &r->pieces[i];
		PCRE2_SIZE from, to;

		if (!p->is_group) {
			put(out, p->text, p->n);
			continue;
		}
		if (p->group >= pairs)
			continue;
		from = v[p->group * 2];
		to = v[p->group * 2 + 1];
		if (from != PCRE2_UNSET && from <= to && to <= text.n)
			put(out, text.p + from, to - from);
	}
}

/* What one call at a time needs. */
struct match {
	const struct regex *r;
	pcre2_match_context *context;
	pcre2_match_data *data;
	uint32_t *steps;
};

static bool match_start(struct match *m, const struct regex *r, uint32_t *steps)
{
	*m = (struct match){r, pcre2_match_context_create(NULL),
		pcre2_match_data_create_from_pattern(r->code, NULL), steps};
	if (m->context)
		pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	return m->context && m->data;
}

static void match_end(struct match *m)
{
	pcre2_match_context_free(m->context);
	pcre2_match_data_free(m->data);
}

/* Takes what so many places to begin at may cost at one of the limits. The first is nearly never used up, and
 * counts as one step. */
static bool take(struct match *m, size_t starts, size_t limit)
{
	uint64_t cost = (uint64_t)starts * (limit ? limits[limit] : 1);

	if (cost > *m->steps)
		return false;
	*m->steps -= (uint32_t)cost;
	pcre2_set_match_limit(m->context, limits[limit]);
	return true;
}

enum outcome { FAILED = 0, TOO_MUCH, NO_MATCH, MATCH };

static enum outcome match_once(struct match *m, struct span text, size_t from, uint32_t options)
{
	int rc = pcre2_match(
		m->r->code, text.p, text.n, from, PCRE2_NO_UTF_CHECK | options, m->data, m->context);

	/* JIT code has 32 KiB of stack. From one place to begin at, the interpreter's limits bound the time.
	 */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT && m->r->match == REGEX_WHOLE)
		rc = pcre2_match(m->r->code, text.p, text.n, from,
			PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT | options, m->data, m->context);
	return rc > 0                         ? MATCH
	       : rc == PCRE2_ERROR_NOMATCH    ? NO_MATCH
	       : rc == PCRE2_ERROR_MATCHLIMIT ? TOO_MUCH
					      : FAILED;
}

/* With as little as does, from as many places as there are. */
static enum outcome match_run(struct match *m, struct span text, size_t from)
{
	size_t starts = m->r->match == REGEX_WHOLE ? 1 : text.n - from + 1;
	enum outcome o = TOO_MUCH;

	for (size_t i = 0; i < ARRAY_LEN(limits) && o == TOO_MUCH; i++)
		o = take(m, starts, i) ? match_once(m, text, from, 0) : FAILED;
	return o;
}

static bool replace_each(struct match *m, struct span text, struct result *out)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m->data);
	size_t at = 0;

	for (;;) {
		switch (match_run(m, text, at)) {
		case FAILED:
		case TOO_MUCH: return false;
		case NO_MATCH: put(out, text.p + at, text.n - at); return at > 0;
		case MATCH: break;
		}
		/* \K can turn a match round, or make it empty. */
		if (v[0] < at || v[1] <= v[0] || v[1] > text.n)
			return false;
		put(out, text.p + at, v[0] - at);
		put_template(m->r, text, m->data, out);
		at = v[1];
	}
}

struct span regex_apply(const struct regex *r, struct span utf8, uint32_t *steps, struct arena *a)
{
	struct span text = utf8.p ? utf8 : SPAN_LIT("");
	struct result out = {0};
	struct match m;
	bool ok;

	if (r->match == REGEX_FIND || text.n > (r->match == REGEX_WHOLE ? REGEX_WHOLE_MAX : REGEX_EACH_MAX))
		return (struct span){0};
	out.p = arena_alloc(a, REGEX_RESULT_MAX);
	ok = match_start(&m, r, steps) && out.p;
	if (ok && r->match == REGEX_EACH) {
		ok = replace_each(&m, text, &out);
	} else if (ok) {
		ok = match_run(&m, text, 0) == MATCH;
		if (ok)
			put_template(r, text, m.data, &out);
	}
	match_end(&m);
	if (!ok || out.full || span_eq(span_of(out.p, out.n), text))
		return (struct span){0};
	return span_of(out.p, out.n);
}

struct regex_search {
	struct match m;
	struct span text;
	size_t at;
};

bool regex_search_start(struct regex_search **out, const struct regex *r, struct span utf8)
{
	struct regex_search *s = calloc(1, sizeof(*s));

	*out = s;
	if (!s || !match_start(&s->m, r, NULL)) {
		regex_search_end(s);
		*out = NULL;
		return false;
	}
	s->text = utf8;
	return true;
}

void regex_search_end(struct regex_search *s)
{
	if (s)
		match_end(&s->m);
	free(s);
}

/* The end of the character that at is in; the end of the text. */
static size_t whole_character(struct span text, size_t at)
{
	if (at >= text.n)
		return text.n;
	while (at < text.n && (text.p[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* A piece of the text: from a little before at to where a match that begins in it ends. */
static enum outcome match_piece(struct regex_search *s, size_t starts)
{
	size_t last = whole_character(s->text, s->at + starts);
	size_t begin = whole_character(s->text, s->at > BEHIND ? s->at - BEHIND : 0);
	size_t end = whole_character(s->text, last + REGEX_FOUND_MAX);
	uint32_t options = (begin ? PCRE2_NOTBOL : 0) | (end < s->text.n ? PCRE2_NOTEOL : 0);
	enum outcome o;

	pcre2_set_offset_limit(s->m.context, last - begin);
	o = match_once(&s->m, span_of(s->text.p + begin, end - begin), s->at - begin, options);
	if (o == MATCH) {
		PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->m.data);

		v[0] += begin;
		v[1] += begin;
	}
	if (o == NO_MATCH)
		s->at = last < s->text.n ? last : s->text.n + 1;
	return o;
}

enum regex_found regex_search_next(struct regex_search *s, size_t *from, size_t *to, uint32_t *steps)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->m.data);

	s->m.steps = steps;
	while (s->at < s->text.n) {
		enum outcome o = TOO_MUCH;

		for (size_t i = 0; i < ARRAY_LEN(limits) && o == TOO_MUCH; i++) {
			if (!take(&s->m, pieces[i], i))
				return REGEX_OVERRUN;
			o = match_piece(s, pieces[i]);
		}
		switch (o) {
		case FAILED:
		case TOO_MUCH: return REGEX_OVERRUN;
		case NO_MATCH: continue;
		case MATCH: break;
		}
		/* \K can turn a match round, or make it empty. */
		if (v[0] < s->at || v[1] <= v[0] || v[1] > s->text.n)
			return REGEX_OVERRUN;
		*from = v[0];
		*to = s->at = v[1];
		return REGEX_FOUND;
	}
	return REGEX_NONE;
}

struct span mask_regex(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a)
{
	struct span text, out;

	if (!value_is_text(s->type) || !m->regex)
		return (struct span){0};
	if (!value_get_text(s, cell, &text))
		return mask_redact(s, a);
	out = regex_apply(m->regex, text, &w->steps, a);
	/* Cut, it would be another result than the template's. */
	return out.p && value_text_fits(s, out) ? value_put_text(a, s, out) : mask_redact(s, a);
}
