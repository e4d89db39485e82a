/* SPDX-License-Identifier: MIT */
/* Judging needs three things that can move under a session: the policy, the catalogue, and what names mean.
 * Each is taken as it is at this statement; where one of them is not known yet, the statement waits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/state.h"

#define LATE_MS           5000 /* rows that come later than this after the judgement: is it still true? */
#define NEGATIVE_AGE_MS   1000 /* an unknown name is believed unknown for so long */
#define UNKNOWN_STATEMENT "26000"
#define UNKNOWN_CURSOR    "34000"

static int wait_for_catalog(
	struct session *s, uint64_t arrived_ms, uint64_t min_ms, const struct err *why, struct err *e)
{
	if (slot_failed_ms(s->slot) > arrived_ms)
		return err_sql(
			e, -EACCES, "57P03", "the catalogue of this database cannot be read: %s", why->msg);
	if (s->now_ms >= arrived_ms + JUDGE_WAIT_MS)
		return err_sql(e, -EACCES, "57P03", "the catalogue of this database was not read in time");
	slot_ask(s->slot, min_ms);
	s->catalog_since_ms = arrived_ms;
	s->waits_for_catalog = true;
	s->wake_ms = arrived_ms + JUDGE_WAIT_MS;
	return -EAGAIN;
}

/* What the server said at login is newer than what was read before it. */
static int wait_for_newer(struct session *s, uint64_t arrived_ms, const struct err *why, struct err *e)
{
	uint64_t newest = s->catalog_as_of_ms > s->settled_ms ? s->catalog_as_of_ms : s->settled_ms;

	catalog_unref(s->catalog);
	s->catalog = NULL;
	return wait_for_catalog(s, arrived_ms, newest + 1, why, e);
}

/* A relayed session's role, as the catalogue has it: known, and still what the login looked at. */
static int check_role(struct session *s, uint64_t arrived_ms, const struct err *why, struct err *e)
{
	enum catalog_role role = catalog_role(s->catalog, s->role, s->role_name);

	if (role == ROLE_PLAIN)
		return 0;
	if (role == ROLE_UNKNOWN || s->catalog_as_of_ms <= s->settled_ms)
		return wait_for_newer(s, arrived_ms, why, e);
	return err_sql(e, -EACCES, "42501",
		"role \"%.63s\" is not what it was at login: it was renamed, dropped, or given powers that "
		"reach "
		"data past the masks",
		s->role_name);
}

/* Which schemas of the path count, the server decides when it sees reason to: it takes notice of schemas that
 * changed, but not (before 16) of a role that may use them since it became a member of another. So they must
 * be those that it counted at login: what names mean to it after a change is not known. */
static int check_path(struct session *s, uint64_t arrived_ms, const struct err *why, struct err *e)
{
	for (unsigned i = 0; i < s->path.n && s->switched; i++) {
		if (!(s->path.counts >> i & 1) || catalog_schema_exists(s->catalog, s->path.v[i]) ||
			(s->path.temp && strcmp(s->path.temp, s->path.v[i]) == 0))
			continue;
		if (s->catalog_as_of_ms <= s->settled_ms)
			return wait_for_newer(s, arrived_ms, why, e);
		return err_sql(e, -EACCES, "42501",
			"a schema of the search_path is not known to the engine, whose role may not use it");
	}
	for (unsigned i = 0; i < s->path.n && !s->switched; i++) {
		bool counts = s->role ? catalog_schema_usable(s->catalog, s->role, s->path.v[i])
				      : catalog_schema_exists(s->catalog, s->path.v[i]);

		if (counts == (s->path.counts >> i & 1) ||
			(s->path.temp && strcmp(s->path.temp, s->path.v[i]) == 0))
			continue;
		if (s->catalog_as_of_ms <= s->settled_ms)
			return wait_for_newer(s, arrived_ms, why, e);
		return enter_leave(s,
			"the schemas of this session's search_path that its role may use changed: connect "
			"again");
	}
	return 0;
}

