/* SPDX-License-Identifier: MIT */
/* One mask on one cell. Input: kind, type, format (and how the typmod is read), parameters, four bytes of
 * typmod, then the cell. The server's own functions are not at hand; what stands for them is that the readers
 * understand the result and that the writers, asked for the same value, write the same bytes. */
#include "mask/mask.h"

#include <stdlib.h>
#include <string.h>

#include "value/numeric.h"
#include "value/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define HEAD        8
#define REQUIRE(ok) ((ok) ? (void)0 : abort())

static int32_t typmod_of(enum value_type t, uint32_t raw)
{
	uint32_t size = 4 + (raw >> 8) % 100;

	if (raw & 0x80) /* as the wire may say */
		return (int32_t)raw;
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
	/* Written again from the canonical form: the same bytes, so the range and the scale are right. */
	again = value_put_literal(a, s, canonical);
	REQUIRE(again.p && span_eq(again, out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const literals[] = {"n/a", "0", "-12.5", "t", "1970-01-01", "", "9999999999",
		"\xff", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "infinity", "2000-01-01 00:00:00.5+02",
		"\xc3\xa9\xc3\xa9"};
	static const char *const fills[] = {"*", "\xe2\x80\xa2", "", "xy"};
	struct mask m = {.domain = "fuzz"};
	struct value_shape s;
	struct arena a = {0};
	struct span out, other;
	uint8_t *cell;

	if (n < HEAD)
		return 0;
	m.kind = (enum mask_kind)(data[0] % (MASK_LAST + 1));
	m.first = data[3] & 7;
	m.last = data[3] >> 3 & 7;
	m.keep_domain = data[3] & 1;
	m.unit = (enum time_unit)(data[3] & 7);
	m.bucket = data[3] & 1;
	m.step = (uint64_t)data[3] * data[3] * data[3];
	strcpy(m.fill, fills[data[3] >> 6]);
	m.fixed = (char *)literals[data[3] % ARRAY_LEN(literals)];
	memset(m.key, data[3], sizeof(m.key));
	s.type = (enum value_type)(data[1] % VALUE_TYPE_COUNT);
	s.format = data[2] & 1 ? VALUE_BINARY_FORMAT : VALUE_TEXT_FORMAT;
	s.typmod = typmod_of(
		s.type, (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 | (uint32_t)data[6] << 8 | data[7]);
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
	free(cell); /* the result may not borrow from the cell */
	if (out.p)
		check_valid(&a, &s, out);
	arena_fini(&a);
	return 0;
}
