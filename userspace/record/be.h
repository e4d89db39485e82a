/* SPDX-License-Identifier: MIT */
/* be: numbers as they stand in the recording: big endian. base/buf.h reads them. */
#ifndef PGVEIL_RECORD_BE_H
#define PGVEIL_RECORD_BE_H

#include <stdint.h>

/* n bytes of v; returns where the next goes. */
static inline uint8_t *put_be(uint8_t *p, uint64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
	return p + n;
}

#endif
