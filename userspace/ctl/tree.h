/* SPDX-License-Identifier: MIT */
/* tree: tells of every cgroup that is, comes and goes below a directory. Never changes one. */
#ifndef PGVEIL_CTL_TREE_H
#define PGVEIL_CTL_TREE_H

#include "base/err.h"

struct event_base;
struct tree;

struct tree_events { /* path: absolute, below the root */
	void (*added)(void *arg, const char *path);
	void (*removed)(void *arg, const char *path);
	void *arg;
};

/* Calls added for the root and everything below it before it returns, and from base's loop later on. */
MUSTCHECK int tree_open(struct tree **out, struct event_base *base, const char *root,
	const struct tree_events *ev, struct err *e);
/* Calls added for everything that is there, known or not. */
void tree_scan(struct tree *t);
/* The root is another directory by the same name: what was watched is forgotten, then as tree_scan. */
void tree_renew(struct tree *t);
void tree_close(struct tree *t); /* NULL is fine */

#endif
