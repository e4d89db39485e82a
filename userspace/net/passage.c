/* SPDX-License-Identifier: MIT */
#include "net/passage.h"

#include <errno.h>

static bool turned_on(const struct passage *p)
{
	return atomic_load_explicit(&p->worker->all->splice, memory_order_relaxed);
}

bool passage_clear(struct passage *p, bool *moved)
{
	*moved = false;
	return !p->stream.open && stream_drained(&p->stream, &p->leg[SIDE_CLIENT], moved);
}

bool passage_flush(struct passage *p)
{
	struct leg *leg = &p->leg[SIDE_CLIENT];
	bool progress;
	size_t put;

	if (!p->pipe.held)
		return leg_flush(leg, session_out(p->session, SIDE_CLIENT));
	progress = leg_pour(leg, &p->pipe, &put);
	session_spliced(p->session, put);
	if (!p->pipe.held || leg->broken)
		pipe_give(&p->worker->pipes, &p->pipe);
	return progress;
}

/* ---- pieces of large rows ---- */

/* How what is still to come of a row goes, if nothing of the engine looks at it. */
static enum splice_way way_of(const struct passage *p)
{
	if (!turned_on(p))
		return SPLICE_WAY_OFF;
	if (p->leg[SIDE_CLIENT].tls || p->leg[SIDE_SERVER].tls)
		return SPLICE_WAY_TLS;
	/* splice(2) does not find what comes up from the program. */
	if (p->stream.splicer)
		return SPLICE_WAY_PAIRED;
	return SPLICE_WAY_PIPE;
}

/* From the server, at most n, into the pipe. -ENOBUFS: there is no pipe to be had. */
static ssize_t fill_pipe(struct passage *p, size_t n)
{
	ssize_t got;

	if (!pipe_take(&p->worker->pipes, &p->pipe))
		return -ENOBUFS;
	got = pipe_fill(&p->pipe, p->leg[SIDE_SERVER].fd, n);
	if (got <= 0)
		pipe_give(&p->worker->pipes, &p->pipe);
	return got;
}

ssize_t passage_fill(struct passage *p)
{
	size_t n = session_splice(p->session);
	enum splice_way way;
	ssize_t got;

	if (!n)
		return -ENOBUFS;
	way = way_of(p);
	got = way == SPLICE_WAY_PIPE ? fill_pipe(p, n) : -ENOBUFS;
	if (got == -ENOBUFS && way == SPLICE_WAY_PIPE)
		way = SPLICE_WAY_NO_PIPE;
	metric_add(&p->worker->splice_reads[way], got > 0 || got == -ENOBUFS);
	return got;
}

bool passage_got(struct passage *p, enum side side, size_t n)
{
	if (stream_lost(&p->stream, side))
		return false;
	if (side == SIDE_SERVER && p->stream.splicer)
		p->stream.read += n;
	return true;
}

/* ---- rows by the kernel ---- */

static void pair_legs(struct passage *p)
{
	struct splicer *s = p->worker->all->cfg.splicer;

	/* Not before the server has nothing to say: what comes while the legs are paired is read past the
	 * program. */
	if (!s || p->stream.splicer || p->stream.spoilt || !session_idle(p->session) || !turned_on(p))
		return;
	stream_pair(&p->stream, s, &p->leg[SIDE_SERVER], &p->leg[SIDE_CLIENT]);
	metric_add(&p->worker->paired, !p->stream.spoilt);
}

void passage_offer(struct passage *p)
{
	pair_legs(p);
	if (p->stream.splicer && turned_on(p) && !p->leg[SIDE_SERVER].eof && !p->leg[SIDE_CLIENT].broken &&
		!p->pipe.held)
		(void)stream_begin(&p->stream, p->session, &p->leg[SIDE_CLIENT]);
}

/* What the window gave, counted and told to the session. */
int passage_end(struct passage *p)
{
	struct worker *w = p->worker;
	struct splice_count count;

	if (!p->stream.open)
		return 1;
	if (stream_end(&p->stream, p->session, &count))
		return -EPROTO;
	metric_add(&w->windows[count.end < SPLICE_END_MAX ? count.end : SPLICE_END_NEVER], 1);
	metric_add(&w->window_bytes, count.bytes);
	metric_add(&w->window_rows, count.rows);
	metric_add(&w->repeated, count.repeated);
	return 1;
}

int passage_ended(struct passage *p)
{
	if (p->stream.open && !stream_ended(&p->stream, &p->leg[SIDE_SERVER]))
		return 0;
	return passage_end(p);
}

/* ---- the end ---- */

void passage_drop(struct passage *p)
{
	pipe_give(&p->worker->pipes, &p->pipe);
}

void passage_leave(const struct passage *p)
{
	stream_leave(&p->stream, &p->leg[SIDE_SERVER]);
}

void passage_fini(struct passage *p)
{
	stream_unpair(&p->stream);
}
