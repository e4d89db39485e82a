/* SPDX-License-Identifier: MIT */
#include "policy/key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>

#define KEY_FILE_MIN 32
#define KEY_FILE_MAX 4096
/* A key that was typed as one letter is no key; 32 random bytes have fewer different ones once in 10^40 or
 * so. */
#define KEY_FILE_DISTINCT 8

static int read_all(int fd, const char *path, uint8_t *buf, size_t cap, size_t *len, struct err *e)
{
	ssize_t n;

	for (*len = 0; *len < cap; *len += (size_t)n) {
		n = read(fd, buf + *len, cap - *len);
		if (n < 0)
			return err_set(e, -errno, "key file %.150s: %s", path, strerror(errno));
		if (n == 0)
			break;
	}
	return 0;
}

static unsigned distinct(const uint8_t *p, size_t n)
{
	bool seen[256] = {false};
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		count += !seen[p[i]];
		seen[p[i]] = true;
	}
	return count;
}

static int derive(uint8_t *key, const char *path, const uint8_t *buf, size_t n, struct err *e)
{
	/* A raw key may end in a newline's byte; only what is longer than a key can have one to spare. */
	if (n > KEY_FILE_MIN && buf[n - 1] == '\n')
		n -= n > KEY_FILE_MIN + 1 && buf[n - 2] == '\r' ? 2 : 1;
	if (n > KEY_FILE_MAX)
		return err_set(e, -EINVAL, "key file %.150s: larger than %d bytes", path, KEY_FILE_MAX);
	if (n < KEY_FILE_MIN)
		return err_set(e, -EINVAL, "key file %.150s: shorter than %d bytes", path, KEY_FILE_MIN);
	if (distinct(buf, n) < KEY_FILE_DISTINCT)
		return err_set(e, -EINVAL,
			"key file %.150s: not random (make one with: openssl rand -hex 32)", path);
	if (!EVP_Digest(buf, n, key, NULL, EVP_sha256(), NULL))
		return err_set(e, -ENOMEM, "key file %.150s: SHA-256 failed", path);
	return 0;
}

int key_read(uint8_t key[static HMAC_KEY_LEN], const char *path, struct err *e)
{
	uint8_t buf[KEY_FILE_MAX + 3];
	struct stat st;
	size_t n = 0;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	_Static_assert(HMAC_KEY_LEN == 32, "SHA-256 gives 32 bytes");
	if (fd < 0)
		return err_set(e, -errno, "key file %.150s: %s", path, strerror(errno));
	if (fstat(fd, &st))
		r = err_set(e, -errno, "key file %.150s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		r = err_set(e, -EINVAL, "key file %.150s: not a regular file", path);
	else if (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP))
		r = err_set(e, -EACCES, "key file %.150s: open to others (chmod o-rwx,g-w)", path);
	else
		r = read_all(fd, path, buf, sizeof(buf), &n, e);
	if (!r)
		r = derive(key, path, buf, n, e);
	mem_wipe(buf, sizeof(buf));
	close(fd);
	return r;
}
