/* SPDX-License-Identifier: MIT */
/* hook: one of our programs on the guarded root, and the pinned link that holds it there. */
#ifndef PGVEIL_KERN_HOOK_H
#define PGVEIL_KERN_HOOK_H

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct bpf_link;
struct bpf_object;
struct bpf_program;

struct hook {
	const char *pin; /* below links/ */
	const char *program;
	enum bpf_attach_type type;
	const char *needs; /* a function that the kernel must have; NULL: every kernel that we run on does */
	enum bpf_prog_type
		named; /* where libbpf does not know the attach type: what the program is; else 0 */
};

/* The hooks in the order of attaching. */
#define HOOKS_MAX 16
const struct hook *hook_at(size_t i); /* NULL: no more */

/* Before the object is loaded: programs that this kernel has no hook for are left out, and the others whose
 * kind libbpf cannot know are told theirs. */
void hook_prepare(struct bpf_object *obj);

/* Puts prog on root (its id: root_id), or in one step in the place of what the link pinned at `pin` has
 * there. *link: what the caller held until now (destroyed; the pin keeps it in force) or NULL; on success the
 * link, which the caller destroys. -EPERM below a foreign program without flags is explained. */
MUSTCHECK int hook_attach(struct bpf_link **link, const struct hook *h, struct bpf_program *prog,
	const char *root, uint64_t root_id, const char *pin, struct err *e);
/* -ESTALE: it is not attached to root, whose id is root_id. */
MUSTCHECK int hook_check(
	const struct bpf_link *link, const struct hook *h, const char *root, uint64_t root_id, struct err *e);
/* Whether there is a cgroup of this id anywhere: a removed one may keep its links for a while, and guards
 * nobody. Where that cannot be told, there is. */
bool hook_cgroup_lives(uint64_t id);

#endif
