/* SPDX-License-Identifier: MIT */
#include "value/net.h"

#include "test.h"

/* What PostgreSQL 15 writes and sends. */
static void there_and_back(void **state)
{
	static const struct {
		bool cidr;
		const char *text, *binary;
		size_t n;
	} known[] = {
		{false, "192.0.2.1", "\x02\x20\x00\x04\xc0\x00\x02\x01", 8},
		{false, "192.0.2.1/24", "\x02\x18\x00\x04\xc0\x00\x02\x01", 8},
		{true, "192.0.2.0/24", "\x02\x18\x01\x04\xc0\x00\x02\x00", 8},
		{true, "192.0.2.1/32", "\x02\x20\x01\x04\xc0\x00\x02\x01", 8},
		{true, "0.0.0.0/0", "\x02\x00\x01\x04\x00\x00\x00\x00", 8},
		{false, "2001:db8::1", "\x03\x80\x00\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 20},
		{false, "::ffff:192.0.2.1", "\x03\x80\x00\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01",
			20},
		{true, "2001:db8::/32", "\x03\x20\x01\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0", 20},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct guarded t = guard_copy(known[i].text, strlen(known[i].text)),
			       b = guard_copy(known[i].binary, known[i].n);
		uint8_t cell[NET_BINARY_MAX];
		char text[NET_TEXT_MAX];
		struct netaddr v;

		assert_true(net_get_text(span_of(t.p, t.n), known[i].cidr, &v));
		assert_int_equal(net_put_binary(&v, known[i].cidr, cell), known[i].n);
		assert_memory_equal(cell, known[i].binary, known[i].n);
		assert_true(net_get_binary(span_of(b.p, b.n), known[i].cidr, &v));
		assert_true(span_is(span_of(text, net_put_text(&v, known[i].cidr, text)), known[i].text));
		guard_free(&t);
		guard_free(&b);
	}
}

static void not_read(void **state)
{
	static const char *const bad[] = {"", "/", "1.2.3", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1",
		"1.2.3.4/024", "1.2.3.4/24/24", "256.0.0.1", "::/129", "1.2.3.4 ", ":::", "fe80::1%eth0",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333:4444:5555"};
	static const struct {
		const char *cell;
		size_t n;
	} cells[] = {{"\x02\x20\x00\x04\xc0\x00\x02", 7}, {"\x02\x21\x00\x04\xc0\x00\x02\x01", 8},
		{"\x04\x20\x00\x04\xc0\x00\x02\x01", 8}, {"\x02\x20\x01\x04\xc0\x00\x02\x01", 8},
		{"\x02\x20\x00\x05\xc0\x00\x02\x01", 8}, {"\x02\x20\x00\x04\xc0\x00\x02\x01\x00", 9},
		{"", 0}};
	struct netaddr v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guarded g = guard_copy(bad[i], strlen(bad[i]));

		if (net_get_text(span_of(g.p, g.n), false, &v))
			fail_msg("read: %s", bad[i]);
		guard_free(&g);
	}
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct guarded g = guard_copy(cells[i].cell, cells[i].n);

		assert_false(net_get_binary(span_of(g.p, g.n), false, &v));
		guard_free(&g);
	}
	/* bits behind the prefix, and no prefix */
	assert_false(net_get_text(SPAN_LIT("192.0.2.1/24"), true, &v));
	assert_false(net_get_text(SPAN_LIT("192.0.2.1"), true, &v));
	assert_false(net_get_binary(SPAN_LIT("\x02\x18\x01\x04\xc0\x00\x02\x01"), true, &v));
}

static void macs(void **state)
{
	static const char *const bad[] = {"", "08:00:2b:01:02", "08:00:2b:01:02:0g", "08-00-2b-01-02-03",
		"08002b010203", "08:00:2b:01:02:03:", "8:0:2b:1:2:3"};
	char text[NET_TEXT_MAX];
	uint8_t mac[8];

	(void)state;
	assert_true(mac_get(SPAN_LIT("08:00:2B:01:02:ff"), mac, 6));
	assert_true(span_is(span_of(text, mac_put(mac, 6, text)), "08:00:2b:01:02:ff"));
	assert_true(mac_get(SPAN_LIT("08:00:2b:01:02:03:04:05"), mac, 8));
	assert_true(span_is(span_of(text, mac_put(mac, 8, text)), "08:00:2b:01:02:03:04:05"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guarded g = guard_copy(bad[i], strlen(bad[i]));

		assert_false(mac_get(span_of(g.p, g.n), mac, 6));
		guard_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(not_read),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
