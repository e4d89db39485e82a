/* SPDX-License-Identifier: MIT */
/* value: reads and writes one value of a built-in type in text and in binary format. What it writes, the
 * server's own input function for the type (text) or receive function (binary) accepts. Never allocates
 * beyond the given arena. */
#ifndef PGVEIL_VALUE_VALUE_H
#define PGVEIL_VALUE_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "value/desc.h"
#include "value/style.h"
#include "value/type.h"

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
/* int2/4/8 and numeric. */
struct span value_put_int(struct arena *a, const struct value_shape *s, int64_t v);
struct span value_put_bool(struct arena *a, const struct value_shape *s, bool v);
struct span value_put_uuid(struct arena *a, const struct value_shape *s, const uint8_t uuid[16]);
/* Days since 2000-01-01. */
struct span value_put_date(struct arena *a, const struct value_shape *s, int32_t days);
/* Microseconds since 2000-01-01 00:00; timestamptz in UTC. */
struct span value_put_timestamp(struct arena *a, const struct value_shape *s, int64_t usecs);
/* Any type from its text form as an operator writes it in a policy ("0", "1970-01-01", "t", "n/a"); ISO for
 * dates. Nothing is cut or rounded: what does not fit gives .p == NULL. */
struct span value_put_literal(struct arena *a, const struct value_shape *s, struct span text);

/* Readers: what a cell holds. false: not a valid value of the type in that format; the caller masks it whole.
 */

/* Text family: the same bytes in both formats, valid UTF-8; bpchar without its padding. Borrows from the
 * cell. */
MUSTCHECK bool value_get_text(const struct value_shape *s, struct span cell, struct span *utf8);
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
