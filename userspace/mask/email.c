/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "mask/kind.h"

/* What is kept is shown, so it must be a host name beyond doubt: labels of ASCII letters, digits and inner
 * hyphens, more than one, of which the last begins with a letter (an address of digits and dots may be
 * anything). */
static bool is_host(struct span s)
{
	size_t i, start = 0, labels = 0;

	if (!s.n || s.n > 253)
		return false;
	for (i = 0; i <= s.n; i++) {
		uint8_t b = i < s.n ? s.p[i] : '.', letter = b | 0x20;

		if (b == '.') {
			if (i == start || i - start > 63 || s.p[start] == '-' || s.p[i - 1] == '-')
				return false;
			labels++;
			if (i < s.n)
				start = i + 1;
		} else if (b != '-' && (b < '0' || b > '9') && (letter < 'a' || letter > 'z')) {
			return false;
		}
	}
	return labels > 1 && (s.p[start] | 0x20) >= 'a' && (s.p[start] | 0x20) <= 'z';
}

/* local@host with exactly one @ and neither blanks nor control characters. */
static bool is_address(struct span s, struct span *host)
{
	size_t i, at = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || (s.p[i] == '@' && at))
			return false;
		if (s.p[i] == '@') {
			if (i == 0)
				return false;
			at = i;
		}
	}
	if (!at)
		return false;
	*host = span_of(s.p + at + 1, s.n - at - 1);
	return is_host(*host);
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
