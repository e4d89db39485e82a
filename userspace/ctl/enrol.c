/* SPDX-License-Identifier: MIT */
#include "ctl/enrol.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/audit.h"
#include "ctl/clock.h"
#include "ctl/ledger.h"
#include "ctl/pods.h"
#include "ctl/roster.h"
#include "ctl/tree.h"
#include "ctl/turns.h"
#include "kern/cgroup.h"
#include "kern/loader.h"
#include "net/worker.h"
#include "policy/policy.h"

#define RETRY_MS      200
#define RETRY_POD_MS  20 /* its first container comes soon after its cgroup */
#define POD_STARTS_MS 30000
#define TRIES_A_TICK  64

struct enrol {
	struct enrol_config cfg;
	struct policy *policy;
	struct tree *tree;
	struct event *retry;
	struct roster roster;
	struct pods *pods;      /* NULL: this is no node of a cluster */
	struct doors uid_doors; /* where enrolled uids may be: the daemon's own namespace, and those seen */
	uint64_t own_id;        /* the daemon's cgroup, EXEMPT; 0: it is not below the root */
	char own[PATH_MAX];
	const char *root_path; /* the root below the mount; "" where it is the mount */
	unsigned run;          /* number of the next run-<n>.scope */
	unsigned tried;        /* of those that on_retry looks at, how many had their turn */
	struct turns heals;    /* of what was refused, see enrol_refused */
};

static void arm(struct enrol *en)
{
	struct timeval in = {0, RETRY_MS * 1000};
	uint64_t now = clock_ms();
	bool waits = false;

	for (struct enrolment *x = en->roster.all; x; x = x->next) {
		waits = waits || !x->enrolled || x->made;
		if (!x->enrolled && x->by == ENROLLED_BY_POD && now - x->since_ms < POD_STARTS_MS)
			in.tv_usec = RETRY_POD_MS * 1000;
	}
	if (waits && !evtimer_pending(en->retry, NULL))
		evtimer_add(en->retry, &in);
}

static void try_complete(struct enrol *en, struct enrolment *x)
{
	struct err e = {0};
	int r = roster_complete(&en->roster, x, &e);

	if (r && r != -EAGAIN && !x->complained) {
		log_with(LOG_WARN, "cgroup.pending", LOG_FIELDS(LOG_TEXT("cgroup", x->path)), "%s", e.msg);
		x->complained = true;
	}
}

/* Enrolled, its connections would come back to it. */
static bool holds_us(const struct enrol *en, const char *path)
{
	return en->own_id && cgroup_within(en->own, path);
}

/* A cgroup that a policy names and that is under no enrolment yet. */
static void on_added(void *arg, const char *dir)
{
	struct enrol *en = arg;
	const char *path = dir + strlen(en->cfg.mount);
	struct enrolment *x = NULL;
	struct err e = {0};
	char unit[128];
	bool named;

	/* Enrolling the root would leave nothing UNKNOWN below it: only its children can be named. */
	if (strcmp(path, en->root_path) == 0 || holds_us(en, path))
		return;
	cgroup_unit(path, unit, sizeof(unit));
	named = policy_enrols_cgroup(en->policy, path, unit);
	if (!named && en->pods && pods_added(en->pods, path))
		return;
	if (!named || roster_find_above(&en->roster, path))
		return;
	if (roster_add(&en->roster, path, NULL, ENROLLED_BY_POLICY, &x, &e)) {
		if (e.code != -ENOENT)
			log_with(LOG_ERROR, "cgroup.failed", LOG_FIELDS(LOG_TEXT("cgroup", path)), "%s",
				e.msg);
		return;
	}
	try_complete(en, x);
	roster_save(&en->roster);
	arm(en);
}

static void on_removed(void *arg, const char *dir)
{
	struct enrol *en = arg;

	if (en->pods)
		pods_removed(en->pods, dir + strlen(en->cfg.mount));
	roster_removed(&en->roster, dir + strlen(en->cfg.mount));
}

