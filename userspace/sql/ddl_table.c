/* SPDX-License-Identifier: MIT */
#include "sql/catalog_ddl.h"

#include <string.h>
#include "sql/lineage.h"

static const char *keep(struct ddl *d, const char *s)
{
	const char *copy = arena_strdup(&d->b->c->a, s);

	d->b->oom = d->b->oom || !copy;
	return copy;
}

static void constrain(struct ddl *d, struct draft_relation *r, PgQuery__Node **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct draft_column *c = ddl_column(d, r, node_string(names[i]));

		if (c)
			c->c.constrained = true;
	}
}

/* Both ends of a foreign key; without a list it is the primary key, which is constrained already. */
static void foreign_key(struct ddl *d, const PgQuery__Constraint *k)
{
	struct draft_relation *r = k->pktable ? ddl_find(d, k->pktable) : NULL;

	if (r)
		constrain(d, r, k->pk_attrs, k->n_pk_attrs);
}

static void exclusion(struct ddl *d, struct draft_relation *r)
{
	(void)d;
	for (unsigned i = 0; i < r->ncols; i++)
		r->cols[i].c.constrained = true; /* its expressions are not looked into */
}

/* c is the column that the constraint stands at, or NULL. */
static void constraint(
	struct ddl *d, struct draft_relation *r, struct draft_column *c, const PgQuery__Constraint *k)
{
	switch ((int)k->contype) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
	case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
		if (c)
			c->c.constrained = true;
		constrain(d, r, k->keys, k->n_keys);
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
		if (c)
			c->c.constrained = true;
		constrain(d, r, k->fk_attrs, k->n_fk_attrs);
		foreign_key(d, k);
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION: exclusion(d, r); break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
		if (c)
			c->generated_node = k->raw_expr;
		break;
	default: break;
	}
}

void ddl_add_column(struct ddl *d, struct draft_relation *r, const PgQuery__ColumnDef *def)
{
	struct draft_column *c = draft_column(d->b, r, keep(d, def->colname), (int16_t)(r->ncols + 1));

	if (!c)
		return;
	c->c.type_oid = ddl_type(d, def->type_name, &c->c.typmod);
	for (size_t i = 0; i < def->n_constraints; i++)
		if (def->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			constraint(d, r, c, def->constraints[i]->constraint);
}

/* The columns of a parent, or of LIKE; those that are there already merge. */
static void inherit(struct ddl *d, struct draft_relation *r, const struct draft_relation *from)
{
	for (unsigned i = 0; i < from->ncols; i++) {
		struct draft_column *c;
		bool there = false;

		for (unsigned k = 0; k < r->ncols; k++)
			there = there || !strcmp(r->cols[k].c.name, from->cols[i].c.name);
		if (there)
			continue;
		c = draft_column(d->b, r, from->cols[i].c.name, (int16_t)(r->ncols + 1));
		if (!c)
			return;
		c->c.type_oid = from->cols[i].c.type_oid;
		c->c.typmod = from->cols[i].c.typmod;
		c->c.constrained = from->cols[i].c.constrained;
		c->generated_node = from->cols[i].generated_node;
	}
}

static void element(struct ddl *d, struct draft_relation *r, const PgQuery__Node *n, bool columns)
{
	const struct draft_relation *from;

	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_DEF:
		if (columns && n->column_def->type_name)
			ddl_add_column(d, r, n->column_def);
		break;
	case PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE:
		from = columns ? ddl_find(d, n->table_like_clause->relation) : NULL;
		if (from)
			inherit(d, r, from);
		break;
	case PG_QUERY__NODE__NODE_CONSTRAINT:
		if (!columns)
			constraint(d, r, NULL, n->constraint);
		break;
	default: break;
	}
}

void ddl_table(struct ddl *d, const PgQuery__CreateStmt *s, char kind)
{
	const char *schema = ddl_schema(d, s->relation->schemaname);
	struct draft_relation *r = draft_relation(
		d->b, d->b->next_oid++, schema, keep(d, s->relation->relname), s->partspec ? 'p' : kind);

	if (!r)
		return;
	for (size_t i = 0; i < s->n_inh_relations; i++) {
		struct draft_relation *parent =
			s->inh_relations[i]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR
				? ddl_find(d, s->inh_relations[i]->range_var)
				: NULL;

		if (!parent)
			return;
		inherit(d, r, parent);
		(void)draft_edge(d->b, r->r.oid, parent->r.oid);
	}
	for (size_t i = 0; i < s->n_table_elts; i++)
		element(d, r, s->table_elts[i], true);
	for (size_t i = 0; i < s->n_table_elts; i++)
		element(d, r, s->table_elts[i], false);
	for (size_t i = 0; i < s->n_constraints; i++)
		element(d, r, s->constraints[i], false);
	(void)ddl_add_type(d, schema, s->relation->relname, TYPE_COMPOSITE);
}

static void alter(struct ddl *d, struct draft_relation *r, const PgQuery__AlterTableCmd *c)
{
	struct draft_relation *other;

	switch ((int)c->subtype) {
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn: element(d, r, c->def, true); break;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint: element(d, r, c->def, false); break;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition:
		other = ddl_find(d, c->def->partition_cmd->name);
		if (other)
			(void)draft_edge(d->b, other->r.oid, r->r.oid);
		break;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AddInherit:
		other = ddl_find(d, c->def->range_var);
		if (other)
			(void)draft_edge(d->b, r->r.oid, other->r.oid);
		break;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableRowSecurity: r->r.row_security = true; break;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DropInherit:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_SetExpression:
		ddl_fail(d, "this ALTER TABLE \"%s\" is not understood in a schema text", r->r.name);
		break;
	default: break; /* owners, defaults, storage, … */
	}
}

void ddl_alter(struct ddl *d, const PgQuery__AlterTableStmt *s)
{
	struct draft_relation *r;

	if (s->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE &&
		s->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE)
		return;
	r = ddl_find(d, s->relation);
	for (size_t i = 0; r && i < s->n_cmds; i++)
		if (s->cmds[i]->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
			alter(d, r, s->cmds[i]->alter_table_cmd);
}

void ddl_index(struct ddl *d, const PgQuery__IndexStmt *s)
{
	struct draft_relation *r = s->unique ? ddl_find(d, s->relation) : NULL;

	for (size_t i = 0; r && i < s->n_index_params; i++) {
		const PgQuery__IndexElem *e = s->index_params[i]->index_elem;
		struct draft_column *c;

		if (e->expr || s->where_clause) {
			exclusion(d, r); /* any column may be in it */
			return;
		}
		c = ddl_column(d, r, e->name);
		if (c)
			c->c.constrained = true;
	}
}

void ddl_flag(struct ddl *d, const PgQuery__RangeVar *rv, bool trigger)
{
	struct draft_relation *r = ddl_find(d, rv);

	if (!r)
		return;
	r->r.triggers = r->r.triggers || trigger;
	r->r.rules = r->r.rules || !trigger;
}
