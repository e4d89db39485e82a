/* SPDX-License-Identifier: MIT */
#include "cli/chronicle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct chronicle {
	struct reader *reader;
	uint64_t session, last;
	bool ended;
	uint32_t run;
};

int chronicle_open(
	struct chronicle **out, const struct sessions *s, const struct indexed_session *is, struct err *e)
{
	struct reader_config cfg = {.key = s->has_key ? s->key : NULL,
		.signer = s->has_signer ? s->signer : NULL,
		.bodies = true,
		.session = is->session,
		.from = is->first};
	struct chronicle *c = calloc(1, sizeof(*c));
	char dir[PATH_MAX + RUN_NAME], name[RUN_NAME];
	int r;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	run_name(is->run, name);
	snprintf(dir, sizeof(dir), "%s/%s", s->dir, name);
	cfg.dir = dir;
	c->run = is->run;
	c->session = is->session;
	c->last = is->ended_us ? is->last : UINT64_MAX;
	r = reader_open(&c->reader, &cfg, e);
	if (r) {
		chronicle_close(c);
		return r;
	}
	*out = c;
	return 0;
}

void chronicle_close(struct chronicle *c)
{
	if (!c)
		return;
	reader_close(c->reader);
	free(c);
}

int chronicle_next(struct chronicle *c, struct read_record *out, struct err *e)
{
	const struct reader_report *rep = reader_report(c->reader);
	int r;

	while (!c->ended && rep->number <= c->last && (r = reader_next(c->reader, out, e)) != 0) {
		if (r == -EBADMSG)
			return err_set(e, -EBADMSG, "record %llu of run %u: %s",
				(unsigned long long)rep->number, c->run, reader_fault_text(rep->fault));
		if (r < 0)
			return r;
		if (out->entry.session != c->session)
			continue;
		if (!out->opened)
			return err_set(
				e, -ENOKEY, "the recording is enciphered: its key is needed (--key FILE)");
		c->ended = out->entry.kind == RECORD_END;
		return 1;
	}
	return 0;
}
