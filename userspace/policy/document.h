/* SPDX-License-Identifier: MIT */
/* document: policy files as checked structures: YAML in, or every mistake with its position. What the engine
 * does not do yet is a mistake, never ignored. */
#ifndef PGVEIL_POLICY_DOCUMENT_H
#define PGVEIL_POLICY_DOCUMENT_H

#include "base/buf.h"
#include "policy/digest.h"
#include "policy/guard.h"
#include "kube/pod.h"
#include "policy/policy.h"
#include "policy/rows.h"

struct subject {                   /* all that is given must match */
	const char *key;           /* as the policy writes it */
	const char *cgroup, *unit; /* globs; NULL where not given */
	bool has_uid;
	uint32_t uid;
	bool has_pods;
	struct pod_subject {
		const char *namespace, *service_account; /* globs; NULL where not given */
		const struct pod_label *labels;          /* all of them */
		unsigned nlabels;
	} pods;
};

struct document {
	const char *file, *name;
	unsigned line; /* where it begins */
	struct subject *subjects;
	unsigned nsubjects;
	struct database *databases;
	unsigned ndatabases;
	struct rule *rules;
	unsigned nrules;
	struct row_rule *rows;
	unsigned nrows;
	struct opaque_rule opaque;
	struct guard guard;
	struct approval approval;
	struct export_rule export;
	bool reports_foreign; /* foreignPostgres: report */
	struct record_rule record;
};

struct key_path { /* a key file that a mask was made with */
	struct key_path *next;
	const char *path;
};

struct documents { /* all zero is empty */
	struct document *v;
	unsigned n;
	struct key_path *keys;
	struct arena mem;
	uint8_t digest[DIGEST_LEN]; /* of what they say */
};

/* Appends the documents of one text; file is for messages and for relative paths in it, which begin at its
 * folder. -EINVAL: mistakes were appended to c; -ENOMEM. documents_fini is due in every case. */
MUSTCHECK int documents_parse(struct documents *d, const char *file, struct span text, struct complaints *c);
/* The document of an API object. -EINVAL, -ENOMEM as above. */
MUSTCHECK int documents_parse_object(struct documents *d, const struct policy_object *o,
	const struct policy_sources *s, struct complaints *c);
MUSTCHECK int documents_read(struct documents *d, const char *file, struct complaints *c);
void documents_fini(struct documents *d); /* wipes keys */

#endif
