/* SPDX-License-Identifier: MIT */
#include "mask/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mask/finder.h"
#include "mask/regex.h"

struct pattern {
	char name[PATTERN_NAME_MAX + 1];
	struct regex *regex;
	char words[PATTERN_WORDS_MAX][PATTERN_WORD_MAX + 1];
	unsigned nwords;
};

int pattern_new(struct pattern **out, const char *name, const char *source, const char *const *words,
	unsigned nwords, struct err *e)
{
	struct pattern *p = calloc(1, sizeof(*p));
	enum regex_part part;
	int rc;

	*out = NULL;
	if (!p)
		return -ENOMEM;
	if (strlen(name) > PATTERN_NAME_MAX || nwords > PATTERN_WORDS_MAX)
		rc = err_set(e, -EINVAL, "has too long a name, or too many words");
	else
		rc = regex_new(&p->regex, source, "", REGEX_FIND, &part, e);
	for (unsigned i = 0; i < nwords && !rc; i++) {
		if (strlen(words[i]) > PATTERN_WORD_MAX)
			rc = err_set(e, -EINVAL, "has a word of more than %d bytes", PATTERN_WORD_MAX);
		else
			strcpy(p->words[i], words[i]);
	}
	if (rc) {
		pattern_free(p);
		return rc;
	}
	strcpy(p->name, name);
	p->nwords = nwords;
	*out = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (p)
		regex_free(p->regex);
	free(p);
}

const char *pattern_name(const struct pattern *p)
{
	return p->name;
}

const struct regex *pattern_regex(const struct pattern *p)
{
	return p->regex;
}

int pattern_compare(const struct pattern *a, const struct pattern *b)
{
	int r = strcmp(a->name, b->name);

	if (!r)
		r = strcmp(regex_pattern(a->regex), regex_pattern(b->regex));
	for (unsigned i = 0; i < a->nwords && i < b->nwords && !r; i++)
		r = strcmp(a->words[i], b->words[i]);
	return r ? r : (a->nwords > b->nwords) - (a->nwords < b->nwords);
}

/* As a word of its own, in capitals or not. */
static bool has_word(struct span text, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= text.n; i++)
		if (strncasecmp((const char *)text.p + i, word, n) == 0 && !(i && is_letter(text.p[i - 1])) &&
			!(i + n < text.n && is_letter(text.p[i + n])))
			return true;
	return false;
}

bool pattern_has_word(const struct pattern *p, struct span before, struct span keys)
{
	for (unsigned i = 0; i < p->nwords; i++)
		if (has_word(before, p->words[i]) || has_word(keys, p->words[i]))
			return true;
	return !p->nwords;
}
