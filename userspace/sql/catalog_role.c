/* SPDX-License-Identifier: MIT */
/* Roles that sessions log in as themselves. All that a statement's meaning takes from its role is which
 * schemas of the search_path count: the server leaves out those that the role may not use. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sql/catalog_internal.h"

const char *catalog_roles_query(struct arena *a, const uint32_t *roles, unsigned n)
{
	char *list = arena_zalloc(a, n * sizeof("4294967295, ") + 1), *at = list;

	for (unsigned i = 0; list && i < n; i++)
		at += sprintf(at, "%s%" PRIu32, i ? ", " : "", roles[i]);
	if (!list)
		return NULL;
	return arena_printf(a,
		"WITH m AS (SELECT o.oid, o.rolname, EXISTS (SELECT 1 FROM pg_roles r WHERE " ROLE_POWERS
		" AND pg_has_role(o.oid, r.oid, 'MEMBER')) AS power FROM pg_roles o WHERE o.oid IN (%s)) "
		"SELECT m.oid, m.rolname, m.power, n.nspname FROM m LEFT JOIN pg_namespace n ON "
		"has_schema_privilege(m.oid, n.oid, 'USAGE')",
		list);
}

/* Of the answer itself: what a role may use comes from its attributes, memberships, the database's owner …,
 * more than can be listed here. */
const char *catalog_roles_fingerprint_query(struct arena *a, const uint32_t *roles, unsigned n)
{
	const char *query = catalog_roles_query(a, roles, n);

	return query ? arena_printf(a,
			       "SELECT md5(string_agg(concat_ws(' ', oid, rolname, power, nspname), ',' "
			       "ORDER BY oid, nspname)) FROM (%s) AS q",
			       query)
		     : NULL;
}

int catalog_builder_roles(struct catalog_builder *b, const uint32_t *roles, unsigned n, struct err *e)
{
	struct catalog *c = b->c;

	c->roles = arena_array(&c->a, n ? n : 1, sizeof(*c->roles));
	if (!c->roles)
		return err_set(e, -ENOMEM, "out of memory for a catalogue");
	for (c->nroles = 0; c->nroles < n; c->nroles++)
		c->roles[c->nroles].oid = roles[c->nroles];
	return 0;
}

static struct role *find(const struct catalog *c, uint32_t oid)
{
	for (unsigned i = 0; i < c->nroles; i++)
		if (c->roles[i].oid == oid)
			return &c->roles[i];
	return NULL;
}

static bool read_oid(struct span s, uint32_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || i > 9)
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*out = (uint32_t)v;
	return s.n && v <= UINT32_MAX;
}

int catalog_builder_role(struct catalog_builder *b, const struct span *cells, unsigned n, struct err *e)
{
	struct arena *a = &b->c->a;
	struct role *r;
	struct role_schema *schema;
	uint32_t oid;

	if (n != 4 || !read_oid(cells[0], &oid) || !cells[1].n || !cells[2].n)
		return err_set(e, -EPROTO, "the catalogue's query of roles gave something else");
	r = find(b->c, oid);
	if (!r)
		return err_set(e, -EPROTO, "the catalogue's query of roles gave one that was not asked for");
	if (!r->name)
		r->name = arena_strndup(a, (const char *)cells[1].p, cells[1].n);
	r->powerful = !span_is(cells[2], "f");
	if (!r->name)
		return err_set(e, -ENOMEM, "out of memory for a catalogue");
	if (!cells[3].p)
		return 0; /* it may use none */
	schema = arena_alloc(a, sizeof(*schema));
	if (schema)
		*schema = (struct role_schema){
			r->schemas, arena_strndup(a, (const char *)cells[3].p, cells[3].n)};
	if (!schema || !schema->name)
		return err_set(e, -ENOMEM, "out of memory for a catalogue");
	r->schemas = schema;
	return 0;
}

enum catalog_role catalog_role(const struct catalog *c, uint32_t oid, const char *name)
{
	const struct role *r = find(c, oid);

	if (!r)
		return ROLE_UNKNOWN;
	if (!r->name || strcmp(r->name, name) != 0)
		return ROLE_GONE;
	return r->powerful ? ROLE_POWERFUL : ROLE_PLAIN;
}

bool catalog_schema_usable(const struct catalog *c, uint32_t role, const char *schema)
{
	const struct role *r = find(c, role);

	for (const struct role_schema *u = r ? r->schemas : NULL; u; u = u->next)
		if (strcmp(u->name, schema) == 0)
			return true;
	return false;
}
