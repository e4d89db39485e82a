/* SPDX-License-Identifier: MIT */
/* screen: a session as it may have looked to the agent: what it asked, behind a prompt, and tables, messages
 * and errors as psql sets them. Nothing that was recorded reaches the terminal as anything but text. */
#ifndef PGVEIL_CLI_SCREEN_H
#define PGVEIL_CLI_SCREEN_H

#include "cli/plain.h"
#include "cli/story.h"

struct screen;

struct screen *screen_new(const char *id, bool color); /* NULL: no memory */
void screen_free(struct screen *s);                    /* NULL is fine */
/* The next record of the session; what is to be seen then is appended to *out. asks: something is about to be
 * asked. false: no memory. */
MUSTCHECK bool screen_take(struct screen *s, const struct read_record *rec, struct plain *out);
MUSTCHECK bool screen_finish(struct screen *s, struct plain *out);

#endif
