/* SPDX-License-Identifier: MIT */
/* birth: who created a socket, and which sockets are not made at all. Identity is fixed here: a process that
 * moves to another cgroup afterwards, or hands the socket to another one, changes nothing. A socket without a
 * note is refused when it dials a database.
 *
 * bpf_set_retval came to this hook and to connect in one kernel: where the errno cannot be chosen here, the
 * programs do not load, and the daemon says so. */
#include "bpf/subject.bpf.h"
#include <asm-generic/errno.h>
#include "bpf/guard.h"

static __always_inline void note_birth(struct bpf_sock *ctx, const struct place *place)
{
	struct note *note = bpf_sk_storage_get(&notes, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!note) {
		count(COUNTER_STORAGE_FAILED);
		return;
	}
	note->place = *place;
	note->netns_cookie = bpf_get_netns_cookie(ctx);
	note->tgid = bpf_get_current_pid_tgid() >> 32;
	note->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(note->comm, sizeof(note->comm));
}

static __always_inline void report(struct bpf_sock *ctx, enum counter why)
{
	struct refusal_event *ev = event_open(why, NULL, 0);

	if (!ev)
		return;
	event_of_current(ev, bpf_get_netns_cookie(ctx));
	bpf_ringbuf_submit(ev, 0);
}

SEC("cgroup/sock_create")
int pgveil_birth(struct bpf_sock *ctx)
{
	__u32 type = ctx->type, protocol = ctx->protocol;
	enum birth_verdict verdict = BIRTH_ALLOW;
	enum counter counter;
	struct place place;
	__u64 subject;
	__u32 state;

	if (type != SOCK_STREAM && type != SOCK_RAW)
		return 1;
	place_of_current(&place);
	if (type == SOCK_RAW || protocol == IPPROTO_MPTCP) {
		state = state_of(subject_of(&place, (__u32)bpf_get_current_uid_gid(), &subject));
		verdict = decide_birth(type, protocol, state, &counter);
	}
	switch (verdict) {
	case BIRTH_REFUSE:
		count(counter);
		report(ctx, counter);
		return 0; /* EPERM */
	case BIRTH_FALL_BACK:
		count(counter);
		bpf_set_retval(-ENOPROTOOPT);
		return 0;
	case BIRTH_ALLOW: break;
	}
	if (type == SOCK_STREAM)
		note_birth(ctx, &place);
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
