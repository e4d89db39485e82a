/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/plain.h"
#include "policy/key.h"
#include "record/body.h"

const char sessions_help[] =
	"usage: pgveil sessions ls [--identity GLOB] [-n GLOB] [--pod GLOB] [--service-account GLOB] "
	"[--database GLOB] [--relation GLOB] [--column GLOB] "
	"[--rule "
	"GLOB]\n"
	"                          [--verdict WORD] [--effect WORD] [--since TIME] [--until TIME] [--open] "
	"[--limit "
	"N]\n"
	"       pgveil sessions show ID\n"
	"       pgveil sessions replay ID [--speed N] [--step]\n"
	"       pgveil sessions export ID --format jsonl|asciicast|html [--output FILE]\n"
	"       pgveil sessions tail [ID]\n"
	"       pgveil sessions verify [--head HASH] [--from URL and what else fetch has, but --output]\n"
	"       pgveil sessions fetch --from URL --endpoint URL --credentials FILE --output DIR [--region "
	"REGION]\n"
	"                             [--node NODE] [--ca FILE] [--plain] [--file-max SIZE] [--files-max "
	"N]\n"
	"       pgveil sessions kill ID\n"
	"\n"
	"What agents did, from the recording: every statement with its verdict, and what the agent saw of "
	"its result.\n"
	"An ID is that of a run of the daemon and of a session in it, such as 3-17. Records are only "
	"believed where "
	"they\n"
	"stand where they were written; whatever else is met is said, and ends the command with status 1.\n"
	"\n"
	"ls lists sessions, the last that began first. Of several patterns for what a statement was about, "
	"one and "
	"the same\n"
	"statement must match all.\n"
	"  --identity GLOB   of this cgroup, or below it, of this unit, this pod (NAMESPACE/NAME), this "
	"command or this "
	"uid\n"
	"  --namespace GLOB  of pods of this namespace; also -n\n"
	"  --pod GLOB        of pods of this name\n"
	"  --service-account GLOB  of pods of this service account\n"
	"  --database GLOB   with this database, or this database entry of the policy\n"
	"  --relation GLOB   with a statement about this relation: public.orders, '*.users'\n"
	"  --column GLOB     with a statement about this masked column: public.users.ssn\n"
	"  --rule GLOB       with a statement that this rule decided: 'crm.yaml:*'\n"
	"  --verdict WORD    with a statement of this verdict: allow, deny or ask\n"
	"  --effect WORD     with a statement of this effect: write, ddl, copy_out\n"
	"  --since TIME      that were there then or later: 30s, 10m, 2h, 1d, or a time like "
	"2026-11-25T17:00:00Z\n"
	"  --until TIME      that began before\n"
	"  --open            whose end is not recorded\n"
	"  --limit N         only so many (default: 50; 0, and with --json: all)\n"
	"  --rebuild         makes the index anew first\n"
	"\n"
	"show tells who it was and what it asked. replay shows it as the agent saw it, with the time that it "
	"took.\n"
	"  --speed N         so many times as fast; 0, and where the output is no terminal: without waiting\n"
	"  --step            waits for a key before each statement\n"
	"export writes it as lines of JSON, as a terminal's recording (asciicast v2) or as one HTML page.\n"
	"  --format FORMAT   jsonl, asciicast or html\n"
	"  --output FILE     there, instead of on the standard output\n"
	"tail follows what is recorded from now on: a line for each statement of all sessions; or one "
	"session, from its\n"
	"beginning, as replay shows it.\n"
	"verify reads all of the recording and names the first record that is not what was written.\n"
	"  --head HASH       and wants that it comes by this hash, which was noted down elsewhere: without "
	"it a\n"
	"                    missing end cannot be seen\n"
	"  --from URL        what a store has, with the options of fetch: each recording is brought to "
	"$TMPDIR, or\n"
	"                    /var/tmp, by itself, proved, and removed\n"
	"fetch brings what was shipped to an S3-compatible store here, each file proved to be what its name "
	"says. Each\n"
	"recording that it names is a directory for --recordings of the other verbs; so is what any other "
	"client fetched.\n"
	"  --from URL        s3://BUCKET/PREFIX, or a node's or a recording's part of it\n"
	"  --node NODE       what this node shipped there\n"
	"  --endpoint URL    the store's server\n"
	"  --region REGION   (default: us-east-1)\n"
	"  --credentials FILE  access key, secret and, where there is one, session token, a line each\n"
	"  --ca FILE         who signs the server's certificate (default: whom the system believes)\n"
	"  --plain           http:// to another machine too\n"
	"  --file-max SIZE   a longer object is no file of a recording (default: 1GiB)\n"
	"  --files-max N     of more objects none is believed (default: 16777216)\n"
	"  --output DIR      there\n"
	"kill ends a session that is there at the moment: the client is told 57P01, and what it runs is "
	"cancelled.\n"
	"\n"
	"  --recordings DIR  where they are (default: /var/lib/pgveil/recordings)\n"
	"  --key FILE        of an enciphered recording: the file that the daemon was given\n"
	"  --signer FILE     the public key that seals must be by; without it, whoever made the first\n"
	"  --json            machine-readable output\n";

