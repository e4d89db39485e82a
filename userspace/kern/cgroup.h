/* SPDX-License-Identifier: MIT */
/* cgroup: names and ids of cgroup v2 directories. Never writes to them, except that cgroup_enter moves a
 * process and cgroup_mark sets an attribute. */
#ifndef PGVEIL_KERN_CGROUP_H
#define PGVEIL_KERN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

/* Where cgroup v2 is mounted ("/sys/fs/cgroup" or ".../unified"), from /proc/self/mountinfo, into out. */
MUSTCHECK int cgroup_mount(char *out, size_t cap, struct err *e);
/* This thread, and those that it starts, see cgroups as the machine does: a container may have a namespace of
 * its own for them, in which the paths of others mean nothing. -EPERM: it may not; -EXDEV: nobody is seen who
 * does. */
MUSTCHECK int cgroup_join_machine(struct err *e);
/* Whether a mount that cgroup_mount has found is of the whole tree, and may be written to. */
MUSTCHECK int cgroup_mount_whole(const char *mount, struct err *e);
/* The id that bpf_get_current_cgroup_id gives for a directory. */
MUSTCHECK int cgroup_id(const char *dir, uint64_t *id, struct err *e);
/* Path below the cgroup root ("/agents.slice/claude-1.scope") of an id; walks below dir (absolute, below the
 * mount). -ENOENT: gone. */
MUSTCHECK int cgroup_path(
	const char *mount, const char *dir, uint64_t id, char *out, size_t cap, struct err *e);
/* cgroup v2 path of a process, from /proc/PID/cgroup. */
MUSTCHECK int cgroup_of_pid(pid_t pid, char *out, size_t cap, struct err *e);
/* The systemd unit in a path: its first (outermost) component that ends in .service or .scope; "" where there
 * is none, or it does not fit. */
void cgroup_unit(const char *path, char *out, size_t cap);
/* Says of a directory that we made it: `pgveil uninstall` takes away those that are empty. */
MUSTCHECK int cgroup_mark(const char *dir, struct err *e);
MUSTCHECK int cgroup_enter(const char *dir, pid_t pid, struct err *e);
/* A process in dir or below it that fits; 0: none. */
pid_t cgroup_find_pid(const char *dir, bool (*fits)(void *arg, pid_t pid), void *arg);
/* Any process in dir or below it; 0: none. */
pid_t cgroup_any_pid(const char *dir);

#endif
