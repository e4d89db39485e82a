/* SPDX-License-Identifier: MIT */
/* follow: requests for events that wait until there is one. A few at a time, each for a few seconds; control
 * thread only. */
#ifndef PGVEIL_CTL_FOLLOW_H
#define PGVEIL_CTL_FOLLOW_H

#include "base/err.h"

struct follow;
struct event_base;
struct events;
struct evhttp_request;

MUSTCHECK int follow_open(struct follow **out, struct event_base *base, struct events *ev, struct err *e);
/* Before the server whose requests wait here; who waits is answered. NULL is fine. */
void follow_close(struct follow *f);
/* GET /v1/events?after=N&wait=1; answers now or later. */
void follow_request(struct follow *f, struct evhttp_request *req);

#endif
