/* SPDX-License-Identifier: MIT */
#include "main/splicing.h"

#include <stdio.h>
#include <string.h>
#include "base/log.h"

/* Whether `auto` has the kernel hand on rows by itself where it passes the test. `make bench-splice` found
 * nothing that it saves, of rows of any size, and what it takes the place of saves something (README.md). */
#define AUTO_WINDOWS false

/* FIONREAD is not asked by anything here; whoever forces it may do without. */
#define NEEDLESS (1u << SPLICE_CHECK_READABLE)

struct splicer *splicing_open(enum splice_mode mode, struct splice_verdict *verdict)
{
	struct splicer *s = NULL;
	char names[96] = "";
	struct err e = {0};
	unsigned failed;

	if (mode == SPLICE_OFF || (mode == SPLICE_AUTO && !AUTO_WINDOWS))
		return NULL;
	if (splice_open(&s, &e)) {
		log_event(LOG_WARN, "splice.failed", "%s", e.msg);
		return NULL;
	}
	failed = splice_test(s, &e);
	*verdict = (struct splice_verdict){true, failed};
	for (enum splice_check c = 0; c < SPLICE_CHECK_MAX; c++) {
		if (failed & 1u << c)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				*names ? " " : "", splice_check_name(c));
	}
	if (mode == SPLICE_FORCE ? failed & ~NEEDLESS : failed) {
		log_with(LOG_WARN, "splice.failed", LOG_FIELDS(LOG_TEXT("checks", names)), "%s", e.msg);
		splice_close(s);
		return NULL;
	}
	log_with(LOG_INFO, "splice.ready", LOG_FIELDS(LOG_TEXT("checks", names)),
		"the kernel hands on rows by itself");
	return s;
}
