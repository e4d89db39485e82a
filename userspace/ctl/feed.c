/* SPDX-License-Identifier: MIT */
/* Where a feed dials from matters: an application with power over its own network namespace could put a
 * server of its choice behind the database's address there, and a catalogue from that server must not be
 * another session's truth.
 *
 *   UNDECIDED ──from the daemon's namespace it works──► OWN: shared by the sessions of all namespaces
 *        │                                              (a later failure is a failure, not a reason to go
 * elsewhere) └──it does not──► NETNS: through the session's namespace, for sessions of that one only LOST:
 * sessions of several namespaces wait here; newcomers get a feed of their own
 *
 * A loopback or link-local address is another server in every namespace: NETNS from the start. */
#include "ctl/feed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/credential.h"
#include "ctl/pgclient.h"
#include "ctl/snapshot.h"
#include "net/tls.h"
#include "net/worker.h"
#include "policy/policy.h"
#include "sql/slot.h"

#define FEEDS_MAX    256
#define IDLE_MS      60000 /* a catalogue that nobody uses is kept up for so long */
#define OWN_TRY_MS   3000
#define CONNECT_MS   10000
#define BACKOFF_MS   200
#define BACKOFF_MAX  5000
#define POLL_MIN_MS  100
#define ON_DEMAND_MS 2000 /* max_age 0: sessions ask for every statement */

enum route { ROUTE_UNDECIDED, ROUTE_OWN, ROUTE_NETNS, ROUTE_LOST };

struct feed {
	struct feed *next;
	struct feeds *all;
	/* What it is of; never changes. */
	struct arena mem;
	struct database database; /* strings in mem */
	const char *dbname;
	struct sockaddr_storage to;
	char address[INET6_ADDRSTRLEN + 8];
	char host[256]; /* what the certificate must name */
	struct slot *slot;
	/* Under the feeds' lock. */
	unsigned sessions;
	enum route route;
	uint64_t netns_cookie; /* of the first session */
	bool mixed;            /* sessions of another namespace came */
	bool running;          /* has a thread */
	bool loaded;           /* ever */
	struct source *source;
	struct server_facts facts;
	uint64_t idle_since_ms;
	int fd; /* of the connection; feeds_stop shuts it down */
	/* The thread's own. */
	struct tls_context *tls;
	struct pgclient *client;
	struct catalog *catalog; /* of this connection */
	char fingerprint[FINGERPRINT_MAX];
	uint32_t roles[SLOT_ROLES_MAX]; /* that the catalogue is to know */
	unsigned nroles;
	uint64_t roles_version, catalog_roles_version; /* of them; of those that catalog knows */
};

/* Of one database entry; outlives its feeds, so that what it counts never falls. */
struct source {
	struct source *next;
	char *database;
	uint64_t loads, failures;
};

struct feeds {
	uint64_t max_age_ms;
	struct source *sources; /* under the lock */
	struct workers *workers;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a thread ended, or all shall */
	bool stop;
	unsigned n, running;
	struct feed *all;
};

int feeds_new(struct feeds **out, uint64_t max_age_ms, struct err *e)
{
	struct feeds *fs = calloc(1, sizeof(*fs));
	pthread_condattr_t attr;

	if (!fs)
		return err_set(e, -ENOMEM, "out of memory");
	fs->max_age_ms = max_age_ms;
	pthread_mutex_init(&fs->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&fs->changed, &attr);
	pthread_condattr_destroy(&attr);
	*out = fs;
	return 0;
}

