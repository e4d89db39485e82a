/* SPDX-License-Identifier: MIT */
/* lineage: the walker behind analyze(), private to sql/. An allow-list: a node or a clause that no function
 * here handles makes the statement a problem. Failures stick: after the first one every function returns at
 * once with nothing, and callers need not look. Two nets below it: lineage_covered() proves that each part of
 * the tree was visited, and the work bound keeps hostile statements from running long. */
#ifndef PGVEIL_SQL_LINEAGE_H
#define PGVEIL_SQL_LINEAGE_H

#include "pg_query/pg_query.pb-c.h"
#include "sql/analyze.h"
#include "sql/function.h"

#define LINEAGE_OUTPUTS_MAX 1664 /* PostgreSQL's own MaxTupleAttributeNumber */

struct item;

/* What an expression's value was made of. */
struct taint {
	struct colset from; /* shared: never the target of colset_add or colset_union */
	uint32_t type;      /* 0: not known */
	bool direct;        /* an unchanged copy */
	bool constant;      /* a bare one */
	bool calm;          /* evaluating it cannot fail, nor does anything: it may be skipped, or not */
	bool odd; /* not of a simple type, or of a collation of its own: what is total on simple types may
		     fail on it */
	unsigned size;           /* so many times as long, at most, as the longest value that it is made of */
	bool collated;           /* it, or what it is made of, has a collation of its own */
	const char *foreign;     /* it has a type whose own functions are not known to be pure */
	const struct item *row;  /* it is the whole row of this item */
	const char *const *cols; /* it is a row of these ncols columns, which a function gave */
	unsigned ncols;
	const struct taint *fields; /* it is ROW(…) of these */
	unsigned nfields;
	const struct json_places *places; /* it is JSON, or an array of it, with these parts */
};
/* Values of as many bytes as the server takes in one (1 GB, in jsonb 255 MB), through this, are still longer
 * than what people keep in a cell: whether so many of them fit tells nothing. */
#define TAINT_SIZE_MAX 4096

struct label { /* a named column of a query or a FROM item */
	const char *name;
	struct taint t;
	struct colref own; /* of an output: as output.own */
};

struct outputs {
	struct label *v;
	unsigned n, cap;
};

struct item { /* of FROM */
	const char *alias;
	const struct relation *rel; /* its columns are rel's; NULL: cols */
	const char **renamed;       /* rel with column aliases */
	bool named;                 /* rel without an alias: schema.rel.col reaches it */
	bool only;
	bool open; /* may have columns that are not known */
	struct label *cols;
	unsigned ncols;
	unsigned nstarless; /* the last of them that a star leaves out */
};

struct visible { /* PostgreSQL's ParseNamespaceItem */
	struct item *item;
	bool as_rel, as_cols, lateral;
};

struct namespace_ {
	struct visible *v;
	unsigned n, cap;
};

enum cte_state { CTE_NEW, CTE_BUSY, CTE_DONE };
struct cte {
	struct cte *next;
	const char *name;
	const PgQuery__CommonTableExpr *node;
	struct scope *home; /* the query that its WITH belongs to */
	enum cte_state state;
	bool known; /* cols may be read; while BUSY: what a recursive reference sees */
	struct outputs cols;
	unsigned nfound; /* of cols; those behind them are of SEARCH and CYCLE */
};

struct group_floor { /* every group of the level has so many values of the column, each of another row */
	struct colset column;
	uint8_t group;
};

struct scope { /* one query level */
	struct scope *outer;
	struct namespace_ ns;
	bool lateral;        /* lateral items of this level may be seen right now */
	const char *setting; /* the level reads the one row of pg_settings that is of this name */
	struct cte *ctes;
	const struct item *alone; /* the one table that FROM has; NULL: it has anything else */
	struct group_floor *floors;
	unsigned nfloors;
};

struct use_group {
	const char *where;
	bool asked;
	unsigned target;
	struct colset columns;
};
struct use_groups {
	struct use_group *v;
	unsigned n, cap;
};

