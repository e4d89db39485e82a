/* SPDX-License-Identifier: MIT */
/* Code of the database's own can set for the session what the login settled: search_path, role, and how the
 * server reads a text. It does not tell of the first two (before version 18), of the others only at
 * ReadyForQuery. So behind what may have run code, and before the next message whose meaning depends on them,
 * the server is told again, or asked (session/look.c). The mark is set as messages are sent, not as they are
 * answered: what was sent in between would be read under what the code left.
 *
 * The messages of a pin are extended ones under a name that nobody knows, so the client's unnamed statement
 * and portal stay. In an open group they stand among the client's: the server works in order, and should ours
 * fail it skips the client's too. Between groups a Sync ends them, and the client's message waits. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "session/state.h"

static bool newer_runs_code(const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		if (pin_code(js->plans[i]))
			return true;
	return false;
}

bool pin_code(const struct plan *p)
{
	return p && (p->code || (p->inner && p->inner->code));
}

bool pin_code_step(const struct step *st)
{
	return st && (newer_runs_code(st->newer) || (st->target && pin_code(st->target->plan)));
}

bool pin_code_newer(const struct expected *x)
{
	if (x->kind == EXPECT_EXECUTE)
		return newer_runs_code(x->step.newer) || newer_runs_code(x->portal->latest);
	return newer_runs_code(x->newer) || (x->at < x->nsteps && newer_runs_code(x->steps[x->at].newer));
}

/* Commits run deferred triggers, rollbacks undo a pin: all but these may do either. */
bool pin_begins(const struct plan *p)
{
	static const char *const tags[] = {"BEGIN", "START TRANSACTION", "SAVEPOINT"};

	for (unsigned i = 0; p->tag && i < ARRAY_LEN(tags); i++)
		if (!strcmp(p->tag, tags[i]))
			return true;
	return false;
}

/* touched: by something of the same transaction. */
static bool unsettles(const struct plan *p, const struct step *st, bool touched)
{
	if (pin_code_step(st))
		return true;
	if (!p)
		return false;
	if (p->kind == STATEMENT_PREPARE)
		return false; /* it runs nothing */
	if (p->kind == STATEMENT_SET)
		return false; /* own.c asks for what it did */
	if (p->kind == STATEMENT_TRANSACTION)
		return touched && !pin_begins(p);
	return pin_code(p) || p->watched;
}

void pin_doubt(struct session *s)
{
	s->pin.unsettled = s->pin.touched = s->pin.ran = true;
}

/* Whether what p runs can set nothing. */
static bool quiet(const struct plan *p)
{
	return !p ||
	       (!p->watched && (!p->code || p->quiet) && (!p->inner || !p->inner->code || p->inner->quiet));
}

/* What the end of a transaction runs is known since it was put off. */
static bool keeps_settings(const struct plan *p, const struct step *st)
{
	return quiet(p) && !(st && newer_runs_code(st->newer)) &&
	       quiet(st && st->target ? st->target->plan : NULL);
}

void pin_sent(struct session *s, const struct plan *p, const struct step *st)
{
	bool ran = s->pin.ran;

	if (unsettles(p, st, s->pin.touched)) {
		pin_doubt(s);
		s->pin.ran = ran || !keeps_settings(p, st);
	}
	if (p && p->kind == STATEMENT_TRANSACTION)
		s->pin.failed = false; /* or the server fails on it, and skips what follows */
}

bool pin_fits_between(const struct session *s, const struct step *steps, unsigned n)
{
	bool touched = s->pin.touched, doubtful = false;

	for (unsigned i = 0; i < n; i++) {
		if (doubtful && steps[i].plan->kind != STATEMENT_TRANSACTION)
			return false;
		if (unsettles(steps[i].plan, &steps[i], touched))
			touched = doubtful = true;
	}
	return true;
}

