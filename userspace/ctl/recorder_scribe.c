/* SPDX-License-Identifier: MIT */
/* What workers write with: a scribe for each, and a clerk that writes beside it. */
#include "ctl/recorder_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "base/buf.h"
#include "base/log.h"
#include "ctl/clerk.h"
#include "ctl/clock.h"
#include "record/cipher.h"
#include "record/seal.h"

#define TELL_MS 1000

uint64_t recorder_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int recorder_sync(struct recorder *r, struct metric_times *times, struct err *e)
{
	uint64_t since_ns = clock_ns();
	int rc = journal_sync(r->journal, e);

	metric_took(times, clock_ns() - since_ns);
	return rc;
}

int recorder_failed(struct recorder *r, int code, const struct err *e)
{
	uint64_t now = clock_ms(), told = atomic_load(&r->told_ms);

	atomic_fetch_add(&r->failures, 1);
	atomic_store(&r->failing, true);
	if ((!told || now >= told + TELL_MS) && atomic_compare_exchange_strong(&r->told_ms, &told, now))
		log_event(LOG_ERROR, "record.failed", "%s", e->msg);
	return code;
}

static void begin(struct scribe *base, struct scribed *of)
{
	struct recorder *r = ((struct worker_scribe *)base)->r;
	struct journal_head head;

	journal_head(r->journal, &head);
	pthread_mutex_lock(&r->lock);
	of->id = ++r->last_id;
	of->first = head.records;
	of->next = NULL;
	of->link = r->newest;
	*r->newest = of;
	r->newest = &of->next;
	r->sessions++;
	pthread_mutex_unlock(&r->lock);
}

static void end(struct scribe *base, struct scribed *of)
{
	struct recorder *r = ((struct worker_scribe *)base)->r;

	pthread_mutex_lock(&r->lock);
	*of->link = of->next;
	if (of->next)
		of->next->link = of->link;
	else
		r->newest = of->link;
	r->sessions--;
	pthread_mutex_unlock(&r->lock);
	of->next = NULL;
	of->link = NULL;
}

static uint64_t scribe_now(struct scribe *base)
{
	(void)base;
	return recorder_now_us();
}

static int put(struct scribe *base, const struct record *rec, struct err *e)
{
	struct worker_scribe *s = (struct worker_scribe *)base;
	struct ticket t;
	int r = atomic_load_explicit(&s->r->over_quota, memory_order_relaxed)
			? err_set(e, -EDQUOT, "the recordings are as large as --record-quota lets them be")
			: journal_put(s->quill, rec, &t, e);

	if (r)
		return recorder_failed(s->r, r, e);
	if (!s->any)
		s->first = t;
	s->last = t;
	s->any = true;
	return 0;
}

static int commit(struct scribe *base, struct err *e)
{
	struct worker_scribe *s = (struct worker_scribe *)base;
	struct recorder *r = s->r;
	int rc = 0;

	if (!s->any)
		return 0;
	s->any = false;
	/* Between two losses something of it may have been lost with somebody else's. */
	if (s->first.epoch != s->last.epoch)
		rc = journal_commit(r->journal, s->first, e);
	if (!rc)
		rc = journal_commit(r->journal, s->last, e);
	if (!rc && r->cfg.each)
		rc = recorder_sync(r, &s->synced, e);
	if (rc)
		return recorder_failed(r, rc, e);
	if (atomic_load_explicit(&r->failing, memory_order_relaxed))
		atomic_store(&r->failing, false);
	if (!atomic_load_explicit(&r->fresh, memory_order_relaxed))
		atomic_store(&r->fresh, true);
	return 0;
}

/* ---- beside a worker ---- */

static int write_aside(void *arg, const struct record *rec, struct err *e)
{
	struct worker_scribe *s = ((struct worker_scribe *)arg)->aside;
	int r = put(&s->scribe, rec, e);

	return r ? r : commit(&s->scribe, e);
}

static void tell_over(void *arg)
{
	struct worker_scribe *s = arg;

	if (s->scribe.over)
		s->scribe.over(s->scribe.over_arg);
}

static void hand(struct scribe *base, struct handed *h)
{
	clerk_hand(((struct worker_scribe *)base)->clerk, h);
}

static bool take_back(struct scribe *base, struct handed *h)
{
	return clerk_give_back(((struct worker_scribe *)base)->clerk, h);
}

static int join(struct scribe *base, struct handed *h, struct err *e)
{
	return clerk_join(((struct worker_scribe *)base)->clerk, h, e);
}

struct scribe *recorder_scribe(struct recorder *r, unsigned i)
{
	return &r->scribes[i].scribe;
}

static void token_key(const uint8_t *key, struct hmac_key *out)
{
	static const char what[] = "pgveil recording tokens 1";
	const struct span about = span_of(what, sizeof(what) - 1);
	uint8_t derived[HMAC_LEN];
	struct hmac_key k;

	hmac_key_init(&k, key);
	hmac_sha256(&k, &about, 1, derived);
	hmac_key_init(out, derived);
	mem_wipe(derived, sizeof(derived));
	mem_wipe(&k, sizeof(k));
}

int recorder_make_scribes(struct recorder *r, const uint8_t *key, struct err *e)
{
	struct hmac_key tokens;
	int rc = 0;

	token_key(key, &tokens);
	r->scribes = calloc(2 * (size_t)r->cfg.nscribes, sizeof(*r->scribes));
	if (!r->scribes)
		return err_set(e, -ENOMEM, "out of memory");
	for (; !rc && r->nscribes < 2 * r->cfg.nscribes; r->nscribes++) {
		struct worker_scribe *s = &r->scribes[r->nscribes];

		*s = (struct worker_scribe){.scribe = {.begin = begin,
						    .end = end,
						    .now_us = scribe_now,
						    .put = put,
						    .commit = commit,
						    .tokens = tokens},
			.r = r};
		rc = quill_new(&s->quill, r->journal, e);
	}
	for (unsigned i = 0; !rc && i < r->cfg.nscribes; i++) {
		struct worker_scribe *s = &r->scribes[i];
		const struct clerk_config cfg = {write_aside, tell_over, s};

		s->aside = s + r->cfg.nscribes;
		rc = clerk_new(&s->clerk, &cfg, e);
		if (rc)
			break;
		s->scribe.hand = hand;
		s->scribe.take_back = take_back;
		s->scribe.join = join;
	}
	mem_wipe(&tokens, sizeof(tokens));
	return rc;
}

void recorder_free_scribes(struct recorder *r)
{
	for (unsigned i = 0; i < r->nscribes; i++)
		clerk_free(r->scribes[i].clerk);
	for (unsigned i = 0; i < r->nscribes; i++)
		quill_free(r->scribes[i].quill);
	free(r->scribes);
}
