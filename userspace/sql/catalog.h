/* SPDX-License-Identifier: MIT */
/* catalog: a snapshot of one database's relations, columns, types, inheritance, views, functions and
 * operators, as the engine's role sees it. Immutable and shared once built; never asks the server anything
 * (ctl feeds it). */
#ifndef PGVEIL_SQL_CATALOG_H
#define PGVEIL_SQL_CATALOG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sql/colset.h"

#define FIRST_USER_OID 16384 /* what is below initdb made */

struct catalog; /* refcounted */
struct lineage;
struct function;
struct deed;

struct opaque {                          /* something that is called and not known to be pure */
	const char *name;                /* "public.f" */
	const struct function *function; /* NULL: an operator, a type, a cast, or one of pg_catalog */
};

struct column {
	const char *name;
	const char *remote; /* of a foreign table, its name there; else NULL */
	int16_t attnum;
	uint32_t type_oid;  /* as declared */
	uint32_t base_type; /* with domains resolved */
	int32_t typmod;
	/* Constraints: whether a write succeeds depends on values that are there already. against: the
	 * columns that share a unique or exclusion index or a foreign key with it, itself included; values of
	 * any row. beside: those that share a CHECK or a generated column with it; values of the row that is
	 * changed. */
	struct colset against, beside;
	bool equal;   /* against is the column alone, by unique indexes of nothing else: all that they tell is
			 whether a value is there */
	bool checked; /* a CHECK reads it, or a generated column is made of it */
	bool indexed; /* of an index, or one of the relation has an expression or a predicate */
	bool code;    /* of a domain, or with one inside, whose CHECK or default calls what users made */
	bool sensitive; /* of pg_catalog, and carries values of other columns (pg_statistic.stavalues1 …) */
	bool written;   /* of a system schema: a text or a tree that DDL wrote, with whatever constants */
	/* What reading the column may reveal beside itself: a generated column's sources, a view column's
	 * lineage. Already transitive; never contains the column itself. */
	struct colset from;
	bool direct; /* a view column that copies exactly one column of from (then type and typmod are that
			column's) */
	/* All that a read of the column shows: itself, from, and the same of the columns of that name in all
	 * children. */
	struct colset read;
	bool simple;   /* of a text, number, bool, date, uuid or enum type and the default collation: what is
			  total is total on it */
	bool collated; /* has a collation of its own */
	bool generated;
	const char *fallback; /* the text of its default, where that calls what users made; else NULL */
	struct colset named;  /* columns that the text of this code names, and of what it names */
	bool key;             /* of the primary key, which is none that may be violated for a while */
	bool partition_key;   /* or the relation's key is an expression */
	bool calm;            /* a view column whose evaluation cannot fail */
	const char *foreign; /* "schema.type" where its type has functions of its own that are not known to be
				pure */
};

struct reference { /* a foreign key of another relation (or of the same) that points at this one */
	uint32_t relid;
	struct colset to, from;    /* columns of this one and of relid */
	char on_delete, on_update; /* a c n d r, as in pg_constraint */
};

struct relation {
	uint32_t oid;
	const char *schema, *name;
	const char *remote_schema, *remote_name; /* of a foreign table, where it is; else NULL */
	char kind;                               /* pg_class.relkind: r v m f p S t i c */
	uint16_t ncols;
	struct column *cols; /* by attnum, dropped ones left out */
	bool triggers;       /* user triggers that fire on DML */
	bool rules;          /* rewrite rules other than a view's _RETURN */
	bool row_security;   /* policies run expressions of their own … */
	bool loud;           /* … which may do something, beside what they are known to call */
	/* Writing it runs code of users beside triggers: of a policy, a CHECK, an index, a domain, a default
	 * … */
	bool code;
	bool owned_code; /* … without what its policies call (those are in opaque, or loud) */
	const struct function *
		*triggered; /* what its triggers call, outside pg_catalog; ntriggered 0: not known */
	unsigned ntriggered;
	bool computes; /* … a default, a generated column or a cast to a column's type: what is stored is
			  theirs */
	bool system;   /* in pg_catalog, information_schema or pg_toast */
	/* Views and materialized views: what the definition uses otherwise than as an output (WHERE, joins
	 * …); tables: what their row security policies read. problem is not NULL where the definition was not
	 * understood, and then any use of the view is refused. */
	struct colset uses;
	const char *problem;
	uint32_t *below; /* views: the relations that the definition reads, all levels */
	unsigned nbelow;
	struct opaque *opaque; /* views: what the definition calls and is not known to be pure */
	unsigned nopaque;
	/* Views: what the definition does to what it names, and what the functions do that it calls; tables:
	 * what those of their row security policies do. Of one level. */
	struct deed *deeds;
	unsigned ndeeds;
	bool settings; /* … and it shows, or asks about, settings of nobody's */
	bool follows; /* views, and tables with policies: the definition calls functions that were followed */
	uint32_t *parents, *children; /* inheritance and partitions, all levels */
	unsigned nparents, nchildren;
	bool own; /* the engine's role may drop it, or its schema's owner, which it is: it may put another
		     there */
	bool had_children; /* the server still takes it for a parent (pg_class.relhassubclass) */
	struct reference *references;
	unsigned nreferences;
	const char *digest; /* another one after any change of its definition; NULL: not known */
};

