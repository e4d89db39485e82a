/* SPDX-License-Identifier: MIT */
#include "ctl/audit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "base/unix_address.h"
#include "ctl/census.h"
#include "ctl/clock.h"
#include "ctl/sentinel.h"
#include "ctl/stray.h"
#include "kern/cgroup.h"
#include "kern/loader.h"
#include "kern/unix_diag.h"
#include "net/worker.h"

#define GAP_MS       50 /* between rounds, however many enrolments there are */
#define RETRY_MS     1000
#define RETRY_MAX_MS 30000
#define TOLD_A_ROUND 20
#define TOLD_MAX     4096
#define DOOMED_MAX   256
#define SOCKETS_MAX  65536 /* of a namespace, looked through for them */

struct subject {
	struct subject *next;
	uint64_t id, netns_cookie;
	enum audit_verdict verdict;
	uint64_t due_ms, wait_ms; /* of the next look from inside, while it is not ready */
	unsigned number;          /* another one for each audit_add */
	char why[AUDIT_WHY];
	char path[];
};

/* A stray that stays and was told of. */
struct told {
	uint64_t cookie;
	uint16_t local_port, remote_port; /* a socket may be used again */
	bool seen;
};

struct audit {
	struct audit_config cfg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
	struct subject *subjects;
	unsigned numbers;
	uint64_t doomed[DOOMED_MAX]; /* cookies of sockets to end in the next round */
	unsigned ndoomed;
	struct audit_stats stats;
	uint64_t round_ms; /* end of the last round */
	/* Below: the thread's own. */
	struct stray_limits limits;
	struct told told[TOLD_MAX];
	unsigned ntold;
	bool was_cut;
};

/* ---- what a round finds ---- */

static bool told_before(struct audit *a, const struct diag_socket *s)
{
	for (unsigned i = 0; i < a->ntold; i++) {
		struct told *t = &a->told[i];

		if (t->cookie == s->cookie && t->local_port == s->four.local_port &&
			t->remote_port == s->four.remote_port) {
			t->seen = true;
			return true;
		}
	}
	if (a->ntold < TOLD_MAX)
		a->told[a->ntold++] = (struct told){s->cookie, s->four.local_port, s->four.remote_port, true};
	return false;
}

/* What was not seen again is gone. */
static void told_end(struct audit *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->ntold; i++) {
		if (a->told[i].seen)
			a->told[n] = a->told[i], a->told[n++].seen = false;
	}
	a->ntold = n;
}

static const char *stray_word(enum stray_kind kind)
{
	switch (kind) {
	case STRAY_OWN: return "own";
	case STRAY_CARRIED: return "carried";
	case STRAY_FOREIGN: return "foreign";
	case STRAY_UNIX: return "unix";
	}
	return "?";
}

static void tell(const struct audit *a, enum log_level level, const char *event, const struct stray *x,
	const char *what)
{
	const uint8_t *ip = x->socket.four.remote_ip;
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)ip);
	char address[UNIX_PATH_CAP] = "", path[PATH_MAX];
	struct sockaddr_storage name;

	if (cgroup_path(a->cfg.mount, a->cfg.root, x->socket.cgroup_id, path, sizeof(path), NULL))
		path[0] = '\0';
	if (x->kind == STRAY_UNIX) {
		if (cgroup_of_pid(x->holder, path, sizeof(path), NULL))
			path[0] = '\0';
		unix_address_dialled(&name, x->name.bytes, x->name.len);
		unix_address_text((struct sockaddr *)&name, address);
	} else {
		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, address, sizeof(address));
	}
	log_with(level, event,
		LOG_FIELDS(LOG_TEXT("reason", stray_word(x->kind)), LOG_TEXT("cgroup", path),
			LOG_NUMBER("cgroup_id", x->socket.cgroup_id), LOG_NUMBER("uid", x->socket.uid),
			LOG_NUMBER("tgid", (uint64_t)x->holder), LOG_TEXT("address", address),
			LOG_NUMBER("port", x->socket.four.remote_port)),
		"%s", what);
}

/* One stray; how many lines it cost the log. */
static unsigned deal_with(
	struct audit *a, const struct census *c, const struct stray *x, struct audit_stats *add, bool quiet)
{
	int diag_fd = c->spaces[x->space].diag_fd, r;
	struct diag_socket now;
	struct err e = {0};

