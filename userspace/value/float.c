/* SPDX-License-Identifier: MIT */
#include "value/float.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/cell.h"

/* Every integer below is a double, and its text is the same in any number of digits. */
#define EXACT_INTEGER 1e15

static bool special(struct span text, double *v)
{
	if (span_is(text, "NaN"))
		*v = NAN;
	else if (span_is(text, "Infinity"))
		*v = INFINITY;
	else if (span_is(text, "-Infinity"))
		*v = -INFINITY;
	else
		return false;
	return true;
}

bool float_get(struct span text, bool single, double *v)
{
	char copy[64], *end;
	bool digit = false;

	if (special(text, v))
		return true;
	if (!text.n || text.n >= sizeof(copy))
		return false;
	/* strtod knows more than the server writes: hexadecimal, blanks, "inf". */
	for (size_t i = 0; i < text.n; i++) {
		char c = (char)text.p[i];

		if ((c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E')
			return false;
		digit |= c >= '0' && c <= '9';
		copy[i] = c;
	}
	copy[text.n] = '\0';
	*v = single ? (double)strtof(copy, &end) : strtod(copy, &end);
	return digit && *end == '\0' && isfinite(*v);
}

/* "1.500e+20" is "1.5e+20". */
static size_t without_zeros(char *text, size_t n)
{
	char *e = memchr(text, 'e', n), *end = e;

	if (!e || !memchr(text, '.', n))
		return n;
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	memmove(end, e, n - (size_t)(e - text));
	return n - (size_t)(e - end);
}

size_t float_put(char text[FLOAT_TEXT_MAX], bool single, double v)
{
	struct pen w = {text};
	int digits, most = single ? 9 : 17, n = 0;
	bool large =
		fabs(v) >= (single ? 1e6 : EXACT_INTEGER); /* the server writes an exponent from here on */

	if (isnan(v) || isinf(v)) {
		pen_str(&w, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
		return (size_t)(w.p - text);
	}
	if (v == trunc(v) && !large && !(v == 0 && signbit(v))) {
		pen_int(&w, (int64_t)v);
		return (size_t)(w.p - text);
	}
	/* Whatever has that many digits is the only one of them; below, a subnormal has fewer. */
	digits = fabs(v) < (single ? (double)FLT_MIN : DBL_MIN) ? 1 : single ? 6 : 15;
	for (; digits <= most; digits++) {
		n = large ? snprintf(text, FLOAT_TEXT_MAX, "%.*e", digits - 1, v)
			  : snprintf(text, FLOAT_TEXT_MAX, "%.*g", digits, v);
		if (digits == most || (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v))
			break;
	}
	return large ? without_zeros(text, (size_t)n) : (size_t)n;
}
