/* SPDX-License-Identifier: MIT */
/* Expectations: files that say what a policy does with a schema, statement by statement. The format is in
 * policy/README.md. */
#include "cli/policy.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/offline.h"
#include "policy/form.h"
#include "policy/node.h"
#include "policy/pattern.h"

static const char help[] = "Usage: pgveil policy test [--json] [DIR|FILE...]\n"
			   "\n"
			   "Runs expectations: of each FILE, or of each *.yaml in DIR (default: "
			   "policy/expect). policy/README.md\n"
			   "says how they are written.\n"
			   "\n"
			   "  --json   [{\"file\", \"passed\", \"failures\": [\"file:line: …\"]}]\n"
			   "\n"
			   "Exit status: 0 all as expected, 1 something is not, 2 used wrongly.\n";

struct run {
	const char *file;
	struct arena *mem;
	struct mistakes *m; /* failed cases and mistakes of the file itself */
	unsigned passed;
};

static void failed(struct run *t, const struct node *n, const char *expected, const char *got)
{
	mistake_add(t->m, n->line, n->column, "expected %.150s, got %.200s", expected, got);
}

static const char *scalar(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->kind == NODE_SCALAR && *n->text ? n->text : NULL;
}

/* Complains about keys that are none of words (NULL-ended). */
static bool only(struct run *t, const struct node *map, const char *what, const char *const *words)
{
	unsigned before = t->m->total;

	if (map->kind != NODE_MAP) {
		mistake_add(t->m, map->line, map->column, "%s must be a map", what);
		return false;
	}
	for (const struct node *c = map->child; c; c = c->next) {
		const char *const *w = words;

		while (*w && strcmp(*w, c->key) != 0)
			w++;
		if (!*w)
			mistake_add(t->m, c->key_line, c->key_column, "%s has no \"%.60s\"", what, c->key);
	}
	return t->m->total == before;
}

static const char *columns_text(const struct plan *p, struct arena *a)
{
	const char *text = "";

	for (unsigned i = 0; text && i < p->ncolumns; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "", offline_action_text(&p->columns[i], a));
	return text ? text : "out of memory";
}

static const char *list_text(const struct node *list, struct arena *a)
{
	const char *text = "";

	for (const struct node *c = list->child; text && c; c = c->next)
		text = arena_printf(a, "%s%s%s", text, c == list->child ? "" : ", ",
			c->kind == NODE_SCALAR ? c->text : "?");
	return text ? text : "out of memory";
}

/* The plan that a case is about: a refused one, else the last; NULL: not judged. */
static const struct plan *decisive(const struct judged *j)
{
	for (unsigned i = 0; i < j->n; i++)
		if (j->plans[i]->verdict != ALLOW)
			return j->plans[i];
	return j->n ? j->plans[j->n - 1] : NULL;
}

static void compare_plan(struct run *t, const struct node *expect, const struct plan *p, struct arena *a)
{
	const struct node *deny = node_get(expect, "deny"), *columns = node_get(expect, "columns");
	const char *refusal = p && p->verdict != ALLOW ? p->reason : NULL, *got, *wanted;

	if (deny || node_is(expect, "deny")) {
		wanted = deny && deny->kind == NODE_SCALAR ? deny->text : "";
		if (refusal && strstr(refusal, wanted))
			t->passed++;
		else
			failed(t, expect, arena_printf(a, "a refusal with \"%s\"", wanted),
				refusal ? refusal : "no refusal");
		return;
	}
	if (refusal) {
		failed(t, expect, "no refusal", refusal);
		return;
	}
	if (node_is(expect, "allow")) {
		t->passed++;
		return;
	}
	got = p ? columns_text(p, a) : "no judgement: no mask rule applies to the caller";
	wanted = list_text(columns, a);
	if (p && strcmp(got, wanted) == 0)
		t->passed++;
	else
		failed(t, columns, wanted, got);
}

static void run_sql(struct run *t, const struct offline *o, const struct node *c)
{
	static const char *const words[] = {"sql", "expect", NULL}, *const outcomes[] = {
									    "deny", "columns", NULL};
	const struct node *expect = node_get(c, "expect"), *columns = node_get(expect, "columns");
	const char *sql = scalar(c, "sql");
	struct arena a = {0};
	struct analysis analysis;
	struct judged judged;
	struct err e = {0};

	if (!only(t, c, "a case", words))
		return;
	if (!sql || !expect ||
		(expect->kind == NODE_MAP ? expect->n != 1 || !only(t, expect, "expect", outcomes) ||
						    (columns && columns->kind != NODE_LIST)
					  : !node_is(expect, "allow") && !node_is(expect, "deny"))) {
		mistake_add(t->m, c->line, c->column,
			"a case has sql and expect: allow, deny, {deny: TEXT} or {columns: [pass, null, "
			"mask:KIND]}");
		return;
	}
	if (offline_judge(o, span_of(sql, strlen(sql)), &a, &judged, &analysis, &e))
		mistake_add(t->m, c->line, c->column, "%s", e.msg);
	else
		compare_plan(t, expect, decisive(&judged), &a);
	arena_fini(&a);
}

