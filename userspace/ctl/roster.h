/* SPDX-License-Identifier: MIT */
/* roster: the enrolments of now: what each needs from the kernel and the network, and their copy on disk. Who
 * is to be in it is enrol's business. */
#ifndef PGVEIL_CTL_ROSTER_H
#define PGVEIL_CTL_ROSTER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "ctl/door.h"
#include "ctl/ledger.h"

/* PENDING: known by name, state UNKNOWN, no process seen yet.
 * ENROLLED: its first namespace has a listener, the kernel knows the state. */
struct enrolment {
	struct enrolment *next;
	char *path;  /* below the mount */
	char *netns; /* given by the administrator, or NULL */
	pid_t pid;   /* whose namespace it is, while it is being enrolled; 0: that of a process in it */
	uint64_t id;
	enum enrolled_by by;
	bool made, enrolled, complained; /* made: by `pgveil run` */
	bool host_network;               /* of a pod: the node's own namespace may be its */
	uint64_t since_ms;
	struct doors doors;
};

/* A cgroup that is not to be enrolled any more, and lives: DENIED. */
struct shut {
	struct shut *next;
	uint64_t id;
	char path[]; /* below the mount */
};

struct policy;

struct roster {
	struct kern *kern;
	struct workers *workers;
	struct audit *audit;
	const struct policy *policy; /* borrowed: the one in force */
	const char *mount, *root;    /* cgroup v2, and the guarded directory below it */
	const char *state_dir;
	struct enrolment *all;
	struct shut *shut;
};

void roster_fini(struct roster *ro); /* states and listeners stay */
void roster_save(struct roster *ro);
void roster_dir(const struct roster *ro, const char *path, char out[PATH_MAX]); /* of a cgroup */
struct enrolment *roster_find(struct roster *ro, const char *path);
/* The enrolment that a cgroup falls under. */
struct enrolment *roster_find_above(struct roster *ro, const char *path);
/* Pending. -ENOENT: there is no such cgroup. */
MUSTCHECK int roster_add(struct roster *ro, const char *path, const char *netns, enum enrolled_by by,
	struct enrolment **out, struct err *e);
/* Listener, then its ports for the kernel, then the state, then what was open before is ended and the capture
 * proved (ctl/audit.h). Whatever ends us in between, what is done refuses. -EAGAIN: no process yet. */
MUSTCHECK int roster_complete(struct roster *ro, struct enrolment *x, struct err *e);
/* Another policy is in force: what the kernel knows of the enrolled ones besides their state. */
MUSTCHECK int roster_policy(struct roster *ro, const struct policy *p, struct err *e);
/* Frees x. Its cgroup is UNKNOWN from now on, or what one above it is. */
void roster_drop(struct roster *ro, struct enrolment *x, const char *why);
/* The same for one that lives: DENIED until it is removed, or enrolled again. Where one above
 * it is enrolled, it falls under that. */
void roster_shut(struct roster *ro, struct enrolment *x, const char *why);
void roster_deny(struct roster *ro, uint64_t id, const char *path);
/* It is not DENIED any more, if it was; UNKNOWN until somebody says what it is. */
void roster_undeny(struct roster *ro, uint64_t id);
/* The cgroup was removed: nothing of it is kept. */
void roster_removed(struct roster *ro, const char *path);
/* States in the pinned map that nobody stands for (an earlier daemon's, its ledger lost) become UNKNOWN. Kept
 * are also, too, and what is DENIED and lives. */
MUSTCHECK int roster_keep_known(struct roster *ro, const uint64_t *also, unsigned nalso, struct err *e);
bool roster_gone(const struct roster *ro, const struct enrolment *x); /* its cgroup is another or none */
bool cgroup_within(const char *path, const char *top);                /* is or is below */

#endif
