/* SPDX-License-Identifier: MIT */
/* What is asked of the API server, one thing after the other, those first that somebody waits for. The lock
 * is never held meanwhile. */
#include "ctl/approvals_cluster_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "ctl/clock.h"

#define RETRY_MS      1000
#define RETRY_DOUBLES 4
#define IDLE_MS       60000
#define TAKE_TRIES    60 /* others take of the same grant at the same moment */
#define TAKE_MS       10
#define KEPT_S        86400       /* what is over, by who made it … */
#define LEFT_S        (7 * 86400) /* … and by anybody, if that node is no more; sooner where there are many */
#define PATH_MAX_     (256 + CLUSTER_NAME + 16)
#define MESSAGE       (CAUSE_MAX * 2)

static void path_of(char out[PATH_MAX_], const char *collection, const char *name, bool status)
{
	snprintf(out, PATH_MAX_, "%s/%s%s", collection, name, status ? "/status" : "");
}

/* The server said no, and will say so again. That we may not is none of these: one that has just started
 * knows of no roles yet, and a role may come back. */
static bool is_final(int r)
{
	return r == -EPERM || r == -EINVAL || r == -ENOENT || r == -ENOMEM;
}

static void later(struct cluster *c)
{
	c->retry_ms = clock_ms() + (RETRY_MS << c->failures);
	c->failures += c->failures < RETRY_DOUBLES;
}

/* Without the lock; takes body. */
static int ask(
	struct cluster *c, const char *method, const char *path, json_t *body, json_t **answer, struct err *e)
{
	const struct kube_call call = {.method = method, .path = path, .body = body};
	int r = body || method[0] == 'G' || method[0] == 'D' ? kube_api_do(c->api, &call, answer, e)
							     : err_set(e, -ENOMEM, "out of memory");

	json_decref(body);
	if (!r)
		c->failures = 0;
	return r;
}

/* ---- who waits for a use ---- */

static void fail(struct cluster *c, struct ticket *t, int r, const struct err *e)
{
	struct entry *x = t->entry;

	ticket_fail(t, r, e);
	if (r != -ESTALE && t->state == TICKET_DENIED)
		snprintf(t->reason, sizeof(t->reason), "approval %llu: no use could be taken of it: %.120s",
			(unsigned long long)x->id, e->msg);
	if (t->gone)
		ticket_free(t);
	cluster_used_up(c->a, x);
	if (x->state == APPROVAL_APPROVED)
		entry_serve(c->a, x);
	c->a->cfg.poke(c->a->cfg.arg);
}

/* ---- approvals ---- */

/* Of two that may be next; one that fails again and again is in nobody's way. */
static struct entry *sooner(struct entry *a, struct entry *b)
{
	return !a || b->turn < a->turn ? b : a;
}

static struct entry *to_post(struct approvals *a)
{
	struct entry *x, *next = NULL;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		bool open = x->share == SHARE_PROPOSED || x->share == SHARE_POSTED;

		if (open && !x->added && entry_live(x))
			next = sooner(next, x);
	}
	return next;
}

/* The cluster does not have it, nor will: it is decided on here, as it would be without one. */
static void keep_alone(struct approvals *a, struct entry *x)
{
	json_t *v;
	size_t n;

	x->share = SHARE_ALONE;
	json_array_foreach(x->votes, n, v)
	{
		json_object_del(v, "object");
	}
	entry_changed(a, x);
	for (unsigned i = 0; i < TICKETS_MAX; i++)
		if (a->tickets[i].entry == x && a->tickets[i].state == TICKET_TAKES)
			a->tickets[i].state = TICKET_CLAIMS;
	pthread_cond_signal(&a->work);
}

/* What the server did not take, as often as it was asked, is this daemon's: it may be decided on here, until
 * the server does. What it may have taken is not, whatever it says later: two would give it. */
static void unshared(struct cluster *c, struct entry *x, int r, const struct err *e)
{
	struct approvals *a = c->a;
	bool no = r == -EACCES || (is_final(r) && r != -ENOMEM);

	x->doubted |= !no;
	for (unsigned i = 0; x->doubted && i < TICKETS_MAX; i++)
		if (a->tickets[i].entry == x && a->tickets[i].state == TICKET_TAKES)
			fail(c, &a->tickets[i], r, e);
	if (x->doubted)
		return;
	if (r == -EINVAL || r == -EPERM || x->state == APPROVAL_APPROVED)
		keep_alone(a, x);
	else
		x->share = SHARE_PROPOSED;
}

static void say_unshared(struct cluster *c, uint64_t id, const struct err *e)
{
	if (strcmp(c->trouble, e->msg) == 0)
		return;
	snprintf(c->trouble, sizeof(c->trouble), "%s", e->msg);
	log_with(LOG_WARN, "approval.unshared", LOG_FIELDS(LOG_NUMBER("approval", id)), "%s", e->msg);
}

