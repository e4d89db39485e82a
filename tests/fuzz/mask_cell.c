/* SPDX-License-Identifier: MIT */
/* One mask on one cell. Input: kind, type, format (and how the typmod is read), parameters, four bytes of
 * typmod, then the cell. The server's own functions are not at hand; what stands for them is that the readers
 * understand the result and that the writers, asked for the same value, write the same bytes. */
#include "mask/mask.h"

#include <stdlib.h>
#include <string.h>

#include "mask/jsonpath.h"
#include "mask/regex.h"
#include "value/numeric.h"
#include "value/utf8.h"
#include "value_styles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define HEAD        8
#define REQUIRE(ok) ((ok) ? (void)0 : abort())

static int32_t typmod_of(enum value_type t, uint32_t raw)
{
	uint32_t size = 4 + (raw >> 8) % 100;

	if (raw & 0x80) /* as the wire may say; long columns only take time */
		return (int32_t)(raw & 0x40000000 ? raw : raw % 100000);
	if (raw & 0x40)
		return -1;
	if (t == VALUE_NUMERIC) /* precisions and scales that often agree */
		return (int32_t)(4 + ((raw >> 8) % 40 << 16 | (((raw >> 16) % 50 - 10) & 0x7ff)));
	return (int32_t)size;
}

/* The result is a value of the type, within what the typmod allows. */
static void check_valid(struct arena *a, const struct value_shape *s, struct span out)
{
	struct span canonical, again, text;
	int precision, scale;

	if (s->type == VALUE_MONEY && !s->style) {
		REQUIRE(span_eq(
			out, s->format == VALUE_TEXT_FORMAT ? SPAN_LIT("0") : SPAN_LIT("\0\0\0\0\0\0\0\0")));
		return;
	}
	REQUIRE(value_canonical(a, s, out, &canonical));
	if (value_is_text(s->type)) {
		REQUIRE(value_get_text(s, out, &text) && utf8_valid(out));
		REQUIRE(value_text_fits(s, out));
		if (s->type == VALUE_NAME)
			REQUIRE(out.n <= 63);
		if (s->type == VALUE_BPCHAR && s->typmod != -1)
			REQUIRE(utf8_chars(out) == (size_t)s->typmod - 4);
		if (s->type == VALUE_VARCHAR && s->typmod != -1)
			REQUIRE(utf8_chars(out) <= (size_t)s->typmod - 4);
		return;
	}
	if (s->type == VALUE_NUMERIC && s->typmod != -1)
		REQUIRE(numeric_typmod(s->typmod, &precision, &scale));
	if (s->type == VALUE_XML) {
		REQUIRE(out.n > 4 && out.p[0] == '<' && out.p[out.n - 1] == '>');
		return;
	}
	if (value_family(s->type) == FAMILY_JSON) /* JSON, as the canonical form says */
		return;
	/* Written again from the canonical form: the same bytes, so the range and the scale are right. */
	again = value_put_literal(a, s, canonical);
	REQUIRE(again.p && span_eq(again, out));
}

static struct value_shape turned(const struct value_shape *s)
{
	struct value_shape other = *s;

	other.format = s->format == VALUE_TEXT_FORMAT ? VALUE_BINARY_FORMAT : VALUE_TEXT_FORMAT;
	return other;
}

static const uint8_t null_masked[1];
#define NULL_MASKED span_of(null_masked, 0)

/* What the mask makes of the same value in the other format; NULL_MASKED where that is NULL, .p == NULL where
 * the cell holds no value that could be written so. */
static struct span in_other_format(
	struct arena *a, const struct mask *m, const struct value_shape *s, struct span cell)
{
	struct value_shape other = turned(s);
	struct span canonical, turn, out;

	if (!value_canonical(a, s, cell, &canonical))
		return (struct span){0};
	turn = value_put_literal(a, &other, canonical);
	if (!turn.p)
		return (struct span){0};
	out = mask_apply(m, &other, turn, a);
	return out.p ? out : NULL_MASKED;
}

static bool same_value(struct arena *a, const struct value_shape *s, struct span out, struct span other)
{
	struct value_shape turn = turned(s);
	struct span x, y;

	if (!out.p)
		return other.p == NULL_MASKED.p;
	if (s->type == VALUE_MONEY && !s->style)
		return true; /* zero, which check_valid knows */
	return value_canonical(a, s, out, &x) && value_canonical(a, &turn, other, &y) && span_eq(x, y);
}

/* The same paths with and without what no path names. */
static struct jsonpath *paths(bool keep)
{
	static const char *const texts[] = {"$.a", "$..b", "$.c[*].d", "$[1]", "$.*.e[0]"};
	static const struct mask masks[] = {{.kind = MASK_REDACT}, {.kind = MASK_NULL}, {.kind = MASK_EMAIL},
		{.kind = MASK_PARTIAL, .last = 1, .fill = "*"}};
	struct jsonpath *p;
	struct err e;

	REQUIRE(!jsonpath_new(&p, keep, NULL));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct mask m = i < ARRAY_LEN(masks) ? masks[i] : (struct mask){0};

