/* SPDX-License-Identifier: MIT */
/* Where a feed dials from matters: an application with power over its own network namespace could put a
 * server of its choice behind the database's address there, and a catalogue from that server must not be
 * another session's truth.
 *
 *   UNDECIDED ── from the daemon's namespace it works ──► OWN
 *        └──────── it does not ──► NETNS, or LOST
 *
 * OWN: shared by the sessions of all namespaces; a later failure is a failure, not a reason to go elsewhere.
 * NETNS: through the session's namespace, for sessions of that one only. LOST: sessions of several
 * namespaces wait here; newcomers get a feed of their own.
 *
 * A loopback or link-local address is another server in every namespace: NETNS from the start. */
#include "ctl/feeding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/unix_address.h"
#include "ctl/clock.h"
#include "ctl/credential.h"
#include "ctl/pgclient.h"
#include "net/tls.h"
#include "net/worker.h"

#define IDLE_MS      60000 /* a catalogue that nobody uses is kept up for so long */
#define OWN_TRY_MS   3000
#define CONNECT_MS   10000
#define BACKOFF_MS   200
#define BACKOFF_MAX  5000
#define POLL_MIN_MS  100
#define ON_DEMAND_MS 2000 /* max_age 0: sessions ask for every statement */

/* A socket from where the route says, connected. */
static int dial(struct feed *f, enum route route, struct err *e)
{
	int family = f->to.ss_family, r;
	int fd = route == ROUTE_NETNS ? workers_socket(f->all->workers, f->netns_cookie, family)
				      : socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
						family == AF_UNIX ? 0 : IPPROTO_TCP);

	if (fd == -1)
		fd = -errno;
	if (fd < 0)
		return err_sql(e, fd, "08006", "no socket to the database server: %s", strerror(-fd));
	pthread_mutex_lock(&f->all->lock);
	f->fd = fd;
	if (f->all->stop)
		shutdown(fd, SHUT_RDWR);
	pthread_mutex_unlock(&f->all->lock);
	r = pgclient_dial(fd, (const struct sockaddr *)&f->to,
		clock_ms() + (route == ROUTE_UNDECIDED ? OWN_TRY_MS : CONNECT_MS), e);
	if (!r && family == AF_UNIX)
		r = unix_address_check_peer(fd, f->database.peer_uid, e);
	return r;
}

static void hang_up(struct feed *f)
{
	int fd;

	pgclient_close(f->client);
	f->client = NULL;
	catalog_unref(f->catalog);
	f->catalog = NULL;
	pthread_mutex_lock(&f->all->lock);
	fd = f->fd;
	f->fd = -1;
	pthread_mutex_unlock(&f->all->lock);
	if (fd >= 0)
		close(fd);
}

static enum route route_of(struct feed *f)
{
	enum route route;

	pthread_mutex_lock(&f->all->lock);
	route = f->route;
	pthread_mutex_unlock(&f->all->lock);
	return route;
}

/* After the first try from the daemon's own namespace. */
static enum route decide(struct feed *f, bool reached)
{
	enum route route;

	pthread_mutex_lock(&f->all->lock);
	route = f->route = reached ? ROUTE_OWN : f->mixed ? ROUTE_LOST : ROUTE_NETNS;
	pthread_mutex_unlock(&f->all->lock);
	return route;
}

static int reach(struct feed *f, struct err *e)
{
	enum route route = route_of(f);
	int r = dial(f, route, e);

	if (route == ROUTE_UNDECIDED) {
		route = decide(f, r == 0);
		if (route == ROUTE_NETNS) {
			hang_up(f);
			r = dial(f, route, e);
		}
	}
	return r;
}

static int need_tls(struct feed *f, struct err *e)
{
	const struct tls_config cfg = {
		.verify_full = f->database.tls == TLS_VERIFY_FULL,
		.ca_file = f->database.ca_file,
		.cert_file = f->database.cert_file,
		.key_file = f->database.key_file,
	};

	return f->tls || f->database.tls == TLS_DISABLE ? 0 : tls_context_new(&f->tls, &cfg, e);
}

static int learn_facts(struct feed *f, struct err *e)
{
	struct server_facts facts;
	int r = snapshot_facts(f->client, &facts, e);

	if (r)
		return r;
	pthread_mutex_lock(&f->all->lock);
	f->facts = facts;
	pthread_mutex_unlock(&f->all->lock);
	return 0;
}

static int log_in(struct feed *f, struct err *e)
{
	struct pgclient_config cfg = {
		.user = f->database.user,
		.database = f->dbname,
		.application = "pgveil catalogue",
		.host = f->host,
		.allow_cleartext = f->database.tls == TLS_VERIFY_FULL || f->database.insecure_auth ||
				   f->to.ss_family == AF_UNIX,
	};
	char password[1024];
	bool has = false;
	int r = need_tls(f, e);

	if (!r)
		r = reach(f, e);
	if (!r)
		r = credential_password(&f->database, password, sizeof(password), &has, e);
	if (!r) {
		cfg.tls = f->tls;
		cfg.password = has ? password : NULL;
		r = pgclient_open(&f->client, f->fd, &cfg, clock_ms() + CONNECT_MS, e);
	}
	mem_wipe(password, sizeof(password));
	if (!r)
		r = snapshot_prepare(f->client, e);
	return r ? r : learn_facts(f, e);
}

