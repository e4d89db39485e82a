/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include "cli/client.h"

const char metrics_help[] =
	"usage: pgveil metrics\n"
	"\n"
	"What the daemon counts, in Prometheus' text format. pgveild can offer the same over "
	"TCP: see its help.\n";

int cli_metrics(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'}, {0}};
	struct err e = {0};
	char *text;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		fputs(metrics_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (client_text(s->run_dir, "/metrics", &text, &e)) {
		fprintf(stderr, "pgveil: %s\n", e.msg);
		return 1;
	}
	fputs(text, stdout);
	free(text);
	return 0;
}
