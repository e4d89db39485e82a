/* SPDX-License-Identifier: MIT */
#include "cli/policy.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/offline.h"

static const char help[] =
	"Usage: pgveil policy explain --policy FILE... --schema FILE [CALLER] [PLACE] [--json] [SQL]\n"
	"\n"
	"With SQL: for each statement and each of its columns, whether it passes, is masked or becomes NULL, "
	"and\n"
	"the file:line of the rule that is the reason; or why the statement is refused. Without: the columns "
	"that\n"
	"are masked for the caller.\n"
	"\n"
	"  --policy FILE       a policy file; may be given several times\n"
	"  --schema FILE       the database's DDL, as pg_dump --schema-only writes it\n"
	"  --cgroup PATH       the caller's cgroup below the cgroup root, such as "
	"/agents.slice/claude-1.scope\n"
	"  --unit NAME         its systemd unit (default: what the cgroup's path says)\n"
	"  --uid N             its uid (default: nobody's)\n"
	"  --address HOST:PORT where it connects to (default: the first entry it may use)\n"
	"  --database NAME     the database's name (default: one that the entry allows)\n"
	"  --search-path LIST  schemas by comma (default: public)\n"
	"  --json              the same as JSON\n"
	"\n"
	"Exit status: 0 explained (a refusal too), 1 a mistake in a file or a caller that no policy lets in, "
	"2 used\n"
	"wrongly.\n";

struct request {
	struct offline_options options;
	const char *cgroup, *unit, *uid, *sql;
	char *path;
	bool json;
};

/* Cuts list at its commas. */
static int read_path(struct request *q, struct arena *a)
{
	unsigned n = 1;

	for (const char *s = q->path; (s = strchr(s, ',')) != NULL; s++)
		n++;
	q->options.path = arena_array(a, n, sizeof(*q->options.path));
	if (!q->options.path)
		return -ENOMEM;
	for (char *rest = q->path, *name; (name = strsep(&rest, ", ")) != NULL;)
		if (*name && q->options.npath < n)
			q->options.path[q->options.npath++] = name;
	return 0;
}

