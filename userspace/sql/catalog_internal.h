/* SPDX-License-Identifier: MIT */
/* catalog_internal: what a catalogue is made of and how one is put together, private to sql/. The rows of the
 * server (catalog_build.c) and DDL text (catalog_ddl.c) fill the same draft; catalog_finish() derives the
 * rest from it. */
#ifndef PGVEIL_SQL_CATALOG_INTERNAL_H
#define PGVEIL_SQL_CATALOG_INTERNAL_H

#include "pg_query/pg_query.pb-c.h"
#include "sql/catalog.h"

struct catalog {
	unsigned refs; /* atomic */
	uint64_t version;
	unsigned server; /* its major version; 0: not known */
	struct arena a;
	struct relation **by_name, **by_oid; /* by schema, name; by oid */
	unsigned nrelations;
	struct function **functions; /* by name */
	unsigned nfunctions;
	struct operator_ **operators; /* by name */
	unsigned noperators;
	struct type **types_by_name, **types_by_oid;
	unsigned ntypes;
	const char **schemas;
	unsigned nschemas;
	struct role *roles;
	unsigned nroles;
	bool event_triggers;
	struct colset numbered; /* what the columns show that get numbers of sequences */
	const char *code_digest;
};

struct role { /* that sessions log in as */
	uint32_t oid;
	const char *name; /* NULL: there is none with this oid */
	bool powerful;
	struct role_schema *schemas;
};

struct role_schema { /* one that it may use */
	struct role_schema *next;
	const char *name;
};

enum draft_state { DRAFT_NEW, DRAFT_BUSY, DRAFT_DONE };

struct draft_column {
	struct column c;
	const char *generated;               /* the expression's text */
	const PgQuery__Node *generated_node; /* or its tree */
	bool partition_key;
};

/* Members of one constraint have kind and id in common. */
enum member_kind {
	MEMBER_EQUAL,     /* the column of a unique index that has no other, nor a predicate */
	MEMBER_UNIQUE,    /* of a unique or exclusion index, its expressions and predicate included */
	MEMBER_CHECK,     /* of a CHECK constraint */
	MEMBER_SOURCE,    /* what a generated column is made of … */
	MEMBER_GENERATED, /* … and it: the same id */
	MEMBER_POLICY,    /* of a policy of the relation that is the id */
};

struct member {
	enum member_kind kind;
	uint32_t id;
	struct colref column; /* attnum 0: the whole row */
};

struct foreign_key { /* one pair of columns of it */
	uint32_t id;
	struct colref from, to;
	char on_delete, on_update;
};

struct draft_relation {
	struct relation r; /* first, so that one is the other; cols is filled at the end */
	struct draft_column *cols;
	unsigned ncols, cap;
	const char *definition;               /* views: the text */
	const PgQuery__Node *definition_node; /* or its tree */
	PgQuery__Node **aliases;              /* of definition_node's columns */
	size_t naliases;
	enum draft_state state;
};

struct pointers { /* a growing list in the catalogue's arena */
	void **v;
	unsigned n, cap;
};

struct edge {
	uint32_t child, parent;
};

struct draft_policy { /* of row security, of a table */
	uint32_t relid;
	const char *definition; /* a SELECT with its conditions */
	bool made;              /* what users made is in them */
};

struct catalog_builder {
	struct catalog *c;
	struct pointers relations, functions, operators, types, schemas;
	struct pointers members, keys; /* struct member, struct foreign_key */
	struct pointers sequences;     /* struct member: a column that gets the numbers of sequence id */
	struct pointers policies;      /* struct draft_policy */
	struct edge *edges;
	unsigned nedges, edges_cap;
	const struct draft_relation *last; /* where the last column went */
	struct type *last_type;            /* where the last label went */
	unsigned last_function;            /* where the last parameter went */
	const char *const *path;           /* for definition_node */
	const char *temp;                  /* where the definitions' bare names may be too */
	unsigned npath;
	bool derive_columns; /* views: columns come from the definition */
	unsigned depth;
	uint32_t next_oid;
	bool oom;
};

/* All return NULL or false when out of memory. */
struct draft_relation *draft_relation(
	struct catalog_builder *b, uint32_t oid, const char *schema, const char *name, char kind);
struct draft_relation *draft_find(struct catalog_builder *b, uint32_t oid);
struct draft_column *draft_column(
	struct catalog_builder *b, struct draft_relation *r, const char *name, int16_t attnum);
bool draft_add(struct catalog_builder *b, struct pointers *p, void *what);
bool draft_edge(struct catalog_builder *b, uint32_t child, uint32_t parent);
void draft_indexed(struct draft_relation *r, int16_t attnum); /* 0: all */
bool draft_member(struct catalog_builder *b, enum member_kind kind, uint32_t id, struct colref column);
bool draft_key(struct catalog_builder *b, struct foreign_key key);
bool draft_label(struct catalog_builder *b, struct type *t, const char *label);
/* While functions are in the order of their oids; NULL: none. */
const struct function *draft_function(const struct catalog_builder *b, uint32_t oid);
/* A trigger of d calls f; NULL: something that is not known. */
void draft_trigger(struct catalog_builder *b, struct draft_relation *d, const struct function *f);
bool draft_parameter(struct catalog_builder *b, struct function *f, struct parameter p);
/* One SET clause of a function, as pg_proc.proconfig has it: "search_path=app, public". */
void draft_setting(struct catalog_builder *b, struct function *f, const char *text, size_t n);
MUSTCHECK int catalog_finish(struct catalog_builder *b, struct err *e);
/* catalog_views.c: generated columns and views, once everything has its place. */
void catalog_resolve_generated(struct catalog_builder *b);
void catalog_resolve_views(struct catalog_builder *b);
void catalog_resolve_policy_code(struct catalog_builder *b); /* when views are resolved */
/* catalog_constraint.c */
void catalog_resolve_sources(struct catalog_builder *b);     /* a generated column shows all of its sources */
void catalog_resolve_constraints(struct catalog_builder *b); /* against, beside, references */
void catalog_resolve_policies(struct catalog_builder *b);    /* again when views are resolved */
void catalog_sort(struct catalog *c);
/* catalog_system.c */
bool system_schema(const char *schema);
bool system_sensitive(const char *schema, const char *relation, const char *column);
bool system_written(const char *relation, const char *column);

#endif
