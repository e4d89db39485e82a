/* SPDX-License-Identifier: MIT */
#include "mask/normal.h"

#include <string.h>

#define UNSEEN 0 /* no character of a PostgreSQL text is NUL */

/* Characters from..to become as; STEP counts on from it, so that a block of ten digits or 26 letters is one
 * row. From Unicode 15: all of general category Nd, what NFKC makes digits, signs that stand in numbers and
 * addresses, or whole alphabets of, default ignorable code points, and combining marks that can be drawn over
 * a digit. Sorted. */
enum how { ALL = 0, STEP };
struct range {
	uint32_t from, to;
	uint8_t as;
	uint8_t how;
};
static const struct range ranges[] = {
	{0x00a0, 0x00a0, ' ', ALL},
	{0x00ad, 0x00ad, UNSEEN, ALL},
	{0x00b2, 0x00b3, '2', STEP},
	{0x00b7, 0x00b7, '.', ALL},
	{0x00b9, 0x00b9, '1', ALL},
	{0x0300, 0x036f, UNSEEN, ALL},
	{0x0488, 0x0489, UNSEEN, ALL},
	{0x061c, 0x061c, UNSEEN, ALL},
	{0x0660, 0x0669, '0', STEP},
	{0x06d4, 0x06d4, '.', ALL},
	{0x06f0, 0x06f9, '0', STEP},
	{0x07c0, 0x07c9, '0', STEP},
	{0x0966, 0x096f, '0', STEP},
	{0x09e6, 0x09ef, '0', STEP},
	{0x0a66, 0x0a6f, '0', STEP},
	{0x0ae6, 0x0aef, '0', STEP},
	{0x0b66, 0x0b6f, '0', STEP},
	{0x0be6, 0x0bef, '0', STEP},
	{0x0c66, 0x0c6f, '0', STEP},
	{0x0ce6, 0x0cef, '0', STEP},
	{0x0d66, 0x0d6f, '0', STEP},
	{0x0de6, 0x0def, '0', STEP},
	{0x0e50, 0x0e59, '0', STEP},
	{0x0ed0, 0x0ed9, '0', STEP},
	{0x0f20, 0x0f29, '0', STEP},
	{0x1040, 0x1049, '0', STEP},
	{0x1090, 0x1099, '0', STEP},
	{0x115f, 0x1160, UNSEEN, ALL},
	{0x1680, 0x1680, ' ', ALL},
	{0x17b4, 0x17b5, UNSEEN, ALL},
	{0x17e0, 0x17e9, '0', STEP},
	{0x180b, 0x180f, UNSEEN, ALL},
	{0x1810, 0x1819, '0', STEP},
	{0x1946, 0x194f, '0', STEP},
	{0x19d0, 0x19d9, '0', STEP},
	{0x1a80, 0x1a89, '0', STEP},
	{0x1a90, 0x1a99, '0', STEP},
	{0x1ab0, 0x1aff, UNSEEN, ALL},
	{0x1b50, 0x1b59, '0', STEP},
	{0x1bb0, 0x1bb9, '0', STEP},
	{0x1c40, 0x1c49, '0', STEP},
	{0x1c50, 0x1c59, '0', STEP},
	{0x1dc0, 0x1dff, UNSEEN, ALL},
	{0x2000, 0x200a, ' ', ALL},
	{0x200b, 0x200f, UNSEEN, ALL},
	{0x2010, 0x2015, '-', ALL},
	{0x2022, 0x2022, '.', ALL},
	{0x2024, 0x2024, '.', ALL},
	{0x2028, 0x2029, '\n', ALL},
	{0x202a, 0x202e, UNSEEN, ALL},
	{0x202f, 0x202f, ' ', ALL},
	{0x2043, 0x2043, '-', ALL},
	{0x2044, 0x2044, '/', ALL},
	{0x205f, 0x205f, ' ', ALL},
	{0x2060, 0x206f, UNSEEN, ALL},
	{0x2070, 0x2070, '0', ALL},
	{0x2074, 0x2079, '4', STEP},
	{0x207a, 0x207a, '+', ALL},
	{0x207b, 0x207b, '-', ALL},
	{0x207d, 0x207e, '(', STEP},
	{0x2080, 0x2089, '0', STEP},
	{0x208a, 0x208a, '+', ALL},
	{0x208b, 0x208b, '-', ALL},
	{0x208d, 0x208e, '(', STEP},
	{0x20d0, 0x20ff, UNSEEN, ALL},
	{0x2212, 0x2212, '-', ALL},
	{0x2215, 0x2215, '/', ALL},
	{0x2219, 0x2219, '.', ALL},
	{0x22c5, 0x22c5, '.', ALL},
	{0x2460, 0x2468, '1', STEP},
	{0x2474, 0x247c, '1', STEP},
	{0x2488, 0x2490, '1', STEP},
	{0x249c, 0x24b5, 'a', STEP},
	{0x24b6, 0x24cf, 'A', STEP},
	{0x24d0, 0x24e9, 'a', STEP},
	{0x24ea, 0x24ea, '0', ALL},
	{0x24f5, 0x24fd, '1', STEP},
	{0x24ff, 0x24ff, '0', ALL},
	{0x2776, 0x277e, '1', STEP},
	{0x2780, 0x2788, '1', STEP},
	{0x278a, 0x2792, '1', STEP},
	{0x2800, 0x2800, ' ', ALL},
	{0x3000, 0x3000, ' ', ALL},
	{0x3002, 0x3002, '.', ALL},
	{0x3007, 0x3007, '0', ALL},
	{0x3164, 0x3164, UNSEEN, ALL},
	{0xa620, 0xa629, '0', STEP},
	{0xa8d0, 0xa8d9, '0', STEP},
	{0xa900, 0xa909, '0', STEP},
	{0xa9d0, 0xa9d9, '0', STEP},
	{0xa9f0, 0xa9f9, '0', STEP},
	{0xaa50, 0xaa59, '0', STEP},
	{0xabf0, 0xabf9, '0', STEP},
	{0xfe00, 0xfe0f, UNSEEN, ALL},
	{0xfe20, 0xfe2f, UNSEEN, ALL},
	{0xfe52, 0xfe52, '.', ALL},
	{0xfe58, 0xfe58, '-', ALL},
	{0xfe62, 0xfe62, '+', ALL},
	{0xfe63, 0xfe63, '-', ALL},
	{0xfe6b, 0xfe6b, '@', ALL},
	{0xfeff, 0xfeff, UNSEEN, ALL},
	{0xff01, 0xff5e, '!', STEP},
	{0xff61, 0xff61, '.', ALL},
	{0xffa0, 0xffa0, UNSEEN, ALL},
	{0xfff0, 0xfffb, UNSEEN, ALL},
	{0x104a0, 0x104a9, '0', STEP},
	{0x10d30, 0x10d39, '0', STEP},
	{0x11066, 0x1106f, '0', STEP},
	{0x110f0, 0x110f9, '0', STEP},
	{0x11136, 0x1113f, '0', STEP},
	{0x111d0, 0x111d9, '0', STEP},
	{0x112f0, 0x112f9, '0', STEP},
	{0x11450, 0x11459, '0', STEP},
	{0x114d0, 0x114d9, '0', STEP},
	{0x11650, 0x11659, '0', STEP},
	{0x116c0, 0x116c9, '0', STEP},
	{0x11730, 0x11739, '0', STEP},
	{0x118e0, 0x118e9, '0', STEP},
	{0x11950, 0x11959, '0', STEP},
	{0x11c50, 0x11c59, '0', STEP},
	{0x11d50, 0x11d59, '0', STEP},
	{0x11da0, 0x11da9, '0', STEP},
	{0x11f50, 0x11f59, '0', STEP},
	{0x16a60, 0x16a69, '0', STEP},
	{0x16ac0, 0x16ac9, '0', STEP},
	{0x16b50, 0x16b59, '0', STEP},
	{0x1bca0, 0x1bca3, UNSEEN, ALL},
	{0x1d173, 0x1d17a, UNSEEN, ALL},
	{0x1e140, 0x1e149, '0', STEP},
	{0x1e2f0, 0x1e2f9, '0', STEP},
	{0x1e4f0, 0x1e4f9, '0', STEP},
	{0x1e950, 0x1e959, '0', STEP},
	{0x1f101, 0x1f10a, '0', STEP},
	{0x1f10b, 0x1f10c, '0', ALL},
	{0x1f130, 0x1f149, 'A', STEP},
	{0x1f150, 0x1f169, 'A', STEP},
	{0x1f170, 0x1f189, 'A', STEP},
	{0x1fbf0, 0x1fbf9, '0', STEP},
	{0xe0000, 0xe0fff, UNSEEN, ALL},
};

