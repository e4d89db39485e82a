/* SPDX-License-Identifier: MIT */
/* ${NAME} has to work where YAML gives braces a meaning ({passwordFile: ${FILE}}), and what it stands for
 * must never be read as YAML. So, before libyaml sees the text, "${" and "}" of a reference become characters
 * of Unicode's private use area, one for one, which keeps positions; in the scalars that come out they are
 * resolved. */
#include "policy/node.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define OPEN_1 "\xee\x80\x80" /* U+E000: the $ */
#define OPEN_2 "\xee\x80\x81" /* U+E001: the { */
#define CLOSE  "\xee\x80\x82" /* U+E002: the } */
#define MARK   3              /* bytes of each */

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct mistakes *m;
	bool foreign; /* the environment is not its writer's */
	int failed;   /* negative errno */
};

static size_t reference_length(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *s = p + 2;

	if (end - p < 4 || p[0] != '$' || p[1] != '{' || !(isalpha(*s) || *s == '_'))
		return 0;
	while (s < end && (isalnum(*s) || *s == '_'))
		s++;
	return s < end && *s == '}' ? (size_t)(s + 1 - p) : 0;
}

static bool marked(struct span text)
{
	return text.n && (memmem(text.p, text.n, OPEN_1, MARK) || memmem(text.p, text.n, OPEN_2, MARK) ||
				 memmem(text.p, text.n, CLOSE, MARK));
}

/* .p == NULL: out of memory. */
static struct span mark_references(struct span text, struct arena *a)
{
	const uint8_t *p = text.p, *end = text.p + text.n;
	/* The shortest reference, ${A}, grows from 4 bytes to 10. */
	uint8_t *out = arena_alloc(a, text.n * 5 / 2 + 1), *o = out;

	while (out && p < end) {
		size_t n = reference_length(p, end);

		if (end - p >= 3 && memcmp(p, "$${", 3) == 0) {
			memcpy(o, p, 3);
			o += 3;
			p += 3;
		} else if (n) {
			memcpy(o, OPEN_1 OPEN_2, 2 * MARK);
			memcpy(o + 2 * MARK, p + 2, n - 3);
			o += 2 * MARK + n - 3;
			memcpy(o, CLOSE, MARK);
			o += MARK;
			p += n;
		} else {
			*o++ = *p++;
		}
	}
	return span_of(out, out ? (size_t)(o - out) : 0);
}

/* The text behind a reference, which starts at s; *next moves behind it. NULL: a mistake was added. */
static const char *resolve(struct reader *r, struct node *n, const char *s, const char **next)
{
	/* An escape in a quoted scalar can put any of the three anywhere. */
	bool whole = strncmp(s, OPEN_1 OPEN_2, 2 * MARK) == 0;
	const char *name = whole ? s + 2 * MARK : "", *close = strstr(name, CLOSE), *value;
	char *copy;

	*next = close ? close + MARK : s + MARK;
	if (!close) {
		mistake_add(r->m, n->line, n->column,
			"holds a character of U+E000 to U+E002, which is not allowed");
		n->unresolved = true;
		return NULL;
	}
	copy = arena_strndup(r->m->mem, name, (size_t)(close - name));
	if (!copy) {
		r->failed = -ENOMEM;
		return NULL;
	}
	value = r->foreign ? NULL : getenv(copy);
	if (!value && r->foreign)
		mistake_add(r->m, n->line, n->column,
			"${%.60s}: an object has no environment; write $${ for the characters", copy);
	else if (!value)
		mistake_add(r->m, n->line, n->column, "${%.60s} is not set in the environment", copy);
	return value;
}

static void append(struct reader *r, char *out, size_t *len, const char *s, size_t n)
{
	if (*len + n > NODE_TEXT_MAX) {
		r->failed = -ENOMEM;
		return;
	}
	if (out)
		memcpy(out + *len, s, n);
	*len += n;
}

/* The scalar with its references resolved: into out, or only measured where out is NULL. */
static size_t expand_into(struct reader *r, struct node *n, const char *text, char *out)
{
	const char *s = text;
	size_t len = 0;

	while (*s && !r->failed && !n->unresolved) {
		if (strncmp(s, OPEN_1, MARK) == 0) {
			const char *value = resolve(r, n, s, &s);

			if (value)
				append(r, out, &len, value, strlen(value));
		} else if (strncmp(s, "$${", 3) == 0) {
			append(r, out, &len, "${", 2);
			s += 3;
		} else {
			append(r, out, &len, s++, 1);
		}
	}
	return len;
}

