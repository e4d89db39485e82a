/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "kern/unix_flow.h"
#include "kube/pod.h"
#include "net/conn.h"
#include "net/identity.h"

#define ACCEPTS_A_TURN 64
#define RESUME_MS      100

void close_hard(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

struct listener *listener_find(struct workers *ws, uint64_t netns_cookie)
{
	struct listener *l;

	pthread_mutex_lock(&ws->listeners_lock);
	for (l = ws->listeners; l && l->ns.cookie != netns_cookie; l = l->next)
		;
	if (l)
		l->refs++;
	pthread_mutex_unlock(&ws->listeners_lock);
	return l;
}

struct listener *listener_ref(struct listener *l)
{
	pthread_mutex_lock(&l->all->listeners_lock);
	l->refs++;
	pthread_mutex_unlock(&l->all->listeners_lock);
	return l;
}

void listener_unref(struct listener *l)
{
	struct workers *ws;
	struct listener **p;
	bool last;

	if (!l)
		return;
	ws = l->all;
	pthread_mutex_lock(&ws->listeners_lock);
	last = --l->refs == 0;
	if (last) {
		for (p = &ws->listeners; *p != l; p = &(*p)->next)
			;
		*p = l->next;
	}
	pthread_mutex_unlock(&ws->listeners_lock);
	if (!last)
		return;
	netns_close(&l->ns);
	free(l);
}

static void listener_addr(const struct listener *l, int fd, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (fd == l->ns.listen6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
		in6->sin6_port = htons(l->ns.port6);
	} else {
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in->sin_port = htons(l->ns.port4);
	}
}

void visitor_over(struct workers *ws, const struct visitor *v)
{
	if (v->over_unix)
		unix_flow_end(ws->cfg.kern, v->socket_cookie);
}

static enum unserved unclaimed(int r)
{
	return r == -ENOENT     ? UNSERVED_DIRECT
	       : r == -ESTALE   ? UNSERVED_STALE
	       : r == -EALREADY ? UNSERVED_CLAIMED
				: UNSERVED_FAILED;
}

/* What the kernel recorded of the connection fd that came through listen_fd. */
static int identify(struct listener *l, int listen_fd, int fd, const struct sockaddr *peer, struct visitor *v,
	struct err *e)
{
	struct workers *ws = l->all;
	struct unix_flow_value un;
	struct flow_value flow;
	struct sockaddr_storage local;
	int r;

	v->over_unix = listen_fd == l->ns.listen_unix;
	if (v->over_unix) {
		r = unix_flow_claim(
			ws->cfg.kern, l->ns.cookie, l->ns.unix_diag_fd, fd, &v->socket_cookie, &un, e);
		if (!r)
			identity_fill_unix(ws->identity, &un, &v->who);
		return r;
	}
	listener_addr(l, listen_fd, &local);
	r = flow_claim(ws->cfg.kern, l->ns.cookie, l->ns.diag_fd, (struct sockaddr *)&local, peer, &v->flow,
		&flow, e);
	if (r)
		return r;
	v->socket_cookie = flow.socket_cookie;
	identity_fill(ws->identity, l->ns.cookie, &flow, &v->who);
	return 0;
}

/* Who it is, and whether there is room for one more: then v is filled and counted in. */
static bool let_in(struct listener *l, int listen_fd, int fd, const struct sockaddr *peer, struct visitor *v)
{
	struct workers *ws = l->all;
	struct err e = {0};
	int r = identify(l, listen_fd, fd, peer, v, &e);

	if (r) {
		worker_unserved(l->worker, unclaimed(r), e.msg);
		return false;
	}
	r = registry_admit(ws->registry, v->who.cgroup_id);
	if (r) {
		visitor_over(ws, v);
		pod_unref(v->who.pod);
		worker_unserved(l->worker, r == -EUSERS ? UNSERVED_CGROUP_LIMIT : UNSERVED_LIMIT,
			v->who.cgroup[0] ? v->who.cgroup : "a cgroup that is gone");
		return false;
	}
	return true;
}

/* A connection that was reset while it queued may have left its 4-tuple, and so the record that was claimed,
 * to another socket. While ours is still connected the tuple can be nobody else's. */
static bool still_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return getpeername(fd, (struct sockaddr *)&ss, &len) == 0;
}

