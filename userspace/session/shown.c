/* SPDX-License-Identifier: MIT */
/* What a statement compares with a masked column, or puts into one, is a value that masks are there to hide:
 * where a statement may do that, all of its constants and parameters are left out. Elsewhere they are what a
 * reviewer must see. */
#include "session/shown.h"

#include <errno.h>
#include <string.h>

#include "session/state.h"

#define HIDDEN SHOWN_HIDDEN

/* ---- which ---- */

/* Whether a mask is on it, and, in *asked, whether it may be compared with anything at all. */
static bool masked(const struct binding *b, const struct relation *r, bool *asked)
{
	bool any = binding_inherits(b, r->oid);

	*asked = *asked || any;
	for (unsigned i = 0; i < r->ncols; i++) {
		const struct masking *m = binding_column(b, (struct colref){r->oid, r->cols[i].attnum});

		if (!m || !m->rule)
			continue;
		any = true;
		*asked = *asked || m->permit.predicates == PREDICATES_ALLOW;
	}
	return any;
}

/* Values into columns. */
static bool writes(const struct plan *p)
{
	const uint64_t puts =
		DOES_INSERT | DOES_UPDATE | DOES_MERGE | DOES_COPY_IN | DOES_DDL | DOES_FUNCTION;

	for (; p; p = p->inner)
		if (p->effects & puts)
			return true;
	return false;
}

static bool spends(const struct plan *p)
{
	for (; p; p = p->inner)
		if (p->nspends)
			return true;
	return false;
}

/* What code of the database's own is called with, or what DO is: nobody knows what that is compared with. */
static bool calls(const struct plan *p)
{
	for (; p; p = p->inner)
		if (p->intimate && !p->writes && (p->effects & DOES_FUNCTION))
			return true;
	return false;
}

static bool hides(const struct session *s, const struct held *h, const struct reached *r)
{
	bool any = false, asked = false, changes = false;

	for (unsigned i = 0; i < r->n; i++)
		any |= masked(s->binding, r->v[i], &asked);
	for (unsigned i = 0; i < h->nplans; i++) {
		changes |= writes(h->plans[i]);
		asked |= spends(h->plans[i]) || (binding_masks(s->binding) && calls(h->plans[i]));
	}
	return asked || (any && changes);
}

/* ---- without constants ---- */

struct copying {
	struct span in;
	size_t at;
	char *out;
	size_t n;
};

static void copy(struct copying *c, size_t n)
{
	memcpy(c->out + c->n, c->in.p + c->at, n);
	c->n += n;
	c->at += n;
}

static void hide(struct copying *c, size_t n)
{
	memcpy(c->out + c->n, HIDDEN, sizeof(HIDDEN) - 1);
	c->n += sizeof(HIDDEN) - 1;
	c->at += n;
}

static uint8_t byte(const struct copying *c, size_t at)
{
	return at < c->in.n ? c->in.p[at] : 0;
}

static bool letter(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '_' || b >= 0x80;
}

static bool digit(uint8_t b)
{
	return b >= '0' && b <= '9';
}

/* Up to behind the quote that ends what begins at at; a doubled one does not. */
static size_t quoted(const struct copying *c, size_t at, uint8_t q, bool escapes)
{
	for (at++; at < c->in.n; at++) {
		if (escapes && byte(c, at) == '\\')
			at++;
		else if (byte(c, at) == q && byte(c, at + 1) == q)
			at++;
		else if (byte(c, at) == q)
			return at + 1;
	}
	return c->in.n;
}

/* Where the next part of a string begins, of which one ended before at: behind blanks and comments with a
 * newline among them. 0: there is none. */
static size_t goes_on(const struct copying *c, size_t at)
{
	bool newline = false;

	for (;; at++) {
		if (byte(c, at) == '-' && byte(c, at + 1) == '-')
			while (at < c->in.n && byte(c, at) != '\n' && byte(c, at) != '\r')
				at++;
		if (byte(c, at) == '\n' || byte(c, at) == '\r')
			newline = true;
		else if (at >= c->in.n || !strchr(" \t\f\v", byte(c, at)) || !byte(c, at))
			return newline && byte(c, at) == '\'' ? at : 0;
	}
}