static const char *expand(struct reader *r, struct node *n, const char *text)
{
	unsigned told = r->m->total;
	const char *bad = text;
	size_t len;
	char *out;

	while ((bad = strstr(bad, "${")) && bad > text && bad[-1] == '$')
		bad += 2;
	if (bad)
		mistake_add(r->m, n->line, n->column,
			"${ is not followed by a name and }; write $${ for the characters");
	if (!strstr(text, OPEN_1) && !strstr(text, "$${"))
		return text;
	len = expand_into(r, n, text, NULL);
	if (r->failed)
		return "";
	if (r->m->total != told) {
		n->unresolved = true;
		return "";
	}
	out = arena_alloc(r->m->mem, len + 1);
	if (!out) {
		r->failed = -ENOMEM;
		return "";
	}
	expand_into(r, n, text, out);
	out[len] = '\0';
	return out;
}

static int fail(struct reader *r, unsigned line, unsigned column, const char *text)
{
	mistake_add(r->m, line, column, "%s", text);
	return r->failed = -EINVAL;
}

static int next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	memset(&r->event, 0, sizeof(r->event));
	if (r->parser.error == YAML_MEMORY_ERROR)
		return r->failed = -ENOMEM;
	if (r->parser.error == YAML_READER_ERROR)
		mistake_add(r->m, (unsigned)r->parser.mark.line + 1, (unsigned)r->parser.mark.column + 1,
			"not a YAML text in UTF-8: %s", r->parser.problem ? r->parser.problem : "unreadable");
	else
		mistake_add(r->m, (unsigned)r->parser.problem_mark.line + 1,
			(unsigned)r->parser.problem_mark.column + 1, "not YAML: %s%s%s",
			r->parser.context ? r->parser.context : "", r->parser.context ? ", " : "",
			r->parser.problem ? r->parser.problem : "unreadable");
	return r->failed = -EINVAL;
}

static unsigned event_line(const struct reader *r)
{
	return (unsigned)r->event.start_mark.line + 1;
}

static unsigned event_column(const struct reader *r)
{
	return (unsigned)r->event.start_mark.column + 1;
}

static int take_scalar(struct reader *r, char **text)
{
	const char *value = (const char *)r->event.data.scalar.value;
	size_t n = r->event.data.scalar.length;

	if (memchr(value, 0, n))
		return fail(r, event_line(r), event_column(r), "a NUL character is not allowed");
	*text = arena_strndup(r->m->mem, value, n);
	return *text ? 0 : (r->failed = -ENOMEM);
}

/* Anchors and tags, which three kinds of events can carry. */
static int check_properties(struct reader *r)
{
	const yaml_event_t *e = &r->event;
	bool anchor = false, tag = false;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor != NULL;
		tag = e->data.scalar.tag != NULL;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor != NULL;
		tag = e->data.mapping_start.tag != NULL;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor != NULL;
		tag = e->data.sequence_start.tag != NULL;
	}
	if (anchor || e->type == YAML_ALIAS_EVENT)
		return fail(r, event_line(r), event_column(r), "anchors and aliases are not allowed");
	if (tag)
		return fail(r, event_line(r), event_column(r), "tags are not allowed");
	return 0;
}

/* Spells references as they were written, for a message. */
static void unmark(char *text)
{
	char *o = text;

	for (const char *s = text; *s;) {
		char c = strncmp(s, OPEN_1, MARK) == 0   ? '$'
			 : strncmp(s, OPEN_2, MARK) == 0 ? '{'
			 : strncmp(s, CLOSE, MARK) == 0  ? '}'
							 : 0;

		*o++ = c ? c : *s;
		s += c ? MARK : 1;
	}
	*o = '\0';
}

static int take_node(struct reader *r, unsigned depth, struct node **out);

/* Reads the key that is the current event and moves on to the value. */
static int take_key(struct reader *r, const struct node *map, struct node *key)
{
	char *text;

	if (check_properties(r))
		return r->failed;
	if (r->event.type != YAML_SCALAR_EVENT)
		return fail(r, event_line(r), event_column(r), "a key must be a word");
	if (map->n == NODE_KEYS_MAX)
		return fail(r, event_line(r), event_column(r), "too many keys");
	key->key_line = event_line(r);
	key->key_column = event_column(r);
	if (take_scalar(r, &text))
		return r->failed;
	if (marked(span_of(text, strlen(text))))
		mistake_add(r->m, key->key_line, key->key_column, "${…} is not allowed in a key");
	unmark(text);
	key->key = text;
	for (const struct node *c = map->child; c; c = c->next)
		if (strcmp(c->key, key->key) == 0)
			mistake_add(r->m, key->key_line, key->key_column,
				"\"%.60s\" stands here already, at line %u", key->key, c->key_line);
	return next_event(r);
}