/* A cgroup of ours whose command has ended. The kernel refuses as long as anything lives in it. */
static bool remove_empty(struct enrol *en, const struct enrolment *x)
{
	char dir[PATH_MAX];

	roster_dir(&en->roster, x->path, dir);
	return x->made && !cgroup_any_pid(dir) && rmdir(dir) == 0;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct enrolment *next;
	struct enrol *en = arg;
	unsigned seen = 0, tries = 0;
	bool changed = false;

	(void)fd;
	(void)what;
	for (struct enrolment *x = en->roster.all; x && tries < TRIES_A_TICK; x = next) {
		next = x->next;
		if (x->enrolled && !x->made)
			continue;
		if (seen++ < en->tried)
			continue;
		tries++;
		if (remove_empty(en, x) || roster_gone(&en->roster, x)) {
			roster_drop(&en->roster, x, "the cgroup is gone");
			changed = true;
		} else if (!x->enrolled) {
			try_complete(en, x);
		}
	}
	/* Where there are too many for one tick, the next goes on where this one ended. */
	en->tried = tries == TRIES_A_TICK ? en->tried + tries : 0;
	if (changed)
		roster_save(&en->roster);
	arm(en);
}

/* ---- policy ---- */

static int set_ports(struct enrol *en, bool first, struct err *e)
{
	unsigned n = policy_databases(en->policy);
	uint16_t *ports = calloc(n + 2, sizeof(*ports));
	int r = 0;

	/* Nothing is in force yet: what the daemon before this one captured is captured. */
	first = first && n;
	if (!ports)
		return err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < n; i++)
		ports[i] = policy_database_at(en->policy, i)->port;
	if (en->cfg.api_port)
		ports[n++] = en->cfg.api_port;
	if (en->cfg.usual_port)
		ports[n++] = en->cfg.usual_port;
	if (first)
		r = kern_replace_ports(en->cfg.kern, ports, n, e);
	for (unsigned i = 0; i < n && !r && !first; i++)
		r = kern_set_port(en->cfg.kern, ports[i], e);
	free(ports);
	return r;
}

static int set_uids(struct enrol *en, struct err *e)
{
	const uint32_t *uids;
	unsigned n = policy_uids(en->policy, &uids);
	int fd, r = 0;

	if (n && !en->uid_doors.n) {
		fd = workers_netns_of(getpid(), e);
		if (fd < 0)
			return fd;
		r = doors_open(&en->uid_doors, en->cfg.workers, en->cfg.kern, fd, e);
		close(fd);
	}
	return r ? r : kern_replace_uids(en->cfg.kern, uids, n, e);
}

static void drop_unnamed(struct enrol *en)
{
	struct enrolment *next;
	char unit[128];

	for (struct enrolment *x = en->roster.all; x; x = next) {
		next = x->next;
		cgroup_unit(x->path, unit, sizeof(unit));
		if (x->by == ENROLLED_BY_POLICY && !policy_enrols_cgroup(en->policy, x->path, unit))
			roster_shut(&en->roster, x, "no policy names it any more");
	}
}

int enrol_policy(struct enrol *en, struct policy *p, struct err *e)
{
	int r;

	policy_unref(en->policy);
	en->policy = policy_ref(p);
	r = roster_policy(&en->roster, p, e);
	if (!r)
		r = set_ports(en, false, e);
	if (!r)
		r = set_uids(en, e);
	drop_unnamed(en);
	tree_scan(en->tree);
	roster_save(&en->roster);
	return r;
}

void enrol_renew(struct enrol *en)
{
	struct enrolment *next;

	for (struct enrolment *x = en->roster.all; x; x = next) {
		next = x->next;
		if (roster_gone(&en->roster, x))
			roster_drop(&en->roster, x, "the cgroup is gone");
	}
	tree_renew(en->tree);
	roster_save(&en->roster);
	arm(en);
}

/* ---- opening ---- */

/* The daemon must reach databases itself. Were it in the guarded root, exempting it would exempt everybody.
 */
