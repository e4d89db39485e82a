/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/attr.h"
#include "cli/client.h"
#include "cli/review.h"
#include "cli/table.h"

const char approvals_help[] =
	"usage: pgveil approvals [ls [--all] [-n GLOB] [--pod GLOB] [--service-account GLOB] | show ID |\n"
	"                         approve ID [--reason TEXT] [--for TIME] [--uses N] [--shape] "
	"[--break-glass] |\n"
	"                         deny ID [--reason TEXT]]\n"
	"\n"
	"Statements that the policy asks about wait until somebody decides. ls lists those that wait, with "
	"--all "
	"also\n"
	"what became of earlier ones; show says all of one: who asks, the statement, what it reaches. "
	"approve "
	"lets that\n"
	"one statement run, once, exactly as it is; deny ends it. Who may is in the policy "
	"(approval.approvers), "
	"never\n"
	"who asks, and never anything that pgveil guards. Whoever may need not be root.\n"
	"\n"
	"  --reason TEXT   is kept with the decision; of a denial the client is told\n"
	"  --for TIME      lets it run for so long: 90s, 10m, 1h; what runs then is ended\n"
	"  --rows N        lets each use export so many rows, whatever the limits are; counted, and stopped "
	"there\n"
	"  --bytes N       likewise bytes: 4096, 64KiB, 16MiB\n"
	"  --uses N        lets it run so many times (default: once)\n"
	"  --shape         and others that differ in the values of its shape alone, as show has it, up to "
	"--uses\n"
	"                  in all; where the policy lets (approval.shapes)\n"
	"  --break-glass   by root alone, whoever else would have to agree; needs --reason\n"
	"  --all           also what is decided, used up or over\n"
	"  --namespace GLOB  only what pods of this namespace ask for; also -n\n"
	"  --pod GLOB      only what pods of this name ask for\n"
	"  --service-account GLOB  only what pods of this service account ask for\n"
	"  --json          machine-readable output\n"
	"\n"
	"Exit status 1 where it was refused.\n";

const char grants_help[] =
	"usage: pgveil grants [ls [-n GLOB] [--pod GLOB] [--service-account GLOB] | revoke ID [--reason "
	"TEXT]]\n"
	"\n"
	"Approvals that may still be used. revoke takes one back: nothing more runs by it, and what runs is "
	"cancelled.\n"
	"\n"
	"  --reason TEXT   is kept, and told to whoever is cancelled\n"
	"  --namespace GLOB  only those that pods of this namespace asked for; also -n\n"
	"  --pod GLOB      only those that pods of this name asked for\n"
	"  --service-account GLOB  only those that pods of this service account asked for\n"
	"  --json          machine-readable output\n";

#define LIFT_MAX INT64_C(1000000000000)

enum {
	OPT_REASON = 2000,
	OPT_FOR,
	OPT_USES,
	OPT_ROWS,
	OPT_BYTES,
	OPT_SHAPE,
	OPT_BREAK_GLASS,
	OPT_ALL,
	OPT_POD,
	OPT_SERVICE_ACCOUNT
};

struct order {
	const char *verb, *id, *reason;
	json_int_t for_s, uses, rows, bytes;
	bool shape, break_glass, all;
	const char *namespace, *pod, *service_account; /* globs; NULL: any, and what is in no pod */
};

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static char *tamed(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	table_tame(copy);
	return copy;
}

static const char *time_text(char out[32], json_int_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%d %H:%M:%SZ", &tm);
	return out;
}

/* What is left until then. */
static const char *left_text(char out[16], json_int_t until)
{
	json_int_t s = until - (json_int_t)time(NULL);

	return table_age(out, s > 0 ? (unsigned long long)s * 1000 : 0);
}

static bool of_any_pod(const struct order *o)
{
	return !o->namespace && !o->pod && !o->service_account;
}

/* What is in no pod matches none. */
static bool is_of_pod(const struct order *o, const json_t *x)
{
	const json_t *pod = json_object_get(x, "pod");

	return json_is_object(pod) &&
	       (!o->namespace || fnmatch(o->namespace, text(pod, "namespace"), 0) == 0) &&
	       (!o->pod || fnmatch(o->pod, text(pod, "name"), 0) == 0) &&
	       (!o->service_account || fnmatch(o->service_account, text(pod, "service_account"), 0) == 0);
}

static void keep_wanted(const struct order *o, json_t *list)
{
	for (size_t i = json_array_size(list); i-- > 0 && !of_any_pod(o);)
		if (!is_of_pod(o, json_array_get(list, i)))
			json_array_remove(list, i);
}

static void print_asker(struct table *t, const json_t *x)
{
	const json_t *pod = json_object_get(x, "pod");

	if (json_is_object(pod))
		table_cell(t, "%s/%s", text(pod, "namespace"), text(pod, "name"));
	else
		table_cell(t, "%s", text(x, "cgroup"));
}

