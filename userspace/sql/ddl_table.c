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

static uint32_t new_id(struct ddl *d)
{
	return d->b->next_oid++; /* no catalogue has two of them */
}

static void member(
	struct ddl *d, enum member_kind kind, uint32_t id, const struct draft_relation *r, int16_t attnum)
{
	(void)draft_member(d->b, kind, id, (struct colref){r->r.oid, attnum});
}

/* ---- what an expression reads and calls ---- */
struct reader {
	struct ddl *d;
	struct draft_relation *r;
	enum member_kind kind;
	uint32_t id;
	bool code; /* found: a function, an operator or a type of the schema text */
	int at;    /* where it begins in the text, but for parentheses; -1: not known */
};

static bool named(const struct pointers *p, size_t name, const char *wanted)
{
	for (unsigned i = 0; i < p->n; i++) {
		const char *s;

		memcpy(&s, (const char *)p->v[i] + name, sizeof(s));
		if (!strcmp(s, wanted))
			return true;
	}
	return false;
}

static const char *last_name(PgQuery__Node *const *v, size_t n)
{
	return n ? node_string(v[n - 1]) : "";
}

/* A name that is no column's is the row's. */
static void read_column(struct reader *x, const PgQuery__ColumnRef *c)
{
	const char *name = last_name(c->fields, c->n_fields);
	int16_t attnum = 0;

	if (!x->r)
		return; /* VALUE of a domain */

	for (unsigned i = 0; i < x->r->ncols; i++)
		if (!strcmp(x->r->cols[i].c.name, name))
			attnum = x->r->cols[i].c.attnum;
	member(x->d, x->kind, x->id, x->r, attnum);
}

static void read_message(struct reader *x, const ProtobufCMessage *m);

static void read_field(struct reader *x, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const uint8_t *at = (const uint8_t *)m + f->offset, *q = (const uint8_t *)m + f->quantifier_offset;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < *(const size_t *)q; i++)
			read_message(x, v[i]);
	} else if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) || *(const uint32_t *)q == f->id) {
		read_message(x, *(ProtobufCMessage *const *)at);
	}
}

static void read_place(struct reader *x, const ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "location");
	int at = -1;

	if (f && f->type == PROTOBUF_C_TYPE_INT32)
		memcpy(&at, (const uint8_t *)m + f->offset, sizeof(at));
	if (at >= 0 && (x->at < 0 || at < x->at))
		x->at = at;
}

static void read_message(struct reader *x, const ProtobufCMessage *m)
{
	const struct catalog_builder *b = x->d->b;

	if (!m)
		return;
	read_place(x, m);
	if (m->descriptor == &pg_query__column_ref__descriptor) {
		read_column(x, (const PgQuery__ColumnRef *)m);
	} else if (m->descriptor == &pg_query__func_call__descriptor) {
		const PgQuery__FuncCall *f = (const PgQuery__FuncCall *)m;

		x->code = x->code || named(&b->functions, offsetof(struct function, name),
					     last_name(f->funcname, f->n_funcname));
	} else if (m->descriptor == &pg_query__a__expr__descriptor) {
		const PgQuery__AExpr *e = (const PgQuery__AExpr *)m;

		x->code = x->code || named(&b->operators, offsetof(struct operator_, name),
					     last_name(e->name, e->n_name));
	} else if (m->descriptor == &pg_query__type_name__descriptor) {
		const PgQuery__TypeName *t = (const PgQuery__TypeName *)m;

		x->code = x->code ||
			  named(&b->types, offsetof(struct type, name), last_name(t->names, t->n_names));
	}
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		read_field(x, m, &m->descriptor->fields[i]);
}

/* Its columns are members of the constraint id; whether it calls what the schema text made. */
static bool read_expression(
	struct ddl *d, struct draft_relation *r, enum member_kind kind, uint32_t id, const PgQuery__Node *n)
{
	struct reader x = {d, r, kind, id, false, -1};

	if (n)
		read_message(&x, &n->base);
	r->r.code = r->r.code || x.code;
	return x.code;
}

