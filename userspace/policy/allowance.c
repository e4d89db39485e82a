/* SPDX-License-Identifier: MIT */
/* A lease counts as spent in the piece of time in which it was written down, and may only be spent in that
 * piece: later it would be forgotten too early. What is left of it then, or after a while without use, goes
 * back. So of a daemon that is killed no more is lost than what it had leased, and a limit is never passed.
 */
#include "policy/allowance.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS  250  /* a lease that nobody takes of for so long is given back */
#define SULK_MS  1000 /* after a failure */
#define BUCKETS  1024
#define LOOK_MS  1000 /* another daemon may have given something back */
#define FRACTION 16   /* a lease is at most this part of the limit, or … */
#define FEW      4    /* … so many first leases, or what is needed at once */
#define LOW      4    /* less than this part of the next lease is little */

static const uint64_t first_lease[MEASURES] = {16, 65536, 4};

struct window {
	struct window *next;
	unsigned refs;
	bool busy, looked; /* a job is under way; spent is known */
	unsigned period_s;
	uint64_t limit[MEASURES];
	uint64_t piece, left[MEASURES];      /* leased in that piece, and not spent */
	uint64_t debt[MEASURES];             /* went out without having been leased */
	uint64_t over[MEASURES];             /* leased beyond any limit, in the same piece */
	uint64_t need_over[MEASURES];        /* … and what the keeper is asked for of that */
	uint64_t spent[MEASURES];            /* as written down, what is leased included */
	uint64_t need[MEASURES];             /* what the keeper is asked for; 0: nothing */
	bool look;                           /* … or only to look */
	uint64_t ahead[MEASURES];            /* how much to lease at once */
	uint64_t back_piece, back[MEASURES]; /* to be given back */
	uint64_t denied[MEASURES];           /* as much as this is not to be had … */
	uint64_t denied_ms[MEASURES];        /* … until then, when it is worth asking again */
	uint64_t room_ms[MEASURES];          /* when there will be, if nobody spends */
	uint64_t used_ms, failed_ms;         /* when it was taken of, and the keeper failed, last */
	int failed;                          /* … and how */
	char key[];
};

struct allowance {
	pthread_mutex_t lock;
	void (*asked)(void *arg);
	void *arg;
	bool far;
	uint64_t idle_ms;
	unsigned n;
	struct window *windows[BUCKETS];
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int allowance_new(struct allowance **out, void (*asked)(void *arg), void *arg, struct err *e)
{
	struct allowance *a = calloc(1, sizeof(*a));

	if (!a)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	pthread_mutex_init(&a->lock, NULL);
	a->asked = asked;
	a->arg = arg;
	a->idle_ms = IDLE_MS;
	*out = a;
	return 0;
}

void allowance_far(struct allowance *a, uint64_t idle_ms)
{
	a->far = true;
	a->idle_ms = idle_ms;
}

void allowance_free(struct allowance *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (a->windows[i]) {
			struct window *w = a->windows[i];

			a->windows[i] = w->next;
			free(w);
		}
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static struct window **bucket(struct allowance *a, const char *key)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *key; key++)
		h = (h ^ (uint8_t)*key) * 0x100000001b3u;
	return &a->windows[(h ^ h >> 32) % BUCKETS];
}

static bool holds(const struct window *w)
{
	bool any = w->busy || w->refs;

	for (unsigned m = 0; m < MEASURES; m++)
		any = any || w->left[m] || w->over[m] || w->back[m];
	return any;
}

