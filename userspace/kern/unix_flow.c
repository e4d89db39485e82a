/* SPDX-License-Identifier: MIT */
#include "kern/unix_flow.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include "bpf/unix_name.h"

/* Several workers claim: a reply must meet its request, and of two claims of one record only one may win. */
static pthread_mutex_t claim_lock = PTHREAD_MUTEX_INITIALIZER;

/* One unix socket, as unix_diag tells of it. */
struct known {
	uint32_t inode, peer; /* peer 0: it has none that is open */
	uint64_t cookie;
	uint8_t type;
};

struct request {
	struct nlmsghdr h;
	struct unix_diag_req r;
};

union reply {
	struct nlmsghdr h;
	char bytes[4096];
};

static int parse(const struct nlmsghdr *h, struct known *out)
{
	const struct rtattr *a;
	struct unix_diag_msg m;
	struct nlmsgerr failed;
	int left;

	if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(failed))) {
		memcpy(&failed, NLMSG_DATA(h), sizeof(failed));
		return failed.error < 0 ? failed.error : -EPROTO;
	}
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return -EPROTO;
	memcpy(&m, NLMSG_DATA(h), sizeof(m));
	*out = (struct known){
		.inode = m.udiag_ino,
		.cookie = (uint64_t)m.udiag_cookie[1] << 32 | m.udiag_cookie[0],
		.type = m.udiag_type,
	};
	a = (const struct rtattr *)((const char *)h + NLMSG_LENGTH(sizeof(m)));
	left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(m)));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(a) == sizeof(out->peer))
			memcpy(&out->peer, RTA_DATA(a), sizeof(out->peer));
	return 0;
}

/* Under claim_lock. The kernel answers while it is asked. */
static int look_up(int diag_fd, uint32_t inode, struct known *out)
{
	static uint32_t seq;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK}, from;
	struct request q = {.h = {.nlmsg_len = sizeof(q),
				    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				    .nlmsg_flags = NLM_F_REQUEST,
				    .nlmsg_seq = ++seq},
		.r = {.sdiag_family = AF_UNIX,
			.udiag_states = ~0U,
			.udiag_ino = inode,
			.udiag_show = UDIAG_SHOW_PEER,
			.udiag_cookie = {~0U, ~0U}}};
	union reply reply;
	ssize_t n = sendto(diag_fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel));

	if (n != (ssize_t)sizeof(q))
		return n < 0 ? -errno : -EIO;
	for (;;) {
		socklen_t from_len = sizeof(from);

		n = recvfrom(
			diag_fd, &reply, sizeof(reply), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from_len == sizeof(from) && from.nl_pid == 0 && NLMSG_OK(&reply.h, (size_t)n) &&
			reply.h.nlmsg_seq == seq)
			return parse(&reply.h, out);
	}
}

/* The socket at the other end of fd. An inode's number may be given twice in the life of a machine, so each
 * of the two must name the other, and ours must be the very socket. */
static int other_end(int diag_fd, int fd, struct known *out)
{
	struct known ours;
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return -errno;
	r = look_up(diag_fd, (uint32_t)st.st_ino, &ours);
	if (r)
		return r;
	if (ours.cookie != cookie || !ours.peer)
		return -ENOTCONN;
	r = look_up(diag_fd, ours.peer, out);
	if (r)
		return r;
	return out->peer == ours.inode && out->type == SOCK_STREAM ? 0 : -ENOTCONN;
}

static int claim(
	struct kern *k, uint64_t netns_cookie, uint64_t cookie, struct unix_flow_value *v, struct err *e)
{
	int fd = kern_unix_flows_fd(k);
	int r = bpf_map_lookup_elem(fd, &cookie, v);

	if (r == -ENOENT)
		return err_set(e, r, "nobody was redirected here: the listener was dialled directly");
	if (r)
		return err_set(e, r, "unix_flows: %s", strerror(-r));
	if (v->state != FLOW_PENDING)
		return err_set(e, -EALREADY, "the record of this connection was claimed before");
	if (v->netns_cookie != netns_cookie)
		return err_set(e, -ESTALE, "the record is of another network namespace");
	v->state = FLOW_CLAIMED;
	r = bpf_map_update_elem(fd, &cookie, v, BPF_EXIST);
	return r ? err_set(e, -ESTALE, "unix_flows: %s", strerror(-r)) : 0;
}

int unix_flow_claim(struct kern *k, uint64_t netns_cookie, int diag_fd, int fd, uint64_t *cookie,
	struct unix_flow_value *out, struct err *e)
{
	struct known peer;
	int r;

	pthread_mutex_lock(&claim_lock);
	r = other_end(diag_fd, fd, &peer);
	if (r)
		r = err_set(
			e, -ESTALE, "the peer's socket is gone, or cannot be asked for: %s", strerror(-r));
	else
		r = claim(k, netns_cookie, peer.cookie, out, e);
	pthread_mutex_unlock(&claim_lock);
	*cookie = r ? 0 : peer.cookie;
	return r;
}

/* Deletes a record, and what its subject has becomes less; both or neither, for whoever deletes counts. */
static bool take(struct kern *k, uint64_t cookie, const struct unix_flow_value *v)
{
	_Atomic uint64_t *shares = kern_unix_shares(k);

	if (bpf_map_delete_elem(kern_unix_flows_fd(k), &cookie))
		return false;
	atomic_fetch_sub(&shares[unix_share(v->subject_cgroup_id, v->uid)], 1);
	return true;
}

void unix_flow_end(struct kern *k, uint64_t cookie)
{
	struct unix_flow_value v;

	if (bpf_map_lookup_elem(kern_unix_flows_fd(k), &cookie, &v) == 0)
		take(k, cookie, &v);
}

unsigned unix_flow_collect(struct kern *k, uint64_t now_ns, uint64_t age_ns, bool claimed)
{
	int fd = kern_unix_flows_fd(k);
	uint64_t key = 0, next;
	bool has = bpf_map_get_next_key(fd, NULL, &next) == 0;
	struct unix_flow_value v;
	unsigned n = 0;

	for (unsigned i = 0; has && i < UNIX_FLOWS_MAX; i++) {
		key = next;
		/* Before it is taken away: the next of one that is gone is the first of all. */
		has = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &v))
			continue;
		if (v.state == FLOW_CLAIMED ? claimed : v.since_ns + age_ns < now_ns)
			n += take(k, key, &v);
	}
	return n;
}

bool unix_flow_possible(int diag_fd, int fd)
{
	struct known ours;
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	pthread_mutex_lock(&claim_lock);
	if (!r)
		r = look_up(diag_fd, (uint32_t)st.st_ino, &ours);
	pthread_mutex_unlock(&claim_lock);
	return r == 0;
}
