/* SPDX-License-Identifier: MIT */
#include "session/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/rewrite.h"

static char *dup_span(struct span s)
{
	return strndup(s.n ? (const char *)s.p : "", s.n);
}

struct shape *shape_new(struct span row_description)
{
	struct msg_column mc;
	struct shape *s;
	struct cur c;
	uint16_t n;

	if (msg_row_description(row_description, &c, &n) != WIRE_OK || n > MESSAGE_COLUMNS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s) + n * sizeof(s->col[0]));
	if (!s)
		return NULL;
	s->refs = 1;
	s->n = n;
	for (unsigned i = 0; i < n; i++) {
		if (msg_column_next(&c, &mc) != WIRE_OK)
			break;
		s->col[i] = (struct shape_column){.table_oid = mc.table_oid,
			.type_oid = mc.type_oid,
			.attnum = mc.attnum,
			.format = mc.format,
			.typmod = mc.typmod};
	}
	if (cur_end(&c) != WIRE_OK) {
		free(s);
		return NULL;
	}
	return s;
}

struct shape *shape_empty(void)
{
	struct shape *s = calloc(1, sizeof(*s));

	if (s)
		s->refs = 1;
	return s;
}

struct shape *shape_ref(struct shape *s)
{
	s->refs++;
	return s;
}

void shape_unref(struct shape *s)
{
	if (s && --s->refs == 0)
		free(s);
}

struct prepared *prepared_new(struct span name, struct judgement *j, const struct plan *plan)
{
	struct prepared *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	*p = (struct prepared){.refs = 1, .name = dup_span(name), .j = judgement_ref(j), .plan = plan};
	if (!p->name) {
		prepared_unref(p);
		return NULL;
	}
	return p;
}

struct prepared *prepared_ref(struct prepared *p)
{
	p->refs++;
	return p;
}

void prepared_unref(struct prepared *p)
{
	if (!p || --p->refs)
		return;
	judgement_unref(p->j);
	shape_unref(p->shape);
	free(p->name);
	free(p);
}

struct portal *portal_new(struct span name, struct prepared *p)
{
	struct portal *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	*o = (struct portal){.refs = 1, .name = dup_span(name), .prepared = prepared_ref(p)};
	if (!o->name) {
		portal_unref(o);
		return NULL;
	}
	return o;
}

struct portal *portal_ref(struct portal *p)
{
	p->refs++;
	return p;
}

void portal_unref(struct portal *p)
{
	if (!p || --p->refs)
		return;
	prepared_unref(p->prepared);
	prepared_unref(p->target);
	judgement_unref(p->latest);
	shape_unref(p->shape);
	rowplan_free(p->rows);
	free(p->formats);
	free(p->name);
	free(p);
}

static int find_prepared(const struct names *n, struct span name)
{
	for (unsigned i = 0; i < n->nprepared; i++)
		if (span_is(name, n->prepared[i]->name))
			return (int)i;
	return -1;
}

static int find_portal(const struct names *n, struct span name)
{
	for (unsigned i = 0; i < n->nportals; i++)
		if (span_is(name, n->portals[i]->name))
			return (int)i;
	return -1;
}

struct prepared *names_prepared(const struct names *n, struct span name)
{
	int i = find_prepared(n, name);

	return i < 0 ? NULL : n->prepared[i];
}

struct portal *names_portal(const struct names *n, struct span name)
{
	int i = find_portal(n, name);

	return i < 0 ? NULL : n->portals[i];
}

static int grow(void **v, unsigned n, unsigned *cap)
{
	unsigned want = *cap ? *cap * 2 : 4;
	void *p;

	if (n < *cap)
		return 0;
	if (n >= NAMES_MAX)
		return -ENOSPC;
	p = reallocarray(*v, want, sizeof(void *));
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = want;
	return 0;
}

int names_put_prepared(struct names *n, struct prepared *p)
{
	int r;

	names_drop_prepared(n, span_of(p->name, strlen(p->name)));
	r = grow((void **)&n->prepared, n->nprepared, &n->cap_prepared);
	if (r)
		return r;
	n->prepared[n->nprepared++] = prepared_ref(p);
	n->bytes += judgement_bytes(p->j);
	return 0;
}

int names_put_portal(struct names *n, struct portal *p)
{
	int r;

	names_drop_portal(n, span_of(p->name, strlen(p->name)));
	r = grow((void **)&n->portals, n->nportals, &n->cap_portals);
	if (r)
		return r;
	n->portals[n->nportals++] = portal_ref(p);
	return 0;
}

void names_drop_prepared(struct names *n, struct span name)
{
	int i = find_prepared(n, name);

	if (i < 0)
		return;
	n->bytes -= judgement_bytes(n->prepared[i]->j);
	prepared_unref(n->prepared[i]);
	n->prepared[i] = n->prepared[--n->nprepared];
}

void names_drop_portal(struct names *n, struct span name)
{
	int i = find_portal(n, name);

	if (i < 0)
		return;
	portal_unref(n->portals[i]);
	n->portals[i] = n->portals[--n->nportals];
}

void names_drop_all_prepared(struct names *n)
{
	while (n->nprepared)
		prepared_unref(n->prepared[--n->nprepared]);
	n->bytes = 0;
}

void names_drop_all_portals(struct names *n, bool held_too)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n->nportals; i++) {
		if (n->portals[i]->hold && !held_too)
			n->portals[kept++] = n->portals[i];
		else
			portal_unref(n->portals[i]);
	}
	n->nportals = kept;
}

void names_fini(struct names *n)
{
	names_drop_all_prepared(n);
	names_drop_all_portals(n, true);
	free(n->prepared);
	free(n->portals);
	*n = (struct names){0};
}
