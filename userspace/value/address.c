/* SPDX-License-Identifier: MIT */
/* Network addresses of value.h: inet, cidr, macaddr, macaddr8. */
#include "value/cell.h"
#include "value/value.h"

static const struct span none = {0};

struct span value_put_net(struct arena *a, const struct value_shape *s, const struct netaddr *v)
{
	bool cidr = s->type == VALUE_CIDR;
	uint8_t cell[NET_BINARY_MAX];
	char text[NET_TEXT_MAX];
	size_t n;

	if (value_family(s->type) != FAMILY_NET)
		return none;
	n = s->format == VALUE_TEXT_FORMAT ? net_put_text(v, cidr, text) : net_put_binary(v, cidr, cell);
	if (!n)
		return none;
	return s->format == VALUE_TEXT_FORMAT ? cell_copy(a, text, n) : cell_copy(a, cell, n);
}

bool value_get_net(const struct value_shape *s, struct span cell, struct netaddr *v)
{
	bool cidr = s->type == VALUE_CIDR;

	if (value_family(s->type) != FAMILY_NET)
		return false;
	return s->format == VALUE_TEXT_FORMAT ? net_get_text(cell, cidr, v) : net_get_binary(cell, cidr, v);
}

size_t value_mac_len(enum value_type t)
{
	return t == VALUE_MACADDR ? 6 : t == VALUE_MACADDR8 ? 8 : 0;
}

struct span value_put_mac(struct arena *a, const struct value_shape *s, const uint8_t *mac)
{
	size_t n = value_mac_len(s->type);
	char text[NET_TEXT_MAX];

	if (!n)
		return none;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_copy(a, mac, n);
	return cell_copy(a, text, mac_put(mac, n, text));
}

bool value_get_mac(const struct value_shape *s, struct span cell, uint8_t mac[8])
{
	size_t n = value_mac_len(s->type);

	if (!n)
		return false;
	if (s->format == VALUE_TEXT_FORMAT)
		return mac_get(cell, mac, n);
	if (cell.n != n)
		return false;
	memcpy(mac, cell.p, n);
	return true;
}
