/* SPDX-License-Identifier: MIT */
/* analyze: text → statements → for each, what it shows, uses, writes and calls. Knows nothing of policies: it
 * says which columns are where, and judging is somebody else's. What it does not understand it says so; it
 * never guesses. */
#ifndef PGVEIL_SQL_ANALYZE_H
#define PGVEIL_SQL_ANALYZE_H

#include "base/buf.h"
#include "sql/catalog.h"
#include "sql/deed.h"

#define ANALYZE_TEXT_MAX  ((size_t)262144) /* bytes of statement text; 54000 beyond */
#define ANALYZE_DEPTH_MAX 1000             /* upper bound of the parse tree's depth; 54001 beyond */

/* Where names are looked up: the session's effective search_path without pg_catalog, which always comes
 * first, but for the session's own temporary schema: relations and types of that are looked for before all
 * others unless the path names it, functions and operators never. */
struct name_scope {
	const struct catalog *catalog;
	const char *const *path;
	unsigned npath;
	const char *temp;   /* pg_temp_N, of this session; NULL: it has none */
	bool temp_in_path;  /* it stands in path, and is looked at in its turn */
	bool temp_doubtful; /* code of the database's own may have written into its tables */
	/* No code of the database's own ran in this session since its login: a setting of nobody's holds what
	 * the session itself put there, or its default. */
	bool own_settings;
	/* Of a text that runs under a path which nobody knows here: functions, operators and types of any
	 * schema may be meant, and a relation without a schema is not known. */
	bool any;
	/* Of a text that was resolved when it was made: what it calls runs under another path. */
	bool made;
	/* Some schemas of the path may not count: a relation must be in one of them only. */
	bool unsure;
	/* What is not understood may run where it names nothing that is masked; the statement is apart then.
	 */
	bool unfollowed;
	/* Functions that are said to depend on their arguments only. */
	const struct function *const *trusted;
	unsigned ntrusted;
	/* For a SET search_path in the text, which counts for the statements behind it: what "$user" stands
	 * for (NULL: not known), and who looks for schemas (0: the catalogue's own role). */
	const char *user;
	uint32_t role;
};

#define STATEMENT_KINDS(X)                                                                                   \
	X(OTHER, "other") /* nothing below: utility statements that nobody classified */                     \
	X(EMPTY, "empty")                                                                                    \
	X(SELECT, "select") /* also VALUES and TABLE */                                                      \
	X(INSERT, "insert")                                                                                  \
	X(UPDATE, "update")                                                                                  \
	X(DELETE, "delete")                                                                                  \
	X(MERGE, "merge")                                                                                    \
	X(TRANSACTION, "transaction") /* BEGIN COMMIT ROLLBACK SAVEPOINT …, not PREPARE TRANSACTION */     \
	X(SET, "set")                 /* SET, RESET, SET TRANSACTION, SET SESSION CHARACTERISTICS */         \
	X(SHOW, "show")                                                                                      \
	X(EXPLAIN, "explain")                                                                                \
	X(PREPARE, "prepare")                                                                                \
	X(EXECUTE, "execute")                                                                                \
	X(DEALLOCATE, "deallocate")                                                                          \
	X(DECLARE, "declare")                                                                                \
	X(FETCH, "fetch") /* and MOVE */                                                                     \
	X(CLOSE, "close")                                                                                    \
	X(LISTEN, "listen")                                                                                  \
	X(UNLISTEN, "unlisten")                                                                              \
	X(LOCK, "lock")                                                                                      \
	X(NOTIFY, "notify")                                                                                  \
	X(COPY_OUT, "copy_out") /* TO STDOUT */                                                              \
	X(COPY_IN, "copy_in")   /* FROM STDIN */                                                             \
	X(DEFINE, "define")     /* of objects: CREATE TABLE … */                                           \
	X(DISCARD, "discard")
#define X(name, word) STATEMENT_##name,
enum statement_kind { STATEMENT_KINDS(X) };
#undef X
const char *statement_kind_name(enum statement_kind k);

/* A part of a JSON document that the statement makes: what columns it is of. */
struct json_place {
	const char *path; /* SQL/JSON, lax: $[*]."ssn" */
	struct colset from;
	bool text; /* an unchanged copy of a text */
};
struct json_places {
	const struct json_place *v;
	unsigned n;
};
#define JSON_PLACES_MAX 64

struct output {             /* one result column */
	const char *name;   /* label, where known; else "" */
	struct colset from; /* base columns whose values it may reveal */
	bool direct; /* an unchanged copy of one column per row: a column's own mask fits. The source columns
			are in from */
	/* This column as it is in a row of the one table that the statement's FROM has: all outputs that
	   have it are of the same row. relid 0: nobody knows. */
	struct colref own;
	uint32_t type;  /* 0: not known */
	int32_t typmod; /* where direct and the same for all of from; else -1 */
	/* Not NULL: a JSON document, all of whose parts that show anything of the columns in from are
	   these. Parts may be named twice, with what either may be. */
	const struct json_places *places;
};