/* What a cell of a column shows; NULL: SQL NULL. */
static const char *shown(const struct offline *o, const struct relation *r, const struct column *col,
	const char *value, struct arena *a)
{
	const struct masking *m = binding_column(o->binding, (struct colref){r->oid, col->attnum});
	struct value_shape shape = form_of(o->catalog, col->type_oid, col->typmod, VALUE_TEXT_FORMAT, a);
	struct span out = span_of(value, strlen(value));

	if (m)
		out = mask_apply(m->direct, &shape, out, a);
	return out.p ? arena_strndup(a, (const char *)out.p, out.n) : NULL;
}

static void run_value(struct run *t, const struct offline *o, const struct node *c)
{
	static const char *const words[] = {"column", "value", "shows", NULL};
	const struct node *value = node_get(c, "value"), *shows = node_get(c, "shows");
	const char *name = scalar(c, "column"), *why = "", *wanted, *got;
	const struct relation *r = NULL;
	const struct column *col = NULL;
	struct arena a = {0};
	struct pattern p;

	if (!only(t, c, "a case", words))
		return;
	if (!name || !value || value->kind != NODE_SCALAR || !shows || shows->kind != NODE_SCALAR) {
		mistake_add(t->m, c->line, c->column, "a case of a value has column, value and shows");
		return;
	}
	if (pattern_parse(&p, name, &a, &why) == 0) {
		r = catalog_relation(o->catalog, p.schema.text, p.relation.text);
		col = r ? relation_column(r, p.column.text) : NULL;
	}
	if (!col) {
		mistake_add(t->m, c->line, c->column, "the schema has no column \"%.100s\" %s", name,
			why ? why : "");
	} else {
		got = shown(o, r, col, value->text, &a);
		wanted = shows->plain && strcmp(shows->text, "null") == 0 ? NULL : shows->text;
		if (got && wanted ? strcmp(got, wanted) == 0 : got == wanted)
			t->passed++;
		else
			failed(t, shows, wanted ? wanted : "NULL", got ? got : "NULL");
	}
	arena_fini(&a);
}

/* A path in an expectation begins at the file's folder. */
static const char *beside(struct run *t, const char *path)
{
	const char *slash = strrchr(t->file, '/');

	if (!path || path[0] == '/' || !slash)
		return path;
	return arena_printf(t->mem, "%.*s/%s", (int)(slash - t->file), t->file, path);
}

/* A scalar, or a list of scalars. */
static unsigned texts(struct run *t, const struct node *n, bool paths, const char ***out)
{
	const struct node *first = n && n->kind == NODE_LIST ? n->child : n;
	unsigned count = 0;

	*out = arena_array(t->mem, n ? n->n + 1 : 1, sizeof(**out));
	for (const struct node *c = first; *out && c && c->kind == NODE_SCALAR;
		c = n->kind == NODE_LIST ? c->next : NULL)
		(*out)[count++] = paths ? beside(t, c->text) : c->text;
	return count;
}

static bool read_options(struct run *t, const struct node *n, struct offline_options *out)
{
	static const char *const words[] = {
		"policy", "schema", "caller", "database", "searchPath", "cases", "refused", NULL};
	static const char *const caller[] = {"cgroup", "unit", "uid", NULL}, *const place[] = {
										     "address", "name", NULL};
	static const char *public[] = {"public"};
	const struct node *who = node_get(n, "caller"), *where = node_get(n, "database");
	struct err e = {0};

	if (!only(t, n, "an expectation", words) || (who && !only(t, who, "caller", caller)) ||
		(where && !only(t, where, "database", place)))
		return false;
	out->npolicies = texts(t, node_get(n, "policy"), true, &out->policies);
	out->schema = beside(t, scalar(n, "schema"));
	out->path = public;
	out->npath = 1;
	if (node_get(n, "searchPath"))
		out->npath = texts(t, node_get(n, "searchPath"), false, &out->path);
	out->address = scalar(where, "address");
	out->database = scalar(where, "name");
	if (!out->npolicies || !out->schema) {
		mistake_add(t->m, n->line, n->column, "an expectation needs policy and schema");
		return false;
	}
	if (offline_caller(&out->who, scalar(who, "cgroup"), scalar(who, "unit"), scalar(who, "uid"), &e)) {
		mistake_add(t->m, n->line, n->column, "%s", e.msg);
		return false;
	}
	return true;
}

