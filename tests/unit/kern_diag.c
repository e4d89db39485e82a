/* SPDX-License-Identifier: MIT */
/* kern/diag.c against real sockets of a network namespace of its own (as root, or in a user namespace). */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "kern/cgroup.h"
#include "kern/diag.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct pair {
	int listener, client, server;
};

struct seen {
	struct diag_socket s[64];
	unsigned n;
};

static bool ours; /* this process is in a network namespace of its own */

static int diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	assert_true(fd >= 0);
	return fd;
}

static uint64_t cookie_of(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie = 0;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void need_netns(void)
{
	if (!ours) {
		fprintf(stderr, "NOT RUN: no network namespace can be made here\n");
		skip();
	}
}

/* A listener on ip and a client of that family connected to it. */
static void pair_open(struct pair *p, int family, int proto, const char *listen_ip, const char *dial_ip)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool v4 = inet_pton(AF_INET, listen_ip, &four.sin_addr) == 1;
	struct sockaddr *sa = v4 ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t len = v4 ? sizeof(four) : sizeof(six);

	if (!v4)
		assert_int_equal(inet_pton(AF_INET6, listen_ip, &six.sin6_addr), 1);
	p->listener = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM, proto);
	p->client = socket(family, SOCK_STREAM, proto);
	assert_true(p->listener >= 0 && p->client >= 0);
	assert_int_equal(bind(p->listener, sa, len), 0);
	assert_int_equal(listen(p->listener, 4), 0);
	assert_int_equal(getsockname(p->listener, sa, &len), 0);
	if (family == AF_INET6) {
		six.sin6_port = v4 ? four.sin_port : six.sin6_port;
		assert_int_equal(inet_pton(AF_INET6, dial_ip, &six.sin6_addr), 1);
		assert_int_equal(connect(p->client, (struct sockaddr *)&six, sizeof(six)), 0);
	} else {
		assert_int_equal(connect(p->client, (struct sockaddr *)&four, sizeof(four)), 0);
	}
	p->server = accept(p->listener, NULL, NULL);
	assert_true(p->server >= 0);
}

static void pair_close(struct pair *p)
{
	close(p->server);
	close(p->client);
	close(p->listener);
}

static void on_socket(void *arg, const struct diag_socket *s)
{
	struct seen *seen = arg;

	assert_true(seen->n < ARRAY_LEN(seen->s));
	seen->s[seen->n++] = *s;
}

static void look(int diag_fd, struct seen *seen)
{
	struct err e = {0};

	seen->n = 0;
	assert_int_equal(diag_each(diag_fd, ARRAY_LEN(seen->s), on_socket, seen, &e), 0);
}

static const struct diag_socket *find_inode(const struct seen *seen, uint64_t inode)
{
	for (unsigned i = 0; i < seen->n; i++) {
		if (seen->s[i].inode == inode)
			return &seen->s[i];
	}
	return NULL;
}

static void four_of(int fd, struct diag_four *four)
{
	struct sockaddr_storage local, remote;
	socklen_t len = sizeof(local);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
	len = sizeof(remote);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&remote, &len), 0);
	assert_true(diag_four_init(four, (struct sockaddr *)&local, (struct sockaddr *)&remote));
}

/* What read(2) of a socket that was ended gives. */
static int ending(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	return n < 0 ? errno : 0;
}

/* Seen by the dump and found by its four, with all that is told of it. */
static void check_pair(int family, const char *listen_ip, const char *dial_ip)
{
	struct pair p;
	struct seen seen;
	struct diag_socket one;
	const struct diag_socket *s;
	struct diag_four four;
	int diag = diag_open();

	need_netns();
	pair_open(&p, family, 0, listen_ip, dial_ip);
	look(diag, &seen);
	assert_int_equal(seen.n, 2); /* the listener is none */
	s = find_inode(&seen, inode_of(p.client));
	assert_non_null(s);
	assert_int_equal(s->cookie, cookie_of(p.client));
	assert_int_equal(s->family, family);
	assert_int_equal(s->state, TCP_ESTABLISHED);
	assert_int_equal(s->uid, getuid());
	four_of(p.client, &four);
	assert_memory_equal(&s->four, &four, sizeof(four));
	assert_int_equal(diag_find(diag, &four, 0, &one), 0);
	assert_int_equal(one.cookie, s->cookie);
	assert_int_equal(one.cgroup_id, s->cgroup_id);
	/* The other end is another socket. */
	four_of(p.server, &four);
	assert_int_equal(diag_find(diag, &four, 0, &one), 0);
	assert_int_equal(one.cookie, cookie_of(p.server));
	pair_close(&p);
	close(diag);
}

