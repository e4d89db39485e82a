/* SPDX-License-Identifier: MIT */
/* What sessions ask of the desk. Called by workers: nothing here waits for more than the lock. */
#include "ctl/approvals_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "ctl/approvals_cluster_internal.h"
#include "ctl/clock.h"
#include "kube/pod.h"
#include "policy/policy.h"

#define TIMEOUT_S 600 /* where no document says */
#define LISTED    50

void ticket_deny(struct ticket *t, const char *sqlstate, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
	snprintf(t->sqlstate, sizeof(t->sqlstate), "%s", sqlstate);
	t->state = TICKET_DENIED;
}

void use_tell(struct approvals *a, const struct ticket *t, const char *how)
{
	struct tell *x = a->ntells < TELLS_MAX ? calloc(1, sizeof(*x)) : NULL;

	if (!x)
		return; /* then it stays known as used up, and no more */
	x->id = t->entry->id;
	x->n = t->use;
	snprintf(x->how, sizeof(x->how), "%s", how);
	STAILQ_INSERT_TAIL(&a->tells, x, next);
	a->ntells++;
	pthread_cond_signal(&a->work);
}

/* ---- tickets ---- */

static uint64_t ticket_number(const struct approvals *a, const struct ticket *t)
{
	return (uint64_t)t->generation << 32 | (uint64_t)(t - a->tickets + 1);
}

static struct ticket *ticket_of(struct approvals *a, uint64_t number)
{
	uint64_t at = number & UINT32_MAX;
	struct ticket *t = at && at <= TICKETS_MAX ? &a->tickets[at - 1] : NULL;

	return t && t->state != TICKET_FREE && !t->gone && t->generation == number >> 32 ? t : NULL;
}

static struct ticket *ticket_new(struct approvals *a, struct entry *x)
{
	unsigned of = 0;

	for (unsigned i = 0; i < TICKETS_MAX; i++)
		of += a->tickets[i].state != TICKET_FREE &&
		      strcmp(a->tickets[i].entry->identity, x->identity) == 0;
	if (of >= TICKETS_OF_MAX)
		return NULL;
	for (unsigned i = 0; i < TICKETS_MAX; i++) {
		struct ticket *t = &a->tickets[i];

		if (t->state != TICKET_FREE)
			continue;
		t->state = TICKET_WAITS;
		t->entry = x;
		t->since = ++a->turns;
		return t;
	}
	return NULL;
}

static void answer(const struct ticket *t, struct desk_answer *out)
{
	const struct entry *x = t->entry;

	out->id = x->id;
	if (x->share != SHARE_ALONE)
		snprintf(out->object, sizeof(out->object), "%s", x->object);
	switch (t->state) {
	case TICKET_WAITS:
		out->state = DESK_PENDING;
		out->until_ms = x->until_ms;
		out->retry = x->retry;
		return;
	case TICKET_TAKES:
	case TICKET_CLAIMS: out->state = DESK_CLAIMED; return;
	case TICKET_GRANTED:
		out->state = DESK_GRANTED;
		entry_lifts(x, &out->rows, &out->bytes);
		return;
	case TICKET_DENIED:
	case TICKET_FREE: break;
	}
	out->state = DESK_DENIED;
	snprintf(out->sqlstate, sizeof(out->sqlstate), "%s", t->sqlstate);
	snprintf(out->reason, sizeof(out->reason), "%s", t->reason);
}

/* ---- what is asked ---- */

static json_t *texts(const char *const *v, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < n; i++) {
		json_t *s = json_string(v[i]);

		/* not UTF-8: what a parameter has in another encoding */
		if (json_array_append_new(list, s ? s : json_string("?"))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *ids(const uint32_t *v, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < n; i++)
		json_array_append_new(list, json_integer(v[i]));
	return list;
}

static json_t *opens_of(const struct desk_request *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < r->nopens; i++) {
		json_t *now = json_string(r->opens[i].now);

		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "place", r->opens[i].name, "kind",
						    r->opens[i].kind, "now", now ? now : json_string("?")));
	}
	/* what is not said to be open is not */
	if (json_array_size(list) == r->nopens)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *rules_of(const struct desk_request *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < r->nrules; i++)
		json_array_append_new(list,
			json_pack("{s:o, s:o, s:o, s:i}", "uids", ids(r->rules[i]->uids, r->rules[i]->nuids),
				"groups", ids(r->rules[i]->gids, r->rules[i]->ngids), "tokens",
				texts(r->rules[i]->tokens, r->rules[i]->ntokens), "required",
				(int)r->rules[i]->required));
	return list;
}

