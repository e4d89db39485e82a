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

static void read_labels(struct reading *r, const struct node *n, struct pod_subject *out)
{
	static const char where[] = "spec.subjects[].pods.labels";
	struct pod_label *v;

	if (!n)
		return;
	if (n->kind != NODE_MAP || !n->n) {
		section_wrong(r, n, "%s must be a map with at least one label", where);
		return;
	}
	v = section_array(r, n->n, sizeof(*v));
	if (!v)
		return;
	for (const struct node *c = n->child; c; c = c->next) {
		v[out->nlabels].name = arena_strdup(r->mem, c->key);
		v[out->nlabels].value = section_text(r, c, where);
		if (!v[out->nlabels].name)
			r->failed = -ENOMEM;
		if (v[out->nlabels].name && v[out->nlabels].value)
			out->nlabels++;
	}
	out->labels = v;
}

static void read_pods(struct reading *r, const struct node *n, struct subject *out)
{
	static const struct key keys[] = {
		{"namespace", KEY_READ}, {"labels", KEY_READ}, {"serviceAccount", KEY_READ}};
	static const char where[] = "spec.subjects[].pods";

	if (!n || !section_map(r, n, where, keys, ARRAY_LEN(keys)))
		return;
	/* Whoever may make pods in another namespace could give them these labels, and that name. */
	section_missing(r, n, where, "namespace");
	out->has_pods = true;
	out->pods.namespace = read_glob(r, node_get(n, "namespace"), "spec.subjects[].pods.namespace");
	out->pods.service_account =
		read_glob(r, node_get(n, "serviceAccount"), "spec.subjects[].pods.serviceAccount");
	read_labels(r, node_get(n, "labels"), &out->pods);
}

/* Its text, by which a budget is kept: not what a process that it names happens to be. */
static const char *key_of(struct reading *r, const struct subject *s)
{
	char uid[24] = "";
	const char *key;

	if (s->has_uid)
		snprintf(uid, sizeof(uid), " uid %u", s->uid);
	key = arena_printf(r->mem, "%s%s%s%s%s%s%s%s%s", s->cgroup ? " cgroup " : "",
		s->cgroup ? s->cgroup : "", s->unit ? " unit " : "", s->unit ? s->unit : "", uid,
		s->pods.namespace ? " pods of " : "", s->pods.namespace ? s->pods.namespace : "",
		s->pods.service_account ? " account " : "",
		s->pods.service_account ? s->pods.service_account : "");
	for (unsigned i = 0; key && i < s->pods.nlabels; i++)
		key = arena_printf(r->mem, "%s %s=%s", key, s->pods.labels[i].name, s->pods.labels[i].value);
	if (!key)
		r->failed = -ENOMEM;
	return key && *key ? key + 1 : "";
}

void subject_read(struct reading *r, const struct node *n, struct subject *out)
{
	static const struct key keys[] = {{"cgroup", KEY_READ}, {"unit", KEY_READ}, {"uid", KEY_READ},
		{"pods", KEY_READ}, {"claims", KEY_LATER}};

	if (!section_map(r, n, "spec.subjects[]", keys, ARRAY_LEN(keys)))
		return;
	if (!n->n)
		section_wrong(r, n, "spec.subjects[] needs a cgroup, unit, uid or pods");
	read_cgroup(r, node_get(n, "cgroup"), out);
	read_unit(r, node_get(n, "unit"), out);
	read_uid(r, node_get(n, "uid"), out);
	read_pods(r, node_get(n, "pods"), out);
	out->key = key_of(r, out);
}
