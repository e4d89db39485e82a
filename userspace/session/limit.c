/* SPDX-License-Identifier: MIT */
/* Export limits: what reaches the client is counted before it does. A result is stopped before the row that
 * would be too much: nothing more of it passes, the server is asked to cancel, and when it is through with
 * the statement, the client gets an error in its place. Mostly the server has failed then, by the cancel; if
 * it came to the end all the same, it is made to fail (refuse.c), so that the transaction is as the client
 * was told. For that, nothing that must not run is sent behind a statement that may be stopped, until it is
 * answered; and nothing at all until the cancel is over, which could hit it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/state.h"

#define LOOK_MS 5 /* how often it is looked whether a window's keeper has answered, if nobody says */

void limit_fini(struct session *s)
{
	for (unsigned i = 0; i < s->limit.nwindows; i++)
		allowance_close(s->env->allowance, s->limit.windows[i].window);
	s->limit.windows = NULL;
	s->limit.nwindows = 0;
}

static bool stops(const struct limit_set *l)
{
	return l->most[MEASURE_ROWS] != LIMIT_NONE || l->most[MEASURE_BYTES] != LIMIT_NONE;
}

void limit_take(struct session *s)
{
	const struct limits *l = &s->grant.limits;
	struct charge *v = l->nwindows ? arena_array(&s->grant_mem, l->nwindows, sizeof(*v)) : NULL;

	s->limit.stops = stops(&l->statement) || stops(&l->session);
	s->limit.lost = l->nwindows && (!v || !s->env->allowance);
	s->limit.windows = v;
	s->limit.nwindows = 0;
	for (unsigned i = 0; i < l->nwindows; i++) {
		s->limit.stops = s->limit.stops || stops(&l->windows[i].set);
		if (s->limit.lost)
			continue;
		v[i] = (struct charge){.limit = &l->windows[i]};
		s->limit.lost = allowance_open(s->env->allowance, l->windows[i].key, &v[i].window) != 0;
		s->limit.nwindows += !s->limit.lost;
	}
}

/* ---- what counts ---- */

static bool ours(const struct plan *p)
{
	return p->kind == STATEMENT_SHOW && p->instead;
}

bool limit_rows(const struct plan *p)
{
	return p && !ours(p) &&
	       (p->rows || p->kind == STATEMENT_COPY_OUT || p->kind == STATEMENT_EXECUTE ||
		       p->kind == STATEMENT_FETCH);
}

/* The end of a transaction must always be possible. */
unsigned limit_statements(const struct judged *js, bool *rows)
{
	unsigned n = 0;

	*rows = false;
	for (unsigned i = 0; i < js->n; i++) {
		n += js->plans[i]->kind != STATEMENT_TRANSACTION && !ours(js->plans[i]);
		*rows = *rows || limit_rows(js->plans[i]);
	}
	return n;
}

/* Of a cursor that was approved with more than limits let. */
bool limit_lifted(const struct step *steps, unsigned n)
{
	return n == 1 && steps[0].target && steps[0].plan && steps[0].plan->kind == STATEMENT_FETCH &&
	       steps[0].target->lifts.rows.left;
}

/* What a statement that was stopped, and ran, has done but be read. */
static bool plain(const struct step *st)
{
	const struct plan *p = st->plan;

	return (p->kind == STATEMENT_SELECT || p->kind == STATEMENT_SHOW || p->kind == STATEMENT_FETCH ||
		       p->kind == STATEMENT_CLOSE) &&
	       !p->writes && !pin_code(p) && !pin_code_step(st);
}

bool limit_fits_between(const struct session *s, const struct step *steps, unsigned n)
{
	bool rows = false;

	for (unsigned i = 0; s->limit.stops && i < n; i++) {
		if (rows && !plain(&steps[i]))
			return false;
		rows = rows || limit_rows(steps[i].plan);
	}
	return true;
}

