/* SPDX-License-Identifier: MIT */
/* judge: the judging of one text, statement by statement (policy/plan.c), and the questions that have files
 * of their own (judge_*.c). Of each that gives a bool: false, the plan holds the denial. */
#ifndef PGVEIL_POLICY_JUDGE_H
#define PGVEIL_POLICY_JUDGE_H

#include "policy/plan.h"

struct judge {
	const struct binding *b;
	struct arena *a;
	struct span text;
	bool alone;        /* it is one statement */
	const char *user;  /* the role that the session has; NULL: not known */
	bool relayed;      /* … which is one that it logged in as itself */
	bool own_settings; /* as in its name_scope */
	bool failed;       /* out of memory */
};

#define JUDGE_NO_MEMORY "out of memory while judging the statement"

/* reason NULL: out of memory. */
void judge_deny(struct judge *j, struct plan *p, const char *sqlstate, const char *reason, const char *hint);
/* What the analysis found. */
void judge_problem(struct judge *j, const struct statement *st, const char *problem, struct plan *p);
const char *judge_column_name(struct judge *j, struct colref c);
/* Which rule, and how to ask for more. m may be NULL. */
const char *judge_hint(struct judge *j, const struct masking *m);
/* Whether a rule masks a column of the relation. One that the catalogue does not know: yes. */
bool judge_masks(const struct binding *b, uint32_t relid);

/* Whether the tag of what it is, as CommandComplete has it, is this one. */
bool statement_is(const struct statement *st, const char *tag);

/* What the guards say of what it does. true: it is not denied; where it is to be asked for, p has the words.
 */
bool judge_guard(struct judge *j, const struct statement *st, struct plan *p);
/* The rules that an estimate decides about; behind all that says what masked columns it has to do with: why
 * it cannot have one, and what is then. */
void judge_thresholds(struct judge *j, const struct statement *st, struct plan *p);
void judge_estimate(struct judge *j, const struct statement *st, struct plan *p);
/* What was done to what, and which rule says so. NULL: no memory. */
const char *judge_deed(struct judge *j, const struct guard_answer *a);
const char *judge_rule(struct judge *j, const struct guard_answer *a);
/* Whether its text is one of those that the documents list, where they do. */
bool judge_only(struct judge *j, const struct statement *st, struct plan *p);
/* Whether that hangs on what constants there are. */
bool judge_reads_constants(const struct binding *b);

/* Of an aggregate that m lists, of a group that may be too small: true, and p holds the denial. */
bool judge_denies_group(struct judge *j, struct colref c, const struct masking *m, struct plan *p);
/* What masked columns decide in it. */
bool judge_uses(struct judge *j, const struct statement *st, struct plan *p);

/* p->inner is the plan of what is explained. */
bool judge_explain(struct judge *j, const struct statement *st, struct plan *p);

/* Messages. Whether a masked column is anything else than a plain output column; whether only the server
 * itself can raise an error of the statement, and none of a constraint over what is masked; whether what it
 * finds wrong with the text is of the text alone; whether with opaque: allow all that is said may be passed
 * on. */
bool judge_reads(struct judge *j, const struct statement *st, const struct plan *p);
bool judge_names_only(struct judge *j, const struct statement *st, const struct plan *p);
bool judge_analysed(const struct statement *st, const struct plan *p);
bool judge_frank(struct judge *j, const struct statement *st, const struct plan *p);

/* Row filters: whether all that it reads of relations that have one can be had by it; and the text that is
 * sent then (in out, or the denial of all). -ENOMEM. */
bool judge_rows(struct judge *j, const struct statement *st, struct plan *p);
MUSTCHECK int judge_wrap(struct judge *j, const struct name_scope *names, const struct analysis *an,
	struct judged *out, struct err *e);

/* What its comparisons with masked columns cost. */
bool judge_spends(struct judge *j, const struct statement *st, struct plan *p);

/* What is written into other columns, and the heir that comes of it; what is left to do where there are
 * heirs: behind p->code. */
bool judge_copies(struct judge *j, const struct statement *st, struct plan *p);
bool judge_heirs(struct judge *j, const struct statement *st, struct plan *p);

/* Shifted dates: writes that would tell by how much, and the column that says whose o is. */
bool judge_entities(struct judge *j, const struct statement *st, struct plan *p);
void judge_entity(
	struct judge *j, const struct statement *st, const struct output *o, struct column_plan *cp);

/* Definitions: effects that are not known; a name that a masked table has; what a rule masks, redefined. */
bool judge_doubt(struct judge *j, const struct statement *st, struct plan *p);
bool judge_made(struct judge *j, const struct statement *st, struct plan *p);
bool judge_defined(struct judge *j, const struct statement *st, struct plan *p);

/* What masked columns it has to do with, and how (plan.touched, plan.intimate): behind all others, and of a
 * denial too. */
void judge_touched(struct judge *j, const struct statement *st, struct plan *p);

/* The mask of JSON that is made of columns, some of them masked; lives in j->a. NULL: it is not, or not known
 * where these are. */
const struct mask *judge_json(struct judge *j, const struct output *o);

/* The mask of an output that is made of texts of definitions; NULL: it is of none. */
const struct mask *judge_written(const struct binding *b, const struct output *o);

#endif
