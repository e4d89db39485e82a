/* SPDX-License-Identifier: MIT */
#include "session/account.h"

#include <stdlib.h>

struct account *account_open(struct accounts *as, uint64_t cgroup_id)
{
	struct account *a;

	for (a = as->first; a; a = a->next) {
		if (a->cgroup_id == cgroup_id) {
			a->refs++;
			return a;
		}
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	*a = (struct account){.next = as->first, .cgroup_id = cgroup_id, .refs = 1};
	as->first = a;
	return a;
}

void account_close(struct accounts *as, struct account *a)
{
	struct account **p = &as->first;

	if (!a || --a->refs)
		return;
	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
	free(a);
}
