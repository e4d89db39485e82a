/* SPDX-License-Identifier: MIT */
/* What a server says, cut anywhere: bpf/splice.h hands on whole pieces of rows and nothing else, and knows
 * where it is. */
#include "splice_follow.h"

struct cuts {
	const uint8_t *p;
	size_t n, at;
};

static size_t next(void *arg)
{
	struct cuts *c = arg;

	return c->n ? 1 + c->p[c->at++ % c->n] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cuts cuts;

	if (n < 2)
		return 0;
	cuts = (struct cuts){p + 2, p[0] % 16, 0};
	if (n < 2 + cuts.n)
		return 0;
	if (!follow(p[1] & 1 ? 'D' : 'd', p + 2 + cuts.n, n - 2 - cuts.n, next, &cuts))
		__builtin_trap();
	return 0;
}
