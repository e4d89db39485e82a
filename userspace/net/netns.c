/* SPDX-License-Identifier: MIT */
#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "kern/unix_flow.h"

enum job_kind { JOB_LISTEN, JOB_SOCKET, JOB_DIAG };

/* One hand-over. Lives on the stack of whoever waits for it. */
struct job {
	struct job *next;
	enum job_kind kind;
	int ns_fd;
	int family;        /* JOB_SOCKET */
	bool with_unix;    /* JOB_LISTEN */
	struct netns *out; /* JOB_LISTEN */
	struct err *e;
	int result;
	bool done;
};

struct netns_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job *first, **last;
	int home_fd; /* between jobs the thread is at home: a thread in a namespace keeps it alive */
	bool stop;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A non-blocking listener on the loopback, on a port of the kernel's choice. */
static int listener(const struct sockaddr *sa, socklen_t len, uint16_t *port)
{
	struct sockaddr_in6 bound;
	socklen_t bound_len = sizeof(bound);
	int on = 1, fd, r;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	if ((sa->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
		bind(fd, sa, len) < 0 || listen(fd, SOMAXCONN) < 0 ||
		getsockname(fd, (struct sockaddr *)&bound, &bound_len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*port = ntohs(bound.sin6_port); /* at the same offset for both families */
	return fd;
}

static int diag_here(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

static bool no_ipv6(int r)
{
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
}

/* An abstract name that nobody can have taken beforehand. */
static int unix_listener(struct unix_listener_value *name)
{
	static const char prefix[] = "pgveil-", digits[] = "0123456789abcdef";
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	uint8_t random[UNIX_LISTENER_NAME - sizeof(prefix)];
	int fd, r;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	memset(name, 0, sizeof(*name));
	memcpy(name->name + 1, prefix, sizeof(prefix) - 1);
	for (size_t i = 0; i < sizeof(random); i++)
		name->name[sizeof(prefix) + i] = digits[random[i] & 15];
	memcpy(un.sun_path, name->name, sizeof(name->name));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&un, offsetof(struct sockaddr_un, sun_path) + sizeof(name->name)) <
			0 ||
		listen(fd, SOMAXCONN) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Without unix_diag nobody could say who came: then nobody is to come. */
static int listen_unix(struct netns *n, struct err *e)
{
	n->listen_unix = unix_listener(&n->unix_name);
	if (n->listen_unix < 0)
		return err_set(e, n->listen_unix, "abstract listener: %s", strerror(-n->listen_unix));
	n->unix_diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (n->unix_diag_fd < 0)
		return err_set(e, -errno, "NETLINK_SOCK_DIAG: %m");
	if (unix_flow_possible(n->unix_diag_fd, n->listen_unix))
		return 0;
	log_event(LOG_WARN, "listener.no_unix",
		"the kernel has no unix_diag: connects to a database's unix socket are refused");
	shut(&n->listen_unix);
	shut(&n->unix_diag_fd);
	return 0;
}

/* In the namespace. n's descriptors are -1 where it has none; the caller closes them on failure. */
static int listen_here(struct netns *n, bool with_unix, struct err *e)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t len = sizeof(n->cookie);

	n->listen4 = listener((struct sockaddr *)&in, sizeof(in), &n->port4);
	if (n->listen4 < 0)
		return err_set(e, n->listen4, "listener on 127.0.0.1: %s%s", strerror(-n->listen4),
			n->listen4 == -EADDRNOTAVAIL ? " (is lo up in that namespace?)" : "");
	n->listen6 = listener((struct sockaddr *)&in6, sizeof(in6), &n->port6);
	if (n->listen6 < 0 && !no_ipv6(n->listen6))
		return err_set(e, n->listen6, "listener on ::1: %s", strerror(-n->listen6));
	if (n->listen6 < 0)
		n->listen6 = -1;
	n->diag_fd = diag_here();
	if (n->diag_fd < 0)
		return err_set(e, n->diag_fd, "NETLINK_SOCK_DIAG: %s", strerror(-n->diag_fd));
	if (getsockopt(n->listen4, SOL_SOCKET, SO_NETNS_COOKIE, &n->cookie, &len) < 0)
		return err_set(e, -errno, "SO_NETNS_COOKIE: %m");
	return with_unix ? listen_unix(n, e) : 0;
}

static int socket_here(int family)
{
	int fd = socket(
		family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, family == AF_UNIX ? 0 : IPPROTO_TCP);

	return fd < 0 ? -errno : fd;
}

/* Goes, does, comes back. */
static int work(const struct netns_thread *t, struct job *j)
{
	int r = 0;

	if (setns(j->ns_fd, CLONE_NEWNET) < 0)
		return err_set(j->e, -errno, "cannot enter a network namespace: %m");
	switch (j->kind) {
	case JOB_LISTEN: r = listen_here(j->out, j->with_unix, j->e); break;
	case JOB_SOCKET: r = socket_here(j->family); break;
	case JOB_DIAG: r = diag_here(); break;
	}
	/* Whoever was let in there may come back here; and if not, the next job goes on from where we are. */
	if (setns(t->home_fd, CLONE_NEWNET) < 0 && r >= 0) {
		if (j->kind != JOB_LISTEN)
			close(r);
		r = err_set(j->e, -errno, "cannot leave a network namespace: %m");
	}
	return r;
}

static void *run(void *arg)
{
	struct netns_thread *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->stop || t->first) {
		struct job *j = t->first;

		if (!j) {
			pthread_cond_wait(&t->work, &t->lock);
			continue;
		}
		t->first = j->next;
		if (!t->first)
			t->last = &t->first;
		pthread_mutex_unlock(&t->lock);
		j->result = work(t, j);
		pthread_mutex_lock(&t->lock);
		j->done = true;
		pthread_cond_broadcast(&t->done);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* Hands a job over and waits for it. */
static int submit(struct netns_thread *t, struct job *j)
{
	pthread_mutex_lock(&t->lock);
	*t->last = j;
	t->last = &j->next;
	pthread_cond_signal(&t->work);
	while (!j->done)
		pthread_cond_wait(&t->done, &t->lock);
	pthread_mutex_unlock(&t->lock);
	return j->result;
}

int netns_thread_start(struct netns_thread **out, struct err *e)
{
	struct netns_thread *t = calloc(1, sizeof(*t));
	sigset_t all, before;
	int r;

	*out = NULL;
	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	t->home_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (t->home_fd < 0) {
		r = err_set(e, -errno, "/proc/thread-self/ns/net: %m");
		free(t);
		return r;
	}
	t->last = &t->first;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->work, NULL);
	pthread_cond_init(&t->done, NULL);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r) {
		close(t->home_fd);
		free(t);
		return err_set(e, r, "cannot start the netns thread: %s", strerror(-r));
	}
	pthread_setname_np(t->thread, "netns");
	*out = t;
	return 0;
}

void netns_thread_stop(struct netns_thread *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->done);
	pthread_cond_destroy(&t->work);
	pthread_mutex_destroy(&t->lock);
	close(t->home_fd);
	free(t);
}

int netns_listen(struct netns_thread *t, int ns_fd, bool with_unix, struct netns *out, struct err *e)
{
	struct job j = {.kind = JOB_LISTEN, .with_unix = with_unix, .out = out, .e = e};
	struct stat st;
	int r;

	*out = (struct netns){.ns_fd = -1,
		.listen4 = -1,
		.listen6 = -1,
		.diag_fd = -1,
		.listen_unix = -1,
		.unix_diag_fd = -1};
	if (fstat(ns_fd, &st) < 0)
		return err_set(e, -errno, "network namespace: %m");
	out->inode = st.st_ino;
	out->ns_fd = fcntl(ns_fd, F_DUPFD_CLOEXEC, 0);
	if (out->ns_fd < 0)
		return err_set(e, -errno, "network namespace: %m");
	j.ns_fd = out->ns_fd;
	r = submit(t, &j);
	if (r)
		netns_close(out);
	return r;
}

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int v = -1;

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) < 0 ? -1 : v;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

