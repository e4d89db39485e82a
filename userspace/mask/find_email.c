/* SPDX-License-Identifier: MIT */
/* E-mail addresses: what RFC 5322 calls dot-atom (or a quoted word), @, and a domain with a top level of
 * letters. %40 stands for @ in URLs. */
#include "mask/finder.h"

#include <string.h>

#include "mask/normal.h"

#define QUOTED_MAX 64

/* Not / ? = & #, which atext has: in a URL they stand before an address, not in it. */
static bool is_local(uint8_t c)
{
	return is_letter(c) || is_digit(c) || c == NORMAL_OTHER || (c && strchr(".!$%'*+-^_`{|}~", c));
}

static bool is_domain(uint8_t c)
{
	return is_letter(c) || is_digit(c) || c == NORMAL_OTHER || c == '.' || c == '-';
}

/* Where the domain that begins at from ends; from: there is none. The last label that can be a top level
 * ends it; there is one label before it at least. */
static size_t domain_end(const struct finder *f, size_t from)
{
	size_t end = from, label, stop;

	while (end < f->n && is_domain(f->b[end]))
		end++;
	for (stop = end; stop > from; stop = label - 1) {
		size_t letters = 0;
		bool digits = false;

		for (label = stop; label > from && f->b[label - 1] != '.'; label--) {
			digits |= is_digit(f->b[label - 1]);
			letters += f->b[label - 1] != '-' && !is_digit(f->b[label - 1]);
		}
		if (label == from)
			break;
		/* xn--… may have digits */
		if (letters >= 2 && (!digits || (stop - label > 4 && strncasecmp((const char *)f->b + label,
									     "xn--", 4) == 0)))
			return label - 1 > from ? stop : from;
	}
	return from;
}

/* Where the local part that ends at end begins; end: there is none. floor: not before that. */
static size_t local_start(const struct finder *f, size_t end, size_t floor)
{
	size_t start = end;

	if (end > floor && f->b[end - 1] == '"') {
		for (size_t i = end - 1; i > floor && end - i <= QUOTED_MAX && !is_replacement(f->b[i - 1]);
			i--)
			if (f->b[i - 1] == '"')
				return i - 1;
		return end;
	}
	while (start > floor && is_local(f->b[start - 1]))
		start--;
	return start;
}

void find_email(struct finder *f)
{
	/* What was walked over once is not walked over again: an @ ends every walk, a %40 those of another.
	 */
	size_t after_at = 0, after_any = 0;

	if (!f->has['@'] && !f->has['%'])
		return;
	for (size_t i = 0; i < f->n; i++) {
		bool escaped = f->b[i] == '%' && f->n - i >= 3 && f->b[i + 1] == '4' && f->b[i + 2] == '0';
		size_t behind = i + (escaped ? 3 : 1), start, end;

		if (f->b[i] != '@' && !escaped)
			continue;
		start = local_start(f, i, escaped ? after_any : after_at);
		end = domain_end(f, behind);
		if (start < i && end > behind)
			finder_add(f, DETECT_EMAIL, start, end);
		if (!escaped)
			after_at = behind;
		after_any = behind;
	}
}
