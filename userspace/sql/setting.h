/* SPDX-License-Identifier: MIT */
/* setting: names of settings, as far as the analysis cares. */
#ifndef PGVEIL_SQL_SETTING_H
#define PGVEIL_SQL_SETTING_H

#include <stdbool.h>

/* Nobody's ("app.tenant"), for functions and policies of the database to read: the server only keeps it. */
bool setting_custom(const char *name);

#endif
