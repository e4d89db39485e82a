/* SPDX-License-Identifier: MIT */
/* census: the cgroups below a directory with what they may do, and of those that are enrolled or denied the
 * processes and their network namespaces. A look at one moment: what moves meanwhile is in the next one. */
#ifndef PGVEIL_CTL_CENSUS_H
#define PGVEIL_CTL_CENSUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "bpf/abi.h"

struct kern;
struct workers;

struct census_cgroup {
	uint64_t id;
	enum cgroup_state state; /* its own, or its nearest ancestor's */
};

struct census_netns {
	uint64_t cookie;
	uint64_t device, inode; /* of its file in /proc */
	int diag_fd;            /* NETLINK_SOCK_DIAG in it */
	bool guarded;           /* a process that is enrolled or denied lives in it */
};

struct census {
	struct workers *workers;
	struct census_cgroup *cgroups; /* by id */
	unsigned ncgroups, cgroups_cap;
	pid_t *pids;
	unsigned npids, pids_cap;
	struct census_netns *spaces;
	unsigned nspaces, spaces_cap;
	bool cut; /* there is more than is kept, or a part could not be read */
};

/* dir and what is below it. above: the state that dir has where it has none of its own. The lists are whole,
 * or cut is set. */
MUSTCHECK int census_take(struct census *c, struct workers *ws, const struct kern *k, const char *dir,
	enum cgroup_state above, struct err *e);
/* Also the namespace behind ns_fd, which stays the caller's. */
void census_netns(struct census *c, int ns_fd, bool guarded);
/* Also the namespaces that processes of this machine are in, whoever they are. */
void census_elsewhere(struct census *c);
/* NULL: there is no such cgroup. */
const struct census_cgroup *census_find(const struct census *c, uint64_t cgroup_id);
void census_fini(struct census *c);

#endif
