/* SPDX-License-Identifier: MIT */
/* finding: what `pgveil doctor` found: each with a verdict and, where it is not well, a remedy. */
#ifndef PGVEIL_CLI_FINDING_H
#define PGVEIL_CLI_FINDING_H

#include <jansson.h>
#include <stdbool.h>
#include "base/attr.h"

enum verdict_of { FINDING_FAIL = 0, FINDING_WARN, FINDING_OK };

struct findings { /* all zero: none */
	json_t *list;
	unsigned n[FINDING_OK + 1];
	bool lost; /* one could not be kept: out of memory */
};

/* remedy: what to do about it; NULL with FINDING_OK. */
void finding_add(struct findings *f, enum verdict_of v, const char *what, const char *remedy, const char *fmt,
	...) PRINTF_LIKE(5, 6);
void finding_print(const struct findings *f, bool json);
void finding_fini(struct findings *f);

/* What this kernel can: types, programs, maps and helpers, each tried. */
void doctor_features(struct findings *f);
/* The machine: cgroups, bpffs, limits. status: the daemon's, NULL where none answers. */
void doctor_machine(struct findings *f, const char *pin_dir, const json_t *status);
/* The enrolled cgroups, and what went past the engine. */
void doctor_enrolled(struct findings *f, const json_t *status);
/* The databases of the policy in force: secrets, certificates, servers. agent_role may be NULL. */
void doctor_databases(struct findings *f, const json_t *status, const char *agent_role);

#endif
