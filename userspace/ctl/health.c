/* SPDX-License-Identifier: MIT */
#include "ctl/health.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/err.h"
#include "ctl/audit.h"
#include "ctl/enrol.h"
#include "ctl/kube.h"
#include "ctl/kube_policy.h"
#include "ctl/recorder.h"
#include "ctl/report.h"
#include "kern/loader.h"
#include "net/worker.h"

#define S_MS     1000u
#define S_US     1000000u
#define AUDIT_MS 60000 /* a round of a busy node takes seconds */

struct lines {
	char *p; /* NULL: nobody reads it */
	size_t cap, n;
	bool failed;
	void (*fn)(void *arg, const char *name, bool ok); /* NULL: nobody wants to hear */
	void *arg;
};

static void line(struct lines *l, const char *name, bool ok, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* fmt: what is wrong, where something is. */
static void line(struct lines *l, const char *name, bool ok, const char *fmt, ...)
{
	char why[320] = "ok";
	va_list ap;
	int n;

	va_start(ap, fmt);
	if (!ok)
		vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	l->failed |= !ok;
	if (l->fn)
		l->fn(l->arg, name, ok);
	if (!l->p)
		return;
	n = snprintf(l->p + l->n, l->cap - l->n, "%s: %s\n", name, why);
	if (n > 0)
		l->n = l->n + (size_t)n < l->cap ? l->n + (size_t)n : l->cap - 1;
}

static void look_alive(const struct report *r, struct lines *l)
{
	uint64_t behind_ms = workers_behind_ms(r->workers);
	struct err e = {0};
	bool guards = kern_check(r->kern, &e) == 0;

	line(l, "guarded", guards, "%s", e.msg);
	line(l, "workers", behind_ms < HEALTH_BEHIND_MS, "one has not come round for %" PRIu64 " s",
		behind_ms / S_MS);
}

struct unseen {
	unsigned n, all;
	char why[AUDIT_WHY];
};

static void on_enrolment(void *arg, const struct enrol_view *v)
{
	struct unseen *u = arg;

	u->all++;
	if (v->stage != ENROL_CHECKING || !*v->why)
		return;
	if (!u->n++)
		snprintf(u->why, sizeof(u->why), "%s", v->why);
}

static void look_captured(const struct report *r, struct lines *l)
{
	struct unseen u = {0};
	struct audit_stats st;

	audit_stats(r->audit, &st);
	line(l, "audit", st.rounds && st.age_ms < AUDIT_MS,
		st.rounds ? "the last round was %" PRIu64 " s ago" : "no round has ended yet (%" PRIu64 ")",
		st.age_ms / S_MS);
	enrol_each(r->enrol, on_enrolment, &u);
	line(l, "captured", u.n == 0, "%u of %u enrolled cgroups are not: %s", u.n, u.all, u.why);
}

bool health_alive(const struct report *r, char *text, size_t cap)
{
	struct lines l = {.p = text, .cap = cap};

	look_alive(r, &l);
	return !l.failed;
}

static void look_recorded(const struct report *r, struct lines *l)
{
	line(l, "recording", recorder_works(r->recorder),
		"the last that was to be recorded was not; its log says why");
}

/* What an API server says once stays true of what is here; a daemon that never heard it refuses new pods. */
static void look_heard(const struct report *r, struct lines *l)
{
	if (r->kube)
		line(l, "kubernetes", kube_listed(r->kube),
			"the API server has not said yet which pods there are");
	if (r->kube_policy)
		line(l, "policies", kube_policy_in_force(r->kube_policy),
			"no policy is in force, so nothing is let through; `pgveil status` says why");
}

static bool look_ready(const struct report *r, struct lines *l)
{
	look_alive(r, l);
	look_captured(r, l);
	look_recorded(r, l);
	look_heard(r, l);
	return !l->failed;
}

bool health_ready(const struct report *r, char *text, size_t cap)
{
	struct lines l = {.p = text, .cap = cap};

	return look_ready(r, &l);
}

bool health_each(const struct report *r, void (*fn)(void *arg, const char *name, bool ok), void *arg)
{
	struct lines l = {.fn = fn, .arg = arg};

	return look_ready(r, &l);
}

struct watchdog {
	struct event *timer;
	const struct report *report;
	void (*say)(const char *text);
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct watchdog *w = arg;
	char text[512];

	(void)fd;
	(void)what;
	if (health_alive(w->report, text, sizeof(text)))
		w->say("WATCHDOG=1");
}

/* Microseconds that systemd wants to hear something in; 0: it does not, or from somebody else. A successor
 * has its predecessor's environment. */
static uint64_t asked_us(bool succeeds)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	unsigned long long n;

	if (!us || (pid && !succeeds && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	errno = 0;
	n = strtoull(us, &end, 10);
	return errno || *end || us == end ? 0 : n;
}

int watchdog_open(struct watchdog **out, struct event_base *base, const struct report *r,
	void (*say)(const char *text), bool succeeds)
{
	uint64_t every_us = asked_us(succeeds) / 2;
	struct timeval period = {(time_t)(every_us / S_US), (suseconds_t)(every_us % S_US)};
	struct watchdog *w;

	*out = NULL;
	if (!every_us)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct watchdog){.report = r, .say = say};
	w->timer = event_new(base, -1, EV_PERSIST, on_timer, w);
	if (!w->timer || event_add(w->timer, &period)) {
		watchdog_close(w);
		return -ENOMEM;
	}
	on_timer(-1, 0, w);
	*out = w;
	return 0;
}

void watchdog_close(struct watchdog *w)
{
	if (!w)
		return;
	if (w->timer)
		event_free(w->timer);
	free(w);
}
