/* SPDX-License-Identifier: MIT */
#include "base/unix_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define PATH_AT        offsetof(struct sockaddr_un, sun_path)
#define PATH_MAX_BYTES 108 /* sizeof(sun_path): the kernel takes a path without its zero */

_Static_assert(
	sizeof(struct sockaddr_storage) >= PATH_AT + PATH_MAX_BYTES + 1, "room for a zero behind every path");

static const char *path_of(const struct sockaddr *a)
{
	return (const char *)a + PATH_AT;
}

/* The components of an absolute path without "." and empty ones; false where a ".." makes it depend on what
 * symbolic links there are. */
static bool normal(const char *path, char out[PATH_MAX_BYTES + 1])
{
	size_t n = 0;

	if (path[0] != '/')
		return false;
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return false;
		if (len && !(len == 1 && path[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
	}
	out[n] = '\0';
	return true;
}

void unix_address_dialled(struct sockaddr_storage *out, const char *bytes, size_t n)
{
	char path[PATH_MAX_BYTES + 1] = "", short_path[PATH_MAX_BYTES + 1], *to = (char *)out + PATH_AT;

	memset(out, 0, sizeof(*out));
	out->ss_family = AF_UNIX;
	if (!n || n > PATH_MAX_BYTES)
		return;
	if (!bytes[0]) {
		if (!memchr(bytes + 1, '\0', n - 1))
			memcpy(to, bytes, n);
		return;
	}
	memcpy(path, bytes, n);
	memcpy(to, normal(path, short_path) ? short_path : path, sizeof(path));
}

const char *unix_address_of_server(struct sockaddr_storage *out, const char *directory, unsigned port)
{
	char path[PATH_MAX_BYTES + 1], short_path[PATH_MAX_BYTES + 1];
	int n = snprintf(path, sizeof(path), "%s/.s.PGSQL.%u", directory, port);

	memset(out, 0, sizeof(*out));
	out->ss_family = AF_UNIX;
	if (n < 0 || (size_t)n >= PATH_MAX_BYTES)
		return "is too long for a socket's name";
	if (directory[0] == '@' && directory[1]) {
		memcpy((char *)out + PATH_AT + 1, path + 1, (size_t)n - 1);
		return NULL;
	}
	if (directory[0] != '/' || !normal(path, short_path))
		return "is not understood: a socket's directory begins at the root and has no \"..\"";
	memcpy((char *)out + PATH_AT, short_path, sizeof(short_path));
	return NULL;
}

bool unix_address_same(const struct sockaddr *a, const struct sockaddr *b)
{
	const char *x = path_of(a), *y = path_of(b);

	if (a->sa_family != AF_UNIX || b->sa_family != AF_UNIX || x[0] != y[0])
		return false;
	return x[0] ? strcmp(x, y) == 0 : x[1] && strcmp(x + 1, y + 1) == 0;
}

void unix_address_text(const struct sockaddr *a, char out[UNIX_PATH_CAP])
{
	const char *path = path_of(a);

	snprintf(out, UNIX_PATH_CAP, path[0] ? "%s" : "@%s", path[0] ? path : path + 1);
}

socklen_t address_length(const struct sockaddr *a)
{
	const char *path = path_of(a);
	size_t n;

	if (a->sa_family == AF_INET)
		return sizeof(struct sockaddr_in);
	if (a->sa_family == AF_INET6)
		return sizeof(struct sockaddr_in6);
	n = path[0] ? strlen(path) : 1 + strlen(path + 1);
	return (socklen_t)(PATH_AT + n);
}

int unix_address_check_peer(int fd, uint32_t uid, struct err *e)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return err_sql(e, -errno, "08006", "SO_PEERCRED: %m");
	return c.uid == uid
		       ? 0
		       : err_sql(e, -EACCES, "08006",
				 "who listens at the database's socket has uid %u, and the policy says %u",
				 c.uid, uid);
}
