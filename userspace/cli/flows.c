/* SPDX-License-Identifier: MIT */
/* The kernel's table of redirected connections (bpftool over the pinned map) joined with what the daemon
 * knows of each (GET /v1/sessions), by the cookie of the application's socket. Without a daemon the kernel's
 * half is shown. */
#include "cli/command.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/bpftool.h"
#include "cli/client.h"
#include "cli/table.h"

const char flows_help[] =
	"usage: pgveil flows [--watch] [--identity GLOB] [-n GLOB] [--pod GLOB] [--service-account GLOB]\n"
	"                    [--database GLOB] [--state WORD] [--spliced | --rewritten]\n"
	"\n"
	"The connections that are redirected at the moment: who opened them, as the kernel recorded it "
	"(cgroup or unit,\n"
	"uid, process, command), where they were dialled to, and what the daemon does with them: database, "
	"the role it\n"
	"logged in with, state, statements, rows, masked cells, bytes to the client, how many of these "
	"passed unread\n"
	"(spliced), age. PORT is the application's local port.\n"
	"\n"
	"  --watch          shows them anew each second, until it is interrupted\n"
	"  --identity GLOB  only of this cgroup, or below it, of this unit, this pod (NAMESPACE/NAME), this "
	"uid "
	"or this\n"
	"                   command\n"
	"  --namespace GLOB  only of pods of this namespace; also -n\n"
	"  --pod GLOB       only of pods of this name\n"
	"  --service-account GLOB  only of pods of this service account\n"
	"  --database GLOB  only to this database, or this database entry of the policy\n"
	"  --state WORD     only in this state: pending, ended (for the kernel: nobody has taken it; it is "
	"over for the\n"
	"                   daemon), or one of the daemon's\n"
	"  --spliced        only those of which bytes passed unread\n"
	"  --rewritten      only those of which none did\n"
	"  --json           an array; with --watch one in each line\n"
	"\n"
	"Reads the pinned maps with bpftool: needs root.\n";

#define NAME_BYTES 108 /* of a unix address */

struct filter {
	const char *identity, *database, *state;
	const char *namespace, *pod, *service_account;
	bool spliced, rewritten;
};

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : "-";
}

/* Sixteen numbers; IPv4 is IPv4-mapped. */
static void ip_text(const json_t *bytes, char out[INET6_ADDRSTRLEN])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char ip[16] = {0};

	for (size_t i = 0; i < sizeof(ip); i++)
		ip[i] = (unsigned char)json_integer_value(json_array_get(bytes, i));
	if (memcmp(ip, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, ip + 12, out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, ip, out, INET6_ADDRSTRLEN);
}

/* A char array: bpftool prints a string, or each by itself where it finds no end: a letter, a number, "0x1b".
 * first: what stands for a NUL at its beginning. */
static json_t *chars_of(const json_t *v, size_t n, char first)
{
	char s[NAME_BYTES + 1] = "";
	json_t *made;

	if (json_is_string(v))
		return json_copy((json_t *)v);
	for (size_t i = 0; i < n && i < sizeof(s) - 1 && i < json_array_size(v); i++) {
		const json_t *c = json_array_get(v, i);
		const char *word = json_string_value(c);

		s[i] = (char)(!word                ? json_integer_value(c)
			      : word[0] && word[1] ? strtol(word, NULL, 16)
						   : word[0]);
	}
	if (!s[0])
		s[0] = first;
	made = json_string(s);
	return made ? made : json_string("?");
}

static const json_t *session_of(const json_t *sessions, json_int_t cookie)
{
	json_t *x;
	size_t i;

	json_array_foreach((json_t *)sessions, i, x)
	{
		if (number(x, "socket_cookie") == cookie)
			return x;
	}
	return NULL;
}

static const char *cgroup_of(const json_t *status, json_int_t id)
{
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(status, "enrolled"), i, x)
	{
		if (number(x, "id") == id)
			return json_string_value(json_object_get(x, "cgroup"));
	}
	return NULL;
}

/* The pod that a cgroup belongs to, as far as the daemon of this node knows one; a new reference. */
static json_t *pod_on_node(const json_t *status, const char *cgroup)
{
	json_t *on_node = json_object_get(json_object_get(status, "kubernetes"), "on_node"), *x;
	size_t i;

	json_array_foreach(on_node, i, x)
	{
		const char *of = json_string_value(json_object_get(x, "cgroup"));
		size_t n = of ? strlen(of) : 0;

		if (!n || strncmp(cgroup, of, n) != 0 || (cgroup[n] && cgroup[n] != '/') ||
			!json_is_string(json_object_get(x, "pod")))
			continue;
		return json_pack("{s:O, s:O, s:O}", "namespace", json_object_get(x, "namespace"), "name",
			json_object_get(x, "pod"), "service_account", json_object_get(x, "service_account"));
	}
	return json_null();
}

