/* SPDX-License-Identifier: MIT */
/* Windows that several daemons share: the cases by hand, and random sequences of daemons that lease, spend,
 * give back, are killed and begin anew, over a store whose answers are late or lost, by clocks that differ.
 * In no period of any beginning is more spent than the limit.
 *
 * policy_pool [SEQUENCES [SEED]] */
#include "test.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/attr.h"
#include "policy/pool.h"

#define NODES  4u
#define SHARES 512u
#define LATE   8u
#define TRIES  5u
#define TAKES  32768u

struct image { /* of the object */
	unsigned period_s, n;
	uint64_t written_ms, writes;
	struct pool_share v[SHARES];
};

struct write { /* on its way */
	bool there;
	uint64_t version;
	struct image image;
};

enum phase { REST = 0, READS, WRITES };

struct node {
	struct allowance *a;
	struct window *w;
	struct window_limit limit;
	struct charge charge;
	struct pool_daemon daemon;
	struct pool_holding holding;
	struct spending disk;
	uint64_t mono_ms; /* its own clock began so long before all time */
	bool asked;
	/* What its keeper is at. */
	enum phase phase;
	struct allowance_job job;
	unsigned tries;
	uint64_t piece, job_ms, version;
	struct image image;
	struct pool_lease lease;
};

static struct world {
	uint64_t random, now, version, ids;
	uint64_t limit;
	unsigned period_s, nnodes;
	bool faults, away;
	struct image object;
	struct write late[LATE];
	struct node node[NODES];
	uint64_t at[TAKES], most;
	unsigned n[TAKES], ntakes, oldest;
	uint64_t sum, denied, remote, conflicts, lost;
} w;

static unsigned draw(unsigned n)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (unsigned)((w.random >> 16) % n);
}

static void asked(void *arg)
{
	((struct node *)arg)->asked = true;
}

static void begin(struct node *x)
{
	struct err e = {0};

	x->daemon = (struct pool_daemon){.id = ++w.ids};
	x->holding = (struct pool_holding){0};
	x->phase = REST;
	x->limit = (struct window_limit){.key = "k", .period_s = w.period_s};
	limit_set_open(&x->limit.set);
	x->limit.set.most[MEASURE_ROWS] = w.limit;
	assert_int_equal(allowance_new(&x->a, asked, x, &e), 0);
	allowance_far(x->a, 2000);
	assert_int_equal(allowance_open(x->a, "k", &x->w), 0);
	x->charge = (struct charge){x->w, &x->limit};
}

static void end(struct node *x)
{
	allowance_close(x->a, x->w);
	allowance_free(x->a);
	x->a = NULL;
}

static uint64_t mono(const struct node *x)
{
	return x->mono_ms + w.now;
}

/* What a daemon takes for the time at this moment, in whole seconds: no two differ by more than is said, and
 * as often as not by that much. */
static uint64_t told(void)
{
	uint64_t off = draw(2) ? draw(POOL_SKEW_MS - 1000) : draw(2) * (POOL_SKEW_MS - 1000);

	return (1700000000000u + w.now + off) / 1000 * 1000;
}

/* ---- the store ---- */

static bool same(const struct image *a, const struct image *b)
{
	if (a->period_s != b->period_s || a->n != b->n || a->written_ms != b->written_ms ||
		a->writes != b->writes)
		return false;
	return !a->n || memcmp(a->v, b->v, a->n * sizeof(a->v[0])) == 0;
}

static bool apply(uint64_t version, const struct image *image)
{
	if (version != w.version)
		return false;
	/* as an API server has it: what is the same as before is no new version */
	w.version += !same(&w.object, image);
	w.object = *image;
	return true;
}

static void send_late(const struct node *x)
{
	struct write *l = &w.late[draw(LATE)];

	*l = (struct write){true, x->version, x->image};
}

static void arrive(void)
{
	struct write *l = &w.late[draw(LATE)];

	if (l->there)
		(void)apply(l->version, &l->image);
	l->there = false;
}

/* ---- a daemon's keeper, one step at a time ---- */

static void done(struct node *x, int r)
{
	x->phase = REST;
	w.remote += r == -EREMOTE;
	allowance_done(x->a, &x->job, r, mono(x));
}

