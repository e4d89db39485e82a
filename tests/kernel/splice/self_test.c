/* SPDX-License-Identifier: MIT */
/* What the daemon tries at its start before it lets the kernel hand on rows (kern/splice.h). A check that
 * fails is no mistake of ours: the daemon then splices in user space. So 77, "not on this kernel". */
#include <stdio.h>
#include "kern/splice.h"

int main(void)
{
	struct splicer *s = NULL;
	struct err e = {0};
	unsigned failed;

	if (splice_open(&s, &e)) {
		printf("the program does not load: %s\n", e.msg);
		return 1;
	}
	failed = splice_test(s, &e);
	for (unsigned c = 0; c < SPLICE_CHECK_MAX; c++)
		printf("%-10s %s\n", splice_check_name((enum splice_check)c),
			failed >> c & 1 ? "fails" : "ok");
	if (failed)
		printf("%s\n", e.msg);
	splice_close(s);
	return failed ? 77 : 0;
}
