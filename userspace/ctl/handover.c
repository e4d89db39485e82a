/* SPDX-License-Identifier: MIT */
#include "ctl/handover.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/estate.h"
#include "ctl/overlap.h"
#include "ctl/parcel.h"
#include "ctl/peer.h"
#include "net/worker.h"
#include "policy/budget.h"
#include "policy/caller.h"
#include "policy/tenure.h"

#define LOOK_MS 50

/* IDLE ──hello──► WELCOMED ──take──► WAITING (for who redefines) ──► OVER; from each of them back to IDLE. */
enum stage { STAGE_IDLE = 0, STAGE_WELCOMED, STAGE_WAITING, STAGE_OVER };

struct handover {
	struct handover_config cfg;
	enum stage stage;
	int listen_fd, peer_fd;
	pid_t peer;
	uint64_t deadline_ms;
	bool told; /* those who redefine, that they shall go */
	struct event *asked, *said, *timer;
};

static void tick(struct handover *h)
{
	const struct timeval in = {0, LOOK_MS * 1000};

	evtimer_add(h->timer, &in);
}

/* The successor is gone, or must not be. All goes on as if it had not come. */
static void forget(struct handover *h)
{
	if (h->said)
		event_free(h->said);
	h->said = NULL;
	if (h->peer_fd >= 0)
		close(h->peer_fd);
	h->peer_fd = -1;
	if (h->stage != STAGE_OVER)
		evtimer_del(h->timer);
	if (h->stage == STAGE_WELCOMED || h->stage == STAGE_WAITING) {
		atomic_store(h->cfg.tenure, TENURE_SOLE);
		log_event(LOG_WARN, "handover.failed",
			"the daemon that came to take over has not: all goes on");
	}
	if (h->stage != STAGE_OVER)
		h->stage = STAGE_IDLE;
}

static void refuse(struct handover *h, const struct err *why)
{
	struct err e = {0};

	log_event(LOG_WARN, "handover.refused", "%s", why->msg);
	if (parcel_send(
		    h->peer_fd, json_pack("{s:s, s:s}", "is", "refused", "reason", why->msg), NULL, 0, &e))
		log_event(LOG_WARN, "handover.failed", "%s", e.msg);
	forget(h);
}

static void welcome(struct handover *h, const struct parcel *p)
{
	json_int_t speaks = json_integer_value(json_object_get(p->says, "protocol"));
	struct err e = {0};
	int r = 0;

	if (speaks != HANDOVER_PROTOCOL)
		r = err_set(&e, -EPROTO,
			"it speaks version %lld of the hand-over, this one %d: stop this one first",
			(long long)speaks, HANDOVER_PROTOCOL);
	else if (atomic_load(h->cfg.tenure) != TENURE_SOLE)
		r = err_set(&e, -EBUSY,
			"the daemon before this one still has sessions: try again when it has ended");
	if (!r)
		r = parcel_send(h->peer_fd, json_pack("{s:s, s:i}", "is", "welcome", "pid", (int)getpid()),
			&h->cfg.lock_fd, 1, &e);
	if (r) {
		refuse(h, &e);
		return;
	}
	atomic_store(h->cfg.tenure, TENURE_SHARED);
	h->stage = STAGE_WELCOMED;
	h->deadline_ms = clock_ms() + 4 * HANDOVER_ANSWER_MS;
	tick(h);
	log_with(LOG_INFO, "handover.begin", LOG_FIELDS(LOG_NUMBER("pid", (uint64_t)h->peer)),
		"another pgveild comes to take over");
}

/* ---- what is given ---- */

struct gift {
	int fd;
	unsigned n;
	int r;
	struct err *e;
};

static void count_one(void *arg, const struct listening_fds *l)
{
	struct gift *g = arg;

	(void)l;
	g->n++;
}

static void give_one(void *arg, const struct listening_fds *l)
{
	struct gift *g = arg;

	if (!g->r)
		g->r = parcel_send(g->fd,
			json_pack(
				"{s:s, s:I}", "is", "listener", "netns_cookie", (json_int_t)l->netns_cookie),
			l->fd, l->n, g->e);
}

