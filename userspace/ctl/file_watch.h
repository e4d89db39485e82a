/* SPDX-License-Identifier: MIT */
/* watch: tells when files changed, however that is done: written in place, replaced by a rename, or by a
 * symbolic link somewhere on the way to them that leads elsewhere now (Kubernetes' ..data). Never reads them.
 */
#ifndef PGVEIL_CTL_FILE_WATCH_H
#define PGVEIL_CTL_FILE_WATCH_H

#include <stdbool.h>
#include "base/err.h"

struct event_base;
struct file_watch;

MUSTCHECK int file_watch_open(struct file_watch **out, struct err *e);
void file_watch_close(struct file_watch *w); /* NULL is fine */
/* From now on these files; those that it had stay marked as they are, others are marked as they are now. On
 * -ENOMEM the old ones stay. */
MUSTCHECK int file_watch_take(struct file_watch *w, const char *const *paths, unsigned n, struct err *e);
void file_watch_mark(struct file_watch *w); /* as they are now: call it before they are read */
/* changed is called on the loop when a file is another one than was marked, and has come to rest; it is
 * marked so then. */
MUSTCHECK int file_watch_start(
	struct file_watch *w, struct event_base *base, void (*changed)(void *arg), void *arg, struct err *e);

#endif
