/* SPDX-License-Identifier: MIT */
/* cluster: the daemon as one of a Kubernetes cluster's: the book of this node's pods and what keeps it. */
#ifndef PGVEIL_MAIN_CLUSTER_H
#define PGVEIL_MAIN_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct daemon;

/* The cgroup of all pods, where --cgroup-root does not name it. */
MUSTCHECK int cluster_root(const struct daemon *d, char *out, size_t cap, struct err *e);
/* Whether this process is in the container of a pod. */
bool cluster_in_pod(const struct daemon *d);
/* Nothing, where --kube-node was not given. While there is one thread only. */
MUSTCHECK int cluster_open(struct daemon *d, struct err *e);
/* When the enrolment knows the cgroups that are there. */
MUSTCHECK int cluster_start(struct daemon *d, struct err *e);
void cluster_leave(struct daemon *d); /* another daemon of this node says what there is to be said */
void cluster_stop(struct daemon *d);  /* nothing is heard any more */
void cluster_close(struct daemon *d); /* after whoever asks the book, or logs */

#endif
