/* SPDX-License-Identifier: MIT */
#include "ctl/kube_metrics.h"

#include <time.h>
#include "base/attr.h"
#include "base/metric.h"
#include "ctl/approvals_cluster.h"
#include "ctl/budget_cluster.h"
#include "ctl/enrol.h"
#include "ctl/kube.h"
#include "ctl/kube_event.h"
#include "ctl/kube_policy.h"
#include "ctl/kube_watch.h"
#include "ctl/pods.h"
#include "ctl/report.h"

#define WATCHES_MAX 16
#define MS          1e-3

struct watches {
	struct kube_watch_counts v[WATCHES_MAX];
	unsigned n;
};

static void on_watch(void *arg, struct kube_watch *w)
{
	struct watches *ws = arg;

	if (ws->n < WATCHES_MAX)
		kube_watch_count(w, &ws->v[ws->n++]);
}

static void add_faults(const struct watches *ws, struct metric_text *m)
{
	metric_family(m, METRIC_COUNTER, "pgveil_kube_watch_failures",
		"Lists and watches that did not come to their end: no answer (unreached), HTTP status 401 or "
		"403 "
		"(forbidden), 410 (expired), 429 (busy) or another one (status), what cannot be read or kept "
		"(unreadable), or it broke off (broken).");
	for (unsigned i = 0; i < ws->n; i++)
		for (enum reflector_fault f = 0; f < REFLECTOR_FAULT_MAX; f++)
			metric_number(m,
				METRIC_LABELS("collection", ws->v[i].name, "cause", reflector_fault_name(f)),
				ws->v[i].of.faults[f]);
}

static void add_watches(const struct watches *ws, struct metric_text *m)
{
	metric_family(m, METRIC_GAUGE, "pgveil_kube_watch_current",
		"1 while the API server is heard, by what is watched.");
	for (unsigned i = 0; i < ws->n; i++)
		metric_number(m, METRIC_LABELS("collection", ws->v[i].name), ws->v[i].current);
	metric_family(m, METRIC_GAUGE, "pgveil_kube_watch_age_seconds",
		"How long ago it was heard last, while all was known; a bookmark comes about each minute. "
		"Since the "
		"start, where it never was.");
	for (unsigned i = 0; i < ws->n; i++)
		metric_seconds(m, METRIC_LABELS("collection", ws->v[i].name), (double)ws->v[i].age_ms * MS);
	metric_family(m, METRIC_COUNTER, "pgveil_kube_watch_lists",
		"Times that all was listed: once, and again when the server has forgotten what came "
		"between.");
	for (unsigned i = 0; i < ws->n; i++)
		metric_number(m, METRIC_LABELS("collection", ws->v[i].name), ws->v[i].of.lists);
	metric_family(m, METRIC_COUNTER, "pgveil_kube_watch_events", "Changes and bookmarks that it told.");
	for (unsigned i = 0; i < ws->n; i++)
		metric_number(m, METRIC_LABELS("collection", ws->v[i].name), ws->v[i].of.events);
	metric_family(m, METRIC_GAUGE, "pgveil_kube_objects", "Objects that there are, as it told.");
	for (unsigned i = 0; i < ws->n; i++)
		metric_number(m, METRIC_LABELS("collection", ws->v[i].name), ws->v[i].of.objects);
	add_faults(ws, m);
}

struct pods_sum {
	uint64_t state[POD_EXEMPT + 1], oldest_ms;
};

static void on_pod(void *arg, const struct pods_view *v)
{
	const struct pod_verdict *is = v->verdict;
	struct pods_sum *sum = arg;

	sum->state[is->state]++;
	/* Of one that the API has no more nobody hears again. */
	if (!is->gone && is->as_of_ms && (!sum->oldest_ms || is->as_of_ms < sum->oldest_ms))
		sum->oldest_ms = is->as_of_ms;
}

