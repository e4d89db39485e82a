/* SPDX-License-Identifier: MIT */
/* pgveild: puts the modules together, in the order in which they need each other, and takes them apart again.
 * Whatever is missing at the start is said, all of it, and nothing runs. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/admin.h"
#include "ctl/approvals.h"
#include "ctl/api.h"
#include "ctl/approvals_api.h"
#include "ctl/audit.h"
#include "ctl/clock.h"
#include "ctl/control.h"
#include "ctl/credential.h"
#include "ctl/enrol.h"
#include "ctl/events.h"
#include "ctl/feed.h"
#include "ctl/file_watch.h"
#include "ctl/guard.h"
#include "ctl/handover.h"
#include "ctl/health.h"
#include "ctl/keeper.h"
#include "ctl/kube_event.h"
#include "ctl/overlap.h"
#include "ctl/recorder.h"
#include "ctl/ship.h"
#include "ctl/report.h"
#include "ctl/resolver.h"
#include "ctl/scrape.h"
#include "ctl/sentinel.h"
#include "ctl/sweep.h"
#include "ctl/takeover.h"
#include "ctl/webhook.h"
#include "kern/cgroup.h"
#include "kern/loader.h"
#include "main/cluster.h"
#include "main/daemon.h"
#include "main/refusal.h"
#include "main/reload.h"
#include "main/splicing.h"
#include "main/succeed.h"
#include "net/netns.h"
#include "net/worker.h"
#include "policy/budget.h"
#include "policy/policy.h"
#include "policy/recall.h"
#include "policy/tenure.h"
#include "web/http.h"

#define GRACE_MS          5000
#define SHIP_GRACE_MS     10000
#define REFUSALS_A_SECOND 20

/* ---- what must be there ---- */

/* A directory that is there, or is made. With make false nothing is made: that it could be is enough. */
static int need_dir(const char *path, mode_t mode, bool make, struct err *e)
{
	char parent[PATH_MAX];
	struct stat st;

	if (make && mkdir(path, mode) < 0 && errno != EEXIST)
		return err_set(e, -errno, "%s: %m", path);
	snprintf(parent, sizeof(parent), "%s", path);
	if (!make && stat(path, &st) < 0 && errno == ENOENT)
		path = dirname(parent);
	if (stat(path, &st) < 0)
		return err_set(e, -errno, "%s: %m", path);
	return S_ISDIR(st.st_mode) ? 0 : err_set(e, -ENOTDIR, "%s: not a directory", path);
}

static int need_cgroup_root(struct daemon *d, bool make, struct err *e)
{
	char wanted[PATH_MAX + 32];
	size_t n;
	int r = cgroup_mount(d->mount, sizeof(d->mount), e);

	if (r)
		return r;
	n = strlen(d->mount);
	if (d->opt.cgroup_root)
		snprintf(wanted, sizeof(wanted), "%s", d->opt.cgroup_root);
	else if (d->opt.kube_node)
		r = cluster_root(d, wanted, sizeof(wanted), e);
	else
		snprintf(wanted, sizeof(wanted), "%s/pgveil.slice", d->mount);
	if (!r)
		r = cgroup_mount_whole(d->mount, e);
	if (!r)
		r = need_dir(wanted, 0755, make, e);
	if (r || !make)
		return r;
	if (!realpath(wanted, d->root))
		r = err_set(e, -errno, "%s: %m", wanted);
	if (!r && (strncmp(d->root, d->mount, n) != 0 || (d->root[n] && d->root[n] != '/')))
		r = err_set(e, -EINVAL, "%s is not below the cgroup v2 mount %s", d->root, d->mount);
	return r;
}

static int need_dirs(struct daemon *d, bool make, struct err *e)
{
	int r = need_cgroup_root(d, make, e);

	if (!r)
		r = need_dir(d->opt.run_dir, 0755, make, e);
	return r ? r : need_dir(d->opt.state_dir, 0700, make, e);
}

/* Two daemons on one set of pins would take the listeners from each other. Where nothing is pinned yet, the
 * lock comes after the first pins. */
static int lock_pins(struct daemon *d, struct err *e)
{
	int r;

	if (d->opt.takeover && d->lock_fd < 0 && !d->kern) {
		r = succeed_begin(d, e);
		if (r && r != -ENOENT)
			return r;
	}
	if (d->lock_fd >= 0)
		return 0;
	d->lock_fd = open(d->opt.pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock_fd < 0)
		return errno == ENOENT && !d->kern ? 0 : err_set(e, -errno, "%s: %m", d->opt.pin_dir);
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, -errno, "%s: another pgveild has these pins (--takeover takes its place)",
			d->opt.pin_dir);
	return 0;
}

