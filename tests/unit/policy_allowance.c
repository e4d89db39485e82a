/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "policy/allowance.h"

#define HOUR_MS 3600000u

/* What a keeper has on disk. */
struct disk {
	struct spending spending;
	int fails;
};

static void asked(void *arg)
{
	++*(unsigned *)arg;
}

struct desk { /* one daemon */
	struct allowance *a;
	struct window *w;
	struct window_limit limit;
	struct charge charge;
	unsigned asked;
};

static void begin(struct desk *d, uint64_t rows, uint64_t bytes, unsigned period_s)
{
	struct err e = {0};

	*d = (struct desk){.limit = {.key = "k", .period_s = period_s}};
	limit_set_open(&d->limit.set);
	d->limit.set.most[MEASURE_ROWS] = rows;
	d->limit.set.most[MEASURE_BYTES] = bytes;
	assert_int_equal(allowance_new(&d->a, asked, &d->asked, &e), 0);
	assert_int_equal(allowance_open(d->a, "k", &d->w), 0);
	d->charge = (struct charge){d->w, &d->limit};
}

/* Everything that is not written down is gone. */
static void die(struct desk *d)
{
	allowance_close(d->a, d->w);
	allowance_free(d->a);
}

static void serve(struct desk *d, struct disk *disk, uint64_t now_ms, bool all)
{
	struct allowance_job v[4];
	bool leased;
	unsigned n;

	while ((n = allowance_jobs(d->a, now_ms, all, v, 4, &leased)) > 0)
		for (unsigned i = 0; i < n; i++) {
			struct spending s = disk->spending;

			(void)allowance_job_do(&v[i], &s, now_ms);
			if (!disk->fails)
				disk->spending = s;
			allowance_done(d->a, &v[i], disk->fails, now_ms);
		}
}

static int take(struct desk *d, struct disk *disk, uint64_t rows, uint64_t bytes, uint64_t now_ms,
	struct allowance_over *over)
{
	const uint64_t want[MEASURES] = {rows, bytes, 0};
	int r = allowance_take(d->a, &d->charge, 1, want, want, now_ms, over);

	if (r != -EAGAIN)
		return r;
	serve(d, disk, now_ms, false);
	return allowance_take(d->a, &d->charge, 1, want, want, now_ms, over);
}

static void exact(void **state)
{
	struct disk disk = {0};
	struct allowance_over over;
	struct desk d;
	uint64_t spent[MEASURES];

	(void)state;
	begin(&d, 1000, LIMIT_NONE, 3600);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(take(&d, &disk, 1, 77, 5000 + i, &over), 0);
	assert_true(d.asked < 50); /* blocks, not rows */
	assert_int_equal(take(&d, &disk, 1, 77, 7000, &over), -EDQUOT);
	assert_int_equal(over.measure, MEASURE_ROWS);
	assert_true(over.wait_ms > HOUR_MS - 10000 && over.wait_ms < HOUR_MS + HOUR_MS / 16);
	assert_int_equal(allowance_spent(d.a, &d.charge, spent, 7000), 0);
	assert_int_equal(spent[MEASURE_ROWS], 1000);
	assert_int_equal(take(&d, &disk, 1, 0, 5000 + HOUR_MS + HOUR_MS / 16, &over), 0);
	/* more than there ever is */
	assert_int_equal(take(&d, &disk, 1001, 0, 5000 + 3 * HOUR_MS, &over), -EDQUOT);
	assert_int_equal(over.wait_ms, 0);
	die(&d);
}

static void all_or_nothing(void **state)
{
	struct disk disk = {0};
	struct allowance_over over;
	struct desk d;

	(void)state;
	begin(&d, 10, 100, 60);
	assert_int_equal(take(&d, &disk, 1, 60, 1, &over), 0);
	assert_int_equal(take(&d, &disk, 1, 60, 1, &over), -EDQUOT);
	assert_int_equal(over.measure, MEASURE_BYTES);
	assert_int_equal(take(&d, &disk, 9, 40, 1, &over), 0);
	assert_int_equal(take(&d, &disk, 1, 0, 1, &over), -EDQUOT);
	assert_int_equal(over.measure, MEASURE_ROWS);
	die(&d);
}

