/* SPDX-License-Identifier: MIT */
/* Business identifier codes (ISO 9362): four letters, a country, a place, and perhaps a branch. Many words
 * are of this form, so it takes a word before. */
#include "mask/finder.h"

#include <string.h>

/* ISO 3166-1, and Kosovo. */
static const char countries[] = " AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ "
				"BL BM BN BO BQ BR BS BT BV BW BY "
				"BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO "
				"DZ EC EE EG EH ER ES ET FI FJ FK "
				"FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN "
				"HR HT HU ID IE IL IM IN IO IQ IR "
				"IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT "
				"LU LV LY MA MC MD ME MF MG MH MK "
				"ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR "
				"NU NZ OM PA PE PF PG PH PK PL PM "
				"PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN "
				"SO SR SS ST SV SX SY SZ TC TD TF "
				"TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN "
				"VU WF WS XK YE YT ZA ZM ZW ";

static bool is_bic(const uint8_t *c, size_t n)
{
	const char country[] = {' ', (char)(c[4] & 0xdf), (char)(c[5] & 0xdf), ' ', 0};

	for (size_t i = 0; i < 6; i++)
		if (!is_letter(c[i]))
			return false;
	return (n == 8 || n == 11) && strstr(countries, country);
}

void find_bic(struct finder *f)
{
	if (f->number)
		return;
	for (size_t i = 0; i < f->n;) {
		size_t end = i;

		while (end < f->n && is_alnum(f->b[end]))
			end++;
		if ((end - i == 8 || end - i == 11) && is_bic(f->b + i, end - i) &&
			finder_word(f, DETECT_BIC, i))
			finder_add(f, DETECT_BIC, i, end);
		i = end + 1;
	}
}