static bool take_ids(const json_t *list, uint32_t **out, unsigned *n)
{
	size_t count = json_array_size(list);

	*out = calloc(count ? count : 1, sizeof(**out));
	if (!*out)
		return false;
	for (*n = 0; *n < count; ++*n)
		(*out)[*n] = (uint32_t)json_integer_value(json_array_get(list, *n));
	return true;
}

bool rules_take(struct entry *x, const json_t *shown)
{
	const json_t *list = json_object_get(shown, "approvers");

	if (!json_is_array(list) || json_array_size(list) > RULES_MAX)
		return false;
	x->uid = (uint32_t)json_integer_value(json_object_get(shown, "uid"));
	x->required = 1;
	for (x->nrules = 0; x->nrules < json_array_size(list); x->nrules++) {
		const json_t *rule = json_array_get(list, x->nrules);
		struct rule_ids *r = &x->rule[x->nrules];

		r->tokens = json_object_get(rule, "tokens");
		r->required = (unsigned)json_integer_value(json_object_get(rule, "required"));
		if (r->required > x->required)
			x->required = r->required;
		if (!take_ids(json_object_get(rule, "uids"), &r->uids, &r->nuids) ||
			!take_ids(json_object_get(rule, "groups"), &r->gids, &r->ngids))
			return false;
	}
	return true;
}

static json_t *estimate_of(const struct desk_request *r)
{
	if (r->estimated)
		return json_pack("{s:I}", "rows", (json_int_t)r->rows);
	return r->unestimated ? json_pack("{s:s}", "none", r->unestimated) : json_null();
}

/* What of the limits would have to be lifted. */
static json_t *lift_of(const struct desk_request *r)
{
	return r->wants ? json_pack("{s:I, s:s}", "rows", (json_int_t)r->wants, "limit", r->limit)
			: json_null();
}

static json_t *pod_of(const struct caller *who)
{
	const struct pod *p = who->pod;

	return p ? json_pack("{s:s, s:s, s:s}", "namespace", p->namespace, "name", p->name, "service_account",
			   p->service_account)
		 : json_null();
}

static json_t *shown_of(const struct desk_request *r)
{
	const struct caller *who = r->who;
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:b}", "identity", r->identity,
		"cgroup", who->cgroup, "uid", (json_int_t)who->uid, "tgid", (json_int_t)who->tgid, "database",
		r->database, "dbname", r->dbname, "role", r->role ? r->role : "", "search_path", r->path,
		"kind", r->kind, "in_transaction", r->in_transaction);
	json_t *comm = json_string(who->comm), *reason = r->reason ? json_string(r->reason) : NULL;
	bool ok = o != NULL;

	ok = ok && !json_object_set_new(o, "comm", comm ? comm : json_string("?"));
	ok = ok && !json_object_set_new(o, "unit", json_string(who->unit));
	ok = ok && !json_object_set_new(o, "pod", pod_of(who));
	ok = ok && !json_object_set_new(o, "tag", json_string(r->tag ? r->tag : r->kind));
	ok = ok && !json_object_set_new(o, "rule", json_string(r->rule ? r->rule : ""));
	ok = ok && !json_object_set_new(o, "why", json_string(r->why ? r->why : ""));
	ok = ok && !json_object_set_new(o, "reason", reason ? reason : json_null());
	ok = ok && !json_object_set_new(o, "estimate", estimate_of(r));
	ok = ok && !json_object_set_new(o, "lift", lift_of(r));
	ok = ok && !json_object_set_new(o, "statement", json_string(r->text));
	ok = ok && !json_object_set_new(o, "parameters", texts(r->values, r->nvalues));
	ok = ok && !json_object_set_new(o, "relations", texts(r->relations, r->nrelations));
	ok = ok && !json_object_set_new(o, "locked", texts(r->locked, r->nlocked));
	ok = ok && !json_object_set_new(o, "shape", r->shape ? json_string(r->shape) : json_null());
	ok = ok && !json_object_set_new(
			   o, "why_no_shape", r->why_no_shape ? json_string(r->why_no_shape) : json_null());
	ok = ok && !json_object_set_new(o, "opens", opens_of(r));
	ok = ok && !json_object_set_new(o, "approvers", rules_of(r));
	if (!ok)
		json_decref(o);
	return ok ? o : NULL;
}

