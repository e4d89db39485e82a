/* SPDX-License-Identifier: MIT */
/* enrol: which cgroups and uids are captured, and the listeners that this needs. Listener first, state last:
 * a cgroup that is not wholly enrolled stays UNKNOWN, and that is refused. Used by the control thread only.
 */
#ifndef PGVEIL_CTL_ENROL_H
#define PGVEIL_CTL_ENROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "bpf/abi.h"
#include "ctl/ledger.h"

struct audit;
struct book;
struct enrol;
struct event_base;
struct kern;
struct policy;
struct workers;

struct enrol_config { /* strings outlive it */
	struct event_base *base;
	struct kern *kern;
	struct workers *workers;
	struct audit *audit;
	const char *mount, *root; /* cgroup v2, and the guarded directory below it */
	const char *state_dir;
	struct book *book;   /* of the pods; NULL: this is no node of a cluster */
	int book_changed_fd; /* an eventfd */
	uint16_t api_port;   /* captured too: agents reach nothing of ours there; 0: none */
	uint16_t usual_port; /* likewise, whatever the policy says; 0: none */
	bool takes_over; /* the listeners that the kernel knows of are the workers' already (workers_adopt) */
};

/* Exempts the daemon's own cgroup and takes over what an earlier daemon enrolled, under p. */
MUSTCHECK int enrol_open(struct enrol **out, const struct enrol_config *cfg, struct policy *p, struct err *e);
/* A namespace in which an enrolment (cgroup id; 0: the enrolled uids) was seen by the daemon before. An id
 * that is not enrolled is none. */
MUSTCHECK int enrol_door(struct enrol *en, uint64_t cgroup_id, int ns_fd, struct err *e);
/* Says all of it to the kernel once more: somebody else may have said something else. */
MUSTCHECK int enrol_assert(struct enrol *en, struct err *e);
void enrol_close(struct enrol *en); /* states and pins stay; NULL is fine */
/* After a reload: what p names is enrolled, what only the policy before it named is DENIED while it lives.
 * Ports are only added. */
MUSTCHECK int enrol_policy(struct enrol *en, struct policy *p, struct err *e);

/* By the administrator. cgroup: absolute, or below the mount. netns: a path; NULL: that of pid; pid 0: that
 * of a process in the cgroup, as soon as there is one. */
MUSTCHECK int enrol_cgroup(struct enrol *en, const char *cgroup, const char *netns, pid_t pid, struct err *e);
MUSTCHECK int enrol_forget(struct enrol *en, const char *cgroup, struct err *e);
/* A new cgroup for pid, which is moved there; its path below the mount into out. */
MUSTCHECK int enrol_run(struct enrol *en, pid_t pid, char *out, size_t cap, struct err *e);

/* The guarded root was removed and made again: nothing that was enrolled is there any more. */
void enrol_renew(struct enrol *en);

/* A connect was refused: an enrolled process may be in a namespace nobody knew of, a named cgroup have its
 * first process. The next connect then gets through. */
void enrol_refused(struct enrol *en, const struct refusal_event *ev);
/* Whether a process of that cgroup (path below the mount) and uid may be one of those we guard. */
bool enrol_guards(struct enrol *en, const char *path, uid_t uid);

/* PENDING: not yet known to the kernel, so refused. CHECKING: captured; what it had open before may be so
 * still. */
enum enrol_stage { ENROL_PENDING = 0, ENROL_CHECKING, ENROL_READY };
const char *enrol_stage_name(enum enrol_stage s);

struct enrol_view { /* borrowed, for the time of the call */
	const char *cgroup;
	uint64_t id;
	enum enrolled_by by;
	enum enrol_stage stage;
	const char *why; /* CHECKING: it is not ready; "": nobody looked yet */
	const uint64_t *netns_cookies;
	unsigned nnetns;
};
/* The namespaces in which enrolled uids were seen; borrowed. */
unsigned enrol_uid_doors(const struct enrol *en, const uint64_t **cookies);
void enrol_each(struct enrol *en, void (*fn)(void *arg, const struct enrol_view *v), void *arg);
/* The pods whose cgroups are there; nothing where this is no node. */
struct pods;
struct pods_view;
const struct pods *enrol_pods(const struct enrol *en); /* NULL: likewise. Lives as long */
void enrol_each_pod(struct enrol *en, void (*fn)(void *arg, const struct pods_view *v), void *arg);
/* What was enrolled and is DENIED, while it lives. */
void enrol_each_denied(struct enrol *en, void (*fn)(void *arg, const char *cgroup), void *arg);

#endif
