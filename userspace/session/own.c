/* SPDX-License-Identifier: MIT */
/* What names mean to this session's server process alone: objects that it defined in a transaction which is
 * still open. The shared catalogue (sql/slot.h) has what was committed, temporary tables of all sessions
 * included; behind a commit the session only needs one that is newer. Before, it reads all definitions over
 * its own connection, once behind any number of statements that changed them, before the next message that is
 * judged.
 *
 * In a transaction block the reading stands between a savepoint and its rollback: settings, locks and errors
 * of ours go with it. In an open group of extended messages that is not possible: there it stands among the
 * client's messages, as a pin does, and an error of ours is the group's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/state.h"

#define READ_BYTES_MAX ((size_t)64 << 20)

/* What decides where names are looked for, or as whom. */
static bool turns(const struct plan *p)
{
	return plan_sets(p, "search_path") || plan_sets(p, "role") || plan_sets(p, "session_authorization");
}

static bool newer_turns(const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		if (turns(js->plans[i]))
			return true;
	return false;
}

static bool newer_by_path(const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		if (js->plans[i]->by_path || (js->plans[i]->inner && js->plans[i]->inner->by_path))
			return true;
	return false;
}

static bool by_path(const struct step *st)
{
	const struct plan *p = st->plan;

	return p->by_path || (p->inner && p->inner->by_path) || newer_by_path(st->newer) ||
	       (st->target && newer_by_path(st->target->j));
}

static bool turns_path(const struct plan *p, const struct step *st)
{
	return turns(p) || (st && (newer_turns(st->newer) || (st->target && turns(st->target->plan))));
}

static bool is_end(const struct plan *p)
{
	return p->kind == STATEMENT_TRANSACTION && !pin_begins(p);
}

static bool newer_defines(const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		if (js->plans[i]->defines)
			return true;
	return false;
}

static bool defines(const struct plan *p, const struct step *st)
{
	return (p && p->defines) || (st && (newer_defines(st->newer) || (st->target && st->target->plan &&
										st->target->plan->defines)));
}

/* Nothing will be judged under a binding of the session's own again. */
void own_unbind(struct session *s)
{
	if (s->own.alone)
		cache_forget(s->env->cache, s->binding);
	binding_unref(s->binding);
	s->binding = NULL;
	s->own.alone = false;
}

static void add_heir(struct session *s, const struct plan *p)
{
	if (!p || !p->heir)
		return;
	if (heirs_add(&s->own.heirs, p->heir))
		session_break(s, "53200", "out of memory");
	own_unbind(s);
}

void own_heirs(struct session *s, const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		add_heir(s, js->plans[i]);
}

/* Definitions that are not committed are not in the shared catalogue. */
void own_forget(struct session *s)
{
	if (!s->own.touched && s->path.temp && heirs_forget(s->own.heirs, s->catalog, s->path.temp))
		own_unbind(s);
}

bool own_sent(struct session *s, const struct plan *p, const struct step *st)
{
	bool changes = false;

	s->own.discarded = s->own.reset = false;
	add_heir(s, p);
	if (st)
		own_heirs(s, st->newer);
	if (pin_code(p) || pin_code_step(st)) {
		s->own.ran = true;
		s->own.code = true;
		s->own.doubtful = s->own.doubtful || s->path.temp;
	}
	if (defines(p, st)) {
		changes = s->own.touched = s->own.stale = true;
		s->own.lasting = s->own.lasting || !p || !p->defines || !p->temporary;
		s->own.redefines =
			s->own.redefines || !p || p->redefines || (p->inner && p->inner->redefines);
	}
	if (turns_path(p, st))
		changes = s->own.path = true;
	if (p && is_end(p) && (s->own.touched || s->own.path)) {
		changes = true;
		s->own.stale = s->own.touched;
	}
	if (changes)
		s->own.wait = s->own.look = true;
	return changes;
}

/* What was prepared is judged by the path of before the text, whatever the text makes of it. */
static bool runs_prepared(const struct plan *p)
{
	return p->kind == STATEMENT_EXECUTE || (p->inner && p->inner->kind == STATEMENT_EXECUTE);
}

