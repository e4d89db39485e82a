/* SPDX-License-Identifier: MIT */
/* `pgveil policy learn`. The recording is walked twice: what was proposed after the first walk is held
 * against all of it in the second. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/learn.h"
#include "cli/plain.h"
#include "cli/policy.h"
#include "cli/sessions.h"
#include "policy/document.h"
#include "policy/glob.h"
#include "policy/key.h"
#include "record/recording.h"

#define SHAPES       5000u /* more are no list that anybody reads */
#define SHAPES_BYTES ((size_t)64 << 20)
#define DEALINGS     20000u

static const char help[] =
	"Usage: pgveil policy learn [--only] [--rules] [--failed] [--identity GLOB] [--document GLOB]\n"
	"           [--database GLOB] [--since TIME] [--until TIME] [--session ID] [--against FILE]...\n"
	"           [--recordings DIR] [--key FILE] [--signer FILE] [--json]\n"
	"\n"
	"Proposes what a policy must let through so that what was recorded runs again, as `statements:` of\n"
	"spec, and proves it: every recorded statement is held against the proposal by the daemon's own "
	"matcher.\n"
	"Read it before it goes into a policy: what an agent did is not yet what it should do.\n"
	"\n"
	"  --only             the shapes of statements (the default): constants are $1, $2 …, but what "
	"functions\n"
	"                     are called with, numbers of columns and the constants of what is no query, "
	"where\n"
	"                     they were always the same\n"
	"  --rules            rules for effects and relations, and default: deny\n"
	"  --failed           also what ended with an error, or whose end is not on record\n"
	"  --identity GLOB    of this cgroup, or below it, of this unit, this command or this uid\n"
	"  --document GLOB    of sessions that a policy document of this name was for\n"
	"  --database GLOB    with this database, or this database entry of the policy\n"
	"  --since TIME       30s, 10m, 2h, 1d, or a time like 2026-11-25T17:00:00Z\n"
	"  --until TIME\n"
	"  --session ID       of this one, such as 3-17\n"
	"  --against FILE     a policy: says instead what it would refuse of what ran, by its lists, and by "
	"its rules\n"
	"                     as far as it is on record what a statement did; may be given several times\n"
	"  --recordings DIR   where they are (default: /var/lib/pgveil/recordings)\n"
	"  --key FILE         of an enciphered recording: the file that the daemon was given\n"
	"  --signer FILE      the public key that seals must be by\n"
	"  --json             machine-readable output\n"
	"\n"
	"Exit status: 0 done, and all that ran is let through; 1 the recording cannot be read, or not all of "
	"it\n"
	"is to be believed; 2 used wrongly; 3 not all of what ran is let through.\n";

struct lesson {
	struct settings settings;
	struct sessions at; /* where the recordings are */
	struct learn_filter filter;
	bool only, rules, failed;
	const char **against;
	unsigned nagainst;
	struct shapes *shapes;
	struct dealings *dealings;
	struct learn_result first, second;
	struct arena mem;
	const char *rules_text; /* NULL: none were proposed */
	unsigned nrules;
	uint32_t last_run; /* where the first walk ended */
	uint64_t last;
	char fault[256]; /* of the recording; "": none */
};

/* ---- options ---- */

enum {
	OPT_ONLY = 3000,
	OPT_RULES,
	OPT_FAILED,
	OPT_IDENTITY,
	OPT_DOCUMENT,
	OPT_DATABASE,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_SESSION,
	OPT_AGAINST,
	OPT_RECORDINGS,
	OPT_KEY,
	OPT_SIGNER,
};

static bool take_glob(const char **out)
{
	*out = optarg;
	return !glob_problem(optarg);
}

