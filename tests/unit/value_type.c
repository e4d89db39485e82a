/* SPDX-License-Identifier: MIT */
#include "value/type.h"

#include "test.h"

/* A type's oid is part of PostgreSQL's protocol: written here again, from pg_type.dat. */
static void oids(void **state)
{
	static const struct {
		uint32_t oid;
		enum value_type type;
		const char *name;
	} known[] = {
		{16, VALUE_BOOL, "bool"},
		{17, VALUE_BYTEA, "bytea"},
		{18, VALUE_CHAR, "char"},
		{19, VALUE_NAME, "name"},
		{20, VALUE_INT8, "int8"},
		{21, VALUE_INT2, "int2"},
		{23, VALUE_INT4, "int4"},
		{25, VALUE_TEXT, "text"},
		{114, VALUE_JSON, "json"},
		{142, VALUE_XML, "xml"},
		{650, VALUE_CIDR, "cidr"},
		{700, VALUE_FLOAT4, "float4"},
		{701, VALUE_FLOAT8, "float8"},
		{774, VALUE_MACADDR8, "macaddr8"},
		{790, VALUE_MONEY, "money"},
		{829, VALUE_MACADDR, "macaddr"},
		{869, VALUE_INET, "inet"},
		{1042, VALUE_BPCHAR, "bpchar"},
		{1043, VALUE_VARCHAR, "varchar"},
		{1082, VALUE_DATE, "date"},
		{1083, VALUE_TIME, "time"},
		{1114, VALUE_TIMESTAMP, "timestamp"},
		{1184, VALUE_TIMESTAMPTZ, "timestamptz"},
		{1186, VALUE_INTERVAL, "interval"},
		{1266, VALUE_TIMETZ, "timetz"},
		{1560, VALUE_BIT, "bit"},
		{1562, VALUE_VARBIT, "varbit"},
		{1700, VALUE_NUMERIC, "numeric"},
		{2950, VALUE_UUID, "uuid"},
		{3802, VALUE_JSONB, "jsonb"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(value_type_of(known[i].oid), known[i].type);
		assert_int_equal(value_type_oid(known[i].type), known[i].oid);
		assert_string_equal(value_type_name(known[i].type), known[i].name);
	}
	assert_int_equal(i, VALUE_TYPE_COUNT - 1); /* none is missing above */
}

static void others(void **state)
{
	/* oid, regclass, point, tsvector, text[], record, nothing, garbage */
	static const uint32_t oids_of_others[] = {26, 2205, 600, 3614, 1009, 2249, 0, UINT32_MAX};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(oids_of_others) / sizeof(oids_of_others[0]); i++)
		assert_int_equal(value_type_of(oids_of_others[i]), VALUE_OTHER);
	assert_string_equal(value_type_name(VALUE_OTHER), "other");
	assert_int_equal(value_type_oid(VALUE_OTHER), 0);
}

static void text_family(void **state)
{
	enum value_type t;

	(void)state;
	for (t = VALUE_OTHER; t < VALUE_TYPE_COUNT; t++)
		assert_int_equal(value_is_text(t),
			t == VALUE_TEXT || t == VALUE_VARCHAR || t == VALUE_BPCHAR || t == VALUE_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oids),
		cmocka_unit_test(others),
		cmocka_unit_test(text_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
