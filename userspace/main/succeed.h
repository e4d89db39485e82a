/* SPDX-License-Identifier: MIT */
/* succeed: this daemon takes another one's place, and later gives its own to the next. */
#ifndef PGVEIL_MAIN_SUCCEED_H
#define PGVEIL_MAIN_SUCCEED_H

#include "base/err.h"

struct daemon;

/* Finds the daemon that runs, and gets its lock on the pins. -ENOENT: there is none. */
MUSTCHECK int succeed_begin(struct daemon *d, struct err *e);
/* Listeners and what was in its memory; from here on the kernel runs our programs. */
MUSTCHECK int succeed_receive(struct daemon *d, struct err *e);
/* All is there: sessions are served from now on, and the next daemon may come. */
MUSTCHECK int succeed_open(struct daemon *d, struct err *e);
void succeed_close(struct daemon *d); /* nobody may come any more */
/* SIGUSR2: starts the program that is installed now, to take over. */
void succeed_spawn(struct daemon *d);

#endif
