/* SPDX-License-Identifier: MIT */
/* seal_file: the key that a node's recordings are sealed with, made at the first start. Whoever can read it
 * can seal what was never recorded; the public half may be given to anybody. */
#ifndef PGVEIL_CTL_SEAL_FILE_H
#define PGVEIL_CTL_SEAL_FILE_H

#include "base/err.h"
#include "record/seal.h"

/* seal.key of the directory, made where there is none, and seal.pub beside it. */
MUSTCHECK int seal_file_take(int dir_fd, uint8_t key[static SEAL_PRIVATE], struct err *e);

#endif
