/* SPDX-License-Identifier: MIT */
#include "value/json.h"

#include <string.h>

enum expect {
	EXPECT_VALUE = 0,
	EXPECT_VALUE_OR_END, /* behind [ */
	EXPECT_KEY_OR_END,   /* behind { */
	EXPECT_KEY,
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
	EXPECT_NOTHING,
};

void json_start(struct json *j, struct span text)
{
	j->p = text.p;
	j->end = text.p + text.n;
	j->expect = EXPECT_VALUE;
	j->depth = 0;
	j->structure = false;
}

static bool in_object(const struct json *j)
{
	return j->object[(j->depth - 1) / 8] >> ((j->depth - 1) % 8) & 1;
}

static void after_value(struct json *j)
{
	j->expect = j->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static bool open_level(struct json *j, bool object)
{
	if (j->depth == JSON_DEPTH_MAX)
		return false;
	if (object)
		j->object[j->depth / 8] |= (uint8_t)(1 << j->depth % 8);
	else
		j->object[j->depth / 8] &= (uint8_t) ~(1 << j->depth % 8);
	j->depth++;
	j->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return true;
}

static bool close_level(struct json *j, uint8_t c)
{
	if (!j->depth || c != (in_object(j) ? '}' : ']'))
		return false;
	j->depth--;
	after_value(j);
	return true;
}

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const uint8_t *string_end(const uint8_t *p, const uint8_t *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		if (++p == end || !strchr("\"\\/bfnrtu", *p) || !*p)
			return NULL;
		if (*p != 'u')
			continue;
		for (int i = 0; i < 4; i++)
			if (++p == end || hex_of(*p) < 0)
				return NULL;
	}
	return p < end ? p + 1 : NULL;
}

static const uint8_t *digits_end(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static const uint8_t *number_end(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start;

	if (*p == '-')
		p++;
	start = p;
	p = digits_end(p, end);
	if (p == start || (*start == '0' && p > start + 1))
		return NULL;
	if (p < end && *p == '.') {
		start = ++p;
		p = digits_end(p, end);
		if (p == start)
			return NULL;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		start = p;
		p = digits_end(p, end);
		if (p == start)
			return NULL;
	}
	return p;
}

static const uint8_t *word_end(const struct json *j, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(j->end - j->p) >= n && memcmp(j->p, word, n) == 0 ? j->p + n : NULL;
}

/* A scalar begins at j->p. */
static enum json_token scalar(struct json *j, struct span *token)
{
	enum json_token t = JSON_NUMBER;
	const uint8_t *end;

	switch (*j->p) {
	case '"':
		t = JSON_STRING;
		end = string_end(j->p, j->end);
		break;
	case 't':
		t = JSON_TRUE;
		end = word_end(j, "true");
		break;
	case 'f':
		t = JSON_FALSE;
		end = word_end(j, "false");
		break;
	case 'n':
		t = JSON_NULL;
		end = word_end(j, "null");
		break;
	default: end = number_end(j->p, j->end);
	}
	if (!end)
		return JSON_BAD;
	*token = span_of(j->p, (size_t)(end - j->p));
	j->p = end;
	return t;
}

static enum json_token key(struct json *j, struct span *token)
{
	enum json_token t = *j->p == '"' ? scalar(j, token) : JSON_BAD;

	j->expect = EXPECT_COLON;
	return t == JSON_STRING ? JSON_KEY : JSON_BAD;
}

/* What stands between scalars, one character a call; false: it may not stand there. */
static bool structure(struct json *j, uint8_t c)
{
	switch ((enum expect)j->expect) {
	case EXPECT_VALUE_OR_END:
	case EXPECT_KEY_OR_END:
		if (c == ']' || c == '}')
			return close_level(j, c);
		return j->expect == EXPECT_VALUE_OR_END && (c == '[' || c == '{') && open_level(j, c == '{');
	case EXPECT_VALUE: return (c == '[' || c == '{') && open_level(j, c == '{');
	case EXPECT_COLON: j->expect = EXPECT_VALUE; return c == ':';
	case EXPECT_COMMA_OR_END:
		if (c != ',')
			return close_level(j, c);
		j->expect = in_object(j) ? EXPECT_KEY : EXPECT_VALUE;
		return true;
	case EXPECT_KEY:
	case EXPECT_NOTHING: break;
	}
	return false;
}

enum json_token json_next(struct json *j, struct span *token)
{
	enum json_token t;

	for (; j->p < j->end; j->p++) {
		uint8_t c = *j->p;
		bool value = j->expect == EXPECT_VALUE || j->expect == EXPECT_VALUE_OR_END;

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if (c == '"' && (j->expect == EXPECT_KEY || j->expect == EXPECT_KEY_OR_END))
			return key(j, token);
		if (value && c != '[' && c != '{' && c != ']') {
			t = scalar(j, token);
			after_value(j);
			return t;
		}
		if (!structure(j, c))
			return JSON_BAD;
		if (j->structure && c != ',' && c != ':') {
			*token = span_of(j->p++, 1);
			return c == '[' || c == '{' ? JSON_OPEN : JSON_CLOSE;
		}
	}
	return j->expect == EXPECT_NOTHING ? JSON_END : JSON_BAD;
}

bool json_valid(struct span text)
{
	enum json_token t;
	struct span token;
	struct json j;

	json_start(&j, text);
	do
		t = json_next(&j, &token);
	while (t != JSON_BAD && t != JSON_END);
	return t == JSON_END;
}

static unsigned four_hex(const uint8_t *p)
{
	return (unsigned)(hex_of(p[0]) << 12 | hex_of(p[1]) << 8 | hex_of(p[2]) << 4 | hex_of(p[3]));
}

static uint8_t *put_char(uint8_t *w, unsigned c)
{
	if (c < 0x80) {
		*w++ = (uint8_t)c;
	} else if (c < 0x800) {
		*w++ = (uint8_t)(0xc0 | c >> 6);
		*w++ = (uint8_t)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*w++ = (uint8_t)(0xe0 | c >> 12);
		*w++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		*w++ = (uint8_t)(0x80 | (c & 0x3f));
	} else {
		*w++ = (uint8_t)(0xf0 | c >> 18);
		*w++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		*w++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		*w++ = (uint8_t)(0x80 | (c & 0x3f));
	}
	return w;
}

/* p stands on the u of \uXXXX and is left on its last digit; 0: what text cannot hold. */
static unsigned unicode_escape(const uint8_t **p, const uint8_t *end)
{
	unsigned c = four_hex(*p + 1), low;

	*p += 4;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || end - *p < 7 || (*p)[1] != '\\' || (*p)[2] != 'u')
		return 0;
	low = four_hex(*p + 3);
	*p += 6;
	return low < 0xdc00 || low > 0xdfff ? 0 : 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
}

