/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "main/daemon.h"
#include "policy/policy.h"

static void tell(const char *text, int flags)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(a.sun_path, path, n);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | flags, (struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0 &&
		!(flags & MSG_DONTWAIT && errno == EAGAIN))
		log_event(LOG_WARN, "start.unnotified", "NOTIFY_SOCKET: %m");
	close(fd);
}

void ready_notify(const char *text)
{
	tell(text, 0);
}

void ready_remind(const char *text)
{
	tell(text, MSG_DONTWAIT);
}

void ready_say(struct daemon *d)
{
	log_with(LOG_INFO, "start.ready",
		LOG_FIELDS(LOG_TEXT("guarded", d->root), LOG_TEXT("pins", d->opt.pin_dir),
			LOG_NUMBER("version", policy_version(d->policy))),
		"sessions are served");
	ready_notify("READY=1");
	if (d->opt.ready_fd < 0)
		return;
	if (write(d->opt.ready_fd, "\n", 1) != 1)
		log_event(LOG_WARN, "start.unnotified", "--ready-fd: %m");
	close(d->opt.ready_fd);
}
