/* SPDX-License-Identifier: MIT */
#include "ctl/guard.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "kern/loader.h"

#define PERIOD_S 1

struct guard {
	struct guard_config cfg;
	int fd;
	struct event *changed, *timer;
	bool failed;
	char parent[PATH_MAX];
};

/* The parent may have gone with the root, and come back as another. A watch that cannot be had costs a
 * second. */
static void watch_parent(struct guard *g)
{
	if (inotify_add_watch(g->fd, g->parent, IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR) < 0)
		log_with(LOG_WARN, "guard.unwatched", LOG_FIELDS(LOG_TEXT("cgroup", g->parent)), "%m");
}

/* The root and whatever above it is missing. */
static int make_root(const char *root, struct err *e)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", root);
	for (char *c = strchr(dir + 1, '/'); c; c = strchr(c + 1, '/')) {
		*c = '\0';
		(void)mkdir(dir, 0755); /* the last one tells */
		*c = '/';
	}
	return mkdir(dir, 0755) == 0 || errno == EEXIST ? 0 : err_set(e, -errno, "%s: %m", dir);
}

static void look(struct guard *g)
{
	struct err e = {0};
	int r = kern_check(g->cfg.kern, &e);

	if (!r || g->failed)
		return;
	log_event(LOG_ERROR, "guard.lost", "%s: what is below is not guarded", e.msg);
	r = make_root(g->cfg.root, &e);
	if (!r)
		r = kern_attach_again(g->cfg.kern, &e);
	if (!r)
		r = kern_check(g->cfg.kern, &e);
	if (r) {
		log_event(LOG_ERROR, "guard.failed", "%s", e.msg);
		g->failed = true;
		g->cfg.failed(g->cfg.arg);
		return;
	}
	log_event(LOG_ERROR, "guard.again", "%s is guarded again; what it did meanwhile is not known",
		g->cfg.root);
	watch_parent(g);
	g->cfg.again(g->cfg.arg);
}

static void on_changed(evutil_socket_t fd, short what, void *arg)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	look(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

int guard_open(struct guard **out, const struct guard_config *cfg, struct err *e)
{
	const struct timeval period = {PERIOD_S, 0};
	struct guard *g = calloc(1, sizeof(*g));
	char *slash;

	if (!g)
		return err_set(e, -ENOMEM, "out of memory");
	g->cfg = *cfg;
	snprintf(g->parent, sizeof(g->parent), "%s", cfg->root);
	slash = strrchr(g->parent, '/');
	if (slash && slash != g->parent)
		*slash = '\0';
	g->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (g->fd >= 0) {
		g->changed = event_new(cfg->base, g->fd, EV_READ | EV_PERSIST, on_changed, g);
		g->timer = event_new(cfg->base, -1, EV_PERSIST, on_timer, g);
	}
	if (!g->changed || !g->timer || event_add(g->changed, NULL) || event_add(g->timer, &period)) {
		guard_close(g);
		return err_set(e, -ENOMEM, "the guarded cgroup cannot be watched");
	}
	watch_parent(g);
	*out = g;
	look(g);
	return 0;
}

void guard_close(struct guard *g)
{
	if (!g)
		return;
	if (g->changed)
		event_free(g->changed);
	if (g->timer)
		event_free(g->timer);
	if (g->fd >= 0)
		close(g->fd);
	free(g);
}
