/* SPDX-License-Identifier: MIT */
/* check_digit: the sums that numbers of people, cards and accounts are made to pass. Of ASCII digits and
 * upper-case letters only; the caller looks at what else a number must be. */
#ifndef PGVEIL_MASK_CHECK_DIGIT_H
#define PGVEIL_MASK_CHECK_DIGIT_H

#include <stdbool.h>
#include <stdint.h>

/* ISO/IEC 7812-1, annex B. */
bool check_luhn(const char *digits, unsigned n);
/* What the Luhn sum of digits and n more than it, modulo 10, is: 0 where they pass. */
unsigned check_luhn_rest(const char *digits, unsigned n);
bool check_verhoeff(const char *digits, unsigned n);
/* ISO 7064, MOD 11,10. */
bool check_mod11_10(const char *digits, unsigned n);
/* ISO 7064, MOD 97-10 and the like: the number modulo m (of less than 2^27). */
unsigned check_mod(const char *digits, unsigned n, unsigned m);
/* digits[i] * weights[i], summed. */
unsigned check_sum(const char *digits, unsigned n, const uint8_t *weights);

/* Two digits as a number. */
static inline unsigned two_digits(const char *d)
{
	return (unsigned)(d[0] - '0') * 10 + (unsigned)(d[1] - '0');
}
/* Whether day and month are ones, and day is one of month; February has 29 days. */
bool check_day(unsigned day, unsigned month);
bool all_same(const char *digits, unsigned n);

#endif
