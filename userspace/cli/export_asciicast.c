/* SPDX-License-Identifier: MIT */
/* asciicast v2: a line of JSON that says how large the terminal is, then one for each output: [seconds, "o",
 * text]. */
#include "cli/export.h"

#include <stdlib.h>
#include "cli/screen.h"
#include "cli/sessions.h"

#define WIDTH  120
#define HEIGHT 36
#define IDLE   5 /* seconds that a player may make of a longer pause */

struct cast {
	FILE *f;
	const char *id;
	struct screen *screen;
	struct plain out;
	uint64_t began_us, last_us;
	bool headed;
};

static void head(struct cast *x, uint64_t us)
{
	char title[80];
	json_t *o;

	snprintf(title, sizeof(title), "pgveil session %s", x->id);
	o = json_pack("{s:i, s:i, s:i, s:I, s:i, s:s}", "version", 2, "width", WIDTH, "height", HEIGHT,
		"timestamp", (json_int_t)(us / 1000000), "idle_time_limit", IDLE, "title", title);
	json_dumpf(o, x->f, JSON_COMPACT);
	fputc('\n', x->f);
	json_decref(o);
	x->headed = true;
	x->began_us = x->last_us = us;
}

/* Time never goes back, whatever a clock did. */
static void put(struct cast *x, uint64_t us)
{
	struct plain lines = {0};
	json_t *o;

	if (us > x->last_us)
		x->last_us = us;
	if (!x->out.n)
		return;
	for (size_t i = 0; i < x->out.n; i++)
		plain_put(&lines, x->out.p[i] == '\n' ? "\r\n" : x->out.p + i, x->out.p[i] == '\n' ? 2 : 1);
	o = json_array();
	json_array_append_new(o, json_real((double)(x->last_us - x->began_us) / 1e6));
	json_array_append_new(o, json_string("o"));
	json_array_append_new(o, sessions_json_text(span_of(lines.p, lines.n)));
	json_dumpf(o, x->f, JSON_COMPACT | JSON_REAL_PRECISION(12));
	fputc('\n', x->f);
	json_decref(o);
	plain_fini(&lines);
	x->out.n = 0;
}

static void *start(FILE *f, const char *id)
{
	struct cast *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->f = f;
	x->id = id;
	x->screen = screen_new(id, true);
	if (x->screen)
		return x;
	free(x);
	return NULL;
}

static bool take(void *arg, const struct read_record *rec)
{
	struct cast *x = arg;
	bool fine;

	if (!x->headed)
		head(x, rec->entry.time_us);
	fine = screen_take(x->screen, rec, &x->out);
	put(x, rec->entry.time_us);
	return fine;
}

static void finish(void *arg, bool whole)
{
	struct cast *x = arg;

	if (!x->headed)
		head(x, 0);
	(void)!screen_finish(x->screen, &x->out);
	if (!whole)
		plain_puts(&x->out, "\n-- what comes behind this is not what was written: not shown\n");
	put(x, x->last_us);
	screen_free(x->screen);
	plain_fini(&x->out);
	free(x);
}

const struct export_format export_asciicast = {"asciicast", start, take, finish};
