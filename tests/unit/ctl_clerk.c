/* SPDX-License-Identifier: MIT */
/* A clerk that is made to wait within what it writes: the order, and what can be had back. */
#include "test.h"

#include <errno.h>
#include <semaphore.h>
#include "ctl/clerk.h"

struct desk {
	struct clerk *clerk;
	sem_t begun, may; /* posted when one is begun; waited for before it is over */
	uint64_t wrote[16];
	unsigned nwrote;
	atomic_uint overs;
};

static int write_one(void *arg, const struct record *r, struct err *e)
{
	struct desk *d = arg;

	sem_post(&d->begun);
	while (sem_wait(&d->may))
		;
	d->wrote[d->nwrote++] = r->session;
	return r->session == 13 ? err_set(e, -ENOSPC, "full") : 0;
}

static void count_over(void *arg)
{
	atomic_fetch_add(&((struct desk *)arg)->overs, 1);
}

static void open_desk(struct desk *d)
{
	const struct clerk_config cfg = {write_one, count_over, d};

	*d = (struct desk){0};
	sem_init(&d->begun, 0, 0);
	sem_init(&d->may, 0, 0);
	assert_int_equal(clerk_new(&d->clerk, &cfg, NULL), 0);
}

static void close_desk(struct desk *d, const uint64_t *wrote, unsigned n)
{
	clerk_free(d->clerk);
	assert_int_equal(d->nwrote, n);
	assert_int_equal(atomic_load(&d->overs), n);
	assert_memory_equal(d->wrote, wrote, n * sizeof(*wrote));
	sem_destroy(&d->begun);
	sem_destroy(&d->may);
}

static void allow(struct desk *d, unsigned n)
{
	while (n--)
		sem_post(&d->may);
}

static void in_their_order(void **state)
{
	static const uint64_t wrote[] = {11, 12, 13, 14, 15};
	struct handed h[4] = {0};
	struct desk d;
	struct err e;

	(void)state;
	open_desk(&d);
	for (unsigned i = 0; i < 4; i++) {
		h[i].record.session = 11 + i;
		clerk_hand(d.clerk, &h[i]);
	}
	allow(&d, 4);
	for (unsigned i = 0; i < 4; i++) {
		e = (struct err){0};
		assert_int_equal(clerk_join(d.clerk, &h[3 - i], &e), i == 1 ? -ENOSPC : 0);
		assert_int_equal(e.code, i == 1 ? -ENOSPC : 0);
		assert_true(atomic_load(&h[3 - i].over));
	}
	/* and again with the same */
	h[0].record.session = 15;
	clerk_hand(d.clerk, &h[0]);
	assert_false(atomic_load(&h[0].over));
	assert_false(clerk_give_back(d.clerk, &h[1]));
	allow(&d, 1);
	assert_int_equal(clerk_join(d.clerk, &h[0], &e), 0);
	close_desk(&d, wrote, 5);
}

/* All that was not begun, in the middle and at the end; what was is not. */
static void what_can_be_had_back(void **state)
{
	(void)state;
	for (unsigned back = 1; back < 5; back++)
		for (unsigned more = 0; more < 2; more++) {
			struct handed h[6] = {0};
			uint64_t wrote[6];
			unsigned n = 0;
			struct desk d;
			struct err e;

			open_desk(&d);
			for (unsigned i = 0; i < 5; i++) {
				h[i].record.session = 20 + i;
				clerk_hand(d.clerk, &h[i]);
			}
			while (sem_wait(&d.begun))
				;
			assert_false(clerk_give_back(d.clerk, &h[0]));
			assert_true(clerk_give_back(d.clerk, &h[back]));
			assert_false(clerk_give_back(d.clerk, &h[back]));
			if (more) { /* what comes behind finds its place */
				h[5].record.session = 25;
				clerk_hand(d.clerk, &h[5]);
			}
			allow(&d, 6);
			for (unsigned i = 0; i < 5 + more; i++) {
				if (i == back)
					continue;
				assert_int_equal(clerk_join(d.clerk, &h[i], &e), 0);
				wrote[n++] = 20 + i;
			}
			close_desk(&d, wrote, n);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_their_order), cmocka_unit_test(what_can_be_had_back)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
