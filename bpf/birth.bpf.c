/* SPDX-License-Identifier: MIT */
/* birth: who created a socket. Identity is fixed here: a process that moves to another cgroup afterwards, or
 * hands the socket to another one, changes nothing. Nothing is refused in this hook; a socket without a note
 * is refused when it dials a database. */
#include "bpf/maps.bpf.h"

SEC("cgroup/sock_create")
int pgveil_birth(struct bpf_sock *ctx)
{
	struct note *note;

	if (ctx->type != SOCK_STREAM)
		return 1;
	note = bpf_sk_storage_get(&notes, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!note) {
		count(COUNTER_STORAGE_FAILED);
		return 1;
	}
	note->cgroup_id = bpf_get_current_cgroup_id();
	for (int level = 0; level < ANCESTORS; level++)
		note->ancestors[level] = bpf_get_current_ancestor_cgroup_id(level);
	note->tgid = bpf_get_current_pid_tgid() >> 32;
	note->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(note->comm, sizeof(note->comm));
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
