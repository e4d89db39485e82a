/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "cli/sessions.h"
#include "cli/shipment.h"

struct told {
	const char *dir;
	uint64_t wrong;
};

static void on_recording(void *arg, const char *name)
{
	const struct told *t = arg;
	bool itself = strcmp(name, ".") == 0;

	printf("recording %s%s%s\n", t->dir, itself ? "" : "/", itself ? "" : name);
}

static void on_altered(void *arg, const char *key, const char *why)
{
	struct told *t = arg;

	t->wrong++;
	fprintf(stderr, "pgveil: %s: %s\n", key, why);
}

int sessions_fetch(struct sessions *s)
{
	struct told t = {.dir = s->output};
	const struct shipment_calls calls = {on_recording, on_altered, &t};
	struct shipment sh;
	struct err e = {0};
	int r;

	if (!s->from || !s->endpoint || !s->credentials || !s->output) {
		fputs("pgveil: fetch needs --from, --endpoint, --credentials and --output\n", stderr);
		return 2;
	}
	r = shipment_open(&sh, s, &e);
	if (!r)
		r = shipment_bring(&sh, NULL, s->output, &calls, &e);
	shipment_close(&sh);
	if (r)
		return sessions_fail(&e);
	printf("%llu files of %llu bytes were fetched, %llu were there\n", (unsigned long long)sh.fetched,
		(unsigned long long)sh.bytes, (unsigned long long)sh.had);
	if (t.wrong)
		printf("ALTERED: %llu objects are not what their names say\n", (unsigned long long)t.wrong);
	return t.wrong ? 1 : 0;
}
