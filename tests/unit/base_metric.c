/* SPDX-License-Identifier: MIT */
#include "base/metric.h"

#include "test.h"

static void expect(struct metric_text *m, const char *text)
{
	assert_false(m->failed);
	assert_int_equal(m->n, strlen(text));
	assert_memory_equal(m->p, text, m->n);
	metric_fini(m);
}

static void write_some(struct metric_text *m)
{
	metric_family(m, METRIC_COUNTER, "x_rows", "Rows.");
	metric_number(m, NULL, 7);
	metric_family(m, METRIC_GAUGE, "x_age_seconds", "Age.");
	metric_seconds(m, METRIC_LABELS("a", "b", "c", "d"), 0.25);
	metric_end(m);
}

static void prometheus(void **state)
{
	struct metric_text m = {0};

	(void)state;
	write_some(&m);
	expect(&m, "# HELP x_rows_total Rows.\n# TYPE x_rows_total counter\nx_rows_total 7\n"
		   "# HELP x_age_seconds Age.\n# TYPE x_age_seconds gauge\nx_age_seconds{a=\"b\",c=\"d\"} "
		   "0.25\n");
}

static void open_metrics(void **state)
{
	struct metric_text m = {.open_metrics = true};

	(void)state;
	write_some(&m);
	expect(&m,
		"# HELP x_rows Rows.\n# TYPE x_rows counter\nx_rows_total 7\n"
		"# HELP x_age_seconds Age.\n# TYPE x_age_seconds gauge\nx_age_seconds{a=\"b\",c=\"d\"} 0.25\n"
		"# EOF\n");
}

static void labels_are_escaped(void **state)
{
	struct metric_text m = {0};

	(void)state;
	metric_family(&m, METRIC_GAUGE, "x", "X.");
	/* A name of a policy may be anything: no other sample, no other line can be made of it. */
	metric_number(&m, METRIC_LABELS("n", "a\"} 9\ny 1\\\xff\xc3\xa4"), 1);
	expect(&m, "# HELP x X.\n# TYPE x gauge\nx{n=\"a\\\"} 9\\\\x0ay 1\\\\\\\\xff\\\\xc3\\\\xa4\"} 1\n");
}

static void histogram(void **state)
{
	static const double bounds[] = {0.001, 0.01};
	static const uint64_t counts[] = {3, 0, 2};
	struct metric_text m = {0};

	(void)state;
	metric_family(&m, METRIC_HISTOGRAM, "x_seconds", "X.");
	metric_histogram(&m, bounds, counts, 3, 1.5);
	expect(&m, "# HELP x_seconds X.\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"0.001\"} 3\n"
		   "x_seconds_bucket{le=\"0.01\"} 3\nx_seconds_bucket{le=\"+Inf\"} 5\nx_seconds_sum 1.5\n"
		   "x_seconds_count 5\n");
}

static void gauges_fall(void **state)
{
	_Atomic uint64_t m = 0;

	(void)state;
	metric_add(&m, 2);
	metric_add(&m, (uint64_t)-1);
	assert_int_equal(metric_get(&m), 1);
}

static void grows(void **state)
{
	struct metric_text m = {0};

	(void)state;
	metric_family(&m, METRIC_GAUGE, "x", "X.");
	for (unsigned i = 0; i < 100000; i++)
		metric_number(&m, NULL, i);
	assert_false(m.failed);
	assert_memory_equal(m.p + m.n - 8, "x 99999\n", 8);
	metric_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prometheus),
		cmocka_unit_test(open_metrics),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(histogram),
		cmocka_unit_test(gauges_fall),
		cmocka_unit_test(grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
