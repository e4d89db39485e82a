/* SPDX-License-Identifier: MIT */
/* identity: turns what the kernel recorded of a flow into a struct caller. Remembers the paths of cgroups,
 * which never change and whose ids are never given again. Used by any worker. */
#ifndef PGVEIL_NET_IDENTITY_H
#define PGVEIL_NET_IDENTITY_H

#include "base/err.h"
#include "kern/flow.h"
#include "policy/caller.h"

struct identity;

struct book;

/* mount: where cgroup v2 is; root: the guarded directory below it; book: of the pods, NULL where there are
 * none. All outlive the identity. */
MUSTCHECK int identity_new(
	struct identity **out, const char *mount, const char *root, struct book *book, struct err *e);
void identity_free(struct identity *id);
/* out's pod is a reference, to be given back (pod_unref). */
void identity_fill(
	struct identity *id, uint64_t netns_cookie, const struct flow_value *v, struct caller *out);
void identity_fill_unix(struct identity *id, const struct unix_flow_value *v, struct caller *out);

#endif
