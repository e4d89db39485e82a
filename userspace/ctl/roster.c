/* SPDX-License-Identifier: MIT */
#include "ctl/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/audit.h"
#include "ctl/clock.h"
#include "ctl/ledger.h"
#include "kern/cgroup.h"
#include "kern/loader.h"
#include "net/worker.h"
#include "policy/policy.h"

bool cgroup_within(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

void roster_dir(const struct roster *ro, const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s", ro->mount, path);
}

struct enrolment *roster_find(struct roster *ro, const char *path)
{
	struct enrolment *x = ro->all;

	while (x && strcmp(x->path, path) != 0)
		x = x->next;
	return x;
}

struct enrolment *roster_find_above(struct roster *ro, const char *path)
{
	struct enrolment *x = ro->all;

	while (x && !cgroup_within(path, x->path))
		x = x->next;
	return x;
}

void roster_save(struct roster *ro)
{
	struct ledger *l;
	struct err e = {0};
	int r = ledger_begin(&l, &e);

	for (struct enrolment *x = r ? NULL : ro->all; x; x = x->next) {
		const struct ledger_entry entry = {x->path, x->id, x->netns, x->by, x->made};

		ledger_add(l, &entry);
	}
	if (!r)
		r = ledger_commit(l, ro->state_dir, &e);
	if (r)
		log_event(LOG_ERROR, "enrol.unsaved", "%s", e.msg);
}

static void enrolment_free(struct enrolment *x)
{
	if (!x)
		return;
	free(x->path);
	free(x->netns);
	free(x);
}

static void shut_free(struct shut **p)
{
	struct shut *s = *p;

	*p = s->next;
	free(s);
}

void roster_fini(struct roster *ro)
{
	struct enrolment *next;

	for (struct enrolment *x = ro->all; x; x = next) {
		next = x->next;
		enrolment_free(x);
	}
	ro->all = NULL;
	while (ro->shut)
		shut_free(&ro->shut);
}

/* ---- shut ---- */

static struct shut **shut_find(struct roster *ro, uint64_t id)
{
	struct shut **p = &ro->shut;

	while (*p && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

static int shut_note(struct roster *ro, uint64_t id, const char *path)
{
	size_t n = strlen(path) + 1;
	struct shut *s = calloc(1, sizeof(*s) + n);

	if (!s)
		return -ENOMEM;
	s->id = id;
	memcpy(s->path, path, n);
	s->next = ro->shut;
	ro->shut = s;
	return 0;
}

/* Where that cannot be remembered it is UNKNOWN: refused too. */
void roster_deny(struct roster *ro, uint64_t id, const char *path)
{
	struct err e = {0};
	int r = *shut_find(ro, id) || !shut_note(ro, id, path) ? 0 : err_set(&e, -ENOMEM, "out of memory");

	if (!r)
		r = kern_set_cgroup(ro->kern, id, CGROUP_DENIED, &e);
	if (!r)
		return;
	if (*shut_find(ro, id))
		shut_free(shut_find(ro, id));
	kern_forget_cgroup(ro->kern, id);
	log_with(LOG_ERROR, "cgroup.failed", LOG_FIELDS(LOG_TEXT("cgroup", path)), "it cannot be denied: %s",
		e.msg);
}

void roster_undeny(struct roster *ro, uint64_t id)
{
	if (!*shut_find(ro, id))
		return;
	shut_free(shut_find(ro, id));
	kern_forget_cgroup(ro->kern, id);
}

void roster_removed(struct roster *ro, const char *path)
{
	struct enrolment *x = roster_find(ro, path);
	struct shut **p = &ro->shut;

	if (x) {
		roster_drop(ro, x, "the cgroup is gone");
		roster_save(ro);
	}
	while (*p) {
		if (strcmp((*p)->path, path) != 0) {
			p = &(*p)->next;
			continue;
		}
		kern_forget_cgroup(ro->kern, (*p)->id);
		shut_free(p);
	}
}

/* ---- what is dropped ---- */

static void take_out(struct roster *ro, struct enrolment *x)
{
	struct enrolment **p = &ro->all;

	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
}

static void end(struct roster *ro, struct enrolment *x, const char *why)
{
	audit_forget(ro->audit, x->id);
	doors_close(&x->doors, ro->workers, ro->kern);
	log_with(LOG_INFO, "cgroup.forgotten", LOG_FIELDS(LOG_TEXT("cgroup", x->path)), "%s", why);
	enrolment_free(x);
}

void roster_drop(struct roster *ro, struct enrolment *x, const char *why)
{
	take_out(ro, x);
	if (*shut_find(ro, x->id))
		roster_deny(ro, x->id, x->path);
	else
		kern_forget_cgroup(ro->kern, x->id);
	end(ro, x, why);
}

void roster_shut(struct roster *ro, struct enrolment *x, const char *why)
{
	take_out(ro, x);
	if (roster_gone(ro, x) || roster_find_above(ro, x->path))
		kern_forget_cgroup(ro->kern, x->id);
	else
		roster_deny(ro, x->id, x->path);
	end(ro, x, why);
}

static void keep_denied(void *arg, uint64_t id, enum cgroup_state state)
{
	struct roster *ro = arg;
	char path[PATH_MAX];

	if (state == CGROUP_DENIED && !*shut_find(ro, id) &&
		!cgroup_path(ro->mount, ro->root, id, path, sizeof(path), NULL) && shut_note(ro, id, path))
		log_event(LOG_ERROR, "cgroup.failed", "%s: out of memory", path);
}

int roster_keep_known(struct roster *ro, const uint64_t *also, unsigned nalso, struct err *e)
{
	uint64_t *ids;
	unsigned n = nalso + 1;
	int r;

	kern_each_cgroup(ro->kern, keep_denied, ro);
	for (const struct enrolment *x = ro->all; x; x = x->next)
		n++;
	for (const struct shut *s = ro->shut; s; s = s->next)
		n++;
	ids = calloc(n, sizeof(*ids));
	if (!ids)
		return err_set(e, -ENOMEM, "out of memory");
	for (n = 0; n < nalso; n++)
		ids[n] = also[n];
	for (const struct enrolment *x = ro->all; x; x = x->next)
		ids[n++] = x->id;
	for (const struct shut *s = ro->shut; s; s = s->next)
		ids[n++] = s->id;
	r = kern_keep_cgroups(ro->kern, ids, n, e);
	free(ids);
	return r;
}

static bool is_netns_of(const struct stat *ns, const char *path)
{
	struct stat other;

	return stat(path, &other) == 0 && ns->st_ino == other.st_ino && ns->st_dev == other.st_dev;
}

/* The runtime's own process is in a pod's cgroup before it has entered the pod's namespace. Who may not look
 * at pid 1 has the node's namespace of its own, or one that no other pod is in. */
static bool is_nodes_own(int ns_fd)
{
	struct stat ns;

	return fstat(ns_fd, &ns) == 0 &&
	       (is_netns_of(&ns, "/proc/1/ns/net") || is_netns_of(&ns, "/proc/self/ns/net"));
}

struct search { /* for a pod's own namespace */
	bool host_network;
	int fd;
	struct err *e;
};

/* CRI-O has a process that watches over each container in the pod's cgroup, and in the node's namespace. */
static bool is_in_its_netns(void *arg, pid_t pid)
{
	struct search *s = arg;

	s->fd = workers_netns_of(pid, s->e);
	if (s->fd >= 0 && !s->host_network && is_nodes_own(s->fd)) {
		close(s->fd);
		s->fd = -EAGAIN;
	}
	return s->fd >= 0;
}

/* Where an enrolment's processes live: an fd, -EAGAIN while there is none. */
static int open_netns(struct roster *ro, const struct enrolment *x, struct err *e)
{
	struct search s = {
		.host_network = x->host_network || x->by != ENROLLED_BY_POD, .fd = -EAGAIN, .e = e};
	char dir[PATH_MAX];

	if (x->netns)
		return workers_netns_at(x->netns, e);
	if (x->pid)
		return workers_netns_of(x->pid, e);
	roster_dir(ro, x->path, dir);
	cgroup_find_pid(dir, is_in_its_netns, &s);
	return s.fd;
}

static int enrol_for_kernel(struct roster *ro, const struct enrolment *x, struct err *e)
{
	char unit[128];

	cgroup_unit(x->path, unit, sizeof(unit));
	return kern_enrol_cgroup(ro->kern, x->id,
		policy_reports_foreign(ro->policy, x->path, unit) ? FOREIGN_REPORT : FOREIGN_DENY, e);
}

int roster_policy(struct roster *ro, const struct policy *p, struct err *e)
{
	int r = 0, failed;

	ro->policy = p;
	for (const struct enrolment *x = ro->all; x; x = x->next) {
		failed = x->enrolled ? enrol_for_kernel(ro, x, e) : 0;
		r = r ? r : failed;
	}
	return r;
}

int roster_complete(struct roster *ro, struct enrolment *x, struct err *e)
{
	int fd = open_netns(ro, x, e), r;

	if (fd < 0)
		return fd;
	r = doors_open(&x->doors, ro->workers, ro->kern, fd, e);
	close(fd);
	if (!r)
		r = enrol_for_kernel(ro, x, e);
	if (!r && audit_add(ro->audit, x->id, x->path, x->doors.cookie[0]))
		r = err_set(e, -ENOMEM, "out of memory");
	if (r)
		return r;
	x->enrolled = true;
	if (*shut_find(ro, x->id))
		shut_free(shut_find(ro, x->id));
	log_with(LOG_INFO, "cgroup.enrolled", LOG_FIELDS(LOG_TEXT("cgroup", x->path)), "by %s",
		x->by == ENROLLED_BY_ADMIN ? "the administrator" : enrolled_by_name(x->by));
	if (kern_unix_guard(ro->kern) == UNIX_GUARD_NONE)
		log_with(LOG_WARN, "cgroup.unix_unseen", LOG_FIELDS(LOG_TEXT("cgroup", x->path)),
			"this kernel has no hook for connects to unix sockets: keep those of databases out "
			"of its "
			"sight");
	return 0;
}

int roster_add(struct roster *ro, const char *path, const char *netns, enum enrolled_by by,
	struct enrolment **out, struct err *e)
{
	struct enrolment *x = calloc(1, sizeof(*x));
	char dir[PATH_MAX];
	int r = 0;

	if (x) {
		x->path = strdup(path);
		x->netns = netns ? strdup(netns) : NULL;
		x->by = by;
		x->since_ms = clock_ms();
	}
	if (!x || !x->path || (netns && !x->netns)) {
		r = err_set(e, -ENOMEM, "out of memory");
	} else {
		roster_dir(ro, path, dir);
		r = cgroup_id(dir, &x->id, e);
	}
	if (r) {
		enrolment_free(x);
		return r;
	}
	x->next = ro->all;
	ro->all = x;
	*out = x;
	return 0;
}

bool roster_gone(const struct roster *ro, const struct enrolment *x)
{
	char dir[PATH_MAX];
	uint64_t id;

	roster_dir(ro, x->path, dir);
	return cgroup_id(dir, &id, NULL) || id != x->id;
}
