/* SPDX-License-Identifier: MIT */
#include "value/money.h"

#include <string.h>

#include "value/cell.h"

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The text without what stands before its first and behind its last digit. */
static struct span body_of(struct span text, struct span *before, struct span *after)
{
	size_t first = 0, end = text.n;

	while (first < text.n && !digit(text.p[first]))
		first++;
	while (end > first && !digit(text.p[end - 1]))
		end--;
	*before = span_of(text.p, first);
	*after = span_of(text.p + end, text.n - end);
	return span_of(text.p + first, end - first);
}

static bool take(char *out, size_t cap, struct span s)
{
	if (s.n >= cap || (s.n && memchr(s.p, 0, s.n)))
		return false;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* "1,234,567.00": what stands between the digits. */
static bool learn_body(struct money_format *f, struct span body)
{
	size_t whole = sizeof(MONEY_SAMPLE) - 1, seen = 0, since = 0, i = 0;

	while (i < body.n) {
		struct span sep = {body.p + i, 0};

		if (digit(body.p[i])) {
			seen++;
			since++;
			i++;
			continue;
		}
		while (i < body.n && !digit(body.p[i])) {
			sep.n++;
			i++;
		}
		if (seen < whole ? !take(f->group, sizeof(f->group), sep)
				 : !take(f->point, sizeof(f->point), sep))
			return false;
		if (seen == whole && f->group[0])
			f->group_len = (uint8_t)since;
		since = 0;
	}
	if (seen < whole || seen > whole + 9)
		return false;
	if (f->group[0] && !f->group_len)
		f->group_len = (uint8_t)since;
	f->fraction = (uint8_t)(seen - whole);
	return true;
}

bool money_format_learn(struct money_format *f, struct span positive, struct span negative)
{
	int64_t amount = 1234567;
	struct span before, after;
	char text[MONEY_TEXT_MAX];

	*f = (struct money_format){0};
	f->known = learn_body(f, body_of(positive, &before, &after)) &&
		   take(f->before[0], sizeof(f->before[0]), before) &&
		   take(f->after[0], sizeof(f->after[0]), after);
	body_of(negative, &before, &after);
	f->known = f->known && take(f->before[1], sizeof(f->before[1]), before) &&
		   take(f->after[1], sizeof(f->after[1]), after);
	for (unsigned i = 0; i < f->fraction; i++)
		amount *= 10;
	/* Understood is what comes out the same again; and the two must differ. */
	f->known = f->known && span_eq(span_of(text, money_put(f, text, amount)), positive) &&
		   span_eq(span_of(text, money_put(f, text, -amount)), negative) &&
		   !span_eq(positive, negative);
	return f->known;
}

size_t money_put(const struct money_format *f, char text[MONEY_TEXT_MAX], int64_t amount)
{
	bool negative = amount < 0;
	uint64_t v = negative ? -(uint64_t)amount : (uint64_t)amount;
	struct pen w = {text};
	char digits[24];
	unsigned n = 0;

	if (!f->known)
		return 0;
	for (; v || n <= f->fraction; v /= 10)
		digits[n++] = (char)('0' + v % 10);
	pen_str(&w, f->before[negative]);
	while (n--) {
		pen_char(&w, digits[n]);
		if (n && n == f->fraction)
			pen_str(&w, f->point);
		else if (n > f->fraction && f->group_len && (n - f->fraction) % f->group_len == 0)
			pen_str(&w, f->group);
	}
	pen_str(&w, f->after[negative]);
	return (size_t)(w.p - text);
}

static bool amount_of(struct span body, bool negative, int64_t *amount)
{
	*amount = 0;
	for (size_t i = 0; i < body.n; i++) {
		if (!digit(body.p[i]))
			continue;
		if (__builtin_mul_overflow(*amount, 10, amount))
			return false;
		/* Counted downwards where it is negative, so that INT64_MIN has room. */
		if (negative ? __builtin_sub_overflow(*amount, body.p[i] - '0', amount)
			     : __builtin_add_overflow(*amount, body.p[i] - '0', amount))
			return false;
	}
	return true;
}

bool money_get(const struct money_format *f, struct span text, int64_t *amount)
{
	struct span before, after, body;
	char again[MONEY_TEXT_MAX];

	if (!f->known || text.n > MONEY_TEXT_MAX)
		return false;
	body = body_of(text, &before, &after);
	for (int negative = 0; negative < 2; negative++)
		if (amount_of(body, negative, amount) &&
			span_eq(span_of(again, money_put(f, again, *amount)), text))
			return true;
	return false;
}
