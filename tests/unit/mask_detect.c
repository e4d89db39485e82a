/* SPDX-License-Identifier: MIT */
#include "mask/detect.h"

#include "test.h"

#include <time.h>
#include "mask/pattern.h"
#include "value/utf8.h"

/* Names joined by +. */
static struct detectors set_of(const char *names)
{
	struct detectors d = {0};
	char list[200], *save, *name;

	snprintf(list, sizeof(list), "%s", names);
	for (name = strtok_r(list, "+", &save); name; name = strtok_r(NULL, "+", &save))
		assert_true(detectors_add_named(&d, name));
	return d;
}

static bool find(struct findings *out, const char *detectors, struct span text, bool number, struct arena *a)
{
	const struct detectors set = set_of(detectors);
	struct work w = {.steps = WORK_STEPS};

	return detect_find(out, &set, text, number, &w, a);
}

static struct span shown(const struct mask *m, struct span text, struct arena *a)
{
	struct work w = {.steps = WORK_STEPS};

	return detect_text(m, text, &w, a);
}

static struct span text_of(const char *s)
{
	return span_of(s, strlen(s));
}

/* What a text becomes with labels, read from in front of an unmapped page. */
static void becomes(const char *detectors, const char *text, const char *expected)
{
	struct mask m = {.kind = MASK_DETECT, .replace = REPLACE_LABEL};
	struct guarded g = guard_copy(text, strlen(text));
	struct arena a = {0};
	struct findings again;
	struct span out;

	m.detectors = set_of(detectors);
	out = shown(&m, span_of(g.p, g.n), &a);
	if (!span_is(out, expected))
		fail_msg("%s in \"%s\"\ngot      \"%.*s\"\nexpected \"%s\"", detectors, text, (int)out.n,
			(const char *)out.p, expected);
	assert_true(find(&again, detectors, out, false, &a));
	assert_int_equal(again.n, 0);
	guard_free(&g);
	arena_fini(&a);
}

static void finds_all_of(const char *detector, const char *const *texts, size_t n, bool expected)
{
	for (size_t i = 0; i < n; i++) {
		struct arena a = {0};
		struct findings f;

		assert_true(find(&f, detector, text_of(texts[i]), false, &a));
		if (expected ? f.n != 1 || f.v[0].from != 0 || f.v[0].to != strlen(texts[i]) : f.n != 0)
			fail_msg("%s: \"%s\" is %sfound%s", detector, texts[i], f.n ? "" : "not ",
				f.n && expected ? ", but not all of it" : "");
		arena_fini(&a);
	}
}
#define VALID(detector, ...)                                                                                 \
	finds_all_of(detector, (const char *const[]){__VA_ARGS__},                                           \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), true)
#define INVALID(detector, ...)                                                                               \
	finds_all_of(detector, (const char *const[]){__VA_ARGS__},                                           \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), false)

static void names(void **state)
{
	(void)state;
	assert_string_equal(detector_name(DETECT_EMAIL), "email");
	assert_string_equal(detector_name(DETECTOR_COUNT), "?");
}

/* The card schemes' own test numbers. */
static void cards(void **state)
{
	(void)state;
	VALID("pan", "4111111111111111", "4012888888881881", "4222222222222", "5555555555554444",
		"5105105105105100", "2223003122003222", "378282246310005", "371449635398431",
		"30569309025904", "38520000023237", "36700102000000", "6011111111111117", "6011000990139424",
		"3530111333300000", "3566002020360505", "6200000000000005", "6759649826438453",
		"6304000000000000", "2200000000000004", "6212345678901232", "4000000000000000006");
	VALID("pan", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111",
		"4111_1111_1111_1111", "4111/1111/1111/1111", "3782 822463 10005", "3056 930902 5904",
		"411111 1111111111", "41111111 11111111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
		"4111 - 1111 - 1111 - 1111", "4111\n1111\n1111\n1111", "41 1111 111111 1111");
	/* the last digit, two digits changed places, no issuer, too short, too long */
	INVALID("pan", "4111111111111112", "5555555555554445", "5105105105101500", "1111111111111117",
		"0000000000000000", "41111111111", "41111111111111111111", "378282246310004", "",
		"7992739871322228");
	/* what looks like one */
	INVALID("pan", "2024-11-25 12:34:56.123456", "1700000000000", "20241125123456",
		"41111111-1111-4111-8111-111111111111", "4.111111111111111", "52.520006599999996",
		"192.168.100.200", "4111,1111,1111,1111");
}

