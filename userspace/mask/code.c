/* SPDX-License-Identifier: MIT */
#include "mask/code.h"

#include <string.h>

#include "mask/check_digit.h"
#include "mask/issued.h"

#define N(v) ((unsigned)((v) - '0'))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0 to 9 and A = 10 to Z = 35. */
static unsigned value_of(char c)
{
	return is_digit(c) ? N(c) : (unsigned)(c - 'A') + 10;
}

bool code_mixed(const char *c)
{
	unsigned digits = 0;

	for (; *c; c++)
		digits += is_digit(*c);
	return digits >= 4;
}

/* ISO 3779: no I, O, Q; the last four are digits nearly everywhere. */
bool code_vin_any(const char *c)
{
	return !strpbrk(c, "IOQ") && code_mixed(c + 10) && strpbrk(c, "ABCDEFGHJKLMNPRSTUVWXYZ");
}

/* 49 CFR 565.15. */
bool code_vin(const char *c)
{
	static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
	static const uint8_t letters[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 0, 7, 0, 9, 2, 3, 4, 5, 6, 7, 8, 9};
	unsigned sum = 0;

	if (!code_vin_any(c))
		return false;
	for (unsigned i = 0; i < 17; i++)
		sum += weights[i] * (is_digit(c[i]) ? N(c[i]) : letters[c[i] - 'A']);
	return c[8] == "0123456789X"[sum % 11];
}

/* CMS, "Understanding the MBI format": no S, L, O, I, B, Z. */
bool code_us_mbi(const char *c)
{
	return c[0] != '0' && !strpbrk(c, "SLOIBZ");
}

/* HMRC, NIM39110. */
bool code_uk_nino(const char *c)
{
	static const char none[] = "BG GB NK KN TN NT ZZ";

	for (const char *p = none; p < none + sizeof(none) - 1; p += 3)
		if (p[0] == c[0] && p[1] == c[1])
			return false;
	return !strchr("DFIQUV", c[0]) && !strchr("DFIQUVO", c[1]) && c[8] <= 'D';
}

/* Royal Mail: an area that there is, and the inward code's letters without C I K M O V. */
bool code_uk_postcode(const char *c)
{
	static const char areas[] =
		" AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT "
		"DY E "
		"EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE "
		"LL "
		"LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL "
		"SM SN "
		"SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE ";
	size_t n = strlen(c);
	char area[5] = {' ', c[0], ' ', 0, 0};

	if (!is_digit(c[1])) {
		area[2] = c[1];
		area[3] = ' ';
	}
	return strstr(areas, area) && !strpbrk(c + n - 2, "CIKMOV");
}

/* VKVV, annex to section 4: the letter as two digits, weights, and the sum of the digits of the products. 50
 * is added to some days. */
bool code_de_rvnr(const char *c)
{
	static const uint8_t weights[] = {2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1};
	unsigned letter = (unsigned)(c[8] - 'A') + 1, sum = 0, day = two_digits(c + 2);
	char d[12];

	memcpy(d, c, 8);
	d[8] = (char)('0' + letter / 10);
	d[9] = (char)('0' + letter % 10);
	memcpy(d + 10, c + 9, 2);
	for (unsigned i = 0; i < 12; i++) {
		unsigned p = weights[i] * N(d[i]);

		sum += p / 10 + p % 10;
	}
	return check_day(day > 50 ? day - 50 : day, two_digits(c + 4)) && sum % 10 == N(c[11]);
}

/* Corsica: 2A counts as 19, 2B as 18. */
bool code_fr_nir(const char *c)
{
	char d[16] = {0};

	if (c[5] != '2' || (c[6] != 'A' && c[6] != 'B'))
		return false;
	memcpy(d, c, 15);
	d[5] = '1';
	d[6] = c[6] == 'A' ? '9' : '8';
	return issued_fr_nir(d);
}

static bool spanish(const char *digits, char letter)
{
	return letter == "TRWAGMYFPDXBNJZSQVHLCKE"[check_mod(digits, 8, 23)];
}

bool code_es_nif(const char *c)
{
	return spanish(c, c[8]);
}

