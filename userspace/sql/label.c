/* SPDX-License-Identifier: MIT */
/* What PostgreSQL calls an output without an alias (FigureColname of parse_target.c). The second of each pair
 * is its "strength": a cast names the column only where what it casts has no better name. */
#include "sql/lineage.h"

struct named {
	const char *name;
	int strength;
};

static struct named figure(const PgQuery__Node *n, const struct lineage *l);

static struct named by(const char *name)
{
	return (struct named){name, 2};
}

static const char *sql_value(PgQuery__SQLValueFunctionOp op)
{
	static const char *const names[] = {NULL, "current_date", "current_time", "current_time",
		"current_timestamp", "current_timestamp", "localtime", "localtime", "localtimestamp",
		"localtimestamp", "current_role", "current_user", "user", "session_user", "current_catalog",
		"current_schema"};

	return (unsigned)op < ARRAY_LEN(names) ? names[op] : NULL;
}

static const char *xml(PgQuery__XmlExprOp op)
{
	static const char *const names[] = {NULL, "xmlconcat", "xmlelement", "xmlforest", "xmlparse", "xmlpi",
		"xmlroot", "xmlserialize", NULL};

	return (unsigned)op < ARRAY_LEN(names) ? names[op] : NULL;
}

static const char *json_func(PgQuery__JsonExprOp op)
{
	static const char *const names[] = {NULL, "json_exists", "json_query", "json_value", NULL};

	return (unsigned)op < ARRAY_LEN(names) ? names[op] : NULL;
}

static struct named last_string(PgQuery__Node **v, size_t n)
{
	for (size_t i = n; i > 0; i--)
		if (v[i - 1]->node_case == PG_QUERY__NODE__NODE_STRING)
			return by(v[i - 1]->string->sval);
	return (struct named){0};
}

static struct named of_sublink(const PgQuery__SubLink *s, const struct lineage *l)
{
	if (s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
		return by("exists");
	if (s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
		return by("array");
	if (s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK && s->sub_link_id > 0 &&
		(unsigned)s->sub_link_id <= l->nsublabels)
		return by(l->sublabels[s->sub_link_id - 1]);
	return (struct named){0};
}

static struct named of_cast(const PgQuery__TypeCast *c, const struct lineage *l)
{
	struct named f = figure(c->arg, l);

	if (f.strength <= 1 && c->type_name && c->type_name->n_names)
		return (struct named){node_string(c->type_name->names[c->type_name->n_names - 1]), 1};
	return f;
}

static struct named of_case(const PgQuery__CaseExpr *c, const struct lineage *l)
{
	struct named f = c->defresult ? figure(c->defresult, l) : (struct named){0};

	return f.strength <= 1 ? (struct named){"case", 1} : f;
}

static struct named of_indirection(const PgQuery__AIndirection *i, const struct lineage *l)
{
	struct named f = last_string(i->indirection, i->n_indirection);

	return f.name ? f : figure(i->arg, l);
}

static struct named figure(const PgQuery__Node *n, const struct lineage *l)
{
	if (!n)
		return (struct named){0};
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return last_string(n->column_ref->fields, n->column_ref->n_fields);
	case PG_QUERY__NODE__NODE_A_INDIRECTION: return of_indirection(n->a_indirection, l);
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return last_string(n->func_call->funcname, n->func_call->n_funcname);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? by("nullif")
										: (struct named){0};
	case PG_QUERY__NODE__NODE_TYPE_CAST: return of_cast(n->type_cast, l);
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return figure(n->collate_clause->arg, l);
	case PG_QUERY__NODE__NODE_GROUPING_FUNC: return by("grouping");
	case PG_QUERY__NODE__NODE_MERGE_SUPPORT_FUNC: return by("merge_action");
	case PG_QUERY__NODE__NODE_SUB_LINK: return of_sublink(n->sub_link, l);
	case PG_QUERY__NODE__NODE_CASE_EXPR: return of_case(n->case_expr, l);
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return by("array");
	case PG_QUERY__NODE__NODE_ROW_EXPR: return by("row");
	case PG_QUERY__NODE__NODE_COALESCE_EXPR: return by("coalesce");
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		return by(n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least");
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: return by(sql_value(n->sqlvalue_function->op));
	case PG_QUERY__NODE__NODE_XML_EXPR: return by(xml(n->xml_expr->op));
	case PG_QUERY__NODE__NODE_XML_SERIALIZE: return by("xmlserialize");
	case PG_QUERY__NODE__NODE_JSON_PARSE_EXPR: return by("json");
	case PG_QUERY__NODE__NODE_JSON_SCALAR_EXPR: return by("json_scalar");
	case PG_QUERY__NODE__NODE_JSON_SERIALIZE_EXPR: return by("json_serialize");
	case PG_QUERY__NODE__NODE_JSON_OBJECT_CONSTRUCTOR: return by("json_object");
	case PG_QUERY__NODE__NODE_JSON_ARRAY_CONSTRUCTOR:
	case PG_QUERY__NODE__NODE_JSON_ARRAY_QUERY_CONSTRUCTOR: return by("json_array");
	case PG_QUERY__NODE__NODE_JSON_OBJECT_AGG: return by("json_objectagg");
	case PG_QUERY__NODE__NODE_JSON_ARRAY_AGG: return by("json_arrayagg");
	case PG_QUERY__NODE__NODE_JSON_FUNC_EXPR: return by(json_func(n->json_func_expr->op));
	default: return (struct named){0};
	}
}

const char *label_of(struct lineage *l, const PgQuery__Node *n)
{
	struct named f;

	if (lineage_stopped(l))
		return "";
	f = figure(n, l);
	return f.name ? f.name : "?column?";
}
