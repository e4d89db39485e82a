/* SPDX-License-Identifier: MIT */
/* SQL/XML and SQL/JSON: all of it reads its arguments only and may fail on them, so every argument is part of
 * the value and a use; but for what puts values into a JSON under names that are constants. Names that the
 * grammar takes for its own may be a user's function on an older server.
 */
#include "sql/lineage.h"

#include <string.h>

#define TABLE_DEPTH_MAX 32 /* of NESTED columns */

struct construct {
	struct lineage *l;
	struct scope *sc;
	struct taint acc;
	bool made; /* of parts that cannot fail to become JSON */
	unsigned size;
};

static void add(struct construct *c, const PgQuery__Node *n)
{
	struct taint t;

	if (!n || lineage_stopped(c->l))
		return;
	t = expr(c->l, c->sc, n);
	taint_mix(c->l, &c->acc, &t);
}

static void output(struct construct *c, const PgQuery__JsonOutput *o)
{
	struct type_ref type;

	if (!o)
		return;
	c->made = c->made && !o->type_name;
	lineage_seen(c->l, o);
	if (o->returning) {
		lineage_seen(c->l, o->returning);
		lineage_seen(c->l, o->returning->format);
	}
	if (o->type_name)
		(void)typename_judge(c->l, o->type_name, &type);
}

static void value(struct construct *c, const PgQuery__JsonValueExpr *v)
{
	struct taint t;

	if (!v)
		return;
	lineage_seen(c->l, v);
	lineage_seen(c->l, v->format);
	if (v->formatted_expr)
		lineage_odd(c->l, -1, "this JSON value");
	if (!v->raw_expr || lineage_stopped(c->l))
		return;
	t = expr(c->l, c->sc, v->raw_expr);
	c->made = c->made && taint_prints(c->l, &t) && v->format &&
		  v->format->format_type == PG_QUERY__JSON_FORMAT_TYPE__JS_FORMAT_DEFAULT;
	c->acc.size = 0;
	taint_mix(c->l, &c->acc, &t);
	c->size += taint_json_size(&t);
}

static void behavior(struct construct *c, const PgQuery__JsonBehavior *b)
{
	if (!b)
		return;
	lineage_seen(c->l, b);
	add(c, b->expr);
}

static void key_value(struct construct *c, const PgQuery__JsonKeyValue *kv)
{
	if (!kv) {
		lineage_odd(c->l, -1, "this JSON object");
		return;
	}
	lineage_seen(c->l, kv);
	c->made = c->made && total_string(kv->key);
	add(c, kv->key);
	value(c, kv->value);
}

static void list(struct construct *c, PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n && !lineage_stopped(c->l); i++) {
		switch ((int)v[i]->node_case) {
		case PG_QUERY__NODE__NODE_JSON_KEY_VALUE: key_value(c, v[i]->json_key_value); break;
		case PG_QUERY__NODE__NODE_JSON_VALUE_EXPR: value(c, v[i]->json_value_expr); break;
		case PG_QUERY__NODE__NODE_JSON_ARGUMENT:
			lineage_seen(c->l, v[i]->json_argument);
			value(c, v[i]->json_argument->val);
			break;
		case PG_QUERY__NODE__NODE_RES_TARGET: /* xmlelement(… xmlattributes(x AS name)) */
			lineage_seen(c->l, v[i]->res_target);
			if (v[i]->res_target->n_indirection)
				lineage_odd(c->l, -1, "this XML attribute");
			add(c, v[i]->res_target->val);
			break;
		default: add(c, v[i]); break;
		}
	}
}

static void xml(struct construct *c, const PgQuery__XmlExpr *x)
{
	lineage_seen(c->l, x);
	list(c, x->named_args, x->n_named_args);
	list(c, x->args, x->n_args);
	if (x->n_arg_names)
		lineage_odd(c->l, x->location, "this XML function");
}

static void xml_serialize(struct construct *c, const PgQuery__XmlSerialize *x)
{
	struct type_ref type;

	lineage_seen(c->l, x);
	add(c, x->expr);
	if (!x->type_name || !typename_judge(c->l, x->type_name, &type))
		lineage_odd(c->l, x->location, "XMLSERIALIZE");
}

static void aggregate(struct construct *c, const PgQuery__JsonAggConstructor *a)
{
	if (!a) {
		lineage_odd(c->l, -1, "this JSON aggregate");
		return;
	}
	lineage_seen(c->l, a);
	output(c, a->output);
	for (size_t i = 0; i < a->n_agg_order && !lineage_stopped(c->l); i++)
		sort_by(c->l, c->sc, a->agg_order[i], "ORDER BY in an aggregate");
	if (a->agg_filter)
		predicate(c->l, c->sc, a->agg_filter, "FILTER");
	if (a->over)
		select_window(c->l, c->sc, a->over);
}