static bool check(int r, const struct err *e)
{
	if (r)
		log_event(LOG_ERROR, "start.failed", "%s", e->msg);
	return r == 0;
}

/* Everything that can be known before anything is changed. False: some of it is missing, and all of that was
 * said. */
static bool check_needs(struct daemon *d)
{
	struct err e = {0};
	bool ok = true;

	if (!d->opt.npolicies && !d->kube_policy)
		ok = check(-EINVAL, &(struct err){.msg = "no --policy was given"});
	else if (file_watch_open(&d->watch, &e) ||
		 file_watch_take(d->watch, d->opt.policies, d->opt.npolicies, &e))
		ok = check(-ENOMEM, &e);
	else if (reload_first(d))
		ok = check(-EINVAL, &(struct err){.msg = "the policy does not load"});
	if (geteuid() != 0)
		ok = check(-EPERM, &(struct err){.msg = "pgveild must run as root"});
	else
		ok &= check(cgroup_join_machine(&e), &e);
	ok &= check(lock_pins(d, &e), &e);
	ok &= check(need_dirs(d, false, &e), &e);
	return ok && check(need_dirs(d, true, &e), &e);
}

/* ---- hooks of the workers ---- */

static enum coverage on_covers(void *arg, const struct policy *p, unsigned i, const struct sockaddr *address)
{
	const struct daemon *d = arg;

	return resolver_covers(d->resolver, p, i, address);
}

static int on_password(void *arg, const struct database *db, char *out, size_t cap, bool *has, struct err *e)
{
	(void)arg;
	return credential_password(db, out, cap, has, e);
}

static struct slot *on_attach(
	void *arg, const struct database *db, const struct caller *who, const char *dbname, struct err *e)
{
	const struct daemon *d = arg;

	return feeds_attach(d->feeds, db, who, dbname, e);
}

static bool on_cancel(void *arg, uint32_t pid, struct span secret, const struct caller *who)
{
	const struct daemon *d = arg;

	return d->takeover && takeover_cancel(d->takeover, pid, secret, who);
}

static void on_detach(void *arg, struct slot *slot)
{
	const struct daemon *d = arg;

	feeds_detach(d->feeds, slot);
}

/* ---- events of the control loop ---- */

static void on_refusal(void *arg, const struct refusal_event *ev)
{
	struct daemon *d = arg;
	uint64_t now = clock_ms();

	enrol_refused(d->enrol, ev);
	if (ev->counter == COUNTER_FOREIGN_DENIED || ev->counter == COUNTER_FOREIGN_OPAQUE)
		audit_end(d->audit, ev->socket_cookie);
	if (now >= d->refusals_since_ms + 1000) {
		d->refusals_since_ms = now;
		d->refusals = 0;
	}
	/* All are counted by the kernel; the log gets so many and no more. */
	if (d->refusals++ >= REFUSALS_A_SECOND)
		return;
	refusal_tell(d->mount, d->root, ev);
}

static void on_guarded_again(void *arg)
{
	const struct daemon *d = arg;

	enrol_renew(d->enrol);
}

static void on_unguarded(void *arg)
{
	struct daemon *d = arg;

	d->unguarded = true;
	control_end(d->control);
}

static void on_kernel(void *arg)
{
	struct daemon *d = arg;

	kern_events_read(d->kern, on_refusal, d);
}

static void on_usr2(void *arg)
{
	succeed_spawn(arg);
}

/* A pod that was succeeded is deleted while its sessions come to rest: they may. */
static bool on_end(void *arg)
{
	struct daemon *d = arg;

	d->told_to_end = true;
	return !d->drain_until_ms || !cluster_in_pod(d);
}

/* ---- start and stop ---- */

static void on_decided(void *arg)
{
	const struct daemon *d = arg;

	if (d->workers)
		workers_poke(d->workers);
}

static int open_approvals(struct daemon *d, struct err *e)
{
	const struct approvals_config cfg = {d->opt.state_dir, d->cluster, on_decided, d};

	return approvals_open(&d->approvals, &cfg, e);
}

