/* SPDX-License-Identifier: MIT */
/* Numbers of people, firms, vehicles with letters in them. */
#include "mask/finder.h"

#include <string.h>

#include "mask/code.h"

enum need {
	WORD = 0, /* only behind a word that says so (mask/words.c) */
	SPACED,   /* that, or with its separators */
	ALONE,    /* in capitals wherever it stands */
};

/* In a shape A is a letter, 9 a digit, X either, _ a place where up to two separators may stand; the rest is
 * itself. */
static const struct {
	enum detector which;
	const char *shape;
	bool (*valid)(const char *code); /* in capitals, without separators; NULL: no more is known */
	enum need need;
} rows[] = {
	{DETECT_VIN, "XXXXXXXXXXXXXXXXX", code_vin, ALONE},
	{DETECT_VIN, "XXXXXXXXXXXXXXXXX", code_vin_any, WORD},
	{DETECT_PASSPORT, "999999999", NULL, WORD},
	{DETECT_PASSPORT, "99999999", NULL, WORD},
	{DETECT_PASSPORT, "9999999", NULL, WORD},
	{DETECT_PASSPORT, "A99999999", NULL, WORD},
	{DETECT_PASSPORT, "A9999999", NULL, WORD},
	{DETECT_PASSPORT, "AA_9999999", NULL, WORD},
	{DETECT_PASSPORT, "AA_999999", NULL, WORD},
	{DETECT_PASSPORT, "99AA99999", NULL, WORD},
	{DETECT_PASSPORT, "AXXXXXXXX", code_mixed, WORD},
	{DETECT_DRIVER_LICENSE, "A999_9999_9999", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "A999_9999_9999_9", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "A99999999", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "A9999999", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "A999999", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "9999999", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "99999999", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "999_999_999", NULL, WORD},
	{DETECT_DRIVER_LICENSE, "XXXXX_999999_XXXXX", code_mixed, WORD},
	{DETECT_DRIVER_LICENSE, "XXXXXXXXXXX", code_mixed, WORD},
	{DETECT_US_MBI, "9AX9_AX9_AA99", code_us_mbi, ALONE},
	{DETECT_UK_NINO, "AA_99_99_99_A", code_uk_nino, ALONE},
	{DETECT_UK_POSTCODE, "A9_9AA", code_uk_postcode, SPACED},
	{DETECT_UK_POSTCODE, "A99_9AA", code_uk_postcode, SPACED},
	{DETECT_UK_POSTCODE, "A9A_9AA", code_uk_postcode, SPACED},
	{DETECT_UK_POSTCODE, "AA9_9AA", code_uk_postcode, SPACED},
	{DETECT_UK_POSTCODE, "AA99_9AA", code_uk_postcode, SPACED},
	{DETECT_UK_POSTCODE, "AA9A_9AA", code_uk_postcode, SPACED},
	{DETECT_DE_RVNR, "99_999999_A_999", code_de_rvnr, ALONE},
	{DETECT_FR_NIR, "9_99_99_9A_999_999_99", code_fr_nir, ALONE},
	{DETECT_ES_NIF, "99999999_A", code_es_nif, ALONE},
	{DETECT_ES_NIF, "99_999_999_A", code_es_nif, ALONE},
	{DETECT_ES_NIE, "A_9999999_A", code_es_nie, ALONE},
	{DETECT_IT_CODICE_FISCALE, "AAA_AAA_XXAXX_AXXXA", code_it_codice_fiscale, ALONE},
	{DETECT_SE_PERSONNUMMER, "999999+9999", code_se_personnummer, ALONE},
	{DETECT_SE_PERSONNUMMER, "99999999+9999", code_se_personnummer, ALONE},
	{DETECT_FI_HETU, "999999+999X", code_fi_hetu, ALONE},
	{DETECT_FI_HETU, "999999-999X", code_fi_hetu, ALONE},
	{DETECT_FI_HETU, "999999A999X", code_fi_hetu, ALONE},
	{DETECT_IN_PAN, "AAAAA9999A", code_in_pan, ALONE},
	{DETECT_IN_GSTIN, "99AAAAA9999AXXX", code_in_gstin, ALONE},
	{DETECT_SG_NRIC, "A9999999A", code_sg_nric, ALONE},
	{DETECT_BR_CNPJ, "XX_XXX_XXX_XXXX_99", code_br_cnpj, ALONE},
};

