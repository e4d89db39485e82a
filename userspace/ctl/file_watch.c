/* SPDX-License-Identifier: MIT */
/* inotify on the directories, since a file that is replaced takes its own watch with it: on every directory
 * that holds a symbolic link of the way, or the file itself. An event only says that it is worth looking;
 * what counts is whether a file's stamp is another one, and the same at two looks. Every PERIOD_S it is
 * looked without an event: some filesystems give none. */
#include "ctl/file_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"

#define REST_MS   100 /* between two looks that must agree */
#define PERIOD_S  5
#define LINKS_MAX 40 /* as many as the kernel follows */
#define EVENTS                                                                                               \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |             \
		IN_MOVE_SELF | IN_ONLYDIR)

struct stamp {
	dev_t dev; /* all zero: there is no such file */
	ino_t inode;
	off_t size;
	struct timespec mtime;
};

struct watched {
	char *path;
	struct stamp marked, seen; /* seen: at the last look */
};

struct file_watch {
	int fd;
	struct event *readable, *timer;
	void (*changed)(void *arg);
	void *arg;
	struct watched *files;
	unsigned n;
	bool restless; /* something happened; the timer rings after REST_MS */
	bool told;     /* that inotify does not take more */
};

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct stamp){0};
	return (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->inode == b->inode && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static void watch_dir(struct file_watch *w, const char *dir)
{
	if (inotify_add_watch(w->fd, *dir ? dir : "/", EVENTS) >= 0 || w->told)
		return;
	w->told = true;
	log_event(
		LOG_WARN, "watch.failed", "%s: %m; changes are seen within %d s", *dir ? dir : "/", PERIOD_S);
}

/* Puts the link's target in the place of what was walked: done/link/rest becomes target/rest. */
static bool follow(char *walked, char *rest)
{
	char target[PATH_MAX], tail[PATH_MAX];
	ssize_t n = readlink(walked, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	snprintf(tail, sizeof(tail), "%s", rest);
	if (target[0] == '/')
		*walked = '\0';
	else
		*strrchr(walked, '/') = '\0';
	return (size_t)snprintf(rest, PATH_MAX, "%s/%s", target, tail) < PATH_MAX;
}

/* Watches every directory in which the way to an absolute path can change: walked ends before rest begins. */
static void watch_way(struct file_watch *w, const char *path)
{
	char walked[PATH_MAX] = "", rest[PATH_MAX];
	int links = 0;

	snprintf(rest, sizeof(rest), "%s", path);
	for (;;) {
		size_t skip = strspn(rest, "/"), len = strcspn(rest + skip, "/"), at = strlen(walked);
		char part[NAME_MAX + 2];
		struct stat st;

		if (!len)
			return;
		if (len > NAME_MAX || at + len + 2 > sizeof(walked))
			return;
		snprintf(part, sizeof(part), "/%.*s", (int)len, rest + skip);
		memmove(rest, rest + skip + len, strlen(rest + skip + len) + 1);
		if (strcmp(part, "/..") == 0 && at) {
			*strrchr(walked, '/') = '\0';
			continue;
		}
		if (strcmp(part, "/.") == 0 || strcmp(part, "/..") == 0)
			continue;
		strcat(walked, part);
		if (lstat(walked, &st) < 0 || S_ISLNK(st.st_mode) || !S_ISDIR(st.st_mode)) {
			walked[at] = '\0';
			watch_dir(w, walked);
			strcat(walked, part);
		}
		if (lstat(walked, &st) < 0)
			return; /* it may come */
		if (S_ISLNK(st.st_mode) && (++links > LINKS_MAX || !follow(walked, rest)))
			return;
	}
}

static void look_in(struct file_watch *w, bool restless)
{
	struct timeval rest = {0, REST_MS * 1000}, period = {PERIOD_S, 0};

	w->restless = restless;
	event_add(w->timer, restless ? &rest : &period);
}

static void drop_files(struct watched *files, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(files[i].path);
	free(files);
}

static const struct watched *find(const struct file_watch *w, const char *path)
{
	for (unsigned i = 0; i < w->n; i++)
		if (strcmp(w->files[i].path, path) == 0)
			return &w->files[i];
	return NULL;
}

static int fill(struct file_watch *w, struct watched *files, const char *const *paths, unsigned n)
{
	char *cwd = getcwd(NULL, 0);
	int r = cwd ? 0 : -ENOMEM;

	for (unsigned i = 0; !r && i < n; i++) {
		const struct watched *old;
		bool relative = paths[i][0] != '/';

		if (asprintf(&files[i].path, "%s%s%s", relative ? cwd : "", relative ? "/" : "", paths[i]) <
			0) {
			files[i].path = NULL;
			r = -ENOMEM;
			break;
		}
		/* Watched first: what changes in between is seen as an event. */
		watch_way(w, files[i].path);
		old = find(w, files[i].path);
		files[i].marked = old ? old->marked : stamp_of(files[i].path);
		files[i].seen = files[i].marked;
	}
	free(cwd);
	return r;
}

int file_watch_take(struct file_watch *w, const char *const *paths, unsigned n, struct err *e)
{
	struct watched *files = calloc(n ? n : 1, sizeof(*files));

	if (!files || fill(w, files, paths, n)) {
		drop_files(files, files ? n : 0);
		return err_set(e, -ENOMEM, "out of memory");
	}
	drop_files(w->files, w->n);
	w->files = files;
	w->n = n;
	return 0;
}

void file_watch_mark(struct file_watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		w->files[i].marked = w->files[i].seen = stamp_of(w->files[i].path);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct file_watch *w = arg;
	bool moved = false, changed = false;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < w->n; i++) {
		struct watched *f = &w->files[i];
		struct stamp now = stamp_of(f->path);

		moved |= !same(&now, &f->seen);
		changed |= !same(&now, &f->marked);
		f->seen = now;
		watch_way(w, f->path);
	}
	if (changed && !moved) {
		/* Marked, whatever comes of it: a file that is wrong is told once. */
		for (unsigned i = 0; i < w->n; i++)
			w->files[i].marked = w->files[i].seen;
		w->changed(w->arg);
	}
	look_in(w, moved);
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	struct file_watch *w = arg;
	char events[4096];

	(void)what;
	while (read(fd, events, sizeof(events)) > 0)
		;
	/* A timer that runs is left running, so that a busy directory cannot put it off. */
	if (!w->restless)
		look_in(w, true);
}

int file_watch_open(struct file_watch **out, struct err *e)
{
	struct file_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		log_event(LOG_WARN, "watch.failed", "inotify: %m; changes are seen within %d s", PERIOD_S);
	w->told = w->fd < 0;
	*out = w;
	return 0;
}

int file_watch_start(
	struct file_watch *w, struct event_base *base, void (*changed)(void *arg), void *arg, struct err *e)
{
	w->changed = changed;
	w->arg = arg;
	w->timer = evtimer_new(base, on_timer, w);
	if (w->fd >= 0)
		w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_events, w);
	if (!w->timer || (w->fd >= 0 && (!w->readable || event_add(w->readable, NULL))))
		return err_set(e, -ENOMEM, "out of memory");
	look_in(w, true);
	return 0;
}

void file_watch_close(struct file_watch *w)
{
	if (!w)
		return;
	if (w->readable)
		event_free(w->readable);
	if (w->timer)
		event_free(w->timer);
	if (w->fd >= 0)
		close(w->fd);
	drop_files(w->files, w->n);
	free(w);
}
