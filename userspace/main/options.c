/* SPDX-License-Identifier: MIT */
#include "main/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_MS  UINT64_C(1000)
#define DAY_MS     UINT64_C(86400000)
#define SIZE_LEAST ((size_t)512 << 10)

struct row {
	const char *name;
	const char *value; /* what the help calls it; NULL: the option has none */
	int (*take)(struct options *o, const struct row *row, const char *text);
	size_t at;         /* of the field, where take needs to be told */
	unsigned long max; /* of a number */
	const char *help;
};

static void *field(struct options *o, const struct row *row)
{
	return (char *)o + row->at;
}

static int take_text(struct options *o, const struct row *row, const char *text)
{
	*(const char **)field(o, row) = text;
	return 0;
}

static int take_policy(struct options *o, const struct row *row, const char *text)
{
	(void)row;
	if (o->npolicies == OPTIONS_POLICIES)
		return -EINVAL;
	o->policies[o->npolicies++] = text;
	return 0;
}

static int take_runtime_class(struct options *o, const struct row *row, const char *text)
{
	(void)row;
	if (o->nkube_runtime_classes == OPTIONS_RUNTIME_CLASSES)
		return -EINVAL;
	o->kube_runtime_classes[o->nkube_runtime_classes++] = text;
	return 0;
}

static int take_secret_dir(struct options *o, const struct row *row, const char *text)
{
	(void)row;
	if (o->nkube_secret_dirs == OPTIONS_SECRET_DIRS || text[0] != '/' || !text[1])
		return -EINVAL;
	o->kube_secret_dirs[o->nkube_secret_dirs++] = text;
	return 0;
}

/* From 1 to the row's max. */
static int number_of(const struct row *row, const char *text, unsigned *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || v == 0 || v > row->max)
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

static int take_number(struct options *o, const struct row *row, const char *text)
{
	return number_of(row, text, field(o, row));
}

/* 5s, 500ms or 0, as milliseconds. */
static int take_time(struct options *o, const struct row *row, const char *text)
{
	uint64_t *ms = field(o, row);
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *text == '-' || v > DAY_MS)
		return -EINVAL;
	if (strcmp(end, "ms") == 0)
		*ms = v;
	else if (strcmp(end, "s") == 0 || (v == 0 && !*end))
		*ms = v * SECOND_MS;
	else
		return -EINVAL;
	return 0;
}

/* 64KiB, 16MiB or 1GiB, as bytes; at least what a message needs to be looked at. */
static int take_size(struct options *o, const struct row *row, const char *text)
{
	char *end;
	unsigned long v;
	size_t unit;

	errno = 0;
	v = strtoul(text, &end, 10);
	unit = strcmp(end, "KiB") == 0   ? 1UL << 10
	       : strcmp(end, "MiB") == 0 ? 1UL << 20
	       : strcmp(end, "GiB") == 0 ? 1UL << 30
	       : strcmp(end, "TiB") == 0 ? 1UL << 40
					 : 0;
	if (errno || end == text || *text == '-' || !unit || v > row->max / unit || v * unit < SIZE_LEAST)
		return -EINVAL;
	*(size_t *)field(o, row) = v * unit;
	return 0;
}

/* 30d, 12h, 10s; 0: for ever. */
static int take_age(struct options *o, const struct row *row, const char *text)
{
	uint64_t *s = field(o, row);
	char *end;
	unsigned long v, unit;

	errno = 0;
	v = strtoul(text, &end, 10);
	unit = strcmp(end, "d") == 0                        ? 86400
	       : strcmp(end, "h") == 0                      ? 3600
	       : strcmp(end, "s") == 0 || (v == 0 && !*end) ? 1
							    : 0;
	if (errno || end == text || *text == '-' || !unit || v > row->max / unit)
		return -EINVAL;
	*s = v * unit;
	return 0;
}