static int exempt_self(struct enrol *en, struct err *e)
{
	char path[PATH_MAX], dir[PATH_MAX];
	int r = cgroup_of_pid(getpid(), path, sizeof(path), e);

	if (r || !cgroup_within(path, en->root_path))
		return r;
	if (strcmp(path, en->root_path) == 0 || (!en->root_path[0] && strcmp(path, "/") == 0))
		return err_set(e, -EBUSY,
			"pgveild runs in the guarded cgroup %s itself: give it a cgroup of its own", path);
	roster_dir(&en->roster, path, dir);
	r = cgroup_id(dir, &en->own_id, e);
	if (r)
		return r;
	snprintf(en->own, sizeof(en->own), "%s", path);
	return kern_set_cgroup(en->cfg.kern, en->own_id, CGROUP_EXEMPT, e);
}

/* What an earlier daemon left: the same cgroup as then is taken over, or DENIED where no policy names it any
 * more; anything else becomes UNKNOWN. */
static void take_over(void *arg, const struct ledger_entry *entry)
{
	struct enrol *en = arg;
	struct enrolment *x = NULL;
	char dir[PATH_MAX], unit[128];
	uint64_t id = 0;
	struct err e = {0};

	roster_dir(&en->roster, entry->cgroup, dir);
	cgroup_unit(entry->cgroup, unit, sizeof(unit));
	if (cgroup_id(dir, &id, NULL) || id != entry->id || !cgroup_within(entry->cgroup, en->root_path) ||
		holds_us(en, entry->cgroup)) {
		kern_forget_cgroup(en->cfg.kern, entry->id);
		return;
	}
	if (entry->by == ENROLLED_BY_POD ? !en->pods
					 : entry->by == ENROLLED_BY_POLICY &&
						   !policy_enrols_cgroup(en->policy, entry->cgroup, unit)) {
		roster_deny(&en->roster, entry->id, entry->cgroup);
		return;
	}
	if (roster_add(&en->roster, entry->cgroup, entry->netns, entry->by, &x, &e)) {
		kern_forget_cgroup(en->cfg.kern, entry->id);
		log_with(LOG_ERROR, "cgroup.failed", LOG_FIELDS(LOG_TEXT("cgroup", entry->cgroup)), "%s",
			e.msg);
		return;
	}
	x->made = entry->made;
	try_complete(en, x);
}

/* What the kernel is to leave alone: the daemon itself, and pods that are exempt. */
static int keep_known(struct enrol *en, struct err *e)
{
	unsigned n = en->pods ? pods_exempt_count(en->pods) : 0;
	uint64_t *ids = calloc(n + 1, sizeof(*ids));
	int r;

	if (!ids)
		return err_set(e, -ENOMEM, "out of memory");
	n = en->pods ? pods_exempt_ids(en->pods, ids) : 0;
	if (en->own_id)
		ids[n++] = en->own_id;
	r = roster_keep_known(&en->roster, ids, n, e);
	free(ids);
	return r;
}

static bool is_spared(void *arg, const char *path)
{
	return holds_us(arg, path);
}

static void on_pod(void *arg)
{
	struct enrol *en = arg;

	roster_save(&en->roster);
	arm(en);
}

static int open_pods(struct enrol *en, struct err *e)
{
	const struct pods_config cfg = {.book = en->cfg.book,
		.changed_fd = en->cfg.book_changed_fd,
		.base = en->cfg.base,
		.roster = &en->roster,
		.state_dir = en->cfg.state_dir,
		.spared = is_spared,
		.added = on_pod,
		.arg = en};

	return en->cfg.book ? pods_open(&en->pods, &cfg, e) : 0;
}

