/* SPDX-License-Identifier: MIT */
/* pod: what Kubernetes says of a pod, as far as it counts here. Made once from the API's object, immutable
 * and shared from then on. */
#ifndef PGVEIL_KUBE_POD_H
#define PGVEIL_KUBE_POD_H

#include <jansson.h>
#include <stdbool.h>
#include "base/attr.h"

struct pod_label {
	const char *name, *value;
};

struct pod { /* refcounted */
	const char *uid;
	/* What the kubelet calls its cgroup: uid, or of a static pod (a file on the node; the API has but a
	 * mirror of it) the hash of that file. */
	const char *cgroup_uid;
	const char *namespace, *name, *node, *service_account;
	const struct pod_label *labels; /* by name */
	unsigned nlabels;
	bool host_network, terminating, finished; /* finished: none of its containers will run again */
	/* What lets it get round capture, in words; NULL: nothing that the API tells of. */
	const char *escape;
};

struct pod_rules {                          /* outlive what is made by them */
	const char *const *runtime_classes; /* beside none: those that are runc or the like */
	unsigned nruntime_classes;
	bool deny_net_raw; /* CAP_NET_RAW, which containers have where they do not drop it */
};

/* NULL: no pod (a field that must be there is not, or has a form it cannot have), or no memory. */
MUSTCHECK struct pod *pod_new(const json_t *object, const struct pod_rules *rules);
MUSTCHECK struct pod *pod_ref(struct pod *p);
void pod_unref(struct pod *p);                                /* NULL is fine */
const char *pod_label(const struct pod *p, const char *name); /* NULL: it has none of that name */

#endif