/* As the keeper does when the object is written (ctl/keeper.c). */
static void finish(struct node *x)
{
	struct allowance_job *j = &x->job;
	uint64_t back[MEASURES] = {0};

	memcpy(j->ask, x->lease.got, sizeof(j->ask));
	(void)allowance_job_do(j, &x->disk, x->job_ms);
	for (unsigned m = 0; m < MEASURES; m++) {
		back[m] = x->lease.got[m] - j->given[m];
		if (x->lease.lacks[m] && x->lease.wait_ms[m] > j->wait_ms[m])
			j->wait_ms[m] = x->lease.wait_ms[m];
	}
	pool_return(&x->holding, j->period_s, x->piece, back);
	assert_int_equal(j->piece, x->piece);
	done(x, 0);
}

static void start(struct node *x, bool all)
{
	bool leased;

	if (allowance_jobs(x->a, mono(x), all, &x->job, 1, &leased) == 0)
		return;
	x->phase = READS;
	x->tries = 0;
	x->job_ms = mono(x);
	x->piece = x->job_ms / spending_piece_ms(x->job.period_s);
	pool_return(&x->holding, x->job.period_s, x->job.back_piece, x->job.back);
}

static void read_object(struct node *x)
{
	struct pool p;
	uint64_t piece_ms = spending_piece_ms(x->job.period_s);

	if (w.away) {
		done(x, -EREMOTE);
		return;
	}
	x->image = w.object;
	x->version = w.version;
	p = (struct pool){
		x->image.period_s, x->image.written_ms, x->image.writes, x->image.v, x->image.n, SHARES};
	assert_int_equal(pool_lease(&p, &x->holding, &x->daemon, &x->job, x->piece,
				 (x->piece + 1) * piece_ms - x->job_ms, told(), &x->lease),
		0);
	x->image.period_s = p.period_s;
	x->image.written_ms = p.written_ms;
	x->image.writes = p.writes;
	x->image.n = p.n;
	x->phase = WRITES;
	if (!x->lease.write)
		finish(x);
}

static void write_object(struct node *x)
{
	unsigned fate = w.faults ? draw(12) : 11;

	if (w.away || fate < 3) { /* it gets there and nobody says so, or late, or never */
		w.lost++;
		if (!w.away && fate == 0)
			(void)apply(x->version, &x->image);
		else if (fate == 1)
			send_late(x);
		done(x, -EREMOTE);
		return;
	}
	if (!apply(x->version, &x->image)) {
		w.conflicts++;
		x->phase = READS;
		if (++x->tries == TRIES)
			done(x, -EREMOTE);
		return;
	}
	pool_leased(&x->holding, &x->lease);
	finish(x);
}

static void step(struct node *x, bool all)
{
	switch (x->phase) {
	case REST: start(x, all); break;
	case READS: read_object(x); break;
	case WRITES: write_object(x); break;
	}
}

/* ---- who spends ---- */

static void count(unsigned n)
{
	assert_true(w.ntakes < TAKES);
	w.at[w.ntakes] = w.now;
	w.n[w.ntakes++] = n;
	w.sum += n;
	while (w.at[w.oldest] + (uint64_t)w.period_s * 1000 <= w.now)
		w.sum -= w.n[w.oldest++];
	w.most = w.sum > w.most ? w.sum : w.most;
	assert_true(w.sum <= w.limit);
}

static int spend(struct node *x, unsigned n)
{
	const uint64_t want[MEASURES] = {n, 0, 0};
	struct allowance_over over;
	int r = allowance_take(x->a, &x->charge, 1, want, want, mono(x), &over);

	if (!r)
		count(n);
	w.denied += r == -EDQUOT;
	return r;
}

static void kill_node(struct node *x)
{
	if (x->phase == WRITES && draw(2))
		send_late(x);
	end(x);
	if (draw(8) == 0) /* another machine */
		x->disk = (struct spending){0};
	begin(x);
}

static void set_up(uint64_t limit, unsigned period_s, unsigned nnodes, bool faults)
{
	uint64_t random = w.random;

	memset(&w, 0, sizeof(w));
	w.random = random;
	w.limit = limit;
	w.period_s = period_s;
	w.nnodes = nnodes;
	w.faults = faults;
	for (unsigned i = 0; i < nnodes; i++) {
		w.node[i].mono_ms = draw(100000000);
		begin(&w.node[i]);
	}
}

static void tear_down(void)
{
	for (unsigned i = 0; i < w.nnodes; i++)
		end(&w.node[i]);
}