/* A listener of ours, by what the kernel says that it is. */
static bool take_listener(struct netns *n, int fd)
{
	struct sockaddr_storage at = {0};
	const struct sockaddr_in *in = (const void *)&at;
	const struct sockaddr_in6 *in6 = (const void *)&at;
	const struct sockaddr_un *un = (const void *)&at;
	socklen_t len = sizeof(at);

	if (option(fd, SO_TYPE) != SOCK_STREAM || option(fd, SO_ACCEPTCONN) != 1 ||
		cookie_of(fd) != n->cookie || getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return false;
	if (at.ss_family == AF_INET && n->listen4 < 0 && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK)) {
		n->listen4 = fd;
		n->port4 = ntohs(in->sin_port);
	} else if (at.ss_family == AF_INET6 && n->listen6 < 0 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr)) {
		n->listen6 = fd;
		n->port6 = ntohs(in6->sin6_port);
	} else if (at.ss_family == AF_UNIX && n->listen_unix < 0 && !un->sun_path[0] &&
		   len == offsetof(struct sockaddr_un, sun_path) + sizeof(n->unix_name.name)) {
		n->listen_unix = fd;
		memcpy(n->unix_name.name, un->sun_path, sizeof(n->unix_name.name));
	} else {
		return false;
	}
	return true;
}

