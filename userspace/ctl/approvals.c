/* SPDX-License-Identifier: MIT */
#include "ctl/approvals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "ctl/approvals_cluster_internal.h"
#include "ctl/approvals_internal.h"
#include "ctl/clock.h"

#define AGAIN_S 1 /* after something could not be written */

int64_t approvals_now(void)
{
	return (int64_t)time(NULL);
}

/* ---- entries ---- */

static void ids_free(struct rule_ids *r)
{
	free(r->uids);
	free(r->gids);
}

static void entry_free(struct approvals *a, struct entry *x)
{
	TAILQ_REMOVE(&a->entries, x, all);
	a->nentries--;
	for (unsigned i = 0; i < x->nrules; i++)
		ids_free(&x->rule[i]);
	json_decref(x->shown);
	json_decref(x->votes);
	free(x->identity);
	free(x->text);
	free(x);
}

struct entry *entry_find(struct approvals *a, uint64_t id)
{
	struct entry *x;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->id == id)
			return x;
	}
	return NULL;
}

bool entry_live(const struct entry *x)
{
	return x->state == APPROVAL_PENDING || (x->state == APPROVAL_APPROVED && x->used < x->uses);
}

bool entry_shaped(const struct entry *x)
{
	json_t *v;
	size_t i;

	json_array_foreach(x->votes, i, v)
	{
		if (!json_is_true(json_object_get(v, "shape")))
			return false;
	}
	return json_array_size(x->votes) > 0;
}

static bool referred(const struct approvals *a, const struct entry *x)
{
	for (unsigned i = 0; i < TICKETS_MAX; i++)
		if (a->tickets[i].state != TICKET_FREE && a->tickets[i].entry == x)
			return true;
	return false;
}

/* Room for one more: what is over longest is only in the file from now on. */
static void drop_old(struct approvals *a)
{
	struct entry *x, *next;

	for (x = TAILQ_FIRST(&a->entries); x && a->nentries >= FINISHED_KEPT + PENDING_MAX; x = next) {
		next = TAILQ_NEXT(x, all);
		if (!entry_live(x) && !x->unsaved && !x->tells && !referred(a, x))
			entry_free(a, x);
	}
}

struct entry *entry_new(struct approvals *a)
{
	struct entry *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	drop_old(a);
	x->votes = json_array();
	if (!x->votes) {
		free(x);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&a->entries, x, all);
	a->nentries++;
	return x;
}

void entry_changed(struct approvals *a, struct entry *x)
{
	x->version++;
	x->unsaved = true;
	x->failed = false;
	pthread_cond_signal(&a->work);
	cluster_changed(a, x);
}

void entry_decided(struct approvals *a, const struct entry *x)
{
	uint64_t now_ms = clock_ms(), asked_ms = x->until_ms - (uint64_t)x->timeout_s * 1000;

	metric_took(&a->decided, (now_ms > asked_ms ? now_ms - asked_ms : 0) * 1000000);
}

unsigned entry_waiting(const struct approvals *a, const struct entry *x)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TICKETS_MAX; i++)
		n += a->tickets[i].entry == x && a->tickets[i].state == TICKET_WAITS;
	return n;
}

static const char *event_of(enum approval_state s)
{
	switch (s) {
	case APPROVAL_DENIED: return "approval.denied";
	case APPROVAL_EXPIRED: return "approval.expired";
	case APPROVAL_VOID: return "approval.void";
	case APPROVAL_REVOKED: return "grant.revoked";
	case APPROVAL_USED: return "approval.consumed";
	case APPROVAL_APPROVED: return "approval.approved";
	case APPROVAL_PENDING:
	case APPROVAL_STATE_MAX: break;
	}
	return "approval.asked";
}

static void count(struct approvals *a, enum approval_state s)
{
	a->stats.denied += s == APPROVAL_DENIED;
	a->stats.expired += s == APPROVAL_EXPIRED;
	a->stats.voided += s == APPROVAL_VOID;
	a->stats.revoked += s == APPROVAL_REVOKED;
}

