/* SPDX-License-Identifier: MIT */
/* mask: one masking function and its parameters, applied to one cell. Knows types and formats; never knows
 * the wire, SQL, or who is asking. Immutable once made. */
#ifndef PGVEIL_MASK_MASK_H
#define PGVEIL_MASK_MASK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "value/truncate.h"
#include "mask/aes.h"
#include "mask/detectors.h"
#include "mask/hmac.h"
#include "value/value.h"

/* In order of strictness: of two masks on one column the one with the smaller number is used. NULL is the
 * zero value, so that a mask nobody chose shows nothing. */
enum mask_kind {
	MASK_NULL = 0, /* SQL NULL */
	MASK_REDACT,   /* the type's fixed replacement: ****, 0, false, 1970-01-01, the nil uuid */
	MASK_FIXED,    /* a literal of the policy; NULL where the type cannot hold it */
	MASK_FAKE,     /* a name, an address, a number that is nobody's; NULL for what is no text */
	MASK_HASH,     /* HMAC-SHA-256 under the policy's key; NULL for bool, dates and timestamps */
	MASK_TOKEN,    /* likewise, in a form to work with; whole numbers keep their sign and their range */
	/* The two that generalise show no part of a value, only where it lies; NULL where it lies nowhere. */
	MASK_DATE,     /* the beginning of the year, month … */
	MASK_SHIFT,    /* some days off, as many as for all dates of the same entity; NULL without one */
	MASK_NUMBER,   /* rounded to a multiple, or the lower end of a bucket */
	MASK_NOISE,    /* another number nearby, the same for the same number; NULL for what is no number */
	MASK_EMAIL,    /* keeps the domain, or nothing but the shape */
	MASK_FPE,      /* encrypts digits or letters where they stand, may keep some; NULL for what is no text
			  and no whole number */
	MASK_PARTIAL,  /* keeps first and/or last characters; NULL for what is no text */
	MASK_REGEX,    /* shows what the policy's author makes of it; NULL for what is no text */
	MASK_JSONPATH, /* in JSON another mask for each path, or none; NULL for what is no JSON */
	MASK_DETECT,   /* shows everything but what its detectors find */
};
#define MASK_LAST MASK_DETECT
#define MASK_NAMES                                                                                           \
	{                                                                                                    \
		"null", "redact", "fixed", "fake", "hash", "token", "date", "shift", "number", "noise",      \
			"email", "fpe", "partial", "regex", "jsonpath", "detect"                             \
	}

#define MASK_STEP_MIN 2
#define MASK_STEP_MAX UINT64_C(1000000000000000)

#define MASK_DAYS_MAX   36500
#define MASK_ENTITY_MAX 63 /* as PostgreSQL's names */

#define NOISE_ONE 1000000
#define NOISE_MAX (UINT64_C(1000000000000) * NOISE_ONE)

#define FPE_ALPHABET_MAX 95 /* printable ASCII */
#define FPE_DIGITS       "0123456789"

/* What stands for a finding of a detector; from the strictest. */
enum replace {
	REPLACE_NULL = 0, /* the whole value is NULL */
	REPLACE_REDACT,   /* **** */
	REPLACE_LABEL,    /* [email] */
	REPLACE_PARTIAL,  /* keeps first and last characters */
};

/* What stands for a text; names as policies have them. */
enum fake {
	FAKE_NAME = 0,
	FAKE_FIRST_NAME,
	FAKE_LAST_NAME,
	FAKE_EMAIL,
	FAKE_PHONE,
	FAKE_COMPANY,
	FAKE_CITY,
	FAKE_STREET,
};
#define FAKE_NAMES                                                                                           \
	{                                                                                                    \
		"name", "first_name", "last_name", "email", "phone", "company", "city", "street"             \
	}
bool fake_of(const char *name, enum fake *what);
const char *fake_name(enum fake what);

struct regex;
struct jsonpath;

