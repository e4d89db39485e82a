/* SPDX-License-Identifier: MIT */
/* pgveil: the command line. This file only finds the command; each lives in a file of cli/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/command.h"
#include "cli/policy.h"

struct command {
	const char *name, *summary, *help;
	int (*run)(struct settings *s, int argc, char **argv);
};

/* policy works offline and has verbs and options of its own. */
static int run_policy(struct settings *s, int argc, char **argv)
{
	char **with_json = calloc((size_t)argc + 2, sizeof(*with_json));
	int n = 0, r;

	if (!with_json)
		return 1;
	for (int i = 0; i < argc; i++) {
		with_json[n++] = argv[i];
		/* `pgveil --json policy check F` is `pgveil policy check --json F`. */
		if (i == 1 && s->json)
			with_json[n++] = (char *)"--json";
	}
	r = cli_policy(n, with_json);
	free(with_json);
	return r;
}

static const struct command commands[] = {
	{"run", "run a command whose database connections go through pgveild", run_help, cli_run},
	{"enroll", "let a cgroup's database connections go through pgveild", enroll_help, cli_enroll},
	{"unenroll", "take that back", unenroll_help, cli_unenroll},
	{"status", "what the daemon does at the moment", status_help, cli_status},
	{"flows", "the redirected connections, and who is behind them", flows_help, cli_flows},
	{"events", "what happened: refusals, logins, reloads", events_help, cli_events},
	{"metrics", "the daemon's numbers, as Prometheus reads them", metrics_help, cli_metrics},
	{"doctor", "what is missing or wrong on this machine, and what to do about it", doctor_help,
		cli_doctor},
	{"reload", "have the daemon read its policy files anew", reload_help, cli_reload},
	{"splice", "whether rows that nothing looks at may pass unread", splice_help, cli_splice},
	{"sessions", "what was recorded: find it, replay it, prove that it was not altered", sessions_help,
		cli_sessions},
	{"approvals", "statements that wait for a person, and deciding on them", approvals_help,
		cli_approvals},
	{"grants", "approvals that may still be used, and taking them back", grants_help, cli_grants},
	{"token", "a token for the API, and its line in the file of tokens", token_help, cli_token},
	{"policy", "check, test and explain policies, without a daemon", NULL, run_policy},
	{"ready", "whether capture works, as far as the daemon has seen", ready_help, cli_ready},
	{"wait", "wait until whoever runs this is captured, without any privilege", wait_help, cli_wait},
	{"uninstall", "take pgveil out of the kernel", uninstall_help, cli_uninstall},
};

static void print_usage(FILE *f)
{
	fputs("usage: pgveil [--json] [--run-dir DIR] [--pin-dir DIR] COMMAND [ARGUMENT]...\n\n", f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "  --run-dir DIR   where the daemon's admin socket is (default: /run/pgveil)\n"
	      "  --pin-dir DIR   where its programs and maps are pinned (default: /sys/fs/bpf/pgveil)\n"
	      "  --json          machine-readable output\n"
	      "\n"
	      "`pgveil help COMMAND` says more about each.\n",
		f);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int help(const char *name)
{
	const struct command *c = name ? find(name) : NULL;
	char *argv[] = {(char *)"policy", (char *)"--help", NULL};

	if (!name) {
		print_usage(stdout);
		return 0;
	}
	if (!c) {
		fprintf(stderr, "pgveil: no command %s\n", name);
		return 2;
	}
	if (!c->help)
		return cli_policy(2, argv);
	fputs(c->help, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'}, {0}};
	struct settings s = {.run_dir = "/run/pgveil", .pin_dir = "/sys/fs/bpf/pgveil"};
	const struct command *c;
	int opt, first;

	while ((opt = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		if (settings_take(&s, opt))
			continue;
		if (opt == 'h')
			return help(NULL);
		return 2;
	}
	if (optind == argc) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[optind], "help") == 0)
		return help(argv[optind + 1]);
	c = find(argv[optind]);
	if (!c) {
		fprintf(stderr, "pgveil: no command %s\n", argv[optind]);
		print_usage(stderr);
		return 2;
	}
	first = optind;
	optind = 0; /* glibc: begin anew, with the command's own options */
	return c->run(&s, argc - first, argv + first);
}