static void ibans(void **state)
{
	(void)state;
	/* the examples of SWIFT's registry */
	VALID("iban", "AD1200012030200359100100", "AE070331234567890123456", "AL47212110090000000235698741",
		"AT611904300234573201", "BE68539007547034", "BG80BNBG96611020345678",
		"BH67BMAG00001299123456", "BR1800360305000010009795493C1", "CH9300762011623852957",
		"CY17002001280000001200527600", "CZ6508000000192000145399", "DE89370400440532013000",
		"DK5000400440116243", "EE382200221020145685", "ES9121000418450200051332",
		"FI2112345600000785", "FO6264600001631634", "FR1420041010050500013M02606",
		"GB29NWBK60161331926819", "GI75NWBK000000007099453", "GR1601101250000000012300695",
		"HR1210010051863000160", "HU42117730161111101800000000", "IE29AIBK93115212345678",
		"IL620108000000099999999", "IS140159260076545510730339", "IT60X0542811101000000123456",
		"KW81CBKU0000000000001234560101", "KZ86125KZT5004100100", "LB62099900000001001901229114",
		"LC55HEMM000100010012001200023015", "LI21088100002324013AA", "LT121000011101001000",
		"LU280019400644750000", "LV80BANK0000435195001", "MC5811222000010123456789030",
		"MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300", "NO9386011117947",
		"PL61109010140000071219812874", "PT50000201231234567890154", "RO49AAAA1B31007593840000",
		"SA0380000000608010167519", "SE4550000000058398257466", "SI56263300012039086",
		"SK3112000000198742637541", "SM86U0322509800000000270100", "TR330006100519786457841326",
		"UA213223130000026007233566001", "XK051212012345678906");
	VALID("iban", "DE89 3704 0044 0532 0130 00", "de89 3704 0044 0532 0130 00",
		"GB29-NWBK-6016-1331-9268-19", "DE 89 3704 0044 0532 0130 00");
	INVALID("iban", "DE88370400440532013000", "DE8937040044053201300", "GB29NWBK60161331926818",
		"XX89370400440532013000", "DE00370400440532013000", "NO93 8601", "ORDER DE12345",
		"at10 we meet in the hall", "");
}

static void social_security_numbers(void **state)
{
	(void)state;
	VALID("us_ssn", "078-05-1120", "219-09-9999", "001-01-0001", "899-99-9999", "665-99-0001",
		"667-01-0001", "123 45 6789", "123.45.6789", "123 - 45 - 6789");
	INVALID("us_ssn", "000-12-3456", "666-12-3456", "900-12-3456", "999-99-9999", "123-00-6789",
		"123-45-0000", "123-456-789", "12-345-6789", "1234-56-789", "12345-6789", "123456789",
		"2024-11-25", "123,45,6789");
	becomes("us_ssn", "SSN: 123456789.", "SSN: [us_ssn].");
	becomes("us_ssn", "social security number 123 456 789", "social security number [us_ssn]");
	becomes("us_ssn", "assn 123456789", "assn 123456789");
	becomes("us_ssn", "ssn 900123456", "ssn 900123456");
}

