/* SPDX-License-Identifier: MIT */
/* Hardware addresses (IEEE EUI-48 and EUI-64): pairs of hexadecimal digits with : or - between, or three
 * groups of four with dots. */
#include "mask/finder.h"

/* How many characters of groups of size digits stand at at, with sign between. */
static size_t groups_at(const struct finder *f, size_t at, unsigned size, uint8_t sign, unsigned *groups)
{
	size_t i = at;

	for (*groups = 0; *groups < 9; ++*groups) {
		size_t from = *groups ? i + 1 : i;
		unsigned n = 0;

		if (*groups && char_at(f, i) != sign)
			break;
		while (n < size && is_hex(char_at(f, from + n)))
			n++;
		if (n < size)
			break;
		i = from + size;
	}
	return i - at;
}

void find_mac(struct finder *f)
{
	if (f->number || !(f->has[':'] || f->has['-'] || f->has['.']))
		return;
	for (size_t i = 0; i + 13 < f->n; i++) {
		unsigned size = f->b[i + 2] == ':' || f->b[i + 2] == '-' ? 2
				: f->b[i + 4] == '.'                     ? 4
									 : 0,
			 groups;
		uint8_t sign, before = char_before(f, i), behind;
		size_t len;

		if (!size || !is_hex(f->b[i]) || is_alnum(before))
			continue;
		sign = f->b[i + size];
		if (before == sign)
			continue;
		len = groups_at(f, i, size, sign, &groups);
		behind = char_at(f, i + len);
		if ((size == 2 ? groups == 6 || groups == 8 : groups == 3) && !is_alnum(behind) &&
			!(behind == sign && is_hex(char_at(f, i + len + 1))))
			finder_add(f, DETECT_MAC, i, i + len);
	}
}