/* Those that nobody spends of make room. */
static void sweep(struct allowance *a, struct window **at)
{
	while (*at) {
		struct window *w = *at;

		if (holds(w)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
		a->n--;
	}
}

static int window_new(struct allowance *a, struct window **list, const char *key, struct window **out)
{
	size_t n = strlen(key) + 1;

	sweep(a, list);
	if (a->n >= ALLOWANCE_WINDOWS_MAX)
		return -ENOSPC;
	*out = calloc(1, sizeof(**out) + n);
	if (!*out)
		return -ENOMEM;
	memcpy((*out)->key, key, n);
	(*out)->next = *list;
	*list = *out;
	a->n++;
	return 0;
}

int allowance_open(struct allowance *a, const char *key, struct window **out)
{
	struct window **list = bucket(a, key), *w;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	for (w = *list; w && strcmp(w->key, key) != 0; w = w->next)
		;
	if (!w)
		r = window_new(a, list, key, &w);
	if (!r) {
		w->refs++;
		*out = w;
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

void allowance_close(struct allowance *a, struct window *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&a->lock);
	w->refs--;
	pthread_mutex_unlock(&a->lock);
}

/* What was to go back of another piece and has not yet is lost. */
static void give_back(struct window *w)
{
	if (w->back_piece != w->piece)
		memset(w->back, 0, sizeof(w->back));
	w->back_piece = w->piece;
	for (unsigned m = 0; m < MEASURES; m++) {
		w->back[m] += w->left[m] + w->over[m];
		w->left[m] = w->over[m] = 0;
		w->ahead[m] = first_lease[m];
	}
}

/* A window has the limits of whoever spends: of two policies that are in force for a moment, each. */
static void fit(struct window *w, const struct window_limit *l, uint64_t now_ms)
{
	bool other = w->period_s != l->period_s;

	for (unsigned m = 0; m < MEASURES; m++)
		other = other || w->limit[m] != l->set.most[m];
	if (!other && now_ms / spending_piece_ms(w->period_s) <= w->piece)
		return;
	give_back(w);
	w->period_s = l->period_s;
	memcpy(w->limit, l->set.most, sizeof(w->limit));
	w->piece = now_ms / spending_piece_ms(w->period_s);
	w->looked = false;
	if (other)
		memset(w->denied, 0, sizeof(w->denied));
}

static uint64_t next_lease(const struct window *w, enum measure m)
{
	uint64_t most = w->limit[m] / FRACTION, few = first_lease[m] * FEW;

	return least(w->ahead[m], most > few ? most : few);
}

/* What whoever asks is told while the keeper is left alone; 0: it is asked. */
static int sulks(const struct window *w, uint64_t now_ms)
{
	if (!w->failed_ms || now_ms >= w->failed_ms + SULK_MS)
		return 0;
	return w->failed == -EREMOTE ? -EREMOTE : -EIO;
}

static int take(struct window *w, enum measure m, uint64_t need, uint64_t now_ms, uint64_t *wait_ms)
{
	if (!need || w->limit[m] == LIMIT_NONE)
		return 0;
	*wait_ms = 0;
	if (need > w->limit[m])
		return -EDQUOT;
	need += w->debt[m];
	if (w->left[m] >= need)
		return 0;
	if (w->denied[m] && need >= w->denied[m] && now_ms < w->denied_ms[m]) {
		*wait_ms = w->room_ms[m] > now_ms ? w->room_ms[m] - now_ms : 1;
		return -EDQUOT;
	}
	if (sulks(w, now_ms))
		return sulks(w, now_ms);
	if (need > w->need[m])
		w->need[m] = need;
	return -EAGAIN;
}

/* Of several answers, the one that counts. */
static bool graver(int r, int than)
{
	static const int order[] = {0, -EAGAIN, -EIO, -EREMOTE, -EDQUOT};
	unsigned a = 0, b = 0;

	while (order[a] != r)
		a++;
	while (order[b] != than)
		b++;
	return a > b;
}

/* What there is not is owed, and taken of what comes next. */
static void pay(struct window *w, enum measure m, uint64_t want)
{
	uint64_t due = w->debt[m] + want, paid = least(due, w->left[m]);

	w->left[m] -= paid;
	w->debt[m] = due - paid;
}

/* What a person let through whatever the limit is, of which there may be ahead more. */
static int take_over(struct window *w, enum measure m, uint64_t want, uint64_t ahead, uint64_t now_ms)
{
	uint64_t part = w->limit[m] / FRACTION, few = first_lease[m] * FEW;

	if (!want || w->limit[m] == LIMIT_NONE || w->over[m] >= want)
		return 0;
	if (sulks(w, now_ms))
		return sulks(w, now_ms);
	part = least(ahead, part > few ? part : few);
	want -= w->over[m];
	if (part > want)
		want = part;
	if (want > w->need_over[m])
		w->need_over[m] = want;
	return -EAGAIN;
}

/* Whether more is worth being asked for while there is some left. */
static bool runs_low(struct window *w, enum measure m, uint64_t now_ms)
{
	if (w->limit[m] == LIMIT_NONE || w->busy || w->need[m] || w->left[m] >= next_lease(w, m) / LOW ||
		sulks(w, now_ms) || (w->denied[m] && now_ms < w->denied_ms[m]))
		return false;
	w->need[m] = w->left[m] + 1;
	return true;
}

int allowance_take(struct allowance *a, const struct charge *v, unsigned n, const uint64_t need[MEASURES],
	const uint64_t want[MEASURES], uint64_t now_ms, struct allowance_over *over)
{
	static const uint64_t none[MEASURES];

	return allowance_take_lifted(a, v, n, need, want, none, none, now_ms, over);
}

int allowance_take_lifted(struct allowance *a, const struct charge *v, unsigned n,
	const uint64_t need[MEASURES], const uint64_t want[MEASURES], const uint64_t lifted[MEASURES],
	const uint64_t ahead[MEASURES], uint64_t now_ms, struct allowance_over *over)
{
	bool low = false;
	int r = 0;

	*over = (struct allowance_over){0};
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < n; i++) {
		fit(v[i].window, v[i].limit, now_ms);
		for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
			uint64_t wait_ms = 0;
			int one = take(v[i].window, m, need[m], now_ms, &wait_ms);

			if (!one)
				one = take_over(v[i].window, m, lifted[m], ahead[m], now_ms);
			if (!graver(one, r))
				continue;
			r = one;
			*over = (struct allowance_over){i, m, wait_ms};
		}
	}
	for (unsigned i = 0; !r && i < n; i++) {
		struct window *w = v[i].window;

		w->used_ms = now_ms;
		for (unsigned m = 0; m < MEASURES; m++) {
			if (w->limit[m] != LIMIT_NONE && want[m])
				pay(w, m, want[m]);
			if (w->limit[m] != LIMIT_NONE)
				w->over[m] -= lifted[m];
			low |= a->far && want[m] && runs_low(w, (enum measure)m, now_ms);
		}
	}
	pthread_mutex_unlock(&a->lock);
	if (r == -EAGAIN || low)
		a->asked(a->arg);
	return r;
}