void pin_sync(struct session *s, struct expected *x)
{
	x->ends = s->pin.touched;
	s->pin.ends += x->ends;
	x->changes = s->own.touched || s->own.path;
	s->own.wait = s->own.wait || x->changes;
}

void pin_ready(struct session *s, const struct expected *x, char status)
{
	s->pin.failed = status == 'E';
	if (!x->ends)
		return;
	s->pin.ends--;
	/* In a block nothing was committed. */
	s->pin.unsettled |= status != 'T';
}

void pin_idle(struct session *s)
{
	s->pin.touched = s->own.ran = false;
}

void pin_error(struct session *s)
{
	s->pin.unsettled |= s->pin.touched;
}

/* As digits: how the server reads bytes and strings may not be what we think. */
const char *pin_setting(struct arena *a, const char *name, const char *value, bool local)
{
	char *hex = arena_zalloc(a, 2 * strlen(value) + 1);

	for (size_t i = 0; hex && value[i]; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)value[i]);
	return hex ? arena_printf(a,
			     "pg_catalog.set_config('%s', pg_catalog.convert_from(pg_catalog.decode('%s', "
			     "'hex'), 'UTF8'), %s)",
			     name, hex, local ? "true" : "false")
		   : NULL;
}

/* Of the same secret as the poison, but not the same name: that one must never mean anything. */
static void pin_name(const struct session *s, char name[POISON_LEN])
{
	snprintf(name, POISON_LEN, "pgveil_pin_%s", strrchr(s->poison, '_') + 1);
}

bool pin_close(struct session *s)
{
	char name[POISON_LEN];

	pin_name(s, name);
	for (const char *kind = "PS"; *kind; kind++) {
		struct expected *x = pipeline_push(&s->pipe, EXPECT_CLOSE);

		if (!x)
			return false;
		x->ours = true;
		x->target = *kind;
		x->name = strdup(name);
		if (!x->name)
			return false;
		put_start(&s->put, FE_CLOSE);
		put_u8(&s->put, (uint8_t)*kind);
		put_cstr(&s->put, name);
		put_finish(&s->put);
	}
	session_send(s, SIDE_SERVER);
	return true;
}

bool pin_put(struct session *s, enum pin_what what, const char *sql)
{
	return pin_put_bound(s, what, sql, (struct span){0}, NULL);
}

bool pin_put_bound(
	struct session *s, enum pin_what what, const char *sql, struct span types, const struct msg_bind *m)
{
	struct expected *x = sql ? pipeline_push(&s->pipe, EXPECT_PIN) : NULL;
	struct put *w = &s->put;
	char name[POISON_LEN];

	if (!x)
		return false;
	x->what = what;
	x->ours = !s->unsynced;
	pin_name(s, name);
	put_start(w, FE_PARSE);
	put_cstr(w, name);
	put_cstr(w, sql);
	put_be16(w, (uint16_t)(types.n / 4));
	put_span(w, types);
	put_finish(w);
	put_start(w, FE_BIND);
	put_cstr(w, name);
	put_cstr(w, name);
	put_be16(w, m ? m->nparam_formats : 0);
	put_span(w, m ? m->param_formats : (struct span){0});
	put_be16(w, m ? m->nparams : 0);
	put_span(w, m ? m->params : (struct span){0});
	put_be16(w, 0);
	put_finish(w);
	put_start(w, FE_EXECUTE);
	put_cstr(w, name);
	put_be32(w, 0);
	put_finish(w);
	for (const char *kind = "PS"; *kind; kind++) {
		put_start(w, FE_CLOSE);
		put_u8(w, (uint8_t)*kind);
		put_cstr(w, name);
		put_finish(w);
	}
	session_send(s, SIDE_SERVER);
	return true;
}

bool pin_end(struct session *s)
{
	struct expected *x;

	if (s->unsynced) {
		put_start(&s->put, FE_FLUSH);
		put_finish(&s->put);
	} else {
		x = pipeline_push(&s->pipe, EXPECT_SYNC);
		if (!x)
			return false;
		x->ours = true;
		put_sync(&s->put);
	}
	session_send(s, SIDE_SERVER);
	return true;
}