static void visit(struct listener *l, int listen_fd, int fd, const struct sockaddr *peer)
{
	struct workers *ws = l->all;
	struct visitor *v = calloc(1, sizeof(*v));
	struct worker *to = &ws->worker[atomic_fetch_add(&ws->next, 1) % ws->cfg.n];
	int one = 1;

	if (!v || !let_in(l, listen_fd, fd, peer, v)) {
		close_hard(fd);
		free(v);
		return;
	}
	if (!still_connected(fd)) {
		registry_leave(ws->registry, v->who.cgroup_id);
		visitor_over(ws, v);
		pod_unref(v->who.pod);
		worker_unserved(l->worker, UNSERVED_STALE, "the connection was reset before it was accepted");
		close_hard(fd);
		free(v);
		return;
	}
	if (!v->over_unix)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	v->fd = fd;
	v->listener = listener_ref(l);
	if (to == l->worker)
		conn_adopt(to, v);
	else if (worker_post(to, conn_adopt, v))
		conn_turn_away(to, v);
}

static void watch_all(struct listener *l, unsigned what)
{
	watch_set(l->watch4, what);
	if (l->watch6)
		watch_set(l->watch6, what);
	if (l->watch_unix)
		watch_set(l->watch_unix, what);
}

/* Takes one use away, or all; the caller has the lock. True: it was the last. */
static bool use_less(struct listener *l, bool all)
{
	if (!l->uses)
		return false;
	l->uses = all ? 0 : l->uses - 1;
	return l->uses == 0;
}

/* On the worker's thread. */
static void stop_watching(struct worker *w, void *arg)
{
	struct listener *l = arg;

	(void)w;
	alarm_free(l->resume);
	watch_free(l->watch4);
	watch_free(l->watch6);
	watch_free(l->watch_unix);
	l->resume = NULL;
	l->watch4 = l->watch6 = l->watch_unix = NULL;
	/* The namespace's fd stays, for the sessions that dial from there. */
	close(l->ns.listen4);
	if (l->ns.listen6 >= 0)
		close(l->ns.listen6);
	if (l->ns.listen_unix >= 0)
		close(l->ns.listen_unix);
	l->ns.listen4 = l->ns.listen6 = l->ns.listen_unix = -1;
	listener_unref(l);
}

/* Whoever has power over the network of that namespace can end a listener as any socket. Its port is
 * anybody's then: nobody may be sent there. The next connect is refused for want of a listener, and gets
 * another. */
static void lose(struct listener *l)
{
	struct workers *ws = l->all;
	uint64_t cookie = l->ns.cookie;
	bool mine;

	pthread_mutex_lock(&ws->listeners_lock);
	mine = use_less(l, true);
	pthread_mutex_unlock(&ws->listeners_lock);
	watch_all(l, 0);
	if (!mine)
		return; /* it is being closed */
	kern_forget_listener(ws->cfg.kern, cookie);
	log_event(LOG_ERROR, "listener.lost", "a listener was ended by somebody else in netns %llu",
		(unsigned long long)cookie);
	stop_watching(l->worker, l);
}