static int open_all(struct enrol *en, struct err *e)
{
	const struct tree_events events = {on_added, on_removed, en};
	int r = exempt_self(en, e);

	/* Their ports were an earlier daemon's, and anybody may listen there by now. Without an entry a
	 * connect of an enrolled cgroup is refused, so nothing gets past until the new ones are in. */
	if (!r && !en->cfg.takes_over)
		kern_forget_listeners(en->cfg.kern);
	if (!r)
		r = set_ports(en, true, e);
	if (!r)
		r = open_pods(en, e);
	if (!r)
		r = ledger_read(en->cfg.state_dir, take_over, en, e);
	if (!r)
		r = set_uids(en, e);
	if (!r)
		r = tree_open(&en->tree, en->cfg.base, en->cfg.root, &events, e);
	if (!r)
		r = keep_known(en, e);
	if (!r)
		roster_save(&en->roster);
	return r;
}

int enrol_door(struct enrol *en, uint64_t cgroup_id, int ns_fd, struct err *e)
{
	struct enrolment *x = en->roster.all;

	while (x && x->id != cgroup_id)
		x = x->next;
	if (cgroup_id && !(x && x->enrolled))
		return 0;
	return doors_open(x ? &x->doors : &en->uid_doors, en->cfg.workers, en->cfg.kern, ns_fd, e);
}

int enrol_assert(struct enrol *en, struct err *e)
{
	int r = doors_assert(&en->uid_doors, en->cfg.workers, en->cfg.kern, e);

	if (!r && en->own_id)
		r = kern_set_cgroup(en->cfg.kern, en->own_id, CGROUP_EXEMPT, e);
	for (struct enrolment *x = en->roster.all; x && !r; x = x->next)
		r = doors_assert(&x->doors, en->cfg.workers, en->cfg.kern, e);
	if (!r)
		r = roster_policy(&en->roster, en->policy, e);
	if (!r)
		r = set_ports(en, true, e);
	if (!r)
		r = set_uids(en, e);
	if (!r && en->pods)
		r = pods_assert(en->pods, e);
	return r ? r : keep_known(en, e);
}

int enrol_open(struct enrol **out, const struct enrol_config *cfg, struct policy *p, struct err *e)
{
	struct enrol *en = calloc(1, sizeof(*en));
	int r;

	if (!en)
		return err_set(e, -ENOMEM, "out of memory");
	en->cfg = *cfg;
	en->policy = policy_ref(p);
	en->roster = (struct roster){.kern = cfg->kern,
		.workers = cfg->workers,
		.audit = cfg->audit,
		.policy = p,
		.mount = cfg->mount,
		.root = cfg->root,
		.state_dir = cfg->state_dir};
	en->root_path = cfg->root + strlen(cfg->mount);
	en->retry = evtimer_new(cfg->base, on_retry, en);
	r = en->retry ? open_all(en, e) : err_set(e, -ENOMEM, "out of memory");
	if (r) {
		enrol_close(en);
		return r;
	}
	arm(en);
	*out = en;
	return 0;
}

void enrol_close(struct enrol *en)
{
	if (!en)
		return;
	tree_close(en->tree);
	pods_close(en->pods);
	if (en->retry)
		event_free(en->retry);
	roster_fini(&en->roster);
	policy_unref(en->policy);
	free(en);
}

/* ---- by the administrator ---- */

/* A cgroup named as a directory or as a path below the mount, as the latter; below the guarded root. */
static int resolve(struct enrol *en, const char *cgroup, char out[PATH_MAX], struct err *e)
{
	size_t n = strlen(en->cfg.mount);
	char dir[PATH_MAX], real[PATH_MAX];

	if (cgroup[0] != '/')
		return err_set(e, -EINVAL, "%s: a cgroup is named by its path", cgroup);
	if (cgroup_within(cgroup, en->cfg.mount))
		snprintf(dir, sizeof(dir), "%s", cgroup);
	else
		roster_dir(&en->roster, cgroup, dir);
	if (!realpath(dir, real))
		return err_set(e, -errno, "%s: %m", dir);
	if (!cgroup_within(real, en->cfg.root) || strcmp(real, en->cfg.root) == 0)
		return err_set(e, -EINVAL, "%s is not below the guarded cgroup %s", real, en->cfg.root);
	snprintf(out, PATH_MAX, "%s", real + n);
	if (holds_us(en, out))
		return err_set(e, -EBUSY, "%s holds pgveild itself", out);
	return 0;
}

