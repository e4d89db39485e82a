/* SPDX-License-Identifier: MIT */
#include "mask/issued.h"

#include <string.h>

#include "mask/check_digit.h"

#define N(v) ((unsigned)((v) - '0'))

/* IRS: group 50 to 65, 70 to 88, 90 to 92, 94 to 99. */
bool issued_us_itin(const char *d)
{
	unsigned g = two_digits(d + 3);

	return d[0] == '9' && ((g >= 50 && g <= 65) || (g >= 70 && g <= 88) || (g >= 90 && g != 93));
}

/* IRS, "How EINs are assigned and valid EIN prefixes". */
bool issued_us_ein(const char *d)
{
	static const char none[] = "00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97";

	for (const char *p = none; p < none + sizeof(none) - 1; p += 3)
		if (p[0] == d[0] && p[1] == d[1])
			return false;
	return true;
}

/* CMS, "NPI check digit": the Luhn digit of the number with 80840 before it, which adds 24. */
bool issued_us_npi(const char *d)
{
	return (d[0] == '1' || d[0] == '2') && (check_luhn_rest(d, 10) + 24) % 10 == 0;
}

/* ABA, routing number policy. */
bool issued_us_aba(const char *d)
{
	static const uint8_t weights[] = {3, 7, 1, 3, 7, 1, 3, 7, 1};
	unsigned bank = two_digits(d);

	return (bank <= 12 || (bank >= 21 && bank <= 32) || (bank >= 61 && bank <= 72) || bank == 80) &&
	       check_sum(d, 9, weights) % 10 == 0 && !all_same(d, 9);
}

/* NHS Data Dictionary. */
bool issued_uk_nhs(const char *d)
{
	static const uint8_t weights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1};

	return check_sum(d, 10, weights) % 11 == 0 && !all_same(d, 10);
}

bool issued_uk_utr(const char *d)
{
	static const uint8_t weights[] = {6, 7, 8, 9, 10, 5, 4, 3, 2};

	return "21987654321"[check_sum(d + 1, 9, weights) % 11] == d[0];
}

bool issued_ca_sin(const char *d)
{
	return d[0] != '0' && d[0] != '8' && check_luhn(d, 9);
}

bool issued_au_tfn(const char *d)
{
	static const uint8_t weights[] = {1, 4, 3, 7, 5, 8, 6, 9, 10};

	return check_sum(d, 9, weights) % 11 == 0 && !all_same(d, 9);
}

/* Australian Business Register: one is taken from the first digit. */
bool issued_au_abn(const char *d)
{
	static const uint8_t weights[] = {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19};

	return d[0] != '0' && (check_sum(d, 11, weights) - 10) % 89 == 0;
}

bool issued_au_acn(const char *d)
{
	static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 1, 1};

	return check_sum(d, 9, weights) % 10 == 0 && !all_same(d, 9);
}

bool issued_au_medicare(const char *d)
{
	static const uint8_t weights[] = {1, 3, 7, 9, 1, 3, 7, 9};

	return d[0] >= '2' && d[0] <= '6' && check_sum(d, 8, weights) % 10 == N(d[8]) && d[9] != '0';
}

bool issued_de_idnr_loosely(const char *d)
{
	return d[0] != '0' && check_mod11_10(d, 11) && !all_same(d, 10);
}

/* BZSt: of the first ten digits one stands there twice or three times, no other more than once. */
bool issued_de_idnr(const char *d)
{
	unsigned times[10] = {0}, doubled = 0;

	for (unsigned i = 0; i < 10; i++)
		times[N(d[i])]++;
	for (unsigned i = 0; i < 10; i++) {
		doubled += times[i] > 1;
		if (times[i] > 3)
			return false;
	}
	return doubled == 1 && issued_de_idnr_loosely(d);
}

/* INSEE: sex, year, month (from 20 where it is not known), and 97 less the rest modulo 97. Behind Corsica's
 * letters, which mask/find_code.c makes 18 and 19. */
bool issued_fr_nir(const char *d)
{
	unsigned month = two_digits(d + 3), key = two_digits(d + 13);

	return strchr("123478", d[0]) && ((month >= 1 && month <= 12) || (month >= 20 && month != 43)) &&
	       key >= 1 && key <= 97 && 97 - check_mod(d, 13, 97) == key;
}

bool issued_fr_siren(const char *d)
{
	return check_luhn(d, 9) && !all_same(d, 9);
}

/* La Poste's places are made so that their digits are a multiple of five. */
bool issued_fr_siret(const char *d)
{
	static const uint8_t ones[14] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

	if (!check_luhn(d, 9) || all_same(d, 9))
		return false;
	return check_luhn(d, 14) || (memcmp(d, "356000000", 9) == 0 && check_sum(d, 14, ones) % 5 == 0);
}

/* Digits 8 to 10 are the province's office. */
bool issued_it_partita_iva(const char *d)
{
	unsigned office = N(d[7]) * 100 + two_digits(d + 8);

	return ((office >= 1 && office <= 100) || office == 120 || office == 121 || office == 888 ||
		       office == 999) &&
	       memcmp(d, "0000000", 7) != 0 && check_luhn(d, 11);
}

