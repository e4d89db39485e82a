/* SPDX-License-Identifier: MIT */
/* style: the output settings of a session, as far as they decide how a value looks in text. Never knows who
 * reports them: session/style.c follows them. */
#ifndef PGVEIL_VALUE_STYLE_H
#define PGVEIL_VALUE_STYLE_H

#include "base/buf.h"

/* All zero: nothing is known. Then what looks the same in two styles is not read (01/02/2000), and what is
 * written is ISO, which the server takes in any style. */
enum date_style {
	DATE_STYLE_UNKNOWN = 0,
	DATE_STYLE_ISO,
	DATE_STYLE_SQL,
	DATE_STYLE_POSTGRES,
	DATE_STYLE_GERMAN
};
enum date_order { DATE_ORDER_UNKNOWN = 0, DATE_ORDER_MDY, DATE_ORDER_DMY, DATE_ORDER_YMD };
enum interval_style {
	INTERVAL_STYLE_UNKNOWN = 0,
	INTERVAL_STYLE_POSTGRES,
	INTERVAL_STYLE_VERBOSE,
	INTERVAL_STYLE_SQL,
	INTERVAL_STYLE_ISO
};

#define MONEY_AFFIX_MAX 16

/* How lc_monetary writes an amount, learnt from one (money_format_learn). */
struct money_format {
	bool known;
	uint8_t fraction;                                           /* digits behind the decimal point */
	char point[5];                                              /* one character, NUL-ended */
	char group[5];                                              /* between groups of digits */
	uint8_t group_len;                                          /* 0: no groups */
	char before[2][MONEY_AFFIX_MAX], after[2][MONEY_AFFIX_MAX]; /* of positive and of negative amounts */
};

struct value_style {
	enum date_style date;
	enum date_order order;
	enum interval_style interval;
	/* TimeZone is UTC beyond doubt. Other styles than ISO name the zone, and a session can call any zone
	 * "UTC": SET TimeZone = 'UTC-13'. */
	bool utc;
	struct money_format money;
};

/* Takes DateStyle, IntervalStyle or TimeZone as the server reports it ("SQL, DMY"); what is not understood is
 * not known afterwards. Other names change nothing. */
void style_take(struct value_style *s, struct span name, struct span value);

#endif
