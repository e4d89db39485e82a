/* SPDX-License-Identifier: MIT */
/* Bytes and bits of value.h: bytea, "char", bit and varbit. */
#include "value/cell.h"
#include "value/value.h"

#define BITS_MAX  ((size_t)83886080)   /* MaxAttrSize * BITS_PER_BYTE: the longest bit(n) */
#define MAX_BYTES ((size_t)0x1ffffff0) /* its hexadecimal text is a value too */

/* Longer ones are not written: a short cell of such a column would become megabytes. */
#define BITS_WRITTEN_MAX ((size_t)1 << 20)

static const struct span none = {0};
static const char hex[] = "0123456789abcdef";

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct span value_put_bytes(struct arena *a, const struct value_shape *s, struct span bytes)
{
	uint8_t *mem, *w;

	if (s->type != VALUE_BYTEA || bytes.n > MAX_BYTES)
		return none;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_copy(a, bytes.p, bytes.n);
	/* Whatever bytea_output says: the server takes both forms, and so does every driver. */
	w = mem = arena_alloc(a, 2 + bytes.n * 2);
	if (!mem)
		return none;
	*w++ = '\\';
	*w++ = 'x';
	for (size_t i = 0; i < bytes.n; i++) {
		*w++ = (uint8_t)hex[bytes.p[i] >> 4];
		*w++ = (uint8_t)hex[bytes.p[i] & 15];
	}
	return span_of(mem, (size_t)(w - mem));
}

static bool from_hex(struct span digits, uint8_t *w)
{
	for (size_t i = 0; i + 1 < digits.n; i += 2) {
		int high = hex_of(digits.p[i]), low = hex_of(digits.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		*w++ = (uint8_t)(high << 4 | low);
	}
	return digits.n % 2 == 0;
}

static bool octal(const uint8_t *p, uint8_t *byte)
{
	if (p[0] < '0' || p[0] > '3' || p[1] < '0' || p[1] > '7' || p[2] < '0' || p[2] > '7')
		return false;
	*byte = (uint8_t)((p[0] - '0') << 6 | (p[1] - '0') << 3 | (p[2] - '0'));
	return true;
}

/* \ooo and \\ are escapes; every other byte stands for itself. */
static bool from_escape(struct span text, uint8_t *w, size_t *n)
{
	uint8_t *start = w;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '\\') {
			*w++ = text.p[i];
		} else if (i + 1 < text.n && text.p[i + 1] == '\\') {
			*w++ = '\\';
			i++;
		} else if (i + 3 < text.n && octal(text.p + i + 1, w)) {
			w++;
			i += 3;
		} else {
			return false;
		}
	}
	*n = (size_t)(w - start);
	return true;
}

bool value_get_bytes(struct arena *a, const struct value_shape *s, struct span cell, struct span *bytes)
{
	uint8_t *mem;
	size_t n;

	if (s->type != VALUE_BYTEA)
		return false;
	*bytes = cell;
	if (s->format == VALUE_BINARY_FORMAT)
		return true;
	mem = arena_alloc(a, cell.n);
	if (!mem)
		return false;
	if (cell.n >= 2 && cell.p[0] == '\\' && cell.p[1] == 'x') {
		n = (cell.n - 2) / 2;
		if (!from_hex(span_of(cell.p + 2, cell.n - 2), mem))
			return false;
	} else if (!from_escape(cell, mem, &n)) {
		return false;
	}
	*bytes = span_of(mem, n);
	return true;
}

struct span value_put_char(struct arena *a, const struct value_shape *s, uint8_t c)
{
	/* Beyond ASCII the two formats and the server's versions differ. */
	return s->type == VALUE_CHAR && c && c < 0x80 ? cell_copy(a, &c, 1) : none;
}

bool value_get_char(const struct value_shape *s, struct span cell, uint8_t *c)
{
	if (s->type != VALUE_CHAR)
		return false;
	*c = cell.n ? cell.p[0] : 0;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell.n == 1;
	if (cell.n == 4 && *c == '\\')
		return octal(cell.p + 1, c) && *c >= 0x80;
	return cell.n <= 1 && (!cell.n || *c);
}

bool value_bits_fit(const struct value_shape *s, size_t n)
{
	if (value_family(s->type) != FAMILY_BITS || n > BITS_MAX)
		return false;
	if (s->typmod == -1)
		return true;
	if (s->typmod < 1 || (size_t)s->typmod > BITS_MAX)
		return false;
	return s->type == VALUE_BIT ? n == (size_t)s->typmod : n <= (size_t)s->typmod;
}

static bool bit_at(struct span bytes, size_t i)
{
	return i / 8 < bytes.n && bytes.p[i / 8] >> (7 - i % 8) & 1;
}

struct span value_put_bits(struct arena *a, const struct value_shape *s, struct span bytes, size_t n)
{
	uint8_t *mem;
	size_t len = s->format == VALUE_TEXT_FORMAT ? n : 4 + (n + 7) / 8;

	if (!value_bits_fit(s, n) || n > BITS_WRITTEN_MAX)
		return none;
	mem = arena_alloc(a, len);
	if (!mem)
		return none;
	if (s->format == VALUE_TEXT_FORMAT) {
		for (size_t i = 0; i < n; i++)
			mem[i] = bit_at(bytes, i) ? '1' : '0';
		return span_of(mem, len);
	}
	for (int i = 0; i < 4; i++)
		mem[i] = (uint8_t)((uint32_t)n >> (24 - 8 * i));
	memset(mem + 4, 0, len - 4);
	for (size_t i = 0; i < n; i++)
		mem[4 + i / 8] |= (uint8_t)(bit_at(bytes, i) << (7 - i % 8));
	return span_of(mem, len);
}

static bool get_bits_text(struct arena *a, struct span cell, struct span *bytes, size_t *n)
{
	uint8_t *mem = arena_zalloc(a, (cell.n + 7) / 8);

	if (!mem)
		return false;
	for (size_t i = 0; i < cell.n; i++) {
		if (cell.p[i] != '0' && cell.p[i] != '1')
			return false;
		mem[i / 8] |= (uint8_t)((cell.p[i] - '0') << (7 - i % 8));
	}
	*bytes = span_of(mem, (cell.n + 7) / 8);
	*n = cell.n;
	return true;
}

bool value_get_bits(
	struct arena *a, const struct value_shape *s, struct span cell, struct span *bytes, size_t *n)
{
	struct cur c = cur_of(cell);

	if (value_family(s->type) != FAMILY_BITS)
		return false;
	if (s->format == VALUE_TEXT_FORMAT)
		return get_bits_text(a, cell, bytes, n);
	*n = cur_be32(&c);
	*bytes = cur_rest(&c);
	if (cur_end(&c) != WIRE_OK || *n > BITS_MAX || bytes->n != (*n + 7) / 8)
		return false;
	for (size_t i = *n; i < bytes->n * 8; i++)
		if (bit_at(*bytes, i))
			return false;
	return true;
}
