/* SPDX-License-Identifier: MIT */
#include "value/interval.h"

#include <limits.h>

#include "value/cell.h"

#define SECOND_USECS INT64_C(1000000)
#define MINUTE_USECS (60 * SECOND_USECS)
#define HOUR_USECS   (60 * MINUTE_USECS)

/* typmod of the server: precision in the low half, the fields as bits (datetime.h: MONTH 1, YEAR 2, DAY 3,
 * HOUR 10, MINUTE 11, SECOND 12) in the high one. */
#define FIELD_MONTH    (1 << 1)
#define FIELD_YEAR     (1 << 2)
#define FIELD_DAY      (1 << 3)
#define FIELD_HOUR     (1 << 10)
#define FIELD_MINUTE   (1 << 11)
#define FIELD_SECOND   (1 << 12)
#define FULL_RANGE     0x7fff
#define FULL_PRECISION 0xffff

/* The sum under way: the parts are added up in 64 bits and cut down at the end. */
struct sum {
	int64_t months, days, usecs;
	bool bad;
};

static void add(struct sum *s, int64_t *to, int64_t n, int64_t unit)
{
	int64_t v;

	if (__builtin_mul_overflow(n, unit, &v) || __builtin_add_overflow(*to, v, to))
		s->bad = true;
}

static bool next_digit(const struct cur *c)
{
	return cur_left(c) && *c->p >= '0' && *c->p <= '9';
}

static bool next_is(const struct cur *c, char byte)
{
	return cur_left(c) && *c->p == (uint8_t)byte;
}

static bool skip(struct cur *c, char byte)
{
	if (!next_is(c, byte))
		return false;
	cur_u8(c);
	return true;
}

/* A number without a sign. */
static int64_t number(struct cur *c)
{
	int64_t v = 0;

	if (!next_digit(c))
		c->bad = true;
	while (next_digit(c))
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, cur_u8(c) - '0', &v))
			c->bad = true;
	return v;
}

/* ".5" */
static int64_t fraction(struct cur *c)
{
	int64_t v = 0, unit = SECOND_USECS;

	if (!skip(c, '.'))
		return 0;
	if (!next_digit(c))
		c->bad = true;
	while (next_digit(c) && unit > 1)
		v += (unit /= 10) * (cur_u8(c) - '0');
	return v;
}

static bool word(struct cur *c, const char *w)
{
	size_t n = strlen(w);

	if (cur_left(c) < n || memcmp(c->p, w, n) != 0)
		return false;
	(void)cur_take(c, n);
	return true;
}

/* P1Y2M3DT4H5M6.7S, each number with its own sign. */
static void get_iso(struct cur *c, struct sum *s)
{
	bool time = false;

	while (cur_left(c) && !c->bad) {
		int64_t sign, n, f;

		if (!time && skip(c, 'T'))
			time = true;
		sign = skip(c, '-') ? -1 : 1;
		n = number(c);
		f = fraction(c);
		if (f && !(time && next_is(c, 'S')))
			c->bad = true;
		if (time != (next_is(c, 'H') || next_is(c, 'S')) && !next_is(c, 'M'))
			c->bad = true;
		switch (cur_u8(c)) {
		case 'Y': add(s, &s->months, sign * n, 12); break;
		case 'M': add(s, time ? &s->usecs : &s->months, sign * n, time ? MINUTE_USECS : 1); break;
		case 'D': add(s, &s->days, sign * n, 1); break;
		case 'H': add(s, &s->usecs, sign * n, HOUR_USECS); break;
		case 'S':
			add(s, &s->usecs, sign * n, SECOND_USECS);
			add(s, &s->usecs, sign * f, 1);
			break;
		default: c->bad = true;
		}
	}
}

/* ":05:06.7" behind the hours. */
static void get_clock(struct cur *c, struct sum *s, int64_t sign, int64_t hours)
{
	int64_t minutes, seconds;

	skip(c, ':');
	minutes = number(c);
	if (!skip(c, ':'))
		c->bad = true;
	seconds = number(c);
	if (minutes > 59 || seconds > 59)
		c->bad = true;
	add(s, &s->usecs, sign * hours, HOUR_USECS);
	add(s, &s->usecs, sign * minutes, MINUTE_USECS);
	add(s, &s->usecs, sign * seconds, SECOND_USECS);
	add(s, &s->usecs, sign * fraction(c), 1);
}

/* " days" behind the number. */
static void get_unit(struct cur *c, struct sum *s, int64_t n, int64_t f)
{
	static const struct {
		const char *name;
		char part;
		int64_t unit;
	} units[] = {{"year", 'M', 12}, {"mon", 'M', 1}, {"day", 'D', 1}, {"hour", 'T', HOUR_USECS},
		{"min", 'T', MINUTE_USECS}, {"sec", 'T', SECOND_USECS}};

	skip(c, ' ');
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!word(c, units[i].name))
			continue;
		skip(c, 's');
		add(s,
			units[i].part == 'M'   ? &s->months
			: units[i].part == 'D' ? &s->days
					       : &s->usecs,
			n, units[i].unit);
		add(s, &s->usecs, f, 1);
		if (f && units[i].unit != SECOND_USECS)
			c->bad = true;
		return;
	}
	c->bad = true;
}

