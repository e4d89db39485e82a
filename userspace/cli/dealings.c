/* SPDX-License-Identifier: MIT */
#include "cli/dealings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/plain.h"
#include "record/entry.h"

#define SLOTS 4096u

/* Done to relations that the statement names; what else there is was done to something that is not on record.
 */
#define TO_RELATIONS (DOES_READ | DOES_WRITE | DOES_COPY_IN | DOES_COPY_OUT | DOES_ROW_LOCK)
/* To the one that it is about, where there are others. */
#define TO_TARGETS (DOES_WRITE | DOES_COPY_IN)
/* To nothing that has a name. */
#define TO_NOTHING (DOES_TRANSACTION | DOES_CURSOR | DOES_PREPARE | DOES_EXPLAIN_ANALYZE)
/* Nobody asks whether these are allowed: only rules that speak of them count (sql/deed.h, derived). */
#define NOT_ASKED DOES_CALL
/* As a statement, to nothing that has a name; otherwise by a function. */
#define BY_STATEMENT (DOES_SETTINGS | DOES_ROLE | DOES_NOTIFY)

enum reach { REACH_RELATION = 0, REACH_NOTHING, REACH_ANY };

struct deal { /* one effect on one thing */
	unsigned effect;
	enum reach reach;
	const char *relation;
};

struct kind {
	uint8_t digest[ENTRY_HASH];
	struct deal *v;
	unsigned n;
	uint32_t next;
	uint64_t ran;
	bool asked, anything; /* anything: nobody knows what it does, and no rule lets it through */
};

struct dealings {
	struct kind *v;
	unsigned n, most;
	uint32_t slots[SLOTS];
	struct arena mem;
};

int dealings_new(struct dealings **out, unsigned most, struct err *e)
{
	struct dealings *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(e, -ENOMEM, "out of memory");
	memset(d->slots, 0xff, sizeof(d->slots));
	arena_init(&d->mem, (size_t)32 << 20);
	d->most = most;
	d->v = calloc(most, sizeof(*d->v));
	if (d->v) {
		*out = d;
		return 0;
	}
	dealings_free(d);
	return err_set(e, -ENOMEM, "out of memory");
}

void dealings_free(struct dealings *d)
{
	if (!d)
		return;
	arena_fini(&d->mem);
	free(d->v);
	free(d);
}

/* ---- the statement's words ---- */

static bool word_is(const struct shape *s, unsigned i, const char *word)
{
	return i < s->n && s->v[i].word && s->v[i].text.n == strlen(word) &&
	       !strncasecmp((const char *)s->v[i].text.p, word, s->v[i].text.n);
}

/* A name without quotes, as the catalogue has it. false: it has escapes, or is none. */
static bool put_name(const struct shape_part *p, char *out, size_t cap, size_t *n)
{
	size_t at = 0, end = p->text.n;
	bool quoted = p->text.n > 1 && p->text.p[0] == '"';

	if (!quoted && !p->word)
		return false;
	if (quoted)
		at++, end--;
	for (; at < end; at++) {
		char c = (char)p->text.p[at];

		if (*n + 2 > cap)
			return false;
		out[(*n)++] = (char)(quoted ? c : tolower((unsigned char)c));
		at += quoted && c == '"';
	}
	out[*n] = '\0';
	return true;
}

/* "a", "b.a" */
static bool read_name(const struct shape *s, unsigned *i, char *out, size_t cap)
{
	size_t n = 0;

	if (*i >= s->n || !put_name(&s->v[*i], out, cap, &n))
		return false;
	++*i;
	if (!word_is(s, *i, "."))
		return true;
	if (n + 2 > cap || ++*i >= s->n)
		return false;
	out[n++] = '.';
	return put_name(&s->v[(*i)++], out, cap, &n);
}

static bool fits(const char *name, struct span relation)
{
	size_t n = strlen(name);

	if (relation.n == n)
		return memcmp(relation.p, name, n) == 0;
	return relation.n > n && relation.p[relation.n - n - 1] == '.' &&
	       memcmp(relation.p + relation.n - n, name, n) == 0;
}

/* Where what the words at i begin is written to; 0: they begin nothing of the kind. */
static unsigned target_at(const struct shape *s, unsigned i)
{
	unsigned at = 0;

	if ((word_is(s, i, "insert") || word_is(s, i, "merge")) && word_is(s, i + 1, "into"))
		at = i + 2;
	else if (word_is(s, i, "delete") && word_is(s, i + 1, "from"))
		at = i + 2;
	else if (word_is(s, i, "update") && (!i || !s->v[i - 1].word || word_is(s, i - 1, "(") ||
						    word_is(s, i - 1, ")") || word_is(s, i - 1, "explain") ||
						    word_is(s, i - 1, "analyze") || word_is(s, i - 1, "as")))
		at = i + 1;
	else if (i == 0 && word_is(s, i, "copy"))
		at = 1;
	else if (i == 0 && word_is(s, i, "truncate"))
		at = word_is(s, 1, "table") ? 2 : 1;
	return at && word_is(s, at, "only") ? at + 1 : at;
}