/* As take_size; 0: any. */
static int take_quota(struct options *o, const struct row *row, const char *text)
{
	if (strcmp(text, "0") != 0)
		return take_size(o, row, text);
	*(size_t *)field(o, row) = 0;
	return 0;
}

static int take_fsync(struct options *o, const struct row *row, const char *text)
{
	bool each = strcmp(text, "statement") == 0;

	if (!each && strcmp(text, "interval") != 0)
		return -EINVAL;
	*(bool *)field(o, row) = each;
	return 0;
}

static int take_full(struct options *o, const struct row *row, const char *text)
{
	bool remove = strcmp(text, "remove") == 0;

	if (!remove && strcmp(text, "refuse") != 0)
		return -EINVAL;
	*(bool *)field(o, row) = remove;
	return 0;
}

static int take_level(struct options *o, const struct row *row, const char *text)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};

	(void)row;
	for (enum log_level l = LOG_ERROR; l <= LOG_DEBUG; l++) {
		if (strcmp(text, name[l]) == 0) {
			o->log_level = l;
			return 0;
		}
	}
	return -EINVAL;
}

static int take_splice(struct options *o, const struct row *row, const char *text)
{
	static const char *const name[] = {
		[SPLICE_OFF] = "off", [SPLICE_AUTO] = "auto", [SPLICE_FORCE] = "force"};

	(void)row;
	for (enum splice_mode m = SPLICE_OFF; m <= SPLICE_FORCE; m++) {
		if (strcmp(text, name[m]) == 0) {
			o->splice = m;
			return 0;
		}
	}
	return -EINVAL;
}

