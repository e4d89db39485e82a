/* SPDX-License-Identifier: MIT */
#include "ctl/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"
#include "policy/policy.h"

static int read_file(const char *path, char *out, size_t cap, size_t *len, struct err *e)
{
	/* A FIFO or a device must not make a worker wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
	size_t n = 0;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", path);
	while (n < cap) {
		ssize_t got = read(fd, out + n, cap - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r = err_set(e, -errno, "%s: %m", path);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	*len = n;
	return r;
}

int credential_password(const struct database *d, char *out, size_t cap, bool *has, struct err *e)
{
	size_t n = 0;
	int r;

	*has = false;
	if (!d->password_file)
		return 0;
	r = read_file(d->password_file, out, cap, &n, e);
	if (!r && n == cap)
		r = err_set(e, -E2BIG, "%s: longer than a password can be", d->password_file);
	if (!r && n && out[n - 1] == '\n')
		n--;
	if (!r && n && out[n - 1] == '\r')
		n--;
	if (!r && !n)
		r = err_set(e, -EINVAL, "%s: empty", d->password_file);
	if (!r && memchr(out, '\0', n))
		r = err_set(e, -EINVAL, "%s: holds a zero byte", d->password_file);
	if (r) {
		mem_wipe(out, cap);
		return r;
	}
	out[n] = '\0';
	*has = true;
	return 0;
}

static void warn_readable(const char *path)
{
	struct stat st;

	if (path && stat(path, &st) == 0 && st.st_mode & (S_IRGRP | S_IROTH))
		log_with(LOG_WARN, "credential.readable", LOG_FIELDS(LOG_TEXT("file", path)),
			"readable by others than its owner (mode %04o)", (unsigned)(st.st_mode & 07777));
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_event(LOG_WARN, "policy.warning", "%s", text);
}

void credential_warn(const struct policy *p)
{
	policy_warnings(p, warn, NULL);
	for (unsigned i = 0; i < policy_databases(p); i++) {
		warn_readable(policy_database_at(p, i)->password_file);
		warn_readable(policy_database_at(p, i)->key_file);
	}
}
