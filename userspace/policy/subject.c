/* SPDX-License-Identifier: MIT */
#include "policy/section.h"

#include <errno.h>
#include <string.h>

#include "policy/glob.h"

static const char *read_glob(struct reading *r, const struct node *n, const char *where)
{
	const char *glob = section_text(r, n, where), *why = glob ? glob_problem(glob) : NULL;

	if (why)
		section_wrong(r, n, "%s %s", where, why);
	return glob;
}

static void read_cgroup(struct reading *r, const struct node *n, struct subject *out)
{
	static const char where[] = "spec.subjects[].cgroup";
	const char *glob = out->cgroup = read_glob(r, n, where);

	if (!glob)
		return;
	if (glob[0] != '/' && glob[0] != '*')
		section_wrong(r, n, "%s never matches: a path below the cgroup root begins with /", where);
	else if (glob[strlen(glob) - 1] == '/')
		section_wrong(r, n, "%s never matches: a cgroup's path does not end in /", where);
}

static void read_unit(struct reading *r, const struct node *n, struct subject *out)
{
	static const char where[] = "spec.subjects[].unit";

	out->unit = read_glob(r, n, where);
	if (out->unit && strchr(out->unit, '/'))
		section_wrong(r, n, "%s never matches: a unit's name has no /", where);
}

static void read_uid(struct reading *r, const struct node *n, struct subject *out)
{
	out->has_uid = section_uid(r, n, "spec.subjects[].uid", &out->uid);
}

/* Its text, by which a budget is kept: not what a process that it names happens to be. */
static const char *key_of(struct reading *r, const struct subject *s)
{
	char uid[24] = "";
	const char *key;

	if (s->has_uid)
		snprintf(uid, sizeof(uid), " uid %u", s->uid);
	key = arena_printf(r->mem, "%s%s%s%s%s", s->cgroup ? " cgroup " : "", s->cgroup ? s->cgroup : "",
		s->unit ? " unit " : "", s->unit ? s->unit : "", uid);
	if (!key)
		r->failed = -ENOMEM;
	return key && *key ? key + 1 : "";
}

void subject_read(struct reading *r, const struct node *n, struct subject *out)
{
	static const struct key keys[] = {{"cgroup", KEY_READ}, {"unit", KEY_READ}, {"uid", KEY_READ},
		{"pods", KEY_LATER}, {"claims", KEY_LATER}};

	if (!section_map(r, n, "spec.subjects[]", keys, ARRAY_LEN(keys)))
		return;
	if (!n->n)
		section_wrong(r, n, "spec.subjects[] needs a cgroup, unit or uid");
	read_cgroup(r, node_get(n, "cgroup"), out);
	read_unit(r, node_get(n, "unit"), out);
	read_uid(r, node_get(n, "uid"), out);
	out->key = key_of(r, out);
}