#define CODE_MAX 24
/* How far before a digit a code may begin, in its own word. */
#define BACK_MAX 17
/* Letters in words of their own before the first digit. */
#define PARTS_MAX 2

static bool is_gap(uint8_t c)
{
	return c && strchr(" -./", c);
}

static bool fits(char shape, uint8_t c)
{
	switch (shape) {
	case 'A': return is_letter(c);
	case '9': return is_digit(c);
	case 'X': return is_alnum(c);
	}
	return (uint8_t)shape == c;
}

/* A code as it was read. */
struct code {
	char text[CODE_MAX + 1]; /* in capitals */
	size_t end;
	bool spaced, small;
};

static bool read_code(const struct finder *f, size_t at, const char *shape, struct code *out)
{
	unsigned n = 0;

	out->spaced = out->small = false;
	for (; *shape; shape++) {
		uint8_t c = char_at(f, at);

		if (*shape == '_') {
			for (unsigned gap = 0; gap < 2 && is_gap(char_at(f, at)); gap++, at++)
				out->spaced = true;
			continue;
		}
		if (!fits(*shape, c))
			return false;
		out->small |= c >= 'a' && c <= 'z';
		out->text[n++] = (char)(is_letter(c) ? c & 0xdf : c);
		at++;
	}
	out->text[n] = '\0';
	out->end = at;
	return !is_alnum(char_at(f, at));
}

/* The rows that are asked for and begin with a letter, and those with a digit. With how many such: most words
 * are not of a shape by that alone. */
struct enabled {
	uint8_t row[2][ARRAY_LEN(rows)], lead[2][ARRAY_LEN(rows)];
	unsigned n[2];
};

static void enable(struct enabled *e, const struct detectors *set)
{
	e->n[0] = e->n[1] = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned digit = 0; digit < 2 && detectors_has(set, rows[i].which); digit++)
			if (rows[i].shape[0] != (digit ? 'A' : '9')) {
				e->lead[digit][e->n[digit]] =
					(uint8_t)strspn(rows[i].shape, digit ? "9" : "A");
				e->row[digit][e->n[digit]++] = (uint8_t)i;
			}
}

static void find_at(struct finder *f, size_t at, const struct enabled *e)
{
	bool digit = is_digit(f->b[at]);
	size_t lead = 0;

	while (lead < CODE_MAX &&
		(digit ? is_digit(char_at(f, at + lead)) : is_letter(char_at(f, at + lead))))
		lead++;
	for (unsigned i = 0; i < e->n[digit]; i++) {
		size_t row = e->row[digit][i];
		enum need need = rows[row].need;
		struct code code;
		char next = rows[row].shape[e->lead[digit][i]];

		if (lead < e->lead[digit][i] || (lead > e->lead[digit][i] && next != '_' && next != 'X'))
			continue;
		if (!read_code(f, at, rows[row].shape, &code) ||
			(rows[row].valid && !rows[row].valid(code.text)))
			continue;
		if ((!code.small && (need == ALONE || (need == SPACED && code.spaced))) ||
			finder_word(f, rows[row].which, at))
			finder_add(f, rows[row].which, at, code.end);
	}
}

/* Where the word round at begins; SIZE_MAX: too far away. */
static size_t word_start(const struct finder *f, size_t at)
{
	size_t start = at;

	while (is_alnum(char_before(f, start)))
		if (at - --start > BACK_MAX)
			return SIZE_MAX;
	return start;
}

/* Where a short word of letters before at begins, with up to two separators between; at: there is none. */
static size_t part_before(const struct finder *f, size_t at)
{
	size_t end = at, start;

	while (at - end < 2 && is_gap(char_before(f, end)))
		end--;
	start = end;
	while (end < at && end - start < 6 && is_letter(char_before(f, start)))
		start--;
	return start == end || is_alnum(char_before(f, start)) ? at : start;
}

void find_code(struct finder *f)
{
	size_t last = SIZE_MAX;
	struct enabled e;

	enable(&e, f->set);
	if (f->number || !(e.n[0] + e.n[1]))
		return;
	for (size_t i = 0; i < f->ngroups; i++) {
		size_t start = word_start(f, f->group[i].at), before;

		if (start == SIZE_MAX || start == last)
			continue;
		last = start;
		find_at(f, start, &e);
		for (unsigned parts = 0; parts < PARTS_MAX; parts++, start = before) {
			before = part_before(f, start);
			if (before == start)
				break;
			find_at(f, before, &e);
		}
	}
}