bool ddl_calls(struct ddl *d, const PgQuery__Node *n)
{
	struct reader x = {.d = d, .at = -1};

	if (n)
		read_message(&x, &n->base);
	return x.code;
}

/* ---- defaults ---- */
/* Where the expression that begins at at ends: before limit, a comma or a parenthesis of what is around it.
 */
static size_t expression_end(struct span text, size_t at, size_t limit)
{
	unsigned depth = 0;

	for (; at < limit && at < text.n; at++) {
		uint8_t c = text.p[at];

		if (c == '\'' || c == '"') {
			const uint8_t *end = memchr(text.p + at + 1, c, text.n - at - 1);

			at = end ? (size_t)(end - text.p) : text.n;
		} else if (c == '(' || c == '[') {
			depth++;
		} else if (depth && (c == ')' || c == ']')) {
			depth--;
		} else if (!depth && strchr("),;", c)) {
			break;
		}
	}
	return at < text.n ? at : text.n;
}

const char *ddl_fallback(struct ddl *d, const PgQuery__Node *n, int limit)
{
	struct reader x = {.d = d, .at = -1};
	const char *text;
	size_t end;

	read_message(&x, &n->base);
	if (!x.code || x.at < 0 || (size_t)x.at >= d->text.n)
		return NULL;
	end = expression_end(d->text, (size_t)x.at, limit > x.at ? (size_t)limit : d->text.n);
	text = arena_strndup(&d->b->c->a, (const char *)d->text.p + x.at, end - (size_t)x.at);
	d->b->oom = d->b->oom || !text;
	return text;
}

/* ---- constraints ---- */
static void columns(struct ddl *d, enum member_kind kind, uint32_t id, struct draft_relation *r,
	PgQuery__Node **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct draft_column *c = ddl_column(d, r, node_string(names[i]));

		if (!c)
			return;
		member(d, kind, id, r, c->c.attnum);
	}
}

static void index_elements(
	struct ddl *d, struct draft_relation *r, uint32_t id, const PgQuery__Node *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const PgQuery__Node *first =
			v[i]->node_case == PG_QUERY__NODE__NODE_LIST && v[i]->list->n_items
				? v[i]->list->items[0]
				: v[i];
		const PgQuery__IndexElem *e = first->index_elem;
		struct draft_column *c = NULL;

		if (first->node_case != PG_QUERY__NODE__NODE_INDEX_ELEM || e->expr)
			(void)read_expression(d, r, MEMBER_UNIQUE, id, first);
		else
			c = ddl_column(d, r, e->name);
		if (c)
			member(d, MEMBER_UNIQUE, id, r, c->c.attnum);
	}
}

/* c may be NULL; without a list on the other side it is the primary key. */
static void foreign_key(
	struct ddl *d, struct draft_relation *r, struct draft_column *c, const PgQuery__Constraint *k)
{
	struct draft_relation *to = k->pktable ? ddl_find(d, k->pktable) : NULL;
	struct foreign_key key = {.id = new_id(d),
		.on_delete = *k->fk_del_action ? *k->fk_del_action : 'a',
		.on_update = *k->fk_upd_action ? *k->fk_upd_action : 'a'};
	size_t n = c ? 1 : k->n_fk_attrs;

	for (size_t i = 0, primary = 0; to && i < n; i++) {
		const struct draft_column *from = c ? c : ddl_column(d, r, node_string(k->fk_attrs[i])),
					  *at = NULL;

		if (i < k->n_pk_attrs)
			at = ddl_column(d, to, node_string(k->pk_attrs[i]));
		for (; !k->n_pk_attrs && !at && primary < to->ncols; primary++)
			at = to->cols[primary].c.key ? &to->cols[primary] : NULL;
		if (!from || !at)
			return;
		key.from = (struct colref){r->r.oid, from->c.attnum};
		key.to = (struct colref){to->r.oid, at->c.attnum};
		(void)draft_key(d->b, key);
	}
}

static void unique(
	struct ddl *d, struct draft_relation *r, struct draft_column *c, const PgQuery__Constraint *k)
{
	bool primary = k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
	uint32_t id = new_id(d);
	enum member_kind kind =
		(c ? 1 : k->n_keys) == 1 && !k->n_including && !k->deferrable ? MEMBER_EQUAL : MEMBER_UNIQUE;

