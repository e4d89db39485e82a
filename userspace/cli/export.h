/* SPDX-License-Identifier: MIT */
/* export: a session written to a file in a format of others: lines of JSON, asciicast v2, HTML. Each goes
 * once over the records and keeps none of them. */
#ifndef PGVEIL_CLI_EXPORT_H
#define PGVEIL_CLI_EXPORT_H

#include <stdio.h>
#include "record/reader.h"

struct export_format {
	const char *name;
	void *(*start)(FILE *f, const char *id);              /* NULL: no memory */
	bool (*take)(void *x, const struct read_record *rec); /* false: no memory */
	/* whole: all records were read; else it says that the rest is missing. Frees x. */
	void (*finish)(void *x, bool whole);
};

extern const struct export_format export_jsonl, export_asciicast, export_html;

#endif
