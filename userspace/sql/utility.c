/* SPDX-License-Identifier: MIT */
/* Statements that are no queries. Those that are not named here are refused as a class. */
#include "sql/lineage.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static void refuse(struct lineage *l)
{
	lineage_fail(l, "42501", -1,
		"%s is not allowed here: only queries, plain changes of rows, transactions and settings are",
		l->s->tag);
}

/* Whether READ WRITE is among transaction modes, or something that is not known. */
static bool may_write(PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const PgQuery__DefElem *d =
			v[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM ? v[i]->def_elem : NULL;
		const PgQuery__AConst *c = d && d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_A_CONST
						   ? d->arg->a_const
						   : NULL;

		if (d && strcmp(d->defname, "transaction_read_only") != 0)
			continue;
		if (!c || c->val_case != PG_QUERY__A__CONST__VAL_IVAL || c->ival->ival != 1)
			return true;
	}
	return false;
}

static void transaction(struct lineage *l, const PgQuery__TransactionStmt *t)
{
	static const char *const tags[] = {"TRANSACTION", "BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK",
		"SAVEPOINT", "RELEASE", "ROLLBACK TO SAVEPOINT", "PREPARE TRANSACTION", "COMMIT PREPARED",
		"ROLLBACK PREPARED"};

	if ((unsigned)t->kind < ARRAY_LEN(tags))
		l->s->tag = tags[t->kind];
	l->s->name = or_null(t->savepoint_name);
	l->s->read_write = may_write(t->options, t->n_options);
	switch (t->kind) {
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
		l->s->kind = STATEMENT_TRANSACTION;
		return;
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT_PREPARED:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_PREPARED:
	case PG_QUERY__TRANSACTION_STMT_KIND__TRANSACTION_STMT_KIND_UNDEFINED: break;
	}
	refuse(l);
}

/* ---- SET, SHOW ---- */
static const char *constant_text(struct lineage *l, const PgQuery__Node *n)
{
	const PgQuery__AConst *c = n->a_const;
	const char *s = NULL;

	if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST && n->type_cast->arg &&
		n->type_cast->arg->node_case == PG_QUERY__NODE__NODE_A_CONST)
		c = n->type_cast->arg->a_const; /* SET TIME ZONE INTERVAL '…' */
	else if (n->node_case != PG_QUERY__NODE__NODE_A_CONST)
		return NULL;
	switch (c->val_case) {
	case PG_QUERY__A__CONST__VAL_SVAL: return c->sval->sval;
	case PG_QUERY__A__CONST__VAL_FVAL: return c->fval->fval;
	case PG_QUERY__A__CONST__VAL_BSVAL: return c->bsval->bsval;
	case PG_QUERY__A__CONST__VAL_BOOLVAL: return c->boolval->boolval ? "on" : "off";
	case PG_QUERY__A__CONST__VAL_IVAL:
		s = arena_printf(l->a, "%d", c->ival->ival);
		l->oom = l->oom || !s;
		return s;
	case PG_QUERY__A__CONST__VAL__NOT_SET: break;
	}
	return NULL;
}

