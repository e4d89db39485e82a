/* SPDX-License-Identifier: MIT */
/* net: network addresses between their text and the binary format of inet, cidr, macaddr and macaddr8. Never
 * resolves anything. */
#ifndef PGVEIL_VALUE_NET_H
#define PGVEIL_VALUE_NET_H

#include "base/buf.h"

#define NET_TEXT_MAX   64
#define NET_BINARY_MAX 20

struct netaddr {
	bool v6;
	uint8_t bits; /* of the network: at most 32 or 128 */
	uint8_t addr[16];
};

/* "192.0.2.1", "192.0.2.0/24", "2001:db8::/32"; cidr: the prefix is always written, and no bit stands behind
 * it. */
MUSTCHECK bool net_get_text(struct span text, bool cidr, struct netaddr *v);
MUSTCHECK bool net_get_binary(struct span cell, bool cidr, struct netaddr *v);
/* Return the length; 0 for a cidr with bits behind its prefix. */
size_t net_put_text(const struct netaddr *v, bool cidr, char text[NET_TEXT_MAX]);
size_t net_put_binary(const struct netaddr *v, bool cidr, uint8_t cell[NET_BINARY_MAX]);

/* "08:00:2b:01:02:03", of n (6 or 8) bytes. */
MUSTCHECK bool mac_get(struct span text, uint8_t *mac, size_t n);
size_t mac_put(const uint8_t *mac, size_t n, char text[NET_TEXT_MAX]);

#endif
