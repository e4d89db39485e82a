/* SPDX-License-Identifier: MIT */
#include "policy/pattern.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "policy/glob.h"

#define NAME_MAX_BYTES 63 /* PostgreSQL's NAMEDATALEN - 1 */

/* Reads "…" with "" for a quote; *s stands behind the closing quote afterwards. */
static int take_quoted(struct pattern_part *part, const char **s, struct arena *a, const char **why)
{
	char *out = arena_alloc(a, strlen(*s) + 1), *o = out;
	const char *p = *s + 1;
	bool closed = false;

	if (!out)
		return -ENOMEM;
	for (; *p && !closed; p++) {
		closed = *p == '"' && p[1] != '"';
		if (*p == '"' && !closed)
			p++;
		if (!closed)
			*o++ = *p;
	}
	if (!closed) {
		*why = "has a quote without its end";
		return -EINVAL;
	}
	*o = '\0';
	part->text = out;
	part->quoted = true;
	*s = p;
	return 0;
}

static int take_plain(struct pattern_part *part, const char **s, struct arena *a, const char **why)
{
	size_t n = strcspn(*s, ".\"");
	char *out = arena_strndup(a, *s, n);

	if (!out)
		return -ENOMEM;
	for (char *c = out; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f) {
			*why = "has a blank in a part without quotes";
			return -EINVAL;
		}
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	*why = glob_problem(out);
	part->text = out;
	*s += n;
	return *why ? -EINVAL : 0;
}

static int take_part(struct pattern_part *part, const char **s, struct arena *a, const char **why)
{
	int r = **s == '"' ? take_quoted(part, s, a, why) : take_plain(part, s, a, why);

	if (r)
		return r;
	if (!*part->text)
		*why = "has an empty part; write schema.relation.column";
	else if (**s && **s != '.')
		*why = "has a quote inside a part";
	else if ((part->quoted || glob_literal(part->text)) && strlen(part->text) > NAME_MAX_BYTES)
		*why = "has a part of more than 63 bytes, which no name in PostgreSQL has";
	return *why ? -EINVAL : 0;
}

static const char *quote(const struct pattern_part *p)
{
	return p->quoted ? "\"" : "";
}

int pattern_parse(struct pattern *out, const char *text, struct arena *a, const char **why)
{
	struct pattern_part *parts[] = {&out->schema, &out->relation, &out->column};
	int r;

	*out = (struct pattern){0};
	*why = NULL;
	for (unsigned i = 0; i < 3; i++) {
		r = take_part(parts[i], &text, a, why);
		if (r)
			return r;
		if (i < 2 && *text != '.') {
			*why = i ? "has two parts; write schema.relation.column (\"*.users.email\" for any "
				   "schema)"
				 : "has one part; write schema.relation.column (\"*.*.ssn\" for any "
				   "relation)";
			return -EINVAL;
		}
		if (i < 2)
			text++;
	}
	if (*text) {
		*why = "has more than three parts; a name with a dot in it needs double quotes";
		return -EINVAL;
	}
	out->canonical = arena_printf(a, "%s%s%s.%s%s%s.%s%s%s", quote(&out->schema), out->schema.text,
		quote(&out->schema), quote(&out->relation), out->relation.text, quote(&out->relation),
		quote(&out->column), out->column.text, quote(&out->column));
	return out->canonical ? 0 : -ENOMEM;
}

static bool part_matches(const struct pattern_part *p, const char *name)
{
	return p->quoted ? strcmp(p->text, name) == 0 : glob_match(GLOB_FOLD, p->text, name);
}

static bool part_literal(const struct pattern_part *p)
{
	return p->quoted || glob_literal(p->text);
}

bool pattern_has_relation(const struct pattern *p, const char *schema, const char *relation, bool system)
{
	return (!system || part_literal(&p->schema)) && part_matches(&p->schema, schema) &&
	       part_matches(&p->relation, relation);
}

bool pattern_has_column(const struct pattern *p, const char *column)
{
	return part_matches(&p->column, column);
}

static bool part_covers(const struct pattern_part *a, const struct pattern_part *b)
{
	if (a->quoted == b->quoted && strcmp(a->text, b->text) == 0)
		return true;
	if (a->quoted)
		return false;
	return a->text[strspn(a->text, "*")] == '\0' ||
	       (part_literal(b) && glob_match(GLOB_FOLD, a->text, b->text));
}

static bool maybe_system(const struct pattern_part *schema)
{
	return strncasecmp(schema->text, "pg_", 3) == 0 ||
	       strcasecmp(schema->text, "information_schema") == 0;
}

bool pattern_covers(const struct pattern *a, const struct pattern *b)
{
	if (maybe_system(&b->schema) && !part_literal(&a->schema))
		return false;
	return part_covers(&a->schema, &b->schema) && part_covers(&a->relation, &b->relation) &&
	       part_covers(&a->column, &b->column);
}

int pattern_parse_name(
	struct pattern_name *out, const char *text, bool named, struct arena *a, const char **why)
{
	int r;

	*out = (struct pattern_name){.named = named};
	*why = NULL;
	r = take_part(&out->schema, &text, a, why);
	if (!r && named && *text != '.') {
		*why = "has one part; write schema.name (\"*.name\" for any schema)";
		return -EINVAL;
	}
	if (!r && named) {
		text++;
		r = take_part(&out->name, &text, a, why);
	}
	if (!r && *text) {
		*why = "has more parts than it may have; a name with a dot in it needs double quotes";
		r = -EINVAL;
	}
	return r;
}

bool pattern_any(const struct pattern_part *p)
{
	return !p->quoted && *p->text && p->text[strspn(p->text, "*")] == '\0';
}

bool pattern_names(const struct pattern_name *p, const char *schema, const char *name, bool system)
{
	return (!system || part_literal(&p->schema)) && (!schema || part_matches(&p->schema, schema)) &&
	       (!p->named || !name || part_matches(&p->name, name));
}

bool pattern_name_covers(const struct pattern_name *a, const struct pattern_name *b)
{
	if (maybe_system(&b->schema) && !part_literal(&a->schema))
		return false;
	return part_covers(&a->schema, &b->schema) &&
	       (!a->named || (b->named && part_covers(&a->name, &b->name)));
}
