/* SPDX-License-Identifier: MIT */
/* scrape: /metrics, /healthz and /readyz over TCP, for Prometheus on another machine or in another container.
 * Not asked for, it is not there. Whoever reaches the port may read it and do nothing else: few connections,
 * each short, each with one small request, so that nobody takes descriptors or memory from sessions through
 * it. */
#ifndef PGVEIL_CTL_SCRAPE_H
#define PGVEIL_CTL_SCRAPE_H

#include "base/err.h"

struct scrape;
struct event_base;
struct report;

/* where: "127.0.0.1:9187", "[::1]:9187"; an address and a port, no name. socket: what another daemon listened
 * on, or -1; it is used where it listens there, and closed where not. */
MUSTCHECK int scrape_open(struct scrape **out, struct event_base *base, const struct report *r,
	const char *where, int socket, struct err *e);
int scrape_fd(const struct scrape *s); /* NULL: -1 */
void scrape_close(struct scrape *s);   /* NULL is fine */

#endif
