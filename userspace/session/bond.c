/* SPDX-License-Identifier: MIT */
/* Each part is a keyed digest, so that what is kept of it says nothing of the constants in it. What is not
 * known is a number that no other session and no later catalogue has: then nothing else is ever the same. */
#include "session/bond.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/pod.h"
#include "mask/hmac.h"
#include "session/hold.h"
#include "session/state.h"

enum bond_part bond_moved(const struct bond *a, const struct bond *b)
{
	for (unsigned i = 0; i < BOND_MAX; i++)
		if (memcmp(a->part[i], b->part[i], BOND_LEN) != 0)
			return (enum bond_part)i;
	return BOND_MAX;
}

enum bond_part bond_shape_moved(const struct bond *a, const struct bond *b)
{
	static const uint8_t none[BOND_LEN];

	if (memcmp(a->shape, none, BOND_LEN) == 0 || memcmp(a->shape, b->shape, BOND_LEN) != 0)
		return BOND_STATEMENT;
	for (unsigned i = 0; i < BOND_MAX; i++)
		if (i != BOND_STATEMENT && memcmp(a->part[i], b->part[i], BOND_LEN) != 0)
			return (enum bond_part)i;
	return BOND_MAX;
}

const char *bond_part_name(enum bond_part p)
{
#define X(name, word) [BOND_##name] = (word),
	static const char *const names[] = {BOND_PARTS(X)};
#undef X
	return (unsigned)p < BOND_MAX ? names[p] : "nothing";
}

/* ---- relations ---- */

struct walk {
	const struct catalog *c;
	struct reached *out;
};

static int reach(struct walk *w, uint32_t oid)
{
	const struct relation *r = catalog_relation_by_oid(w->c, oid);

	for (unsigned i = 0; i < w->out->n; i++)
		if (w->out->v[i] == r)
			return 0;
	if (!r || r->system)
		return 0;
	if (w->out->n == HELD_RELATIONS_MAX)
		return -ENOSPC;
	w->out->v[w->out->n++] = r;
	return 0;
}

static int reach_from(struct walk *w, const struct relation *r)
{
	int rc = 0;

	for (unsigned i = 0; i < r->nchildren && !rc; i++)
		rc = reach(w, r->children[i]);
	for (unsigned i = 0; i < r->nbelow && !rc; i++)
		rc = reach(w, r->below[i]);
	/* what is changed here may change there, and run what is there */
	for (unsigned i = 0; i < r->nreferences && !rc; i++)
		rc = reach(w, r->references[i].relid);
	return rc;
}

static int by_oid(const void *a, const void *b)
{
	uint32_t x = (*(const struct relation *const *)a)->oid, y = (*(const struct relation *const *)b)->oid;

	return x < y ? -1 : x > y;
}

int bond_relations(struct session *s, const struct held *h, struct reached *out)
{
	struct walk w = {binding_catalog(s->binding), out};
	int rc = 0;

	*out = (struct reached){.v = arena_array(&s->scratch, HELD_RELATIONS_MAX, sizeof(*out->v))};
	if (!out->v)
		return -ENOMEM;
	for (unsigned i = 0; i < h->nplans && !rc; i++)
		for (const struct plan *p = h->plans[i]; p && !rc; p = p->inner)
			for (unsigned k = 0; k < p->nrelations && !rc; k++)
				rc = reach(&w, p->relations[k]);
	for (unsigned i = 0; i < out->n && !rc; i++)
		rc = reach_from(&w, out->v[i]);
	if (!rc)
		qsort(out->v, out->n, sizeof(*out->v), by_oid);
	return rc;
}

/* ---- digests ---- */

static void put_text(struct put *w, const char *s)
{
	put_u8(w, s != NULL);
	if (s)
		put_cstr(w, s);
}

static void put_bytes_of(struct put *w, struct span s)
{
	put_be32(w, (uint32_t)s.n);
	put_span(w, s);
}

/* What only this session has. */
static void put_own(struct put *w, const struct session *s)
{
	put_be32(w, s->key.pid);
	put_span(w, span_of(s->key.secret, sizeof(s->key.secret)));
}

static int digest(const struct session *s, struct put *w, enum bond_part part, struct bond *out)
{
	struct span bytes = put_bytes(w);
	int r = put_failed(w) ? -ENOMEM : 0;

	if (!r)
		hmac_sha256(s->env->desk->key, &bytes, 1, out->part[part]);
	put_reset(w);
	return r;
}

static void put_statement(struct put *w, const struct session *s, const struct held *h)
{
	const struct msg_bind *m = h->bind;

	/* whom nobody may approve for is who asks: another user of the same subject asks for himself */
	put_text(w, s->grant.identity);
	put_be32(w, s->who->uid);
	put_text(w, s->who->pod ? s->who->pod->namespace : NULL);
	put_text(w, s->who->pod ? s->who->pod->service_account : NULL);
	put_text(w, s->grant.database->name);
	put_text(w, s->dbname);
	put_bytes_of(w, h->text);
	put_bytes_of(w, h->named);
	put_bytes_of(w, h->types);
	put_u8(w, m != NULL);
	if (!m)
		return;
	put_be16(w, m->nparam_formats);
	put_bytes_of(w, m->param_formats);
	put_be16(w, m->nparams);
	put_bytes_of(w, m->params);
}

