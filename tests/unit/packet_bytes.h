/* SPDX-License-Identifier: MIT */
/* packet_bytes: what bpf/packet.h reads from on the host. */
#ifndef PGVEIL_TESTS_PACKET_BYTES_H
#define PGVEIL_TESTS_PACKET_BYTES_H

#include <linux/types.h>
#include <string.h>

struct packet_bytes {
	const __u8 *b;
	__u32 len;
};

static inline int packet_bytes_load(const struct packet_bytes *from, __u32 at, void *to, __u32 n)
{
	if (n > from->len || at > from->len - n)
		return -1;
	memcpy(to, from->b + at, n);
	return 0;
}

#define PACKET_BYTES(source, at, to, n) packet_bytes_load(source, at, to, n)

#include "bpf/firstbytes.h"

/* One segment through the tracker, as the program on egress does it. */
static inline enum firstbytes_verdict firstbytes_segment(
	struct firstbytes *f, __u32 seq, __u8 flags, const __u8 *data, __u32 len)
{
	struct packet_bytes from = {data, len};
	struct packet p = {.seq = seq, .payload_len = len, .flags = flags};
	enum firstbytes_verdict v;
	__u32 at, left, start;

	if (firstbytes_is_new(f, &p))
		memset(f, 0, sizeof(*f));
	v = firstbytes_begin(f, &p, &at, &left);
	if (!left)
		return v;
	start = at;
	for (int i = 0; i < FIRSTBYTES_LOOP; i++) {
		__u32 n = firstbytes_step(f, &from, at, left);

		if (!n)
			break;
		at += n;
		left -= n;
	}
	return firstbytes_end(f, at - start, left);
}

#endif
