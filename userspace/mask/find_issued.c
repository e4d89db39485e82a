/* SPDX-License-Identifier: MIT */
/* Numbers that countries and industries give out. What a check digit is worth decides what else it takes: of
 * ten random numbers one passes the usual one. */
#include "mask/finder.h"

#include <limits.h>
#include <string.h>

#include "mask/issued.h"

enum need {
	WORD = 0, /* only behind a word that says so (mask/words.c) */
	FORM,     /* that, or written as in one of the pictures */
	ALONE,    /* in one piece too: at most one of forty random numbers passes */
};

/* 9 in a picture is a digit, a blank may be any white space. */
static const struct {
	enum detector which;
	unsigned len;
	bool (*valid)(const char *digits);
	enum need need;
	const char *pictures[3];
} rows[] = {
	{DETECT_US_ITIN, 9, issued_us_itin, FORM, {"999-99-9999", "999 99 9999"}},
	{DETECT_US_EIN, 9, issued_us_ein, FORM, {"99-9999999"}},
	{DETECT_US_NPI, 10, issued_us_npi, WORD, {0}},
	{DETECT_US_ABA, 9, issued_us_aba, FORM, {"9999-9999-9"}},
	{DETECT_UK_NHS, 10, issued_uk_nhs, FORM, {"999 999 9999"}},
	{DETECT_UK_UTR, 10, issued_uk_utr, WORD, {0}},
	{DETECT_CA_SIN, 9, issued_ca_sin, FORM, {"999-999-999"}},
	{DETECT_AU_TFN, 9, issued_au_tfn, WORD, {0}},
	{DETECT_AU_ABN, 11, issued_au_abn, FORM, {"99 999 999 999"}},
	{DETECT_AU_ACN, 9, issued_au_acn, WORD, {0}},
	{DETECT_AU_MEDICARE, 10, issued_au_medicare, FORM, {"9999 99999 9", "9999-99999-9"}},
	{DETECT_DE_IDNR, 11, issued_de_idnr, ALONE, {"99 999 999 999", "999 999 999 99"}},
	{DETECT_DE_IDNR, 11, issued_de_idnr_loosely, WORD, {0}},
	{DETECT_FR_NIR, 15, issued_fr_nir, ALONE,
		{"9 99 99 99 999 999 99", "9999999999999 99", "9-99-99-99-999-999-99"}},
	{DETECT_FR_SIREN, 9, issued_fr_siren, WORD, {0}},
	{DETECT_FR_SIRET, 14, issued_fr_siret, ALONE, {"999 999 999 99999", "999999999 99999"}},
	{DETECT_IT_PARTITA_IVA, 11, issued_it_partita_iva, ALONE, {0}},
	{DETECT_PL_PESEL, 11, issued_pl_pesel, ALONE, {0}},
	{DETECT_SE_PERSONNUMMER, 10, issued_se_personnummer, ALONE, {"999999-9999", "999999 9999"}},
	{DETECT_SE_PERSONNUMMER, 12, issued_se_personnummer_12, ALONE, {"99999999-9999", "99999999 9999"}},
	{DETECT_NL_BSN, 9, issued_nl_bsn, FORM, {"9999.99.999", "9999 99 999"}},
	{DETECT_NL_BSN, 8, issued_nl_bsn_8, WORD, {0}},
	{DETECT_BE_RRN, 11, issued_be_rrn, ALONE, {"99.99.99-999.99", "99 99 99 999 99", "99.99.99.999.99"}},
	{DETECT_CH_AHV, 13, issued_ch_ahv, ALONE, {"999.9999.9999.99", "999 9999 9999 99"}},
	{DETECT_TR_TCKN, 11, issued_tr_tckn, ALONE, {"999 999 999 99"}},
	{DETECT_IN_AADHAAR, 12, issued_in_aadhaar, FORM, {"9999 9999 9999", "9999-9999-9999"}},
	{DETECT_KR_RRN, 13, issued_kr_rrn, ALONE, {0}},
	{DETECT_KR_RRN, 13, issued_kr_rrn_date, FORM, {"999999-9999999"}},
	{DETECT_TH_TNIN, 13, issued_th_tnin, FORM, {"9-9999-99999-99-9", "9 9999 99999 99 9"}},
	{DETECT_BR_CPF, 11, issued_br_cpf, ALONE, {"999.999.999-99", "999 999 999 99"}},
	{DETECT_BR_CNPJ, 14, issued_br_cnpj, ALONE, {"99.999.999/9999-99"}},
	{DETECT_ZA_ID, 13, issued_za_id, ALONE, {"999999 9999 999", "999999 9999 99 9"}},
	{DETECT_JP_MY_NUMBER, 12, issued_jp_my_number, FORM, {"9999-9999-9999", "9999 9999 9999"}},
	{DETECT_NG_NIN, 11, issued_any, WORD, {0}},
	{DETECT_PH_TIN, 9, issued_any, WORD, {0}},
	{DETECT_PH_TIN, 12, issued_ph_tin, FORM, {"999-999-999-999"}},
	{DETECT_IMEI, 15, issued_imei, FORM, {"99-999999-999999-9", "99 999999 999999 9"}},
	{DETECT_ICCID, 19, issued_iccid_19, ALONE, {"9999 9999 9999 9999 999"}},
	{DETECT_ICCID, 20, issued_iccid_20, ALONE, {"9999 9999 9999 9999 9999"}},
};

