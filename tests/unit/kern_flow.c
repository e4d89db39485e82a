/* SPDX-License-Identifier: MIT */
/* kern/flow.c without BPF: addresses, and SOCK_DIAG against SO_COOKIE over the loopback (no root needed). */
#include "test.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include "kern/flow.h"

struct pair {
	int listener, client, server;
	struct sockaddr_storage local, remote; /* the client's */
};

static uint64_t cookie_of(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie = 0;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

/* A connection from a client of that family to ip; false where this machine has no such loopback. */
static bool pair_open(struct pair *p, int client_family, const char *listen_ip, const char *dial_ip)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool v4 = inet_pton(AF_INET, listen_ip, &four.sin_addr) == 1;
	struct sockaddr *sa = v4 ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t len = v4 ? sizeof(four) : sizeof(six);

	if (!v4)
		assert_int_equal(inet_pton(AF_INET6, listen_ip, &six.sin6_addr), 1);
	p->listener = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	p->client = socket(client_family, SOCK_STREAM, 0);
	if (p->listener < 0 || p->client < 0 || bind(p->listener, sa, len) < 0)
		return false;
	assert_int_equal(listen(p->listener, 4), 0);
	assert_int_equal(getsockname(p->listener, sa, &len), 0);
	if (client_family == AF_INET6) {
		six.sin6_port = v4 ? four.sin_port : six.sin6_port;
		assert_int_equal(inet_pton(AF_INET6, dial_ip, &six.sin6_addr), 1);
		assert_int_equal(connect(p->client, (struct sockaddr *)&six, sizeof(six)), 0);
	} else {
		assert_int_equal(connect(p->client, (struct sockaddr *)&four, sizeof(four)), 0);
	}
	p->server = accept(p->listener, NULL, NULL);
	assert_true(p->server >= 0);
	len = sizeof(p->local);
	assert_int_equal(getsockname(p->client, (struct sockaddr *)&p->local, &len), 0);
	len = sizeof(p->remote);
	assert_int_equal(getpeername(p->client, (struct sockaddr *)&p->remote, &len), 0);
	return true;
}

static void pair_close(struct pair *p)
{
	close(p->server);
	close(p->client);
	close(p->listener);
}

static void check_pair(int family, const char *listen_ip, const char *dial_ip)
{
	int diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct pair p = {-1, -1, -1, {0}, {0}};

	assert_true(diag >= 0);
	if (!pair_open(&p, family, listen_ip, dial_ip)) {
		fprintf(stderr, "NOT RUN: this machine has no %s\n", listen_ip);
		pair_close(&p);
		close(diag);
		skip();
	}
	const struct sockaddr *local = (struct sockaddr *)&p.local, *remote = (struct sockaddr *)&p.remote;

	assert_int_equal(flow_socket_cookie(diag, local, remote), cookie_of(p.client));
	assert_int_equal(flow_socket_cookie(diag, remote, local), cookie_of(p.server));
	/* By the engine's idea of the same addresses: accept's. */
	struct sockaddr_storage seen_local, seen_peer;
	socklen_t len = sizeof(seen_local);

	assert_int_equal(getsockname(p.server, (struct sockaddr *)&seen_local, &len), 0);
	len = sizeof(seen_peer);
	assert_int_equal(getpeername(p.server, (struct sockaddr *)&seen_peer, &len), 0);
	assert_int_equal(
		flow_socket_cookie(diag, (struct sockaddr *)&seen_peer, (struct sockaddr *)&seen_local),
		cookie_of(p.client));
	/* Gone: a listener of that port must not answer for it. */
	struct linger now = {.l_onoff = 1};

	assert_int_equal(setsockopt(p.server, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(p.server);
	assert_int_equal(flow_socket_cookie(diag, remote, local), 0);
	p.server = -1;
	pair_close(&p);
	close(diag);
}

static void test_cookie_of_an_ipv4_socket(void **state)
{
	(void)state;
	check_pair(AF_INET, "127.0.0.1", "127.0.0.1");
}

static void test_cookie_of_an_ipv6_socket(void **state)
{
	(void)state;
	check_pair(AF_INET6, "::1", "::1");
}

static void test_cookie_of_an_ipv6_socket_that_speaks_ipv4(void **state)
{
	(void)state;
	check_pair(AF_INET6, "127.0.0.1", "::ffff:127.0.0.1");
}

static void test_no_cookie_without_a_socket(void **state)
{
	int diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(0x7f000001)};
	struct sockaddr other = {.sa_family = AF_UNIX};

	(void)state;
	assert_int_equal(flow_socket_cookie(diag, (struct sockaddr *)&a, (struct sockaddr *)&a), 0);
	assert_int_equal(flow_socket_cookie(diag, &other, (struct sockaddr *)&a), 0);
	assert_int_equal(flow_socket_cookie(-1, (struct sockaddr *)&a, (struct sockaddr *)&a), 0);
	close(diag);
}

static void test_dialled_address(void **state)
{
	struct flow_value v = {
		.dialled_port = 5432, .dialled_ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}};
	struct sockaddr_storage sa;
	struct sockaddr_in *four = (struct sockaddr_in *)&sa;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&sa;

	(void)state;
	assert_int_equal(flow_dialled(&v, &sa), sizeof(*four));
	assert_int_equal(four->sin_family, AF_INET);
	assert_int_equal(four->sin_port, htons(5432));
	assert_int_equal(four->sin_addr.s_addr, htonl(0x0a000007));
	v.dialled_ip[0] = 0xfd;
	assert_int_equal(flow_dialled(&v, &sa), sizeof(*six));
	assert_int_equal(six->sin6_family, AF_INET6);
	assert_int_equal(six->sin6_port, htons(5432));
	assert_memory_equal(&six->sin6_addr, v.dialled_ip, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie_of_an_ipv4_socket),
		cmocka_unit_test(test_cookie_of_an_ipv6_socket),
		cmocka_unit_test(test_cookie_of_an_ipv6_socket_that_speaks_ipv4),
		cmocka_unit_test(test_no_cookie_without_a_socket),
		cmocka_unit_test(test_dialled_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