static void test_ipv4(void **state)
{
	(void)state;
	check_pair(AF_INET, "127.0.0.1", "127.0.0.1");
}

static void test_ipv6(void **state)
{
	(void)state;
	check_pair(AF_INET6, "::1", "::1");
}

static void test_ipv6_socket_that_speaks_ipv4(void **state)
{
	(void)state;
	check_pair(AF_INET6, "127.0.0.1", "::ffff:127.0.0.1");
}

/* The cgroup is this process's, as the programs would see it. */
static void test_cgroup(void **state)
{
	char mount[PATH_MAX], path[PATH_MAX], dir[2 * PATH_MAX];
	struct seen seen;
	struct pair p;
	uint64_t id;
	int diag = diag_open();

	(void)state;
	need_netns();
	if (cgroup_mount(mount, sizeof(mount), NULL) || cgroup_of_pid(getpid(), path, sizeof(path), NULL)) {
		fprintf(stderr, "NOT RUN: no cgroup v2 here\n");
		close(diag);
		skip();
	}
	snprintf(dir, sizeof(dir), "%s%s", mount, path);
	assert_int_equal(cgroup_id(dir, &id, NULL), 0);
	pair_open(&p, AF_INET, 0, "127.0.0.1", NULL);
	look(diag, &seen);
	assert_int_equal(seen.s[0].cgroup_id, id);
	pair_close(&p);
	close(diag);
}

static void test_another_namespace_is_not_seen(void **state)
{
	int diag = diag_open(), other;
	struct seen seen;
	struct pair p;

	(void)state;
	need_netns();
	pair_open(&p, AF_INET, 0, "127.0.0.1", NULL);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	other = diag_open();
	look(other, &seen);
	assert_int_equal(seen.n, 0);
	look(diag, &seen); /* the descriptor keeps its namespace */
	assert_int_equal(seen.n, 2);
	close(other);
	pair_close(&p);
	close(diag);
}

static void test_no_more_than_asked_for(void **state)
{
	struct seen seen = {.n = 0};
	struct err e = {0};
	int diag = diag_open();
	struct pair p;

	(void)state;
	need_netns();
	pair_open(&p, AF_INET, 0, "127.0.0.1", NULL);
	assert_int_equal(diag_each(diag, 1, on_socket, &seen, &e), -E2BIG);
	assert_int_equal(seen.n, 1);
	pair_close(&p);
	close(diag);
}

static void count_socket(void *arg, const struct diag_socket *s)
{
	unsigned *n = arg;

	*n += s->state == TCP_ESTABLISHED;
}

/* More than fit into one. */
static void test_a_dump_of_many_datagrams(void **state)
{
	enum { N = 400 };
	struct pair *p = calloc(N, sizeof(*p));
	struct err e = {0};
	unsigned n = 0;
	int diag = diag_open();

	(void)state;
	need_netns();
	for (unsigned i = 0; i < N; i++)
		pair_open(&p[i], i % 2 ? AF_INET : AF_INET6, 0, i % 2 ? "127.0.0.1" : "::1", "::1");
	assert_int_equal(diag_each(diag, 2 * N, count_socket, &n, &e), 0);
	assert_int_equal(n, 2 * N);
	for (unsigned i = 0; i < N; i++)
		pair_close(&p[i]);
	free(p);
	close(diag);
}

static void check_destroy(int family, const char *listen_ip, const char *dial_ip, const char *device)
{
	struct diag_socket s, other;
	struct diag_four four;
	struct pair p;
	struct err e = {0};
	int diag = diag_open(), r;
	uint32_t interface = device ? if_nametoindex(device) : 0;

	need_netns();
	pair_open(&p, family, 0, listen_ip, dial_ip);
	if (device)
		assert_int_equal(
			setsockopt(p.client, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)), 0);
	four_of(p.client, &four);
	assert_int_equal(diag_find(diag, &four, interface, &s), 0);
	assert_int_equal(s.interface, interface);
	/* One with the same addresses and another cookie is not ended. */
	other = s;
	other.cookie++;
	assert_int_equal(diag_destroy(diag, &other, &e), -ENOENT);
	assert_int_equal(diag_find(diag, &four, interface, &s), 0);
	r = diag_destroy(diag, &s, &e);
	if (r == -EOPNOTSUPP) {
		fprintf(stderr, "NOT RUN: %s\n", e.msg);
		pair_close(&p);
		close(diag);
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(ending(p.client), ECONNABORTED);
	assert_int_equal(ending(p.server), ECONNRESET);
	assert_int_equal(diag_find(diag, &four, interface, &s), -ENOENT);
	assert_int_equal(diag_destroy(diag, &s, &e), -ENOENT);
	pair_close(&p);
	close(diag);
}