/* false: it is not understood; e says why, or nothing where that is plain. */
static bool take_option(struct lesson *x, int o, struct err *e)
{
	switch (o) {
	case 'j': x->settings.json = true; return true;
	case OPT_ONLY: x->only = true; return true;
	case OPT_RULES: x->rules = true; return true;
	case OPT_FAILED: x->failed = true; return true;
	case OPT_IDENTITY: return take_glob(&x->filter.identity);
	case OPT_DOCUMENT: return take_glob(&x->filter.document);
	case OPT_DATABASE: return take_glob(&x->filter.database);
	case OPT_SINCE: return (x->filter.since_us = sessions_take_time(optarg)) != 0;
	case OPT_UNTIL: return (x->filter.until_us = sessions_take_time(optarg)) != 0;
	case OPT_SESSION:
		if (!sessions_take_id(&x->at, optarg))
			return false;
		x->filter.run = x->at.run;
		x->filter.session = x->at.session;
		return true;
	case OPT_AGAINST: x->against[x->nagainst++] = optarg; return true;
	case OPT_RECORDINGS:
		return (size_t)snprintf(x->at.dir, sizeof(x->at.dir), "%s", optarg) < sizeof(x->at.dir);
	case OPT_KEY: x->at.has_key = true; return !key_read(x->at.key, optarg, NULL, e);
	case OPT_SIGNER: return !sessions_take_signer(&x->at, optarg, e);
	default: return false;
	}
}