	if (x->kind == STRAY_FOREIGN) {
		r = diag_find(diag_fd, &x->socket.four, x->socket.interface, &now);
		if (r || now.cookie != x->socket.cookie || told_before(a, &x->socket))
			return 0;
		add->foreign++;
		if (!quiet)
			tell(a, LOG_WARN, "stray.foreign", x,
				"somebody beside an enrolled process is connected to a database");
		return 1;
	}
	r = x->kind == STRAY_UNIX ? unix_diag_shut(x->holder, x->holder_fd, (uint32_t)x->socket.inode, &e)
				  : diag_destroy(diag_fd, &x->socket, &e);
	if (r == -ENOENT || r == -ESTALE || r == -ESRCH)
		return 0; /* gone by itself */
	if (r && told_before(a, &x->socket))
		return 0;
	add->ended += !r;
	add->not_ended += r != 0;
	if (!quiet)
		tell(a, r ? LOG_ERROR : LOG_WARN, r ? "stray.stays" : "stray.ended", x,
			r ? e.msg
			  : "a connection to a database that did not come through the engine was ended");
	return 1;
}

static void add_stats(struct audit *a, const struct audit_stats *add)
{
	pthread_mutex_lock(&a->lock);
	a->stats.rounds++;
	a->stats.cut += add->cut;
	a->stats.ended += add->ended;
	a->stats.not_ended += add->not_ended;
	a->stats.foreign += add->foreign;
	a->round_ms = clock_ms();
	pthread_mutex_unlock(&a->lock);
}

/* Namespaces that are listened in and that nobody may live in yet. */
static void add_listened(struct audit *a, struct census *c)
{
	uint64_t cookies[256];
	unsigned n = 0;

	pthread_mutex_lock(&a->lock);
	for (struct subject *s = a->subjects; s; s = s->next) {
		bool known = false;

		for (unsigned i = 0; i < n && !known; i++)
			known = cookies[i] == s->netns_cookie;
		if (!known && n < ARRAY_LEN(cookies))
			cookies[n++] = s->netns_cookie;
		else if (!known)
			c->cut = true;
	}
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < n; i++) {
		int fd = workers_netns_again(a->cfg.workers, cookies[i]);

		if (fd < 0)
			continue;
		census_netns(c, fd, true);
		close(fd);
	}
}

struct doom {
	const uint64_t *cookies;
	unsigned n, nfound;
	struct diag_socket found[DOOMED_MAX];
};

static void note_doomed(void *arg, const struct diag_socket *s)
{
	struct doom *d = arg;

	for (unsigned i = 0; i < d->n && d->nfound < ARRAY_LEN(d->found); i++) {
		if (d->cookies[i] == s->cookie)
			d->found[d->nfound++] = *s;
	}
}

/* What the guard drops was told of when it began; that it is ended is no news. */
static void end_doomed(struct audit *a, const struct census *c)
{
	uint64_t cookies[DOOMED_MAX];
	struct doom *d = calloc(1, sizeof(*d));

	pthread_mutex_lock(&a->lock);
	memcpy(cookies, a->doomed, sizeof(cookies));
	if (d)
		d->n = a->ndoomed;
	a->ndoomed = 0;
	pthread_mutex_unlock(&a->lock);
	if (!d)
		return;
	d->cookies = cookies;
	for (unsigned i = 0; d->n && i < c->nspaces; i++) {
		int r = 0;

		d->nfound = 0;
		if (diag_each(c->spaces[i].diag_fd, SOCKETS_MAX, note_doomed, d, NULL))
			continue; /* they wait until TCP gives up */
		for (unsigned j = 0; j < d->nfound && (!r || r == -ENOENT); j++)
			r = diag_destroy(c->spaces[i].diag_fd, &d->found[j], NULL);
	}
	free(d);
}

static void round_of(struct audit *a)
{
	struct audit_stats add = {0};
	struct strays st;
	struct census c;
	struct err e = {0};
	unsigned told = 0;
	uint64_t unsaid = 0;

	if (census_take(&c, a->cfg.workers, a->cfg.kern, a->cfg.root, CGROUP_UNKNOWN, &e))
		c.cut = true; /* guard tells of a root that is gone */
	add_listened(a, &c);
	census_elsewhere(&c);
	strays_find(&st, &c, a->cfg.kern, &a->limits);
	for (unsigned i = 0; i < st.n; i++) {
		unsigned n = deal_with(a, &c, &st.all[i], &add, told >= TOLD_A_ROUND);

		unsaid += told >= TOLD_A_ROUND ? n : 0;
		told += n;
	}
	told_end(a);
	add.cut = st.cut;
	if (unsaid)
		log_with(LOG_WARN, "stray.more", LOG_FIELDS(LOG_NUMBER("suppressed", unsaid)),
			"more connections past the engine than are told one by one");
	if (st.cut && !a->was_cut)
		log_event(LOG_WARN, "audit.cut", "not everything could be looked at%s%s",
			e.msg[0] ? ": " : "", e.msg);
	a->was_cut = st.cut;
	strays_fini(&st);
	end_doomed(a, &c);
	census_fini(&c);
	add_stats(a, &add);
}

