/* SPDX-License-Identifier: MIT */
#include "kern/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include "bpf/addr.h"
#include "kern/netlink.h"

#define STATE(s) (1U << (s))
static const uint32_t alive = STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_SENT) | STATE(TCP_SYN_RECV) |
			      STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) | STATE(TCP_CLOSE_WAIT) |
			      STATE(TCP_LAST_ACK) | STATE(TCP_CLOSING);

struct request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
};

static bool endpoint(const struct sockaddr *sa, uint8_t ip[16], uint16_t *port)
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

bool diag_four_init(struct diag_four *four, const struct sockaddr *local, const struct sockaddr *remote)
{
	memset(four, 0, sizeof(*four));
	return endpoint(local, four->local_ip, &four->local_port) &&
	       endpoint(remote, four->remote_ip, &four->remote_port);
}

bool diag_alive(const struct diag_socket *s)
{
	return s->state < 32 && (alive & STATE(s->state));
}

static void request_init(struct request *q, uint16_t type, uint16_t flags, uint8_t family, uint32_t states)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_len = sizeof(*q);
	q->h.nlmsg_type = type;
	q->h.nlmsg_flags = NLM_F_REQUEST | flags;
	q->h.nlmsg_seq = netlink_seq();
	q->r.sdiag_family = family;
	q->r.sdiag_protocol = IPPROTO_TCP;
	q->r.idiag_states = states;
	q->r.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	q->r.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

/* An IPv4 request also finds an IPv6 socket that speaks IPv4 (its reply says AF_INET6), so the family asked
 * for is that of the addresses, not of whatever socket there may be. */
static void request_one(
	struct request *q, uint16_t type, uint16_t flags, const struct diag_four *four, uint32_t interface)
{
	bool v4 = addr_is_v4(four->local_ip) && addr_is_v4(four->remote_ip);
	struct inet_diag_sockid *id = &q->r.id;

	request_init(q, type, flags, v4 ? AF_INET : AF_INET6, ~0U);
	id->idiag_if = interface;
	id->idiag_sport = htons(four->local_port);
	id->idiag_dport = htons(four->remote_port);
	memcpy(id->idiag_src, four->local_ip + (v4 ? 12 : 0), v4 ? 4 : 16);
	memcpy(id->idiag_dst, four->remote_ip + (v4 ? 12 : 0), v4 ? 4 : 16);
}

static void address_of(uint8_t ip[16], uint8_t family, const __be32 words[4])
{
	if (family == AF_INET)
		addr_from_v4(ip, words[0]);
	else
		memcpy(ip, words, 16);
}

static uint64_t cgroup_of(const struct nlmsghdr *h)
{
	const struct rtattr *a =
		(const struct rtattr *)((const char *)h + NLMSG_LENGTH(sizeof(struct inet_diag_msg)));
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(struct inet_diag_msg)));
	uint64_t id = 0;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == INET_DIAG_CGROUP_ID && RTA_PAYLOAD(a) == sizeof(id))
			memcpy(&id, RTA_DATA(a), sizeof(id));
	}
	return id;
}

static int socket_of(const struct nlmsghdr *h, struct diag_socket *s)
{
	struct inet_diag_msg m;

	if (h->nlmsg_type == NLMSG_ERROR)
		return netlink_error(h) < 0 ? netlink_error(h) : -EPROTO;
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return -EPROTO;
	memcpy(&m, NLMSG_DATA(h), sizeof(m));
	if (m.idiag_family != AF_INET && m.idiag_family != AF_INET6)
		return -EPROTO;
	*s = (struct diag_socket){
		.four.local_port = ntohs(m.id.idiag_sport),
		.four.remote_port = ntohs(m.id.idiag_dport),
		.family = m.idiag_family,
		.state = m.idiag_state,
		.interface = m.id.idiag_if,
		.uid = m.idiag_uid,
		.inode = m.idiag_inode,
		.cookie = (uint64_t)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0],
		.cgroup_id = cgroup_of(h),
	};
	address_of(s->four.local_ip, m.idiag_family, m.id.idiag_src);
	address_of(s->four.remote_ip, m.idiag_family, m.id.idiag_dst);
	return 0;
}

int diag_find(int diag_fd, const struct diag_four *four, uint32_t interface, struct diag_socket *out)
{
	struct request q;
	union netlink_reply reply;
	int n;

	request_one(&q, SOCK_DIAG_BY_FAMILY, 0, four, interface);
	n = netlink_ask(diag_fd, &q.h);
	while (!n) {
		n = netlink_hear(diag_fd, &reply);
		if (n < 0)
			break;
		if (!NLMSG_OK(&reply.h, (size_t)n) || reply.h.nlmsg_seq != q.h.nlmsg_seq) {
			n = 0; /* of an earlier question */
			continue;
		}
		n = socket_of(&reply.h, out);
		/* Without a connection the kernel answers with the listener of that port. */
		if (!n && (out->state == TCP_LISTEN || out->four.local_port != four->local_port ||
				  out->four.remote_port != four->remote_port))
			n = -ENOENT;
		return n;
	}
	return n;
}

struct dump {
	unsigned left;
	void (*fn)(void *arg, const struct diag_socket *s);
	void *arg;
};

static int on_socket(void *arg, const struct nlmsghdr *h)
{
	struct dump *d = arg;
	struct diag_socket s;
	int r = socket_of(h, &s);

	if (r || !diag_alive(&s))
		return r;
	if (!d->left)
		return -E2BIG;
	d->left--;
	d->fn(d->arg, &s);
	return 0;
}

static int dump_family(int diag_fd, uint8_t family, struct dump *d)
{
	struct request q;
	int r;

	request_init(&q, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, alive);
	r = netlink_ask(diag_fd, &q.h);
	return r ? r : netlink_dump(diag_fd, q.h.nlmsg_seq, on_socket, d);
}

int diag_each(int diag_fd, unsigned max, void (*fn)(void *arg, const struct diag_socket *s), void *arg,
	struct err *e)
{
	struct dump d = {.left = max, .fn = fn, .arg = arg};
	int r = dump_family(diag_fd, AF_INET, &d);

	if (!r)
		r = dump_family(diag_fd, AF_INET6, &d);
	if (r == -E2BIG)
		return err_set(e, r, "more than %u TCP sockets", max);
	if (r == -ENOENT)
		return err_set(e, r, "the kernel lacks tcp_diag");
	return r ? err_set(e, r, "inet_diag: %s", strerror(-r)) : 0;
}

int diag_destroy(int diag_fd, const struct diag_socket *s, struct err *e)
{
	struct request q;
	union netlink_reply reply;
	int r;

	request_one(&q, SOCK_DESTROY, NLM_F_ACK, &s->four, s->interface);
	q.r.id.idiag_cookie[0] = (uint32_t)s->cookie;
	q.r.id.idiag_cookie[1] = (uint32_t)(s->cookie >> 32);
	r = netlink_ask(diag_fd, &q.h);
	while (!r) {
		r = netlink_hear(diag_fd, &reply);
		if (r < 0)
			break;
		if (!NLMSG_OK(&reply.h, (size_t)r) || reply.h.nlmsg_seq != q.h.nlmsg_seq) {
			r = 0;
			continue;
		}
		r = reply.h.nlmsg_type == NLMSG_ERROR ? netlink_error(&reply.h) : -EPROTO;
		if (!r)
			return 0;
	}
	if (r == -EOPNOTSUPP)
		return err_set(
			e, r, "the kernel cannot end sockets (built without CONFIG_INET_DIAG_DESTROY)");
	return err_set(e, r, "SOCK_DESTROY: %s", strerror(-r));
}
