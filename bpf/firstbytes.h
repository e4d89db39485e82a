/* SPDX-License-Identifier: MIT */
/* firstbytes: whether what a client sends first on a TCP connection is PostgreSQL's: StartupMessage,
 * SSLRequest, GSSENCRequest, CancelRequest, or a TLS ClientHello that offers `postgresql` by ALPN. Byte after
 * byte, so that it is the same wherever the segments are cut; by sequence numbers, so that what is sent again
 * is not read again. Pure, as packet.h, which says where the bytes come from.
 *
 *   HEAD ──9 bytes──► POSTGRES            record ► header 5 ──► body: TYPE ► LENGTH ► (34) ► SESSION ► SUITES
 * ► │ 0x16 ───────► TLS ──────────────►                        COMPRESSION ► BLOCK ► EXT_TYPE ► EXT_LENGTH ─┐
 *     └─ else ──────► OTHER                                             ▲        ALPN: LIST ► NAME ► name
 * ◄───┤ └──────────── (skipped) ◄─────────────┘ A server takes the same bytes in the same order or refuses
 * them, so a hello that is not well formed is OTHER; one that a server may take and that is not followed here
 * (other records between its parts, more steps than are made) is OPAQUE, and treated as PostgreSQL's. */
#ifndef PGVEIL_BPF_FIRSTBYTES_H
#define PGVEIL_BPF_FIRSTBYTES_H

#include "bpf/packet.h"

/* Bytes of one connection that are looked at one by one; a browser's hello takes 150. Between two of them is
 * at most one step that skips, so a packet takes no more than FIRSTBYTES_LOOP. */
#define FIRSTBYTES_STEPS 1024
#define FIRSTBYTES_LOOP  (2 * FIRSTBYTES_STEPS + 2)

enum firstbytes_phase {
	FIRSTBYTES_NEW = 0, /* nothing sent yet */
	FIRSTBYTES_HEAD,
	FIRSTBYTES_TLS,
	FIRSTBYTES_OTHER, /* not PostgreSQL's; nothing more is looked at */
	FIRSTBYTES_POSTGRES,
	FIRSTBYTES_OPAQUE,
};

enum firstbytes_field { /* of a ClientHello, in its order */
	HELLO_TYPE = 0,
	HELLO_LENGTH,
	HELLO_SESSION,
	HELLO_SUITES,
	HELLO_COMPRESSION,
	HELLO_BLOCK,
	HELLO_EXT_TYPE,
	HELLO_EXT_LENGTH,
	HELLO_LIST,
	HELLO_NAME,
	HELLO_NAME_BYTE,
};

struct firstbytes {
	__u32 first;       /* sequence number of the connection's first byte */
	__u32 next;        /* sequence number of the byte to look at next */
	__u32 skip;        /* bytes of the hello that are passed over */
	__u32 hello_left;  /* bytes of the hello that are still to come, once LENGTH is known */
	__u32 ext_left;    /* the same of an ALPN extension */
	__u32 value;       /* of the field that is being read */
	__u16 record_left; /* bytes of the TLS record that are still to come */
	__u16 steps;
	__u16 ext_type;
	__u8 phase;      /* enum firstbytes_phase */
	__u8 field;      /* enum firstbytes_field */
	__u8 have;       /* bytes of the head, or of the record's header */
	__u8 field_have; /* bytes of value */
	__u8 name_have;  /* bytes of an ALPN name that are postgresql's so far */
	__u8 name_left;
	__u8 head[9];
	__u8 record_high; /* of the record's length; it counts once it is whole */
	__u8 pad[2];
};

/* What becomes of a packet. Zero drops it. */
enum firstbytes_verdict {
	FIRSTBYTES_GAP = 0, /* bytes are missing before it: TCP sends it again */
	FIRSTBYTES_PASS,
	FIRSTBYTES_REPORT, /* it, or an earlier one, made the connection PostgreSQL's, or opaque */
};

ADDR_INLINE int firstbytes_startup_code(const __u8 head[9])
{
	__u32 len = packet_be32(head), code = packet_be32(head + 4);

	if (len < 8 || len > 10004) /* what the server takes */
		return 0;
	if (code == 80877102 || code == 80877103 || code == 80877104 || code >> 16 == 2)
		return 1;
	return code >> 16 == 3;
}

/* A version 3 start has parameters; without this Kafka's Metadata request (length, 3, version, number) would
 * be one. */
