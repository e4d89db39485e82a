/* SPDX-License-Identifier: MIT */
#include "ctl/tree.h"

#include <dirent.h>
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

#define BUCKETS   1024u
#define DEPTH_MAX 64
#define EVENTS    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

struct node { /* one watched directory */
	struct node *next;
	int wd;
	char path[];
};

struct tree {
	int fd;
	struct event *ev;
	struct tree_events events;
	struct node *nodes[BUCKETS]; /* by watch descriptor */
	bool full;                   /* said once */
	char root[];
};

static struct node **node_at(struct tree *t, int wd)
{
	struct node **p = &t->nodes[(unsigned)wd % BUCKETS];

	while (*p && (*p)->wd != wd)
		p = &(*p)->next;
	return p;
}

/* Watches a directory; a failure only costs speed: enrolment by name then waits for the next scan. */
static void watch(struct tree *t, const char *path)
{
	int wd = inotify_add_watch(t->fd, path, EVENTS);
	size_t n = strlen(path) + 1;
	struct node **p, *node;

	if (wd < 0) {
		if (errno != ENOENT && !t->full)
			log_with(LOG_WARN, "cgroup.unwatched", LOG_FIELDS(LOG_TEXT("cgroup", path)), "%m");
		t->full |= errno != ENOENT;
		return;
	}
	p = node_at(t, wd);
	if (*p)
		return;
	node = malloc(sizeof(*node) + n);
	if (!node) {
		inotify_rm_watch(t->fd, wd);
		return;
	}
	node->next = NULL;
	node->wd = wd;
	memcpy(node->path, path, n);
	*p = node;
}

/* Watched first, then listed: what comes in between is seen twice rather than never. */
static void discover(struct tree *t, const char *path, int depth)
{
	char child[PATH_MAX];
	struct dirent *ent;
	DIR *d;

	watch(t, path);
	t->events.added(t->events.arg, path);
	d = depth < DEPTH_MAX ? opendir(path) : NULL;
	while (d && (ent = readdir(d))) {
		if (ent->d_type != DT_DIR || strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(child, sizeof(child), "%s/%s", path, ent->d_name) < sizeof(child))
			discover(t, child, depth + 1);
	}
	if (d)
		closedir(d);
}

void tree_scan(struct tree *t)
{
	discover(t, t->root, 0);
}

static void forget_all(struct tree *t, bool unwatch)
{
	struct node *next;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct node *n = t->nodes[i]; n; n = next) {
			next = n->next;
			if (unwatch)
				inotify_rm_watch(t->fd, n->wd);
			free(n);
		}
		t->nodes[i] = NULL;
	}
}

void tree_renew(struct tree *t)
{
	forget_all(t, true);
	tree_scan(t);
}

static void on_one(struct tree *t, const struct inotify_event *ev)
{
	struct node **p = node_at(t, ev->wd), *node = *p;
	char path[PATH_MAX];

	if (ev->mask & IN_Q_OVERFLOW) {
		log_event(LOG_WARN, "cgroup.overflow",
			"too many cgroups came and went at once: looking at all of them");
		tree_scan(t);
		return;
	}
	if (!node)
		return;
	if (ev->mask & IN_IGNORED) { /* the directory is gone, and its watch with it */
		*p = node->next;
		free(node);
		return;
	}
	if (!(ev->mask & IN_ISDIR) || !ev->len ||
		(size_t)snprintf(path, sizeof(path), "%s/%s", node->path, ev->name) >= sizeof(path))
		return;
	if (ev->mask & (IN_CREATE | IN_MOVED_TO))
		discover(t, path, 0);
	else
		t->events.removed(t->events.arg, path);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct tree *t = arg;
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	for (const char *p = buf; n > 0 && p < buf + n;) {
		const struct inotify_event *ev = (const struct inotify_event *)p;

		on_one(t, ev);
		p += sizeof(*ev) + ev->len;
	}
}

int tree_open(struct tree **out, struct event_base *base, const char *root, const struct tree_events *ev,
	struct err *e)
{
	size_t n = strlen(root) + 1;
	struct tree *t = calloc(1, sizeof(*t) + n);

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	memcpy(t->root, root, n);
	t->events = *ev;
	t->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (t->fd < 0) {
		free(t);
		return err_set(e, -errno, "inotify: %m");
	}
	t->ev = event_new(base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
	if (!t->ev || event_add(t->ev, NULL) < 0) {
		tree_close(t);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = t;
	tree_scan(t);
	return 0;
}

void tree_close(struct tree *t)
{
	if (!t)
		return;
	if (t->ev)
		event_free(t->ev);
	close(t->fd);
	forget_all(t, false);
	free(t);
}
