/* SPDX-License-Identifier: MIT */
#include "ctl/metrics.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "ctl/approvals.h"
#include "ctl/audit.h"
#include "ctl/clock.h"
#include "ctl/enrol.h"
#include "ctl/feed.h"
#include "ctl/health.h"
#include "ctl/kube_metrics.h"
#include "ctl/recorder.h"
#include "ctl/ship.h"
#include "ctl/report.h"
#include "ctl/webhook.h"
#include "kern/loader.h"
#include "net/worker.h"
#include "policy/allowance.h"
#include "policy/masked.h"
#include "policy/policy.h"

#define ENTRIES_MAX 256 /* of databases told apart */
#define WINDOWS_MAX 256 /* that are told one by one */
#define MS          1e-3

struct per_database { /* a database entry, over all its catalogues */
	const char *name;
	uint64_t catalogues, loads, failures, age_ms;
};

struct entries {
	struct per_database entry[ENTRIES_MAX];
	unsigned n;
};

static struct per_database *entry_of(struct entries *es, const char *name)
{
	for (unsigned i = 0; i < es->n; i++) {
		if (strcmp(es->entry[i].name, name) == 0)
			return &es->entry[i];
	}
	if (es->n == ENTRIES_MAX)
		return NULL;
	es->entry[es->n] = (struct per_database){.name = name};
	return &es->entry[es->n++];
}

static void on_source(void *arg, const struct feed_source *s)
{
	struct per_database *x = entry_of(arg, s->database);

	if (!x)
		return;
	x->loads = s->loads;
	x->failures = s->failures;
}

/* One that nobody uses is not kept up, and its age says nothing. */
static void on_feed(void *arg, const struct feed_view *v)
{
	struct per_database *x = v->running && v->sessions ? entry_of(arg, v->database) : NULL;

	if (!x)
		return;
	x->catalogues++;
	if (v->loaded && v->age_ms > x->age_ms)
		x->age_ms = v->age_ms;
}

static void add_databases(const struct report *r, struct metric_text *m)
{
	struct entries es = {.n = 0};

	feeds_sources(r->feeds, on_source, &es); /* their names last as long as the feeds */
	feeds_each(r->feeds, on_feed, &es);
	metric_family(
		m, METRIC_GAUGE, "pgveil_catalogues", "Catalogues that sessions use, by database entry.");
	for (unsigned i = 0; i < es.n; i++)
		metric_number(m, METRIC_LABELS("database", es.entry[i].name), es.entry[i].catalogues);
	metric_family(m, METRIC_GAUGE, "pgveil_catalogue_age_seconds",
		"How long ago the oldest catalogue in use was known to be true.");
	for (unsigned i = 0; i < es.n; i++)
		metric_seconds(
			m, METRIC_LABELS("database", es.entry[i].name), (double)es.entry[i].age_ms * MS);
	metric_family(m, METRIC_COUNTER, "pgveil_catalogue_loads", "Catalogues that were read whole.");
	for (unsigned i = 0; i < es.n; i++)
		metric_number(m, METRIC_LABELS("database", es.entry[i].name), es.entry[i].loads);
	metric_family(m, METRIC_COUNTER, "pgveil_catalogue_failures",
		"Refreshes of catalogues that failed, their logins included.");
	for (unsigned i = 0; i < es.n; i++)
		metric_number(m, METRIC_LABELS("database", es.entry[i].name), es.entry[i].failures);
}

static void add_check(void *arg, const char *name, bool ok)
{
	metric_number(arg, METRIC_LABELS("check", name), ok);
}

static void add_ready(const struct report *r, struct metric_text *m)
{
	bool ready;

	metric_family(m, METRIC_GAUGE, "pgveil_ready_check",
		"1 where /readyz finds a thing as it must be, by its lines.");
	ready = health_each(r, add_check, m);
	metric_family(m, METRIC_GAUGE, "pgveil_ready", "1 while /readyz says so: all of them are.");
	metric_number(m, NULL, ready);
}

static void on_enrolment(void *arg, const struct enrol_view *v)
{
	uint64_t *n = arg;

	n[v->stage]++;
}