/* Until nobody has anything to ask for. */
static void settle_down(bool all)
{
	for (unsigned i = 0; i < 60; i++)
		for (unsigned k = 0; k < w.nnodes; k++)
			step(&w.node[k], all);
}

/* As much as there is, by one of them. */
static unsigned drain(struct node *x)
{
	unsigned got = 0;
	int r;

	while ((r = spend(x, 1)) == 0 || r == -EAGAIN) {
		got += r == 0;
		step(x, false);
	}
	assert_int_equal(r, -EDQUOT);
	return got;
}

/* ---- by hand ---- */

static void one_row(void **state)
{
	(void)state;
	set_up(1, 60, 2, false);
	assert_int_equal(drain(&w.node[0]), 1);
	assert_int_equal(drain(&w.node[1]), 0);
	tear_down();
}

static void all_of_it(void **state)
{
	unsigned got = 0;

	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		set_up(1000, 3600, 3, false);
		for (unsigned i = 0; i < 3; i++)
			for (unsigned k = 0; k < 100; k++) {
				int r;

				while ((r = spend(&w.node[i], 1)) == -EAGAIN)
					step(&w.node[i], false);
				assert_int_equal(r, 0);
			}
		/* left alone for a while, or ended in order, all that is not spent comes back */
		settle_down(how);
		w.now += 3000;
		settle_down(how);
		got = drain(&w.node[0]);
		assert_int_equal(got, 700);
		w.now += 3000;
		assert_int_equal(drain(&w.node[2]), 0);
		/* and when the window has passed, all of it is there again */
		w.now += 3600000 + 3600000 / 32 + 2 * POOL_SKEW_MS;
		assert_int_equal(drain(&w.node[1]), 1000);
		tear_down();
	}
}

static void killed(void **state)
{
	unsigned got = 0;

	(void)state;
	set_up(1000, 3600, 2, false);
	while (got < 300) {
		got += spend(&w.node[0], 1) == 0;
		step(&w.node[0], false);
	}
	kill_node(&w.node[0]);
	got += drain(&w.node[1]);
	/* what it had leased: a 16th, or 64, and as much again that was fetched ahead */
	assert_true(got <= 1000 && got >= 1000 - 2 * 64);
	w.now += 2000;
	assert_int_equal(drain(&w.node[0]), 0);
	tear_down();
}

/* Nobody who is told of it: the answers are lost, and no row is. */
static void answers_lost(void **state)
{
	struct node *x;

	(void)state;
	set_up(50, 3600, 1, false);
	x = &w.node[0];
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(spend(x, 1), -EAGAIN);
		start(x, false);
		read_object(x);
		assert_true(x->lease.write);
		assert_true(apply(x->version, &x->image));
		done(x, -EREMOTE);
		assert_int_equal(spend(x, 1), -EREMOTE);
		w.now += 1000;
	}
	assert_int_equal(drain(x), 50);
	tear_down();
}

static void away(void **state)
{
	unsigned got = 0;
	int r;

	(void)state;
	set_up(1000, 3600, 1, false);
	assert_int_equal(spend(&w.node[0], 1), -EAGAIN);
	settle_down(false);
	w.away = true;
	while ((r = spend(&w.node[0], 1)) == 0 || r == -EAGAIN) {
		got += r == 0;
		step(&w.node[0], false);
	}
	assert_int_equal(r, -EREMOTE);
	assert_true(got > 0 && got <= 64); /* what it had */
	w.away = false;
	w.now += 1000;
	assert_int_equal(drain(&w.node[0]), 1000 - got);
	tear_down();
}

