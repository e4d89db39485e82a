/* SPDX-License-Identifier: MIT */
#include "policy/policy.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "policy/set.h"

static atomic_uint_fast64_t versions;

static int cmp_uid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* What is asked for often, out of the documents: all database entries in one row, the uids that stand alone.
 */
static int index_documents(struct policy *p)
{
	unsigned ndatabases = 0, nuids = 0, n = 0;

	for (unsigned i = 0; i < p->documents.n; i++) {
		ndatabases += p->documents.v[i].ndatabases;
		nuids += p->documents.v[i].nsubjects;
	}
	p->databases = arena_array(&p->documents.mem, ndatabases + 1, sizeof(*p->databases));
	p->uids = arena_array(&p->documents.mem, nuids + 1, sizeof(*p->uids));
	if (!p->databases || !p->uids)
		return -ENOMEM;
	for (unsigned i = 0; i < p->documents.n; i++) {
		const struct document *d = &p->documents.v[i];

		for (unsigned j = 0; j < d->ndatabases; j++)
			p->databases[p->ndatabases++] = &d->databases[j];
		for (unsigned j = 0; j < d->nsubjects; j++)
			if (d->subjects[j].has_uid && !d->subjects[j].cgroup && !d->subjects[j].unit &&
				!d->subjects[j].has_pods)
				p->uids[n++] = d->subjects[j].uid;
	}
	qsort(p->uids, n, sizeof(*p->uids), cmp_uid);
	for (unsigned i = 0; i < n; i++)
		if (!i || p->uids[i] != p->uids[i - 1])
			p->uids[p->nuids++] = p->uids[i];
	return 0;
}

int policy_load(struct policy **out, const char *const *paths, unsigned n, struct complaints *c)
{
	return policy_load_all(out, &(struct policy_sources){.files = paths, .nfiles = n}, c);
}

int policy_load_all(struct policy **out, const struct policy_sources *s, struct complaints *c)
{
	struct policy *p = calloc(1, sizeof(*p));
	int rc = p ? 0 : -ENOMEM;

	*out = NULL;
	/* Every one is read, so that every mistake is told. */
	for (unsigned i = 0; p && i < s->nfiles; i++) {
		int r = documents_read(&p->documents, s->files[i], c);

		rc = rc ? rc : r;
	}
	for (unsigned i = 0; p && i < s->nobjects; i++) {
		int r = documents_parse_object(&p->documents, &s->objects[i], s, c);

		rc = rc ? rc : r;
	}
	if (!rc)
		rc = index_documents(p);
	if (rc) {
		if (p)
			documents_fini(&p->documents);
		free(p);
		return rc;
	}
	p->version = atomic_fetch_add(&versions, 1) + 1;
	atomic_init(&p->refs, 1);
	*out = p;
	return 0;
}

struct policy *policy_ref(struct policy *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void policy_unref(struct policy *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	documents_fini(&p->documents);
	free(p);
}

uint64_t policy_version(const struct policy *p)
{
	return p->version;
}

const uint8_t *policy_digest(const struct policy *p)
{
	return p->documents.digest;
}

void policy_warnings(const struct policy *p, void (*say)(void *arg, const char *text), void *arg)
{
	char text[512];

	for (unsigned i = 0; i < p->ndatabases; i++) {
		const struct database *d = p->databases[i];

		if (!d->relay)
			continue;
		snprintf(text, sizeof(text),
			"%s: database \"%s\": credential: relay: the agent holds a credential that works "
			"without pgveil",
			d->where, d->name);
		say(arg, text);
	}
	for (unsigned i = 0; i < p->documents.n; i++) {
		const struct opaque_rule *o = &p->documents.v[i].opaque;

		if (o->mode != OPAQUE_ALLOW || !p->documents.v[i].nrules)
			continue;
		snprintf(text, sizeof(text),
			"%s: statements.opaque.default: allow: functions, DO and CALL may read masked "
			"columns "
			"and show them",
			o->where);
		say(arg, text);
	}
}

void policy_key_files(const struct policy *p, void (*fn)(void *arg, const char *path), void *arg)
{
	for (const struct key_path *k = p->documents.keys; k; k = k->next)
		fn(arg, k->path);
}

unsigned policy_databases(const struct policy *p)
{
	return p->ndatabases;
}

const struct database *policy_database_at(const struct policy *p, unsigned i)
{
	return i < p->ndatabases ? p->databases[i] : NULL;
}

unsigned policy_uids(const struct policy *p, const uint32_t **uids)
{
	*uids = p->uids;
	return p->nuids;
}