/* What is enrolled already stays so without a gap; the administrator's word counts from now on. */
static int take_charge(struct enrolment *x, const char *netns, struct err *e)
{
	char *copy = netns ? strdup(netns) : NULL;

	if (netns && !copy)
		return err_set(e, -ENOMEM, "out of memory");
	free(x->netns);
	x->netns = copy;
	x->by = ENROLLED_BY_ADMIN;
	return 0;
}

int enrol_cgroup(struct enrol *en, const char *cgroup, const char *netns, pid_t pid, struct err *e)
{
	char path[PATH_MAX];
	struct enrolment *x = NULL;
	int fd, r = kern_check(en->cfg.kern, e);
	bool known;

	if (!r)
		r = resolve(en, cgroup, path, e);
	if (r)
		return r;
	if (netns) {
		fd = workers_netns_at(netns, e);
		if (fd < 0)
			return fd;
		close(fd);
	}
	x = roster_find(&en->roster, path);
	known = x != NULL;
	r = known ? take_charge(x, netns, e) : roster_add(&en->roster, path, netns, ENROLLED_BY_ADMIN, &x, e);
	if (r)
		return r;
	/* A pid says where to look now; later it may be somebody else's. */
	x->pid = pid;
	r = roster_complete(&en->roster, x, e);
	x->pid = 0;
	if (r && r != -EAGAIN && !known)
		roster_drop(&en->roster, x, "it could not be enrolled");
	roster_save(&en->roster);
	arm(en);
	return r == -EAGAIN ? 0 : r;
}

int enrol_forget(struct enrol *en, const char *cgroup, struct err *e)
{
	char path[PATH_MAX], dir[PATH_MAX];
	int r = resolve(en, cgroup, path, e);
	struct enrolment *x = r ? NULL : roster_find(&en->roster, path);

	if (r)
		return r;
	if (!x)
		return err_set(e, -ENOENT, "%s is not enrolled", path);
	if (x->by != ENROLLED_BY_ADMIN)
		return err_set(e, -EBUSY, "%s is enrolled because a %s", path,
			x->by == ENROLLED_BY_POD ? "label says so" : "policy names it");
	roster_shut(&en->roster, x, "the administrator said so");
	roster_dir(&en->roster, path, dir);
	on_added(en, dir);
	roster_save(&en->roster);
	return 0;
}

/* ---- refusals ---- */

/* The namespace of the process that was refused gets a door. A process that entered another namespace since,
 * or a pid given anew, makes a door too many, not too few. */
static void add_door(struct enrol *en, struct enrolment *x, int pid)
{
	struct err e = {0};
	int fd = workers_netns_of(pid, &e), r;

	if (fd < 0)
		return;
	r = doors_open(x ? &x->doors : &en->uid_doors, en->cfg.workers, en->cfg.kern, fd, &e);
	close(fd);
	if (r)
		log_with(LOG_WARN, "cgroup.no_listener", LOG_FIELDS(LOG_TEXT("cgroup", x ? x->path : "")),
			"%s", e.msg);
}

void enrol_refused(struct enrol *en, const struct refusal_event *ev)
{
	char path[PATH_MAX];
	struct enrolment *x = NULL;

	if ((ev->counter != COUNTER_REFUSED_NO_LISTENER && ev->counter != COUNTER_REFUSED_UNKNOWN) ||
		!turns_take(&en->heals, ev->cgroup_id, clock_ms()))
		return;
	if (!cgroup_path(en->cfg.mount, en->cfg.root, ev->cgroup_id, path, sizeof(path), NULL))
		x = roster_find_above(&en->roster, path);
	if (ev->counter == COUNTER_REFUSED_NO_LISTENER)
		add_door(en, x, (int)ev->tgid);
	else if (x && !x->enrolled)
		try_complete(en, x);
}

