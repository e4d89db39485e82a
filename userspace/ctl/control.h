/* SPDX-License-Identifier: MIT */
/* control: the loop of the daemon's first thread: signals, the kernel's events, and what admin and enrol hang
 * into it. Blocking it for a moment is fine; sessions are elsewhere. */
#ifndef PGVEIL_CTL_CONTROL_H
#define PGVEIL_CTL_CONTROL_H

#include <stdbool.h>
#include "base/err.h"

struct control;
struct event_base;

MUSTCHECK int control_open(struct control **out, struct err *e);
void control_close(struct control *c); /* after everything that uses its base; NULL is fine */
struct event_base *control_base(struct control *c);
struct control_events {
	void (*hup)(void *arg);      /* after a SIGHUP, or after several */
	void (*usr2)(void *arg);     /* likewise */
	void (*readable)(void *arg); /* whenever fd has something to read */
	bool (*end)(void *arg);      /* SIGTERM, SIGINT: whether the loop ends at once; else somebody calls
					control_end */
	void *arg;
};
MUSTCHECK int control_watch(struct control *c, int fd, const struct control_events *on, struct err *e);
void control_unread(struct control *c); /* fd is somebody else's now */
void control_unwatch(struct control *c);
void control_end(struct control *c); /* control_run returns, or will at once */
void control_run(struct control *c); /* until SIGTERM or SIGINT */

#endif