static void test_destroy_ipv4(void **state)
{
	(void)state;
	check_destroy(AF_INET, "127.0.0.1", NULL, NULL);
}

static void test_destroy_ipv6(void **state)
{
	(void)state;
	check_destroy(AF_INET6, "::1", "::1", NULL);
}

static void test_destroy_ipv6_socket_that_speaks_ipv4(void **state)
{
	(void)state;
	check_destroy(AF_INET6, "127.0.0.1", "::ffff:127.0.0.1", NULL);
}

static void test_destroy_bound_to_a_device(void **state)
{
	(void)state;
	check_destroy(AF_INET, "127.0.0.1", NULL, "lo");
}

static void test_destroy_an_mptcp_connection(void **state)
{
	int probe = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), diag = diag_open();
	const struct diag_socket *s;
	struct seen seen;
	struct pair p;
	struct err e = {0};

	(void)state;
	need_netns();
	if (probe < 0) {
		fprintf(stderr, "NOT RUN: this kernel has no MPTCP\n");
		close(diag);
		skip();
	}
	close(probe);
	pair_open(&p, AF_INET, IPPROTO_MPTCP, "127.0.0.1", NULL);
	look(diag, &seen);
	s = find_inode(&seen, inode_of(p.client));
	assert_non_null(s);
	assert_int_equal(s->uid, getuid());
	assert_int_not_equal(s->cgroup_id, 0);
	assert_int_equal(diag_destroy(diag, s, &e), 0);
	look(diag, &seen);
	assert_null(find_inode(&seen, inode_of(p.client)));
	assert_true(send(p.client, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 || ending(p.client) != 0);
	pair_close(&p);
	close(diag);
}

static void test_four_needs_ip_addresses(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct diag_four four;

	(void)state;
	assert_false(diag_four_init(&four, &other, (struct sockaddr *)&in));
	assert_false(diag_four_init(&four, (struct sockaddr *)&in, &other));
	assert_true(diag_four_init(&four, (struct sockaddr *)&in, (struct sockaddr *)&in));
}

static void test_a_descriptor_that_is_none(void **state)
{
	struct diag_socket s = {0};
	struct err e = {0};
	unsigned n = 0;

	(void)state;
	assert_int_equal(diag_find(-1, &s.four, 0, &s), -EBADF);
	assert_int_equal(diag_each(-1, 1, count_socket, &n, &e), -EBADF);
	assert_int_equal(diag_destroy(-1, &s, &e), -EBADF);
	assert_int_equal(n, 0);
}

/* A namespace of our own, with its loopback up. */
static int enter(void **state)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	(void)state;
	ours = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (!ours)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ours = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	close(fd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ipv4, enter),
		cmocka_unit_test_setup(test_ipv6, enter),
		cmocka_unit_test_setup(test_ipv6_socket_that_speaks_ipv4, enter),
		cmocka_unit_test_setup(test_cgroup, enter),
		cmocka_unit_test_setup(test_another_namespace_is_not_seen, enter),
		cmocka_unit_test_setup(test_no_more_than_asked_for, enter),
		cmocka_unit_test_setup(test_a_dump_of_many_datagrams, enter),
		cmocka_unit_test_setup(test_destroy_ipv4, enter),
		cmocka_unit_test_setup(test_destroy_ipv6, enter),
		cmocka_unit_test_setup(test_destroy_ipv6_socket_that_speaks_ipv4, enter),
		cmocka_unit_test_setup(test_destroy_bound_to_a_device, enter),
		cmocka_unit_test_setup(test_destroy_an_mptcp_connection, enter),
		cmocka_unit_test(test_four_needs_ip_addresses),
		cmocka_unit_test(test_a_descriptor_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