bool enrol_guards(struct enrol *en, const char *path, uid_t uid)
{
	const uint32_t *uids;
	unsigned n = policy_uids(en->policy, &uids);

	if (en->own_id && strcmp(path, en->own) == 0)
		return false;
	if (roster_find_above(&en->roster, path))
		return true;
	/* The pod of the daemon that takes over from this one, or that this one took over from. */
	if (en->own_id && en->pods && pods_sibling(en->pods, en->own, path))
		return false;
	/* The whole tree is guarded on a host where every service is a subject: then only the enrolled count.
	 */
	if (en->root_path[0])
		return cgroup_within(path, en->root_path);
	for (unsigned i = 0; i < n; i++) {
		if (uids[i] == uid)
			return true;
	}
	return false;
}

const char *enrol_stage_name(enum enrol_stage s)
{
	switch (s) {
	case ENROL_PENDING: return "pending";
	case ENROL_CHECKING: return "checking";
	case ENROL_READY: return "enrolled";
	}
	return "?";
}

unsigned enrol_uid_doors(const struct enrol *en, const uint64_t **cookies)
{
	*cookies = en->uid_doors.cookie;
	return en->uid_doors.n;
}

void enrol_each(struct enrol *en, void (*fn)(void *arg, const struct enrol_view *v), void *arg)
{
	for (struct enrolment *x = en->roster.all; x; x = x->next) {
		char why[AUDIT_WHY];
		enum audit_verdict verdict = audit_verdict(en->cfg.audit, x->id, why);
		const struct enrol_view v = {
			.cgroup = x->path,
			.id = x->id,
			.by = x->by,
			.stage = !x->enrolled             ? ENROL_PENDING
				 : verdict == AUDIT_READY ? ENROL_READY
							  : ENROL_CHECKING,
			.why = why,
			.netns_cookies = x->doors.cookie,
			.nnetns = x->doors.n,
		};

		fn(arg, &v);
	}
}

const struct pods *enrol_pods(const struct enrol *en)
{
	return en->pods;
}

void enrol_each_pod(struct enrol *en, void (*fn)(void *arg, const struct pods_view *v), void *arg)
{
	if (en->pods)
		pods_each(en->pods, fn, arg);
}

void enrol_each_denied(struct enrol *en, void (*fn)(void *arg, const char *cgroup), void *arg)
{
	for (const struct shut *s = en->roster.shut; s; s = s->next)
		fn(arg, s->path);
}

int enrol_run(struct enrol *en, pid_t pid, char *out, size_t cap, struct err *e)
{
	char dir[PATH_MAX], path[PATH_MAX];
	struct enrolment *x;
	int r;

	do {
		r = snprintf(path, sizeof(path), "%s/run-%u.scope", en->root_path, ++en->run);
		if ((size_t)r >= sizeof(path) || (size_t)r >= cap)
			return err_set(e, -ENAMETOOLONG, "%s: too long", en->cfg.root);
		roster_dir(&en->roster, path, dir);
		r = mkdir(dir, 0755);
	} while (r < 0 && errno == EEXIST);
	if (r < 0)
		return err_set(e, -errno, "%s: %m", dir);
	/* Enrolled before anything lives in it; by the namespace of who asked. */
	r = cgroup_mark(dir, e);
	if (!r)
		r = enrol_cgroup(en, path, NULL, pid, e);
	if (!r)
		r = cgroup_enter(dir, pid, e);
	x = roster_find(&en->roster, path);
	if (r) {
		if (x)
			roster_drop(&en->roster, x, "the command could not be moved into it");
		rmdir(dir);
		roster_save(&en->roster);
		return r;
	}
	/* From now on the directory goes when the last process does. The pid named the namespace for a moment
	 * only. */
	x->made = true;
	free(x->netns);
	x->netns = NULL;
	roster_save(&en->roster);
	arm(en);
	memcpy(out, path, strlen(path) + 1);
	return 0;
}
