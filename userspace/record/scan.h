/* SPDX-License-Identifier: MIT */
/* scan: the entries of one segment, one after another, each with the hash that it must have. Opens nothing
 * that is packed or enciphered. */
#ifndef PGVEIL_RECORD_SCAN_H
#define PGVEIL_RECORD_SCAN_H

#include "base/err.h"
#include "record/segment.h"

enum scan_result {
	SCAN_BAD = 0, /* what stands there was altered, or is no entry */
	SCAN_FAILED,  /* it cannot be read */
	SCAN_TORN,    /* the last entry was never written whole */
	SCAN_END,
	SCAN_ENTRY,
};

struct scan {
	int fd;
	uint64_t offset, size; /* of the entry that comes next; of the file when it was last looked at */
	uint8_t *buf;
	size_t filled, cap;
	uint64_t at;               /* offset of buf */
	uint8_t chain[ENTRY_HASH]; /* behind the last entry */
	uint8_t before[ENTRY_HASH];
	struct segment segment; /* after the first entry; its node is borrowed until the next */
	struct entry entry;     /* the last */
	struct span body;       /* as it is stored; until the next call */
};

/* dir_fd: of the recording. -ENOENT, … */
MUSTCHECK int scan_open(struct scan *s, int dir_fd, uint64_t number, struct err *e);
void scan_close(struct scan *s);
enum scan_result scan_next(struct scan *s, struct err *e);
/* The file may have grown, or lost what was no whole entry. */
MUSTCHECK int scan_again(struct scan *s, struct err *e);
/* Bytes from where the last entry ends to the end of the file. */
uint64_t scan_left(const struct scan *s);

#endif