static void phones(void **state)
{
	(void)state;
	VALID("phone", "+442079460958", "+44 20 7946 0958", "+1 (212) 555-0123", "+49 (0)30 901820",
		"+33 1 23 45 67 89", "+12125550123", "0044 20 7946 0958", "020 7946 0958", "212-555-0123",
		"212.555.0123", "0171/1234567", "06 12 34 56 78", "06.12.34.56.78", "030 901 820");
	/* the bracket belongs to it, but says nothing */
	becomes("phone", "(212) 555-0123", "([phone]");
	INVALID("phone", "+123", "+0123456789", "1234567890", "112", "01.02.2024", "01.02.2024 10.30",
		"01.02.24 10.30", "01-02-2024 10 30", "2024-11-25", "192.168.100.200", "0.1234567890",
		"00-00-0000", "100-200-3000", "5551234567 units", "12 34 56 78", "+1234567890123456");
	becomes("phone", "Tel. 5551234567, fax 55 51 23 45", "Tel. [phone], fax [phone]");
	becomes("phone", "hotel 5551234567", "hotel 5551234567");
	becomes("phone", "x+44 20 7946 0958y", "x[phone]y");
}

static void addresses(void **state)
{
	(void)state;
	VALID("email", "alice@example.org", "a@b.co", "alice.b+tag@mail.example-1.co.uk",
		"o'hara@example.org", "\"john doe\"@example.org", "ALICE@EXAMPLE.ORG", "élise@exämple.org",
		"a@b.c.xn--p1ai", "alice%40example.org", "{x}@example.org");
	INVALID("email", "alice@localhost", "@example.org", "alice@", "alice", "alice@example.1",
		"alice@.org", "a @ b.co", "alice@127.0.0.1", "@@@@", "x@y@z", "");
	becomes("email", "<mailto:alice@example.org?subject=x>", "<mailto:[email]?subject=x>");
	becomes("email", "https://x.example/?u=alice@example.org&v=1", "https://x.example/?u=[email]&v=1");
	becomes("email", "https://x.example/?u=alice%40example.org&v=1", "https://x.example/?u=[email]&v=1");
	becomes("email", "ask alice@example.org, or bob@example.org.", "ask [email], or [email].");
	becomes("email", "41111111-1111-4111-8111-111111111111@b.co", "[email]");
	becomes("email", "a@b.co;c@d.co", "[email];[email]");
	becomes("email", "a@b.co@d.co", "[email]");
	becomes("email", "alice@example.org.4111", "[email].4111");
}

/* Ways to write a number that a person reads and a pattern does not. */
static void evasions(void **state)
{
	(void)state;
	VALID("pan", "4111\u200b1111\u200b1111\u200b1111", /* zero width space */
		"4111\u00ad1111\u00ad1111\u00ad1111",      /* soft hyphen */
		"4\u20601\u20601\u20601111111111111",      /* word joiner */
		"\uff14\uff11\uff11\uff11 1111 1111 1111", /* full width */
		"\u0664\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661"
		"\u0661",
		"\u06f4\u06f1\u06f1\u06f11111\u0967\u0967\u0967\u09671111", /* Persian, Devanagari */
		"4111\u00a01111\u20091111\u30001111",                       /* spaces */
		"4111\u20111111\u20131111\u22121111",                       /* dashes */
		"\u2074\u00b9\u00b9\u00b9111111111111",                     /* superscripts */
		"\u2463\u2460\u2460\u2460111111111111",                     /* circled */
		"\U0001d7d2\U0001d7cf\U0001d7cf\U0001d7cf111111111111",     /* mathematical */
		"4\u03361\u03361\u03361\u0336111111111111",                 /* struck through */
		"4111\xf3\xa0\x80\xb1"
		"111111111111", /* tag */
		"4111\x01"
		"1111\x7f"
		"11111111"); /* control characters */
	becomes("pan", "\u200b4111111111111111\u200b", "\u200b[pan]");
	becomes("pan", "卡号4111111111111111。", "卡号[pan]。");
	becomes("pan", "card4111111111111111x", "card[pan]x");
	becomes("pan", "41111111111111114222222222222", "41111111111111114222222222222");
	becomes("email", "alice\uff20example\uff0eorg", "[email]");
	becomes("email", "ali\u200bce@exa\u00admple.org!", "[email]!");
	becomes("iban", "\uff24\uff25\uff18\uff19 3704 0044 0532 0130 00", "[iban]");
	becomes("us_ssn", "123\u201145\u20116789", "[us_ssn]");
}

