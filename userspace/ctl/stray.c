/* SPDX-License-Identifier: MIT */
#include "ctl/stray.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "ctl/census.h"
#include "kern/flow.h"
#include "kern/loader.h"

#define STRAYS_MAX  65536
#define SOCKETS_MAX 1000000 /* of one namespace */

struct search {
	struct strays *st;
	const struct census *c;
	const struct kern *k;
	uint64_t ports[65536 / 64];
	unsigned space;
};

static void on_port(void *arg, uint16_t port)
{
	struct search *s = arg;

	s->ports[port / 64] |= UINT64_C(1) << port % 64;
}

/* One more, or NULL. */
static struct stray *add(struct strays *st)
{
	if (st->n == st->cap) {
		unsigned cap = st->cap ? st->cap * 2 : 64;
		struct stray *more = cap > STRAYS_MAX ? NULL : realloc(st->all, cap * sizeof(*more));

		if (!more) {
			st->cut = true;
			return NULL;
		}
		st->all = more;
		st->cap = cap;
	}
	st->all[st->n] = (struct stray){0};
	return &st->all[st->n++];
}

static void on_socket(void *arg, const struct diag_socket *socket)
{
	uint16_t port = socket->four.remote_port;
	struct search *s = arg;
	struct strays *st = s->st;
	struct flow_value flow;
	struct stray *x;

	if (!(s->ports[port / 64] & UINT64_C(1) << port % 64))
		return;
	/* The engine's listener may have got such a port. */
	if (flow_recorded(s->k, s->c->spaces[s->space].cookie, &socket->four, &flow) == 0 &&
		flow.socket_cookie == socket->cookie)
		return;
	x = add(st);
	if (x) {
		x->socket = *socket;
		x->space = s->space;
	}
}

/* The server's end of a connection: who has the other end is what is asked. The engine's own listener is
 * called otherwise. */
static void on_unix(void *arg, const struct unix_end *server)
{
	struct search *s = arg;
	struct stray *x = add(s->st);

	if (!x)
		return;
	x->kind = STRAY_UNIX;
	x->socket.inode = x->socket.cookie = server->peer;
	x->name = server->name;
	x->space = s->space;
}

/* ---- whose they are ---- */

static int by_inode(const void *a, const void *b)
{
	const struct stray *x = a, *y = b;

	return x->socket.inode < y->socket.inode ? -1 : x->socket.inode > y->socket.inode;
}

/* The connections of one descriptor: several where it is MPTCP's. */
static void mark(struct strays *st, uint64_t inode, pid_t holder, int fd)
{
	struct stray key = {.socket.inode = inode}, *x;

	x = bsearch(&key, st->all, st->n, sizeof(key), by_inode);
	while (x && x > st->all && x[-1].socket.inode == inode)
		x--;
	for (; x && x < st->all + st->n && x->socket.inode == inode; x++) {
		x->holder = holder;
		x->holder_fd = fd;
	}
}

/* dir: /proc/PID/fd, or a thread's. False: it is there and cannot be read. */
static bool mark_descriptors(struct strays *st, const char *dir, pid_t holder)
{
	DIR *d = opendir(dir);
	struct dirent *ent;
	char to[64];

	if (!d)
		return errno == ENOENT || errno == ESRCH;
	while ((ent = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), ent->d_name, to, sizeof(to) - 1);
		unsigned long long inode;

		if (n <= 0)
			continue;
		to[n] = '\0';
		if (sscanf(to, "socket:[%llu]", &inode) == 1 && inode)
			mark(st, inode, holder, atoi(ent->d_name));
	}
	closedir(d);
	return true;
}

/* A thread may have given up sharing its descriptors with the others. */
static void mark_threads(struct strays *st, pid_t pid)
{
	char dir[64];
	struct dirent *ent;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)pid);
	d = opendir(dir);
	while (d && (ent = readdir(d))) {
		int tid = atoi(ent->d_name);

		/* Where the kernel cannot compare them, all are looked at. */
		if (tid <= 0 || tid == pid || syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) == 0)
			continue;
		snprintf(dir, sizeof(dir), "/proc/%d/task/%d/fd", (int)pid, tid);
		if (!mark_descriptors(st, dir, pid))
			st->cut = true;
	}
	if (d)
		closedir(d);
}

static void mark_holders(struct strays *st, const struct census *c)
{
	char dir[64];

	for (unsigned i = 0; i < c->npids; i++) {
		snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)c->pids[i]);
		if (!mark_descriptors(st, dir, c->pids[i]))
			st->cut = true;
		mark_threads(st, c->pids[i]);
	}
}

/* Exactly those of this process, which others may share a cgroup with. Where it cannot tell, it knows of
 * none. */
static void drop_ours(struct strays *st)
{
	unsigned n = 0;

	if (!mark_descriptors(st, "/proc/self/fd", getpid())) {
		st->n = 0;
		st->cut = true;
	}
	for (unsigned i = 0; i < st->n; i++) {
		if (!st->all[i].holder)
			st->all[n++] = st->all[i];
	}
	st->n = n;
}

/* False: it is none. */
static bool judge(struct stray *x, const struct census *c, const struct stray_limits *l)
{
	const struct census_cgroup *made = census_find(c, x->socket.cgroup_id);
	const struct census_netns *space = &c->spaces[x->space];

	if (x->kind == STRAY_UNIX)
		return x->holder != 0;
	if (made && (made->state == CGROUP_ENROLLED || made->state == CGROUP_DENIED)) {
		x->kind = STRAY_OWN;
		return true;
	}
	if (x->holder) {
		x->kind = STRAY_CARRIED;
		return true;
	}
	x->kind = STRAY_FOREIGN;
	return space->guarded && space->cookie != l->home_cookie && !(made && made->state == CGROUP_EXEMPT) &&
	       x->socket.cgroup_id != l->own_cgroup;
}

void strays_find(
	struct strays *st, const struct census *c, const struct kern *k, const struct stray_limits *l)
{
	struct search s = {.st = st, .c = c, .k = k};
	unsigned n = 0;
	int r;

	*st = (struct strays){.cut = c->cut};
	kern_each_port(k, on_port, &s);
	for (s.space = 0; s.space < c->nspaces; s.space++) {
		if (diag_each(c->spaces[s.space].diag_fd, SOCKETS_MAX, on_socket, &s, NULL))
			st->cut = true;
		/* Without unix_diag none is turned to the engine, and nobody said that there is one. */
		r = st->cut ? 0 : unix_diag_each(c->spaces[s.space].diag_fd, SOCKETS_MAX, on_unix, &s);
		st->cut |= r && r != -ENOENT;
	}
	if (!st->n)
		return;
	qsort(st->all, st->n, sizeof(st->all[0]), by_inode);
	drop_ours(st);
	if (st->n)
		mark_holders(st, c);
	for (unsigned i = 0; i < st->n; i++) {
		if (judge(&st->all[i], c, l))
			st->all[n++] = st->all[i];
	}
	st->n = n;
}

void strays_fini(struct strays *st)
{
	free(st->all);
	*st = (struct strays){0};
}
