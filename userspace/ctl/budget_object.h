/* SPDX-License-Identifier: MIT */
/* budget_object: an ExportBudget (deploy/kubernetes/base/crds/exportbudgets.yaml) as the window that it is of
 * (policy/pool.h). Asks nobody and keeps nothing. */
#ifndef PGVEIL_CTL_BUDGET_OBJECT_H
#define PGVEIL_CTL_BUDGET_OBJECT_H

#include <jansson.h>
#include "base/err.h"
#include "policy/pool.h"

#define BUDGET_KEY_MAX  4096u
#define BUDGET_NAME_LEN 36u /* with the NUL */

/* The object's name. -ENAMETOOLONG: the key does not fit into one. */
MUSTCHECK int budget_object_name(const char *key, char out[BUDGET_NAME_LEN], struct err *e);
/* As nobody has spent of it. NULL: no memory. */
json_t *budget_object_make(const char *name, const char *space, const char *key);
/* *out is to be freed by budget_object_fini, before object is. -EBADMSG: it is not of that window, or is not
 * understood: that is no fresh budget. */
MUSTCHECK int budget_object_take(const json_t *object, const char *key, struct pool *out, struct err *e);
void budget_object_fini(struct pool *p);
/* The object with that in its status. NULL: no memory. */
json_t *budget_object_put(const json_t *object, const struct pool *p, const uint64_t limit[MEASURES]);

#endif
