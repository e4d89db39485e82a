/* SPDX-License-Identifier: MIT */
/* Keys and tokens that their makers begin with a name of their own. */
#include "mask/finder.h"

#include <strings.h>

enum alphabet {
	ALNUM = 0,
	URLSAFE, /* and _ - */
	BASE64,  /* and + / = */
	DOTTED,  /* URLSAFE and . */
};

/* By the first character. The shortest form that the maker gives out; what goes on is part of it. */
static const struct {
	const char *prefix;
	enum detector which;
	enum alphabet alphabet;
	unsigned least; /* behind the prefix */
} rows[] = {
	{"A3T", DETECT_CLOUD_KEY, ALNUM, 17},
	{"ABIA", DETECT_CLOUD_KEY, ALNUM, 16},
	{"ACCA", DETECT_CLOUD_KEY, ALNUM, 16},
	{"AGE-SECRET-KEY-1", DETECT_ACCESS_TOKEN, ALNUM, 58},
	{"AIza", DETECT_CLOUD_KEY, URLSAFE, 35},
	{"AKIA", DETECT_CLOUD_KEY, ALNUM, 16},
	{"ASIA", DETECT_CLOUD_KEY, ALNUM, 16},
	{"AccountKey=", DETECT_CLOUD_KEY, BASE64, 40},
	{"EAACEdEose0cBA", DETECT_ACCESS_TOKEN, ALNUM, 8},
	{"GOCSPX-", DETECT_CLOUD_KEY, URLSAFE, 28},
	{"LTAI", DETECT_CLOUD_KEY, ALNUM, 17},
	{"NRAK-", DETECT_ACCESS_TOKEN, ALNUM, 27},
	{"PMAK-", DETECT_ACCESS_TOKEN, URLSAFE, 50},
	{"SG.", DETECT_ACCESS_TOKEN, DOTTED, 40},
	{"SharedAccessKey=", DETECT_CLOUD_KEY, BASE64, 40},
	{"dckr_pat_", DETECT_ACCESS_TOKEN, URLSAFE, 27},
	{"doo_v1_", DETECT_CLOUD_KEY, ALNUM, 64},
	{"dop_v1_", DETECT_CLOUD_KEY, ALNUM, 64},
	{"dor_v1_", DETECT_CLOUD_KEY, ALNUM, 64},
	{"ghp_", DETECT_ACCESS_TOKEN, ALNUM, 36},
	{"gho_", DETECT_ACCESS_TOKEN, ALNUM, 36},
	{"ghr_", DETECT_ACCESS_TOKEN, ALNUM, 36},
	{"ghs_", DETECT_ACCESS_TOKEN, ALNUM, 36},
	{"ghu_", DETECT_ACCESS_TOKEN, ALNUM, 36},
	{"github_pat_", DETECT_ACCESS_TOKEN, URLSAFE, 36},
	{"gldt-", DETECT_ACCESS_TOKEN, URLSAFE, 20},
	{"glpat-", DETECT_ACCESS_TOKEN, URLSAFE, 20},
	{"glptt-", DETECT_ACCESS_TOKEN, URLSAFE, 20},
	{"glrt-", DETECT_ACCESS_TOKEN, URLSAFE, 20},
	{"glsa_", DETECT_ACCESS_TOKEN, URLSAFE, 32},
	{"hf_", DETECT_ACCESS_TOKEN, ALNUM, 34},
	{"hooks.slack.com/services/", DETECT_ACCESS_TOKEN, BASE64, 40},
	{"hvb.", DETECT_ACCESS_TOKEN, URLSAFE, 24},
	{"hvs.", DETECT_ACCESS_TOKEN, URLSAFE, 24},
	{"lin_api_", DETECT_ACCESS_TOKEN, ALNUM, 40},
	{"npm_", DETECT_ACCESS_TOKEN, ALNUM, 36},
	{"pypi-AgE", DETECT_ACCESS_TOKEN, URLSAFE, 50},
	{"rk_live_", DETECT_ACCESS_TOKEN, ALNUM, 16},
	{"rk_test_", DETECT_ACCESS_TOKEN, ALNUM, 16},
	{"shpat_", DETECT_ACCESS_TOKEN, ALNUM, 32},
	{"shpca_", DETECT_ACCESS_TOKEN, ALNUM, 32},
	{"shppa_", DETECT_ACCESS_TOKEN, ALNUM, 32},
	{"shpss_", DETECT_ACCESS_TOKEN, ALNUM, 32},
	{"sig=", DETECT_CLOUD_KEY, BASE64, 40},
	{"sk-ant-", DETECT_ACCESS_TOKEN, URLSAFE, 24},
	{"sk-", DETECT_ACCESS_TOKEN, URLSAFE, 40},
	{"sk_live_", DETECT_ACCESS_TOKEN, ALNUM, 16},
	{"sk_test_", DETECT_ACCESS_TOKEN, ALNUM, 16},
	{"sq0atp-", DETECT_ACCESS_TOKEN, URLSAFE, 22},
	{"sq0csp-", DETECT_ACCESS_TOKEN, URLSAFE, 43},
	{"whsec_", DETECT_ACCESS_TOKEN, BASE64, 24},
	{"xapp-", DETECT_ACCESS_TOKEN, URLSAFE, 20},
	{"xoxa-", DETECT_ACCESS_TOKEN, URLSAFE, 10},
	{"xoxb-", DETECT_ACCESS_TOKEN, URLSAFE, 10},
	{"xoxe-", DETECT_ACCESS_TOKEN, URLSAFE, 10},
	{"xoxe.", DETECT_ACCESS_TOKEN, DOTTED, 10},
	{"xoxp-", DETECT_ACCESS_TOKEN, URLSAFE, 10},
	{"xoxr-", DETECT_ACCESS_TOKEN, URLSAFE, 10},
	{"xoxs-", DETECT_ACCESS_TOKEN, URLSAFE, 10},
	{"ya29.", DETECT_CLOUD_KEY, URLSAFE, 20},
};