/* What was read over this connection is as true as the shared catalogue is still the one of that time. */
static int take_own_binding(struct session *s, uint64_t arrived_ms, uint64_t min_ms, struct err *e)
{
	struct err why = {0};
	struct binding *b;
	int r;

	/* where a transaction failed nothing can be read, nor run but what ends it */
	if (s->own.read_ms < min_ms && !s->pin.failed) {
		catalog_unref(s->catalog);
		s->catalog = slot_get(s->slot, &s->catalog_as_of_ms, &why);
		if (s->catalog_as_of_ms < min_ms)
			return wait_for_catalog(s, arrived_ms, min_ms, &why, e);
		if (s->catalog != s->own.base)
			return own_again(s);
	}
	if (s->binding && binding_catalog(s->binding) == s->own.catalog &&
		binding_policy(s->binding) == s->policy)
		return 0;
	r = binding_new(&b, s->policy, &s->grant, s->own.catalog, s->place, true, s->own.heirs, e);
	if (r)
		return -EACCES;
	own_unbind(s);
	s->binding = b;
	s->own.alone = true;
	return 0;
}

/* s->binding: the session's rules over a catalogue that was true tolerance_ms before the message came, or
 * later. */
static int take_binding(struct session *s, uint64_t tolerance_ms, struct err *e)
{
	uint64_t arrived = s->catalog_since_ms ? s->catalog_since_ms : s->now_ms;
	uint64_t min_ms = arrived > tolerance_ms ? arrived - tolerance_ms : 0;
	struct err why = {0};
	struct binding *b;
	bool alone;
	int r;

	if (s->own.catalog)
		return take_own_binding(s, arrived, min_ms, e);
	if (min_ms < s->own.since_ms)
		min_ms = s->own.since_ms;
	if (!s->catalog || s->catalog_as_of_ms < min_ms) {
		catalog_unref(s->catalog);
		s->catalog = slot_get(s->slot, &s->catalog_as_of_ms, &why);
	}
	if (!s->catalog || s->catalog_as_of_ms < min_ms)
		return wait_for_catalog(s, arrived, min_ms ? min_ms : 1, &why, e);
	if (s->role) {
		r = check_role(s, arrived, &why, e);
		if (r)
			return r;
	}
	own_forget(s);
	if (s->binding && binding_catalog(s->binding) == s->catalog &&
		binding_policy(s->binding) == s->policy)
		return 0;
	r = check_path(s, arrived, &why, e);
	if (r)
		return r;
	alone = heirs_count(s->own.heirs) > 0;
	r = alone ? binding_new(&b, s->policy, &s->grant, s->catalog, s->place, false, s->own.heirs, e)
		  : cache_binding(s->env->cache, s->policy, &s->grant, s->slot, s->place, s->catalog, &b, e);
	if (r)
		return -EACCES;
	own_unbind(s);
	s->binding = b;
	s->own.alone = alone;
	return 0;
}

static int wait_since(struct session *s, uint64_t since_ms, struct err *e)
{
	struct err why = {0};

	catalog_unref(s->catalog);
	s->catalog = slot_get(s->slot, &s->catalog_as_of_ms, &why);
	return wait_for_catalog(s, s->catalog_since_ms ? s->catalog_since_ms : s->now_ms, since_ms, &why, e);
}

int judge_newer(struct session *s, uint64_t since_ms, struct err *e)
{
	if (s->own.catalog) /* where a transaction failed nothing runs but what ends it */
		return s->own.read_ms >= since_ms || s->pin.failed ? 0 : own_again(s);
	return s->catalog_as_of_ms >= since_ms ? 0 : wait_since(s, since_ms, e);
}

static int judge_by(
	struct session *s, struct name_scope *scope, struct span text, struct judgement **out, struct err *e)
{
	scope->catalog = binding_catalog(s->binding);
	if (cache_judge(s->env->cache, s->binding, scope, text, out, e))
		return -EACCES;
	if (own_needless(s, *out))
		return 0;
	judgement_unref(*out);
	*out = NULL;
	s->own.failed = false; /* the next one may try again */
	return err_sql(e, -EACCES, "57P03",
		"definitions changed in this transaction, and what they are now cannot be read (%s)",
		s->own.sqlstate);
}

static int judge_here(struct session *s, struct span text, struct judgement **out, struct err *e)
{
	const char *path[PATH_MAX_NAMES];
	struct name_scope scope;

	path_scope(s, path, &scope);
	return judge_by(s, &scope, text, out, e);
}