static void several(void **state)
{
	(void)state;
	becomes("pan", "4111 1111 1111 1111 5555 5555 5555 4444", "[pan] [pan]");
	becomes("pan", "4111111111111111 5555555555554444", "[pan] [pan]");
	becomes("pan", "4111111111111111,5555555555554444", "[pan],[pan]");
	becomes("pan", "4111 1111 1111 1111 12/25 123", "[pan] 12/25 123");
	becomes("all", "alice@example.org4111111111111111", "[email]");
	becomes("all",
		"Ann (123-45-6789, ann@example.org) paid DE89370400440532013000 with 4111-1111-1111-1111; "
		"tel 212-555-0123",
		"Ann ([us_ssn], [email]) paid [iban] with [pan]; tel [phone]");
	/* the first makes whole what stands before it */
	becomes("pan", "4111 11111 1111111 4111111111111111", "[pan] [pan]");
}

static void replacements(void **state)
{
	struct mask m = {.kind = MASK_DETECT, .detectors = set_of("pan"), .last = 4, .fill = "*"};
	struct span text = SPAN_LIT("pay 4111 1111 1111 1111 now");
	struct arena a = {0};

	(void)state;
	assert_null(shown(&m, text, &a).p); /* zero is the strictest */
	assert_true(span_eq(shown(&m, SPAN_LIT("pay now"), &a), SPAN_LIT("pay now")));
	m.replace = REPLACE_REDACT;
	assert_true(span_is(shown(&m, text, &a), "pay **** now"));
	m.replace = REPLACE_PARTIAL;
	assert_true(span_is(shown(&m, text, &a), "pay ***************1111 now"));
	m.last = 19;
	assert_true(span_is(shown(&m, text, &a), "pay ******************* now"));
	m.detectors = (struct detectors){0};
	assert_true(span_eq(shown(&m, text, &a), text));
	arena_fini(&a);
}

/* Random order numbers are cards no more often than the check digit lets by. */
static void false_positives(void **state)
{
	unsigned seed = 11, found = 0, uuids = 0, n = 20000;
	struct findings f;
	struct arena a = {0};

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		char text[80];

		snprintf(text, sizeof(text), "order 4%05u%05u%05u", (unsigned)rand_r(&seed) % 100000,
			(unsigned)rand_r(&seed) % 100000, (unsigned)rand_r(&seed) % 100000);
		assert_true(find(&f, "pan", text_of(text), false, &a));
		found += f.n > 0;
		for (unsigned k = 0; k < 36; k++)
			text[k] = "0123456789abcdef"[rand_r(&seed) & 15];
		text[8] = text[13] = text[18] = text[23] = '-';
		text[36] = '\0';
		assert_true(find(&f, "all", text_of(text), false, &a));
		uuids += f.n > 0;
		arena_reset(&a);
	}
	assert_in_range(found, n / 10 - n / 100, n / 10 + n / 100);
	assert_int_equal(uuids, 0);
	arena_fini(&a);
}

static void cells(void **state)
{
	struct mask m = {.kind = MASK_DETECT, .detectors = set_of("all"), .replace = REPLACE_LABEL};
	const struct value_shape text = {.type = VALUE_TEXT, .typmod = -1},
				 ten = {.type = VALUE_VARCHAR, .typmod = 14};
	struct arena a = {0};

	(void)state;
	assert_true(span_is(mask_apply(&m, &text, SPAN_LIT("bad \xff 4111111111111111"), &a), "****"));
	/* a label can be too long for the column */
	assert_true(span_is(mask_apply(&m, &ten, SPAN_LIT("ab a@b.co"), &a), "ab [email]"));
	assert_true(span_is(mask_apply(&m, &ten, SPAN_LIT("abc a@b.co"), &a), "****"));
	arena_fini(&a);
}

/* Another mask with detectors: what they find hides the whole. */
static void guard(void **state)
{
	struct mask m = {.kind = MASK_PARTIAL, .first = 4, .fill = "*", .detectors = set_of("pan")};
	const struct value_shape text = {.type = VALUE_TEXT, .typmod = -1};
	struct arena a = {0};

	(void)state;
	assert_true(span_is(mask_apply(&m, &text, SPAN_LIT("some text"), &a), "some*****"));
	assert_true(span_is(mask_apply(&m, &text, SPAN_LIT("4111111111111111"), &a), "****"));
	arena_fini(&a);
}

