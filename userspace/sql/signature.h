/* SPDX-License-Identifier: MIT */
/* signature: a function as a person writes it down, "public.total(integer, text)", and which function of a
 * catalogue that is. */
#ifndef PGVEIL_SQL_SIGNATURE_H
#define PGVEIL_SQL_SIGNATURE_H

#include <stdbool.h>
#include "sql/catalog.h"

/* schema.name(type, …) with nothing else about it. */
bool signature_valid(const char *text);
/* NULL: there is none, or no memory to tell. */
const struct function *signature_find(const struct catalog *c, const char *text);

#endif