ADDR_INLINE void firstbytes_head(struct firstbytes *f, __u8 b)
{
	__u32 have = f->have;

	if (have == 0 && b == 0x16) {
		f->phase = FIRSTBYTES_TLS;
		f->have = 1;
		return;
	}
	if (have > 8) {
		f->phase = FIRSTBYTES_OPAQUE; /* cannot be */
		return;
	}
	f->head[have] = b;
	f->have = (__u8)(have + 1);
	if (have < 2 && b != 0)
		f->phase = FIRSTBYTES_OTHER;
	else if (have == 7 && !firstbytes_startup_code(f->head))
		f->phase = FIRSTBYTES_OTHER;
	else if (have == 7 && packet_be16(f->head + 4) != 3)
		f->phase = FIRSTBYTES_POSTGRES;
	else if (have == 8)
		f->phase = b ? FIRSTBYTES_POSTGRES : FIRSTBYTES_OTHER;
}

/* The header of a record: handshake, version 3.x, length. The first byte of the first was seen by HEAD. */
ADDR_INLINE void firstbytes_record(struct firstbytes *f, __u8 b)
{
	__u32 have = f->have;

	f->have = (__u8)(have + 1);
	if (have == 0 && b != 0x16)
		f->phase = FIRSTBYTES_OPAQUE;
	else if (have == 1 && b != 3)
		f->phase = FIRSTBYTES_OTHER;
	else if (have == 3)
		f->record_high = b;
	else if (have >= 4) {
		f->record_left = (__u16)(f->record_high << 8 | b);
		f->have = 0;
	}
}

ADDR_INLINE void firstbytes_go(struct firstbytes *f, enum firstbytes_field field, __u32 skip)
{
	f->field = (__u8)field;
	f->skip = skip;
}

ADDR_INLINE __u32 firstbytes_width(enum firstbytes_field field)
{
	if (field == HELLO_LENGTH)
		return 3;
	if (field == HELLO_TYPE || field == HELLO_SESSION || field == HELLO_COMPRESSION ||
		field == HELLO_NAME || field == HELLO_NAME_BYTE)
		return 1;
	return 2;
}

ADDR_INLINE void firstbytes_name_byte(struct firstbytes *f, __u8 b)
{
	const char want[] = "postgresql";
	__u32 at = f->name_have;

	f->name_left--;
	if (at < 10 && b == (__u8)want[at])
		f->name_have++;
	else
		f->name_have = 11; /* another name */
	if (f->name_left)
		return;
	if (f->name_have == 10)
		f->phase = FIRSTBYTES_POSTGRES;
	firstbytes_go(f, f->ext_left ? HELLO_NAME : HELLO_EXT_TYPE, 0);
}

/* A field of the extensions is whole. */
ADDR_INLINE void firstbytes_extension(struct firstbytes *f, enum firstbytes_field field, __u32 v)
{
	if (field == HELLO_EXT_TYPE) {
		f->ext_type = (__u16)v;
		firstbytes_go(f, HELLO_EXT_LENGTH, 0);
	} else if (field == HELLO_EXT_LENGTH && f->ext_type == 16 && v) {
		f->ext_left = v;
		firstbytes_go(f, HELLO_LIST, 0);
	} else if (field == HELLO_EXT_LENGTH) {
		firstbytes_go(f, HELLO_EXT_TYPE, v);
	} else if (field == HELLO_LIST) {
		firstbytes_go(f, f->ext_left ? HELLO_NAME : HELLO_EXT_TYPE, 0);
	} else if (v) { /* the length of a name */
		f->name_left = (__u8)v;
		f->name_have = 0;
		firstbytes_go(f, HELLO_NAME_BYTE, 0);
	} else if (!f->ext_left) {
		firstbytes_go(f, HELLO_EXT_TYPE, 0);
	}
}

/* One byte of the hello, which is not skipped. */
ADDR_INLINE void firstbytes_hello(struct firstbytes *f, __u8 b)
{
	enum firstbytes_field field = (enum firstbytes_field)f->field;
	__u32 v;

	if (field >= HELLO_LIST && f->ext_left)
		f->ext_left--;
	if (field == HELLO_NAME_BYTE) {
		firstbytes_name_byte(f, b);
		return;
	}
	v = f->value << 8 | b;
	if (++f->field_have < firstbytes_width(field)) {
		f->value = v;
		return;
	}
	f->value = 0;
	f->field_have = 0;
	if (field == HELLO_TYPE) {
		if (v != 1)
			f->phase = FIRSTBYTES_OTHER;
		firstbytes_go(f, HELLO_LENGTH, 0);
	} else if (field == HELLO_LENGTH) {
		f->hello_left = v;
		firstbytes_go(f, HELLO_SESSION, 34); /* version, random */
	} else if (field == HELLO_SESSION) {
		firstbytes_go(f, HELLO_SUITES, v);
	} else if (field == HELLO_SUITES) {
		firstbytes_go(f, HELLO_COMPRESSION, v);
	} else if (field == HELLO_COMPRESSION) {
		firstbytes_go(f, HELLO_BLOCK, v);
	} else if (field == HELLO_BLOCK) {
		firstbytes_go(f, HELLO_EXT_TYPE, 0);
	} else {
		firstbytes_extension(f, field, v);
	}
}