/* ---- a look from inside ---- */

static void on_port(void *arg, uint16_t port)
{
	*(uint16_t *)arg = port;
}

static int look_inside(const struct audit *a, const char *path, uint64_t netns_cookie, struct err *e)
{
	char dir[PATH_MAX];
	uint16_t port = 0;
	int fd, r;

	kern_each_port(a->cfg.kern, on_port, &port);
	if (!port)
		return err_set(e, -ENOENT, "no port is captured");
	fd = workers_netns_again(a->cfg.workers, netns_cookie);
	if (fd < 0)
		return err_set(e, fd, "its network namespace is not listened in");
	snprintf(dir, sizeof(dir), "%s%s", a->cfg.mount, path);
	r = sentinel_check(a->cfg.kern, dir, fd, port, e);
	close(fd);
	/* A pod that has ended meanwhile; its enrolment ends in a moment. */
	return r && access(dir, F_OK) < 0 && errno == ENOENT ? -ESTALE : r;
}

/* The subject, if it still is what it was. Under the lock. */
static struct subject *subject_of(const struct audit *a, uint64_t id, unsigned number)
{
	struct subject *s = a->subjects;

	while (s && (s->id != id || s->number != number))
		s = s->next;
	return s;
}

static void judge(struct audit *a, uint64_t id, unsigned number, int r, const struct err *e)
{
	struct subject *s;
	char path[PATH_MAX];
	bool news = false;

	pthread_mutex_lock(&a->lock);
	s = subject_of(a, id, number);
	if (s) {
		snprintf(path, sizeof(path), "%s", s->path);
		s->verdict = r ? AUDIT_UNREADY : AUDIT_READY;
		news = !r || (r != -ESTALE && strncmp(s->why, e->msg, sizeof(s->why) - 1) != 0);
		snprintf(s->why, sizeof(s->why), "%s", r ? e->msg : "");
		s->wait_ms = s->wait_ms * 2 < RETRY_MAX_MS ? s->wait_ms * 2 : RETRY_MAX_MS;
		s->due_ms = clock_ms() + s->wait_ms;
		a->stats.ready += !r;
		a->stats.unready += r && r != -ESTALE;
	}
	pthread_mutex_unlock(&a->lock);
	if (!news)
		return;
	if (r)
		log_with(LOG_WARN, "cgroup.unready", LOG_FIELDS(LOG_TEXT("cgroup", path)), "%s", e->msg);
	else
		log_with(LOG_INFO, "cgroup.ready", LOG_FIELDS(LOG_TEXT("cgroup", path)),
			"a connect from inside reaches the engine");
}

/* Looks at every subject that was there before number and is due. */
static void look_inside_all(struct audit *a, unsigned number)
{
	uint64_t now = clock_ms();

	for (;;) {
		struct subject *s;
		char path[PATH_MAX];
		uint64_t id, cookie;
		unsigned mine;
		struct err e = {0};

		/* Who keeps us waiting does not keep us from the next round. */
		if (a->cfg.period_ms && clock_ms() > now + a->cfg.period_ms)
			return;
		pthread_mutex_lock(&a->lock);
		for (s = a->subjects; s; s = s->next) {
			if (s->verdict != AUDIT_READY && s->due_ms <= now && s->number <= number)
				break;
		}
		if (!s || a->stop) {
			pthread_mutex_unlock(&a->lock);
			return;
		}
		snprintf(path, sizeof(path), "%s", s->path);
		id = s->id;
		cookie = s->netns_cookie;
		mine = s->number;
		s->due_ms = UINT64_MAX; /* until it is judged */
		pthread_mutex_unlock(&a->lock);
		judge(a, id, mine, look_inside(a, path, cookie, &e), &e);
	}
}

/* ---- the thread ---- */

/* When there is something to do next; under the lock. */
static uint64_t next_ms(const struct audit *a, uint64_t last)
{
	uint64_t next = a->cfg.period_ms ? last + a->cfg.period_ms : UINT64_MAX;

	if (a->ndoomed && last + RETRY_MS < next)
		next = last + RETRY_MS;
	for (const struct subject *s = a->subjects; s; s = s->next) {
		if (s->verdict != AUDIT_READY && s->due_ms < next)
			next = s->due_ms;
	}
	return next < last + GAP_MS ? last + GAP_MS : next;
}