void feeds_set_workers(struct feeds *fs, struct workers *ws)
{
	fs->workers = ws;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_entry(const struct database *a, const struct database *b)
{
	return same(a->name, b->name) && same(a->host, b->host) && a->is_name == b->is_name &&
	       same(a->user, b->user) && same(a->password_file, b->password_file) &&
	       same(a->cert_file, b->cert_file) && same(a->key_file, b->key_file) && a->tls == b->tls &&
	       same(a->ca_file, b->ca_file) && a->insecure_auth == b->insecure_auth;
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

/* Whether an address means another machine in every network namespace. */
static bool is_local(const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *a6 = (const void *)a;
	uint32_t v4 = ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr);

	if (a->ss_family == AF_INET)
		return v4 >> 24 == 127 || v4 >> 24 == 0 || v4 >> 16 == 0xa9fe;
	return IN6_IS_ADDR_LOOPBACK(&a6->sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&a6->sin6_addr) ||
	       IN6_IS_ADDR_UNSPECIFIED(&a6->sin6_addr);
}

static bool serves(const struct feed *f, uint64_t netns_cookie)
{
	switch (f->route) {
	case ROUTE_UNDECIDED:
	case ROUTE_OWN: return true;
	case ROUTE_NETNS: return f->netns_cookie == netns_cookie;
	case ROUTE_LOST: return false;
	}
	return false;
}

static const char *keep(struct feed *f, const char *s, bool *failed)
{
	const char *copy = s ? arena_strdup(&f->mem, s) : NULL;

	*failed |= s && !copy;
	return copy;
}

static void feed_free(struct feed *f)
{
	tls_context_free(f->tls);
	slot_free(f->slot);
	arena_fini(&f->mem);
	free(f);
}

static void name_address(struct feed *f)
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool v4 = f->to.ss_family == AF_INET;
	const struct sockaddr_in *in = (const void *)&f->to;
	const struct sockaddr_in6 *in6 = (const void *)&f->to;

	inet_ntop(f->to.ss_family, v4 ? (const void *)&in->sin_addr : &in6->sin6_addr, ip, sizeof(ip));
	snprintf(f->address, sizeof(f->address), v4 ? "%s:%u" : "[%s]:%u", ip,
		ntohs(v4 ? in->sin_port : in6->sin6_port));
	snprintf(f->host, sizeof(f->host), "%s", f->database.is_name ? f->database.host : ip);
}

/* As many as the policies ever had entries. */
static struct source *source_of(struct feeds *fs, const char *database)
{
	struct source *s = fs->sources;

	while (s && strcmp(s->database, database) != 0)
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s)
		s->database = strdup(database);
	if (!s || !s->database) {
		free(s);
		return NULL;
	}
	s->next = fs->sources;
	fs->sources = s;
	return s;
}

static struct feed *feed_new(struct feeds *fs, const struct database *d, const struct caller *who,
	const char *dbname, struct err *e)
{
	struct feed *f = calloc(1, sizeof(*f));
	bool failed = false;

	if (!f || slot_new(&f->slot, e)) {
		free(f);
		err_sql(e, -ENOMEM, "53200", "out of memory");
		return NULL;
	}
	f->all = fs;
	f->fd = -1;
	f->to = who->dialled;
	f->netns_cookie = who->netns_cookie;
	f->route = is_local(&f->to) ? ROUTE_NETNS : ROUTE_UNDECIDED;
	f->database = *d;
	f->database.globs = NULL;
	f->database.nglobs = 0;
	f->database.name = keep(f, d->name, &failed);
	f->database.host = keep(f, d->host, &failed);
	f->database.user = keep(f, d->user, &failed);
	f->database.password_file = keep(f, d->password_file, &failed);
	f->database.cert_file = keep(f, d->cert_file, &failed);
	f->database.key_file = keep(f, d->key_file, &failed);
	f->database.ca_file = keep(f, d->ca_file, &failed);
	f->dbname = keep(f, dbname, &failed);
	f->source = source_of(fs, d->name);
	if (failed || !f->source) {
		feed_free(f);
		err_sql(e, -ENOMEM, "53200", "out of memory");
		return NULL;
	}
	name_address(f);
	return f;
}

