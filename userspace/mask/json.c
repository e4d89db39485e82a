/* SPDX-License-Identifier: MIT */
/* json and jsonb are masked by their elements: strings as text, numbers as numeric, true and false as bool.
 * Keys, structure and null stay as they are; an element that the mask has no form for becomes null. Detectors
 * look into keys too: {"4111…": true}. */
#include <string.h>

#include "mask/detect.h"
#include "mask/jsonpath.h"
#include "mask/kind.h"
#include "mask/normal.h"
#include "mask/words.h"
#include "value/json.h"

/* A hash is longer than what it hides: what many small strings would grow to is bounded. */
#define MASKED_MAX ((size_t)16 << 20)
#define ROOM_FIRST 256

struct writer {
	struct arena *a;
	struct arena scratch; /* of one token: a document of many strings takes no more than the largest */
	struct work *work;
	uint8_t *mem;
	size_t n, cap;
	bool failed;
};

/* Where n bytes can be written; NULL: no memory, or too much. */
static uint8_t *room(struct writer *w, size_t n)
{
	size_t cap = w->cap ? w->cap : ROOM_FIRST;
	uint8_t *mem;

	if (w->failed || n > MASKED_MAX - w->n) {
		w->failed = true;
		return NULL;
	}
	while (cap - w->n < n)
		cap *= 2;
	if (cap != w->cap) {
		mem = arena_alloc(w->a, cap);
		if (!mem) {
			w->failed = true;
			return NULL;
		}
		if (w->n)
			memcpy(mem, w->mem, w->n);
		w->mem = mem;
		w->cap = cap;
	}
	w->n += n;
	return w->mem + w->n - n;
}

static void write_span(struct writer *w, struct span s)
{
	uint8_t *to = s.n ? room(w, s.n) : NULL;

	if (to)
		memcpy(to, s.p, s.n);
}

static void write_string(struct writer *w, struct span utf8)
{
	uint8_t *to = room(w, json_string_len(utf8));

	if (to)
		json_string_put(to, utf8);
}

static void mask_key(struct writer *w, const struct mask *m, struct span token)
{
	struct span key, out = {0};

	if (json_string_get(&w->scratch, token, &key))
		out = detect_text(m, key, w->work, &w->scratch);
	if (out.p && span_eq(out, key))
		write_span(w, token); /* with the escapes that it had */
	else
		write_string(w, out.p ? out : HIDDEN);
}

