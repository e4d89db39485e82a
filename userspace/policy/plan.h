/* SPDX-License-Identifier: MIT */
/* plan: what is to happen with one statement of one caller: a verdict, and for each output column pass, mask
 * or NULL. Immutable once made; never touches the wire. */
#ifndef PGVEIL_POLICY_PLAN_H
#define PGVEIL_POLICY_PLAN_H

#include "policy/binding.h"
#include "policy/guard.h"
#include "policy/heir.h"
#include "sql/analyze.h"
#include "sql/wrap.h"

enum action { ACTION_NULL = 0, ACTION_MASK, ACTION_PASS };

/* A masked column that is compared with constants, under a rule that lets so many be. */
struct spend {
	struct colref column;
	unsigned count; /* of the text's constants */
	unsigned param; /* not 0: beside them the elements of parameter $param */
	unsigned constants, period_s;
	const struct rule *rule;
};

struct column_plan {
	enum action action;
	const struct mask *mask; /* ACTION_MASK: of the binding's policy, or static */
	bool derived;            /* of an expression: mask_blind … */
	bool parts;              /* … unless the mask knows its parts */
	/* MASK_SHIFT: 1 + the column of the same row that says whose date it is; 0: none; NULL then. */
	unsigned entity;
	const struct rule *rule; /* why; NULL for catalogue columns and ACTION_PASS */
	uint32_t type;           /* COPY, which does not describe its rows: 0 where it is not known */
	int32_t typmod;
	bool quoted; /* COPY: by FORCE_QUOTE */
};

/* A rule that fits where the server estimates more rows than these, or nothing is known. */
struct threshold {
	uint64_t rows;
	enum verdict verdict;
	const struct guard_rule *rule;
	const char *reason, *hint;
};

struct plan {
	enum verdict verdict;
	uint64_t effects; /* all that it may do, a bit for each (sql/effect.h) */
	/* The rule of the policy's statements that decided; NULL: its default, or what masks need. */
	const struct guard_rule *guard;
	bool guarded; /* not ALLOW: for what those say, and not for what masks need */
	const char
		*by; /* "file:line" of spec.statements that decided, be it a rule, default, a list or a pin */
	/* What an estimate decides beside the verdict, each stricter than that; and why there can be no
	 * estimate of it, then there are none (NULL: there can). */
	const struct threshold *thresholds;
	unsigned nthresholds;
	const char *unestimated;
	/* Not ALLOW: what the client is told. */
	char sqlstate[6];
	const char *reason, *hint; /* hint may be NULL */
	int position;              /* 1-based character; 0: none */
	bool retry;                /* a newer catalogue may change it, the verdict too */
	bool tells;                /* the server may be asked to say it in its own words (sql/tells.c) */

	enum statement_kind kind;
	const char *tag;
	unsigned location, len; /* of the statement in the text, bytes */
	bool rows;
	struct column_plan
		*columns; /* ncolumns of them; only where rows and the statement names its own outputs */
	unsigned ncolumns;
	bool open;      /* whatever columns the server gives, none of them is known to be masked */
	bool masks;     /* some column is not ACTION_PASS */
	bool code;      /* runs code that is not the statement's: triggers, defaults, policies … */
	bool quiet;     /* … but none other than of policies that call nothing unknown */
	bool writes;    /* into relations, in whatever part of it */
	bool defines;   /* changes definitions that names resolve by … */
	bool temporary; /* … of this session's temporary objects only */
	bool redefines; /* … of others' as well: under these keys of the gate (sql/gate.h), … */
	const uint64_t *redefined;
	unsigned nredefined;
	bool redefines_any; /* … or whatever there is */
	struct heir *heir;  /* makes it, of masked columns; NULL: none */
	bool watched;       /* … and event triggers of the database look on */
	bool by_path;       /* some name would mean something else under another search_path, perhaps */
	const uint32_t *relations; /* that it reads or writes */
	unsigned nrelations;
	const uint64_t *named; /* keys of the gate: what others must not change while it is under way */
	unsigned nnamed;
	bool sanitize; /* its errors and notices may carry values: standard texts only */
	bool analysed; /* … but what the server says to the text itself, before it runs it, is its own */
	bool names;    /* … and those of constraints and of the analysis are the server's own, with names */
	/* Code of the database's own may say what it likes, and of itself the statement has no values to
	 * tell: all are the server's own, unless another of the same transaction was not like that. */
	bool frank;
	/* PREPARE EXECUTE DEALLOCATE DECLARE FETCH CLOSE LISTEN UNLISTEN NOTIFY DISCARD: the name, NULL =
	 * ALL; inner: PREPARE's and DECLARE's plan. */
	const char *name;
	bool hold; /* DECLARE … WITH HOLD */
	struct plan *inner;
	/* Running it costs this (PREPARE: running what it prepares, so here is nothing of it). */
	const struct spend *spends;
	unsigned nspends;
	const struct array_arg *args; /* EXECUTE: of the statement */
	unsigned nargs;
	const char *setting, *value;
	bool local;                      /* SET LOCAL */
	const struct copy_options *copy; /* COPY_OUT */
	/* The text that the server gets; NULL: the client's. Of a denial: one that is to be judged in its
	 * place. */
	const char *instead;
	const struct setting_change *changes; /* by set_config() */
	unsigned nchanges;
	bool followed; /* SET search_path: what is behind it in the text was judged by it */
	/* Masked columns that it has anything to do with, and whether in another way than as plain output
	 * columns, or nobody knows: its constants may be values of theirs. */
	const struct colref *touched;
	unsigned ntouched;
	bool intimate;
};

#define PLAN_STATEMENTS_MAX 1000 /* in one text; 54000 beyond */

/* The plans of one text. */
struct judged {
	struct plan **plans;
	unsigned n;
	uint64_t policy_version, catalog_version;
	const struct wrapped *wrapped; /* the text that the server gets (sql/wrap.h); NULL: this one */
	/* With other constants in these places the plans are the same but for location and len. Only of one
	 * query or change that is allowed. */
	const struct free_constant *constants;
	unsigned nconstants;
};

/* Judges text for a caller with mask rules. Always gives plans: where nothing of the text may be sent, the
 * first plan is the DENY that says why. Lives in a (plans borrow from it and from b, which the caller keeps).
 * -ENOMEM only. */
MUSTCHECK int plan_judge(const struct binding *b, const struct name_scope *scope, struct span text,
	struct arena *a, struct judged *out, struct err *e);
/* Whether a judged caller may set name to value, as a startup parameter, SET or RESET (value NULL: its
 * default). */
bool plan_setting_allowed(const char *name, const char *value, const char **why);
/* Whether code that may do anything may set it too, and nothing is made of that: not what others here decide.
 */
bool plan_setting_of_code(const char *name);
/* The same for a value that is not known; what decides how the server reads bytes may not be left open. */
bool plan_setting_open(const char *name, const char **why);
/* Whether running p may leave the setting changed. */
bool plan_sets(const struct plan *p, const char *name);

#endif
