/* SPDX-License-Identifier: MIT */
#include "mask/check_digit.h"

unsigned check_luhn_rest(const char *digits, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned d = (unsigned)(digits[n - 1 - i] - '0');

		d *= 1 + i % 2;
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10;
}

bool check_luhn(const char *digits, unsigned n)
{
	return check_luhn_rest(digits, n) == 0;
}

/* J. Verhoeff, Error Detecting Decimal Codes, 1969: the multiplication of the dihedral group D5, and a
 * permutation for each place, counted from the end. */
bool check_verhoeff(const char *digits, unsigned n)
{
	static const uint8_t times[10][10] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		{1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
		{2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
		{3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
		{4, 0, 1, 2, 3, 9, 5, 6, 7, 8},
		{5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
		{6, 5, 9, 8, 7, 1, 0, 4, 3, 2},
		{7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
		{8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
		{9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	};
	static const uint8_t place[8][10] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		{1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
		{5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
		{8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
		{9, 4, 5, 3, 1, 2, 6, 8, 7, 0},
		{4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
		{2, 7, 9, 3, 8, 0, 6, 4, 1, 5},
		{7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
	};
	unsigned c = 0;

	for (unsigned i = 0; i < n; i++)
		c = times[c][place[i % 8][digits[n - 1 - i] - '0']];
	return c == 0;
}

bool check_mod11_10(const char *digits, unsigned n)
{
	unsigned p = 10;

	for (unsigned i = 0; i + 1 < n; i++) {
		unsigned s = ((unsigned)(digits[i] - '0') + p) % 10;

		p = (s ? s : 10) * 2 % 11;
	}
	return (11 - p) % 10 == (unsigned)(digits[n - 1] - '0');
}

unsigned check_mod(const char *digits, unsigned n, unsigned m)
{
	unsigned rest = 0;

	for (unsigned i = 0; i < n; i++)
		rest = (rest * 10 + (unsigned)(digits[i] - '0')) % m;
	return rest;
}

unsigned check_sum(const char *digits, unsigned n, const uint8_t *weights)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += (unsigned)(digits[i] - '0') * weights[i];
	return sum;
}

bool check_day(unsigned day, unsigned month)
{
	static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

bool all_same(const char *digits, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (digits[i] != digits[0])
			return false;
	return true;
}