void allowance_charge(struct allowance *a, const struct charge *v, unsigned n, const uint64_t want[MEASURES],
	uint64_t now_ms)
{
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < n; i++) {
		struct window *w = v[i].window;

		fit(w, v[i].limit, now_ms);
		for (enum measure m = MEASURE_ROWS; m < MEASURES; m++)
			if (w->limit[m] != LIMIT_NONE)
				pay(w, m, want[m]);
	}
	pthread_mutex_unlock(&a->lock);
}

int allowance_spent(struct allowance *a, const struct charge *c, uint64_t spent[MEASURES], uint64_t now_ms)
{
	struct window *w = c->window;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	fit(w, c->limit, now_ms);
	if (!w->looked)
		r = sulks(w, now_ms) ? sulks(w, now_ms) : -EAGAIN;
	w->look = w->look || r == -EAGAIN;
	for (unsigned m = 0; m < MEASURES; m++)
		spent[m] = w->spent[m] - least(w->left[m] + w->over[m], w->spent[m]);
	pthread_mutex_unlock(&a->lock);
	if (r == -EAGAIN)
		a->asked(a->arg);
	return r;
}

static bool waits(const struct window *w)
{
	bool any = w->busy || w->look;

	for (unsigned m = 0; m < MEASURES; m++)
		any = any || w->need[m];
	return any;
}

unsigned allowance_each(struct allowance *a,
	void (*fn)(
		void *arg, const char *key, const uint64_t spent[MEASURES], const uint64_t limit[MEASURES]),
	void *arg)
{
	unsigned waiting = 0;

	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct window *w = a->windows[i]; w; w = w->next) {
			uint64_t spent[MEASURES];

			waiting += waits(w);
			if (!w->refs || !w->period_s)
				continue;
			for (unsigned m = 0; m < MEASURES; m++)
				spent[m] = w->spent[m] - least(w->left[m], w->spent[m]) + w->debt[m];
			fn(arg, w->key, spent, w->limit);
		}
	pthread_mutex_unlock(&a->lock);
	return waiting;
}

/* ---- the keeper's side ---- */

/* Whether there is something to do; fills j. */
static bool job_of(
	struct window *w, uint64_t now_ms, uint64_t idle_ms, bool all, struct allowance_job *j, bool *leased)
{
	bool any = w->look, out = false;

