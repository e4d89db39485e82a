/* SPDX-License-Identifier: MIT */
/* An entry outlives its object in the API: a pod that was deleted with force has containers yet, and what
 * these may do must not turn into what an unknown pod may, nor the other way round. It goes when its cgroup
 * was removed and the API has it no more. */
#include "kube/book.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/book_internal.h"

#define ENTRIES_MAX    16384u /* a node has some hundreds of pods; of those that ended some more are kept */
#define NAMESPACES_MAX 65536u

const char *pod_state_name(enum pod_state s)
{
	static const char *const names[] = {"unknown", "denied", "enrolled", "exempt"};

	return names[s];
}

void pod_verdict_fini(struct pod_verdict *v)
{
	pod_unref(v->pod);
	v->pod = NULL;
}

int book_new(struct book **out, const struct book_config *cfg, struct err *e)
{
	struct book *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(e, -ENOMEM, "out of memory");
	b->cfg = *cfg;
	b->pod_round = b->space_round = 1;
	pthread_mutex_init(&b->lock, NULL);
	*out = b;
	return 0;
}

static void drop_entry(struct book *b, struct entries *list, struct entry *e)
{
	SLIST_REMOVE(list, e, entry, next);
	pod_unref(e->pod);
	free(e);
	b->nentries--;
}

static void drop_space(struct book *b, struct spaces *list, struct ns *n)
{
	SLIST_REMOVE(list, n, ns, next);
	free(n);
	b->nspaces--;
}

void book_free(struct book *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < BOOK_BUCKETS; i++) {
		while (!SLIST_EMPTY(&b->entries[i]))
			drop_entry(b, &b->entries[i], SLIST_FIRST(&b->entries[i]));
		while (!SLIST_EMPTY(&b->spaces[i]))
			drop_space(b, &b->spaces[i], SLIST_FIRST(&b->spaces[i]));
	}
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* FNV-1a: UUIDs are the API server's, and who may make namespaces may make them slow to find at most. */
static unsigned bucket(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h % BOOK_BUCKETS;
}

static struct entry *find(struct book *b, const char *cgroup_uid)
{
	struct entry *e;

	SLIST_FOREACH(e, &b->entries[bucket(cgroup_uid)], next)
	{
		if (strcmp(e->cgroup_uid, cgroup_uid) == 0)
			return e;
	}
	return NULL;
}

struct ns *book_space(struct book *b, const char *name)
{
	struct ns *n;

	SLIST_FOREACH(n, &b->spaces[bucket(name)], next)
	{
		if (strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

struct entry *book_entry(struct book *b, const char *cgroup_uid)
{
	struct entry *e = find(b, cgroup_uid);

	if (e || b->nentries >= ENTRIES_MAX)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	strncpy(e->cgroup_uid, cgroup_uid, sizeof(e->cgroup_uid) - 1);
	SLIST_INSERT_HEAD(&b->entries[bucket(cgroup_uid)], e, next);
	b->nentries++;
	return e;
}

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || !p[n]))
			return true;
	}
	return false;
}

/* ENROLLED: its namespace is guarded, EXEMPT: it is not, UNKNOWN: its labels are not known yet. */
static enum pod_state guarded(const struct book *b, const char *name, const struct ns *n)
{
	if ((!b->cfg.guard_namespaces && !b->cfg.guard_labelled) ||
		(b->cfg.guard_namespaces && in_list(b->cfg.guard_namespaces, name)))
		return POD_ENROLLED;
	if (!b->cfg.guard_labelled)
		return POD_EXEMPT;
	return !n ? POD_UNKNOWN : n->guard ? POD_ENROLLED : POD_EXEMPT;
}

static bool labelled_itself(const struct pod *p)
{
	const char *label = p ? pod_label(p, ENROLL_LABEL) : NULL;

	return label && strcmp(label, "true") == 0;
}