struct parameter {        /* of a function */
	const char *name; /* "" where it has none */
	char mode;        /* as in pg_proc.proargmodes: i o b v t */
	uint32_t type;
};

struct function { /* outside pg_catalog; pg_catalog's are judged by sql/function.h */
	uint32_t oid;
	const char *schema, *name;
	const char *extension;  /* NULL: none */
	char kind;              /* pg_proc.prokind: f p a w */
	bool returns_composite; /* or a pseudo-type: without OUT parameters its columns in FROM are not known
				 */
	bool returns_set;
	uint32_t returns;
	struct parameter *parameters;
	unsigned nparameters, ndefaults;
	bool strict, definer, immutable, volatile_;
	/* LANGUAGE sql: the text of its statements; NULL otherwise. made: the statement that makes it, where
	 * its body (BEGIN ATOMIC, RETURN) or its defaults are only there; the names in it mean what made_path
	 * says. */
	const char *body, *made;
	const char *const *made_path;
	unsigned nmade_path;
	/* Its own SET clauses: settings that change what its text means make it odd. */
	const char *const *path; /* of search_path; NULL: it has none */
	unsigned npath;
	const char *const *sets; /* the names of the others */
	unsigned nsets;
	bool odd;
};

struct operator_ { /* outside pg_catalog */
	const char *schema, *name;
	const char *extension; /* of its function; NULL: none */
	uint32_t left, right;  /* types; 0: no such operand, or not known */
};

enum type_kind { TYPE_BASE, TYPE_COMPOSITE, TYPE_DOMAIN, TYPE_ENUM, TYPE_RANGE, TYPE_PSEUDO };

struct type {
	uint32_t oid;
	const char *schema, *name;
	const char *extension;
	enum type_kind kind;
	uint32_t base;       /* domains: the type below, all levels resolved */
	int32_t typmod;      /* domains: of that type; -1: none */
	uint32_t elem;       /* arrays: of what; 0: not an array */
	char delim;          /* what stands between two elements of an array of it in text */
	bool multi;          /* TYPE_RANGE: a multirange */
	const char **labels; /* enums: in their order */
	unsigned nlabels;
	bool checked;         /* a domain with a CHECK constraint (at any level) */
	const char *fallback; /* a domain of a schema text: its default, as a column's */
	bool code;            /* a domain whose CHECK or default (at any level) calls what users made */
	bool cast;            /* a cast from or to it calls what users made */
	bool recast;          /* of pg_catalog, and so does a cast to it that must be asked for */
	bool stores;          /* such a cast runs where a value is put into a column of it */
};

/* ---- reading ---- */
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c);             /* NULL is fine */
bool catalog_shared(const struct catalog *c);      /* somebody else has a reference too */
size_t catalog_bytes(const struct catalog *c);     /* of memory */
uint64_t catalog_version(const struct catalog *c); /* no two catalogs of one process share it */
unsigned catalog_server(const struct catalog *c);  /* PostgreSQL's major version; 0: not known */
const struct relation *catalog_relation(const struct catalog *c, const char *schema, const char *name);
const struct relation *catalog_relation_by_oid(const struct catalog *c, uint32_t oid);
/* Calls fn for every relation until it returns false. */
void catalog_each_relation(
	const struct catalog *c, bool (*fn)(void *arg, const struct relation *r), void *arg);
const struct column *relation_column(const struct relation *r, const char *name);
const struct column *relation_column_by_attnum(const struct relation *r, int16_t attnum);
/* Whether the engine's role may use a schema. */
bool catalog_schema_exists(const struct catalog *c, const char *schema);
/* A role that a session logged in as, by its oid and the name it had then. */
enum catalog_role {
	ROLE_UNKNOWN = 0, /* not asked for when this catalogue was read */
	ROLE_GONE,        /* dropped or renamed since */
	ROLE_POWERFUL,    /* can reach data past what a statement says: ROLE_POWERS */
	ROLE_PLAIN,
};
enum catalog_role catalog_role(const struct catalog *c, uint32_t oid, const char *name);
bool catalog_schema_usable(const struct catalog *c, uint32_t role, const char *schema);
/* The n-th (from 0) function / operator of that name outside pg_catalog in any schema; NULL past the last. */
const struct function *catalog_function(const struct catalog *c, const char *name, unsigned n);
const struct operator_ *catalog_operator(const struct catalog *c, const char *name, unsigned n);
/* Whether anybody but initdb and extensions known to be pure made functions. */
bool catalog_has_code(const struct catalog *c);
/* Another one after any change of a function, operator, cast, domain or event trigger that users made; NULL:
 * not known, or there is none. */
