/* SPDX-License-Identifier: MIT */
/* feeding: the inside of struct feeds and struct feed, for feed.c, which keeps the list, and feed_thread.c,
 * which is one feed's thread. Never included elsewhere. */
#ifndef PGVEIL_CTL_FEEDING_H
#define PGVEIL_CTL_FEEDING_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include "base/unix_address.h"
#include "base/arena.h"
#include "ctl/feed.h"
#include "ctl/snapshot.h"
#include "policy/policy.h"
#include "sql/slot.h"

enum route { ROUTE_UNDECIDED, ROUTE_OWN, ROUTE_NETNS, ROUTE_LOST };

struct feed {
	struct feed *next;
	struct feeds *all;
	/* What it is of; never changes. */
	struct arena mem;
	struct database database; /* strings in mem */
	const char *dbname;
	struct sockaddr_storage to;
	char address[UNIX_PATH_CAP];
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

/* Under the feeds' lock: gives f a thread. */
MUSTCHECK int feed_start(struct feed *f, struct err *e);

#endif
