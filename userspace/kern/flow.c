/* SPDX-License-Identifier: MIT */
#include "kern/flow.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include "bpf/addr.h"

/* Claims come from several workers, and may share a diag_fd. One at a time: a reply must meet its request,
 * and of two claims of one record only one may win. It is held for two map calls and one netlink round trip,
 * all synchronous. */
static pthread_mutex_t claim_lock = PTHREAD_MUTEX_INITIALIZER;

/* The map's form of an address: IPv4 is v4-mapped. False for another family. */
static bool endpoint(const struct sockaddr *sa, __u8 ip[16], __u16 *port)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		addr_from_v4(ip, in.sin_addr.s_addr);
		*port = ntohs(in.sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(ip, &in6.sin6_addr, 16);
		*port = ntohs(in6.sin6_port);
		return true;
	}
	return false;
}

/* One TCP socket by its four. An IPv4 request also finds an IPv6 socket that speaks IPv4 (its reply says
 * AF_INET6), so the family asked for is that of the addresses, not of whatever socket there may be. */
struct diag_request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
};

static void diag_request_init(struct diag_request *q, const struct flow_key *key, uint32_t seq)
{
	bool v4 = addr_is_v4(key->local_ip) && addr_is_v4(key->remote_ip);
	struct inet_diag_sockid *id = &q->r.id;

	memset(q, 0, sizeof(*q));
	q->h.nlmsg_len = sizeof(*q);
	q->h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	q->h.nlmsg_flags = NLM_F_REQUEST;
	q->h.nlmsg_seq = seq;
	q->r.sdiag_family = v4 ? AF_INET : AF_INET6;
	q->r.sdiag_protocol = IPPROTO_TCP;
	q->r.idiag_states = ~0U;
	id->idiag_sport = htons(key->local_port);
	id->idiag_dport = htons(key->remote_port);
	memcpy(id->idiag_src, key->local_ip + (v4 ? 12 : 0), v4 ? 4 : 16);
	memcpy(id->idiag_dst, key->remote_ip + (v4 ? 12 : 0), v4 ? 4 : 16);
	id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

/* The cookie in a reply; -ENOENT where the kernel found none, or (no connection, a listener of that port)
 * another one. */
static int diag_reply(const struct nlmsghdr *h, const struct diag_request *q, uint64_t *cookie)
{
	struct inet_diag_msg m;
	struct nlmsgerr failed;

	if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(failed))) {
		memcpy(&failed, NLMSG_DATA(h), sizeof(failed));
		return failed.error < 0 ? failed.error : -EPROTO;
	}
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return -EPROTO;
	memcpy(&m, NLMSG_DATA(h), sizeof(m));
	/* A socket in SYN_SENT cannot be the peer of a connection that was accepted: it is another one that
	 * took the same four, which a socket bound to a device (after it connected, by anybody) lets it do.
	 */
	if (m.idiag_state == TCP_LISTEN || m.idiag_state == TCP_SYN_SENT ||
		m.id.idiag_sport != q->r.id.idiag_sport || m.id.idiag_dport != q->r.id.idiag_dport)
		return -ENOENT;
	*cookie = (uint64_t)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0];
	return 0;
}

/* Under claim_lock. The kernel answers while the request is sent, so the reply is there without waiting. */
static int diag_cookie(int diag_fd, const struct flow_key *key, uint64_t *cookie)
{
	static uint32_t seq;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK}, from;
	struct diag_request q;
	union {
		struct nlmsghdr h;
		char bytes[4096];
	} reply;
	ssize_t n;

	diag_request_init(&q, key, ++seq);
	n = sendto(diag_fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel));
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
		if (from_len != sizeof(from) || from.nl_pid != 0 || !NLMSG_OK(&reply.h, (size_t)n))
			continue;
		if (reply.h.nlmsg_seq == seq)
			return diag_reply(&reply.h, &q, cookie);
	}
}

uint64_t flow_socket_cookie(int diag_fd, const struct sockaddr *local, const struct sockaddr *remote)
{
	__u8 local_ip[16], remote_ip[16];
	__u16 local_port, remote_port;
	struct flow_key key;
	uint64_t cookie = 0;

	if (!endpoint(local, local_ip, &local_port) || !endpoint(remote, remote_ip, &remote_port))
		return 0;
	flow_key_init(&key, 0, local_ip, local_port, remote_ip, remote_port);
	pthread_mutex_lock(&claim_lock);
	if (diag_cookie(diag_fd, &key, &cookie) < 0)
		cookie = 0;
	pthread_mutex_unlock(&claim_lock);
	return cookie;
}

static int claim(int flows_fd, int diag_fd, const struct flow_key *key, struct flow_value *out, struct err *e)
{
	struct flow_value v;
	uint64_t cookie = 0;
	int r;

	r = bpf_map_lookup_elem(flows_fd, key, &v);
	if (r == -ENOENT)
		return err_set(e, r, "nobody was redirected here: the listener was dialled directly");
	if (r)
		return err_set(e, r, "flows: %s", strerror(-r));
	if (v.state != FLOW_PENDING)
		return err_set(e, -EALREADY, "the record of this connection was claimed before");
	r = diag_cookie(diag_fd, key, &cookie);
	if (r == -ENOENT)
		return err_set(e, -ESTALE, "the peer's socket is gone, or the kernel lacks tcp_diag");
	if (r)
		return err_set(e, -ESTALE, "cannot ask whose socket the peer is: %s", strerror(-r));
	if (cookie != v.socket_cookie)
		return err_set(e, -ESTALE, "the peer's socket is not the one that was redirected");
	v.state = FLOW_CLAIMED;
	r = bpf_map_update_elem(flows_fd, key, &v, BPF_EXIST);
	if (r)
		return err_set(
			e, r == -ENOENT ? -ESTALE : r, "the peer's socket has closed: %s", strerror(-r));
	*out = v;
	return 0;
}

int flow_claim(struct kern *k, uint64_t netns_cookie, int diag_fd, const struct sockaddr *local,
	const struct sockaddr *peer, struct flow_key *key, struct flow_value *out, struct err *e)
{
	__u8 local_ip[16], peer_ip[16];
	__u16 local_port, peer_port;
	int r;

	if (!endpoint(local, local_ip, &local_port) || !endpoint(peer, peer_ip, &peer_port))
		return err_set(e, -EAFNOSUPPORT, "neither IPv4 nor IPv6");
	flow_key_init(key, netns_cookie, peer_ip, peer_port, local_ip, local_port);
	pthread_mutex_lock(&claim_lock);
	r = claim(kern_flows_fd(k), diag_fd, key, out, e);
	pthread_mutex_unlock(&claim_lock);
	return r;
}

socklen_t flow_dialled(const struct flow_value *v, struct sockaddr_storage *out)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(v->dialled_port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(v->dialled_port)};

	memset(out, 0, sizeof(*out));
	if (addr_is_v4(v->dialled_ip)) {
		memcpy(&in.sin_addr, v->dialled_ip + 12, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, v->dialled_ip, 16);
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}
