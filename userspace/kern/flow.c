/* SPDX-License-Identifier: MIT */
#include "kern/flow.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include "bpf/addr.h"

/* Claims come from several workers, and may share a diag_fd. One at a time: a reply must meet its request,
 * and of two claims of one record only one may win. It is held for two map calls and one netlink round trip,
 * all synchronous. */
static pthread_mutex_t claim_lock = PTHREAD_MUTEX_INITIALIZER;

/* Under claim_lock. -ENOENT where the kernel finds none. */
static int cookie_of(int diag_fd, const struct diag_four *four, uint64_t *cookie)
{
	struct diag_socket s;
	int r = diag_find(diag_fd, four, 0, &s);

	/* A socket in SYN_SENT cannot be the peer of a connection that was accepted: it is another one that
	 * took the same four, which a socket bound to a device (after it connected, by anybody) lets it do.
	 */
	if (!r && s.state == TCP_SYN_SENT)
		r = -ENOENT;
	if (!r)
		*cookie = s.cookie;
	return r;
}

uint64_t flow_socket_cookie(int diag_fd, const struct sockaddr *local, const struct sockaddr *remote)
{
	struct diag_four four;
	uint64_t cookie = 0;

	if (!diag_four_init(&four, local, remote))
		return 0;
	pthread_mutex_lock(&claim_lock);
	if (cookie_of(diag_fd, &four, &cookie) < 0)
		cookie = 0;
	pthread_mutex_unlock(&claim_lock);
	return cookie;
}

static int claim(int flows_fd, int diag_fd, const struct flow_key *key, const struct diag_four *four,
	struct flow_value *out, struct err *e)
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
	r = cookie_of(diag_fd, four, &cookie);
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
	struct diag_four four;
	int r;

	if (!diag_four_init(&four, peer, local))
		return err_set(e, -EAFNOSUPPORT, "neither IPv4 nor IPv6");
	flow_key_init(key, netns_cookie, four.local_ip, four.local_port, four.remote_ip, four.remote_port);
	pthread_mutex_lock(&claim_lock);
	r = claim(kern_flows_fd(k), diag_fd, key, &four, out, e);
	pthread_mutex_unlock(&claim_lock);
	return r;
}

int flow_recorded(
	const struct kern *k, uint64_t netns_cookie, const struct diag_four *four, struct flow_value *out)
{
	struct flow_key key;

	flow_key_init(
		&key, netns_cookie, four->local_ip, four->local_port, four->remote_ip, four->remote_port);
	return bpf_map_lookup_elem(kern_flows_fd(k), &key, out);
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