bool own_fits_between(const struct session *s, const struct step *steps, unsigned n)
{
	bool defined = s->own.touched, turned = s->own.path, doubtful = false, path_only = false,
	     moved = false;

	for (unsigned i = 0; i < n; i++) {
		const struct plan *p = steps[i].plan;

		if (doubtful && p->kind != STATEMENT_TRANSACTION)
			return false;
		if ((path_only || (moved && runs_prepared(p))) && by_path(&steps[i]))
			return false;
		defined = defined || defines(p, &steps[i]);
		turned = turned || turns_path(p, &steps[i]);
		moved = moved || turns_path(p, &steps[i]);
		doubtful = doubtful || defines(p, &steps[i]) || (is_end(p) && defined);
		path_only = path_only || (turns_path(p, &steps[i]) && !p->followed) || (is_end(p) && turned);
	}
	return true;
}

/* What the session's readings hold, those of before that statements still refer to included. */
static void charge(struct session *s)
{
	size_t bytes = s->own.catalog ? catalog_bytes(s->own.catalog) : 0;

	for (unsigned i = 0; i < OWN_CATALOGS_MAX; i++)
		bytes += s->own.kept[i] ? catalog_bytes(s->own.kept[i]) : 0;
	if (s->names.account)
		s->names.account->bytes += bytes - s->own.charged;
	s->own.charged = bytes;
}

/* What was read of it is not true any more. Statements that were judged by it keep it, but not too many. */
static void leave(struct session *s)
{
	if (s->own.catalog && s->binding && binding_catalog(s->binding) == s->own.catalog) {
		s->own.alone = true;
		own_unbind(s);
	}
	for (unsigned i = 0; i < OWN_CATALOGS_MAX; i++) {
		if (s->own.kept[i] && !catalog_shared(s->own.kept[i])) {
			catalog_unref(s->own.kept[i]);
			s->own.kept[i] = NULL;
		}
		if (!s->own.kept[i]) {
			s->own.kept[i] = s->own.catalog;
			s->own.catalog = NULL;
		}
	}
	/* invariant: reading makes sure that there was room */
	catalog_unref(s->own.catalog);
	s->own.catalog = NULL;
	catalog_unref(s->own.base);
	s->own.base = NULL;
	charge(s);
}

static bool has_room(struct session *s)
{
	leave(s);
	if (s->names.account && s->names.account->bytes > ACCOUNT_BYTES_MAX)
		return false;
	for (unsigned i = 0; i < OWN_CATALOGS_MAX; i++)
		if (!s->own.kept[i] || !catalog_shared(s->own.kept[i]))
			return true;
	return false;
}

static void stop_reading(struct session *s)
{
	catalog_builder_free(s->own.builder);
	s->own.builder = NULL;
	s->own.bytes = 0;
}

void own_fini(struct session *s)
{
	stop_reading(s);
	leave(s);
	own_unbind(s);
	heirs_free(s->own.heirs);
	s->own.heirs = NULL;
	for (unsigned i = 0; i < OWN_CATALOGS_MAX; i++) {
		catalog_unref(s->own.kept[i]);
		s->own.kept[i] = NULL;
	}
	charge(s);
}

/* ---- reading ---- */
static void fail(struct session *s, const char *sqlstate)
{
	stop_reading(s);
	s->own.failed = true;
	snprintf(s->own.sqlstate, sizeof(s->own.sqlstate), "%s", sqlstate);
}

static const char *savepoint(struct session *s, const char *what)
{
	return arena_printf(&s->scratch, "%s pgveil_own_%s", what, strrchr(s->poison, '_') + 1);
}

/* The path names pg_temp last: a temporary table may be called like one of the system. */
static const char *read_settings(struct session *s)
{
	return s->unsynced ? "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)"
			   : "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),"
			     " pg_catalog.set_config('statement_timeout', '0', true),"
			     " pg_catalog.set_config('lock_timeout', '5s', true),"
			     " pg_catalog.set_config('jit', 'off', true)";
}