static void deny_ticket(struct ticket *t, const struct entry *x)
{
	unsigned long long id = x->id;

	switch (x->state) {
	case APPROVAL_DENIED: ticket_deny(t, "42501", "approval %llu was denied: %s", id, x->cause); break;
	case APPROVAL_EXPIRED: ticket_deny(t, "57014", "approval %llu: %s", id, x->cause); break;
	case APPROVAL_REVOKED:
		ticket_deny(t, "57014", "approval %llu was taken back: %s", id, x->cause);
		break;
	case APPROVAL_VOID: ticket_deny(t, "42501", "approval %llu is void: %s", id, x->cause); break;
	case APPROVAL_USED:
		ticket_deny(t, "42501", "approval %llu is used up: send the statement again to ask anew", id);
		break;
	case APPROVAL_PENDING:
	case APPROVAL_APPROVED:
	case APPROVAL_STATE_MAX: ticket_deny(t, "42501", "approval %llu does not hold", id); break;
	}
}

void entry_end(struct approvals *a, struct entry *x, enum approval_state state, const char *cause)
{
	bool was_grant = x->state == APPROVAL_APPROVED || x->state == APPROVAL_USED;

	x->state = state;
	snprintf(x->cause, sizeof(x->cause), "%s", cause);
	if (state != APPROVAL_USED)
		log_with(LOG_INFO, state == APPROVAL_EXPIRED && was_grant ? "grant.expired" : event_of(state),
			LOG_FIELDS(LOG_NUMBER("approval", x->id), LOG_TEXT("identity", x->identity)), "%s",
			state == APPROVAL_DENIED || state == APPROVAL_REVOKED ? approval_state_name(state)
									      : cause);
	count(a, state);
	entry_changed(a, x);
	for (unsigned i = 0; i < TICKETS_MAX; i++) {
		struct ticket *t = &a->tickets[i];

		if (t->state == TICKET_FREE || t->entry != x)
			continue;
		/* What has its use runs on, unless the grant was for a time or is taken back. */
		if (t->state == TICKET_GRANTED && (state == APPROVAL_USED || state == APPROVAL_VOID ||
							  (state == APPROVAL_EXPIRED && !x->ends)))
			continue;
		if (t->state != TICKET_CLAIMS && t->state != TICKET_TAKES)
			deny_ticket(t, x);
	}
	a->cfg.poke(a->cfg.arg);
}

void entry_serve(struct approvals *a, struct entry *x)
{
	/* of the cluster's, what is only to be written down here is among the used */
	enum ticket_state claims = x->share == SHARE_ALONE ? TICKET_CLAIMS : TICKET_TAKES;
	unsigned left = x->uses > x->used ? x->uses - x->used : 0;

	for (unsigned i = 0; i < TICKETS_MAX; i++)
		left -= left && a->tickets[i].entry == x && a->tickets[i].state == claims;
	while (left) {
		struct ticket *first = NULL;

		for (unsigned i = 0; i < TICKETS_MAX; i++) {
			struct ticket *t = &a->tickets[i];

			if (t->entry == x && t->state == TICKET_WAITS && (!first || t->since < first->since))
				first = t;
		}
		if (!first)
			return;
		first->state = claims;
		left--;
		pthread_cond_signal(&a->work);
		cluster_wake(a);
	}
}

/* ---- the thread ---- */

/* What is over by now. Says when the next one is. */
static uint64_t expire(struct approvals *a)
{
	uint64_t now = clock_ms(), next = now + 60000;
	struct entry *x;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		bool grant = x->state == APPROVAL_APPROVED || (x->state == APPROVAL_USED && x->ends);

		if (x->state != APPROVAL_PENDING && !grant)
			continue;
		/* a use that was written down ends with its grant, and is not there any more then */
		if (x->state == APPROVAL_USED && !referred(a, x))
			continue;
		if (x->until_ms <= now)
			entry_end(a, x, APPROVAL_EXPIRED,
				grant ? "its time is over" : "it was not approved in time");
		else if (x->until_ms < next)
			next = x->until_ms;
	}
	return next;
}

