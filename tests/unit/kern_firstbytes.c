/* SPDX-License-Identifier: MIT */
/* bpf/firstbytes.h on the host: what is PostgreSQL's, however it is cut into segments. */
#include "test.h"

#include <stdlib.h>
#include "base/attr.h"
#include "packet_bytes.h"

#define FIRST 0xfffffff0u /* the sequence numbers wrap in the middle */

struct text {
	__u8 b[8192];
	__u32 n;
};

static void add(struct text *t, const void *b, __u32 n)
{
	assert_true(t->n + n <= sizeof(t->b));
	memcpy(t->b + t->n, b, n);
	t->n += n;
}

static void add_be(struct text *t, unsigned width, __u32 v)
{
	while (width--) {
		__u8 b = (__u8)(v >> 8 * width);

		add(t, &b, 1);
	}
}

struct hello { /* of a TLS client */
	const char *alpn[4];
	unsigned before, after; /* other extensions */
	unsigned padding;       /* bytes of one more */
	unsigned record;        /* bytes of the hello in one record; 0: all */
};

static void add_extensions(struct text *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		add_be(t, 2, 0xff00 + i);
		add_be(t, 2, i % 5);
		add(t, "\0\x10\0\x0d", i % 5); /* what is in them looks like an extension */
	}
}

static void add_alpn(struct text *t, const char *const *names)
{
	__u32 n = 0;

	for (unsigned i = 0; i < 4 && names[i]; i++)
		n += 1 + (__u32)strlen(names[i]);
	add_be(t, 2, 16);
	add_be(t, 2, n + 2);
	add_be(t, 2, n);
	for (unsigned i = 0; i < 4 && names[i]; i++) {
		add_be(t, 1, (__u32)strlen(names[i]));
		add(t, names[i], (__u32)strlen(names[i]));
	}
}

static struct text hello(const struct hello *h)
{
	static const __u8 zeros[8192];
	struct text ext = {0}, body = {0}, out = {0};
	__u32 record, at = 0;

	add_extensions(&ext, h->before);
	if (h->padding) {
		add_be(&ext, 2, 21);
		add_be(&ext, 2, h->padding);
		add(&ext, zeros, h->padding);
	}
	if (h->alpn[0])
		add_alpn(&ext, h->alpn);
	add_extensions(&ext, h->after);
	add(&body, "\1", 1);
	add_be(&body, 3, 34 + 1 + 32 + 2 + 4 + 1 + 1 + 2 + ext.n);
	add(&body, zeros, 34);
	add(&body, "\x20\0\x10\0\x0c", 1 + 4); /* a session id that looks like an extension */
	add(&body, zeros, 28);
	add(&body, "\0\4\x13\1\x13\2\1\0", 8);
	add_be(&body, 2, ext.n);
	add(&body, ext.b, ext.n);
	record = h->record ? h->record : body.n;
	while (at < body.n) {
		__u32 n = body.n - at < record ? body.n - at : record;

		add(&out, "\x16\3\1", 3);
		add_be(&out, 2, n);
		add(&out, body.b + at, n);
		at += n;
	}
	return out;
}

static enum firstbytes_phase whole(const struct text *t)
{
	struct firstbytes f = {0};

	(void)firstbytes_segment(&f, FIRST, PACKET_ACK, t->b, t->n);
	return (enum firstbytes_phase)f.phase;
}

/* In two segments, cut everywhere; byte after byte; and each sent twice: always the same. */
static enum firstbytes_phase phase_of(const struct text *t)
{
	enum firstbytes_phase want = whole(t);
	struct firstbytes bytes = {0};

	for (__u32 cut = 0; cut <= t->n; cut++) {
		struct firstbytes f = {0};

		(void)firstbytes_segment(&f, FIRST - 1, PACKET_SYN, t->b, 0);
		(void)firstbytes_segment(&f, FIRST, PACKET_ACK, t->b, cut);
		(void)firstbytes_segment(&f, FIRST, PACKET_ACK, t->b, cut);
		(void)firstbytes_segment(&f, FIRST + cut / 2, PACKET_ACK, t->b + cut / 2, t->n - cut / 2);
		assert_int_equal(f.phase, want);
	}
	for (__u32 i = 0; i < t->n; i++)
		(void)firstbytes_segment(&bytes, FIRST + i, PACKET_ACK, t->b + i, 1);
	assert_int_equal(bytes.phase, want);
	return want;
}

static struct text text(const void *b, size_t n)
{
	struct text t = {0};