struct explain_options {
	bool analyze;  /* the statement runs */
	bool settings; /* settings are shown that code may have set */
	bool measures; /* SERIALIZE: how long the values are is shown */
};

/* How COPY TO writes its rows. */
struct copy_options {
	bool csv, binary, header;
	char delimiter, quote, escape;
	const char *null;
	bool quote_all;      /* FORCE_QUOTE * */
	const char **quoted; /* FORCE_QUOTE: names of output columns */
	unsigned nquoted;
	bool null_doubtful; /* a value may be written just as NULL is: who chooses it asks for the value */
	/* Not NULL: what of them, or of the relation, leaves open how the rows look. */
	const char *odd;
};

struct use { /* a column whose value decides something or feeds something that may fail */
	struct colref column;
	const char *where; /* "WHERE", "ORDER BY", "an argument of substr()", … */
	bool asked;        /* only so as the statement's asks say */
	unsigned target;   /* not 0: only in that one of the statement's targets, counted from 1 */
};

/* An entry of a SELECT or RETURNING list in the statement's text that uses something. */
struct target {
	int location;
	const char *label; /* what its column is called */
	bool named;        /* by the text */
};
#define TARGETS_MAX 64 /* of one statement */

/* A condition that the statement's own WHERE adds by AND: a column is equal to one of some constants
 * (sql/ask.c says what that tells). constants is the same whatever free constants the text has. */
struct ask {
	struct colset columns; /* those that the compared values may be of */
	unsigned constants;
	unsigned param; /* not 0: beside those the elements of parameter $param */
};

/* A value that is put, as it is, into a column: of the relation relid, or (0) the one called name of what the
 * statement makes. What is computed first is in statement.stored. */
struct copy {
	struct colset from;
	struct colref to;
	const char *name; /* "": not known */
	bool direct;      /* false: of a view, which shows what it computes */
};
#define COPIES_MAX 4096 /* of one statement; what is beyond counts as stored */

struct array_arg {         /* of EXECUTE, as an array */
	unsigned elements; /* at most so many; 0: not known */
	unsigned param;    /* not 0: it is parameter $param */
};

/* A plain constant that nothing of the analysis has looked at the value of, nor could the grammar: with any
 * other of its kind (a string, an int4) in its place everything said here is the same but positions. */
struct free_constant {
	int location;     /* of the constant, or of the minus before it */
	const char *text; /* a string; NULL: an integer */
	int number;
};
#define FREE_CONSTANTS_MAX 64

struct setting_change {    /* by set_config() */
	const char *name;  /* lower-cased */
	const char *value; /* NULL: not known here (a parameter), any is false where it is the default */
	bool any;
};
#define SETTING_CHANGES_MAX 32

/* A place of the statement's own text where a relation's rows are read by its name. */
struct mention {
	int location; /* of the name */
	uint32_t relid;
	bool only, alias;
	bool sample; /* TABLESAMPLE */
	bool copied; /* by COPY, the table itself … */
	bool listed; /* … with a list of columns */
};
/* "schema.relation.column" or "schema.relation.*": of a relation that FROM has under its own name. */
struct schema_ref {
	int location;
	uint32_t relid;
};
#define MENTIONS_MAX 4096 /* of one statement; what is beyond counts as elsewhere */

/* Names of relations, without schema. */
struct looked_up {
	const char **v;
	unsigned n; /* LOOKED_UP_MAX: or more */
};
#define LOOKED_UP_MAX 128

struct statement {
	enum statement_kind kind;
	const char *tag;   /* for messages: "CREATE TABLE", "DO", … */
	int location, len; /* in the text, bytes */
	/* Not NULL: not understood or never allowed for a judged caller; sqlstate then says what kind
	 * ("0A000" not understood, "42501" a class that is refused, "42P01"/"42703"/"42883" … a name that
	 * does not exist) and position is the 1-based character the server would name (0: none). */
	const char *problem;
	char sqlstate[6];
	int position;
	/* Not NULL: nothing is wrong with it where code may do anything; elsewhere this is what is. */
	const char *doubt;
	bool retry; /* the problem may go away with a newer catalogue (an unknown name) */
	bool tells; /* the problem is one that the server finds too when it analyses the statement, which runs
		       nothing of the database's own: it may be asked for its words */

	uint64_t effects;   /* of all its deeds */
	struct deed *deeds; /* without those of what it only prepares */
	unsigned ndeeds;