static const struct plan *plan_of(const struct expected *x, unsigned i)
{
	return x->kind == EXPECT_QUERY ? x->steps[i].plan : x->portal->prepared->plan;
}

static bool stoppable(const struct expected *x)
{
	if (x->kind == EXPECT_EXECUTE)
		return x->portal->cursor || limit_rows(plan_of(x, 0));
	for (unsigned i = 0; x->kind == EXPECT_QUERY && i < x->nsteps; i++)
		if (limit_rows(plan_of(x, i)))
			return true;
	return false;
}

/* A Sync behind it commits nothing but what may stay. */
static bool may_commit(const struct expected *x)
{
	const struct plan *p = x->portal->prepared->plan;

	return !x->portal->cursor && p && p->kind == STATEMENT_SELECT && !p->writes && !pin_code(p) &&
	       !pin_code_newer(x);
}

static bool describes(struct session *s)
{
	for (unsigned i = 0; i < pipeline_len(&s->pipe); i++)
		if (pipeline_at(&s->pipe, i)->kind == EXPECT_DESCRIBE && !pipeline_at(&s->pipe, i)->ours)
			return true;
	return false;
}

bool limit_waits(struct session *s, const struct frame *f)
{
	unsigned n = pipeline_len(&s->pipe);
	const struct expected *last = n ? pipeline_at(&s->pipe, n - 1) : NULL;
	const struct expected *before = n > 1 ? pipeline_at(&s->pipe, n - 2) : NULL;
	bool wait;

	if (!s->limit.stops && !s->limit.cancelling)
		return false;
	if (f->type == FE_TERMINATE && !n)
		return false;
	/* Behind one that may be stopped stands at most a Sync. */
	wait = (last && stoppable(last) &&
		       !(f->type == FE_SYNC && last->kind == EXPECT_EXECUTE && may_commit(last))) ||
	       (last && before && last->kind == EXPECT_SYNC && stoppable(before)) ||
	       (f->type == FE_DESCRIBE && describes(s));
	if (wait)
		frontend_answered(s);
	return wait || s->limit.cancelling;
}

/* ---- whether there is something left ---- */

static const char *scope_hint(struct session *s, const char *where, const char *scope)
{
	const char *hint = arena_printf(
		&s->scratch, "Policy rule %s lets no more of it be exported %s.", where ? where : "?", scope);

	return hint ? hint : "";
}

static const char *window_hint(struct session *s, const struct limit_set *set, const struct allowance_over *o)
{
	const char *where = set->where[o->measure] ? set->where[o->measure] : "?", *hint;

	if (o->wait_ms)
		hint = arena_printf(&s->scratch, "Policy rule %s. There may be room again in %llu seconds.",
			where, (unsigned long long)(o->wait_ms + 999) / 1000);
	else
		hint = arena_printf(
			&s->scratch, "Policy rule %s: it is more than a whole window has.", where);
	return hint ? hint : "";
}

static void reached(struct session *s, enum limit_scope scope, enum measure m)
{
	s->limit.reached = (unsigned)scope * MEASURES + (unsigned)m;
	s->limit.any_reached = true;
}

/* -EACCES with e. */
static int too_much(struct session *s, const struct limit_set *set, enum limit_scope scope, enum measure m,
	const char **hint, struct err *e)
{
	reached(s, scope, m);
	*hint = scope_hint(
		s, set->where[m], scope == SCOPE_SESSION ? "over one connection" : "by one statement");
	return err_sql(e, -EACCES, "54000", "export limit %s.%s is reached (%llu)", limit_scope_name(scope),
		measure_name(m), (unsigned long long)set->most[m]);
}

static int fits(struct session *s, const struct limit_set *set, enum limit_scope scope,
	const uint64_t spent[MEASURES], const uint64_t need[MEASURES], const char **hint, struct err *e)
{
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++)
		if (need[m] && set->most[m] != LIMIT_NONE &&
			(spent[m] > set->most[m] || need[m] > set->most[m] - spent[m]))
			return too_much(s, set, scope, m, hint, e);
	return 0;
}

