/* SPDX-License-Identifier: MIT */
/* visitors: who is connected to a socket that everybody may open. There are never more than so many at once,
 * fewer of one user, and of all that pgveil guards together no more than of one: an agent with many processes
 * and users takes the place of no reviewer, and not the daemon's descriptors. Nobody stays for longer than an
 * answer takes. */
#ifndef PGVEIL_CTL_VISITORS_H
#define PGVEIL_CTL_VISITORS_H

#include "base/err.h"

#define VISITORS_MAX    128
#define VISITORS_OF_MAX 16
#define VISITORS_S      30 /* seconds that one may stay */

struct visitors;
struct enrol;
struct evhttp;
struct event_base;

/* They are accepted at fd, which listens and is closed with http. */
MUSTCHECK int visitors_open(struct visitors **out, struct event_base *base, struct evhttp *http, int fd,
	struct enrol *en, struct err *e);
void visitors_close(struct visitors *v); /* when http was freed; NULL is fine */

#endif
