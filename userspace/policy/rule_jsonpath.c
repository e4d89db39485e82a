/* SPDX-License-Identifier: MIT */
/* The mask of a rule that has others inside: jsonpath. */
#include "policy/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mask/jsonpath.h"
#include "policy/strict.h"

#define WHERE "jsonpath.paths"

/* A path as it stands in the document. */
struct entry {
	const struct node *node;
	struct mask mask;
	bool shown;
};

/* The strictest first, as jsonpath_add wants them; what is shown last. */
static int compare_entries(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int r = a->shown - b->shown;

	if (!r && !a->shown)
		r = strict_compare(&a->mask, &b->mask);
	return r ? r : strcmp(a->node->key, b->node->key);
}

static void read_entry(struct reading *r, const struct node *n, struct entry *e)
{
	e->node = n;
	e->shown = node_says(n, "keep");
	if (e->shown)
		return;
	mask_read(r, n, WHERE, &e->mask);
	if (e->mask.kind == MASK_JSONPATH)
		section_wrong(r, n, WHERE ": a path has no jsonpath of its own; give the whole path");
	if (e->mask.kind == MASK_SHIFT)
		section_wrong(r, n, WHERE ": date.shift is for columns only");
}

static void add_entries(struct reading *r, struct entry *v, unsigned n, struct jsonpath *out)
{
	struct err e = {0};

	qsort(v, n, sizeof(*v), compare_entries);
	for (unsigned i = 0; i < n; i++) {
		int rc = strlen(v[i].node->key) > JSONPATH_SOURCE_MAX
				 ? err_set(&e, -EINVAL, "has more than %d bytes", JSONPATH_SOURCE_MAX)
				 : jsonpath_add(out, v[i].node->key, v[i].shown ? NULL : &v[i].mask, &e);

		if (rc == -ENOMEM)
			r->failed = rc;
		else if (rc)
			mistake_add(r->m, v[i].node->key_line, v[i].node->key_column, WHERE ": \"%.60s\" %s",
				v[i].node->key, e.msg);
		mask_fini(&v[i].mask); /* where it was not taken */
	}
}

static void read_paths(struct reading *r, const struct node *n, struct jsonpath *out)
{
	struct entry *v;
	unsigned i = 0;

	if (n->kind != NODE_MAP || !n->n) {
		section_wrong(r, n, WHERE " must be a map of paths and masks");
		return;
	}
	v = calloc(n->n, sizeof(*v));
	if (!v) {
		r->failed = -ENOMEM;
		return;
	}
	for (const struct node *c = n->child; c; c = c->next)
		read_entry(r, c, &v[i++]);
	add_entries(r, v, n->n, out);
	free(v);
}

void mask_read_jsonpath(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"paths", KEY_READ}, {"default", KEY_READ}};
	const struct node *paths = node_get(n, "paths"), *rest = node_get(n, "default");

	if (!section_map(r, n, "jsonpath", keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, "jsonpath", "paths");
	if (rest && !node_is(rest, "keep") && !node_is(rest, "redact"))
		section_wrong(r, rest, "jsonpath.default is redact or keep");
	if (!paths)
		return;
	if (jsonpath_new(&out->paths, rest && node_is(rest, "keep"), NULL)) {
		r->failed = -ENOMEM;
		return;
	}
	read_paths(r, paths, out->paths);
	out->kind = MASK_JSONPATH;
}
