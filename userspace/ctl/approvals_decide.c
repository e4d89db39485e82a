/* SPDX-License-Identifier: MIT */
/* What people say to it: who may, what it comes to, and what they see. */
#include "ctl/approvals_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "ctl/approvals_cluster_internal.h"
#include "ctl/clock.h"

#define SAVE_WAIT_S 10

static bool in(const struct rule_ids *r, const struct approver *who)
{
	json_t *name;
	size_t at;

	if (who->user)
		return true; /* RBAC let him write it */
	if (who->token) {
		json_array_foreach(r->tokens, at, name)
		{
			if (strcmp(json_string_value(name), who->token) == 0)
				return true;
		}
		return false;
	}
	for (unsigned i = 0; i < r->nuids; i++)
		if (r->uids[i] == who->uid)
			return true;
	for (unsigned i = 0; i < r->ngids; i++)
		for (unsigned k = 0; k < who->ngids; k++)
			if (r->gids[i] == who->gids[k])
				return true;
	return false;
}

static bool is_root(const struct approver *who)
{
	return !who->token && !who->user && who->uid == 0;
}

/* "uid 7", "token:ann", "user:ann@example.com". */
static const char *name_of(const struct approver *who, char out[80])
{
	if (who->user)
		snprintf(out, 80, "user:%s", who->user);
	else if (who->token)
		snprintf(out, 80, "token:%s", who->token);
	else
		snprintf(out, 80, "uid %u", who->uid);
	return out;
}

/* Where no document says who, root is it. */
static bool may_approve(const struct entry *x, const struct approver *who)
{
	for (unsigned i = 0; i < x->nrules; i++)
		if (!in(&x->rule[i], who))
			return false;
	return x->nrules || who->user || is_root(who);
}

static bool may_see(const struct entry *x, const struct approver *who)
{
	return x->shown && (is_root(who) || may_approve(x, who));
}

/* A person has one, whichever way he comes. */
static json_t *vote_of(const struct entry *x, const struct approver *who)
{
	json_t *v;
	size_t i;

	json_array_foreach(x->votes, i, v)
	{
		const json_t *uid = json_object_get(v, "uid"), *token = json_object_get(v, "token");
		const json_t *user = json_object_get(v, "user");

		if (json_is_integer(uid) && json_integer_value(uid) == (json_int_t)who->uid)
			return v;
		if (who->token && json_is_string(token) && strcmp(json_string_value(token), who->token) == 0)
			return v;
		if (who->user &&
			strcmp(json_string_value(user) ? json_string_value(user) : "", who->user) == 0)
			return v;
	}
	return NULL;
}

static int check_pending(const struct entry *x, struct err *e)
{
	if (x->state == APPROVAL_PENDING && x->until_ms > clock_ms())
		return 0;
	return err_set(e, -EALREADY, "approval %llu is %s%s%s", (unsigned long long)x->id,
		approval_state_name(x->state), x->cause[0] ? ": " : "", x->cause);
}

static int check_shape(const struct entry *x, const struct decision *d, struct err *e)
{
	const char *why = json_string_value(json_object_get(x->shown, "why_no_shape"));

	if (!d->shape)
		return 0;
	if (d->break_glass)
		return err_set(e, -EINVAL, "the glass is broken for one statement, not for its shape");
	if (d->rows || d->bytes)
		return err_set(e, -EINVAL, "limits are lifted for one statement, not for its shape");
	if (!json_is_string(json_object_get(x->shown, "shape")))
		return err_set(e, -EINVAL, "approval %llu has no shape to approve: %.90s",
			(unsigned long long)x->id, why ? why : "it was not kept");
	return d->uses > 1 ? 0
			   : err_set(e, -EINVAL,
				     "what may run once is the statement as it is: say how often with uses");
}

