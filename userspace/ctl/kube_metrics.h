/* SPDX-License-Identifier: MIT */
/* kube_metrics: what the daemon counts as one of a cluster's. Never the name of a pod or of a namespace.
 * Control thread only. */
#ifndef PGVEIL_CTL_KUBE_METRICS_H
#define PGVEIL_CTL_KUBE_METRICS_H

struct metric_text;
struct report;

void kube_metrics(const struct report *r, struct metric_text *m); /* nothing, where it is in none */

#endif