static void print_list(const json_t *list)
{
	static const char *const heads[] = {
		"ID", "STATE", "WAITS", "LEFT", "USES", "UID", "DATABASE", "ASKED BY", "STATEMENT", NULL};
	struct table t = {0};
	char left[16];
	json_t *x;
	size_t i;

	table_init(&t, heads, 0x1d);
	json_array_foreach(list, i, x)
	{
		bool shaped = json_is_true(json_object_get(x, "shaped"));
		char *statement = tamed(text(x, shaped ? "shape" : "statement"));
		bool cut = strlen(statement) > 60;
		size_t n = 57;

		while (cut && n && ((unsigned char)statement[n] & 0xc0) == 0x80)
			n--;
		table_cell(&t, "%" JSON_INTEGER_FORMAT, number(x, "id"));
		table_cell(&t, "%s", text(x, "state"));
		table_cell(&t, "%" JSON_INTEGER_FORMAT, number(x, "waiting"));
		table_cell(&t, "%s",
			strcmp(text(x, "state"), "pending") == 0 || strcmp(text(x, "state"), "approved") == 0
				? left_text(left, number(x, "until"))
				: "-");
		table_cell(&t, "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT, number(x, "used"),
			number(x, "uses"));
		table_cell(&t, "%" JSON_INTEGER_FORMAT, number(x, "uid"));
		table_cell(&t, "%s", text(x, "database"));
		print_asker(&t, x);
		table_cell(&t, cut ? "%.*s..." : "%.*s", cut ? (int)n : 60, statement);
		free(statement);
	}
	table_print(&t);
	table_fini(&t);
}

static void print_texts(const char *label, const json_t *list)
{
	json_t *x;
	size_t i;

	json_array_foreach(list, i, x) review_line(i ? "" : label, json_string_value(x));
}

static void print_votes(const json_t *x)
{
	char line[800], at[32], who[80];
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(x, "votes"), i, v)
	{
		if (*text(v, "user"))
			snprintf(who, sizeof(who), "%.77s", text(v, "user"));
		else if (*text(v, "token"))
			snprintf(who, sizeof(who), "token:%s", text(v, "token"));
		else
			snprintf(who, sizeof(who), "uid %" JSON_INTEGER_FORMAT, number(v, "uid"));
		snprintf(line, sizeof(line), "%s by %s at %s%s%s%s%s", text(v, "verdict"), who,
			time_text(at, number(v, "at")),
			json_is_true(json_object_get(v, "shape")) ? " (for its shape)" : "",
			json_is_true(json_object_get(v, "break_glass")) ? " (broke the glass)" : "",
			*text(v, "reason") ? ": " : "", text(v, "reason"));
		review_line(i ? "" : "decided", line);
	}
	json_array_foreach(json_object_get(x, "history"), i, v)
	{
		snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " at %s: %s", number(v, "use"),
			time_text(at, number(v, "at")), text(v, "how"));
		review_line(i ? "" : "use", line);
	}
}

static void print_parameters(const json_t *list)
{
	char label[32];
	json_t *x;
	size_t i;

	json_array_foreach(list, i, x)
	{
		snprintf(label, sizeof(label), "  $%zu", i + 1);
		review_line(label, json_string_value(x));
	}
}

/* What an approval by shape would let, or lets. */
static void print_shape(const json_t *x)
{
	bool shaped = json_is_true(json_object_get(x, "shaped"));
	char label[32], line[200];
	json_t *v;
	size_t i;

	if (!*text(x, "shape")) {
		if (*text(x, "why_no_shape"))
			review_line("no shape", text(x, "why_no_shape"));
		return;
	}
	review_line("shape", shaped ? "approved: any statement like this may run"
				    : "approve --shape would let any statement like this run");
	review_text("  reads", text(x, "shape"));
	json_array_foreach(json_object_get(x, "opens"), i, v)
	{
		snprintf(label, sizeof(label), "  %s", text(v, "place"));
		snprintf(line, sizeof(line), "any %s, in this one %s", text(v, "kind"),
			strlen(text(v, "now")) < 120 ? text(v, "now") : "(as above)");
		review_line(label, line);
	}
}

static void print_estimate(const json_t *x)
{
	char line[300];

	if (json_object_get(x, "rows"))
		snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " rows, as the server's planner guesses",
			number(x, "rows"));
	else
		snprintf(line, sizeof(line), "none: %s", text(x, "none"));
	if (json_is_object(x))
		review_line("estimate", line);
}