static void mask_scalar(struct writer *w, const struct mask *m, enum json_token t, struct span token)
{
	struct value_shape shape = {.typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct span value = token, out;

	shape.type = t == JSON_STRING ? VALUE_TEXT : t == JSON_NUMBER ? VALUE_NUMERIC : VALUE_BOOL;
	if (t == JSON_TRUE || t == JSON_FALSE)
		value = t == JSON_TRUE ? SPAN_LIT("t") : SPAN_LIT("f");
	if (t == JSON_STRING && !json_string_get(&w->scratch, token, &value))
		out = mask_redact(&shape, &w->scratch);
	else
		out = mask_part(m, &shape, value, w->work, &w->scratch);
	if (!out.p)
		write_span(w, SPAN_LIT("null"));
	else if (t == JSON_STRING && m->kind == MASK_DETECT && span_eq(out, value))
		write_span(w, token);
	else if (t == JSON_STRING)
		write_string(w, out);
	else if (t == JSON_NUMBER)
		write_span(w, out);
	else
		write_span(w, span_is(out, "t") ? SPAN_LIT("true") : SPAN_LIT("false"));
}

/* The keys that lead to a value. What lies deeper than LEVELS_MAX, or has longer keys, knows the first of
 * them only. */
#define LEVELS_MAX 32
#define KEYS_MAX   512
struct path {
	struct {
		unsigned depth;
		struct detectors words;
		size_t keys_n;
	} level[LEVELS_MAX];
	unsigned n;
	uint8_t keys[KEYS_MAX];
	struct hint hint;
};

static void path_leave(struct path *p, unsigned depth)
{
	while (p->n && p->level[p->n - 1].depth > depth)
		p->n--;
}

/* What the keys say of a value at depth. */
static const struct hint *path_hint(struct path *p, unsigned depth)
{
	path_leave(p, depth);
	p->hint = (struct hint){.keys = span_of(p->keys, 0)};
	if (p->n) {
		p->hint.words = p->level[p->n - 1].words;
		p->hint.keys.n = p->level[p->n - 1].keys_n;
	}
	return &p->hint;
}

static void path_enter(struct path *p, unsigned depth, struct span token, struct arena *a)
{
	const struct hint *above;
	struct normal key;
	struct span text;
	size_t n;

	above = path_hint(p, depth - 1);
	if (p->n == LEVELS_MAX || !json_string_get(a, token, &text) || !normal_of(&key, text, a))
		return;
	n = above->keys.n;
	p->level[p->n].depth = depth;
	p->level[p->n].words = above->words;
	words_of(&p->level[p->n].words, key.b, 0, key.n);
	if (key.n < KEYS_MAX - n) {
		p->keys[n++] = ' ';
		memcpy(p->keys + n, key.b, key.n);
		n += key.n;
	}
	p->level[p->n++].keys_n = n;
}

struct span mask_json(const struct mask *m, const struct value_shape *s, struct span cell, struct work *work,
	struct arena *a)
{
	bool looks = m->kind == MASK_DETECT || !detectors_none(&m->detectors);
	struct work part = *work;
	struct writer w = {.a = a, .work = &part};
	struct path path;
	enum json_token t;
	struct span text, token;
	const uint8_t *copied;
	struct json j;

	if (!value_get_json(s, cell, &text))
		return mask_redact(s, a);
	if (text.p != cell.p)
		write_span(&w, span_of(cell.p, 1)); /* jsonb's version */
	copied = text.p;
	path.n = 0;
	json_start(&j, text);
	while ((t = json_next(&j, &token)) != JSON_END && t != JSON_BAD && !w.failed) {
		if (t == JSON_NULL || (t == JSON_KEY && !looks))
			continue;
		arena_reset(&w.scratch);
		part.hint = path_hint(&path, t == JSON_KEY ? j.depth - 1 : j.depth);
		if (t != JSON_KEY || m->kind == MASK_DETECT) {
			write_span(&w, span_of(copied, (size_t)(token.p - copied)));
			copied = token.p + token.n;
		}
		if (t != JSON_KEY)
			mask_scalar(&w, m, t, token);
		else if (m->kind == MASK_DETECT)
			mask_key(&w, m, token);
		if (t == JSON_KEY)
			path_enter(&path, j.depth, token, &w.scratch);
	}
	write_span(&w, span_of(copied, (size_t)(text.p + text.n - copied)));
	arena_fini(&w.scratch);
	work->steps = part.steps;
	return t == JSON_END && !w.failed ? span_of(w.mem, w.n) : mask_redact(s, a);
}

/* One array or object of the document. */
struct level {
	struct jsonplace place;
	int rule; /* of the paths: which one counts for all that is in it; -1: none */
	bool object;
	size_t elements;
	struct span key; /* of the member that comes next; .p == NULL: it cannot be read */
};

struct walk {
	struct writer w;
	const struct mask *m;
	const struct jsonpath *paths;
	bool looks; /* m has detectors, which look into all that is shown */
	struct work part;
	struct path path; /* for them */
	struct json j;
	struct level *levels;
	unsigned depth, cap;
	const uint8_t *copied; /* up to here it is written */
	struct arena keys;     /* of one key */
};

static bool deeper(struct walk *k)
{
	unsigned cap = k->cap ? k->cap * 2 : 8;
	struct level *levels;

	if (k->depth < k->cap)
		return true;
	levels = arena_array(k->w.a, cap, sizeof(*levels));
	if (!levels)
		return false;
	if (k->depth)
		memcpy(levels, k->levels, k->depth * sizeof(*levels));
	k->levels = levels;
	k->cap = cap;
	return true;
}

/* What is written in the place of token, and all before it as it stood. */
static void replace(struct walk *k, struct span token)
{
	write_span(&k->w, span_of(k->copied, (size_t)(token.p - k->copied)));
	k->copied = token.p + token.n;
	arena_reset(&k->w.scratch);
}

/* Where the value that begins here stands, and which path counts for it. */
static int settle(struct walk *k, bool array, struct jsonplace *here)
{
	struct level *in = k->depth ? &k->levels[k->depth - 1] : NULL;
	int rule;

	if (!in)
		jsonplace_root(k->paths, here);
	else if (in->object)
		jsonplace_member(k->paths, &in->place, in->key, here);
	else
		jsonplace_element(k->paths, &in->place, in->elements++, here);
	rule = jsonplace_settle(k->paths, here, array);
	if (in && in->rule >= 0 && (rule < 0 || in->rule < rule))
		rule = in->rule;
	return rule;
}

/* NULL: it is shown. */
static const struct mask *mask_by(const struct walk *k, int rule)
{
	static const struct mask redact = {.kind = MASK_REDACT};

	if (rule < 0)
		return jsonpath_keeps(k->paths) ? NULL : &redact;
	return jsonpath_mask(k->paths, (unsigned)rule);
}

static void scalar_at(struct walk *k, enum json_token t, struct span token)
{
	struct jsonplace here;
	const struct mask *m = mask_by(k, settle(k, false, &here));
	struct mask both;

	if (t == JSON_NULL || (!m && !k->looks))
		return;
	/* In what is shown detectors still look, as in what any other mask shows a part of. */
	both = m ? *m : (struct mask){.kind = MASK_DETECT, .replace = REPLACE_REDACT};
	both.detectors = k->m->detectors;
	replace(k, token);
	if (k->looks)
		k->part.hint = path_hint(&k->path, k->j.depth);
	mask_scalar(&k->w, &both, t, token);
}

static void key_at(struct walk *k, struct span token)
{
	const struct mask detect = {
		.kind = MASK_DETECT, .detectors = k->m->detectors, .replace = REPLACE_REDACT};
	struct level *in = &k->levels[k->depth - 1];

	arena_reset(&k->keys);
	if (!json_string_get(&k->keys, token, &in->key))
		in->key = (struct span){0};
	if (!k->looks)
		return;
	replace(k, token);
	k->part.hint = path_hint(&k->path, k->j.depth - 1);
	mask_key(&k->w, &detect, token);
	path_enter(&k->path, k->j.depth, token, &k->w.scratch);
}

/* To the end of what begins with an open bracket. */
static bool skip(struct walk *k, struct span *token)
{
	unsigned depth = k->j.depth - 1;
	enum json_token t;

	do
		t = json_next(&k->j, token);
	while (t != JSON_BAD && t != JSON_END && !(t == JSON_CLOSE && k->j.depth == depth));
	return t == JSON_CLOSE;
}

/* m, which does not look at it, instead of an array or an object as a whole. */
static bool whole(struct walk *k, const struct mask *m, struct span token)
{
	const struct value_shape json = {.type = VALUE_JSON, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct span out;

	replace(k, token);
	out = mask_apply(m, &json, SPAN_LIT("null"), &k->w.scratch);
	write_span(&k->w, out.p ? out : SPAN_LIT("null"));
	if (!skip(k, &token))
		return false;
	k->copied = token.p + token.n;
	return true;
}

static bool open_at(struct walk *k, struct span token)
{
	bool object = *token.p == '{';
	struct jsonplace here;
	int rule = settle(k, !object, &here);
	const struct mask *m = mask_by(k, rule);

	/* Where all is redacted that no path names, nor are the keys shown of what none leads into. */
	if (m && !mask_reads_input(m->kind) && (rule >= 0 || !jsonplace_leads_on(k->paths, &here)))
		return whole(k, m, token);
	if (!deeper(k))
		return false;
	k->levels[k->depth++] = (struct level){.place = here, .rule = rule, .object = object};
	return true;
}

/* false: it is no JSON, or there is no memory. */
static bool walk(struct walk *k)
{
	enum json_token t;
	struct span token;

	while ((t = json_next(&k->j, &token)) != JSON_END) {
		bool ok = true;

		switch (t) {
		case JSON_BAD:
		case JSON_END: ok = false; break;
		case JSON_STRING:
		case JSON_NUMBER:
		case JSON_TRUE:
		case JSON_FALSE:
		case JSON_NULL: scalar_at(k, t, token); break;
		case JSON_KEY: key_at(k, token); break;
		case JSON_OPEN: ok = open_at(k, token); break;
		case JSON_CLOSE: k->depth--; break;
		}
		if (!ok || k->w.failed)
			return false;
	}
	return true;
}

struct span mask_jsonpath(const struct mask *m, const struct value_shape *s, struct span cell,
	struct work *work, struct arena *a)
{
	struct walk k = {.w = {.a = a},
		.m = m,
		.paths = m->paths,
		.looks = !detectors_none(&m->detectors),
		.part = *work};
	struct span text, out = {0};

	if (value_family(s->type) != FAMILY_JSON || !m->paths)
		return out;
	if (!value_get_json(s, cell, &text))
		return mask_redact(s, a);
	k.w.work = &k.part;
	if (text.p != cell.p)
		write_span(&k.w, span_of(cell.p, 1)); /* jsonb's version */
	k.copied = text.p;
	json_start(&k.j, text);
	k.j.structure = true;
	if (walk(&k)) {
		write_span(&k.w, span_of(k.copied, (size_t)(text.p + text.n - k.copied)));
		out = k.w.failed ? out : span_of(k.w.mem, k.w.n);
	}
	arena_fini(&k.w.scratch);
	arena_fini(&k.keys);
	work->steps = k.part.steps;
	return out.p ? out : mask_redact(s, a);
}
