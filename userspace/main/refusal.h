/* SPDX-License-Identifier: MIT */
/* refusal: what the kernel's side has refused or dropped, told to the log. */
#ifndef PGVEIL_MAIN_REFUSAL_H
#define PGVEIL_MAIN_REFUSAL_H

#include "bpf/abi.h"

/* root: the guarded cgroup's directory, below mount. */
void refusal_tell(const char *mount, const char *root, const struct refusal_event *ev);

#endif