static void print_lifts(const json_t *x)
{
	const json_t *wants = json_object_get(x, "lift"), *has = json_object_get(x, "lifted");
	char line[300];

	snprintf(line, sizeof(line),
		"%" JSON_INTEGER_FORMAT " rows, more than export limit %s leaves (or say --rows)",
		number(wants, "rows"), text(wants, "limit"));
	if (json_is_object(wants))
		review_line("wants", line);
	snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " rows for each use, whatever the limits are",
		number(has, "rows"));
	if (number(has, "rows"))
		review_line("may export", line);
	snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " bytes for each use, whatever the limits are",
		number(has, "bytes"));
	if (number(has, "bytes"))
		review_line("may export", line);
}

static void print_one(const json_t *x)
{
	const json_t *pod = json_object_get(x, "pod");
	char line[1400], at[32];

	snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " is %s%s%s", number(x, "id"), text(x, "state"),
		*text(x, "cause") ? ": " : "", text(x, "cause"));
	review_line("approval", line);
	/* a cgroup may have any name, and be as long as it likes */
	snprintf(line, sizeof(line), "uid %" JSON_INTEGER_FORMAT ", pid %" JSON_INTEGER_FORMAT ", %s",
		number(x, "uid"), number(x, "tgid"), text(x, "comm"));
	review_line("asked by", line);
	if (json_is_object(pod)) {
		snprintf(line, sizeof(line), "%s/%s, service account %s", text(pod, "namespace"),
			text(pod, "name"), text(pod, "service_account"));
		review_line("pod", line);
	}
	review_line("in", text(x, "cgroup"));
	review_line("asked at", time_text(at, number(x, "asked_at")));
	review_line("until", time_text(at, number(x, "until")));
	snprintf(line, sizeof(line), "%s, %s as %s", text(x, "database"), text(x, "dbname"), text(x, "role"));
	review_line("database", line);
	review_line("search_path", text(x, "search_path"));
	snprintf(line, sizeof(line), "%s (rule %s)", text(x, "why"), text(x, "rule"));
	review_line("why", line);
	review_line(
		"it says", *text(x, "reason") ? text(x, "reason") : "(no reason: SET pgveil.reason = '...')");
	snprintf(line, sizeof(line),
		"%" JSON_INTEGER_FORMAT " to approve; %" JSON_INTEGER_FORMAT " waiting for it",
		number(x, "required"), number(x, "waiting"));
	review_line("needs", line);
	snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT "%s",
		number(x, "used"), number(x, "uses"),
		json_is_true(json_object_get(x, "ends_running")) ? ", ends with its time" : "");
	if (number(x, "uses"))
		review_line("used", line);
	print_estimate(json_object_get(x, "estimate"));
	print_lifts(x);
	print_texts("reaches", json_object_get(x, "relations"));
	if (json_is_true(json_object_get(x, "in_transaction")))
		review_line("transaction", "open: what it has locked stays locked while this waits");
	print_texts("may lock", json_object_get(x, "locked"));
	print_votes(x);
	review_text("statement", text(x, "statement"));
	print_parameters(json_object_get(x, "parameters"));
	print_shape(x);
	review_letters("not ASCII");
}

static int take_number(const char *s, json_int_t max, json_int_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(s, &end, 10);
	return errno || end == s || *end || *out < 1 || *out > max ? -EINVAL : 0;
}

static int take_size(const char *s, json_int_t *out)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	char *end;

	errno = 0;
	*out = strtoll(s, &end, 10);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (errno || end == s || *out < 1 || *out > LIFT_MAX >> units[i].shift ||
			strcmp(end, units[i].unit) != 0)
			continue;
		*out <<= units[i].shift;
		return 0;
	}
	return -EINVAL;
}