/* A socket from where the route says, connected. */
static int dial(struct feed *f, enum route route, struct err *e)
{
	int family = f->to.ss_family, r;
	int fd = route == ROUTE_NETNS
			 ? workers_socket(f->all->workers, f->netns_cookie, family)
			 : socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

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
		.allow_cleartext = f->database.tls == TLS_VERIFY_FULL || f->database.insecure_auth,
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

/* Once over an existing connection, where it is still there; once over a new one. */
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
	if (r) {
		hang_up(f);
		r = log_in(f, e);
		if (!r)
			r = load(f, e);
	}
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

static int start_thread(struct feed *f, struct err *e)
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

/* Feeds that never got a catalogue and that nobody uses (a database name somebody made up) make room; where
 * it is tight, also those of namespaces that may be gone. The slots of others stay: what was masked under
 * them stays masked. */
static void drop_useless(struct feeds *fs, bool tight)
{
	struct feed **p = &fs->all;

	while (*p) {
		struct feed *f = *p;

		if (f->running || f->sessions || (f->loaded && !(tight && f->route == ROUTE_NETNS))) {
			p = &f->next;
			continue;
		}
		*p = f->next;
		fs->n--;
		feed_free(f);
	}
}

static struct feed *find(
	struct feeds *fs, const struct database *d, const struct caller *who, const char *dbname)
{
	for (struct feed *f = fs->all; f; f = f->next) {
		if (same_address(&f->to, &who->dialled) && strcmp(f->dbname, dbname) == 0 &&
			same_entry(&f->database, d) && serves(f, who->netns_cookie))
			return f;
	}
	return NULL;
}

static struct feed *attach(struct feeds *fs, const struct database *d, const struct caller *who,
	const char *dbname, struct err *e)
{
	struct feed *f;

	drop_useless(fs, fs->n >= FEEDS_MAX);
	f = find(fs, d, who, dbname);
	if (!f && fs->n >= FEEDS_MAX) {
		err_sql(e, -ENOSPC, "53000", "too many databases are in use through the masking engine");
		return NULL;
	}
	if (!f) {
		f = feed_new(fs, d, who, dbname, e);
		if (!f)
			return NULL;
		f->next = fs->all;
		fs->all = f;
		fs->n++;
	}
	if (f->netns_cookie != who->netns_cookie)
		f->mixed = true;
	if (!f->running && start_thread(f, e))
		return NULL;
	f->sessions++;
	return f;
}

struct slot *feeds_attach(struct feeds *fs, const struct database *d, const struct caller *who,
	const char *dbname, struct err *e)
{
	struct feed *f = NULL;

	pthread_mutex_lock(&fs->lock);
	if (!fs->stop)
		f = attach(fs, d, who, dbname, e);
	else
		err_sql(e, -ESHUTDOWN, "57P01", "the masking engine is shutting down");
	pthread_mutex_unlock(&fs->lock);
	return f ? f->slot : NULL;
}

void feeds_detach(struct feeds *fs, struct slot *slot)
{
	pthread_mutex_lock(&fs->lock);
	for (struct feed *f = fs->all; f; f = f->next) {
		if (f->slot != slot)
			continue;
		if (--f->sessions == 0)
			f->idle_since_ms = clock_ms();
	}
	pthread_mutex_unlock(&fs->lock);
}

void feeds_stop(struct feeds *fs)
{
	pthread_mutex_lock(&fs->lock);
	fs->stop = true;
	for (struct feed *f = fs->all; f; f = f->next) {
		slot_stop(f->slot);
		if (f->fd >= 0)
			shutdown(f->fd, SHUT_RDWR);
	}
	pthread_cond_broadcast(&fs->changed);
	while (fs->running)
		pthread_cond_wait(&fs->changed, &fs->lock);
	pthread_mutex_unlock(&fs->lock);
}

void feeds_free(struct feeds *fs)
{
	struct feed *next;

	if (!fs)
		return;
	for (struct feed *f = fs->all; f; f = next) {
		next = f->next;
		feed_free(f);
	}
	for (struct source *s = fs->sources, *after; s; s = after) {
		after = s->next;
		free(s->database);
		free(s);
	}
	pthread_mutex_destroy(&fs->lock);
	pthread_cond_destroy(&fs->changed);
	free(fs);
}

void feeds_sources(struct feeds *fs, void (*fn)(void *arg, const struct feed_source *s), void *arg)
{
	pthread_mutex_lock(&fs->lock);
	for (const struct source *s = fs->sources; s; s = s->next)
		fn(arg, &(struct feed_source){s->database, s->loads, s->failures});
	pthread_mutex_unlock(&fs->lock);
}

void feeds_each(struct feeds *fs, void (*fn)(void *arg, const struct feed_view *v), void *arg)
{
	uint64_t now = clock_ms();

	pthread_mutex_lock(&fs->lock);
	for (struct feed *f = fs->all; f; f = f->next) {
		struct err why = {0};
		uint64_t as_of = 0;
		struct catalog *c = slot_get(f->slot, &as_of, &why);
		const struct feed_view v = {
			.database = f->database.name,
			.address = f->address,
			.dbname = f->dbname,
			.sessions = f->sessions,
			.running = f->running,
			.loaded = c != NULL,
			.age_ms = now > as_of ? now - as_of : 0,
			.failure = why.msg,
			.facts = &f->facts,
		};

		fn(arg, &v);
		catalog_unref(c);
	}
	pthread_mutex_unlock(&fs->lock);
}
