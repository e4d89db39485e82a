/* SPDX-License-Identifier: MIT */
/* packet: where an IP packet goes, and where its TCP payload begins. Pure: the bytes come from
 * PACKET_BYTES(source, offset, to, length), which is 0 when it could load them all; the unit tests and the
 * fuzzer bring their own.
 *
 * What is not understood is PACKET_UNREADABLE: it may be TCP to any port. */
#ifndef PGVEIL_BPF_PACKET_H
#define PGVEIL_BPF_PACKET_H

#include "bpf/addr.h"

#if defined(__bpf__) && !defined(PACKET_BYTES)
#define PACKET_BYTES(skb, at, to, len) bpf_skb_load_bytes(skb, at, to, len)
#endif

#define PACKET_EXTENSIONS 8 /* headers between IPv6's own and the payload; no more are followed */

enum packet_kind {
	PACKET_UNREADABLE = 0,
	PACKET_TCP,   /* all of struct packet is set */
	PACKET_ICMP,  /* of either family; ip is set */
	PACKET_OTHER, /* ip is set */
};

enum packet_flag { PACKET_FIN = 1, PACKET_SYN = 2, PACKET_RST = 4, PACKET_ACK = 16, PACKET_URG = 32 };

struct packet {
	__u8 ip[16]; /* the destination */
	__u32 seq;
	__u32 payload;     /* offset of the first byte of payload */
	__u32 payload_len; /* up to the packet's end */
	__u16 port;        /* the destination, host order */
	__u8 flags;
	__u8 pad;
};

enum {
	PROTOCOL_HOPOPTS = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AH = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DSTOPTS = 60,
	PROTOCOL_MOBILITY = 135,
	PROTOCOL_HIP = 139,
	PROTOCOL_SHIM6 = 140,
};

ADDR_INLINE __u32 packet_be16(const __u8 b[2])
{
	return (__u32)b[0] << 8 | b[1];
}

ADDR_INLINE __u32 packet_be32(const __u8 b[4])
{
	return (__u32)b[0] << 24 | (__u32)b[1] << 16 | (__u32)b[2] << 8 | b[3];
}

ADDR_INLINE enum packet_kind packet_tcp(void *source, __u32 len, __u32 at, struct packet *p)
{
	__u8 tcp[20];
	__u32 header;

	if (PACKET_BYTES(source, at, tcp, sizeof(tcp)))
		return PACKET_UNREADABLE;
	header = (__u32)(tcp[12] >> 4) * 4;
	if (header < sizeof(tcp) || at + header > len)
		return PACKET_UNREADABLE;
	p->port = (__u16)packet_be16(tcp + 2);
	p->seq = packet_be32(tcp + 4);
	p->flags = tcp[13];
	p->payload = at + header;
	p->payload_len = len - p->payload;
	return PACKET_TCP;
}

/* Of a fragment that is not the first only the protocol is known; one with TCP in it goes to a port that
 * nobody sees. The kernel's own sockets make none before this hook: these are written by hand. */
ADDR_INLINE enum packet_kind packet_by_protocol(
	void *source, __u32 len, __u32 at, __u32 protocol, int later_fragment, struct packet *p)
{
	if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6)
		return PACKET_ICMP;
	if (protocol != PROTOCOL_TCP)
		return PACKET_OTHER;
	return later_fragment ? PACKET_UNREADABLE : packet_tcp(source, len, at, p);
}

ADDR_INLINE enum packet_kind packet_v4(void *source, __u32 len, struct packet *p)
{
	__u8 ip[20];
	__u32 header;
	__be32 to;

	if (PACKET_BYTES(source, 0, ip, sizeof(ip)))
		return PACKET_UNREADABLE;
	header = (__u32)(ip[0] & 15) * 4;
	if (ip[0] >> 4 != 4 || header < sizeof(ip) || header > len)
		return PACKET_UNREADABLE;
	__builtin_memcpy(&to, ip + 16, 4);
	addr_from_v4(p->ip, to);
	return packet_by_protocol(source, len, header, ip[9], (packet_be16(ip + 6) & 0x1fff) != 0, p);
}

ADDR_INLINE int packet_is_extension(__u32 protocol)
{
	return protocol == PROTOCOL_HOPOPTS || protocol == PROTOCOL_ROUTING ||
	       protocol == PROTOCOL_FRAGMENT || protocol == PROTOCOL_AH || protocol == PROTOCOL_DSTOPTS ||
	       protocol == PROTOCOL_MOBILITY || protocol == PROTOCOL_HIP || protocol == PROTOCOL_SHIM6;
}

ADDR_INLINE enum packet_kind packet_v6(void *source, __u32 len, struct packet *p)
{
	__u32 at = 40, protocol;
	int later_fragment = 0;
	__u8 ip[40];

	if (PACKET_BYTES(source, 0, ip, sizeof(ip)) || ip[0] >> 4 != 6)
		return PACKET_UNREADABLE;
	__builtin_memcpy(p->ip, ip + 24, 16);
	protocol = ip[6];
	for (int i = 0; i < PACKET_EXTENSIONS && packet_is_extension(protocol); i++) {
		__u8 ext[4];

		/* Behind a later fragment's header is payload, which only looks like headers. */
		if (later_fragment || PACKET_BYTES(source, at, ext, sizeof(ext)))
			return PACKET_UNREADABLE;
		if (protocol == PROTOCOL_FRAGMENT) {
			later_fragment = (packet_be16(ext + 2) & 0xfff8) != 0;
			at += 8;
		} else
			at += protocol == PROTOCOL_AH ? ((__u32)ext[1] + 2) * 4 : ((__u32)ext[1] + 1) * 8;
		protocol = ext[0];
	}
	if (packet_is_extension(protocol))
		return PACKET_UNREADABLE;
	return packet_by_protocol(source, len, at, protocol, later_fragment, p);
}

#endif
