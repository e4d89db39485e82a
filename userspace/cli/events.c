/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/client.h"
#include "cli/table.h"

const char events_help[] =
	"usage: pgveil events [--follow] [--since TIME] [--kind GLOB] [--bypass] [--reason GLOB] [--cgroup "
	"GLOB] [--database GLOB]\n"
	"\n"
	"What happened: connects that the kernel refused, statements and logins that were refused, cancels,\n"
	"databases that could not be reached, reloads. The daemon keeps the last few thousand; its log has "
	"all\n"
	"of them. No event holds a value, or the text of a statement.\n"
	"\n"
	"  --follow         goes on, with each event as it happens\n"
	"  --since TIME     only what is not older: 30s, 10m, 2h, 1d, or a time like 2026-11-25T17:00:00Z\n"
	"  --kind GLOB      only events of this name: statement.refused, 'connect.*'\n"
	"  --bypass         only what may have been a way past the engine: connect.refused, socket.refused,\n"
	"                   packet.dropped, foreign.*, stray.*\n"
	"  --reason GLOB    only for this reason: refused_unknown, 'dropped_*'\n"
	"  --cgroup GLOB    only of this cgroup, or below it\n"
	"  --database GLOB  only of this database entry of the policy\n"
	"  --json           each event as one line of JSON\n"
	"\n"
	"pgveild(8) lists the events and their fields. Exit status 1 where no daemon answers.\n";

struct filter {
	char since[32]; /* "": no limit */
	const char *kind, *reason, *cgroup, *database;
	bool bypass, follow, json;
};

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Something was kept from going past the engine, or went. */
static bool is_bypass(const char *kind)
{
	static const char *const globs[] = {
		"connect.refused", "socket.refused", "packet.dropped", "foreign.*", "stray.*"};

	for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++)
		if (fnmatch(globs[i], kind, 0) == 0)
			return true;
	return false;
}

static bool wanted(const struct filter *f, const json_t *x)
{
	/* All times are written alike, so that they sort as text. */
	return strcmp(text(x, "ts"), f->since) >= 0 && (!f->kind || !fnmatch(f->kind, text(x, "event"), 0)) &&
	       (!f->bypass || is_bypass(text(x, "event"))) &&
	       (!f->reason || !fnmatch(f->reason, text(x, "reason"), 0)) &&
	       (!f->cgroup || !fnmatch(f->cgroup, text(x, "cgroup"), FNM_LEADING_DIR)) &&
	       (!f->database || !fnmatch(f->database, text(x, "database"), 0));
}

static void print_tame(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		return;
	table_tame(copy);
	fputs(copy, stdout);
	free(copy);
}

static void print_event(const json_t *x)
{
	static const char *const first[] = {"ts", "level", "event", "msg", "seq"};
	const char *key;
	json_t *v;

	printf("%s %-5s ", text(x, "ts"), text(x, "level"));
	print_tame(text(x, "event"));
	json_object_foreach((json_t *)x, key, v)
	{
		bool shown = false;

		for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
			shown |= strcmp(key, first[i]) == 0;
		if (shown)
			continue;
		printf(" %s=", key);
		if (json_is_string(v))
			print_tame(json_string_value(v));
		else
			printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	}
	if (*text(x, "msg")) {
		fputs(": ", stdout);
		print_tame(text(x, "msg"));
	}
	putchar('\n');
}

static void print_wanted(const struct filter *f, const json_t *list)
{
	json_t *x;
	size_t i;

	json_array_foreach(list, i, x)
	{
		if (!wanted(f, x))
			continue;
		if (f->json) {
			json_dumpf(x, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
			putchar('\n');
		} else {
			print_event(x);
		}
	}
	fflush(stdout);
}

static int show(const struct settings *s, const struct filter *f, struct err *e)
{
	json_int_t next = 0, missed;
	bool more = true;
	json_t *answer;
	char path[96];

	while (more || f->follow) {
		int r;

		snprintf(
			path, sizeof(path), "/v1/events?after=%" JSON_INTEGER_FORMAT "&wait=%d", next, !more);
		r = client_call(s->run_dir, "GET", path, NULL, &answer, e);
		if (r) {
			json_decref(answer);
			return r;
		}
		missed = json_integer_value(json_object_get(answer, "missed"));
		if (next && missed)
			fprintf(stderr, "pgveil: %" JSON_INTEGER_FORMAT " events came too fast to be shown\n",
				missed);
		next = json_integer_value(json_object_get(answer, "next"));
		more = json_array_size(json_object_get(answer, "events")) > 0;
		print_wanted(f, json_object_get(answer, "events"));
		json_decref(answer);
		if (ferror(stdout))
			return err_set(e, -EIO, "the output cannot be written");
	}
	return 0;
}

/* An age, or a time as it is. */
static int take_since(struct filter *f, const char *s)
{
	static const struct {
		char unit;
		long seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct tm tm = {0};
	time_t at;
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (errno || end == s || n < 0 || n > 1000000 || *end != units[i].unit || end[1])
			continue;
		at = time(NULL) - n * units[i].seconds;
		gmtime_r(&at, &tm);
		strftime(f->since, sizeof(f->since), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		return 0;
	}
	end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return -EINVAL;
	strftime(f->since, sizeof(f->since), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
	return 0;
}

enum { OPT_SINCE = 2000, OPT_KIND, OPT_BYPASS, OPT_REASON, OPT_CGROUP, OPT_DATABASE };

int cli_events(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'},
		{"follow", no_argument, NULL, 'f'}, {"since", required_argument, NULL, OPT_SINCE},
		{"kind", required_argument, NULL, OPT_KIND}, {"bypass", no_argument, NULL, OPT_BYPASS},
		{"reason", required_argument, NULL, OPT_REASON},
		{"cgroup", required_argument, NULL, OPT_CGROUP},
		{"database", required_argument, NULL, OPT_DATABASE}, {0}};
	struct filter f = {.follow = false};
	struct err e = {0};
	int c;

	while ((c = getopt_long(argc, argv, "hf", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		switch (c) {
		case 'f': f.follow = true; continue;
		case OPT_SINCE:
			if (!take_since(&f, optarg))
				continue;
			fprintf(stderr, "pgveil: --since %s: not understood\n", optarg);
			return 2;
		case OPT_KIND: f.kind = optarg; continue;
		case OPT_BYPASS: f.bypass = true; continue;
		case OPT_REASON: f.reason = optarg; continue;
		case OPT_CGROUP: f.cgroup = optarg; continue;
		case OPT_DATABASE: f.database = optarg; continue;
		default: break;
		}
		fputs(events_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc) {
		fputs(events_help, stderr);
		return 2;
	}
	f.json = s->json;
	if (show(s, &f, &e)) {
		fprintf(stderr, "pgveil: %s\n", e.msg);
		return 1;
	}
	return 0;
}
