/* SPDX-License-Identifier: MIT */
/* catalog_ddl: the state of reading a schema text, private to sql/. */
#ifndef PGVEIL_SQL_CATALOG_DDL_H
#define PGVEIL_SQL_CATALOG_DDL_H

#include "sql/catalog_internal.h"

struct ddl {
	struct span text;
	struct catalog_builder *b;
	struct err *e;
	bool failed;
};

/* ---- catalog_ddl.c ---- */
int ddl_fail(struct ddl *d, const char *fmt, const char *name); /* the first one counts */
const char *ddl_schema(struct ddl *d, const char *schema);      /* "" is the default one */
struct draft_relation *ddl_find(struct ddl *d, const PgQuery__RangeVar *rv);
struct draft_column *ddl_column(struct ddl *d, struct draft_relation *r, const char *name);
struct type *ddl_add_type(struct ddl *d, const char *schema, const char *name, enum type_kind kind);
uint32_t ddl_type_known(struct ddl *d, const PgQuery__TypeName *t, int32_t *typmod); /* 0: not known */
uint32_t ddl_type(struct ddl *d, const PgQuery__TypeName *t, int32_t *typmod);
const char *ddl_name(PgQuery__Node **v, size_t n, const char **schema); /* schema "": none is said */

/* ---- ddl_function.c ---- */
struct function *ddl_function(struct ddl *d, PgQuery__Node **names, size_t n, char kind);
void ddl_create_function(struct ddl *d, const PgQuery__RawStmt *raw);

/* The default of a domain, as in struct column; NULL: it is none, or has none. */
const char *ddl_domain_fallback(const struct ddl *d, uint32_t type);

/* ---- ddl_table.c ---- */
/* n as the text has it, before the place limit (-1: none), where it calls what the text made; else NULL. */
const char *ddl_fallback(struct ddl *d, const PgQuery__Node *n, int limit);
bool ddl_calls(struct ddl *d, const PgQuery__Node *n); /* something that the schema text made */
void ddl_add_column(struct ddl *d, struct draft_relation *r, const PgQuery__ColumnDef *c);
void ddl_table(struct ddl *d, const PgQuery__CreateStmt *s, char kind);
void ddl_alter(struct ddl *d, const PgQuery__AlterTableStmt *s);
void ddl_index(struct ddl *d, const PgQuery__IndexStmt *s);
void ddl_rule(struct ddl *d, const PgQuery__RangeVar *rv);
void ddl_trigger(struct ddl *d, const PgQuery__CreateTrigStmt *t);

#endif