bool code_es_nie(const char *c)
{
	char d[9] = {0};

	if (c[0] < 'X')
		return false;
	memcpy(d, c, 8);
	d[0] = (char)('0' + (c[0] - 'X'));
	return spanish(d, c[8]);
}

/* DM 23/12/1976. Where two people would have the same, digits are replaced by letters from the end. */
bool code_it_codice_fiscale(const char *c)
{
	static const uint8_t odd[] = {
		1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
	static const uint8_t digits[] = {6, 7, 9, 10, 12, 13, 14};
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(digits); i++)
		if (!is_digit(c[digits[i]]) && !strchr("LMNPQRSTUV", c[digits[i]]))
			return false;
	if (!strchr("ABCDEHLMPRST", c[8]))
		return false;
	for (unsigned i = 0; i < 15; i++) {
		unsigned v = is_digit(c[i]) ? N(c[i]) : (unsigned)(c[i] - 'A');

		sum += i % 2 ? v : odd[v];
	}
	return (char)('A' + sum % 26) == c[15];
}

/* + for those of a hundred years and more. */
bool code_se_personnummer(const char *c)
{
	const char *plus = strchr(c, '+');
	char d[11] = {0};

	memcpy(d, plus - 6, 6);
	memcpy(d + 6, plus + 1, 4);
	return issued_se_personnummer(d);
}

/* Digital and Population Data Services Agency: the sign is the century. */
bool code_fi_hetu(const char *c)
{
	char d[10] = {0};

	if (!strchr("+-ABCDEFUVWXY", c[6]))
		return false;
	memcpy(d, c, 6);
	memcpy(d + 6, c + 7, 3);
	return check_day(two_digits(c), two_digits(c + 2)) &&
	       "0123456789ABCDEFHJKLMNPRSTUVWXY"[check_mod(d, 9, 31)] == c[10];
}

/* The fourth letter is the kind of holder; no check is published for the last. */
bool code_in_pan(const char *c)
{
	return strchr("ABCFGHJKLPT", c[3]) && memcmp(c + 5, "0000", 4) != 0;
}

/* State, PAN, number, Z, and a check character: the Luhn sum in base 36. */
bool code_in_gstin(const char *c)
{
	unsigned sum = 0, state = two_digits(c);

	for (unsigned i = 0; i < 14; i++) {
		unsigned v = value_of(c[i]) * (1 + i % 2);

		sum += v / 36 + v % 36;
	}
	return ((state >= 1 && state <= 38) || state == 97 || state == 99) && code_in_pan(c + 2) &&
	       c[12] != '0' && c[13] == 'Z' && (36 - sum % 36) % 36 == value_of(c[14]);
}

/* ICA publishes no rule; this one is known from what it gives out. */
bool code_sg_nric(const char *c)
{
	static const uint8_t weights[] = {2, 7, 6, 5, 4, 3, 2};
	unsigned sum = check_sum(c + 1, 7, weights);

	switch (c[0]) {
	case 'S': return c[8] == "JZIHGFEDCBA"[sum % 11];
	case 'T': return c[8] == "JZIHGFEDCBA"[(sum + 4) % 11];
	case 'F': return c[8] == "XWUTRQPNMLK"[sum % 11];
	case 'G': return c[8] == "XWUTRQPNMLK"[(sum + 4) % 11];
	case 'M': return c[8] == "KLJNPQRTUWX"[10 - (sum + 3) % 11];
	}
	return false;
}

/* From July 2026 on with letters: each counts what it is in ASCII, less 48. */
bool code_br_cnpj(const char *c)
{
	static const uint8_t weights[] = {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2};
	unsigned first = 0, second = 0, letters = 0;

	for (unsigned i = 0; i < 13; i++) {
		first += i < 12 ? N(c[i]) * weights[i + 1] : 0;
		second += N(c[i]) * weights[i];
		letters += !is_digit(c[i]);
	}
	return letters && N(c[12]) == (first % 11 < 2 ? 0 : 11 - first % 11) &&
	       N(c[13]) == (second % 11 < 2 ? 0 : 11 - second % 11);
}
