/* SPDX-License-Identifier: MIT */
/* same_tree: whether two parse trees are the same but for where things stand in the text. Private to sql/. */
#ifndef PGVEIL_SQL_SAME_TREE_H
#define PGVEIL_SQL_SAME_TREE_H

#include <stdbool.h>
#include "pg_query/pg_query.pb-c.h"

/* Asked for each pair of messages before they are looked into: what is said counts for all of them. */
enum same { SAME_LOOK, SAME_YES, SAME_NO };

bool same_tree(const ProtobufCMessage *x, const ProtobufCMessage *y,
	enum same (*ask)(void *arg, const ProtobufCMessage *x, const ProtobufCMessage *y), void *arg);

#endif
