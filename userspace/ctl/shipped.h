/* SPDX-License-Identifier: MIT */
/* shipped: what is known of the store on the disk: which files of a recording it has acknowledged, each by a
 * file beside it that is there or not, whatever is in it; and the upload in parts that is under way. One
 * process has it at a time. */
#ifndef PGVEIL_CTL_SHIPPED_H
#define PGVEIL_CTL_SHIPPED_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

#define SHIPPED_NAME 1024

/* Of the file number of a run's directory. as: for whoever looks there; a disk that is full keeps the mark
 * without it. On disk when it returns. */
MUSTCHECK int shipped_mark(int run_fd, uint64_t number, const char *as, struct err *e);
bool shipped_marked(int run_fd, uint64_t number);
void shipped_forget(int run_fd, uint64_t number); /* with the file that it is of */

/* The directory of the state, made where there is none. */
MUSTCHECK int shipped_open(int *dir_fd, const char *state_dir, struct err *e);
/* -EBUSY: another process has it. *lock_fd: closed, it is given back. */
MUSTCHECK int shipped_lock(int dir_fd, int *lock_fd, struct err *e);
/* "" where there is none. */
MUSTCHECK int shipped_upload_get(int dir_fd, char key[SHIPPED_NAME], char id[SHIPPED_NAME], struct err *e);
/* On disk when it returns; id "": there is none any more. */
MUSTCHECK int shipped_upload_put(int dir_fd, const char *key, const char *id, struct err *e);

#endif