static void on_accept(struct listener *l, int listen_fd)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t n = sizeof(peer);
		int fd = accept4(listen_fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			atomic_fetch_add(&l->all->accepted, 1);
			visit(l, listen_fd, fd, (struct sockaddr *)&peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			/* The queue stays readable: without a pause the loop would spin. */
			log_event(LOG_ERROR, "listener.exhausted", "accept: %m");
			watch_all(l, 0);
			alarm_set(l->resume, loop_now_ms() + RESUME_MS);
			return;
		}
		if (errno == EINVAL || errno == EBADF) {
			lose(l); /* and perhaps frees it */
			return;
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void on_accept4(void *arg, unsigned what)
{
	struct listener *l = arg;

	(void)what;
	on_accept(l, l->ns.listen4);
}

static void on_accept6(void *arg, unsigned what)
{
	struct listener *l = arg;

	(void)what;
	on_accept(l, l->ns.listen6);
}

static void on_accept_unix(void *arg, unsigned what)
{
	struct listener *l = arg;

	(void)what;
	on_accept(l, l->ns.listen_unix);
}

static void on_resume(void *arg)
{
	struct listener *l = arg;

	if (!l->paused && l->watch4)
		watch_all(l, LOOP_READ);
}

/* On the worker's thread from here on. */
static void start_watching(struct worker *w, void *arg)
{
	struct listener *l = arg;

	l->resume = alarm_new(w->loop, on_resume, l);
	l->watch4 = watch_new(w->loop, l->ns.listen4, on_accept4, l);
	if (l->ns.listen6 >= 0)
		l->watch6 = watch_new(w->loop, l->ns.listen6, on_accept6, l);
	if (l->ns.listen_unix >= 0)
		l->watch_unix = watch_new(w->loop, l->ns.listen_unix, on_accept_unix, l);
	if (!l->resume || !l->watch4 || (l->ns.listen6 >= 0 && !l->watch6) ||
		(l->ns.listen_unix >= 0 && !l->watch_unix)) {
		/* Connects hang in the queue and end there: nobody gets past, and the log says why. */
		log_event(LOG_ERROR, "listener.failed", "out of memory: nobody is accepted in netns %llu",
			(unsigned long long)l->ns.cookie);
		return;
	}
	on_resume(l);
}

static void describe(const struct listener *l, struct listening *out)
{
	out->netns_cookie = l->ns.cookie;
	out->ports = (struct listener_value){.port4 = l->ns.port4, .port6 = l->ns.port6};
	out->has_unix = l->ns.listen_unix >= 0;
	out->unix_name = l->ns.unix_name;
}

bool workers_listening(struct workers *ws, uint64_t netns_cookie, struct listening *out)
{
	struct listener *l;

	pthread_mutex_lock(&ws->listeners_lock);
	for (l = ws->listeners; l && (l->ns.cookie != netns_cookie || !l->uses); l = l->next)
		;
	if (l)
		describe(l, out);
	pthread_mutex_unlock(&ws->listeners_lock);
	return l != NULL;
}

/* Of a socket that listens TCP tells how many wait there. */
static unsigned backlog(int fd)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	return fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
			       info.tcpi_state == TCP_LISTEN
		       ? info.tcpi_unacked
		       : 0;
}

unsigned listeners_backlog(struct workers *ws)
{
	unsigned n = 0;

	pthread_mutex_lock(&ws->listeners_lock);
	for (const struct listener *l = ws->listeners; l; l = l->next)
		n += backlog(l->ns.listen4) + backlog(l->ns.listen6);
	pthread_mutex_unlock(&ws->listeners_lock);
	return n;
}

static bool use_again(struct workers *ws, uint64_t inode, struct listening *out)
{
	struct listener *l;

	pthread_mutex_lock(&ws->listeners_lock);
	for (l = ws->listeners; l && (l->ns.inode != inode || !l->uses); l = l->next)
		;
	if (l) {
		l->uses++;
		describe(l, out);
	}
	pthread_mutex_unlock(&ws->listeners_lock);
	return l != NULL;
}

static int add(struct workers *ws, struct listener *l, struct listening *out, struct err *e)
{
	int r;

	l->all = ws;
	l->refs = l->uses = 1;
	l->worker = &ws->worker[atomic_fetch_add(&ws->next, 1) % ws->cfg.n];
	pthread_mutex_lock(&ws->listeners_lock);
	l->paused = ws->paused;
	pthread_mutex_unlock(&ws->listeners_lock);
	r = worker_post(l->worker, start_watching, l);
	if (r)
		return err_set(e, r, "out of memory");
	describe(l, out);
	pthread_mutex_lock(&ws->listeners_lock);
	l->next = ws->listeners;
	ws->listeners = l;
	pthread_mutex_unlock(&ws->listeners_lock);
	return 0;
}

int workers_listen(struct workers *ws, int ns_fd, struct listening *out, struct err *e)
{
	struct listener *l;
	struct stat st;
	int r;

	/* We hold an fd of every namespace in the list, so its inode is nobody else's. */
	if (fstat(ns_fd, &st) < 0)
		return err_set(e, -errno, "network namespace: %m");
	if (use_again(ws, st.st_ino, out))
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(e, -ENOMEM, "out of memory");
	r = netns_listen(
		ws->cfg.netns, ns_fd, kern_unix_guard(ws->cfg.kern) >= UNIX_GUARD_CAPTURE, &l->ns, e);
	if (r) {
		free(l);
		return r;
	}
	r = add(ws, l, out, e);
	if (r) {
		netns_close(&l->ns);
		free(l);
	}
	return r;
}

int workers_adopt(struct workers *ws, const struct listening_fds *in, struct listening *out, struct err *e)
{
	struct listener *l = in->n ? calloc(1, sizeof(*l)) : NULL;
	int r;

	if (!l)
		return err_set(e, in->n ? -ENOMEM : -EINVAL, "a listener cannot be taken over");
	r = netns_adopt(ws->cfg.netns, in->fd[0], in->fd + 1, in->n - 1, &l->ns, e);
	if (!r && l->ns.cookie != in->netns_cookie) {
		close(l->ns.diag_fd);
		r = err_set(e, -EINVAL, "a listener of another network namespace was handed over");
	}
	if (!r) {
		r = add(ws, l, out, e);
		if (r)
			close(l->ns.diag_fd);
	}
	if (r)
		free(l);
	return r;
}

void workers_each_listening(
	struct workers *ws, void (*fn)(void *arg, const struct listening_fds *l), void *arg)
{
	pthread_mutex_lock(&ws->listeners_lock);
	for (const struct listener *l = ws->listeners; l; l = l->next) {
		struct listening_fds f = {.netns_cookie = l->ns.cookie, .fd = {l->ns.ns_fd}};

		if (!l->uses)
			continue;
		f.n = 1 + netns_listeners(&l->ns, f.fd + 1);
		fn(arg, &f);
	}
	pthread_mutex_unlock(&ws->listeners_lock);
}

/* A listener each, on its worker's thread; waited for where it counts. */
struct halt {
	struct listener *l;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
};

static void halt(struct worker *w, void *arg)
{
	struct halt *h = arg;

	(void)w;
	h->l->paused = true;
	if (h->l->watch4)
		watch_all(h->l, 0);
	pthread_mutex_lock(&h->lock);
	h->is_done = true;
	pthread_cond_signal(&h->done);
	pthread_mutex_unlock(&h->lock);
}

static int halt_one(struct listener *l, struct err *e)
{
	struct halt h = {l, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

	if (worker_post(l->worker, halt, &h))
		return err_set(e, -ENOMEM, "out of memory");
	pthread_mutex_lock(&h.lock);
	while (!h.is_done)
		pthread_cond_wait(&h.done, &h.lock);
	pthread_mutex_unlock(&h.lock);
	return 0;
}

/* The next one in use behind l, or the first; a reference. Drops that of l. */
static struct listener *next_used(struct workers *ws, struct listener *l)
{
	struct listener *n;

	pthread_mutex_lock(&ws->listeners_lock);
	for (n = l ? l->next : ws->listeners; n && !n->uses; n = n->next)
		;
	if (n)
		n->refs++;
	pthread_mutex_unlock(&ws->listeners_lock);
	listener_unref(l);
	return n;
}

int workers_pause(struct workers *ws, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&ws->listeners_lock);
	ws->paused = true;
	pthread_mutex_unlock(&ws->listeners_lock);
	for (struct listener *l = next_used(ws, NULL); l; l = next_used(ws, l))
		if (!r)
			r = halt_one(l, e);
	if (r)
		workers_accept(ws);
	return r;
}

static void go_on(struct worker *w, void *arg)
{
	struct listener *l = arg;

	(void)w;
	l->paused = false;
	on_resume(l);
	listener_unref(l);
}

void workers_accept(struct workers *ws)
{
	pthread_mutex_lock(&ws->listeners_lock);
	ws->paused = false;
	pthread_mutex_unlock(&ws->listeners_lock);
	for (struct listener *l = next_used(ws, NULL); l; l = next_used(ws, l)) {
		if (worker_post(l->worker, go_on, listener_ref(l))) {
			log_event(LOG_ERROR, "listener.failed",
				"out of memory: nobody is accepted in netns %llu",
				(unsigned long long)l->ns.cookie);
			listener_unref(l);
		}
	}
}

static void close_listener(struct listener *l)
{
	if (worker_post(l->worker, stop_watching, l))
		log_event(LOG_ERROR, "listener.failed", "out of memory: a listener stays open");
}

void workers_unlisten(
	struct workers *ws, uint64_t netns_cookie, void (*last)(void *arg, uint64_t netns_cookie), void *arg)
{
	struct listener *l;
	bool is_last = false;

	pthread_mutex_lock(&ws->listeners_lock);
	for (l = ws->listeners; l && (l->ns.cookie != netns_cookie || !l->uses); l = l->next)
		;
	if (l)
		is_last = use_less(l, false);
	pthread_mutex_unlock(&ws->listeners_lock);
	if (!is_last)
		return;
	if (last)
		last(arg, netns_cookie);
	close_listener(l);
}

int workers_netns_of(int pid, struct err *e)
{
	return netns_open_pid(pid, e);
}

int workers_netns_at(const char *path, struct err *e)
{
	return netns_open_path(path, e);
}

int workers_netns_again(struct workers *ws, uint64_t netns_cookie)
{
	struct listener *l = listener_find(ws, netns_cookie);
	int fd = l ? fcntl(l->ns.ns_fd, F_DUPFD_CLOEXEC, 0) : -1, r = !l ? -ENOENT : fd < 0 ? -errno : fd;

	listener_unref(l);
	return r;
}

int workers_diag(struct workers *ws, int ns_fd)
{
	return netns_diag(ws->cfg.netns, ns_fd);
}

void listeners_close(struct workers *ws)
{
	struct listener *l;

	do {
		pthread_mutex_lock(&ws->listeners_lock);
		for (l = ws->listeners; l && !use_less(l, true); l = l->next)
			;
		pthread_mutex_unlock(&ws->listeners_lock);
		if (l)
			close_listener(l);
	} while (l);
}

int workers_socket(struct workers *ws, uint64_t netns_cookie, int family)
{
	struct listener *l = listener_find(ws, netns_cookie);
	int fd = l ? netns_socket(ws->cfg.netns, &l->ns, family) : -ENOENT;

	listener_unref(l);
	return fd;
}