static void outlives(void **state)
{
	struct disk disk = {0};
	struct allowance_over over;
	struct desk d;
	unsigned got = 0;

	(void)state;
	begin(&d, 1000, LIMIT_NONE, 3600);
	for (; got < 400; got++)
		assert_int_equal(take(&d, &disk, 1, 0, 1000, &over), 0);
	die(&d);
	/* killed: at most a lease is lost */
	begin(&d, 1000, LIMIT_NONE, 3600);
	while (take(&d, &disk, 1, 0, 2000, &over) == 0)
		got++;
	assert_true(got <= 1000 && got > 1000 - 65);
	die(&d);
	/* left alone for a while, or ended in order: nothing is */
	for (unsigned how = 0; how < 2; how++) {
		disk = (struct disk){0};
		begin(&d, 1000, LIMIT_NONE, 3600);
		for (got = 0; got < 400; got++)
			assert_int_equal(take(&d, &disk, 1, 0, 1000, &over), 0);
		serve(&d, &disk, how ? 1000 : 2000, how);
		die(&d);
		begin(&d, 1000, LIMIT_NONE, 3600);
		while (take(&d, &disk, 1, 0, 3000, &over) == 0)
			got++;
		assert_int_equal(got, 1000);
		die(&d);
	}
}

static void debts(void **state)
{
	const uint64_t much[MEASURES] = {0, 150, 0}, one[MEASURES] = {0, 1, 0}, none[MEASURES] = {0};
	struct disk disk = {0};
	struct allowance_over over;
	struct desk d;

	(void)state;
	begin(&d, LIMIT_NONE, 200, 60);
	assert_int_equal(take(&d, &disk, 0, 20, 1, &over), 0);
	allowance_charge(d.a, &d.charge, 1, much, 1); /* 30 are left, though more is leased */
	assert_int_equal(take(&d, &disk, 0, 31, 1, &over), -EDQUOT);
	assert_int_equal(take(&d, &disk, 0, 20, 1, &over), 0);
	allowance_charge(d.a, &d.charge, 1, much, 1); /* 140 too many */
	assert_int_equal(allowance_take(d.a, &d.charge, 1, one, none, 1, &over), -EDQUOT);
	assert_int_equal(allowance_take(d.a, &d.charge, 1, one, none, 1500, &over), -EAGAIN);
	serve(&d, &disk, 1500, false);
	assert_int_equal(allowance_take(d.a, &d.charge, 1, one, none, 1500, &over), -EDQUOT);
	die(&d);
}

/* What a person let through is spent, whatever the limit is; what was leased for it and not spent goes back.
 */
static void lifted(void **state)
{
	const uint64_t ten[MEASURES] = {10, 0, 0}, ahead[MEASURES] = {500, 0, 0}, none[MEASURES] = {0},
		       much[MEASURES] = {0, 31, 0};
	struct disk disk = {0};
	struct allowance_over over;
	struct desk d;
	uint64_t spent[MEASURES];

	(void)state;
	begin(&d, 100, 30, 3600);
	assert_int_equal(take(&d, &disk, 100, 0, 1, &over), 0);
	assert_int_equal(take(&d, &disk, 1, 0, 1, &over), -EDQUOT);
	/* all or nothing of it */
	assert_int_equal(allowance_take_lifted(d.a, &d.charge, 1, much, much, ten, ahead, 1, &over), -EDQUOT);
	assert_int_equal(over.measure, MEASURE_BYTES);
	for (unsigned i = 0; i < 5; i++) {
		int r = allowance_take_lifted(d.a, &d.charge, 1, none, none, ten, ahead, 1, &over);

		if (r == -EAGAIN) {
			serve(&d, &disk, 1, false);
			r = allowance_take_lifted(d.a, &d.charge, 1, none, none, ten, ahead, 1, &over);
		}
		assert_int_equal(r, 0);
		/* on disk before it goes out, and little more than that */
		assert_true(spending_sum(&disk.spending, MEASURE_ROWS) >= 110 + 10 * i);
		assert_true(spending_sum(&disk.spending, MEASURE_ROWS) <= 110 + 10 * i + 64);
	}
	assert_int_equal(take(&d, &disk, 1, 0, 1, &over), -EDQUOT);
	serve(&d, &disk, 1, true);
	assert_int_equal(spending_sum(&disk.spending, MEASURE_ROWS), 150);
	assert_int_equal(allowance_spent(d.a, &d.charge, spent, 1), 0);
	assert_int_equal(spent[MEASURE_ROWS], 150);
	disk.fails = -EIO;
	assert_int_equal(allowance_take_lifted(d.a, &d.charge, 1, none, none, ten, ahead, 1, &over), -EAGAIN);
	serve(&d, &disk, 1, false);
	assert_int_equal(allowance_take_lifted(d.a, &d.charge, 1, none, none, ten, ahead, 1, &over), -EIO);
	die(&d);
}