struct body { /* of a function in LANGUAGE sql that is being followed */
	const struct body *outer;
	const struct function *f;
	const struct taint *args; /* of its parameters that take something */
	unsigned nargs, depth;
};

struct fallback { /* the default of a column that is being followed */
	struct fallback *outer;
	bool opaque; /* it calls what is not */
};

struct lineage {
	struct arena *a;
	const struct name_scope *names;
	struct span text; /* positions are counted in it; may be empty */
	struct statement *s;
	struct colset rels;     /* attnum 0 */
	uint64_t plain_effects; /* what it does to nothing that has a name */
	struct use_groups groups;
	unsigned opaque_cap, asks_cap, copied_cap, targets_cap, deeds_cap, mentions_cap, schema_refs_cap;
	/* Not NULL: what is walked is never evaluated (unseen.h). What it would use is added to this. */
	struct colset *unseen;
	const char **sublabels; /* of scalar subqueries: what their column is called; sub_link_id is the index
				   + 1 */
	unsigned nsublabels, sublabels_cap;
	unsigned long work;
	const void *own;           /* the query that the statement is, of all that are walked; NULL: none */
	bool ungrouped;            /* HAVING is evaluated: no floor holds yet */
	const struct body *body;   /* the innermost one */
	unsigned nbodies;          /* followed so far */
	struct fallback *fallback; /* the innermost one */
	bool oom;
	/* While a catalogue is being built: called before a relation's columns are looked at. */
	void (*need)(void *arg, const struct relation *r);
	void *need_arg;
};