/* The century is added to the month. */
bool issued_pl_pesel(const char *d)
{
	static const uint8_t weights[] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1};

	return check_day(two_digits(d + 4), two_digits(d + 2) % 20) && check_sum(d, 11, weights) % 10 == 0;
}

/* 60 is added to the day of a coordination number. */
bool issued_se_personnummer(const char *d)
{
	return check_day(two_digits(d + 4) % 60, two_digits(d + 2)) && check_luhn(d, 10);
}

bool issued_se_personnummer_12(const char *d)
{
	unsigned century = two_digits(d);

	return century >= 18 && century <= 20 && issued_se_personnummer(d + 2);
}

bool issued_nl_bsn(const char *d)
{
	static const uint8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2};

	return check_sum(d, 8, weights) % 11 == N(d[8]) && !all_same(d, 9);
}

bool issued_nl_bsn_8(const char *d)
{
	char nine[9] = "0";

	memcpy(nine + 1, d, 8);
	return issued_nl_bsn(nine);
}

/* 97 less the rest modulo 97, with a 2 in front for those born from 2000 on. Bis numbers have 20 or 40 more
 * in the month; a day or month that is not known is 0. */
bool issued_be_rrn(const char *d)
{
	unsigned month = two_digits(d + 2) % 20, day = two_digits(d + 4), key = two_digits(d + 9);
	unsigned rest = check_mod(d, 9, 97);

	if (two_digits(d + 2) > 52 || month > 12 || day > 31 || (day && month && !check_day(day, month)))
		return false;
	return key && (97 - rest == key || 97 - (rest + 2000000000 % 97) % 97 == key);
}

bool issued_ch_ahv(const char *d)
{
	static const uint8_t weights[] = {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1};

	return memcmp(d, "756", 3) == 0 && check_sum(d, 13, weights) % 10 == 0;
}

bool issued_tr_tckn(const char *d)
{
	unsigned odd = N(d[0]) + N(d[2]) + N(d[4]) + N(d[6]) + N(d[8]);
	unsigned even = N(d[1]) + N(d[3]) + N(d[5]) + N(d[7]);

	return d[0] != '0' && (odd * 7 + 100 - even) % 10 == N(d[9]) &&
	       (odd + even + N(d[9])) % 10 == N(d[10]);
}

bool issued_in_aadhaar(const char *d)
{
	return d[0] >= '2' && check_verhoeff(d, 12) && !all_same(d, 12);
}

bool issued_kr_rrn_date(const char *d)
{
	return check_day(two_digits(d + 4), two_digits(d + 2));
}

bool issued_kr_rrn(const char *d)
{
	static const uint8_t weights[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
	unsigned check = (11 - check_sum(d, 12, weights) % 11) % 10;

	/* Those of foreigners had 2 more. */
	return issued_kr_rrn_date(d) &&
	       (check == N(d[12]) || (d[6] >= '5' && d[6] <= '8' && (check + 2) % 10 == N(d[12])));
}

bool issued_th_tnin(const char *d)
{
	static const uint8_t weights[] = {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2};

	return d[0] >= '1' && d[0] <= '8' && (11 - check_sum(d, 12, weights) % 11) % 10 == N(d[12]);
}

/* Brazil's: 11 less the sum modulo 11, and 0 for what would be two digits. */
static unsigned mod11(unsigned sum)
{
	return sum % 11 < 2 ? 0 : 11 - sum % 11;
}

bool issued_br_cpf(const char *d)
{
	static const uint8_t weights[] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};

	return !all_same(d, 11) && mod11(check_sum(d, 9, weights + 1)) == N(d[9]) &&
	       mod11(check_sum(d, 10, weights)) == N(d[10]);
}

bool issued_br_cnpj(const char *d)
{
	static const uint8_t weights[] = {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2};

	return !all_same(d, 12) && mod11(check_sum(d, 12, weights + 1)) == N(d[12]) &&
	       mod11(check_sum(d, 13, weights)) == N(d[13]);
}

/* Date of birth, sex, 0 for citizens, 1 for residents and 2 for refugees. */
bool issued_za_id(const char *d)
{
	return check_day(two_digits(d + 4), two_digits(d + 2)) && d[10] <= '2' && check_luhn(d, 13);
}

bool issued_jp_my_number(const char *d)
{
	static const uint8_t weights[] = {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};

	return mod11(check_sum(d, 11, weights)) == N(d[11]) && !all_same(d, 11);
}

bool issued_ph_tin(const char *d)
{
	static const uint8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2};

	return check_sum(d, 8, weights) % 11 == N(d[8]) && !all_same(d, 9);
}

bool issued_any(const char *d)
{
	return !all_same(d, 9);
}

bool issued_imei(const char *d)
{
	return check_luhn(d, 15) && !all_same(d, 14);
}

/* ITU-T E.118: 89 is for telecommunication. */
bool issued_iccid_19(const char *d)
{
	return d[0] == '8' && d[1] == '9' && check_luhn(d, 19);
}

bool issued_iccid_20(const char *d)
{
	return d[0] == '8' && d[1] == '9' && check_luhn(d, 20);
}
