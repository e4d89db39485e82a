/* SPDX-License-Identifier: MIT */
/* quota: how many flows a subject has, and how many there are. Asked in connect, which can refuse; counted
 * when the record is made and taken away. Connects that are asked at the same moment on several CPUs may each
 * find the last place: FLOWS_USABLE leaves room for these. */
#ifndef PGVEIL_BPF_QUOTA_BPF_H
#define PGVEIL_BPF_QUOTA_BPF_H

#include "bpf/maps.bpf.h"
#include "bpf/addr.h"

static __always_inline struct quota_value *quota_of(__u64 subject_cgroup_id, __u32 uid, int make)
{
	struct quota_value *q, zero = {};
	struct quota_key key;

	quota_key_init(&key, subject_cgroup_id, uid);
	q = bpf_map_lookup_elem(&quotas, &key);
	if (q || !make)
		return q;
	/* Another CPU may be first; then its entry is found. */
	(void)bpf_map_update_elem(&quotas, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&quotas, &key);
}

static __always_inline void quota_ask(struct connect_facts *facts, __u64 subject_cgroup_id, __u32 uid)
{
	struct quota_value *q = quota_of(subject_cgroup_id, uid, 1), *all;
	const struct config_value *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&config, &zero);
	all = bpf_map_lookup_elem(&usage, &zero);
	facts->in_quota = q && c && q->flows < c->flow_quota;
	facts->in_table = all && all->flows < FLOWS_USABLE;
}

static __always_inline void quota_add(const struct flow_value *v, __s64 n)
{
	struct quota_value *q = quota_of(v->subject_cgroup_id, v->uid, 0);
	__u32 zero = 0;

	if (q)
		__sync_fetch_and_add(&q->flows, n);
	q = bpf_map_lookup_elem(&usage, &zero);
	if (q)
		__sync_fetch_and_add(&q->flows, n);
}

#endif
