/* SPDX-License-Identifier: MIT */
#include "ctl/feed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/unix_address.h"
#include "ctl/clock.h"
#include "ctl/feeding.h"
#include "net/tls.h"

#define FEEDS_MAX 256

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
	       same(a->ca_file, b->ca_file) && a->insecure_auth == b->insecure_auth &&
	       a->peer_uid == b->peer_uid;
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_UNIX)
		return unix_address_same((const struct sockaddr *)a, (const struct sockaddr *)b);
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

/* Whether an address means another machine in every network namespace. */
static bool is_local(const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *a6 = (const void *)a;
	uint32_t v4 = ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr);

	/* A path is looked up by us, wherever it was dialled; an abstract name is the namespace's. */
	if (a->ss_family == AF_UNIX)
		return ((const struct sockaddr_un *)a)->sun_path[0] == '\0';
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

	if (f->to.ss_family == AF_UNIX) {
		unix_address_text((const struct sockaddr *)&f->to, f->address);
		return;
	}
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

/* What may be the same database: by the entry, whatever address of it was dialled and from wherever, or by
 * the address, whatever entry it was that said who logs in. */
static struct gate *shared_gate(
	const struct feeds *fs, const struct database *d, const struct caller *who, const char *dbname)
{
	for (const struct feed *f = fs->all; f; f = f->next)
		if (strcmp(f->dbname, dbname) == 0 &&
			(strcmp(f->database.name, d->name) == 0 || same_address(&f->to, &who->dialled)))
			return slot_gate(f->slot);
	return NULL;
}

static struct feed *feed_new(struct feeds *fs, const struct database *d, const struct caller *who,
	const char *dbname, struct err *e)
{
	struct feed *f = calloc(1, sizeof(*f));
	bool failed = false;

	if (!f || slot_new(&f->slot, shared_gate(fs, d, who, dbname), e)) {
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
	f->database.socket = NULL; /* the policy's; ours is `to` */
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
	if (!f->running && feed_start(f, e))
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
