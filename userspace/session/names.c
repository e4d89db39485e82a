/* SPDX-License-Identifier: MIT */
#include "session/names.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "session/rewrite.h"

static char *dup_span(struct span s)
{
	return strndup(s.n ? (const char *)s.p : "", s.n);
}

struct shape *shape_new(struct span row_description)
{
	struct msg_column mc;
	struct shape *s;
	struct cur c;
	uint16_t n;

	if (msg_row_description(row_description, &c, &n) != WIRE_OK || n > MESSAGE_COLUMNS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s) + n * sizeof(s->col[0]));
	if (!s)
		return NULL;
	s->refs = 1;
	s->n = n;
	for (unsigned i = 0; i < n; i++) {
		if (msg_column_next(&c, &mc) != WIRE_OK)
			break;
		s->col[i] = (struct shape_column){.table_oid = mc.table_oid,
			.type_oid = mc.type_oid,
			.attnum = mc.attnum,
			.format = mc.format,
			.typmod = mc.typmod};
	}
	if (cur_end(&c) != WIRE_OK) {
		free(s);
		return NULL;
	}
	return s;
}

struct shape *shape_empty(void)
{
	struct shape *s = calloc(1, sizeof(*s));

	if (s)
		s->refs = 1;
	return s;
}

struct shape *shape_ref(struct shape *s)
{
	s->refs++;
	return s;
}

void shape_unref(struct shape *s)
{
	if (s && --s->refs == 0)
		free(s);
}

struct prepared *prepared_new(struct span name, struct judgement *j, const struct plan *plan)
{
	struct prepared *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	*p = (struct prepared){.refs = 1, .name = dup_span(name), .j = judgement_ref(j), .plan = plan};
	if (!p->name) {
		prepared_unref(p);
		return NULL;
	}
	return p;
}

bool prepared_take_types(struct prepared *p, struct span types)
{
	uint8_t *v = types.n ? malloc(types.n) : NULL;

	if (types.n && !v)
		return false;
	if (v)
		memcpy(v, types.p, types.n);
	free((void *)p->types.p);
	p->types = span_of(v, types.n);
	return true;
}

bool prepared_take_text(struct prepared *p, struct span text)
{
	char *v;

	if (span_eq(text, judgement_text(p->j)))
		return true;
	v = dup_span(text);
	if (!v)
		return false;
	free((void *)p->sent.p);
	p->sent = span_of(v, text.n);
	return true;
}

struct span prepared_text(const struct prepared *p)
{
	return p->sent.p ? p->sent : judgement_text(p->j);
}

size_t prepared_bytes(const struct prepared *p)
{
	return judgement_bytes(p->j) + p->types.n + p->sent.n;
}

struct prepared *prepared_ref(struct prepared *p)
{
	p->refs++;
	return p;
}

void prepared_unref(struct prepared *p)
{
	if (!p || --p->refs)
		return;
	judgement_unref(p->j);
	shape_unref(p->shape);
	free((void *)p->types.p);
	free((void *)p->sent.p);
	free(p->name);
	free(p);
}

struct portal *portal_new(struct span name, struct prepared *p)
{
	struct portal *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	*o = (struct portal){.refs = 1, .name = dup_span(name), .prepared = prepared_ref(p)};
	if (!o->name) {
		portal_unref(o);
		return NULL;
	}
	return o;
}

struct portal *portal_ref(struct portal *p)
{
	p->refs++;
	return p;
}

void portal_unref(struct portal *p)
{
	if (!p || --p->refs)
		return;
	prepared_unref(p->prepared);
	prepared_unref(p->target);
	judgement_unref(p->latest);
	shape_unref(p->shape);
	rowplan_free(p->rows);
	free(p->formats);
	free(p->name);
	free(p);
}

static int by_prepared(const void *a, const void *b)
{
	return strcmp(((const struct prepared *)a)->name, ((const struct prepared *)b)->name);
}

static int by_portal(const void *a, const void *b)
{
	return strcmp(((const struct portal *)a)->name, ((const struct portal *)b)->name);
}

