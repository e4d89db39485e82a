/* SPDX-License-Identifier: MIT */
#include "net/pipe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "test.h"

static void pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

static void exact(void **state)
{
	struct pipes ps = {0};
	struct pipe p = {0};
	int from[2], to[2];
	char got[64];

	(void)state;
	pair(from);
	pair(to);
	assert_true(pipe_take(&ps, &p));
	assert_int_equal(pipe_fill(&p, from[1], 100), -EAGAIN);
	assert_int_equal(send(from[0], "0123456789", 10, 0), 10);
	assert_int_equal(pipe_fill(&p, from[1], 7), 7);
	assert_int_equal(p.held, 7);
	assert_int_equal(pipe_pour(&p, to[0]), 7);
	assert_int_equal(p.held, 0);
	assert_int_equal(recv(to[1], got, sizeof(got), 0), 7);
	assert_memory_equal(got, "0123456", 7);
	/* What was not asked for is still there to be read. */
	assert_int_equal(recv(from[1], got, sizeof(got), 0), 3);
	assert_memory_equal(got, "789", 3);
	close(from[0]);
	assert_int_equal(pipe_fill(&p, from[1], 100), 0);
	pipe_give(&ps, &p);
	close(from[1]);
	close(to[0]);
	close(to[1]);
	pipes_fini(&ps);
}

/* However much there is, a pipe takes so much; a socket that is full gives -EAGAIN, and what was not taken
 * stays. */
static void bounded(void **state)
{
	struct pipes ps = {0};
	struct pipe p = {0};
	char *much = calloc(1, 65536), got[65536];
	int from[2], to[2];
	size_t said = 0, heard = 0;
	ssize_t n;

	(void)state;
	assert_non_null(much);
	pair(from);
	pair(to);
	while ((n = send(from[0], much, 4096, 0)) > 0)
		said += (size_t)n;
	assert_true(pipe_take(&ps, &p));
	while (p.held || (n = pipe_fill(&p, from[1], said)) > 0) {
		assert_in_range(p.held, 1, PIPE_BYTES);
		n = pipe_pour(&p, to[0]);
		if (n == -EAGAIN) {
			n = recv(to[1], got, sizeof(got), 0);
			assert_true(n > 0);
			heard += (size_t)n;
		}
	}
	assert_int_equal(n, -EAGAIN);
	while ((n = recv(to[1], got, sizeof(got), 0)) > 0)
		heard += (size_t)n;
	assert_int_equal(heard, said);
	pipe_give(&ps, &p);
	pipes_fini(&ps);
	for (int i = 0; i < 2; i++) {
		close(from[i]);
		close(to[i]);
	}
	free(much);
}

static void pool(void **state)
{
	struct pipes ps = {0};
	struct pipe p[PIPES_MAX + 1] = {0};
	int from[2];

	(void)state;
	for (unsigned i = 0; i < PIPES_MAX; i++)
		assert_true(pipe_take(&ps, &p[i]));
	assert_false(pipe_take(&ps, &p[PIPES_MAX]));
	assert_false(p[PIPES_MAX].open);
	pipe_give(&ps, &p[PIPES_MAX]);
	assert_int_equal(ps.used, PIPES_MAX);
	/* One that holds something is not given to another. */
	pair(from);
	assert_int_equal(send(from[0], "x", 1, 0), 1);
	assert_int_equal(pipe_fill(&p[0], from[1], 1), 1);
	pipe_give(&ps, &p[0]);
	assert_int_equal(ps.nidle, 0);
	for (unsigned i = 1; i < PIPES_MAX; i++)
		pipe_give(&ps, &p[i]);
	assert_int_equal(ps.used, 0);
	assert_int_equal(ps.nidle, PIPES_IDLE);
	assert_true(pipe_take(&ps, &p[0]));
	assert_int_equal(ps.nidle, PIPES_IDLE - 1);
	assert_int_equal(pipe_fill(&p[0], from[1], 1), -EAGAIN);
	pipe_give(&ps, &p[0]);
	pipes_fini(&ps);
	close(from[0]);
	close(from[1]);
}

static void lost_client(void **state)
{
	struct pipes ps = {0};
	struct pipe p = {0};
	int from[2], to[2];

	(void)state;
	pair(from);
	pair(to);
	close(to[1]);
	assert_true(pipe_take(&ps, &p));
	assert_int_equal(send(from[0], "xy", 2, 0), 2);
	assert_int_equal(pipe_fill(&p, from[1], 2), 2);
	assert_int_equal(pipe_pour(&p, to[0]), -EPIPE);
	assert_int_equal(p.held, 2);
	pipe_give(&ps, &p);
	assert_int_equal(ps.nidle, 0);
	close(from[0]);
	close(from[1]);
	close(to[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact),
		cmocka_unit_test(bounded),
		cmocka_unit_test(pool),
		cmocka_unit_test(lost_client),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
