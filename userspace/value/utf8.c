/* SPDX-License-Identifier: MIT */
#include "value/utf8.h"

#include <string.h>

/* Length of the sequence that lead begins and the range its second byte must be in, which is where RFC 3629
 * excludes overlong forms, surrogates and what is above U+10FFFF. 0: no sequence begins with lead. */
static size_t sequence(uint8_t lead, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2)
		return 0;
	if (lead < 0xe0)
		return 2;
	if (lead < 0xf0) {
		if (lead == 0xe0)
			*low = 0xa0;
		if (lead == 0xed)
			*high = 0x9f;
		return 3;
	}
	if (lead == 0xf0)
		*low = 0x90;
	if (lead == 0xf4)
		*high = 0x8f;
	return lead <= 0xf4 ? 4 : 0;
}

bool utf8_valid(struct span s)
{
	const uint64_t high_bits = 0x8080808080808080u;
	uint8_t low, high;
	size_t i = 0, len, k;
	uint64_t eight;

	while (i < s.n) {
		/* Most text is ASCII. */
		if (s.n - i >= sizeof(eight)) {
			memcpy(&eight, s.p + i, sizeof(eight));
			if (!(eight & high_bits)) {
				i += sizeof(eight);
				continue;
			}
		}
		/* What is left of it, together with some that were looked at already. */
		if (i && s.n >= sizeof(eight) && s.n - i < sizeof(eight)) {
			memcpy(&eight, s.p + s.n - sizeof(eight), sizeof(eight));
			if (!(eight & high_bits))
				return true;
		}
		len = sequence(s.p[i], &low, &high);
		if (!len || s.n - i < len)
			return false;
		if (len > 1 && (s.p[i + 1] < low || s.p[i + 1] > high))
			return false;
		for (k = 2; k < len; k++)
			if ((s.p[i + k] & 0xc0) != 0x80)
				return false;
		i += len;
	}
	return true;
}

static bool begins(uint8_t byte)
{
	return (byte & 0xc0) != 0x80;
}

size_t utf8_chars(struct span s)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++)
		n += begins(s.p[i]);
	return n;
}

struct span utf8_first(struct span s, size_t n)
{
	size_t i;

	if (s.n <= n)
		return s;
	for (i = 0; i < s.n; i++)
		if (begins(s.p[i]) && n-- == 0)
			break;
	return span_of(s.p, i);
}

struct span utf8_last(struct span s, size_t n)
{
	size_t i = s.n;

	if (s.n <= n)
		return s;
	while (n && i > 0)
		if (begins(s.p[--i]))
			n--;
	return span_of(s.p + i, s.n - i);
}
