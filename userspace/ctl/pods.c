/* SPDX-License-Identifier: MIT */
#include "ctl/pods.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/roster.h"
#include "kern/cgroup.h"
#include "kern/loader.h"
#include "kube/pod_path.h"

#define FILE_NAME "pods.json"

struct place { /* a pod's own directory */
	LIST_ENTRY(place) next;
	uint64_t id;
	bool exempt; /* and the kernel knows */
	enum pod_state told;
	uint64_t seen_ns;
	char uid[POD_UID_MAX];
	char path[]; /* below the mount */
};

struct pods {
	struct pods_config cfg;
	struct event *changed;
	LIST_HEAD(, place) places;
	unsigned n;
	struct metric_times waited[POD_EXEMPT + 1];
};

/* ---- the file ---- */

static int path_of(const struct pods *p, const char *suffix, char out[PATH_MAX], struct err *e)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/" FILE_NAME "%s", p->cfg.state_dir, suffix) >= PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "%s: too long", p->cfg.state_dir);
	return 0;
}

static int save(struct pods *p, struct err *e)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	json_t *pods = book_save(p->cfg.book);
	json_t *doc = pods ? json_pack("{s:i, s:o}", "version", 1, "pods", pods) : NULL;
	int r = path_of(p, "", path, e), fd = -1;

	if (!r)
		r = path_of(p, ".new", temporary, e);
	if (!r && !doc)
		r = err_set(e, -ENOMEM, "out of memory");
	if (!r) {
		fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || json_dumpfd(doc, fd, JSON_INDENT(1)) != 0 || fsync(fd) < 0 ||
			rename(temporary, path) < 0)
			r = err_set(e, errno ? -errno : -EIO, "%s: %m", temporary);
	}
	if (fd >= 0)
		close(fd);
	json_decref(doc);
	return r;
}

static void keep(struct pods *p)
{
	struct err e = {0};

	if (save(p, &e))
		log_event(LOG_ERROR, "pods.unsaved", "%s", e.msg);
}

static int load(struct pods *p, struct err *e)
{
	char path[PATH_MAX];
	json_error_t why;
	json_t *doc;
	int r = path_of(p, "", path, e);

	if (r || (access(path, F_OK) < 0 && errno == ENOENT))
		return r;
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (!doc)
		return err_set(e, -EINVAL, "%s:%d: %s", path, why.line, why.text);
	if (json_integer_value(json_object_get(doc, "version")) != 1)
		r = err_set(e, -EPROTO, "%s: made by another version of pgveil", path);
	else
		r = book_load(p->cfg.book, json_object_get(doc, "pods"), e);
	json_decref(doc);
	return r;
}

/* ---- one pod ---- */

static void tell(struct pods *p, struct place *x, const struct pod_verdict *v)
{
	const struct pod *pod = v->pod;

	if (x->told == v->state)
		return;
	/* The kernel knows by now. */
	if (x->told == POD_UNKNOWN && pod)
		metric_took(&p->waited[v->state], clock_ns() - x->seen_ns);
	x->told = v->state;
	log_with(v->state == POD_DENIED ? LOG_WARN : LOG_INFO, "pod.classified",
		LOG_FIELDS(LOG_TEXT("cgroup", x->path), LOG_TEXT("state", pod_state_name(v->state)),
			LOG_TEXT("namespace", pod ? pod->namespace : ""),
			LOG_TEXT("pod", pod ? pod->name : "")),
		"%s", v->why);
}

/* The enrolment that is this module's; NULL: there is none, or somebody named the cgroup, whose word counts.
 */
static struct enrolment *own(const struct pods *p, const struct place *x)
{
	struct enrolment *en = roster_find(p->cfg.roster, x->path);

	return en && en->by == ENROLLED_BY_POD ? en : NULL;
}

static void leave_alone(struct pods *p, struct place *x, struct err *e)
{
	struct enrolment *en = own(p, x);

	if (en)
		roster_drop(p->cfg.roster, en, "its label was taken away");
	roster_undeny(p->cfg.roster, x->id);
	x->exempt = kern_set_cgroup(p->cfg.roster->kern, x->id, CGROUP_EXEMPT, e) == 0;
}

static void enrol_it(struct pods *p, struct place *x, const struct pod_verdict *v, struct err *e)
{
	struct enrolment *en = own(p, x);
	bool fresh = !en;
	int r = 0;

	if (x->exempt)
		kern_forget_cgroup(p->cfg.roster->kern, x->id);
	x->exempt = false;
	if (!en)
		r = roster_add(p->cfg.roster, x->path, NULL, ENROLLED_BY_POD, &en, e);
	if (r)
		return;
	en->host_network = v->pod && v->pod->host_network;
	if (!en->enrolled) {
		r = roster_complete(p->cfg.roster, en, e);
		if (r == -EAGAIN)
			*e = (struct err){0};
	}
	if (fresh)
		p->cfg.added(p->cfg.arg);
}

static void deny(struct pods *p, struct place *x, const struct pod_verdict *v)
{
	struct enrolment *en = own(p, x);

	x->exempt = false;
	if (en)
		roster_shut(p->cfg.roster, en, v->why);
	else
		roster_deny(p->cfg.roster, x->id, x->path);
}