/* The reading joins much: as a session that tries plans out has set the planner up, it takes minutes. */
static const char planner_settings[] =
	"SELECT set_config(name, CASE WHEN name = 'max_parallel_workers_per_gather' THEN '0' ELSE boot_val "
	"END,"
	" true) FROM pg_settings WHERE context = 'user' AND"
	" (setting <> boot_val OR name = 'max_parallel_workers_per_gather') AND"
	" (name LIKE 'enable\\_%' OR name LIKE '%\\_cost' OR name LIKE '%parallel%' OR name LIKE 'geqo%' OR"
	" name LIKE '%collapse_limit' OR name IN ('work_mem', 'hash_mem_multiplier', 'effective_cache_size',"
	" 'cursor_tuple_fraction', 'constraint_exclusion'))";

static bool put_back(struct session *s)
{
	const char *path;

	if (!s->unsynced)
		return pin_put(s, PIN_PLAIN, savepoint(s, "ROLLBACK TO SAVEPOINT")) &&
		       pin_put(s, PIN_PLAIN, savepoint(s, "RELEASE SAVEPOINT"));
	path = pin_setting(&s->scratch, "search_path", s->path.setting, true);
	return path && pin_put(s, PIN_PLAIN, arena_printf(&s->scratch, "SELECT %s", path));
}

/* What was discarded is, if nothing was undone. */
static void let_go(struct session *s, char status)
{
	if (s->own.discarded && status == 'I')
		s->own.doubtful = s->own.code = false;
	/* all settings are what they were at login */
	if (s->own.reset && status == 'I')
		s->pin.ran = s->pin.found = false;
	s->own.discarded = s->own.reset = false;
}

void own_ready(struct session *s, const struct expected *x, char status)
{
	if (s->own.recover && x->ours && status == 'E') {
		s->own.recover = false;
		s->own.wait = true;
		if (!pin_close(s) || !put_back(s) || !pin_end(s))
			session_break(s, "53200", "out of memory");
	}
	let_go(s, status);
	if (!x->changes || status != 'I')
		return;
	if (s->own.touched) {
		if (s->own.lasting)
			slot_expire(s->slot, s->now_ms + 1);
		s->own.since_ms = s->now_ms + 1;
		leave(s);
	}
	if (s->own.redefines)
		pass_changed(s);
	s->own.look = true;
	s->own.redefines = s->own.touched = s->own.lasting = s->own.path = s->own.stale = s->own.failed =
		false;
}

static bool send_read(struct session *s)
{
	struct err e = {0};

	if (s->own.frozen || !has_room(s)) {
		fail(s, s->own.frozen ? "25001" : "53400");
		return true;
	}
	if (catalog_builder_new(&s->own.builder, &e))
		return false;
	s->own.base = slot_get(s->slot, NULL, NULL);
	s->own.read_ms = s->now_ms;
	s->own.wait = true;
	return (s->unsynced || pin_put(s, PIN_PLAIN, savepoint(s, "SAVEPOINT"))) &&
	       pin_put(s, PIN_PLAIN, read_settings(s)) &&
	       (s->unsynced || pin_put(s, PIN_PLAIN, planner_settings)) &&
	       pin_put(s, PIN_READ, catalog_query_all(&s->scratch)) && put_back(s);
}

static bool ask(struct session *s)
{
	/* what stands in a group puts the path back as it was looked up */
	bool read = s->own.stale && (!s->own.look || !s->unsynced);

	if (s->own.look && !look_send(s))
		return false;
	if (read && !send_read(s))
		return false;
	return !s->own.wait || pin_end(s);
}