static json_int_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (json_int_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Where a TCP connection was dialled to, and from where. */
static void add_addresses(json_t *out, const json_t *key, const json_t *value)
{
	char local[INET6_ADDRSTRLEN], dialled[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN + 16];

	ip_text(json_object_get(key, "local_ip"), local);
	ip_text(json_object_get(value, "dialled_ip"), dialled);
	snprintf(to, sizeof(to), strchr(dialled, ':') ? "[%s]:%u" : "%s:%u", dialled,
		(unsigned)number(value, "dialled_port"));
	json_object_set_new(out, "dialled", json_string(to));
	json_object_set_new(out, "local_ip", json_string(local));
	json_object_set(out, "local_port", json_object_get(key, "local_port"));
	json_object_set(out, "netns_cookie", json_object_get(key, "netns_cookie"));
}

/* The same of a unix socket, which has no address of its own; an abstract name as ss writes it. */
static void add_name(json_t *out, const json_t *value)
{
	const json_t *name = json_object_get(value, "dialled");

	json_object_set_new(
		out, "dialled", chars_of(json_object_get(name, "bytes"), (size_t)number(name, "len"), '@'));
	json_object_set(out, "netns_cookie", json_object_get(value, "netns_cookie"));
}

/* One flow as the kernel has it, with the daemon's session beside it. The key of a unix socket's is its
 * cookie. */
static json_t *join(const json_t *key, const json_t *value, const json_t *sessions, const json_t *status)
{
	json_int_t cookie = json_is_integer(key) ? json_integer_value(key) : number(value, "socket_cookie");
	const json_t *session = session_of(sessions, cookie);
	const char *cgroup = cgroup_of(status, number(value, "subject_cgroup_id"));
	json_t *out = json_object(), *pod;

	json_object_set_new(out, "cgroup", cgroup ? json_string(cgroup) : json_null());
	json_object_set(out, "cgroup_id", json_object_get(value, "cgroup_id"));
	json_object_set(out, "uid", json_object_get(value, "uid"));
	json_object_set(out, "tgid", json_object_get(value, "tgid"));
	json_object_set_new(out, "comm", chars_of(json_object_get(value, "comm"), 16, 0));
	if (json_is_integer(key))
		add_name(out, value);
	else
		add_addresses(out, key, value);
	json_object_set_new(out, "socket_cookie", json_integer(cookie));
	json_object_set_new(out, "claimed", json_boolean(number(value, "state") == 1));
	json_object_set_new(out, "age_ms", json_integer((now_ns() - number(value, "since_ns")) / 1000000));
	json_object_set_new(out, "session", session ? json_incref((json_t *)session) : json_null());
	if (session && !cgroup)
		json_object_set(out, "cgroup", json_object_get(json_object_get(session, "caller"), "cgroup"));
	cgroup = json_string_value(json_object_get(out, "cgroup"));
	pod = json_object_get(json_object_get(session, "caller"), "pod");
	json_object_set_new(out, "pod",
		pod      ? json_incref(pod)
		: cgroup ? pod_on_node(status, cgroup)
			 : json_null());
	return out;
}

static void collect(json_t *list, const json_t *dump, const json_t *sessions, const json_t *status)
{
	json_t *x;
	size_t i;

	json_array_foreach((json_t *)dump, i, x)
	{
		const json_t *formatted = json_object_get(x, "formatted");

		if (!formatted)
			formatted = x;
		json_array_append_new(list, join(json_object_get(formatted, "key"),
						    json_object_get(formatted, "value"), sessions, status));
	}
}

static const char *state_of(const json_t *flow)
{
	const json_t *s = json_object_get(flow, "session");

	if (json_is_object(s))
		return text(s, "state");
	return json_is_true(json_object_get(flow, "claimed")) ? "ended" : "pending";
}

static bool is_like(const char *glob, const char *s)
{
	return s && fnmatch(glob, s, FNM_LEADING_DIR) == 0;
}

/* "namespace/name"; NULL: it is in no pod. */
static const char *pod_of(const json_t *flow, char *out, size_t cap)
{
	const json_t *pod = json_object_get(flow, "pod");

	if (!json_is_object(pod))
		return NULL;
	snprintf(out, cap, "%s/%s", text(pod, "namespace"), text(pod, "name"));
	return out;
}

static bool is_identity(const json_t *flow, const char *glob)
{
	const json_t *caller = json_object_get(json_object_get(flow, "session"), "caller");
	char uid[24], pod[512];

	snprintf(uid, sizeof(uid), "%" JSON_INTEGER_FORMAT, number(flow, "uid"));
	return is_like(glob, json_string_value(json_object_get(flow, "cgroup"))) ||
	       is_like(glob, json_string_value(json_object_get(caller, "unit"))) ||
	       is_like(glob, pod_of(flow, pod, sizeof(pod))) || is_like(glob, text(flow, "comm")) ||
	       fnmatch(glob, uid, 0) == 0;
}

/* What is in no pod matches none. */
static bool is_of_pod(const struct filter *f, const json_t *flow)
{
	const json_t *pod = json_object_get(flow, "pod");

	if (!f->namespace && !f->pod && !f->service_account)
		return true;
	return json_is_object(pod) &&
	       (!f->namespace || fnmatch(f->namespace, text(pod, "namespace"), 0) == 0) &&
	       (!f->pod || fnmatch(f->pod, text(pod, "name"), 0) == 0) &&
	       (!f->service_account || fnmatch(f->service_account, text(pod, "service_account"), 0) == 0);
}

static bool is_wanted(const struct filter *f, const json_t *flow)
{
	const json_t *s = json_object_get(flow, "session");
	bool spliced = number(s, "spliced_bytes") > 0;

	return (!f->identity || is_identity(flow, f->identity)) && is_of_pod(f, flow) &&
	       (!f->database || fnmatch(f->database, text(s, "dbname"), 0) == 0 ||
		       fnmatch(f->database, text(s, "database"), 0) == 0) &&
	       (!f->state || strcmp(f->state, state_of(flow)) == 0) && (!f->spliced || spliced) &&
	       (!f->rewritten || !spliced);
}

static void keep_wanted(const struct filter *f, json_t *list)
{
	for (size_t i = json_array_size(list); i-- > 0;)
		if (!is_wanted(f, json_array_get(list, i)))
			json_array_remove(list, i);
}

/* The pod or unit where there is one, else the path. */
static void who_cell(struct table *t, const json_t *flow, const json_t *caller)
{
	const char *unit = json_string_value(json_object_get(caller, "unit"));
	const char *path = json_string_value(json_object_get(caller, "cgroup"));
	char pod[512];

	if (pod_of(flow, pod, sizeof(pod)))
		table_cell(t, "%s", pod);
	else if (unit && *unit)
		table_cell(t, "%s", unit);
	else if (path && *path)
		table_cell(t, "%s", path);
	else if (json_is_string(json_object_get(flow, "cgroup")))
		table_cell(t, "%s", text(flow, "cgroup"));
	else
		table_cell(t, "cgroup %" JSON_INTEGER_FORMAT, number(flow, "cgroup_id"));
}

static void print_flow(struct table *t, const json_t *f)
{
	const json_t *s = json_object_get(f, "session");
	char size[16], age[16];

	if (json_is_null(s))
		s = NULL;
	who_cell(t, f, json_object_get(s, "caller"));
	table_cell(t, "%" JSON_INTEGER_FORMAT, number(f, "uid"));
	table_cell(t, "%" JSON_INTEGER_FORMAT, number(f, "tgid"));
	table_cell(t, "%s", text(f, "comm"));
	table_cell(t, "%s", text(f, "dialled"));
	if (json_object_get(f, "local_port"))
		table_cell(t, "%" JSON_INTEGER_FORMAT, number(f, "local_port"));
	else
		table_cell(t, "-");
	table_cell(t, "%s", text(s, "dbname"));
	table_cell(t, "%s", text(s, "user"));
	table_cell(t, "%s", state_of(f));
	table_cell(t, "%" JSON_INTEGER_FORMAT, number(s, "statements"));
	table_cell(t, "%" JSON_INTEGER_FORMAT, number(s, "rows"));
	table_cell(t, "%" JSON_INTEGER_FORMAT, number(s, "masked_cells"));
	table_cell(t, "%s", table_size(size, (unsigned long long)number(s, "bytes_to_client")));
	table_cell(t, "%s", table_size(size, (unsigned long long)number(s, "spliced_bytes")));
	table_cell(t, "%s", table_age(age, (unsigned long long)number(f, "age_ms")));
}

static void print_flows(const json_t *list)
{
	static const char *const heads[] = {"WHO", "UID", "TGID", "COMM", "DIALLED", "PORT", "DATABASE",
		"USER", "STATE", "STATEMENTS", "ROWS", "MASKED", "BYTES", "SPLICED", "AGE", NULL};
	struct table t;
	json_t *x;
	size_t i;

	table_init(&t, heads, 0x7e26);
	json_array_foreach((json_t *)list, i, x) print_flow(&t, x);
	table_print(&t);
	table_fini(&t);
}

static int dump_of(const struct settings *s, const char *map, json_t **dump, struct err *e)
{
	char path[PATH_MAX];

	*dump = NULL;
	snprintf(path, sizeof(path), "%s/maps/%s", s->pin_dir, map);
	/* There is none of unix sockets where the kernel has no hook for them. */
	if (strcmp(map, "unix_flows") == 0 && access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return bpftool_run((const char *const[]){"map", "dump", "pinned", path, NULL}, dump, e);
}

/* The kernel's half and, where a daemon answers, its own. */
static int look(
	const struct settings *s, const struct filter *f, json_t **list, struct err *why, struct err *e)
{
	json_t *tcp = NULL, *local = NULL, *sessions = NULL, *status = NULL;
	int r = dump_of(s, "flows", &tcp, e);

	if (!r)
		r = dump_of(s, "unix_flows", &local, e);
	why->msg[0] = '\0';
	*list = NULL;
	if (!r) {
		if (!client_call(s->run_dir, "GET", "/v1/sessions", NULL, &sessions, why) &&
			!client_call(s->run_dir, "GET", "/v1/status", NULL, &status, why))
			why->msg[0] = '\0';
		*list = json_array();
		collect(*list, tcp, sessions, status);
		collect(*list, local, sessions, status);
		keep_wanted(f, *list);
	}
	json_decref(tcp);
	json_decref(local);
	json_decref(sessions);
	json_decref(status);
	return r;
}

static int show(const struct settings *s, const struct filter *f, bool watch)
{
	const struct timespec second = {.tv_sec = 1};
	struct err why = {0}, e = {0};
	json_t *list;

	do {
		if (look(s, f, &list, &why, &e)) {
			fprintf(stderr, "pgveil: %s\n", e.msg);
			return 1;
		}
		if (watch && !s->json && isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		if (s->json) {
			json_dumpf(list, stdout, JSON_ENSURE_ASCII | (watch ? JSON_COMPACT : JSON_INDENT(2)));
			putchar('\n');
		} else {
			print_flows(list);
		}
		json_decref(list);
		if (why.msg[0])
			fprintf(stderr, "pgveil: only the kernel's half: %s\n", why.msg);
		fflush(stdout);
	} while (watch && !ferror(stdout) && nanosleep(&second, NULL) == 0);
	return ferror(stdout) ? 1 : 0;
}

enum {
	OPT_IDENTITY = 2000,
	OPT_POD,
	OPT_SERVICE_ACCOUNT,
	OPT_DATABASE,
	OPT_STATE,
	OPT_SPLICED,
	OPT_REWRITTEN
};

int cli_flows(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'},
		{"watch", no_argument, NULL, 'w'}, {"identity", required_argument, NULL, OPT_IDENTITY},
		{"namespace", required_argument, NULL, 'n'}, {"pod", required_argument, NULL, OPT_POD},
		{"service-account", required_argument, NULL, OPT_SERVICE_ACCOUNT},
		{"database", required_argument, NULL, OPT_DATABASE},
		{"state", required_argument, NULL, OPT_STATE}, {"spliced", no_argument, NULL, OPT_SPLICED},
		{"rewritten", no_argument, NULL, OPT_REWRITTEN}, {0}};
	struct filter f = {.spliced = false};
	bool watch = false;
	int c;

	while ((c = getopt_long(argc, argv, "hwn:", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		switch (c) {
		case 'w': watch = true; continue;
		case OPT_IDENTITY: f.identity = optarg; continue;
		case 'n': f.namespace = optarg; continue;
		case OPT_POD: f.pod = optarg; continue;
		case OPT_SERVICE_ACCOUNT: f.service_account = optarg; continue;
		case OPT_DATABASE: f.database = optarg; continue;
		case OPT_STATE: f.state = optarg; continue;
		case OPT_SPLICED: f.spliced = true; continue;
		case OPT_REWRITTEN: f.rewritten = true; continue;
		default: break;
		}
		fputs(flows_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc || (f.spliced && f.rewritten)) {
		fputs(flows_help, stderr);
		return 2;
	}
	return show(s, &f, watch);
}
