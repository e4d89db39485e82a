/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>
#include "cli/client.h"
#include "cli/finding.h"
#include "sql/parse.h"

const char doctor_help[] =
	"usage: pgveil doctor [--agent-role ROLE]\n"
	"\n"
	"What is missing or wrong on this machine, and what to do about it: the kernel's features (tried, "
	"not\n"
	"concluded from a version), cgroups, the BPF file system, programs of others in the way, the "
	"daemon's\n"
	"capabilities and limits, secrets that others may read, certificates that end, and what the daemon "
	"knows\n"
	"of each database. Changes nothing.\n"
	"\n"
	"  --agent-role ROLE   the role that the agents' DSN names: fails where it may log in without the "
	"engine\n"
	"  --json              an array of {\"check\", \"verdict\", \"finding\", \"remedy\"}\n"
	"\n"
	"Exit status 1 where a check failed; warnings alone do not count.\n";

static json_t *ask_daemon(const struct settings *s, struct findings *f)
{
	json_t *status = NULL;
	struct err e = {0};

	if (!client_call(s->run_dir, "GET", "/v1/status", NULL, &status, &e)) {
		finding_add(f, FINDING_OK, "daemon", NULL,
			"pgveild %s answers, process %" JSON_INTEGER_FORMAT,
			json_string_value(json_object_get(status, "version")),
			json_integer_value(json_object_get(status, "pid")));
		return status;
	}
	json_decref(status);
	finding_add(f, FINDING_WARN, "daemon",
		"start it (systemctl start pgveild), or say where it is with --run-dir; run doctor as root",
		"%s: what only it knows is not checked", e.msg);
	return NULL;
}

int cli_doctor(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"agent-role", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct findings f = {0};
	const char *role = NULL;
	json_t *status;
	int c, failed;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		if (c == 'r') {
			role = optarg;
			continue;
		}
		fputs(doctor_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	status = ask_daemon(s, &f);
	doctor_machine(&f, s->pin_dir, status);
	doctor_enrolled(&f, status);
	finding_add(&f, FINDING_OK, "grammar", NULL, "statements are read with the grammar of PostgreSQL %s",
		parse_grammar());
	if (status)
		doctor_databases(&f, status, role);
	finding_print(&f, s->json);
	failed = f.n[FINDING_FAIL] || f.lost;
	finding_fini(&f);
	json_decref(status);
	return failed ? 1 : 0;
}
