/* SPDX-License-Identifier: MIT */
/* binding: the rules of one grant laid over one catalogue: which (oid, attnum) is masked how. Immutable once
 * made, refcounted, shared by the sessions of a worker. */
#ifndef PGVEIL_POLICY_BINDING_H
#define PGVEIL_POLICY_BINDING_H

#include "policy/heir.h"
#include "policy/policy.h"
#include "policy/recall.h"
#include "policy/rows.h"
#include "sql/catalog.h"

struct binding;

/* Column rules bind to (oid, attnum) when they are first resolved: what their patterns once bound in this
 * place (NULL: nothing) and still exists stays masked, so that a rename does not unmask. A rule on a parent
 * covers the same-named columns of every child. own: c is what one session alone sees; what it does not have
 * others may have. heirs: of the one session that it is for; NULL: none. Takes references to p and c. */
MUSTCHECK int binding_new(struct binding **out, struct policy *p, const struct grant *g, struct catalog *c,
	struct place *place, bool own, const struct heirs *heirs, struct err *e);
struct binding *binding_ref(struct binding *b);
void binding_unref(struct binding *b); /* NULL is fine */

struct catalog *binding_catalog(const struct binding *b); /* borrowed */
struct policy *binding_policy(const struct binding *b);   /* borrowed */
/* NULL: the column itself is not masked (what it is made of is the lineage's business), or c is an aggregate
 * of it that is not. A sensitive catalogue column, and any column of a relation that the catalogue does not
 * know, is masked with NULL. */
struct masking {
	const struct mask *direct, *derived;
	const struct rule *rule; /* NULL for a sensitive catalogue column */
	struct permit permit;
};
const struct masking *binding_column(const struct binding *b, struct colref c);
/* Whether the session has copies of masked columns; whether relid is one; and what a column of one is a copy
 * of (NULL: of nothing that is known). */
bool binding_heirs(const struct binding *b);
bool binding_inherits(const struct binding *b, uint32_t relid);
const struct colset *binding_sources(const struct binding *b, struct colref c);
/* The strictest of the masks over a set; NULL when nothing in it is masked. */
const struct masking *binding_set(const struct binding *b, const struct colset *s);
/* What becomes of a call of code that nobody looked into: of f, or of anything else (NULL). */
enum opaque_mode binding_opaque(const struct binding *b, const struct function *f);
/* The functions that are allowed as if they depended on their arguments only. */
const struct function *const *binding_trusted(const struct binding *b, unsigned *n);
/* What of which relations is filtered. */
const struct row_filters *binding_rows(const struct binding *b);
/* Whether anything may be hidden: not where no document has mask rules or row filters. */
bool binding_masks(const struct binding *b);
/* What its documents say of statements by what they do. */
const struct guard *const *binding_guards(const struct binding *b, unsigned *n);
/* Whether two columns of the set are masked differently: then no column's own mask fits. */
bool binding_mixed(const struct binding *b, const struct colset *s);

#endif