static int asks(struct session *s)
{
	s->limit.asks = true;
	s->limit.wake_ms = s->now_ms + LOOK_MS;
	if (!s->limit.since_ns)
		s->limit.since_ns = session_clock_ns(s);
	return -EAGAIN;
}

static void answered(struct session *s)
{
	if (s->limit.since_ns)
		session_took(s, STAGE_LIMIT, s->limit.since_ns, session_clock_ns(s));
	s->limit.since_ns = 0;
}

static int unwritten(struct err *e)
{
	return err_sql(e, -EACCES, "58030", "what is exported cannot be written down by pgveil");
}

/* r: what the keeper's allowance gave. */
static int not_kept(int r, struct err *e)
{
	if (r == -EREMOTE)
		return err_sql(e, -EACCES, "53400",
			"what other nodes export cannot be asked now: nothing of an export window is given");
	return unwritten(e);
}

int limit_spent(struct session *s, unsigned window, uint64_t spent[MEASURES], struct err *e)
{
	int r = allowance_spent(s->env->allowance, &s->limit.windows[window], spent, s->now_ms);

	if (r == -EAGAIN)
		return asks(s);
	answered(s);
	return r ? not_kept(r, e) : 0;
}

static const uint64_t no_lift[MEASURES];

/* Of all windows or of none. */
static int take_windows(struct session *s, const uint64_t need[MEASURES], const uint64_t want[MEASURES],
	const uint64_t lifted[MEASURES], const uint64_t ahead[MEASURES], const char **hint, struct err *e)
{
	struct allowance_over over;
	const struct window_limit *l;
	int r;

	*hint = NULL;
	if (s->limit.lost)
		return err_sql(e, -EACCES, "53400", "nobody counts what is exported here");
	if (!s->limit.nwindows)
		return 0;
	r = allowance_take_lifted(s->env->allowance, s->limit.windows, s->limit.nwindows, need, want, lifted,
		ahead, s->now_ms, &over);
	if (r == -EAGAIN)
		return asks(s);
	answered(s);
	if (!r)
		return 0;
	if (r != -EDQUOT)
		return not_kept(r, e);
	l = s->limit.windows[over.which].limit;
	reached(s, SCOPE_WINDOW, over.measure);
	*hint = window_hint(s, &l->set, &over);
	return err_sql(e, -EACCES, "57014", "export limit window.%s is reached (%llu in %u seconds)",
		measure_name(over.measure), (unsigned long long)l->set.most[over.measure], l->period_s);
}

/* What a statement that begins now may have of rows, and the limit that says so. */
int limit_rows_left(struct session *s, uint64_t *left, const char **limit, const char **where, struct err *e)
{
	const struct limits *l = &s->grant.limits;
	uint64_t spent[MEASURES], most;
	int r = 0;

	*left = l->statement.most[MEASURE_ROWS];
	*limit = "statement.rows";
	*where = l->statement.where[MEASURE_ROWS];
	most = l->session.most[MEASURE_ROWS];
	if (most != LIMIT_NONE)
		most -= most < s->limit.spent[MEASURE_ROWS] ? most : s->limit.spent[MEASURE_ROWS];
	if (most < *left) {
		*left = most;
		*limit = "session.rows";
		*where = l->session.where[MEASURE_ROWS];
	}
	for (unsigned i = 0; i < s->limit.nwindows && !r; i++) {
		const struct limit_set *set = &s->limit.windows[i].limit->set;

		most = set->most[MEASURE_ROWS];
		if (most == LIMIT_NONE)
			continue;
		r = limit_spent(s, i, spent, e);
		most -= r || most < spent[MEASURE_ROWS] ? most : spent[MEASURE_ROWS];
		if (r || most >= *left)
			continue;
		*left = most;
		*limit = "window.rows";
		*where = set->where[MEASURE_ROWS];
	}
	return r;
}

