/* SPDX-License-Identifier: MIT */
/* Documents of value.h: json, jsonb and xml. */
#include "value/cell.h"
#include "value/json.h"
#include "value/numeric.h"
#include "value/utf8.h"
#include "value/value.h"

#define JSONB_VERSION 1
#define MAX_DOCUMENT  0x0fffffff /* JENTRY_OFFLENMASK: nothing in a jsonb is longer */

static const struct span none = {0};

static bool storable(struct span text)
{
	return text.n <= MAX_DOCUMENT && (!text.n || !memchr(text.p, 0, text.n)) && utf8_valid(text);
}

static bool versioned(const struct value_shape *s)
{
	return s->type == VALUE_JSONB && s->format == VALUE_BINARY_FORMAT;
}

bool value_get_json(const struct value_shape *s, struct span cell, struct span *text)
{
	if (value_family(s->type) != FAMILY_JSON)
		return false;
	if (versioned(s)) {
		if (!cell.n || cell.p[0] != JSONB_VERSION)
			return false;
		cell = span_of(cell.p + 1, cell.n - 1);
	}
	*text = cell;
	return storable(cell);
}

static bool fits_jsonb(struct arena *a, struct span text)
{
	enum json_token t;
	struct span token;
	struct numeric n;
	struct json j;

	json_start(&j, text);
	while ((t = json_next(&j, &token)) != JSON_END) {
		if (t == JSON_BAD || (t == JSON_NUMBER && !numeric_get_text(a, token, &n)) ||
			((t == JSON_STRING || t == JSON_KEY) && !json_string_get(a, token, &token)))
			return false;
	}
	return true;
}

bool json_fits(struct arena *a, const struct value_shape *s, struct span text)
{
	return json_valid(text) && (s->type != VALUE_JSONB || fits_jsonb(a, text));
}

struct span value_put_json(struct arena *a, const struct value_shape *s, struct span text)
{
	bool version = versioned(s);
	uint8_t *mem;

	if (value_family(s->type) != FAMILY_JSON || !storable(text) || !json_fits(a, s, text))
		return none;
	mem = arena_alloc(a, text.n + version);
	if (!mem)
		return none;
	mem[0] = JSONB_VERSION;
	memcpy(mem + version, text.p, text.n);
	return span_of(mem, text.n + version);
}

struct span value_put_json_string(struct arena *a, const struct value_shape *s, struct span utf8)
{
	uint8_t *mem, *w;

	if (value_family(s->type) != FAMILY_JSON || !storable(utf8))
		return none;
	w = mem = arena_alloc(a, json_string_len(utf8) + 1);
	if (!mem)
		return none;
	if (versioned(s))
		*w++ = JSONB_VERSION;
	w = json_string_put(w, utf8);
	return span_of(mem, (size_t)(w - mem));
}

bool value_get_xml(const struct value_shape *s, struct span cell, struct span *text)
{
	*text = cell;
	return s->type == VALUE_XML && storable(cell);
}

/* Without an element nothing can be wrong but a character that XML does not have. */
static bool xml_text(struct span utf8)
{
	for (size_t i = 0; i < utf8.n; i++)
		if ((utf8.p[i] < 0x20 && utf8.p[i] != '\t' && utf8.p[i] != '\n') ||
			(utf8.p[i] == 0xef && i + 2 < utf8.n && utf8.p[i + 1] == 0xbf &&
				utf8.p[i + 2] >= 0xbe))
			return false;
	return true;
}

struct span value_put_xml(struct arena *a, const struct value_shape *s, const char *element, struct span utf8)
{
	size_t name = strlen(element);
	uint8_t *mem, *w;

	if (s->type != VALUE_XML || !storable(utf8) || !xml_text(utf8))
		return none;
	w = mem = arena_alloc(a, 2 * name + 5 + utf8.n * 5);
	if (!mem)
		return none;
	*w++ = '<';
	w = mempcpy(w, element, name);
	w = mempcpy(w, utf8.n ? ">" : "/>", utf8.n ? 1 : 2);
	for (size_t i = 0; i < utf8.n; i++) {
		const char *as = utf8.p[i] == '<'   ? "&lt;"
				 : utf8.p[i] == '>' ? "&gt;"
				 : utf8.p[i] == '&' ? "&amp;"
						    : NULL;

		if (as)
			w = mempcpy(w, as, strlen(as));
		else
			*w++ = utf8.p[i];
	}
	if (utf8.n) {
		w = mempcpy(w, "</", 2);
		w = mempcpy(w, element, name);
		*w++ = '>';
	}
	return span_of(mem, (size_t)(w - mem));
}