static int load(struct feed *f, struct err *e)
{
	const struct snapshot_roles roles = {f->roles, f->nroles};
	struct catalog *c = NULL;
	uint64_t as_of_ms;
	int r = snapshot_load(f->client, &roles, &c, f->fingerprint, &as_of_ms, e);

	if (r)
		return r;
	f->catalog_roles_version = f->roles_version;
	catalog_unref(f->catalog);
	f->catalog = c;
	slot_put(f->slot, catalog_ref(c), as_of_ms);
	pthread_mutex_lock(&f->all->lock);
	f->source->loads++;
	pthread_mutex_unlock(&f->all->lock);
	log_with(LOG_INFO, "catalog.loaded",
		LOG_FIELDS(LOG_TEXT("database", f->database.name), LOG_TEXT("address", f->address),
			LOG_TEXT("dbname", f->dbname), LOG_NUMBER("version", catalog_version(c))),
		"the catalogue was read");
	return 0;
}

static bool stops(struct feeds *fs)
{
	bool stop;

	pthread_mutex_lock(&fs->lock);
	stop = fs->stop;
	pthread_mutex_unlock(&fs->lock);
	return stop;
}

static bool cut_off(int r, const struct err *e)
{
	return r == -ECONNRESET || r == -EPIPE || (r && !strcmp(e->sqlstate, "57P01"));
}

static int begin_anew(struct feed *f, struct err *e)
{
	int r;

	hang_up(f);
	r = log_in(f, e);
	if (!r)
		r = load(f, e);
	return r;
}

/* Over an existing connection, where it is still there, then over a new one; over another, where that was
 * lost on the way. A database that ends connections, its own administrator's doing or a fail-over, is not one
 * that cannot be read, and statements wait for the answer. */
static int refresh(struct feed *f, struct err *e)
{
	char now[FINGERPRINT_MAX];
	uint64_t as_of_ms = clock_ms();
	struct snapshot_roles roles = {f->roles};
	int r = -ENOTCONN;

	roles.n = f->nroles = slot_roles(f->slot, f->roles, &f->roles_version);
	if (f->client && f->catalog) {
		r = snapshot_fingerprint(f->client, &roles, now, e);
		if (!r && strcmp(now, f->fingerprint) == 0 && f->roles_version == f->catalog_roles_version) {
			slot_put(f->slot, catalog_ref(f->catalog), as_of_ms);
			return 0;
		}
		if (!r)
			r = load(f, e);
	}
	if (r)
		r = begin_anew(f, e);
	if (cut_off(r, e) && !stops(f->all))
		r = begin_anew(f, e);
	if (r)
		hang_up(f);
	return r;
}

/* Sleeps for a time that only feeds_stop cuts short. */
static void back_off(struct feeds *fs, uint64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&fs->lock);
	while (!fs->stop && pthread_cond_timedwait(&fs->changed, &fs->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&fs->lock);
}

/* Whether the thread is of no more use; then it no longer counts as running. */
static bool is_over(struct feed *f, bool *idle)
{
	struct feeds *fs = f->all;
	bool over;

	pthread_mutex_lock(&fs->lock);
	*idle = f->sessions == 0;
	over = fs->stop || (*idle && (!f->loaded || clock_ms() - f->idle_since_ms >= IDLE_MS));
	pthread_mutex_unlock(&fs->lock);
	return over;
}

/* The last thing a thread does; false: somebody came meanwhile, go on. */
static bool leave(struct feed *f)
{
	struct feeds *fs = f->all;
	bool gone;

	hang_up(f);
	pthread_mutex_lock(&fs->lock);
	gone = fs->stop || f->sessions == 0;
	if (gone) {
		f->running = false;
		fs->running--;
		pthread_cond_broadcast(&fs->changed);
	}
	pthread_mutex_unlock(&fs->lock);
	return gone;
}

/* A name that no server ever knew is a client's word only, and so is what a server says of it. */
static void tell_failure(struct feed *f, const struct err *e)
{
	bool known;

	pthread_mutex_lock(&f->all->lock);
	known = f->loaded;
	f->source->failures++;
	pthread_mutex_unlock(&f->all->lock);
	log_with(LOG_WARN, "catalog.failed",
		LOG_FIELDS(LOG_TEXT("database", f->database.name), LOG_TEXT("address", f->address),
			LOG_TEXT("dbname", known ? f->dbname : ""), LOG_TEXT("sqlstate", e->sqlstate)),
		"%.*s", known ? (int)sizeof(e->msg) : (int)strcspn(e->msg, "\"\xc2\xe2"), e->msg);
}

static void *feed_main(void *arg)
{
	struct feed *f = arg;
	struct feeds *fs = f->all;
	uint64_t pause = BACKOFF_MS,
		 poll_ms = fs->max_age_ms / 2 < POLL_MIN_MS ? POLL_MIN_MS : fs->max_age_ms / 2;
	bool idle;

	if (!fs->max_age_ms)
		poll_ms = ON_DEMAND_MS;
	do {
		while (!is_over(f, &idle)) {
			struct err e = {0};

			if (refresh(f, &e)) {
				tell_failure(f, &e);
				slot_fail(f->slot, &e, clock_ms());
				workers_poke(fs->workers);
				back_off(fs, pause);
				pause = pause * 2 > BACKOFF_MAX ? BACKOFF_MAX : pause * 2;
				continue;
			}
			pause = BACKOFF_MS;
			pthread_mutex_lock(&fs->lock);
			f->loaded = true;
			pthread_mutex_unlock(&fs->lock);
			workers_poke(fs->workers);
			slot_wait(f->slot, idle ? IDLE_MS : poll_ms);
		}
	} while (!leave(f));
	return NULL;
}

int feed_start(struct feed *f, struct err *e)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)16 << 20); /* views are parsed here */
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, feed_main, f);
	pthread_attr_destroy(&attr);
	if (r)
		return err_sql(e, -r, "53000", "catalogue thread: %s", strerror(r));
	f->running = true;
	f->all->running++;
	return 0;
}
