/* SPDX-License-Identifier: MIT */
#include "ctl/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define KEPT_MAX  4096u
#define BYTES_MAX ((size_t)4 << 20)

struct kept {
	char *line;
	size_t len;
};

/* Numbers run from 1; number n is in slot n % KEPT_MAX for as long as first <= n < next. */
struct events {
	pthread_mutex_t lock;
	struct kept kept[KEPT_MAX];
	uint64_t first, next;
	size_t bytes;
	int fd;
};

int events_new(struct events **out, struct err *e)
{
	struct events *ev = calloc(1, sizeof(*ev));

	if (!ev)
		return err_set(e, -ENOMEM, "out of memory");
	ev->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ev->fd < 0) {
		free(ev);
		return err_set(e, -errno, "eventfd: %m");
	}
	pthread_mutex_init(&ev->lock, NULL);
	ev->first = ev->next = 1;
	*out = ev;
	return 0;
}

static void drop_first(struct events *ev)
{
	struct kept *k = &ev->kept[ev->first++ % KEPT_MAX];

	ev->bytes -= k->len;
	free(k->line);
	*k = (struct kept){0};
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	while (ev->first < ev->next)
		drop_first(ev);
	close(ev->fd);
	pthread_mutex_destroy(&ev->lock);
	free(ev);
}

void events_add(void *arg, const char *line, size_t len)
{
	const uint64_t one = 1;
	struct events *ev = arg;
	char *copy = malloc(len);
	ssize_t wr;

	if (!copy)
		return;
	memcpy(copy, line, len);
	pthread_mutex_lock(&ev->lock);
	while (ev->first < ev->next && (ev->next - ev->first >= KEPT_MAX || ev->bytes + len > BYTES_MAX))
		drop_first(ev);
	ev->kept[ev->next++ % KEPT_MAX] = (struct kept){copy, len};
	ev->bytes += len;
	pthread_mutex_unlock(&ev->lock);
	wr = write(ev->fd, &one, sizeof(one));
	(void)wr; /* full: it is readable already */
}

int events_fd(const struct events *ev)
{
	return ev->fd;
}

void events_seen(struct events *ev)
{
	uint64_t n;
	ssize_t got = read(ev->fd, &n, sizeof(n));

	(void)got;
}

uint64_t events_last(struct events *ev)
{
	uint64_t last;

	pthread_mutex_lock(&ev->lock);
	last = ev->next - 1;
	pthread_mutex_unlock(&ev->lock);
	return last;
}

json_t *events_after(struct events *ev, uint64_t after, unsigned max)
{
	json_t *list = json_array();
	uint64_t n, missed;

	pthread_mutex_lock(&ev->lock);
	/* A number of an earlier daemon's: all of this one's are news. */
	if (after >= ev->next)
		after = 0;
	missed = after + 1 < ev->first ? ev->first - after - 1 : 0;
	for (n = after + missed + 1; n < ev->next && max; n++, max--) {
		const struct kept *k = &ev->kept[n % KEPT_MAX];
		json_t *x = json_loadb(k->line, k->len, 0, NULL);

		if (x && (json_object_set_new(x, "seq", json_integer((json_int_t)n)) ||
				 json_array_append(list, x))) {
			json_decref(list);
			list = NULL;
		}
		json_decref(x);
		if (!list)
			break;
	}
	pthread_mutex_unlock(&ev->lock);
	if (!list)
		return NULL;
	return json_pack(
		"{s:I, s:I, s:o}", "next", (json_int_t)(n - 1), "missed", (json_int_t)missed, "events", list);
}
