/* SPDX-License-Identifier: MIT */
/* bpf/addr.h on the host: what the programs decide, without a kernel. */
#include "test.h"

#include <arpa/inet.h>
#include "base/attr.h"
#include "bpf/addr.h"

static void parse(int family, const char *text, __u8 ip[16])
{
	struct in6_addr six;
	struct in_addr four;

	if (family == AF_INET) {
		assert_int_equal(inet_pton(AF_INET, text, &four), 1);
		addr_from_v4(ip, four.s_addr);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &six), 1);
		addr_from_v6(ip, six.s6_addr32[0], six.s6_addr32[1], six.s6_addr32[2], six.s6_addr32[3]);
	}
}

static void test_v4_and_v4_mapped_are_one_address(void **state)
{
	__u8 a[16], b[16], want[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 99, 0, 1};

	(void)state;
	parse(AF_INET, "10.99.0.1", a);
	parse(AF_INET6, "::ffff:10.99.0.1", b);
	assert_memory_equal(a, want, 16);
	assert_memory_equal(b, want, 16);
	assert_true(addr_is_v4(a));
	assert_int_equal(addr_word(a, 3), htonl(0x0a630001));
}

static void test_what_is_not_v4(void **state)
{
	static const char *const six[] = {
		"::",
		"::1",
		"2001:db8::7",
		"::10.99.0.1",
		"::fffe:10.99.0.1",
		"::1:ffff:10.99.0.1",
		"64:ff9b::10.0.0.1",
		"1::ffff:10.99.0.1",
		"0:0:1::ffff:10.99.0.1",
		"fe80::ffff:a00:1",
	};
	__u8 ip[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(six); i++) {
		parse(AF_INET6, six[i], ip);
		if (addr_is_v4(ip))
			fail_msg("%s", six[i]);
	}
}

static void test_loopback_is_of_the_same_family(void **state)
{
	struct listener_value l = {.port4 = 4444, .port6 = 6666};
	__u8 ip[16], to[16], want[16];

	(void)state;
	parse(AF_INET, "0.0.0.0", ip);
	addr_loopback(ip, to);
	parse(AF_INET, "127.0.0.1", want);
	assert_memory_equal(to, want, 16);
	assert_int_equal(listener_port(&l, ip), 4444);
	parse(AF_INET6, "2001:db8::7", ip);
	addr_loopback(ip, to);
	parse(AF_INET6, "::1", want);
	assert_memory_equal(to, want, 16);
	assert_int_equal(listener_port(&l, ip), 6666);
}

static void test_every_byte_of_a_key_is_set(void **state)
{
	struct flow_key a, b;
	__u8 local[16], remote[16];

	(void)state;
	parse(AF_INET, "127.0.0.2", local);
	parse(AF_INET, "127.0.0.1", remote);
	memset(&a, 0x55, sizeof(a));
	memset(&b, 0xaa, sizeof(b));
	flow_key_init(&a, 7, local, 30001, remote, 40002);
	flow_key_init(&b, 7, local, 30001, remote, 40002);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.netns_cookie, 7);
	assert_memory_equal(a.local_ip, local, 16);
	assert_memory_equal(a.remote_ip, remote, 16);
	assert_int_equal(a.local_port, 30001);
	assert_int_equal(a.remote_port, 40002);
}

static void test_decide_connect(void **state)
{
	static const struct {
		struct connect_facts f;
		enum connect_verdict verdict;
		enum counter counter;
	} rows[] = {
		{{0, 0, 0}, CONNECT_REFUSE, COUNTER_REFUSED_NO_BIRTH},
		{{0, CGROUP_EXEMPT, 0}, CONNECT_REFUSE, COUNTER_REFUSED_NO_BIRTH},
		{{0, CGROUP_ENROLLED, 4444}, CONNECT_REFUSE, COUNTER_REFUSED_NO_BIRTH},
		{{1, CGROUP_UNKNOWN, 0}, CONNECT_REFUSE, COUNTER_REFUSED_UNKNOWN},
		{{1, CGROUP_UNKNOWN, 4444}, CONNECT_REFUSE, COUNTER_REFUSED_UNKNOWN},
		{{1, CGROUP_EXEMPT, 0}, CONNECT_ALLOW, COUNTER_MAX},
		{{1, CGROUP_EXEMPT, 4444}, CONNECT_ALLOW, COUNTER_MAX},
		{{1, CGROUP_ENROLLED, 4444, 1, 1}, CONNECT_CAPTURE, COUNTER_CAPTURED},
		{{1, CGROUP_ENROLLED, 4444, 0, 1}, CONNECT_REFUSE, COUNTER_REFUSED_QUOTA},
		{{1, CGROUP_ENROLLED, 4444, 1, 0}, CONNECT_REFUSE, COUNTER_REFUSED_FULL},
		{{1, CGROUP_ENROLLED, 4444, 0, 0}, CONNECT_REFUSE, COUNTER_REFUSED_QUOTA},
		{{1, CGROUP_ENROLLED, 0, 1, 1}, CONNECT_REFUSE, COUNTER_REFUSED_NO_LISTENER},
		{{1, CGROUP_DENIED, 4444}, CONNECT_DENY, COUNTER_REFUSED_DENIED},
		{{1, CGROUP_DENIED, 0}, CONNECT_DENY, COUNTER_REFUSED_DENIED},
		/* A state of some later version is not understood, and so refused. */
		{{1, 4, 4444}, CONNECT_REFUSE, COUNTER_REFUSED_UNKNOWN},
		{{1, 0xffffffff, 4444}, CONNECT_REFUSE, COUNTER_REFUSED_UNKNOWN},
	};

	(void)state;
	assert_int_equal(CONNECT_REFUSE, 0);
	assert_int_equal(CGROUP_UNKNOWN, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum counter counter = COUNTER_STORAGE_FAILED;

		assert_int_equal(decide_connect(&rows[i].f, &counter), rows[i].verdict);
		assert_int_equal(counter, rows[i].counter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4_and_v4_mapped_are_one_address),
		cmocka_unit_test(test_what_is_not_v4),
		cmocka_unit_test(test_loopback_is_of_the_same_family),
		cmocka_unit_test(test_every_byte_of_a_key_is_set),
		cmocka_unit_test(test_decide_connect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