/* 0; 1: help was printed; 2: used wrongly. */
static int read_options(struct request *q, int argc, char **argv, struct arena *a)
{
	static const struct option options[] = {{"policy", required_argument, NULL, 'p'},
		{"schema", required_argument, NULL, 's'}, {"cgroup", required_argument, NULL, 'c'},
		{"unit", required_argument, NULL, 'n'}, {"uid", required_argument, NULL, 'u'},
		{"address", required_argument, NULL, 'a'}, {"database", required_argument, NULL, 'd'},
		{"search-path", required_argument, NULL, 'S'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int o;

	q->options.policies = arena_array(a, (size_t)argc, sizeof(*q->options.policies));
	if (!q->options.policies)
		return 2;
	optind = 0;
	while ((o = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (o) {
		case 'p': q->options.policies[q->options.npolicies++] = optarg; break;
		case 's': q->options.schema = optarg; break;
		case 'c': q->cgroup = optarg; break;
		case 'n': q->unit = optarg; break;
		case 'u': q->uid = optarg; break;
		case 'a': q->options.address = optarg; break;
		case 'd': q->options.database = optarg; break;
		case 'S': q->path = optarg; break;
		case 'j': q->json = true; break;
		case 'h': fputs(help, stdout); return 1;
		default: return 2;
		}
	}
	if (!q->options.npolicies || !q->options.schema || argc - optind > 1) {
		fputs(help, stderr);
		return 2;
	}
	q->sql = argv[optind];
	return 0;
}

static const char *where(const struct rule *r)
{
	return r ? r->where : "catalogue column";
}

static const char *label(const struct statement *st, const struct plan *p, unsigned i)
{
	return st && st->noutputs == p->ncolumns && *st->outputs[i].name ? st->outputs[i].name : "?column?";
}

static const char *action_text(const struct column_plan *c, struct arena *a)
{
	return c->action == ACTION_MASK   ? offline_mask_text(c->mask, a)
	       : c->action == ACTION_PASS ? "pass"
					  : "null";
}

/* "public.t.c: 2 constants (rule …)"; the elements of a parameter are counted when it is bound. */
static const char *spend_text(const struct offline *o, const struct spend *s, struct arena *a)
{
	const struct relation *r = catalog_relation_by_oid(o->catalog, s->column.relid);
	const struct column *c = r ? relation_column_by_attnum(r, s->column.attnum) : NULL;
	const char *text = arena_printf(a, "%s.%s.%s: %u of %u constants in %u s", r ? r->schema : "?",
		r ? r->name : "?", c ? c->name : "?", s->count, s->constants, s->period_s);

	if (text && s->param)
		text = arena_printf(a, "%s, and the elements of $%u", text, s->param);
	return text ? text : "out of memory";
}

/* What an estimate of its rows would decide. */
static void print_thresholds(const struct plan *p)
{
	for (unsigned i = 0; i < p->nthresholds; i++)
		printf("  above %llu estimated rows, or without an estimate: %s (%s)\n",
			(unsigned long long)p->thresholds[i].rows,
			p->thresholds[i].verdict == ASK ? "waits for an approval" : "refused",
			p->thresholds[i].rule->where);
}

static void print_plan(const struct offline *o, const struct plan *p, const struct statement *st,
	unsigned number, struct arena *a)
{
	printf("statement %u: ", number);
	if (p->verdict != ALLOW) {
		if (p->verdict == ASK)
			printf("waits for an approval");
		else
			printf("refused (%s)", p->sqlstate);
		if (p->position)
			printf(" at character %d", p->position);
		printf("\n  %s\n", p->reason);
		if (p->hint)
			printf("  %s\n", p->hint);
		print_thresholds(p);
		return;
	}
	printf("%s%s\n", statement_kind_name(p->kind),
		p->inner   ? " of"
		: p->masks ? ", masked"
			   : ", nothing masked");
	print_thresholds(p);
	for (unsigned i = 0; i < p->ncolumns; i++)
		printf("  %-30s %-40s %s\n", label(st, p, i), action_text(&p->columns[i], a),
			p->columns[i].action == ACTION_PASS ? "" : where(p->columns[i].rule));
	for (unsigned i = 0; i < p->nspends && !p->inner; i++)
		printf("  spends %-63s %s\n", spend_text(o, &p->spends[i], a), where(p->spends[i].rule));
	if (p->inner)
		print_plan(o, p->inner, st ? st->inner : NULL, number, a);
}

static json_t *plan_json(
	const struct offline *o, const struct plan *p, const struct statement *st, struct arena *a)
{
	json_t *columns, *spends, *thresholds = json_array();

	for (unsigned i = 0; i < p->nthresholds; i++)
		json_array_append_new(
			thresholds, json_pack("{s:I, s:s, s:s}", "rows", (json_int_t)p->thresholds[i].rows,
					    "verdict", verdict_name(p->thresholds[i].verdict), "rule",
					    p->thresholds[i].rule->where));
	if (p->verdict != ALLOW)
		return json_pack("{s:s, s:s, s:s, s:s?, s:i, s:o}", "verdict", verdict_name(p->verdict),
			"sqlstate", p->sqlstate, "reason", p->reason, "hint", p->hint, "position",
			p->position, "thresholds", thresholds);
	columns = json_array();
	spends = json_array();
	for (unsigned i = 0; i < p->nspends && !p->inner; i++)
		json_array_append_new(spends, json_pack("{s:s, s:s}", "text", spend_text(o, &p->spends[i], a),
						      "rule", where(p->spends[i].rule)));
	for (unsigned i = 0; i < p->ncolumns; i++) {
		const struct column_plan *c = &p->columns[i];

		json_array_append_new(columns,
			json_pack("{s:s, s:s, s:s?, s:s?}", "name", label(st, p, i), "action",
				offline_action_text(c, a), "mask",
				c->action == ACTION_MASK ? offline_mask_text(c->mask, a) : NULL, "rule",
				c->action == ACTION_PASS || !c->rule ? NULL : c->rule->where));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o*}", "verdict", "allow", "kind",
		statement_kind_name(p->kind), "columns", columns, "spends", spends, "thresholds", thresholds,
		"inner", p->inner ? plan_json(o, p->inner, st ? st->inner : NULL, a) : NULL);
}

struct listing {
	const struct offline *o;
	json_t *json; /* NULL: print */
	struct arena *a;
	unsigned n;
};

/* What a plain SELECT of a column gives, views included; NULL: passes. *m says which rule. */
static const struct mask *effective(
	const struct binding *b, const struct relation *r, const struct column *c, const struct masking **m)
{
	*m = binding_column(b, (struct colref){r->oid, c->attnum});
	if (*m)
		return (*m)->direct;
	*m = binding_set(b, &c->from);
	if (!*m)
		return NULL;
	return c->direct && !binding_mixed(b, &c->from) ? (*m)->direct : (*m)->derived;
}

static bool list_relation(void *arg, const struct relation *r)
{
	struct listing *l = arg;

	for (unsigned i = 0; i < r->ncols; i++) {
		const struct masking *m;
		const struct mask *mask = effective(l->o->binding, r, &r->cols[i], &m);
		char *name;

		if (!mask || (r->system && !m->rule))
			continue;
		name = arena_printf(l->a, "%s.%s.%s", r->schema, r->name, r->cols[i].name);
		if (!name)
			return false;
		l->n++;
		if (l->json)
			json_array_append_new(l->json,
				json_pack("{s:s, s:s, s:s, s:s, s:s}", "column", name, "mask",
					offline_mask_text(mask, l->a), "derived",
					offline_mask_text(m->derived, l->a), "permit",
					offline_permit_text(&m->permit, l->a), "rule", where(m->rule)));
		else
			printf("%-45s %-40s %s%s%s\n", name, offline_mask_text(mask, l->a), where(m->rule),
				*offline_permit_text(&m->permit, l->a) ? "  " : "",
				offline_permit_text(&m->permit, l->a));
	}
	return true;
}

static void list_rows(const struct offline *o, json_t *json, struct arena *a)
{
	const struct row_filters *f = binding_rows(o->binding);

	for (unsigned i = 0; i < f->n; i++) {
		const struct relation *r = catalog_relation_by_oid(o->catalog, f->v[i].relid);
		const char *name = r ? arena_printf(a, "%s.%s", r->schema, r->name) : NULL;
		const char *says = f->v[i].problem ? f->v[i].problem : f->v[i].condition;

		if (json)
			json_array_append_new(json,
				json_pack("{s:s?, s:s, s:s}", "relation", name,
					f->v[i].problem ? "refused" : "filter", says, "rule", f->v[i].where));
		else
			printf("%-45s %s%-33s %s\n", name ? name : "?",
				f->v[i].problem ? "refused: " : "rows ", says, f->v[i].where);
	}
}

static void list_columns(const struct offline *o, json_t *json, struct arena *a)
{
	struct listing l = {.o = o, .json = json, .a = a};

	catalog_each_relation(o->catalog, list_relation, &l);
	if (!json && !l.n)
		printf("no column is masked for this caller\n");
	list_rows(o, json, a);
}

/* *sent: the text that the server gets, where it is another; NULL. */
static int explain_sql(
	const struct offline *o, const char *sql, json_t *json, json_t **sent, struct arena *a, struct err *e)
{
	struct analysis analysis;
	struct judged judged;
	int r = offline_judge(o, span_of(sql, strlen(sql)), a, &judged, &analysis, e);

	if (r)
		return r;
	if (!grant_judges(&o->grant) && !json)
		printf("nothing is masked or limited for this caller: everything passes and nothing is "
		       "judged\n");
	for (unsigned i = 0; i < judged.n; i++) {
		const struct statement *st = analysis.n == judged.n ? &analysis.statements[i] : NULL;

		if (json)
			json_array_append_new(json, plan_json(o, judged.plans[i], st, a));
		else
			print_plan(o, judged.plans[i], st, i + 1, a);
	}
	if (judged.wrapped && !json)
		printf("sent, with row filters:\n  %s\n", judged.wrapped->text);
	else if (judged.wrapped)
		*sent = json_string(judged.wrapped->text);
	return 0;
}

static int explain(const struct request *q, struct arena *a, struct complaints *c, struct err *e)
{
	json_t *list = q->json ? json_array() : NULL, *root, *sent = NULL;
	struct offline o;
	int r = offline_open(&o, &q->options, c, e);

	if (!r && !q->json)
		printf("database \"%s\" by entry \"%s\" of the policy, %u mask rule%s\n", o.database,
			o.grant.database->name, o.grant.nrules, o.grant.nrules == 1 ? "" : "s");
	if (!r && q->sql)
		r = explain_sql(&o, q->sql, list, &sent, a, e);
	else if (!r)
		list_columns(&o, list, a);
	if (!r && q->json) {
		root = json_pack("{s:s, s:s, s:b, s:O, s:o*}", "database", o.database, "entry",
			o.grant.database->name, "judged", grant_judges(&o.grant),
			q->sql ? "statements" : "columns", list, "sent", sent);
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(root);
	}
	json_decref(list);
	offline_close(&o);
	return r;
}

static void tell(const struct request *q, const struct complaints *c, const struct err *e)
{
	json_t *root, *mistakes;

	if (!q->json) {
		for (unsigned i = 0; i < c->n; i++)
			fprintf(stderr, "%s\n", c->line[i]);
		fprintf(stderr, "pgveil policy explain: %s%s%s%s\n", e->msg, e->code == -EACCES ? " (" : "",
			e->code == -EACCES ? e->sqlstate : "", e->code == -EACCES ? ")" : "");
		return;
	}
	mistakes = json_array();
	for (unsigned i = 0; i < c->n; i++)
		json_array_append_new(mistakes, json_string(c->line[i]));
	root = json_pack("{s:s, s:s?, s:o}", "error", e->msg, "sqlstate",
		e->code == -EACCES ? e->sqlstate : NULL, "mistakes", mistakes);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

int policy_explain(int argc, char **argv)
{
	static const char *default_path[] = {"public"};
	struct request q = {.options = {.path = default_path, .npath = 1}};
	struct complaints c = {0};
	struct arena a = {0};
	struct err e = {0};
	int r = read_options(&q, argc, argv, &a);

	if (!r && q.path) {
		q.options.npath = 0;
		r = read_path(&q, &a) ? 2 : 0;
	}
	if (!r && offline_caller(&q.options.who, q.cgroup, q.unit, q.uid, &e)) {
		fprintf(stderr, "pgveil policy explain: %s\n", e.msg);
		r = 2;
	}
	if (r) {
		arena_fini(&a);
		return r == 1 ? 0 : 2;
	}
	r = explain(&q, &a, &c, &e);
	if (r)
		tell(&q, &c, &e);
	complaints_fini(&c);
	arena_fini(&a);
	return r ? 1 : 0;
}
