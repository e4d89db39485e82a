/* SPDX-License-Identifier: MIT */
/* neighbour: whether the other end of a TCP connection is of this machine's namespace, and then whether
 * whoever made it, or has it, is one of those that we guard. Who comes from elsewhere is not known here. */
#ifndef PGVEIL_CTL_NEIGHBOUR_H
#define PGVEIL_CTL_NEIGHBOUR_H

#include "base/err.h"

struct enrol;

/* -EACCES: he is, or is here and nobody can tell who. mount: of cgroup v2. */
MUSTCHECK int neighbour_check(int fd, struct enrol *en, const char *mount, struct err *e);

#endif