bool pin_policy(struct session *s)
{
	const struct grant *g = &s->grant;
	const char *list = "", *one = "";

	for (unsigned i = 0; i < g->nguards; i++)
		for (unsigned k = 0; k < g->guards[i]->npins && list && one; k++) {
			const struct setting_pin *p = &g->guards[i]->pins[k];

			one = pin_setting(&s->scratch, p->name, p->value, false);
			list = one ? arena_printf(&s->scratch, "%s%s%s", list, *list ? ", " : "", one) : NULL;
		}
	if (list && one && guard_read_only(g->guards, g->nguards))
		list = arena_printf(&s->scratch,
			"%s%spg_catalog.set_config('default_transaction_read_only', 'on', false),"
			" pg_catalog.set_config('transaction_read_only', 'on', false)",
			list, *list ? ", " : "");
	if (!list || !one)
		return false;
	return !*list || pin_put(s, PIN_PLAIN, arena_printf(&s->scratch, "SELECT %s", list));
}

/* The path and the role only until the end of the transaction: what was set before, or by the code, may hold
 * after it. */
static bool send_pin(struct session *s)
{
	const char *path = pin_setting(&s->scratch, "search_path", s->path.setting, true),
		   *role = pin_setting(&s->scratch, "role", s->role_set, true);

	if (!path || !role || !pin_policy(s) ||
		!pin_put(s, PIN_PLAIN,
			arena_printf(&s->scratch,
				"SELECT %s, %s, pg_catalog.set_config('standard_conforming_strings', 'on', "
				"false),"
				" pg_catalog.set_config('client_encoding', 'UTF8', false)",
				path, role)))
		return false;
	s->pin.unsettled = false;
	s->pin.touched = true; /* an error behind it undoes it */
	return true;
}

/* A pin that a Sync of ours ends is not answered yet. */
static bool under_way(struct session *s)
{
	unsigned n = pipeline_len(&s->pipe);

	return n && !s->unsynced && pipeline_at(&s->pipe, n - 1)->ours;
}

bool pin_settled(struct session *s)
{
	if (!own_settled(s))
		return false;
	if (under_way(s))
		return false;
	if (s->pin.ends)
		return false; /* their answers come, and tell whether code ran at a commit */
	if (!s->pin.unsettled || (s->unsynced && s->pin.failed))
		return true;
	if (s->unsynced) {
		if (send_pin(s))
			return true;
	} else if (pipeline_len(&s->pipe)) {
		return false;
	} else if (s->pin.failed) {
		return true; /* nothing can run but what ends the transaction; the mark stays */
	} else if (look_send(s) && pin_end(s)) {
		return false;
	}
	session_break(s, "53200", "out of memory");
	return false;
}

bool pin_answered(struct session *s, const struct frame *f)
{
	static const uint8_t answers[] = {BE_PARSE_COMPLETE, BE_BIND_COMPLETE, BE_COMMAND_COMPLETE,
		BE_CLOSE_COMPLETE, BE_CLOSE_COMPLETE};
	struct expected *x = pipeline_head(&s->pipe);
	enum pin_what what = x->what;

	if (f->type == BE_DATA_ROW && answers[x->at] == BE_COMMAND_COMPLETE) {
		if (what == PIN_LOOK)
			look_row(s, f);
		if (what == PIN_ESTIMATE || what == PIN_ISOLATION)
			estimate_row(s, f, what);
		return what != PIN_READ || own_row(s, f);
	}
	if (f->type != answers[x->at])
		return false;
	if (++x->at < ARRAY_LEN(answers))
		return true;
	pipeline_pop(&s->pipe);
	if (what == PIN_READ)
		own_read(s);
	return true;
}