static void put_role(struct put *w, const struct session *s)
{
	put_text(w, session_user(s));
	put_text(w, s->settled_user);
	put_text(w, s->role_set);
	put_be32(w, s->role);
	put_u8(w, s->superuser);
	put_u8(w, s->switched);
}

/* The name of the temporary schema is another one in each session: what is found there is among the
 * relations. */
static void put_path(struct put *w, const struct session *s)
{
	put_text(w, s->path.user);
	for (unsigned i = 0; i < s->path.n; i++) {
		if (!(s->path.counts >> i & 1) || (s->path.temp && !strcmp(s->path.temp, s->path.v[i])))
			continue;
		put_text(w, s->path.v[i]);
	}
	put_u8(w, s->path.temp_first);
	if (s->own.doubtful)
		put_own(w, s);
}

static void put_objects(struct put *w, const struct session *s, const struct held *h, const struct reached *r)
{
	const struct catalog *c = binding_catalog(s->binding);

	put_text(w, catalog_code_digest(c));
	for (unsigned i = 0; i < r->n; i++) {
		put_be32(w, r->v[i]->oid);
		put_text(w, r->v[i]->digest);
		if (!r->v[i]->digest)
			put_be32(w, (uint32_t)catalog_version(c));
	}
	/* what the catalogue does not have is not known to stay the same */
	for (unsigned i = 0; i < h->nplans; i++)
		for (const struct plan *p = h->plans[i]; p; p = p->inner)
			for (unsigned k = 0; k < p->nrelations; k++)
				if (!catalog_relation_by_oid(c, p->relations[k]))
					put_be32(w, (uint32_t)catalog_version(c));
}

static void put_settings(struct put *w, const struct session *s)
{
	const struct value_style *y = &s->style.reported;

	put_u8(w, (uint8_t)y->date);
	put_u8(w, (uint8_t)y->order);
	put_u8(w, (uint8_t)y->interval);
	put_text(w, s->application); /* current_setting() shows it */
	for (unsigned i = 0; i < s->hold->nsettings; i++) {
		put_span(w, span_of(s->hold->setting[i].name, sizeof(s->hold->setting[i].name)));
		put_span(w, span_of(s->hold->setting[i].value, sizeof(s->hold->setting[i].value)));
	}
	if (!s->style.doubtful && !s->style.zone_doubtful && !s->pin.ran && !s->hold->doubtful &&
		!s->settings_unknown)
		return;
	/* whatever has run since may have set something */
	put_own(w, s);
	put_be32(w, (uint32_t)s->stats.statements);
}

void bond_under(struct session *s, uint8_t out[static BOND_LEN])
{
	struct bond b = {0};
	struct put w = {0};

	put_start(&w, 'U');
	put_role(&w, s);
	put_path(&w, s);
	put_be32(&w, s->moves);
	put_u8(&w, s->pin.ran);
	put_finish(&w);
	if (digest(s, &w, BOND_SETTINGS, &b))
		memset(&b, 0, sizeof(b));
	memcpy(out, b.part[BOND_SETTINGS], BOND_LEN);
	put_fini(&w);
}

bool bond_still_under(struct session *s, const uint8_t then[static BOND_LEN])
{
	static const uint8_t unknown[BOND_LEN];
	uint8_t now[BOND_LEN];

	bond_under(s, now);
	return memcmp(now, then, BOND_LEN) == 0 && memcmp(now, unknown, BOND_LEN) != 0;
}

int bond_of(struct session *s, const struct held *h, const struct reached *r, struct bond *out)
{
	struct put w = {0};
	int rc;

	*out = (struct bond){0};
	/* put_bytes() gives what is finished: each part is written as a message of its own */
	put_start(&w, 'S');
	put_statement(&w, s, h);
	put_finish(&w);
	rc = digest(s, &w, BOND_STATEMENT, out);
	put_start(&w, 'R');
	put_role(&w, s);
	put_finish(&w);
	rc = rc ? rc : digest(s, &w, BOND_ROLE, out);
	put_start(&w, 'P');
	put_path(&w, s);
	put_finish(&w);
	rc = rc ? rc : digest(s, &w, BOND_PATH, out);
	put_start(&w, 'O');
	put_objects(&w, s, h, r);
	put_finish(&w);
	rc = rc ? rc : digest(s, &w, BOND_OBJECTS, out);
	put_start(&w, 'T');
	put_settings(&w, s);
	put_finish(&w);
	rc = rc ? rc : digest(s, &w, BOND_SETTINGS, out);
	put_start(&w, 'Y');
	put_span(&w, span_of(policy_digest(s->policy), BOND_LEN));
	put_finish(&w);
	rc = rc ? rc : digest(s, &w, BOND_POLICY, out);
	put_fini(&w);
	return rc;
}