/* 0; 1: the help was asked for; 2: used wrongly. */
static int read_options(struct lesson *x, int argc, char **argv)
{
	static const struct option longs[] = {{"only", no_argument, NULL, OPT_ONLY},
		{"rules", no_argument, NULL, OPT_RULES}, {"failed", no_argument, NULL, OPT_FAILED},
		{"identity", required_argument, NULL, OPT_IDENTITY},
		{"document", required_argument, NULL, OPT_DOCUMENT},
		{"database", required_argument, NULL, OPT_DATABASE},
		{"since", required_argument, NULL, OPT_SINCE}, {"until", required_argument, NULL, OPT_UNTIL},
		{"session", required_argument, NULL, OPT_SESSION},
		{"against", required_argument, NULL, OPT_AGAINST},
		{"recordings", required_argument, NULL, OPT_RECORDINGS},
		{"key", required_argument, NULL, OPT_KEY}, {"signer", required_argument, NULL, OPT_SIGNER},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct err e = {0};
	int o, at = 0;

	optind = 0;
	while ((o = getopt_long(argc, argv, "jh", longs, &at)) != -1) {
		if (o == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (o == '?')
			return 2;
		if (take_option(x, o, &e))
			continue;
		if (e.code)
			fprintf(stderr, "pgveil policy learn: %s\n", e.msg);
		else
			fprintf(stderr, "pgveil policy learn: --%s %s: not understood\n", longs[at].name,
				optarg);
		return 2;
	}
	if (optind != argc) {
		fputs(help, stderr);
		return 2;
	}
	x->only |= !x->rules;
	return 0;
}

/* ---- a walk ---- */

/* 1: not all of it is to be believed; what was read before that is. */
static int walk(struct lesson *x, const struct learn_config *cfg, struct learn_result *out, struct err *e)
{
	const struct recording_config at = {.dir = x->at.dir,
		.key = x->at.has_key ? x->at.key : NULL,
		.signer = x->at.has_signer ? x->at.signer : NULL,
		.bodies = true,
		.kinds = LEARN_KINDS};
	struct recording *r = NULL;
	struct learn *l = NULL;
	struct read_record rec = {0};
	uint32_t run = 0;
	int rc = recording_open(&r, &at, e);

	if (!rc)
		rc = learn_new(&l, cfg, e);
	/* What is written meanwhile is not in the second walk. */
	while (!rc && !(cfg->proves && x->last_run == run && x->last == rec.entry.number) &&
		(rc = recording_next(r, &run, &rec, e)) == 1) {
		rc = learn_take(l, run, &rec, e);
		if (cfg->proves)
			continue;
		x->last_run = run;
		x->last = rec.entry.number;
	}
	if (rc == -EBADMSG) {
		snprintf(x->fault, sizeof(x->fault), "%s", e->msg);
		rc = 0;
	}
	if (!rc)
		*out = *learn_finish(l);
	learn_free(l);
	recording_close(r);
	return rc;
}

/* ---- what is proposed ---- */

/* Between double quotes (YAML 1.1, 5.7); "${" would be a variable. */
static void put_quoted(struct plain *t, const char *text)
{
	struct span s = span_of(text, strlen(text));

	plain_puts(t, "\"");
	while (s.n) {
		uint32_t c = 0;
		size_t n = plain_char(s, &c);

		if (c == '"' || c == '\\')
			plain_printf(t, "\\%c", (char)c);
		else if (c == '$' && s.n > 1 && s.p[1] == '{')
			plain_puts(t, "$$");
		else if (!n)
			plain_puts(t, "?");
		else
			plain_terminal(t, span_of(s.p, n), false);
		s = span_of(s.p + (n ? n : 1), s.n - (n ? n : 1));
	}
	plain_puts(t, "\"");
}

static void put_shape(struct plain *t, const struct shape_group *g)
{
	char at[40];

	plain_printf(t, "      # ran %llu time%s in %llu session%s", (unsigned long long)g->ran,
		g->ran == 1 ? "" : "s", (unsigned long long)g->sessions, g->sessions == 1 ? "" : "s");
	if (g->ran)
		plain_printf(t, ", the last %s", sessions_time(at, g->last_us, false));
	if (g->asked)
		plain_printf(t, "; %llu by an approval", (unsigned long long)g->asked);
	if (g->failed)
		plain_printf(t, "; %llu ended with an error or not at all", (unsigned long long)g->failed);
	plain_puts(t, "\n      - ");
	put_quoted(t, g->text);
	plain_puts(t, "\n");
}

static void put_proposal(const struct lesson *x, struct plain *t)
{
	plain_puts(t, "  statements:\n");
	if (x->rules) {
		plain_puts(t, "    default: deny\n");
		plain_puts(t, x->nrules ? "    rules:\n" : "");
		plain_puts(t, x->rules_text);
	}
	if (x->only && shapes_count(x->shapes))
		plain_puts(t, "    only:\n");
	for (unsigned i = 0; x->only && i < shapes_count(x->shapes); i++)
		put_shape(t, shapes_at(x->shapes, i));
}

/* As the daemon reads it. */
static int read_proposal(const struct lesson *x, struct documents *d, struct err *e)
{
	static const char head[] =
		"apiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: learned}\nspec:\n"
		"  subjects: [{uid: 0}]\n  databases:\n    - {name: d, address: '192.0.2.1:5432', "
		"credential: {user: u, passwordFile: /dev/null}, tls: {mode: disable}}\n";
	struct complaints c = {0};
	struct plain t = {0};
	int r;

	plain_puts(&t, head);
	put_proposal(x, &t);
	r = t.failed ? -ENOMEM : documents_parse(d, "proposal", span_of(t.p, t.n), &c);
	if (r)
		err_set(e, r, "the proposal is no policy: %s", c.n ? c.line[0] : "out of memory");
	plain_fini(&t);
	complaints_fini(&c);
	return r;
}

/* Each shape must be the one that was meant. */
static int compare(const struct lesson *x, const struct guard *g, struct err *e)
{
	if (!x->only)
		return 0;
	if (g->nonly != shapes_count(x->shapes))
		return err_set(e, -EINVAL, "the proposal is read with %u shapes for %u", g->nonly,
			shapes_count(x->shapes));
	for (unsigned i = 0; i < g->nonly; i++) {
		const struct shape_group *s = shapes_at(x->shapes, i);

		if (!stencil_fits(&g->only[i], &s->pattern) || !stencil_fits(&s->pattern, &g->only[i]))
			return err_set(e, -EINVAL, "the proposal is read otherwise than it was meant: %.80s",
				s->text);
	}
	return 0;
}

/* ---- telling ---- */

static void tell_left(struct plain *t, const char *where, const struct learn_left *left, const char *what)
{
	if (!left->n)
		return;
	plain_printf(t, "# %s: %llu %s", where, (unsigned long long)left->n, what);
	if (left->why)
		plain_printf(t, " (the last: %s)", left->why);
	for (unsigned i = 0; i < left->nof; i++)
		plain_printf(t, "%s %u-%llu",
			i                ? ","
			: left->nof == 1 ? "; session"
					 : "; sessions",
			left->of[i].run, (unsigned long long)left->of[i].session);
	plain_puts(t, left->nof == LEARN_NAMED ? " and perhaps others\n" : "\n");
}

#define LEFT_OUT "left out"

static void tell(const struct lesson *x, struct plain *t)
{
	const struct learn_result *a = &x->first, *b = &x->second;
	const char *failed = x->failed ? "taken too" : LEFT_OUT;
	char from[40], to[40];

	plain_printf(t, "# pgveil policy learn: %llu statements of %llu sessions", (unsigned long long)a->ran,
		(unsigned long long)a->sessions);
	if (a->last_us)
		plain_printf(t, ", %s to %s", sessions_time(from, a->first_us, false),
			sessions_time(to, a->last_us, false));
	plain_puts(t, "\n");
	if (x->only && !x->nagainst)
		plain_printf(t, "# %u shapes: they let %llu of these statements through, %s\n",
			shapes_count(x->shapes), (unsigned long long)b->passed,
			b->passed == a->ran ? "which is all" : "which is not all");
	if (x->rules && !x->nagainst)
		plain_printf(t, "# %u rules: by the effects and relations on record they let %s through\n",
			x->nrules, b->denied.n || b->anything.n ? "not all of them" : "all of them");
	tell_left(t, "not let through", &b->stuck, "by none of the shapes");
	tell_left(t, "not let through", &b->denied, "by the rules");
	tell_left(t, "not let through", &b->anything,
		"run code of which nobody knows what it does: no rule lets that through, see "
		"statements.opaque.allow");
	tell_left(t, "to be seen", &b->asked, "would run without the approval that they had");
	tell_left(t, LEFT_OUT, &a->full, "for which there was no room: learn from fewer sessions");
	tell_left(t, LEFT_OUT, &a->unread, "of which no shape can be made");
	if (x->rules)
		tell_left(t, LEFT_OUT, &a->unjudged,
			"of sessions that were not judged: what they did is not on record");
	tell_left(t, LEFT_OUT, &a->refused, "that were refused");
	tell_left(t, failed, &a->failed, "that ended with an error");
	tell_left(t, failed, &a->unended, "that have no end on record");
	if (x->fault[0])
		plain_printf(t, "# the recording is not to be believed further: %s\n", x->fault);
}

static json_t *left_json(const struct learn_left *left)
{
	json_t *ids = json_array(), *o;
	char id[48];

	for (unsigned i = 0; i < left->nof; i++) {
		snprintf(id, sizeof(id), "%u-%llu", left->of[i].run, (unsigned long long)left->of[i].session);
		json_array_append_new(ids, json_string(id));
	}
	o = json_pack("{s:I, s:o}", "n", (json_int_t)left->n, "sessions", ids);
	if (left->why)
		json_object_set_new(o, "why", json_string(left->why));
	return o;
}

static json_t *shape_json(const struct shape_group *g)
{
	char at[40];
	json_t *o = json_pack("{s:o, s:I, s:I, s:I, s:I}", "text",
		sessions_json_text(span_of(g->text, strlen(g->text))), "ran", (json_int_t)g->ran, "sessions",
		(json_int_t)g->sessions, "asked", (json_int_t)g->asked, "failed", (json_int_t)g->failed);

	json_object_set_new(
		o, "last", g->ran ? json_string(sessions_time(at, g->last_us, true)) : json_null());
	if (g->refused)
		json_object_set_new(o, "against",
			json_pack("{s:I, s:s}", "refused", (json_int_t)g->refused, "why", g->why));
	return o;
}

static void print_json(const struct lesson *x)
{
	const struct learn_result *a = &x->first, *b = &x->second;
	json_t *shapes = json_array(), *o;
	struct plain t = {0};

	for (unsigned i = 0; i < shapes_count(x->shapes); i++)
		json_array_append_new(shapes, shape_json(shapes_at(x->shapes, i)));
	put_proposal(x, &t);
	o = json_pack("{s:I, s:I, s:o, s:I, s:o}", "statements", (json_int_t)a->ran, "sessions",
		(json_int_t)a->sessions, "shapes", shapes, "passed", (json_int_t)b->passed, "proposal",
		x->nagainst ? json_null() : sessions_json_text(span_of(t.p, t.n)));
	json_object_set_new(o, "stuck", left_json(&b->stuck));
	json_object_set_new(o, "denied", left_json(&b->denied));
	json_object_set_new(o, "anything", left_json(&b->anything));
	json_object_set_new(o, "asked", left_json(&b->asked));
	json_object_set_new(o, "full", left_json(&a->full));
	json_object_set_new(o, "unread", left_json(&a->unread));
	json_object_set_new(o, "unjudged", left_json(&a->unjudged));
	json_object_set_new(o, "refused", left_json(&a->refused));
	json_object_set_new(o, "failed", left_json(&a->failed));
	json_object_set_new(o, "unended", left_json(&a->unended));
	json_object_set_new(o, "fault", x->fault[0] ? json_string(x->fault) : json_null());
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	plain_fini(&t);
}

static uint64_t against_refuses(const struct lesson *x)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < shapes_count(x->shapes); i++)
		n += shapes_at(x->shapes, i)->refused;
	return n;
}

