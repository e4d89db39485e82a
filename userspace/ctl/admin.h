/* SPDX-License-Identifier: MIT */
/* admin: the daemon's HTTP and JSON door on a unix socket, for `pgveil` on the same machine.
 *
 *   (approvals: ctl/approvals_api.h)
 *   GET    /v1/status /v1/sessions /v1/policies
 *   GET    /v1/events?after=N&wait=1   events after number N (0: all that are kept); waits a few seconds
 *   GET    /metrics                    for Prometheus
 *   POST   /v1/enrol                   {"cgroup": "/a/b.scope", "netns": "/run/netns/x" or "pid": 4711, or
 * neither} DELETE /v1/enrol                   {"cgroup": "/a/b.scope"} DELETE /v1/sessions/3-17 ends the
 * session that the recording calls so POST   /v1/run                     moves the caller into a new enrolled
 * cgroup, answers {"cgroup": …} POST   /v1/reload                  the policy files anew; 422 and
 * {"complaints": […]} where they do not load
 */
#ifndef PGVEIL_CTL_ADMIN_H
#define PGVEIL_CTL_ADMIN_H

#include <jansson.h>
#include "base/err.h"

struct admin;
struct approvals;
struct event_base;
struct events;
struct report;

struct admin_config { /* everything outlives it */
	struct event_base *base;
	const char *run_dir;
	int socket; /* that another daemon listened on, below run_dir; -1: a new one */
	const struct report *report;
	struct events *events;
	struct approvals *approvals;
	/* Reloads the policy: 0, or a negative errno with every complaint appended to the array. */
	int (*reload)(void *arg, json_t *complaints);
	void *arg;
};

MUSTCHECK int admin_open(struct admin **out, const struct admin_config *cfg, struct err *e);
int admin_fd(const struct admin *a);
void admin_leave(struct admin *a); /* the socket is another daemon's now: its name stays */
void admin_close(struct admin *a); /* NULL is fine */

#endif