static int give_estate(struct handover *h, unsigned listeners, struct err *e)
{
	json_t *doc = estate_give(h->cfg.budget, h->cfg.recall, h->cfg.enrol), *names;
	int bulk = bulk_write(doc, e), r;
	int fds[PARCEL_FDS] = {bulk, h->listen_fd, h->cfg.admin_fd};
	unsigned n = 3;

	json_decref(doc);
	if (bulk < 0)
		return bulk;
	names = json_pack("[s,s,s]", "memory", "handover", "admin");
	if (h->cfg.scrape_fd >= 0) {
		fds[n++] = h->cfg.scrape_fd;
		json_array_append_new(names, json_string("metrics"));
	}
	r = parcel_send(h->peer_fd,
		json_pack("{s:s, s:i, s:o}", "is", "estate", "listeners", (int)listeners, "fds", names), fds,
		n, e);
	close(bulk);
	return r;
}

static int give_all(struct handover *h, struct err *e)
{
	struct gift g = {.fd = h->peer_fd, .e = e};
	int r;

	workers_each_listening(h->cfg.workers, count_one, &g);
	r = give_estate(h, g.n, e);
	if (!r) {
		workers_each_listening(h->cfg.workers, give_one, &g);
		r = g.r;
	}
	return r;
}

/* Whether the successor says that it is ready. What it sends after our end is shut it cannot send at all, so
 * there is no moment at which it takes over and we do not know. */
static int hear_ready(struct handover *h, struct err *e)
{
	struct parcel p = {0};
	int r = parcel_receive(h->peer_fd, clock_ms() + HANDOVER_ANSWER_MS, &p, e);

	if (r == -ETIMEDOUT) {
		shutdown(h->peer_fd, SHUT_RDWR);
		r = parcel_receive(h->peer_fd, 0, &p, e);
	}
	if (!r && !parcel_is(&p, "ready"))
		r = err_set(e, -EBADMSG, "it does not say that it is ready");
	parcel_fini(&p);
	return r;
}

/* Everything stands still until this returns: nobody is enrolled or let in, nothing is spent. */
static void give(struct handover *h)
{
	struct err e = {0};
	int r = workers_pause(h->cfg.workers, &e);

	atomic_store(h->cfg.tenure, TENURE_OVER);
	if (!r)
		r = overlap_hold(h->cfg.overlap, &e);
	if (!r)
		r = give_all(h, &e);
	if (!r)
		r = hear_ready(h, &e);
	if (!r) {
		h->stage = STAGE_OVER;
		log_with(LOG_INFO, "handover.done", LOG_FIELDS(LOG_NUMBER("pid", (uint64_t)h->peer)),
			"another pgveild has taken over; sessions are ended as they come to rest");
		event_del(h->asked);
		h->cfg.over(h->cfg.arg, h->peer);
		tick(h);
		return;
	}
	log_event(LOG_ERROR, "handover.failed", "%s", e.msg);
	overlap_release(h->cfg.overlap);
	budget_take_back(h->cfg.budget);
	h->cfg.failed(h->cfg.arg);
	forget(h);
	workers_accept(h->cfg.workers);
}

/* A session that redefines something would do so behind the back of the successor's gates: it may end its
 * transaction, and if it does not it is ended. */
static void look(struct handover *h)
{
	uint64_t now = clock_ms();
	unsigned n = workers_redefining(h->cfg.workers, h->told);
	struct err e = {0};

	if (!n) {
		give(h);
		return;
	}
	if (now >= h->deadline_ms && h->told) {
		err_set(&e, -EBUSY, "%u sessions redefine relations and do not end", n);
		refuse(h, &e);
		return;
	}
	if (now >= h->deadline_ms) {
		h->told = true;
		h->deadline_ms = now + HANDOVER_ANSWER_MS;
	}
	tick(h);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct handover *h = arg;

	(void)fd;
	(void)what;
	if (h->stage == STAGE_WAITING)
		look(h);
	else if (h->stage == STAGE_OVER ? !h->cfg.drained(h->cfg.arg) : clock_ms() < h->deadline_ms)
		tick(h);
	else if (h->stage != STAGE_OVER)
		forget(h);
}

static void cancel(struct handover *h, const struct parcel *p)
{
	struct caller who = {
		.cgroup_id = (uint64_t)json_integer_value(json_object_get(p->says, "cgroup_id")),
		.netns_cookie = (uint64_t)json_integer_value(json_object_get(p->says, "netns_cookie")),
		.uid = (uint32_t)json_integer_value(json_object_get(p->says, "uid")),
	};
	json_int_t pid = json_integer_value(json_object_get(p->says, "pid"));
	uint32_t secret = (uint32_t)json_integer_value(json_object_get(p->says, "secret"));

	if (pid > 0 && pid <= INT32_MAX)
		workers_cancel(h->cfg.workers, (uint32_t)pid, span_of(&secret, sizeof(secret)), &who);
}

