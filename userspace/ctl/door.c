/* SPDX-License-Identifier: MIT */
#include "ctl/door.h"

#include <string.h>
#include "kern/loader.h"
#include "net/worker.h"

static void forget(void *arg, uint64_t cookie)
{
	kern_forget_listener(arg, cookie);
}

/* Their addresses, for the kernel. */
static int tell(struct kern *k, const struct listening *l, struct err *e)
{
	int r = kern_set_listener(k, l->netns_cookie, l->ports, e);

	return r || !l->has_unix ? r : kern_set_unix_listener(k, l->netns_cookie, &l->unix_name, e);
}

int doors_open(struct doors *d, struct workers *ws, struct kern *k, int ns_fd, struct err *e)
{
	struct listener_value told;
	struct listening l;
	int r = workers_listen(ws, ns_fd, &l, e);

	if (r)
		return r;
	for (unsigned i = 0; i < d->n; i++) {
		if (d->cookie[i] != l.netns_cookie)
			continue;
		/* Where the kernel knows of none, ours was lost, and this use is in its place. */
		if (kern_listener(k, l.netns_cookie, &told) == 0) {
			workers_unlisten(ws, l.netns_cookie, NULL, NULL);
			return 0;
		}
		r = kern_set_listener(k, l.netns_cookie, l.ports, e);
		if (r)
			workers_unlisten(ws, l.netns_cookie, NULL, NULL);
		return r;
	}
	r = tell(k, &l, e);
	if (r) {
		workers_unlisten(ws, l.netns_cookie, NULL, NULL);
		return r;
	}
	if (d->n == DOORS_MAX) {
		workers_unlisten(ws, d->cookie[1], forget, k);
		memmove(&d->cookie[1], &d->cookie[2], (DOORS_MAX - 2) * sizeof(d->cookie[0]));
		d->n--;
	}
	d->cookie[d->n++] = l.netns_cookie;
	return 0;
}

int doors_assert(const struct doors *d, struct workers *ws, struct kern *k, struct err *e)
{
	struct listening l;
	int r = 0;

	for (unsigned i = 0; i < d->n && !r; i++)
		if (workers_listening(ws, d->cookie[i], &l))
			r = tell(k, &l, e);
	return r;
}

void doors_close(struct doors *d, struct workers *ws, struct kern *k)
{
	for (unsigned i = 0; i < d->n; i++)
		workers_unlisten(ws, d->cookie[i], forget, k);
	d->n = 0;
}
