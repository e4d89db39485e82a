/* SPDX-License-Identifier: MIT */
/* worker: the threads that carry the sessions, each with its event loop, and the door through which the rest
 * of the daemon talks to them. What they need to know of the world outside comes through hooks. */
#ifndef PGVEIL_NET_WORKER_H
#define PGVEIL_NET_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "bpf/abi.h"
#include "policy/caller.h"

struct workers;
struct worker;
struct kern;
struct splicer;
struct splice_verdict;
struct netns_thread;
struct policy;
struct database;
struct metric_text;
struct slot;
struct desk;
struct scribe;

/* Called on worker threads; none may block for longer than reading a small file. */
struct worker_hooks {
	/* Whether entry i of p's databases covers an address, host names resolved. */
	enum coverage (*covers)(
		void *arg, const struct policy *p, unsigned i, const struct sockaddr *address);
	/* The password of an entry; *has stays false where it has none. */
	int (*password)(void *arg, const struct database *d, char *out, size_t cap, bool *has, struct err *e);
	/* Where the catalogue of (d, who->dialled, dbname) is found, from now until detach. */
	struct slot *(*attach)(void *arg, const struct database *d, const struct caller *who,
		const char *dbname, struct err *e);
	void (*detach)(void *arg, struct slot *slot);
	/* Nobody here has that cancel key. Perhaps the daemon before this one: false: there is none. */
	bool (*cancel)(void *arg, uint32_t pid, struct span secret, const struct caller *who);
	void *arg;
};

/* Whether rows that nothing in the engine looks at may pass without being read. */
enum splice_mode {
	SPLICE_OFF = 0,
	SPLICE_AUTO, /* where that was measured to cost less */
	SPLICE_FORCE,
};

struct workers_config {
	unsigned n;               /* threads */
	unsigned max_connections; /* of all, and of one cgroup */
	unsigned max_per_cgroup;
	uint64_t max_age_ms;                    /* catalog.max_age */
	size_t message_max, cell_max;           /* as in session_env */
	struct recall *recall;                  /* what rules once bound; outlives the workers */
	struct allowance *allowance;            /* what is exported; likewise */
	struct budget *budget;                  /* what was compared with masked columns; likewise */
	const struct desk *desk;                /* likewise; NULL: nobody approves of anything */
	const _Atomic unsigned *tenure;         /* enum tenure (policy/tenure.h); likewise */
	struct book *book;                      /* of the pods; NULL: none */
	const char *cgroup_mount, *cgroup_root; /* strings outlive the workers */
	struct kern *kern;
	struct netns_thread *netns;
	enum splice_mode splice;
	struct splicer *splicer; /* outlives the workers; NULL: the kernel hands on nothing by itself */
	const struct splice_verdict *splice_verdict; /* of its test; likewise */
	struct scribe *const *scribes; /* one for each thread, and they outlive the workers; NULL: none */
	struct worker_hooks hooks;
};

MUSTCHECK int workers_start(
	struct workers **out, const struct workers_config *cfg, struct policy *p, struct err *e);
/* Listeners close, sessions are told and get grace_ms to go; then everything is closed and freed. */
void workers_stop(struct workers *ws, uint64_t grace_ms);
void workers_set_policy(struct workers *ws, struct policy *p); /* takes references of its own */
void workers_poke(struct workers *ws);                         /* a catalogue came: wake who waits for one */

/* Turns splicing off, also in the middle of a row, or on again where it is not off by configuration. From any
 * thread; says whether it is on now. */
bool workers_splice(struct workers *ws, bool on);
bool workers_splices(const struct workers *ws);

unsigned workers_count(const struct workers *ws);
struct worker *workers_at(struct workers *ws, unsigned i);
/* Runs fn on the worker's thread, in the order of posting. -ENOMEM: not posted. */
MUSTCHECK int worker_post(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg);

/* What the engine listens on in one network namespace. */
struct listening {
	uint64_t netns_cookie;
	struct listener_value ports;
	bool has_unix; /* where unix sockets are captured */
	struct unix_listener_value unix_name;
};
/* Once more the listeners of the namespace behind ns_fd (which stays the caller's); made by the first call.
 * Not from a worker. */
MUSTCHECK int workers_listen(struct workers *ws, int ns_fd, struct listening *out, struct err *e);
/* What they are; false: there are none. */
bool workers_listening(struct workers *ws, uint64_t netns_cookie, struct listening *out);
/* Once less. Before the last use closes them, last is called: the moment to let nobody be sent there any
 * more. Sessions stay. */
void workers_unlisten(
	struct workers *ws, uint64_t netns_cookie, void (*last)(void *arg, uint64_t netns_cookie), void *arg);
/* ---- another daemon takes over ---- */

