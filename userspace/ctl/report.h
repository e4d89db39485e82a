/* SPDX-License-Identifier: MIT */
/* report: what the daemon knows, as JSON for the admin API. Never holds a value out of a result. */
#ifndef PGVEIL_CTL_REPORT_H
#define PGVEIL_CTL_REPORT_H

#include <jansson.h>
#include <stdint.h>

#define PGVEIL_VERSION "0.1"

struct audit;
struct enrol;
struct feeds;
struct kern;
struct budget_cluster;
struct kube;
struct kube_event;
struct kube_policy;
struct policy;
struct allowance;
struct approvals;
struct cluster;
struct webhook;
struct recorder;
struct ship;
struct workers;

struct report { /* what is reported on; borrowed */
	struct workers *workers;
	struct recorder *recorder;
	struct ship *ship; /* NULL: recordings stay here */
	struct approvals *approvals;
	struct webhook *webhook; /* NULL: nobody is told */
	struct allowance *allowance;
	struct enrol *enrol;
	struct audit *audit;
	struct feeds *feeds;
	struct kern *kern;
	struct kube *kube;               /* NULL: this is no node of a cluster */
	struct kube_policy *kube_policy; /* NULL: no objects are read */
	struct kube_event *kube_event;   /* NULL: pods are told nothing */
	struct budget_cluster *budgets;  /* NULL: no window is shared */
	struct cluster *cluster;         /* NULL: what is asked for stays here */
	const struct policy *policy;
	const char *const *policy_files;
	unsigned npolicy_files;
	const char *cgroup_mount, *cgroup_root, *pin_dir;
	uint64_t since_ms, loaded_ms; /* start, last load of the policy; of clock_ms */
	uint64_t loaded_at_s;         /* the latter, since 1970 */
	uint64_t reloads, reload_failures;
	const json_t *complaints; /* of the last attempt to load the policy anew; NULL: it was taken */
	uint64_t failed_at_s;
};

/* All give a new reference, or NULL without memory. */
json_t *report_status(const struct report *r);
json_t *report_sessions(const struct report *r);
json_t *report_policies(const struct report *r);

#endif
