/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "cli/chronicle.h"
#include "cli/screen.h"

#define LONGEST_US 10000000u /* a pause that is longer is said, and not waited for */

/* A key, where there is somebody who has some. false: no more, please. */
static bool wait_for_key(void)
{
	struct termios before, raw;
	bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	char c = 'q';
	ssize_t n;

	if (tty) {
		raw = before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	while ((n = read(STDIN_FILENO, &c, 1)) < 0 && errno == EINTR)
		;
	if (tty)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return n == 1 && c != 'q';
}

static void pause_for(uint64_t us, double speed, struct plain *out)
{
	uint64_t wait = speed > 0 ? (uint64_t)((double)us / speed) : 0;
	struct timespec ts;
	char span[24];

	if (us >= LONGEST_US)
		plain_printf(out, "-- %s later\n", sessions_span(span, us));
	if (!speed || !wait)
		return;
	if (wait > LONGEST_US)
		wait = LONGEST_US;
	ts = (struct timespec){.tv_sec = (time_t)(wait / 1000000), .tv_nsec = (long)(wait % 1000000) * 1000};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

static void show(struct plain *out)
{
	if (out->n)
		fwrite(out->p, 1, out->n, stdout);
	fflush(stdout);
	out->n = 0;
}

static int play(struct sessions *s, struct chronicle *c, struct screen *screen, struct err *e)
{
	struct plain out = {0};
	struct read_record rec;
	uint64_t last = 0;
	int r;

	while ((r = chronicle_next(c, &rec, e)) == 1 && !ferror(stdout)) {
		if (last && rec.entry.time_us > last) {
			show(&out);
			pause_for(rec.entry.time_us - last, s->step ? 0 : s->speed, &out);
		}
		last = rec.entry.time_us;
		if (s->step && rec.entry.kind == RECORD_STATEMENT) {
			show(&out);
			if (!wait_for_key())
				break;
		}
		if (!screen_take(screen, &rec, &out)) {
			r = err_set(e, -ENOMEM, "out of memory");
			break;
		}
		show(&out);
	}
	if (r <= 0)
		(void)!screen_finish(screen, &out);
	show(&out);
	plain_fini(&out);
	return r == 1 ? 0 : r;
}

int sessions_replay(struct sessions *s)
{
	bool tty = isatty(STDOUT_FILENO);
	struct screen *screen = screen_new(s->id, tty);
	struct chronicle *c = NULL;
	struct indexed_session is;
	struct err e = {0};
	int r = screen ? sessions_find(s, &is, &e) : err_set(&e, -ENOMEM, "out of memory");

	/* Nobody is kept waiting who does not look. */
	if (s->speed < 0)
		s->speed = tty ? 1 : 0;
	if (!r)
		r = chronicle_open(&c, s, &is, &e);
	if (!r)
		r = play(s, c, screen, &e);
	chronicle_close(c);
	screen_free(screen);
	return r ? sessions_fail(&e) : 0;
}