/* A string with all its parts: a backslash means in each what it means in the first. */
static size_t string(const struct copying *c, size_t at, bool escapes)
{
	size_t end;

	do
		end = quoted(c, at, '\'', escapes);
	while ((at = goes_on(c, end)));
	return end;
}

/* Of $tag$ … $tag$ that begins here; 0: none does. */
static size_t dollars(const struct copying *c)
{
	size_t end = c->at + 1, tag;

	while (letter(byte(c, end)) || (end > c->at + 1 && digit(byte(c, end))))
		end++;
	if (byte(c, end) != '$')
		return 0;
	tag = end + 1 - c->at;
	for (size_t i = end + 1; i + tag <= c->in.n; i++)
		if (memcmp(c->in.p + i, c->in.p + c->at, tag) == 0)
			return i + tag - c->at;
	return c->in.n - c->at;
}

static size_t comment(const struct copying *c)
{
	size_t at = c->at + 2;
	unsigned depth = 1;

	if (byte(c, c->at) == '-') {
		while (at < c->in.n && byte(c, at) != '\n' && byte(c, at) != '\r')
			at++;
		return at - c->at;
	}
	for (; at < c->in.n && depth; at++) {
		if (byte(c, at) == '/' && byte(c, at + 1) == '*') {
			depth++;
			at++;
		} else if (byte(c, at) == '*' && byte(c, at + 1) == '/') {
			depth--;
			at++;
		}
	}
	return at - c->at;
}

/* A word, or a constant with letters before its quote: E'', B'', X'', N'', U&''. An identifier stays. */
static void take_word(struct copying *c)
{
	size_t end = c->at;
	uint8_t first = (uint8_t)(byte(c, c->at) | 0x20);

	while (letter(byte(c, end)) || digit(byte(c, end)) || byte(c, end) == '$')
		end++;
	if (end == c->at + 1 && first == 'u' && byte(c, end) == '&')
		end++;
	if (byte(c, end) == '\'')
		hide(c, string(c, end, end == c->at + 1 && first == 'e') - c->at);
	else if (byte(c, end) == '"' && byte(c, end - 1) == '&')
		copy(c, quoted(c, end, '"', false) - c->at);
	else
		copy(c, end - c->at);
}

static void take_token(struct copying *c)
{
	uint8_t b = byte(c, c->at), next = byte(c, c->at + 1);
	size_t n;

	if (letter(b)) {
		take_word(c);
	} else if (b == '\'') {
		hide(c, string(c, c->at, false) - c->at);
	} else if (b == '"') {
		copy(c, quoted(c, c->at, '"', false) - c->at);
	} else if ((b == '-' && next == '-') || (b == '/' && next == '*')) {
		hide(c, comment(c));
	} else if (b == '$' && !digit(next)) {
		n = dollars(c);
		if (n)
			hide(c, n);
		else
			copy(c, 1);
	} else if (b == '$') {
		for (n = 1; digit(byte(c, c->at + n)); n++)
			;
		copy(c, n);
	} else if (digit(b) || (b == '.' && digit(next))) {
		for (n = 1;
			digit(byte(c, c->at + n)) || letter(byte(c, c->at + n)) || byte(c, c->at + n) == '.';
			n++)
			;
		hide(c, n);
	} else {
		copy(c, 1);
	}
}

char *shown_without_constants(struct arena *a, struct span text)
{
	/* the shortest constant is one byte */
	struct copying c = {.in = text, .out = arena_alloc(a, text.n * (sizeof(HIDDEN) - 1) + 1)};

	if (!c.out)
		return NULL;
	while (c.at < text.n)
		take_token(&c);
	c.out[c.n] = '\0';
	return c.out;
}