static void disk_full(void **state)
{
	struct disk disk = {.fails = -ENOSPC};
	struct allowance_over over;
	struct desk d;

	(void)state;
	begin(&d, 1000, LIMIT_NONE, 3600);
	assert_int_equal(take(&d, &disk, 1, 0, 1000, &over), -EIO);
	disk.fails = 0;
	assert_int_equal(take(&d, &disk, 1, 0, 1001, &over), -EIO); /* not for every row */
	assert_int_equal(take(&d, &disk, 1, 0, 3000, &over), 0);
	die(&d);
}

static void other_limits(void **state)
{
	struct disk disk = {0};
	struct allowance_over over;
	struct desk d;
	unsigned n = 0;

	(void)state;
	begin(&d, 1000, LIMIT_NONE, 3600);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(take(&d, &disk, 1, 0, 1000, &over), 0);
	d.limit.set.most[MEASURE_ROWS] = 100; /* what was leased under the old one is worth nothing */
	assert_int_equal(take(&d, &disk, 1, 0, 1000, &over), -EDQUOT);
	d.limit.set.most[MEASURE_ROWS] = 101;
	assert_int_equal(take(&d, &disk, 1, 0, 1000, &over), 0);
	assert_int_equal(take(&d, &disk, 1, 0, 1000, &over), -EDQUOT);
	/* a shorter period takes effect when nothing counts any more */
	d.limit.period_s = 60;
	assert_int_equal(take(&d, &disk, 1, 0, 100000, &over), -EDQUOT);
	assert_int_equal(take(&d, &disk, 1, 0, 1000 + HOUR_MS + HOUR_MS / 16, &over), 0);
	assert_int_equal(disk.spending.piece_ms, spending_piece_ms(60));
	/* a longer one at once, and what is leased then is lost */
	d.limit.period_s = 7200;
	while (take(&d, &disk, 1, 0, 2000 + HOUR_MS + HOUR_MS / 16, &over) == 0)
		n++;
	assert_true(n <= 100 && n > 20);
	die(&d);
}

static void another_boot(void **state)
{
	struct spending s = {0};

	(void)state;
	spending_fit(&s, 3600, 50 * HOUR_MS);
	spending_add(&s, MEASURE_ROWS, 7);
	spending_now(&s, 1000); /* the clock began anew */
	spending_fit(&s, 3600, 2000);
	assert_int_equal(spending_sum(&s, MEASURE_ROWS), 7);
	spending_fit(&s, 3600, 1000 + HOUR_MS + HOUR_MS / 16);
	assert_int_equal(spending_sum(&s, MEASURE_ROWS), 0);
}

/* Two daemons, one of which is killed now and then; in no period of any beginning is more taken than the
 * limit.
 */
static void rolls(void **state)
{
	enum { LIMIT = 500, PERIOD_S = 64, TAKES = 60000 };
	static uint64_t at[TAKES];
	struct disk disk = {0};
	struct allowance_over over;
	struct desk d[2];
	unsigned n = 0, oldest = 0, seed = 7, denied = 0;
	uint64_t now = 99999;

	(void)state;
	begin(&d[0], LIMIT, LIMIT_NONE, PERIOD_S);
	begin(&d[1], LIMIT, LIMIT_NONE, PERIOD_S);
	for (unsigned i = 0; i < TAKES; i++) {
		struct desk *x = &d[rand_r(&seed) % 2];

		now += (uint64_t)rand_r(&seed) % (rand_r(&seed) % 50 ? 40 : 4000);
		if (rand_r(&seed) % 997 == 0) {
			die(x);
			begin(x, LIMIT, LIMIT_NONE, PERIOD_S);
		}
		if (rand_r(&seed) % 20 == 0)
			serve(x, &disk, now, false);
		if (take(x, &disk, 1, 0, now, &over)) {
			denied++;
			continue;
		}
		at[n++] = now;
		while (at[oldest] + PERIOD_S * 1000 <= now)
			oldest++;
		assert_true(n - oldest <= LIMIT);
	}
	assert_true(denied > 1000 && n > 10 * LIMIT);
	die(&d[0]);
	die(&d[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(outlives),
		cmocka_unit_test(debts),
		cmocka_unit_test(lifted),
		cmocka_unit_test(disk_full),
		cmocka_unit_test(other_limits),
		cmocka_unit_test(another_boot),
		cmocka_unit_test(rolls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
