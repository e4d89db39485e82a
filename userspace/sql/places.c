/* SPDX-License-Identifier: MIT */
/* JSON that a statement makes of columns: which of them stands where in it, by the rules of "JSON Functions
 * and Operators" and of how rows become objects. Where a name or a place is in doubt all that it may be is
 * listed: who reads the list hides what is masked before showing what is not, and hides what is not listed.
 */
#include "sql/lineage.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16

struct builder {
	struct lineage *l;
	struct json_place *v; /* NULL until there is one */
	unsigned n;
	bool bad; /* nothing is known */
};

static const struct json_places *built(struct builder *b)
{
	struct json_places *out = b->bad || !b->n ? NULL : lineage_alloc(b->l, 1, sizeof(*out));

	if (out)
		*out = (struct json_places){b->v, b->n};
	return out;
}

/* path."key" */
static const char *member(struct builder *b, const char *path, const char *key)
{
	size_t n = strlen(path);
	char *out = arena_alloc(b->l->a, n + 6 * strlen(key) + 4), *w = out + n;

	if (!out) {
		b->l->oom = b->bad = true;
		return path;
	}
	memcpy(out, path, n);
	*w++ = '.';
	*w++ = '"';
	for (; *key; key++) {
		if ((unsigned char)*key < 0x20) {
			w += sprintf(w, "\\u%04x", (unsigned char)*key);
			continue;
		}
		if (*key == '"' || *key == '\\')
			*w++ = '\\';
		*w++ = *key;
	}
	*w++ = '"';
	*w = '\0';
	return out;
}

static const char *joined(struct builder *b, const char *path, const char *rest)
{
	const char *out = arena_printf(b->l->a, "%s%s", path, rest);

	if (!out)
		b->l->oom = b->bad = true;
	return out ? out : path;
}

static void add(struct builder *b, struct json_place p)
{
	if (b->bad || b->n == JSON_PLACES_MAX || !lineage_spend(b->l, 1 + strlen(p.path) / 64)) {
		b->bad = true;
		return;
	}
	if (!b->v)
		b->v = lineage_alloc(b->l, JSON_PLACES_MAX, sizeof(*b->v));
	b->bad = !b->v;
	if (b->v)
		b->v[b->n++] = p;
}

static void put(struct builder *b, const char *path, const struct taint *t, unsigned depth);

/* A row of a table has the names of its type, others those that the query gives: where these differ, both. */
static void put_row(struct builder *b, const char *path, const struct item *it, unsigned depth)
{
	unsigned n = item_ncols(it);

	b->bad = b->bad || it->open || it->nstarless || !n;
	for (unsigned i = 0; i < n && !b->bad; i++) {
		struct taint t = item_taint(b->l, it, i);
		const char *name = item_name(it, i), *own = it->rel ? it->rel->cols[i].name : name;

		put(b, member(b, path, name), &t, depth);
		if (strcmp(own, name) != 0)
			put(b, member(b, path, own), &t, depth);
	}
}

/* ROW(…): f1, f2 … or, cast to a row's type, its names. */
static void put_fields(struct builder *b, const char *path, const struct taint *t, unsigned depth)
{
	const struct relation *r = type_row(b->l->names->catalog, t->type);

	b->bad = b->bad || (t->type && (!r || r->ncols != t->nfields));
	for (unsigned i = 0; i < t->nfields && !b->bad; i++) {
		const char *name = r ? r->cols[i].name : arena_printf(b->l->a, "f%u", i + 1);
		struct taint f = t->fields[i];

		if (!name) {
			b->l->oom = b->bad = true;
			return;
		}
		/* cut to varchar(n), it would end elsewhere */
		f.direct = f.direct && (!r || (r->cols[i].type_oid == f.type && r->cols[i].typmod < 0));
		put(b, member(b, path, name), &f, depth);
	}
}

/* What it is in JSON has the same characters. */
static bool is_text(const struct taint *t)
{
	return !t->foreign && t->type &&
	       (t->type == type_builtin("text") || t->type == type_builtin("varchar"));
}

static void put(struct builder *b, const char *path, const struct taint *t, unsigned depth)
{
	if (b->bad || depth > DEPTH_MAX) {
		b->bad = true;
		return;
	}
	if (t->places)
		for (unsigned i = 0; i < t->places->n; i++) {
			struct json_place p = t->places->v[i];

			p.path = joined(b, path, p.path + 1);
			add(b, p);
		}
	else if (t->row)
		put_row(b, path, t->row, depth + 1);
	else if (t->nfields)
		put_fields(b, path, t, depth + 1);
	else
		add(b, (struct json_place){path, t->from, t->direct && is_text(t)});
}

/* Whether it is made of several columns that can be told apart. */
static bool has_parts(const struct taint *t)
{
	return t->places || t->row || t->nfields;
}

/* Keys that are constants. */
static void object(struct builder *b, const PgQuery__FuncCall *f, const struct argument *args)
{
	b->bad = b->bad || f->n_args == 0 || f->n_args % 2;
	for (size_t i = 0; i + 1 < f->n_args && !b->bad; i += 2) {
		const char *key = total_string(f->args[i]);

		if (!key)
			b->bad = true;
		else
			put(b, member(b, "$", key), &args[i + 1].t, 0);
	}
}

static void array(struct builder *b, size_t n, const struct argument *args)
{
	for (size_t i = 0; i < n && !b->bad; i++) {
		const char *path = arena_printf(b->l->a, "$[%zu]", i);

		b->l->oom = b->l->oom || !path;
		b->bad = !path;
		if (path)
			put(b, path, &args[i].t, 0);
	}
}

/* Of an object, and nothing else, all parts are its members. */
static bool is_object(const struct json_places *p)
{
	for (unsigned i = 0; p && i < p->n; i++)
		if (p->v[i].path[1] != '.')
			return false;
	return p && p->n;
}

const struct json_places *places_of_operator(
	struct lineage *l, const char *name, const struct taint *left, const struct taint *right)
{
	struct builder b = {.l = l};

	if (!is_object(left->places) || lineage_stopped(l))
		return NULL;
	if (!strcmp(name, "-"))
		return left->places;
	if (strcmp(name, "||") != 0 || !is_object(right->places))
		return NULL;
	put(&b, "$", left, 0);
	put(&b, "$", right, 0);
	return built(&b);
}

static bool is(const char *name, const char *json, const char *jsonb)
{
	return !strcmp(name, json) || !strcmp(name, jsonb);
}

const struct json_places *places_of_call(
	struct lineage *l, const char *name, const PgQuery__FuncCall *f, const struct argument *args)
{
	struct builder b = {.l = l};

	if (lineage_stopped(l) || !f->n_args || f->func_variadic)
		return NULL;
	if (is(name, "json_build_object", "jsonb_build_object"))
		object(&b, f, args);
	else if (is(name, "json_build_array", "jsonb_build_array"))
		array(&b, f->n_args, args);
	else if ((is(name, "to_json", "to_jsonb") || is(name, "row_to_json", "array_to_json")) &&
		 has_parts(&args[0].t))
		put(&b, "$", &args[0].t, 0);
	else if ((is(name, "json_agg", "jsonb_agg") ||
			 (!strcmp(name, "array_agg") && taint_prints(l, &args[0].t))) &&
		 has_parts(&args[0].t))
		put(&b, "$[*]", &args[0].t, 0);
	else if (is(name, "json_object_agg", "jsonb_object_agg") && f->n_args == 2 && !args[0].t.from.n &&
		 has_parts(&args[1].t))
		put(&b, "$.*", &args[1].t, 0);
	return built(&b);
}