/* What its object says, in a namespace of which n is known; NULL: nothing is. */
static enum pod_state judge_in(
	const struct book *b, const struct entry *e, const struct ns *n, const char **why)
{
	bool labelled = labelled_itself(e->pod);

	*why = "more than one pod says that it is the mirror of this static pod";
	if (e->disputed)
		return POD_DENIED;
	*why = e->fault ? e->fault : "nothing is known of it";
	if (!e->pod)
		return e->fault ? POD_DENIED : POD_UNKNOWN;
	*why = "its namespace is not guarded";
	if (guarded(b, e->pod->namespace, n) == POD_EXEMPT)
		return POD_EXEMPT;
	*why = "nothing is known of its namespace";
	if (guarded(b, e->pod->namespace, n) == POD_UNKNOWN || (!labelled && !n))
		return POD_UNKNOWN;
	*why = labelled ? "its label" : "its namespace's label";
	if (!labelled && !n->enroll) {
		*why = "no label";
		return POD_EXEMPT;
	}
	if (!e->pod->escape)
		return POD_ENROLLED;
	*why = e->pod->escape;
	return POD_DENIED;
}

bool book_spares(const struct book *b, const struct entry *e, const struct ns *n)
{
	const char *why;

	return judge_in(b, e, n, &why) == POD_EXEMPT && judge_in(b, e, NULL, &why) != POD_EXEMPT;
}

/* What the objects say that are there now. Pods and namespaces are told of each by a watch of its own: what
 * is known of its namespace may be from before the pod was made, or of another one by that name. */
static enum pod_state judge(struct book *b, const struct entry *e, const char **why)
{
	const struct ns *n = e->pod ? book_space(b, e->pod->namespace) : NULL;
	enum pod_state now = judge_in(b, e, n, why);

	if (now != POD_EXEMPT || e->sure || !book_spares(b, e, n))
		return now;
	*why = "its namespace is being asked for";
	return POD_UNKNOWN;
}

/* Of what it is and was. Of an unknown one what was known last holds. */
enum pod_state book_settle(struct book *b, struct entry *e, const char **why)
{
	enum pod_state now = judge(b, e, why);

	if (now == POD_UNKNOWN && e->kept == POD_ENROLLED && e->pod && e->pod->escape) {
		now = POD_DENIED;
		*why = e->pod->escape;
	}
	if (e->kept != POD_UNKNOWN &&
		(now == POD_UNKNOWN || ((!b->cfg.release || e->gone) && e->kept < now))) {
		*why = now == POD_UNKNOWN ? "as it was known last"
					  : "as it was before; it stays so until it ends";
		return e->kept;
	}
	e->kept = now;
	return now;
}

static void settle_all(struct book *b)
{
	const char *why;
	struct entry *e;

	for (unsigned i = 0; i < BOOK_BUCKETS; i++) {
		SLIST_FOREACH(e, &b->entries[i], next)
		{
			book_settle(b, e, &why);
		}
	}
}

void book_tell(struct book *b, const char *cgroup_uid)
{
	if (b->cfg.changed)
		b->cfg.changed(b->cfg.arg, cgroup_uid);
}

/* A pod that cannot be read must not keep the others from being heard of: it is denied, and the watch goes
 * on. */
static bool put_unreadable(struct book *b, const json_t *object, char uid[POD_UID_MAX])
{
	const char *given = json_string_value(json_object_get(json_object_get(object, "metadata"), "uid"));
	struct entry *e;

	if (!given || strlen(given) >= POD_UID_MAX)
		return true; /* no cgroup can be its */
	e = book_entry(b, given);
	if (!e)
		return false;
	e->fault = "what the API says of it cannot be read";
	e->round = b->pod_round;
	e->gone = false;
	strcpy(uid, given);
	return true;
}

/* The hash of a static pod's file, which whoever makes a pod may write into it: the API server asks nobody's
 * leave for the annotations of a mirror. A mirror that is made anew has the name that it had. */
