/* SPDX-License-Identifier: MIT */
/* What is known of the cluster's objects, and what that means for entries. Nothing here asks the server. */
#include "ctl/approvals_cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "ctl/approvals_cluster_internal.h"
#include "ctl/clock.h"

#define ACCOUNT "system:serviceaccount:"

/* ---- entries and remotes ---- */

static struct entry *entry_of(struct approvals *a, const char *name)
{
	struct entry *x;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->share != SHARE_ALONE && strcmp(x->object, name) == 0)
			return x;
	}
	return NULL;
}

static void spoil(struct cluster *c, struct remote *r, const char *why)
{
	struct entry *x = entry_of(c->a, r->name);

	if (!r->spoiled)
		log_with(LOG_WARN, "approval.spoiled", LOG_FIELDS(LOG_TEXT("object", r->name)), "%s", why);
	r->spoiled = true;
	if (x && entry_live(x))
		entry_end(c->a, x, APPROVAL_VOID, why);
}

/* ---- decisions ---- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

bool cluster_asks(const struct entry *x, const char *user)
{
	const json_t *pod = json_object_get(x->shown, "pod");
	const char *space = json_string_value(json_object_get(pod, "namespace"));
	size_t n = space ? strlen(space) : 0;

	/* whoever runs pods there could be any of their accounts */
	return n && begins(user, ACCOUNT) && strncmp(user + strlen(ACCOUNT), space, n) == 0 &&
	       user[strlen(ACCOUNT) + n] == ':';
}

/* What somebody wrote is decided once and for all: where it does not count, nothing will. */
static void decide(struct approvals *a, struct entry *x, const struct cluster_approval *o)
{
	const struct approver who = {.uid = APPROVER_NO_UID, .user = o->approver};
	const struct decision d = {.reason = o->reason[0] ? o->reason : NULL,
		.for_s = o->for_s,
		.uses = o->uses,
		.shape = o->shape};
	char cause[CAUSE_MAX];
	struct err e = {0};

	if (!o->approved) {
		snprintf(cause, sizeof(cause), "%.150s", o->reason[0] ? o->reason : "by a reviewer");
		if (entry_add_vote(x, &who, "denied", &d))
			snprintf(cause, sizeof(cause), "by a reviewer");
		entry_decided(a, x);
		entry_end(a, x, APPROVAL_DENIED, cause);
	} else if (entry_approve(a, x, &who, &d, &e) && e.code != -EALREADY) {
		log_with(LOG_WARN, "approval.refused",
			LOG_FIELDS(LOG_TEXT("object", x->object), LOG_TEXT("user", o->approver)), "%s",
			e.msg);
		snprintf(cause, sizeof(cause), "the decision does not count: %.150s", e.msg);
		entry_end(a, x, APPROVAL_DENIED, cause);
	}
}

/* Whatever was voted here: the grant is what counts. */
static void take_terms(struct approvals *a, struct entry *x, const struct remote *r)
{
	const struct cluster_terms *t = &r->grant.terms;
	int64_t left_s = t->expires - approvals_now();
	json_t *v = json_pack("{s:n, s:s, s:s, s:I, s:I, s:i, s:b, s:b, s:I, s:I, s:s}", "uid", "user",
		r->grant.approvers, "verdict", "approved", "at", (json_int_t)approvals_now(), "for_s",
		(json_int_t)0, "uses", (int)t->uses, "break_glass", 0, "shape", t->shaped, "rows",
		(json_int_t)t->rows, "bytes", (json_int_t)t->bytes, "object", r->name);

	if (!v || json_array_clear(x->votes) || json_array_append_new(x->votes, v)) {
		entry_end(a, x, APPROVAL_VOID, "out of memory");
		return;
	}
	x->state = APPROVAL_APPROVED;
	x->uses = t->uses;
	x->ends = t->ends;
	x->shaped = t->shaped;
	x->until_at = t->expires;
	x->until_ms = clock_ms() + (left_s > 0 ? (uint64_t)left_s * 1000 : 0);
}

static bool under_way(const struct approvals *a, const struct entry *x)
{
	for (unsigned i = 0; i < TICKETS_MAX; i++) {
		const struct ticket *t = &a->tickets[i];

		if (t->entry == x && (t->state == TICKET_TAKES || t->state == TICKET_CLAIMS))
			return true;
	}
	return false;
}

