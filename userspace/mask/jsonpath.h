/* SPDX-License-Identifier: MIT */
/* jsonpath: which mask each place of a JSON document has, by paths: a subset of SQL/JSON path, lax. Never
 * reads a document: who walks one says where it is. Immutable once made. */
#ifndef PGVEIL_MASK_JSONPATH_H
#define PGVEIL_MASK_JSONPATH_H

#include "mask/mask.h"

#define JSONPATH_PATHS_MAX  64
#define JSONPATH_STEPS_MAX  30
#define JSONPATH_SOURCE_MAX 200

struct jsonpath;

/* keep: what no path names is shown, and otherwise redacted. a NULL: freed by jsonpath_free; else it lives in
 * a, is not to be freed, and its masks only borrow. */
MUSTCHECK int jsonpath_new(struct jsonpath **out, bool keep, struct arena *a);
/* Paths are given from the strictest mask on: of two that name one place the first counts. m NULL: what the
 * path names is shown. What m owns is taken, also by a failure. -EINVAL: e says what is wrong with the path.
 */
MUSTCHECK int jsonpath_add(struct jsonpath *p, const char *path, struct mask *m, struct err *e);
void jsonpath_free(struct jsonpath *p); /* NULL is fine */

bool jsonpath_keeps(const struct jsonpath *p);
unsigned jsonpath_count(const struct jsonpath *p);
const char *jsonpath_text(const struct jsonpath *p, unsigned i);
const struct mask *jsonpath_mask(const struct jsonpath *p, unsigned i); /* NULL: shown */

/* A place: how far each path has come there. A bit for each step that is next, and one for the end. */
struct jsonplace {
	uint32_t at[JSONPATH_PATHS_MAX];
};

void jsonplace_root(const struct jsonpath *p, struct jsonplace *out);
void jsonplace_member(
	const struct jsonpath *p, const struct jsonplace *object, struct span key, struct jsonplace *out);
void jsonplace_element(
	const struct jsonpath *p, const struct jsonplace *array, size_t index, struct jsonplace *out);
/* When it is known what stands there: which path names the place, or -1. */
int jsonplace_settle(const struct jsonpath *p, struct jsonplace *here, bool array);
/* Whether a path may name something below. */
bool jsonplace_leads_on(const struct jsonpath *p, const struct jsonplace *here);

#endif