/* All zero is MASK_NULL. */
struct mask {
	enum mask_kind kind;
	/* detect: whom it asks; the own ones are the mask's. Of any other kind: where one of them finds
	 * something in a value, it is masked as MASK_REDACT would, so that of two rules on a column neither
	 * is taken away.
	 */
	struct detectors detectors;
	/* Of those, whom the column's name speaks for (mask/words.h). Set where a mask is bound to a column.
	 */
	struct detectors named;
	enum replace replace;
	/* partial, fpe, and detect's: characters kept; a value with no more than first + last characters is
	 * masked whole */
	unsigned first, last;
	char fill[5]; /* one UTF-8 character, NUL-ended; default "*" */
	/* email */
	bool keep_domain;
	/* Not 0: no column's mask, but that of EXPLAIN's own text (mask/plan_text.h). */
	bool plan_text;
	/* fixed */
	char *fixed; /* owned */
	/* regex */
	struct regex *regex; /* owned; see mask/regex.h */
	/* jsonpath */
	struct jsonpath *paths; /* owned; see mask/jsonpath.h */
	/* fake, hash, token, shift, noise, fpe; see mask_key_init */
	struct hmac_key key;
	struct aes_key aes;
	char domain[32]; /* separates uses of one key */
	enum fake fake;
	/* token: texts become e-mail addresses */
	bool mail;
	/* fpe: the characters that are encrypted, each once; what is no letter and no digit of the others
	 * stays. luhn: the last digit is a check digit, and is right in the result. */
	char alphabet[FPE_ALPHABET_MAX + 1];
	bool luhn;
	/* date */
	enum time_unit unit;
	/* shift: at most so many days, at least one; entity: the column of the same row that says whose the
	 * date is, as its relation has it */
	unsigned days;
	char entity[MASK_ENTITY_MAX + 1];
	/* number: a whole number, at least MASK_STEP_MIN (1 would leave every integer as it is) */
	uint64_t step;
	bool bucket; /* down to a multiple; otherwise to the nearest one, halves away from zero */
	/* noise: how far off at most, in NOISE_ONE parts of one, or (relative) of the value; not 0 */
	uint64_t noise;
	bool relative;
};

/* The key of a keyed mask, when its domain is set. */
void mask_key_init(struct mask *m, const uint8_t key[static HMAC_KEY_LEN]);

/* Writes the masked form of one cell. cell.p != NULL (a NULL cell stays NULL and is never passed here). The
 * result borrows from a or is .p == NULL, which the caller sends as SQL NULL. It is always a valid value of
 * the shape's type and format, never longer than the type allows, and never the input where the mask hides
 * anything. A value that cannot be decoded is masked as MASK_REDACT would; of a type that is made
 * of others it becomes NULL (mask/nested.h). */
struct span mask_apply(
	const struct mask *m, const struct value_shape *shape, struct span cell, struct arena *a);
/* Likewise a date of an entity, for MASK_SHIFT: of the cell that says whose it is, .p == NULL where it is
 * NULL.
 */
struct span mask_shift(const struct mask *m, const struct value_shape *shape, struct span cell,
	const struct value_shape *entity_shape, struct span entity, struct arena *a);
/* The same for one who may know nothing of the cell, not even how many elements it has: for the result of an
 * expression, or a cell too large to be looked at. NULL and fixed are what they are; any other mask is
 * MASK_REDACT, which makes an array or a range an empty one. */
struct span mask_blind(const struct mask *m, const struct value_shape *shape, struct arena *a);
/* Whether the result depends on the cell (any but null, redact and fixed). Such masks may not be used for
 * derived values. */
bool mask_reads_input(enum mask_kind k);
/* Whether a kind of mask is one for the type. false: whatever the value, nothing is shown of it. true for
 * VALUE_OTHER, which may be made of others. */
bool mask_has_form(enum mask_kind k, enum value_type t);
const char *mask_kind_name(enum mask_kind k);
void mask_fini(struct mask *m); /* wipes the key */

#endif
