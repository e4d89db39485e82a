/* SPDX-License-Identifier: MIT */
/* scribe_fake: keeps what a session puts on record in memory, or says that it cannot. */
#ifndef PGVEIL_TEST_SCRIBE_FAKE_H
#define PGVEIL_TEST_SCRIBE_FAKE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "session/scribe.h"

struct fake_record {
	enum record_kind kind;
	uint64_t session;
	uint8_t *p;
	size_t n;
};

struct fake_scribe {
	struct scribe scribe;
	struct fake_record *v; /* n of them, those behind ndone not committed */
	size_t n, ndone, cap;
	uint64_t sessions, now_us;
	bool forgets;     /* nothing is kept */
	long fails_after; /* so many more puts and commits go well; < 0: all */
	unsigned running;
	/* What was handed: the oldest is written when fake_finishes is called, or what is joined and all
	 * before. */
	struct handed *first, **end;
	unsigned unjoined;
	bool busy; /* it is written meanwhile: before each put of the session's own, and where one is had back
		    */
};

static inline bool fake_fails(struct fake_scribe *f)
{
	if (f->fails_after < 0)
		return false;
	if (f->fails_after == 0)
		return true;
	f->fails_after--;
	return false;
}

static inline void fake_begin(struct scribe *s, struct scribed *of)
{
	struct fake_scribe *f = (struct fake_scribe *)s;

	of->id = ++f->sessions;
	f->running++;
}

static inline void fake_end(struct scribe *s, struct scribed *of)
{
	(void)of;
	((struct fake_scribe *)s)->running--;
}

static inline uint64_t fake_now(struct scribe *s)
{
	return ++((struct fake_scribe *)s)->now_us;
}

static inline int fake_write(struct scribe *s, const struct record *rec, struct err *e)
{
	struct fake_scribe *f = (struct fake_scribe *)s;
	struct fake_record *r;
	size_t n = 0;

	if (fake_fails(f))
		return err_set(e, -ENOSPC, "full");
	if (f->forgets)
		return 0;
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->v = realloc(f->v, f->cap * sizeof(*f->v));
		if (!f->v)
			abort();
	}
	r = &f->v[f->n++];
	for (size_t i = 0; i < rec->n; i++)
		n += rec->parts[i].n;
	*r = (struct fake_record){rec->kind, rec->session, malloc(n ? n : 1), 0};
	if (!r->p)
		abort();
	for (size_t i = 0; i < rec->n; i++) {
		if (rec->parts[i].n)
			memcpy(r->p + r->n, rec->parts[i].p, rec->parts[i].n);
		r->n += rec->parts[i].n;
	}
	return 0;
}

static inline int fake_commit(struct scribe *s, struct err *e)
{
	struct fake_scribe *f = (struct fake_scribe *)s;

	if (!fake_fails(f)) {
		f->ndone = f->n;
		return 0;
	}
	while (f->n > f->ndone)
		free(f->v[--f->n].p);
	return err_set(e, -ENOSPC, "full");
}

static inline void fake_finishes(struct fake_scribe *f)
{
	struct handed *h = f->first;

	if (!h)
		return;
	f->first = h->next;
	if (!f->first)
		f->end = &f->first;
	h->code = fake_write(&f->scribe, &h->record, &h->err);
	if (!h->code)
		h->code = fake_commit(&f->scribe, &h->err);
	atomic_store(&h->over, true);
}

static inline int fake_put(struct scribe *s, const struct record *rec, struct err *e)
{
	struct fake_scribe *f = (struct fake_scribe *)s;

	while (f->busy && f->first)
		fake_finishes(f);
	return fake_write(s, rec, e);
}

static inline bool fake_take_back(struct scribe *s, struct handed *h)
{
	struct fake_scribe *f = (struct fake_scribe *)s;
	struct handed **at = &f->first;

	while (*at && *at != h)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = h->next;
	if (!*at)
		f->end = at;
	f->unjoined--;
	if (f->busy)
		fake_finishes(f);
	return true;
}

static inline void fake_hand(struct scribe *s, struct handed *h)
{
	struct fake_scribe *f = (struct fake_scribe *)s;

	atomic_store(&h->over, false);
	h->next = NULL;
	*f->end = h;
	f->end = &h->next;
	f->unjoined++;
}

static inline int fake_join(struct scribe *s, struct handed *h, struct err *e)
{
	struct fake_scribe *f = (struct fake_scribe *)s;

	if (!f->unjoined--)
		abort();
	while (!atomic_load(&h->over))
		fake_finishes(f);
	return h->code ? err_set(e, h->code, "full") : 0;
}

/* From now on it has somebody who writes beside it. */
static inline void fake_has_hands(struct fake_scribe *f)
{
	f->end = &f->first;
	f->scribe.hand = fake_hand;
	f->scribe.take_back = fake_take_back;
	f->scribe.join = fake_join;
}

static inline void fake_init(struct fake_scribe *f)
{
	static const uint8_t key[HMAC_KEY_LEN] = "0123456789abcdef0123456789abcde";

	*f = (struct fake_scribe){.scribe = {.begin = fake_begin,
					  .end = fake_end,
					  .now_us = fake_now,
					  .put = fake_put,
					  .commit = fake_commit},
		.fails_after = -1};
	hmac_key_init(&f->scribe.tokens, key);
}

static inline void fake_fini(struct fake_scribe *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].p);
	free(f->v);
}

#endif
