/* SPDX-License-Identifier: MIT */
#include "ctl/sweep.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include "ctl/clock.h"
#include "kern/unix_flow.h"

#define PERIOD_S 5
#define AGE_NS   (UINT64_C(30) * 1000000000) /* a connect may wait for room in the queue */

struct sweep {
	struct kern *kern;
	struct event *timer;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sweep *s = arg;

	(void)fd;
	(void)what;
	unix_flow_collect(s->kern, clock_ms() * 1000000, AGE_NS, false);
}

int sweep_open(struct sweep **out, struct event_base *base, struct kern *k, struct err *e)
{
	const struct timeval period = {PERIOD_S, 0};
	struct sweep *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->kern = k;
	s->timer = event_new(base, -1, EV_PERSIST, on_timer, s);
	if (!s->timer || event_add(s->timer, &period)) {
		sweep_close(s);
		return err_set(e, -ENOMEM, "out of memory");
	}
	unix_flow_collect(k, clock_ms() * 1000000, AGE_NS, true);
	*out = s;
	return 0;
}

void sweep_close(struct sweep *s)
{
	if (!s)
		return;
	if (s->timer)
		event_free(s->timer);
	free(s);
}