/* The enabled rows, by the number of their digits. */
struct index {
	unsigned n[DIGITS_MAX + 1];
	uint8_t row[DIGITS_MAX + 1][ARRAY_LEN(rows)];
	/* how long the pictures of that many digits are, a bit each: most windows are none by that alone */
	uint32_t lengths[DIGITS_MAX + 1];
	unsigned longest;
};

static void index_of(struct index *x, const struct detectors *set)
{
	*x = (struct index){0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned len = rows[i].len;

		if (!detectors_has(set, rows[i].which))
			continue;
		x->row[len][x->n[len]++] = (uint8_t)i;
		for (size_t k = 0; k < ARRAY_LEN(rows[i].pictures) && rows[i].pictures[k]; k++)
			x->lengths[len] |= UINT32_C(1) << strlen(rows[i].pictures[k]);
		if (len > x->longest)
			x->longest = len;
	}
}

static size_t window_length(const struct finder *f, const struct window *w)
{
	return f->group[w->last].at + f->group[w->last].len - f->group[w->first].at;
}

static bool is_picture(const struct finder *f, size_t from, size_t len, const char *picture)
{
	if (!picture || strlen(picture) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = f->b[from + i];

		if (picture[i] == '9'       ? !is_digit(c)
			: picture[i] == ' ' ? !is_one_of(c, " \t\n")
					    : c != picture[i])
			return false;
	}
	return true;
}

static bool is_form(const struct finder *f, const struct window *w, size_t row)
{
	for (size_t i = 0; i < ARRAY_LEN(rows[row].pictures); i++)
		if (is_picture(f, f->group[w->first].at, window_length(f, w), rows[row].pictures[i]))
			return true;
	return false;
}

/* No letter beside it, and no digit behind a sign that holds the two together. */
static bool stands_alone(const struct finder *f, const struct window *w)
{
	const struct group *first = &f->group[w->first], *last = &f->group[w->last];
	size_t to = last->at + last->len;

	if ((first->at && is_letter(f->b[first->at - 1])) || (to < f->n && is_letter(f->b[to])))
		return false;
	if (first->at > 1 && strchr(".,-/_", f->b[first->at - 1]) && is_digit(f->b[first->at - 2]))
		return false;
	return f->n - to < 2 || !strchr(".,-/_", f->b[to]) || !is_digit(f->b[to + 1]);
}

static bool is_one(struct finder *f, const struct window *w, size_t row)
{
	const struct group *g = &f->group[w->first];
	bool whole = w->first == w->last, form = is_form(f, w, row);

	if (!rows[row].valid(w->digits))
		return false;
	if ((rows[row].need == ALONE && whole) || (rows[row].need != WORD && form))
		if (stands_alone(f, w))
			return true;
	return (whole || form || !g->joined) && finder_word(f, rows[row].which, g->at);
}

/* Zeros that a number may have lost in front. */
#define ZEROS_MAX 2

int find_issued_least(const struct detectors *set)
{
	int least = INT_MAX;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (detectors_has(set, rows[i].which) && (int)rows[i].len - ZEROS_MAX < least)
			least = (int)rows[i].len - ZEROS_MAX;
	return least;
}

/* A number of an integer column has lost its zeros in front. */
static void find_in_number(struct finder *f, const struct index *x)
{
	struct window w;

	window_start(&w, 0);
	if (!f->ngroups || !window_grow(f, &w, DIGITS_MAX) || !window_is_whole(f, &w))
		return;
	for (unsigned zeros = 0; zeros <= ZEROS_MAX && w.n + zeros <= x->longest; zeros++) {
		char digits[DIGITS_MAX + ZEROS_MAX] = "00";
		unsigned n = w.n + zeros;

		memcpy(digits + zeros, w.digits, w.n);
		for (unsigned i = 0; i < x->n[n]; i++) {
			size_t row = x->row[n][i];

			if (rows[row].valid(digits) && (f->bare || (rows[row].need == ALONE && !zeros) ||
							       finder_word(f, rows[row].which, 0)))
				finder_add(f, rows[row].which, f->group[0].at, f->group[0].at + w.n);
		}
	}
}

/* Whether it can be anything at all. */
static bool is_likely(const struct finder *f, const struct index *x, const struct window *w)
{
	size_t len = window_length(f, w);

	return x->n[w->n] && (w->first == w->last || !f->group[w->first].joined ||
				     (len < 32 && x->lengths[w->n] >> len & 1));
}

void find_issued(struct finder *f)
{
	struct index x;

	index_of(&x, f->set);
	if (f->number) {
		find_in_number(f, &x);
		return;
	}
	for (size_t i = 0; i < f->ngroups; i++) {
		struct window w;

		window_start(&w, i);
		while (window_grow(f, &w, x.longest)) {
			if (!is_likely(f, &x, &w))
				continue;
			for (unsigned k = 0; k < x.n[w.n]; k++)
				if (is_one(f, &w, x.row[w.n][k]))
					window_add(f, rows[x.row[w.n][k]].which, &w);
		}
	}
}