static void note_reached(struct session *s, const struct err *e)
{
	if (s->env->tally && s->limit.any_reached)
		metric_add(&s->env->tally->limits[s->limit.reached], 1);
	s->cause = CAUSE_LIMIT;
	session_note(s, NOTE_LIMIT, e->sqlstate, e->msg);
}

static int admit(
	struct session *s, unsigned n, bool rows, bool any, bool count, const char **hint, struct err *e)
{
	const uint64_t need[MEASURES] = {rows, 1, n}, want[MEASURES] = {0, 0, count ? n : 0};
	int r;

	*hint = NULL;
	s->limit.any_reached = false;
	if (!s->grant.limits.any || !any)
		return 0;
	r = fits(s, &s->grant.limits.session, SCOPE_SESSION, s->limit.spent, need, hint, e);
	if (!r)
		r = take_windows(s, need, want, no_lift, no_lift, hint, e);
	if (!r)
		s->limit.spent[MEASURE_STATEMENTS] += want[MEASURE_STATEMENTS];
	else if (r == -EACCES)
		note_reached(s, e);
	return r;
}

int limit_admit(struct session *s, unsigned n, bool rows, const char **hint, struct err *e)
{
	return admit(s, n, rows, n || rows, false, hint, e);
}

int limit_count(struct session *s, unsigned n, bool rows, const char **hint, struct err *e)
{
	return admit(s, n, rows, n || rows, true, hint, e);
}

int limit_describe(struct session *s, bool rows, const char **hint, struct err *e)
{
	return admit(s, 0, rows, true, false, hint, e);
}

/* ---- what is on its way to the client ---- */

static struct spent *spent_of(struct expected *x)
{
	const struct plan *p = backend_plan(x);
	struct step *st = backend_step(x);

	if (st && st->target && p && p->kind == STATEMENT_FETCH)
		return &st->target->spent;
	if (x->kind != EXPECT_EXECUTE)
		return &x->spent;
	return x->portal->cursor ? &x->portal->prepared->spent : &x->portal->spent;
}

static struct lifts *lifts_of(struct expected *x)
{
	const struct plan *p = backend_plan(x);
	struct step *st = backend_step(x);

	if (st && st->target && p && p->kind == STATEMENT_FETCH)
		return &st->target->lifts;
	if (x->kind != EXPECT_EXECUTE)
		return &x->lifts;
	return x->portal->cursor ? &x->portal->prepared->lifts : &x->portal->lifts;
}

/* What of want is beyond the limits goes to over; -EACCES with e: it is more than was lifted. */
static int lifted(const struct lifts *l, uint64_t want[MEASURES], uint64_t over[MEASURES],
	uint64_t ahead[MEASURES], const char **hint, struct err *e)
{
	const struct lift *v[MEASURES] = {&l->rows, &l->bytes, NULL};

	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		over[m] = ahead[m] = 0;
		if (!v[m] || !v[m]->given)
			continue;
		if (want[m] > v[m]->left) {
			*hint = "Somebody approved of this statement with that many, and of no more.";
			return err_sql(e, -EACCES, "54000",
				"the limit of %s that was approved is reached (%llu)", measure_name(m),
				(unsigned long long)v[m]->given);
		}
		over[m] = want[m];
		ahead[m] = v[m]->left;
		want[m] = 0;
	}
	return 0;
}

/* false: no memory. */
static bool stop(struct session *s, struct expected *x, const char *hint, const struct err *e)
{
	x->refusal = refusal_new(e->sqlstate, e->msg, hint, 0);
	if (!x->refusal) {
		session_break(s, "53200", "out of memory");
		return false;
	}
	x->stopped = true;
	s->stats.stopped++;
	s->limit.cancelling = true;
	s->once |= WANT_CANCEL;
	note_reached(s, e);
	return true;
}

static void lift_spend(struct lifts *l, const uint64_t over[MEASURES])
{
	l->rows.left -= over[MEASURE_ROWS];
	l->bytes.left -= over[MEASURE_BYTES];
}

