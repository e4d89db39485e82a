/* SPDX-License-Identifier: MIT */
/* map: reading and writing the pinned maps, with errors that name the table. */
#ifndef PGVEIL_KERN_MAP_H
#define PGVEIL_KERN_MAP_H

#include "base/err.h"

struct bpf_map;

/* Sets an entry. -E2BIG: the table is full. */
MUSTCHECK int map_put(const struct bpf_map *map, const void *key, const void *value, struct err *e);
/* Deletes an entry; one that is not there is fine. */
int map_take(const struct bpf_map *map, const void *key, struct err *e);
/* Deletes every key that is not among the n wanted; keys of at most 8 bytes. */
int map_keep(const struct bpf_map *map, const void *wanted, unsigned n, struct err *e);

#endif
