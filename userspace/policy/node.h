/* SPDX-License-Identifier: MIT */
/* node: YAML as a tree with positions. The only door to libyaml. Refuses what a policy has no use for and a
 * parser can be hurt with: anchors, aliases, tags, duplicate keys, deep nesting, NUL. */
#ifndef PGVEIL_POLICY_NODE_H
#define PGVEIL_POLICY_NODE_H

#include "base/buf.h"
#include "policy/mistake.h"

#define NODE_TEXT_MAX  ((size_t)1 << 20) /* bytes of a file */
#define NODE_DEPTH_MAX 32
#define NODE_KEYS_MAX  128 /* of one map */

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	unsigned line, column; /* from 1 */
	bool plain;            /* a scalar without quotes */
	bool unresolved;  /* a scalar with a ${NAME} that is not set; text is "" and a mistake was added */
	const char *text; /* scalars */
	const char *key;  /* children of a map */
	unsigned key_line, key_column;
	struct node *child, *next;
	unsigned n; /* children */
};

/* The documents of a text as a list linked by next. ${NAME} in scalars (not in keys) becomes the
 * environment's value; it is never read as YAML. $${ stands for ${. Lives in m's arena, which should have a
 * limit. 0: the tree is whole, though there may be mistakes in m; -EINVAL: it is not, and m says why;
 * -ENOMEM. */
MUSTCHECK int node_parse(struct node **out, struct span text, struct mistakes *m);
/* The same of a text whose writer has no business with the environment: a ${NAME} is a mistake. */
MUSTCHECK int node_parse_foreign(struct node **out, struct span text, struct mistakes *m);
/* Where in the document root a position is, as "spec.mask[0].with"; "" at its beginning. */
void node_path(const struct node *root, unsigned line, unsigned column, char *out, size_t cap);
/* The child of that key; NULL where there is none, or map is NULL or no map. */
const struct node *node_get(const struct node *map, const char *key);
/* Whether n is the word (a plain or quoted scalar). */
bool node_is(const struct node *n, const char *word);
/* The same, or {word: {}}: a schema of Kubernetes' cannot say that a map or a word may stand there. */
bool node_says(const struct node *n, const char *word);

#endif
