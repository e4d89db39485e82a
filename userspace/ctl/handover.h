/* SPDX-License-Identifier: MIT */
/* handover: the side of the daemon that runs, when another one comes to take its place. It asks on a socket
 * of its own below run_dir, and gets the listeners, the locks and what is only in memory (ctl/estate.h).
 * Until it says that it is ready nothing is given up: if it fails, all goes on as before. Control thread
 * only.
 *
 *   successor            this daemon
 *   hello      ────────►            who is it, and do we speak the same
 *              ◄──────── welcome    + the lock on the pins. From now on nobody begins to redefine anything
 * (policy/tenure.h) take       ────────►            waits until nobody is in the middle of that; nobody is
 * accepted; budgets are closed ◄──────── estate     + what is in memory, the sockets of control ◄────────
 * listener   + one namespace each ready      ────────►            the listeners are its own; here sessions
 * are ended as they come to rest (net/drain.c) cancel     ────────►            a CancelRequest for a session
 * that is still here
 */
#ifndef PGVEIL_CTL_HANDOVER_H
#define PGVEIL_CTL_HANDOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

#define HANDOVER_PROTOCOL  1
#define HANDOVER_SOCKET    "handover.sock"
#define HANDOVER_ANSWER_MS 15000 /* for each thing that one waits for */

struct handover;
struct event_base;
struct workers;
struct budget;
struct recall;
struct enrol;
struct overlap;

struct handover_config { /* strings outlive it */
	struct event_base *base;
	const char *run_dir;
	int socket; /* that the daemon before this one listened on; -1: a new one */
	struct workers *workers;
	struct budget *budget;
	struct recall *recall;
	struct enrol *enrol;
	struct overlap *overlap;
	_Atomic unsigned *tenure;  /* enum tenure (policy/tenure.h) */
	int lock_fd;               /* on the pins */
	int admin_fd, scrape_fd;   /* what is listened on; -1: nothing */
	uint64_t grace_ms;         /* how long somebody who redefines something may take */
	void (*failed)(void *arg); /* all goes on; what the kernel was told must be said again */
	void (*over)(void *arg, pid_t successor);
	bool (*drained)(void *arg); /* asked over and over after that, until it is */
	void *arg;
};

MUSTCHECK int handover_open(struct handover **out, const struct handover_config *cfg, struct err *e);
/* Nobody may ask any more. The socket's name stays, since it may be the successor's. NULL is fine. */
void handover_close(struct handover *h);

#endif