/* ---- lineage.c: the state ---- */
void lineage_fail(struct lineage *l, const char *sqlstate, int location, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void lineage_fail_retry(struct lineage *l, const char *sqlstate, int location, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* What may pass where code may do anything. */
void lineage_doubt(struct lineage *l, int location, const char *fmt, ...) PRINTF_LIKE(3, 4);
void lineage_odd(struct lineage *l, int location, const char *what); /* 0A000 "… not understood" */
void lineage_odd_name(
	struct lineage *l, int location, const char *what); /* the server may know no such name */
bool lineage_stopped(const struct lineage *l);
/* Counts work; false: too much, and the statement has a problem. */
bool lineage_spend(struct lineage *l, unsigned long n);
void lineage_seen(struct lineage *l, const void *message);
bool lineage_covered(struct lineage *l, const void *message);
void *lineage_alloc(struct lineage *l, size_t n, size_t size); /* NULL: stopped */
void lineage_use(struct lineage *l, const struct taint *t, const char *where);
void lineage_use_set(struct lineage *l, const struct colset *s, const char *where);
/* What is used from now on is gathered apart, until it is joined again with what was before. */
struct use_groups lineage_uses_apart(struct lineage *l);
void lineage_uses_join(struct lineage *l, struct use_groups before, unsigned target);
/* Which partition a row is in shows the keys: those of r, which may be NULL, are added to out. */
void lineage_partition_keys(struct lineage *l, const struct relation *r, struct colset *out);
/* A use of t as a struct ask. */
void lineage_ask(struct lineage *l, const struct taint *t, unsigned constants, unsigned param);
/* A unique index holds so many constants against the column. */
void lineage_pay(struct lineage *l, const struct colset *columns, unsigned constants);
void lineage_opaque(struct lineage *l, const char *schema, const char *name);
/* A statement's own query or change, not what is kept for later. */
bool lineage_now(const struct statement *s);
/* A setting of nobody's is read, which holds whatever some function put there. Of a view the relation says
 * so. */
void lineage_setting(struct lineage *l);
/* What a view's definition, or the row security policies of a table, call and nobody knows or trusts. */
void lineage_code_of(struct lineage *l, const struct relation *r);
void lineage_opaque_function(
	struct lineage *l, const char *schema, const char *name, const struct function *f);
bool lineage_trusts(const struct lineage *l, const struct function *f);
/* Notes it and all that is below: reached otherwise than by a name that is mentioned, … */
void lineage_relation(struct lineage *l, const struct relation *r);
void lineage_elsewhere(struct lineage *l, const struct relation *r); /* reached so, and nothing of it noted */
/* … read where the text names it, … */
void lineage_reads(struct lineage *l, const struct relation *r, const PgQuery__RangeVar *rv);
/* … or written. */
void lineage_writes(struct lineage *l, const struct relation *r, bool inserts);
/* Of the mention of a name, that it is sampled or copied; of a column reference, that it names r's schema. */
struct mention *lineage_mention(struct lineage *l, int location);
void lineage_schema_ref(struct lineage *l, const struct relation *r, int location);
/* The statement changes it, or takes it away, and its children with it; cascades: what hangs on it too. */
void lineage_redefines(struct lineage *l, const struct relation *r);
void lineage_cascades(struct lineage *l, const struct relation *r);
/* A relation of that name comes, or goes if it is there. */
void lineage_claims(struct lineage *l, const char *name);
/* It is looked for along the search_path, if it has no schema. */
void lineage_looks_up(struct lineage *l, const char *schema, const char *name);
void lineage_named(struct lineage *l, const struct relation *r);
/* As type_row; where it is users' own, it is named: what a star makes of it is what it is at that time. */
const struct relation *lineage_row(struct lineage *l, uint32_t oid);
void lineage_store(struct lineage *l, const struct colset *s);
struct colset lineage_join(struct lineage *l, const struct colset *a, const struct colset *b);
/* acc becomes a derived value of itself and t. */
void taint_mix(struct lineage *l, struct taint *acc, const struct taint *t);
bool taint_constant(const struct taint *t);
/* What a and b together are of, in CASE and the like. */
uint32_t taint_common_type(const struct lineage *l, const struct taint *a, const struct taint *b);
void taint_fits(struct lineage *l, const struct taint *t); /* what may become too long is a use */
unsigned taint_times(const struct taint *t, unsigned n);   /* its size when it is there n times */
/* One of the two (CASE, COALESCE, UNION, VALUES …); both are uses where their common type may not hold both.
 */
struct taint taint_either(struct lineage *l, struct taint a, struct taint b, const char *where);
struct taint taint_alone(struct lineage *l, struct taint t); /* the first of them */
/* n is an operand (or NULL): a constant there is free. Only for places where nothing looks at its value. */
void lineage_free(struct lineage *l, const PgQuery__Node *n);
void outputs_add(struct lineage *l, struct outputs *o, const char *name, struct taint t);
/* Moves what was gathered into the statement. */
void lineage_finish(struct lineage *l, const struct outputs *o, bool rows);

const char *node_string(const PgQuery__Node *n); /* "" where it is not a String */

/* ---- name.c ---- */
const char *scope_schema(const struct name_scope *ns, const char *schema); /* what "pg_temp" stands for */
bool scope_calls(const struct name_scope *ns, const char *schema); /* functions are looked for there */
/* schema "": by the path. NULL: there is none. Quiet. */
const struct relation *scope_relation(const struct name_scope *ns, const char *schema, const char *name);
const struct relation *relation_find(struct lineage *l, const PgQuery__RangeVar *rv);
struct taint relation_read(struct lineage *l, const struct relation *r, unsigned i, bool only);
/* Where the rows of a temporary table lie tells how long its values are: what shows it, shows this. */
void lineage_place(struct lineage *l, const struct relation *r, struct colset *out);
unsigned item_ncols(const struct item *it);
const char *item_name(const struct item *it, unsigned i);
struct taint item_taint(struct lineage *l, const struct item *it, unsigned i);
struct taint item_row(struct lineage *l, const struct item *it);
/* How many columns of that name (system columns count); *t is the last one's. */
unsigned item_find(struct lineage *l, const struct item *it, const char *name, struct taint *t);
void namespace_add(struct lineage *l, struct namespace_ *ns, struct visible v);
struct item *scope_item(
	struct lineage *l, const struct scope *sc, const char *schema, const char *name, int location);
bool scope_column(struct lineage *l, const struct scope *sc, const char *name, int location, struct taint *t);
struct taint column_ref(struct lineage *l, struct scope *sc, const PgQuery__ColumnRef *r);
/* For alias.*, schema.rel.*: the item; NULL with a problem set. */
struct item *column_ref_item(struct lineage *l, struct scope *sc, const PgQuery__ColumnRef *r);

/* ---- from.c, join.c ---- */
void from_clause(struct lineage *l, struct scope *sc, PgQuery__Node **items, size_t n);
struct item *from_item(struct lineage *l, struct scope *sc, const PgQuery__Node *n, struct namespace_ *ns);
struct item *from_join(
	struct lineage *l, struct scope *sc, const PgQuery__JoinExpr *j, struct namespace_ *ns);
struct item *from_function(struct lineage *l, struct scope *sc, const PgQuery__RangeFunction *f);
void item_alias(struct lineage *l, struct item *it, const PgQuery__Alias *alias);
struct item *item_of_relation(struct lineage *l, const PgQuery__RangeVar *rv, const struct relation *r);

/* ---- select.c, setop.c, cte.c ---- */
void query(struct lineage *l, struct scope *outer, const PgQuery__Node *n, struct outputs *out);
void select_query(struct lineage *l, struct scope *outer, const PgQuery__SelectStmt *q, struct cte *self,
	struct outputs *out);
void select_set(struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, struct cte *self,
	struct outputs *out);
void select_values(struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, struct outputs *out);
void select_targets(struct lineage *l, struct scope *sc, PgQuery__Node **list, size_t n, struct outputs *out);
void select_window(struct lineage *l, struct scope *sc, const PgQuery__WindowDef *w);
void sort_by(struct lineage *l, struct scope *sc, const PgQuery__Node *n, const char *where);
void with_clause(struct lineage *l, struct scope *sc, const PgQuery__WithClause *w);
bool is_bare_name(const PgQuery__Node *n); /* the column reference "name" */
/* Which entries of its GROUP BY decide nothing beside the others; NULL: none. */
bool *grouped_by_key(struct lineage *l, const struct scope *sc, const PgQuery__SelectStmt *q);
struct cte *cte_find(struct lineage *l, struct scope *sc, const char *name);

/* ---- ask.c ---- */
/* The WHERE of query q. */
void ask_where(struct lineage *l, struct scope *sc, const void *q, const PgQuery__Node *n);
struct array_arg array_arg_of(const PgQuery__Node *n);

/* ---- aggregate.c ---- */
/* FROM was read: what q's level is for aggregates; then what HAVING says of every group. */
void aggregate_level(struct scope *sc, const PgQuery__SelectStmt *q);
void aggregate_floors(struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q);
void aggregate_having(struct lineage *l, struct scope *sc, const PgQuery__Node *having);
/* Whether f is an aggregate that cannot fail on arg, its only argument; *from is what its result then shows.
 */
bool aggregate_call(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, const struct taint *arg,
	struct colset *from);

/* ---- expr*.c ---- */
struct taint expr(struct lineage *l, struct scope *sc, const PgQuery__Node *n);
void predicate(struct lineage *l, struct scope *sc, const PgQuery__Node *n, const char *where);
/* Of operands of which any may be skipped: each is a use unless all the others are calm. */
void use_lazy(struct lineage *l, const struct taint *v, size_t n, const char *where);
struct taint expr_operator(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e);
struct taint expr_sublink(struct lineage *l, struct scope *sc, const PgQuery__SubLink *s);
struct taint expr_call(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f);
bool call_stands_apart(
	const PgQuery__FuncCall *f); /* an aggregate, a window function, one that gives rows or acts */
struct taint expr_cast(struct lineage *l, struct scope *sc, const PgQuery__TypeCast *c);
struct taint expr_indirection(struct lineage *l, struct scope *sc, const PgQuery__AIndirection *ind);
void expr_indirection_star(
	struct lineage *l, struct scope *sc, const PgQuery__AIndirection *ind, struct outputs *out);
struct taint expr_json(struct lineage *l, struct scope *sc, const PgQuery__Node *n);
/* In FROM: their columns. */
void json_table(struct lineage *l, struct scope *sc, const PgQuery__JsonTable *t, struct outputs *o);
void xml_table(struct lineage *l, struct scope *sc, const PgQuery__RangeTableFunc *t, struct outputs *o);
/* What the operator may do; an opaque one is noted. An operand of which nothing is known, or that it does not
 * have: NULL. */
enum function_class operator_judge(struct lineage *l, PgQuery__Node **name, size_t n, int location,
	const struct taint *left, const struct taint *right);
/* Whether an operator outside pg_catalog may be meant. */
bool operator_others(
	const struct lineage *l, const char *name, const struct taint *left, const struct taint *right);
/* Whether anybody but initdb and extensions known to be pure made an operator of that name. */
bool operator_users(const struct lineage *l, const char *name);
enum function_class operator_named(struct lineage *l, const char *name, int location);
/* Checks that a user's function does not take the place of a name that the grammar took for its own. */
void function_shadow(struct lineage *l, const char *name);

/* ---- total.c ---- */
struct argument {         /* of a call */
	const char *name; /* NULL: by its place */
	struct taint t;
};
struct total { /* what a call gives that cannot fail */
	bool yes;
	uint32_t type;
	bool odd;
	bool keyed; /* it may fail on the first argument, whatever the others are */
	unsigned size;
};
/* Of the function of pg_catalog, nobody else's. */
struct total total_call(
	const struct lineage *l, const char *name, const PgQuery__FuncCall *f, const struct argument *v);
/* places.c: the parts of what a function of pg_catalog makes that cannot fail; NULL: not known. */
const struct json_places *places_of_call(
	struct lineage *l, const char *name, const PgQuery__FuncCall *f, const struct argument *args);
const struct json_places *places_of_operator(
	struct lineage *l, const char *name, const struct taint *left, const struct taint *right);
/* What a function of pg_catalog gives that may fail, and whose values are never long; 0: not known. */
uint32_t total_short(const char *name);
/* As total_call. */
struct total total_operator(
	const struct lineage *l, const char *name, const struct taint *left, const struct taint *right);
/* Whether the type's own output functions cannot fail on it, so that it has a text and a JSON. */
bool taint_prints(const struct lineage *l, const struct taint *t);
unsigned taint_json_size(const struct taint *t); /* its size when it is part of a document */
bool taint_makes_jsonb(const struct lineage *l, const struct taint *t);
bool taint_of_type(const struct lineage *l, const struct taint *t, const char *name); /* or a domain of it */
const char *total_string(const PgQuery__Node *n); /* a short constant; NULL: something else */
bool total_integer(const PgQuery__Node *n, int32_t *value);

/* ---- body.c ---- */
/* Whether a call with these arguments may mean f. */
bool body_fits(const struct function *f, const struct argument *v, size_t n, bool variadic);
/* What f, which is in LANGUAGE sql, gives when called so: a column of out for each of its own. What it does
 * is noted. false: not understood, which is no problem of the statement's yet. */
bool body_follow(struct lineage *l, const struct function *f, const struct argument *v, size_t n,
	bool variadic, struct outputs *out);
/* The columns that f gives in FROM, 0: not known; a name that is NULL is the alias, or the function's. */
unsigned function_shape(struct lineage *l, const struct function *f, const char *const **names);
/* A parameter of the function that is being followed, by name or number. */
bool body_parameter(struct lineage *l, const char *name, int number, struct taint *t);
const char *label_of(struct lineage *l, const PgQuery__Node *n); /* once expr() has seen n */

/* ---- deed*.c: what the statement does ---- */
/* Adds to what is there; true: it was not there, or not all of it. */
bool deed_add(struct lineage *l, struct deed d);
/* To nothing that has a name, unless the statement does it to something that has. */
static inline void deed_plain(struct lineage *l, uint64_t effects)
{
	l->plain_effects |= effects;
}
/* Whatever there may be is concerned, by (name not NULL) this function. */
void deed_unknown(struct lineage *l, uint64_t effects, const char *schema, const char *name);
/* With what is below it and what goes with it, and the code of its owner that runs then. */
void deed_relation(struct lineage *l, const struct relation *r, uint64_t effects, bool whole);
/* What a materialized view is made anew by. */
void deed_refresh(struct lineage *l, const struct relation *r);
/* The relation, or (name NULL) all in the schema, is called otherwise from then on. */
void deed_escapes(struct lineage *l, const char *schema, const char *name);
void deed_named(struct lineage *l, const char *schema, const char *name, uint64_t effects, bool whole);
/* All of statement n, once everything else about it is known; and what is within it. */
void deeds_of(struct lineage *l, const PgQuery__Node *n);
/* Of a part, or of a body that the statement runs. followed: the lineage knows what is called there. */
void deeds_walk(struct lineage *l, const PgQuery__Node *n, bool followed);
void deeds_of_inner(struct lineage *l, const struct statement *in, bool runs);
void deeds_finish(struct lineage *l);
/* Of a statement that is no query nor a change of rows: true; and its effects. */
bool deed_of_kind(struct lineage *l, const PgQuery__Node *n, uint64_t *effects);
void deed_of_copy(struct lineage *l, const PgQuery__CopyStmt *c);
void deed_call(struct lineage *l, const PgQuery__FuncCall *f, bool followed);
uint64_t deed_of_builtin(const char *name); /* of a function of pg_catalog */
/* Whether a WHERE says which rows of r, called rv, it means. alone: no other relation's columns are seen. */
bool where_says_rows(struct lineage *l, const PgQuery__RangeVar *rv, const struct relation *r,
	const PgQuery__Node *where, bool alone);
/* Whether an INSERT … ON CONFLICT DO UPDATE does, by its VALUES or by the condition of what it does. */
bool insert_says_rows(struct lineage *l, const PgQuery__InsertStmt *q);

/* ---- tells.c ---- */
/* Whether what is wrong with the names of n, a statement, may be asked of the server. */
bool server_tells(const struct lineage *l, const PgQuery__Node *n);

/* ---- fallback.c ---- */
/* The statement leaves the column to its default; c may be NULL. */
void fallback_column(struct lineage *l, const struct relation *r, const struct column *c);
bool is_default(const PgQuery__Node *n); /* the word DEFAULT */
/* All columns that get theirs from the statement; it has values for nvalues. */
void fallback_insert(
	struct lineage *l, const struct relation *r, const PgQuery__InsertStmt *q, unsigned nvalues);
void fallback_merge(struct lineage *l, const struct relation *r, const PgQuery__MergeWhenClause *w);
void fallback_copy(struct lineage *l, const struct relation *r, const PgQuery__CopyStmt *c);

/* ---- typename.c ---- */
struct type_ref { /* a type that the statement names */
	const char *name;
	uint32_t oid; /* 0: an array of a user's type */
	bool simple;  /* and no domain, which may have a collation */
	const struct type *foreign;
};
/* false: a problem was set. An opaque type is noted. */
bool typename_judge(struct lineage *l, const PgQuery__TypeName *t, struct type_ref *out);
bool type_citext(const struct catalog *c, uint32_t oid);
/* Whether it is, or may be, a type with functions of its own that are not known to be pure. Quiet; one that
 * nobody knows is none. */
/* Whether text, which is read as a type's name when the statement runs, is one of pg_catalog's. */
bool typename_reads_builtin(struct lineage *l, const char *text);
bool typename_foreign(const struct lineage *l, const PgQuery__TypeName *t);
bool type_simple(const struct catalog *c, uint32_t oid);
bool type_simple_builtin(uint32_t oid);
uint32_t type_base(const struct catalog *c, uint32_t oid); /* of a domain the type below */
/* Whether every value of from is one of to, but perhaps for its length. */
bool type_converts(const struct catalog *c, uint32_t from, uint32_t to);
bool type_grows(const struct catalog *c, uint32_t oid); /* its values may be long */
/* Known, and neither an array nor like one: whose arrays are made of any of its values. */
bool type_element(const struct catalog *c, uint32_t oid);
bool type_scalar(const struct catalog *c, uint32_t oid); /* known, and in FROM it gives one column */
/* NULL where all functions of the type are known to be pure. */
const struct type *type_foreign(const struct catalog *c, uint32_t oid);
const struct relation *type_row(const struct catalog *c, uint32_t oid); /* of a composite type */
uint32_t type_builtin(const char *name);                                /* pg_catalog's; 0: none */
uint32_t type_builtin_array(uint32_t element);                          /* 0: none */
/* Of an array of pg_catalog's types that are no rows: true. */
bool type_builtin_is_array(uint32_t oid);
uint32_t type_builtin_element(uint32_t array); /* 0: no array, or one of rows of no type */

/* ---- dml.c, utility.c ---- */
void insert_statement(
	struct lineage *l, struct scope *outer, const PgQuery__InsertStmt *q, struct outputs *out);
void update_statement(
	struct lineage *l, struct scope *outer, const PgQuery__UpdateStmt *q, struct outputs *out);
void delete_statement(
	struct lineage *l, struct scope *outer, const PgQuery__DeleteStmt *q, struct outputs *out);
void merge_statement(
	struct lineage *l, struct scope *outer, const PgQuery__MergeStmt *q, struct outputs *out);
void dml_store(struct lineage *l, const struct taint *t); /* a value goes into some column */
/* … into that one; to.relid 0: column name of what the statement makes. */
void dml_copy(struct lineage *l, const struct taint *t, struct colref to, const char *name);
void dml_set_list(struct lineage *l, struct scope *sc, const struct relation *r, PgQuery__Node **v, size_t n);
void dml_unassign(struct lineage *l, const struct relation *r); /* rows of it are deleted */
void dml_returning(struct lineage *l, struct scope *sc, const struct relation *r, PgQuery__Node **v, size_t n,
	struct outputs *out);
const struct relation *dml_target(struct lineage *l, const PgQuery__RangeVar *rv, bool inserts);
/* It gets one of so many constants of the text; 0: something else. */
void dml_assign(
	struct lineage *l, const struct relation *r, const char *column, int location, unsigned constants);
/* Any statement; sets kind and tag too. */
void statement_walk(struct lineage *l, const PgQuery__Node *n);
const char *lineage_lower(struct lineage *l, const char *name);
void utility_walk(struct lineage *l, const PgQuery__Node *n);
void utility_copy(struct lineage *l, const PgQuery__CopyStmt *c);
void utility_set(struct lineage *l, const PgQuery__VariableSetStmt *v);
void utility_explain(struct lineage *l, const PgQuery__ExplainStmt *x);
/* ddl_statement.c: false: it is none of those that are understood there. */
bool ddl_statement(struct lineage *l, const PgQuery__Node *n);
void ddl_new_name(struct lineage *l, const char *schema, const char *name, int location);
/* ddl_copy.c: likewise */
bool ddl_other(struct lineage *l, const PgQuery__Node *n);
void ddl_create_as(struct lineage *l, const PgQuery__CreateTableAsStmt *s);
void ddl_select_into(struct lineage *l, const PgQuery__Node *n);
/* ddl_code.c: what only a policy may let pass that lets code do anything. */
bool ddl_code(struct lineage *l, const PgQuery__Node *n);
/* ddl_any.c: the rest, without a look at what it does. */
bool ddl_any(struct lineage *l, const PgQuery__Node *n);
/* All relations that are named somewhere in the message count as used; lenient: what is not known is none. */
void ddl_names(struct lineage *l, const void *message, bool lenient);
/* unfollowed.c: n, which has a problem, may have none where nothing that it names is masked. */
void unfollowed(struct lineage *l, const PgQuery__Node *n);
struct statement *statement_inner(struct lineage *l, const PgQuery__Node *n);
const char *statement_tag(const PgQuery__Node *n); /* "CREATE TABLE" … */

#endif