static void post_approval(struct cluster *c, struct entry *x)
{
	struct approvals *a = c->a;
	uint64_t id = x->id;
	json_t *body = cluster_approval_make(
		       &c->home, x->object, x->shown, &x->bond, x->until_at, x->required),
	       *answer = NULL;
	struct cluster_approval *o = malloc(sizeof(*o));
	struct err e = {0};
	int r;

	x->share = SHARE_POSTED;
	x->turn = ++c->turn;
	pthread_mutex_unlock(&a->lock);
	if (o) {
		r = ask(c, "POST", c->approvals_path, body, &answer, &e);
	} else {
		json_decref(body);
		r = err_set(&e, -ENOMEM, "out of memory");
	}
	if (!r && !cluster_approval_take(&c->home, answer, o))
		r = err_set(&e, -EIO, "the API server gave another object back");
	json_decref(answer);
	pthread_mutex_lock(&a->lock);
	x = entry_find(a, id);
	if (r && r != -EEXIST) {
		later(c);
		say_unshared(c, id, &e);
		if (x)
			unshared(c, x, r, &e);
	} else if (x) {
		x->share = SHARE_CLUSTER;
		x->tells = true;
		c->trouble[0] = '\0';
		log_with(LOG_INFO, "approval.shared",
			LOG_FIELDS(LOG_NUMBER("approval", x->id), LOG_TEXT("object", x->object)),
			"kubectl get statementapproval %s", x->object);
	}
	if (!r)
		cluster_seen_approval(c, o);
	free(o);
}

/* ---- grants ---- */

static struct entry *to_grant(struct approvals *a)
{
	struct entry *x, *next = NULL;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		const struct remote *r =
			x->share == SHARE_CLUSTER && x->state == APPROVAL_APPROVED && !x->granted
				? remote_find(a->cluster, x->object)
				: NULL;

		if (r && r->asked && !r->asked_gone && !r->given && !r->past_given[0] && !r->spoiled)
			next = sooner(next, x);
	}
	return next;
}

static json_t *approvers_of(const struct entry *x)
{
	json_t *list = json_array(), *v;
	size_t i;

	json_array_foreach(x->votes, i, v)
	{
		const char *user = json_string_value(json_object_get(v, "user"));
		const char *token = json_string_value(json_object_get(v, "token"));

		if (user)
			json_array_append_new(list, json_sprintf("user:%s", user));
		else if (token)
			json_array_append_new(list, json_sprintf("token:%s", token));
		else
			json_array_append_new(list, json_sprintf("uid %" JSON_INTEGER_FORMAT,
							    json_integer_value(json_object_get(v, "uid"))));
	}
	return list;
}

static json_t *grant_of(const struct cluster *c, const struct entry *x, const struct remote *r)
{
	struct cluster_terms t = {
		.uses = x->uses, .expires = x->until_at, .ends = x->ends, .shaped = x->shaped};
	json_t *approvers = approvers_of(x), *o;

	entry_lifts(x, &t.rows, &t.bytes);
	o = approvers ? cluster_grant_make(&c->home, x->object, r->approval.uid, &x->bond, &t, approvers)
		      : NULL;
	json_decref(approvers);
	return o;
}

/* Of two who make it the first one does: the other takes what the first has written. */
static int post_grant(struct cluster *c, struct entry *x, struct err *e)
{
	const struct remote *known = remote_find(c, x->object);
	json_t *body = known ? grant_of(c, x, known) : NULL, *answer = NULL;
	char path[PATH_MAX_];
	struct cluster_grant o;
	uint64_t id = x->id;
	bool own;
	int r;

	path_of(path, c->grants_path, x->object, false);
	x->turn = ++c->turn;
	pthread_mutex_unlock(&c->a->lock);
	r = ask(c, "POST", c->grants_path, body, &answer, e);
	own = !r;
	if (r == -EEXIST)
		r = ask(c, "GET", path, NULL, &answer, e);
	if (!r && !cluster_grant_take(&c->home, answer, &o))
		r = err_set(e, -EINVAL, "%s: no pgveild of this cluster made it", path);
	json_decref(answer);
	pthread_mutex_lock(&c->a->lock);
	x = entry_find(c->a, id);
	if (x && own)
		x->granted = true;
	if (!r)
		cluster_seen_grant(c, &o);
	else if (!is_final(r))
		later(c);
	else if (x && x->state == APPROVAL_APPROVED && !x->granted)
		entry_end(c->a, x, APPROVAL_VOID, "the API server does not take its StatementGrant");
	return r;
}

