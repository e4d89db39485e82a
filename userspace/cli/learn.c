/* SPDX-License-Identifier: MIT */
/* A message is asked, and later it is done: what comes of its text waits in between, by its number. A Bind
 * runs what was prepared by that name. Sessions of one run are in each other's way in the chain, so that each
 * that is open has its own. */
#include "cli/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "record/body.h"

#define SLOTS        1024u
#define PREPARED_MAX 256  /* of one session; what was prepared before them is not known any more */
#define WAITING_MAX  4096 /* likewise */
#define RELATIONS    512
#define TEXT_MEM     ((size_t)256 << 20)

struct said { /* what a text says */
	unsigned refs;
	const char *unread;          /* why; NULL: it was read */
	uint32_t *statements;        /* of shapes.h, n of them */
	struct shape_group **groups; /* the second walk: what lets each of them through */
	unsigned n;
	uint32_t dealing;
	bool judged, full;
};

struct waiting { /* for its end */
	struct waiting *next;
	uint64_t number;
	struct said *said;
	bool asked;
};

struct prepared {
	char *name;
	size_t n;
	struct said *said;
};

struct pupil { /* a session that is open */
	struct pupil *next;
	uint64_t id;
	bool wanted, entitled; /* against: the policy has something for it */
	struct waiting *first, **last;
	unsigned nwaiting;
	struct said *bound;
	struct prepared prepared[PREPARED_MAX];
	unsigned nprepared;
	uint8_t *met; /* a bit for each shape that ran in it */
	size_t nmet;
	struct arena mem; /* of the grant */
	struct grant grant;
	const char *stranger; /* why it has none; in mem */
};

struct learn {
	struct learn_config cfg;
	struct learn_result out;
	uint32_t run;
	struct pupil *slots[SLOTS];
	struct arena scratch;
	char database[256]; /* for covers() */
};

/* ---- what a text says ---- */

static struct said *said_ref(struct said *s)
{
	if (s)
		s->refs++;
	return s;
}

static void said_unref(struct said *s)
{
	if (!s || --s->refs)
		return;
	free(s->statements);
	free(s->groups);
	free(s);
}

static struct said *unread(const char *why)
{
	struct said *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->unread = why;
	s->dealing = DEALINGS_NONE;
	return s;
}

/* What is on record of what it does. */
static bool add_dealing(struct learn *l, struct said *s, struct span body, const struct shape *v, unsigned n)
{
	struct span *relations = arena_array(&l->scratch, RELATIONS, sizeof(*relations));
	struct dealing x = {.relations = relations, .asked = span_is(body_bytes(body, BODY_VERDICT), "ask")};
	struct body_item it;

	if (!relations)
		return false;
	while (body_next(&body, &it) == WIRE_OK) {
		for (unsigned e = 0; e < EFFECT_COUNT && it.field == BODY_EFFECT; e++)
			if (span_is(it.v, effect_name(e)))
				x.effects |= UINT64_C(1) << e;
		if (it.field == BODY_RELATION && x.n < RELATIONS)
			relations[x.n++] = it.v;
		s->judged |= it.field == BODY_EFFECT || it.field == BODY_TAG || it.field == BODY_RELATION;
	}
	s->dealing = dealings_add(l->cfg.dealings, &x, v, n);
	s->full |= s->dealing == DEALINGS_NONE;
	return true;
}

/* NULL: no memory. */
static struct said *read_text(struct learn *l, struct span body)
{
	struct span text = body_bytes(body, BODY_TEXT);
	struct shape *v = NULL;
	const char *why = "";
	struct said *s;
	unsigned n = 0;
	int r;

	arena_reset(&l->scratch);
	r = text.p ? shape_all(text, &l->scratch, &v, &n, &why) : -EINVAL;
	s = unread(r == 0         ? NULL
		   : !text.p      ? "its text is not on record"
		   : r == -ENOMEM ? "it is too large"
				  : why);
	if (!s || !add_dealing(l, s, body, v, r ? 0 : n))
		goto failed;
	s->statements = calloc(n + 1ul, sizeof(*s->statements));
	s->groups = calloc(n + 1ul, sizeof(struct shape_group *));
	if (!s->statements || !s->groups)
		goto failed;
	for (unsigned i = 0; i < n && !r; i++) {
		if (l->cfg.proves)
			s->groups[s->n++] = shapes_match(l->cfg.shapes, &v[i], &l->scratch);
		else if ((s->statements[s->n] = shapes_add(l->cfg.shapes, &v[i])) != SHAPES_NONE)
			s->n++;
		else
			s->full = true;
	}
	return s;
failed:
	said_unref(s);
	return NULL;
}

