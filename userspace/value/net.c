/* SPDX-License-Identifier: MIT */
#include "value/net.h"

#include <arpa/inet.h>
#include <string.h>

#include "value/cell.h"

/* network_send of the server: PGSQL_AF_INET and PGSQL_AF_INET6. */
#define FAMILY_V4 2
#define FAMILY_V6 3

static unsigned width_of(const struct netaddr *v)
{
	return v->v6 ? 128 : 32;
}

static bool fits(const struct netaddr *v, bool cidr)
{
	if (v->bits > width_of(v))
		return false;
	for (unsigned i = v->bits; cidr && i < width_of(v); i++)
		if (v->addr[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

bool net_get_text(struct span text, bool cidr, struct netaddr *v)
{
	const uint8_t *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	size_t n = slash ? (size_t)(slash - text.p) : text.n;
	char host[NET_TEXT_MAX];
	unsigned bits = 0;

	*v = (struct netaddr){0};
	if (!n || n >= sizeof(host) || memchr(text.p, 0, n) || (!slash && cidr))
		return false;
	memcpy(host, text.p, n);
	host[n] = '\0';
	v->v6 = strchr(host, ':') != NULL;
	if (inet_pton(v->v6 ? AF_INET6 : AF_INET, host, v->addr) != 1)
		return false;
	v->bits = (uint8_t)width_of(v);
	if (slash) {
		struct span digits = span_of(slash + 1, text.n - n - 1);

		if (!digits.n || digits.n > 3 || (digits.n > 1 && digits.p[0] == '0'))
			return false;
		for (size_t i = 0; i < digits.n; i++) {
			if (digits.p[i] < '0' || digits.p[i] > '9')
				return false;
			bits = bits * 10 + (digits.p[i] - '0');
		}
		if (bits > width_of(v))
			return false;
		v->bits = (uint8_t)bits;
	}
	return fits(v, cidr);
}

bool net_get_binary(struct span cell, bool cidr, struct netaddr *v)
{
	struct cur c = cur_of(cell);
	unsigned family = cur_u8(&c), is_cidr, n;
	struct span addr;

	*v = (struct netaddr){.v6 = family == FAMILY_V6};
	v->bits = cur_u8(&c);
	is_cidr = cur_u8(&c);
	n = cur_u8(&c);
	addr = cur_take(&c, v->v6 ? 16 : 4);
	if (cur_end(&c) != WIRE_OK || (family != FAMILY_V4 && family != FAMILY_V6) || n != addr.n ||
		is_cidr != cidr)
		return false;
	memcpy(v->addr, addr.p, addr.n);
	return fits(v, cidr);
}

size_t net_put_text(const struct netaddr *v, bool cidr, char text[NET_TEXT_MAX])
{
	struct pen w = {text};

	if (!fits(v, cidr) || !inet_ntop(v->v6 ? AF_INET6 : AF_INET, v->addr, text, INET6_ADDRSTRLEN))
		return 0;
	w.p += strlen(text);
	if (cidr || v->bits != width_of(v)) {
		pen_char(&w, '/');
		pen_digits(&w, v->bits, 1);
	}
	return (size_t)(w.p - text);
}

size_t net_put_binary(const struct netaddr *v, bool cidr, uint8_t cell[NET_BINARY_MAX])
{
	size_t n = v->v6 ? 16 : 4;

	if (!fits(v, cidr))
		return 0;
	cell[0] = v->v6 ? FAMILY_V6 : FAMILY_V4;
	cell[1] = v->bits;
	cell[2] = cidr;
	cell[3] = (uint8_t)n;
	memcpy(cell + 4, v->addr, n);
	return 4 + n;
}

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool mac_get(struct span text, uint8_t *mac, size_t n)
{
	if (text.n != n * 3 - 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_of(text.p[i * 3]), low = hex_of(text.p[i * 3 + 1]);

		if (high < 0 || low < 0 || (i + 1 < n && text.p[i * 3 + 2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

size_t mac_put(const uint8_t *mac, size_t n, char text[NET_TEXT_MAX])
{
	static const char hex[] = "0123456789abcdef";
	struct pen w = {text};

	for (size_t i = 0; i < n; i++) {
		if (i)
			pen_char(&w, ':');
		pen_char(&w, hex[mac[i] >> 4]);
		pen_char(&w, hex[mac[i] & 15]);
	}
	return (size_t)(w.p - text);
}