/* Marks those of the relations that the statement writes to. false: it does not say. */
static bool mark_targets(const struct shape *s, const struct dealing *x, bool *marked)
{
	bool any = false;

	for (unsigned i = 0; i < s->n; i++) {
		unsigned at = target_at(s, i);
		char name[2 * 64 + 2];
		bool one = false;

		if (!at)
			continue;
		do {
			at += word_is(s, at, ",");
			one = false;
			if (!read_name(s, &at, name, sizeof(name)))
				return false;
			for (unsigned k = 0; k < x->n; k++)
				if (fits(name, x->relations[k]))
					one = marked[k] = true;
			if (!one)
				return false;
			any = true;
		} while (word_is(s, i, "truncate") && word_is(s, at, ","));
	}
	return any;
}

/* An INSERT reads what it writes to where it gives it back, or names it once more. */
static bool reads_targets(const struct shape *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		unsigned at = target_at(s, i), named = 0;

		if (word_is(s, i, "returning") || word_is(s, i, "conflict") ||
			(at && !word_is(s, i, "insert")))
			return true;
		if (!at)
			continue;
		at += word_is(s, at + 1, ".") ? 2 : 0;
		for (unsigned k = 0; at < s->n && k < s->n; k++)
			named += s->v[k].text.n == s->v[at].text.n &&
				 !strncasecmp((const char *)s->v[k].text.p, (const char *)s->v[at].text.p,
					 s->v[k].text.n);
		if (named != 1)
			return true;
	}
	return false;
}

/* ---- one message ---- */

struct making {
	struct deal *v;
	unsigned n, cap;
};

static void put(struct making *m, unsigned effect, enum reach reach, const char *relation)
{
	if (m->n < m->cap)
		m->v[m->n++] = (struct deal){effect, reach, relation};
}

/* COPY (SELECT …) TO is a copy of no relation. */
static bool copies_query(const struct shape *s, unsigned n)
{
	return n == 1 && word_is(s, 0, "copy") && word_is(s, 1, "(");
}