static void array_query(struct construct *c, const PgQuery__JsonArrayQueryConstructor *q)
{
	struct outputs o = {0};

	lineage_seen(c->l, q);
	lineage_seen(c->l, q->format);
	output(c, q->output);
	if (!q->query) {
		lineage_odd(c->l, q->location, "JSON_ARRAY");
		return;
	}
	query(c->l, c->sc, q->query, &o);
	for (unsigned i = 0; i < o.n; i++)
		taint_mix(c->l, &c->acc, &o.v[i].t);
}

static void json_func(struct construct *c, const PgQuery__JsonFuncExpr *f)
{
	lineage_seen(c->l, f);
	value(c, f->context_item);
	add(c, f->pathspec);
	list(c, f->passing, f->n_passing);
	output(c, f->output);
	behavior(c, f->on_empty);
	behavior(c, f->on_error);
	function_shadow(c->l, f->op == PG_QUERY__JSON_EXPR_OP__JSON_EXISTS_OP  ? "json_exists"
			      : f->op == PG_QUERY__JSON_EXPR_OP__JSON_QUERY_OP ? "json_query"
									       : "json_value");
}

static const char *walk(struct construct *c, const PgQuery__Node *n)
{
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_XML_EXPR: xml(c, n->xml_expr); return "an XML function";
	case PG_QUERY__NODE__NODE_XML_SERIALIZE: xml_serialize(c, n->xml_serialize); return "XMLSERIALIZE";
	case PG_QUERY__NODE__NODE_JSON_OBJECT_CONSTRUCTOR:
		lineage_seen(c->l, n->json_object_constructor);
		list(c, n->json_object_constructor->exprs, n->json_object_constructor->n_exprs);
		output(c, n->json_object_constructor->output);
		return "json_object";
	case PG_QUERY__NODE__NODE_JSON_ARRAY_CONSTRUCTOR:
		lineage_seen(c->l, n->json_array_constructor);
		list(c, n->json_array_constructor->exprs, n->json_array_constructor->n_exprs);
		output(c, n->json_array_constructor->output);
		return "json_array";
	case PG_QUERY__NODE__NODE_JSON_ARRAY_QUERY_CONSTRUCTOR:
		array_query(c, n->json_array_query_constructor);
		return "json_array";
	case PG_QUERY__NODE__NODE_JSON_OBJECT_AGG:
		lineage_seen(c->l, n->json_object_agg);
		key_value(c, n->json_object_agg->arg);
		aggregate(c, n->json_object_agg->constructor);
		return "json_objectagg";
	case PG_QUERY__NODE__NODE_JSON_ARRAY_AGG:
		lineage_seen(c->l, n->json_array_agg);
		value(c, n->json_array_agg->arg);
		aggregate(c, n->json_array_agg->constructor);
		return "json_arrayagg";
	case PG_QUERY__NODE__NODE_JSON_PARSE_EXPR:
		lineage_seen(c->l, n->json_parse_expr);
		value(c, n->json_parse_expr->expr);
		output(c, n->json_parse_expr->output);
		return "json";
	case PG_QUERY__NODE__NODE_JSON_SCALAR_EXPR:
		lineage_seen(c->l, n->json_scalar_expr);
		add(c, n->json_scalar_expr->expr);
		output(c, n->json_scalar_expr->output);
		return "json_scalar";
	case PG_QUERY__NODE__NODE_JSON_SERIALIZE_EXPR:
		lineage_seen(c->l, n->json_serialize_expr);
		value(c, n->json_serialize_expr->expr);
		output(c, n->json_serialize_expr->output);
		return "json_serialize";
	case PG_QUERY__NODE__NODE_JSON_IS_PREDICATE:
		lineage_seen(c->l, n->json_is_predicate);
		lineage_seen(c->l, n->json_is_predicate->format);
		add(c, n->json_is_predicate->expr);
		return "IS JSON";
	case PG_QUERY__NODE__NODE_JSON_FUNC_EXPR: json_func(c, n->json_func_expr); return "a JSON function";
	default: lineage_odd(c->l, -1, "this expression"); return "";
	}
}

static void table_path(struct construct *c, const PgQuery__JsonTablePathSpec *p)
{
	if (!p)
		return;
	lineage_seen(c->l, p);
	add(c, p->string);
}

static void table_columns(
	struct construct *c, PgQuery__Node **v, size_t n, struct outputs *o, unsigned depth);

static void table_column(
	struct construct *c, const PgQuery__JsonTableColumn *col, struct outputs *o, unsigned depth)
{
	struct taint t = {.odd = true};
	struct type_ref type;

