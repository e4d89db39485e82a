/* SPDX-License-Identifier: MIT */
/* loader: the BPF programs, their pins and their maps. The only user of the skeleton. Pinned links outlive
 * the daemon; only kern_uninstall takes them away. */
#ifndef PGVEIL_KERN_LOADER_H
#define PGVEIL_KERN_LOADER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "bpf/abi.h"

struct kern;

struct kern_config {
	const char *pin_dir;     /* below a bpffs; made if missing */
	const char *cgroup_root; /* cgroup v2 directory that the programs guard: it and everything below */
	const uint16_t *ports;   /* captured from the first moment on; only read during kern_open */
	unsigned nports;
	unsigned flow_quota; /* connections of one subject at a time; 0: none */
	bool later;          /* nothing of an earlier daemon's is changed before kern_enforce */
};

/* Loads and attaches, or adopts the pins of an earlier daemon (same ABI version and same root: programs are
 * replaced in place, maps kept). Links that died with their cgroup are replaced. Pins of an older version
 * are renewed (kern/renew.h); of a newer one, or an older one with later: -EPROTO;
 * another root, which is still there: -EBUSY; both messages name `pgveil uninstall`. -ENODEV: pin_dir is not
 * on a bpffs; -EXDEV: it is not on the host's. -EPERM from an attach below a foreign program without flags is
 * explained. */
MUSTCHECK int kern_open(struct kern **out, const struct kern_config *cfg, struct err *e);
/* After kern_open with later: these programs instead of those before, each in one step. Connects are judged
 * by one or the other. */
MUSTCHECK int kern_enforce(struct kern *k, const uint16_t *ports, unsigned nports, struct err *e);
/* Whether every program is attached to the directory that cgroup_root is now. -ESTALE: one is not (the root
 * was removed, perhaps made again, or somebody detached it), and what is below is not guarded. */
MUSTCHECK int kern_check(const struct kern *k, struct err *e);
/* After -ESTALE: attaches to what cgroup_root is now what is not attached there. The maps stay. */
MUSTCHECK int kern_attach_again(struct kern *k, struct err *e);
void kern_close(struct kern *k); /* pins stay; NULL is fine */
/* Detaches and unpins everything below pin_dir that is ours, then removes the directory. */
MUSTCHECK int kern_uninstall(const char *pin_dir, struct err *e);

MUSTCHECK int kern_set_cgroup(struct kern *k, uint64_t cgroup_id, enum cgroup_state state, struct err *e);
/* The same for ENROLLED, with what becomes of PostgreSQL on ports that are not captured; kern_set_cgroup
 * denies it. */
MUSTCHECK int kern_enrol_cgroup(
	struct kern *k, uint64_t cgroup_id, enum foreign_postgres foreign, struct err *e);
void kern_forget_cgroup(struct kern *k, uint64_t cgroup_id);
MUSTCHECK int kern_set_uid(struct kern *k, uint32_t uid, enum cgroup_state state, struct err *e);
void kern_forget_uid(struct kern *k, uint32_t uid);
/* A PostgreSQL port to capture; never removed while running. */
MUSTCHECK int kern_set_port(struct kern *k, uint16_t port, struct err *e);
/* After an adopt: ports and uids that are in the pinned maps and no longer wanted are dropped by replacing
 * the sets. */
MUSTCHECK int kern_replace_ports(struct kern *k, const uint16_t *ports, unsigned n, struct err *e);
/* Each listed uid becomes ENROLLED, whatever it was. */
MUSTCHECK int kern_replace_uids(struct kern *k, const uint32_t *uids, unsigned n, struct err *e);
/* The same for cgroups: entries that are not listed are dropped (UNKNOWN again), the listed keep theirs. */
MUSTCHECK int kern_keep_cgroups(struct kern *k, const uint64_t *ids, unsigned n, struct err *e);
MUSTCHECK int kern_set_listener(
	struct kern *k, uint64_t netns_cookie, struct listener_value v, struct err *e);
void kern_forget_listener(struct kern *k, uint64_t netns_cookie);
void kern_forget_listeners(struct kern *k); /* all: a new daemon's are on other ports */

/* What the programs go by at the moment; from any thread. -ENOENT: there is no entry. */
MUSTCHECK int kern_cgroup_state(const struct kern *k, uint64_t cgroup_id, enum cgroup_state *out);
/* Calls fn for every cgroup that has an entry; fn changes none. */
void kern_each_cgroup(
	const struct kern *k, void (*fn)(void *arg, uint64_t cgroup_id, enum cgroup_state state), void *arg);
MUSTCHECK int kern_listener(const struct kern *k, uint64_t netns_cookie, struct listener_value *out);
/* Calls fn for every captured port. */
void kern_each_port(const struct kern *k, void (*fn)(void *arg, uint16_t port), void *arg);

uint64_t kern_counter(const struct kern *k, enum counter c); /* summed over CPUs */
const char *kern_counter_name(enum counter c);
/* An fd that becomes readable when refusals wait, and a call that hands each to fn. */
int kern_events_fd(const struct kern *k);
void kern_events_read(struct kern *k, void (*fn)(void *arg, const struct refusal_event *ev), void *arg);
int kern_flows_fd(const struct kern *k); /* borrowed; for kern/flow.c */

/* What this kernel lets us do about unix sockets. Zero: nothing is seen of them. */
enum unix_guard {
	UNIX_GUARD_NONE = 0,
	UNIX_GUARD_REFUSE, /* a database's socket is refused where it is reached; none is turned to the engine
			    */
	UNIX_GUARD_CAPTURE, /* by its name: what a link of another name leads to is not seen */
	UNIX_GUARD_FULL,    /* by its name, and what is reached in spite of that is refused */
};
enum unix_guard kern_unix_guard(const struct kern *k);
const char *unix_guard_name(enum unix_guard g);
MUSTCHECK int kern_set_unix_listener(
	struct kern *k, uint64_t netns_cookie, const struct unix_listener_value *v, struct err *e);
/* Borrowed; for kern/unix_flow.c. The shares are UNIX_SHARES numbers that the programs count in too. */
int kern_unix_flows_fd(const struct kern *k);
_Atomic uint64_t *kern_unix_shares(const struct kern *k);

#endif
