/* SPDX-License-Identifier: MIT */
#include "mask/jsonpath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "value/json.h"
#include "value/utf8.h"

enum step_kind {
	STEP_MEMBER,      /* .name, ."name" */
	STEP_ANY_MEMBER,  /* .* */
	STEP_ELEMENT,     /* [7] */
	STEP_ANY_ELEMENT, /* [*] */
	STEP_DESCENT,     /* the first dot of ..name: any number of levels */
};

struct step {
	enum step_kind kind;
	struct span name; /* of jsonpath's mem */
	size_t index;
};

struct path {
	char *text;
	struct step *steps;
	unsigned n;
	struct mask mask;
	bool shown;
};

struct jsonpath {
	struct arena own, *mem; /* mem: own, or the one that it lives in */
	bool keep;
	unsigned n;
	struct path *paths[JSONPATH_PATHS_MAX];
};

int jsonpath_new(struct jsonpath **out, bool keep, struct arena *a)
{
	*out = a ? arena_zalloc(a, sizeof(**out)) : calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->keep = keep;
	(*out)->mem = a ? a : &(*out)->own;
	return 0;
}

static bool name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c >= 0x80;
}

/* A name, or a JSON string; the cursor stands on its first byte. */
static bool read_name(struct arena *mem, struct cur *c, struct span *name)
{
	const uint8_t *begin = c->p;
	enum json_token t;
	struct json j;

	*name = (struct span){0};
	if (cur_left(c) && *c->p == '"') {
		json_start(&j, span_of(c->p, cur_left(c)));
		t = json_next(&j, name);
		cur_take(c, name->n);
		return t == JSON_STRING && json_string_get(mem, *name, name);
	}
	while (cur_left(c) && name_byte(*c->p))
		cur_u8(c);
	*name = span_of(begin, (size_t)(c->p - begin));
	return name->n > 0;
}

static bool read_index(struct cur *c, struct step *s)
{
	size_t digits = 0;

	s->kind = STEP_ELEMENT;
	if (cur_left(c) && *c->p == '*') {
		cur_u8(c);
		s->kind = STEP_ANY_ELEMENT;
		return cur_u8(c) == ']';
	}
	for (; cur_left(c) && *c->p >= '0' && *c->p <= '9' && digits < 9; digits++)
		s->index = s->index * 10 + (size_t)(cur_u8(c) - '0');
	return digits && cur_u8(c) == ']';
}

static bool add_step(struct path *p, struct step s)
{
	if (p->n == JSONPATH_STEPS_MAX)
		return false;
	p->steps[p->n++] = s;
	return true;
}

static bool read_step(struct arena *mem, struct cur *c, struct path *p)
{
	struct step s = {.kind = STEP_MEMBER};
	uint8_t b = cur_u8(c);

	if (b == '[')
		return read_index(c, &s) && add_step(p, s);
	if (b != '.')
		return false;
	if (cur_left(c) && *c->p == '.') {
		cur_u8(c);
		if (!add_step(p, (struct step){.kind = STEP_DESCENT}))
			return false;
	}
	if (cur_left(c) && *c->p == '*') {
		cur_u8(c);
		s.kind = STEP_ANY_MEMBER;
		return add_step(p, s);
	}
	return read_name(mem, c, &s.name) && add_step(p, s);
}

static int read_path(struct arena *mem, struct path *p, struct err *e)
{
	struct cur c = cur_of(span_of(p->text, strlen(p->text)));
	struct step steps[JSONPATH_STEPS_MAX];
	struct path read = {.steps = steps};
	bool ok = cur_u8(&c) == '$';

	while (ok && cur_left(&c))
		ok = read_step(mem, &c, &read);
	if (!ok || c.bad)
		return err_set(e, -EINVAL, "is no path that is known here, like $.a[*].\"b c\" or $..d");
	p->n = read.n;
	p->steps = arena_array(mem, read.n ? read.n : 1, sizeof(*steps));
	if (!p->steps)
		return -ENOMEM;
	memcpy(p->steps, steps, read.n * sizeof(*steps));
	return 0;
}

