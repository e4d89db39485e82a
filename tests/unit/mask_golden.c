/* SPDX-License-Identifier: MIT */
/* Runs tests/golden/mask.txt, whose head says how its lines are written. */
#include "mask/mask.h"

#include "test.h"
#include "value_styles.h"

#include <ctype.h>
#include <inttypes.h>
#include "mask/detect.h"
#include "mask/jsonpath.h"
#include "mask/regex.h"

#define TABLE  "tests/golden/mask.txt"
#define FIELDS 6

enum field { SPEC, TYPE, TYPMOD, FORMAT, INPUT, EXPECTED };

/* The fields without the blanks round them; in place. */
static unsigned split(char *line, char *field[FIELDS])
{
	unsigned n = 0;
	char *p, *end;

	for (p = line; p && n < FIELDS; n++) {
		field[n] = p + strspn(p, " \t");
		p = strchr(p, '|');
		end = p ? p : line + strlen(field[n]) + (size_t)(field[n] - line);
		if (p)
			*p++ = '\0';
		while (end > field[n] && (end[-1] == ' ' || end[-1] == '\t'))
			*--end = '\0';
	}
	return p ? 0 : n;
}

static size_t unhex(uint8_t *out, const char *hex)
{
	size_t n = 0;
	unsigned b;

	for (; *hex; hex += 2) {
		assert_true(isxdigit((uint8_t)hex[0]) && isxdigit((uint8_t)hex[1]));
		assert_int_equal(sscanf(hex, "%2x", &b), 1);
		out[n++] = (uint8_t)b;
	}
	return n;
}

/* A cell: hexadecimal digits in binary; in text as it stands, or in quotes with \xNN for a byte. */
static size_t cell_of(uint8_t *out, const char *field, enum value_format format)
{
	size_t n = 0, len = strlen(field), i;

	if (format == VALUE_BINARY_FORMAT)
		return unhex(out, field);
	if (len < 2 || field[0] != '"' || field[len - 1] != '"') {
		memcpy(out, field, len);
		return len;
	}
	for (i = 1; i < len - 1; i++) {
		unsigned b = (uint8_t)field[i];

		if (b == '\\') {
			assert_int_equal(sscanf(field + i, "\\x%2x", &b), 1);
			i += 3;
		}
		out[n++] = (uint8_t)b;
	}
	return n;
}

/* text, text/STYLE or binary; see the table's head. */
static void take_format(struct value_shape *s, char *field)
{
	static struct value_style styles[STYLES];
	char *name = strchr(field, '/');

	for (size_t i = 0; i < STYLES && !styles[STYLES - 1].date; i++)
		styles[i] = style_at(i);
	if (name)
		*name++ = '\0';
	for (size_t i = 0; i < STYLES; i++)
		if (!strcmp(style_words[i].name, name ? name : "iso"))
			s->style = &styles[i];
	assert_true(s->style || !strcmp(name, "unknown"));
	if (!strcmp(field, "binary"))
		s->format = VALUE_BINARY_FORMAT;
	else
		assert_string_equal(field, "text");
}

static int32_t typmod_of(enum value_type t, const char *field)
{
	int first, scale = 0;

	assert_true(sscanf(field, "%d,%d", &first, &scale) >= 1);
	switch (value_family(t)) {
	case FAMILY_TEXT: return 4 + first;
	case FAMILY_NUMERIC: return 4 + (first << 16 | (scale & 0x7ff));
	case FAMILY_INTERVAL: return 0x7fff << 16 | first;
	case FAMILY_OTHER:
	case FAMILY_BOOL:
	case FAMILY_INTEGER:
	case FAMILY_FLOAT:
	case FAMILY_MONEY:
	case FAMILY_DATE:
	case FAMILY_TIMESTAMP:
	case FAMILY_TIME:
	case FAMILY_UUID:
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_NET:
	case FAMILY_MAC:
	case FAMILY_BITS: break;
	}
	return first;
}