	if (c) {
		member(d, kind, id, r, c->c.attnum);
		c->c.key = c->c.key || primary;
	}
	columns(d, kind, id, r, k->keys, k->n_keys);
	for (size_t i = 0; primary && i < k->n_keys; i++) {
		struct draft_column *of = ddl_column(d, r, node_string(k->keys[i]));

		if (of)
			of->c.key = true;
	}
}

static void generated(
	struct ddl *d, struct draft_relation *r, struct draft_column *c, const PgQuery__Constraint *k)
{
	uint32_t id = new_id(d);

	c->generated_node = k->raw_expr;
	c->c.generated = true;
	member(d, MEMBER_GENERATED, id, r, c->c.attnum);
	if (read_expression(d, r, MEMBER_SOURCE, id, k->raw_expr))
		r->r.computes = true;
}

/* c is the column that the constraint stands at, or NULL. */
static void constraint(
	struct ddl *d, struct draft_relation *r, struct draft_column *c, const PgQuery__Constraint *k)
{
	uint32_t id;

	switch ((int)k->contype) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
	case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE: unique(d, r, c, k); break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN: foreign_key(d, r, c, k); break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
		(void)read_expression(d, r, MEMBER_CHECK, new_id(d), k->raw_expr);
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
		id = new_id(d);
		index_elements(d, r, id, (const PgQuery__Node *const *)k->exclusions, k->n_exclusions);
		(void)read_expression(d, r, MEMBER_UNIQUE, id, k->where_clause);
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
		/* a default reads no columns, so it is a constraint of none */
		if (read_expression(d, r, MEMBER_CHECK, new_id(d), k->raw_expr))
			r->r.computes = true;
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
		if (c)
			generated(d, r, c, k);
		break;
	default: break;
	}
}

void ddl_add_column(struct ddl *d, struct draft_relation *r, const PgQuery__ColumnDef *def)
{
	struct draft_column *c = draft_column(d->b, r, keep(d, def->colname), (int16_t)(r->ncols + 1));

	if (c)
		c->c.type_oid = ddl_type(d, def->type_name, &c->c.typmod);
	if (c) {
		c->c.collated = def->coll_clause != NULL;
		c->c.fallback = ddl_domain_fallback(d, c->c.type_oid);
	}
}

/* Once all columns are there: a constraint may stand before a column that it names. */
static void column_constraints(struct ddl *d, struct draft_relation *r, const PgQuery__ColumnDef *def)
{
	struct draft_column *c = def->n_constraints ? ddl_column(d, r, def->colname) : NULL;

	for (size_t i = 0; c && i < def->n_constraints; i++) {
		const PgQuery__Constraint *k = def->constraints[i]->constraint, *next = NULL;

		if (def->constraints[i]->node_case != PG_QUERY__NODE__NODE_CONSTRAINT)
			continue;
		constraint(d, r, c, k);
		if (i + 1 < def->n_constraints &&
			def->constraints[i + 1]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			next = def->constraints[i + 1]->constraint;
		if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT && k->raw_expr)
			c->c.fallback = ddl_fallback(d, k->raw_expr, next ? next->location : -1);
	}
}

static void inherit_member(struct ddl *d, struct draft_relation *r, const struct draft_relation *from,
	const struct member *m, uint32_t id)
{
	const struct draft_column *c = NULL;

	for (unsigned k = 0; k < from->ncols; k++)
		if (from->cols[k].c.attnum == m->column.attnum)
			c = ddl_column(d, r, from->cols[k].c.name);
	member(d, m->kind, id, r, c ? c->c.attnum : 0);
}

