/* SPDX-License-Identifier: MIT */
/* A name, an address, a number that looks like one and is nobody's, chosen by a keyed hash of the value:
 * equal values have equal ones, and many values share one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mask/fake_words.h"
#include "mask/keyed.h"
#include "mask/kind.h"

#define FAKE_MAX (FAKE_WORD_MAX * 4)

static const struct span none = {0};
static const char *const names[] = FAKE_NAMES;

/* Numbers out of a MAC, one after the other. */
struct draws {
	const uint8_t *p;
};

static unsigned draw(struct draws *d, size_t n)
{
	unsigned v = (unsigned)d->p[0] << 16 | (unsigned)d->p[1] << 8 | d->p[2];

	d->p += 3;
	return (unsigned)(v % n);
}

static const char *word(struct draws *d, const struct fake_words *w)
{
	return w->word[draw(d, w->n)];
}

/* example.com, .net and .org are nobody's (RFC 2606). */
static int email(char *out, struct draws *d)
{
	static const char *const ends[] = {"com", "net", "org"};
	const char *first = word(d, &fake_first), *last = word(d, &fake_last);
	unsigned number = draw(d, 100);
	const char *end = ends[draw(d, ARRAY_LEN(ends))];
	int n = snprintf(out, FAKE_MAX, "%s.%s%u@example.%s", first, last, number, end);

	for (int i = 0; i < n; i++)
		out[i] |= out[i] >= 'A' && out[i] <= 'Z' ? 0x20 : 0;
	return n;
}

/* Five draws at most: half a MAC. */
static int compose(enum fake what, char *out, struct draws *d)
{
	const char *a, *b, *c;

	switch (what) {
	case FAKE_NAME:
		a = word(d, &fake_first);
		return snprintf(out, FAKE_MAX, "%s %s", a, word(d, &fake_last));
	case FAKE_FIRST_NAME: return snprintf(out, FAKE_MAX, "%s", word(d, &fake_first));
	case FAKE_LAST_NAME: return snprintf(out, FAKE_MAX, "%s", word(d, &fake_last));
	case FAKE_EMAIL: return email(out, d);
	case FAKE_PHONE: /* 555-0100 to 555-0199 are kept free for fiction */
		a = word(d, &fake_area);
		return snprintf(out, FAKE_MAX, "+1 %s 555 01%02u", a, draw(d, 100));
	case FAKE_COMPANY:
		a = word(d, &fake_brand);
		b = word(d, &fake_trade);
		return snprintf(out, FAKE_MAX, "%s %s %s", a, b, word(d, &fake_legal));
	case FAKE_CITY: return snprintf(out, FAKE_MAX, "%s", word(d, &fake_city));
	case FAKE_STREET:
		b = word(d, &fake_street);
		c = word(d, &fake_way);
		return snprintf(out, FAKE_MAX, "%u %s %s", 1 + draw(d, 999), b, c);
	}
	return 0;
}

static bool same(const char *fake, size_t n, struct span text)
{
	return n == text.n && strncasecmp(fake, (const char *)text.p, n) == 0;
}

struct span mask_fake(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	uint8_t mac[HMAC_LEN];
	char fake[FAKE_MAX], use[32];
	struct span text;

	if (!value_is_text(s->type))
		return none;
	if (!value_get_text(s, cell, &text))
		return mask_redact(s, a);
	snprintf(use, sizeof(use), "fake %s", fake_name(m->fake));
	keyed_mac(m, use, text, mac);
	for (unsigned half = 0; half < 2; half++) {
		struct draws d = {mac + half * (HMAC_LEN / 2)};
		int n = compose(m->fake, fake, &d);
		struct span out = span_of(fake, (size_t)n);

		/* Cut, it would look like no name. */
		if (!same(fake, out.n, text) && value_text_fits(s, out))
			return value_put_text(a, s, out);
	}
	return mask_redact(s, a);
}

bool fake_of(const char *name, enum fake *what)
{
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0) {
			*what = (enum fake)i;
			return true;
		}
	return false;
}

const char *fake_name(enum fake what)
{
	_Static_assert(ARRAY_LEN(names) == FAKE_STREET + 1, "a name for each");
	return names[what];
}
