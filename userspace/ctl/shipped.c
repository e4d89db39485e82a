/* SPDX-License-Identifier: MIT */
#include "ctl/shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_NAME (16 + sizeof(".shipped"))
#define UPLOAD    "upload"

static void mark_name(uint64_t number, char name[MARK_NAME])
{
	snprintf(name, MARK_NAME, "%016" PRIx64 ".shipped", number);
}

int shipped_mark(int run_fd, uint64_t number, const char *as, struct err *e)
{
	char name[MARK_NAME];
	size_t n = strlen(as);
	int fd, r = 0;

	mark_name(number, name);
	fd = openat(run_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "recordings: %s: %m", name);
	if (write(fd, as, n) < 0 && errno != ENOSPC && errno != EDQUOT)
		r = -errno;
	if (!r && (fsync(fd) < 0 || fsync(run_fd) < 0))
		r = -errno;
	close(fd);
	/* What may not be there after the next start must not be believed now. */
	if (r)
		unlinkat(run_fd, name, 0);
	return r ? err_set(e, r, "recordings: %s: %s", name, strerror(-r)) : 0;
}

bool shipped_marked(int run_fd, uint64_t number)
{
	char name[MARK_NAME];

	mark_name(number, name);
	return faccessat(run_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void shipped_forget(int run_fd, uint64_t number)
{
	char name[MARK_NAME];

	mark_name(number, name);
	unlinkat(run_fd, name, 0);
}

int shipped_open(int *dir_fd, const char *state_dir, struct err *e)
{
	int state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*dir_fd = -1;
	if (state_fd < 0)
		return err_set(e, -errno, "%s: %m", state_dir);
	if (mkdirat(state_fd, "ship", 0700) == 0 || errno == EEXIST)
		*dir_fd = openat(state_fd, "ship", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir_fd < 0)
		err_set(e, -errno, "%s/ship: %m", state_dir);
	close(state_fd);
	return *dir_fd < 0 ? -EIO : 0;
}

int shipped_lock(int dir_fd, int *lock_fd, struct err *e)
{
	int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, -errno, "ship/lock: %m");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return err_set(e, -EBUSY, "another process ships these recordings");
	}
	*lock_fd = fd;
	return 0;
}

int shipped_upload_get(int dir_fd, char key[SHIPPED_NAME], char id[SHIPPED_NAME], struct err *e)
{
	char text[2 * SHIPPED_NAME + 2];
	int fd = openat(dir_fd, UPLOAD, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;
	char *end;

	key[0] = id[0] = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "ship/" UPLOAD ": %m");
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return err_set(e, -errno, "ship/" UPLOAD ": %m");
	text[n] = '\0';
	end = strchr(text, '\n');
	/* It is put there whole or not at all; what is something else is nobody's. */
	if (!end || end - text >= SHIPPED_NAME || strlen(end + 1) > SHIPPED_NAME)
		return 0;
	*end++ = '\0';
	strcpy(key, text);
	end[strcspn(end, "\n")] = '\0';
	snprintf(id, SHIPPED_NAME, "%s", end);
	return 0;
}

int shipped_upload_put(int dir_fd, const char *key, const char *id, struct err *e)
{
	int fd, r = 0;

	if (!*id) {
		if (unlinkat(dir_fd, UPLOAD, 0) < 0 && errno != ENOENT)
			return err_set(e, -errno, "ship/" UPLOAD ": %m");
		return fsync(dir_fd) < 0 ? err_set(e, -errno, "ship: %m") : 0;
	}
	fd = openat(dir_fd, UPLOAD ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "ship/" UPLOAD ": %m");
	if (dprintf(fd, "%s\n%s\n", key, id) < 0 || fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (!r && (renameat(dir_fd, UPLOAD ".new", dir_fd, UPLOAD) < 0 || fsync(dir_fd) < 0))
		r = -errno;
	return r ? err_set(e, r, "ship/" UPLOAD ": %s", strerror(-r)) : 0;
}