/* Own patterns: found in the text as a person reads it, with their words, and only so long. */
static struct span with_own(const char *source, const char *const *words, unsigned nwords, struct span text,
	uint32_t steps, struct arena *a)
{
	struct mask m = {.kind = MASK_DETECT, .replace = REPLACE_LABEL};
	struct work w = {.steps = steps};
	struct pattern *p;
	struct err e;
	struct span out;

	assert_int_equal(pattern_new(&p, "own", source, words, nwords, &e), 0);
	m.detectors.own = (const struct pattern *const[]){p};
	m.detectors.nown = 1;
	out = detect_text(&m, text, &w, a);
	if (out.p == text.p) {
		uint8_t *copy = arena_alloc(a, text.n + 1);

		memcpy(copy, text.p, text.n);
		out.p = copy;
	}
	pattern_free(p);
	return out;
}
#define OWN(source, text, expected)                                                                          \
	assert_true(span_is(with_own(source, NULL, 0, text_of(text), WORK_STEPS, &a), expected))

static void own(void **state)
{
	static const char *const words[] = {"ward", "bed no"};
	struct arena a = {0};
	char *text = malloc(100000);

	(void)state;
	OWN("MRN-\\d{8}", "see MRN-12345678, MRN-1234567", "see [own], MRN-1234567");
	OWN("MRN-\\d{8}", "MRN\u2011\uff11\u200b2345678", "[own]");
	OWN("é+", "caféé é", "caf[own] [own]");
	OWN("^a", "aa", "[own]a");
	OWN("a$", "aa", "a[own]");
	OWN("(?<=x)\\d", "1x2", "1x[own]");
	OWN("\\bab\\b", "ab abc ab", "[own] abc [own]");
	OWN("a\\Kb", "ab b", "a[own] b");
	assert_true(span_is(with_own("\\d{3}", words, 2, text_of("123 ward 123; BED NO 456"), WORK_STEPS, &a),
		"123 ward [own]; BED NO [own]"));
	/* Where a piece of the text ends nothing is lost, however the pieces lie. */
	for (size_t at = 0; at < 700; at += 7) {
		memset(text, ' ', 1000);
		memcpy(text + at, "MRN-12345678", 12);
		assert_int_equal(with_own("MRN-\\d{8}", NULL, 0, span_of(text, 1000), WORK_STEPS, &a).n, 993);
		for (size_t i = 0; i < 999; i += 2)
			memcpy(text + i, "é", 2);
		memcpy(text + (at & ~1u), "MRN-12345678", 12);
		assert_int_equal(with_own("MRN-\\d{8}", NULL, 0, span_of(text, 1000), WORK_STEPS, &a).n, 993);
	}
	/* What is longer than a match can be is found in parts, which touch. */
	memset(text, '7', 100000);
	assert_true(span_is(with_own("\\d+", NULL, 0, span_of(text, 100000), WORK_STEPS, &a), "[own]"));
	/* Too slow: nothing of it is shown. */
	memset(text, 'a', 100000);
	assert_true(span_is(with_own("(a+)+[!?]", NULL, 0, span_of(text, 100000), WORK_STEPS, &a), "****"));
	assert_true(span_is(with_own("b", NULL, 0, span_of(text, 100000), 1000, &a), "****"));
	arena_fini(&a);
	free(text);
}

