/* SPDX-License-Identifier: MIT */
/* options: what pgveild's command line said, defaults filled in. A new one is a field here and a row of the
 * table in options.c, which the help is printed from. */
#ifndef PGVEIL_MAIN_OPTIONS_H
#define PGVEIL_MAIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/log.h"
#include "net/worker.h"

#define OPTIONS_POLICIES        64
#define OPTIONS_RUNTIME_CLASSES 16
#define OPTIONS_SECRET_DIRS     16

struct options { /* strings are those of argv */
	const char *policies[OPTIONS_POLICIES];
	unsigned npolicies;
	const char *cgroup_root, *pin_dir, *run_dir, *state_dir;
	unsigned workers, max_connections, max_per_cgroup;
	unsigned cell_max; /* bytes */
	uint64_t max_age_ms, audit_ms;
	size_t message_max;     /* bytes */
	const char *record_key; /* NULL: none */
	bool record_each;       /* --record-fsync statement */
	uint64_t record_keep_s; /* 0: for ever */
	size_t record_quota;    /* bytes; 0: any */
	size_t record_segment;
	const char *ship, *ship_endpoint, *ship_region, *ship_credentials, *ship_ca,
		*ship_node;    /* NULL: none */
	size_t ship_part;      /* bytes */
	uint64_t ship_after_s; /* 0: when a file is full */
	bool ship_remove, ship_plain;
	const char *metrics_listen;           /* NULL: nowhere */
	const char *webhook, *webhook_secret; /* NULL: none; a file */
	const char *webhook_events;           /* NULL: the usual */
	uint64_t webhook_while_ms;
	const char *kube_node; /* NULL: this is no node of a cluster */
	const char *kube_server, *kube_ca, *kube_token;
	const char *kube_runtime_classes[OPTIONS_RUNTIME_CLASSES];
	unsigned nkube_runtime_classes;
	bool kube_deny_net_raw, kube_release, kube_policies, kube_events;
	uint64_t kube_nodes_ms;            /* how often nodes are looked for that are gone */
	const char *kube_guard_namespaces; /* NULL: all, or by label */
	bool kube_guard_labelled;
	const char *kube_secret_dirs[OPTIONS_SECRET_DIRS];
	unsigned nkube_secret_dirs;
	bool kube_approvals, kube_budgets;
	const char *kube_namespace, *kube_approval_key;
	const char *api, *api_cert, *api_key, *api_tokens; /* NULL: nowhere; files */
	enum log_level log_level;
	enum splice_mode splice;
	int ready_fd;            /* -1: none */
	bool takeover;           /* from the daemon that runs, if there is one */
	uint64_t drain_grace_ms; /* for sessions, when another one has taken over */
	bool help;
};

/* What is wrong with the line is said on stderr; then -EINVAL. */
MUSTCHECK int options_parse(struct options *o, int argc, char **argv);
/* To stdout. */
void options_help(void);

#endif
