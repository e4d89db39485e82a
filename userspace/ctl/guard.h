/* SPDX-License-Identifier: MIT */
/* guard: sees to it that the guarded root stays guarded. Whoever may remove cgroups can remove the root, and
 * the kernel takes the programs off with it: what is made there afterwards would be open. */
#ifndef PGVEIL_CTL_GUARD_H
#define PGVEIL_CTL_GUARD_H

#include "base/err.h"

struct event_base;
struct guard;
struct kern;

struct guard_config { /* strings outlive it */
	struct event_base *base;
	struct kern *kern;
	const char *root;
	/* The programs are attached to a new root: nothing known of the old one is true. */
	void (*again)(void *arg);
	/* They cannot be. */
	void (*failed)(void *arg);
	void *arg;
};

/* Looks at once, whenever the root's parent loses a directory, and every second. */
MUSTCHECK int guard_open(struct guard **out, const struct guard_config *cfg, struct err *e);
void guard_close(struct guard *g); /* NULL is fine */

#endif
