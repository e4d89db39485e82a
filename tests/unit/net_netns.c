/* SPDX-License-Identifier: MIT */
/* net/netns.c with a network namespace of a child's; only root may enter one. */
#include "test.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "kern/flow.h"
#include "kern/unix_flow.h"
#include "net/netns.h"

static bool root(void)
{
	if (geteuid() == 0)
		return true;
	fprintf(stderr, "NOT RUN: entering a network namespace needs root\n");
	return false;
}

/* A child in a namespace of its own, with lo up or not. Returns once it is there. */
static pid_t child_in_netns(bool up)
{
	int ready[2];
	pid_t child;
	char c = 0;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
		int fd = unshare(CLONE_NEWNET) < 0 ? -1 : socket(AF_INET, SOCK_DGRAM, 0);

		c = fd >= 0 && (!up || ioctl(fd, SIOCSIFFLAGS, &lo) == 0);
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void end(pid_t child)
{
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static uint64_t netns_cookie(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie = 0;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len), 0);
	return cookie;
}

static uint64_t own_inode(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static void test_sockets_there_we_here(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_storage local, peer;
	socklen_t len = sizeof(local);
	struct netns_thread *t;
	uint64_t here = own_inode();
	struct err e = {0};
	struct netns n;
	pid_t child;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t un_len = offsetof(struct sockaddr_un, sun_path) + UNIX_LISTENER_NAME;
	int ns, fd, accepted;

	(void)state;
	if (!root())
		skip();
	child = child_in_netns(true);
	assert_int_equal(netns_thread_start(&t, &e), 0);
	ns = netns_open_pid(child, &e);
	assert_true(ns >= 0);
	assert_int_equal(netns_listen(t, ns, true, &n, &e), 0);
	close(ns);
	assert_true(n.inode != here);
	assert_int_equal(own_inode(), here);
	assert_int_equal(netns_cookie(n.listen4), n.cookie);
	assert_true(n.port4 > 0);
	assert_true(fcntl(n.listen4, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(n.listen4, F_GETFD) & FD_CLOEXEC);

	fd = netns_socket(t, &n, AF_INET);
	assert_true(fd >= 0);
	assert_int_equal(netns_cookie(fd), n.cookie);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	sa.sin_port = htons(n.port4);
	assert_true(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == EINPROGRESS);
	accepted = accept(n.listen4, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
	len = sizeof(peer);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	assert_true(flow_socket_cookie(n.diag_fd, (struct sockaddr *)&local, (struct sockaddr *)&peer) != 0);
	close(accepted);
	close(fd);
	assert_int_equal(netns_socket(t, &n, AF_MAX), -EAFNOSUPPORT);

	assert_int_equal(netns_cookie(n.listen_unix), n.cookie);
	assert_int_equal(n.unix_name.name[0], 0);
	assert_int_equal(
		strnlen(n.unix_name.name + 1, sizeof(n.unix_name.name)), sizeof(n.unix_name.name) - 1);
	assert_true(unix_flow_possible(n.unix_diag_fd, n.listen_unix));
	memcpy(un.sun_path, n.unix_name.name, sizeof(n.unix_name.name));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	/* An abstract name is its network namespace's: not ours. */
	assert_int_equal(connect(fd, (struct sockaddr *)&un, un_len), -1);
	close(fd);
	fd = netns_socket(t, &n, AF_UNIX);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, un_len), 0);
	close(fd);
	netns_close(&n);
	assert_int_equal(n.listen4, -1);
	netns_close(&n);
	netns_thread_stop(t);
	end(child);
}

static void test_no_loopback_there(void **state)
{
	struct netns_thread *t;
	struct err e = {0};
	struct netns n;
	pid_t child;
	int ns;

	(void)state;
	if (!root())
		skip();
	child = child_in_netns(false);
	assert_int_equal(netns_thread_start(&t, &e), 0);
	ns = netns_open_pid(child, &e);
	assert_true(ns >= 0);
	/* Binding to the loopback works while lo is down on some kernels and not on others; either way
	 * nothing leaks. */
	if (netns_listen(t, ns, true, &n, &e) < 0) {
		assert_non_null(strstr(e.msg, "lo"));
		assert_int_equal(n.ns_fd, -1);
		assert_int_equal(n.listen4, -1);
	}
	netns_close(&n);
	close(ns);
	netns_thread_stop(t);
	end(child);
}

static void test_what_is_no_namespace(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(netns_open_path("/no/such", &e), -ENOENT);
	assert_int_equal(netns_open_pid(0x7ffffff0, &e), -ENOENT);
	assert_int_equal(netns_open_path("/proc/self/ns/uts", &e), -EINVAL);
	assert_int_equal(netns_open_path("/dev/null", &e), -EINVAL);
	netns_thread_stop(NULL);
}

struct caller {
	struct netns_thread *t;
	struct netns *n;
	unsigned wrong;
};

static void *call(void *arg)
{
	struct caller *c = arg;

	for (int i = 0; i < 200; i++) {
		int fd = netns_socket(c->t, c->n, AF_INET);

		c->wrong += fd < 0 || netns_cookie(fd) != c->n->cookie;
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* Two namespaces, four threads: everybody gets sockets of the right one. */
static void test_many_callers(void **state)
{
	struct netns_thread *t;
	struct caller c[4];
	pthread_t threads[4];
	struct err e = {0};
	struct netns n[2];
	pid_t child[2];

	(void)state;
	if (!root())
		skip();
	assert_int_equal(netns_thread_start(&t, &e), 0);
	for (int i = 0; i < 2; i++) {
		int ns;

		child[i] = child_in_netns(true);
		ns = netns_open_pid(child[i], &e);
		assert_true(ns >= 0);
		assert_int_equal(netns_listen(t, ns, true, &n[i], &e), 0);
		close(ns);
	}
	assert_true(n[0].cookie != n[1].cookie);
	for (int i = 0; i < 4; i++) {
		c[i] = (struct caller){t, &n[i % 2], 0};
		assert_int_equal(pthread_create(&threads[i], NULL, call, &c[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(c[i].wrong, 0);
	}
	for (int i = 0; i < 2; i++) {
		netns_close(&n[i]);
		end(child[i]);
	}
	netns_thread_stop(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets_there_we_here),
		cmocka_unit_test(test_no_loopback_there),
		cmocka_unit_test(test_what_is_no_namespace),
		cmocka_unit_test(test_many_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