static void clocks(void **state)
{
	struct pool_share v[8];
	struct pool p = {.v = v, .cap = 8};
	struct pool_holding h[2] = {0};
	struct pool_daemon d[2] = {{.id = 7}, {.id = 8}};
	struct allowance_job j = {
		.period_s = 60, .limit = {10, LIMIT_NONE, LIMIT_NONE}, .need = {4}, .ask = {4}};
	struct pool_lease l;
	const uint64_t t = 1000000000;

	(void)state;
	assert_int_equal(pool_lease(&p, &h[0], &d[0], &j, 5, 1000, t, &l), 0);
	pool_leased(&h[0], &l);
	/* behind whoever wrote last, by more than there may be between them */
	assert_int_equal(pool_lease(&p, &h[1], &d[1], &j, 5, 1000, t - POOL_SKEW_MS - 1, &l), -ETIME);
	assert_int_equal(pool_lease(&p, &h[1], &d[1], &j, 5, 1000, t - POOL_SKEW_MS, &l), 0);
	pool_leased(&h[1], &l);
	/* to the millisecond */
	j.need[0] = j.ask[0] = 10;
	assert_int_equal(pool_lease(&p, &h[1], &d[1], &j, 99, 1000, t + 1000 + 60000 - 1, &l), 0);
	assert_int_equal(l.got[MEASURE_ROWS], 2);
	p.written_ms = 0;
	/* one who says that he spends of it for years */
	p.n = 1;
	v[0] = (struct pool_share){.holder = 9, .number = 1, .until_ms = UINT64_MAX / 4, .n = {10}};
	assert_int_equal(pool_lease(&p, &h[1], &d[1], &j, 200, 1000, t, &l), 0);
	assert_int_equal(l.got[MEASURE_ROWS], 0);
	assert_true(l.lacks[0] && l.wait_ms[0] <= 60000 + 60000 / 32 + 2 * POOL_SKEW_MS);
	j.period_s = POOL_PERIOD_MIN_S - 1;
	assert_int_equal(pool_lease(&p, &h[1], &d[1], &j, 200, 1000, t, &l), -ERANGE);
}

/* What is given back is leased again before the first write is there: it finds another version when it comes.
 */
static void written_anyhow(void **state)
{
	const uint64_t six[MEASURES] = {6, 0, 0};
	struct pool_share v[8];
	struct pool p = {.v = v, .cap = 8};
	struct pool_holding h = {0};
	struct pool_daemon d = {.id = 7};
	struct allowance_job j = {
		.period_s = 60, .limit = {99, LIMIT_NONE, LIMIT_NONE}, .need = {16}, .ask = {16}};
	struct pool_lease l;
	uint64_t writes;

	(void)state;
	assert_int_equal(pool_lease(&p, &h, &d, &j, 5, 1000, 1000000, &l), 0);
	pool_leased(&h, &l);
	pool_return(&h, 60, 5, six);
	writes = p.writes;
	j.need[MEASURE_ROWS] = j.ask[MEASURE_ROWS] = 6;
	assert_int_equal(pool_lease(&p, &h, &d, &j, 5, 1000, 1000000, &l), 0);
	assert_int_equal(v[0].n[MEASURE_ROWS], 16);
	assert_true(l.write && p.writes == writes + 1);
}

/* Under a longer period what still counts does so from now on; a shorter one waits until nothing does. */
static void other_periods(void **state)
{
	struct pool_share v[8];
	struct pool p = {.v = v, .cap = 8};
	struct pool_holding h = {0};
	struct pool_daemon d = {.id = 7};
	struct allowance_job j = {
		.period_s = 60, .limit = {10, LIMIT_NONE, LIMIT_NONE}, .need = {10}, .ask = {10}};
	struct pool_lease l;
	const uint64_t t = 1000000000;

	(void)state;
	assert_int_equal(pool_lease(&p, &h, &d, &j, 5, 1000, t, &l), 0);
	pool_leased(&h, &l);
	j.period_s = 3600;
	assert_int_equal(pool_lease(&p, &h, &d, &j, 1, 1000, t + 50000, &l), 0);
	assert_int_equal(l.got[MEASURE_ROWS], 0);
	assert_true(l.wait_ms[0] >= 3600000);
	j.period_s = 60;
	assert_int_equal(pool_lease(&p, &h, &d, &j, 2000, 1000, t + 200000, &l), 0);
	assert_int_equal(l.got[MEASURE_ROWS], 0);
	assert_int_equal(pool_lease(&p, &h, &d, &j, 3000, 1000, t + 50000 + 3600000 + 120000, &l), 0);
	assert_int_equal(l.got[MEASURE_ROWS], 10);
	assert_int_equal(p.period_s, 60);
}

/* Nobody reaches the object when the piece of time in which both leased ends, nor for a while after: what
 * they did not spend is had by whoever comes first then, and by the other. */
static void away_over_a_piece(void **state)
{
	unsigned got = 2;

	(void)state;
	set_up(1000, 3600, 2, false);
	for (unsigned i = 0; i < 2; i++) {
		w.node[i].mono_ms = 0;
		assert_int_equal(spend(&w.node[i], 1), -EAGAIN);
		settle_down(false);
		assert_int_equal(spend(&w.node[i], 1), 0);
	}
	w.now = spending_piece_ms(3600) - 1;
	w.away = true;
	settle_down(false);
	w.now += 2 * POOL_SKEW_MS + 1000; /* by whatever clock */
	w.away = false;
	got += drain(&w.node[0]);
	got += drain(&w.node[1]);
	assert_int_equal(got, 1000);
	tear_down();
}

