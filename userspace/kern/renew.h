/* SPDX-License-Identifier: MIT */
/* renew: pins of an older version. Maps that are as they were are adopted; of those that have changed new
 * ones are made, without a name, and take the old one's when the programs use them. Until then nothing of the
 * older installation is touched, so that its programs enforce what they did. */
#ifndef PGVEIL_KERN_RENEW_H
#define PGVEIL_KERN_RENEW_H

#include <stdint.h>
#include "base/err.h"

#define RENEW_OLDEST 1 /* the first version whose pins can be taken over */
#define RENEW_MAX    16

struct bpf_map;
struct bpf_object;

struct renewal { /* zeroed: nothing is renewed */
	struct bpf_map *map[RENEW_MAX];
	int old_fd[RENEW_MAX];
	unsigned n;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
};

/* Between opening o and loading it. */
MUSTCHECK int renew_begin(struct renewal *rn, struct bpf_object *o, const char *pin_dir, struct err *e);
/* When it is loaded: what can be carried over is. */
MUSTCHECK int renew_copy(struct renewal *rn, struct err *e);
/* When all programs are attached. */
MUSTCHECK int renew_end(struct renewal *rn, const char *pin_dir, int flows_fd, struct err *e);
void renew_fini(struct renewal *rn);

#endif
