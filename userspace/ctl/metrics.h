/* SPDX-License-Identifier: MIT */
/* metrics: all that the daemon counts, as Prometheus reads it. Names of policy entries and our own words are
 * the only labels. Control thread only. */
#ifndef PGVEIL_CTL_METRICS_H
#define PGVEIL_CTL_METRICS_H

#include "base/metric.h"

struct report;

void metrics_write(const struct report *r, struct metric_text *m);
/* The Content-Type of either format. */
const char *metrics_type(bool open_metrics);
/* Whether an Accept header (NULL: none) asks for OpenMetrics. */
bool metrics_wants_open(const char *accept);

#endif