	add(&t, b, (__u32)n);
	return t;
}
#define TEXT(literal) text(literal, sizeof(literal) - 1)

static void expect(struct text t, enum firstbytes_phase want)
{
	assert_int_equal(phase_of(&t), want);
}

static void test_the_four_requests(void **state)
{
	(void)state;
	expect(TEXT("\0\0\0\x29\0\3\0\0user\0a\0database\0b\0\0"), FIRSTBYTES_POSTGRES);
	expect(TEXT("\0\0\0\x29\0\3\0\2user\0a\0"), FIRSTBYTES_POSTGRES);
	expect(TEXT("\0\0\0\x29\0\3\x27\x0f_pq_.x\0"), FIRSTBYTES_POSTGRES);
	expect(TEXT("\0\0\1\x28\0\2\0\0db"), FIRSTBYTES_POSTGRES);
	expect(TEXT("\0\0\0\x08\x04\xd2\x16\x2f"), FIRSTBYTES_POSTGRES);
	expect(TEXT("\0\0\0\x08\x04\xd2\x16\x30"), FIRSTBYTES_POSTGRES);
	expect(TEXT("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"), FIRSTBYTES_POSTGRES);
	expect(TEXT("\0\0\x27\x14\x04\xd2\x16\x2f"), FIRSTBYTES_POSTGRES); /* as long as a server takes */
}

static void test_what_is_not_postgres(void **state)
{
	(void)state;
	expect(TEXT("GET / HTTP/1.1\r\n\r\n"), FIRSTBYTES_OTHER);
	expect(TEXT("SSH-2.0-x\r\n"), FIRSTBYTES_OTHER);
	expect(TEXT("\0\0\0\x19\0\3\0\1\0\0\0\1\0\4kfk"), FIRSTBYTES_OTHER); /* Kafka's Metadata */
	expect(TEXT("\0\0\0\x25\0\x12\0\3\0\0\0\1"), FIRSTBYTES_OTHER);      /* and ApiVersions */
	expect(TEXT("\0\0\0\x2c\0\0\0\0\0\0\0\0"), FIRSTBYTES_OTHER);        /* ZooKeeper */
	expect(TEXT("\0\0\0\x07\x04\xd2\x16\x2f"), FIRSTBYTES_OTHER);
	expect(TEXT("\0\0\x27\x15\x04\xd2\x16\x2f"), FIRSTBYTES_OTHER);
	expect(TEXT("\0\0\0\x08\x04\xd2\x16\x31"), FIRSTBYTES_OTHER);
	expect(TEXT("\0\0\0\x29\0\4\0\0user"), FIRSTBYTES_OTHER);
	expect(TEXT("\0\0\0\x08"), FIRSTBYTES_HEAD);
	expect(TEXT("\0\0\0\x29\0\3\0\0"), FIRSTBYTES_HEAD);
}

static void test_hellos_with_postgresql(void **state)
{
	static const struct hello hellos[] = {
		{.alpn = {"postgresql"}},
		{.alpn = {"h2", "postgresql"}},
		{.alpn = {"postgres", "postgresqlx", "", "postgresql"}},
		{.alpn = {"postgresql"}, .before = 30, .after = 7},
		{.alpn = {"postgresql"}, .padding = 3000},
		{.alpn = {"postgresql"}, .before = 3, .record = 100},
		{.alpn = {"postgresql"}, .before = 3, .record = 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hellos); i++)
		expect(hello(&hellos[i]), FIRSTBYTES_POSTGRES);
}

static void test_hellos_without(void **state)
{
	static const struct hello hellos[] = {
		{.alpn = {0}},
		{.alpn = {"h2", "http/1.1"}},
		{.alpn = {"Postgresql", "postgresqL", "postgresql2"}},
		{.alpn = {0}, .before = 30, .padding = 1700, .record = 500},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hellos); i++)
		expect(hello(&hellos[i]), FIRSTBYTES_OTHER);
	expect(TEXT("\x16\2\1\0\5hello"), FIRSTBYTES_OTHER);
	expect(TEXT("\x16\3\1\0\5\2hell"), FIRSTBYTES_OTHER); /* a ServerHello */
}