void cluster_used_up(struct approvals *a, struct entry *x)
{
	if (x->state == APPROVAL_APPROVED && x->used >= x->uses && !under_way(a, x))
		entry_end(a, x, APPROVAL_USED, "used up");
}

/* A grant by whose approval it is, of the same statement, and never changed. */
static bool fits(const struct remote *r, const struct bond *bond)
{
	return r->asked && r->given && !r->spoiled && !r->given_gone &&
	       strcmp(r->grant.approval, r->approval.uid) == 0 &&
	       bond_moved(&r->grant.bond, &r->approval.bond) == BOND_MAX &&
	       bond_moved(&r->grant.bond, bond) == BOND_MAX &&
	       memcmp(r->grant.bond.shape, bond->shape, BOND_LEN) == 0;
}

static enum approval_state ended(const char *word)
{
	static const enum approval_state over[] = {
		APPROVAL_REVOKED, APPROVAL_EXPIRED, APPROVAL_VOID, APPROVAL_DENIED};

	for (unsigned i = 0; i < ARRAY_LEN(over); i++)
		if (strcmp(word, approval_state_name(over[i])) == 0)
			return over[i];
	return APPROVAL_PENDING;
}

/* The entry as the objects are now. */
static void apply(struct cluster *c, const struct remote *r)
{
	struct approvals *a = c->a;
	struct entry *x = entry_of(a, r->name);
	enum approval_state over;
	bool runs = x && x->state == APPROVAL_USED && x->ends;

	if (!x || r->spoiled)
		return;
	/* It was over before the answer came that never came: nobody is to decide on it any more. */
	if (x->share == SHARE_POSTED && r->asked && r->approval.mine && !entry_live(x)) {
		x->share = SHARE_CLUSTER;
		x->mine = x->tells = true;
	}
	if (!entry_live(x) && !runs)
		return;
	x->share = SHARE_CLUSTER;
	x->mine = x->mine || (r->asked && r->approval.mine);
	if (r->given && !fits(r, &x->bond)) {
		if (r->asked && x->granted)
			entry_end(a, x, APPROVAL_REVOKED, "its StatementGrant is gone, or is another one");
		return;
	}
	if (r->given) {
		if (!x->granted && !runs) {
			take_terms(a, x, r);
			x->granted = true;
			entry_changed(a, x);
		}
		over = ended(r->grant.state);
		if (over != APPROVAL_PENDING) {
			entry_end(a, x, over, "so it was said on another node");
			return;
		}
		if (x->state != APPROVAL_APPROVED)
			return;
		if (x->used != r->used)
			x->tells = true;
		x->used = r->used;
		entry_serve(a, x);
		cluster_used_up(a, x);
		return;
	}
	if (!r->asked || x->state != APPROVAL_PENDING)
		return;
	over = ended(r->approval.state);
	if (r->asked_gone)
		entry_end(a, x, APPROVAL_VOID, "its StatementApproval was deleted");
	else if (over == APPROVAL_DENIED || (over != APPROVAL_PENDING && !x->mine))
		entry_end(a, x, over, r->approval.message[0] ? r->approval.message : "on another node");
	else if (r->approval.decided)
		decide(a, x, &r->approval);
}

/* ---- what is seen ---- */

static bool is_another(bool there, const char *uid, const char *past, const char *now)
{
	return (there && strcmp(uid, now) != 0) || (past[0] && strcmp(past, now) != 0);
}

void cluster_seen_approval(struct cluster *c, const struct cluster_approval *o)
{
	struct remote *r = remote_of(c, o->name);

	if (!r)
		return;
	if (is_another(r->asked, r->approval.uid, r->past_asked, o->uid)) {
		spoil(c, r, "another StatementApproval has its name");
		return;
	}
	r->asked = r->asked_seen = true;
	r->approval = *o;
	apply(c, r);
	pthread_cond_signal(&c->work);
}

