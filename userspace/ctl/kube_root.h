/* SPDX-License-Identifier: MIT */
/* kube_root: the cgroup in which the kubelet of this machine keeps all pods. */
#ifndef PGVEIL_CTL_KUBE_ROOT_H
#define PGVEIL_CTL_KUBE_ROOT_H

#include <stddef.h>
#include "base/err.h"

/* mount: of cgroup v2; own: the daemon's cgroup below it. Where that is a pod's it says which directory it
 * is; else the one that is looked for is the one nearest to the mount. -ENOENT: there is none; -EBUSY: there
 * are several, and somebody must say which. */
MUSTCHECK int kube_root_find(const char *mount, const char *own, char *out, size_t cap, struct err *e);

#endif
