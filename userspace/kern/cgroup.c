/* SPDX-License-Identifier: MIT */
#include "kern/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/made.h"

/* Deeper than any tree that the kernel's default limits and sane managers make; ends a walk, never a program.
 */
#define DEPTH_MAX 64

#define MACHINES_NAMESPACE 0xEFFFFFFBU /* PROC_CGROUP_INIT_INO in the kernel */

/* Undoes the \ooo of /proc/self/mountinfo in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Fields 4 and 5 (root, mount point) of a line whose file system is cgroup2. */
static bool cgroup2_line(char *line, char **root, char **mount)
{
	char *tail = strstr(line, " - "), *save = NULL, *field;

	if (!tail || strncmp(tail, " - cgroup2 ", 11) != 0)
		return false;
	*tail = '\0';
	field = strtok_r(line, " ", &save);
	for (int i = 1; field && i < 4; i++)
		field = strtok_r(NULL, " ", &save);
	*root = field;
	*mount = field ? strtok_r(NULL, " ", &save) : NULL;
	return *mount != NULL;
}

/* A process in the machine's own namespace that can be looked at; the first one nearly always is. */
static int open_machines(void)
{
	char path[64];
	struct stat st;
	const struct dirent *x;
	DIR *d = opendir("/proc");
	int fd = -1;

	while (d && fd < 0 && (x = readdir(d))) {
		long pid = strtol(x->d_name, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%ld/ns/cgroup", pid);
		if (pid > 0 && stat(path, &st) == 0 && st.st_ino == MACHINES_NAMESPACE)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return fd;
}

int cgroup_join_machine(struct err *e)
{
	struct stat st;
	int fd, r = 0;

	if (stat("/proc/self/ns/cgroup", &st) < 0)
		return err_set(e, -errno, "/proc/self/ns/cgroup: %m");
	if (st.st_ino == MACHINES_NAMESPACE)
		return 0;
	fd = open_machines();
	if (fd < 0)
		return err_set(e, -EXDEV,
			"pgveild is in a cgroup namespace of its own and sees no process that is in the "
			"machine's: run "
			"it with the host's processes (hostPID)");
	if (setns(fd, CLONE_NEWCGROUP) < 0)
		r = err_set(e, -errno, "the machine's cgroup namespace cannot be entered: %m");
	close(fd);
	return r;
}

int cgroup_mount_whole(const char *mount, struct err *e)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *root, *where;
	bool whole = false;
	struct statvfs fs;
	size_t n = 0;

	if (!f)
		return err_set(e, -errno, "/proc/self/mountinfo: %m");
	/* what is mounted last on a place is what is seen there */
	while (getline(&line, &n, f) > 0) {
		if (!cgroup2_line(line, &root, &where))
			continue;
		unescape(where);
		if (strcmp(where, mount) == 0)
			whole = strcmp(root, "/") == 0;
	}
	free(line);
	fclose(f);
	if (!whole)
		return err_set(e, -EXDEV,
			"%s shows a part of the cgroup tree only: mount the host's /sys/fs/cgroup here",
			mount);
	if (statvfs(mount, &fs) < 0)
		return err_set(e, -errno, "%s: %m", mount);
	if (fs.f_flag & ST_RDONLY)
		return err_set(e, -EROFS,
			"%s is mounted read-only: no process could be put into a pod to see whether it is "
			"captured",
			mount);
	return 0;
}

int cgroup_mount(char *out, size_t cap, struct err *e)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *root, *mount;
	bool found = false, whole = false;
	size_t n = 0;
	int r = 0;

	if (!f)
		return err_set(e, -errno, "/proc/self/mountinfo: %m");
	/* A mount of the whole hierarchy is better than one of a part of it. */
	while (!whole && getline(&line, &n, f) > 0) {
		if (!cgroup2_line(line, &root, &mount))
			continue;
		whole = strcmp(root, "/") == 0;
		if (found && !whole)
			continue;
		unescape(mount);
		if (strlen(mount) >= cap) {
			r = err_set(e, -ENAMETOOLONG, "cgroup v2 mount point is too long");
			break;
		}
		memcpy(out, mount, strlen(mount) + 1);
		found = true;
	}
	free(line);
	fclose(f);
	if (r)
		return r;
	return found ? 0 : err_set(e, -ENOENT, "cgroup v2 is not mounted");
}

int cgroup_id(const char *dir, uint64_t *id, struct err *e)
{
	struct {
		struct file_handle h;
		unsigned char bytes[MAX_HANDLE_SZ];
	} u = {.h.handle_bytes = MAX_HANDLE_SZ};
	struct statfs fs;
	int mount_id;

	if (statfs(dir, &fs) < 0)
		return err_set(e, -errno, "%s: %m", dir);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return err_set(e, -EINVAL, "%s: not a cgroup v2 directory", dir);
	if (name_to_handle_at(AT_FDCWD, dir, &u.h, &mount_id, 0) < 0)
		return err_set(e, -errno, "%s: name_to_handle_at: %m", dir);
	if (u.h.handle_bytes != sizeof(*id))
		return err_set(e, -EPROTO, "%s: cgroup id has %u bytes", dir, u.h.handle_bytes);
	memcpy(id, u.h.f_handle, sizeof(*id));
	return 0;
}

/* A directory's stream for reading its children; takes fd. */
static DIR *children(int fd)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_child(const struct dirent *ent)
{
	return ent->d_type == DT_DIR && strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0;
}

