/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/client.h"

const char splice_help[] =
	"usage: pgveil splice [on|off]\n"
	"\n"
	"Says whether rows that nothing in the engine looks at may pass without being "
	"read. off ends that at once, also in the\n"
	"middle of a row, and until the daemon is started again; on takes that back, where "
	"pgveild runs without --splice off.\n";

static int call(const struct settings *s, const char *word, json_t **answer, struct err *e)
{
	json_t *body;
	int r;

	if (!word)
		return client_call(s->run_dir, "GET", "/v1/splice", NULL, answer, e);
	body = json_pack("{s:b}", "on", strcmp(word, "on") == 0);
	if (!body)
		return err_set(e, -ENOMEM, "out of memory");
	r = client_call(s->run_dir, "POST", "/v1/splice", body, answer, e);
	json_decref(body);
	return r;
}

int cli_splice(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'}, {0}};
	const char *word = NULL;
	json_t *answer = NULL;
	struct err e = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		fputs(splice_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc)
		word = argv[optind++];
	if (optind < argc || (word && strcmp(word, "on") != 0 && strcmp(word, "off") != 0)) {
		fputs(splice_help, stderr);
		return 2;
	}
	r = call(s, word, &answer, &e);
	if (r)
		fprintf(stderr, "pgveil: %s\n", e.msg);
	else if (s->json)
		json_dumpf(answer, stdout, JSON_INDENT(2));
	else
		puts(json_is_true(json_object_get(answer, "on")) ? "on" : "off");
	json_decref(answer);
	return r ? 1 : 0;
}
