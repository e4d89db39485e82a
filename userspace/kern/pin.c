/* SPDX-License-Identifier: MIT */
#include "kern/pin.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FIRST_PID_NAMESPACE                                                                                  \
	0xEFFFFFFCU /* PROC_PID_INIT_INO in the kernel: the inode of the machine's own                       \
		     */

int pin_path(char *out, size_t cap, const char *dir, const char *sub, const char *name, struct err *e)
{
	int n = snprintf(out, cap, "%s/%s%s%s", dir, sub, *name ? "/" : "", name);

	return n < 0 || (size_t)n >= cap ? err_set(e, -ENAMETOOLONG, "%s: path is too long", dir) : 0;
}

bool pin_on_bpffs(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* "36 35 98:0 /root /mount options - bpf …": the third field of a line whose file system is bpf. */
static bool is_bpf_device(const char *line, dev_t dev)
{
	unsigned major_, minor_;

	return strstr(line, " - bpf ") && sscanf(line, "%*s %*s %u:%u", &major_, &minor_) == 2 &&
	       makedev(major_, minor_) == dev;
}

int pin_on_hosts(const char *dir, struct err *e)
{
	FILE *f = fopen("/proc/1/mountinfo", "re");
	struct stat here, space;
	bool found = false;
	char *line = NULL;
	size_t n = 0;

	if (!f)
		return err_set(e, -EXDEV, "/proc/1/mountinfo: %m: cannot tell whether %s is the host's", dir);
	if (stat(dir, &here) == 0) {
		while (!found && getline(&line, &n, f) > 0)
			found = is_bpf_device(line, here.st_dev);
	}
	free(line);
	fclose(f);
	if (!found)
		return err_set(e, -EXDEV,
			"%s is on a bpf file system that pid 1 does not see: its pins would end with this "
			"mount "
			"namespace. Mount the host's /sys/fs/bpf here",
			dir);
	/* In a pid namespace of our own, pid 1 is not the machine's first process. */
	if (stat("/proc/self/ns/pid", &space) < 0 || space.st_ino != FIRST_PID_NAMESPACE)
		return err_set(e, -EXDEV,
			"in a pid namespace of its own pgveild cannot tell whether %s is the host's: run it "
			"with "
			"the host's (pid: host)",
			dir);
	return 0;
}

/* Makes one directory. *made says whether it was missing. */
static int make_dir(const char *dir, bool *made, struct err *e)
{
	*made = mkdir(dir, 0700) == 0;
	return *made || errno == EEXIST ? 0 : err_set(e, -errno, "%s: %m", dir);
}

int pin_make_dir(const char *dir, bool *fresh, struct err *e)
{
	static const char *const subs[] = {"maps", "links"};
	char path[PATH_MAX];
	bool made, sub_made;
	int r = make_dir(dir, &made, e);

	*fresh = made;
	if (r)
		return r;
	if (!pin_on_bpffs(dir)) {
		if (made)
			rmdir(dir);
		return err_set(
			e, -ENODEV, "%s is not on a bpf file system (mount -t bpf bpf /sys/fs/bpf)", dir);
	}
	r = pin_on_hosts(dir, e);
	if (r) {
		if (made)
			rmdir(dir);
		return r;
	}
	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		r = pin_path(path, sizeof(path), dir, subs[i], "", e);
		if (!r)
			r = make_dir(path, &sub_made, e);
		if (r)
			return r;
		*fresh = *fresh || sub_made;
	}
	return 0;
}

/* Detached by force first: somebody else may hold the link open, and unpinning alone would leave it in force.
 */
static int remove_link(const char *path, struct err *e)
{
	struct bpf_link *link = bpf_link__open(path);
	int r;

	if (!link)
		return err_set(e, -errno, "%s: %m", path);
	r = bpf_link__detach(link);
	if (!r)
		r = bpf_link__unpin(link);
	bpf_link__destroy(link);
	return r ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
}

static int remove_map(const char *path, struct err *e)
{
	return unlink(path) == 0 ? 0 : err_set(e, -errno, "%s: %m", path);
}

/* All of them by whatever name: another version's go too. */
static int remove_pins(
	const char *dir, const char *sub, int (*remove_one)(const char *, struct err *), struct err *e)
{
	char path[PATH_MAX];
	struct dirent *ent;
	int r = pin_path(path, sizeof(path), dir, sub, "", e);
	DIR *d;

	if (r)
		return r;
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %m", path);
	while (!r && (ent = readdir(d))) {
		if (ent->d_name[0] == '.')
			continue;
		r = pin_path(path, sizeof(path), dir, sub, ent->d_name, e);
		if (!r)
			r = remove_one(path, e);
	}
	closedir(d);
	if (!r)
		r = pin_path(path, sizeof(path), dir, sub, "", e);
	if (!r && rmdir(path) < 0)
		r = err_set(e, -errno, "%s: %m", path);
	return r;
}

int pin_remove_all(const char *dir, struct err *e)
{
	int r = remove_pins(dir, "links", remove_link, e);

	if (!r)
		r = remove_pins(dir, "maps", remove_map, e);
	/* EBUSY: the directory is the mount itself. */
	if (!r && rmdir(dir) < 0 && errno != EBUSY)
		r = err_set(e, -errno, "%s: %m", dir);
	return r;
}