/* Somebody who has each one void, and asks anew, is stopped as well. */
bool asked_too_much(struct approvals *a, const char *identity)
{
	unsigned n = 0, of = 0, lately = 0;
	int64_t now = approvals_now();
	struct entry *x;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		bool his = x->identity && strcmp(x->identity, identity) == 0;

		lately += his && x->asked_at <= now && x->asked_at > now - ASKED_S;
		n += x->state == APPROVAL_PENDING;
		of += his && x->state == APPROVAL_PENDING;
	}
	return n >= PENDING_MAX || of >= PENDING_OF_MAX || lately >= ASKED_OF_MAX;
}

bool entry_fill(struct approvals *a, struct entry *x, const struct desk_request *r)
{
	x->timeout_s = TIMEOUT_S;
	for (unsigned i = 0; i < r->nrules; i++) {
		if (!i || r->rules[i]->timeout_s < x->timeout_s)
			x->timeout_s = r->rules[i]->timeout_s;
		x->retry |= r->rules[i]->retry;
	}
	x->identity = strdup(r->identity);
	x->text = strdup(r->text);
	x->shown = shown_of(r);
	if (!x->identity || !x->text || !x->shown || !rules_take(x, x->shown))
		return false;
	x->id = ++a->last_id;
	x->state = APPROVAL_PENDING;
	x->bond = r->bond;
	x->asked_at = approvals_now();
	x->until_at = x->asked_at + x->timeout_s;
	x->until_ms = clock_ms() + (uint64_t)x->timeout_s * 1000;
	x->added = true;
	return true;
}

static struct entry *ask_anew(struct approvals *a, const struct desk_request *r, int *rc)
{
	char rows[24] = "none";
	struct entry *x;

	*rc = asked_too_much(a, r->identity) || r->nrules > RULES_MAX ? -ENOSPC : 0;
	x = *rc ? NULL : entry_new(a);
	if (!x) {
		*rc = *rc ? *rc : -ENOMEM;
		return NULL;
	}
	if (!entry_fill(a, x, r)) {
		/* nothing that anybody may use: it goes with the next that are over */
		x->state = APPROVAL_DENIED;
		*rc = -ENOMEM;
		return NULL;
	}
	a->stats.asked++;
	cluster_asked(a, x);
	entry_changed(a, x);
	if (r->estimated)
		snprintf(rows, sizeof(rows), "%llu", (unsigned long long)r->rows);
	log_with(LOG_INFO, "approval.asked",
		LOG_FIELDS(LOG_NUMBER("approval", x->id), LOG_TEXT("identity", x->identity),
			LOG_TEXT("cgroup", r->who->cgroup), LOG_NUMBER("uid", r->who->uid),
			LOG_NUMBER("tgid", r->who->tgid), LOG_TEXT("database", r->database),
			LOG_TEXT("kind", r->kind), LOG_TEXT("rule", r->rule ? r->rule : ""),
			LOG_TEXT("estimate", rows)),
		"a statement waits for an approval: pgveil approvals show %llu", (unsigned long long)x->id);
	return x;
}

static enum bond_part moved_of(const struct entry *x, const struct desk_request *r)
{
	enum bond_part moved = bond_moved(&x->bond, &r->bond);

	return moved == BOND_STATEMENT && x->shaped && x->state == APPROVAL_APPROVED
		       ? bond_shape_moved(&x->bond, &r->bond)
		       : moved;
}

/* The same may still be asked for, or be approved, by its shape too. What is approved of the same statement,
 * with another meaning by now, is void; who waits for such a one finds that by himself. */
static struct entry *find_same(struct approvals *a, const struct desk_request *r, struct desk_answer *out)
{
	struct entry *x, *same = NULL;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		enum bond_part moved = moved_of(x, r);

		if (!entry_live(x) || x->until_ms <= clock_ms() || moved == BOND_STATEMENT)
			continue;
		if (moved == BOND_MAX) {
			if (!same || same->state != APPROVAL_APPROVED || x->state == APPROVAL_APPROVED)
				same = x;
		} else if (!entry_waiting(a, x)) {
			char cause[CAUSE_MAX];

			snprintf(cause, sizeof(cause), "%s is another one than when it was asked for",
				bond_part_name(moved));
			entry_end(a, x, APPROVAL_VOID, cause);
			snprintf(out->reason, sizeof(out->reason), "approval %llu is void: %.140s",
				(unsigned long long)x->id, cause);
		}
	}
	return same;
}