/* Appends "/name..." of the directory with that inode to path (len bytes long). */
static int find_below(int fd, uint64_t id, char *path, size_t len, size_t cap, int depth)
{
	DIR *d = children(fd);
	struct dirent *ent;
	int r = -ENOENT;

	if (!d)
		return -ENOENT;
	while (r == -ENOENT && (ent = readdir(d))) {
		size_t n = strlen(ent->d_name);

		if (!is_child(ent))
			continue;
		if (len + 1 + n >= cap) {
			/* Only an answer that does not fit is a failure; a neighbour's long name is not. */
			if (ent->d_ino == id)
				r = -ENAMETOOLONG;
			continue;
		}
		path[len] = '/';
		memcpy(path + len + 1, ent->d_name, n + 1);
		if (ent->d_ino == id)
			r = 0;
		else if (depth < DEPTH_MAX)
			r = find_below(
				open_dir(dirfd(d), ent->d_name), id, path, len + 1 + n, cap, depth + 1);
	}
	closedir(d);
	return r;
}

int cgroup_path(const char *mount, const char *dir, uint64_t id, char *out, size_t cap, struct err *e)
{
	size_t n = strlen(mount), len;
	uint64_t own;
	int r;

	while (n && mount[n - 1] == '/')
		n--;
	if (strncmp(dir, mount, n) != 0 || (dir[n] && dir[n] != '/'))
		return err_set(e, -EINVAL, "%s is not below %s", dir, mount);
	len = strlen(dir + n);
	while (len && dir[n + len - 1] == '/')
		len--;
	if (len + 2 > cap)
		return err_set(e, -ENAMETOOLONG, "path of cgroup %llu is too long", (unsigned long long)id);
	memcpy(out, dir + n, len);
	out[len] = '\0';

	r = cgroup_id(dir, &own, e);
	if (r)
		return r;
	if (own != id) {
		r = find_below(open_dir(AT_FDCWD, dir), id, out, len, cap, 0);
	} else if (!len) {
		out[0] = '/';
		out[1] = '\0';
	}
	if (r == -ENAMETOOLONG)
		return err_set(e, r, "path of cgroup %llu is too long", (unsigned long long)id);
	return r ? err_set(e, r, "no cgroup %llu below %s", (unsigned long long)id, dir) : 0;
}

int cgroup_of_pid(pid_t pid, char *out, size_t cap, struct err *e)
{
	static const char gone[] = " (deleted)";
	char name[64], *line = NULL;
	size_t n = 0, len = 0;
	int r = -ENOENT;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	f = fopen(name, "re");
	if (!f)
		return err_set(e, errno == ESRCH ? -ENOENT : -errno, "process %d: %m", (int)pid);
	while (getline(&line, &n, f) > 0) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		len = strcspn(line + 3, "\n");
		line[3 + len] = '\0';
		if (len >= cap) {
			r = -ENAMETOOLONG;
		} else if (len < sizeof(gone) || strcmp(line + 3 + len - (sizeof(gone) - 1), gone) != 0) {
			memcpy(out, line + 3, len + 1);
			r = 0;
		}
		break;
	}
	free(line);
	fclose(f);
	return r ? err_set(e, r, "process %d: %s", (int)pid,
			   r == -ENOENT ? "its cgroup is gone" : "its cgroup's path is too long")
		 : 0;
}

static bool ends_in(const char *s, size_t n, const char *suffix)
{
	size_t k = strlen(suffix);

	return n > k && memcmp(s + n - k, suffix, k) == 0;
}

/* Whoever may make cgroups below its own names them as it likes; the outermost is the manager's. */
void cgroup_unit(const char *path, char *out, size_t cap)
{
	out[0] = '\0';
	while (*path) {
		size_t n = strcspn(path, "/");

		if (ends_in(path, n, ".service") || ends_in(path, n, ".scope")) {
			if (n < cap) {
				memcpy(out, path, n);
				out[n] = '\0';
			}
			return;
		}
		path += n + (path[n] == '/');
	}
}

int cgroup_mark(const char *dir, struct err *e)
{
	return setxattr(dir, MADE_MARK, "1", 1, 0) < 0 ? err_set(e, -errno, "%s: %m", dir) : 0;
}

int cgroup_enter(const char *dir, pid_t pid, struct err *e)
{
	char text[32];
	int at, fd, r = 0;
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(e, -errno, "%s: %m", dir);
	fd = openat(at, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		r = err_set(e, -errno, "%s: process %d cannot enter: %m", dir, (int)pid);
	if (fd >= 0)
		close(fd);
	close(at);
	return r;
}

struct wanted {
	bool (*fits)(void *arg, pid_t pid); /* NULL: any does */
	void *arg;
};

static pid_t first_pid(int dir_fd, const struct wanted *w)
{
	int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC), pid = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (fscanf(f, "%d", &pid) == 1) {
		/* 0 stands for a process outside our pid namespace. */
		if (pid > 0 && (!w->fits || w->fits(w->arg, pid)))
			break;
		pid = 0;
	}
	fclose(f);
	return pid;
}

static pid_t find_pid(int fd, int depth, const struct wanted *w)
{
	DIR *d = children(fd);
	struct dirent *ent;
	pid_t pid;

	if (!d)
		return 0;
	pid = first_pid(dirfd(d), w);
	while (!pid && depth < DEPTH_MAX && (ent = readdir(d))) {
		if (is_child(ent))
			pid = find_pid(open_dir(dirfd(d), ent->d_name), depth + 1, w);
	}
	closedir(d);
	return pid;
}

pid_t cgroup_find_pid(const char *dir, bool (*fits)(void *arg, pid_t pid), void *arg)
{
	const struct wanted w = {fits, arg};

	return find_pid(open_dir(AT_FDCWD, dir), 0, &w);
}

pid_t cgroup_any_pid(const char *dir)
{
	return cgroup_find_pid(dir, NULL, NULL);
}
