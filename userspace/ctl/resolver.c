/* SPDX-License-Identifier: MIT */
#include "ctl/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "ctl/clock.h"

#define PERIOD_MS 30000
#define AGAIN_MS  1000
#define ADDRS_MAX 4096 /* of one name; beyond, somebody plays with us */

struct name {
	struct name *next;
	char *host;
	bool wanted; /* named by the current policy */
	bool asked;
	bool again; /* somebody came from an address that it is not known to have */
	uint64_t asked_ms;
	bool failing; /* said once, not every time */
	struct in6_addr *addrs;
	unsigned n;
};

struct resolver {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop, again;
	struct name *names; /* new ones in front; none is ever removed */
};

static struct name *find(struct resolver *r, const char *host)
{
	struct name *n = r->names;

	while (n && strcmp(n->host, host) != 0)
		n = n->next;
	return n;
}

/* False: it is one that we shall not know. */
static bool add(struct name *n, const struct in6_addr *a)
{
	struct in6_addr *addrs;

	for (unsigned i = 0; i < n->n; i++) {
		if (memcmp(&n->addrs[i], a, sizeof(*a)) == 0)
			return true;
	}
	addrs = n->n < ADDRS_MAX ? reallocarray(n->addrs, n->n + 1, sizeof(*addrs)) : NULL;
	if (!addrs)
		return false;
	n->addrs = addrs;
	n->addrs[n->n++] = *a;
	return true;
}

static bool to_in6(const struct sockaddr *sa, struct in6_addr *out)
{
	if (sa->sa_family == AF_INET6) {
		*out = ((const struct sockaddr_in6 *)sa)->sin6_addr;
		return true;
	}
	if (sa->sa_family != AF_INET)
		return false;
	memset(out, 0, sizeof(*out));
	out->s6_addr[10] = out->s6_addr[11] = 0xff;
	memcpy(&out->s6_addr[12], &((const struct sockaddr_in *)sa)->sin_addr, 4);
	return true;
}

/* Blocks for as long as the resolver library likes; without the lock. */
static void ask(struct resolver *r, struct name *n)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	struct in6_addr a;
	int rc = getaddrinfo(n->host, NULL, &hints, &list);

	pthread_mutex_lock(&r->lock);
	if (rc && !n->failing)
		log_with(LOG_WARN, "resolver.failed", LOG_FIELDS(LOG_TEXT("host", n->host)), "%s",
			gai_strerror(rc));
	n->failing = rc != 0;
	for (struct addrinfo *i = rc ? NULL : list; i; i = i->ai_next) {
		if (to_in6(i->ai_addr, &a) && !add(n, &a))
			n->failing = true;
	}
	n->asked = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (!rc)
		freeaddrinfo(list);
}

static void wait_until(struct resolver *r, uint64_t ms)
{
	const struct timespec until = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	while (!r->stop && !r->again) {
		if (pthread_cond_timedwait(&r->changed, &r->lock, &until) == ETIMEDOUT)
			return;
	}
}

static void *resolver_main(void *arg)
{
	struct resolver *r = arg;
	uint64_t next_ms = 0; /* when all are asked for again */

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		bool all = clock_ms() >= next_ms;

		if (all)
			next_ms = clock_ms() + PERIOD_MS;
		r->again = false;
		for (struct name *n = r->names; n && !r->stop; n = n->next) {
			if (!n->wanted || !(all || n->again))
				continue;
			n->again = false;
			n->asked_ms = clock_ms();
			pthread_mutex_unlock(&r->lock);
			ask(r, n);
			pthread_mutex_lock(&r->lock);
		}
		wait_until(r, next_ms);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int resolver_start(struct resolver **out, struct err *e)
{
	struct resolver *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;
	int rc;

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&r->thread, NULL, resolver_main, r);
	if (rc) {
		free(r);
		return err_set(e, -rc, "resolver thread: %s", strerror(rc));
	}
	*out = r;
	return 0;
}

void resolver_stop(struct resolver *r)
{
	struct name *next;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	for (struct name *n = r->names; n; n = next) {
		next = n->next;
		free(n->host);
		free(n->addrs);
		free(n);
	}
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
}

static int want(struct resolver *r, const char *host)
{
	struct name *n = find(r, host);

	if (!n) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return -ENOMEM;
		n->host = strdup(host);
		if (!n->host) {
			free(n);
			return -ENOMEM;
		}
		n->next = r->names;
		r->names = n;
	}
	n->wanted = n->again = true;
	return 0;
}

int resolver_set_policy(struct resolver *r, const struct policy *p, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	for (struct name *n = r->names; n; n = n->next)
		n->wanted = false;
	for (unsigned i = 0; i < policy_databases(p) && !rc; i++) {
		const struct database *d = policy_database_at(p, i);

		if (d->is_name)
			rc = want(r, d->host);
	}
	r->again = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return rc ? err_set(e, rc, "out of memory") : 0;
}

static bool all_asked(const struct resolver *r)
{
	for (const struct name *n = r->names; n; n = n->next) {
		if (n->wanted && !n->asked)
			return false;
	}
	return true;
}

void resolver_wait(struct resolver *r, unsigned timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	pthread_mutex_lock(&r->lock);
	while (!all_asked(r)) {
		if (pthread_cond_timedwait(&r->changed, &r->lock, &until) == ETIMEDOUT)
			break;
	}
	pthread_mutex_unlock(&r->lock);
}

static uint16_t port_of(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)a)->sin_port);
	return a->sa_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port) : 0;
}

/* An address that is not known may be the name's new one: it is asked for anew, at most once a second, and
 * counts for whoever comes next. */
static void ask_again(struct resolver *r, struct name *n)
{
	if (!n->asked || clock_ms() - n->asked_ms < AGAIN_MS)
		return;
	n->asked_ms = clock_ms();
	n->again = true;
	r->again = true;
	pthread_cond_broadcast(&r->changed);
}

enum coverage resolver_covers(
	struct resolver *r, const struct policy *p, unsigned i, const struct sockaddr *address)
{
	const struct database *d = policy_database_at(p, i);
	enum coverage covers;
	struct name *n;

	if (!d->is_name)
		return database_covers(d, address, NULL, 0) ? COVERS_YES : COVERS_NO;
	if (port_of(address) != d->port)
		return COVERS_NO;
	pthread_mutex_lock(&r->lock);
	n = find(r, d->host);
	if (n && database_covers(d, address, n->addrs, n->n))
		covers = COVERS_YES;
	else
		covers = n && n->asked && !n->failing ? COVERS_NO : COVERS_UNKNOWN;
	if (covers != COVERS_YES && n)
		ask_again(r, n);
	pthread_mutex_unlock(&r->lock);
	return covers;
}
