/* SPDX-License-Identifier: MIT */
/* spec.statements: only and settings. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "policy/section.h"

#define PIN  "spec.statements.settings.pin"
#define ONLY "spec.statements.only"

/* What the engine settles itself, or what is of one transaction alone. */
static const char *unpinnable(const char *name)
{
	static const char *const own[] = {"client_encoding", "standard_conforming_strings", "search_path",
		"role", "session_authorization", "is_superuser"};

	for (unsigned i = 0; i < ARRAY_LEN(own); i++)
		if (!strcasecmp(own[i], name))
			return "the engine itself says what that is";
	if (!strcasecmp(name, "default_transaction_read_only"))
		return "write spec.statements.readOnly: true";
	if (!strncasecmp(name, "transaction_", 12) && strcasecmp(name, "transaction_timeout") != 0)
		return "that is of one transaction; there is a default_transaction_… for most";
	return strcmp(setting_canonical(name), name) != 0 ? "that is an older name" : NULL;
}

/* Into a statement of the engine's own, between quotes. */
static bool is_name(const char *s)
{
	if (!islower((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_' && *s != '.')
			return false;
	return true;
}

static void read_pin(struct reading *r, const struct node *n, struct setting_pin *out)
{
	const char *why = is_name(n->key) ? unpinnable(n->key) : "write its name in small letters";

	out->name = arena_strdup(r->mem, n->key);
	out->value = n->kind == NODE_SCALAR && !*n->text && !n->plain ? "" : section_text(r, n, PIN);
	out->where = arena_printf(r->mem, "%s:%u", r->file, n->line);
	if (!out->name || !out->where)
		r->failed = -ENOMEM;
	if (why)
		section_wrong(r, n, PIN ": \"%.60s\" cannot be pinned: %s", n->key, why);
}

void guard_read_settings(struct reading *r, const struct node *n, struct guard *g)
{
	static const struct key keys[] = {{"pin", KEY_READ}};
	const struct node *pins = node_get(n, "pin");
	struct setting_pin *v;

	if (!n || !section_map(r, n, "spec.statements.settings", keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, "spec.statements.settings", "pin");
	if (pins && (pins->kind != NODE_MAP || !pins->n)) {
		section_wrong(r, pins, PIN " must be a map of settings and their values");
		return;
	}
	if (!pins)
		return;
	v = section_array(r, pins->n, sizeof(*v));
	if (!v)
		return;
	for (const struct node *c = pins->child; c; c = c->next)
		read_pin(r, c, &v[g->npins++]);
	g->pins = v;
}

void guard_read_only_list(struct reading *r, const struct node *list, struct guard *g)
{
	struct stencil *v;
	const char *why;

	if (!list || !section_list(r, list, ONLY))
		return;
	v = section_array(r, list->n, sizeof(*v));
	g->only_where = arena_printf(r->mem, "%s:%u", r->file, list->line);
	if (!v || !g->only_where) {
		r->failed = -ENOMEM;
		return;
	}
	for (const struct node *c = list->child; c; c = c->next) {
		const char *text = section_text(r, c, ONLY);
		int rc = text ? stencil_parse(&v[g->nonly], text, r->mem, &why) : -EINVAL;

		if (rc == -ENOMEM)
			r->failed = rc;
		else if (text && rc)
			section_wrong(r, c, ONLY ": %s", why);
		g->nonly += rc == 0;
	}
	g->only = v;
}
