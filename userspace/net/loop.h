/* SPDX-License-Identifier: MIT */
/* loop: one thread's event loop: fds to watch and alarms to ring. The only user of libevent in net. Used by
 * its own thread only, except loop_kick. */
#ifndef PGVEIL_NET_LOOP_H
#define PGVEIL_NET_LOOP_H

#include <stdint.h>
#include "base/err.h"

struct loop;
struct watch; /* one fd */
struct alarm; /* one point in time */

#define LOOP_READ  0x1u
#define LOOP_WRITE 0x2u

/* kicked runs on the loop's thread after loop_kick. */
MUSTCHECK int loop_new(struct loop **out, void (*kicked)(void *arg), void *arg, struct err *e);
void loop_free(struct loop *l);
/* Waits for events, or a kick, and runs what they call, once. */
void loop_turn(struct loop *l);
void loop_kick(struct loop *l); /* from any thread */

/* Nothing is watched before watch_set. fn may free the watch. NULL: no memory. */
MUSTCHECK struct watch *watch_new(struct loop *l, int fd, void (*fn)(void *arg, unsigned what), void *arg);
void watch_set(struct watch *w, unsigned what); /* costs a system call only where it changes something */
void watch_free(struct watch *w);               /* before the fd is closed; NULL is fine */

MUSTCHECK struct alarm *alarm_new(struct loop *l, void (*fn)(void *arg), void *arg);
void alarm_set(struct alarm *a, uint64_t at_ms); /* of loop_now_ms; replaces the time set before */
void alarm_stop(struct alarm *a);
void alarm_free(struct alarm *a); /* NULL is fine */

uint64_t loop_now_ms(void); /* CLOCK_MONOTONIC */

#endif
