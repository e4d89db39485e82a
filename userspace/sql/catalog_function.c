/* SPDX-License-Identifier: MIT */
/* What the catalogue keeps of users' functions beside their rows. */
#include "sql/catalog_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool draft_parameter(struct catalog_builder *b, struct function *f, struct parameter p)
{
	/* The list grows at powers of two. */
	if ((f->nparameters & (f->nparameters - 1)) == 0) {
		unsigned cap = f->nparameters ? f->nparameters * 2 : 1;
		struct parameter *v = arena_array(&b->c->a, cap, sizeof(*v));

		if (v && f->nparameters)
			memcpy(v, f->parameters, f->nparameters * sizeof(*v));
		if (!v)
			p.name = NULL;
		else
			f->parameters = v;
	}
	if (!p.name) {
		b->oom = true;
		return false;
	}
	f->parameters[f->nparameters++] = p;
	return true;
}

/* One name of a list of names as settings have it: folded and quoted where they must be. NULL: not that. */
static const char *name_of(struct catalog_builder *b, const char **at, const char *end)
{
	const char *p = *at;
	char *out = arena_alloc(&b->c->a, (size_t)(end - p) + 1), *to = out;

	if (!out) {
		b->oom = true;
		return NULL;
	}
	if (p < end && *p == '"') {
		for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
			p += *p == '"';
			*to++ = *p;
		}
		if (p++ == end)
			return NULL;
	} else {
		while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
			*to++ = (char)tolower((unsigned char)*p++);
	}
	*to = '\0';
	while (p < end && *p == ' ')
		p++;
	if (p < end && *p++ != ',')
		return NULL;
	while (p < end && *p == ' ')
		p++;
	*at = p;
	return out;
}

/* false: which schemas are meant depends on who calls, or is not understood. */
static bool set_path(struct catalog_builder *b, struct function *f, const char *p, const char *end)
{
	const char **v = arena_array(&b->c->a, (size_t)(end - p) + 1, sizeof(*v));

	if (!v) {
		b->oom = true;
		return false;
	}
	f->path = v;
	while (p < end) {
		const char *name = name_of(b, &p, end);

		if (!name || !strcmp(name, "$user"))
			return false;
		if (*name)
			v[f->npath++] = name;
	}
	return true;
}

static void add_set(struct catalog_builder *b, struct function *f, const char *text, size_t len)
{
	const char **v = arena_array(&b->c->a, f->nsets + 1ul, sizeof(*v)),
		   *name = arena_strndup(&b->c->a, text, len);

	if (!v || !name) {
		b->oom = true;
		return;
	}
	if (f->nsets)
		memcpy(v, f->sets, f->nsets * sizeof(*v));
	v[f->nsets++] = name;
	f->sets = v;
}

void draft_setting(struct catalog_builder *b, struct function *f, const char *text, size_t n)
{
	static const char *const harmless[] = {
		"jit", "lock_timeout", "statement_timeout", "timezone", "work_mem"};
	const char *equals = memchr(text, '=', n);
	size_t len = equals ? (size_t)(equals - text) : n;
	bool known = false;

	if (equals && len == strlen("search_path") && !strncasecmp(text, "search_path", len)) {
		f->odd = !set_path(b, f, equals + 1, text + n) || f->odd;
		return;
	}
	for (unsigned i = 0; i < ARRAY_LEN(harmless); i++)
		known = known || (len == strlen(harmless[i]) && !strncasecmp(text, harmless[i], len));
	f->odd = f->odd || !known;
	add_set(b, f, text, len);
}

const struct function *draft_function(const struct catalog_builder *b, uint32_t oid)
{
	unsigned low = 0, high = b->functions.n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		const struct function *f = b->functions.v[mid];

		if (f->oid == oid)
			return f;
		if (f->oid < oid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void draft_trigger(struct catalog_builder *b, struct draft_relation *d, const struct function *f)
{
	struct relation *r = &d->r;
	const struct function **v = arena_array(&b->c->a, r->ntriggered + 1ul, sizeof(struct function *));

	if (!v) {
		b->oom = true;
		return;
	}
	if (r->ntriggered)
		memcpy(v, r->triggered, r->ntriggered * sizeof(struct function *));
	v[r->ntriggered++] = f;
	r->triggered = v;
}
