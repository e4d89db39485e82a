/* SPDX-License-Identifier: MIT */
/* Secrets that are known by their form (private keys, JSON web tokens, what stands in an Authorization
 * header), and those that only look like chance behind a word that says key, secret, token or password. */
#include "mask/finder.h"

#define BEGIN        "-----BEGIN "
#define END          "-----END "
#define DASHES       "-----"
#define KIND_MAX     40
#define TOKEN_MIN    16
#define WORD_MIN     6
#define NAME_MAX_LEN 40
/* A secret access key of AWS has no beginning of its own. */
#define AWS_SECRET_LEN 40

static bool stands_at(const struct finder *f, size_t at, const char *s)
{
	size_t n = strlen(s);

	return f->n - at >= n && memcmp(f->b + at, s, n) == 0;
}

/* Where s stands from at on; n: nowhere. */
static size_t next_of(const struct finder *f, size_t at, const char *s)
{
	const uint8_t *p = at < f->n ? memmem(f->b + at, f->n - at, s, strlen(s)) : NULL;

	return p ? (size_t)(p - f->b) : f->n;
}

static bool is_private(const struct finder *f, size_t from)
{
	size_t to = from;

	while (to < f->n && to - from < KIND_MAX && (is_alnum(f->b[to]) || f->b[to] == ' '))
		to++;
	return stands_at(f, to, DASHES) && memmem(f->b + from, to - from, "PRIVATE KEY", 11);
}

/* To the line that ends it, or all that follows. */
void find_private_key(struct finder *f)
{
	size_t at = 0;

	if (f->number || !f->has['-'])
		return;
	while ((at = next_of(f, at, BEGIN)) < f->n) {
		size_t from = at, end;

		at += sizeof(BEGIN) - 1;
		if (!is_private(f, at))
			continue;
		end = next_of(f, at, END);
		if (end < f->n) {
			end = next_of(f, end + sizeof(END) - 1, DASHES);
			end = end < f->n ? end + sizeof(DASHES) - 1 : f->n;
		}
		finder_add(f, DETECT_PRIVATE_KEY, from, end);
		at = end;
	}
}

static bool is_base64url(uint8_t c)
{
	return is_alnum(c) || c == '-' || c == '_';
}

/* RFC 7519, RFC 7516: the header begins with {" and two parts follow, or four. */
void find_jwt(struct finder *f)
{
	if (f->number || !f->has['.'])
		return;
	for (size_t i = 0; i + 20 < f->n; i++) {
		size_t end = i, part = i;
		unsigned parts = 0;

		if (f->b[i] != 'e' || f->b[i + 1] != 'y' || f->b[i + 2] != 'J' ||
			is_base64url(char_before(f, i)))
			continue;
		while (parts < 5) {
			while (end < f->n && is_base64url(f->b[end]))
				end++;
			if (++parts <= 2 && end - part < 8)
				break;
			if (char_at(f, end) != '.' || parts == 5)
				break;
			part = ++end;
		}
		if (parts >= 3 || (parts == 2 && end - part >= 8))
			finder_add(f, DETECT_JWT, i, end);
		i = end;
	}
}

static bool is_token(uint8_t c)
{
	return is_alnum(c) || is_one_of(c, "+/=._~-");
}

static bool is_word_at(const struct finder *f, size_t i, const char *word)
{
	size_t n = strlen(word);

	return f->n - i > n && strncasecmp((const char *)f->b + i, word, n) == 0 &&
	       !is_letter(char_before(f, i)) && is_one_of(f->b[i + n], " \t:");
}

