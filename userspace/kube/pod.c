/* SPDX-License-Identifier: MIT */
#include "kube/pod.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "kube/pod_escape.h"
#include "kube/pod_path.h"

#define POD_BYTES_MAX ((size_t)1 << 20)
#define LABELS_MAX    1024u

struct owned {
	struct pod pod; /* first */
	struct arena mem;
	atomic_uint refs;
};

static const json_t *at(const json_t *o, const char *name)
{
	return json_object_get(o, name);
}

static bool is_true(const json_t *o, const char *name)
{
	return json_is_true(at(o, name));
}

static const char *copy(struct arena *a, const json_t *o, const char *name)
{
	const char *s = json_string_value(at(o, name));

	return arena_strdup(a, s ? s : "");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pod_label *)a)->name, ((const struct pod_label *)b)->name);
}

static bool take_labels(struct arena *a, struct pod *p, json_t *labels)
{
	size_t n = json_object_size(labels);
	struct pod_label *l = n && n <= LABELS_MAX ? arena_array(a, n, sizeof(*l)) : NULL;
	const char *name;
	json_t *value;

	if (!n)
		return true;
	if (!l)
		return false;
	json_object_foreach(labels, name, value)
	{
		if (!json_is_string(value))
			return false;
		l[p->nlabels].name = arena_strdup(a, name);
		l[p->nlabels].value = arena_strdup(a, json_string_value(value));
		if (!l[p->nlabels].name || !l[p->nlabels].value)
			return false;
		p->nlabels++;
	}
	qsort(l, n, sizeof(*l), by_name);
	p->labels = l;
	return true;
}

/* Anybody who may create a pod may annotate it. With both annotations it is the mirror of a static pod to the
 * kubelet, which runs no such pod of itself; and a hash is no UUID, so that it can never stand for another
 * pod of the API. Whether it is the only one that says so the book sees. NULL: it has a form it cannot have.
 */
static const char *cgroup_uid(struct arena *a, const json_t *meta)
{
	const json_t *notes = at(meta, "annotations");
	const char *hash = json_string_value(at(notes, "kubernetes.io/config.hash"));
	bool mirror = hash && at(notes, "kubernetes.io/config.mirror");
	const char *uid = mirror ? hash : json_string_value(at(meta, "uid"));
	char named[POD_UID_MAX + 3] = "pod";
	struct pod_path path; /* as it will be read from the cgroup's name */

	if (!uid || strlen(uid) >= POD_UID_MAX || (mirror && strchr(uid, '-')))
		return NULL;
	strcpy(named + 3, uid);
	return pod_path_read(named, &path) ? arena_strdup(a, path.uid) : NULL;
}

static bool fill(struct arena *a, struct pod *p, const json_t *object, const struct pod_rules *rules)
{
	const json_t *meta = at(object, "metadata"), *spec = at(object, "spec");
	const char *phase = json_string_value(at(at(object, "status"), "phase"));

	p->uid = copy(a, meta, "uid");
	p->cgroup_uid = cgroup_uid(a, meta);
	p->namespace = copy(a, meta, "namespace");
	p->name = copy(a, meta, "name");
	p->node = copy(a, spec, "nodeName");
	p->service_account = copy(a, spec, "serviceAccountName");
	p->host_network = is_true(spec, "hostNetwork");
	p->terminating = at(meta, "deletionTimestamp") != NULL;
	p->finished = phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
	if (!p->uid || !p->cgroup_uid || !p->namespace || !p->name || !p->node || !p->service_account ||
		!p->namespace[0] || !p->name[0])
		return false;
	return take_labels(a, p, json_object_get(meta, "labels")) && pod_escape(a, spec, rules, &p->escape);
}

struct pod *pod_new(const json_t *object, const struct pod_rules *rules)
{
	struct owned *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	arena_init(&o->mem, POD_BYTES_MAX);
	atomic_init(&o->refs, 1);
	if (!fill(&o->mem, &o->pod, object, rules)) {
		pod_unref(&o->pod);
		return NULL;
	}
	return &o->pod;
}

struct pod *pod_ref(struct pod *p)
{
	struct owned *o = (struct owned *)p;

	if (p)
		atomic_fetch_add(&o->refs, 1);
	return p;
}

void pod_unref(struct pod *p)
{
	struct owned *o = (struct owned *)p;

	if (!p || atomic_fetch_sub(&o->refs, 1) != 1)
		return;
	arena_fini(&o->mem);
	free(o);
}

const char *pod_label(const struct pod *p, const char *name)
{
	const struct pod_label key = {.name = name}, *l = NULL;

	if (p->nlabels)
		l = bsearch(&key, p->labels, p->nlabels, sizeof(key), by_name);
	return l ? l->value : NULL;
}
