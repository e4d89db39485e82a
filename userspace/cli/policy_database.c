/* SPDX-License-Identifier: MIT */
#include "cli/policy_database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/pattern.h"
#include "policy/rows.h"

/* A line for each: what it is, which relation and column it is about (a column of "" is the relation as a
 * whole), and what it is called. A child of a table counts as the table, too: top is either. */
static const char QUERY[] =
	"WITH RECURSIVE rel AS (SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c"
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','f')"
	" AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'),"
	" up AS (SELECT oid, oid AS top FROM rel UNION SELECT up.oid, i.inhparent FROM up"
	" JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.top),"
	" col AS (SELECT up.oid, a.attnum, a.attname, t.nspname, t.relname, r.relkind, r.oid::regclass::text "
	"AS at"
	" FROM up JOIN rel t ON t.oid = up.top JOIN rel r ON r.oid = up.oid"
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = up.oid AND a.attnum > 0 AND NOT a.attisdropped),"
	" uses AS (SELECT DISTINCT d.refobjid AS oid, d.refobjsubid::int AS attnum, w.ev_class, w.rulename"
	" FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid"
	" WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = "
	"'pg_catalog.pg_class'::regclass),"
	" found AS (SELECT 'column' AS kind, nspname, relname, attname, at AS object, '' AS more FROM col"
	" UNION ALL SELECT 'foreign', nspname, relname, attname, at, '' FROM col WHERE relkind = 'f'"
	" UNION ALL SELECT 'view', c.nspname, c.relname, c.attname, v.oid::regclass::text, "
	"v.relowner::regrole::text"
	" FROM uses u JOIN col c ON c.oid = u.oid AND c.attnum = u.attnum JOIN pg_catalog.pg_class v ON "
	"v.oid = u.ev_class"
	" JOIN pg_catalog.pg_class b ON b.oid = u.oid WHERE u.rulename = '_RETURN'"
	" AND (v.relowner <> b.relowner OR v.relkind = 'm')"
	" UNION ALL SELECT 'rule', c.nspname, c.relname, c.attname, pg_catalog.quote_ident(u.rulename) || ' "
	"on ' ||"
	" u.ev_class::regclass, '' FROM uses u JOIN col c ON c.oid = u.oid AND (c.attnum = u.attnum OR "
	"u.attnum = 0 AND"
	" u.ev_class = u.oid) WHERE u.rulename <> '_RETURN'"
	" UNION ALL SELECT 'trigger', c.nspname, c.relname, c.attname, pg_catalog.quote_ident(t.tgname) || ' "
	"on ' || c.at,"
	" t.tgfoid::regprocedure::text FROM pg_catalog.pg_trigger t JOIN col c ON c.oid = t.tgrelid WHERE "
	"NOT t.tgisinternal"
	" UNION ALL SELECT 'default', c.nspname, c.relname, c.attname, a.attname || ' of ' || "
	"a.attrelid::regclass,"
	" p.oid::regprocedure::text FROM pg_catalog.pg_attrdef k JOIN pg_catalog.pg_attribute a ON"
	" a.attrelid = k.adrelid AND a.attnum = k.adnum JOIN pg_catalog.pg_depend d ON"
	" d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = k.oid AND"
	" d.refclassid = 'pg_catalog.pg_proc'::regclass JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid"
	" JOIN col c ON pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(c.relname)) > 0"
	" WHERE p.oid >= 16384"
	" UNION ALL SELECT 'definer', c.nspname, c.relname, c.attname, p.oid::regprocedure::text, ''"
	" FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN col c ON"
	" pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(c.relname)) > 0"
	" WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
	" UNION ALL SELECT 'publication', c.nspname, c.relname, c.attname, "
	"pg_catalog.quote_ident(x.pubname), ''"
	" FROM pg_catalog.pg_publication_tables x JOIN rel ON rel.nspname = x.schemaname AND rel.relname = "
	"x.tablename"
	" JOIN col c ON c.oid = rel.oid"
	" UNION ALL SELECT 'index', c.nspname, c.relname, c.attname, i.indexrelid::regclass::text, ''"
	" FROM pg_catalog.pg_index i JOIN col c ON c.oid = i.indrelid JOIN pg_catalog.pg_depend d ON"
	" d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = c.oid"
	" AND d.refobjsubid = c.attnum WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL"
	" UNION ALL SELECT 'statistics', c.nspname, c.relname, c.attname, s.stxname::text, ''"
	" FROM pg_catalog.pg_statistic_ext s JOIN col c ON c.oid = s.stxrelid AND (c.attnum = ANY "
	"(s.stxkeys::int2[]))"
	" UNION ALL SELECT 'samples', c.nspname, c.relname, c.attname, c.at, '' FROM pg_catalog.pg_stats s"
	" JOIN rel ON rel.nspname = s.schemaname AND rel.relname = s.tablename JOIN col c ON c.oid = rel.oid "
	"AND"
	" c.attname = s.attname WHERE s.most_common_vals IS NOT NULL OR s.histogram_bounds IS NOT NULL)"
	" SELECT pg_catalog.json_build_object('database', pg_catalog.current_database(), 'kind', kind, "
	"'schema', nspname,"
	" 'relation', relname, 'column', attname, 'object', object, 'more', more) FROM found ORDER BY kind, "
	"object, attname";