static void add_pods(const struct report *r, struct metric_text *m)
{
	const struct pods *pods = enrol_pods(r->enrol);
	struct pods_sum sum = {0};
	struct timespec now;
	double age_s;

	if (!pods)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	enrol_each_pod(r->enrol, on_pod, &sum);
	age_s = (double)now.tv_sec - (double)sum.oldest_ms * MS;
	metric_family(m, METRIC_GAUGE, "pgveil_pods",
		"Pods whose cgroups are on this node: captured (enrolled), left alone (exempt), denied "
		"because they "
		"could get round it, and refused because nobody has said what they are (unknown).");
	for (enum pod_state s = POD_UNKNOWN; s <= POD_EXEMPT; s++)
		metric_number(m, METRIC_LABELS("state", pod_state_name(s)), sum.state[s]);
	metric_family(m, METRIC_GAUGE, "pgveil_pods_age_seconds",
		"As of how long ago what is known of them is true, of the one where that is longest ago.");
	metric_seconds(m, NULL, sum.oldest_ms && age_s > 0 ? age_s : 0);
	metric_family(m, METRIC_HISTOGRAM, "pgveil_pod_unknown_seconds",
		"How long a pod that starts was refused, from when its cgroup was seen until it was known "
		"what it "
		"is, by what it is.");
	for (enum pod_state s = POD_DENIED; s <= POD_EXEMPT; s++)
		metric_histogram(m, METRIC_LABELS("state", pod_state_name(s)), pods_waited(pods, s));
}

static void add_policies(struct kube_policy *k, struct metric_text *m)
{
	struct kube_policy_counts c;

	kube_policy_count(k, &c);
	metric_family(m, METRIC_GAUGE, "pgveil_kube_policies",
		"Policy objects: those that the API server has (known), and those of which the policy is "
		"made that "
		"is in force (in_force).");
	metric_number(m, METRIC_LABELS("state", "known"), c.objects);
	metric_number(m, METRIC_LABELS("state", "in_force"), c.in_force);
	metric_family(m, METRIC_COUNTER, "pgveil_kube_policy_statuses",
		"Times that the status of one was to be written, by whether it was.");
	metric_number(m, METRIC_LABELS("result", "written"), c.status_written);
	metric_number(m, METRIC_LABELS("result", "failed"), c.status_failed);
}

static void add_events(struct kube_event *k, struct metric_text *m)
{
	struct kube_event_counts c;

	kube_event_counts(k, &c);
	metric_family(m, METRIC_COUNTER, "pgveil_kube_events",
		"Events on pods that were to be written, by whether they were; dropped: there was no room "
		"for more.");
	metric_number(m, METRIC_LABELS("result", "written"), c.written);
	metric_number(m, METRIC_LABELS("result", "failed"), c.failed);
	metric_number(m, METRIC_LABELS("result", "dropped"), c.dropped);
}

static void add_budgets(struct budget_cluster *b, struct metric_text *m)
{
	struct budget_cluster_counts c;

	budget_cluster_counts(b, &c);
	metric_family(m, METRIC_COUNTER, "pgveil_budget_writes",
		"Leases of export windows that this node took or gave back, as ExportBudgets.");
	metric_number(m, NULL, c.written);
	metric_family(m, METRIC_COUNTER, "pgveil_budget_conflicts",
		"Times that another node wrote of the same window at the same moment, and it was read "
		"again.");
	metric_number(m, NULL, c.conflicts);
	metric_family(m, METRIC_COUNTER, "pgveil_budget_failures",
		"Leases that could not be had, whatever was left of the window.");
	metric_number(m, NULL, c.failed);
	metric_family(m, METRIC_GAUGE, "pgveil_budget_away",
		"1 while the API server does not answer or allow it: of export windows there is no more than "
		"is "
		"leased.");
	metric_number(m, NULL, c.away);
}

void kube_metrics(const struct report *r, struct metric_text *m)
{
	struct watches ws = {.n = 0};

	if (r->kube)
		kube_each_watch(r->kube, on_watch, &ws);
	if (r->kube_policy)
		on_watch(&ws, kube_policy_watch(r->kube_policy));
	if (r->cluster)
		cluster_each_watch(r->cluster, on_watch, &ws);
	if (ws.n)
		add_watches(&ws, m);
	add_pods(r, m);
	if (r->kube_policy)
		add_policies(r->kube_policy, m);
	if (r->kube_event)
		add_events(r->kube_event, m);
	if (r->budgets)
		add_budgets(r->budgets, m);
}
