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
#include "ctl/recorder.h"
#include "ctl/report.h"
#include "kern/loader.h"
#include "net/worker.h"
#include "policy/policy.h"

#define ENTRIES_MAX 256 /* of databases told apart */
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
	metric_family(
		m, METRIC_GAUGE, "pgveil_approvals_pending", "Approvals that nobody has decided on yet.");
	metric_number(m, NULL, st.pending);
	metric_family(
		m, METRIC_GAUGE, "pgveil_statements_held", "Statements whose clients wait for an approval.");
	metric_number(m, NULL, st.waiting);
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
	add_kernel(r, m);
	add_audit(r, m);
	add_policy(r, m);
	add_databases(r, m);
	add_approvals(r, m);
	workers_metrics(r->workers, m);
	recorder_metrics(r->recorder, m);
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
