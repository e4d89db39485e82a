/* SPDX-License-Identifier: MIT */
/* splicing: whether the kernel at hand may hand on rows by itself, asked once at the start. */
#ifndef PGVEIL_MAIN_SPLICING_H
#define PGVEIL_MAIN_SPLICING_H

#include "kern/splice.h"
#include "net/worker.h"

/* NULL: it does not; the log says why, where it was asked for. *verdict: what the test said. */
struct splicer *splicing_open(enum splice_mode mode, struct splice_verdict *verdict);

#endif
