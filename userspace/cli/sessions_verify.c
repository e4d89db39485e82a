/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <stdio.h>
#include "record/recording.h"
#include "record/segment.h"

static void hex_of(char out[2 * ENTRY_HASH + 1], const uint8_t *p)
{
	for (size_t i = 0; i < ENTRY_HASH; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static json_t *run_json(const struct recording_run *run)
{
	const struct reader_report *rep = &run->report;
	char hash[2 * ENTRY_HASH + 1], signer[2 * ENTRY_HASH + 1];

	hex_of(hash, rep->hash);
	hex_of(signer, rep->signer);
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "run", (int)run->run, "first",
		(json_int_t)rep->first, "records", (json_int_t)rep->records, "files",
		(json_int_t)rep->segments, "seals", (json_int_t)rep->seals, "sealed",
		(json_int_t)(rep->seals ? rep->sealed + 1 : rep->first), "torn", (json_int_t)rep->torn,
		"head", hash, "signer", rep->seals ? json_string(signer) : json_null());
}

static void put_json(json_t *o, const struct recording_report *rep)
{
	const struct recording_run *last = rep->n ? &rep->runs[rep->n - 1] : NULL;
	json_t *runs = json_array(), *fault;
	char name[SEGMENT_NAME];

	for (size_t i = 0; i < rep->n; i++)
		json_array_append_new(runs, run_json(&rep->runs[i]));
	json_object_set_new(o, "sound", json_boolean(!rep->fault));
	json_object_set_new(o, "anchored", json_boolean(rep->headed));
	json_object_set_new(o, "records", json_integer((json_int_t)rep->records));
	json_object_set_new(o, "runs", runs);
	if (rep->fault && last) {
		segment_name(last->report.segment, name);
		fault = json_pack("{s:s, s:s, s:i, s:I, s:s}", "fault", reader_fault_name(rep->fault), "text",
			rep->text, "run", (int)last->run, "record", (json_int_t)last->report.number, "file",
			name);
		json_object_set_new(o, "broken", fault);
	} else if (rep->fault) {
		json_object_set_new(o, "broken",
			json_pack("{s:s, s:s}", "fault", reader_fault_name(rep->fault), "text", rep->text));
	}
}

static void print_run(const struct recording_run *run)
{
	const struct reader_report *rep = &run->report;
	char hash[2 * ENTRY_HASH + 1];

	hex_of(hash, rep->hash);
	printf("run %u: %llu records in %llu files, %llu seals; head %s\n", run->run,
		(unsigned long long)rep->records, (unsigned long long)rep->segments,
		(unsigned long long)rep->seals, rep->records ? hash : "none");
	if (rep->first)
		printf("run %u: its first %llu records were removed, as retention does\n", run->run,
			(unsigned long long)rep->first);
	if (rep->records && (!rep->seals || rep->sealed + 1 < rep->number))
		printf("run %u: its last %llu records are not sealed\n", run->run,
			(unsigned long long)(rep->seals ? rep->number - rep->sealed - 1 : rep->records));
	if (rep->torn)
		printf("run %u: %llu bytes at the end are no whole record: it was stopped, or is writing\n",
			run->run, (unsigned long long)rep->torn);
}

static void print(const struct sessions *s, const struct recording_report *rep)
{
	const struct recording_run *last = rep->n ? &rep->runs[rep->n - 1] : NULL;
	char name[SEGMENT_NAME], run[RUN_NAME];

	for (size_t i = 0; i < rep->n; i++)
		print_run(&rep->runs[i]);
	if (rep->n && rep->runs[0].run > 1)
		printf("runs before %u were removed, as retention does\n", rep->runs[0].run);
	if (rep->fault && last && rep->fault != FAULT_RUN && rep->fault != FAULT_HEAD) {
		run_name(last->run, run);
		segment_name(last->report.segment, name);
		printf("BROKEN: %s (%s, in %s/%s)\n", rep->text, reader_fault_name(rep->fault), run, name);
	} else if (rep->fault) {
		printf("BROKEN: %s (%s)\n", rep->text, reader_fault_name(rep->fault));
	} else if (rep->headed) {
		printf("sound: the head is record %llu of run %u, and %llu records are behind it\n",
			(unsigned long long)rep->head_number, rep->head_run, (unsigned long long)rep->behind);
	} else {
		printf("sound, but its end is not anchored: that records are missing there can only be seen "
		       "with --head\n");
	}
	if (!rep->fault && !s->has_signer)
		printf("the seals are by one and the same key; that it is the daemon's can only be seen with "
		       "--signer\n");
}

int sessions_verify_here(struct sessions *s, json_t *out)
{
	/* Without the key bodies are hashed, with it they are opened too. */
	const struct recording_config cfg = {.dir = s->dir,
		.key = s->has_key ? s->key : NULL,
		.signer = s->has_signer ? s->signer : NULL,
		.bodies = true,
		.head = s->has_head ? s->head : NULL};
	struct recording *r;
	struct read_record rec;
	struct err e = {0};
	uint32_t run;
	int rc = recording_open(&r, &cfg, &e);

	if (rc)
		return sessions_fail(&e);
	while ((rc = recording_next(r, &run, &rec, &e)) == 1)
		;
	if (!rc || recording_report(r)->fault) {
		if (s->settings->json)
			put_json(out, recording_report(r));
		else
			print(s, recording_report(r));
	} else {
		sessions_fail(&e);
	}
	recording_close(r);
	return rc ? 1 : 0;
}

int sessions_verify(struct sessions *s)
{
	json_t *out;
	int rc;

	if (s->from)
		return sessions_verify_store(s);
	out = json_object();
	rc = sessions_verify_here(s, out);
	if (json_object_size(out)) {
		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(out);
	return rc;
}