enum fate limit_fate(struct session *s, struct expected *x, uint64_t rows, uint64_t bytes)
{
	uint64_t want[MEASURES] = {rows, bytes, 0}, over[MEASURES], ahead[MEASURES];
	struct spent *mine = spent_of(x);
	const uint64_t spent[MEASURES] = {mine->rows, mine->bytes, 0};
	const struct plan *p = backend_plan(x);
	const char *hint = NULL;
	struct err e = {0};
	int r;

	s->limit.any_reached = false;
	if (!s->limit.stops || (p && ours(p)))
		return FATE_PASS;
	r = lifted(lifts_of(x), want, over, ahead, &hint, &e);
	if (!r)
		r = fits(s, &s->grant.limits.statement, SCOPE_STATEMENT, spent, want, &hint, &e);
	if (!r)
		r = fits(s, &s->grant.limits.session, SCOPE_SESSION, s->limit.spent, want, &hint, &e);
	if (!r)
		r = take_windows(s, want, want, over, ahead, &hint, &e);
	if (r == -EAGAIN)
		return FATE_WAIT;
	if (r)
		return stop(s, x, hint, &e) ? FATE_DROP : FATE_BROKEN;
	lift_spend(lifts_of(x), over);
	mine->rows += rows;
	mine->bytes += bytes;
	s->limit.spent[MEASURE_ROWS] += rows;
	s->limit.spent[MEASURE_BYTES] += bytes;
	return FATE_PASS;
}

static bool carries_data(uint8_t type)
{
	return type == BE_ROW_DESCRIPTION || type == BE_ERROR_RESPONSE || type == BE_NOTICE_RESPONSE ||
	       type == BE_PARAMETER_STATUS || type == BE_NOTIFICATION_RESPONSE;
}

/* Whether what comes now is not the client's to see. */
static bool unseen(struct session *s, const struct frame *f)
{
	const struct expected *x = pipeline_head(&s->pipe);

	/* A notification is nobody's answer; which channel it is of says something. */
	return !s->limit.stops || !carries_data(f->type) ||
	       (x && f->type != BE_NOTIFICATION_RESPONSE &&
		       (x->ours || x->stopped || x->kind == EXPECT_PIN || x->kind == EXPECT_REFUSAL));
}

/* Code of the database's own may put into it what it likes, as much as it likes. */
static bool by_code(uint8_t type)
{
	return type == BE_ERROR_RESPONSE || type == BE_NOTICE_RESPONSE || type == BE_NOTIFICATION_RESPONSE ||
	       type == BE_PARAMETER_STATUS;
}

/* Of a statement is also what it says while it is planned (at Bind), and what one says that gives no rows. */
static bool of_statement(const struct expected *x, const struct frame *f)
{
	return x && f->type != BE_NOTIFICATION_RESPONSE;
}

enum fate limit_look(struct session *s, const struct frame *f)
{
	static const uint64_t none[MEASURES];
	/* how long one may be that code wrote; the others have names alone, and there is room for the first
	 */
	const uint64_t need[MEASURES] = {0, by_code(f->type) ? f->total : 1, 0};
	struct expected *x = pipeline_head(&s->pipe);
	const char *hint;
	struct err e = {0};
	int r = 0;

	s->limit.counts = !unseen(s, f);
	if (!s->limit.counts)
		return FATE_PASS;
	if (of_statement(x, f) && lifts_of(x)->bytes.given)
		return lifts_of(x)->bytes.left >= need[MEASURE_BYTES] ? FATE_PASS : FATE_DROP;
	if (of_statement(x, f))
		r = fits(s, &s->grant.limits.statement, SCOPE_STATEMENT,
			(const uint64_t[MEASURES]){0, spent_of(x)->bytes, 0}, need, &hint, &e);
	if (!r)
		r = fits(s, &s->grant.limits.session, SCOPE_SESSION, s->limit.spent, need, &hint, &e);
	if (!r)
		r = take_windows(s, need, none, none, none, &hint, &e);
	return !r ? FATE_PASS : r == -EAGAIN ? FATE_WAIT : FATE_DROP;
}