/* Until the last step the kernel has what is stricter. */
static void apply(struct pods *p, struct place *x)
{
	const struct enrolment *above = roster_find_above(p->cfg.roster, x->path);
	struct pod_verdict v;
	struct err e = {0};

	if ((above && above->by != ENROLLED_BY_POD) || p->cfg.spared(p->cfg.arg, x->path))
		return;
	book_verdict(p->cfg.book, x->uid, &v);
	switch (v.state) {
	case POD_UNKNOWN: break; /* it was never anything else, or the kernel has it as it was */
	case POD_EXEMPT: leave_alone(p, x, &e); break;
	case POD_ENROLLED: enrol_it(p, x, &v, &e); break;
	case POD_DENIED: deny(p, x, &v); break;
	}
	tell(p, x, &v);
	if (e.code)
		log_with(LOG_ERROR, "cgroup.failed", LOG_FIELDS(LOG_TEXT("cgroup", x->path)), "%s", e.msg);
	pod_verdict_fini(&v);
}

static struct place *find(struct pods *p, const char *path)
{
	struct place *x;

	LIST_FOREACH(x, &p->places, next)
	{
		if (strcmp(x->path, path) == 0)
			return x;
	}
	return NULL;
}

static void drop(struct pods *p, struct place *x)
{
	if (x->exempt)
		kern_forget_cgroup(p->cfg.roster->kern, x->id);
	LIST_REMOVE(x, next);
	free(x);
	p->n--;
}

bool pods_added(struct pods *p, const char *path)
{
	size_t n = strlen(path) + 1;
	struct pod_path pp;
	char dir[PATH_MAX];
	struct place *x;
	uint64_t id;

	if (!pod_path_read(path, &pp))
		return false;
	if (pp.inner)
		return true;
	roster_dir(p->cfg.roster, path, dir);
	if (cgroup_id(dir, &id, NULL))
		return true;
	x = find(p, path);
	if (x && x->id != id) { /* another one by the same name */
		drop(p, x);
		x = NULL;
	}
	if (!x) {
		x = calloc(1, sizeof(*x) + n);
		if (!x)
			return true; /* so it stays UNKNOWN until the next scan */
		x->id = id;
		x->seen_ns = clock_ns();
		memcpy(x->uid, pp.uid, sizeof(x->uid));
		memcpy(x->path, path, n);
		LIST_INSERT_HEAD(&p->places, x, next);
		p->n++;
	}
	book_cgroup(p->cfg.book, x->uid, true);
	apply(p, x);
	return true;
}

void pods_removed(struct pods *p, const char *path)
{
	struct place *x = find(p, path);
	char uid[POD_UID_MAX];

	if (!x)
		return;
	memcpy(uid, x->uid, sizeof(uid));
	drop(p, x);
	book_cgroup(p->cfg.book, uid, false);
}

static void review(struct pods *p)
{
	struct place *x;

	LIST_FOREACH(x, &p->places, next)
	{
		book_cgroup(p->cfg.book, x->uid, true);
		apply(p, x);
	}
}

static void on_changed(evutil_socket_t fd, short what, void *arg)
{
	struct pods *p = arg;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return;
	review(p);
	keep(p);
}

int pods_open(struct pods **out, const struct pods_config *cfg, struct err *e)
{
	struct pods *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->cfg = *cfg;
	LIST_INIT(&p->places);
	r = load(p, e);
	if (!r) {
		p->changed = event_new(cfg->base, cfg->changed_fd, EV_READ | EV_PERSIST, on_changed, p);
		if (!p->changed || event_add(p->changed, NULL) < 0)
			r = err_set(e, -ENOMEM, "out of memory");
	}
	if (r) {
		pods_close(p);
		return r;
	}
	*out = p;
	return 0;
}

void pods_close(struct pods *p)
{
	struct place *x;

	if (!p)
		return;
	/* Each change was written down when it came; another daemon may be in charge of the file by now. */
	if (p->changed)
		event_free(p->changed);
	while ((x = LIST_FIRST(&p->places))) {
		LIST_REMOVE(x, next);
		free(x);
	}
	free(p);
}

int pods_assert(struct pods *p, struct err *e)
{
	struct place *x;
	int r = 0;

	LIST_FOREACH(x, &p->places, next)
	{
		if (x->exempt && !r)
			r = kern_set_cgroup(p->cfg.roster->kern, x->id, CGROUP_EXEMPT, e);
	}
	return r;
}

unsigned pods_exempt_count(const struct pods *p)
{
	return p->n;
}

unsigned pods_exempt_ids(const struct pods *p, uint64_t *out)
{
	const struct place *x;
	unsigned n = 0;

	LIST_FOREACH(x, &p->places, next)
	{
		if (x->exempt)
			out[n++] = x->id;
	}
	return n;
}

bool pods_sibling(struct pods *p, const char *own, const char *path)
{
	struct pod_path ours, theirs;
	struct pod_verdict a, b;
	bool is;

	if (!pod_path_read(own, &ours) || !pod_path_read(path, &theirs))
		return false;
	book_verdict(p->cfg.book, ours.uid, &a);
	book_verdict(p->cfg.book, theirs.uid, &b);
	is = a.state == POD_EXEMPT && b.state == POD_EXEMPT && a.pod && b.pod && a.pod->service_account[0] &&
	     strcmp(a.pod->namespace, b.pod->namespace) == 0 &&
	     strcmp(a.pod->service_account, b.pod->service_account) == 0;
	pod_verdict_fini(&a);
	pod_verdict_fini(&b);
	return is;
}

const struct metric_times *pods_waited(const struct pods *p, enum pod_state is)
{
	return &p->waited[is];
}

void pods_each(struct pods *p, void (*fn)(void *arg, const struct pods_view *v), void *arg)
{
	struct place *x;

	LIST_FOREACH(x, &p->places, next)
	{
		struct pod_verdict v;
		const struct pods_view view = {.cgroup = x->path, .verdict = &v};

		book_verdict(p->cfg.book, x->uid, &v);
		fn(arg, &view);
		pod_verdict_fini(&v);
	}
}