static int take_children(struct reader *r, unsigned depth, struct node *n)
{
	yaml_event_type_t end = n->kind == NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	struct node **tail = &n->child, *c, key;

	if (depth == NODE_DEPTH_MAX)
		return fail(r, n->line, n->column, "nested too deeply");
	if (next_event(r))
		return r->failed;
	while (r->event.type != end) {
		key = (struct node){0};
		if (n->kind == NODE_MAP && take_key(r, n, &key))
			return r->failed;
		if (take_node(r, depth + 1, &c))
			return r->failed;
		c->key = key.key;
		c->key_line = key.key_line;
		c->key_column = key.key_column;
		*tail = c;
		tail = &c->next;
		n->n++;
		if (next_event(r))
			return r->failed;
	}
	return 0;
}

/* The node that begins with the current event; ends on its last event. */
static int take_node(struct reader *r, unsigned depth, struct node **out)
{
	struct node *n = arena_zalloc(r->m->mem, sizeof(*n));
	char *text;

	if (!n)
		return r->failed = -ENOMEM;
	*out = n;
	n->line = event_line(r);
	n->column = event_column(r);
	if (check_properties(r))
		return r->failed;
	if (r->event.type == YAML_SCALAR_EVENT) {
		n->kind = NODE_SCALAR;
		n->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		if (take_scalar(r, &text))
			return r->failed;
		n->text = expand(r, n, text);
		return r->failed;
	}
	n->kind = r->event.type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST;
	return take_children(r, depth, n);
}

static int take_stream(struct reader *r, struct node **out)
{
	struct node **tail = out;

	for (;;) {
		if (next_event(r))
			return r->failed;
		switch (r->event.type) {
		case YAML_STREAM_END_EVENT: return 0;
		case YAML_SCALAR_EVENT:
		case YAML_ALIAS_EVENT:
		case YAML_MAPPING_START_EVENT:
		case YAML_SEQUENCE_START_EVENT:
			if (take_node(r, 0, tail))
				return r->failed;
			tail = &(*tail)->next;
			break;
		case YAML_NO_EVENT:
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
		case YAML_MAPPING_END_EVENT:
		case YAML_SEQUENCE_END_EVENT: break;
		}
	}
}

static int parse(struct node **out, struct span text, bool foreign, struct mistakes *m)
{
	struct reader r = {.m = m, .foreign = foreign};
	struct span prepared;
	int rc;

	*out = NULL;
	if (text.n > NODE_TEXT_MAX)
		return fail(&r, 1, 1, "the file is larger than 1 MiB");
	if (marked(text))
		return fail(&r, 1, 1, "holds a character of U+E000 to U+E002, which is not allowed");
	prepared = mark_references(text, m->mem);
	if (!prepared.p || !yaml_parser_initialize(&r.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, prepared.p, prepared.n);
	rc = take_stream(&r, out);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return m->no_memory ? -ENOMEM : rc;
}

int node_parse(struct node **out, struct span text, struct mistakes *m)
{
	return parse(out, text, false, m);
}

int node_parse_foreign(struct node **out, struct span text, struct mistakes *m)
{
	return parse(out, text, true, m);
}

static bool begins_by(const struct node *n, unsigned line, unsigned column)
{
	unsigned l = n->key ? n->key_line : n->line, c = n->key ? n->key_column : n->column;

	return l < line || (l == line && c <= column);
}

void node_path(const struct node *root, unsigned line, unsigned column, char *out, size_t cap)
{
	const struct node *n = root;
	size_t len = 0;

	*out = '\0';
	while (n && n->child) {
		const struct node *in = NULL;
		unsigned i = 0, at = 0;
		int w;

		for (const struct node *c = n->child; c && begins_by(c, line, column); c = c->next) {
			in = c;
			at = i++;
		}
		/* What stands behind the last of them, or before the first, is the whole's. */
		if (!in || (n->line == line && n->column == column))
			return;
		w = in->key ? snprintf(out + len, cap - len, "%s%.60s", len ? "." : "", in->key)
			    : snprintf(out + len, cap - len, "[%u]", at);
		if (w < 0 || (size_t)w >= cap - len)
			return;
		len += (size_t)w;
		if (in->key && in->key_line == line && in->key_column == column)
			return;
		n = in;
	}
}

const struct node *node_get(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (const struct node *c = map->child; c; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

bool node_is(const struct node *n, const char *word)
{
	return n && n->kind == NODE_SCALAR && strcmp(n->text, word) == 0;
}

bool node_says(const struct node *n, const char *word)
{
	if (n && n->kind == NODE_MAP && n->n == 1)
		return n->child->kind == NODE_MAP && !n->child->n && strcmp(n->child->key, word) == 0;
	return node_is(n, word);
}