/* All strings of a document, and all elements of an array, share what a cell may take. */
static void own_in_json(void **state)
{
	struct mask m = {.kind = MASK_DETECT, .replace = REPLACE_LABEL};
	const struct value_shape json = {.type = VALUE_JSON, .typmod = -1};
	struct arena a = {0};
	struct pattern *p;
	char text[60000], *end = text;
	struct span out;
	struct err e;

	(void)state;
	assert_int_equal(pattern_new(&p, "own", "(a|aa)+[!?]", NULL, 0, &e), 0);
	m.detectors.own = (const struct pattern *const[]){p};
	m.detectors.nown = 1;
	*end++ = '[';
	for (unsigned i = 0; i < 1000; i++)
		end = stpcpy(end, "\"aaaaaaaaaaaaaa\",");
	end = stpcpy(end, "\"aaa!\"]");
	out = mask_apply(&m, &json, text_of(text), &a);
	assert_true(out.n > 100 && memcmp(out.p, "[\"aaaaaaaaaaaaaa\",", 18) == 0);
	assert_true(memmem(out.p, out.n, "\"[own]\"]", 8) != NULL ||
		    memmem(out.p, out.n, "\"****\"]", 7) != NULL);
	m.detectors.own = NULL;
	pattern_free(p);
	p = NULL;
	assert_int_equal(pattern_new(&p, "own", "\\d{4}", (const char *const[]){"pin"}, 1, &e), 0);
	m.detectors.own = (const struct pattern *const[]){p};
	out = mask_apply(&m, &json, SPAN_LIT("{\"a\": \"1234\", \"pin\": {\"v\": \"1234\"}}"), &a);
	assert_true(span_is(out, "{\"a\": \"1234\", \"pin\": {\"v\": \"[own]\"}}"));
	pattern_free(p);
	arena_fini(&a);
}

/* A set is what its list of names says, and nobody forgot to write one down. */
static void groups(void **state)
{
	static const char *const files[] = {"policy/schema.json", "policy/README.md"};
	struct detectors all = set_of("all"), d = {0};

	(void)state;
	assert_int_equal(detectors_count(&all), DETECTOR_COUNT);
	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		char country[3] = {detector_name(i)[0], detector_name(i)[1], 0};

		if (detector_name(i)[2] == '_') {
			d = set_of(country);
			assert_true(detectors_has(&d, (enum detector)i));
		}
	}
	d = set_of("secrets");
	assert_int_equal(detectors_count(&d), 7);
	assert_true(detectors_within(&d, &all) && !detectors_within(&all, &d));
	assert_false(detectors_add_named(&d, "") || detectors_add_named(&d, "PAN") ||
		     detectors_add_named(&d, "u"));
	for (size_t f = 0; f < ARRAY_LEN(files); f++) {
		char *text = calloc(1, 1 << 20), word[64];
		FILE *in = fopen(files[f], "r");

		assert_true(in && fread(text, 1, (1 << 20) - 1, in));
		for (unsigned i = 0; detectors_name(i); i++) {
			snprintf(word, sizeof(word), f ? "`%s`" : "\"%s\"", detectors_name(i));
			if (!strstr(text, word))
				fail_msg("%s does not have %s", files[f], word);
		}
		fclose(in);
		free(text);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Twice the text may take twice the time, and on a busy machine five times; never sixteen. */
static void linear(void **state)
{
	static const char *const units[] = {"a", "1", "4", "@", "a@", "a@b.co", "%40", "a%40", "\"", "\"@",
		"1 ", "4 ", "6-", "(", "+", "+1", "tel 1", "ssn 1 ", "a.", "x@a.", "a-", "4111111111111111",
		"4111 ", "DE89 ", "NO93", "0 ", "01 ", "020 ", "212-555-", "\xef\xbc\x94", "\xe2\x80\x8b",
		"\xcc\xb6", "aaaaaaaa-", "[", "*@a.co ", "4111111111111111 1 ", ",tel,", "://", "a://",
		"http://a:b@c ", "www.", "key a1B2c3D4e5F6g7H8i9 ", "password: a1! ", "pwd=", "sk-", "ghp_",
		"eyJ", "eyJaaaaaaaaaa.", "bearer ", "a1", "A 1 ", "AB 1 ",
		"13zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "1.1.1.1.",
		"a:", "::", "aa:bb:cc:", "1.1111,", "dob 1 1 1984 ", "age 3 ", "cvv ", "^",
		"4111111111111111^", "&#64;", "&#", "lat 1.1234 ", "Q~", "1Q~a"};
	const size_t small = 8000, large = 16 * small;
	char *text = malloc(large + 32);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t unit = strlen(units[i]), n = 0;
		double first, second;
		struct arena a = {0};
		struct findings f;

		while (n < large) {
			memcpy(text + n, units[i], unit);
			n += unit;
		}
		first = seconds();
		(void)!find(&f, "all", span_of(text, small / unit * unit), false, &a);
		second = seconds();
		first = second - first;
		(void)!find(&f, "all", span_of(text, large / unit * unit), false, &a);
		second = seconds() - second;
		if (second > first * 80 + 0.05)
			fail_msg("\"%s\": %.4f s, 16 times as much %.4f s", units[i], first, second);
		arena_fini(&a);
	}
	free(text);
}