static int start_recorder(struct daemon *d, struct err *e)
{
	const struct recorder_config cfg = {.state_dir = d->opt.state_dir,
		.key_file = d->opt.record_key,
		.each = d->opt.record_each,
		.keep_s = d->opt.record_keep_s,
		.quota = d->opt.record_quota,
		.segment_max = d->opt.record_segment,
		.turn_s = d->opt.ship ? d->opt.ship_after_s : 0,
		.ships = d->opt.ship != NULL,
		.quota_first = d->opt.ship_remove,
		.nscribes = d->opt.workers};
	int r = recorder_open(&d->recorder, &cfg, e);

	d->scribes = r ? NULL : calloc(d->opt.workers, sizeof(*d->scribes));
	for (unsigned i = 0; d->scribes && i < d->opt.workers; i++)
		d->scribes[i] = recorder_scribe(d->recorder, i);
	return r || d->scribes ? r : err_set(e, -ENOMEM, "out of memory");
}

static int start_ship(struct daemon *d, struct err *e)
{
	const struct ship_config cfg = {.state_dir = d->opt.state_dir,
		.url = d->opt.ship,
		.endpoint = d->opt.ship_endpoint,
		.region = d->opt.ship_region,
		.credentials = d->opt.ship_credentials,
		.ca_file = d->opt.ship_ca,
		.node = d->opt.ship_node ? d->opt.ship_node : d->opt.kube_node,
		.part = d->opt.ship_part,
		.plain = d->opt.ship_plain};

	if (!d->opt.ship)
		return 0;
	return ship_open(&d->ship, &cfg, e);
}

static int start_workers(struct daemon *d, struct err *e)
{
	int recalled = recall_new(&d->recall, e), r = recalled ? recalled : budget_new(&d->budget, e);
	int kept = r ? r : keeper_start(&d->keeper, d->opt.state_dir, d->budgets, e);
	const struct workers_config cfg = {
		.n = d->opt.workers,
		.max_connections = d->opt.max_connections,
		.max_per_cgroup = d->opt.max_per_cgroup,
		.max_age_ms = d->opt.max_age_ms,
		.message_max = d->opt.message_max,
		.cell_max = d->opt.cell_max,
		.recall = d->recall,
		.budget = d->budget,
		.desk = approvals_desk(d->approvals),
		.allowance = kept ? NULL : keeper_allowance(d->keeper),
		.tenure = &d->tenure,
		.book = d->book,
		.cgroup_mount = d->mount,
		.cgroup_root = d->root,
		.kern = d->kern,
		.netns = d->netns,
		.splice = d->opt.splice,
		.splicer = d->splicer,
		.splice_verdict = &d->splice_verdict,
		.scribes = d->scribes,
		.hooks = {on_covers, on_password, on_attach, on_detach, on_cancel, d},
	};

	r = kept;
	if (!r)
		r = workers_start(&d->workers, &cfg, d->policy, e);
	if (!r) {
		feeds_set_workers(d->feeds, d->workers);
		keeper_set_workers(d->keeper, d->workers);
	}
	return r;
}

static int start_audit(struct daemon *d, struct err *e)
{
	const struct audit_config cfg = {d->kern, d->workers, d->mount, d->root, d->opt.audit_ms};

	return audit_start(&d->audit, &cfg, e);
}

static int open_api(struct daemon *d, struct err *e)
{
	const struct api_config cfg = {control_base(d->control), d->opt.api, d->opt.api_cert, d->opt.api_key,
		d->opt.api_tokens, d->mount, d->approvals, d->enrol};

	return api_open(&d->api, &cfg, e);
}

