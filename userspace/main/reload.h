/* SPDX-License-Identifier: MIT */
/* reload: the policy from its files and, in a cluster, its objects: at the start, and when they are others.
 * Control thread only. */
#ifndef PGVEIL_MAIN_RELOAD_H
#define PGVEIL_MAIN_RELOAD_H

#include <jansson.h>
#include "base/err.h"

#define RESOLVE_MS 3000 /* that names are waited for */

struct daemon;

/* The first policy. Where there are objects and they do not load, or nobody knows yet which there are, it is
 * the empty one: nobody may do anything, while cgroups are guarded. -EINVAL: it was said what is wrong. */
MUSTCHECK int reload_first(struct daemon *d);
/* From now on the policy's files, and the key files that it names, are watched. */
MUSTCHECK int reload_watch(struct daemon *d, struct err *e);
/* All or nothing; what is wrong is added to complaints. arg: the daemon. */
int reload_policy(void *arg, json_t *complaints);
/* SIGHUP, or a policy file or an object that is another one now. */
void reload_now(void *arg);

#endif