/* What begins with one of these and is no query does it by itself, and not by a function that it calls. */
static bool is_query(const struct shape *s, unsigned n)
{
	static const char *const words[] = {"select", "with", "values", "(", "insert", "update", "delete",
		"merge", "explain", "declare", "copy", "prepare", "execute", "create", "fetch", "call", "do"};

	for (unsigned i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			if (word_is(&s[i], 0, words[k]))
				return true;
	return !n;
}

static void make(struct making *m, const struct dealing *x, const char *const *names, const bool *target,
	bool targets, const struct shape *s, unsigned n)
{
	bool query = is_query(s, n), unread = targets && n == 1 && !reads_targets(s);

	for (unsigned e = 0; e < EFFECT_COUNT; e++) {
		uint64_t bit = UINT64_C(1) << e;
		bool none = false;

		if (!(x->effects & bit & ~NOT_ASKED))
			continue;
		if (bit & TO_RELATIONS)
			for (unsigned i = 0; i < x->n; i++)
				if (!targets ||
					(bit & TO_TARGETS ? target[i]
							  : !(bit & DOES_READ) || !unread || !target[i]))
					put(m, e, REACH_RELATION, names[i]);
		none = (bit & TO_RELATIONS) &&
		       (!x->n || (bit & DOES_ROW_LOCK) || ((bit & DOES_COPY_OUT) && copies_query(s, n)));
		if (none || (bit & TO_NOTHING) || (!query && (bit & BY_STATEMENT)))
			put(m, e, REACH_NOTHING, NULL);
		else if (!(bit & TO_RELATIONS))
			put(m, e, REACH_ANY, NULL);
	}
}

static int compare(const struct deal *a, const struct deal *b)
{
	if (a->effect != b->effect)
		return a->effect < b->effect ? -1 : 1;
	if (a->reach != b->reach)
		return a->reach < b->reach ? -1 : 1;
	return a->relation && b->relation ? strcmp(a->relation, b->relation) : 0;
}

static int by_deal(const void *a, const void *b)
{
	return compare(a, b);
}

static bool digest_of(const struct making *m, const struct dealing *x, uint8_t digest[ENTRY_HASH])
{
	struct plain t = {0};

	plain_put(&t, &x->asked, sizeof(x->asked));
	for (unsigned i = 0; i < m->n; i++) {
		const char *r = m->v[i].relation ? m->v[i].relation : "";

		plain_put(&t, &m->v[i].effect, sizeof(m->v[i].effect));
		plain_put(&t, &m->v[i].reach, sizeof(m->v[i].reach));
		plain_put(&t, r, strlen(r) + 1);
	}
	entry_digest(span_of(t.p, t.n), digest);
	plain_fini(&t);
	return !t.failed;
}

static uint32_t keep(struct dealings *d, const struct making *m, const struct dealing *x)
{
	struct kind *k = d->n < d->most ? &d->v[d->n] : NULL;
	uint8_t digest[ENTRY_HASH];
	uint32_t *slot;

	if (!digest_of(m, x, digest))
		return DEALINGS_NONE;
	slot = &d->slots[(unsigned)(digest[0] << 8 | digest[1]) % SLOTS];
	for (uint32_t i = *slot; i != DEALINGS_NONE; i = d->v[i].next)
		if (memcmp(d->v[i].digest, digest, ENTRY_HASH) == 0)
			return i;
	if (!k)
		return DEALINGS_NONE;
	*k = (struct kind){.n = m->n, .next = *slot, .asked = x->asked, .anything = x->effects == DOES_ALL};
	memcpy(k->digest, digest, ENTRY_HASH);
	k->v = arena_array(&d->mem, m->n ? m->n : 1, sizeof(*k->v));
	for (unsigned i = 0; k->v && i < m->n; i++) {
		k->v[i] = m->v[i];
		if (m->v[i].relation)
			k->v[i].relation = arena_strdup(&d->mem, m->v[i].relation);
		if (m->v[i].relation && !k->v[i].relation)
			k->v = NULL;
	}
	if (!k->v)
		return DEALINGS_NONE;
	return *slot = d->n++;
}

uint32_t dealings_add(struct dealings *d, const struct dealing *x, const struct shape *statements, unsigned n)
{
	struct arena a = {0};
	struct making m = {.cap = EFFECT_COUNT * (x->n + 2)};
	const char **names = arena_array(&a, x->n + 1ul, sizeof(*names));
	bool *target = arena_array(&a, x->n + 1ul, sizeof(*target)), targets = n > 0;
	uint32_t out = DEALINGS_NONE;

	m.v = arena_array(&a, m.cap, sizeof(*m.v));
	for (unsigned i = 0; names && i < x->n; i++) {
		names[i] = arena_strndup(&a, (const char *)x->relations[i].p, x->relations[i].n);
		if (!names[i])
			names = NULL;
	}
	if (names && target && m.v) {
		for (unsigned i = 0; i < n && (x->effects & TO_TARGETS); i++)
			targets = (mark_targets(&statements[i], x, target) || n > 1) && targets;
		make(&m, x, names, target, targets && (x->effects & TO_TARGETS), statements, n);
		qsort(m.v, m.n, sizeof(*m.v), by_deal);
		out = keep(d, &m, x);
	}
	arena_fini(&a);
	return out;
}

void dealings_ran(struct dealings *d, uint32_t number)
{
	d->v[number].ran++;
}

bool dealings_anything(const struct dealings *d, uint32_t number)
{
	return d->v[number].anything;
}

/* ---- rules ---- */

struct deals { /* that ran, each once, in order */
	struct deal *v;
	unsigned n;
};

static bool has(const struct deals *d, const struct deal *x)
{
	return d->n && bsearch(x, d->v, d->n, sizeof(*d->v), by_deal);
}

/* but: without these. */
static bool collect(
	const struct dealings *d, bool asked, const struct deals *but, struct arena *a, struct deals *out)
{
	size_t all = 1;
	unsigned n = 0;

	for (unsigned i = 0; i < d->n; i++)
		all += d->v[i].n;
	*out = (struct deals){.v = arena_array(a, all, sizeof(*out->v))};
	if (!out->v)
		return false;
	for (unsigned i = 0; i < d->n; i++)
		for (unsigned k = 0; k < d->v[i].n; k++)
			if (d->v[i].ran && !d->v[i].anything && d->v[i].asked == asked &&
				!(but && has(but, &d->v[i].v[k])))
				out->v[n++] = d->v[i].v[k];
	if (n)
		qsort(out->v, n, sizeof(*out->v), by_deal);
	for (unsigned i = 0; i < n; i++)
		if (!out->n || compare(&out->v[out->n - 1], &out->v[i]) != 0)
			out->v[out->n++] = out->v[i];
	return true;
}

struct line {                 /* a rule that is written */
	const struct deal *v; /* of one effect and one reach */
	unsigned n;
	bool told;
};

static bool same_place(const struct line *a, const struct line *b)
{
	if (a->v->reach != b->v->reach || a->n != b->n)
		return false;
	for (unsigned i = 0; a->v->reach == REACH_RELATION && i < a->n; i++)
		if (strcmp(a->v[i].relation, b->v[i].relation) != 0)
			return false;
	return true;
}

static bool is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '_')
			return false;
	return n > 0;
}

