/* SPDX-License-Identifier: MIT */
/* pod_path: which pod a cgroup is of, by the names that the kubelet and the runtimes give:
 *   systemd
 * /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0aa1_....slice/cri-containerd-ID.scope
 *   cgroupfs  /kubepods/burstable/pod0aa1-.../ID
 * and with anything before it (kind, minikube), with or without the level of the class of service. */
#ifndef PGVEIL_KUBE_POD_PATH_H
#define PGVEIL_KUBE_POD_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define POD_UID_MAX 40 /* 36 of a UUID, or the 32 digits of a static pod's hash, and a NUL */

struct pod_path {
	char uid[POD_UID_MAX]; /* in small letters, with "-" */
	size_t len;            /* of the pod's own directory in path */
	bool inner;            /* there is more below it: a container, or what one made */
};

/* The outermost name counts: what stands further in may have been made by who lives there. false: no pod's.
 */
bool pod_path_read(const char *path, struct pod_path *out);
/* The directory that the kubelet keeps all pods in, by its name: kubepods, kubepods.slice, or with a cgroup
 * root of its own before it (kubelet-kubepods.slice). */
bool pod_root_name(const char *name, size_t n);
/* How much of a path is that directory: the outermost by such a name, where a pod's is below it; 0: none. */
size_t pod_root_length(const char *path);

#endif