	if (w->busy || !w->period_s)
		return false;
	for (unsigned m = 0; m < MEASURES; m++) {
		any = any || w->need[m] || w->need_over[m];
		out = out || w->left[m] || w->over[m];
	}
	if (out && (all || (!any && now_ms >= w->used_ms + idle_ms))) {
		give_back(w);
		out = false;
	}
	*leased = *leased || out;
	*j = (struct allowance_job){
		.window = w, .key = w->key, .period_s = w->period_s, .back_piece = w->back_piece};
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		any = any || w->back[m];
		j->limit[m] = w->limit[m];
		j->back[m] = w->back[m];
		j->left[m] = w->left[m];
		j->need[m] = all ? 0 : w->need[m];
		j->over[m] = all ? 0 : w->need_over[m];
		if (!w->ahead[m])
			w->ahead[m] = first_lease[m];
		if (j->need[m]) {
			uint64_t more = next_lease(w, m);

			j->ask[m] = j->need[m] > more ? j->need[m] : more;
			w->ahead[m] = least(w->ahead[m] * 2, w->limit[m]);
		}
	}
	if (!any)
		return false;
	memset(w->back, 0, sizeof(w->back));
	memset(w->need, 0, sizeof(w->need));
	memset(w->need_over, 0, sizeof(w->need_over));
	w->look = false;
	w->busy = true;
	return true;
}

unsigned allowance_jobs(
	struct allowance *a, uint64_t now_ms, bool all, struct allowance_job *v, unsigned max, bool *leased)
{
	unsigned n = 0;

	*leased = false;
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct window *w = a->windows[i]; w && n < max; w = w->next)
			n += job_of(w, now_ms, a->idle_ms, all, &v[n], leased);
	pthread_mutex_unlock(&a->lock);
	return n;
}

bool allowance_job_do(struct allowance_job *j, struct spending *s, uint64_t now_ms)
{
	bool changed = false;

	spending_fit(s, j->period_s, now_ms);
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		uint64_t sum, room;

		if (j->back[m] && s->piece_ms == spending_piece_ms(j->period_s)) {
			spending_back(s, m, j->back_piece, j->back[m]);
			changed = true;
		}
		if (j->over[m]) {
			spending_add(s, m, j->over[m]);
			changed = true;
		}
		sum = spending_sum(s, m);
		room = j->limit[m] > sum ? j->limit[m] - sum : 0;
		j->given[m] = least(j->ask[m], room);
		if (j->given[m]) {
			spending_add(s, m, j->given[m]);
			changed = true;
		}
		j->spent[m] = spending_sum(s, m);
		if (j->left[m] + j->given[m] < j->need[m])
			j->wait_ms[m] = spending_wait(
				s, m, j->need[m] - j->left[m] - j->given[m], j->limit[m], now_ms);
	}
	/* A period was made shorter: until all is forgotten, pieces are longer than this window's. */
	j->piece = s->piece_ms == spending_piece_ms(j->period_s) ? s->newest
								 : now_ms / spending_piece_ms(j->period_s);
	return changed;
}

/* The lease is of a time that is over, or under another limit. */
static void lapse(struct window *w, const struct allowance_job *j)
{
	uint64_t piece = j->piece;
	bool empty = true;

	for (unsigned m = 0; m < MEASURES; m++)
		empty = empty && !w->back[m];
	if (!empty && w->back_piece != piece)
		return;
	w->back_piece = piece;
	for (unsigned m = 0; m < MEASURES; m++)
		w->back[m] += j->given[m] + j->over[m];
}

static void hand_out(struct window *w, const struct allowance_job *j, uint64_t now_ms)
{
	if (w->piece < j->piece) {
		give_back(w);
		w->piece = j->piece;
	}
	w->used_ms = now_ms; /* whoever asked has not come yet */
	for (unsigned m = 0; m < MEASURES; m++) {
		w->left[m] += j->given[m];
		w->over[m] += j->over[m];
		w->denied[m] = 0;
		if (j->need[m] && w->left[m] < j->need[m]) {
			w->denied[m] = j->need[m];
			w->denied_ms[m] = now_ms + least(j->wait_ms[m], LOOK_MS);
			w->room_ms[m] = now_ms + j->wait_ms[m];
		}
	}
}

void allowance_done(struct allowance *a, const struct allowance_job *j, int r, uint64_t now_ms)
{
	struct window *w = j->window;
	bool same;

	pthread_mutex_lock(&a->lock);
	same = w->period_s == j->period_s && memcmp(w->limit, j->limit, sizeof(w->limit)) == 0;
	w->busy = false;
	w->failed = r;
	w->failed_ms = r && r != -EAGAIN ? now_ms : 0;
	if (!r && (!same || w->piece > j->piece)) {
		lapse(w, j);
	} else if (!r) {
		hand_out(w, j, now_ms);
		memcpy(w->spent, j->spent, sizeof(w->spent));
		w->looked = true;
	}
	pthread_mutex_unlock(&a->lock);
}