/* One part of a pattern that matches nothing but it (policy/pattern.h), between YAML's single quotes. */
static void put_part(struct plain *out, const char *s, size_t n)
{
	bool quoted = !is_plain(s, n);

	if (quoted)
		plain_puts(out, "\"");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\'')
			plain_put(out, &s[i], 1);
		plain_put(out, &s[i], 1);
	}
	if (quoted)
		plain_puts(out, "\"");
}

static void put_relation(struct plain *out, const char *relation)
{
	size_t n = strlen(relation), schema = strcspn(relation, ".");
	bool bare =
		is_plain(relation, schema) && schema < n && is_plain(relation + schema + 1, n - schema - 1);

	if (bare) {
		plain_puts(out, relation);
		return;
	}
	plain_puts(out, "'");
	put_part(out, relation, schema);
	if (schema < n) {
		plain_puts(out, ".");
		put_part(out, relation + schema + 1, n - schema - 1);
	}
	plain_puts(out, "'");
}

static void put_line(struct plain *out, struct line *lines, unsigned n, unsigned at, enum verdict v)
{
	const struct line *l = &lines[at];
	const char *before = "";

	if (l->v->reach == REACH_ANY)
		plain_puts(out, "      # done to what is not on record: narrow it by relations, schemas or "
				"functions\n");
	plain_puts(out, "      - {effects: [");
	for (unsigned i = at; i < n; i++)
		if (!lines[i].told && same_place(l, &lines[i])) {
			lines[i].told = true;
			plain_printf(out, "%s%s", before, effect_name(lines[i].v->effect));
			before = ", ";
		}
	plain_puts(out, "]");
	if (l->v->reach == REACH_NOTHING)
		plain_puts(out, ", relations: none");
	for (unsigned i = 0; l->v->reach == REACH_RELATION && i < l->n; i++) {
		plain_puts(out, i ? ", " : ", relations: [");
		put_relation(out, l->v[i].relation);
	}
	plain_printf(out, "%s, verdict: %s}\n", l->v->reach == REACH_RELATION ? "]" : "", verdict_name(v));
}

static bool put_rules(
	struct plain *out, const struct deals *d, enum verdict v, struct arena *a, unsigned *count)
{
	struct line *lines = arena_array(a, d->n + 1ul, sizeof(*lines));
	unsigned n = 0;

	if (!lines)
		return false;
	for (unsigned i = 0; i < d->n; i++) {
		const struct deal *x = &d->v[i];

		if (n && lines[n - 1].v->effect == x->effect && lines[n - 1].v->reach == x->reach)
			lines[n - 1].n++;
		else
			lines[n++] = (struct line){x, 1, false};
	}
	for (unsigned i = 0; i < n; i++) {
		if (lines[i].told)
			continue;
		put_line(out, lines, n, i, v);
		++*count;
	}
	return true;
}

const char *dealings_rules(const struct dealings *d, struct arena *a, unsigned *n)
{
	struct deals ask, allow;
	struct plain out = {0};
	const char *text = NULL;

	*n = 0;
	plain_puts(&out, "");
	/* What ran without an approval is allowed; an approval was asked for because of what is left. */
	if (collect(d, false, NULL, a, &allow) && collect(d, true, &allow, a, &ask) &&
		put_rules(&out, &allow, ALLOW, a, n) && put_rules(&out, &ask, ASK, a, n) && !out.failed)
		text = arena_strdup(a, out.p);
	plain_fini(&out);
	return text;
}

/* ---- a policy ---- */

static struct deed deed_of(const struct deal *x, struct arena *a)
{
	char *dot, *schema = x->relation ? arena_strdup(a, x->relation) : NULL;
	struct deed out = {.effects = UINT64_C(1) << x->effect, .function = x->reach == REACH_ANY};

	dot = schema ? strchr(schema, '.') : NULL;
	if (x->reach == REACH_RELATION && !dot)
		out.unknown = true;
	if (dot) {
		*dot = '\0';
		out.schema = schema;
		out.name = dot + 1;
	}
	return out;
}

enum verdict dealings_judge(const struct dealings *d, uint32_t number, const struct guard *const *guards,
	unsigned nguards, struct guard_answer *why)
{
	const struct kind *k = &d->v[number];
	struct arena a = {0};

	*why = (struct guard_answer){.verdict = ALLOW};
	for (unsigned i = 0; i < k->n; i++) {
		const struct deed deed = deed_of(&k->v[i], &a);
		struct guard_answer one = guard_judge(guards, nguards, NULL, &deed, 1, true);

		if (one.verdict < why->verdict)
			*why = one;
	}
	why->deed = NULL; /* it was here */
	arena_fini(&a);
	return why->verdict;
}