/* What is listened on in one namespace, as it is handed over: the fd of the namespace, then its listeners. */
#define LISTENING_FDS 5
struct listening_fds {
	uint64_t netns_cookie;
	int fd[LISTENING_FDS];
	unsigned n;
};
/* Nobody is accepted until workers_accept: who connects waits in the kernel's queue. Returns when it is so.
 */
MUSTCHECK int workers_pause(struct workers *ws, struct err *e);
void workers_accept(struct workers *ws);
/* All that somebody uses; borrowed. Not beside workers_listen and workers_unlisten. */
void workers_each_listening(
	struct workers *ws, void (*fn)(void *arg, const struct listening_fds *l), void *arg);
/* Takes the descriptors over, as if workers_listen had been called once: the same namespace uses them from
 * then on. Only while paused. On failure they stay the caller's. */
MUSTCHECK int workers_adopt(
	struct workers *ws, const struct listening_fds *in, struct listening *out, struct err *e);
/* Listeners are closed here, not those of the daemon that has them now; a session ends where it rests: when
 * it has rested for a second, or after three seconds wherever it does. */
void workers_drain(struct workers *ws);
/* How many sessions redefine something; whoever does is told to go if end is set. */
unsigned workers_redefining(struct workers *ws, bool end);
/* The session that has this number in the recording is told to go, and what it runs is cancelled. false:
 * there is none. Not from a worker. */
bool workers_end(struct workers *ws, uint64_t recorded);
/* Whoever has that key, if it is of the same identity, is cancelled. From any thread. */
void workers_cancel(struct workers *ws, uint32_t pid, struct span secret, const struct caller *who);

/* An fd of a process' network namespace, or of the one at a path. */
MUSTCHECK int workers_netns_of(int pid, struct err *e);
MUSTCHECK int workers_netns_at(const char *path, struct err *e);
/* Another fd of a namespace that is listened in, or still has sessions. -ENOENT: none such. */
MUSTCHECK int workers_netns_again(struct workers *ws, uint64_t netns_cookie);
/* A NETLINK_SOCK_DIAG socket of the namespace behind ns_fd, which stays the caller's; or a negative errno.
 * Not from a worker. */
MUSTCHECK int workers_diag(struct workers *ws, int ns_fd);
/* A non-blocking TCP socket in the namespace of a listener or a living session; or a negative errno. */
MUSTCHECK int workers_socket(struct workers *ws, uint64_t netns_cookie, int family);

/* One living session, as far as it may be told. Borrowed, for the time of the call. */
struct session_view {
	const struct caller *caller;
	struct flow_key flow;
	uint64_t socket_cookie;
	const char *database, *user,
		*dbname; /* policy entry, role at the server, database name; "" before login */
	const char *state;
	char status;
	bool judged;
	uint64_t recorded; /* its number in this run's recording; 0: it is in none */
	uint64_t statements, refused, stopped, rows, masked_cells, bytes_to_client, bytes_to_server,
		spliced_bytes, age_ms;
};
/* Every session, one call each, on this thread (workers are asked one after another). */
MUSTCHECK int workers_sessions(
	struct workers *ws, void (*fn)(void *arg, const struct session_view *v), void *arg);

/* Connections that were closed unserved, and why. X(name, word) */
#define UNSERVED(X)                                                                                          \
	X(DIRECT, "direct") /* no record: somebody dialled the listener itself, or was gone already */       \
	X(STALE, "stale")   /* the socket behind the address is another one */                               \
	X(CLAIMED, "claimed")                                                                                \
	X(LIMIT, "limit") /* too many connections */                                                         \
	X(CGROUP_LIMIT, "cgroup_limit")                                                                      \
	X(LOGIN_TIMEOUT, "login_timeout")                                                                    \
	X(FAILED, "failed")
#define X(name, word) UNSERVED_##name,
enum unserved { UNSERVED(X) UNSERVED_MAX };
#undef X
const char *unserved_name(enum unserved u);

struct workers_stats {
	uint64_t accepted, unserved[UNSERVED_MAX];
	unsigned connections;
};
void workers_stats(struct workers *ws, struct workers_stats *out);
/* How long ago the worker that is the furthest behind came round last: one that is not stuck does within a
 * second or so. From any thread. */
uint64_t workers_behind_ms(const struct workers *ws);
struct workers_queues {
	unsigned backlog; /* connections that nobody has accepted yet */
	unsigned posts;   /* that workers have not come to, accepted connections among them */
	uint64_t stragglers;
	uint64_t to_client, to_database; /* bytes that these do not take */
};
void workers_queues(struct workers *ws, struct workers_queues *out);
/* All that the workers count, in families of their own. From any thread. */
void workers_metrics(struct workers *ws, struct metric_text *m);

#endif
