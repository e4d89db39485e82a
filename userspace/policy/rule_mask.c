/* SPDX-License-Identifier: MIT */
/* The masks of a rule: what stands behind with and derived. */
#include "policy/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mask/regex.h"

#define FIXED_MAX   1024
#define PARTIAL_MAX 1000

static const struct key mask_names[] = {{"null", KEY_READ}, {"redact", KEY_READ}, {"fixed", KEY_READ},
	{"partial", KEY_READ}, {"email", KEY_READ}, {"hash", KEY_READ}, {"token", KEY_READ},
	{"fpe", KEY_READ}, {"date", KEY_READ}, {"number", KEY_READ}, {"regex", KEY_READ},
	{"jsonpath", KEY_READ}, {"fake", KEY_READ}};

static void read_fixed(struct reading *r, const struct node *n, struct mask *out)
{
	if (n->kind != NODE_SCALAR || (n->plain && (!*n->text || strcmp(n->text, "null") == 0))) {
		section_wrong(r, n, "fixed needs a single value (for SQL NULL, write null instead of fixed)");
		return;
	}
	if (strlen(n->text) > FIXED_MAX) {
		section_wrong(r, n, "fixed has more than %d bytes", FIXED_MAX);
		return;
	}
	out->kind = MASK_FIXED;
	out->fixed = strdup(n->text);
	if (!out->fixed)
		r->failed = -ENOMEM;
}

/* One character that is no control character. The text is valid UTF-8 (libyaml). */
static bool one_character(const char *s)
{
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return c >= ' ' && c != 0x7f && !(c == 0xc2 && (unsigned char)s[1] < 0xa0) && strlen(s) == n;
}

static void read_partial(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"first", KEY_READ}, {"last", KEY_READ}, {"fill", KEY_READ}};
	const struct node *fill = node_get(n, "fill");
	unsigned long first = 0, last = 0;
	unsigned before = r->m->total;

	if (!section_map(r, n, "partial", keys, ARRAY_LEN(keys)))
		return;
	section_number(r, node_get(n, "first"), "partial.first", 0, PARTIAL_MAX, &first);
	section_number(r, node_get(n, "last"), "partial.last", 0, PARTIAL_MAX, &last);
	if (fill && (fill->kind != NODE_SCALAR || !one_character(fill->text)))
		section_wrong(r, fill, "partial.fill must be one character");
	if (r->m->total == before && first + last == 0)
		section_wrong(r, n, "partial keeps nothing; give first or last, or write redact");
	if (r->m->total != before)
		return;
	out->kind = MASK_PARTIAL;
	out->first = (unsigned)first;
	out->last = (unsigned)last;
	strcpy(out->fill, fill ? fill->text : "*");
}

static void read_email(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"keep", KEY_READ}};
	const struct node *keep = node_get(n, "keep");

	if (!section_map(r, n, "email", keys, ARRAY_LEN(keys)))
		return;
	if (keep && !node_is(keep, "domain")) {
		section_wrong(r, keep, "email.keep can only be domain");
		return;
	}
	out->kind = MASK_EMAIL;
	out->keep_domain = keep != NULL;
}

static void read_date(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"truncate", KEY_READ}, {"shift", KEY_READ}};
	const struct node *unit = node_get(n, "truncate"), *shift = node_get(n, "shift");

	if (!section_map(r, n, "date", keys, ARRAY_LEN(keys)))
		return;
	if (!unit == !shift) {
		section_wrong(r, n, "date has either truncate or shift");
		return;
	}
	if (shift) {
		mask_read_shift(r, shift, out);
		return;
	}
	if (unit->kind != NODE_SCALAR || !time_unit_of(unit->text, &out->unit)) {
		section_wrong(
			r, unit, "date.truncate is decade, year, quarter, month, week, day, hour or minute");
		return;
	}
	out->kind = MASK_DATE;
}

static void read_number(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"round", KEY_READ}, {"bucket", KEY_READ}, {"noise", KEY_READ}};
	const struct node *round = node_get(n, "round"), *bucket = node_get(n, "bucket");
	const struct node *noise = node_get(n, "noise");
	unsigned long step;

	if (!section_map(r, n, "number", keys, ARRAY_LEN(keys)))
		return;
	if (!!round + !!bucket + !!noise != 1) {
		section_wrong(r, n, "number has one of round, bucket and noise");
		return;
	}
	if (noise) {
		mask_read_noise(r, noise, out);
		return;
	}
	if (!section_number(r, round ? round : bucket, round ? "number.round" : "number.bucket",
		    MASK_STEP_MIN, MASK_STEP_MAX, &step))
		return;
	out->kind = MASK_NUMBER;
	out->step = step;
	out->bucket = bucket != NULL;
}

