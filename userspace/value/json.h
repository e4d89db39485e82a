/* SPDX-License-Identifier: MIT */
/* json: one JSON text, walked scalar by scalar without a tree. Never recurses, never allocates, and never
 * changes a number's digits. */
#ifndef PGVEIL_VALUE_JSON_H
#define PGVEIL_VALUE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

#define JSON_DEPTH_MAX 1024 /* arrays and objects in each other; deeper ones are not read */

enum json_token {
	JSON_BAD = 0, /* not JSON, or too deep */
	JSON_END,     /* all of it was read */
	JSON_STRING,  /* tokens are given as they stand, with their quotes */
	JSON_KEY,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
	JSON_OPEN, /* [ or {; this and JSON_CLOSE only where structure is set */
	JSON_CLOSE,
};

struct json {
	const uint8_t *p, *end;
	unsigned char expect; /* enum expect of json.c */
	unsigned depth;
	bool structure;                     /* brackets are tokens too; the caller sets it after json_start */
	uint8_t object[JSON_DEPTH_MAX / 8]; /* one bit a level: an object, or an array */
};

/* text must be valid UTF-8. */
void json_start(struct json *j, struct span text);
enum json_token json_next(struct json *j, struct span *token);
bool json_valid(struct span text);

/* A string token without its quotes and escapes; borrows from it where it has none. false where it holds what
 * text cannot: \u0000, half of a pair. */
MUSTCHECK bool json_string_get(struct arena *a, struct span token, struct span *utf8);
/* What json_string_put writes. utf8 must be valid UTF-8. */
size_t json_string_len(struct span utf8);
uint8_t *json_string_put(uint8_t *w, struct span utf8); /* with quotes; returns the end */

#endif