static bool is_anothers(const struct entry *e, const struct pod *p)
{
	return e->pod && strcmp(e->pod->uid, p->uid) != 0 &&
	       (strcmp(e->pod->name, p->name) != 0 || strcmp(e->pod->namespace, p->namespace) != 0);
}

static bool put_pod(struct book *b, struct pod *p)
{
	struct entry *e = book_entry(b, p->cgroup_uid);
	const char *why;

	if (!e)
		return false;
	if (is_anothers(e, p)) {
		e->disputed = true;
		book_settle(b, e, &why);
		return true;
	}
	/* It is asked anew where what it says of itself is another thing. */
	if (!e->pod || strcmp(e->pod->uid, p->uid) != 0 || labelled_itself(e->pod) != labelled_itself(p)) {
		e->heard = ++b->news;
		e->sure = false;
	}
	pod_unref(e->pod);
	e->pod = pod_ref(p);
	e->fault = NULL;
	e->round = b->pod_round;
	e->gone = false;
	book_settle(b, e, &why);
	return true;
}

bool book_pod_put(void *arg, const json_t *object)
{
	struct book *b = arg;
	struct pod *p = pod_new(object, &b->cfg.rules);
	char uid[POD_UID_MAX] = "";
	bool ok;

	pthread_mutex_lock(&b->lock);
	ok = p ? put_pod(b, p) : put_unreadable(b, object, uid);
	pthread_mutex_unlock(&b->lock);
	if (p)
		strcpy(uid, p->cgroup_uid);
	pod_unref(p);
	if (uid[0])
		book_tell(b, uid);
	return ok;
}

/* true: it is not kept. */
static bool leave(struct book *b, struct entries *list, struct entry *e)
{
	if (!e->gone)
		e->as_of_ms = e->round ? b->heard_ms : e->as_of_ms;
	e->gone = true;
	if (e->has_cgroup)
		return false;
	drop_entry(b, list, e);
	return true;
}

void book_pod_gone(void *arg, const json_t *object)
{
	struct book *b = arg;
	struct pod *p = pod_new(object, &b->cfg.rules);
	const char *given = json_string_value(json_object_get(json_object_get(object, "metadata"), "uid"));
	const char *uid = p ? p->cgroup_uid : given ? given : "";
	struct entry *e;

	pthread_mutex_lock(&b->lock);
	e = find(b, uid);
	/* A static pod's mirror is made anew under the same hash: the old one's end may come later. */
	if (e && (!e->pod || !p || strcmp(e->pod->uid, p->uid) == 0))
		leave(b, &b->entries[bucket(uid)], e);
	pthread_mutex_unlock(&b->lock);
	book_tell(b, uid);
	pod_unref(p);
}

void book_pods_begin(void *arg)
{
	struct book *b = arg;

	pthread_mutex_lock(&b->lock);
	b->pod_round++;
	pthread_mutex_unlock(&b->lock);
}

void book_pods_listed(void *arg)
{
	struct book *b = arg;
	struct entry *e, *next;

	pthread_mutex_lock(&b->lock);
	b->pods_listed = true;
	for (unsigned i = 0; i < BOOK_BUCKETS; i++) {
		for (e = SLIST_FIRST(&b->entries[i]); e; e = next) {
			next = SLIST_NEXT(e, next);
			if (e->round != b->pod_round)
				leave(b, &b->entries[i], e);
		}
	}
	pthread_mutex_unlock(&b->lock);
	book_tell(b, NULL);
}

static bool says_true(const json_t *labels, const char *name)
{
	const char *label = json_string_value(json_object_get(labels, name));

	return label && strcmp(label, "true") == 0;
}

const char *book_read_space(const json_t *object, struct ns *out)
{
	const json_t *meta = json_object_get(object, "metadata"), *labels = json_object_get(meta, "labels");

	*out = (struct ns){
		.enroll = says_true(labels, ENROLL_LABEL), .guard = says_true(labels, GUARD_LABEL)};
	return json_string_value(json_object_get(meta, "name"));
}