/* What the server has of j's text is what it would get of newer's: it may filter other rows, or none. */
static bool same_filters(const struct judgement *j, const struct judgement *newer)
{
	const struct wrapped *a = judgement_plans(j)->wrapped, *b = judgement_plans(newer)->wrapped;

	return a && b ? strcmp(a->text, b->text) == 0 : a == b;
}

static bool may_change(const struct judgement *j)
{
	const struct judged *js = judgement_plans(j);

	for (unsigned i = 0; i < js->n; i++)
		if (js->plans[i]->retry)
			return true;
	return false;
}

int judge_text(struct session *s, struct span text, struct judgement **out, struct err *e)
{
	uint64_t short_age = s->env->max_age_ms < NEGATIVE_AGE_MS ? s->env->max_age_ms : NEGATIVE_AGE_MS;
	int r = enter_policy(s);

	if (!r)
		r = take_binding(s, s->env->max_age_ms, e);
	if (r)
		return r;
	r = judge_here(s, text, out, e);
	if (r || !may_change(*out))
		return r;
	judgement_unref(*out);
	*out = NULL;
	r = take_binding(s, short_age, e);
	return r ? r : judge_here(s, text, out, e);
}

/* What is to be judged in the place of the only statement, which was denied; NULL: nothing. */
static const char *proposed(const struct judgement *j)
{
	const struct judged *js = judgement_plans(j);

	return js->n == 1 && js->plans[0]->verdict == DENY ? js->plans[0]->instead : NULL;
}

/* *out is of the text that is sent, so that judging it again is judging that. */
static int judge_proposed(
	struct session *s, struct span text, struct judgement **out, const char **instead, struct err *e)
{
	struct judgement *other = NULL;
	const char *sent;
	int r = judge_text(s, text, out, e);

	*instead = NULL;
	if (r)
		return r;
	if (!proposed(*out)) {
		*instead = judgement_plans(*out)->n == 1 ? judgement_plans(*out)->plans[0]->instead : NULL;
		if (hold_lists(judgement_plans(*out))) {
			*instead = hold_list(s);
			if (!*instead) {
				judgement_unref(*out);
				*out = NULL;
				return err_sql(e, -EACCES, "53200", "out of memory");
			}
		}
		return 0;
	}
	sent = arena_strdup(&s->scratch, proposed(*out));
	r = sent ? judge_text(s, span_of(sent, strlen(sent)), &other, e)
		 : err_sql(e, -EACCES, "53200", "out of memory");
	if (!r && frontend_denial(judgement_plans(other))) {
		judgement_unref(other);
		return 0;
	}
	judgement_unref(*out);
	*out = r ? NULL : other;
	*instead = sent;
	return r;
}

int judge_sent(
	struct session *s, struct span text, struct judgement **out, const char **instead, struct err *e)
{
	int r = judge_proposed(s, text, out, instead, e);

	if (!r && judgement_plans(*out)->wrapped)
		*instead = judgement_plans(*out)->wrapped->text;
	return r;
}

/* What code may have done since counts, however names are looked for. */
static void after_code(struct name_scope *s, const struct name_scope *now)
{
	s->temp_doubtful = now->temp_doubtful;
	s->own_settings = now->own_settings;
}

/* The server plans a prepared statement anew under another search_path; what a portal or cursor reads was
 * found when it was opened. */
static int again_within(struct session *s, uint64_t tolerance_ms, enum look look, const struct judgement *j,
	struct span text, struct judgement **out, struct err *e)
{
	const char *path[PATH_MAX_NAMES];
	struct name_scope scope;
	int r = take_binding(s, tolerance_ms, e);

	*out = NULL;
	if (r)
		return r;
	path_scope(s, path, &scope);
	if (look == LOOK_AS_THEN) {
		struct name_scope then = *judgement_scope(j);

		after_code(&then, &scope);
		scope = then;
	}
	if (judgement_binding(j) == s->binding && judgement_looked(j, &scope))
		return 0;
	r = judge_by(s, &scope, text, out, e);
	if (r || same_filters(j, *out))
		return r;
	judgement_unref(*out);
	*out = NULL;
	return err_sql(e, -EACCES, "0A000", "cached plan must not change result type");
}

int judge_again(struct session *s, enum look look, const struct judgement *j, struct span text,
	struct judgement **out, struct err *e)
{
	int r = enter_policy(s);