/* ---- parameters ---- */

static bool plain_text(struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < ' ' && v.p[i] != '\n' && v.p[i] != '\t')
			return false;
	return true;
}

static const char *hex_of(struct arena *a, struct span v)
{
	static const char digits[] = "0123456789abcdef";
	char *s = arena_alloc(a, 2 * v.n + 3);
	size_t n = 0;

	if (!s)
		return NULL;
	s[n++] = '\\';
	s[n++] = 'x';
	for (size_t i = 0; i < v.n; i++) {
		s[n++] = digits[v.p[i] >> 4];
		s[n++] = digits[v.p[i] & 15];
	}
	s[n] = '\0';
	return s;
}

#define BOOL_OID    16
#define INT8_OID    20
#define INT2_OID    21
#define INT4_OID    23
#define TEXT_OID    25
#define VARCHAR_OID 1043

/* In the binary format: what a person can read, else its bytes. */
static const char *binary_of(struct arena *a, struct span v, uint32_t type)
{
	struct cur c = cur_of(v);

	if (type == INT2_OID && v.n == 2)
		return arena_printf(a, "%d", (int16_t)cur_be16(&c));
	if (type == INT4_OID && v.n == 4)
		return arena_printf(a, "%d", (int32_t)cur_be32(&c));
	if (type == INT8_OID && v.n == 8)
		return arena_printf(a, "%lld", (long long)cur_be64(&c));
	if (type == BOOL_OID && v.n == 1)
		return v.p[0] ? "true" : "false";
	if ((type == TEXT_OID || type == VARCHAR_OID) && plain_text(v))
		return arena_strndup(a, (const char *)v.p, v.n);
	return hex_of(a, v);
}

static int show_values(struct session *s, const struct held *h, bool hidden, struct shown *out)
{
	const struct msg_bind *m = h->bind;
	struct cur cells = cur_of(m->params), formats = cur_of(m->param_formats), types = cur_of(h->types);
	unsigned format = 0;
	struct span v = {0};

	out->values = arena_array(&s->scratch, m->nparams ? m->nparams : 1, sizeof(*out->values));
	if (!out->values)
		return -ENOMEM;
	for (unsigned i = 0; i < m->nparams; i++) {
		uint32_t type = cur_left(&types) >= 4 ? cur_be32(&types) : 0;
		const char *text;

		if (i < m->nparam_formats)
			format = cur_be16(&formats);
		if (msg_cell_next(&cells, &v) != WIRE_OK)
			return -EPROTO;
		text = !v.p            ? "NULL"
		       : hidden        ? HIDDEN
		       : format        ? binary_of(&s->scratch, v, type)
		       : plain_text(v) ? arena_printf(&s->scratch, "'%.*s'", (int)v.n, (const char *)v.p)
				       : hex_of(&s->scratch, v);
		if (!text)
			return -ENOMEM;
		out->values[out->nvalues++] = text;
	}
	return 0;
}

int shown_of(struct session *s, const struct held *h, const struct reached *r, struct shown *out)
{
	bool hidden = hides(s, h, r);
	const char *text, *named = NULL;

	*out = (struct shown){.hidden = hidden};
	if (h->text.n + h->named.n > HELD_TEXT_MAX || (h->bind && h->bind->params.n > HELD_TEXT_MAX))
		return -E2BIG;
	text = hidden ? shown_without_constants(&s->scratch, h->text)
		      : arena_strndup(&s->scratch, (const char *)h->text.p, h->text.n);
	if (h->named.n)
		named = hidden ? shown_without_constants(&s->scratch, h->named)
			       : arena_strndup(&s->scratch, (const char *)h->named.p, h->named.n);
	if (!text || (h->named.n && !named))
		return -ENOMEM;
	out->text = named ? arena_printf(&s->scratch, "%s\n-- which runs: %s", text, named) : text;
	if (!out->text)
		return -ENOMEM;
	return h->bind ? show_values(s, h, hidden, out) : 0;
}
