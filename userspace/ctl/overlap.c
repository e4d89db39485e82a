/* SPDX-License-Identifier: MIT */
#include "ctl/overlap.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/log.h"
#include "policy/tenure.h"

#define LOOK_MS 100

struct overlap {
	int fd;
	struct event *timer;
	_Atomic unsigned *tenure;
};

/* Whether this is the only daemon with sessions. */
static bool alone(const struct overlap *o)
{
	if (flock(o->fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	flock(o->fd, LOCK_UN);
	return true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval in = {0, LOOK_MS * 1000};
	struct overlap *o = arg;

	(void)fd;
	(void)what;
	if (!alone(o)) {
		evtimer_add(o->timer, &in);
		return;
	}
	atomic_store(o->tenure, TENURE_SOLE);
	log_event(LOG_INFO, "handover.ended", "the daemon before this one has no sessions any more");
}

int overlap_open(struct overlap **out, struct event_base *base, const char *state_dir,
	_Atomic unsigned *tenure, struct err *e)
{
	struct overlap *o = calloc(1, sizeof(*o));
	char path[PATH_MAX];

	if (!o)
		return err_set(e, -ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "%s/draining", state_dir);
	o->tenure = tenure;
	o->timer = evtimer_new(base, on_timer, o);
	o->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (!o->timer || o->fd < 0) {
		int r = err_set(e, o->timer ? -errno : -ENOMEM, "%s: %m", path);

		overlap_close(o);
		return r;
	}
	if (alone(o)) {
		atomic_store(tenure, TENURE_SOLE);
	} else {
		const struct timeval in = {0, LOOK_MS * 1000};

		atomic_store(tenure, TENURE_SHARED);
		evtimer_add(o->timer, &in);
		log_event(LOG_INFO, "handover.shared", "the daemon before this one still has sessions");
	}
	*out = o;
	return 0;
}

int overlap_hold(struct overlap *o, struct err *e)
{
	return flock(o->fd, LOCK_SH | LOCK_NB) < 0 ? err_set(e, -errno, "draining: %m") : 0;
}

void overlap_release(struct overlap *o)
{
	flock(o->fd, LOCK_UN);
}

void overlap_close(struct overlap *o)
{
	if (!o)
		return;
	if (o->timer)
		event_free(o->timer);
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}