static int start_control(struct daemon *d, struct err *e)
{
	struct event_base *base = control_base(d->control);
	const struct enrol_config enrol = {.base = base,
		.kern = d->kern,
		.workers = d->workers,
		.audit = d->audit,
		.mount = d->mount,
		.root = d->root,
		.state_dir = d->opt.state_dir,
		.book = d->book,
		.book_changed_fd = d->book_changed_fd,
		.api_port = api_port(d->opt.api),
		.usual_port = d->kube_policy ? DAEMON_USUAL_PORT : 0,
		.takes_over = d->takeover != NULL};
	struct admin_config admin = {
		base, d->opt.run_dir, -1, &d->report, d->events, d->approvals, reload_policy, d};
	const struct control_events on = {reload_now, on_usr2, on_kernel, on_end, d};
	const struct guard_config guard = {base, d->kern, d->root, on_guarded_again, on_unguarded, d};
	int r;

	/* Nobody gets in before names are known as well as they can be. */
	resolver_wait(d->resolver, RESOLVE_MS);
	r = d->takeover ? succeed_receive(d, e) : 0;
	if (!r)
		r = overlap_open(&d->overlap, base, d->opt.state_dir, &d->tenure, e);
	if (!r)
		r = enrol_open(&d->enrol, &enrol, d->policy, e);
	if (!r && d->takeover)
		r = takeover_doors(d->takeover, d->workers, d->kern, d->enrol, e);
	if (!r)
		r = guard_open(&d->guard, &guard, e);
	if (!r)
		r = sweep_open(&d->sweep, base, d->kern, e);
	if (!r)
		r = cluster_start(d, e);
	if (r)
		return r;
	d->report = (struct report){
		.workers = d->workers,
		.recorder = d->recorder,
		.ship = d->ship,
		.approvals = d->approvals,
		.webhook = d->webhook,
		.allowance = keeper_allowance(d->keeper),
		.budgets = d->budgets,
		.enrol = d->enrol,
		.kube = d->kube,
		.kube_policy = d->kube_policy,
		.kube_event = d->kube_event,
		.cluster = d->cluster,
		.complaints = d->complaints,
		.failed_at_s = d->complaints ? (uint64_t)time(NULL) : 0,
		.audit = d->audit,
		.feeds = d->feeds,
		.kern = d->kern,
		.policy = d->policy,
		.policy_files = d->opt.policies,
		.npolicy_files = d->opt.npolicies,
		.cgroup_mount = d->mount,
		.cgroup_root = d->root,
		.pin_dir = d->opt.pin_dir,
		.since_ms = clock_ms(),
		.loaded_ms = clock_ms(),
		.loaded_at_s = (uint64_t)time(NULL),
	};
	if (d->takeover)
		admin.socket = takeover_socket(d->takeover, TAKEOVER_ADMIN);
	r = admin_open(&d->admin, &admin, e);
	if (!r && d->opt.metrics_listen)
		r = scrape_open(&d->scrape, base, &d->report, d->opt.metrics_listen,
			d->takeover ? takeover_socket(d->takeover, TAKEOVER_METRICS) : -1, e);
	if (!r && watchdog_open(&d->watchdog, base, &d->report, ready_remind, d->takeover != NULL))
		r = err_set(e, -ENOMEM, "out of memory");
	if (!r)
		r = approvals_api_open(&d->approvals_api, base, d->opt.run_dir, d->approvals, d->enrol, e);
	if (!r && d->opt.api)
		r = open_api(d, e);
	if (!r)
		r = reload_watch(d, e);
	if (!r)
		r = file_watch_start(d->watch, base, reload_now, d, e);
	if (!r)
		r = control_watch(d->control, kern_events_fd(d->kern), &on, e);
	return r ? r : succeed_open(d, e);
}

static int open_kern(struct daemon *d, struct err *e)
{
	unsigned n = 0;
	uint16_t *ports = daemon_ports(d, &n, e);
	const struct kern_config cfg = {
		d->opt.pin_dir, d->root, ports, n, d->opt.max_per_cgroup, .later = d->takeover != NULL};
	int r = ports ? kern_open(&d->kern, &cfg, e) : -ENOMEM;

	free(ports);
	return r;
}

static int start(struct daemon *d, struct err *e)
{
	int r = resolver_start(&d->resolver, e);

	if (!r)
		r = resolver_set_policy(d->resolver, d->policy, e);
	if (!r)
		r = open_kern(d, e);
	if (!r)
		r = lock_pins(d, e);
	if (!r)
		r = netns_thread_start(&d->netns, e);
	if (!r)
		r = feeds_new(&d->feeds, d->opt.max_age_ms, e);
	if (!r)
		r = open_approvals(d, e);
	if (!r)
		r = start_recorder(d, e);
	if (!r)
		r = start_ship(d, e);
	if (!r) {
		d->splicer = splicing_open(d->opt.splice, &d->splice_verdict);
		r = start_workers(d, e);
	}
	if (!r)
		r = start_audit(d, e);
	if (!r)
		r = control_open(&d->control, e);
	return r ? r : start_control(d, e);
}

