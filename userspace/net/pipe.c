/* SPDX-License-Identifier: MIT */
#include "net/pipe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void end(struct pipe *p)
{
	if (p->open) {
		close(p->fd[0]);
		close(p->fd[1]);
	}
	*p = (struct pipe){0};
}

bool pipe_take(struct pipes *ps, struct pipe *p)
{
	if (ps->used >= PIPES_MAX)
		return false;
	if (ps->nidle) {
		*p = ps->idle[--ps->nidle];
	} else {
		*p = (struct pipe){.open = true};
		if (pipe2(p->fd, O_CLOEXEC | O_NONBLOCK) < 0) {
			*p = (struct pipe){0};
			return false;
		}
		/* Where it may not be made larger, it takes less at a time. */
		(void)fcntl(p->fd[1], F_SETPIPE_SZ, (int)PIPE_BYTES);
	}
	ps->used++;
	return true;
}

void pipe_give(struct pipes *ps, struct pipe *p)
{
	if (!p->open)
		return;
	ps->used--;
	if (p->held || ps->nidle == PIPES_IDLE)
		end(p);
	else
		ps->idle[ps->nidle++] = *p;
	*p = (struct pipe){0};
}

void pipes_fini(struct pipes *ps)
{
	while (ps->nidle)
		end(&ps->idle[--ps->nidle]);
}

ssize_t pipe_fill(struct pipe *p, int fd, size_t n)
{
	ssize_t got;

	/* -EAGAIN of one that is not empty could mean either end. */
	assert(p->open && p->held == 0);
	if (n > PIPE_BYTES)
		n = PIPE_BYTES;
	do {
		got = splice(fd, NULL, p->fd[1], NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	p->held = (size_t)got;
	return got;
}

ssize_t pipe_pour(struct pipe *p, int fd)
{
	ssize_t put;

	do {
		put = splice(p->fd[0], NULL, fd, NULL, p->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (put < 0 && errno == EINTR);
	if (put <= 0)
		return put ? -errno : -EIO;
	p->held -= (size_t)put;
	return put;
}
