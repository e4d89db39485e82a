/* SPDX-License-Identifier: MIT */
#include "base/metric.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)16 << 20)
#define S_NS     1e9

/* Of what takes microseconds and of what waits for a person: the same for all, so that they can be laid side
 * by side. */
static const uint64_t bounds_ns[METRIC_TIMES - 1] = {1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
	500000, 1000000, 2500000, 5000000, 10000000, 25000000, 50000000, 100000000, 250000000, 500000000,
	1000000000, 2500000000, 5000000000, 10000000000, 30000000000, 120000000000, 600000000000};

void metric_took(struct metric_times *t, uint64_t ns)
{
	unsigned i = 0;

	while (i < METRIC_TIMES - 1 && ns > bounds_ns[i])
		i++;
	metric_add(&t->sum_ns, ns);
	metric_add(&t->n[i], 1);
}

void metric_times_add(struct metric_times *t, const struct metric_times *of)
{
	metric_add(&t->sum_ns, metric_get(&of->sum_ns));
	for (unsigned i = 0; i < METRIC_TIMES; i++)
		metric_add(&t->n[i], metric_get(&of->n[i]));
}

static bool room(struct metric_text *m, size_t n)
{
	size_t cap = m->cap ? m->cap : 16384;
	char *grown;

	if (m->failed || n > TEXT_MAX - m->n) {
		m->failed = true;
		return false;
	}
	while (cap - m->n < n)
		cap *= 2;
	if (cap == m->cap)
		return true;
	grown = realloc(m->p, cap);
	if (!grown) {
		m->failed = true;
		return false;
	}
	m->p = grown;
	m->cap = cap;
	return true;
}

static PRINTF_LIKE(2, 3) void add(struct metric_text *m, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line)) {
		m->failed = true;
		return;
	}
	if (!room(m, (size_t)n))
		return;
	memcpy(m->p + m->n, line, (size_t)n);
	m->n += (size_t)n;
}

/* A byte that is no UTF-8 would make the whole text invalid: what is not printable ASCII is written \xNN, so
 * that two names stay two. */
static void add_escaped(struct metric_text *m, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c >= 0x7f)
			add(m, "\\\\x%02x", c);
		else
			add(m, c == '\\' || c == '"' ? "\\%c" : "%c", c);
	}
}

void metric_family(struct metric_text *m, enum metric_kind kind, const char *name, const char *help)
{
	static const char *const word[] = {"gauge", "counter", "histogram"};
	/* Before OpenMetrics the family of a counter had the name of its samples. */
	const char *suffix = kind == METRIC_COUNTER && !m->open_metrics ? "_total" : "";

	m->name = name;
	m->kind = kind;
	add(m, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, word[kind]);
}

static void begin(struct metric_text *m, const char *suffix, const char *const *labels)
{
	add(m, "%s%s", m->name, suffix);
	for (unsigned i = 0; labels && labels[i]; i += 2) {
		add(m, "%s%s=\"", i ? "," : "{", labels[i]);
		add_escaped(m, labels[i + 1]);
		add(m, "\"");
	}
	add(m, "%s ", labels && labels[0] ? "}" : "");
}

static const char *suffix_of(const struct metric_text *m)
{
	return m->kind == METRIC_COUNTER ? "_total" : "";
}

void metric_number(struct metric_text *m, const char *const *labels, uint64_t v)
{
	begin(m, suffix_of(m), labels);
	add(m, "%" PRIu64 "\n", v);
}

void metric_seconds(struct metric_text *m, const char *const *labels, double v)
{
	begin(m, suffix_of(m), labels);
	add(m, "%.9g\n", v);
}

#define LABELS_MAX 4 /* pairs */

void metric_histogram(struct metric_text *m, const char *const *labels, const struct metric_times *t)
{
	const char *v[2 * LABELS_MAX + 3] = {NULL};
	uint64_t total = 0;
	unsigned n = 0;
	char le[32];

	for (; labels && labels[n] && n < 2 * LABELS_MAX; n++)
		v[n] = labels[n];
	v[n] = "le";
	v[n + 1] = le;
	for (unsigned i = 0; i < METRIC_TIMES; i++) {
		total += metric_get(&t->n[i]);
		if (i + 1 < METRIC_TIMES)
			snprintf(le, sizeof(le), "%.9g", (double)bounds_ns[i] / S_NS);
		else
			snprintf(le, sizeof(le), "+Inf");
		begin(m, "_bucket", v);
		add(m, "%" PRIu64 "\n", total);
	}
	begin(m, "_sum", labels);
	add(m, "%.15g\n", (double)metric_get(&t->sum_ns) / S_NS); /* it grows, and rates are made of it */
	begin(m, "_count", labels);
	add(m, "%" PRIu64 "\n", total);
}

void metric_end(struct metric_text *m)
{
	if (m->open_metrics)
		add(m, "# EOF\n");
}

void metric_fini(struct metric_text *m)
{
	free(m->p);
	*m = (struct metric_text){0};
}