/* ---- uses ---- */

struct taking { /* what a use is taken of, as it is known here */
	char path[PATH_MAX_], status[PATH_MAX_], uid[CLUSTER_NAME];
	struct bond bond;
	unsigned used;
};

static int check_grant(const struct taking *t, const struct cluster_grant *g, struct err *e)
{
	if (strcmp(t->uid, g->uid) != 0)
		return err_set(e, -ESTALE, "another StatementGrant has its name");
	if (g->used < t->used)
		return err_set(e, -ESTALE, "uses of it were taken back");
	if (bond_moved(&t->bond, &g->bond) != BOND_MAX)
		return err_set(e, -ESTALE, "its StatementGrant is of something else");
	if (!cluster_grant_lives(g, approvals_now()))
		return err_set(e, -ESTALE, "its StatementGrant is used up, or over");
	return 0;
}

/* One use, of the version that was read; -ESTALE: it gives none. Whatever is not known to be written is not
 * had, and may be used up all the same. */
static int take_one(struct cluster *c, const struct taking *t, struct cluster_grant *o, struct err *e)
{
	json_t *object = NULL, *after = NULL;
	int r = ask(c, "GET", t->path, NULL, &object, e);

	if (!r && !cluster_grant_take(&c->home, object, o))
		r = err_set(e, -ESTALE, "%s: no pgveild of this cluster made it", t->path);
	r = r == -ENOENT ? err_set(e, -ESTALE, "its StatementGrant is gone") : r;
	r = r ? r : check_grant(t, o, e);
	if (!r)
		r = ask(c, "PUT", t->status, cluster_grant_use(&c->home, object, approvals_now()), &after, e);
	if (!r && (!cluster_grant_take(&c->home, after, o) || o->used <= t->used))
		r = err_set(e, -EIO, "%s: the use was not written", t->path);
	json_decref(object);
	json_decref(after);
	return r;
}

static int take_use(struct cluster *c, const struct taking *t, struct cluster_grant *o, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < TAKE_TRIES; i++) {
		const struct timespec pause = {0, (long)(i % 7 + 1) * TAKE_MS * 1000000};

		r = take_one(c, t, o, e);
		if (r != -EAGAIN)
			return r;
		nanosleep(&pause, NULL);
	}
	return r;
}

static struct ticket *taking(struct approvals *a)
{
	struct ticket *first = NULL;

	for (unsigned i = 0; i < TICKETS_MAX; i++) {
		struct ticket *t = &a->tickets[i];

		/* what is not known to the cluster yet is posted first */
		if (t->state == TICKET_TAKES && t->entry->share == SHARE_CLUSTER &&
			(!first || t->since < first->since))
			first = t;
	}
	return first;
}

/* The ticket's entry stays while it is its. */
static void take(struct cluster *c, struct ticket *t)
{
	struct approvals *a = c->a;
	struct entry *x = t->entry;
	const struct remote *known;
	struct taking want = {0};
	struct cluster_grant got;
	struct err e = {0};
	int r = 0;

	if (t->gone) {
		ticket_free(t);
		return;
	}
	if (x->state == APPROVAL_APPROVED && !x->granted)
		r = post_grant(c, x, &e);
	known = remote_find(c, x->object);
	if (!r && (x->state != APPROVAL_APPROVED || !known || !known->given || known->spoiled))
		r = err_set(&e, -ESTALE, "there is no StatementGrant of it");
	if (r) {
		fail(c, t, r, &e);
		return;
	}
	path_of(want.path, c->grants_path, x->object, false);
	path_of(want.status, c->grants_path, x->object, true);
	snprintf(want.uid, sizeof(want.uid), "%s", known->grant.uid);
	want.bond = x->bond;
	want.used = known->used;
	pthread_mutex_unlock(&a->lock);
	r = take_use(c, &want, &got, &e);
	pthread_mutex_lock(&a->lock);
	if (r) {
		fail(c, t, r, &e);
		return;
	}
	t->state = TICKET_CLAIMS;
	x->tells = x->tells || x->mine;
	cluster_seen_grant(c, &got);
	pthread_cond_signal(&a->work);
}

/* ---- what is told ---- */

static struct entry *to_tell(struct approvals *a)
{
	struct entry *x, *next = NULL;

	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->tells && x->share == SHARE_CLUSTER)
			next = sooner(next, x);
		/* Nobody can decide any more on what nobody has seen. */
		if (x->tells && (x->share == SHARE_ALONE || (x->share == SHARE_POSTED && !entry_live(x) &&
								    x->until_at < approvals_now())))
			x->tells = false;
	}
	return next;
}

