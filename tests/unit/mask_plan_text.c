/* SPDX-License-Identifier: MIT */
#include "mask/plan_text.h"

#include "test.h"

static void blanked(void **state)
{
	static const char *const cases[][2] = {
		{"Seq Scan on t  (cost=0.00..19.26 rows=126 width=770)",
			"Seq Scan on t  (cost=0.00..19.26 rows=126 width=0)"},
		{"{\"Plan Rows\": 126, \"Plan Width\": 770}", "{\"Plan Rows\": 126, \"Plan Width\": 0}"},
		{"<Plan-Rows>126</Plan-Rows><Plan-Width>770</Plan-Width>",
			"<Plan-Rows>126</Plan-Rows><Plan-Width>0</Plan-Width>"},
		{"Plan Rows: 126\nPlan Width: 770\n", "Plan Rows: 126\nPlan Width: 0\n"},
		{"  Sort Method: quicksort  Memory: 25kB", "  Sort Method: quicksort  Memory: 0kB"},
		{"  Sort Method: external merge  Disk: 1200kB", "  Sort Method: external merge  Disk: 0kB"},
		{"\"Sort Space Used\": 25,\"Sort Space Type\": \"Memory\"",
			"\"Sort Space Used\": 0,\"Sort Space Type\": \"Memory\""},
		{"Buckets: 1024 (originally 512)  Batches: 4 (originally 1)  Memory Usage: 9kB",
			"Buckets: 0 (originally 0)  Batches: 0 (originally 0)  Memory Usage: 0kB"},
		{"Storage: Memory  Maximum Storage: 17kB", "Storage: Memory  Maximum Storage: 0kB"},
		{"Buffers: shared hit=3 read=5, temp read=7 written=11",
			"Buffers: shared hit=3 read=5, temp read=0 written=0"},
		{"  Memory: used=8kB  allocated=8kB", "  Memory: used=8kB  allocated=8kB"},
		{"  WAL: records=1 fpi=1 bytes=68", "  WAL: records=1 fpi=1 bytes=0"},
		{"\"WAL Records\": 1, \"WAL Bytes\": 68", "\"WAL Records\": 1, \"WAL Bytes\": 0"},
		{"actual rows=7 loops=1", "actual rows=7 loops=1"},
		{"width=", "width="},
		{"7", "7"},
		{"", ""},
	};
	struct arena a;

	(void)state;
	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span in = span_of(cases[i][0], strlen(cases[i][0]));
		struct span out = plan_text_blank(in, &a);

		assert_int_equal(out.n, strlen(cases[i][1]));
		assert_memory_equal(out.p, cases[i][1], out.n);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(blanked)};

	return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