/* Mathematical letters and digits: bold, italic, script …, each a whole alphabet. */
#define MATH_LETTERS     0x1d400
#define MATH_LETTERS_END 0x1d6a3
#define MATH_DIGITS      0x1d7ce
#define MATH_DIGITS_END  0x1d7ff

/* From U+00C0 to U+017F; ? for the signs of multiplication and division. */
#define LATIN     0xc0
#define LATIN_END 0x17f
static const char latin[] = "AAAAAAACEEEEIIIIDNOOOOO?OUUUUYTsaaaaaaaceeeeiiiidnooooo?ouuuuyty"
			    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL"
			    "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static uint8_t ascii_of(uint32_t c)
{
	size_t lo = 0, hi = ARRAY_LEN(ranges);

	if (c >= LATIN && c <= LATIN_END)
		return latin[c - LATIN] == '?' ? NORMAL_OTHER : (uint8_t)latin[c - LATIN];
	if (c >= MATH_LETTERS && c <= MATH_LETTERS_END) {
		uint32_t i = (c - MATH_LETTERS) % 52;

		return (uint8_t)(i < 26 ? 'A' + i : 'a' + i - 26);
	}
	if (c >= MATH_DIGITS && c <= MATH_DIGITS_END)
		return (uint8_t)('0' + (c - MATH_DIGITS) % 10);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ranges[mid].to < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == ARRAY_LEN(ranges) || c < ranges[lo].from)
		return NORMAL_OTHER;
	return (uint8_t)(ranges[lo].as + (ranges[lo].how == STEP ? c - ranges[lo].from : 0));
}