static int add_path(struct jsonpath *p, const char *text, struct path **out, struct err *e)
{
	struct path *new;

	if (p->n == JSONPATH_PATHS_MAX)
		return err_set(e, -EINVAL, "more than %d paths", JSONPATH_PATHS_MAX);
	*out = new = arena_zalloc(p->mem, sizeof(*new));
	if (new)
		new->text = arena_strdup(p->mem, text);
	return new &&new->text ? read_path(p->mem, new, e) : -ENOMEM;
}

int jsonpath_add(struct jsonpath *p, const char *text, struct mask *m, struct err *e)
{
	struct mask taken = m ? *m : (struct mask){0};
	struct path *new = NULL;
	int r;

	if (m)
		*m = (struct mask){.kind = MASK_NULL};
	r = add_path(p, text, &new, e);
	if (r && p->mem == &p->own)
		mask_fini(&taken);
	if (r)
		return r;
	new->mask = taken;
	new->shown = !m;
	p->paths[p->n++] = new;
	return 0;
}

void jsonpath_free(struct jsonpath *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		mask_fini(&p->paths[i]->mask);
	arena_fini(&p->own);
	free(p);
}

bool jsonpath_keeps(const struct jsonpath *p)
{
	return p->keep;
}

unsigned jsonpath_count(const struct jsonpath *p)
{
	return p->n;
}

const char *jsonpath_text(const struct jsonpath *p, unsigned i)
{
	return p->paths[i]->text;
}

const struct mask *jsonpath_mask(const struct jsonpath *p, unsigned i)
{
	return p->paths[i]->shown ? NULL : &p->paths[i]->mask;
}

void jsonplace_root(const struct jsonpath *p, struct jsonplace *out)
{
	for (unsigned i = 0; i < p->n; i++)
		out->at[i] = 1;
}

static bool names(const struct step *s, struct span key)
{
	return s->kind == STEP_ANY_MEMBER || (s->kind == STEP_MEMBER && key.p && span_eq(s->name, key));
}

void jsonplace_member(
	const struct jsonpath *p, const struct jsonplace *object, struct span key, struct jsonplace *out)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct path *path = p->paths[i];

		out->at[i] = 0;
		for (unsigned s = 0; s < path->n && object->at[i] >> s; s++) {
			if (!(object->at[i] >> s & 1))
				continue;
			if (path->steps[s].kind == STEP_DESCENT)
				out->at[i] |= 1u << s;
			else if (names(&path->steps[s], key))
				out->at[i] |= 2u << s;
		}
	}
}

void jsonplace_element(
	const struct jsonpath *p, const struct jsonplace *array, size_t index, struct jsonplace *out)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct path *path = p->paths[i];

		out->at[i] = 0;
		for (unsigned s = 0; s < path->n && array->at[i] >> s; s++) {
			const struct step *step = &path->steps[s];

			if (!(array->at[i] >> s & 1))
				continue;
			switch (step->kind) {
			/* Lax: the members of an array are those of its elements. */
			case STEP_MEMBER:
			case STEP_ANY_MEMBER:
			case STEP_DESCENT: out->at[i] |= 1u << s; break;
			case STEP_ELEMENT: out->at[i] |= index == step->index ? 2u << s : 0; break;
			case STEP_ANY_ELEMENT: out->at[i] |= 2u << s; break;
			}
		}
	}
}

int jsonplace_settle(const struct jsonpath *p, struct jsonplace *here, bool array)
{
	int found = -1;

	for (unsigned i = 0; i < p->n; i++) {
		const struct path *path = p->paths[i];

		for (unsigned s = 0; s < path->n && here->at[i] >> s; s++) {
			const struct step *step = &path->steps[s];
			/* Lax: what is no array is its own first element. */
			bool wraps = !array && (step->kind == STEP_ANY_ELEMENT ||
						       (step->kind == STEP_ELEMENT && !step->index));

			if (here->at[i] >> s & 1 && (step->kind == STEP_DESCENT || wraps))
				here->at[i] |= 2u << s;
		}
		if (found < 0 && here->at[i] >> path->n & 1)
			found = (int)i;
	}
	return found;
}

bool jsonplace_leads_on(const struct jsonpath *p, const struct jsonplace *here)
{
	for (unsigned i = 0; i < p->n; i++)
		if (here->at[i] & ((1u << p->paths[i]->n) - 1))
			return true;
	return false;
}
