/* SPDX-License-Identifier: MIT */
/* caller: who is asking, as the kernel attests it. Everything a policy can match on is in here, and nothing
 * that the client says. Filled once, when the connection is accepted. */
#ifndef PGVEIL_POLICY_CALLER_H
#define PGVEIL_POLICY_CALLER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct pod;

struct caller {
	char cgroup[512];    /* path below the cgroup root at socket creation; "" where it is gone */
	char unit[128];      /* systemd unit of that path; "" where there is none */
	uint64_t cgroup_id;  /* of the process that created the socket */
	uint64_t subject_id; /* the cgroup whose state enrolled it; 0: enrolled by uid */
	uint64_t netns_cookie;
	uint32_t tgid, uid;
	char comm[16];
	struct sockaddr_storage dialled; /* where the application meant to connect to */
	/* What Kubernetes says of the pod that it is in (kube/pod.h); NULL: it is in none, or (in_pod)
	 * nothing that counts was said of it yet. A reference of whoever filled this in. */
	struct pod *pod;
	bool in_pod;
};

#endif