static struct entry *unsaved(struct approvals *a)
{
	struct entry *x;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->unsaved && !x->failed)
			return x;
	}
	return NULL;
}

/* An entry stays while it is not saved. */
static void save(struct approvals *a, struct entry *x)
{
	char *shown = json_dumps(x->shown, JSON_COMPACT), *votes = json_dumps(x->votes, JSON_COMPACT);
	struct approval_row row = {x->id, x->state, x->cause, x->identity, x->asked_at, x->until_at, x->uses,
		0, x->ends, x->bond, shown, votes};
	char cause[CAUSE_MAX];
	unsigned version = x->version;
	bool added = x->added;
	struct err e = {0};
	int r = shown && votes ? 0 : err_set(&e, -ENOMEM, "out of memory");

	snprintf(cause, sizeof(cause), "%s", x->cause);
	row.cause = cause;
	pthread_mutex_unlock(&a->lock);
	if (!r)
		r = approval_store_save(a->store, &row, added, &e);
	if (r)
		log_with(LOG_ERROR, "approval.failed", LOG_FIELDS(LOG_NUMBER("approval", row.id)), "%s",
			e.msg);
	free(shown);
	free(votes);
	pthread_mutex_lock(&a->lock);
	if (!r && added) {
		x->added = false;
		cluster_wake(a);
	}
	if (!r && x->version == version)
		x->unsaved = false;
	/* What nobody could be told of after a loss of power was not asked for. */
	if (r && added && entry_live(x)) {
		x->state = APPROVAL_DENIED;
		entry_end(a, x, APPROVAL_DENIED, "it could not be written down");
	}
	x->failed = r != 0;
	a->again = a->again || r;
	pthread_cond_broadcast(&a->done);
}

static struct ticket *claiming(struct approvals *a)
{
	for (unsigned i = 0; i < TICKETS_MAX; i++)
		if (a->tickets[i].state == TICKET_CLAIMS && !a->tickets[i].entry->unsaved)
			return &a->tickets[i];
	return NULL;
}

void ticket_free(struct ticket *t)
{
	uint32_t generation = t->generation + 1;

	*t = (struct ticket){.generation = generation};
}

void ticket_fail(struct ticket *t, int r, const struct err *e)
{
	const struct entry *x = t->entry;
	unsigned long long id = x->id;

	if (r == -ESTALE && x->state != APPROVAL_APPROVED) {
		deny_ticket(t, x);
	} else if (r == -ESTALE) {
		ticket_deny(t, "42501", "approval %llu is used up: send the statement again to ask anew", id);
	} else {
		ticket_deny(t, "58030", "approval %llu: its use could not be written down", id);
		log_with(LOG_ERROR, "approval.failed", LOG_FIELDS(LOG_NUMBER("approval", id)), "%s", e->msg);
	}
}

static void claim(struct approvals *a, struct ticket *t)
{
	struct entry *x = t->entry;
	uint64_t id = x->id;
	struct err e = {0};
	unsigned n = 0;
	int r;

	pthread_mutex_unlock(&a->lock);
	r = approval_store_use(a->store, id, approvals_now(), &n, &e);
	pthread_mutex_lock(&a->lock);
	if (!r) {
		a->stats.used++;
		t->use = n;
		t->state = TICKET_GRANTED;
		if (x->used < n)
			x->used = n; /* of the cluster's it counts what others used too */
		log_with(LOG_INFO, "approval.consumed",
			LOG_FIELDS(LOG_NUMBER("approval", id), LOG_NUMBER("use", n),
				LOG_TEXT("identity", x->identity)),
			"use %u of %u", n, x->uses);
		if (x->state != APPROVAL_APPROVED && x->state != APPROVAL_USED)
			deny_ticket(t, x);
	} else {
		ticket_fail(t, r, &e);
	}
	if (t->gone) {
		if (!r)
			use_tell(a, t, "not sent: nobody waited for it any more");
		ticket_free(t);
	}
	cluster_used_up(a, x);
	a->cfg.poke(a->cfg.arg);
}

