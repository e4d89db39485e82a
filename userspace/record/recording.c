/* SPDX-License-Identifier: MIT */
#include "record/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a later run says of an earlier one. */
struct link {
	struct run_head head;
	uint32_t by;
	bool met;
};

struct recording {
	char dir[PATH_MAX];
	bool bodies, has_key, has_signer, has_head;
	uint32_t kinds;
	uint8_t key[CIPHER_KEY], signer[SEAL_PUBLIC], head[ENTRY_HASH];
	uint32_t *runs;
	struct link *links;
	size_t nruns, nlinks, at; /* at: the run that is read */
	struct reader *reader;
	struct recording_run *done;
	struct recording_report report;
};

const struct recording_report *recording_report(const struct recording *r)
{
	return &r->report;
}

static int fault(struct recording *r, enum reader_fault f, struct err *e, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static int fault(struct recording *r, enum reader_fault f, struct err *e, const char *fmt, ...)
{
	va_list ap;

	r->report.fault = f;
	va_start(ap, fmt);
	vsnprintf(r->report.text, sizeof(r->report.text), fmt, ap);
	va_end(ap);
	return err_set(e, -EBADMSG, "%s", r->report.text);
}

static int open_run(struct recording *r, uint32_t run, bool bodies, struct reader **out, struct err *e)
{
	char dir[PATH_MAX + RUN_NAME], name[RUN_NAME];
	const struct reader_config cfg = {.dir = dir,
		.key = r->has_key ? r->key : NULL,
		.signer = r->has_signer ? r->signer : NULL,
		.bodies = bodies,
		.kinds = r->kinds ? r->kinds | 1u << RECORD_RUN : 0};

	run_name(run, name);
	snprintf(dir, sizeof(dir), "%s/%s", r->dir, name);
	return reader_open(out, &cfg, e);
}

/* What one run says of those before it, before anything of it is proved: the walk will do that. Nothing: it
 * says nothing, or what it said is gone. */
static int look_ahead(struct recording *r, uint32_t run, struct err *e)
{
	struct run_head head[RUNS_NAMED];
	struct reader *reader;
	struct read_record rec;
	struct link *more;
	size_t n = 0;
	int rc = open_run(r, run, true, &reader, e);

	if (rc)
		return rc;
	while ((rc = reader_next(reader, &rec, e)) == 1 && rec.entry.kind != RECORD_RUN &&
		(rec.entry.kind == RECORD_SEGMENT || rec.entry.kind == RECORD_SEAL))
		;
	if (rc == 1 && (rec.entry.kind != RECORD_RUN || run_get(rec.body, head, &n) != WIRE_OK))
		n = 0;
	reader_close(reader);
	if (rc < 0 && rc != -EBADMSG)
		return rc;
	more = n ? reallocarray(r->links, r->nlinks + n, sizeof(*more)) : r->links;
	if (n && !more)
		return err_set(e, -ENOMEM, "out of memory");
	r->links = more;
	for (size_t i = 0; i < n; i++)
		r->links[r->nlinks++] = (struct link){.head = head[i], .by = run};
	return 0;
}

int recording_open(struct recording **out, const struct recording_config *cfg, struct err *e)
{
	struct recording *r = calloc(1, sizeof(*r));
	int fd, rc = 0;

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	r->bodies = cfg->bodies;
	r->kinds = cfg->kinds;
	r->has_key = cfg->key;
	r->has_signer = cfg->signer;
	r->has_head = cfg->head;
	if (cfg->key)
		memcpy(r->key, cfg->key, CIPHER_KEY);
	if (cfg->signer)
		memcpy(r->signer, cfg->signer, SEAL_PUBLIC);
	if (cfg->head)
		memcpy(r->head, cfg->head, ENTRY_HASH);
	if ((size_t)snprintf(r->dir, sizeof(r->dir), "%s", cfg->dir) >= sizeof(r->dir))
		rc = err_set(e, -ENAMETOOLONG, "%.100s…: too long", cfg->dir);
	fd = rc ? -1 : open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!rc && fd < 0)
		rc = err_set(e, -errno, "%s: %m", r->dir);
	if (!rc)
		rc = runs_list(fd, &r->runs, &r->nruns, e);
	if (fd >= 0)
		close(fd);
	r->done = calloc(r->nruns + 1, sizeof(*r->done));
	if (!rc && !r->done)
		rc = err_set(e, -ENOMEM, "out of memory");
	r->report.runs = r->done;
	for (size_t i = 0; i < r->nruns && !rc; i++)
		rc = look_ahead(r, r->runs[i], e);
	if (rc) {
		recording_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void recording_close(struct recording *r)
{
	if (!r)
		return;
	reader_close(r->reader);
	free(r->runs);
	free(r->links);
	free(r->done);
	mem_wipe(r->key, sizeof(r->key));
	free(r);
}

/* ---- from one run to the next ---- */

static struct recording_run *this_run(struct recording *r)
{
	return &r->done[r->report.n - 1];
}

static int begin_run(struct recording *r, struct err *e)
{
	uint32_t run = r->runs[r->at];

	if (r->at && run != r->runs[r->at - 1] + 1)
		return fault(
			r, FAULT_RUN, e, "run %u is missing: run %u comes next", r->runs[r->at - 1] + 1, run);
	r->done[r->report.n++] = (struct recording_run){.run = run};
	return open_run(r, run, r->bodies, &r->reader, e);
}

/* What is said of it must have come true when it is read to its end. */
static int check_links(struct recording *r, uint32_t run, const struct reader_report *rep, struct err *e)
{
	for (size_t i = 0; i < r->nlinks; i++) {
		struct link *l = &r->links[i];

		if (l->head.run != run || l->met || (rep->records && rep->first >= l->head.records))
			continue;
		this_run(r)->report.number = rep->number;
		if (l->head.records > rep->number)
			return fault(r, FAULT_RUN, e,
				"run %u ends before record %llu, and run %u saw %llu of it", run,
				(unsigned long long)rep->number, l->by, (unsigned long long)l->head.records);
		return fault(r, FAULT_RUN, e, "run %u is not the one that run %u saw", run, l->by);
	}
	return 0;
}

static int end_run(struct recording *r, struct err *e)
{
	struct recording_run *done = this_run(r);

	done->report = *reader_report(r->reader);
	if (done->report.seals) {
		memcpy(r->signer, done->report.signer, SEAL_PUBLIC);
		r->has_signer = true;
	}
	reader_close(r->reader);
	r->reader = NULL;
	r->at++;
	if (r->report.headed && r->report.head_run == done->run)
		r->report.behind = done->report.number - r->report.head_number - 1;
	return check_links(r, done->run, &done->report, e);
}

static int finish(struct recording *r, struct err *e)
{
	/* A run that one that is there names, and that is not before all that is there. */
	for (size_t i = 0; i < r->nlinks; i++) {
		bool there = r->links[i].head.run < r->runs[0];

		for (size_t k = 0; k < r->nruns; k++)
			there |= r->runs[k] == r->links[i].head.run;
		if (!there)
			return fault(r, FAULT_RUN, e, "run %u is missing: run %u names it",
				r->links[i].head.run, r->links[i].by);
	}
	if (r->has_head && !r->report.headed)
		return fault(r, FAULT_HEAD, e,
			"no chain comes by that head: its end was cut off, or written anew");
	return 0;
}

/* ---- one record ---- */

static int take(struct recording *r, uint32_t run, const struct read_record *rec, struct err *e)
{
	/* What is kept is kept to the end: the oldest goes first. */
	if (r->report.records && this_run(r)->report.records == 1 && rec->entry.number) {
		this_run(r)->report.number = 0;
		return fault(r, FAULT_RUN, e,
			"the beginning of run %u is missing, and what is older is there", run);
	}
	r->report.records++;
	for (size_t i = 0; i < r->nlinks; i++) {
		struct link *l = &r->links[i];

		if (l->head.run != run || l->head.records != rec->entry.number + 1)
			continue;
		if (memcmp(l->head.hash, rec->hash, ENTRY_HASH) != 0)
			return fault(r, FAULT_RUN, e, "run %u is not the one that run %u saw", run, l->by);
		l->met = true;
	}
	if (r->has_head && !r->report.headed && memcmp(r->head, rec->hash, ENTRY_HASH) == 0) {
		r->report.headed = true;
		r->report.head_run = run;
		r->report.head_number = rec->entry.number;
	}
	return 1;
}

int recording_next(struct recording *r, uint32_t *run, struct read_record *out, struct err *e)
{
	const struct reader_report *rep;
	int rc;

	if (r->report.fault)
		return err_set(e, -EBADMSG, "%s", r->report.text);
	for (;;) {
		if (!r->reader && r->at == r->nruns)
			return finish(r, e);
		if (!r->reader && (rc = begin_run(r, e)))
			return rc;
		*run = r->runs[r->at];
		rc = reader_next(r->reader, out, e);
		rep = reader_report(r->reader);
		this_run(r)->report = *rep;
		if (rc == 1)
			return take(r, *run, out, e);
		if (rc == -EBADMSG)
			return fault(r, rep->fault, e, "record %llu of run %u: %s",
				(unsigned long long)rep->number, *run, reader_fault_text(rep->fault));
		if (rc || (rc = end_run(r, e)))
			return rc;
	}
}