/* One field of the other styles: "3 days", "-04:05:06", "1-2", or SQL's "3" before a time. *inherited is the
 * sign of such a day, which holds for a time without its own. */
static void get_field(struct cur *c, struct sum *s, int64_t *inherited)
{
	bool negative = next_is(c, '-'), sign = negative || next_is(c, '+');
	int64_t n, f;

	if (sign)
		cur_u8(c);
	n = number(c);
	f = fraction(c);
	if (!f && next_is(c, ':')) {
		get_clock(c, s, negative || (!sign && *inherited < 0) ? -1 : 1, n);
	} else if (!f && skip(c, '-')) {
		int64_t m = number(c);

		add(s, &s->months, negative ? -n : n, 12);
		add(s, &s->months, negative ? -m : m, 1);
	} else if (cur_left(c) > 1 && c->p[0] == ' ' && c->p[1] >= 'a' && c->p[1] <= 'z') {
		get_unit(c, s, negative ? -n : n, negative ? -f : f);
	} else if (!f && cur_left(c)) {
		add(s, &s->days, negative ? -n : n, 1);
		*inherited = negative ? -1 : 1;
	} else if (n || f) {
		c->bad = true; /* a number alone, other than 0 */
	}
}

static void get_fields(struct cur *c, struct sum *s)
{
	int64_t inherited = 1;
	bool ago = false;

	if (skip(c, '@'))
		skip(c, ' ');
	do {
		get_field(c, s, &inherited);
		if (!skip(c, ' '))
			break;
		ago = word(c, "ago");
	} while (!c->bad && !ago);
	if (!ago)
		return;
	if (s->usecs == INT64_MIN || s->days == INT64_MIN || s->months == INT64_MIN)
		c->bad = true;
	s->usecs = c->bad ? 0 : -s->usecs;
	s->days = c->bad ? 0 : -s->days;
	s->months = c->bad ? 0 : -s->months;
}

bool interval_get(struct span text, struct interval *v)
{
	struct cur c = cur_of(text);
	struct sum s = {0};

	if (!text.n || span_is(text, "P"))
		return false;
	if (skip(&c, 'P'))
		get_iso(&c, &s);
	else
		get_fields(&c, &s);
	if (cur_end(&c) != WIRE_OK || s.bad || s.months != (int32_t)s.months || s.days != (int32_t)s.days)
		return false;
	*v = (struct interval){(int32_t)s.months, (int32_t)s.days, s.usecs};
	return true;
}

/* An interval's fields as the server has them when it writes. */
struct fields {
	int64_t v[5]; /* years, months, days, hours, minutes */
	int64_t seconds;
	int usecs; /* all of the time's fields have one sign */
	bool negative, positive;
};

static struct fields fields_of(const struct interval *v)
{
	struct fields f = {.v = {v->months / 12, v->months % 12, v->days, v->usecs / HOUR_USECS,
				   v->usecs / MINUTE_USECS % 60},
		.seconds = v->usecs / SECOND_USECS % 60,
		.usecs = (int)(v->usecs % SECOND_USECS)};