const char *catalog_code_digest(const struct catalog *c);
/* What numbers of sequences may be values of: the columns that get theirs from one. */
const struct colset *catalog_numbered(const struct catalog *c);
bool catalog_has_event_triggers(const struct catalog *c); /* code runs when something is defined */
const struct type *catalog_type(const struct catalog *c, const char *schema, const char *name);
const struct type *catalog_type_by_oid(const struct catalog *c, uint32_t oid);

/* What oid is an array of; 0: no array. Knows the built-in arrays also where the catalogue is one of
 * catalog_from_ddl. */
uint32_t catalog_type_element(const struct catalog *c, uint32_t oid);
/* The columns that a composite type, or a domain over one, has as its fields. NULL: no such type. */
const struct relation *catalog_type_row(const struct catalog *c, uint32_t oid);
/* The type (of oid, or inside it: element, field, base) whose own functions are not known to be pure; NULL:
 * none. */
const struct type *catalog_type_foreign(const struct catalog *c, uint32_t oid);
/* Whether a type of that name in any schema is such a one. */
bool catalog_names_foreign(const struct catalog *c, const char *name);

/* ---- building ---- */
/* What to ask the server, one query after another on one connection inside one REPEATABLE READ transaction
 * with search_path = pg_catalog; all results in text format. */
unsigned catalog_query_count(void);
const char *catalog_query(unsigned i);
/* All of them as one, so that they see the same moment whatever transaction they run in: a row is the
 * number of its query and CATALOG_CELLS_MAX cells, those past the query's own NULL. NULL: no memory. */
#define CATALOG_CELLS_MAX 15
const char *catalog_query_all(struct arena *a);
unsigned catalog_query_cells(unsigned i);
/* Roles r of pg_roles that a judged session may neither be nor be able to become. Qualified: it is also asked
 * where the search_path is anybody's. */
#define ROLE_POWERS                                                                                          \
	"(r.rolsuper OR r.rolreplication OR r.rolbypassrls OR r.rolname OPERATOR(pg_catalog.=) ANY "         \
	"('{pg_read_server_files,pg_write_server_files,pg_execute_server_program}'::pg_catalog.name[]))"
/* In the same transaction, where sessions log in as roles of their own: which schemas these may use (rows for
 * catalog_builder_role), and a value that changes when these rows do. NULL: no memory. */
const char *catalog_roles_query(struct arena *a, const uint32_t *roles, unsigned n);
const char *catalog_roles_fingerprint_query(struct arena *a, const uint32_t *roles, unsigned n);
/* One row whose value changes when any DDL was committed (cheap: xmin of the catalogue rows, not their
 * contents). */
const char *catalog_fingerprint_query(void);

/* Whether a column of a relation of the system tells how many rows something has, or how many were read. */
bool catalog_counts(const char *relation, const char *column);

struct catalog_builder;
MUSTCHECK int catalog_builder_new(struct catalog_builder **out, struct err *e);
void catalog_builder_free(struct catalog_builder *b);
/* Of the session whose connection the rows come over: definitions call its temporary objects by their bare
 * names. Borrowed until catalog_builder_finish. */
void catalog_builder_temp(struct catalog_builder *b, const char *schema);
/* One row of the result of catalog_query(i). NULL cells have .p == NULL. -EPROTO: not what the query gives.
 */
MUSTCHECK int catalog_builder_row(
	struct catalog_builder *b, unsigned i, const struct span *cells, unsigned n, struct err *e);
/* The roles that are asked for, before their rows. */
MUSTCHECK int catalog_builder_roles(
	struct catalog_builder *b, const uint32_t *roles, unsigned n, struct err *e);
MUSTCHECK int catalog_builder_role(
	struct catalog_builder *b, const struct span *cells, unsigned n, struct err *e);
/* Resolves inheritance, domains, generated columns and views (by parsing their definitions). Frees b in every
 * case. */
MUSTCHECK int catalog_builder_finish(struct catalog_builder *b, struct catalog **out, struct err *e);
/* A catalogue from DDL text (CREATE SCHEMA/TABLE/VIEW/MATERIALIZED VIEW/TYPE/DOMAIN/FUNCTION, ALTER TABLE …
 * ADD CONSTRAINT, other statements ignored where harmless), for `pgveil policy test|explain` and the golden
 * tests. pg_catalog's relations are not in it. Oids are made up, from 16384. */
MUSTCHECK int catalog_from_ddl(struct catalog **out, struct span ddl, struct err *e);

#endif
