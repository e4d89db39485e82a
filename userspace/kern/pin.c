/* SPDX-License-Identifier: MIT */
#include "kern/pin.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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
