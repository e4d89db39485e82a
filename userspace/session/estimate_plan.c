/* SPDX-License-Identifier: MIT */
/* The tree of EXPLAIN (FORMAT JSON):
 *
 *   [{"Plan": {"Node Type": …, "Plan Rows": …, "Plans": [{…}, …]}, …}, …]
 *
 * What the topmost node gives, the statement gives. What is written stands below the ModifyTable nodes,
 * wherever these are: a WITH query that deletes is not at the top. */
#include "session/estimate.h"

#include <stdlib.h>
#include <string.h>

#include "value/json.h"

#define LEVELS_MAX 512

struct level {
	bool node, list;      /* a node of a plan; the list of a node's */
	bool modifies, feeds; /* it writes; and what it gives is what the node above writes */
	uint64_t rows;
};

struct reader {
	struct level *v;
	unsigned depth;
	struct span key;
	uint64_t given, written;
	bool found;
};

static bool is(struct span token, const char *text)
{
	size_t n = strlen(text);

	return token.n == n + 2 && token.p[0] == '"' && !memcmp(token.p + 1, text, n);
}

static uint64_t number(struct span token)
{
	char text[64];
	double v;

	if (token.n >= sizeof(text))
		return ESTIMATE_ROWS_MAX;
	memcpy(text, token.p, token.n);
	text[token.n] = '\0';
	v = strtod(text, NULL);
	if (!(v > 0))
		return 0;
	return v < (double)ESTIMATE_ROWS_MAX ? (uint64_t)v : ESTIMATE_ROWS_MAX;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a + b < ESTIMATE_ROWS_MAX ? a + b : ESTIMATE_ROWS_MAX;
}

/* Whether node is at the top, and the node that it is below otherwise: a list stands between the two. */
static const struct level *above(const struct reader *r)
{
	return r->depth >= 3 && r->v[r->depth - 2].list && r->v[r->depth - 3].node ? &r->v[r->depth - 3]
										   : NULL;
}

static bool open(struct reader *r, bool object)
{
	const struct level *up = r->depth ? &r->v[r->depth - 1] : NULL;
	struct level x = {0};

	if (r->depth == LEVELS_MAX)
		return false;
	if (object)
		x.node = up && (up->list || (r->depth == 2 && is(r->key, "Plan")));
	else
		x.list = up && up->node && is(r->key, "Plans");
	r->v[r->depth++] = x;
	r->key = (struct span){0};
	return true;
}

static bool close(struct reader *r)
{
	const struct level *x, *up;

	if (!r->depth)
		return false;
	x = &r->v[r->depth - 1];
	up = above(r);
	if (x->node && !up) {
		r->given = sum(r->given, x->rows);
		r->found = true;
	} else if (x->node && up->modifies && x->feeds) {
		r->written = sum(r->written, x->rows);
	}
	r->depth--;
	r->key = (struct span){0};
	return true;
}

static void take(struct reader *r, enum json_token t, struct span token)
{
	struct level *x = r->depth ? &r->v[r->depth - 1] : NULL;

	if (!x || !x->node)
		return;
	if (t == JSON_STRING && is(r->key, "Node Type"))
		x->modifies = is(token, "ModifyTable");
	/* before version 14 each of the tables below has a plan of its own */
	else if (t == JSON_STRING && is(r->key, "Parent Relationship"))
		x->feeds = is(token, "Outer") || is(token, "Member");
	else if (t == JSON_NUMBER && is(r->key, "Plan Rows"))
		x->rows = number(token);
}

bool estimate_read(struct span json, struct arena *a, struct estimated *out)
{
	struct reader r = {.v = arena_array(a, LEVELS_MAX, sizeof(*r.v))};
	struct span token;
	struct json j;
	bool ok = r.v != NULL;

	*out = (struct estimated){0};
	json_start(&j, json);
	j.structure = true;
	while (ok) {
		enum json_token t = json_next(&j, &token);

		if (t == JSON_END)
			break;
		if (t == JSON_BAD)
			ok = false;
		else if (t == JSON_OPEN)
			ok = open(&r, token.p[0] == '{');
		else if (t == JSON_CLOSE)
			ok = close(&r);
		else if (t == JSON_KEY)
			r.key = token;
		else
			take(&r, t, token);
	}
	if (!ok || !r.found)
		return false;
	*out = (struct estimated){
		.known = true, .rows = r.given > r.written ? r.given : r.written, .given = r.given};
	return true;
}
