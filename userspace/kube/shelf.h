/* SPDX-License-Identifier: MIT */
/* shelf: the policy objects (MaskingPolicy) as the API server told of them last: of each the text of its
 * document, and which generation of it that is. Never reads what is in them. Has a lock: a watch writes to
 * it, the control thread takes copies. */
#ifndef PGVEIL_KUBE_SHELF_H
#define PGVEIL_KUBE_SHELF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/err.h"

#define SHELF_MAX      1000u              /* objects */
#define SHELF_TEXT_MAX ((size_t)32 << 20) /* of all of them */

struct shelf_object {
	char *name, *uid; /* uid: of two that had the name one after the other */
	int64_t generation;
	char *text;        /* JSON of apiVersion, kind, metadata.name and spec; NULL where fault is not */
	const char *fault; /* it is there and cannot be kept: why */
};
/* By their names. As it was at one time; the caller's own. All zero is an empty one that is not known. */
struct shelf_copy {
	struct shelf_object *v;
	unsigned n;
	bool known;        /* that these are all: they were listed, or loaded */
	uint64_t as_of_ms; /* wall clock: when the server was last known to say so */
};
void shelf_copy_fini(struct shelf_copy *c);

struct shelf;
struct shelf_config {
	uint64_t (*wall_ms)(void);
	void (*changed)(void *arg); /* what a copy would hold is something else now; without the lock */
	void *arg;
};

MUSTCHECK int shelf_new(struct shelf **out, const struct shelf_config *cfg, struct err *e);
void shelf_free(struct shelf *s); /* NULL is fine */

/* For a reflector (kube/reflector.h); arg is the shelf. */
bool shelf_put(void *arg, const json_t *object);
void shelf_gone(void *arg, const json_t *object);
void shelf_begin(void *arg);
void shelf_listed(void *arg);
void shelf_heard(struct shelf *s); /* the server was heard: what is here is true as of now */

/* -ENOMEM; shelf_copy_fini is due then, too. */
MUSTCHECK int shelf_take(struct shelf *s, struct shelf_copy *out);

/* A copy to be read by the next daemon, and back. A reference; NULL: no memory. */
json_t *shelf_save(const struct shelf_copy *c);
/* Into one of which nothing is known yet. -EINVAL: not what shelf_save gave. */
MUSTCHECK int shelf_load(struct shelf *s, const json_t *saved, struct err *e);

#endif