static const struct {
	const char *kind, *what, *hint;
} kinds[] = {
	{"foreign", "foreign table",
		"its values are at another server: mask them there too, for those that reach it"},
	{"view", "view of another owner, or materialized",
		"it shows the column to roles that may not read the table; outside the engine nothing masks "
		"it"},
	{"rule", "rule", "it may copy the column elsewhere: mask what it writes to"},
	{"trigger", "trigger", "what it runs may copy the column elsewhere: mask what it writes to"},
	{"default", "default", "what it calls may copy the column into its own: mask that one too"},
	{"definer", "SECURITY DEFINER function",
		"it names the table and reads it as its owner: do not list it in statements.opaque.allow"},
	{"publication", "publication", "subscribers get the column unmasked"},
	{"index", "index with an expression or a condition",
		"its definition and statistics may hold values of the column"},
	{"statistics", "extended statistics", "pg_statistic_ext_data holds values of the column"},
	{"samples", "statistics of the table",
		"pg_stats holds values of the column, and any role that may read the column reads them "
		"outside the engine: "
		"ALTER TABLE … ALTER … SET STATISTICS 0 keeps them out"},
};

struct rules { /* that may count in this database */
	struct arena a;
	struct pattern *patterns;
	const char **texts, **wheres;
	bool *found;
	unsigned n, cap;
	struct filtered *filters; /* row filters */
	unsigned nfilters, filters_cap;
	bool oom;
};

struct filtered { /* a column of a row filter */
	const struct row_rule *rule;
	const char *column;
	bool relation, found; /* something that the rule names is there, and has the column */
};

static void add_rule(void *arg, const struct rule *rule)
{
	struct rules *r = arg;
	const char *why;

	for (unsigned i = 0; i < rule->ncolumns && !r->oom; i++) {
		if (r->n == r->cap) {
			r->oom = true;
			return;
		}
		if (pattern_parse(&r->patterns[r->n], rule->columns[i], &r->a, &why))
			continue;
		r->texts[r->n] = rule->columns[i];
		r->wheres[r->n++] = rule->where;
	}
}

static void count_rule(void *arg, const struct rule *rule)
{
	*(unsigned *)arg += rule->ncolumns;
}

static void add_filter(void *arg, const struct row_rule *rule)
{
	struct rules *r = arg;
	const char *const *columns;
	unsigned n = filter_columns(rule->filter, &columns);

	for (unsigned i = 0; i < n; i++)
		if (r->nfilters < r->filters_cap)
			r->filters[r->nfilters++] = (struct filtered){.rule = rule, .column = columns[i]};
}

static void count_filter(void *arg, const struct row_rule *rule)
{
	const char *const *columns;

	*(unsigned *)arg += filter_columns(rule->filter, &columns);
}

static bool filters_of(struct rules *r, const struct policy *p, const char *database)
{
	policy_each_row_rule(p, database, count_filter, &r->filters_cap);
	r->filters = arena_array(&r->a, r->filters_cap + 1, sizeof(*r->filters));
	if (r->filters)
		policy_each_row_rule(p, database, add_filter, r);
	return r->filters != NULL;
}