static void run_cases(struct run *t, const struct offline *o, const struct node *n)
{
	const struct node *cases = node_get(n, "cases");

	if (!cases || cases->kind != NODE_LIST || !cases->n) {
		mistake_add(t->m, n->line, n->column, "no cases");
		return;
	}
	for (const struct node *c = cases->child; c; c = c->next)
		if (node_get(c, "column"))
			run_value(t, o, c);
		else
			run_sql(t, o, c);
}

static void run_expectation(struct run *t, const struct node *n)
{
	const struct node *refused = node_get(n, "refused");
	struct offline_options options = {0};
	struct complaints c = {0};
	struct offline o = {0};
	struct err e = {0};
	int r;

	if (!read_options(t, n, &options))
		return;
	r = offline_open(&o, &options, &c, &e);
	for (unsigned i = 0; i < c.n; i++)
		mistake_add(t->m, n->line, n->column, "%s", c.line[i]);
	if (refused && (r == -EACCES || !r)) {
		const char *text = refused->kind == NODE_SCALAR ? refused->text : "";

		if (r && strstr(e.msg, text))
			t->passed++;
		else
			failed(t, refused, text, r ? e.msg : "a login");
	} else if (r) {
		mistake_add(t->m, n->line, n->column, "%s", e.msg);
	} else {
		run_cases(t, &o, n);
	}
	offline_close(&o);
	complaints_fini(&c);
}

struct report {
	bool json;
	json_t *files;
	unsigned passed, failed;
};

static void report_file(struct report *rep, const struct run *t, const struct complaints *c)
{
	json_t *failures;

	rep->passed += t->passed;
	rep->failed += c->n;
	if (!rep->json) {
		for (unsigned i = 0; i < c->n; i++)
			printf("%s\n", c->line[i]);
		printf("%s: %u as expected, %u not\n", t->file, t->passed, c->n);
		return;
	}
	failures = json_array();
	for (unsigned i = 0; i < c->n; i++)
		json_array_append_new(failures, json_string(c->line[i]));
	json_array_append_new(rep->files, json_pack("{s:s, s:i, s:o}", "file", t->file, "passed",
						  (int)t->passed, "failures", failures));
}

static void run_file(struct report *rep, const char *file)
{
	struct arena mem = {0};
	struct mistakes m = {.mem = &mem};
	struct run t = {.file = file, .mem = &mem, .m = &m};
	struct complaints c = {0};
	struct node *root = NULL;
	uint8_t *text = NULL;
	struct err e = {0};
	size_t n;

	if (offline_read_file(file, NODE_TEXT_MAX, &text, &n, &e))
		mistake_add(&m, 1, 1, "%s", e.msg);
	else if (node_parse(&root, span_of(text, n), &m) == 0 && !m.total)
		for (const struct node *d = root; d; d = d->next)
			run_expectation(&t, d);
	if (!m.total && !t.passed)
		mistake_add(&m, 1, 1, "nothing is expected");
	if (!mistakes_tell(&m, file, &c) && !complaints_add(&c, "%s:1:1: out of memory", file))
		t.passed = 0;
	report_file(rep, &t, &c);
	complaints_fini(&c);
	free(text);
	arena_fini(&mem);
}

static int is_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

/* A file, or the *.yaml of a folder. */
static bool run_path(struct report *rep, const char *path)
{
	struct dirent **found = NULL;
	struct stat st;
	char *file;
	int n;

	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		run_file(rep, path);
		return true;
	}
	n = scandir(path, &found, is_yaml, alphasort);
	for (int i = 0; i < n; i++) {
		if (asprintf(&file, "%s/%s", path, found[i]->d_name) >= 0) {
			run_file(rep, file);
			free(file);
		} else {
			rep->failed++;
		}
		free(found[i]);
	}
	free(found);
	return n > 0;
}

int policy_test(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct report rep = {0};
	bool found = true;
	int o;

	optind = 0;
	while ((o = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (o == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (o != 'j')
			return 2;
		rep.json = true;
	}
	rep.files = rep.json ? json_array() : NULL;
	if (optind == argc)
		found = run_path(&rep, "policy/expect");
	for (int i = optind; i < argc; i++)
		if (!run_path(&rep, argv[i])) {
			fprintf(stderr, "pgveil policy test: no *.yaml in %s\n", argv[i]);
			found = false;
		}
	if (rep.json) {
		json_dumpf(rep.files, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(rep.files);
	} else {
		printf("%u as expected, %u not\n", rep.passed, rep.failed);
	}
	return found && rep.passed && !rep.failed ? 0 : 1;
}