static int take_time(const char *s, json_int_t *out)
{
	static const struct {
		char unit;
		json_int_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;

	errno = 0;
	*out = strtoll(s, &end, 10);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (errno || end == s || *out < 1 || *out > 604800 || *end != units[i].unit || end[1])
			continue;
		*out *= units[i].seconds;
		return *out <= 604800 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int print_answer(const struct settings *s, const struct order *o, const json_t *answer)
{
	const char *key = json_object_get(answer, "grants") ? "grants" : "approvals";

	if (s->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	} else if (strcmp(o->verb, "ls") == 0) {
		print_list(json_object_get(answer, key));
	} else if (strcmp(o->verb, "show") == 0) {
		print_one(answer);
	} else {
		printf("%s: %s\n", o->id,
			strcmp(o->verb, "approve") == 0 ? "approved by you"
			: strcmp(o->verb, "deny") == 0  ? "denied"
							: "taken back");
	}
	return 0;
}

static json_t *body_of(const struct order *o)
{
	json_t *body = json_pack("{s:s?}", "reason", o->reason);

	if (o->for_s)
		json_object_set_new(body, "for_s", json_integer(o->for_s));
	if (o->uses)
		json_object_set_new(body, "uses", json_integer(o->uses));
	if (o->rows)
		json_object_set_new(body, "rows", json_integer(o->rows));
	if (o->bytes)
		json_object_set_new(body, "bytes", json_integer(o->bytes));
	if (o->shape)
		json_object_set_new(body, "shape", json_true());
	if (o->break_glass)
		json_object_set_new(body, "break_glass", json_true());
	return body;
}

static int call(const struct settings *s, const char *what, const struct order *o)
{
	bool get = strcmp(o->verb, "ls") == 0 || strcmp(o->verb, "show") == 0;
	json_t *body = get ? NULL : body_of(o), *answer = NULL;
	struct err e = {0};
	char path[128];
	int r;

	if (strcmp(o->verb, "ls") == 0)
		snprintf(path, sizeof(path), "/v1/%s%s", what, o->all ? "?state=all" : "");
	else
		snprintf(path, sizeof(path), "/v1/%s/%.20s%s%s", what, o->id, get ? "" : "/",
			get ? "" : o->verb);
	r = client_review(s->run_dir, get ? "GET" : "POST", path, body, &answer, &e);
	if (!r && strcmp(o->verb, "ls") == 0)
		keep_wanted(o, json_object_get(answer, what));
	if (r)
		fprintf(stderr, "pgveil: %s\n", e.msg);
	else
		print_answer(s, o, answer);
	json_decref(body);
	json_decref(answer);
	return r ? 1 : 0;
}

static bool one_of(const char *const *verbs, const char *verb)
{
	for (; *verbs; verbs++)
		if (strcmp(*verbs, verb) == 0)
			return true;
	return false;
}

/* Options are for the verbs that have them. */
static bool fits(const struct order *o)
{
	bool approve = strcmp(o->verb, "approve") == 0, ls = strcmp(o->verb, "ls") == 0;
	bool show = strcmp(o->verb, "show") == 0;

	return (approve ||
		       (!o->for_s && !o->uses && !o->rows && !o->bytes && !o->shape && !o->break_glass)) &&
	       (!o->reason || (!ls && !show)) && (ls || (!o->all && of_any_pod(o)));
}

static int review(struct settings *s, int argc, char **argv, const char *const *verbs, const char *help)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'},
		{"reason", required_argument, NULL, OPT_REASON}, {"for", required_argument, NULL, OPT_FOR},
		{"rows", required_argument, NULL, OPT_ROWS}, {"bytes", required_argument, NULL, OPT_BYTES},
		{"uses", required_argument, NULL, OPT_USES}, {"shape", no_argument, NULL, OPT_SHAPE},
		{"break-glass", no_argument, NULL, OPT_BREAK_GLASS}, {"all", no_argument, NULL, OPT_ALL},
		{"namespace", required_argument, NULL, 'n'}, {"pod", required_argument, NULL, OPT_POD},
		{"service-account", required_argument, NULL, OPT_SERVICE_ACCOUNT}, {0}};
	struct order o = {.verb = "ls"};
	json_int_t id;
	bool bad = false;
	int c;

	while ((c = getopt_long(argc, argv, "hn:", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		switch (c) {
		case OPT_REASON: o.reason = optarg; continue;
		case OPT_FOR: bad |= take_time(optarg, &o.for_s) != 0; continue;
		case OPT_ROWS: bad |= take_number(optarg, LIFT_MAX, &o.rows) != 0; continue;
		case OPT_BYTES: bad |= take_size(optarg, &o.bytes) != 0; continue;
		case OPT_USES: bad |= take_number(optarg, 1000, &o.uses) != 0; continue;
		case OPT_SHAPE: o.shape = true; continue;
		case OPT_BREAK_GLASS: o.break_glass = true; continue;
		case OPT_ALL: o.all = true; continue;
		case 'n': o.namespace = optarg; continue;
		case OPT_POD: o.pod = optarg; continue;
		case OPT_SERVICE_ACCOUNT: o.service_account = optarg; continue;
		default: break;
		}
		fputs(help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc)
		o.verb = argv[optind++];
	bad |= !one_of(verbs, o.verb) || !fits(&o);
	if (!bad && strcmp(o.verb, "ls") != 0) {
		o.id = optind < argc ? argv[optind++] : "";
		bad |= take_number(o.id, INT64_MAX, &id) != 0;
	}
	if (bad || optind < argc) {
		fputs(help, stderr);
		return 2;
	}
	return call(s, argv[0], &o);
}

int cli_approvals(struct settings *s, int argc, char **argv)
{
	static const char *const verbs[] = {"ls", "show", "approve", "deny", NULL};

	return review(s, argc, argv, verbs, approvals_help);
}

int cli_grants(struct settings *s, int argc, char **argv)
{
	static const char *const verbs[] = {"ls", "revoke", NULL};

	return review(s, argc, argv, verbs, grants_help);
}
