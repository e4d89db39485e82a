/* SPDX-License-Identifier: MIT */
/* metric: numbers that one thread counts and others may read at any time, and the text that Prometheus reads
 * them as. Labels are the operator's words (names of policy entries, fixed reasons): never a client's and
 * never data. */
#ifndef PGVEIL_BASE_METRIC_H
#define PGVEIL_BASE_METRIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

/* One writer, any readers: an ordinary addition, without the bus lock that a read-modify-write would take. */
static inline void metric_add(_Atomic uint64_t *m, uint64_t n)
{
	atomic_store_explicit(m, atomic_load_explicit(m, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t metric_get(const _Atomic uint64_t *m)
{
	return atomic_load_explicit(m, memory_order_relaxed);
}

/* How long something took, each time: one writer, any readers. Bounds in metric.c; the last are beyond them.
 */
#define METRIC_TIMES 26
struct metric_times {
	_Atomic uint64_t sum_ns, n[METRIC_TIMES];
};
void metric_took(struct metric_times *t, uint64_t ns);

enum metric_kind { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

struct metric_text { /* all zero but open_metrics: empty */
	char *p;
	size_t n, cap;
	bool open_metrics; /* OpenMetrics 1.0 instead of the text format 0.0.4 */
	bool failed;       /* without memory: the text is not whole */
	const char *name;  /* of the family under way */
	enum metric_kind kind;
};

/* Begins a family; name is without the _total of counters and has its unit in it. Both are constants. */
void metric_family(struct metric_text *m, enum metric_kind kind, const char *name, const char *help);
/* A sample of the family. labels: name, value, name, value, NULL; or NULL. */
void metric_number(struct metric_text *m, const char *const *labels, uint64_t v);
void metric_seconds(struct metric_text *m, const char *const *labels, double v);
/* Another writer's, to be told together with what is in t; this one is the caller's alone. */
void metric_times_add(struct metric_times *t, const struct metric_times *of);
void metric_histogram(struct metric_text *m, const char *const *labels, const struct metric_times *t);
void metric_end(struct metric_text *m);
void metric_fini(struct metric_text *m);

#define METRIC_LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
