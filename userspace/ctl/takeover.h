/* SPDX-License-Identifier: MIT */
/* takeover: the side of the daemon that takes another one's place (ctl/handover.h has the order of things).
 * Until takeover_ready the other one can go on as if nothing had been; whoever fails before that just goes.
 */
#ifndef PGVEIL_CTL_TAKEOVER_H
#define PGVEIL_CTL_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

struct takeover;
struct budget;
struct caller;
struct enrol;
struct kern;
struct recall;
struct workers;

/* -ENOENT: nobody runs there. The lock on the pins (pin_dir is what it must be of) is the caller's to close.
 */
MUSTCHECK int takeover_begin(
	struct takeover **out, const char *run_dir, const char *pin_dir, int *lock_fd, struct err *e);
/* The other one lets nobody in from here on. Its listeners become ws', which are paused; what was in its
 * memory b's and r's. grace_ms: how long it may let others end what they are in. */
MUSTCHECK int takeover_receive(struct takeover *t, uint64_t grace_ms, struct workers *ws, struct budget *b,
	struct recall *r, struct err *e);
enum takeover_socket { TAKEOVER_HANDOVER, TAKEOVER_ADMIN, TAKEOVER_METRICS, TAKEOVER_SOCKETS };
/* A socket that it listened on, now the caller's; -1: there is none. */
int takeover_socket(struct takeover *t, enum takeover_socket s);
/* When what is enrolled is known: whatever was seen in which namespace still is, and listeners that nobody
 * needs go. */
MUSTCHECK int takeover_doors(
	struct takeover *t, struct workers *ws, struct kern *k, struct enrol *en, struct err *e);
/* The other one gives all up. After a failure it goes on, and this one must not have done anything. */
MUSTCHECK int takeover_ready(struct takeover *t, struct err *e);
/* From any thread. False: the other one is gone. */
bool takeover_cancel(struct takeover *t, uint32_t pid, struct span secret, const struct caller *who);
void takeover_close(struct takeover *t); /* NULL is fine */

#endif