void cluster_seen_grant(struct cluster *c, const struct cluster_grant *o)
{
	struct remote *r = remote_of(c, o->name);

	if (!r)
		return;
	/* What the watch tells may be older than what was read since: it says less, and is no loss. What was
	 * read and says less is found by who reads (approvals_cluster_io.c). */
	if (is_another(r->given, r->grant.uid, r->past_given, o->uid)) {
		spoil(c, r, "another StatementGrant has its name");
		return;
	}
	r->given_seen = true;
	if (r->given && o->used < r->used)
		return;
	if (!r->given || o->used > r->used) {
		r->unkept = true;
		pthread_cond_signal(&c->a->work);
	}
	r->given = true;
	r->used = o->used > r->used ? o->used : r->used;
	r->grant = *o;
	apply(c, r);
	pthread_cond_signal(&c->work);
}

static bool on_approval(void *arg, const json_t *object)
{
	struct cluster *c = arg;
	struct cluster_approval *o = malloc(sizeof(*o));

	if (!o)
		return false;
	if (cluster_approval_take(&c->home, object, o)) {
		pthread_mutex_lock(&c->a->lock);
		cluster_seen_approval(c, o);
		pthread_mutex_unlock(&c->a->lock);
	} else {
		log_with(LOG_WARN, "approval.foreign",
			LOG_FIELDS(LOG_TEXT("collection", "statementapprovals")),
			"an object that no pgveild of this cluster made is not taken");
	}
	free(o);
	return true;
}

static bool on_grant(void *arg, const json_t *object)
{
	struct cluster *c = arg;
	struct cluster_grant o;

	if (cluster_grant_take(&c->home, object, &o)) {
		pthread_mutex_lock(&c->a->lock);
		cluster_seen_grant(c, &o);
		pthread_mutex_unlock(&c->a->lock);
	} else {
		log_with(LOG_WARN, "approval.foreign", LOG_FIELDS(LOG_TEXT("collection", "statementgrants")),
			"an object that no pgveild of this cluster made is not taken");
	}
	return true;
}

static struct remote *remote_named(struct cluster *c, const json_t *object)
{
	const char *name = json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));

	return name ? remote_find(c, name) : NULL;
}

static void approval_gone(struct cluster *c, struct remote *r)
{
	r->asked_gone = true;
	apply(c, r);
}

static void grant_gone(struct cluster *c, struct remote *r)
{
	r->given_gone = true;
	apply(c, r);
}

static void on_approval_gone(void *arg, const json_t *object)
{
	struct cluster *c = arg;
	struct remote *r;

	pthread_mutex_lock(&c->a->lock);
	r = remote_named(c, object);
	if (r && r->asked)
		approval_gone(c, r);
	pthread_mutex_unlock(&c->a->lock);
}

static void on_grant_gone(void *arg, const json_t *object)
{
	struct cluster *c = arg;
	struct remote *r;

	pthread_mutex_lock(&c->a->lock);
	r = remote_named(c, object);
	if (r && r->given)
		grant_gone(c, r);
	pthread_mutex_unlock(&c->a->lock);
}

static void on_approvals_begin(void *arg)
{
	struct cluster *c = arg;
	struct remote *r;

	pthread_mutex_lock(&c->a->lock);
	TAILQ_FOREACH(r, &c->remotes, all)
	{
		r->asked_seen = false;
	}
	pthread_mutex_unlock(&c->a->lock);
}

static void on_grants_begin(void *arg)
{
	struct cluster *c = arg;
	struct remote *r;

	pthread_mutex_lock(&c->a->lock);
	TAILQ_FOREACH(r, &c->remotes, all)
	{
		r->given_seen = false;
	}
	pthread_mutex_unlock(&c->a->lock);
}

static void on_approvals_listed(void *arg)
{
	struct cluster *c = arg;
	struct remote *r;

	pthread_mutex_lock(&c->a->lock);
	TAILQ_FOREACH(r, &c->remotes, all)
	{
		if (r->asked && !r->asked_seen && !r->asked_gone)
			approval_gone(c, r);
	}
	pthread_mutex_unlock(&c->a->lock);
}