bool own_settled(struct session *s)
{
	if (s->own.builder)
		return false;
	if (!(s->own.wait || s->own.look || s->own.stale))
		return true;
	if (pipeline_len(&s->pipe)) {
		frontend_answered(s);
		return false;
	}
	s->own.wait = false;
	if (s->unsynced && s->pin.failed)
		return true; /* nothing can run but what ends the transaction */
	if (!s->unsynced && s->status != 'T') {
		/* idle: pin.c looks; in a transaction that failed nothing can run but its end */
		s->pin.unsettled = s->pin.unsettled || s->own.look;
		s->own.failed = false;
		return true;
	}
	if (s->own.failed || (!s->own.look && !s->own.stale))
		return true;
	if (!ask(s))
		session_break(s, "53200", "out of memory");
	return s->state == STATE_OPEN && !s->own.wait;
}

int own_again(struct session *s)
{
	s->own.stale = true;
	if (pipeline_len(&s->pipe)) {
		frontend_answered(s);
		return -EAGAIN;
	}
	if (!ask(s))
		session_break(s, "53200", "out of memory");
	return s->state == STATE_OPEN ? -EAGAIN : -EPIPE;
}

bool own_row(struct session *s, const struct frame *f)
{
	struct span cells[CATALOG_CELLS_MAX], number;
	struct err e = {0};
	struct cur c;
	unsigned q = 0;
	uint16_t n;

	if (!s->own.builder)
		return s->own.failed; /* the rest of what failed */
	s->own.bytes += f->total;
	if (msg_data_row(f->body, &c, &n) != WIRE_OK || n != CATALOG_CELLS_MAX + 1 ||
		msg_cell_next(&c, &number) != WIRE_OK)
		return false;
	for (size_t i = 0; i < number.n && i < 3; i++)
		q = q * 10 + (number.p[i] - '0');
	for (unsigned i = 0; i < CATALOG_CELLS_MAX; i++)
		if (msg_cell_next(&c, &cells[i]) != WIRE_OK)
			return false;
	if (s->own.bytes > READ_BYTES_MAX)
		fail(s, "54000");
	else if (catalog_builder_row(s->own.builder, q, cells, catalog_query_cells(q), &e))
		fail(s, "08P01");
	return true;
}

void own_read(struct session *s)
{
	struct err e = {0};

	if (!s->own.builder)
		return;
	if (s->path.temp) {
		snprintf(s->own.temp, sizeof(s->own.temp), "%s", s->path.temp);
		catalog_builder_temp(s->own.builder, s->own.temp);
	}
	if (catalog_builder_finish(s->own.builder, &s->own.catalog, &e)) {
		s->own.builder = NULL;
		fail(s, "53200");
		return;
	}
	s->own.builder = NULL;
	s->own.bytes = 0;
	if (s->own.frozen) { /* as the look before it has just told */
		catalog_unref(s->own.catalog);
		s->own.catalog = NULL;
		fail(s, "25001");
		return;
	}
	s->own.stale = false;
	charge(s);
}

/* Behind an error of ours in a transaction block, what stands before the savepoint is still there. */
void own_error(struct session *s, struct span sqlstate)
{
	char state[6];

	if (!s->own.builder)
		return;
	snprintf(state, sizeof(state), "%.*s", sqlstate.n < 6 ? (int)sqlstate.n : 5,
		sqlstate.n ? (const char *)sqlstate.p : "");
	fail(s, state);
	s->own.recover = !s->unsynced;
}

void own_undone(struct session *s)
{
	s->own.discarded = s->own.reset = false;
}

/* Nothing was sent behind the head but perhaps a Sync. */
static bool is_last(struct session *s)
{
	unsigned n = pipeline_len(&s->pipe);

	return n == 1 || (n == 2 && pipeline_at(&s->pipe, 1)->kind == EXPECT_SYNC);
}

/* It may yet be undone: own_ready tells. */
void own_discarded(struct session *s, const struct plan *p)
{
	if (!p || p->kind != STATEMENT_DISCARD || s->status != 'I' || !is_last(s))
		return;
	s->own.discarded = p->defines;
	s->own.reset = !p->name;
}

bool own_needless(const struct session *s, const struct judgement *j)
{
	const struct judged *js = judgement_plans(j);

	for (unsigned i = 0; s->own.failed && i < js->n; i++)
		if (js->plans[i]->kind != STATEMENT_TRANSACTION)
			return false;
	return true;
}
