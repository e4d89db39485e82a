/* SPDX-License-Identifier: MIT */
/* bpf/packet.h and bpf/guard.h on the host: what a packet is, and who may make which socket. */
#include "test.h"

#include "base/attr.h"
#include "packet_bytes.h"
#include "bpf/guard.h"

struct bytes {
	__u8 b[256];
	__u32 len;
};

static enum packet_kind read_packet(const struct bytes *o, int v6, struct packet *p)
{
	struct packet_bytes from = {o->b, o->len};

	return v6 ? packet_v6(&from, from.len, p) : packet_v4(&from, from.len, p);
}

static void put(struct bytes *o, const void *b, __u32 n)
{
	memcpy(o->b + o->len, b, n);
	o->len += n;
}

static void put_v4(struct bytes *o, unsigned words, unsigned protocol, unsigned fragment)
{
	__u8 h[60] = {(__u8)(0x40 | words), [6] = (__u8)(fragment >> 8), [7] = (__u8)fragment,
		[9] = (__u8)protocol, [16] = 10, 99, 0, 1};

	put(o, h, words * 4);
}

static void put_v6(struct bytes *o, unsigned next)
{
	__u8 h[40] = {0x60, [6] = (__u8)next, [24] = 0x20, 1, 0xd, 0xb8, [39] = 7};

	put(o, h, sizeof(h));
}

/* To port 5432, sequence number 0x01020304, two bytes of payload. */
static void put_tcp(struct bytes *o, unsigned words)
{
	__u8 h[62] = {0x80, 1, 0x15, 0x38, 1, 2, 3, 4, [12] = (__u8)(words << 4), [13] = PACKET_ACK};

	put(o, h, words * 4 + 2);
}

static void expect_tcp(struct bytes *o, __u32 payload)
{
	struct packet p = {0};

	assert_int_equal(read_packet(o, o->b[0] >> 4 == 6, &p), PACKET_TCP);
	assert_int_equal(p.port, 5432);
	assert_int_equal(p.seq, 0x01020304);
	assert_int_equal(p.flags, PACKET_ACK);
	assert_int_equal(p.payload, payload);
	assert_int_equal(p.payload_len, 2);
}

static void test_tcp_of_ipv4(void **state)
{
	__u8 want[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 99, 0, 1};
	struct bytes o = {0}, options = {0};
	struct packet p;

	(void)state;
	put_v4(&o, 5, PROTOCOL_TCP, 0x4000); /* don't fragment */
	put_tcp(&o, 5);
	expect_tcp(&o, 40);
	assert_int_equal(read_packet(&o, 0, &p), PACKET_TCP);
	assert_memory_equal(p.ip, want, 16);
	put_v4(&options, 15, PROTOCOL_TCP, 0);
	put_tcp(&options, 15);
	expect_tcp(&options, 120);
}

static void test_tcp_behind_extension_headers(void **state)
{
	static const __u8 kinds[] = {PROTOCOL_HOPOPTS, PROTOCOL_ROUTING, PROTOCOL_FRAGMENT, PROTOCOL_AH,
		PROTOCOL_DSTOPTS, PROTOCOL_MOBILITY, PROTOCOL_HIP, PROTOCOL_SHIM6};
	struct bytes o = {0}, all = {0};

	(void)state;
	put_v6(&o, PROTOCOL_TCP);
	put_tcp(&o, 5);
	expect_tcp(&o, 60);
	put_v6(&all, kinds[0]);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		/* 24 bytes; but AH counts in words of 4, and a fragment's header has no length. */
		__u8 ext[24] = {i + 1 < ARRAY_LEN(kinds) ? kinds[i + 1] : PROTOCOL_TCP,
			kinds[i] == PROTOCOL_AH ? 4 : 2};

		put(&all, ext, kinds[i] == PROTOCOL_FRAGMENT ? 8 : 24);
	}
	put_tcp(&all, 5);
	expect_tcp(&all, 40 + 7 * 24 + 8 + 20);
}

static void test_more_headers_than_are_followed(void **state)
{
	struct bytes o = {0};
	struct packet p;

	(void)state;
	put_v6(&o, PROTOCOL_DSTOPTS);
	for (int i = 0; i < PACKET_EXTENSIONS + 1; i++) {
		__u8 ext[8] = {i < PACKET_EXTENSIONS ? PROTOCOL_DSTOPTS : PROTOCOL_TCP};

		put(&o, ext, sizeof(ext));
	}
	put_tcp(&o, 5);
	assert_int_equal(read_packet(&o, 1, &p), PACKET_UNREADABLE);
}

static void test_fragments(void **state)
{
	struct bytes first = {0}, later = {0}, six = {0}, inner = {0}, icmp = {0}, udp = {0};
	__u8 fragment[8] = {PROTOCOL_TCP, 0, 0, 8 | 1}, dstopts[8] = {PROTOCOL_DSTOPTS, 0, 0, 8};
	struct packet p;

	(void)state;
	put_v4(&first, 5, PROTOCOL_TCP, 0x2000); /* more come */
	put_tcp(&first, 5);
	expect_tcp(&first, 40);
	put_v4(&later, 5, PROTOCOL_TCP, 1);
	put_tcp(&later, 5);
	assert_int_equal(read_packet(&later, 0, &p), PACKET_UNREADABLE);
	put_v6(&six, PROTOCOL_FRAGMENT);
	put(&six, fragment, 8);
	put_tcp(&six, 5);
	assert_int_equal(read_packet(&six, 1, &p), PACKET_UNREADABLE);
	put_v6(&inner, PROTOCOL_FRAGMENT);
	put(&inner, dstopts, 8);
	put_tcp(&inner, 5);
	assert_int_equal(read_packet(&inner, 1, &p), PACKET_UNREADABLE);
	put_v4(&icmp, 5, PROTOCOL_ICMP, 1);
	assert_int_equal(read_packet(&icmp, 0, &p), PACKET_ICMP);
	put_v4(&udp, 5, 17, 1);
	assert_int_equal(read_packet(&udp, 0, &p), PACKET_OTHER);
}