	*out = NULL;
	return r ? r : again_within(s, s->env->max_age_ms, look, j, text, out, e);
}

static bool reads(const struct judgement *j, uint32_t relid)
{
	const struct judged *js = judgement_plans(j);

	for (unsigned i = 0; i < js->n; i++)
		for (const struct plan *p = js->plans[i]; p; p = p->inner)
			for (unsigned k = 0; k < p->nrelations; k++)
				if (p->relations[k] == relid)
					return true;
	return false;
}

/* The server keeps the plan of a prepared statement while what it reads and the search_path are the same,
 * also where a name would find something nearer now. Drivers know this state, and prepare anew. */
int judge_kept(struct session *s, const struct judgement *j, const struct judgement *newer, struct err *e)
{
	const struct judged *js = judgement_plans(j);
	bool kept = js->n > 0, other = false;
	struct name_scope then = *judgement_scope(newer);

	after_code(&then, judgement_scope(j)); /* of which the server's plans know nothing */
	if (!judgement_looked(j, &then))
		return 0;
	for (unsigned i = 0; i < js->n; i++)
		for (const struct plan *p = js->plans[i]; p; p = p->inner)
			for (unsigned k = 0; k < p->nrelations; k++) {
				kept = kept &&
				       catalog_relation_by_oid(binding_catalog(s->binding), p->relations[k]);
				other = other || !reads(newer, p->relations[k]);
			}
	return kept && other ? err_sql(e, -EACCES, "0A000", "cached plan must not change result type") : 0;
}

/* Looks for the last thing sent that changes what name means; what an unfinished earlier group does is not
 * known. */
static int find(struct session *s, struct span name, struct prepared *settled, struct prepared **out,
	enum effect (*fn)(const struct expected *, struct span, struct prepared **))
{
	bool ended = false;

	for (unsigned i = pipeline_len(&s->pipe); i-- > 0;) {
		struct expected *x = pipeline_at(&s->pipe, i);
		struct prepared *defined = NULL;

		ended |= x->kind == EXPECT_SYNC || x->kind == EXPECT_QUERY;
		switch (fn(x, name, &defined)) {
		case EFFECT_NONE: continue;
		case EFFECT_DROPS:
		case EFFECT_DEFINES: *out = defined; return ended ? -EAGAIN : 0;
		}
	}
	*out = settled;
	return 0;
}

int judge_find_prepared(struct session *s, struct span name, struct prepared **out)
{
	return find(s, name, names_prepared(&s->names, name), out, expected_on_prepared);
}

int judge_find_portal(struct session *s, struct span name, struct prepared **out)
{
	struct portal *p = names_portal(&s->names, name);

	return find(s, name, p ? p->prepared : NULL, out, expected_on_portal);
}

static int find_target(struct session *s, const struct plan *plan, const struct step *before,
	unsigned nbefore, struct prepared **out)
{
	struct span name = span_of(plan->name, strlen(plan->name));
	bool fetch = plan->kind == STATEMENT_FETCH;

	for (unsigned i = nbefore; i-- > 0;) {
		enum effect f = fetch ? step_on_portal(&before[i], name, out)
				      : step_on_prepared(&before[i], name, out);

		if (f != EFFECT_NONE)
			return 0;
	}
	return fetch ? judge_find_portal(s, name, out) : judge_find_prepared(s, name, out);
}

const struct plan *judge_inner(const struct judgement *j)
{
	const struct judged *js = judgement_plans(j);
	const struct plan *p = js->n ? js->plans[0] : NULL;

	if (p && p->verdict != DENY && (p->kind == STATEMENT_PREPARE || p->kind == STATEMENT_DECLARE))
		return p->inner;
	return p;
}

/* What may be run by name: the server runs any prepared statement this way, also one that changes what names
 * mean, and its answer says nothing of that. */
static bool plain_rows(const struct plan *p)
{
	return p &&
	       (p->kind == STATEMENT_SELECT || p->kind == STATEMENT_INSERT || p->kind == STATEMENT_UPDATE ||
		       p->kind == STATEMENT_DELETE || p->kind == STATEMENT_MERGE);
}

