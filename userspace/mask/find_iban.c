/* SPDX-License-Identifier: MIT */
/* International bank account numbers (ISO 13616): country, two check digits, the length that the country's
 * entry in the registry has, and 1 modulo 97. In one piece or in groups. */
#include "mask/finder.h"

#include <string.h>

#define IBAN_MAX 34

/* Length by country, from SWIFT's IBAN registry. */
#define C(letter) [(letter) - 'A']
static const uint8_t lengths[26][26] = {
	C('A') = {C('D') = 24, C('E') = 23, C('L') = 28, C('T') = 20, C('Z') = 28},
	C('B') = {C('A') = 20, C('E') = 16, C('G') = 22, C('H') = 22, C('I') = 27, C('R') = 29, C('Y') = 28},
	C('C') = {C('H') = 21, C('R') = 22, C('Y') = 28, C('Z') = 24},
	C('D') = {C('E') = 22, C('J') = 27, C('K') = 18, C('O') = 28},
	C('E') = {C('E') = 20, C('G') = 29, C('S') = 24},
	C('F') = {C('I') = 18, C('K') = 18, C('O') = 18, C('R') = 27},
	C('G') = {C('B') = 22, C('E') = 22, C('I') = 23, C('L') = 18, C('R') = 27, C('T') = 28},
	C('H') = {C('N') = 28, C('R') = 21, C('U') = 28},
	C('I') = {C('E') = 22, C('L') = 23, C('Q') = 23, C('S') = 26, C('T') = 27},
	C('J') = {C('O') = 30},
	C('K') = {C('W') = 30, C('Z') = 20},
	C('L') = {C('B') = 28, C('C') = 32, C('I') = 21, C('T') = 20, C('U') = 20, C('V') = 21, C('Y') = 25},
	C('M') = {C('C') = 27, C('D') = 24, C('E') = 22, C('K') = 19, C('N') = 20, C('R') = 27, C('T') = 31,
		C('U') = 30},
	C('N') = {C('I') = 28, C('L') = 18, C('O') = 15},
	C('O') = {C('M') = 23},
	C('P') = {C('K') = 24, C('L') = 28, C('S') = 29, C('T') = 25},
	C('Q') = {C('A') = 29},
	C('R') = {C('O') = 24, C('S') = 22, C('U') = 33},
	C('S') = {C('A') = 24, C('C') = 31, C('D') = 18, C('E') = 24, C('I') = 19, C('K') = 24, C('M') = 27,
		C('O') = 23, C('T') = 25, C('V') = 28},
	C('T') = {C('L') = 23, C('N') = 24, C('R') = 26},
	C('U') = {C('A') = 29},
	C('V') = {C('A') = 22, C('G') = 24},
	C('X') = {C('K') = 20},
	C('Y') = {C('E') = 30},
};

/* 0: no country that has IBANs. */
static unsigned length_in(const uint8_t *country)
{
	return lengths[(country[0] & 0xdf) - 'A'][(country[1] & 0xdf) - 'A'];
}

static unsigned mod97(unsigned rest, uint8_t c)
{
	return is_digit(c) ? (rest * 10 + (unsigned)(c - '0')) % 97
			   : (rest * 100 + (unsigned)((c | 0x20) - 'a') + 10) % 97;
}

static bool valid(const uint8_t *iban, unsigned n)
{
	unsigned rest = 0, check = (unsigned)(iban[2] - '0') * 10 + (unsigned)(iban[3] - '0');

	for (unsigned i = 4; i < n; i++)
		rest = mod97(rest, iban[i]);
	for (unsigned i = 0; i < 4; i++)
		rest = mod97(rest, iban[i]);
	return rest == 1 && check >= 2 && check <= 98;
}

/* Takes n letters and digits from at, and up to two separators before each; how many were there. */
static unsigned take(const struct finder *f, size_t *at, uint8_t *out, unsigned n)
{
	unsigned got = 0, gap = 0;
	size_t i = *at;

	for (; i < f->n && got < n; i++) {
		if (is_digit(f->b[i]) || is_letter(f->b[i])) {
			out[got++] = f->b[i];
			gap = 0;
		} else if (!f->b[i] || !strchr(" -./_\t\n\r", f->b[i]) || ++gap > 2) {
			break;
		}
	}
	*at = i;
	return got;
}

void find_iban(struct finder *f)
{
	uint8_t iban[IBAN_MAX];

	if (!f->ngroups)
		return;
	for (size_t i = 0; i + 1 < f->n; i++) {
		size_t end = i;
		unsigned n;

		if (!is_letter(f->b[i]) || !is_letter(f->b[i + 1]) || is_letter(char_at(f, i + 2)))
			continue;
		n = length_in(f->b + i);
		if (n && take(f, &end, iban, 4) == 4 && is_digit(iban[2]) && is_digit(iban[3]) &&
			take(f, &end, iban + 4, n - 4) == n - 4 && valid(iban, n))
			finder_add(f, DETECT_IBAN, i, end);
	}
}
