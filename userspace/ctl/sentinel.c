/* SPDX-License-Identifier: MIT */
#include "ctl/sentinel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ctl/clock.h"
#include "kern/cgroup.h"
#include "kern/flow.h"
#include "kern/loader.h"

#define LIMIT_MS 5000
#define NOBODY   65534

/* What the process inside finds at these descriptors. */
enum { FD_REPORT = 3, FD_CGROUP, FD_NETNS, FD_END };

/* RFC 5737 and RFC 3849: for documentation, so nobody's. */
static const char *const addresses[] = {"192.0.2.1", "2001:db8::1"};

enum stage { STAGE_ENTER = 0, STAGE_NETNS, STAGE_DROP, STAGE_CONNECT, STAGE_ANSWER, STAGE_DONE };

struct report { /* from the process inside, one for each address */
	enum stage stage;
	int error; /* errno of that stage */
	struct sockaddr_storage local;
	uint64_t socket_cookie, netns_cookie;
};

/* ---- inside ---- */

static int fail(struct report *r, enum stage stage)
{
	r->stage = stage;
	r->error = errno ? errno : EIO;
	return -1;
}

static int enter(struct report *r)
{
	if (write(FD_CGROUP, "0", 1) != 1)
		return fail(r, STAGE_ENTER);
	if (setns(FD_NETNS, CLONE_NEWNET) < 0)
		return fail(r, STAGE_NETNS);
	close(FD_CGROUP);
	close(FD_NETNS);
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail(r, STAGE_DROP);
	return 0;
}

static socklen_t address(int i, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, addresses[i], &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof(*four);
	}
	inet_pton(AF_INET6, addresses[i], &six->sin6_addr);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof(*six);
}

static int converse(int fd, int i, uint16_t port, struct report *r)
{
	static const unsigned char ssl_request[8] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
	const struct timeval limit = {LIMIT_MS / 1000, 0};
	struct sockaddr_storage to;
	socklen_t len = address(i, port, &to);
	char answer = 0;

	errno = 0;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
		connect(fd, (struct sockaddr *)&to, len) < 0)
		return fail(r, STAGE_CONNECT);
	errno = 0;
	if (send(fd, ssl_request, sizeof(ssl_request), MSG_NOSIGNAL) != (ssize_t)sizeof(ssl_request) ||
		recv(fd, &answer, 1, 0) != 1 || (answer != 'S' && answer != 'N'))
		return fail(r, STAGE_ANSWER);
	len = sizeof(r->local);
	if (getsockname(fd, (struct sockaddr *)&r->local, &len) < 0)
		return fail(r, STAGE_ANSWER);
	len = sizeof(r->socket_cookie);
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &r->socket_cookie, &len) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &r->netns_cookie, &len) < 0)
		return fail(r, STAGE_ANSWER);
	r->stage = STAGE_DONE;
	return 0;
}