/* What a server may take, and is not followed. */
static void test_hellos_that_are_not_followed(void **state)
{
	static const struct hello many = {.alpn = {"postgresql"}, .before = 400};
	static const struct hello parts = {.alpn = {"postgresql"}, .record = 50};
	struct text t = hello(&many), between = {0}, first = hello(&parts);

	(void)state;
	expect(t, FIRSTBYTES_OPAQUE);
	add(&between, first.b, 55);
	add(&between, "\x15\3\1\0\2\1\x5a", 7); /* a warning */
	add(&between, first.b + 55, first.n - 55);
	expect(between, FIRSTBYTES_OPAQUE);
}

static void test_urgent_data(void **state)
{
	static const __u8 b[] = "\0\0x\0\x08\x04\xd2\x16\x2f"; /* the server never sees the x */
	struct firstbytes f = {0};

	(void)state;
	assert_int_equal(firstbytes_segment(&f, 5, PACKET_ACK, b, 2), FIRSTBYTES_PASS);
	assert_int_equal(firstbytes_segment(&f, 7, PACKET_ACK | PACKET_URG, b + 2, 1), FIRSTBYTES_REPORT);
	assert_int_equal(f.phase, FIRSTBYTES_OPAQUE);
	assert_int_equal(firstbytes_segment(&f, 8, PACKET_ACK, b + 3, 6), FIRSTBYTES_REPORT);
}

static void test_a_gap_is_dropped_and_filled(void **state)
{
	static const __u8 b[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	struct firstbytes f = {0};

	(void)state;
	assert_int_equal(FIRSTBYTES_GAP, 0);
	assert_int_equal(firstbytes_segment(&f, FIRST, PACKET_ACK, b, 3), FIRSTBYTES_PASS);
	assert_int_equal(firstbytes_segment(&f, FIRST + 4, PACKET_ACK, b + 4, 4), FIRSTBYTES_GAP);
	assert_int_equal(firstbytes_segment(&f, FIRST + 3, PACKET_ACK, b + 3, 5), FIRSTBYTES_REPORT);
}

static void test_the_byte_that_decides(void **state)
{
	static const __u8 b[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	struct firstbytes f = {0};

	(void)state;
	assert_int_equal(firstbytes_segment(&f, FIRST, PACKET_ACK, b, 7), FIRSTBYTES_PASS);
	assert_int_equal(firstbytes_segment(&f, FIRST + 7, PACKET_ACK, b + 7, 1), FIRSTBYTES_REPORT);
	assert_int_equal(firstbytes_segment(&f, FIRST + 8, PACKET_ACK, b, 0), FIRSTBYTES_REPORT);
}

static void test_data_in_a_syn(void **state)
{
	static const __u8 b[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	struct firstbytes f = {0};

	(void)state;
	assert_int_equal(firstbytes_segment(&f, FIRST - 1, PACKET_SYN, b, 4), FIRSTBYTES_PASS);
	assert_int_equal(firstbytes_segment(&f, FIRST - 1, PACKET_SYN, b, 0), FIRSTBYTES_PASS);
	assert_int_equal(firstbytes_segment(&f, FIRST, PACKET_ACK, b, 8), FIRSTBYTES_REPORT);
}

/* The same socket, connected again. */
static void test_another_connection(void **state)
{
	static const __u8 b[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	struct firstbytes f = {0};

	(void)state;
	assert_int_equal(firstbytes_segment(&f, 99, PACKET_SYN, b, 0), FIRSTBYTES_PASS);
	assert_int_equal(firstbytes_segment(&f, 100, PACKET_ACK, (const __u8 *)"GET", 3), FIRSTBYTES_PASS);
	assert_int_equal(f.phase, FIRSTBYTES_OTHER);
	assert_int_equal(firstbytes_segment(&f, 99, PACKET_SYN, b, 0), FIRSTBYTES_PASS);
	assert_int_equal(f.phase, FIRSTBYTES_OTHER);
	assert_int_equal(firstbytes_segment(&f, 7000, PACKET_SYN, b, 0), FIRSTBYTES_PASS);
	assert_int_equal(firstbytes_segment(&f, 7001, PACKET_ACK, b, 8), FIRSTBYTES_REPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_four_requests),
		cmocka_unit_test(test_what_is_not_postgres),
		cmocka_unit_test(test_hellos_with_postgresql),
		cmocka_unit_test(test_hellos_without),
		cmocka_unit_test(test_hellos_that_are_not_followed),
		cmocka_unit_test(test_urgent_data),
		cmocka_unit_test(test_a_gap_is_dropped_and_filled),
		cmocka_unit_test(test_the_byte_that_decides),
		cmocka_unit_test(test_data_in_a_syn),
		cmocka_unit_test(test_another_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