static int take_target(struct session *s, const struct plan *plan, const struct step *before,
	unsigned nbefore, struct step *st, struct err *e)
{
	bool fetch = plan->kind == STATEMENT_FETCH;
	struct prepared *target = NULL;
	const struct plan *now;
	int r;

	if (!plan->name)
		return err_sql(e, -EACCES, "42501", "%s without a name is not understood",
			plan->tag ? plan->tag : "");
	r = find_target(s, plan, before, nbefore, &target);
	if (r)
		return r;
	if (!target && plan->kind == STATEMENT_FETCH)
		return err_sql(e, -EACCES, UNKNOWN_CURSOR, "cursor \"%s\" does not exist", plan->name);
	if (!target)
		return err_sql(e, -EACCES, UNKNOWN_STATEMENT, "prepared statement \"%s\" does not exist",
			plan->name);
	if (!plain_rows(target->plan))
		return err_sql(e, -EACCES, "42501", "\"%s\" is no plain query, and is not run by name here",
			plan->name);
	r = judge_again(
		s, fetch ? LOOK_AS_THEN : LOOK_AS_NOW, target->j, prepared_text(target), &st->newer, e);
	if (!r && st->newer && !fetch)
		r = judge_kept(s, target->j, st->newer, e);
	if (r)
		return r;
	now = st->newer ? judge_inner(st->newer) : NULL;
	if (now && now->verdict == DENY) {
		s->cause = now->guarded ? CAUSE_GUARD : s->cause;
		return err_sql(e, -EACCES, now->sqlstate, "%s", now->reason);
	}
	st->target = prepared_ref(target);
	return 0;
}

/* EXPLAIN EXECUTE shows a plan that was made for the constants: it runs nothing, but the estimates tell. So
 * it is let see only what has nothing masked within reach. */
static bool tells_nothing(const struct plan *p)
{
	return p && !p->sanitize && !pin_code(p) && !p->masks && !p->nspends;
}

/* What the name means is not known to its own text, so what would have to be paid for does not run this way.
 */
static int check_inner_execute(struct session *s, const struct plan *plan, const struct step *before,
	unsigned nbefore, struct err *e)
{
	struct step st = {0};
	int r = take_target(s, plan->inner, before, nbefore, &st, e);
	const struct plan *p = r ? NULL : st.newer ? judge_inner(st.newer) : st.target->plan;

	if (!r && !(plan->kind == STATEMENT_EXPLAIN && !plan->frank ? tells_nothing(p) : p && p->frank))
		r = err_sql(e, -EACCES, "42501",
			"%s of a statement that has masked columns in it, or may have, is not allowed",
			plan->tag ? plan->tag : "this");
	if (!r && plan->kind == STATEMENT_EXPLAIN &&
		judgement_plans(st.newer ? st.newer : st.target->j)->wrapped)
		r = err_sql(e, -EACCES, "42501",
			"EXPLAIN of a statement that reads a relation with a row filter is not allowed");
	if (!r && p && (p->verdict == ASK || p->nthresholds))
		r = err_sql(e, -EACCES, "42501",
			"%s EXECUTE of a statement that needs an approval is not allowed",
			plan->tag ? plan->tag : "this");
	if (!r && (!p || p->nspends))
		r = err_sql(e, -EACCES, "42501",
			"%s EXECUTE of a statement that compares a masked column is not allowed",
			plan->tag ? plan->tag : "this");
	if (!r)
		r = pass_step(s, &st, e);
	step_fini(&st);
	return r;
}

static struct span sent_text(const struct judgement *j)
{
	const struct wrapped *w = judgement_plans(j)->wrapped;

	return w ? span_of(w->text, strlen(w->text)) : judgement_text(j);
}

/* A PREPARE or DECLARE is judged by itself, so that it can be judged again by itself. */
static int take_definition(
	struct session *s, const struct plan *plan, struct judgement *j, struct step *st, struct err *e)
{
	struct span text = judgement_text(j), name = span_of(plan->name, plan->name ? strlen(plan->name) : 0);
	struct judgement *alone = NULL;
	const struct plan *inner;
	int r;

