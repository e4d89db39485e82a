/* SPDX-License-Identifier: MIT */
#include "policy/section.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/confine.h"

void section_wrong(struct reading *r, const struct node *n, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (n->unresolved)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mistake_add(r->m, n->line, n->column, "%s", text);
}

/* Levenshtein distance, for words of at most GUESS_MAX bytes. */
#define GUESS_MAX 24
static unsigned distance(const char *a, const char *b)
{
	unsigned row[GUESS_MAX + 1], n = (unsigned)strlen(b);

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned best = diagonal + (tolower((unsigned char)a[i - 1]) !=
							   tolower((unsigned char)b[j - 1]));

			diagonal = row[j];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[n];
}

const char *section_guess(const char *text, const struct key *keys, unsigned nkeys)
{
	unsigned best = 3, length = (unsigned)strlen(text);
	const char *guess = NULL;

	if (length > GUESS_MAX || length < 2)
		return NULL;
	if (length < 5)
		best = 2;
	for (unsigned i = 0; i < nkeys; i++) {
		unsigned d = strlen(keys[i].name) <= GUESS_MAX ? distance(text, keys[i].name) : best;

		if (d < best) {
			best = d;
			guess = keys[i].name;
		}
	}
	return guess;
}

static const char *kind_name(const struct node *n)
{
	switch (n->kind) {
	case NODE_SCALAR: return n->plain && !*n->text ? "nothing" : "a single value";
	case NODE_MAP: return "a map";
	case NODE_LIST: return "a list";
	}
	return "";
}

static void check_key(
	struct reading *r, const struct node *c, const char *where, const struct key *keys, unsigned nkeys)
{
	enum key_use use = KEY_UNKNOWN;
	const char *guess;

	for (unsigned i = 0; i < nkeys; i++)
		if (strcmp(keys[i].name, c->key) == 0)
			use = keys[i].use;
	switch (use) {
	case KEY_READ: return;
	case KEY_LATER:
		mistake_add(r->m, c->key_line, c->key_column, "%s.%s is not supported yet", where, c->key);
		return;
	case KEY_UNKNOWN: break;
	}
	guess = section_guess(c->key, keys, nkeys);
	if (guess)
		mistake_add(r->m, c->key_line, c->key_column, "%s has no \"%.60s\"; did you mean \"%s\"?",
			where, c->key, guess);
	else
		mistake_add(r->m, c->key_line, c->key_column, "%s has no \"%.60s\"", where, c->key);
}

bool section_map(
	struct reading *r, const struct node *n, const char *where, const struct key *keys, unsigned nkeys)
{
	if (!n)
		return false;
	if (n->kind != NODE_MAP) {
		section_wrong(r, n, "%s must be a map, not %s", where, kind_name(n));
		return false;
	}
	for (const struct node *c = n->child; c; c = c->next)
		check_key(r, c, where, keys, nkeys);
	return true;
}

bool section_list(struct reading *r, const struct node *n, const char *where)
{
	if (!n)
		return false;
	if (n->kind != NODE_LIST)
		section_wrong(r, n, "%s must be a list, not %s", where, kind_name(n));
	else if (!n->n)
		section_wrong(r, n, "%s is an empty list; leave it out or fill it", where);
	return n->kind == NODE_LIST && n->n;
}

char *section_text(struct reading *r, const struct node *n, const char *where)
{
	char *kept;

	if (!n)
		return NULL;
	if (n->kind != NODE_SCALAR) {
		section_wrong(r, n, "%s must be a single value, not %s", where, kind_name(n));
		return NULL;
	}
	if (n->unresolved || !*n->text ||
		(n->plain && (strcmp(n->text, "null") == 0 || strcmp(n->text, "~") == 0))) {
		section_wrong(r, n, "%s is empty", where);
		return NULL;
	}
	kept = arena_strdup(r->mem, n->text);
	if (!kept)
		r->failed = -ENOMEM;
	return kept;
}

const char *section_where(struct reading *r, const struct node *n)
{
	char path[200];
	const char *where;

	if (r->confined)
		node_path(r->root, n->line, n->column, path, sizeof(path));
	else
		snprintf(path, sizeof(path), "%u", n->line);
	where = arena_printf(r->mem, "%s:%s", r->file, path);
	if (!where)
		r->failed = -ENOMEM;
	return where;
}

const char *section_path(struct reading *r, const struct node *n, const char *where)
{
	const char *path = section_text(r, n, where);
	struct err e = {0};

	if (path && r->confined &&
		confine_check(path, r->confined->secret_dirs, r->confined->nsecret_dirs, &e)) {
		section_wrong(r, n, "%s: %s", where, e.msg);
		return NULL;
	}
	if (!path || path[0] == '/')
		return path;
	path = arena_printf(r->mem, "%s/%s", r->folder, path);
	if (!path)
		r->failed = -ENOMEM;
	return path;
}

bool section_number(struct reading *r, const struct node *n, const char *where, unsigned long min,
	unsigned long max, unsigned long *out)
{
	char *end;

	if (!n)
		return false;
	if (n->kind == NODE_SCALAR && isdigit((unsigned char)n->text[0])) {
		errno = 0;
		*out = strtoul(n->text, &end, 10);
		if (!*end && !errno && *out >= min && *out <= max)
			return true;
	}
	section_wrong(r, n, "%s must be a number of %lu to %lu", where, min, max);
	return false;
}

/* "90s", "10m", "1h", "7d" as seconds. */
static bool duration(const char *text, unsigned max_s, unsigned *seconds)
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || !*end || end[1] || n == 0)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].unit == *end && n <= max_s / units[i].seconds) {
			*seconds = (unsigned)n * units[i].seconds;
			return true;
		}
	return false;
}

void section_period(struct reading *r, const struct node *n, const char *where, unsigned max_s, unsigned *out)
{
	if (n && (n->kind != NODE_SCALAR || !duration(n->text, max_s, out)))
		section_wrong(
			r, n, "%s must be like 30s, 10m, 1h or 7d, and at most %ud", where, max_s / 86400);
}

bool section_flag(struct reading *r, const struct node *n, const char *where)
{
	bool plain = n && n->kind == NODE_SCALAR && n->plain, yes = plain && strcmp(n->text, "true") == 0;

	if (n && !yes && (!plain || strcmp(n->text, "false") != 0))
		section_wrong(r, n, "%s must be true or false", where);
	return yes;
}

void section_missing(struct reading *r, const struct node *map, const char *where, const char *key)
{
	if (map && map->kind == NODE_MAP && !node_get(map, key))
		section_wrong(r, map, "%s lacks \"%s\"", where, key);
}

void *section_array(struct reading *r, size_t n, size_t size)
{
	void *p = arena_array(r->mem, n ? n : 1, size);

	if (!p)
		r->failed = -ENOMEM;
	return p;
}

bool section_uid(struct reading *r, const struct node *n, const char *where, uint32_t *out)
{
	const char *text = section_text(r, n, where);
	const struct passwd *user;
	unsigned long uid;

	if (!text)
		return false;
	if (isdigit((unsigned char)text[0])) {
		/* The last one is "no user" to the kernel. */
		if (!section_number(r, n, where, 0, UINT32_MAX - 1, &uid))
			return false;
	} else {
		user = getpwnam(text);
		if (!user) {
			section_wrong(r, n, "%s: there is no user \"%.60s\"", where, text);
			return false;
		}
		uid = user->pw_uid;
	}
	*out = (uint32_t)uid;
	return true;
}