int sessions_fail(const struct err *e)
{
	fprintf(stderr, "pgveil: %s\n", e->msg);
	return 1;
}

/* ---- words ---- */

const char *sessions_time(char out[40], uint64_t us, bool fraction)
{
	time_t at = (time_t)(us / 1000000);
	struct tm tm;
	size_t n;

	/* Of a year that nobody will see, as a forged record may have. */
	if (!gmtime_r(&at, &tm) || tm.tm_year > 8099) {
		snprintf(out, 40, "?");
		return out;
	}
	n = strftime(out, 40, fraction ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	if (fraction)
		snprintf(out + n, 40 - n, ".%06uZ", (unsigned)(us % 1000000));
	return out;
}

const char *sessions_span(char out[24], uint64_t us)
{
	unsigned long long s = us / 1000000;

	if (us < 1000)
		snprintf(out, 24, "%lluus", (unsigned long long)us);
	else if (us < 1000000)
		snprintf(out, 24, "%.1fms", (double)us / 1e3);
	else if (s < 60)
		snprintf(out, 24, "%.1fs", (double)us / 1e6);
	else if (s < 3600)
		snprintf(out, 24, "%llum %llus", s / 60, s % 60);
	else
		snprintf(out, 24, "%lluh %llum", s / 3600, s / 60 % 60);
	return out;
}

json_t *sessions_json_text(struct span text)
{
	json_t *j = json_stringn(text.n ? (const char *)text.p : "", text.n);
	char *clean;
	size_t n = 0;

	if (j)
		return j;
	clean = malloc(3 * text.n + 1);
	if (!clean)
		return NULL;
	for (size_t i = 0; i < text.n;) {
		uint32_t c;
		size_t len = plain_char(span_of(text.p + i, text.n - i), &c);

		memcpy(clean + n, len ? (const char *)text.p + i : "\xef\xbf\xbd", len ? len : 3);
		n += len ? len : 3;
		i += len ? len : 1;
	}
	j = json_stringn(clean, n);
	free(clean);
	return j;
}

static bool is_list(unsigned field)
{
	return field == BODY_POLICY || field == BODY_TAG || field == BODY_RULE || field == BODY_RELATION ||
	       field == BODY_COLUMN || field == BODY_EFFECT || field == BODY_PARAMETER;
}

static json_t *json_item(const struct body_item *it)
{
	char hex[2 * 64 + 1];

	switch (body_field_type(it->field)) {
	case BODY_AS_NUMBER: return json_integer((json_int_t)it->number);
	case BODY_AS_TEXT: return sessions_json_text(it->v);
	case BODY_AS_BYTES: break;
	}
	for (size_t i = 0; i < it->v.n && i < 64; i++)
		snprintf(hex + 2 * i, 3, "%02x", it->v.p[i]);
	hex[2 * (it->v.n < 64 ? it->v.n : 64)] = '\0';
	return json_string(hex);
}

json_t *sessions_json_body(struct span body)
{
	json_t *o = json_object();
	struct body_item it;

	while (body_next(&body, &it) == WIRE_OK) {
		const char *name = body_field_name(it.field);

		if (!name)
			continue;
		if (!is_list(it.field)) {
			json_object_set_new(o, name, json_item(&it));
			continue;
		}
		if (!json_object_get(o, name))
			json_object_set_new(o, name, json_array());
		json_array_append_new(json_object_get(o, name), json_item(&it));
	}
	return o;
}

/* ---- the index ---- */

int sessions_index(struct sessions *s, struct index **out, struct err *e)
{
	const struct index_config cfg = {.dir = s->dir,
		.key = s->has_key ? s->key : NULL,
		.signer = s->has_signer ? s->signer : NULL,
		.anew = s->anew};
	const struct index_trouble *t;
	int r = index_open(out, &cfg, e);

	for (size_t i = 0; !r && (t = index_trouble(*out, i)); i++)
		fprintf(stderr, "pgveil: run %u: %s (pgveil sessions verify says more)\n", t->run, t->text);
	return r;
}

static int note(void *arg, const struct indexed_session *is)
{
	*(struct indexed_session *)arg = *is;
	return 0;
}

int sessions_find(struct sessions *s, struct indexed_session *out, struct err *e)
{
	const struct index_filter f = {.run = s->run, .session = s->session};
	struct index *ix;
	int r = sessions_index(s, &ix, e);

	if (r)
		return r;
	out->run = 0;
	r = index_sessions(ix, &f, note, out, e);
	index_close(ix);
	return r || out->run ? r : err_set(e, -ENOENT, "there is no session %s in %s", s->id, s->dir);
}

/* ---- options ---- */

/* 32 bytes in hexadecimal. */
static bool take_hex(uint8_t out[32], const char *s, size_t n)
{
	if (n != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		unsigned v;

		if (!isxdigit((unsigned char)s[2 * i]) || !isxdigit((unsigned char)s[2 * i + 1]) ||
			sscanf(s + 2 * i, "%2x", &v) != 1)
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

int sessions_take_signer(struct sessions *s, const char *file, struct err *e)
{
	static const uint8_t der[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	static const char head[] = "-----BEGIN PUBLIC KEY-----\n";
	uint8_t bytes[64];
	uint8_t *text;
	size_t n;
	int r = offline_read_file(file, 4096, &text, &n, e);

	if (r)
		return r;
	if (n == SEAL_PUBLIC) {
		memcpy(s->signer, text, n);
		s->has_signer = true;
	}
	while (n && isspace(text[n - 1]))
		n--;
	if (!s->has_signer)
		s->has_signer = take_hex(s->signer, (const char *)text, n);
	if (!s->has_signer && n > sizeof(head) + 60 && memcmp(text, head, sizeof(head) - 1) == 0 &&
		EVP_DecodeBlock(bytes, text + sizeof(head) - 1, 60) == 45 &&
		memcmp(bytes, der, sizeof(der)) == 0) {
		memcpy(s->signer, bytes + sizeof(der), SEAL_PUBLIC);
		s->has_signer = true;
	}
	free(text);
	return s->has_signer ? 0 : err_set(e, -EINVAL, "%s: no public key of Ed25519", file);
}

uint64_t sessions_take_time(const char *s)
{
	static const struct {
		char unit;
		long seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct tm tm = {0};
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!errno && end != s && n >= 0 && n < 1000000 && *end == units[i].unit && !end[1])
			return (uint64_t)(time(NULL) - n * units[i].seconds) * 1000000;
	end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	return end && *end == 'Z' && !end[1] ? (uint64_t)timegm(&tm) * 1000000 : 0;
}

bool sessions_take_id(struct sessions *s, const char *id)
{
	char *end;
	unsigned long long run, session;

	errno = 0;
	run = strtoull(id, &end, 10);
	if (errno || !isdigit((unsigned char)*id) || *end != '-' || !isdigit((unsigned char)end[1]) || !run ||
		run > RUN_MAX)
		return false;
	session = strtoull(end + 1, &end, 10);
	if (errno || *end || !session)
		return false;
	s->id = id;
	s->run = (uint32_t)run;
	s->session = session;
	return true;
}

enum {
	OPT_IDENTITY = 2000,
	OPT_DATABASE,
	OPT_RELATION,
	OPT_COLUMN,
	OPT_RULE,
	OPT_VERDICT,
	OPT_EFFECT,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_OPEN,
	OPT_LIMIT,
	OPT_REBUILD,
	OPT_HEAD,
	OPT_SIGNER,
	OPT_KEY,
	OPT_RECORDINGS,
	OPT_SPEED,
	OPT_STEP,
	OPT_FORMAT,
	OPT_OUTPUT,
	OPT_FROM,
	OPT_ENDPOINT,
	OPT_REGION,
	OPT_CREDENTIALS,
	OPT_CA,
	OPT_PLAIN,
	OPT_NAMESPACE,
	OPT_POD,
	OPT_SERVICE_ACCOUNT,
	OPT_NODE,
	OPT_FILE_MAX,
	OPT_FILES_MAX,
};

static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'},
	{"identity", required_argument, NULL, OPT_IDENTITY},
	{"database", required_argument, NULL, OPT_DATABASE},
	{"relation", required_argument, NULL, OPT_RELATION}, {"column", required_argument, NULL, OPT_COLUMN},
	{"rule", required_argument, NULL, OPT_RULE}, {"verdict", required_argument, NULL, OPT_VERDICT},
	{"effect", required_argument, NULL, OPT_EFFECT}, {"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL}, {"open", no_argument, NULL, OPT_OPEN},
	{"limit", required_argument, NULL, OPT_LIMIT}, {"rebuild", no_argument, NULL, OPT_REBUILD},
	{"head", required_argument, NULL, OPT_HEAD}, {"signer", required_argument, NULL, OPT_SIGNER},
	{"key", required_argument, NULL, OPT_KEY}, {"recordings", required_argument, NULL, OPT_RECORDINGS},
	{"speed", required_argument, NULL, OPT_SPEED}, {"step", no_argument, NULL, OPT_STEP},
	{"format", required_argument, NULL, OPT_FORMAT}, {"output", required_argument, NULL, OPT_OUTPUT},
	{"from", required_argument, NULL, OPT_FROM}, {"endpoint", required_argument, NULL, OPT_ENDPOINT},
	{"region", required_argument, NULL, OPT_REGION},
	{"credentials", required_argument, NULL, OPT_CREDENTIALS}, {"ca", required_argument, NULL, OPT_CA},
	{"plain", no_argument, NULL, OPT_PLAIN}, {"namespace", required_argument, NULL, OPT_NAMESPACE},
	{"pod", required_argument, NULL, OPT_POD},
	{"service-account", required_argument, NULL, OPT_SERVICE_ACCOUNT},
	{"node", required_argument, NULL, OPT_NODE}, {"file-max", required_argument, NULL, OPT_FILE_MAX},
	{"files-max", required_argument, NULL, OPT_FILES_MAX}, {0}};

#define ONE(opt) (1u << ((opt)-OPT_IDENTITY))
#define ALWAYS   (ONE(OPT_SIGNER) | ONE(OPT_KEY) | ONE(OPT_RECORDINGS) | ONE(OPT_REBUILD))
#define FILTERS                                                                                              \
	(ONE(OPT_IDENTITY) | ONE(OPT_DATABASE) | ONE(OPT_RELATION) | ONE(OPT_COLUMN) | ONE(OPT_RULE) |       \
		ONE(OPT_VERDICT) | ONE(OPT_EFFECT) | ONE(OPT_SINCE) | ONE(OPT_UNTIL) | ONE(OPT_OPEN) |       \
		ONE(OPT_LIMIT) | ONE(OPT_NAMESPACE) | ONE(OPT_POD) | ONE(OPT_SERVICE_ACCOUNT))
#define STORE                                                                                                \
	(ONE(OPT_FROM) | ONE(OPT_ENDPOINT) | ONE(OPT_REGION) | ONE(OPT_CREDENTIALS) | ONE(OPT_CA) |          \
		ONE(OPT_PLAIN) | ONE(OPT_NODE) | ONE(OPT_FILE_MAX) | ONE(OPT_FILES_MAX))

static const struct verb {
	const char *name;
	int (*run)(struct sessions *s);
	bool id, may; /* takes one; need not have it */
	unsigned options;
} verbs[] = {
	{"ls", sessions_ls, false, false, ALWAYS | FILTERS},
	{"show", sessions_show, true, false, ALWAYS},
	{"replay", sessions_replay, true, false, ALWAYS | ONE(OPT_SPEED) | ONE(OPT_STEP)},
	{"export", sessions_export, true, false, ALWAYS | ONE(OPT_FORMAT) | ONE(OPT_OUTPUT)},
	{"tail", sessions_tail, true, true, ALWAYS},
	{"kill", sessions_kill, true, false, 0},
	{"verify", sessions_verify, false, false, ALWAYS | STORE | ONE(OPT_HEAD)},
	{"fetch", sessions_fetch, false, false, STORE | ONE(OPT_OUTPUT)},
};

static const struct verb *verb_of(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static bool take_number(unsigned *out, const char *s)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	*out = (unsigned)v;
	return !errno && isdigit((unsigned char)*s) && !*end && v <= UINT_MAX;
}

/* "64MiB"; without a unit: n of them. At least 1. */
static int take_many(uint64_t *out, const char *s, bool sized)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 10);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (errno || !isdigit((unsigned char)*s) || !*out ||
			*out > UINT64_C(1) << (50 - units[i].shift) || strcmp(end, units[i].unit) != 0 ||
			sized != (units[i].shift != 0))
			continue;
		*out <<= units[i].shift;
		return 0;
	}
	return -EINVAL;
}

/* -EINVAL: the option is not understood; e says why, or nothing where that is plain. */
static int take_option(struct sessions *s, int c, struct err *e)
{
	struct index_filter *f = &s->filter;
	char *end;

	switch (c) {
	case OPT_IDENTITY: f->identity = optarg; return 0;
	case OPT_DATABASE: f->database = optarg; return 0;
	case OPT_RELATION: f->relation = optarg; return 0;
	case OPT_COLUMN: f->column = optarg; return 0;
	case OPT_RULE: f->rule = optarg; return 0;
	case OPT_VERDICT: f->verdict = optarg; return 0;
	case OPT_EFFECT: f->effect = optarg; return 0;
	case OPT_SINCE: f->since_us = sessions_take_time(optarg); return f->since_us ? 0 : -EINVAL;
	case OPT_UNTIL: f->until_us = sessions_take_time(optarg); return f->until_us ? 0 : -EINVAL;
	case OPT_OPEN: f->live = true; return 0;
	case OPT_LIMIT: s->limited = true; return take_number(&f->limit, optarg) ? 0 : -EINVAL;
	case OPT_REBUILD: s->anew = true; return 0;
	case OPT_HEAD:
		s->has_head = take_hex(s->head, optarg, strlen(optarg));
		return s->has_head ? 0 : -EINVAL;
	case OPT_SIGNER: return sessions_take_signer(s, optarg, e);
	case OPT_KEY: s->has_key = true; return key_read(s->key, optarg, NULL, e);
	case OPT_RECORDINGS:
		s->here = true;
		return (size_t)snprintf(s->dir, sizeof(s->dir), "%s", optarg) < sizeof(s->dir) ? 0 : -EINVAL;
	case OPT_SPEED:
		s->speed = strtod(optarg, &end);
		return *optarg && !*end && s->speed >= 0 ? 0 : -EINVAL;
	case OPT_STEP: s->step = true; return 0;
	case OPT_FORMAT: s->format = optarg; return 0;
	case OPT_OUTPUT: s->output = optarg; return 0;
	case OPT_FROM: s->from = optarg; return 0;
	case OPT_ENDPOINT: s->endpoint = optarg; return 0;
	case OPT_REGION: s->region = optarg; return 0;
	case OPT_CREDENTIALS: s->credentials = optarg; return 0;
	case OPT_CA: s->ca = optarg; return 0;
	case OPT_PLAIN: s->plain = true; return 0;
	case OPT_NODE: s->node = optarg; return 0;
	case OPT_FILE_MAX: return take_many(&s->file_max, optarg, true);
	case OPT_FILES_MAX: return take_many(&s->files_max, optarg, false);
	case OPT_NAMESPACE: f->namespace = optarg; return 0;
	case OPT_POD: f->pod = optarg; return 0;
	case OPT_SERVICE_ACCOUNT: f->service_account = optarg; return 0;
	default: return -EINVAL;
	}
}

static int misused(void)
{
	fputs(sessions_help, stderr);
	return 2;
}

int cli_sessions(struct settings *settings, int argc, char **argv)
{
	struct sessions s = {.settings = settings, .dir = "/var/lib/pgveil/recordings", .speed = -1};
	const struct verb *v = argc > 1 ? verb_of(argv[1]) : NULL;
	struct err e = {0};
	int c, at = 0, r;

	while ((c = getopt_long(argc, argv, "hn:", longs, &at)) != -1) {
		if (settings_take(settings, c))
			continue;
		if (c == 'n')
			c = OPT_NAMESPACE;
		if (c == 'h') {
			fputs(sessions_help, stdout);
			return 0;
		}
		if (c < OPT_IDENTITY || !v || !(v->options & ONE(c)))
			return misused();
		if (!take_option(&s, c, &e))
			continue;
		if (e.code)
			return sessions_fail(&e);
		fprintf(stderr, "pgveil: --%s %s: not understood\n", longs[at].name, optarg ? optarg : "");
		return 2;
	}
	if (!v || optind >= argc || strcmp(argv[optind++], v->name) != 0)
		return misused();
	if (v->id && optind < argc && !sessions_take_id(&s, argv[optind++])) {
		fprintf(stderr, "pgveil: %s is no session's ID: it is one such as 3-17\n", argv[optind - 1]);
		return 2;
	}
	if (optind < argc || (v->id && !s.id && !v->may) || (s.from && s.here) ||
		(!s.from && (s.endpoint || s.region || s.credentials || s.ca || s.plain || s.node ||
				    s.file_max || s.files_max)))
		return misused();
	r = v->run(&s);
	mem_wipe(s.key, sizeof(s.key));
	return r;
}