static void write_tell(struct approvals *a, struct tell *t)
{
	struct err e = {0};

	STAILQ_REMOVE_HEAD(&a->tells, next);
	a->ntells--;
	pthread_mutex_unlock(&a->lock);
	if (approval_store_tell(a->store, t->id, t->n, t->how, &e))
		log_with(
			LOG_ERROR, "approval.failed", LOG_FIELDS(LOG_NUMBER("approval", t->id)), "%s", e.msg);
	free(t);
	pthread_mutex_lock(&a->lock);
}

/* Another daemon takes grants back by now: only the file says so. */
static void look_at_runs(struct approvals *a)
{
	for (unsigned i = 0; i < TICKETS_MAX; i++) {
		struct ticket *t = &a->tickets[i];
		uint64_t id = t->state == TICKET_GRANTED ? t->entry->id : 0;
		bool valid;

		if (!id)
			continue;
		pthread_mutex_unlock(&a->lock);
		valid = approval_store_valid(a->store, id);
		pthread_mutex_lock(&a->lock);
		if (!valid && t->state == TICKET_GRANTED && t->entry->id == id) {
			ticket_deny(t, "57014", "approval %llu was taken back", (unsigned long long)id);
			a->cfg.poke(a->cfg.arg);
		}
	}
}

static void wait_for_work(struct approvals *a, uint64_t until_ms)
{
	uint64_t now = clock_ms(), ms = until_ms > now ? until_ms - now : 0;

	if ((a->left || a->again) && ms > AGAIN_S * 1000)
		ms = AGAIN_S * 1000;
	clock_wait(&a->work, &a->lock, now + ms);
}

/* What could not be written is tried again; it counts only when it is. */
static void forgive(struct approvals *a)
{
	struct entry *x;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		x->failed = false;
	}
	a->again = false;
}

