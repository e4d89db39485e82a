/* SPDX-License-Identifier: MIT */
/* pin: the directory below a bpffs that keeps our maps and links when the daemon is gone. */
#ifndef PGVEIL_KERN_PIN_H
#define PGVEIL_KERN_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* dir/sub/name, or dir/sub where name is empty. */
MUSTCHECK int pin_path(
	char *out, size_t cap, const char *dir, const char *sub, const char *name, struct err *e);
/* Whether dir is on a bpf file system. */
bool pin_on_bpffs(const char *dir);
/* Whether that bpffs is one that the machine's first process sees, and not of a mount namespace or a
 * container that takes the pins with it when it ends: then nobody would be guarded, and nobody told. -EXDEV:
 * it is not, or nobody can tell. */
MUSTCHECK int pin_on_hosts(const char *dir, struct err *e);
/* Makes dir with maps/ and links/. *fresh: something of it was missing. -ENODEV: not on a bpffs; -EXDEV: not
 * on the host's. */
MUSTCHECK int pin_make_dir(const char *dir, bool *fresh, struct err *e);
/* Detaches every link, unpins everything by whatever name, and removes the directory. */
MUSTCHECK int pin_remove_all(const char *dir, struct err *e);

#endif