/* RFC 6750, RFC 7617. What is no header is an English word: the token has a digit or an equals sign in it. */
void find_auth_header(struct finder *f)
{
	static const char *const schemes[] = {"bearer", "basic", "token", "digest", "apikey"};

	if (f->number)
		return;
	for (size_t i = 0; i + 8 < f->n; i++) {
		size_t from = 0, to;
		bool plain = true, named;

		uint8_t small = f->b[i] | 0x20;

		if ((small != 'b' && small != 't' && small != 'd' && small != 'a') ||
			is_letter(char_before(f, i)))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(schemes) && !from; k++)
			if (is_word_at(f, i, schemes[k]))
				from = i + strlen(schemes[k]) + 1;
		if (!from)
			continue;
		while (char_at(f, from) == ' ')
			from++;
		for (to = from; to < f->n && is_token(f->b[to]); to++)
			plain &= !is_digit(f->b[to]) && f->b[to] != '=';
		while (to > from && is_one_of(f->b[to - 1], ".-"))
			to--;
		named = i >= 15 && strncasecmp((const char *)f->b + i - 15, "authorization: ", 15) == 0;
		if (to - from >= (named ? 4 : TOKEN_MIN) && (named || !plain))
			finder_add(f, DETECT_AUTH_HEADER, from, to);
		i = to > i ? to - 1 : i;
	}
}

/* How much like chance a token looks: digits, and changes between digits, small letters and capitals. */
static bool is_random(const uint8_t *c, size_t n)
{
	unsigned digits = 0, changes = 0, kinds = 0, different = 0, last = 0;
	bool seen[128] = {0};

	for (size_t i = 0; i < n; i++) {
		unsigned kind = is_digit(c[i]) ? 1 : is_upper(c[i]) ? 2 : is_letter(c[i]) ? 4 : 0;

		digits += kind == 1;
		kinds |= kind;
		if (kind && last && kind != last)
			changes++;
		last = kind ? kind : last;
		different += !seen[c[i] & 0x7f];
		seen[c[i] & 0x7f] = true;
	}
	return (digits >= 2 || (digits && n >= 32)) && (kinds & 6) && changes >= 4 && changes * 8 >= n &&
	       different >= 8;
}

/* password: …, "secret": "…" */
static bool is_assigned(const struct finder *f, size_t from)
{
	size_t at = from;
	bool sign = false;

	while (at && from - at < 6 && is_one_of(f->b[at - 1], " \t\"':=>")) {
		at--;
		sign |= f->b[at] == ':' || f->b[at] == '=';
	}
	return sign && is_letter(char_before(f, at));
}

/* What a person makes up: letters and something else. */
static bool is_made_up(const uint8_t *c, size_t n)
{
	unsigned letters = 0;

	for (size_t i = 0; i < n; i++)
		letters += is_letter(c[i]);
	return n >= WORD_MIN && letters > 0 && letters < n && c[n - 1] != '(' && c[n - 1] != ')';
}

/* key=value without blanks: where the value begins. */
static size_t value_start(const struct finder *f, size_t from, size_t to)
{
	for (size_t k = from; k < to && k - from < NAME_MAX_LEN && to - k > WORD_MIN; k++)
		if (f->b[k] == '=' || f->b[k] == ':')
			return k + 1;
	return from;
}

static void find_in_word(struct finder *f, size_t from, size_t to)
{
	bool random;

	from = value_start(f, from, to);
	while (to > from && is_one_of(f->b[to - 1], ".:!?"))
		to--;
	if (to == from)
		return;
	random = to - from >= TOKEN_MIN && is_random(f->b + from, to - from);
	if (detectors_has(f->set, DETECT_SECRET) &&
		((random && finder_word(f, DETECT_SECRET, from)) ||
			(is_assigned(f, from) && is_made_up(f->b + from, to - from) &&
				finder_word_near(f, DETECT_SECRET, from))))
		finder_add(f, DETECT_SECRET, from, to);
	if (detectors_has(f->set, DETECT_CLOUD_KEY) && random && to - from == AWS_SECRET_LEN &&
		finder_word(f, DETECT_CLOUD_KEY, from))
		finder_add(f, DETECT_CLOUD_KEY, from, to);
}

void find_secret(struct finder *f)
{
	static const bool ends[256] = {['"'] = true,
		['\''] = true,
		['*'] = true,
		['['] = true,
		[']'] = true,
		['<'] = true,
		['>'] = true,
		[','] = true,
		[';'] = true};

	if (f->number)
		return;
	for (size_t i = 0; i < f->n;) {
		size_t end = i;

		while (end < f->n && f->b[end] > ' ' && !ends[f->b[end]])
			end++;
		if (end - i >= WORD_MIN)
			find_in_word(f, i, end);
		i = end + 1;
	}
}