unsigned netns_listeners(const struct netns *n, int fds[NETNS_LISTENERS])
{
	unsigned k = 0;

	fds[k++] = n->listen4;
	if (n->listen6 >= 0)
		fds[k++] = n->listen6;
	if (n->listen_unix >= 0)
		fds[k++] = n->listen_unix;
	return k;
}

int netns_adopt(
	struct netns_thread *t, int ns_fd, const int *fds, unsigned n, struct netns *out, struct err *e)
{
	struct stat st;
	bool ours = n > 0;

	*out = (struct netns){.ns_fd = ns_fd,
		.listen4 = -1,
		.listen6 = -1,
		.diag_fd = -1,
		.listen_unix = -1,
		.unix_diag_fd = -1};
	if (fstat(ns_fd, &st) < 0 || ioctl(ns_fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_set(e, -EINVAL, "what was handed over is not a network namespace");
	out->inode = st.st_ino;
	out->diag_fd = netns_diag(t, ns_fd);
	if (out->diag_fd < 0)
		return err_set(e, out->diag_fd, "NETLINK_SOCK_DIAG: %s", strerror(-out->diag_fd));
	/* Of a socket that was made in there. */
	out->cookie = cookie_of(out->diag_fd);
	for (unsigned i = 0; i < n && ours; i++)
		ours = take_listener(out, fds[i]);
	if (out->listen_unix >= 0)
		out->unix_diag_fd = netns_diag(t, ns_fd);
	if (ours && out->cookie && out->listen4 >= 0 && (out->listen_unix < 0 || out->unix_diag_fd >= 0))
		return 0;
	shut(&out->unix_diag_fd);
	close(out->diag_fd);
	return err_set(e, -EINVAL, "what was handed over is not a listener of that network namespace");
}

void netns_close(struct netns *n)
{
	shut(&n->listen4);
	shut(&n->listen6);
	shut(&n->diag_fd);
	shut(&n->listen_unix);
	shut(&n->unix_diag_fd);
	shut(&n->ns_fd);
	n->port4 = 0;
	n->port6 = 0;
}

int netns_socket(struct netns_thread *t, const struct netns *n, int family)
{
	struct job j = {.kind = JOB_SOCKET, .ns_fd = n->ns_fd, .family = family};

	return submit(t, &j);
}

int netns_diag(struct netns_thread *t, int ns_fd)
{
	struct job j = {.kind = JOB_DIAG, .ns_fd = ns_fd};

	return submit(t, &j);
}

int netns_open_path(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	/* ESRCH: the process of a /proc path has gone. */
	if (fd < 0)
		return err_set(e, errno == ESRCH ? -ENOENT : -errno, "%s: %m", path);
	r = ioctl(fd, NS_GET_NSTYPE);
	if (r != CLONE_NEWNET) {
		close(fd);
		return err_set(e, -EINVAL, "%s is not a network namespace", path);
	}
	return fd;
}

int netns_open_pid(int pid, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return netns_open_path(path, e);
}