static void on_said(evutil_socket_t fd, short what, void *arg)
{
	struct handover *h = arg;
	struct parcel p = {0};
	struct err e = {0};
	int r = parcel_receive(fd, 0, &p, &e);

	(void)what;
	if (r == -ETIMEDOUT)
		return;
	if (r) {
		forget(h);
	} else if (h->stage == STAGE_IDLE && parcel_is(&p, "hello")) {
		welcome(h, &p);
	} else if (h->stage == STAGE_WELCOMED && parcel_is(&p, "take")) {
		h->stage = STAGE_WAITING;
		h->deadline_ms = clock_ms() + h->cfg.grace_ms;
		h->told = false;
		look(h);
	} else if (h->stage == STAGE_OVER && parcel_is(&p, "cancel")) {
		cancel(h, &p);
	} else {
		err_set(&e, -EBADMSG, "a message that was not expected");
		if (h->stage == STAGE_OVER)
			log_event(LOG_WARN, "handover.failed", "%s", e.msg);
		else
			refuse(h, &e);
	}
	parcel_fini(&p);
}

/* One at a time: somebody else is turned away until this one has gone. */
static void on_asked(evutil_socket_t listen_fd, short what, void *arg)
{
	const struct timeval patience = {HANDOVER_ANSWER_MS / 1000, 0};
	struct handover *h = arg;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct err e = {0};
	pid_t pid;

	(void)what;
	if (fd < 0)
		return;
	if (h->peer_fd >= 0 || peer_check(fd, h->cfg.enrol, &pid, &e)) {
		log_event(LOG_WARN, "handover.refused", "%s",
			e.msg[0] ? e.msg : "another daemon is taking over already");
		close(fd);
		return;
	}
	/* A send may wait for the other end, a receive never without poll. */
	if (fcntl(fd, F_SETFL, 0) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		log_event(LOG_WARN, "handover.failed", "%m");
	h->said = event_new(h->cfg.base, fd, EV_READ | EV_PERSIST, on_said, h);
	if (!h->said || event_add(h->said, NULL)) {
		log_event(LOG_WARN, "handover.failed", "out of memory");
		close(fd);
		return;
	}
	h->peer_fd = fd;
	h->peer = pid;
	/* Whoever says nothing does not keep others out for ever. */
	h->deadline_ms = clock_ms() + HANDOVER_ANSWER_MS;
	tick(h);
}

static int listen_at(const char *dir, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t before;
	int fd, r;

	if ((size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s/" HANDOVER_SOCKET, dir) >=
		sizeof(a.sun_path))
		return err_set(e, -ENAMETOOLONG, "%s: too long for a unix socket", dir);
	/* Whoever has the lock on the pins may: no other daemon is there. */
	if (unlink(a.sun_path) < 0 && errno != ENOENT)
		return err_set(e, -errno, "%s: %m", a.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, -errno, "%s: %m", a.sun_path);
	before = umask(0177);
	r = bind(fd, (const struct sockaddr *)&a, sizeof(a));
	umask(before);
	if (r < 0 || listen(fd, 1) < 0) {
		r = err_set(e, -errno, "%s: %m", a.sun_path);
		close(fd);
		return r;
	}
	return fd;
}

int handover_open(struct handover **out, const struct handover_config *cfg, struct err *e)
{
	struct handover *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(e, -ENOMEM, "out of memory");
	h->cfg = *cfg;
	h->peer_fd = -1;
	h->listen_fd = cfg->socket >= 0 ? cfg->socket : listen_at(cfg->run_dir, e);
	if (h->listen_fd < 0) {
		int r = h->listen_fd;

		free(h);
		return r;
	}
	h->asked = event_new(cfg->base, h->listen_fd, EV_READ | EV_PERSIST, on_asked, h);
	h->timer = evtimer_new(cfg->base, on_timer, h);
	if (!h->asked || !h->timer || event_add(h->asked, NULL)) {
		handover_close(h);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = h;
	return 0;
}

void handover_close(struct handover *h)
{
	if (!h)
		return;
	if (h->asked)
		event_free(h->asked);
	if (h->said)
		event_free(h->said);
	if (h->timer)
		event_free(h->timer);
	if (h->peer_fd >= 0)
		close(h->peer_fd);
	close(h->listen_fd);
	free(h);
}
