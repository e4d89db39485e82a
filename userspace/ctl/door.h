/* SPDX-License-Identifier: MIT */
/* door: the listeners that one enrolment needs: one for each network namespace its processes were seen in. A
 * few, since an application can make namespaces as it likes. */
#ifndef PGVEIL_CTL_DOOR_H
#define PGVEIL_CTL_DOOR_H

#include <stdint.h>
#include "base/err.h"

#define DOORS_MAX 8

struct kern;
struct workers;

struct doors {                      /* all zero: none */
	uint64_t cookie[DOORS_MAX]; /* of namespaces; the first is the enrolment's own */
	unsigned n;
};

/* A listener in the namespace behind fd, and the kernel told of it. Where there are too many, the oldest but
 * the first is closed. */
MUSTCHECK int doors_open(struct doors *d, struct workers *ws, struct kern *k, int ns_fd, struct err *e);
/* Tells the kernel of them once more. */
MUSTCHECK int doors_assert(const struct doors *d, struct workers *ws, struct kern *k, struct err *e);
void doors_close(struct doors *d, struct workers *ws, struct kern *k);

#endif