static void add_kernel(const struct report *r, struct metric_text *m)
{
	uint64_t stage[ENROL_READY + 1] = {0};
	struct err e = {0};

	metric_family(m, METRIC_GAUGE, "pgveil_guarded",
		"1 while every BPF program is attached to the guarded cgroup.");
	metric_number(m, NULL, kern_check(r->kern, &e) == 0);
	metric_family(m, METRIC_COUNTER, "pgveil_kernel_connects",
		"Connects to captured ports, sockets and packets, by what the kernel's side made of them.");
	for (enum counter c = 0; c < COUNTER_MAX; c++)
		metric_number(m, METRIC_LABELS("outcome", kern_counter_name(c)), kern_counter(r->kern, c));
	enrol_each(r->enrol, on_enrolment, stage);
	metric_family(
		m, METRIC_GAUGE, "pgveil_enrolled_cgroups", "Cgroups that are, or are to be, enrolled.");
	for (enum enrol_stage s = ENROL_PENDING; s <= ENROL_READY; s++)
		metric_number(m, METRIC_LABELS("state", enrol_stage_name(s)), stage[s]);
}

static void add_approvals(const struct report *r, struct metric_text *m)
{
	struct approvals_stats st;

	approvals_stats(r->approvals, &st);
	metric_family(m, METRIC_COUNTER, "pgveil_approvals",
		"What became of statements that a person must approve of.");
	metric_number(m, METRIC_LABELS("event", "asked"), st.asked);
	metric_number(m, METRIC_LABELS("event", "approved"), st.approved);
	metric_number(m, METRIC_LABELS("event", "denied"), st.denied);
	metric_number(m, METRIC_LABELS("event", "expired"), st.expired);
	metric_number(m, METRIC_LABELS("event", "consumed"), st.used);
	metric_number(m, METRIC_LABELS("event", "void"), st.voided);
	metric_number(m, METRIC_LABELS("event", "revoked"), st.revoked);
	metric_number(m, METRIC_LABELS("event", "break_glass"), st.glass);
	metric_family(
		m, METRIC_GAUGE, "pgveil_approvals_pending", "Approvals that nobody has decided on yet.");
	metric_number(m, NULL, st.pending);
	metric_family(m, METRIC_GAUGE, "pgveil_approvals_oldest_age_seconds",
		"How long ago the oldest of them was asked for; 0: none is pending.");
	metric_number(m, NULL, st.oldest_s);
	metric_family(
		m, METRIC_GAUGE, "pgveil_statements_held", "Statements whose clients wait for an approval.");
	metric_number(m, NULL, st.waiting);
}

static void add_decisions(const struct report *r, struct metric_text *m)
{
	struct metric_times all = {0};

	approvals_decided(r->approvals, &all);
	metric_family(m, METRIC_HISTOGRAM, "pgveil_approval_decision_seconds",
		"How long it took until an approval was given or denied by somebody.");
	metric_histogram(m, NULL, &all);
}

/* The keys are of the policies: what of it is open cannot be more than it names, unless it changed. */
struct windows {
	struct metric_text *m;
	unsigned n;
};

static void on_window(
	void *arg, const char *key, const uint64_t spent[MEASURES], const uint64_t limit[MEASURES])
{
	struct windows *ws = arg;

	if (ws->n++ >= WINDOWS_MAX)
		return;
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++)
		if (limit[m] != LIMIT_NONE)
			metric_seconds(ws->m, METRIC_LABELS("window", key, "measure", measure_name(m)),
				limit[m] ? (double)spent[m] / (double)limit[m] : 1);
}

static void add_queues(const struct report *r, struct metric_text *m)
{
	struct windows windows = {.m = m};
	struct approvals_stats approvals;
	struct recorder_queue record;
	struct workers_queues q;
	unsigned waiting;

	metric_family(m, METRIC_GAUGE, "pgveil_window_spent_ratio",
		"How much of an export window is spent, of those that somebody has open.");
	waiting = allowance_each(r->allowance, on_window, &windows);
	approvals_stats(r->approvals, &approvals);
	recorder_queue(r->recorder, &record);
	workers_queues(r->workers, &q);
	metric_family(m, METRIC_GAUGE, "pgveil_queue_depth",
		"What waits: connections to be accepted (accept), for a worker to come to them (worker), "
		"statements for an approval (approval), windows for their keeper (window), records to be "
		"written (record) and to be on disk (sync), events for the webhook (webhook), servers to "
		"end what a client that is gone began (straggler).");
	metric_number(m, METRIC_LABELS("queue", "accept"), q.backlog);
	metric_number(m, METRIC_LABELS("queue", "worker"), q.posts);
	metric_number(m, METRIC_LABELS("queue", "approval"), approvals.waiting);
	metric_number(m, METRIC_LABELS("queue", "window"), waiting);
	metric_number(m, METRIC_LABELS("queue", "record"), record.records);
	metric_number(m, METRIC_LABELS("queue", "sync"), record.unsynced);
	metric_number(m, METRIC_LABELS("queue", "webhook"), webhook_depth(r->webhook));
	metric_number(m, METRIC_LABELS("queue", "straggler"), q.stragglers);
	metric_family(m, METRIC_GAUGE, "pgveil_queue_bytes",
		"Bytes that wait: for clients and databases that do not take them, and records to be "
		"written.");
	metric_number(m, METRIC_LABELS("queue", "client"), q.to_client);
	metric_number(m, METRIC_LABELS("queue", "database"), q.to_database);
	metric_number(m, METRIC_LABELS("queue", "record"), record.bytes);
}

