/* SPDX-License-Identifier: MIT */
/* kube_kept: what was last heard of an API server, in a file of the state directory, for a daemon that starts
 * while the server is away. */
#ifndef PGVEIL_CTL_KUBE_KEPT_H
#define PGVEIL_CTL_KUBE_KEPT_H

#include <jansson.h>
#include "base/err.h"

/* Whole or not at all; readable by root only. */
MUSTCHECK int kube_kept_save(const char *state_dir, const char *name, const json_t *what, struct err *e);
/* A reference. -ENOENT: there is no such file; -EINVAL: it is not what was written. */
MUSTCHECK int kube_kept_load(const char *state_dir, const char *name, json_t **out, struct err *e);

#endif