/* n bytes of the hello have gone by; whether it ended with them. */
ADDR_INLINE void firstbytes_spend(struct firstbytes *f, __u32 n)
{
	f->record_left = (__u16)(f->record_left - n);
	if (f->field < HELLO_SESSION)
		return;
	f->hello_left = f->hello_left > n ? f->hello_left - n : 0;
	if (!f->hello_left && f->phase == FIRSTBYTES_TLS)
		f->phase = FIRSTBYTES_OTHER;
}

/* One step: a byte, or as many as are skipped. Returns how many of the len bytes from `at` on it took; 0: no
 * more are wanted, or they could not be loaded, which is OPAQUE. */
ADDR_INLINE __u32 firstbytes_step(struct firstbytes *f, void *source, __u32 at, __u32 len)
{
	__u32 n;
	__u8 b;

	if (!len || (f->phase != FIRSTBYTES_HEAD && f->phase != FIRSTBYTES_TLS))
		return 0;
	if (f->phase == FIRSTBYTES_TLS && f->record_left && f->skip) {
		n = f->skip < f->record_left ? f->skip : f->record_left;
		n = n < len ? n : len;
		f->skip -= n;
		firstbytes_spend(f, n);
		return n;
	}
	if (++f->steps > FIRSTBYTES_STEPS || PACKET_BYTES(source, at, &b, 1)) {
		f->phase = FIRSTBYTES_OPAQUE;
		return 0;
	}
	if (f->phase == FIRSTBYTES_HEAD) {
		firstbytes_head(f, b);
	} else if (!f->record_left) {
		firstbytes_record(f, b);
	} else {
		int counted = f->field >= HELLO_SESSION;

		firstbytes_hello(f, b);
		if (counted)
			firstbytes_spend(f, 1);
		else
			f->record_left--;
	}
	return 1;
}

/* Before the steps. A SYN begins another connection, unless it is sent again; its data comes behind it.
 * Urgent data is taken out of the stream by a server that does not ask for it in line, so with it the bytes
 * here would be others. FIRSTBYTES_PASS: *from (into the payload) and *len say what is new. */
ADDR_INLINE enum firstbytes_verdict firstbytes_begin(
	struct firstbytes *f, const struct packet *p, __u32 *from, __u32 *len)
{
	__u32 start = p->flags & PACKET_SYN ? p->seq + 1 : p->seq, seen;

	*from = 0;
	*len = 0;
	if (f->phase == FIRSTBYTES_NEW) {
		f->phase = FIRSTBYTES_HEAD;
		f->first = start;
		f->next = start;
	}
	if (f->phase == FIRSTBYTES_POSTGRES || f->phase == FIRSTBYTES_OPAQUE)
		return FIRSTBYTES_REPORT;
	if (f->phase == FIRSTBYTES_OTHER || !p->payload_len)
		return FIRSTBYTES_PASS;
	if (p->flags & PACKET_URG) {
		f->phase = FIRSTBYTES_OPAQUE;
		return FIRSTBYTES_REPORT;
	}
	seen = f->next - start;
	if ((__s32)seen < 0)
		return FIRSTBYTES_GAP;
	if (seen >= p->payload_len)
		return FIRSTBYTES_PASS;
	*from = p->payload + seen;
	*len = p->payload_len - seen;
	return FIRSTBYTES_PASS;
}

/* After the steps, which left `left` bytes of the packet. */
ADDR_INLINE enum firstbytes_verdict firstbytes_end(struct firstbytes *f, __u32 taken, __u32 left)
{
	f->next += taken;
	if (left && (f->phase == FIRSTBYTES_HEAD || f->phase == FIRSTBYTES_TLS))
		f->phase = FIRSTBYTES_OPAQUE;
	return f->phase == FIRSTBYTES_POSTGRES || f->phase == FIRSTBYTES_OPAQUE ? FIRSTBYTES_REPORT
										: FIRSTBYTES_PASS;
}

/* Whether this SYN begins a connection other than the one that is followed. */
ADDR_INLINE int firstbytes_is_new(const struct firstbytes *f, const struct packet *p)
{
	return (p->flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN && f->phase != FIRSTBYTES_NEW &&
	       f->first != p->seq + 1;
}

#endif
