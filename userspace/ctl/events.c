/* SPDX-License-Identifier: MIT */
/* Whoever can cause many events of one kind must not push the others out: a kind has so many places, and
 * where all of them together are too many or too large, the kind that has most loses its oldest. */
#include "ctl/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#define KINDS_MAX     64u /* the last one is for all that are not known by then */
#define KIND_KEPT_MAX 1024u
#define KEPT_MAX      4096u
#define BYTES_MAX     ((size_t)4 << 20)

struct kept {
	TAILQ_ENTRY(kept) all, same; /* of all, and of the same kind; in order */
	struct kind *kind;
	uint64_t number;
	size_t len;
	char line[];
};

TAILQ_HEAD(kept_list, kept);

struct kind {
	char name[48];
	struct kept_list list;
	unsigned n;
};

struct events {
	pthread_mutex_t lock;
	struct kept_list list;
	struct kind kind[KINDS_MAX];
	unsigned nkinds, n;
	uint64_t last;
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
	TAILQ_INIT(&ev->list);
	*out = ev;
	return 0;
}

static void drop_oldest(struct events *ev, struct kind *kind)
{
	struct kept *k = TAILQ_FIRST(&kind->list);

	TAILQ_REMOVE(&kind->list, k, same);
	TAILQ_REMOVE(&ev->list, k, all);
	kind->n--;
	ev->n--;
	ev->bytes -= k->len;
	free(k);
}

void events_free(struct events *ev)
{
	struct kept *k;

	if (!ev)
		return;
	while ((k = TAILQ_FIRST(&ev->list)))
		drop_oldest(ev, k->kind);
	close(ev->fd);
	pthread_mutex_destroy(&ev->lock);
	free(ev);
}

static struct kind *kind_of(struct events *ev, const char *name)
{
	struct kind *kind = ev->kind;

	while (kind < ev->kind + ev->nkinds && strcmp(kind->name, name) != 0)
		kind++;
	if (kind < ev->kind + ev->nkinds)
		return kind;
	if (ev->nkinds == KINDS_MAX)
		return &ev->kind[KINDS_MAX - 1];
	ev->nkinds++;
	TAILQ_INIT(&kind->list);
	strncpy(kind->name, name, sizeof(kind->name) - 1);
	return kind;
}

static struct kind *largest(struct events *ev)
{
	struct kind *most = ev->kind;

	for (struct kind *kind = ev->kind; kind < ev->kind + ev->nkinds; kind++) {
		if (kind->n > most->n)
			most = kind;
	}
	return most;
}

void events_add(void *arg, const char *event, const char *line, size_t len)
{
	const uint64_t one = 1;
	struct events *ev = arg;
	struct kept *k = malloc(sizeof(*k) + len);
	ssize_t wr;

	if (!k)
		return;
	k->len = len;
	memcpy(k->line, line, len);
	pthread_mutex_lock(&ev->lock);
	k->kind = kind_of(ev, event);
	if (k->kind->n >= KIND_KEPT_MAX)
		drop_oldest(ev, k->kind);
	while (ev->n && (ev->n >= KEPT_MAX || ev->bytes + len > BYTES_MAX))
		drop_oldest(ev, largest(ev));
	k->number = ++ev->last;
	TAILQ_INSERT_TAIL(&ev->list, k, all);
	TAILQ_INSERT_TAIL(&k->kind->list, k, same);
	k->kind->n++;
	ev->n++;
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
	last = ev->last;
	pthread_mutex_unlock(&ev->lock);
	return last;
}

static bool add_to(json_t *list, const struct kept *k)
{
	json_t *x = json_loadb(k->line, k->len, 0, NULL);
	bool good = x && json_object_set_new(x, "seq", json_integer((json_int_t)k->number)) == 0 &&
		    json_array_append(list, x) == 0;

	json_decref(x);
	return good;
}

json_t *events_after(struct events *ev, uint64_t after, unsigned max)
{
	json_t *list = json_array();
	uint64_t shown = 0;
	struct kept *k;
	bool good = list;

	pthread_mutex_lock(&ev->lock);
	/* A number of an earlier daemon's: all of this one's are news. */
	if (after > ev->last)
		after = 0;
	shown = after;
	TAILQ_FOREACH(k, &ev->list, all)
	{
		if (k->number <= after)
			continue;
		if (!max--)
			break;
		good = good && add_to(list, k);
		shown = k->number;
	}
	/* What nobody will show any more is passed over. */
	if (!k)
		shown = ev->last;
	pthread_mutex_unlock(&ev->lock);
	if (!good) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:I, s:I, s:o}", "next", (json_int_t)shown, "missed",
		(json_int_t)(shown - after - json_array_size(list)), "events", list);
}