static int by_channel(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* A name of the wire as a string; false: too long, so that nothing has it. */
static bool as_string(struct span name, char out[NAME_LEN_MAX + 1])
{
	if (name.n > NAME_LEN_MAX)
		return false;
	if (name.n)
		memcpy(out, name.p, name.n);
	out[name.n] = '\0';
	return true;
}

struct prepared *names_prepared(const struct names *n, struct span name)
{
	char s[NAME_LEN_MAX + 1];
	const struct prepared key = {.name = s};
	struct prepared *const *node = as_string(name, s) ? tfind(&key, &n->prepared, by_prepared) : NULL;

	return node ? *node : NULL;
}

struct portal *names_portal(const struct names *n, struct span name)
{
	char s[NAME_LEN_MAX + 1];
	const struct portal key = {.name = s};
	struct portal *const *node = as_string(name, s) ? tfind(&key, &n->portals, by_portal) : NULL;

	return node ? *node : NULL;
}

bool names_full(const struct names *n)
{
	return n->nprepared >= NAMES_MAX || n->nportals >= NAMES_MAX || n->bytes >= NAMES_BYTES_MAX ||
	       (n->account && n->account->bytes >= ACCOUNT_BYTES_MAX);
}

static void charge(struct names *n, const struct prepared *p)
{
	n->bytes += prepared_bytes(p);
	if (n->account)
		n->account->bytes += prepared_bytes(p);
}

static void discharge(struct names *n, size_t bytes)
{
	n->bytes -= bytes;
	if (n->account)
		n->account->bytes -= bytes;
}

int names_put_prepared(struct names *n, struct prepared *p)
{
	names_drop_prepared(n, span_of(p->name, strlen(p->name)));
	if (n->nprepared >= NAMES_MAX)
		return -ENOSPC;
	if (!tsearch(p, &n->prepared, by_prepared))
		return -ENOMEM;
	prepared_ref(p);
	n->nprepared++;
	charge(n, p);
	return 0;
}

int names_put_portal(struct names *n, struct portal *p)
{
	names_drop_portal(n, span_of(p->name, strlen(p->name)));
	if (n->nportals >= NAMES_MAX)
		return -ENOSPC;
	if (!tsearch(p, &n->portals, by_portal))
		return -ENOMEM;
	portal_ref(p);
	n->nportals++;
	return 0;
}

void names_drop_prepared(struct names *n, struct span name)
{
	struct prepared *p = names_prepared(n, name);

	if (!p)
		return;
	tdelete(p, &n->prepared, by_prepared);
	n->nprepared--;
	discharge(n, prepared_bytes(p));
	prepared_unref(p);
}

void names_drop_portal(struct names *n, struct span name)
{
	struct portal *o = names_portal(n, name);

	if (!o)
		return;
	tdelete(o, &n->portals, by_portal);
	n->nportals--;
	portal_unref(o);
}

static void drop_prepared(void *p)
{
	prepared_unref(p);
}

void names_drop_all_prepared(struct names *n)
{
	tdestroy(n->prepared, drop_prepared);
	n->prepared = NULL;
	n->nprepared = 0;
	discharge(n, n->bytes);
}

void names_drop_all_portals(struct names *n, bool held_too)
{
	void *kept = NULL;

	n->nportals = 0;
	while (n->portals) {
		struct portal *o = *(struct portal **)n->portals;

		tdelete(o, &n->portals, by_portal);
		/* Where there is no memory the name means nothing any more. */
		if (o->hold && !held_too && tsearch(o, &kept, by_portal))
			n->nportals++;
		else
			portal_unref(o);
	}
	n->portals = kept;
}

bool names_listens(const struct names *n, struct span channel)
{
	char s[NAME_LEN_MAX + 1];

	return as_string(channel, s) && tfind(s, &n->channels, by_channel);
}

int names_listen(struct names *n, const char *channel)
{
	char *s;

	if (strlen(channel) > NAME_LEN_MAX)
		return -ENOSPC;
	if (tfind(channel, &n->channels, by_channel))
		return 0;
	if (n->nchannels >= CHANNELS_MAX)
		return -ENOSPC;
	s = strdup(channel);
	if (!s || !tsearch(s, &n->channels, by_channel)) {
		free(s);
		return -ENOMEM;
	}
	n->nchannels++;
	return 0;
}

void names_unlisten(struct names *n, const char *channel)
{
	char *const *node;
	char *s;

	if (!channel) {
		tdestroy(n->channels, free);
		n->channels = NULL;
		n->nchannels = 0;
		return;
	}
	node = tfind(channel, &n->channels, by_channel);
	s = node ? *node : NULL;
	if (!s)
		return;
	tdelete(s, &n->channels, by_channel);
	n->nchannels--;
	free(s);
}

void names_fini(struct names *n)
{
	names_drop_all_prepared(n);
	names_drop_all_portals(n, true);
	names_unlisten(n, NULL);
}