/* Control characters are not drawn; these three are white space. */
static bool unseen_control(uint8_t b)
{
	return (b < ' ' && b != '\t' && b != '\n' && b != '\r') || b == 0x7f;
}

/* The next character of valid UTF-8. */
static uint32_t next(const uint8_t **p)
{
	uint32_t c = *(*p)++;
	unsigned more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more)
		c &= 0x3fu >> more;
	while (more--)
		c = c << 6 | (*(*p)++ & 0x3f);
	return c;
}

/* 16: it is none. */
static unsigned hex_value(uint8_t c)
{
	uint8_t small = c | 0x20;

	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return small >= 'a' && small <= 'f' ? (unsigned)(small - 'a') + 10 : 16;
}

/* %40: how long it is, and what it stands for; 0: for nothing that is drawn. */
static size_t percent(const uint8_t *p, size_t n, uint8_t *as)
{
	unsigned v = n < 3 ? 0 : hex_value(p[1]) << 4 | hex_value(p[2]);

	*as = (uint8_t)v;
	return n >= 3 && hex_value(p[1]) < 16 && hex_value(p[2]) < 16 && v >= ' ' && v < 0x7f ? 3 : 0;
}

/* &#64; &#x40; &commat; &nbsp; */
static size_t entity(const uint8_t *p, size_t n, uint8_t *as)
{
	static const struct {
		const char *name;
		uint8_t as;
	} names[] = {{"&commat;", '@'}, {"&nbsp;", ' '}, {"&period;", '.'}, {"&hyphen;", '-'},
		{"&dash;", '-'}, {"&num;", '#'}, {"&plus;", '+'}, {"&amp;", '&'}, {"&shy;", UNSEEN},
		{"&zwj;", UNSEEN}, {"&zwnj;", UNSEEN}, {"&ndash;", '-'}, {"&colon;", ':'}, {"&sol;", '/'},
		{"&lowbar;", '_'}};
	bool hex = n > 3 && (p[2] | 0x20) == 'x';
	size_t i = hex ? 3 : 2;
	uint32_t v = 0;

	if (n > 3 && p[1] == '#') {
		for (; i < n && i < 10 && hex_value(p[i]) < (hex ? 16u : 10u); i++)
			v = v * (hex ? 16 : 10) + hex_value(p[i]);
		if (i == n || p[i] != ';' || i == (hex ? 3u : 2u) || v < ' ' || v == 0x7f || v > 0x10ffff)
			return 0;
		*as = v < 0x7f ? (uint8_t)v : ascii_of(v);
		return i + 1;
	}
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (n >= strlen(names[i].name) && memcmp(p, names[i].name, strlen(names[i].name)) == 0) {
			*as = names[i].as;
			return strlen(names[i].name);
		}
	return 0;
}

