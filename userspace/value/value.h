/* SPDX-License-Identifier: MIT */
/* value: reads and writes one value of a built-in type in text and in binary format. What it writes, the
 * server's own input function for the type (text) or receive function (binary) accepts. Never allocates
 * beyond the given arena. */
#ifndef PGVEIL_VALUE_VALUE_H
#define PGVEIL_VALUE_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "value/desc.h"
#include "value/net.h"
#include "value/style.h"
#include "value/type.h"

struct numeric;  /* value/numeric.h */
struct interval; /* value/interval.h */

enum value_format { VALUE_TEXT_FORMAT = 0, VALUE_BINARY_FORMAT = 1 };

/* How a column is declared; from RowDescription or the catalogue. */
struct value_shape {
	enum value_type type;
	/* -1: none. varchar/bpchar: 4 + characters; numeric: 4 + (precision << 16 | scale & 0x7ff) */
	int32_t typmod;
	enum value_format format;
	/* type is VALUE_OTHER then: an array, a composite, an enum or a range. NULL: a scalar. */
	const struct value_desc *desc;
	/* Of the session that the cell is part of, at that moment; NULL: not known. */
	const struct value_style *style;
};

/* The shape of an element or a field of a whole that has parts; what else the whole says holds for it too. */
struct value_shape value_part(const struct value_shape *whole, unsigned part);

bool value_is_number(enum value_type t); /* int2/4/8, numeric, float4/8, money */

/* Characters the type can hold; SIZE_MAX without a limit; name: 63 bytes. 0 for what is no text and for a
 * typmod that the server cannot have made. */
size_t value_text_limit(const struct value_shape *s);
/* Whether value_put_text would write all of it: text that PostgreSQL can hold (UTF-8 without NUL), within the
 * limit. */
bool value_text_fits(const struct value_shape *s, struct span utf8);

/* Writers: a view into arena memory, or .p == NULL where the value cannot be expressed in the type (out of
 * the typmod's range, not UTF-8, another type …) or memory ran out. The caller sends NULL then, never the
 * original. Only finite numbers and dates are written. */

/* Cut to the typmod by characters; bpchar is blank padded. */
struct span value_put_text(struct arena *a, const struct value_shape *s, struct span utf8);
/* The number v in any type of numbers: int2/4/8, numeric, float4/8, money (whole units). */
struct span value_put_int(struct arena *a, const struct value_shape *s, int64_t v);
/* Likewise, exactly (in a float: the nearest one). Finite only. */
struct span value_put_number(struct arena *a, const struct value_shape *s, const struct numeric *v);
struct span value_put_float(struct arena *a, const struct value_shape *s, double v); /* float4/8 */
/* In the currency's smallest unit. Other amounts than 0 want a style that knows how money is written. */
struct span value_put_money(struct arena *a, const struct value_shape *s, int64_t amount);
struct span value_put_bool(struct arena *a, const struct value_shape *s, bool v);
struct span value_put_uuid(struct arena *a, const struct value_shape *s, const uint8_t uuid[16]);
/* Days since 2000-01-01. */
struct span value_put_date(struct arena *a, const struct value_shape *s, int32_t days);
/* Microseconds since 2000-01-01 00:00; timestamptz in UTC. */
struct span value_put_timestamp(struct arena *a, const struct value_shape *s, int64_t usecs);
/* Microseconds since midnight; timetz: west seconds west of UTC. */
struct span value_put_time(struct arena *a, const struct value_shape *s, int64_t usecs, int32_t west);
struct span value_put_interval(struct arena *a, const struct value_shape *s, const struct interval *v);
/* In hexadecimal where the format is text, whatever bytea_output says. */
struct span value_put_bytes(struct arena *a, const struct value_shape *s, struct span bytes);
struct span value_put_char(struct arena *a, const struct value_shape *s, uint8_t c); /* "char": ASCII */
/* The first n bits of bytes, zeros behind their end; bit(n) holds exactly n; of more than 2^20
 * none is written. */