	bool rows; /* gives a result set … */
	bool open; /* … of columns that are not known, and there are no outputs; or none, if it may define */
	struct output *outputs;
	unsigned noutputs;
	struct use *uses;
	unsigned nuses;
	struct target *targets;
	unsigned ntargets;
	struct ask *asks;
	unsigned nasks;
	struct colset stored; /* columns whose values this statement writes elsewhere */
	struct copy *copied;  /* likewise, where it is known into which column */
	unsigned ncopied;
	struct colset assigned; /* target columns of INSERT, UPDATE, COPY FROM */
	struct colset tested; /* columns whose values decide whether what is written violates a constraint */
	struct colset paid;   /* … but here only by being equal to constants, as the statement's asks say */
	uint32_t *relations;  /* every relation read or written, views and what is below them included */
	unsigned nrelations;
	/* Where the text itself reads relations, and (attnum 0) those that are reached in any other way: by a
	   view or a function, as what is defined, locked or held against a foreign key. Neither has what is
	   only below a mentioned one as its children, nor what is written. */
	struct mention *mentions;
	unsigned nmentions;
	struct colset elsewhere;
	struct colset inserted; /* relations (attnum 0) that get rows, and nothing else is done to them … */
	struct colset changed;  /* … or whose rows change or go */
	struct colset placed;   /* whose system columns are named (ctid, tableoid …) */
	struct schema_ref *schema_refs; /* column references that name a schema */
	unsigned nschema_refs;
	bool locks_rows;            /* FOR UPDATE, FOR SHARE … */
	struct looked_up looked_up; /* along the search_path */
	struct colset named; /* … those alone that a name stands for (attnum 0), in what it calls too; row
				types as well. Without the system's and this session's temporary ones. */
	unsigned levels;     /* queries in it, one in another; of views only the mention */
	bool writes;
	bool defines; /* changes definitions that names resolve by … */
	/* … of these relations (attnum 0) alone; not listed: of any, and it is not known which. New ones are
	 * none of them. */
	bool listed;
	struct colset redefined;
	/* Names of relations that it makes, or takes away if they should be there. */
	struct looked_up claimed;
	bool makes_sequences; /* … and those of sequences, as the server chooses */
	bool copies;          /* … by a query, or changes nothing of what its relations are: what it stores
				 and uses is all that counts */
	bool drops_views;     /* takes views away, and changes nothing else */
	bool cascades;        /* … and what hangs on them */
	uint32_t *dropped;    /* they themselves, without what is below them */
	unsigned ndropped;
	/* Not NULL: what is not understood of it; it is apart, then. */
	const char *unfollowed;
	bool apart;            /* not understood as long as a relation of it has masked columns */
	const char *makes;     /* a relation of this name, which others may write to; NULL: none */
	char makes_kind;       /* … r v m, as pg_class.relkind */
	const char *makes_in;  /* … in this schema */
	bool temporary;        /* … of this session's temporary objects only */
	bool drops;            /* … and does nothing but take tables away */
	bool surveys;          /* VACUUM, ANALYZE: it counts and measures; without relations: all of them */
	bool watched;          /* … and event triggers of the database look on */
	bool triggers;         /* a written relation has user triggers */
	bool code;             /* constraints, defaults, indexes, policies of what is written … run code of
				  their own */
	bool policies;         /* likewise those of what is read; what is not known of it is in opaque */
	bool follows;          /* a function of users' own, through its body */
	bool by_path;          /* some name would mean something else under another search_path, perhaps */
	struct opaque *opaque; /* functions, operators, types and casts that are not known to be pure. What
				  a user's function gave is in the sets of columns as COLREF_OPAQUE. */
	unsigned nopaque;

	struct free_constant *constants; /* the first FREE_CONSTANTS_MAX of them */
	unsigned nconstants;

	const char *name; /* PREPARE EXECUTE DEALLOCATE DECLARE FETCH CLOSE LISTEN UNLISTEN NOTIFY DISCARD;
			     NULL = ALL */
	struct array_arg *args; /* EXECUTE */
	unsigned nargs;
	struct statement *inner;         /* PREPARE, DECLARE, EXPLAIN, COPY (query) */
	const struct copy_options *copy; /* COPY_OUT */
	bool binary;                     /* COPY … BINARY, DECLARE … BINARY */
	bool hold;                       /* DECLARE … WITH HOLD */
	bool read_write;                 /* BEGIN, SET …: transactions may write that could not, perhaps */
	struct explain_options explain;  /* EXPLAIN */
	const char *setting,
		*value; /* SET: lower-cased name; value NULL: DEFAULT or RESET; setting "all": RESET ALL */
	bool local;     /* SET LOCAL */
	struct setting_change *changes; /* beside that */
	unsigned nchanges;
	bool settings; /* it shows, or asks about, settings of nobody's, by own_settings of its scope */
	bool followed; /* SET search_path: the statements behind it in the text were judged by it */
};

struct analysis {
	struct statement *statements;
	unsigned n;
};

/* 0: *out describes every statement of the text (each with its own problem or none); lives in a. Otherwise
 * nothing of the text may be sent: e holds the SQLSTATE and message for the client (42601 syntax error with
 * *position set, 54000 too long, 54001 too deep, 22021 not UTF-8 or a NUL inside, 53200 no memory). */
MUSTCHECK int analyze(const struct name_scope *scope, struct span text, struct arena *a, struct analysis *out,
	int *position, struct err *e);

#endif