/* ---- sessions ---- */

static void leave(
	struct learn *l, struct learn_left *left, const struct pupil *p, uint64_t n, const char *why)
{
	left->n += n;
	left->why = why ? why : left->why;
	for (unsigned i = 0; i < left->nof; i++)
		if (left->of[i].run == l->run && left->of[i].session == p->id)
			return;
	if (left->nof == LEARN_NAMED || !n)
		return;
	left->of[left->nof].run = l->run;
	left->of[left->nof++].session = p->id;
}

static struct pupil **slot_of(struct learn *l, uint64_t id)
{
	struct pupil **at = &l->slots[id % SLOTS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void drop_first(struct pupil *p)
{
	struct waiting *w = p->first;

	p->first = w->next;
	if (!p->first)
		p->last = &p->first;
	p->nwaiting--;
	said_unref(w->said);
	free(w);
}

static void ended(struct learn *l, struct pupil *p, const struct waiting *w, bool well,
	struct learn_left *left, uint64_t us);

static void forget(struct learn *l, struct pupil **at)
{
	struct pupil *p = *at;

	while (p->first) {
		ended(l, p, p->first, false, &l->out.unended, 0);
		drop_first(p);
	}
	for (unsigned i = 0; i < PREPARED_MAX; i++) {
		free(p->prepared[i].name);
		said_unref(p->prepared[i].said);
	}
	said_unref(p->bound);
	free(p->met);
	arena_fini(&p->mem);
	*at = p->next;
	free(p);
}

/* The entry that it was connected by is known by its name. */
static enum coverage covers(void *arg, unsigned i)
{
	struct learn *l = arg;

	return strcmp(policy_database_at(l->cfg.against, i)->name, l->database) == 0 ? COVERS_YES : COVERS_NO;
}

static void copy(char *out, size_t cap, struct span v)
{
	size_t n = v.n < cap ? v.n : cap - 1;

	if (n)
		memcpy(out, v.p, n);
	out[n] = '\0';
}

static void take_grant(struct learn *l, struct pupil *p, struct span body)
{
	struct caller who = {.uid = (uint32_t)body_number(body, BODY_UID)};
	char dbname[256];
	struct err e = {0};

	copy(who.cgroup, sizeof(who.cgroup), body_bytes(body, BODY_CGROUP));
	copy(who.unit, sizeof(who.unit), body_bytes(body, BODY_UNIT));
	copy(l->database, sizeof(l->database), body_bytes(body, BODY_DATABASE));
	copy(dbname, sizeof(dbname), body_bytes(body, BODY_DBNAME));
	p->entitled = !policy_grant(l->cfg.against, &who, covers, l, dbname, &p->mem, &p->grant, &e) &&
		      p->grant.database;
	if (!p->entitled)
		p->stranger = arena_strdup(&p->mem, e.msg[0] ? e.msg : "no policy names this caller");
}

static int begin(struct learn *l, const struct read_record *rec, struct err *e)
{
	struct pupil **at = slot_of(l, rec->entry.session), *p;

	if (*at)
		forget(l, at);
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	arena_reset(&l->scratch);
	p->id = rec->entry.session;
	p->last = &p->first;
	p->wanted = learn_wants(&l->cfg.filter, l->run, p->id, rec->body, &l->scratch);
	if (p->wanted && l->cfg.against)
		take_grant(l, p, rec->body);
	p->next = l->slots[p->id % SLOTS];
	l->slots[p->id % SLOTS] = p;
	l->out.sessions += p->wanted;
	return 0;
}

/* ---- what ran ---- */

/* Whether it is the first of its shape that ran in the session. */
static bool is_new(struct pupil *p, unsigned shape)
{
	size_t byte = shape / 8;
	bool is;

	if (byte >= p->nmet) {
		uint8_t *more = realloc(p->met, byte + 64);

		if (!more)
			return false;
		memset(more + p->nmet, 0, byte + 64 - p->nmet);
		p->met = more;
		p->nmet = byte + 64;
	}
	is = !(p->met[byte] >> shape % 8 & 1);
	p->met[byte] |= (uint8_t)(1u << shape % 8);
	return is;
}

static const struct stencil *listed_of(const struct pupil *p, unsigned i, unsigned *n, const char **where)
{
	*n = p->grant.guards[i]->nonly;
	*where = p->grant.guards[i]->only_where;
	return p->grant.guards[i]->only;
}

/* Why the other policy would not let a statement of this shape through; NULL: it would. */
static const char *held_against(
	struct learn *l, const struct pupil *p, const struct said *s, const struct shape_group *g)
{
	struct guard_answer a = {.verdict = ALLOW};
	const char *where;
	unsigned n;

	if (!p->entitled)
		return p->stranger;
	for (unsigned i = 0; i < p->grant.nguards; i++) {
		const struct stencil *only = listed_of(p, i, &n, &where);
		bool fits = !n;

		for (unsigned k = 0; k < n && !fits; k++)
			fits = stencil_fits(&only[k], &g->pattern);
		if (!fits)
			return arena_printf(&l->scratch, "none of those that are listed at %s", where);
	}
	if (s->judged && s->dealing != DEALINGS_NONE)
		(void)dealings_judge(l->cfg.dealings, s->dealing, p->grant.guards, p->grant.nguards, &a);
	if (a.verdict == ALLOW)
		return NULL;
	for (unsigned e = 0; e < EFFECT_COUNT; e++)
		if (a.effect >> e & 1)
			return arena_printf(&l->scratch, "%s of %s: %s", verdict_name(a.verdict),
				effect_name(e), a.rule ? a.rule->where : a.guard->where);
	return "";
}

static void hold_against(struct learn *l, struct pupil *p, const struct said *s, unsigned i)
{
	struct shape_group *g = s->groups[i];
	const char *why = g ? held_against(l, p, s, g) : NULL;

	if (!why)
		return;
	g->refused++;
	snprintf(g->why, sizeof(g->why), "%s", why);
}

static void prove(struct learn *l, struct pupil *p, const struct said *s, bool asked)
{
	struct guard_answer a;
	enum verdict v;

	arena_reset(&l->scratch);
	for (unsigned i = 0; i < s->n; i++) {
		l->out.passed += s->groups[i] != NULL;
		if (!s->groups[i])
			leave(l, &l->out.stuck, p, 1, NULL);
		if (l->cfg.against)
			hold_against(l, p, s, i);
	}
	if (!l->cfg.rules || s->dealing == DEALINGS_NONE || !s->judged)
		return;
	v = dealings_judge(l->cfg.dealings, s->dealing, &l->cfg.rules, 1, &a);
	if (dealings_anything(l->cfg.dealings, s->dealing))
		leave(l, &l->out.anything, p, 1, NULL);
	else if (v == DENY)
		leave(l, &l->out.denied, p, 1, NULL);
	else if (v == ALLOW && asked)
		leave(l, &l->out.asked, p, 1, NULL);
}

static void learn_from(struct learn *l, struct pupil *p, const struct waiting *w, bool well, uint64_t us)
{
	const struct said *s = w->said;
	unsigned number;

	for (unsigned i = 0; i < s->n; i++) {
		struct shape_group *g = shapes_group(l->cfg.shapes, s->statements[i], &number);

		if (!well) {
			g->failed++;
			continue;
		}
		shapes_ran(l->cfg.shapes, s->statements[i]);
		g->ran++;
		g->asked += w->asked;
		g->sessions += is_new(p, number);
		g->last_us = us > g->last_us ? us : g->last_us;
	}
	if (!well)
		return;
	if (s->judged && s->dealing != DEALINGS_NONE)
		dealings_ran(l->cfg.dealings, s->dealing);
	else if (!s->judged)
		leave(l, &l->out.unjudged, p, 1, NULL);
}

/* left: where it did not end well. */
static void ended(struct learn *l, struct pupil *p, const struct waiting *w, bool well,
	struct learn_left *left, uint64_t us)
{
	const struct said *s = w->said;

	if (s->full)
		leave(l, &l->out.full, p, 1, NULL);
	if (!well)
		leave(l, left, p, 1, NULL);
	else if (s->unread)
		leave(l, &l->out.unread, p, 1, s->unread);
	if (well || l->cfg.failed) {
		l->out.ran += s->n;
		l->out.first_us = !l->out.first_us || (us && us < l->out.first_us) ? us : l->out.first_us;
		l->out.last_us = us > l->out.last_us ? us : l->out.last_us;
	}
	if (!l->cfg.proves)
		learn_from(l, p, w, well, us);
	else if (well || l->cfg.failed)
		prove(l, p, s, w->asked);
}

/* ---- records ---- */

static int wait_for(
	struct pupil *p, uint64_t number, struct said *said, bool asked, struct learn *l, struct err *e)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	if (p->nwaiting == WAITING_MAX) {
		ended(l, p, p->first, false, &l->out.unended, 0);
		drop_first(p);
	}
	*w = (struct waiting){.number = number, .said = said_ref(said), .asked = asked};
	*p->last = w;
	p->last = &w->next;
	p->nwaiting++;
	return 0;
}

static struct prepared *prepared_of(struct pupil *p, struct span name)
{
	for (unsigned i = 0; i < PREPARED_MAX; i++)
		if (p->prepared[i].said && span_eq(span_of(p->prepared[i].name, p->prepared[i].n), name))
			return &p->prepared[i];
	return NULL;
}

static int prepare(struct pupil *p, struct span name, struct said *said, struct err *e)
{
	struct prepared *at = prepared_of(p, name);
	char *copied = malloc(name.n + 1);

	if (!copied)
		return err_set(e, -ENOMEM, "out of memory");
	if (!at)
		at = &p->prepared[p->nprepared++ % PREPARED_MAX];
	if (name.n)
		memcpy(copied, name.p, name.n);
	free(at->name);
	said_unref(at->said);
	*at = (struct prepared){copied, name.n, said_ref(said)};
	return 0;
}

static int asked(struct learn *l, struct pupil *p, const struct read_record *rec, struct err *e)
{
	struct span message = body_bytes(rec->body, BODY_MESSAGE),
		    name = body_bytes(rec->body, BODY_PREPARED);
	struct span verdict = body_bytes(rec->body, BODY_VERDICT);
	uint64_t number = body_number(rec->body, BODY_STATEMENT);
	struct prepared *known;
	struct said *said = NULL;
	int r = 0;

	if (span_is(message, "more")) /* of a text that is too long already */
		return 0;
	if (!span_is(verdict, "allow") && !span_is(verdict, "ask")) {
		leave(l, &l->out.refused, p, 1, NULL);
		return 0;
	}
	if (span_is(message, "query") || span_is(message, "parse"))
		said = read_text(l, rec->body);
	else if (span_is(message, "bind"))
		said = (known = prepared_of(p, name)) ? said_ref(known->said)
						      : unread("its text is not on record");
	else
		said = span_is(message, "execute") && p->bound ? said_ref(p->bound)
							       : unread("it is no statement");
	if (!said)
		return err_set(e, -ENOMEM, "out of memory");
	if (span_is(message, "parse"))
		r = prepare(p, name, said, e);
	else
		r = wait_for(p, number, said, span_is(verdict, "ask"), l, e);
	if (span_is(message, "bind")) {
		said_unref(p->bound);
		p->bound = said_ref(said);
	}
	said_unref(said);
	return r;
}

/* A judged session says of each how it went; of another it is known of the last, and then of all before it.
 */
static void done(struct learn *l, struct pupil *p, const struct read_record *rec)
{
	uint64_t number = body_number(rec->body, BODY_STATEMENT);
	bool well = !body_bytes(rec->body, BODY_SQLSTATE).n;

	while (p->first && p->first->number <= number) {
		struct waiting *w = p->first;
		bool its = w->number == number || !w->said->judged;

		ended(l, p, w, its && well, its ? &l->out.failed : &l->out.unended, rec->entry.time_us);
		drop_first(p);
	}
}

static void forget_all(struct learn *l)
{
	for (unsigned i = 0; i < SLOTS; i++)
		while (l->slots[i])
			forget(l, &l->slots[i]);
}

int learn_new(struct learn **out, const struct learn_config *cfg, struct err *e)
{
	struct learn *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set(e, -ENOMEM, "out of memory");
	l->cfg = *cfg;
	arena_init(&l->scratch, TEXT_MEM);
	*out = l;
	return 0;
}

void learn_free(struct learn *l)
{
	if (!l)
		return;
	forget_all(l);
	arena_fini(&l->scratch);
	free(l);
}

int learn_take(struct learn *l, uint32_t run, const struct read_record *rec, struct err *e)
{
	const struct learn_filter *f = &l->cfg.filter;
	const struct entry *en = &rec->entry;
	struct pupil **at;

	if (run != l->run)
		forget_all(l);
	l->run = run;
	if (!en->session || !(LEARN_KINDS >> en->kind & 1) || (f->until_us && en->time_us > f->until_us))
		return 0;
	if (!rec->opened)
		return err_set(e, -ENOKEY, "the recording is enciphered: its key is needed (--key FILE)");
	if (en->kind == RECORD_BEGIN)
		return begin(l, rec, e);
	at = slot_of(l, en->session);
	if (!*at)
		return 0;
	if (en->kind == RECORD_END)
		forget(l, at);
	else if (!(*at)->wanted)
		return 0;
	else if (en->kind == RECORD_DONE)
		done(l, *at, rec);
	else if (en->time_us >= f->since_us)
		return asked(l, *at, rec, e);
	return 0;
}

const struct learn_result *learn_finish(struct learn *l)
{
	forget_all(l);
	return &l->out;
}