struct span value_put_bits(struct arena *a, const struct value_shape *s, struct span bytes, size_t n);
bool value_bits_fit(const struct value_shape *s, size_t n);
struct span value_put_net(struct arena *a, const struct value_shape *s, const struct netaddr *v);
/* value_mac_len bytes: 6, 8, or 0 for other types. */
struct span value_put_mac(struct arena *a, const struct value_shape *s, const uint8_t *mac);
size_t value_mac_len(enum value_type t);
/* json and jsonb: text that is JSON and that the type can hold; or a text as a JSON string. */
struct span value_put_json(struct arena *a, const struct value_shape *s, struct span text);
struct span value_put_json_string(struct arena *a, const struct value_shape *s, struct span utf8);
/* One element with utf8, escaped, as its text. */
struct span value_put_xml(
	struct arena *a, const struct value_shape *s, const char *element, struct span utf8);
/* Any type from its text form as an operator writes it in a policy ("0", "1970-01-01", "t", "n/a"); ISO for
 * dates; json: JSON, or else a text that becomes a string; xml: a text that becomes an element "fixed".
 * Nothing is cut or rounded: what does not fit gives .p == NULL. */
struct span value_put_literal(struct arena *a, const struct value_shape *s, struct span text);

/* Readers: what a cell holds. false: not a valid value of the type in that format; the caller masks it whole.
 */

/* Text family: the same bytes in both formats, valid UTF-8; bpchar without its padding. Borrows from the
 * cell. */
MUSTCHECK bool value_get_text(const struct value_shape *s, struct span cell, struct span *utf8);
/* Any type of numbers, as a decimal; of a float its shortest text. May be NaN or infinite. */
MUSTCHECK bool value_get_number(
	struct arena *a, const struct value_shape *s, struct span cell, struct numeric *v);
MUSTCHECK bool value_get_float(const struct value_shape *s, struct span cell, double *v); /* float4/8 */
/* In the smallest unit. Wants a style that knows how money is written, in binary too: two formats of one
 * column are masked alike. */
MUSTCHECK bool value_get_money(const struct value_shape *s, struct span cell, int64_t *amount);
/* As for the writers; date and timestamp may be infinite (value/datetime.h). */
MUSTCHECK bool value_get_date(const struct value_shape *s, struct span cell, int32_t *days);
MUSTCHECK bool value_get_timestamp(const struct value_shape *s, struct span cell, int64_t *usecs);
MUSTCHECK bool value_get_time(const struct value_shape *s, struct span cell, int64_t *usecs, int32_t *west);
MUSTCHECK bool value_get_interval(const struct value_shape *s, struct span cell, struct interval *v);
MUSTCHECK bool value_get_bytes(
	struct arena *a, const struct value_shape *s, struct span cell, struct span *bytes);
MUSTCHECK bool value_get_char(const struct value_shape *s, struct span cell, uint8_t *c);
MUSTCHECK bool value_get_bits(
	struct arena *a, const struct value_shape *s, struct span cell, struct span *bytes, size_t *n);
MUSTCHECK bool value_get_net(const struct value_shape *s, struct span cell, struct netaddr *v);
MUSTCHECK bool value_get_mac(const struct value_shape *s, struct span cell, uint8_t mac[8]);
/* The text, in both formats; not yet known to be JSON or XML. */
MUSTCHECK bool value_get_json(const struct value_shape *s, struct span cell, struct span *text);
MUSTCHECK bool value_get_xml(const struct value_shape *s, struct span cell, struct span *text);
/* int2/4/8. */
MUSTCHECK bool value_get_int(const struct value_shape *s, struct span cell, int64_t *v);
/* The value in a form that is the same in text and in binary, for keyed hashing, and that value_put_literal
 * reads again unless it is infinite or NaN: numbers without needless zeros (numeric: 15e-1), t/f, ISO dates,
 * UTC. The same for equal integers of any width, for equal text of any text type. Borrows from the cell or
 * from a. false for VALUE_OTHER and for undecodable cells; dates and timestamps in text are decodable in
 * DateStyle ISO only. */
MUSTCHECK bool value_canonical(
	struct arena *a, const struct value_shape *s, struct span cell, struct span *canonical);

#endif
