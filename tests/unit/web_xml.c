/* SPDX-License-Identifier: MIT */
/* What an S3 store answers: what is taken out of it, and what is not there. */
#include "test.h"

#include "web/xml.h"

static bool text_of(const char *xml, const char *name, char *out, size_t cap)
{
	struct guarded g = guard_copy(xml, strlen(xml));
	bool found = xml_text(span_of(g.p, g.n), name, out, cap);

	guard_free(&g);
	return found;
}

static void elements(void **state)
{
	static const struct {
		const char *xml, *name, *text; /* NULL: there is none */
	} table[] = {
		{"<R><Code>SlowDown</Code></R>", "Code", "SlowDown"},
		{"<Code xmlns=\"x\">a</Code>", "Code", "a"}, {"<Codes>x</Codes><Code>a</Code>", "Code", "a"},
		{"<Part><PartNumber>7</PartNumber></Part>", "PartNumber", "7"},
		{"<ETag>&quot;ab-2&quot;</ETag>", "ETag", "\"ab-2\""},
		{"<ETag>&#34;ab&#34;</ETag>", "ETag", "\"ab\""},
		{"<Key>a&amp;b&lt;c&gt;&apos;</Key>", "Key", "a&b<c>'"}, {"<Key></Key>", "Key", ""},
		{"<Key/>", "Key", NULL}, {"<Key>a</Kex>", "Key", NULL}, {"<Key>a", "Key", NULL},
		{"<Key", "Key", NULL}, {"<", "Key", NULL}, {"", "Key", NULL},
		{"<Key>a\nb</Key>", "Key", NULL}, {"<Key>a&b</Key>", "Key", NULL},
		{"<Key>a&#0;</Key>", "Key", NULL}, {"<Key>\xc3\xa4</Key>", "Key", NULL},
		{"<Key>01234567890123456789</Key>", "Key", NULL}, /* longer than there is room */
	};
	char out[20];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool found = text_of(table[i].xml, table[i].name, out, sizeof(out));

		assert_int_equal(found, table[i].text != NULL);
		assert_string_equal(out, table[i].text ? table[i].text : "");
	}
}

static void one_after_another(void **state)
{
	struct span in = SPAN_LIT("<C><K>1</K></C>\n<C><K>2</K></C><C>"), one;
	char out[4];

	(void)state;
	assert_true(xml_next(&in, "C", &one));
	assert_true(xml_text(one, "K", out, sizeof(out)));
	assert_string_equal(out, "1");
	assert_true(xml_next(&in, "C", &one));
	assert_true(xml_text(one, "K", out, sizeof(out)));
	assert_string_equal(out, "2");
	assert_false(xml_next(&in, "C", &one));
}

/* At each byte it may end. */
static void cut_off(void **state)
{
	static const char whole[] = "<L><C><K>a&amp;b</K></C><C x=\"y\"><K>c</K></C></L>";
	char out[16];

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		struct guarded g = guard_copy(whole, n);
		struct span in = span_of(g.p, g.n), one;

		while (xml_next(&in, "C", &one))
			(void)!xml_text(one, "K", out, sizeof(out));
		guard_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements), cmocka_unit_test(one_after_another), cmocka_unit_test(cut_off)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