/* A merge patch of an empty text is one of null to some servers (1.20), which the schema refuses. */
static json_t *state_of(const struct entry *x)
{
	json_t *message = x->cause[0] ? json_string(x->cause) : NULL;

	return json_pack("{s:{s:s, s:o, s:i}}", "status", "state", approval_state_name(x->state), "message",
		message ? message : json_null(), "used", (int)(x->used < 1000 ? x->used : 1000));
}

static void tell(struct cluster *c, struct entry *x)
{
	bool own = x->mine || x->state == APPROVAL_DENIED;
	bool ends = x->granted &&
		    (x->state == APPROVAL_REVOKED ||
			    (x->mine && (x->state == APPROVAL_VOID || x->state == APPROVAL_EXPIRED)));
	char approval[PATH_MAX_], grant[PATH_MAX_];
	json_t *state = own ? state_of(x) : NULL;
	json_t *over = ends ? json_pack("{s:{s:s}}", "status", "state", approval_state_name(x->state)) : NULL;
	struct err e = {0};
	uint64_t id = x->id;
	int r = 0;

	path_of(approval, c->approvals_path, x->object, true);
	path_of(grant, c->grants_path, x->object, true);
	x->tells = false;
	x->turn = ++c->turn;
	pthread_mutex_unlock(&c->a->lock);
	/* that it is over is what others must know */
	if (ends)
		r = ask(c, "PATCH", grant, over, NULL, &e);
	if (own && (!r || is_final(r)))
		r = ask(c, "PATCH", approval, state, NULL, &e);
	else
		json_decref(state);
	pthread_mutex_lock(&c->a->lock);
	if (!r)
		return;
	if (r != -EAGAIN)
		log_with(LOG_WARN, "approval.untold", LOG_FIELDS(LOG_NUMBER("approval", id)), "%s", e.msg);
	x = entry_find(c->a, id);
	if (is_final(r) || !x)
		return;
	x->tells = true;
	/* somebody wrote at the same moment: that is no trouble of the server's */
	if (r != -EAGAIN)
		later(c);
}

/* ---- what is over ---- */

static bool is_over(const struct cluster *c, const struct remote *r, int64_t now)
{
	int64_t last =
		r->approval.expires > r->grant.terms.expires ? r->approval.expires : r->grant.terms.expires;
	bool mine = r->asked && r->approval.mine, many = c->nremotes > REMOTES_MAX / 2;

	if ((!r->asked || r->asked_gone) && (!r->given || r->given_gone))
		return false;
	if (many)
		return last + (mine ? 0 : KEPT_S) < now;
	return last + (mine ? KEPT_S : LEFT_S) < now;
}

static struct remote *to_sweep(struct cluster *c)
{
	int64_t now = approvals_now();
	struct remote *r;

	TAILQ_FOREACH(r, &c->remotes, all)
	{
		if (is_over(c, r, now))
			return r;
	}
	return NULL;
}

static void sweep(struct cluster *c, struct remote *r)
{
	char approval[PATH_MAX_], grant[PATH_MAX_], name[CLUSTER_NAME];
	struct err e = {0};
	int ra, rg;

	snprintf(name, sizeof(name), "%s", r->name);
	path_of(approval, c->approvals_path, name, false);
	path_of(grant, c->grants_path, name, false);
	pthread_mutex_unlock(&c->a->lock);
	ra = ask(c, "DELETE", approval, NULL, NULL, &e);
	rg = ask(c, "DELETE", grant, NULL, NULL, &e);
	pthread_mutex_lock(&c->a->lock);
	r = remote_find(c, name);
	if (r && (!ra || is_final(ra)) && (!rg || is_final(rg)))
		remote_free(c, r);
	else
		later(c);
}

/* ---- the thread ---- */

static void wait_for_work(struct cluster *c)
{
	uint64_t now = clock_ms();

	clock_wait(&c->work, &c->a->lock, c->retry_ms > now ? c->retry_ms : now + IDLE_MS);
}

void *cluster_main(void *arg)
{
	struct cluster *c = arg;
	struct approvals *a = c->a;
	struct remote *r;
	struct ticket *t;
	struct entry *x;
	struct err e;

	pthread_mutex_lock(&a->lock);
	while (!c->stopping) {
		/* but for its sessions' uses, all that is to be written is the successor's */
		bool rests = clock_ms() < c->retry_ms || a->left;

		if ((t = taking(a)))
			take(c, t);
		else if (!rests && (x = to_post(a)))
			post_approval(c, x);
		else if (!rests && (x = to_grant(a)))
			(void)!post_grant(c, x, &e);
		else if (!rests && (x = to_tell(a)))
			tell(c, x);
		else if (!rests && (r = to_sweep(c)))
			sweep(c, r);
		else
			wait_for_work(c);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}
