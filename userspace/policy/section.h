/* SPDX-License-Identifier: MIT */
/* section: how the parts of a document are read: what one map may hold, and scalars with their bounds. */
#ifndef PGVEIL_POLICY_SECTION_H
#define PGVEIL_POLICY_SECTION_H

#include "policy/document.h"
#include "policy/node.h"

/* What reading a text needs everywhere. */
struct reading {
	struct mistakes *m;
	struct arena *mem; /* of what stays */
	const char *file, *folder;
	const struct policy_sources *confined; /* NULL: it is a file, and names any; else an object */
	const struct node *root;               /* of the document under way */
	int failed;                            /* -ENOMEM */
	struct key_path *keys;
};

enum key_use {
	KEY_UNKNOWN = 0,
	KEY_READ,
	KEY_LATER, /* of the policy language, and not supported yet */
};
struct key {
	const char *name;
	enum key_use use;
};

/* Says nothing about a value that could not be resolved: that was said. */
void section_wrong(struct reading *r, const struct node *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* n is a map, and each of its keys is one of keys; complains otherwise. NULL n is fine and false. */
bool section_map(
	struct reading *r, const struct node *n, const char *where, const struct key *keys, unsigned nkeys);
/* n is a list with at least one element. */
bool section_list(struct reading *r, const struct node *n, const char *where);
/* A non-empty scalar that is not null, kept; NULL after a complaint or for NULL n. */
char *section_text(struct reading *r, const struct node *n, const char *where);
/* "file:line" of n, or where it is in its object: kept. */
const char *section_where(struct reading *r, const struct node *n);
/* As section_text; a relative path begins at the document's folder. An object may name the files that it is
 * given, and these must be there. */
const char *section_path(struct reading *r, const struct node *n, const char *where);
/* A decimal number of min..max. */
bool section_number(struct reading *r, const struct node *n, const char *where, unsigned long min,
	unsigned long max, unsigned long *out);
/* "30s", "10m", "1h", "7d"; *out stays as it is for NULL n and after a complaint. */
void section_period(
	struct reading *r, const struct node *n, const char *where, unsigned max_s, unsigned *out);
/* true or false, unquoted; false for NULL n. */
bool section_flag(struct reading *r, const struct node *n, const char *where);
/* A user's name or number. */
bool section_uid(struct reading *r, const struct node *n, const char *where, uint32_t *out);
/* Complains that map lacks key. */
void section_missing(struct reading *r, const struct node *map, const char *where, const char *key);
/* The first of the words that is close enough to be what text was meant to be; NULL. */
const char *section_guess(const char *text, const struct key *keys, unsigned nkeys);
/* n zeroed elements of memory that stays, NULL and failed set where there is none. */
void *section_array(struct reading *r, size_t n, size_t size);

/* The parts. Each complains about every mistake in it. */
void database_read(struct reading *r, const struct node *n, struct database *out);
void database_check_all(struct reading *r, const struct node *list, const struct database *v, unsigned n);
void rule_read(struct reading *r, const struct node *n, struct rule *out);
/* What rule's predicates and aggregates let. */
void permit_read(struct reading *r, const struct node *rule, struct permit *out);
/* One mask: a word, or a map of one name and its settings. out is MASK_NULL after a complaint. */
void mask_read(struct reading *r, const struct node *n, const char *where, struct mask *out);
/* The settings of one keyed mask. */
void mask_read_hash(struct reading *r, const struct node *n, struct mask *out);
void mask_read_fake(struct reading *r, const struct node *n, struct mask *out);
void mask_read_token(struct reading *r, const struct node *n, struct mask *out);
void mask_read_shift(struct reading *r, const struct node *n, struct mask *out);
void mask_read_noise(struct reading *r, const struct node *n, struct mask *out);
void mask_read_fpe(struct reading *r, const struct node *n, struct mask *out);
void mask_read_jsonpath(struct reading *r, const struct node *n, struct mask *out);
/* The mask of a rule with detect: the detectors' names, and what becomes of a finding. */
void mask_read_detect(struct reading *r, const struct node *rule, const struct node *with, const char *where,
	struct mask *out);
/* Of spec.statements, which is there: default and rules. */
void guard_read(struct reading *r, const struct node *statements, struct guard *g);
void guard_read_only_list(struct reading *r, const struct node *list, struct guard *g); /* only */
void guard_read_settings(struct reading *r, const struct node *n, struct guard *g);
bool guard_read_verdict(struct reading *r, const struct node *n, const char *where, enum verdict *out);
void rule_check_all(struct reading *r, const struct node *list, const struct rule *v, unsigned n);
/* spec.approval */
void approval_read(struct reading *r, const struct node *n, struct approval *out);
void rows_read(struct reading *r, const struct node *list, struct document *d); /* spec.rows */
void record_read(struct reading *r, const struct node *n, struct record_rule *out);
void export_read(struct reading *r, const struct node *n, struct export_rule *out);
void subject_read(struct reading *r, const struct node *n, struct subject *out);

#endif
