/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/client.h"
#include "cli/table.h"

const char status_help[] = "usage: pgveil status\n"
			   "\n"
			   "What the daemon does at the moment: the policy in force, the enrolled cgroups, "
			   "the catalogues it keeps, and what the\n"
			   "kernel captured and refused. Exit status 1 where no daemon answers.\n";

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void print_enrolled(const json_t *list)
{
	static const char *const heads[] = {"CGROUP", "STATE", "BY", "ID", "NAMESPACES", NULL};
	struct table t;
	json_t *x;
	size_t i;

	printf("\nenrolled cgroups: %zu\n", json_array_size(list));
	if (!json_array_size(list))
		return;
	table_init(&t, heads, 0x18);
	json_array_foreach(list, i, x)
	{
		table_cell(&t, "%s", text(x, "cgroup"));
		table_cell(&t, "%s", text(x, "state"));
		table_cell(&t, "%s", text(x, "by"));
		table_cell(&t, "%" JSON_INTEGER_FORMAT, number(x, "id"));
		table_cell(&t, "%zu", json_array_size(json_object_get(x, "netns_cookies")));
	}
	table_print(&t);
	table_fini(&t);
	json_array_foreach(list, i, x)
	{
		if (*text(x, "why"))
			printf("  %s is captured, and not ready: %s\n", text(x, "cgroup"), text(x, "why"));
	}
}

static void print_audit(const json_t *a)
{
	if (!json_is_object(a))
		return;
	printf("\nconnections past the engine: %" JSON_INTEGER_FORMAT " ended, %" JSON_INTEGER_FORMAT
	       " that could not be, %" JSON_INTEGER_FORMAT " of others beside enrolled processes\n",
		number(a, "ended"), number(a, "not_ended"), number(a, "foreign"));
	if (!json_is_true(json_object_get(a, "can_end")))
		puts("  this kernel cannot end connections (CONFIG_INET_DIAG_DESTROY)");
}

static void print_catalogues(const json_t *list)
{
	static const char *const heads[] = {
		"DATABASE", "ADDRESS", "NAME", "SESSIONS", "KNOWN TRUE", "", NULL};
	char age[16];
	struct table t;
	json_t *x;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("\ncatalogues\n");
	table_init(&t, heads, 0x18);
	json_array_foreach(list, i, x)
	{
		json_int_t ms = number(x, "age_ms");

		table_cell(&t, "%s", text(x, "database"));
		table_cell(&t, "%s", text(x, "address"));
		table_cell(&t, "%s", text(x, "dbname"));
		table_cell(&t, "%" JSON_INTEGER_FORMAT, number(x, "sessions"));
		if (json_is_true(json_object_get(x, "loaded")))
			table_cell(&t, "%s ago", table_age(age, (unsigned long long)ms));
		else
			table_cell(&t, "never");
		table_cell(&t, "%s", text(x, "failure"));
	}
	table_print(&t);
	table_fini(&t);
}

static void print_counters(const char *title, json_t *o)
{
	const char *key;
	json_t *v;

	printf("\n%s\n", title);
	json_object_foreach(o, key, v)
		printf("  %-22s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(v));
}

static void print_ship(const json_t *o)
{
	char age[16];

	if (!json_is_object(o))
		return;
	printf("\nshipped to %s as %s: %" JSON_INTEGER_FORMAT " files; %" JSON_INTEGER_FORMAT
	       " of %" JSON_INTEGER_FORMAT " bytes wait",
		text(o, "store"), text(o, "node"), number(o, "stored"), number(o, "waiting"),
		number(o, "waiting_bytes"));
	if (number(o, "waiting"))
		printf(", the oldest for %s",
			table_age(age, (unsigned long long)number(o, "oldest_age_s") * 1000));
	putchar('\n');
	if (*text(o, "trouble"))
		printf("  NOT SHIPPED: %s\n", text(o, "trouble"));
}

static void print_failure(const json_t *failure)
{
	time_t at = (time_t)number(failure, "at");
	struct tm tm;
	char when[32];
	json_t *line;
	size_t i;

	if (!json_is_object(failure))
		return;
	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("NOT TAKEN at %s: the policy files have mistakes, the policy above stays\n", when);
	json_array_foreach(json_object_get(failure, "complaints"), i, line)
		printf("  %s\n", json_string_value(line));
}

static void print_status(const json_t *st)
{
	const json_t *policy = json_object_get(st, "policy");
	char up[16], loaded[16];
	json_t *file;
	size_t i;

	printf("pgveild %s, process %" JSON_INTEGER_FORMAT ", up %s, %" JSON_INTEGER_FORMAT
	       " workers, %" JSON_INTEGER_FORMAT " connections\n",
		text(st, "version"), number(st, "pid"),
		table_age(up, (unsigned long long)number(st, "uptime_ms")), number(st, "workers"),
		number(st, "connections"));
	printf("guarded %s, pins in %s\n", text(st, "guarded"), text(st, "pin_dir"));
	if (json_is_string(json_object_get(st, "unguarded")))
		printf("NOT GUARDED: %s\n", text(st, "unguarded"));
	printf("unix sockets: %s\n", text(st, "unix_sockets"));
	printf("policy version %" JSON_INTEGER_FORMAT ", loaded %s ago:", number(policy, "version"),
		table_age(loaded, (unsigned long long)number(policy, "age_ms")));
	json_array_foreach(json_object_get(policy, "files"), i, file) printf(" %s", json_string_value(file));
	putchar('\n');
	print_failure(json_object_get(policy, "failure"));
	json_array_foreach(json_object_get(policy, "warnings"), i, file)
		printf("WARNING: %s\n", json_string_value(file));
	print_enrolled(json_object_get(st, "enrolled"));
	json_array_foreach(json_object_get(st, "denied"), i, file)
		printf("not enrolled any more, and denied: %s\n", json_string_value(file));
	print_audit(json_object_get(st, "audit"));
	print_catalogues(json_object_get(st, "catalogues"));
	print_ship(json_object_get(st, "ship"));
	print_counters("in the kernel", json_object_get(st, "kernel"));
	print_counters("closed unserved", json_object_get(st, "unserved"));
}

int cli_status(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'}, {0}};
	json_t *answer = NULL;
	struct err e = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		fputs(status_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	r = client_call(s->run_dir, "GET", "/v1/status", NULL, &answer, &e);
	if (r) {
		fprintf(stderr, "pgveil: %s\n", e.msg);
	} else if (s->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	} else {
		print_status(answer);
	}
	json_decref(answer);
	return r ? 1 : 0;
}