	if (names_full(&s->names))
		return err_sql(e, -EACCES, "53400", "too many prepared statements or cursors");
	if (plan->location > text.n || plan->len > text.n - plan->location || name.n > NAME_LEN_MAX)
		return err_sql(
			e, -EACCES, "42501", "%s is not understood", plan->tag ? plan->tag : "the statement");
	text = span_of(text.p + plan->location, plan->len ? plan->len : text.n - plan->location);
	r = judge_text(s, text, &alone, e);
	if (r)
		return r;
	inner = judge_inner(alone);
	text = sent_text(alone);
	if (judgement_plans(alone)->n != 1 || !inner || inner->verdict == DENY ||
		!memmem(sent_text(j).p, sent_text(j).n, text.p, text.n)) {
		judgement_unref(alone);
		return err_sql(
			e, -EACCES, "42501", "%s is not understood", plan->tag ? plan->tag : "the statement");
	}
	st->defines = prepared_new(name, alone, inner);
	judgement_unref(alone);
	if (!st->defines)
		return err_sql(e, -EACCES, "53200", "out of memory");
	st->defines->from_sql = true;
	return 0;
}

/* A deferred trigger would find it. */
static int take_heir(struct session *s, struct err *e)
{
	if (heirs_count(s->own.heirs) == HEIRS_MAX)
		return err_sql(e, -EACCES, "53400", "too many copies of masked columns in this session");
	if (s->own.ran)
		return err_sql(e, -EACCES, "42501",
			"code of the database's own ran in this transaction, and may yet read copies of "
			"masked columns");
	return 0;
}

/* A channel's name is the client's own from here on, whatever becomes of the LISTEN. */
static int take_channel(struct session *s, const char *channel, struct err *e)
{
	int r = names_listen(&s->names, channel);

	if (r == -ENOSPC)
		return err_sql(e, -EACCES, "53400", "too many channels in this session");
	return r ? err_sql(e, -EACCES, "53200", "out of memory") : 0;
}

int judge_step(struct session *s, const struct plan *plan, struct judgement *j, const struct step *before,
	unsigned nbefore, struct step *st, struct err *e)
{
	*st = (struct step){.plan = plan};
	if (!plan)
		return 0;
	if (plan->inner && plan->inner->kind == STATEMENT_EXECUTE)
		return check_inner_execute(s, plan, before, nbefore, e);
	if (plan->kind == STATEMENT_EXECUTE || plan->kind == STATEMENT_FETCH)
		return take_target(s, plan, before, nbefore, st, e);
	if (plan->kind == STATEMENT_PREPARE || plan->kind == STATEMENT_DECLARE)
		return take_definition(s, plan, j, st, e);
	if (plan->kind == STATEMENT_LISTEN)
		return take_channel(s, plan->name, e);
	if (plan->heir)
		return take_heir(s, e);
	return 0;
}

static const struct plan *denied(const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		if (js->plans[i]->verdict == DENY)
			return js->plans[i];
	return NULL;
}

bool judge_holds(struct session *s, uint64_t judged_ms, const struct judgement *j, struct step *st,
	struct judgement **newer)
{
	const struct judgement *last = *newer ? *newer : j;
	struct judgement *n = NULL;
	/* With a max_age of 0 a statement is judged by what was true when it came; it may still take a while.
	 */
	uint64_t late_ms = s->env->max_age_ms > LATE_MS ? s->env->max_age_ms : LATE_MS;
	bool moved = s->pin.found && judgement_scope(last)->own_settings;
	struct err e = {0};

	if (s->now_ms - judged_ms <= late_ms && !moved)
		return true;
	/* it runs by now: other constants than were sent would mask the same */
	if (again_within(s, late_ms, LOOK_AS_THEN, last, judgement_text(last), &n, &e))
		return false;
	if (n) {
		judgement_unref(*newer);
		*newer = n;
	}
	if (denied(*newer))
		return false;
	if (!st->target)
		return true;
	n = NULL;
	last = st->newer ? st->newer : st->target->j;
	if (again_within(s, late_ms, LOOK_AS_THEN, last, prepared_text(st->target), &n, &e))
		return false;
	if (n) {
		judgement_unref(st->newer);
		st->newer = n;
	}
	return !denied(st->newer);
}

const struct plan *step_rows(const struct step *st)
{
	if (st->plan && (st->plan->kind == STATEMENT_EXECUTE || st->plan->kind == STATEMENT_FETCH))
		return st->target ? st->target->plan : NULL;
	return st->plan;
}