int sentinel_run(int argc, char **argv)
{
	uint16_t port = argc > 2 ? (uint16_t)atoi(argv[2]) : 0;
	struct report r = {0};
	char go;

	if (enter(&r)) {
		(void)!write(FD_REPORT, &r, sizeof(r));
		return 1;
	}
	for (int i = 0; i < (int)ARRAY_LEN(addresses); i++) {
		int fd = socket(i ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

		memset(&r, 0, sizeof(r));
		(void)converse(fd, i, port, &r);
		/* The socket lives until it was looked for. */
		if (write(FD_REPORT, &r, sizeof(r)) != (ssize_t)sizeof(r) || read(FD_REPORT, &go, 1) != 1)
			return 1;
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

/* ---- outside ---- */

struct inside {
	pid_t pid;
	int fd; /* of the conversation */
	uint64_t cgroup_id, deadline_ms;
};

/* Starts the process with exactly these descriptors. */
static int start(struct inside *in, int cgroup_fd, int ns_fd, uint16_t port, struct err *e)
{
	char number[8], exe[] = "/proc/self/exe", name[] = "pgveild", option[] = SENTINEL_OPTION;
	char *argv[] = {name, option, number, NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int pair[2], high[3], r;
	sigset_t none;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "socketpair: %m");
	snprintf(number, sizeof(number), "%u", port);
	/* Copies above those that they become: none may overwrite another. */
	high[0] = fcntl(pair[1], F_DUPFD_CLOEXEC, FD_END);
	high[1] = fcntl(cgroup_fd, F_DUPFD_CLOEXEC, FD_END);
	high[2] = fcntl(ns_fd, F_DUPFD_CLOEXEC, FD_END);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	r = high[0] < 0 || high[1] < 0 || high[2] < 0 ? EMFILE : 0;
	for (int i = 0; i < 3 && !r; i++)
		r = posix_spawn_file_actions_adddup2(&files, high[i], FD_REPORT + i);
	if (!r)
		r = posix_spawn(&in->pid, exe, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	for (int i = 0; i < 3; i++) {
		if (high[i] >= 0)
			close(high[i]);
	}
	close(pair[1]);
	in->fd = pair[0];
	if (r)
		close(in->fd);
	return r ? err_set(e, -r, "no process to look from inside: %s", strerror(r)) : 0;
}

static int hear(const struct inside *in, struct report *r, struct err *e)
{
	struct pollfd p = {.fd = in->fd, .events = POLLIN};
	uint64_t now = clock_ms();
	int n = now < in->deadline_ms ? poll(&p, 1, (int)(in->deadline_ms - now)) : 0;

	if (n == 0)
		return err_set(e, -ETIMEDOUT, "the process inside does not answer: is the cgroup frozen?");
	if (n < 0 || recv(in->fd, r, sizeof(*r), 0) != (ssize_t)sizeof(*r))
		return err_set(e, -EPIPE, "the process inside was ended");
	return 0;
}

static int explain(const struct report *r, int i, struct err *e)
{
	const char *error = strerror(r->error);

	switch (r->stage) {
	case STAGE_ENTER: return err_set(e, -r->error, "a process cannot enter the cgroup: %s", error);
	case STAGE_NETNS: return err_set(e, -r->error, "a process cannot enter the namespace: %s", error);
	case STAGE_DROP: return err_set(e, -r->error, "privileges cannot be given up: %s", error);
	case STAGE_CONNECT: return err_set(e, -r->error, "a connect to %s: %s", addresses[i], error);
	case STAGE_ANSWER: return err_set(e, -EPIPE, "the engine did not answer at %s", addresses[i]);
	case STAGE_DONE: break;
	}
	return 0;
}

/* Whether the record of the socket inside says all that it should. */
static int verify(const struct kern *k, const struct inside *in, const struct report *r, int i, uint16_t port,
	const struct listener_value *l, struct err *e)
{
	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6, .sin6_port = htons(l->port6), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET,
		.sin_port = htons(l->port4),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr *engine = i ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	struct sockaddr_storage dialled, meant;
	struct diag_four ends;
	struct flow_value v;

	(void)address(i, port, &meant);
	if (!diag_four_init(&ends, (const struct sockaddr *)&r->local, engine) ||
		flow_recorded(k, r->netns_cookie, &ends, &v))
		return err_set(
			e, -EACCES, "a connect to %s was answered, and not by the engine", addresses[i]);
	(void)flow_dialled(&v, &dialled);
	if (v.socket_cookie != r->socket_cookie || v.cgroup_id != in->cgroup_id || v.state != FLOW_CLAIMED ||
		memcmp(&dialled, &meant, sizeof(meant)) != 0)
		return err_set(e, -EACCES, "the record of a connect to %s is another's", addresses[i]);
	return 0;
}

static int converse_all(const struct kern *k, const struct inside *in, uint16_t port, struct err *e)
{
	struct listener_value l = {0};
	struct report r;
	int n = 0;

	for (int i = 0; i < (int)ARRAY_LEN(addresses) && !n; i++) {
		n = hear(in, &r, e);
		/* A namespace without IPv6 has no listener for it: then nothing may get through. */
		if (!n && i && !l.port6 && r.stage == STAGE_CONNECT)
			return 0;
		if (!n)
			n = explain(&r, i, e);
		if (!n && kern_listener(k, r.netns_cookie, &l))
			n = err_set(e, -EACCES, "there is no listener in that namespace");
		if (!n)
			n = verify(k, in, &r, i, port, &l, e);
		if (!n && send(in->fd, "", 1, MSG_NOSIGNAL) != 1)
			n = err_set(e, -EPIPE, "the process inside was ended");
	}
	return n;
}

/* -EBUSY: processes are in cgroups below this one only. */
static int check_in(const struct kern *k, const char *dir, int ns_fd, uint16_t port, struct err *e)
{
	struct inside in = {.deadline_ms = clock_ms() + LIMIT_MS};
	char procs[PATH_MAX + 16];
	int fd, r = cgroup_id(dir, &in.cgroup_id, e);

	if (r)
		return r;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "%s: %m", procs);
	r = start(&in, fd, ns_fd, port, e);
	close(fd);
	if (r)
		return r;
	r = converse_all(k, &in, port, e);
	close(in.fd);
	kill(in.pid, SIGKILL);
	while (waitpid(in.pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

int sentinel_check(const struct kern *k, const char *dir, int ns_fd, uint16_t port, struct err *e)
{
	char mount[PATH_MAX], path[PATH_MAX], leaf[2 * PATH_MAX];
	int r = check_in(k, dir, ns_fd, port, e);
	size_t n = strlen(dir);
	pid_t pid;

	if (r != -EBUSY)
		return r;
	pid = cgroup_any_pid(dir);
	if (!pid || cgroup_mount(mount, sizeof(mount), NULL) || cgroup_of_pid(pid, path, sizeof(path), NULL))
		return r;
	snprintf(leaf, sizeof(leaf), "%s%s", mount, path);
	if (strncmp(leaf, dir, n) != 0 || leaf[n] != '/')
		return r;
	return check_in(k, leaf, ns_fd, port, e);
}
