/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/chronicle.h"
#include "cli/export.h"

static const struct export_format *const formats[] = {&export_jsonl, &export_asciicast, &export_html};

static const struct export_format *format_of(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (name && strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

/* What agents saw is nobody else's business: a file that is made can be read by its owner only. */
static int open_output(const char *name, FILE **out, struct err *e)
{
	int fd;

	*out = stdout;
	if (!name || strcmp(name, "-") == 0)
		return 0;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	*out = fd < 0 ? NULL : fdopen(fd, "w");
	if (*out)
		return 0;
	if (fd >= 0)
		close(fd);
	return err_set(e, -errno, "%s: %m", name);
}

static int write_to(
	FILE *f, const struct export_format *format, struct sessions *s, struct chronicle *c, struct err *e)
{
	struct read_record rec;
	void *x = format->start(f, s->id);
	int r;

	if (!x)
		return err_set(e, -ENOMEM, "out of memory");
	while ((r = chronicle_next(c, &rec, e)) == 1 && !ferror(f)) {
		if (format->take(x, &rec))
			continue;
		r = err_set(e, -ENOMEM, "out of memory");
		break;
	}
	format->finish(x, r >= 0);
	fflush(f);
	return ferror(f) ? err_set(e, -EIO, "the output cannot be written") : r;
}

int sessions_export(struct sessions *s)
{
	const struct export_format *format = format_of(s->format);
	struct chronicle *c = NULL;
	struct indexed_session is;
	struct err e = {0};
	FILE *f = NULL;
	int r;

	if (!format) {
		fprintf(stderr, "pgveil: --format: jsonl, asciicast or html is wanted\n");
		return 2;
	}
	r = sessions_find(s, &is, &e);
	if (!r)
		r = chronicle_open(&c, s, &is, &e);
	if (!r)
		r = open_output(s->output, &f, &e);
	if (!r)
		r = write_to(f, format, s, c, &e);
	if (f && f != stdout && fclose(f) && !r)
		r = err_set(&e, -EIO, "%s cannot be written", s->output);
	chronicle_close(c);
	return r ? sessions_fail(&e) : 0;
}