static void without_memory(void **state)
{
	struct mask m = {.kind = MASK_DETECT, .detectors = set_of("all"), .replace = REPLACE_REDACT};
	struct span text = SPAN_LIT("4111111111111111 a@b.co");
	struct findings f;

	(void)state;
	for (size_t limit = 1; limit < 40000; limit += 997) {
		struct arena a;
		struct span out;

		arena_init(&a, limit);
		if (find(&f, "all", text, false, &a))
			assert_int_equal(f.n, 2);
		out = shown(&m, text, &a);
		assert_true(!out.p || span_is(out, "****") || span_is(out, "**** ****"));
		arena_fini(&a);
	}
}

/* tests/golden/detect.txt, whose head says how its lines are written. */
#define TABLE "tests/golden/detect.txt"

static void line_feeds(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++)
		*to++ = p[0] == '\\' && p[1] == 'n' ? (p++, '\n') : *p;
	*to = '\0';
}

static bool line_holds(const char *detectors, char sign, char *text)
{
	struct mask m = {.kind = MASK_DETECT, .replace = REPLACE_LABEL, .detectors = set_of(detectors)};
	char *expected = strstr(text, " => "), label[80];
	struct findings again;
	struct arena a = {0};
	struct guarded g;
	struct span out;
	bool ok;

	line_feeds(text);
	if (sign == '>') {
		assert_non_null(expected);
		expected = strstr(text, " => ");
		*expected = '\0';
		expected += 4;
	} else if (sign == '=') {
		snprintf(label, sizeof(label), "[%.*s]", (int)strcspn(detectors, "+"), detectors);
		expected = label;
	} else {
		assert_int_equal(sign, '!');
		expected = text;
	}
	g = guard_copy(text, strlen(text));
	out = shown(&m, span_of(g.p, g.n), &a);
	ok = span_is(out, expected);
	if (!ok)
		fprintf(stderr, "  \"%s\" becomes \"%.*s\"\n", text, (int)out.n, (const char *)out.p);
	if (!find(&again, detectors, out, false, &a) || again.n) {
		fprintf(stderr, "  \"%.*s\": found again\n", (int)out.n, (const char *)out.p);
		ok = false;
	}
	guard_free(&g);
	arena_fini(&a);
	return ok;
}

static void golden(void **state)
{
	unsigned number = 0, lines = 0, wrong = 0;
	FILE *f = fopen(TABLE, "r");
	char *line = NULL, *l;
	size_t cap = 0;

	(void)state;
	assert_non_null(f);
	while ((l = golden_line(f, &line, &cap, &number))) {
		char *sign = strchr(l, ' ');

		assert_non_null(sign);
		*sign++ = '\0';
		lines++;
		if (!line_holds(l, *sign, sign + 2)) {
			wrong++;
			fprintf(stderr, "%s:%u does not hold\n", TABLE, number);
		}
	}
	free(line);
	fclose(f);
	assert_true(lines > 300);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(cards),
		cmocka_unit_test(ibans),
		cmocka_unit_test(social_security_numbers),
		cmocka_unit_test(phones),
		cmocka_unit_test(addresses),
		cmocka_unit_test(evasions),
		cmocka_unit_test(several),
		cmocka_unit_test(replacements),
		cmocka_unit_test(false_positives),
		cmocka_unit_test(cells),
		cmocka_unit_test(guard),
		cmocka_unit_test(linear),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(golden),
		cmocka_unit_test(own),
		cmocka_unit_test(own_in_json),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