static void on_grants_listed(void *arg)
{
	struct cluster *c = arg;
	struct remote *r;

	pthread_mutex_lock(&c->a->lock);
	TAILQ_FOREACH(r, &c->remotes, all)
	{
		if (r->given && !r->given_seen && !r->given_gone)
			grant_gone(c, r);
	}
	pthread_mutex_unlock(&c->a->lock);
}

/* ---- entries ---- */

const struct hmac_key *cluster_key(const struct cluster *c)
{
	return &c->home.bonds;
}

void cluster_wake(struct approvals *a)
{
	if (a->cluster)
		pthread_cond_signal(&a->cluster->work);
}

void cluster_asked(struct approvals *a, struct entry *x)
{
	uint64_t number;

	if (!a->cluster || getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return;
	snprintf(x->object, sizeof(x->object), "held-%016llx", (unsigned long long)number);
	/* kept with it, so that a daemon that is started anew knows which it was */
	if (json_object_set_new(x->shown, "object", json_string(x->object))) {
		x->object[0] = '\0';
		return;
	}
	x->share = SHARE_PROPOSED;
	x->mine = true;
}

/* One that was voted on as the cluster's is the cluster's; pending ones are denied by now. */
void cluster_loaded(struct approvals *a, struct entry *x)
{
	const char *name = json_string_value(json_object_get(x->shown, "object"));
	json_t *v;
	size_t i;

	if (!a->cluster || !name || strlen(name) >= sizeof(x->object))
		return;
	json_array_foreach(x->votes, i, v)
	{
		if (!json_object_get(v, "object"))
			continue;
		snprintf(x->object, sizeof(x->object), "%s", name);
		x->share = SHARE_CLUSTER;
		/* it was, or may have been: another is not made */
		x->granted = true;
	}
}

void cluster_approved(struct entry *x)
{
	json_t *v;
	size_t i;

	if (x->share <= SHARE_PROPOSED) {
		x->share = SHARE_ALONE;
		return;
	}
	json_array_foreach(x->votes, i, v)
	{
		json_object_set_new(v, "object", json_string(x->object));
	}
}

/* Who does not hold it says what a person said to him, and no more. */
void cluster_changed(struct approvals *a, struct entry *x)
{
	if (!a->cluster || a->left || x->share <= SHARE_PROPOSED)
		return;
	if (x->mine || x->state == APPROVAL_DENIED || x->state == APPROVAL_REVOKED)
		x->tells = true;
	pthread_cond_signal(&a->cluster->work);
}

/* As far as it is known: a use is the server's to give. */
static bool usable(struct approvals *a, const struct remote *r, const struct desk_request *q)
{
	const struct cluster_approval *o = &r->approval;
	int64_t now = approvals_now();
	bool granted = fits(r, &o->bond);
	enum bond_part moved = bond_moved(&o->bond, &q->bond);
	struct entry *x;

	if (!r->asked || r->asked_gone || r->spoiled)
		return false;
	/* It had a grant, which somebody has taken away: there is no second one. */
	if (r->past_given[0] && !r->given)
		return false;
	if (moved == BOND_STATEMENT && granted && r->grant.terms.shaped)
		moved = bond_shape_moved(&o->bond, &q->bond);
	if (moved != BOND_MAX)
		return false;
	/* it had its entry here; what is denied for a restart alone may be had again */
	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->share != SHARE_ALONE && strcmp(x->object, r->name) == 0)
			return false;
	}
	if (r->given)
		return granted && cluster_grant_lives(&r->grant, now);
	return o->expires > now && (!o->state[0] || strcmp(o->state, "pending") == 0) &&
	       (!o->decided || o->approved);
}

static enum standing standing_of(const struct remote *r)
{
	if (r->given)
		return STANDING_GIVEN;
	return r->approval.approved ? STANDING_APPROVED : STANDING_ASKED;
}

struct entry *cluster_adopt(struct approvals *a, const struct desk_request *q, enum standing least)
{
	struct remote *r, *found = NULL;
	struct entry *x;
	int64_t left_s;

