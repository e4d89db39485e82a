/* SPDX-License-Identifier: MIT */
/* kind: one function for each kind of mask, for mask.c and for masks made of others. They keep the promises
 * of mask_apply. */
#ifndef PGVEIL_MASK_KIND_H
#define PGVEIL_MASK_KIND_H

#include "mask/mask.h"
#include "mask/work.h"

#define HIDDEN SPAN_LIT("****")

/* What every kind falls back to where it cannot read the cell. */
struct span mask_redact(const struct value_shape *s, struct arena *a);
bool mask_hashes(enum value_type t);
struct span mask_hash(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
/* A fake of m->fake's sort; redacted where there is no room for it. */
struct span mask_fake(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
/* For each value another one of its type: of text a word of at most 20 characters or an address; a number of
 * the column's range. */
struct span mask_token(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
/* The beginning of the year, month, hour … NULL for infinite values, for types without a calendar or a clock,
 * and where the unit would change nothing (a date's day). A timestamptz is truncated in UTC: the session's
 * zone is the client's to choose, and a client that asks in 24 zones would learn the hour of a day. */
struct span mask_date(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
/* To a multiple, exactly. NULL for what is no number, for NaN and infinity, and where the result does not fit
 * the column. */
struct span mask_number(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
/* Another number within m->noise of the value, in the column's range, and of a float or a numeric without a
 * scale with a few digits more. NULL for NaN and infinity, and for numbers of more than 30 digits. */
struct span mask_noise(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
/* FF1 of the characters of the alphabet, where there are enough of them and all else is punctuation; of a
 * number the same number of digits. Any other value is redacted. */
struct span mask_fpe(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
struct span mask_email(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
struct span mask_partial(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
/* Any kind that reads its input, on json and jsonb. */
struct span mask_json(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a);
/* json and jsonb, each value by the mask that the first of m->paths has that names it or what it is in. */
struct span mask_jsonpath(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a);
/* What the policy's template makes of a text that its pattern matches; any other text is redacted. */
struct span mask_regex(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a);
/* Text with what m->detectors find replaced, the rest as it was. A number in which they find something is
 * NULL; a type that cannot be looked into is redacted whole. */
struct span mask_detect(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a);
/* mask_apply of what a cell is made of. */
struct span mask_part(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a);

#endif