static int check_approver(
	const struct entry *x, const struct approver *who, const struct decision *d, struct err *e)
{
	char name[80];

	if (d->break_glass) {
		if (!is_root(who))
			return err_set(e, -EACCES, "only root breaks the glass");
		return d->reason && *d->reason ? 0 : err_set(e, -EINVAL, "breaking the glass needs a reason");
	}
	if (!may_approve(x, who))
		return err_set(e, -EACCES, "%s is none of those who may approve of this", name_of(who, name));
	if (!who->user && who->uid == x->uid)
		return err_set(e, -EACCES, "uid %u is who asks: somebody else must approve", who->uid);
	if (who->user && cluster_asks(x, who->user))
		return err_set(
			e, -EACCES, "%s is of those who ask: somebody else must approve", name_of(who, name));
	if (vote_of(x, who))
		return err_set(
			e, -EALREADY, "%s has approved already: somebody else must, too", name_of(who, name));
	return 0;
}

int entry_add_vote(struct entry *x, const struct approver *who, const char *verdict, const struct decision *d)
{
	json_t *uid = who->uid == APPROVER_NO_UID ? json_null() : json_integer((json_int_t)who->uid);
	json_t *v = json_pack("{s:o, s:s?, s:s?, s:s, s:I, s:s?, s:I, s:i, s:b, s:b, s:I, s:I}", "uid", uid,
		"token", who->token, "user", who->user, "verdict", verdict, "at", (json_int_t)approvals_now(),
		"reason", d->reason, "for_s", (json_int_t)d->for_s, "uses", (int)d->uses, "break_glass",
		d->break_glass, "shape", d->shape, "rows", (json_int_t)d->rows, "bytes",
		(json_int_t)d->bytes);

	return v && !json_array_append_new(x->votes, v) ? 0 : -ENOMEM;
}

/* What all who approved let: the shortest time, the fewest uses. */
static void set_terms(struct entry *x)
{
	json_int_t for_s = 0;
	json_t *v;
	size_t i;

	x->uses = 0;
	json_array_foreach(x->votes, i, v)
	{
		json_int_t f = json_integer_value(json_object_get(v, "for_s"));
		unsigned uses = (unsigned)json_integer_value(json_object_get(v, "uses"));

		if (f && (!for_s || f < for_s))
			for_s = f;
		uses = uses ? uses : 1;
		if (!x->uses || uses < x->uses)
			x->uses = uses;
	}
	x->shaped = entry_shaped(x);
	x->ends = for_s > 0;
	x->until_at = approvals_now() + (for_s ? for_s : (json_int_t)x->timeout_s);
	x->until_ms = clock_ms() + (uint64_t)(for_s ? for_s : (json_int_t)x->timeout_s) * 1000;
}

/* The fewest of those that all who approved let it have; who says nothing of rows lets it have what it wants.
 */
static uint64_t lifted(const struct entry *x, const char *key, json_int_t otherwise)
{
	json_int_t least = 0;
	json_t *v;
	size_t i;

	json_array_foreach(x->votes, i, v)
	{
		json_int_t one = json_integer_value(json_object_get(v, key));

		one = one ? one : otherwise;
		if (one <= 0)
			return 0;
		if (!i || one < least)
			least = one;
	}
	return (uint64_t)least;
}

void entry_lifts(const struct entry *x, uint64_t *rows, uint64_t *bytes)
{
	const json_t *wants = json_object_get(json_object_get(x->shown, "lift"), "rows");

	*rows = lifted(x, "rows", json_integer_value(wants));
	*bytes = lifted(x, "bytes", 0);
}

static size_t approvals_of(const struct entry *x)
{
	return json_array_size(x->votes);
}

/* Until it is written down, or cannot be: -EIO. The entry stays meanwhile, being unsaved. */
static int wait_saved(struct approvals *a, uint64_t id, struct err *e)
{
	struct timespec until;
	struct entry *x;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SAVE_WAIT_S;
	for (;;) {
		x = entry_find(a, id);
		if (!x || !x->unsaved)
			return 0;
		if (x->failed || pthread_cond_timedwait(&a->done, &a->lock, &until))
			return err_set(e, -EIO,
				"approval %llu: it cannot be written down, and does not count yet",
				(unsigned long long)id);
	}
}

