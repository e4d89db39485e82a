/* SPDX-License-Identifier: MIT */
/* numbered: which numbers the names of a directory stand for: runs, and segments of a run. */
#ifndef PGVEIL_RECORD_NUMBERED_H
#define PGVEIL_RECORD_NUMBERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* Ascending, of the names that number_of takes; the caller frees *out, which is NULL where there are none.
 * what: of whom it is told that it cannot be listed. */
MUSTCHECK int numbered_list(int dir_fd, bool (*number_of)(const char *name, uint64_t *number),
	const char *what, uint64_t **out, size_t *n, struct err *e);

#endif
