/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/client.h"

const char ready_help[] =
	"usage: pgveil ready [--here]\n"
	"\n"
	"What /readyz says: one line for each thing that was looked at. Exit status 0: all of it is as it "
	"should "
	"be.\n"
	"\n"
	"  --here  and the daemon that says so is in the cgroup of whoever asks: while one takes over from "
	"another, that of a\n"
	"          pod is not yet, or no longer, the one that answers\n";

/* The line of cgroup v2 of a process; "" where it cannot be read. */
static void place_of(const char *pid, char out[512])
{
	char path[64], line[512];
	FILE *f;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::", 3) == 0)
			memcpy(out, line, sizeof(line));
	}
	if (f)
		fclose(f);
}

static bool is_here(json_int_t pid)
{
	char number[32], own[512], theirs[512];

	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, pid);
	place_of("self", own);
	place_of(number, theirs);
	return own[0] && strcmp(own, theirs) == 0;
}

int cli_ready(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {
		SETTINGS_OPTIONS, {"here", no_argument, NULL, 'e'}, {"help", no_argument, NULL, 'h'}, {0}};
	json_t *answer = NULL;
	bool here = false, ok;
	struct err e = {0};
	const char *said;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		here |= c == 'e';
		if (settings_take(s, c) || c == 'e')
			continue;
		fputs(ready_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (client_call(s->run_dir, "GET", "/v1/ready", NULL, &answer, &e)) {
		fprintf(stderr, "pgveil: %s\n", e.msg);
		json_decref(answer);
		return 1;
	}
	said = json_string_value(json_object_get(answer, "said"));
	ok = json_is_true(json_object_get(answer, "ready"));
	here = !here || is_here(json_integer_value(json_object_get(answer, "pid")));
	if (s->json)
		json_dumpf(answer, stdout, JSON_COMPACT);
	else
		fputs(said ? said : "", stdout);
	if (s->json)
		putchar('\n');
	if (!here)
		fputs("pgveil: another pgveild answers here\n", stderr);
	json_decref(answer);
	return !ok || !here;
}