static bool is_of(enum alphabet a, uint8_t c)
{
	if (is_alnum(c))
		return true;
	switch (a) {
	case ALNUM: return false;
	case URLSAFE: return c == '_' || c == '-';
	case BASE64: return is_one_of(c, "+/=%");
	case DOTTED: return is_one_of(c, "_-.");
	}
	return false;
}

/* Azure's: three characters, a digit, Q~, and 31 to 34 more. */
static void find_azure(struct finder *f)
{
	for (size_t i = 4; i + 1 < f->n; i++) {
		size_t end = i + 2;

		if (f->b[i] != 'Q' || f->b[i + 1] != '~' || !is_digit(f->b[i - 1]) ||
			is_alnum(char_before(f, i - 4)))
			continue;
		while (end < f->n && (is_alnum(f->b[end]) || is_one_of(f->b[end], "_.~-")))
			end++;
		if (end - i >= 33)
			finder_add(f, DETECT_CLOUD_KEY, i - 4, end);
		i = end - 1;
	}
}

static size_t token_end(const struct finder *f, size_t i, size_t row)
{
	const char *prefix = rows[row].prefix;
	size_t len, end;

	if (f->b[i] != (uint8_t)prefix[0] || char_at(f, i + 1) != (uint8_t)prefix[1])
		return 0;
	len = strlen(prefix);
	end = i + len;
	if (f->n - i <= len || memcmp(f->b + i, prefix, len) != 0)
		return 0;
	while (end < f->n && is_of(rows[row].alphabet, f->b[end]))
		end++;
	return end - i - len >= rows[row].least ? end : 0;
}

void find_token(struct finder *f)
{
	uint8_t enabled[ARRAY_LEN(rows)];
	bool first[128] = {0};
	size_t n = 0;

	if (f->number)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (detectors_has(f->set, rows[i].which)) {
			enabled[n++] = (uint8_t)i;
			first[(uint8_t)rows[i].prefix[0]] = true;
		}
	for (size_t i = 0; i < f->n; i++) {
		size_t end = 0, k;

		if (f->b[i] >= 0x80 || !first[f->b[i]] || is_alnum(char_before(f, i)))
			continue;
		for (k = 0; k < n && !(end = token_end(f, i, enabled[k]));)
			k++;
		if (!end)
			continue;
		finder_add(f, rows[enabled[k]].which, i, end);
		i = end - 1;
	}
	if (f->has['~'] && detectors_has(f->set, DETECT_CLOUD_KEY))
		find_azure(f);
}
