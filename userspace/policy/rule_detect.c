/* SPDX-License-Identifier: MIT */
/* The mask of a rule with detect: who looks, the policy's own patterns among them, and what becomes of a
 * finding. */
#include "policy/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mask/pattern.h"
#include "mask/regex.h"

#define WHERE     "spec.mask[].detect"
#define OWN_MAX   64
#define NAMES_MAX 128

static bool is_nothing(const struct node *n)
{
	return (n->kind == NODE_MAP && !n->n) || (n->kind == NODE_SCALAR && n->plain && !*n->text);
}

/* null, redact, label, or {partial: …} */
static void read_replacement(struct reading *r, const struct node *n, const char *where, struct mask *out)
{
	const char *word = n->kind == NODE_SCALAR             ? n->text
			   : n->kind == NODE_MAP && n->n == 1 ? n->child->key
							      : "";
	bool empty = n->kind == NODE_SCALAR || (n->kind == NODE_MAP && n->n == 1 && is_nothing(n->child));

	if (strcmp(word, "null") == 0 || strcmp(word, "redact") == 0 || strcmp(word, "partial") == 0)
		mask_read(r, n, where, out);
	else if (strcmp(word, "label") != 0)
		section_wrong(r, n, "%s is null, redact, label or {partial: …} where detect stands", where);
	else if (!empty)
		section_wrong(r, n->child, "label has no settings");
	out->replace = strcmp(word, "redact") == 0    ? REPLACE_REDACT
		       : strcmp(word, "label") == 0   ? REPLACE_LABEL
		       : strcmp(word, "partial") == 0 ? REPLACE_PARTIAL
						      : REPLACE_NULL;
}

static void read_name(struct reading *r, const struct node *n, struct detectors *out)
{
	const char *text = n->kind == NODE_SCALAR ? n->text : "", *guess;
	struct detectors before = *out;
	struct key names[NAMES_MAX];
	unsigned nnames = 0;

	if (detectors_add_named(out, text)) {
		if (detectors_compare(&before, out) == 0)
			section_wrong(r, n, "\"%s\" stands in this list already", text);
		return;
	}
	for (; nnames < NAMES_MAX && detectors_name(nnames); nnames++)
		names[nnames] = (struct key){detectors_name(nnames), KEY_READ};
	guess = section_guess(text, names, nnames);
	section_wrong(r, n, WHERE ": there is no detector \"%.60s\"%s%s%s", text,
		guess ? "; did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
}

/* Small letters, digits and _, and no name of ours. */
static bool name_is_free(const char *name)
{
	struct detectors any = {0};
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n && n <= PATTERN_NAME_MAX && !name[n] && !detectors_add_named(&any, name);
}

/* How many words; they must be of ASCII, as the normal form is. */
static unsigned read_words(struct reading *r, const struct node *n, const char *words[PATTERN_WORDS_MAX])
{
	unsigned nwords = 0;

	if (!n || !section_list(r, n, WHERE "[].context"))
		return 0;
	for (const struct node *c = n->child; c; c = c->next) {
		size_t len = c->kind == NODE_SCALAR ? strlen(c->text) : 0;

		for (size_t i = 0; i < len; i++)
			if ((unsigned char)c->text[i] < ' ' || (unsigned char)c->text[i] >= 0x7f)
				len = 0;
		if (!len || len > PATTERN_WORD_MAX)
			section_wrong(r, c, WHERE "[].context: a word has 1 to %d characters of ASCII",
				PATTERN_WORD_MAX);
		else if (nwords == PATTERN_WORDS_MAX)
			section_wrong(r, c, WHERE "[].context has more than %d words", PATTERN_WORDS_MAX);
		else
			words[nwords++] = c->text;
	}
	return nwords;
}

static struct pattern *read_pattern(struct reading *r, const struct node *n)
{
	static const struct key keys[] = {{"name", KEY_READ}, {"pattern", KEY_READ}, {"context", KEY_READ}};
	const struct node *name = node_get(n, "name"), *source = node_get(n, "pattern");
	const char *words[PATTERN_WORDS_MAX];
	unsigned before = r->m->total, nwords;
	struct pattern *p;
	struct err e = {0};
	int rc;

	if (!section_map(r, n, WHERE "[]", keys, ARRAY_LEN(keys)))
		return NULL;
	section_missing(r, n, WHERE "[]", "name");
	section_missing(r, n, WHERE "[]", "pattern");
	if (name && (name->kind != NODE_SCALAR || !name_is_free(name->text)))
		section_wrong(r, name,
			WHERE
			"[].name has 1 to %d small letters, digits and _, and is no detector's or group's",
			PATTERN_NAME_MAX);
	if (source && (source->kind != NODE_SCALAR || source->unresolved || !*source->text))
		section_wrong(r, source, WHERE "[].pattern must be a text");
	else if (source && strlen(source->text) > REGEX_SOURCE_MAX)
		section_wrong(r, source, WHERE "[].pattern has more than %d bytes", REGEX_SOURCE_MAX);
	nwords = read_words(r, node_get(n, "context"), words);
	if (r->m->total != before || !name || !source)
		return NULL;
	rc = pattern_new(&p, name->text, source->text, words, nwords, &e);
	if (rc == -ENOMEM)
		r->failed = rc;
	else if (rc)
		section_wrong(r, source, WHERE "[].pattern %s", e.msg);
	return p;
}

static int compare(const void *x, const void *y)
{
	const struct pattern *const *a = x, *const *b = y;

	return pattern_compare(*a, *b);
}

static void add_own(struct reading *r, const struct node *n, const struct pattern **v, struct detectors *out)
{
	struct pattern *p = read_pattern(r, n);

	if (!p)
		return;
	for (unsigned i = 0; i < out->nown; i++)
		if (strcmp(pattern_name(v[i]), pattern_name(p)) == 0) {
			section_wrong(r, n, WHERE ": a pattern named \"%s\" stands in this list already",
				pattern_name(p));
			pattern_free(p);
			return;
		}
	if (out->nown == OWN_MAX) {
		section_wrong(r, n, WHERE " has more than %d patterns", OWN_MAX);
		pattern_free(p);
		return;
	}
	v[out->nown++] = p;
}

static void read_list(
	struct reading *r, const struct node *list, const struct pattern **own, struct detectors *out)
{
	for (const struct node *c = list->child; c; c = c->next) {
		if (c->kind == NODE_MAP)
			add_own(r, c, own, out);
		else
			read_name(r, c, out);
	}
}

void mask_read_detect(struct reading *r, const struct node *rule, const struct node *with, const char *where,
	struct mask *out)
{
	const struct pattern **own = calloc(OWN_MAX, sizeof(*own));
	const struct node *list = node_get(rule, "detect"), *patterns = node_get(rule, "patterns");

	*out = (struct mask){.kind = MASK_NULL};
	if (with)
		read_replacement(r, with, where, out);
	out->kind = MASK_DETECT;
	if (!own) {
		r->failed = -ENOMEM;
		return;
	}
	out->detectors.own = own;
	if (list && section_list(r, list, WHERE))
		read_list(r, list, own, &out->detectors);
	/* The same by itself, where a list cannot hold both words and maps. */
	if (patterns && section_list(r, patterns, "spec.mask[].patterns"))
		for (const struct node *c = patterns->child; c; c = c->next)
			add_own(r, c, own, &out->detectors);
	qsort(own, out->detectors.nown, sizeof(*own), compare);
}
