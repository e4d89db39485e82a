/* SPDX-License-Identifier: MIT */
/* settled: what a server answers when a judged session asks how it reads statements (session/enter.c). */
#ifndef PGVEIL_TEST_SETTLED_H
#define PGVEIL_TEST_SETTLED_H

#include <string.h>

#include "pgwire/frame.h"
#include "pgwire/put.h"

/* The row, and ReadyForQuery behind it. */
static inline void put_settled(struct put *w)
{
	static const char *const cells[] = {"on", "UTF8", "\"$user\", public", "pgveil_agent",
		"pg_catalog\npublic", "UTF8", "$1,234,567.00", "-$1,234,567.00", "none", "0"};

	put_start(w, BE_DATA_ROW);
	put_be16(w, sizeof(cells) / sizeof(*cells));
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		put_be32(w, (uint32_t)strlen(cells[i]));
		put_span(w, span_of(cells[i], strlen(cells[i])));
	}
	put_finish(w);
	put_ready(w, 'I');
}

#endif