static void put_against(const struct lesson *x, struct plain *t)
{
	plain_printf(t, "# it would refuse or ask about %llu of these statements\n",
		(unsigned long long)against_refuses(x));
	for (unsigned i = 0; i < shapes_count(x->shapes); i++) {
		const struct shape_group *g = shapes_at(x->shapes, i);

		if (!g->refused)
			continue;
		plain_printf(t, "%llu of %llu: ", (unsigned long long)g->refused, (unsigned long long)g->ran);
		plain_terminal(t, span_of(g->text, strlen(g->text)), false);
		plain_puts(t, "\n  ");
		plain_terminal(t, span_of(g->why, strlen(g->why)), false);
		plain_puts(t, "\n");
	}
}

static int print(const struct lesson *x)
{
	struct plain t = {0};
	int r;

	if (x->settings.json) {
		print_json(x);
		return 0;
	}
	tell(x, &t);
	if (x->nagainst)
		put_against(x, &t);
	else
		put_proposal(x, &t);
	r = t.failed || fwrite(t.p, 1, t.n, stdout) != t.n;
	plain_fini(&t);
	return r;
}

/* ---- the whole ---- */

static int load_against(struct lesson *x, struct policy **out)
{
	struct complaints c = {0};
	int r = x->nagainst ? policy_load(out, x->against, x->nagainst, &c) : 0;

	for (unsigned i = 0; i < c.n; i++)
		fprintf(stderr, "%s\n", c.line[i]);
	complaints_fini(&c);
	return r;
}