/* Who has other windows too does not forget what others still leave to him. */
static void as_long_as_others_do(void **state)
{
	const uint64_t until = 1000000, last = until + POOL_SKEW_MS + spending_piece_ms(3600);
	struct pool_holding h = {0};

	(void)state;
	assert_true(pool_holding_over(&h, 0));
	h.own[1] = (struct pool_own){.number = 1, .piece = 8, .period_s = 3600, .until_ms = until};
	h.own[2] = (struct pool_own){.number = 2, .piece = 8, .period_s = 10, .until_ms = until};
	assert_false(pool_holding_over(&h, until));
	assert_false(pool_holding_over(&h, last - 1));
	assert_true(pool_holding_over(&h, last));
}

/* Of many who begin anew all the time, what is written stays short. */
static void short_enough(void **state)
{
	unsigned most = 0;

	(void)state;
	set_up(100000, 60, 2, false);
	for (unsigned i = 0; i < 400; i++) {
		struct node *x = &w.node[draw(2)];

		for (unsigned k = 0; k < 20; k++) {
			(void)spend(x, 1);
			step(x, false);
		}
		kill_node(x);
		w.now += 500;
		most = w.object.n > most ? w.object.n : most;
	}
	assert_true(most < 100);
	tear_down();
}

/* ---- at random ---- */

static void sequence(void)
{
	static const uint64_t limits[] = {1, 2, 7, 40, 300, 3000};
	static const unsigned periods[] = {10, 12, 60, 600};
	unsigned steps = 100 + draw(500), left;

	set_up(limits[draw(ARRAY_LEN(limits))], periods[draw(ARRAY_LEN(periods))], 2 + draw(NODES - 1),
		draw(8) != 0);
	for (; steps; steps--) {
		struct node *x = &w.node[draw(w.nnodes)];

		switch (draw(16)) {
		case 0: w.now += draw(w.period_s * 100); break;
		case 1: w.now += draw(40); break;
		case 2:
			if (w.faults && draw(6) == 0)
				kill_node(x);
			break;
		case 3:
			if (w.faults && draw(4) == 0)
				w.away = !w.away;
			break;
		case 4: arrive(); break;
		case 5: step(x, draw(4) == 0); break;
		case 6:
		case 7:
		case 8:
			for (left = 1 + draw(60); left && spend(x, 1 + draw(3)) == 0; left--)
				;
			break;
		default: step(x, false);
		}
	}
	w.away = false;
	if (!w.faults) {
		/* when the window has passed, all of it is there */
		settle_down(false);
		w.now += 5000;
		settle_down(false);
		w.now += (uint64_t)w.period_s * 1000 * 2 + 4 * POOL_SKEW_MS;
		assert_int_equal(drain(&w.node[0]), w.limit);
	}
	tear_down();
}

static unsigned sequences = 3000;
static uint64_t seed = 7;

static void rolls(void **state)
{
	uint64_t full = 0, denied = 0, conflicts = 0, lost = 0;

	(void)state;
	for (unsigned i = 0; i < sequences; i++) {
		w.random = (seed << 32 ^ i) * 0x9e3779b97f4a7c15u | 1;
		sequence();
		full += w.most == w.limit;
		denied += w.denied;
		conflicts += w.conflicts;
		lost += w.lost;
	}
	print_message("%u sequences: the limit reached in %" PRIu64 ", %" PRIu64
		      " times nothing left, %" PRIu64 " conflicts, %" PRIu64 " answers lost\n",
		sequences, full, denied, conflicts, lost);
	assert_true(
		full > sequences / 6 && denied > sequences && conflicts > sequences && lost > sequences / 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_row),
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(killed),
		cmocka_unit_test(answers_lost),
		cmocka_unit_test(away),
		cmocka_unit_test(away_over_a_piece),
		cmocka_unit_test(clocks),
		cmocka_unit_test(written_anyhow),
		cmocka_unit_test(other_periods),
		cmocka_unit_test(as_long_as_others_do),
		cmocka_unit_test(short_enough),
		cmocka_unit_test(rolls),
	};

	if (argc > 1)
		sequences = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	w.random = 88172645463325252u;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
