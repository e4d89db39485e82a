/* SPDX-License-Identifier: MIT */
/* recording: all runs of a recording in their order, each from its first record to its last, and each proved
 * to be the one that the runs after it name. */
#ifndef PGVEIL_RECORD_RECORDING_H
#define PGVEIL_RECORD_RECORDING_H

#include "record/reader.h"
#include "record/runs.h"

struct recording;

struct recording_config {
	const char *dir;
	const uint8_t *key, *signer; /* as in reader_config */
	bool bodies;
	uint32_t kinds;      /* as in reader_config */
	const uint8_t *head; /* ENTRY_HASH bytes that a chain must come by; NULL: its end is not anchored */
};

struct recording_run {
	uint32_t run;
	struct reader_report report; /* HEAD: the number is the first that is missing */
};

/* What is known at the end, or where it stopped. */
struct recording_report {
	enum reader_fault fault;
	char text[160];                   /* of a fault: what it is */
	const struct recording_run *runs; /* those that were read; the last is where it stopped */
	size_t n;
	uint64_t records;
	bool headed; /* the head was come by, … */
	uint32_t head_run;
	uint64_t head_number; /* … behind this record */
	uint64_t behind;      /* records of that run behind it */
};

MUSTCHECK int recording_open(struct recording **out, const struct recording_config *cfg, struct err *e);
void recording_close(struct recording *r); /* NULL is fine */
/* 1: *out is the next, of run *run; 0: there is none; -EBADMSG: a fault, see the report; else it cannot be
 * read. */
MUSTCHECK int recording_next(struct recording *r, uint32_t *run, struct read_record *out, struct err *e);
const struct recording_report *recording_report(const struct recording *r);

#endif