/* The other relation's constraints, over columns of the same name. */
static void inherit_constraints(struct ddl *d, struct draft_relation *r, const struct draft_relation *from)
{
	unsigned n = d->b->members.n;
	uint32_t last = 0, id = 0;

	/* the members of one constraint stand together */
	for (unsigned i = 0; i < n; i++) {
		const struct member *m = d->b->members.v[i];

		if (m->column.relid != from->r.oid)
			continue;
		if (m->id != last)
			id = new_id(d);
		last = m->id;
		inherit_member(d, r, from, m, id);
	}
	r->r.code = r->r.code || from->r.code;
	r->r.computes = r->r.computes || from->r.computes;
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
		c->c.collated = from->cols[i].c.collated;
		c->generated_node = from->cols[i].generated_node;
		c->c.fallback = from->cols[i].c.fallback;
	}
	inherit_constraints(d, r, from);
}

static void element(struct ddl *d, struct draft_relation *r, const PgQuery__Node *n, bool adds)
{
	const struct draft_relation *from;

	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_DEF:
		if (adds && n->column_def->type_name)
			ddl_add_column(d, r, n->column_def);
		else if (!adds)
			column_constraints(d, r, n->column_def);
		break;
	case PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE:
		from = adds ? ddl_find(d, n->table_like_clause->relation) : NULL;
		if (from)
			inherit(d, r, from);
		break;
	case PG_QUERY__NODE__NODE_CONSTRAINT:
		if (!adds)
			constraint(d, r, NULL, n->constraint);
		break;
	default: break;
	}
}

/* PARTITION BY; an expression counts as all columns. */
static void partition_keys(struct draft_relation *r, const PgQuery__PartitionSpec *p)
{
	for (size_t i = 0; p && i < p->n_part_params; i++) {
		const PgQuery__PartitionElem *e = p->part_params[i]->partition_elem;

		for (unsigned k = 0; k < r->ncols; k++)
			if (!*e->name || !strcmp(e->name, r->cols[k].c.name))
				r->cols[k].partition_key = true;
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
	partition_keys(r, s->partspec);
	(void)ddl_add_type(d, schema, s->relation->relname, TYPE_COMPOSITE);
}

static void alter(struct ddl *d, struct draft_relation *r, const PgQuery__AlterTableCmd *c)
{
	struct draft_relation *other;
	struct draft_column *column;

	switch ((int)c->subtype) {
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
		element(d, r, c->def, true);
		element(d, r, c->def, false);
		break;
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
	case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
		if (c->def && read_expression(d, r, MEMBER_CHECK, new_id(d), c->def))
			r->r.computes = true;
		column = ddl_column(d, r, c->name);
		if (column && c->def)
			column->c.fallback = ddl_fallback(d, c->def, -1);
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
	struct draft_relation *r = ddl_find(d, s->relation);
	/* no constraint, but its expressions may call what the text made */
	unsigned before = d->b->members.n;
	uint32_t id = new_id(d);

	if (!r)
		return;
	for (size_t i = 0; i < s->n_index_params; i++) {
		const PgQuery__IndexElem *e = s->index_params[i]->index_elem;
		const struct draft_column *c = e->expr || s->where_clause ? NULL : ddl_column(d, r, e->name);

		draft_indexed(r, c ? c->c.attnum : 0);
	}
	index_elements(d, r, id, (const PgQuery__Node *const *)s->index_params, s->n_index_params);
	(void)read_expression(d, r, MEMBER_UNIQUE, id, s->where_clause);
	if (!s->unique)
		d->b->members.n = before;
}

void ddl_rule(struct ddl *d, const PgQuery__RangeVar *rv)
{
	struct draft_relation *r = ddl_find(d, rv);

	if (r)
		r->r.rules = true;
}

/* A function of that name; which one, of several, hangs on nothing: a trigger's has no arguments. */
void ddl_trigger(struct ddl *d, const PgQuery__CreateTrigStmt *t)
{
	struct draft_relation *r = ddl_find(d, t->relation);
	const char *schema = "", *name = ddl_name(t->funcname, t->n_funcname, &schema);
	const struct function *found = NULL;

	if (!r || !name)
		return;
	schema = ddl_schema(d, schema);
	for (unsigned i = 0; i < d->b->functions.n; i++) {
		const struct function *f = d->b->functions.v[i];

		if (!f->nparameters && !strcmp(f->name, name) && !strcmp(f->schema, schema))
			found = f;
	}
	r->r.triggers = true;
	draft_trigger(d->b, r, found);
}
