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

static bool room_for_nul(struct metric_text *m)
{
	if (m->failed || m->n == m->cap)
		return false;
	m->p[m->n] = '\0';
	return true;
}

static void histogram(void **state)
{
	struct metric_times t = {0}, all = {0};
	struct metric_text m = {0};
	const char *p;

	(void)state;
	metric_took(&t, 0);
	metric_took(&t, 1000); /* a bound is in its bucket */
	metric_took(&t, 1001);
	metric_took(&t, UINT64_C(600000000001));
	metric_times_add(&all, &t);
	metric_times_add(&all, &t);
	metric_family(&m, METRIC_HISTOGRAM, "x_seconds", "X.");
	metric_histogram(&m, METRIC_LABELS("a", "b"), &all);
	metric_histogram(&m, NULL, &t);
	assert_true(room_for_nul(&m));
	p = strstr(m.p,
		"x_seconds_bucket{a=\"b\",le=\"1e-06\"} 4\nx_seconds_bucket{a=\"b\",le=\"2.5e-06\"} 6\n");
	assert_non_null(p);
	p = strstr(p, "x_seconds_bucket{a=\"b\",le=\"600\"} 6\nx_seconds_bucket{a=\"b\",le=\"+Inf\"} 8\n"
		      "x_seconds_sum{a=\"b\"} 1200.000004004\nx_seconds_count{a=\"b\"} 8\n"
		      "x_seconds_bucket{le=\"1e-06\"} 2\n");
	assert_non_null(p);
	assert_non_null(strstr(p, "le=\"+Inf\"} 4\nx_seconds_sum 600.000002002\nx_seconds_count 4\n"));
	metric_fini(&m);
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
