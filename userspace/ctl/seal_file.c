/* SPDX-License-Identifier: MIT */
#include "ctl/seal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"

#define KEY    "seal.key"
#define PUBLIC "seal.pub"

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put ? -errno : -EIO;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

/* A file with all of it, or none; one that is there already stays. */
static int put_file(int dir_fd, const char *name, mode_t mode, const void *p, size_t n, struct err *e)
{
	char unborn[64];
	int fd, r = 0;

	snprintf(unborn, sizeof(unborn), "%s.%d", name, getpid());
	unlinkat(dir_fd, unborn, 0);
	fd = openat(dir_fd, unborn, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_set(e, -errno, "recordings/%s: %m", name);
	r = write_all(fd, p, n);
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (r)
		err_set(e, r, "recordings/%s: %s", name, strerror(-r));
	close(fd);
	if (!r && linkat(dir_fd, unborn, dir_fd, name, 0) < 0 && errno != EEXIST)
		r = err_set(e, -errno, "recordings/%s: %m", name);
	unlinkat(dir_fd, unborn, 0);
	if (!r && fsync(dir_fd) < 0)
		r = err_set(e, -errno, "recordings: %m");
	return r;
}

static int read_key(int fd, uint8_t key[SEAL_PRIVATE], struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "recordings/" KEY ": %m");
	if (!S_ISREG(st.st_mode) || st.st_size != SEAL_PRIVATE)
		return err_set(e, -EINVAL, "recordings/" KEY " is no key of %d bytes", SEAL_PRIVATE);
	if (st.st_mode & 077 || st.st_uid != geteuid())
		return err_set(e, -EPERM, "recordings/" KEY " can be read or changed by others");
	return read(fd, key, SEAL_PRIVATE) == SEAL_PRIVATE
		       ? 0
		       : err_set(e, -EIO, "recordings/" KEY " cannot be read");
}

static int put_public(int dir_fd, const uint8_t key[SEAL_PRIVATE], struct err *e)
{
	char text[2 * SEAL_PUBLIC + 2];
	struct seal_key *k;
	int r = seal_key_new(&k, key, e);

	if (r)
		return r;
	for (unsigned i = 0; i < SEAL_PUBLIC; i++)
		snprintf(text + 2 * (size_t)i, 4, "%02x\n", seal_key_public(k)[i]);
	seal_key_free(k);
	return put_file(dir_fd, PUBLIC, 0644, text, sizeof(text) - 1, e);
}

int seal_file_take(int dir_fd, uint8_t key[static SEAL_PRIVATE], struct err *e)
{
	int fd = openat(dir_fd, KEY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r = 0;

	if (fd < 0 && errno == ENOENT) {
		r = seal_generate(key, e);
		if (!r)
			r = put_file(dir_fd, KEY, 0600, key, SEAL_PRIVATE, e);
		mem_wipe(key, SEAL_PRIVATE);
		if (r)
			return r;
		fd = openat(dir_fd, KEY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set(e, -errno, "recordings/" KEY ": %m");
	r = read_key(fd, key, e);
	close(fd);
	if (!r && faccessat(dir_fd, PUBLIC, F_OK, 0) < 0)
		r = put_public(dir_fd, key, e);
	return r;
}
