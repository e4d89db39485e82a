/* SPDX-License-Identifier: MIT */
#include "mask/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "mask/kind.h"

/* Steps from one place to begin at. What needs more of a text as short as this is an accident of the pattern
 * or made to be slow. */
#define MATCH_LIMIT    50000
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
	pcre2_match_context *limits;
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
	r->code = pcre2_compile((PCRE2_SPTR)r->pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
	if (!r->code) {
		if (code == PCRE2_ERROR_NOMEMORY || pcre2_get_error_message(code, text, sizeof(text)) < 0)
			return -ENOMEM;
		return err_set(e, -EINVAL, "at character %zu: %s", at + 1, (const char *)text);
	}
	pcre2_pattern_info(r->code, PCRE2_INFO_MATCHEMPTY, &empty);
	if (empty && r->match == REGEX_EACH)
		return err_set(e, -EINVAL, "matches an empty text, which is everywhere");
	/* Where the machine lets nobody write code, the interpreter does it. */
	(void)!pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	r->limits = pcre2_match_context_create(NULL);
	if (!r->limits)
		return -ENOMEM;
	pcre2_set_match_limit(r->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
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
	pcre2_match_context_free(r->limits);
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

enum outcome { FAILED = 0, NO_MATCH, MATCH };

static enum outcome run(const struct regex *r, struct span text, size_t from, pcre2_match_data *found)
{
	int rc = pcre2_match(r->code, text.p, text.n, from, PCRE2_NO_UTF_CHECK, found, r->limits);

	/* JIT code has 32 KiB of stack. From one place to begin at, the interpreter's limits bound the time.
	 */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT && r->match == REGEX_WHOLE)
		rc = pcre2_match(
			r->code, text.p, text.n, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, found, r->limits);
	return rc > 0 ? MATCH : rc == PCRE2_ERROR_NOMATCH ? NO_MATCH : FAILED;
}

static bool replace_each(const struct regex *r, struct span text, pcre2_match_data *found, struct result *out)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(found);
	size_t at = 0;

	for (;;) {
		switch (run(r, text, at, found)) {
		case FAILED: return false;
		case NO_MATCH: put(out, text.p + at, text.n - at); return at > 0;
		case MATCH: break;
		}
		/* \K can turn a match round, or make it empty. */
		if (v[0] < at || v[1] <= v[0] || v[1] > text.n)
			return false;
		put(out, text.p + at, v[0] - at);
		put_template(r, text, found, out);
		at = v[1];
	}
}

struct span regex_apply(const struct regex *r, struct span utf8, struct arena *a)
{
	struct span text = utf8.p ? utf8 : SPAN_LIT("");
	struct result out = {0};
	pcre2_match_data *found;
	bool ok;

	if (text.n > (r->match == REGEX_WHOLE ? REGEX_WHOLE_MAX : REGEX_EACH_MAX))
		return (struct span){0};
	out.p = arena_alloc(a, REGEX_RESULT_MAX);
	found = pcre2_match_data_create_from_pattern(r->code, NULL);
	if (!out.p || !found) {
		pcre2_match_data_free(found);
		return (struct span){0};
	}
	if (r->match == REGEX_EACH) {
		ok = replace_each(r, text, found, &out);
	} else {
		ok = run(r, text, 0, found) == MATCH;
		if (ok)
			put_template(r, text, found, &out);
	}
	pcre2_match_data_free(found);
	if (!ok || out.full || span_eq(span_of(out.p, out.n), text))
		return (struct span){0};
	return span_of(out.p, out.n);
}

struct span mask_regex(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct span text, out;

	if (!value_is_text(s->type) || !m->regex)
		return (struct span){0};
	if (!value_get_text(s, cell, &text))
		return mask_redact(s, a);
	out = regex_apply(m->regex, text, a);
	/* Cut, it would be another result than the template's. */
	return out.p && value_text_fits(s, out) ? value_put_text(a, s, out) : mask_redact(s, a);
}