	/* What a person has decided on is no more to be decided. */
	if (!a->cluster || q->nrules > RULES_MAX ||
		(least == STANDING_ASKED && asked_too_much(a, q->identity)))
		return NULL;
	TAILQ_FOREACH(r, &a->cluster->remotes, all)
	{
		if (usable(a, r, q) && standing_of(r) >= least &&
			(!found || standing_of(r) > standing_of(found)))
			found = r;
	}
	x = found ? entry_new(a) : NULL;
	if (!x)
		return NULL;
	if (!entry_fill(a, x, q)) {
		x->state = APPROVAL_DENIED;
		return NULL;
	}
	json_object_set_new(x->shown, "object", json_string(found->name));
	snprintf(x->object, sizeof(x->object), "%s", found->name);
	x->share = SHARE_CLUSTER;
	x->mine = found->approval.mine;
	x->bond = found->approval.bond;
	left_s = found->approval.expires - approvals_now();
	x->until_at = found->approval.expires;
	x->until_ms = clock_ms() + (left_s > 0 ? (uint64_t)left_s * 1000 : 0);
	log_with(LOG_INFO, "approval.adopted",
		LOG_FIELDS(LOG_NUMBER("approval", x->id), LOG_TEXT("identity", x->identity),
			LOG_TEXT("object", x->object)),
		"what is asked for was asked for before, in this cluster");
	entry_changed(a, x);
	apply(a->cluster, found);
	return entry_live(x) ? x : NULL;
}

/* ---- life ---- */

static int watch(struct cluster *c, struct kube_watch **out, const char *path, const char *name, bool grants,
	struct err *e)
{
	const struct kube_watch_config cfg = {.name = name,
		.reflector = {.path = path,
			.put = grants ? on_grant : on_approval,
			.gone = grants ? on_grant_gone : on_approval_gone,
			.begin = grants ? on_grants_begin : on_approvals_begin,
			.listed = grants ? on_grants_listed : on_approvals_listed,
			.arg = c}};

	return kube_watch_open(out, &c->cfg.access, &cfg, e);
}

int cluster_new(struct cluster **out, const struct cluster_config *cfg, struct err *e)
{
	struct cluster *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->cfg = *cfg;
	TAILQ_INIT(&c->remotes);
	clock_cond_init(&c->work);
	snprintf(c->approvals_path, sizeof(c->approvals_path), CLUSTER_GROUP "%s/statementapprovals",
		cfg->namespace);
	snprintf(c->grants_path, sizeof(c->grants_path), CLUSTER_GROUP "%s/statementgrants", cfg->namespace);
	r = cluster_home_open(&c->home, cfg->namespace, cfg->node, cfg->key_file, e);
	if (!r)
		r = kube_api_open(&c->api, &cfg->access, e);
	if (!r)
		r = watch(c, &c->approvals, c->approvals_path, "statementapprovals", false, e);
	if (!r)
		r = watch(c, &c->grants, c->grants_path, "statementgrants", true, e);
	if (r) {
		cluster_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void cluster_attach(struct cluster *c, struct approvals *a)
{
	c->a = a;
	a->cluster = c;
}

int cluster_begin(struct cluster *c, struct err *e)
{
	int r = pthread_create(&c->thread, NULL, cluster_main, c);

	if (r)
		return err_set(e, -r, "the thread of approvals in the cluster: %s", strerror(r));
	c->running = true;
	r = kube_watch_start(c->approvals, e);
	return r ? r : kube_watch_start(c->grants, e);
}

void cluster_end(struct cluster *c)
{
	kube_watch_stop(c->approvals);
	kube_watch_stop(c->grants);
	pthread_mutex_lock(&c->a->lock);
	c->stopping = true;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->a->lock);
	kube_api_stop(c->api);
	if (c->running)
		pthread_join(c->thread, NULL);
	c->running = false;
}

void cluster_each_watch(struct cluster *c, void (*fn)(void *arg, struct kube_watch *w), void *arg)
{
	fn(arg, c->approvals);
	fn(arg, c->grants);
}

void cluster_free(struct cluster *c)
{
	if (!c)
		return;
	kube_watch_free(c->approvals);
	kube_watch_free(c->grants);
	kube_api_close(c->api);
	while (!TAILQ_EMPTY(&c->remotes))
		remote_free(c, TAILQ_FIRST(&c->remotes));
	free(c->pasts);
	pthread_cond_destroy(&c->work);
	cluster_home_wipe(&c->home);
	free(c);
}
