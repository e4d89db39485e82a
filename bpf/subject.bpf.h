/* SPDX-License-Identifier: MIT */
/* subject: whose a socket is, as of today, and the event about what became of it. */
#ifndef PGVEIL_BPF_SUBJECT_BPF_H
#define PGVEIL_BPF_SUBJECT_BPF_H

#include "bpf/maps.bpf.h"

/* The state of the nearest classified cgroup: its own, else the deepest ancestor with an entry, else the
 * uid's. *subject: that cgroup; 0 for a uid, or none. */
static __always_inline struct cgroup_value *subject_of(const struct place *p, __u32 uid, __u64 *subject)
{
	struct cgroup_value *v = bpf_map_lookup_elem(&cgroups, &p->cgroup_id);

	*subject = p->cgroup_id;
	if (v)
		return v;
	for (int level = ANCESTORS - 1; level >= 0; level--) {
		__u64 id = p->ancestors[level];

		v = id ? bpf_map_lookup_elem(&cgroups, &id) : NULL;
		if (v) {
			*subject = id;
			return v;
		}
	}
	*subject = 0;
	return bpf_map_lookup_elem(&uids, &uid);
}

static __always_inline __u32 state_of(const struct cgroup_value *v)
{
	return v ? v->state : CGROUP_UNKNOWN;
}

static __always_inline void place_of_current(struct place *p)
{
	p->cgroup_id = bpf_get_current_cgroup_id();
	for (int level = 0; level < ANCESTORS; level++)
		p->ancestors[level] = bpf_get_current_ancestor_cgroup_id(level);
}

static __always_inline struct refusal_event *event_open(enum counter why, const __u8 ip[16], __u16 port)
{
	struct refusal_event *ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);

	if (!ev)
		return NULL;
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->at_ns = bpf_ktime_get_ns();
	ev->counter = why;
	ev->dialled_port = port;
	if (ip)
		__builtin_memcpy(ev->dialled_ip, ip, 16);
	return ev;
}

static __always_inline void event_of_note(struct refusal_event *ev, const struct note *note)
{
	ev->cgroup_id = note->place.cgroup_id;
	ev->netns_cookie = note->netns_cookie;
	ev->tgid = note->tgid;
	ev->uid = note->uid;
	__builtin_memcpy(ev->comm, note->comm, 16);
}

static __always_inline void event_of_current(struct refusal_event *ev, __u64 netns_cookie)
{
	ev->cgroup_id = bpf_get_current_cgroup_id();
	ev->netns_cookie = netns_cookie;
	ev->tgid = bpf_get_current_pid_tgid() >> 32;
	ev->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
}

#endif
