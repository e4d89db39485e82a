/* SPDX-License-Identifier: MIT */
/* bystander: what a process pays for its sockets that pgveil has nothing to do with. Each job is done in one
 * thread, both ends of it, over loopback, so that nobody is waited for and the process's CPU time is all
 * there is.
 *
 *   bystander JOB:PORT:COUNT …    {"JOB:PORT": nanoseconds of CPU for one, in the best of twenty batches, …}
 *
 *   connect   socket, connect, accept, close, with a listener on that port of 127.0.0.1
 *   refused   socket, and a connect that is to fail with ECONNREFUSED though there is a listener
 *   unix      the same as connect by an abstract name; the port is a part of it
 *   large     64 KiB from one end to the other of one connection
 *   small     64 bytes so */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LARGE   65536
#define SMALL   64
#define BATCHES 20 /* what others do only ever adds: to caches, and interrupts that are counted as ours */

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	};
	socklen_t len;
};

static void die(const char *what)
{
	fprintf(stderr, "bystander: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static struct address address_of(int family, unsigned port)
{
	struct address a = {.in = {.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
		.len = sizeof(a.in)};

	if (family == AF_UNIX) {
		a.un = (struct sockaddr_un){.sun_family = AF_UNIX};
		a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				    (size_t)snprintf(a.un.sun_path + 1, sizeof(a.un.sun_path) - 1,
					    "pgveil-bystander-%u-%d", port, getpid()));
	}
	return a;
}

static int listen_at(const struct address *a)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		bind(fd, &a->any, a->len) || listen(fd, 16))
		die("listen");
	return fd;
}

/* Without a TIME_WAIT, of which there would be too many. */
static void hang_up(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) || close(fd))
		die("close");
}

static void connect_to(int listener, const struct address *a, int *near, int *far)
{
	*near = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*near < 0 || connect(*near, &a->any, a->len))
		die("connect");
	*far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*far < 0)
		die("accept");
}

static void connects(const struct address *a, unsigned n)
{
	int listener = listen_at(a), near, far;

	for (; n; n--) {
		connect_to(listener, a, &near, &far);
		hang_up(near);
		hang_up(far);
	}
	close(listener);
}

static void refusals(const struct address *a, unsigned n)
{
	int listener = listen_at(a);

	for (; n; n--) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, &a->any, a->len) == 0 || errno != ECONNREFUSED)
			die("a connect that is to be refused");
		close(fd);
	}
	close(listener);
}

static void data(const struct address *a, unsigned n, size_t piece)
{
	static char buf[LARGE];
	int listener = listen_at(a), near, far, one = 1;

	connect_to(listener, a, &near, &far);
	if (setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		die("TCP_NODELAY");
	for (; n; n--) {
		size_t sent = 0, got = 0;

		while (got < piece) {
			ssize_t k =
				sent < piece ? send(near, buf, piece - sent, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

			if (k < 0 && errno != EAGAIN)
				die("send");
			sent += k > 0 ? (size_t)k : 0;
			k = recv(far, buf, sizeof(buf), MSG_DONTWAIT);
			if (k < 0 && errno != EAGAIN)
				die("recv");
			got += k > 0 ? (size_t)k : 0;
		}
	}
	hang_up(near);
	hang_up(far);
	close(listener);
}

static void job(const char *name, unsigned port, unsigned n)
{
	const struct address in = address_of(AF_INET, port), un = address_of(AF_UNIX, port);

	if (strcmp(name, "connect") == 0)
		connects(&in, n);
	else if (strcmp(name, "refused") == 0)
		refusals(&in, n);
	else if (strcmp(name, "unix") == 0)
		connects(&un, n);
	else if (strcmp(name, "large") == 0)
		data(&in, n, LARGE);
	else if (strcmp(name, "small") == 0)
		data(&in, n, SMALL);
	else
		die(name);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char name[16];
		unsigned port, n;
		double best = 0;

		if (sscanf(argv[i], "%15[a-z]:%u:%u", name, &port, &n) != 3 || !n) {
			fprintf(stderr, "usage: bystander JOB:PORT:COUNT ...\n");
			return 2;
		}
		n = (n + BATCHES - 1) / BATCHES;
		for (unsigned k = 0; k < BATCHES; k++) {
			double began = now(), took;

			job(name, port, n);
			took = (now() - began) / n;
			best = k == 0 || took < best ? took : best;
		}
		printf("%s\"%s:%u\": %.1f", i > 1 ? ", " : "{", name, port, best);
	}
	puts("}");
	return 0;
}
