/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>
#include "cli/client.h"

const char reload_help[] = "usage: pgveil reload\n"
			   "\n"
			   "The daemon reads its policy files anew: all of them, or, if there is a mistake "
			   "in any, none; then the mistakes are\n"
			   "listed and the policy in force stays. The same as SIGHUP, with an answer.\n";

int cli_reload(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'}, {0}};
	json_t *answer = NULL, *line;
	struct err e = {0};
	size_t i;
	int c, r;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		fputs(reload_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	r = client_call(s->run_dir, "POST", "/v1/reload", NULL, &answer, &e);
	if (s->json && answer) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (!r) {
		printf("policy version %" JSON_INTEGER_FORMAT " is in force\n",
			json_integer_value(json_object_get(answer, "version")));
	}
	json_array_foreach(r ? json_object_get(answer, "complaints") : NULL, i, line)
		fprintf(stderr, "%s\n", json_string_value(line));
	if (r)
		fprintf(stderr, "pgveil: %s\n", e.msg);
	json_decref(answer);
	return r ? 1 : 0;
}
