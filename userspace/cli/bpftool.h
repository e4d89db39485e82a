/* SPDX-License-Identifier: MIT */
/* bpftool: runs the program of that name and reads its JSON. How the command line sees the kernel's side. */
#ifndef PGVEIL_CLI_BPFTOOL_H
#define PGVEIL_CLI_BPFTOOL_H

#include <jansson.h>
#include "base/err.h"

/* args: ends with NULL; "-j" is put before them. *out is a new reference, NULL where bpftool printed nothing.
 * -EREMOTEIO with its own words where it failed. */
MUSTCHECK int bpftool_run(const char *const *args, json_t **out, struct err *e);

#endif
