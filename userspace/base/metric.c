/* SPDX-License-Identifier: MIT */
#include "base/metric.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)16 << 20)

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

void metric_histogram(
	struct metric_text *m, const double *bounds, const uint64_t *counts, unsigned n, double sum)
{
	uint64_t total = 0;
	char le[32];

	for (unsigned i = 0; i < n; i++) {
		total += counts[i];
		if (i + 1 < n)
			snprintf(le, sizeof(le), "%.9g", bounds[i]);
		else
			snprintf(le, sizeof(le), "+Inf");
		begin(m, "_bucket", METRIC_LABELS("le", le));
		add(m, "%" PRIu64 "\n", total);
	}
	begin(m, "_sum", NULL);
	add(m, "%.9g\n", sum);
	begin(m, "_count", NULL);
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
