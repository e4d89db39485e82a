/* SPDX-License-Identifier: MIT */
/* set: the inside of struct policy. For policy.c and grant.c only. */
#ifndef PGVEIL_POLICY_SET_H
#define PGVEIL_POLICY_SET_H

#include <stdatomic.h>
#include "policy/document.h"

struct policy {
	atomic_uint refs;
	uint64_t version;
	struct documents documents;
	const struct database **databases; /* of all documents, in order */
	unsigned ndatabases;
	uint32_t *uids; /* of subjects that are nothing but a uid, sorted */
	unsigned nuids;
};

#endif