/* What was approved in the cluster may be heard of only after it was asked for again, as behind a start of
 * the daemon: whoever asks once more need not wait for the second approval. That stays what it is: on other
 * nodes somebody may wait for it. */
static struct entry *find_approved(struct approvals *a, const struct desk_request *r, struct entry *same)
{
	enum standing least = STANDING_ASKED;
	struct entry *x;

	if (same)
		least = same->required > 1 ? STANDING_GIVEN : STANDING_APPROVED;
	x = cluster_adopt(a, r, least);
	return x ? x : same;
}

static int on_ask(
	void *arg, const struct desk_request *r, uint64_t now_ms, uint64_t *ticket, struct desk_answer *out)
{
	struct approvals *a = arg;
	struct ticket *t = NULL;
	struct entry *x = NULL;
	int rc = 0;

	(void)now_ms;
	*out = (struct desk_answer){.state = DESK_DENIED};
	pthread_mutex_lock(&a->lock);
	if (a->left || !a->running)
		rc = -ESHUTDOWN;
	else
		x = find_same(a, r, out);
	if (!rc && (!x || x->state != APPROVAL_APPROVED))
		x = find_approved(a, r, x);
	if (!rc && !x)
		x = ask_anew(a, r, &rc);
	if (x)
		t = ticket_new(a, x);
	if (x && !t)
		rc = -ENOSPC;
	if (t) {
		*ticket = ticket_number(a, t);
		if (x->state == APPROVAL_APPROVED)
			entry_serve(a, x);
		answer(t, out);
	}
	pthread_mutex_unlock(&a->lock);
	return rc;
}

static void on_look(void *arg, uint64_t ticket, struct desk_answer *out)
{
	struct approvals *a = arg;
	struct ticket *t;

	*out = (struct desk_answer){
		.state = DESK_DENIED, .sqlstate = "42501", .reason = "the approval does not hold"};
	pthread_mutex_lock(&a->lock);
	t = ticket_of(a, ticket);
	if (t)
		answer(t, out);
	pthread_mutex_unlock(&a->lock);
}

static void leave(struct approvals *a, struct ticket *t, const char *why)
{
	bool used = t->use && !t->sent;

	if (used)
		use_tell(a, t, why);
	if (t->state == TICKET_CLAIMS || t->state == TICKET_TAKES)
		t->gone = true; /* a thread has it */
	else
		ticket_free(t);
}

static void on_end(void *arg, uint64_t ticket, enum desk_end how, enum bond_part moved)
{
	struct approvals *a = arg;
	char why[CAUSE_MAX];
	struct ticket *t;

	pthread_mutex_lock(&a->lock);
	t = ticket_of(a, ticket);
	if (t && how == DESK_SENT) {
		t->sent = true;
		use_tell(a, t, "sent");
	} else if (t && how == DESK_MOVED) {
		struct entry *x = t->entry;

		snprintf(why, sizeof(why), "%s is another one than when it was asked for",
			bond_part_name(moved));
		if (entry_live(x))
			entry_end(a, x, APPROVAL_VOID, why);
		snprintf(why, sizeof(why), "not sent: %s is another one than when it was asked for",
			bond_part_name(moved));
		leave(a, t, why);
	} else if (t) {
		leave(a, t, "not sent: the statement was given up, or refused for another reason");
	}
	pthread_mutex_unlock(&a->lock);
}

static void on_list(void *arg, const char *identity,
	void (*fn)(void *arg, uint64_t id, const char *state, const char *text, const char *cause),
	void *fn_arg)
{
	struct approvals *a = arg;
	struct entry *x;
	unsigned n = 0;

	pthread_mutex_lock(&a->lock);
	TAILQ_FOREACH_REVERSE(x, &a->entries, entry_list, all)
	{
		if (!x->text || !x->identity || strcmp(x->identity, identity) != 0)
			continue;
		fn(fn_arg, x->id, approval_state_name(x->state), x->text, x->cause);
		if (++n == LISTED)
			break;
	}
	pthread_mutex_unlock(&a->lock);
}

void desk_open(struct approvals *a)
{
	a->desk = (struct desk){.ask = on_ask,
		.look = on_look,
		.end = on_end,
		.list = on_list,
		.arg = a,
		.key = a->cluster ? cluster_key(a->cluster) : &a->key};
}
