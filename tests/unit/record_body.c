/* SPDX-License-Identifier: MIT */
/* Fields come back as they were put; what is no body is not taken for one. */
#include "test.h"

#include "record/body.h"
#include "record/entry.h"

static void test_fields_come_back(void **state)
{
	uint8_t bytes[256];
	struct body b;
	struct span in;
	struct body_item item;

	(void)state;
	body_init(&b, bytes, sizeof(bytes));
	body_put_text(&b, BODY_CGROUP, "/agents.slice/a.scope");
	body_put_text(&b, BODY_UNIT, "");
	body_put_text(&b, BODY_ROLE, NULL);
	body_put_number(&b, BODY_UID, UINT64_MAX);
	body_put(&b, BODY_PARAMETER, span_of("", 0));
	assert_false(b.failed);
	in = span_of(b.p, b.n);
	assert_int_equal(body_next(&in, &item), WIRE_OK);
	assert_int_equal(item.field, BODY_CGROUP);
	assert_true(span_is(item.v, "/agents.slice/a.scope"));
	assert_int_equal(body_next(&in, &item), WIRE_OK);
	assert_int_equal(item.field, BODY_UID);
	assert_true(item.number == UINT64_MAX);
	assert_int_equal(body_next(&in, &item), WIRE_OK);
	assert_int_equal(item.field, BODY_PARAMETER);
	assert_int_equal(item.v.n, 0);
	assert_int_equal(body_next(&in, &item), WIRE_MORE);
}

static void test_what_does_not_fit_is_left_out(void **state)
{
	uint8_t bytes[16];
	struct body b;

	(void)state;
	body_init(&b, bytes, sizeof(bytes));
	body_put_text(&b, BODY_TEXT, "0123456789");
	assert_false(b.failed);
	body_put_text(&b, BODY_TEXT, "");
	body_put_number(&b, BODY_ROWS, 1);
	assert_true(b.failed);
	assert_int_equal(b.n, 15);
	body_put(&b, BODY_TEXT, span_of("", 0)); /* nothing comes behind what was left out */
	assert_int_equal(b.n, 15);

	body_grow(&b, 1000);
	for (int i = 0; i < 20; i++)
		body_put_text(&b, BODY_TEXT, "0123456789012345678901234567890123456789");
	assert_false(b.failed);
	assert_int_equal(b.n, 900);
	for (int i = 0; i < 3; i++)
		body_put_text(&b, BODY_TEXT, "0123456789012345678901234567890123456789");
	assert_true(b.failed);
	assert_int_equal(b.n, 990);
	body_fini(&b);
}

static void test_every_field_has_its_name(void **state)
{
	unsigned named = 0;

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		named += body_field_name(i) != NULL;
#define X(name, number, word, type) +1
	assert_int_equal(named, 0 BODY_FIELDS(X));
#undef X
	assert_null(body_field_name(256));
}

/* Cut anywhere, and with each byte changed: no more is read than there is. */
static void test_what_is_no_body(void **state)
{
	uint8_t bytes[64];
	struct body b;
	struct body_item item;

	(void)state;
	body_init(&b, bytes, sizeof(bytes));
	body_put_text(&b, BODY_TEXT, "select");
	body_put_number(&b, BODY_ROWS, 7);
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		struct span in = span_of(copy, n);
		enum wire w;

		assert_non_null(copy);
		memcpy(copy, bytes, n);
		while ((w = body_next(&in, &item)) == WIRE_OK)
			;
		assert_int_equal(w, n == 0 || n == 11 ? WIRE_MORE : WIRE_BAD);
		free(copy);
	}
	bytes[15] = 7; /* a number of seven bytes */
	struct span in = span_of(bytes + 11, b.n - 11 - 1);
	assert_int_equal(body_next(&in, &item), WIRE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_come_back),
		cmocka_unit_test(test_what_does_not_fit_is_left_out),
		cmocka_unit_test(test_every_field_has_its_name),
		cmocka_unit_test(test_what_is_no_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