/* A scalar that may be empty; NULL after a complaint. */
static const char *regex_source(struct reading *r, const struct node *n, const char *where)
{
	if (!n)
		return NULL;
	if (n->kind != NODE_SCALAR || n->unresolved ||
		(n->plain && (!*n->text || strcmp(n->text, "null") == 0)))
		section_wrong(r, n, "%s must be a text", where);
	else if (strlen(n->text) > REGEX_SOURCE_MAX)
		section_wrong(r, n, "%s has more than %d bytes", where, REGEX_SOURCE_MAX);
	else
		return n->text;
	return NULL;
}

static void read_regex(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"pattern", KEY_READ}, {"replace", KEY_READ}, {"match", KEY_READ}};
	const struct node *match = node_get(n, "match");
	const char *pattern, *replace;
	enum regex_part part;
	struct err e = {0};
	int rc;

	if (!section_map(r, n, "regex", keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, "regex", "pattern");
	section_missing(r, n, "regex", "replace");
	if (match && !node_is(match, "whole") && !node_is(match, "each"))
		section_wrong(r, match, "regex.match is whole or each");
	pattern = regex_source(r, node_get(n, "pattern"), "regex.pattern");
	replace = regex_source(r, node_get(n, "replace"), "regex.replace");
	if (!pattern || !replace)
		return;
	rc = regex_new(&out->regex, pattern, replace,
		match && node_is(match, "each") ? REGEX_EACH : REGEX_WHOLE, &part, &e);
	if (rc == -ENOMEM)
		r->failed = rc;
	else if (rc)
		section_wrong(r, node_get(n, part == REGEX_PATTERN ? "pattern" : "replace"), "regex.%s %s",
			part == REGEX_PATTERN ? "pattern" : "replace", e.msg);
	else
		out->kind = MASK_REGEX;
}

/* A mask by its name alone. */
static void read_word(struct reading *r, const struct node *n, const char *where, struct mask *out)
{
	const char *guess;

	if (strcmp(n->text, "null") == 0)
		out->kind = MASK_NULL;
	else if (strcmp(n->text, "redact") == 0)
		out->kind = MASK_REDACT;
	else if (strcmp(n->text, "email") == 0)
		out->kind = MASK_EMAIL;
	else if (!*n->text)
		section_wrong(r, n, "%s is empty", where);
	else {
		for (unsigned i = 0; i < ARRAY_LEN(mask_names); i++) {
			if (strcmp(mask_names[i].name, n->text) != 0)
				continue;
			if (mask_names[i].use == KEY_LATER)
				section_wrong(r, n, "%s: %s is not supported yet", where, n->text);
			else
				section_wrong(r, n, "%s: %s needs its settings, as in {%s: …}", where,
					n->text, n->text);
			return;
		}
		guess = section_guess(n->text, mask_names, ARRAY_LEN(mask_names));
		section_wrong(r, n, "%s: there is no mask \"%.60s\"%s%s%s", where, n->text,
			guess ? "; did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
	}
}

/* null, redact and email take no settings, or none that they need. */
static bool no_settings(struct reading *r, const struct node *n)
{
	if ((n->kind == NODE_MAP && !n->n) || (n->kind == NODE_SCALAR && n->plain && !*n->text))
		return true;
	section_wrong(r, n, "%s has no settings", n->key);
	return false;
}

void mask_read(struct reading *r, const struct node *n, const char *where, struct mask *out)
{
	const struct node *c = n->child;

	*out = (struct mask){.kind = MASK_NULL};
	if (n->kind == NODE_SCALAR) {
		read_word(r, n, where, out);
		return;
	}
	if (!section_map(r, n, where, mask_names, ARRAY_LEN(mask_names)))
		return;
	if (n->n != 1) {
		section_wrong(r, n, "%s must be one mask, not %u", where, n->n);
		return;
	}
	if (strcmp(c->key, "redact") == 0 && no_settings(r, c))
		out->kind = MASK_REDACT;
	else if (strcmp(c->key, "null") == 0)
		no_settings(r, c);
	else if (strcmp(c->key, "fixed") == 0)
		read_fixed(r, c, out);
	else if (strcmp(c->key, "partial") == 0)
		read_partial(r, c, out);
	else if (strcmp(c->key, "email") == 0)
		read_email(r, c, out);
	else if (strcmp(c->key, "hash") == 0)
		mask_read_hash(r, c, out);
	else if (strcmp(c->key, "jsonpath") == 0)
		mask_read_jsonpath(r, c, out);
	else if (strcmp(c->key, "fake") == 0)
		mask_read_fake(r, c, out);
	else if (strcmp(c->key, "token") == 0)
		mask_read_token(r, c, out);
	else if (strcmp(c->key, "fpe") == 0)
		mask_read_fpe(r, c, out);
	else if (strcmp(c->key, "date") == 0)
		read_date(r, c, out);
	else if (strcmp(c->key, "number") == 0)
		read_number(r, c, out);
	else if (strcmp(c->key, "regex") == 0)
		read_regex(r, c, out);
}