	lineage_seen(c->l, col);
	lineage_seen(c->l, col->format);
	table_path(c, col->pathspec);
	behavior(c, col->on_empty);
	behavior(c, col->on_error);
	if (col->coltype == PG_QUERY__JSON_TABLE_COLUMN_TYPE__JTC_NESTED) {
		table_columns(c, col->columns, col->n_columns, o, depth + 1);
		return;
	}
	if (col->coltype == PG_QUERY__JSON_TABLE_COLUMN_TYPE__JTC_FOR_ORDINALITY)
		t.type = type_builtin("int4");
	else if (!col->type_name || !typename_judge(c->l, col->type_name, &type))
		lineage_odd(c->l, col->location, "this column of JSON_TABLE");
	else
		t.type = type.simple ? type.oid : 0;
	outputs_add(c->l, o, col->name, t);
}

/* NESTED ones come behind all others of their level, wherever they stand. */
static void table_columns(struct construct *c, PgQuery__Node **v, size_t n, struct outputs *o, unsigned depth)
{
	if (depth > TABLE_DEPTH_MAX)
		lineage_odd(c->l, -1, "JSON_TABLE nested this deep");
	for (unsigned nested = 0; nested < 2; nested++) {
		for (size_t i = 0; i < n && !lineage_stopped(c->l); i++) {
			const PgQuery__JsonTableColumn *col = v[i]->json_table_column;

			if (v[i]->node_case != PG_QUERY__NODE__NODE_JSON_TABLE_COLUMN)
				lineage_odd(c->l, -1, "this column of JSON_TABLE");
			else if (nested == (col->coltype == PG_QUERY__JSON_TABLE_COLUMN_TYPE__JTC_NESTED))
				table_column(c, col, o, depth);
		}
	}
}

/* What is read decides how many rows there are, and may fail: a use, and part of every column. */
static void table_finish(struct construct *c, const char *where, struct outputs *o)
{
	lineage_use(c->l, &c->acc, where);
	for (unsigned i = 0; i < o->n && !lineage_stopped(c->l); i++) {
		uint32_t type = o->v[i].t.type;

		taint_mix(c->l, &o->v[i].t, &c->acc);
		o->v[i].t.type = type;
		o->v[i].t.odd = true;
	}
}

void json_table(struct lineage *l, struct scope *sc, const PgQuery__JsonTable *t, struct outputs *o)
{
	struct construct c = {.l = l, .sc = sc};

	lineage_seen(l, t);
	value(&c, t->context_item);
	table_path(&c, t->pathspec);
	list(&c, t->passing, t->n_passing);
	behavior(&c, t->on_error);
	table_columns(&c, t->columns, t->n_columns, o, 0);
	table_finish(&c, "JSON_TABLE", o);
}

static void xml_column(struct construct *c, const PgQuery__Node *n, struct outputs *o)
{
	const PgQuery__RangeTableFuncCol *col = n->range_table_func_col;
	struct taint t = {.odd = true};
	struct type_ref type;

	if (n->node_case != PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC_COL) {
		lineage_odd(c->l, -1, "this column of XMLTABLE");
		return;
	}
	lineage_seen(c->l, col);
	add(c, col->colexpr);
	add(c, col->coldefexpr);
	if (col->for_ordinality)
		t.type = type_builtin("int4");
	else if (!col->type_name || !typename_judge(c->l, col->type_name, &type))
		lineage_odd(c->l, col->location, "this column of XMLTABLE");
	else
		t.type = type.simple ? type.oid : 0;
	outputs_add(c->l, o, col->colname, t);
}

void xml_table(struct lineage *l, struct scope *sc, const PgQuery__RangeTableFunc *t, struct outputs *o)
{
	struct construct c = {.l = l, .sc = sc};

	lineage_seen(l, t);
	add(&c, t->docexpr);
	add(&c, t->rowexpr);
	list(&c, t->namespaces, t->n_namespaces);
	for (size_t i = 0; i < t->n_columns && !lineage_stopped(l); i++)
		xml_column(&c, t->columns[i], o);
	table_finish(&c, "XMLTABLE", o);
}

static bool made_of_values(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_JSON_OBJECT_CONSTRUCTOR ||
	       n->node_case == PG_QUERY__NODE__NODE_JSON_ARRAY_CONSTRUCTOR ||
	       n->node_case == PG_QUERY__NODE__NODE_JSON_OBJECT_AGG ||
	       n->node_case == PG_QUERY__NODE__NODE_JSON_ARRAY_AGG;
}

struct taint expr_json(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	struct construct c = {.l = l, .sc = sc, .made = made_of_values(n)};
	const char *where = walk(&c, n);

	if (!strncmp(where, "json", 4))
		function_shadow(l, where);
	if (!c.made)
		lineage_use(l, &c.acc, where);
	c.acc.size = c.size < TAINT_SIZE_MAX ? c.size : TAINT_SIZE_MAX;
	c.acc.odd = true;
	c.acc.type = c.made ? type_builtin("json") : 0;
	taint_fits(l, &c.acc);
	return c.acc;
}
