/* SPDX-License-Identifier: MIT */
/* waiting: the files of the recordings that are closed, and that no store has acknowledged, in their order.
 */
#ifndef PGVEIL_CTL_WAITING_H
#define PGVEIL_CTL_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct waiting_file {
	uint32_t run;
	uint64_t number, bytes, written_s;
	bool done; /* it waits no more */
};

struct waiting { /* all zero: none */
	struct waiting_file *v;
	size_t n, cap;
};

MUSTCHECK int waiting_list(struct waiting *w, int recordings_fd, struct err *e);
void waiting_fini(struct waiting *w);
/* The directory of a run; a descriptor, or -1 and errno. */
int waiting_run(int recordings_fd, uint32_t run);

struct waiting_sum {
	uint64_t files, bytes, oldest_s; /* of those that wait; oldest: 0 where none does */
};
struct waiting_sum waiting_sum(const struct waiting *w);

#endif
