/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/outq.h"

/* Memory that cannot be had is NULL under ASan too. */
#ifdef __SANITIZE_ADDRESS__
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}
#endif

static size_t gather(const struct outq *q, char *out, size_t cap)
{
	struct iovec iov[64];
	size_t k = outq_iov(q, iov, ARRAY_LEN(iov)), n = 0;

	for (size_t i = 0; i < k; i++) {
		assert_true(iov[i].iov_len && n + iov[i].iov_len < cap);
		memcpy(out + n, iov[i].iov_base, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	out[n] = '\0';
	return k;
}

static void order_is_kept(void **state)
{
	struct outq q = {0};
	char out[64];
	uint8_t *p;

	(void)state;
	assert_true(outq_empty(&q));
	assert_int_equal(gather(&q, out, sizeof(out)), 0);
	outq_borrow(&q, SPAN_LIT("one "));
	outq_copy(&q, SPAN_LIT("two "));
	outq_borrow(&q, SPAN_LIT(""));
	outq_copy(&q, SPAN_LIT(""));
	p = outq_room(&q, 5);
	assert_non_null(p);
	memcpy(p, "three", 5);
	assert_int_equal(q.bytes, 13);
	gather(&q, out, sizeof(out));
	assert_string_equal(out, "one two three");
	outq_fini(&q);
}

static void borrowed_is_not_copied(void **state)
{
	char lent[] = "lent", copied[] = "copied", out[32];
	struct outq q = {0};
	struct iovec iov;

	(void)state;
	outq_borrow(&q, span_of(lent, 4));
	outq_copy(&q, span_of(copied, 6));
	memset(copied, 'x', 6);
	assert_int_equal(outq_iov(&q, &iov, 1), 1);
	assert_ptr_equal(iov.iov_base, lent);
	gather(&q, out, sizeof(out));
	assert_string_equal(out, "lentcopied");
	outq_fini(&q);
}

static void neighbours_are_one(void **state)
{
	static const char block[] = "abcdefghij";
	struct outq q = {0};
	char out[32];

	(void)state;
	outq_borrow(&q, span_of(block, 3));
	outq_borrow(&q, span_of(block + 3, 3));
	outq_borrow(&q, span_of(block + 6, 1));
	assert_int_equal(gather(&q, out, sizeof(out)), 1);
	outq_borrow(&q, span_of(block + 8, 2));
	assert_int_equal(gather(&q, out, sizeof(out)), 2);
	assert_string_equal(out, "abcdefgij");
	outq_fini(&q);
}

/* Written in pieces of every size, it is the same bytes. */
static void partial_writes(void **state)
{
	static const char want[] = "alpha beta gamma delta";
	struct outq q = {0};
	char got[64], out[64];

	(void)state;
	for (size_t piece = 1; piece <= strlen(want); piece++) {
		size_t n = 0;

		outq_borrow(&q, SPAN_LIT("alpha "));
		outq_copy(&q, SPAN_LIT("beta "));
		outq_borrow(&q, SPAN_LIT("gamma "));
		outq_copy(&q, SPAN_LIT("delta"));
		while (!outq_empty(&q)) {
			size_t k = piece < q.bytes ? piece : q.bytes;

			gather(&q, out, sizeof(out));
			assert_int_equal(strlen(out), q.bytes);
			memcpy(got + n, out, k);
			n += k;
			outq_wrote(&q, k);
		}
		got[n] = '\0';
		assert_string_equal(got, want);
		/* An idle queue holds nothing. */
		assert_null(q.v);
		assert_null(q.chunk);
	}
	outq_fini(&q);
}

/* What is written anew row by row goes out as one span, and a large piece keeps what was there before. */
static void rooms_are_neighbours(void **state)
{
	struct outq q = {0};
	struct iovec iov[8];
	uint8_t *p;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		p = outq_room(&q, 7);
		assert_non_null(p);
		memset(p, 'a' + i % 26, 7);
	}
	/* the first chunk is a small one */
	assert_int_equal(outq_iov(&q, iov, 8), 2);
	assert_int_equal(iov[0].iov_len + iov[1].iov_len, 7000);
	p = outq_room(&q, 100000);
	assert_non_null(p);
	memset(p, '!', 100000);
	outq_copy(&q, SPAN_LIT("end"));
	assert_int_equal(q.bytes, 107003);
	for (int i = 0; i < 1000; i++) {
		assert_true(outq_iov(&q, iov, 1) == 1 && iov[0].iov_len >= 7);
		for (int k = 0; k < 7; k++)
			assert_int_equal(((uint8_t *)iov[0].iov_base)[k], 'a' + i % 26);
		outq_wrote(&q, 7);
	}
	outq_fini(&q);
}

static void written_is_not_extended(void **state)
{
	static const char block[] = "abcdef";
	struct outq q = {0};
	char out[32];

	(void)state;
	outq_borrow(&q, span_of(block, 2));
	outq_borrow(&q, SPAN_LIT("-"));
	outq_wrote(&q, 2);
	outq_borrow(&q, span_of(block + 2, 4));
	gather(&q, out, sizeof(out));
	assert_string_equal(out, "-cdef");
	/* Half of the first span is out; its neighbour still joins it. */
	outq_wrote(&q, 3);
	gather(&q, out, sizeof(out));
	assert_string_equal(out, "ef");
	assert_int_equal(q.bytes, 2);
	outq_fini(&q);
}

static void many_spans(void **state)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	struct outq q = {0};
	struct iovec iov[8];

	(void)state;
	for (size_t i = 0; i < 10000; i++)
		outq_borrow(&q, span_of(&letters[i * 7 % 26], 1));
	assert_int_equal(q.bytes, 10000);
	assert_int_equal(outq_iov(&q, iov, 8), 8);
	for (size_t i = 0; i < 10000; i++) {
		assert_int_equal(outq_iov(&q, iov, 1), 1);
		assert_int_equal(*(char *)iov[0].iov_base, letters[i * 7 % 26]);
		outq_wrote(&q, 1);
	}
	assert_true(outq_empty(&q));
	outq_fini(&q);
}

static void failure_sticks(void **state)
{
	struct outq q = {0};

	(void)state;
	outq_borrow(&q, SPAN_LIT("whole"));
	assert_null(outq_room(&q, SIZE_MAX / 2));
	assert_true(outq_failed(&q));
	assert_null(outq_room(&q, 1));
	outq_copy(&q, SPAN_LIT("x"));
	outq_borrow(&q, SPAN_LIT("y"));
	assert_int_equal(q.bytes, 5);
	/* Draining does not make it good again. */
	outq_wrote(&q, 5);
	assert_true(outq_failed(&q));
	outq_fini(&q);
	assert_false(outq_failed(&q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(borrowed_is_not_copied),
		cmocka_unit_test(neighbours_are_one),
		cmocka_unit_test(partial_writes),
		cmocka_unit_test(rooms_are_neighbours),
		cmocka_unit_test(written_is_not_extended),
		cmocka_unit_test(many_spans),
		cmocka_unit_test(failure_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