bool book_namespace_put(void *arg, const json_t *object)
{
	struct book *b = arg;
	bool other = false;
	struct ns *n, is;
	const char *name = book_read_space(object, &is);

	if (!name)
		return false;
	pthread_mutex_lock(&b->lock);
	n = book_space(b, name);
	if (!n && b->nspaces < NAMESPACES_MAX && (n = calloc(1, sizeof(*n) + strlen(name) + 1))) {
		strcpy(n->name, name);
		SLIST_INSERT_HEAD(&b->spaces[bucket(name)], n, next);
		b->nspaces++;
		other = true;
	}
	if (n) {
		other = other || n->enroll != is.enroll || n->guard != is.guard;
		n->enroll = is.enroll;
		n->guard = is.guard;
		n->round = b->space_round;
	}
	if (other)
		settle_all(b);
	pthread_mutex_unlock(&b->lock);
	if (other)
		book_tell(b, NULL);
	return n != NULL;
}

void book_namespace_gone(void *arg, const json_t *object)
{
	const char *name = json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
	struct book *b = arg;
	struct ns *n;

	pthread_mutex_lock(&b->lock);
	n = name ? book_space(b, name) : NULL;
	if (n)
		drop_space(b, &b->spaces[bucket(name)], n);
	pthread_mutex_unlock(&b->lock);
	book_tell(b, NULL);
}

void book_namespaces_begin(void *arg)
{
	struct book *b = arg;

	pthread_mutex_lock(&b->lock);
	b->space_round++;
	pthread_mutex_unlock(&b->lock);
}

void book_namespaces_listed(void *arg)
{
	struct book *b = arg;
	struct ns *n, *next;

	pthread_mutex_lock(&b->lock);
	b->spaces_listed = true;
	for (unsigned i = 0; i < BOOK_BUCKETS; i++) {
		for (n = SLIST_FIRST(&b->spaces[i]); n; n = next) {
			next = SLIST_NEXT(n, next);
			if (n->round != b->space_round)
				drop_space(b, &b->spaces[i], n);
		}
	}
	pthread_mutex_unlock(&b->lock);
	book_tell(b, NULL);
}

void book_heard(struct book *b)
{
	pthread_mutex_lock(&b->lock);
	b->heard_ms = b->cfg.wall_ms();
	pthread_mutex_unlock(&b->lock);
}

void book_verdict(struct book *b, const char *cgroup_uid, struct pod_verdict *out)
{
	const char *why = "nothing is known of it";
	struct entry *e;

	*out = (struct pod_verdict){0};
	pthread_mutex_lock(&b->lock);
	e = find(b, cgroup_uid);
	if (e) {
		out->state = book_settle(b, e, &why);
		out->pod = pod_ref(e->pod);
		out->gone = e->gone;
		out->as_of_ms = e->gone || !e->round ? e->as_of_ms : b->heard_ms;
	}
	snprintf(out->why, sizeof(out->why), "%s", why);
	pthread_mutex_unlock(&b->lock);
}

void book_cgroup(struct book *b, const char *cgroup_uid, bool there)
{
	struct entry *e;

	pthread_mutex_lock(&b->lock);
	e = find(b, cgroup_uid);
	if (e) {
		e->has_cgroup = there;
		if (!there && e->gone)
			drop_entry(b, &b->entries[bucket(cgroup_uid)], e);
	}
	pthread_mutex_unlock(&b->lock);
}

void book_count(struct book *b, struct book_counts *out)
{
	const char *why;
	struct entry *e;

	*out = (struct book_counts){0};
	pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; i < BOOK_BUCKETS; i++) {
		SLIST_FOREACH(e, &b->entries[i], next)
		{
			out->state[book_settle(b, e, &why)]++;
		}
	}
	out->pods = b->nentries;
	out->namespaces = b->nspaces;
	out->heard_ms = b->heard_ms;
	out->pods_listed = b->pods_listed;
	out->namespaces_listed = b->spaces_listed;
	pthread_mutex_unlock(&b->lock);
}
