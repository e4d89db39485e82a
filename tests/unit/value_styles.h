/* SPDX-License-Identifier: MIT */
/* value_styles: output settings as a server reports them, for tests of values and masks. */
#ifndef PGVEIL_TEST_VALUE_STYLES_H
#define PGVEIL_TEST_VALUE_STYLES_H

#include "value/money.h"
#include "value/style.h"

/* Sessions' settings; money is the text of 1234567 and of -1234567. */
static const struct {
	const char *name, *date, *interval, *positive, *negative, *zone;
} style_words[] = {
	{"iso", "ISO, MDY", "postgres", "$1,234,567.00", "-$1,234,567.00"},
	{"iso-dmy", "ISO, DMY", "iso_8601", "1.234.567,00 \u20ac", "-1.234.567,00 \u20ac"},
	{"sql-mdy", "SQL, MDY", "sql_standard", "\u00a51,234,567", "-\u00a51,234,567"},
	{"sql-dmy", "SQL, DMY", "postgres_verbose", "$1,234,567.00", "($1,234,567.00)"},
	{"postgres-mdy", "Postgres, MDY", "postgres", "$1,234,567.00", "-$1,234,567.00"},
	{"postgres-dmy", "Postgres, DMY", "sql_standard", "1\u202f234\u202f567,00 \u20ac",
		"-1\u202f234\u202f567,00 \u20ac"},
	{"german", "German, DMY", "iso_8601", "CHF 1'234'567.00", "-CHF 1'234'567.00"},
	{"sql-ymd", "SQL, YMD", "postgres_verbose", "KD 1234567.000", "-KD 1234567.000"},
	{"sql-elsewhere", "SQL, DMY", "postgres", "$1,234,567.00", "-$1,234,567.00", "UTC-13"},
	{"iso-elsewhere", "ISO, DMY", "postgres", "$1,234,567.00", "-$1,234,567.00", "UTC-13"},
};
#define STYLES (sizeof(style_words) / sizeof(style_words[0]))

static inline struct span style_span(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return span_of(s, n);
}

static inline struct value_style style_at(size_t i)
{
	struct value_style s = {0};

	style_take(&s, SPAN_LIT("DateStyle"), style_span(style_words[i].date));
	style_take(&s, SPAN_LIT("TimeZone"), style_span(style_words[i].zone ? style_words[i].zone : "UTC"));
	style_take(&s, SPAN_LIT("IntervalStyle"), style_span(style_words[i].interval));
	money_format_learn(
		&s.money, style_span(style_words[i].positive), style_span(style_words[i].negative));
	return s;
}

#endif