static struct value_shape shape_of(char *field[FIELDS])
{
	struct value_shape s = {.type = VALUE_OTHER, .typmod = -1};
	enum value_type t;

	for (t = VALUE_OTHER; t < VALUE_TYPE_COUNT; t++)
		if (!strcmp(value_type_name(t), field[TYPE]))
			s.type = t;
	assert_true(s.type != VALUE_OTHER || !strcmp(field[TYPE], "other"));
	take_format(&s, field[FORMAT]);
	if (strcmp(field[TYPMOD], "-") != 0)
		s.typmod = typmod_of(s.type, field[TYPMOD]);
	return s;
}

/* LIST,REPLACEMENT with detectors joined by +; partial is partial:FIRST,LAST. */
static void detect_of(const char *args, struct mask *m)
{
	static const char *const replacements[] = {"null", "redact", "label", "partial"};
	char list[100], how[20], *save, *word;
	unsigned i = 0;

	assert_int_equal(sscanf(args, "%99[^,],%19[^:]", list, how), 2);
	for (word = strtok_r(list, "+", &save); word; word = strtok_r(NULL, "+", &save)) {
		assert_true(detectors_add_named(&m->detectors, word));
	}
	while (strcmp(replacements[i], how) != 0)
		assert_true(++i < ARRAY_LEN(replacements));
	m->replace = (enum replace)i;
	if (m->replace == REPLACE_PARTIAL)
		assert_int_equal(sscanf(strrchr(args, ':'), ":%u,%u", &m->first, &m->last), 2);
}

/* PATTERN=>TEMPLATE behind whole: or each: */
static struct regex *regex_of(const char *args)
{
	bool each = strncmp(args, "each:", 5) == 0;
	const char *template = strstr(args, "=>");
	enum regex_part part;
	struct regex *r;
	struct err e;
	char *pattern;

	assert_true(template && (each || strncmp(args, "whole:", 6) == 0));
	args += each ? 5 : 6;
	pattern = strndup(args, (size_t)(template - args));
	assert_int_equal(regex_new(&r, pattern, template + 2, each ? REGEX_EACH : REGEX_WHOLE, &part, &e), 0);
	free(pattern);
	return r;
}

/* ALPHABET,FIRST,LAST with ,luhn behind it or not; d stands for the digits. */
static void fpe_of(const char *args, struct mask *m)
{
	assert_true(sscanf(args, "%95[^,],%u,%u", m->alphabet, &m->first, &m->last) == 3);
	if (!strcmp(m->alphabet, "d"))
		strcpy(m->alphabet, FPE_DIGITS);
	m->luhn = strstr(args, ",luhn") != NULL;
}

static struct mask mask_of(const char *spec);

/* PATH=MASK or PATH=keep, any number of them with ; behind each, then keep or redact. */
static struct jsonpath *paths_of(const char *args)
{
	struct jsonpath *p;
	char text[300], *rest = text, *one;
	struct err e;

	assert_true(strlen(args) < sizeof(text));
	strcpy(text, args);
	one = strrchr(text, ';');
	assert_int_equal(jsonpath_new(&p, strcmp(one ? one + 1 : text, "keep") == 0, NULL), 0);
	while ((one = strsep(&rest, ";")) && rest) {
		char *is = strchr(one, '=');
		struct mask m;

		assert_non_null(is);
		*is++ = '\0';
		m = strcmp(is, "keep") ? mask_of(is) : (struct mask){0};
		if (jsonpath_add(p, one, strcmp(is, "keep") ? &m : NULL, &e))
			fail_msg("%s: %s", one, e.msg);
	}
	return p;
}

static struct mask mask_of(const char *spec)
{
	static const char *const names[] = MASK_NAMES;
	struct mask m = {.domain = "golden"};
	uint8_t key[HMAC_KEY_LEN];
	size_t i, len = strcspn(spec, ":");
	const char *args = spec[len] ? spec + len + 1 : "";
	unsigned kind = 0;

