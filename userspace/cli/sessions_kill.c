/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <stdio.h>
#include "cli/client.h"

int sessions_kill(struct sessions *s)
{
	json_t *answer = NULL;
	struct err e = {0};
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/v1/sessions/%u-%llu", s->run, (unsigned long long)s->session);
	r = client_call(s->settings->run_dir, "DELETE", path, NULL, &answer, &e);
	if (!r && s->settings->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(answer);
	return r ? sessions_fail(&e) : 0;
}
