/* SPDX-License-Identifier: MIT */
/* guard: what a document says of statements by what they do (spec.statements): rules over deeds
 * (sql/deed.h), and what holds for deeds that no rule names. Immutable; never asks a catalogue. */
#ifndef PGVEIL_POLICY_GUARD_H
#define PGVEIL_POLICY_GUARD_H

#include "policy/pattern.h"
#include "sql/deed.h"
#include "sql/stencil.h"

/* ASK: a person must approve of it first. What lets something through says ALLOW. */
enum verdict { DENY = 0, ASK, ALLOW };
const char *verdict_name(enum verdict v);

struct guard_rule { /* one entry of spec.statements.rules: all that is given must hold */
	uint64_t effects;
	const struct pattern_name *relations, *schemas, *functions;
	unsigned nrelations, nschemas, nfunctions;
	bool where_missing;
	bool nowhere;   /* relations: none: what is done to nothing that has a name */
	bool estimated; /* … and of more rows than these, as the server estimates, or it is not known of how
			   many */
	uint64_t rows;
	enum verdict verdict;
	const char *where; /* "file:line", for explain and hints */
};

struct setting_pin { /* one entry of spec.statements.settings.pin */
	const char *name, *value;
	const char *where; /* "file:line" */
};

struct guard { /* of one document; all zero but given: nothing is allowed */
	bool given;
	enum verdict normal; /* of what no rule names */
	const struct guard_rule *rules;
	unsigned nrules;
	const char *where;          /* "file:line" */
	const struct stencil *only; /* when not empty, nothing else runs */
	unsigned nonly;
	const char *only_where;
	const struct setting_pin *pins;
	unsigned npins;
	const char *read_only; /* "file:line"; NULL: it is not */
};

/* Settings by their newest names: a server knows some by older ones too. */
const char *setting_canonical(const char *name);
/* The pin of that setting, if the documents have one. */
const struct setting_pin *guard_pin(const struct guard *const *guards, unsigned n, const char *name);
/* Where the first of them says so; NULL: none does. */
const char *guard_read_only(const struct guard *const *guards, unsigned n);

/* What the documents say of a statement's deeds together: the strictest. Of several that say the same the
 * first. rule NULL: guard's default; guard NULL: nobody said anything else than ALLOW. */
struct guard_answer {
	enum verdict verdict;
	const struct guard *guard;
	const struct guard_rule *rule;
	const struct deed *deed;
	uint64_t effect; /* the one of its bits */
};
/* counts: how many rows the statement is about matters. Rules with an estimate count only where no estimate
 * can say: of the others that fit are guard_thresholds. */
struct guard_answer guard_judge(const struct guard *const *guards, unsigned n, const struct catalog *c,
	const struct deed *deeds, unsigned ndeeds, bool counts);
unsigned guard_estimated(const struct guard *const *guards, unsigned n); /* how many rules have an estimate */
/* Those that would fit if the estimate were high enough, and what of; v has room for guard_estimated. */
unsigned guard_thresholds(const struct guard *const *guards, unsigned n, const struct catalog *c,
	const struct deed *deeds, unsigned ndeeds, struct guard_answer *v);
/* Whether what b names is named by a too. */
bool guard_rule_covers(const struct guard_rule *a, const struct guard_rule *b);

#endif
