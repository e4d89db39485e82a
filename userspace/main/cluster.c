/* SPDX-License-Identifier: MIT */
#include "main/cluster.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/approvals_cluster.h"
#include "ctl/budget_cluster.h"
#include "ctl/control.h"
#include "ctl/kube.h"
#include "ctl/kube_event.h"
#include "ctl/kube_policy.h"
#include "ctl/kube_root.h"
#include "kern/cgroup.h"
#include "kube/book.h"
#include "kube/pod_path.h"
#include "main/daemon.h"
#include "main/reload.h"

static uint64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Any number of changes is one look at all pods. */
static void on_changed(void *arg, const char *cgroup_uid)
{
	const struct daemon *d = arg;
	const uint64_t one = 1;

	(void)cgroup_uid;
	if (write(d->book_changed_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_event(LOG_ERROR, "pods.unseen", "eventfd: %m");
}

int cluster_root(const struct daemon *d, char *out, size_t cap, struct err *e)
{
	char own[PATH_MAX];
	int r = cgroup_of_pid(getpid(), own, sizeof(own), e);

	return r ? r : kube_root_find(d->mount, own, out, cap, e);
}

bool cluster_in_pod(const struct daemon *d)
{
	char own[PATH_MAX];
	struct pod_path pp;

	return d->opt.kube_node && !cgroup_of_pid(getpid(), own, sizeof(own), NULL) &&
	       pod_path_read(own, &pp);
}

static int open_approvals(struct daemon *d, struct err *e)
{
	const struct cluster_config cfg = {
		.access = {.server = d->opt.kube_server,
			.ca_file = d->opt.kube_ca,
			.token_file = d->opt.kube_token},
		.namespace = d->opt.kube_namespace,
		.node = d->opt.kube_node,
		.key_file = d->opt.kube_approval_key,
	};

	if (!d->opt.kube_approvals)
		return 0;
	if (!cfg.node || !cfg.key_file)
		return err_set(e, -EINVAL, "--kube-approvals needs --kube-node and --kube-approval-key");
	return cluster_new(&d->cluster, &cfg, e);
}

static int open_budgets(struct daemon *d, struct err *e)
{
	const struct budget_cluster_config cfg = {
		.access = {.server = d->opt.kube_server,
			.ca_file = d->opt.kube_ca,
			.token_file = d->opt.kube_token},
		.namespace = d->opt.kube_namespace,
		.node = d->opt.kube_node,
	};

	if (!d->opt.kube_budgets)
		return 0;
	if (!cfg.node)
		return err_set(e, -EINVAL, "--kube-budgets needs --kube-node");
	return budget_cluster_new(&d->budgets, &cfg, e);
}

int cluster_open(struct daemon *d, struct err *e)
{
	const struct book_config book = {
		.rules = {.runtime_classes = d->opt.kube_runtime_classes,
			.nruntime_classes = d->opt.nkube_runtime_classes,
			.deny_net_raw = d->opt.kube_deny_net_raw},
		.guard_namespaces = d->opt.kube_guard_namespaces,
		.guard_labelled = d->opt.kube_guard_labelled,
		.release = d->opt.kube_release,
		.wall_ms = wall_ms,
		.changed = on_changed,
		.arg = d,
	};
	struct kube_config kube = {
		.access = {.server = d->opt.kube_server,
			.ca_file = d->opt.kube_ca,
			.token_file = d->opt.kube_token},
		.node = d->opt.kube_node,
	};
	int r;

	r = open_approvals(d, e);
	if (!r)
		r = open_budgets(d, e);
	if (r || !d->opt.kube_node)
		return r;
	d->book_changed_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->book_changed_fd < 0)
		return err_set(e, -errno, "eventfd: %m");
	r = book_new(&d->book, &book, e);
	if (r)
		close(d->book_changed_fd);
	kube.book = d->book;
	if (!r)
		r = kube_open(&d->kube, &kube, e);
	if (!r && d->opt.kube_policies) {
		const struct kube_policy_config policies = {
			kube.access, d->opt.kube_node, d->opt.state_dir, d->opt.kube_nodes_ms, wall_ms};

		r = kube_policy_open(&d->kube_policy, &policies, e);
	}
	if (!r && d->opt.kube_events) {
		const struct kube_event_config events = {&kube.access, d->opt.kube_node, d->book, wall_ms};

		r = kube_event_open(&d->kube_event, &events, e);
	}
	return r;
}

int cluster_start(struct daemon *d, struct err *e)
{
	int r = d->kube ? kube_start(d->kube, e) : 0;

	if (!r && d->kube_event)
		r = kube_event_start(d->kube_event, e);
	if (!r && d->kube_policy)
		r = kube_policy_start(d->kube_policy, control_base(d->control), reload_now, d, e);
	return r;
}

void cluster_leave(struct daemon *d)
{
	kube_policy_leave(d->kube_policy);
	kube_event_leave(d->kube_event);
}

void cluster_stop(struct daemon *d)
{
	kube_close(d->kube);
	d->kube = NULL;
	kube_policy_close(d->kube_policy);
	d->kube_policy = NULL;
}

void cluster_close(struct daemon *d)
{
	cluster_free(d->cluster);
	budget_cluster_free(d->budgets);
	kube_event_close(d->kube_event);
	if (!d->book)
		return;
	book_free(d->book);
	close(d->book_changed_fd);
}