/* Under the lock, which it lets go meanwhile. */
static void wait_until(struct audit *a, uint64_t until_ms)
{
	struct timespec ts = {
		.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};

	if (until_ms == UINT64_MAX)
		pthread_cond_wait(&a->changed, &a->lock);
	else
		pthread_cond_timedwait(&a->changed, &a->lock, &ts);
}

static void *run(void *arg)
{
	struct audit *a = arg;
	uint64_t last = 0;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		uint64_t next = next_ms(a, last);
		unsigned number = a->numbers;

		if (clock_ms() < next) {
			wait_until(a, next);
			continue;
		}
		pthread_mutex_unlock(&a->lock);
		round_of(a);
		look_inside_all(a, number);
		last = clock_ms();
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* Asks for the end of a socket that there is not: whoever can answers that there is none. */
static bool can_end(int diag_fd)
{
	const struct diag_socket none = {.four.local_port = 1, .four.remote_port = 1};

	return diag_fd >= 0 && diag_destroy(diag_fd, &none, NULL) != -EOPNOTSUPP;
}

/* Where this process lives itself. */
static void find_home(struct audit *a)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	socklen_t len = sizeof(a->limits.home_cookie);
	char path[PATH_MAX], dir[2 * PATH_MAX];

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &a->limits.home_cookie, &len) < 0)
		a->limits.home_cookie = 0;
	if (!cgroup_of_pid(getpid(), path, sizeof(path), NULL)) {
		snprintf(dir, sizeof(dir), "%s%s", a->cfg.mount, path);
		if (cgroup_id(dir, &a->limits.own_cgroup, NULL))
			a->limits.own_cgroup = 0;
	}
	a->stats.can_end = can_end(fd);
	if (!a->stats.can_end)
		log_event(LOG_WARN, "audit.blunt",
			"the kernel cannot end connections (built without CONFIG_INET_DIAG_DESTROY): those "
			"that "
			"are older than an enrolment are told of and stay until they are closed");
	if (fd >= 0)
		close(fd);
}

int audit_start(struct audit **out, const struct audit_config *cfg, struct err *e)
{
	struct audit *a = calloc(1, sizeof(*a));
	pthread_condattr_t attr;
	sigset_t all, before;
	int r;

	if (!a)
		return err_set(e, -ENOMEM, "out of memory");
	a->cfg = *cfg;
	find_home(a);
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->changed, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r) {
		free(a);
		return err_set(e, r, "cannot start the audit thread: %s", strerror(-r));
	}
	pthread_setname_np(a->thread, "audit");
	*out = a;
	return 0;
}

void audit_stop(struct audit *a)
{
	struct subject *next;

	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	for (struct subject *s = a->subjects; s; s = next) {
		next = s->next;
		free(s);
	}
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void audit_end(struct audit *a, uint64_t socket_cookie)
{
	pthread_mutex_lock(&a->lock);
	if (a->ndoomed < DOOMED_MAX)
		a->doomed[a->ndoomed++] = socket_cookie;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

int audit_add(struct audit *a, uint64_t cgroup_id_, const char *path, uint64_t netns_cookie)
{
	size_t n = strlen(path) + 1;
	struct subject *s = calloc(1, sizeof(*s) + n);

	if (!s)
		return -ENOMEM;
	s->id = cgroup_id_;
	s->netns_cookie = netns_cookie;
	s->wait_ms = RETRY_MS / 2;
	memcpy(s->path, path, n);
	audit_forget(a, cgroup_id_);
	pthread_mutex_lock(&a->lock);
	s->number = ++a->numbers;
	s->next = a->subjects;
	a->subjects = s;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	return 0;
}

void audit_forget(struct audit *a, uint64_t cgroup_id_)
{
	struct subject **p, *s;

	pthread_mutex_lock(&a->lock);
	for (p = &a->subjects; *p && (*p)->id != cgroup_id_; p = &(*p)->next)
		;
	s = *p;
	if (s)
		*p = s->next;
	pthread_mutex_unlock(&a->lock);
	free(s);
}

enum audit_verdict audit_verdict(struct audit *a, uint64_t cgroup_id_, char why[AUDIT_WHY])
{
	enum audit_verdict verdict = AUDIT_WAITING;

	why[0] = '\0';
	pthread_mutex_lock(&a->lock);
	for (const struct subject *s = a->subjects; s; s = s->next) {
		if (s->id != cgroup_id_)
			continue;
		verdict = s->verdict;
		memcpy(why, s->why, AUDIT_WHY);
	}
	pthread_mutex_unlock(&a->lock);
	return verdict;
}

void audit_stats(struct audit *a, struct audit_stats *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->stats;
	out->age_ms = a->round_ms ? clock_ms() - a->round_ms : 0;
	pthread_mutex_unlock(&a->lock);
}