static void tell_vote(const struct entry *x, const struct approver *who, const struct decision *d)
{
	enum log_level level = d->break_glass ? LOG_WARN : LOG_INFO;
	const char *event = d->break_glass                  ? "approval.break_glass"
			    : x->state == APPROVAL_APPROVED ? "approval.approved"
							    : "approval.voted";
	char name[80];

	name_of(who, name);
	if (who->user)
		log_with(level, event,
			LOG_FIELDS(LOG_NUMBER("approval", x->id), LOG_TEXT("identity", x->identity),
				LOG_TEXT("user", who->user), LOG_TEXT("object", x->object),
				LOG_NUMBER("votes", approvals_of(x)), LOG_NUMBER("required", x->required),
				LOG_NUMBER("uses", x->uses), LOG_NUMBER("shape", x->shaped)),
			"approved by %s", name);
	else if (who->token)
		log_with(level, event,
			LOG_FIELDS(LOG_NUMBER("approval", x->id), LOG_TEXT("identity", x->identity),
				LOG_TEXT("token", who->token), LOG_NUMBER("votes", approvals_of(x)),
				LOG_NUMBER("required", x->required), LOG_NUMBER("uses", x->uses),
				LOG_NUMBER("shape", x->shaped)),
			"approved by %s", name);
	else
		log_with(level, event,
			LOG_FIELDS(LOG_NUMBER("approval", x->id), LOG_TEXT("identity", x->identity),
				LOG_NUMBER("by", who->uid), LOG_NUMBER("votes", approvals_of(x)),
				LOG_NUMBER("required", x->required), LOG_NUMBER("uses", x->uses),
				LOG_NUMBER("shape", x->shaped)),
			"approved by %s", name);
}

int entry_approve(struct approvals *a, struct entry *x, const struct approver *who, const struct decision *d,
	struct err *e)
{
	int r = check_pending(x, e);

	r = r ? r : check_approver(x, who, d, e);
	r = r ? r : check_shape(x, d, e);
	if (r)
		return r;
	if (entry_add_vote(x, who, "approved", d))
		return err_set(e, -ENOMEM, "out of memory");
	if (d->break_glass || approvals_of(x) >= x->required) {
		x->state = APPROVAL_APPROVED;
		entry_decided(a, x);
		set_terms(x);
		a->stats.approved++;
		a->stats.glass += d->break_glass;
		cluster_approved(x);
	}
	tell_vote(x, who, d);
	entry_changed(a, x);
	if (x->state == APPROVAL_APPROVED)
		entry_serve(a, x);
	return 0;
}

int approvals_approve(
	struct approvals *a, uint64_t id, const struct approver *who, const struct decision *d, struct err *e)
{
	struct entry *x;
	int r;

	pthread_mutex_lock(&a->lock);
	x = entry_find(a, id);
	if (!x || !may_see(x, who))
		r = err_set(e, -ENOENT, "there is no approval %llu that you may decide on",
			(unsigned long long)id);
	else
		r = entry_approve(a, x, who, d, e);
	if (!r)
		r = wait_saved(a, id, e);
	pthread_mutex_unlock(&a->lock);
	return r;
}