const char *lineage_lower(struct lineage *l, const char *name)
{
	char *s = arena_strdup(l->a, name);

	if (!s) {
		l->oom = true;
		return "";
	}
	for (char *p = s; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

/* The list's items as the server joins them: 'a', b → "a, b". */
static const char *joined(struct lineage *l, PgQuery__Node **v, size_t n)
{
	const char *all = NULL;

	for (size_t i = 0; i < n && lineage_spend(l, all ? strlen(all) / 64 + 1 : 1); i++) {
		const char *s = constant_text(l, v[i]);

		if (!s) {
			lineage_odd(l, -1, "the value of this setting");
			return NULL;
		}
		all = all ? arena_printf(l->a, "%s, %s", all, s) : s;
		l->oom = l->oom || !all;
	}
	return all;
}

/* Of a search_path: each item is one name, whatever is in it. */
static const char *joined_names(struct lineage *l, PgQuery__Node **v, size_t n)
{
	const char *all = "";

	for (size_t i = 0; i < n && all && lineage_spend(l, strlen(all) / 64 + 1); i++) {
		const char *s = constant_text(l, v[i]);

		if (!s || strchr(s, '"')) {
			lineage_odd(l, -1, "the value of this setting");
			return NULL;
		}
		all = arena_printf(l->a, "%s%s\"%s\"", all, i ? ", " : "", s);
		l->oom = l->oom || !all;
	}
	return all;
}

void utility_set(struct lineage *l, const PgQuery__VariableSetStmt *v)
{
	l->s->kind = STATEMENT_SET;
	l->s->setting = lineage_lower(l, v->name);
	l->s->local = v->is_local;
	switch (v->kind) {
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE:
		l->s->tag = "SET";
		l->s->value = !strcmp(l->s->setting, "search_path") ? joined_names(l, v->args, v->n_args)
								    : joined(l, v->args, v->n_args);
		return;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI: /* SET TRANSACTION and the like */
		l->s->tag = "SET";
		l->s->read_write = may_write(v->args, v->n_args);
		return;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT: l->s->tag = "SET"; return;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET: l->s->tag = "RESET"; return;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
		l->s->tag = "RESET";
		l->s->setting = "all";
		return;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT:
	case PG_QUERY__VARIABLE_SET_KIND__VARIABLE_SET_KIND_UNDEFINED: break;
	}
	lineage_odd(l, -1, "this SET");
}

static void show(struct lineage *l, const PgQuery__VariableShowStmt *s)
{
	struct outputs o = {0};

	l->s->kind = STATEMENT_SHOW;
	l->s->tag = "SHOW";
	l->s->setting = lineage_lower(l, s->name);
	if (!strcmp(l->s->setting, "all")) {
		outputs_add(l, &o, "name", (struct taint){0});
		outputs_add(l, &o, "setting", (struct taint){0});
		outputs_add(l, &o, "description", (struct taint){0});
	} else {
		outputs_add(l, &o, "", (struct taint){0}); /* the server's own spelling of the name */
	}
	lineage_finish(l, &o, true);
}

/* ---- EXPLAIN ---- */
static bool is_false(const PgQuery__DefElem *d)
{
	const PgQuery__Node *n = d->arg;

	if (!n)
		return false;
	if (n->node_case == PG_QUERY__NODE__NODE_STRING)
		return !strcasecmp(n->string->sval, "off") || !strcasecmp(n->string->sval, "false");
	if (n->node_case == PG_QUERY__NODE__NODE_INTEGER)
		return n->integer->ival == 0;
	return n->node_case == PG_QUERY__NODE__NODE_BOOLEAN && !n->boolean->boolval;
}

/* Where an option is given twice the last one counts; here it is enough that one of them is on. */
static bool explain_options(struct lineage *l, const PgQuery__ExplainStmt *x)
{
	static const char *const harmless[] = {"verbose", "costs", "generic_plan", "buffers", "wal", "timing",
		"summary", "memory", "format"};
	struct explain_options *o = &l->s->explain;

	for (size_t i = 0; i < x->n_options; i++) {
		const PgQuery__DefElem *d = x->options[i]->def_elem;
		bool known = false;

		if (x->options[i]->node_case != PG_QUERY__NODE__NODE_DEF_ELEM)
			return false;
		for (unsigned k = 0; k < ARRAY_LEN(harmless); k++)
			known = known || !strcmp(harmless[k], d->defname);
		if (!strcmp(d->defname, "analyze"))
			o->analyze = o->analyze || !is_false(d);
		else if (!strcmp(d->defname, "settings"))
			o->settings = o->settings || !is_false(d);
		else if (!strcmp(d->defname, "serialize"))
			o->measures = true;
		else if (!known) {
			lineage_odd(l, d->location, "this option of EXPLAIN");
			return false;
		}
	}
	return true;
}

/* What EXECUTE stands for is not known here. With ANALYZE the statement runs, and the session must know what
 * it then has done: a cursor, a definition it does not make out of it. */
static bool explainable(const struct lineage *l)
{
	const struct explain_options *o = &l->s->explain;
	enum statement_kind k = l->s->inner->kind;

	if (k == STATEMENT_SELECT || k == STATEMENT_INSERT || k == STATEMENT_UPDATE || k == STATEMENT_DELETE)
		return true;
	if (k == STATEMENT_EXECUTE) /* the session looks whether it has nothing masked */
		return l->names->unfollowed || (!o->analyze && !o->settings && !o->measures);
	return (k == STATEMENT_DECLARE || k == STATEMENT_MERGE) && !l->s->explain.analyze;
}

void utility_explain(struct lineage *l, const PgQuery__ExplainStmt *x)
{
	struct outputs o = {0};

	l->s->tag = "EXPLAIN";
	if (!x->query || !explain_options(l, x))
		return;
	l->s->kind = STATEMENT_EXPLAIN;
	outputs_add(l, &o, "QUERY PLAN", (struct taint){0});
	l->s->inner = statement_inner(l, x->query);
	if (!lineage_stopped(l) && !explainable(l))
		lineage_odd(l, -1, "EXPLAIN of this");
	else if (!lineage_stopped(l) && l->s->inner->kind == STATEMENT_EXECUTE)
		l->s->by_path = true; /* what it stands for is planned anew */
	lineage_finish(l, &o, true);
}

/* ---- prepared statements and cursors ---- */
static void prepare(struct lineage *l, const PgQuery__PrepareStmt *p)
{
	l->s->kind = STATEMENT_PREPARE;
	l->s->tag = "PREPARE";
	l->s->name = p->name;
	for (size_t i = 0; i < p->n_argtypes && !lineage_stopped(l); i++) {
		struct type_ref type;

		if (p->argtypes[i]->node_case != PG_QUERY__NODE__NODE_TYPE_NAME)
			lineage_odd(l, -1, "a parameter's type");
		else
			(void)typename_judge(l, p->argtypes[i]->type_name, &type);
	}
	l->s->inner = statement_inner(l, p->query);
}

static void execute(struct lineage *l, const PgQuery__ExecuteStmt *e)
{
	struct scope sc = {0};

	l->s->kind = STATEMENT_EXECUTE;
	l->s->tag = "EXECUTE";
	l->s->name = e->name;
	l->s->args = lineage_alloc(l, e->n_params, sizeof(*l->s->args));
	for (size_t i = 0; i < e->n_params && !lineage_stopped(l); i++) {
		predicate(l, &sc, e->params[i], "EXECUTE");
		l->s->args[l->s->nargs++] = array_arg_of(e->params[i]);
	}
}

static void deallocate(struct lineage *l, const PgQuery__DeallocateStmt *d)
{
	l->s->kind = STATEMENT_DEALLOCATE;
	l->s->tag = "DEALLOCATE";
	l->s->name = d->isall ? NULL : or_null(d->name);
}

#define CURSOR_BINARY 1    /* CURSOR_OPT_BINARY */
#define CURSOR_HOLD   0x20 /* CURSOR_OPT_HOLD */

static void declare(struct lineage *l, const PgQuery__DeclareCursorStmt *d)
{
	l->s->kind = STATEMENT_DECLARE;
	l->s->tag = "DECLARE CURSOR";
	l->s->name = d->portalname;
	l->s->binary = d->options & CURSOR_BINARY;
	l->s->hold = d->options & CURSOR_HOLD;
	l->s->inner = statement_inner(l, d->query);
	if (!lineage_stopped(l) && (l->s->inner->kind != STATEMENT_SELECT || l->s->inner->writes))
		lineage_odd(l, -1, "a cursor over this");
}

static void fetch(struct lineage *l, const PgQuery__FetchStmt *f)
{
	l->s->kind = STATEMENT_FETCH;
	l->s->tag = f->ismove ? "MOVE" : "FETCH";
	l->s->name = f->portalname;
	lineage_finish(l, NULL, !f->ismove); /* what it shows is the cursor's */
}

static void close_(struct lineage *l, const PgQuery__ClosePortalStmt *c)
{
	l->s->kind = STATEMENT_CLOSE;
	l->s->tag = "CLOSE CURSOR";
	l->s->name = or_null(c->portalname);
}

/* Channels are names and payloads are literals by their grammar: nothing is evaluated. */
static void notify(struct lineage *l, const PgQuery__Node *n)
{
	if (n->node_case == PG_QUERY__NODE__NODE_LISTEN_STMT) {
		l->s->kind = STATEMENT_LISTEN;
		l->s->name = n->listen_stmt->conditionname;
	} else if (n->node_case == PG_QUERY__NODE__NODE_UNLISTEN_STMT) {
		l->s->kind = STATEMENT_UNLISTEN;
		l->s->name = or_null(n->unlisten_stmt->conditionname);
	} else {
		l->s->kind = STATEMENT_NOTIFY;
		l->s->name = n->notify_stmt->conditionname;
	}
}

/* Shows nothing, changes nothing. */
static void lock(struct lineage *l, const PgQuery__LockStmt *s)
{
	l->s->kind = STATEMENT_LOCK;
	l->s->tag = "LOCK TABLE";
	for (size_t i = 0; i < s->n_relations && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = s->relations[i];
		const struct relation *r;

		if (n->node_case != PG_QUERY__NODE__NODE_RANGE_VAR) {
			lineage_odd(l, -1, "this LOCK");
			return;
		}
		r = relation_find(l, n->range_var);
		if (r)
			lineage_relation(l, r);
	}
	lineage_finish(l, NULL, false);
}

void utility_walk(struct lineage *l, const PgQuery__Node *n)
{
	l->s->kind = STATEMENT_OTHER;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_TRANSACTION_STMT: transaction(l, n->transaction_stmt); break;
	case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT: utility_set(l, n->variable_set_stmt); break;
	case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT: show(l, n->variable_show_stmt); break;
	case PG_QUERY__NODE__NODE_EXPLAIN_STMT: utility_explain(l, n->explain_stmt); break;
	case PG_QUERY__NODE__NODE_PREPARE_STMT: prepare(l, n->prepare_stmt); break;
	case PG_QUERY__NODE__NODE_EXECUTE_STMT: execute(l, n->execute_stmt); break;
	case PG_QUERY__NODE__NODE_DEALLOCATE_STMT: deallocate(l, n->deallocate_stmt); break;
	case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT: declare(l, n->declare_cursor_stmt); break;
	case PG_QUERY__NODE__NODE_FETCH_STMT: fetch(l, n->fetch_stmt); break;
	case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT: close_(l, n->close_portal_stmt); break;
	case PG_QUERY__NODE__NODE_LISTEN_STMT:
	case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
	case PG_QUERY__NODE__NODE_NOTIFY_STMT: notify(l, n); break;
	case PG_QUERY__NODE__NODE_LOCK_STMT: lock(l, n->lock_stmt); break;
	case PG_QUERY__NODE__NODE_COPY_STMT: utility_copy(l, n->copy_stmt); break;
	default:
		if (!ddl_statement(l, n) && !ddl_other(l, n) && !ddl_code(l, n) && !ddl_any(l, n))
			refuse(l);
		break;
	}
}
