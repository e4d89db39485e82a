/* SPDX-License-Identifier: MIT */
/* approvals_api: approvals over HTTP: on the admin socket, and on one of its own that everybody may open,
 * since reviewers need not be root. Who speaks is what the kernel says of the socket's other end; what is in
 * or was started from a cgroup that we guard is nobody. What
 * there is to ask is in ctl/approvals_answer.h. */
#ifndef PGVEIL_CTL_APPROVALS_API_H
#define PGVEIL_CTL_APPROVALS_API_H

#include <stdbool.h>
#include "base/err.h"

#define APPROVALS_SOCKET "approvals.sock"

struct approvals;
struct approvals_api;
struct enrol;
struct event_base;
struct evhttp_request;

/* Whether the request was one of these, and is answered. fd: of the peer. */
bool approvals_api_request(
	struct approvals *a, struct enrol *en, int fd, const char *path, struct evhttp_request *req);

/* The socket below run_dir; one that is there is replaced. */
MUSTCHECK int approvals_api_open(struct approvals_api **out, struct event_base *base, const char *run_dir,
	struct approvals *a, struct enrol *en, struct err *e);
void approvals_api_leave(struct approvals_api *api); /* the socket's name is another daemon's now */
void approvals_api_close(struct approvals_api *api); /* NULL is fine */

#endif
