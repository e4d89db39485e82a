/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "mask/kind.h"

/* By what a byte may be. */
enum { LETTER = 1, DIGIT = 2, HYPHEN = 4, DOT = 8, AT = 16, NEVER = 32 };

static const uint8_t class_of[256] = {
	[0 ... ' '] = NEVER,
	[0x7f] = NEVER,
	['0' ... '9'] = DIGIT,
	['a' ... 'z'] = LETTER,
	['A' ... 'Z'] = LETTER,
	['-'] = HYPHEN,
	['.'] = DOT,
	['@'] = AT,
};

/* What is kept is shown, so it must be a host name beyond doubt: labels of ASCII letters, digits and inner
 * hyphens, more than one, of which the last begins with a letter (an address of digits and dots may be
 * anything). */
static bool is_host(struct span s)
{
	size_t i, start = 0, labels = 0;

	if (!s.n || s.n > 253)
		return false;
	for (i = 0; i <= s.n; i++) {
		uint8_t c = i < s.n ? class_of[s.p[i]] : DOT;

		if (c & (LETTER | DIGIT | HYPHEN))
			continue;
		if (!(c & DOT) || i == start || i - start > 63 || s.p[start] == '-' || s.p[i - 1] == '-')
			return false;
		labels++;
		if (i < s.n)
			start = i + 1;
	}
	return labels > 1 && class_of[s.p[start]] & LETTER;
}

/* local@host with exactly one @ and neither blanks nor control characters. */
static bool is_address(struct span s, struct span *host)
{
	const uint8_t *at = s.n ? memchr(s.p, '@', s.n) : NULL;
	uint8_t all = 0;

	if (!at || at == s.p)
		return false;
	for (const uint8_t *p = s.p; p < at; p++)
		all |= class_of[*p];
	*host = span_of(at + 1, s.n - (size_t)(at + 1 - s.p));
	return !(all & NEVER) && is_host(*host);
}

struct span mask_email(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	uint8_t shown[sizeof("****@") - 1 + 253];
	struct span text, host;
	size_t n = sizeof("****@") - 1;

	if (!value_get_text(s, cell, &text) || !is_address(text, &host))
		return mask_redact(s, a);
	if (!m->keep_domain)
		host = HIDDEN;
	memcpy(shown, "****@", n);
	memcpy(shown + n, host.p, host.n);
	text = span_of(shown, n + host.n);
	/* Cut, it would show a host that is not there. */
	return value_text_fits(s, text) ? value_put_text(a, s, text) : mask_redact(s, a);
}