static bool rules_of(struct rules *r, const struct policy *p, const char *database)
{
	policy_each_rule(p, database, count_rule, &r->cap);
	r->patterns = arena_array(&r->a, r->cap + 1, sizeof(*r->patterns));
	r->texts = arena_array(&r->a, r->cap + 1, sizeof(*r->texts));
	r->wheres = arena_array(&r->a, r->cap + 1, sizeof(*r->wheres));
	r->found = arena_zalloc(&r->a, r->cap + 1);
	if (!r->patterns || !r->texts || !r->wheres || !r->found)
		return false;
	policy_each_rule(p, database, add_rule, r);
	return !r->oom && filters_of(r, p, database);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool masked(struct rules *r, const json_t *row, const char **where)
{
	bool any = false;

	for (unsigned i = 0; i < r->n; i++)
		if (pattern_has_relation(
			    &r->patterns[i], text(row, "schema"), text(row, "relation"), false) &&
			pattern_has_column(&r->patterns[i], text(row, "column"))) {
			r->found[i] = any = true;
			*where = r->wheres[i];
		}
	return any;
}

/* Another column of the same object: rows stand together by kind and object. */
static bool append(json_t *findings, const char *kind, const json_t *row, const char *where)
{
	json_t *last = json_array_get(findings, json_array_size(findings) - 1), *columns;
	char name[256];

	snprintf(name, sizeof(name), "%.80s.%.80s.%.80s", text(row, "schema"), text(row, "relation"),
		text(row, "column"));
	if (last && !strcmp(text(last, "kind"), text(row, "kind")) &&
		!strcmp(text(last, "object"), text(row, "object"))) {
		columns = json_object_get(last, "columns");
		for (size_t i = 0; i < json_array_size(columns); i++)
			if (!strcmp(json_string_value(json_array_get(columns, i)), name))
				return true;
		return !json_array_append_new(columns, json_string(name));
	}
	return !json_array_append_new(
		findings, json_pack("{s:s, s:s, s:s, s:[s], s:s}", "kind", text(row, "kind"), "message", kind,
				  "object", text(row, "object"), "columns", name, "rule", where));
}

static void judge_filters(struct rules *r, const json_t *row)
{
	for (unsigned i = 0; i < r->nfilters && !strcmp(text(row, "kind"), "column"); i++) {
		struct filtered *f = &r->filters[i];

		if (!pattern_names(&f->rule->relation, text(row, "schema"), text(row, "relation"), false))
			continue;
		f->relation = true;
		f->found = f->found || !strcmp(f->column, text(row, "column"));
	}
}

static bool judge_row(struct rules *r, const json_t *row, json_t *findings)
{
	const char *where = "";

	judge_filters(r, row);
	if (!masked(r, row, &where))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].kind, text(row, "kind"))) {
			size_t n = json_array_size(findings);

			if (!append(findings, kinds[i].what, row, where))
				return false;
			if (json_array_size(findings) > n)
				json_object_set_new(
					json_array_get(findings, n), "hint", json_string(kinds[i].hint));
			return true;
		}
	return true;
}

static bool judge_missing(const struct rules *r, json_t *findings)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!r->found[i] && json_array_append_new(findings,
					    json_pack("{s:s, s:s, s:s, s:[], s:s, s:s}", "kind", "missing",
						    "message", "no such column", "object", r->texts[i],
						    "columns", "rule", r->wheres[i], "hint",
						    "the rule masks nothing here: is it spelled as the "
						    "database has it?")))
			return false;
	return true;
}

static bool judge_unfiltered(const struct rules *r, json_t *findings)
{
	for (unsigned i = 0; i < r->nfilters; i++) {
		const struct filtered *f = &r->filters[i];

		if (!f->found &&
			json_array_append_new(findings,
				json_pack("{s:s, s:s, s:s, s:[], s:s, s:s}", "kind", "missing", "message",
					f->relation ? "no such column" : "no such relation for its column",
					"object", f->column, "columns", "rule", f->rule->where, "hint",
					f->relation
						? "nothing of the relation is shown: is it spelled as the "
						  "database has it?"
						: "the row filter holds for nothing here: is the relation "
						  "spelled as the database has it?")))
			return false;
	}
	return true;
}

/* ---- psql ---- */
static _Noreturn void become(const char *conninfo, int out)
{
	const char *argv[] = {"psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", QUERY, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	setenv("PGCLIENTENCODING", "UTF8", 1);
	setenv("PGOPTIONS", "-c search_path=pg_catalog", 1);
	setenv("PGAPPNAME", "pgveil policy check", 0);
	execvp("psql", (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int judge_lines(FILE *in, const struct policy *p, json_t *findings, unsigned *rows)
{
	struct rules r = {0};
	char *line = NULL;
	size_t cap = 0;
	bool ok = true;

	while (ok && getline(&line, &cap, in) > 0) {
		json_t *row = json_loads(line, 0, NULL);

		ok = row && (*rows || rules_of(&r, p, text(row, "database"))) && judge_row(&r, row, findings);
		++*rows;
		json_decref(row);
	}
	ok = ok && (!*rows || (judge_missing(&r, findings) && judge_unfiltered(&r, findings)));
	free(line);
	arena_fini(&r.a);
	return ok ? 0 : -EIO;
}

int policy_database_check(const struct policy *p, const char *conninfo, json_t *findings, struct err *e)
{
	int fds[2], status = 0, r;
	unsigned rows = 0;
	FILE *in;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, -errno, "pipe: %m");
	pid = fork();
	if (pid == 0)
		become(conninfo, fds[1]);
	close(fds[1]);
	in = pid < 0 ? NULL : fdopen(fds[0], "r");
	r = in ? judge_lines(in, p, findings, &rows) : -EIO;
	if (in)
		fclose(in);
	else
		close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, -ENOENT, "psql is not installed");
	if (pid < 0 || status)
		return err_set(e, -EREMOTEIO, "the database could not be asked");
	if (!rows)
		return err_set(e, -ENODATA, "the database has no tables");
	return r ? err_set(e, r, "what psql wrote is not understood") : 0;
}