	f.negative = v->months < 0 || v->days < 0 || v->usecs < 0;
	f.positive = v->months > 0 || v->days > 0 || v->usecs > 0;
	return f;
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static void pen_seconds(struct pen *w, const struct fields *f, unsigned width)
{
	pen_digits(w, magnitude(f->seconds), width);
	pen_fraction(w, (unsigned)magnitude(f->usecs));
}

static void pen_clock(struct pen *w, const struct fields *f, unsigned width)
{
	pen_digits(w, magnitude(f->v[3]), width);
	pen_char(w, ':');
	pen_digits(w, magnitude(f->v[4]), 2);
	pen_char(w, ':');
	pen_seconds(w, f, 2);
}

static bool time_is_negative(const struct fields *f)
{
	return f->v[3] < 0 || f->v[4] < 0 || f->seconds < 0 || f->usecs < 0;
}

static bool has_time(const struct fields *f)
{
	return f->v[3] || f->v[4] || f->seconds || f->usecs;
}

static void put_postgres(struct pen *w, const struct fields *f)
{
	static const char *const units[] = {" year", " mon", " day"};
	bool zero = true, before = false;

	for (int i = 0; i < 3; i++) {
		if (!f->v[i])
			continue;
		pen_str(w, zero ? "" : " ");
		pen_str(w, before && f->v[i] > 0 ? "+" : "");
		pen_int(w, f->v[i]);
		pen_str(w, units[i]);
		pen_str(w, f->v[i] != 1 ? "s" : "");
		before = f->v[i] < 0;
		zero = false;
	}
	if (!zero && !has_time(f))
		return;
	pen_str(w, zero ? "" : " ");
	pen_str(w, time_is_negative(f) ? "-" : before ? "+" : "");
	pen_clock(w, f, 2);
}

static void put_verbose(struct pen *w, const struct fields *f)
{
	static const char *const units[] = {" year", " mon", " day", " hour", " min"};
	bool zero = true, ago = false, negative = f->seconds < 0 || f->usecs < 0;

	pen_char(w, '@');
	for (int i = 0; i < 5; i++) {
		int64_t v = f->v[i];

		if (!v)
			continue;
		ago = zero ? v < 0 : ago;
		v = ago ? -v : v;
		pen_char(w, ' ');
		pen_int(w, v);
		pen_str(w, units[i]);
		pen_str(w, v == 1 ? "" : "s");
		zero = false;
	}
	if (f->seconds || f->usecs) {
		ago = zero ? negative : ago;
		pen_str(w, negative != ago ? " -" : " ");
		pen_seconds(w, f, 1);
		pen_str(w, magnitude(f->seconds) != 1 || f->usecs ? " secs" : " sec");
		zero = false;
	}
	pen_str(w, zero ? " 0" : "");
	pen_str(w, ago ? " ago" : "");
}

static void pen_year_month(struct pen *w, const struct fields *f)
{
	pen_digits(w, magnitude(f->v[0]), 1);
	pen_char(w, '-');
	pen_digits(w, magnitude(f->v[1]), 1);
}

static void put_sql(struct pen *w, const struct fields *f)
{
	bool year_month = f->v[0] || f->v[1], day_time = f->v[2] || has_time(f);

	if (!year_month && !day_time) {
		pen_char(w, '0');
	} else if ((f->negative && f->positive) || (year_month && day_time)) {
		pen_char(w, f->v[0] < 0 || f->v[1] < 0 ? '-' : '+');
		pen_year_month(w, f);
		pen_str(w, f->v[2] < 0 ? " -" : " +");
		pen_digits(w, magnitude(f->v[2]), 1);
		pen_str(w, time_is_negative(f) ? " -" : " +");
		pen_clock(w, f, 1);
	} else {
		pen_str(w, f->negative ? "-" : "");
		if (year_month) {
			pen_year_month(w, f);
			return;
		}
		if (f->v[2]) {
			pen_digits(w, magnitude(f->v[2]), 1);
			pen_char(w, ' ');
		}
		pen_clock(w, f, 1);
	}
}

static void put_iso(struct pen *w, const struct fields *f)
{
	static const char units[] = "YMDHM";

	if (!f->negative && !f->positive) {
		pen_str(w, "PT0S");
		return;
	}
	pen_char(w, 'P');
	for (int i = 0; i < 5; i++) {
		if (i == 3 && has_time(f))
			pen_char(w, 'T');
		if (!f->v[i])
			continue;
		pen_int(w, f->v[i]);
		pen_char(w, units[i]);
	}
	if (f->seconds || f->usecs) {
		pen_str(w, f->seconds < 0 || f->usecs < 0 ? "-" : "");
		pen_seconds(w, f, 1);
		pen_char(w, 'S');
	}
}

size_t interval_put(enum interval_style style, char text[INTERVAL_TEXT_MAX], const struct interval *v)
{
	struct fields f = fields_of(v);
	struct pen w = {text};

	switch (style) {
	case INTERVAL_STYLE_UNKNOWN:
	case INTERVAL_STYLE_POSTGRES: put_postgres(&w, &f); break;
	case INTERVAL_STYLE_VERBOSE: put_verbose(&w, &f); break;
	case INTERVAL_STYLE_SQL: put_sql(&w, &f); break;
	case INTERVAL_STYLE_ISO: put_iso(&w, &f); break;
	}
	return (size_t)(w.p - text);
}

bool interval_fits(const struct interval *v, int32_t typmod)
{
	int range = typmod >> 16 & 0x7fff, precision = typmod & 0xffff;
	int64_t unit = 1;

	if (typmod == -1)
		return true;
	if (precision != FULL_PRECISION && precision > 6)
		return false;
	for (; precision < 6 && precision != FULL_PRECISION; precision++)
		unit *= 10;
	if (range == FULL_RANGE || range & FIELD_SECOND)
		return v->usecs % unit == 0;
	if (range & FIELD_MINUTE)
		return v->usecs % MINUTE_USECS == 0;
	if (range & FIELD_HOUR)
		return v->usecs % HOUR_USECS == 0;
	if (range & FIELD_DAY)
		return !v->usecs;
	if (range & FIELD_MONTH)
		return !v->usecs && !v->days;
	return range & FIELD_YEAR && !v->usecs && !v->days && v->months % 12 == 0;
}