static void add_audit(const struct report *r, struct metric_text *m)
{
	struct audit_stats st;

	audit_stats(r->audit, &st);
	metric_family(m, METRIC_COUNTER, "pgveil_audit_rounds",
		"Looks through the network namespaces for connections past the engine, by whether all could "
		"be "
		"seen.");
	metric_number(m, METRIC_LABELS("result", "whole"), st.rounds - st.cut);
	metric_number(m, METRIC_LABELS("result", "cut"), st.cut);
	metric_family(m, METRIC_GAUGE, "pgveil_audit_age_seconds", "How long ago the last one ended.");
	metric_seconds(m, NULL, (double)st.age_ms * MS);
	metric_family(m, METRIC_COUNTER, "pgveil_strays",
		"Connections to databases that did not come through the engine, by what became of them.");
	metric_number(m, METRIC_LABELS("outcome", "ended"), st.ended);
	metric_number(m, METRIC_LABELS("outcome", "stays"), st.not_ended);
	metric_number(m, METRIC_LABELS("outcome", "foreign"), st.foreign);
	metric_family(m, METRIC_COUNTER, "pgveil_checks",
		"Connects from inside of enrolled cgroups, by whether they reached the engine.");
	metric_number(m, METRIC_LABELS("result", "ready"), st.ready);
	metric_number(m, METRIC_LABELS("result", "unready"), st.unready);
}

static void add_policy(const struct report *r, struct metric_text *m)
{
	metric_family(m, METRIC_GAUGE, "pgveil_policy_version",
		"Of the policy in force; another number after each reload.");
	metric_number(m, NULL, policy_version(r->policy));
	metric_family(m, METRIC_GAUGE, "pgveil_policy_loaded_timestamp_seconds", "When it was loaded.");
	metric_number(m, NULL, r->loaded_at_s);
	metric_family(m, METRIC_COUNTER, "pgveil_policy_reloads", "Reloads that were asked for, by result.");
	metric_number(m, METRIC_LABELS("result", "taken"), r->reloads);
	metric_number(m, METRIC_LABELS("result", "failed"), r->reload_failures);
	metric_family(m, METRIC_GAUGE, "pgveil_policy_rejected",
		"1 while the policy as it stands in its files and objects was not taken: an earlier one, or "
		"none, is "
		"in force.");
	metric_number(m, NULL, r->complaints != NULL);
}

static void add_masked(void *arg, const char *where, uint64_t cells)
{
	metric_number(arg, METRIC_LABELS("rule", where), cells);
}

static void add_rules(struct metric_text *m)
{
	metric_family(m, METRIC_COUNTER, "pgveil_rule_masked_cells",
		"Masked cells by the mask rule, as the place where it stands in the policy; told at the end "
		"of a "
		"result, or after a thousand rows.");
	masked_each(add_masked, m);
}

static uint64_t resident_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

void metrics_write(const struct report *r, struct metric_text *m)
{
	metric_family(m, METRIC_GAUGE, "pgveil_build_info", "What runs.");
	metric_number(m, METRIC_LABELS("version", PGVEIL_VERSION), 1);
	metric_family(m, METRIC_GAUGE, "pgveil_uptime_seconds", "Since the daemon began.");
	metric_seconds(m, NULL, (double)(clock_ms() - r->since_ms) * MS);
	metric_family(m, METRIC_GAUGE, "process_resident_memory_bytes", "Memory of the process.");
	metric_number(m, NULL, resident_bytes());
	add_ready(r, m);
	add_kernel(r, m);
	add_audit(r, m);
	add_policy(r, m);
	add_databases(r, m);
	add_approvals(r, m);
	add_decisions(r, m);
	workers_metrics(r->workers, m);
	add_rules(m);
	recorder_metrics(r->recorder, m);
	ship_metrics(r->ship, m);
	webhook_metrics(r->webhook, m);
	add_queues(r, m);
	kube_metrics(r, m);
	metric_end(m);
}

const char *metrics_type(bool open_metrics)
{
	return open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			    : "text/plain; version=0.0.4; charset=utf-8";
}

bool metrics_wants_open(const char *accept)
{
	return accept && strstr(accept, "application/openmetrics-text");
}
