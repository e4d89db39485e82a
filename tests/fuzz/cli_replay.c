/* SPDX-License-Identifier: MIT */
/* The records of a session that somebody made: shown and exported they crash nothing, and nothing in them
 * reaches the terminal as a control character or the page as markup. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/export.h"
#include "cli/screen.h"
#include "record/body.h"

static void check_terminal(const struct plain *out)
{
	for (size_t i = 0; i < out->n; i++) {
		unsigned char c = (unsigned char)out->p[i];

		if ((c < 0x20 && c != '\n') || c == 0x7f)
			abort();
	}
}

/* All markup is ours: what else begins as it does was recorded. */
static void check_page(const char *page)
{
	if (strstr(page, "<Z") || strstr(page, "onZ="))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct export_format *const formats[] = {&export_jsonl, &export_asciicast, &export_html};
	struct cur c = cur_of(n ? span_of(p, n) : SPAN_LIT(""));
	struct screen *screen = screen_new("1-1", false);
	struct plain out = {0};
	char *text[3];
	size_t size[3];
	FILE *f[3];
	void *x[3];

	for (unsigned i = 0; i < 3; i++) {
		f[i] = open_memstream(&text[i], &size[i]);
		x[i] = formats[i]->start(f[i], "1-1");
	}
	/* Of each record: kind, then its length, then its time. */
	while (cur_left(&c) > 4 && !c.bad) {
		struct read_record rec = {.opened = true};
		size_t len;

		rec.entry.kind = RECORD_BEGIN + cur_u8(&c) % 6;
		rec.entry.time_us = (uint64_t)cur_u8(&c) * 1000000;
		len = cur_be16(&c);
		rec.body = len > cur_left(&c) ? cur_rest(&c) : cur_take(&c, len);
		if (!screen_take(screen, &rec, &out))
			abort();
		for (unsigned i = 0; i < 3; i++)
			if (!formats[i]->take(x[i], &rec))
				abort();
	}
	(void)!screen_finish(screen, &out);
	check_terminal(&out);
	for (unsigned i = 0; i < 3; i++) {
		formats[i]->finish(x[i], false);
		fclose(f[i]);
		if (i == 2)
			check_page(text[i]);
		free(text[i]);
	}
	screen_free(screen);
	plain_fini(&out);
	return 0;
}