static int propose(struct lesson *x, struct documents *d, struct err *e)
{
	int r = shapes_finish(x->shapes, x->failed, e);

	if (!r && x->rules)
		x->rules_text = dealings_rules(x->dealings, &x->mem, &x->nrules);
	if (!r && x->rules && !x->rules_text)
		r = err_set(e, -ENOMEM, "out of memory");
	/* An empty list would be a mistake, and says so. */
	if (!r && (x->rules || shapes_count(x->shapes)))
		r = read_proposal(x, d, e);
	return r || !d->n ? r : compare(x, &d->v[0].guard, e);
}

static int learn_all(struct lesson *x, const struct policy *against, struct documents *d, struct err *e)
{
	struct learn_config cfg = {.filter = x->filter, .failed = x->failed};
	int r = shapes_new(&x->shapes, SHAPES, SHAPES_BYTES, e);

	if (!r)
		r = dealings_new(&x->dealings, DEALINGS, e);
	cfg.shapes = x->shapes;
	cfg.dealings = x->dealings;
	if (!r)
		r = walk(x, &cfg, &x->first, e);
	if (!r)
		r = propose(x, d, e);
	cfg.proves = true;
	cfg.against = against;
	cfg.rules = x->rules && d->n ? &d->v[0].guard : NULL;
	return r ? r : walk(x, &cfg, &x->second, e);
}

static int status(const struct lesson *x)
{
	const struct learn_result *b = &x->second;

	if (x->fault[0])
		return 1;
	if (x->nagainst)
		return against_refuses(x) ? 3 : 0;
	if (x->only && (b->stuck.n || x->first.full.n || x->first.unread.n))
		return 3;
	return b->denied.n || b->asked.n || b->anything.n ? 3 : 0;
}

int policy_learn(int argc, char **argv)
{
	struct lesson x = {.at = {.dir = "/var/lib/pgveil/recordings"},
		.against = calloc((size_t)argc + 1, sizeof(char *))};
	struct documents d = {0};
	struct policy *against = NULL;
	struct err e = {0};
	int r = x.against ? read_options(&x, argc, argv) : 2, out = r == 1 ? 0 : 2;

	if (!r && load_against(&x, &against)) {
		out = 2;
	} else if (!r) {
		r = learn_all(&x, against, &d, &e);
		if (r)
			fprintf(stderr, "pgveil policy learn: %s\n", e.msg);
		out = r || print(&x) ? 1 : status(&x);
	}
	policy_unref(against);
	documents_fini(&d);
	shapes_free(x.shapes);
	dealings_free(x.dealings);
	arena_fini(&x.mem);
	free(x.against);
	return out;
}
