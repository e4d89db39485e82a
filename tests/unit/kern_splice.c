/* SPDX-License-Identifier: MIT */
/* bpf/splice.h on the host: where messages begin, however the stream is cut. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include "splice_follow.h"

static size_t same(void *arg)
{
	return *(size_t *)arg;
}

static uint32_t dice_state = 1;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525 + 1013904223;
	return (dice_state >> 8) % sides;
}

static size_t any(void *arg)
{
	return 1 + dice(*(uint32_t *)arg);
}

static size_t put(uint8_t *p, char type, uint32_t length, uint8_t fill)
{
	p[0] = (uint8_t)type;
	p[1] = (uint8_t)(length >> 24);
	p[2] = (uint8_t)(length >> 16);
	p[3] = (uint8_t)(length >> 8);
	p[4] = (uint8_t)length;
	if (length >= 4 && length < 4096)
		memset(p + 5, fill, length - 4);
	return length >= 4 && length < 4096 ? length + 1 : 5;
}

static void cut_everywhere(void **state)
{
	uint8_t p[256];
	size_t n = 0;

	(void)state;
	n += put(p + n, 'D', 11, 'D');
	n += put(p + n, 'D', 4, 0); /* no body */
	n += put(p + n, 'D', 30, 'd');
	n += put(p + n, 'C', 10, 'D');
	n += put(p + n, 'D', 6, 'C');
	for (size_t cut = 1; cut <= n; cut++)
		assert_true(follow('D', p, n, same, &cut));
	/* Of the other type nothing goes. */
	for (size_t cut = 1; cut <= n; cut++)
		assert_true(follow('d', p, n, same, &cut));
	for (size_t first = 1; first < n; first++) {
		struct splice_track t = {.type = 'D'};
		uint64_t rows = 0;

		assert_int_equal(piece_goes(&t, p, (uint32_t)first, &rows), first <= 12 + 5 + 31);
	}
}

static void lengths(void **state)
{
	static const uint32_t bad[] = {0, 1, 3, 0x3fffffff, 0x40000000, 0x80000000, 0xffffffff};
	static const uint32_t good[] = {4, 5, 0x3ffffffe};
	uint8_t p[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(p, 'D', bad[i], 0);
		for (size_t cut = 1; cut <= 5; cut++) {
			struct splice_track t = {.type = 'D'};
			uint64_t rows = 0;
			bool goes = true;

			for (size_t at = 0; at < 5 && goes; at += cut)
				goes = piece_goes(&t, p + at, (uint32_t)(5 - at < cut ? 5 - at : cut), &rows);
			assert_false(goes);
			assert_int_equal(rows, 0);
		}
	}
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct splice_track t = {.type = 'D'};
		uint64_t rows = 0;

		put(p, 'D', good[i], 0);
		assert_true(piece_goes(&t, p, 5, &rows));
		assert_int_equal(t.to_next, good[i] - 4);
		assert_int_equal(rows, 1);
	}
}

static void at_random(void **state)
{
	uint8_t *p = calloc(1, 1 << 16);

	(void)state;
	assert_non_null(p);
	for (int round = 0; round < 3000; round++) {
		uint32_t most = 1 + dice(round % 3 ? 20 : 3000);
		size_t n = 0;

		while (n < 30000 && dice(200))
			n += put(p + n, dice(300) ? 'D' : "CETZdN"[dice(6)],
				dice(500) ? 4 + dice(most) : dice(8), (uint8_t)dice(256));
		n -= n ? dice((uint32_t)(n < 9 ? n : 9)) : 0;
		assert_true(follow('D', p, n, any, &most));
	}
	free(p);
}

static void opening(void **state)
{
	struct splice_count c = {.passed = 10};
	struct splice_window w = {.read = 10, .credit = 1, .track = {.type = 'D'}};

	(void)state;
	assert_true(splice_opens(&w, &c));
	w.read = 9; /* something is on its way up */
	assert_false(splice_opens(&w, &c));
	w = (struct splice_window){.read = 10, .track = {.type = 'D'}};
	assert_false(splice_opens(&w, &c));
	w = (struct splice_window){.read = 10, .credit = 1};
	assert_false(splice_opens(&w, &c));
	w.track.type = 'T';
	assert_false(splice_opens(&w, &c));
	assert_false(splice_opens(&(struct splice_window){.read = 10, .credit = 1, .track = {.type = 'D'}},
		&(struct splice_count){.passed = 10, .lost = 1}));
	assert_false(splice_opens(&(struct splice_window){0}, &(struct splice_count){0}));
}

static void fits(void **state)
{
	uint32_t again;

	(void)state;
	assert_true(splice_fits(10, 10, 15, 5, &again));
	assert_int_equal(again, 0);
	/* With the end of the stream, alone or behind bytes. */
	assert_true(splice_fits(10, 10, 11, 0, &again));
	assert_true(splice_fits(10, 10, 16, 5, &again));
	/* Some of it came before: the last byte too, where only the end is new. */
	assert_true(splice_fits(10, 7, 15, 8, &again));
	assert_int_equal(again, 3);
	assert_true(splice_fits(10, 7, 11, 3, &again));
	assert_int_equal(again, 3);
	/* Numbers begin again behind the largest. */
	assert_true(splice_fits(2, 0xfffffffe, 10, 12, &again));
	assert_int_equal(again, 4);
	/* A gap, what is wholly old, and what is not TCP's numbers. */
	assert_false(splice_fits(10, 11, 15, 4, &again));
	assert_false(splice_fits(10, 3, 9, 6, &again));
	assert_false(splice_fits(10, 10, 15, 6, &again));
	assert_false(splice_fits(10, 10, 17, 5, &again));
	assert_false(splice_fits(10, 0, 0, 5, &again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_everywhere),
		cmocka_unit_test(lengths),
		cmocka_unit_test(at_random),
		cmocka_unit_test(opening),
		cmocka_unit_test(fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
