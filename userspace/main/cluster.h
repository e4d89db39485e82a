/* SPDX-License-Identifier: MIT */
/* cluster: the daemon as one of a Kubernetes cluster's: the book of this node's pods and what keeps it. */
#ifndef PGVEIL_MAIN_CLUSTER_H
#define PGVEIL_MAIN_CLUSTER_H

#include "base/err.h"

struct daemon;

/* Nothing, where --kube-node was not given. While there is one thread only. */
MUSTCHECK int cluster_open(struct daemon *d, struct err *e);
/* When the enrolment knows the cgroups that are there. */
MUSTCHECK int cluster_start(struct daemon *d, struct err *e);
void cluster_stop(struct daemon *d);  /* nothing is heard any more */
void cluster_close(struct daemon *d); /* after whoever asks the book */

#endif