/* The reverse. Without listeners the kernel refuses enrolled connects by itself, until the next daemon. */
static void stop(struct daemon *d)
{
	file_watch_close(d->watch);
	watchdog_close(d->watchdog);
	scrape_close(d->scrape);
	if (d->admin && !d->in_charge)
		admin_leave(d->admin);
	if (d->approvals_api && !d->in_charge)
		approvals_api_leave(d->approvals_api);
	approvals_api_close(d->approvals_api);
	api_close(d->api);
	admin_close(d->admin);
	json_decref(d->complaints);
	cluster_stop(d);
	sweep_close(d->sweep);
	guard_close(d->guard);
	audit_stop(d->audit);
	succeed_close(d);
	if (d->control)
		control_unwatch(d->control);
	/* What is in the kernel is somebody else's: before this one had all, and after it gave all away. */
	if (d->kern && d->in_charge)
		kern_forget_listeners(d->kern);
	if (d->feeds)
		feeds_stop(d->feeds);
	if (d->approvals)
		approvals_hush(d->approvals);
	if (d->keeper)
		keeper_set_workers(d->keeper, NULL);
	if (d->workers)
		workers_stop(d->workers, GRACE_MS);
	d->workers = NULL;
	approvals_close(d->approvals);
	keeper_stop(d->keeper);
	recorder_close(d->recorder);
	ship_close(d->ship, d->in_charge ? SHIP_GRACE_MS : 0);
	free(d->scribes);
	splice_close(d->splicer);
	recall_free(d->recall);
	budget_free(d->budget);
	enrol_close(d->enrol);
	feeds_free(d->feeds);
	if (d->netns)
		netns_thread_stop(d->netns);
	kern_close(d->kern);
	resolver_stop(d->resolver);
	overlap_close(d->overlap);
	takeover_close(d->takeover);
	control_close(d->control);
	policy_unref(d->policy);
	log_set_tap(NULL, NULL);
	webhook_close(d->webhook);
	cluster_close(d);
	events_free(d->events);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
}

/* Every session needs two descriptors. Not being allowed more than there are is no reason not to start. */
static void raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &l) < 0)
			log_event(LOG_WARN, "start.files", "RLIMIT_NOFILE: %m");
	}
}

static void on_line(void *arg, const char *event, const char *line, size_t len)
{
	const struct daemon *d = arg;

	events_add(d->events, event, line, len);
	if (d->webhook)
		webhook_add(d->webhook, event, line, len);
	if (d->kube_event)
		kube_event_add(d->kube_event, event, line, len);
}

/* Whose container ends is started again by the kubelet, and would take over in its turn: a pod that was
 * succeeded waits until it is deleted. */
static void wait_for_end(const struct daemon *d, const sigset_t *control)
{
	int sig = 0;

	if (!d->drain_until_ms || d->told_to_end || !cluster_in_pod(d))
		return;
	log_event(LOG_INFO, "stop.waits", "another pgveild has taken over; this pod waits to be deleted");
	while (sigwait(control, &sig) == 0 && sig != SIGTERM && sig != SIGINT)
		;
}

int main(int argc, char **argv)
{
	static struct daemon d = {.lock_fd = -1, .tenure = TENURE_SHARED};
	struct err e = {0};
	sigset_t control;
	int r;

	if (argc > 1 && strcmp(argv[1], SENTINEL_OPTION) == 0)
		return sentinel_run(argc, argv);
	d.argv = argv;
	if (options_parse(&d.opt, argc, argv)) {
		fputs("Try `pgveild --help`.\n", stderr);
		return 1;
	}
	if (d.opt.help) {
		options_help();
		return 0;
	}
	if (readlink("/proc/self/exe", d.program, sizeof(d.program) - 1) < 0)
		d.program[0] = '\0';
	log_set_level(d.opt.log_level);
	/* Signals are the control loop's: threads inherit the mask, this one opens it again. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&control);
	sigaddset(&control, SIGHUP);
	sigaddset(&control, SIGUSR2);
	sigaddset(&control, SIGTERM);
	sigaddset(&control, SIGINT);
	pthread_sigmask(SIG_BLOCK, &control, NULL);
	raise_files();
	if (events_new(&d.events, &e)) {
		check(-ENOMEM, &e);
		return 1;
	}
	if (d.opt.ship && http_start(&e)) {
		check(e.code, &e);
		return 1;
	}
	if (d.opt.webhook && (webhook_open(&d.webhook,
				      &(struct webhook_config){d.opt.webhook, d.opt.webhook_secret,
					      d.opt.webhook_events, d.opt.webhook_while_ms},
				      &e) ||
				     webhook_start(d.webhook, &e))) {
		check(-EINVAL, &e);
		stop(&d);
		return 1;
	}
	r = cluster_open(&d, &e);
	if (r) {
		check(r, &e);
		stop(&d);
		return 1;
	}
	log_set_tap(on_line, &d);
	if (!check_needs(&d)) {
		stop(&d);
		return 1;
	}
	r = start(&d, &e);
	if (r) {
		check(r, &e);
		stop(&d);
		return 1;
	}
	pthread_sigmask(SIG_UNBLOCK, &control, NULL);
	credential_warn(d.policy);
	ready_say(&d);
	control_run(d.control);
	log_event(LOG_INFO, "stop.begin", "sessions are told to go; the pinned programs stay");
	pthread_sigmask(SIG_BLOCK, &control, NULL);
	stop(&d);
	wait_for_end(&d, &control);
	log_event(LOG_INFO, "stop.done", "ended");
	return d.unguarded;
}
