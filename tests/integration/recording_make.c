/* SPDX-License-Identifier: MIT */
/* recording_make DIR SEGMENT_MAX [KEY_FILE]: a recording, written as the daemon writes one, of lines of JSON
 * on the standard input:
 *   {"run": N}                                       ends the run, and begins another
 *   {"seal": N}
 *   {"kind": "begin", "session": 1, "us": TIME, "fields": {"cgroup": "/a", "uid": 7, "policy": ["a", "b"]}}
 *   {"kind": "result", "session": 1, "us": TIME, "hex": "5a0000000549"}
 * Prints a line "RUN RECORDS HASH" at the end of each run: its head. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy/key.h"
#include "record/body.h"
#include "record/journal.h"
#include "record/runs.h"

static const uint8_t seal[SEAL_PRIVATE] = {42};
static struct journal *j;
static struct quill *q;
static uint32_t run;
static uint64_t us = 1796000000000000u;

static void must(int r, const struct err *e)
{
	if (!r)
		return;
	fprintf(stderr, "recording_make: %s\n", e->msg);
	exit(1);
}

static void put(enum record_kind kind, uint64_t session, struct span body)
{
	const struct record rec = {.kind = kind, .session = session, .time_us = us, .parts = &body, .n = 1};
	struct ticket t;
	struct err e = {0};

	must(journal_put(q, &rec, &t, &e), &e);
	must(journal_commit(j, t, &e), &e);
}

static void begin(const char *dir, uint64_t max, const uint8_t *key)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	struct run_head before[RUNS_NAMED];
	struct journal_found found;
	char path[4096], name[RUN_NAME];
	struct err e = {0};
	struct body b;
	size_t n;

	must(runs_next(fd, &run, &e), &e);
	run_name(run, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	must(journal_open(&j,
		     &(struct journal_config){
			     .dir = path, .node = "here", .segment_max = max, .seal = seal, .key = key},
		     us, &found, &e),
		&e);
	must(quill_new(&q, j, &e), &e);
	must(runs_before(fd, run, before, &n, &e), &e);
	body_grow(&b, 4096);
	run_put(&b, before, n);
	put(RECORD_RUN, 0, span_of(b.p, b.n));
	body_fini(&b);
}

static void end(void)
{
	struct journal_head h;
	struct err e = {0};

	must(journal_seal(j, us, &e), &e);
	journal_head(j, &h);
	printf("%u %llu ", run, (unsigned long long)h.records);
	for (size_t i = 0; i < ENTRY_HASH; i++)
		printf("%02x", h.hash[i]);
	printf("\n");
	quill_free(q);
	journal_close(j, us);
}

static unsigned field_of(const char *name)
{
	for (unsigned i = 1; i < 256; i++)
		if (body_field_name(i) && strcmp(body_field_name(i), name) == 0)
			return i;
	fprintf(stderr, "recording_make: no field %s\n", name);
	exit(1);
}

static void put_value(struct body *b, unsigned f, const json_t *v)
{
	if (json_is_integer(v))
		body_put_number(b, f, (uint64_t)json_integer_value(v));
	else
		body_put(b, f, span_of(json_string_value(v), json_string_length(v)));
}

static size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	unsigned v;

	for (size_t i = 0; i < n; i++) {
		sscanf(hex + 2 * i, "%2x", &v);
		out[i] = (uint8_t)v;
	}
	return n;
}

static void take(const json_t *o)
{
	const char *kind = json_string_value(json_object_get(o, "kind")), *key;
	const char *hex = json_string_value(json_object_get(o, "hex"));
	uint64_t session = (uint64_t)json_integer_value(json_object_get(o, "session"));
	struct body b;
	json_t *v, *x;
	size_t i;

	body_grow(&b, ENTRY_BODY_MAX);
	json_object_foreach(json_object_get(o, "fields"), key, v)
	{
		if (!json_is_array(v))
			put_value(&b, field_of(key), v);
		else
			json_array_foreach(v, i, x) put_value(&b, field_of(key), x);
	}
	for (unsigned k = RECORD_BEGIN; k <= RECORD_END; k++) {
		if (strcmp(record_kind_name(k), kind) != 0)
			continue;
		if (hex) {
			uint8_t *p = malloc(strlen(hex) / 2 + 1);

			put(k, session, span_of(p, bytes_of(hex, p)));
			free(p);
		} else {
			put(k, session, span_of(b.p, b.n));
		}
	}
	body_fini(&b);
}

int main(int argc, char **argv)
{
	uint8_t key[HMAC_KEY_LEN];
	const uint8_t *k = argc > 3 ? key : NULL;
	uint64_t max = strtoull(argv[2], NULL, 10);
	char *line = NULL;
	struct err e = {0};
	size_t cap = 0;

	if (k)
		must(key_read(key, argv[3], NULL, &e), &e);
	begin(argv[1], max, k);
	while (getline(&line, &cap, stdin) > 0) {
		json_t *o = json_loads(line, 0, NULL), *at = json_object_get(o, "us");

		if (!o)
			return 1;
		if (at)
			us = (uint64_t)json_integer_value(at);
		if (json_object_get(o, "run")) {
			end();
			begin(argv[1], max, k);
		} else if (json_object_get(o, "seal")) {
			must(journal_seal(j, us, &e), &e);
		} else {
			take(o);
		}
		json_decref(o);
	}
	end();
	free(line);
	return 0;
}
