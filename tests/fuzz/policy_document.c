/* SPDX-License-Identifier: MIT */
/* Any bytes as a policy file: mistakes or a document, never a crash, and never a document with a hole in it.
 */
#include "policy/document.h"
#include "policy/pattern.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check_database(const struct database *d)
{
	must(d->name && *d->name && d->host && *d->host && d->port && d->nglobs && d->user && *d->user);
	must(d->password_file || d->cert_file);
	must(!d->cert_file == !d->key_file);
	must(d->prefix <= 128);
}

static void check_rule(const struct rule *r)
{
	struct arena a = {0};

	must(r->ncolumns && r->where && !mask_reads_input(r->derived.kind));
	must(r->mask.kind != MASK_PARTIAL || (r->mask.first + r->mask.last && r->mask.fill[0]));
	must(r->mask.kind != MASK_FIXED || r->mask.fixed);
	for (unsigned i = 0; i < r->ncolumns; i++) {
		struct pattern p;
		const char *why;

		must(pattern_parse(&p, r->columns[i], &a, &why) == 0);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct documents d = {0};
	struct complaints c = {0};
	int r = documents_parse(&d, "fuzz.yaml", (struct span){data, size}, &c);

	must(r == 0 || r == -EINVAL || r == -ENOMEM);
	must((r != 0) == (c.n != 0));
	for (unsigned i = 0; i < c.n; i++)
		must(!strchr(c.line[i], '\n') && strncmp(c.line[i], "fuzz.yaml:", 10) == 0);
	for (unsigned i = 0; !r && i < d.n; i++) {
		const struct document *v = &d.v[i];

		must(v->name && v->nsubjects && v->ndatabases);
		for (unsigned j = 0; j < v->nsubjects; j++)
			must(v->subjects[j].cgroup || v->subjects[j].unit || v->subjects[j].has_uid);
		for (unsigned j = 0; j < v->ndatabases; j++)
			check_database(&v->databases[j]);
		for (unsigned j = 0; j < v->nrules; j++)
			check_rule(&v->rules[j]);
	}
	documents_fini(&d);
	complaints_fini(&c);
	return 0;
}