		REQUIRE(!jsonpath_add(p, texts[i], i < ARRAY_LEN(masks) ? &m : NULL, &e));
	}
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct jsonpath *path[2];
	static const char *const literals[] = {"n/a", "0", "-12.5", "t", "1970-01-01", "", "9999999999",
		"\xff", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "infinity", "2000-01-01 00:00:00.5+02",
		"\xc3\xa9\xc3\xa9"};
	static const char *const patterns[] = {
		"(.).*", "[0-9]+", "(?:(a)|.)+", "(\\w+)@(.*)", "(.+)+x", "\\b.", "\\d\\K.", "(?=.)."};
	/* Not in the order of the enum, which grows in the middle: the corpus keeps its meaning. */
	static const enum mask_kind kinds[] = {MASK_NULL, MASK_REDACT, MASK_FIXED, MASK_HASH, MASK_DATE,
		MASK_NUMBER, MASK_EMAIL, MASK_PARTIAL, MASK_REGEX, MASK_DETECT, MASK_TOKEN, MASK_FPE,
		MASK_NOISE};
	static const char *const alphabets[] = {FPE_DIGITS, "01", "abcdefghijklmnopqrstuvwxyz", " -.0aZ"};
	static struct regex *regexes[ARRAY_LEN(patterns) * 2];
	static const char *const fills[] = {"*", "\xe2\x80\xa2", "", "xy"};
	struct mask m = {.domain = "fuzz"};
	static struct value_style styles[STYLES];
	struct value_shape s = {0};
	struct arena a = {0};
	struct span out, other, canonical;
	uint8_t *cell, key[HMAC_KEY_LEN];

	if (n < HEAD)
		return 0;
	m.kind = kinds[data[0] % ARRAY_LEN(kinds)];
	m.first = data[3] & 7;
	m.last = data[3] >> 3 & 7;
	m.keep_domain = data[3] & 1;
	m.unit = (enum time_unit)(data[3] & 7);
	m.bucket = data[3] & 1;
	m.detectors.bits[0] = data[2] >> 3;
	m.replace = (enum replace)(data[2] >> 1 & 3);
	m.step = (uint64_t)data[3] * data[3] * data[3];
	strcpy(m.fill, fills[data[3] >> 6]);
	m.fixed = (char *)literals[data[3] % ARRAY_LEN(literals)];
	m.mail = data[3] & 1;
	strcpy(m.alphabet, alphabets[data[3] >> 6]);
	if (!path[0])
		for (unsigned i = 0; i < 2; i++)
			path[i] = paths(i);
	m.paths = path[data[3] & 1];
	m.fake = (enum fake)(data[3] & 7);
	m.noise = m.step * m.step + 1;
	m.relative = data[3] & 1;
	if (m.relative && data[3] & 2)
		m.noise = m.noise % NOISE_ONE + 1;
	m.luhn = data[3] < 64 && data[3] & 1;
	memset(key, data[3], sizeof(key));
	mask_key_init(&m, key);
	s.type = (enum value_type)(data[1] % VALUE_TYPE_COUNT);
	s.format = data[2] & 1 ? VALUE_BINARY_FORMAT : VALUE_TEXT_FORMAT;
	for (size_t i = 0; i < STYLES && !styles[STYLES - 1].date; i++)
		styles[i] = style_at(i);
	s.style = data[2] >> 1 & 15 ? &styles[data[2] >> 1 & 7] : NULL;
	s.typmod = typmod_of(
		s.type, (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 | (uint32_t)data[6] << 8 | data[7]);
	if (!regexes[0])
		for (size_t i = 0; i < ARRAY_LEN(regexes); i++) {
			enum regex_part part;
			struct err e;

			REQUIRE(!regex_new(&regexes[i], patterns[i / 2], i % 4 < 2 ? "<x>" : "ab\\\\",
				(enum regex_match)(i & 1), &part, &e));
		}
	m.regex = regexes[data[3] % ARRAY_LEN(regexes)];
	n -= HEAD;
	cell = malloc(n ? n : 1); /* its own block, so that ASan sees one byte too many */
	if (!cell)
		return 0;
	if (n)
		memcpy(cell, data + HEAD, n);

	out = mask_apply(&m, &s, span_of(cell, n), &a);
	REQUIRE(s.type != VALUE_OTHER || !out.p);
	REQUIRE(m.kind != MASK_NULL || !out.p);
	if (!mask_reads_input(m.kind)) {
		other = mask_apply(&m, &s, SPAN_LIT("1"), &a);
		REQUIRE((out.p != NULL) == (other.p != NULL) && span_eq(out, other));
	}
	other = in_other_format(&a, &m, &s, span_of(cell, n));
	free(cell); /* the result may not borrow from the cell */
	/* A number in which nothing is detected is sent as it came, however it was written. */
	if (out.p && m.kind == MASK_DETECT && !value_is_text(s.type))
		REQUIRE(value_canonical(&a, &s, out, &canonical));
	else if (out.p)
		check_valid(&a, &s, out);
	REQUIRE(!other.p || same_value(&a, &s, out, other));
	arena_fini(&a);
	return 0;
}
