/* SPDX-License-Identifier: MIT */
#include "main/succeed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/admin.h"
#include "ctl/approvals.h"
#include "ctl/api.h"
#include "ctl/approvals_api.h"
#include "ctl/audit.h"
#include "ctl/clock.h"
#include "ctl/control.h"
#include "ctl/enrol.h"
#include "ctl/guard.h"
#include "ctl/handover.h"
#include "ctl/health.h"
#include "ctl/overlap.h"
#include "ctl/scrape.h"
#include "ctl/takeover.h"
#include "kern/loader.h"
#include "main/cluster.h"
#include "main/daemon.h"
#include "net/worker.h"
#include "policy/policy.h"

uint16_t *daemon_ports(const struct daemon *d, unsigned *n, struct err *e)
{
	uint16_t *ports;

	unsigned databases = policy_databases(d->policy);

	*n = databases;
	ports = calloc(databases + 2, sizeof(*ports));
	if (!ports)
		err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; ports && i < databases; i++)
		ports[i] = policy_database_at(d->policy, i)->port;
	if (ports && d->kube_policy)
		ports[(*n)++] = DAEMON_USUAL_PORT;
	/* What agents connect to there is the engine, which speaks no HTTP: none of them reaches the API. */
	if (ports && d->opt.api)
		ports[(*n)++] = api_port(d->opt.api);
	return ports;
}

int succeed_begin(struct daemon *d, struct err *e)
{
	int r = takeover_begin(&d->takeover, d->opt.run_dir, d->opt.pin_dir, &d->lock_fd, e);

	if (!r)
		log_event(LOG_INFO, "handover.begin", "the daemon that runs lets this one take over");
	return r;
}

int succeed_receive(struct daemon *d, struct err *e)
{
	unsigned n = 0;
	uint16_t *ports = daemon_ports(d, &n, e);
	int r = ports ? workers_pause(d->workers, e) : -ENOMEM;

	if (!r)
		r = takeover_receive(d->takeover, d->opt.drain_grace_ms, d->workers, d->budget, d->recall, e);
	if (!r)
		r = kern_enforce(d->kern, ports, n, e);
	free(ports);
	return r;
}

/* ---- somebody takes over from us ---- */

static void on_failed(void *arg)
{
	struct daemon *d = arg;
	struct err e = {0};
	int r = kern_attach_again(d->kern, &e);

	if (!r)
		r = enrol_assert(d->enrol, &e);
	/* What is not said anew is refused by the kernel, and not let through. */
	if (r)
		log_event(LOG_ERROR, "handover.failed", "%s", e.msg);
}

static bool on_drained(void *arg)
{
	struct daemon *d = arg;
	struct workers_stats st;

	workers_stats(d->workers, &st);
	if (st.connections && clock_ms() < d->drain_until_ms)
		return false;
	log_with(LOG_INFO, "handover.drained", LOG_FIELDS(LOG_NUMBER("connections", st.connections)),
		"this daemon ends; whoever is left is told to go");
	control_end(d->control);
	return true;
}

/* The successor has all that there is but our sessions. */
static void on_over(void *arg, pid_t successor)
{
	struct daemon *d = arg;
	char text[64];

	d->in_charge = false;
	d->drain_until_ms = clock_ms() + d->opt.drain_grace_ms;
	snprintf(text, sizeof(text), "MAINPID=%d", (int)successor);
	ready_notify(text);
	control_unread(d->control);
	admin_leave(d->admin);
	admin_close(d->admin);
	approvals_api_leave(d->approvals_api);
	approvals_api_close(d->approvals_api);
	d->approvals_api = NULL;
	api_close(d->api);
	d->api = NULL;
	approvals_leave(d->approvals);
	cluster_leave(d);
	scrape_close(d->scrape);
	watchdog_close(d->watchdog);
	guard_close(d->guard);
	enrol_close(d->enrol);
	d->admin = NULL;
	d->scrape = NULL;
	d->watchdog = NULL;
	d->guard = NULL;
	d->enrol = NULL;
	/* The successor has the same lock, and it stays locked until both have closed it. */
	close(d->lock_fd);
	d->lock_fd = -1;
	workers_drain(d->workers);
	/* It may be looking at something, which takes a while. */
	audit_stop(d->audit);
	d->audit = NULL;
}

int succeed_open(struct daemon *d, struct err *e)
{
	const struct handover_config cfg = {
		.base = control_base(d->control),
		.run_dir = d->opt.run_dir,
		.socket = d->takeover ? takeover_socket(d->takeover, TAKEOVER_HANDOVER) : -1,
		.workers = d->workers,
		.budget = d->budget,
		.recall = d->recall,
		.enrol = d->enrol,
		.overlap = d->overlap,
		.tenure = &d->tenure,
		.lock_fd = d->lock_fd,
		.admin_fd = admin_fd(d->admin),
		.scrape_fd = scrape_fd(d->scrape),
		.grace_ms = d->opt.drain_grace_ms,
		.failed = on_failed,
		.over = on_over,
		.drained = on_drained,
		.arg = d,
	};
	int r = handover_open(&d->handover, &cfg, e);

	if (!r && d->takeover)
		r = takeover_ready(d->takeover, e);
	if (!r)
		r = approvals_begin(d->approvals, e);
	if (r)
		return r;
	d->in_charge = true;
	workers_accept(d->workers);
	return 0;
}

void succeed_close(struct daemon *d)
{
	handover_close(d->handover);
	d->handover = NULL;
}

/* ---- SIGUSR2 ---- */

/* The same words, and --takeover; who waits for --ready-fd has had its answer. To be freed. */
static char **successor_argv(char **argv)
{
	size_t n = 0, k = 0;
	bool asked = false;
	char **v;

	while (argv[n])
		n++;
	v = calloc(n + 2, sizeof(*v));
	for (size_t i = 0; v && i < n; i++) {
		asked |= strcmp(argv[i], "--takeover") == 0;
		if (strcmp(argv[i], "--ready-fd") == 0)
			i++;
		else if (strncmp(argv[i], "--ready-fd=", 11) != 0)
			v[k++] = argv[i];
	}
	if (v && !asked)
		v[k] = "--takeover";
	return v;
}

/* Between fork and exec: only what signal handlers may. Its parent ends at once, so that it is init's, and
 * systemd hears how it ends. */
static void run_successor(const char *path, char **argv)
{
	sigset_t none;
	pid_t pid = fork();

	if (pid)
		_exit(pid < 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(path, argv);
	_exit(127);
}

void succeed_spawn(struct daemon *d)
{
	char **argv = successor_argv(d->argv);
	int status = 0;
	pid_t pid;

	if (!d->in_charge || !argv || !d->program[0]) {
		log_event(LOG_WARN, "handover.failed", "no successor can be started");
		free(argv);
		return;
	}
	log_event(LOG_INFO, "handover.spawn", "%s is started, to take over", d->program);
	pid = fork();
	if (!pid)
		run_successor(d->program, argv);
	free(argv);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		log_event(LOG_ERROR, "handover.failed", "no successor could be started: %m");
}