	while (kind < ARRAY_LEN(names) &&
		(strlen(names[kind]) != len || strncmp(names[kind], spec, len) != 0))
		kind++;
	if (kind == ARRAY_LEN(names))
		fail_msg("no such mask: %s", spec);
	m.kind = (enum mask_kind)kind;
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	if (m.kind == MASK_FIXED)
		m.fixed = strdup(args);
	else if (m.kind == MASK_HASH && *args)
		snprintf(m.domain, sizeof(m.domain), "%s", args);
	else if (m.kind == MASK_NOISE)
		assert_true(sscanf(args, "width,%" SCNu64, &m.noise) == 1 ||
			    (m.relative = sscanf(args, "ratio,%" SCNu64, &m.noise) == 1));
	else if (m.kind == MASK_JSONPATH)
		m.paths = paths_of(args);
	else if (m.kind == MASK_FAKE)
		assert_true(fake_of(args, &m.fake));
	else if (m.kind == MASK_FPE)
		fpe_of(args, &m);
	else if (m.kind == MASK_TOKEN)
		m.mail = !strcmp(args, "email");
	else if (m.kind == MASK_EMAIL)
		m.keep_domain = !strcmp(args, "keep");
	else if (m.kind == MASK_DATE)
		assert_true(time_unit_of(args, &m.unit));
	else if (m.kind == MASK_NUMBER)
		assert_true(sscanf(args, "round,%" SCNu64, &m.step) == 1 ||
			    (m.bucket = sscanf(args, "bucket,%" SCNu64, &m.step) == 1));
	else if (m.kind == MASK_REGEX)
		m.regex = regex_of(args);
	else if (m.kind == MASK_DETECT)
		detect_of(args, &m);
	else if (m.kind == MASK_PARTIAL)
		assert_true(sscanf(args, "%u,%u,%4s", &m.first, &m.last, m.fill) >= 2);
	mask_key_init(&m, key);
	return m;
}

static void show(const char *what, const uint8_t *p, size_t n)
{
	fprintf(stderr, "  %s:", what);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, p[i] >= ' ' && p[i] < 0x7f ? " %02x(%c)" : " %02x", p[i], p[i]);
	fprintf(stderr, "\n");
}

static bool line_holds(char *line)
{
	uint8_t input[512], expected[512];
	char *field[FIELDS];
	struct value_shape s;
	struct arena a = {0};
	struct guarded g;
	struct span out;
	struct mask m;
	size_t n;
	bool ok;

	assert_true(strlen(line) < sizeof(input));
	assert_int_equal(split(line, field), FIELDS);
	s = shape_of(field);
	m = mask_of(field[SPEC]);
	n = cell_of(input, field[INPUT], s.format);
	g = guard_copy(input, n);
	out = mask_apply(&m, &s, span_of(g.p, n), &a);
	if (!strcmp(field[EXPECTED], "NULL")) {
		ok = !out.p;
	} else {
		n = cell_of(expected, field[EXPECTED], s.format);
		ok = out.p && span_eq(out, span_of(expected, n));
		if (!ok)
			show("expected", expected, n);
	}
	if (!ok)
		show("was", out.p, out.n);
	guard_free(&g);
	arena_fini(&a);
	mask_fini(&m);
	return ok;
}

static void table(void **state)
{
	unsigned number = 0, lines = 0, wrong = 0;
	FILE *f = fopen(TABLE, "r");
	char *line = NULL, *l;
	size_t cap = 0;

	(void)state;
	assert_non_null(f);
	while ((l = golden_line(f, &line, &cap, &number))) {
		lines++;
		if (!line_holds(l)) {
			wrong++;
			fprintf(stderr, "%s:%u does not hold\n", TABLE, number);
		}
	}
	free(line);
	fclose(f);
	assert_true(lines > 100);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
