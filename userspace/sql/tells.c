/* SPDX-License-Identifier: MIT */
/* Whether the server itself may be asked what is wrong with a statement that names something unknown. It
 * would analyse the text and no more (a Parse): that looks into the catalogue, and evaluates nothing but the
 * input functions of the types that literals without a type of their own become. Those of a domain inside an
 * array, a row or a range check its constraints, which may call what users made, and that may read any row.
 * So where the text has such a literal, all that could give it a type must be of types without code of users'
 * own. */
#include "sql/lineage.h"

#include <string.h>

#define NAMES_MAX 512 /* of a text with literals that is still looked through */

struct tells {
	const struct lineage *l;
	bool literal, foreign;
	unsigned names;
};

static bool each(
	struct tells *t, const ProtobufCMessage *m, void (*look)(struct tells *, const ProtobufCMessage *));

static bool field(struct tells *t, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
	void (*look)(struct tells *, const ProtobufCMessage *))
{
	const uint8_t *at = (const uint8_t *)m + f->offset;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return true;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)((const uint8_t *)m + f->quantifier_offset);
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < n; i++)
			if (!each(t, v[i], look))
				return false;
		return true;
	}
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		*(const uint32_t *)((const uint8_t *)m + f->quantifier_offset) != f->id)
		return true;
	return each(t, *(ProtobufCMessage *const *)at, look);
}

/* All messages of the tree, whose depth is bounded; false: enough was seen. */
static bool each(
	struct tells *t, const ProtobufCMessage *m, void (*look)(struct tells *, const ProtobufCMessage *))
{
	if (!m)
		return true;
	look(t, m);
	if (t->foreign)
		return false;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (!field(t, m, &m->descriptor->fields[i], look))
			return false;
	return true;
}

static void finds_literal(struct tells *t, const ProtobufCMessage *m)
{
	const PgQuery__AConst *c = (const PgQuery__AConst *)m;

	if (m->descriptor == &pg_query__a__const__descriptor)
		t->literal = t->literal || c->val_case == PG_QUERY__A__CONST__VAL_SVAL;
	/* strings that are no A_Const: what JSON and XML clauses have of them is as good as one */
	if (m->descriptor == &pg_query__json_table__descriptor ||
		m->descriptor == &pg_query__range_table_func__descriptor)
		t->literal = true;
}

/* A function of that name, also called in column notation. */
static bool function_foreign(const struct catalog *c, const char *name)
{
	const struct function *f;

	for (unsigned n = 0; (f = catalog_function(c, name, n)); n++) {
		if (n > NAMES_MAX || catalog_type_foreign(c, f->returns))
			return true;
		for (unsigned i = 0; i < f->nparameters; i++)
			if (catalog_type_foreign(c, f->parameters[i].type))
				return true;
	}
	return false;
}

static bool relation_foreign(const struct lineage *l, const PgQuery__RangeVar *rv)
{
	const struct relation *r = scope_relation(l->names, rv->schemaname, rv->relname);

	for (unsigned i = 0; r && i < r->ncols; i++)
		if (catalog_type_foreign(l->names->catalog, r->cols[i].type_oid))
			return true;
	return false;
}

static void finds_foreign(struct tells *t, const ProtobufCMessage *m)
{
	const struct lineage *l = t->l;

	if (m->descriptor == &pg_query__string__descriptor) {
		const char *name = ((const PgQuery__String *)m)->sval;

		/* a type's name in front of a literal is a cast to it */
		t->foreign = ++t->names > NAMES_MAX || function_foreign(l->names->catalog, name) ||
			     operator_users(l, name) || catalog_names_foreign(l->names->catalog, name);
	} else if (m->descriptor == &pg_query__range_var__descriptor) {
		t->foreign = ++t->names > NAMES_MAX || relation_foreign(l, (const PgQuery__RangeVar *)m);
	} else if (m->descriptor == &pg_query__type_name__descriptor) {
		t->foreign = ++t->names > NAMES_MAX || typename_foreign(l, (const PgQuery__TypeName *)m);
	}
}

/* What BETWEEN, CASE x WHEN, IN and the like mean without naming it. */
static bool comparison_foreign(const struct lineage *l)
{
	static const char *const names[] = {"=", "<>", "<", "<=", ">", ">=", "~~", "~~*", "!~~", "!~~*", "~"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (operator_users(l, names[i]))
			return true;
	return false;
}

/* What the server analyses before it runs it. */
static bool analysed(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_INSERT_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_UPDATE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_DELETE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_MERGE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_EXPLAIN_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT;
}

bool server_tells(const struct lineage *l, const PgQuery__Node *n)
{
	struct tells t = {.l = l};

	if (!analysed(n))
		return false;
	(void)each(&t, &n->base, finds_literal);
	if (!t.literal)
		return true;
	if (comparison_foreign(l))
		return false;
	(void)each(&t, &n->base, finds_foreign);
	return !t.foreign;
}
