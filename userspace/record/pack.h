/* SPDX-License-Identifier: MIT */
/* pack: a record's body made smaller where that is worth it (zstd, RFC 8878). */
#ifndef PGVEIL_RECORD_PACK_H
#define PGVEIL_RECORD_PACK_H

#include "base/buf.h"
#include "base/err.h"

#define PACK_MIN                                                                                             \
	1024 /* bytes; less takes longer than it is worth: a statement of its own is most often shorter */

struct packer; /* one thread's */

MUSTCHECK int packer_new(struct packer **out, struct err *e);
void packer_free(struct packer *p);
/* Of in, into out, which has room for in.n bytes: how many there are; 0: it does not get smaller. */
size_t pack(struct packer *p, struct span in, uint8_t *out);
/* The other way: exactly n bytes. -EBADMSG: it is not that. */
MUSTCHECK int unpack(struct packer *p, struct span in, uint8_t *out, size_t n, struct err *e);

#endif