/* A packet cut anywhere is never taken for one that goes elsewhere. */
static void test_every_cut_is_unreadable(void **state)
{
	__u8 hop[8] = {PROTOCOL_TCP};
	struct bytes four = {0}, six = {0};
	struct packet p;

	(void)state;
	put_v4(&four, 6, PROTOCOL_TCP, 0);
	put_tcp(&four, 8);
	put_v6(&six, PROTOCOL_HOPOPTS);
	put(&six, hop, 8);
	put_tcp(&six, 8);
	for (int n = 0; n < (int)four.len - 2; n++) {
		struct bytes cut = four;

		cut.len = (__u32)n;
		assert_int_equal(read_packet(&cut, 0, &p), PACKET_UNREADABLE);
	}
	for (int n = 0; n < (int)six.len - 2; n++) {
		struct bytes cut = six;

		cut.len = (__u32)n;
		assert_int_equal(read_packet(&cut, 1, &p), PACKET_UNREADABLE);
	}
}

static void test_headers_that_lie(void **state)
{
	struct bytes o = {0};
	struct packet p;

	(void)state;
	put_v4(&o, 5, PROTOCOL_TCP, 0);
	put_tcp(&o, 5);
	o.b[32] = 4 << 4; /* a TCP header of 16 bytes */
	assert_int_equal(read_packet(&o, 0, &p), PACKET_UNREADABLE);
	o.b[32] = 15 << 4; /* one that ends behind the packet */
	assert_int_equal(read_packet(&o, 0, &p), PACKET_UNREADABLE);
	o.b[32] = 5 << 4;
	o.b[0] = 0x44; /* an IP header of 16 bytes */
	assert_int_equal(read_packet(&o, 0, &p), PACKET_UNREADABLE);
	o.b[0] = 0x65; /* another version */
	assert_int_equal(read_packet(&o, 0, &p), PACKET_UNREADABLE);
	o.b[0] = 0x45;
	assert_int_equal(read_packet(&o, 1, &p), PACKET_UNREADABLE);
	assert_int_equal(read_packet(&o, 0, &p), PACKET_TCP);
}

static void test_which_sockets_are_made(void **state)
{
	static const __u32 states[] = {CGROUP_UNKNOWN, CGROUP_ENROLLED, CGROUP_DENIED, 77};
	enum counter c;

	(void)state;
	assert_int_equal(BIRTH_REFUSE, 0);
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		static const __u32 raw[] = {0, 4, 6, 17, 41, 47, 50, 132, 255};

		for (size_t j = 0; j < ARRAY_LEN(raw); j++) {
			assert_int_equal(decide_birth(GUARD_RAW, raw[j], states[i], &c), BIRTH_REFUSE);
			assert_int_equal(c, COUNTER_REFUSED_RAW);
		}
		assert_int_equal(decide_birth(GUARD_RAW, 1, states[i], &c), BIRTH_ALLOW);
		assert_int_equal(decide_birth(GUARD_RAW, 58, states[i], &c), BIRTH_ALLOW);
		assert_int_equal(decide_birth(GUARD_STREAM, 6, states[i], &c), BIRTH_ALLOW);
		assert_int_equal(c, COUNTER_MAX);
		assert_int_equal(decide_birth(GUARD_STREAM, 262, states[i], &c), BIRTH_FALL_BACK);
		assert_int_equal(c, COUNTER_REFUSED_MPTCP);
	}
	assert_int_equal(decide_birth(GUARD_RAW, 6, CGROUP_EXEMPT, &c), BIRTH_ALLOW);
	assert_int_equal(decide_birth(GUARD_STREAM, 262, CGROUP_EXEMPT, &c), BIRTH_ALLOW);
}

static void test_which_packets_are_asked_about(void **state)
{
	(void)state;
	assert_int_equal(PACKET_UNREADABLE, 0);
	assert_int_equal(packet_suspect(PACKET_UNREADABLE, GUARD_STREAM, 0), COUNTER_DROPPED_UNREADABLE);
	assert_int_equal(packet_suspect(PACKET_TCP, GUARD_STREAM, 1), COUNTER_DROPPED_DATABASE);
	assert_int_equal(packet_suspect(PACKET_TCP, GUARD_STREAM, 0), COUNTER_MAX);
	assert_int_equal(packet_suspect(PACKET_TCP, GUARD_RAW, 0), COUNTER_DROPPED_RAW);
	assert_int_equal(packet_suspect(PACKET_OTHER, GUARD_RAW, 0), COUNTER_DROPPED_RAW);
	assert_int_equal(packet_suspect(PACKET_ICMP, GUARD_RAW, 0), COUNTER_MAX);
	assert_int_equal(packet_suspect(PACKET_OTHER, 2, 0), COUNTER_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_of_ipv4),
		cmocka_unit_test(test_tcp_behind_extension_headers),
		cmocka_unit_test(test_more_headers_than_are_followed),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_every_cut_is_unreadable),
		cmocka_unit_test(test_headers_that_lie),
		cmocka_unit_test(test_which_sockets_are_made),
		cmocka_unit_test(test_which_packets_are_asked_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
