/* SPDX-License-Identifier: MIT */
#include "cli/policy.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/policy_database.h"
#include "policy/policy.h"

static const char help[] =
	"Usage: pgveil policy check FILE...\n"
	"       pgveil policy test [DIR|FILE...]\n"
	"       pgveil policy explain --policy FILE --schema FILE --cgroup PATH [SQL]\n"
	"       pgveil policy learn [--rules] [--against FILE] [OPTION]...\n"
	"\n"
	"Works on policy files: no root, no daemon; a database only for check --database.\n"
	"\n"
	"  check    reads policies and names every mistake in them with file, line and column\n"
	"  test     runs the expectations in a folder (policy/expect) against their policies\n"
	"  explain  says what a statement of one caller would show, and which rule is the reason\n"
	"  learn    proposes what a policy must let through, from what was recorded\n"
	"\n"
	"`pgveil policy VERB --help` says more. Every verb takes --json.\n"
	"The language is described in policy/README.md and policy/schema.json.\n";

static const char check_help[] =
	"Usage: pgveil policy check [--database CONNINFO] [--json] FILE...\n"
	"\n"
	"Reads the files as one set, as the daemon would, and prints every mistake in all of them as\n"
	"file:line:column: message. Key files that rules name are read too; password files are not.\n"
	"Warnings are of what works and should be known; they do not change the exit status.\n"
	"${NAME} in a policy is replaced by the environment's NAME.\n"
	"\n"
	"  --database CONNINFO\n"
	"           asks a database, too, by psql: columns that rules name and it does not have, and what "
	"it\n"
	"           holds that lets masked values be seen elsewhere: triggers, rules, views of others, "
	"functions\n"
	"           that are SECURITY DEFINER, publications, foreign tables, indexes and statistics\n"
	"  --json   {\"ok\": …, \"databases\": N, \"mistakes\": [{\"file\", \"line\", \"column\", "
	"\"message\"}],\n"
	"           \"warnings\": [\"file:line: message\"], \"findings\": [{\"kind\", \"object\", "
	"\"columns\",\n"
	"           \"rule\", \"message\", \"hint\"}]}\n"
	"\n"
	"Exit status: 0 no mistake, 1 mistakes, 2 used wrongly, 3 the database has something that was "
	"warned\n"
	"of, 4 it could not be asked.\n";

/* "file:line:column: message"; a file's name may hold colons, so it ends where two numbers follow. */
static json_t *mistake_json(const char *text)
{
	for (const char *s = text; (s = strchr(s, ':')) != NULL; s++) {
		unsigned line, column;
		int n = 0;

		if (sscanf(s, ":%u:%u: %n", &line, &column, &n) == 2 && n)
			return json_pack("{s:s%, s:i, s:i, s:s}", "file", text, (size_t)(s - text), "line",
				(int)line, "column", (int)column, "message", s + n);
	}
	return json_pack("{s:s}", "message", text);
}

static void add_warning(void *arg, const char *text)
{
	json_array_append_new(arg, json_string(text));
}

static void print_check_json(const struct policy *p, const struct complaints *c, json_t *findings)
{
	json_t *list = json_array(), *warnings = json_array(), *root;

	for (unsigned i = 0; i < c->n; i++)
		json_array_append_new(list, mistake_json(c->line[i]));
	if (p)
		policy_warnings(p, add_warning, warnings);
	root = json_pack("{s:b, s:i, s:o, s:o, s:O}", "ok", p != NULL, "databases",
		p ? (int)policy_databases(p) : 0, "mistakes", list, "warnings", warnings, "findings",
		findings);
	if (root)
		json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

static void print_warning(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "warning: %s\n", text);
}

static void print_finding(const json_t *f)
{
	const json_t *columns = json_object_get(f, "columns"), *c;
	size_t i;

	fprintf(stderr, "warning: %s: %s: %s", json_string_value(json_object_get(f, "rule")),
		json_string_value(json_object_get(f, "message")),
		json_string_value(json_object_get(f, "object")));
	json_array_foreach(columns, i, c) fprintf(stderr, "%s%s", i ? ", " : ": ", json_string_value(c));
	fprintf(stderr, "\n  hint: %s\n", json_string_value(json_object_get(f, "hint")));
}

/* The exit status. */
static int check_database(const struct policy *p, const char *conninfo, json_t *findings, bool json)
{
	struct err e = {0};
	size_t i;
	json_t *f;

	if (policy_database_check(p, conninfo, findings, &e)) {
		fprintf(stderr, "pgveil policy check: %s\n", e.msg);
		return 4;
	}
	json_array_foreach(findings, i, f) if (!json) print_finding(f);
	return json_array_size(findings) ? 3 : 0;
}

int policy_check(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"database", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *database = NULL;
	json_t *findings;
	struct complaints c = {0};
	struct policy *p = NULL;
	bool json = false;
	int o, r, status;

	optind = 0;
	while ((o = getopt_long(argc, argv, "jd:h", options, NULL)) != -1) {
		if (o == 'h') {
			fputs(check_help, stdout);
			return 0;
		}
		if (o != 'j' && o != 'd')
			return 2;
		json = json || o == 'j';
		database = o == 'd' ? optarg : database;
	}
	if (optind == argc) {
		fputs(check_help, stderr);
		return 2;
	}
	r = policy_load(&p, (const char *const *)argv + optind, (unsigned)(argc - optind), &c);
	findings = json_array();
	status = r ? 1 : database ? check_database(p, database, findings, json) : 0;
	if (json) {
		print_check_json(p, &c, findings);
	} else {
		for (unsigned i = 0; i < c.n; i++)
			fprintf(stderr, "%s\n", c.line[i]);
		if (r && !c.n)
			fprintf(stderr, "pgveil policy check: out of memory\n");
		if (!r) {
			policy_warnings(p, print_warning, NULL);
			printf("%d file%s, no mistake\n", argc - optind, argc - optind == 1 ? "" : "s");
		}
	}
	policy_unref(p);
	complaints_fini(&c);
	json_decref(findings);
	return status;
}

int cli_policy(int argc, char **argv)
{
	static char name[32];
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {{"check", policy_check}, {"test", policy_test}, {"explain", policy_explain},
		{"learn", policy_learn}};

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
				strcmp(argv[1], "help") == 0)) {
		fputs(help, stdout);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0) {
			/* getopt names itself by it */
			snprintf(name, sizeof(name), "pgveil policy %s", verbs[i].name);
			argv[1] = name;
			return verbs[i].run(argc - 1, argv + 1);
		}
	if (argc > 1)
		fprintf(stderr, "pgveil policy: there is no verb \"%s\"\n", argv[1]);
	fputs(help, stderr);
	return 2;
}