static void *approvals_main(void *arg)
{
	struct approvals *a = arg;
	struct ticket *t;
	struct entry *x;
	uint64_t next;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		next = expire(a);
		if ((x = unsaved(a))) {
			save(a, x);
		} else if ((t = claiming(a))) {
			claim(a, t);
		} else if (!STAILQ_EMPTY(&a->tells)) {
			write_tell(a, STAILQ_FIRST(&a->tells));
		} else if (cluster_keep(a)) {
			continue;
		} else if (a->stopping) {
			break;
		} else {
			if (a->left)
				look_at_runs(a);
			wait_for_work(a, next);
			forgive(a);
		}
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- life ---- */

int approvals_open(struct approvals **out, const struct approvals_config *cfg, struct err *e)
{
	struct approvals *a = calloc(1, sizeof(*a));
	uint8_t key[32];
	int r;

	if (!a)
		return err_set(e, -ENOMEM, "out of memory");
	a->cfg = *cfg;
	TAILQ_INIT(&a->entries);
	STAILQ_INIT(&a->tells);
	a->tickets = calloc(TICKETS_MAX, sizeof(*a->tickets));
	pthread_mutex_init(&a->lock, NULL);
	clock_cond_init(&a->work);
	clock_cond_init(&a->done);
	r = a->tickets ? approval_store_open(&a->store, cfg->state_dir, e)
		       : err_set(e, -ENOMEM, "out of memory");
	if (r) {
		approvals_close(a);
		return r;
	}
	approval_store_key(a->store, key);
	hmac_key_init(&a->key, key);
	mem_wipe(key, sizeof(key));
	/* what another node is to find it by, it computes by the same key */
	if (cfg->cluster)
		cluster_attach(cfg->cluster, a);
	desk_open(a);
	*out = a;
	return 0;
}

const struct desk *approvals_desk(const struct approvals *a)
{
	return &a->desk;
}

static void load_row(void *arg, const struct approval_row *r)
{
	struct approvals *a = arg;
	struct entry *x = entry_new(a);
	int64_t left_s = r->until_at - approvals_now();

	if (!x)
		return;
	x->id = r->id;
	x->state = r->state;
	snprintf(x->cause, sizeof(x->cause), "%s", r->cause);
	x->identity = strdup(r->identity);
	x->asked_at = r->asked_at;
	x->until_at = r->until_at;
	x->until_ms = clock_ms() + (left_s > 0 ? (uint64_t)left_s * 1000 : 0);
	x->uses = r->uses;
	x->used = r->used;
	x->ends = r->ends;
	x->bond = r->bond;
	x->shown = json_loads(r->shown, 0, NULL);
	json_decref(x->votes);
	x->votes = json_loads(r->votes, 0, NULL);
	x->text = strdup(json_string_value(json_object_get(x->shown, "statement"))
				 ? json_string_value(json_object_get(x->shown, "statement"))
				 : "");
	x->shaped = entry_shaped(x);
	if (!x->identity || !x->text || !x->shown || !x->votes || !rules_take(x, x->shown))
		entry_free(a, x);
	else
		cluster_loaded(a, x);
}

int approvals_begin(struct approvals *a, struct err *e)
{
	int r = approval_store_begin(a->store, "pgveild was started anew while it waited", e);

	if (!r)
		r = approval_store_load(a->store, load_row, a, &a->last_id, e);
	if (!r)
		r = cluster_remember(a, e);
	if (r)
		return r;
	a->running = true;
	r = pthread_create(&a->thread, NULL, approvals_main, a);
	if (r) {
		a->running = false;
		return err_set(e, -r, "the desk's thread: %s", strerror(r));
	}
	return a->cluster ? cluster_begin(a->cluster, e) : 0;
}

void approvals_leave(struct approvals *a)
{
	struct entry *x;

	pthread_mutex_lock(&a->lock);
	a->left = true;
	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->state == APPROVAL_PENDING)
			entry_end(a, x, APPROVAL_DENIED, "another pgveild has taken over: send it again");
	}
	pthread_mutex_unlock(&a->lock);
}

static void poke_nobody(void *arg)
{
	(void)arg;
}

void approvals_hush(struct approvals *a)
{
	pthread_mutex_lock(&a->lock);
	a->cfg.poke = poke_nobody;
	pthread_mutex_unlock(&a->lock);
}

void approvals_close(struct approvals *a)
{
	struct tell *t;

	if (!a)
		return;
	if (a->cluster)
		cluster_end(a->cluster);
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	if (a->running)
		pthread_join(a->thread, NULL);
	approval_store_close(a->store);
	while (!TAILQ_EMPTY(&a->entries))
		entry_free(a, TAILQ_FIRST(&a->entries));
	while ((t = STAILQ_FIRST(&a->tells))) {
		STAILQ_REMOVE_HEAD(&a->tells, next);
		free(t);
	}
	free(a->tickets);
	pthread_cond_destroy(&a->work);
	pthread_cond_destroy(&a->done);
	pthread_mutex_destroy(&a->lock);
	mem_wipe(&a->key, sizeof(a->key));
	free(a);
}

void approvals_decided(struct approvals *a, struct metric_times *out)
{
	pthread_mutex_lock(&a->lock);
	metric_times_add(out, &a->decided);
	pthread_mutex_unlock(&a->lock);
}

void approvals_stats(struct approvals *a, struct approvals_stats *out)
{
	int64_t now = approvals_now(), since = now;
	struct entry *x;

	pthread_mutex_lock(&a->lock);
	*out = a->stats;
	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->state != APPROVAL_PENDING)
			continue;
		out->pending++;
		out->waiting += entry_waiting(a, x);
		since = x->asked_at < since ? x->asked_at : since;
	}
	out->oldest_s = (uint64_t)(now - since);
	pthread_mutex_unlock(&a->lock);
}
