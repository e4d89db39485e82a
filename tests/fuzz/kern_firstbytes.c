/* SPDX-License-Identifier: MIT */
/* The first byte says how the rest is cut: however that is, with segments that are sent twice, the tracker of
 * first bytes comes to what it comes to with one segment. And any packet is read within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include "packet_bytes.h"

#define MUST(x)                                                                                              \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_packets(const uint8_t *data, size_t size)
{
	struct packet_bytes from = {data, (__u32)size};
	struct packet p;

	if (packet_v4(&from, from.len, &p) == PACKET_TCP)
		MUST(p.payload + p.payload_len == from.len);
	if (packet_v6(&from, from.len, &p) == PACKET_TCP)
		MUST(p.payload + p.payload_len == from.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct firstbytes one = {0}, many = {0};
	uint32_t seed, len, at = 0;

	read_packets(data, size);
	if (size < 2 || size > 1 << 16)
		return 0;
	seed = data[0];
	len = (uint32_t)size - 1;
	data++;
	(void)firstbytes_segment(&one, 0u - 5, PACKET_ACK, data, len);
	while (at < len) {
		uint32_t n = 1 + (seed >> 16) % (1 + seed % 97), back = (seed >> 8) % (at + 1);

		n = n < len - at ? n : len - at;
		(void)firstbytes_segment(&many, 0u - 5 + at - back, PACKET_ACK, data + at - back, n + back);
		at += n;
		seed = seed * 1103515245 + 12345;
	}
	MUST(one.phase == many.phase);
	MUST(one.phase == FIRSTBYTES_HEAD || one.phase == FIRSTBYTES_TLS || one.next - (0u - 5) <= len);
	return 0;
}