void limit_charge(struct session *s, size_t bytes)
{
	const uint64_t want[MEASURES] = {0, bytes, 0};
	struct expected *x = pipeline_head(&s->pipe);

	if (!s->limit.counts)
		return;
	if (x) {
		struct lift *l = &lifts_of(x)->bytes;

		l->left -= l->left < bytes ? l->left : bytes;
		spent_of(x)->bytes += bytes;
	}
	s->limit.spent[MEASURE_BYTES] += bytes;
	if (s->limit.nwindows)
		allowance_charge(s->env->allowance, s->limit.windows, s->limit.nwindows, want, s->now_ms);
}

enum fate limit_mute(struct session *s, const struct frame *f, bool of_describe)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (f->type == BE_ERROR_RESPONSE && rewrite_message(f, false, &s->lane[SIDE_CLIENT].out) == WIRE_OK)
		return FATE_WRITTEN;
	if (f->type == BE_NOTICE_RESPONSE || f->type == BE_PARAMETER_STATUS)
		return FATE_SWALLOW;
	if (f->type == BE_ROW_DESCRIPTION && !of_describe && x && x->kind == EXPECT_QUERY) {
		enum fate fate = limit_fate(s, x, 0, f->total);

		return fate == FATE_DROP ? FATE_SWALLOW : fate;
	}
	session_break(s, "54000", "an export limit is reached, and nothing more can be told");
	return FATE_BROKEN;
}

/* ---- stopped, and it ran to its end ---- */

/* Fails at the server, which is told of in no other way. */
static bool put_failure(struct session *s, struct refusal *r)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_REFUSAL);

	if (!x) {
		refusal_free(r);
		return false;
	}
	x->refusal = r;
	x->ours = !r;
	put_start(&s->put, FE_BIND);
	put_cstr(&s->put, "");
	put_cstr(&s->put, s->poison);
	put_be16(&s->put, 0);
	put_be16(&s->put, 0);
	put_be16(&s->put, 0);
	put_finish(&s->put);
	return true;
}

/* A Query is committed by itself, where no transaction is open. */
static bool own_up(struct refusal *r)
{
	static const char more[] =
		" The server had come to the end by then: outside of a transaction, what was changed stays.";
	size_t n = r->hint ? strlen(r->hint) : 0;
	char *hint = realloc(r->hint, n + sizeof(more));

	if (!hint)
		return false;
	memcpy(hint + n, more, sizeof(more));
	r->hint = hint;
	return true;
}

bool limit_ran(struct session *s, enum expect kind, struct refusal *r, bool told)
{
	if (kind == EXPECT_EXECUTE && !pipeline_len(&s->pipe)) {
		if (!put_failure(s, r))
			return false;
		session_send(s, SIDE_SERVER);
		s->skip = s->unsynced = true;
		return true;
	}
	if (!told && kind == EXPECT_QUERY && !own_up(r))
		return false;
	if (!told)
		backend_refuse(s, r);
	if (kind == EXPECT_EXECUTE)
		refusal_free(r);
	s->limit.undo = true;
	return true;
}

bool limit_undoes(struct session *s, char status)
{
	struct expected *x;

	if (!s->limit.undo)
		return false;
	s->limit.undo = false;
	if (status != 'T')
		return false;
	x = put_failure(s, NULL) ? pipeline_push(&s->pipe, EXPECT_SYNC) : NULL;
	if (!x) {
		session_break(s, "53200", "out of memory");
		return true;
	}
	pin_sync(s, x);
	put_sync(&s->put);
	session_send(s, SIDE_SERVER);
	return true;
}

void limit_cancelled(struct session *s)
{
	s->limit.cancelling = false;
}