bool json_string_get(struct arena *a, struct span token, struct span *utf8)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const uint8_t *p = token.p + 1, *end = token.p + token.n - 1;
	uint8_t *mem, *w;

	*utf8 = span_of(p, (size_t)(end - p));
	if (p == end || !memchr(p, '\\', utf8->n))
		return true;
	w = mem = arena_alloc(a, utf8->n); /* an escape is never shorter than what it means */
	if (!mem)
		return false;
	for (; p < end; p++) {
		if (*p != '\\') {
			*w++ = *p;
		} else if (*++p != 'u') {
			*w++ = (uint8_t)to[strchr(from, *p) - from];
		} else {
			unsigned c = unicode_escape(&p, end);

			if (!c)
				return false;
			w = put_char(w, c);
		}
	}
	*utf8 = span_of(mem, (size_t)(w - mem));
	return true;
}

static size_t escaped_len(uint8_t c)
{
	if (c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r')
		return 2;
	return c < 0x20 ? 6 : 1;
}

size_t json_string_len(struct span utf8)
{
	size_t n = 2;

	for (size_t i = 0; i < utf8.n; i++)
		n += escaped_len(utf8.p[i]);
	return n;
}

uint8_t *json_string_put(uint8_t *w, struct span utf8)
{
	static const char hex[] = "0123456789abcdef";

	*w++ = '"';
	for (size_t i = 0; i < utf8.n; i++) {
		uint8_t c = utf8.p[i];

		switch (escaped_len(c)) {
		case 1: *w++ = c; break;
		case 2:
			*w++ = '\\';
			*w++ = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c;
			break;
		default:
			w = mempcpy(w, "\\u00", 4);
			*w++ = (uint8_t)hex[c >> 4];
			*w++ = (uint8_t)hex[c & 15];
		}
	}
	*w++ = '"';
	return w;
}