static int take_fd(struct options *o, const struct row *row, const char *text)
{
	unsigned fd = 0;

	if (number_of(row, text, &fd) || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -EINVAL;
	*(int *)field(o, row) = (int)fd;
	return 0;
}

static int take_nothing(struct options *o, const struct row *row, const char *text)
{
	(void)o;
	(void)row;
	(void)text;
	return 0;
}

static int take_flag(struct options *o, const struct row *row, const char *text)
{
	(void)text;
	*(bool *)field(o, row) = true;
	return 0;
}

static int take_help(struct options *o, const struct row *row, const char *text)
{
	(void)row;
	(void)text;
	o->help = true;
	return 0;
}

#define AT(field) offsetof(struct options, field)

static const struct row table[] = {
	{"policy", "FILE", take_policy, 0, 0, "a MaskingPolicy document; may be repeated"},
	{"cgroup-root", "DIR", take_text, AT(cgroup_root), 0,
		"the guarded cgroup v2 directory (default: MOUNT/pgveil.slice, made if missing; with "
		"--kube-node that of all pods)"},
	{"pin-dir", "DIR", take_text, AT(pin_dir), 0,
		"where programs and maps are pinned (default: /sys/fs/bpf/pgveil)"},
	{"run-dir", "DIR", take_text, AT(run_dir), 0, "the admin socket's directory (default: /run/pgveil)"},
	{"state-dir", "DIR", take_text, AT(state_dir), 0,
		"what outlives the daemon (default: /var/lib/pgveil)"},
	{"workers", "N", take_number, AT(workers), 256,
		"threads that carry sessions (default: one for every two processors)"},
	{"catalog-max-age", "TIME", take_time, AT(max_age_ms), 0,
		"how long a definition changed elsewhere may go unseen: 5s, 500ms, 0 (default: 5s)"},
	{"audit-every", "TIME", take_time, AT(audit_ms), 0,
		"how often connections past the engine are looked for; 0: at enrolments only (default: 10s)"},
	{"max-connections", "N", take_number, AT(max_connections), 1000000,
		"of all together (default: 8000)"},
	{"max-per-cgroup", "N", take_number, AT(max_per_cgroup), 1000000, "of one cgroup (default: 1000)"},
	{"message-max", "SIZE", take_size, AT(message_max), 1024UL << 20,
		"of a message that is held whole, such as a row with masked columns: 512KiB … 1024MiB "
		"(default: "
		"16MiB)"},
	{"cell-max", "BYTES", take_number, AT(cell_max), 1 << 30,
		"a masked value beyond it is redacted without a look at it (default: 1048576)"},
	{"record-key", "FILE", take_text, AT(record_key), 0,
		"encipher recordings with this key (32 bytes or more, openssl rand -hex 32)"},
	{"record-fsync", "WHEN", take_fsync, AT(record_each), 0,
		"statement: what is recorded is on disk before a statement runs and before its result is "
		"told; "
		"interval: within a second (default: interval)"},
	{"record-keep", "AGE", take_age, AT(record_keep_s), 100 * 365 * 86400UL,
		"recordings that were last written before that go: 30d, 12h, 0 for never (default: 30d)"},
	{"record-quota", "SIZE", take_quota, AT(record_quota), 1UL << 50,
		"of all recordings; the oldest go, and where that is not enough statements are refused: "
		"512KiB "
		"…, 0 for any (default: 10GiB)"},
	{"record-segment", "SIZE", take_size, AT(record_segment), 1UL << 40,
		"of one file of a recording (default: 64MiB)"},
	{"ship", "URL", take_text, AT(ship), 0,
		"bring recordings to this S3-compatible store: s3://BUCKET/PREFIX (default: nowhere)"},
	{"ship-endpoint", "URL", take_text, AT(ship_endpoint), 0,
		"the store's server, https:// (http:// to this machine only)"},
	{"ship-region", "REGION", take_text, AT(ship_region), 0,
		"what requests are signed for (default: us-east-1)"},
	{"ship-credentials", "FILE", take_text, AT(ship_credentials), 0,
		"access key, secret and, where there is one, session token, a line each; read for each "
		"request"},
	{"ship-ca", "FILE", take_text, AT(ship_ca), 0,
		"who signs the server's certificate (default: whom the system believes)"},
	{"ship-node", "NAME", take_text, AT(ship_node), 0,
		"what this node is called in the store (default: --kube-node, or the host's name)"},
	{"ship-after", "AGE", take_age, AT(ship_after_s), 30 * 86400UL,
		"a file of a recording that has had something in it for so long is closed and goes, full or "
		"not: 300s, 1h; 0 for full ones only (default: 300s)"},
	{"ship-full", "WHAT", take_full, AT(ship_remove), 0,
		"where the quota is used up by what the store has not taken: refuse: statements are; "
		"remove: the oldest goes (default: refuse)"},
	{"ship-part", "SIZE", take_size, AT(ship_part), 1UL << 30,
		"larger files go in parts of so many bytes; S3 itself takes no less than 5MiB (default: "
		"8MiB)"},
	{"ship-plain", NULL, take_flag, AT(ship_plain), 0,
		"http:// to another machine too: what is not enciphered anybody on the way reads"},
	{"metrics-listen", "ADDR:PORT", take_text, AT(metrics_listen), 0,
		"also answer /metrics and /healthz there, to whoever asks (default: nowhere)"},
	{"webhook", "URL", take_text, AT(webhook), 0,
		"tell it of approvals, refusals and ways past the engine as they happen, signed"},
	{"webhook-secret", "FILE", take_text, AT(webhook_secret), 0,
		"what it is signed with: 16 to 1024 bytes"},
	{"webhook-events", "LIST", take_text, AT(webhook_events), 0,
		"of which events: names with * and commas between them (default: what somebody should look "
		"at, pgveild(8))"},
	{"webhook-while", "TIME", take_time, AT(webhook_while_ms), 0,
		"in which ten of a kind are sent one by one, and behind it how many more there were "
		"(default: "
		"60s)"},
	{"kube-node", "NAME", take_text, AT(kube_node), 0,
		"this is a node of a Kubernetes cluster, by that name: its pods are enrolled by the label "
		"pgveil.dev/enroll=true"},
	{"kube-server", "URL", take_text, AT(kube_server), 0,
		"the API server, https:// (default: that of the cluster that pgveild runs in)"},
	{"kube-ca", "FILE", take_text, AT(kube_ca), 0,
		"who signs the API server's certificate (default: the service account's)"},
	{"kube-token", "FILE", take_text, AT(kube_token), 0,
		"a bearer token, read for each request (default: the service account's)"},
	{"kube-runtime-class", "NAME", take_runtime_class, 0, 0,
		"a RuntimeClass whose pods make their sockets in the node's kernel; pods of any other are "
		"denied; may be repeated"},
	{"kube-deny-net-raw", NULL, take_flag, AT(kube_deny_net_raw), 0,
		"deny labelled pods that do not drop CAP_NET_RAW"},
	{"kube-release", NULL, take_flag, AT(kube_release), 0,
		"a pod whose label is taken away is let go at once (default: it stays enrolled until it "
		"ends)"},
	{"kube-guard-namespaces", "LIST", take_text, AT(kube_guard_namespaces), 0,
		"guard pods of these namespaces only, names with commas between them; others are exempt as "
		"soon as they are known (default: all)"},
	{"kube-guard-labelled", NULL, take_flag, AT(kube_guard_labelled), 0,
		"guard pods of namespaces with the label pgveil.dev/guard=true only, and those of "
		"--kube-guard-namespaces"},
	{"kube-policies", NULL, take_flag, AT(kube_policies), 0,
		"the cluster's MaskingPolicy objects are documents of the policy, beside those of --policy"},
	{"kube-nodes-every", "TIME", take_time, AT(kube_nodes_ms), 0,
		"how often it is looked whether nodes that said something of MaskingPolicy objects are there "
		"still; 0: never (default: 10m)"},
	{"kube-secret-dir", "DIR", take_secret_dir, 0, 0,
		"where a MaskingPolicy object may name files, which are read as root; may be repeated "
		"(default: /etc/pgveil)"},
	{"kube-events", NULL, take_flag, AT(kube_events), 0,
		"Events on pods: what is captured, denied, refused, and what waits for a person"},
	{"kube-approvals", NULL, take_flag, AT(kube_approvals), 0,
		"what waits for a person is a StatementApproval of the cluster, and whom RBAC lets decide "
		"there decides"},
	{"kube-budgets", NULL, take_flag, AT(kube_budgets), 0,
		"export windows are ExportBudgets of the cluster: all nodes together let through no more "
		"than the "
		"limit"},
	{"kube-namespace", "NAME", take_text, AT(kube_namespace), 0,
		"the namespace of these objects (default: pgveil-system)"},
	{"kube-approval-key", "FILE", take_text, AT(kube_approval_key), 0,
		"what statements are bound by: 32 to 1024 bytes, the same on all nodes"},
	{"api", "ADDR:PORT", take_text, AT(api), 0,
		"answer approvals over HTTPS there, to who has a token (default: nowhere)"},
	{"api-cert", "FILE", take_text, AT(api_cert), 0, "its certificate, with the chain, in PEM"},
	{"api-key", "FILE", take_text, AT(api_key), 0, "the certificate's key, in PEM"},
	{"api-tokens", "FILE", take_text, AT(api_tokens), 0,
		"names and hashes of the tokens (pgveil token new)"},
	{"splice", "MODE", take_splice, 0, 0,
		"auto, off or force: whether large rows that nothing looks at pass without being read "
		"(default: auto)"},
	{"log-level", "LEVEL", take_level, AT(log_level), 0, "error, warn, info or debug (default: info)"},
	{"ready-fd", "N", take_fd, AT(ready_fd), INT_MAX,
		"write a newline to this descriptor when ready, and close it"},
	{"takeover", NULL, take_flag, AT(takeover), 0,
		"take the place of the daemon that runs with the same directories: nobody's connect is "
		"refused"},
	{"drain-grace", "TIME", take_time, AT(drain_grace_ms), 0,
		"how long a transaction may go on when another daemon has taken over (default: 30s)"},
	{"foreground", NULL, take_nothing, 0, 0,
		"accepted and without effect: pgveild never leaves the foreground"},
	{"help", NULL, take_help, AT(help), 0, "this text"},
};

#define ROWS (sizeof(table) / sizeof(table[0]))

void options_help(void)
{
	char left[40];

	puts("usage: pgveild --policy FILE [--policy FILE]... [options]\n"
	     "       pgveild --kube-node NAME --kube-policies [options]\n"
	     "\n"
	     "Masks what the processes of enrolled cgroups see of PostgreSQL.\n");
	for (size_t i = 0; i < ROWS; i++) {
		snprintf(left, sizeof(left), "--%s %s", table[i].name, table[i].value ? table[i].value : "");
		printf("  %-26s %s\n", left, table[i].help);
	}
	puts("\n"
	     "A policy file that changes, or SIGHUP, reloads the policy files: all of them, or none. SIGTERM "
	     "ends the daemon; the pinned "
	     "programs stay and\n"
	     "refuse connections until the next one starts, or `pgveil uninstall` removes them.");
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[ROWS + 1] = {0};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int c, i = 0;

	*o = (struct options){
		.pin_dir = "/sys/fs/bpf/pgveil",
		.run_dir = "/run/pgveil",
		.state_dir = "/var/lib/pgveil",
		/* The others are the applications': a thread that has more sessions wakes less often for
		   each. */
		.workers = cores > 0 && cores <= 512 ? (unsigned)(cores + 1) / 2 : 1,
		.max_connections = 8000,
		.max_per_cgroup = 1000,
		.cell_max = 1 << 20,
		.max_age_ms = 5 * SECOND_MS,
		.audit_ms = 10 * SECOND_MS,
		.kube_nodes_ms = 600 * SECOND_MS,
		.drain_grace_ms = 30 * SECOND_MS,
		.webhook_while_ms = 60 * SECOND_MS,
		.message_max = (size_t)16 << 20,
		.record_keep_s = 30 * (DAY_MS / 1000),
		.record_quota = (size_t)10 << 30,
		.record_segment = (size_t)64 << 20,
		.ship_part = (size_t)8 << 20,
		.ship_after_s = 300,
		.log_level = LOG_INFO,
		.kube_namespace = "pgveil-system",
		.splice = SPLICE_AUTO,
		.ready_fd = -1,
	};
	for (size_t k = 0; k < ROWS; k++) {
		longs[k].name = table[k].name;
		longs[k].has_arg = table[k].value ? required_argument : no_argument;
	}
	while ((c = getopt_long(argc, argv, "", longs, &i)) != -1) {
		if (c == '?')
			return -EINVAL;
		if (table[i].take(o, &table[i], optarg)) {
			fprintf(stderr, "pgveild: --%s %s: not understood\n", table[i].name, optarg);
			return -EINVAL;
		}
		if (o->help)
			return 0;
	}
	if (!o->nkube_secret_dirs)
		o->kube_secret_dirs[o->nkube_secret_dirs++] = "/etc/pgveil";
	if (o->kube_events && !o->kube_node) {
		fputs("pgveild: --kube-events needs --kube-node\n", stderr);
		return -EINVAL;
	}
	if (o->kube_policies && !o->kube_node) {
		fputs("pgveild: --kube-policies needs --kube-node\n", stderr);
		return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "pgveild: %s: not understood\n", argv[optind]);
		return -EINVAL;
	}
	if (o->ship && (!o->ship_endpoint || !o->ship_credentials)) {
		fputs("pgveild: --ship needs --ship-endpoint and --ship-credentials\n", stderr);
		return -EINVAL;
	}
	return 0;
}