/* The next character, and what it is in normal form. */
static uint8_t next_normal(const uint8_t **p, const uint8_t *end)
{
	size_t n = 0;
	uint32_t c;
	uint8_t as = 0;

	if (**p == '%')
		n = percent(*p, (size_t)(end - *p), &as);
	else if (**p == '&')
		n = entity(*p, (size_t)(end - *p), &as);
	if (n) {
		*p += n;
		return as;
	}
	c = next(p);
	return c >= 0x80 ? ascii_of(c) : unseen_control((uint8_t)c) ? UNSEEN : (uint8_t)c;
}

bool normal_of(struct normal *out, struct span utf8, struct arena *a)
{
	const uint8_t *p = utf8.p, *end = p + utf8.n, *from;
	size_t odd = 0;
	uint32_t *at;

	*out = (struct normal){0};
	if (utf8.n > NORMAL_MAX)
		return false;
	for (size_t i = 0; i < utf8.n; i++)
		odd += p[i] >= 0x80 || unseen_control(p[i]) || p[i] == '%' || p[i] == '&';
	out->b = arena_alloc(a, utf8.n + 1);
	if (!out->b)
		return false;
	if (!odd) {
		if (utf8.n)
			memcpy(out->b, p, utf8.n);
		out->n = utf8.n;
		return true;
	}
	at = arena_alloc(a, (utf8.n + 1) * sizeof(*at));
	if (!at)
		return false;
	while (p < end) {
		uint8_t b;

		from = p;
		b = next_normal(&p, end);
		if (b == UNSEEN)
			continue;
		at[out->n] = (uint32_t)(from - utf8.p);
		out->b[out->n++] = b;
	}
	at[out->n] = (uint32_t)utf8.n;
	out->at = at;
	return true;
}

/* A letter that has an accent in the text, as it has in a pattern. */
static bool is_latin(const uint8_t *p)
{
	uint32_t c = next(&p);

	return c >= LATIN && c <= LATIN_END;
}

bool normal_visible(struct visible *out, const struct normal *t, struct span utf8, struct arena *a)
{
	uint32_t *place;
	uint8_t *text;
	size_t n = 0;

	*out = (struct visible){.text = utf8};
	if (!t->at)
		return true;
	text = arena_alloc(a, utf8.n + 1);
	place = arena_alloc(a, (utf8.n + 1) * sizeof(*place));
	if (!text || !place)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		const uint8_t *p = utf8.p + t->at[i], *from = p;
		bool kept = *p >= 0x80 && (t->b[i] == NORMAL_OTHER || is_latin(p));

		if (kept)
			next(&p);
		for (; from < p; n++) {
			place[n] = (uint32_t)i;
			text[n] = *from++;
		}
		/* An entity of what has no ASCII form is as good as any other letter. */
		if (!kept) {
			place[n] = (uint32_t)i;
			text[n++] = t->b[i] == NORMAL_OTHER ? 'z' : t->b[i];
		}
	}
	place[n] = (uint32_t)t->n;
	out->text = span_of(text, n);
	out->place = place;
	return true;
}

struct span normal_source(const struct normal *t, struct span utf8, size_t from, size_t to)
{
	if (t->at) {
		from = t->at[from];
		to = t->at[to];
	}
	return span_of(utf8.p + from, to - from);
}
