/* SPDX-License-Identifier: MIT */
#include "policy/heir.h"

#include <errno.h>
#include <stdlib.h>

#define HEIR_BYTES_MAX ((size_t)1 << 20) /* of one */

struct held {
	struct arena mem;
	struct heir heir;
};

struct heirs {
	struct held v[HEIRS_MAX];
	unsigned n;
};

static bool copy(struct held *to, const struct heir *from)
{
	to->heir.name = arena_strdup(&to->mem, from->name);
	to->heir.ncolumns = from->ncolumns;
	to->heir.columns =
		arena_array(&to->mem, from->ncolumns ? from->ncolumns : 1, sizeof(*to->heir.columns));
	if (!to->heir.name || !to->heir.columns)
		return false;
	for (unsigned i = 0; i < from->ncolumns; i++) {
		struct heir_column *c = &to->heir.columns[i];

		*c = (struct heir_column){.name = arena_strdup(&to->mem, from->columns[i].name)};
		if (!c->name || !colset_union(&to->mem, &c->from, &from->columns[i].from))
			return false;
	}
	return true;
}

int heirs_add(struct heirs **h, const struct heir *heir)
{
	struct held *held;

	if (!*h)
		*h = calloc(1, sizeof(**h));
	if (!*h)
		return -ENOMEM;
	if ((*h)->n == HEIRS_MAX)
		return -ENOSPC;
	held = &(*h)->v[(*h)->n];
	*held = (struct held){0};
	arena_init(&held->mem, HEIR_BYTES_MAX);
	if (!copy(held, heir)) {
		arena_fini(&held->mem);
		return -ENOMEM;
	}
	(*h)->n++;
	return 0;
}

void heirs_free(struct heirs *h)
{
	for (unsigned i = 0; h && i < h->n; i++)
		arena_fini(&h->v[i].mem);
	free(h);
}

unsigned heirs_count(const struct heirs *h)
{
	return h ? h->n : 0;
}

const struct heir *heirs_at(const struct heirs *h, unsigned i)
{
	return &h->v[i].heir;
}

bool heirs_forget(struct heirs *h, const struct catalog *c, const char *temp)
{
	unsigned n = 0;
	bool some;

	for (unsigned i = 0; h && i < h->n; i++) {
		if (!temp || catalog_relation(c, temp, h->v[i].heir.name))
			h->v[n++] = h->v[i];
		else
			arena_fini(&h->v[i].mem);
	}
	some = h && n < h->n;
	if (h)
		h->n = n;
	return some;
}