int approvals_deny(
	struct approvals *a, uint64_t id, const struct approver *who, const char *reason, struct err *e)
{
	const struct decision d = {.reason = reason};
	char cause[CAUSE_MAX];
	struct entry *x;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	x = entry_find(a, id);
	if (!x || !may_see(x, who))
		r = err_set(e, -ENOENT, "there is no approval %llu that you may decide on",
			(unsigned long long)id);
	if (!r)
		r = check_pending(x, e);
	if (!r && entry_add_vote(x, who, "denied", &d))
		r = err_set(e, -ENOMEM, "out of memory");
	if (!r) {
		snprintf(cause, sizeof(cause), "%s", reason && *reason ? reason : "by a reviewer");
		entry_decided(a, x);
		entry_end(a, x, APPROVAL_DENIED, cause);
		r = wait_saved(a, id, e);
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

static bool referred(const struct approvals *a, const struct entry *x)
{
	for (unsigned i = 0; i < TICKETS_MAX; i++)
		if (a->tickets[i].state == TICKET_GRANTED && a->tickets[i].entry == x)
			return true;
	return false;
}

int approvals_revoke(
	struct approvals *a, uint64_t id, const struct approver *who, const char *reason, struct err *e)
{
	char cause[CAUSE_MAX];
	struct entry *x;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	x = entry_find(a, id);
	if (!x || !may_see(x, who))
		r = err_set(
			e, -ENOENT, "there is no grant %llu that you may take back", (unsigned long long)id);
	else if (x->state != APPROVAL_APPROVED && (x->state != APPROVAL_USED || !referred(a, x)))
		r = err_set(e, -EALREADY, "approval %llu is %s, and nothing runs by it",
			(unsigned long long)id, approval_state_name(x->state));
	if (!r) {
		snprintf(cause, sizeof(cause), "%s", reason && *reason ? reason : "by a reviewer");
		entry_end(a, x, APPROVAL_REVOKED, cause);
		r = wait_saved(a, id, e);
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

/* ---- what they see ---- */

static json_t *lifts_of(const struct entry *x)
{
	bool decided = x->state == APPROVAL_APPROVED || x->state == APPROVAL_USED;
	uint64_t rows = 0, bytes = 0;

	if (decided)
		entry_lifts(x, &rows, &bytes);
	return json_pack("{s:I, s:I}", "rows", (json_int_t)rows, "bytes", (json_int_t)bytes);
}

static json_t *view(const struct approvals *a, const struct entry *x)
{
	json_t *o = json_deep_copy(x->shown);
	json_t *more = json_pack("{s:I, s:s, s:s, s:I, s:I, s:i, s:i, s:i, s:b, s:b, s:i, s:o, s:o}", "id",
		(json_int_t)x->id, "state", approval_state_name(x->state), "cause", x->cause, "asked_at",
		(json_int_t)x->asked_at, "until", (json_int_t)x->until_at, "required", (int)x->required,
		"uses", (int)x->uses, "used", (int)x->used, "ends_running", x->ends, "shaped", x->shaped,
		"waiting", (int)entry_waiting(a, x), "votes", json_deep_copy(x->votes), "lifted",
		lifts_of(x));

	if (!o || !more || json_object_update(o, more)) {
		json_decref(o);
		o = NULL;
	}
	json_decref(more);
	return o;
}

static bool wanted(const struct entry *x, enum approvals_which which)
{
	switch (which) {
	case APPROVALS_ALL: return true;
	case APPROVALS_PENDING: return x->state == APPROVAL_PENDING;
	case APPROVALS_GRANTS: return x->state == APPROVAL_APPROVED && x->used < x->uses;
	}
	return false;
}

json_t *approvals_list(struct approvals *a, const struct approver *who, enum approvals_which which)
{
	json_t *list = json_array();
	struct entry *x;

	pthread_mutex_lock(&a->lock);
	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (may_see(x, who) && wanted(x, which) && json_array_append_new(list, view(a, x)))
			break;
	}
	pthread_mutex_unlock(&a->lock);
	return list;
}

static void add_use(void *arg, unsigned n, int64_t at, const char *how)
{
	json_array_append_new(
		arg, json_pack("{s:i, s:I, s:s}", "use", (int)n, "at", (json_int_t)at, "how", how));
}

json_t *approvals_show(struct approvals *a, const struct approver *who, uint64_t id)
{
	json_t *o = NULL, *uses = json_array();
	struct entry *x;
	struct err e;

	pthread_mutex_lock(&a->lock);
	x = entry_find(a, id);
	if (x && may_see(x, who))
		o = view(a, x);
	pthread_mutex_unlock(&a->lock);
	if (o && approval_store_uses(a->store, id, add_use, uses, &e) == 0)
		json_object_set(o, "history", uses);
	json_decref(uses);
	return o;
}
