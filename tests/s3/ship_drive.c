/* SPDX-License-Identifier: MIT */
/* ship_drive STATE URL ENDPOINT CREDENTIALS PART [NODE]: ships what is recorded below STATE as the daemon
 * does, until it is killed, or its input ends. "N BYTES" on the input: N more records of so many random bytes
 * are put, and sealed; "close": what was put is closed, as the daemon does at its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include "base/log.h"
#include "ctl/recorder.h"
#include "ctl/ship.h"

static void must(int r, const struct err *e)
{
	if (!r)
		return;
	fprintf(stderr, "ship_drive: %s\n", e->msg);
	exit(1);
}

static void put(struct scribe *s, size_t n)
{
	static uint8_t room[1 << 20];
	const struct span part = span_of(room, n);
	struct record rec = {.kind = RECORD_RESULT, .session = 1, .parts = &part, .n = 1};
	struct err e = {0};

	if (n > sizeof(room) || getentropy(room, n < 256 ? n : 256))
		exit(1);
	/* Nothing that could be made smaller. */
	for (size_t i = 256; i < n; i++)
		room[i] = (uint8_t)((room[i - 256] * 167u + room[i - 255] * 13u + i) >> 1);
	rec.time_us = s->now_us(s);
	must(s->put(s, &rec, &e), &e);
	must(s->commit(s, &e), &e);
}

int main(int argc, char **argv)
{
	struct recorder_config rec = {.nscribes = 1, .segment_max = 1 << 20, .ships = true};
	struct ship_config cfg = {.region = "eu-test-1", .plain = false};
	struct recorder *r = NULL;
	struct ship *s = NULL;
	struct err e = {0};
	char line[64];

	if (argc < 6)
		return 2;
	rec.state_dir = cfg.state_dir = argv[1];
	cfg.url = argv[2];
	cfg.endpoint = argv[3];
	cfg.credentials = argv[4];
	cfg.part = strtoull(argv[5], NULL, 10);
	cfg.node = argc > 6 ? argv[6] : "node-a";
	rec.turn_s = argc > 7 ? strtoull(argv[7], NULL, 10) : 0;
	must(recorder_open(&r, &rec, &e), &e);
	must(ship_open(&s, &cfg, &e), &e);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long n, bytes;

		if (sscanf(line, "%lu %lu", &n, &bytes) != 2)
			break;
		while (n--)
			put(recorder_scribe(r, 0), bytes);
		puts("put");
		fflush(stdout);
	}
	recorder_close(r);
	ship_close(s, 10000);
	return 0;
}
