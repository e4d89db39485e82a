/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/client.h"

const char enroll_help[] =
	"usage: pgveil enroll CGROUP [--netns PATH | --pid PID]\n"
	"\n"
	"From now on every connect of the cgroup's processes to a PostgreSQL port goes through pgveild. "
	"CGROUP is a cgroup v2\n"
	"directory below the guarded one, or its path below the mount. It stays enrolled over restarts of "
	"the daemon.\n"
	"\n"
	"  --netns PATH   the network namespace its processes live in (/run/netns/NAME)\n"
	"  --pid PID      the same, that of a process\n"
	"\n"
	"Without either it is that of any process in the cgroup, as soon as there is one.\n";

const char unenroll_help[] =
	"usage: pgveil unenroll CGROUP\n"
	"\n"
	"The cgroup is denied from then on: its connects to databases fail (EACCES) until "
	"it is enrolled again or gone. Sessions\n"
	"that are open stay. Where one above it is enrolled, it falls under that. A cgroup that a policy "
	"names cannot be unenrolled.\n";

static void print_json(const char *cgroup, const char *done)
{
	json_t *j = json_pack("{s:s, s:s}", "cgroup", cgroup, "done", done);

	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
}

static int call(struct settings *s, const char *method, json_t *body, const char *done, const char *cgroup)
{
	json_t *answer = NULL;
	struct err e = {0};
	int r = body ? client_call(s->run_dir, method, "/v1/enrol", body, &answer, &e)
		     : err_set(&e, -ENOMEM, "the cgroup's name is not UTF-8");

	if (r)
		fprintf(stderr, "pgveil: %s\n", e.msg);
	else if (s->json)
		print_json(cgroup, done);
	else
		printf("%s %s\n", cgroup, done);
	json_decref(answer);
	json_decref(body);
	return r ? 1 : 0;
}

int cli_enroll(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"netns", required_argument, NULL, 'n'},
		{"pid", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *netns = NULL;
	json_t *body;
	long pid = 0;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		if (c == 'h') {
			fputs(enroll_help, stdout);
			return 0;
		}
		if (c == 'n')
			netns = optarg;
		else if (c == 'p')
			pid = strtol(optarg, NULL, 10);
		if (c == '?' || (c == 'p' && pid <= 0))
			return 2;
	}
	if (argc - optind != 1 || (netns && pid)) {
		fputs(enroll_help, stderr);
		return 2;
	}
	body = json_pack("{s:s}", "cgroup", argv[optind]);
	if (body && netns)
		json_object_set_new(body, "netns", json_string(netns));
	if (body && pid)
		json_object_set_new(body, "pid", json_integer(pid));
	return call(s, "POST", body, "enrolled", argv[optind]);
}

int cli_unenroll(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		fputs(unenroll_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (argc - optind != 1) {
		fputs(unenroll_help, stderr);
		return 2;
	}
	return call(s, "DELETE", json_pack("{s:s}", "cgroup", argv[optind]), "unenrolled", argv[optind]);
}
