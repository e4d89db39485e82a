/* SPDX-License-Identifier: MIT */
#include "ctl/census.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "kern/cgroup.h"
#include "kern/loader.h"
#include "net/worker.h"

#define DEPTH_MAX   64
#define CGROUPS_MAX 65536
#define PIDS_MAX    65536
#define SPACES_MAX  1024

/* Room for one more: false where there is none, or no memory. */
static bool grow(void **list, unsigned n, unsigned *cap, unsigned max, size_t size)
{
	unsigned wanted = n ? n * 2 : 64;
	void *more;

	if (n < *cap)
		return true;
	if (n >= max)
		return false;
	more = realloc(*list, wanted * size);
	if (!more)
		return false;
	*list = more;
	*cap = wanted;
	return true;
}

static int add_netns(struct census *c, int ns_fd, bool guarded)
{
	struct census_netns *s;
	struct stat st;
	socklen_t len = sizeof(s->cookie);
	int fd;

	if (fstat(ns_fd, &st) < 0)
		return -errno;
	for (unsigned i = 0; i < c->nspaces; i++) {
		if (c->spaces[i].device == st.st_dev && c->spaces[i].inode == st.st_ino) {
			c->spaces[i].guarded |= guarded;
			return 0;
		}
	}
	if (!grow((void **)&c->spaces, c->nspaces, &c->spaces_cap, SPACES_MAX, sizeof(*s)))
		return -ENOSPC;
	fd = workers_diag(c->workers, ns_fd);
	if (fd < 0)
		return fd;
	s = &c->spaces[c->nspaces];
	/* The descriptor keeps the namespace, and so its inode. */
	*s = (struct census_netns){
		.device = st.st_dev, .inode = st.st_ino, .diag_fd = fd, .guarded = guarded};
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &s->cookie, &len) < 0) {
		close(fd);
		return -EIO;
	}
	c->nspaces++;
	return 0;
}

void census_netns(struct census *c, int ns_fd, bool guarded)
{
	if (add_netns(c, ns_fd, guarded))
		c->cut = true;
}

/* A process that ends meanwhile has no namespace. */
static void add_netns_of(struct census *c, pid_t pid, bool guarded)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st) < 0)
		return;
	for (unsigned i = 0; i < c->nspaces; i++) {
		if (c->spaces[i].device == st.st_dev && c->spaces[i].inode == st.st_ino) {
			c->spaces[i].guarded |= guarded;
			return;
		}
	}
	fd = workers_netns_of(pid, NULL);
	if (fd < 0)
		return;
	census_netns(c, fd, guarded);
	close(fd);
}

void census_elsewhere(struct census *c)
{
	DIR *d = opendir("/proc");
	struct dirent *ent;

	if (!d) {
		c->cut = true;
		return;
	}
	while ((ent = readdir(d))) {
		char *end;
		long pid = strtol(ent->d_name, &end, 10);

		if (pid > 0 && !*end)
			add_netns_of(c, (pid_t)pid, false);
	}
	closedir(d);
}

static void add_process(struct census *c, pid_t pid)
{
	if (!grow((void **)&c->pids, c->npids, &c->pids_cap, PIDS_MAX, sizeof(pid))) {
		c->cut = true;
		return;
	}
	c->pids[c->npids++] = pid;
	add_netns_of(c, pid, true);
}

static void add_processes(struct census *c, int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC), pid;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f) {
		if (fd >= 0)
			close(fd);
		return;
	}
	/* 0 stands for a process outside our pid namespace: nobody can look at that one. */
	while (fscanf(f, "%d", &pid) == 1) {
		if (pid > 0)
			add_process(c, pid);
		else
			c->cut = true;
	}
	fclose(f);
}

static void walk(struct census *c, const struct kern *k, int fd, enum cgroup_state above, int depth)
{
	DIR *d = fdopendir(fd);
	enum cgroup_state state = above;
	struct census_cgroup *x;
	struct dirent *ent;
	struct stat st;

	if (!d) {
		close(fd);
		c->cut = true;
		return;
	}
	if (fstat(fd, &st) < 0 ||
		!grow((void **)&c->cgroups, c->ncgroups, &c->cgroups_cap, CGROUPS_MAX, sizeof(*x))) {
		closedir(d);
		c->cut = true;
		return;
	}
	if (kern_cgroup_state(k, st.st_ino, &state)) /* a directory's inode is its cgroup's id */
		state = above;
	x = &c->cgroups[c->ncgroups++];
	*x = (struct census_cgroup){st.st_ino, state};
	if (state == CGROUP_ENROLLED || state == CGROUP_DENIED)
		add_processes(c, fd);
	while ((ent = readdir(d))) {
		int child;

		if (ent->d_type != DT_DIR || strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		child = openat(fd, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0 && depth < DEPTH_MAX)
			walk(c, k, child, state, depth + 1);
		else if (child >= 0 && close(child) == 0)
			c->cut = true;
	}
	closedir(d);
}

static int by_id(const void *a, const void *b)
{
	const struct census_cgroup *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int census_take(struct census *c, struct workers *ws, const struct kern *k, const char *dir,
	enum cgroup_state above, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*c = (struct census){.workers = ws};
	if (fd < 0)
		return err_set(e, -errno, "%s: %m", dir);
	walk(c, k, fd, above, 0);
	if (c->ncgroups)
		qsort(c->cgroups, c->ncgroups, sizeof(c->cgroups[0]), by_id);
	return 0;
}

const struct census_cgroup *census_find(const struct census *c, uint64_t cgroup_id_)
{
	const struct census_cgroup key = {.id = cgroup_id_};

	return c->ncgroups ? bsearch(&key, c->cgroups, c->ncgroups, sizeof(key), by_id) : NULL;
}

void census_fini(struct census *c)
{
	for (unsigned i = 0; i < c->nspaces; i++)
		close(c->spaces[i].diag_fd);
	free(c->cgroups);
	free(c->pids);
	free(c->spaces);
	*c = (struct census){.workers = c->workers};
}
