/* SPDX-License-Identifier: MIT */
/* sentinel: proof from inside that a cgroup is captured. A process of ours, this program started anew, enters
 * the cgroup and the network namespace, gives up all privileges, and connects to a database port of an
 * address that nobody has; the engine must answer, and the kernel's record must say that it was this socket,
 * of this cgroup. */
#ifndef PGVEIL_CTL_SENTINEL_H
#define PGVEIL_CTL_SENTINEL_H

#include <stdint.h>
#include "base/err.h"

struct kern;

#define SENTINEL_OPTION "--sentinel" /* first argument of the process inside; nobody else gives it */

/* dir: of the cgroup. Takes some milliseconds, at most a few seconds. -EACCES: a connect got somewhere else.
 */
MUSTCHECK int sentinel_check(const struct kern *k, const char *dir, int ns_fd, uint16_t port, struct err *e);
/* The process inside; its exit status. */
int sentinel_run(int argc, char **argv);

#endif
