/* SPDX-License-Identifier: MIT */
/* Follows the last two runs of the recording: while one daemon replaces another both write. */
#include "cli/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "cli/plain.h"
#include "cli/screen.h"
#include "record/body.h"

#define RUNS    2
#define LOOK_MS 1000 /* that something was missed is noticed then */

struct followed {
	uint32_t run;
	struct reader *reader;
};

struct tail {
	struct sessions *s;
	struct followed run[RUNS]; /* the later one last */
	int notify;
	struct screen *screen; /* of the one session that is followed; NULL: all are */
	struct plain out;
	bool ended;
};

static void run_path(const struct tail *t, uint32_t run, char *out, size_t cap)
{
	char name[RUN_NAME];

	run_name(run, name);
	snprintf(out, cap, "%s/%s", t->s->dir, name);
}

/* from: record that bodies are opened from; UINT64_MAX: none yet. */
static int open_run(struct tail *t, uint32_t run, uint64_t from, struct err *e)
{
	struct reader_config cfg = {.key = t->s->has_key ? t->s->key : NULL,
		.signer = t->s->has_signer ? t->s->signer : NULL,
		.bodies = true,
		.session = t->s->session,
		.from = from};
	char dir[PATH_MAX + RUN_NAME];

	run_path(t, run, dir, sizeof(dir));
	cfg.dir = dir;
	reader_close(t->run[0].reader);
	t->run[0] = t->run[1];
	t->run[1] = (struct followed){.run = run};
	if (inotify_add_watch(t->notify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return err_set(e, -errno, "%s: %m", dir);
	return reader_open(&t->run[1].reader, &cfg, e);
}

/* ---- what is shown ---- */

static unsigned long long number(struct span body, enum body_field f)
{
	struct body_item it;

	(void)body_find(body, f, &it);
	return it.number;
}

static void put_json(uint32_t run, const struct read_record *rec)
{
	json_t *o = json_object();
	char id[48], at[40];

	snprintf(id, sizeof(id), "%u-%llu", run, (unsigned long long)rec->entry.session);
	json_object_set_new(o, "type", json_string(record_kind_name(rec->entry.kind)));
	json_object_set_new(o, "session", json_string(id));
	json_object_set_new(o, "at", json_string(sessions_time(at, rec->entry.time_us, true)));
	if (rec->entry.kind == RECORD_RESULT) {
		json_object_set_new(o, "bytes", json_integer((json_int_t)rec->body.n));
	} else {
		json_t *body = sessions_json_body(rec->body);

		json_object_update_missing(o, body);
		json_decref(body);
	}
	json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(o);
}

static void put(struct tail *t, struct span s)
{
	plain_terminal(&t->out, s, false);
}

/* "3-17  allow  SELECT …": on one line, whatever it was. */
static void put_line(struct tail *t, uint32_t run, const struct read_record *rec)
{
	struct span body = rec->body, message = body_bytes(body, BODY_MESSAGE),
		    verdict = body_bytes(body, BODY_VERDICT);
	char at[40], id[48], span[24];

	if (rec->entry.kind == RECORD_RESULT || span_is(message, "more") ||
		(span_is(message, "bind") && span_is(verdict, "allow")))
		return;
	snprintf(id, sizeof(id), "%u-%llu", run, (unsigned long long)rec->entry.session);
	plain_printf(&t->out, "%s %-8s ", sessions_time(at, rec->entry.time_us, false), id);
	switch (rec->entry.kind) {
	case RECORD_BEGIN:
		plain_puts(&t->out, "begins: ");
		put(t, body_bytes(body, BODY_UNIT).n ? body_bytes(body, BODY_UNIT)
						     : body_bytes(body, BODY_CGROUP));
		plain_printf(&t->out, ", uid %llu, ", number(body, BODY_UID));
		put(t, body_bytes(body, BODY_COMM));
		plain_puts(&t->out, ", ");
		put(t, body_bytes(body, BODY_DBNAME));
		break;
	case RECORD_STATEMENT:
		plain_printf(&t->out, "%llu ", number(body, BODY_STATEMENT));
		put(t, verdict);
		plain_puts(&t->out, " ");
		put(t, message);
		plain_puts(&t->out, " ");
		put(t, body_bytes(body, BODY_TEXT));
		if (body_bytes(body, BODY_MESSAGE_TEXT).n) {
			plain_puts(&t->out, " -- ");
			put(t, body_bytes(body, BODY_MESSAGE_TEXT));
		}
		break;
	case RECORD_DONE:
		plain_printf(&t->out, "%llu done: %llu rows, %llu cells masked, %llu bytes, %s ",
			number(body, BODY_STATEMENT), number(body, BODY_ROWS), number(body, BODY_MASKED),
			number(body, BODY_BYTES), sessions_span(span, number(body, BODY_TOOK_US)));
		put(t, body_bytes(body, BODY_SQLSTATE));
		break;
	case RECORD_EVENT:
		put(t, body_bytes(body, BODY_EVENT));
		plain_puts(&t->out, ": ");
		put(t, body_bytes(body, BODY_EVENT_TEXT));
		break;
	case RECORD_END:
		plain_puts(&t->out, "ends: ");
		put(t, body_bytes(body, BODY_CLOSED));
		break;
	default: plain_puts(&t->out, record_kind_name(rec->entry.kind));
	}
	plain_puts(&t->out, "\n");
}

static int show(struct tail *t, uint32_t run, const struct read_record *rec, struct err *e)
{
	struct sessions *s = t->s;

	if (!rec->entry.session || (s->session && (run != s->run || rec->entry.session != s->session)))
		return 0;
	if (!rec->opened)
		return rec->entry.flags & ENTRY_AES
			       ? err_set(e, -ENOKEY,
					 "the recording is enciphered: its key is needed (--key FILE)")
			       : 0;
	if (s->settings->json)
		put_json(run, rec);
	else if (!t->screen)
		put_line(t, run, rec);
	else if (!screen_take(t->screen, rec, &t->out))
		return err_set(e, -ENOMEM, "out of memory");
	t->ended |= s->session && rec->entry.kind == RECORD_END;
	if (t->out.n)
		fwrite(t->out.p, 1, t->out.n, stdout);
	t->out.n = 0;
	return ferror(stdout) ? err_set(e, -EIO, "the output cannot be written") : 0;
}

/* ---- following ---- */

/* All that is there of one run. */
static int read_run(struct tail *t, struct followed *f, struct err *e)
{
	const struct reader_report *rep = reader_report(f->reader);
	struct read_record rec;
	int r;

	while (!t->ended && (r = reader_next(f->reader, &rec, e)) != 0) {
		if (r == -EBADMSG)
			return err_set(e, r, "record %llu of run %u: %s", (unsigned long long)rep->number,
				f->run, reader_fault_text(rep->fault));
		if (r > 0)
			r = show(t, f->run, &rec, e);
		if (r < 0)
			return r;
	}
	fflush(stdout);
	return 0;
}

/* Runs that began since. */
static int open_new(struct tail *t, struct err *e)
{
	int fd = open(t->s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	uint32_t *runs = NULL;
	size_t n;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", t->s->dir);
	r = runs_list(fd, &runs, &n, e);
	close(fd);
	for (size_t i = 0; i < n && !r; i++)
		if (runs[i] > t->run[1].run)
			r = open_run(t, runs[i], 0, e);
	free(runs);
	return r;
}

static void wait_for_more(struct tail *t)
{
	struct pollfd p = {.fd = t->notify, .events = POLLIN};
	char events[4096];

	if (poll(&p, 1, LOOK_MS) > 0)
		while (read(t->notify, events, sizeof(events)) > 0)
			;
}

static int follow(struct tail *t, struct err *e)
{
	int r = 0;

	for (;;) {
		for (size_t i = 0; i < RUNS && !r; i++)
			if (t->run[i].reader)
				r = read_run(t, &t->run[i], e);
		if (r || t->ended)
			return r;
		wait_for_more(t);
		if (!t->s->session)
			r = open_new(t, e);
		for (size_t i = 0; i < RUNS && !r; i++)
			if (t->run[i].reader)
				r = reader_follow(t->run[i].reader, e);
		if (r)
			return r;
	}
}

/* All: what is there is passed over. */
static int begin_all(struct tail *t, struct err *e)
{
	int fd = open(t->s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	struct read_record rec;
	uint32_t *runs = NULL;
	size_t n;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", t->s->dir);
	r = runs_list(fd, &runs, &n, e);
	close(fd);
	for (size_t i = n > RUNS ? n - RUNS : 0; i < n && !r; i++) {
		r = open_run(t, runs[i], UINT64_MAX, e);
		while (!r && (r = reader_next(t->run[1].reader, &rec, e)) == 1)
			r = 0;
		if (!r)
			r = reader_follow(t->run[1].reader, e);
	}
	free(runs);
	return r;
}

/* One: from its beginning. */
static int begin_one(struct tail *t, struct err *e)
{
	struct indexed_session is;
	int r = sessions_find(t->s, &is, e);

	if (!r && !t->s->settings->json) {
		t->screen = screen_new(t->s->id, isatty(STDOUT_FILENO));
		r = t->screen ? 0 : err_set(e, -ENOMEM, "out of memory");
	}
	return r ? r : open_run(t, is.run, is.first, e);
}

int sessions_tail(struct sessions *s)
{
	struct tail t = {.s = s, .notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
	struct err e = {0};
	int r = 0;

	if (t.notify < 0 || inotify_add_watch(t.notify, s->dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		r = err_set(&e, -errno, "%s: %m", s->dir);
	if (!r)
		r = s->session ? begin_one(&t, &e) : begin_all(&t, &e);
	if (!r)
		r = follow(&t, &e);
	for (size_t i = 0; i < RUNS; i++)
		reader_close(t.run[i].reader);
	screen_free(t.screen);
	plain_fini(&t.out);
	if (t.notify >= 0)
		close(t.notify);
	return r ? sessions_fail(&e) : 0;
}
