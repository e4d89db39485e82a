/* SPDX-License-Identifier: MIT */
/* Whether the kernel at hand does what splicing depends on: it has not always, and what a distribution has
 * taken over of later mends cannot be told by its number.
 *
 *   said ──loopback──► server ═══program═══► client ──loopback──► heard
 */
#include "kern/splice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 1000 /* for what comes at once, or never */

struct rig {
	struct splicer *s;
	struct splice_pair pair;
	int said, server, client, heard;
	uint64_t generation, read, sent; /* sent: queued at the client before the window */
};

static const char row[] = "D\0\0\0\x0brow...."; /* 12 bytes; the length word counts 11 */
static const char end[] = "C\0\0\0\x05.";       /* 6 bytes */
#define ROW (sizeof(row) - 1)
#define END (sizeof(end) - 1)

/* Two ends of a TCP connection over loopback. */
static int connect_pair(int *a, int *b)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP), r = -1;

	*a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	*b = -1;
	if (l >= 0 && *a >= 0 && !bind(l, (struct sockaddr *)&at, sizeof(at)) && !listen(l, 1) &&
		!getsockname(l, (struct sockaddr *)&at, &len) &&
		!connect(*a, (struct sockaddr *)&at, sizeof(at))) {
		*b = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		r = *b < 0 ? -1 : 0;
	}
	if (l >= 0)
		close(l);
	return r;
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, WAIT_MS) == 1;
}

/* Exactly these bytes come next. */
static bool hears(int fd, const char *want, size_t n)
{
	char got[256];
	size_t have = 0;
	ssize_t r;

	while (have < n) {
		if (!readable(fd))
			return false;
		r = recv(fd, got + have, n - have, MSG_DONTWAIT);
		if (r <= 0)
			return false;
		have += (size_t)r;
	}
	return memcmp(got, want, n) == 0;
}

static bool says(int fd, const char *what, size_t n)
{
	return send(fd, what, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool rig_open(struct rig *g, struct splicer *s)
{
	char nothing;
	struct err e = {0};

	*g = (struct rig){.s = s, .said = -1, .server = -1, .client = -1, .heard = -1};
	return !connect_pair(&g->said, &g->server) && !connect_pair(&g->client, &g->heard) &&
	       !splice_pair(s, &g->pair, g->server, g->client, &e) &&
	       recv(g->server, &nothing, 1, MSG_DONTWAIT) < 0;
}

static void rig_close(struct rig *g)
{
	int fd[] = {g->said, g->server, g->client, g->heard};

	for (unsigned i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	splice_unpair(g->s, &g->pair);
}

static bool opens(struct rig *g, uint64_t credit)
{
	struct splice_window w = {.generation = ++g->generation,
		.read = g->read,
		.credit = credit,
		.target = g->pair.client,
		.track = {.type = 'D'}};

	return !splice_queued(g->client, &g->sent) && !splice_window(g->s, &g->pair, &w);
}

static bool ended(struct rig *g, enum splice_end why, uint64_t bytes)
{
	struct splice_count c;

	return !splice_count(g->s, &g->pair, &c) && c.generation == g->generation && c.end == (uint32_t)why &&
	       c.bytes == bytes && !c.lost;
}

/* The client's TCP has been given so many bytes since the window was opened. */
static bool drained(struct rig *g, uint64_t bytes)
{
	uint64_t now = 0;

	/* Of what the other end has heard nothing is queued any more, and of nothing more has it heard. */
	return !splice_queued(g->client, &now) && now - g->sent == bytes;
}

/* Rows go on, cut anywhere; a piece with another message comes up whole; what is said then comes behind. */
static bool check_order(struct rig *g)
{
	static const char last[] = "D\0\0\0\x0blast...C\0\0\0\x05.";

	return opens(g, 1 << 16) && says(g->said, row, 3) && hears(g->heard, row, 3) &&
	       says(g->said, row + 3, ROW - 3) && hears(g->heard, row + 3, ROW - 3) &&
	       says(g->said, last, sizeof(last) - 1) && hears(g->server, last, sizeof(last) - 1) &&
	       ended(g, SPLICE_END_MESSAGE, ROW) && says(g->client, end, END) && hears(g->heard, end, END);
}

static bool check_end(struct rig *g)
{
	int broken = -1;
	socklen_t len = sizeof(broken);
	char nothing;

	return opens(g, 1 << 16) && says(g->said, row, ROW) && hears(g->heard, row, ROW) &&
	       !shutdown(g->said, SHUT_WR) && readable(g->server) &&
	       recv(g->server, &nothing, 1, MSG_DONTWAIT) == 0 &&
	       !getsockopt(g->client, SOL_SOCKET, SO_ERROR, &broken, &len) && broken == 0 &&
	       says(g->client, end, END) && hears(g->heard, end, END);
}

static bool check_drain(struct rig *g)
{
	return opens(g, ROW + 1) && says(g->said, row, ROW) && hears(g->heard, row, ROW) && drained(g, ROW) &&
	       says(g->said, row, ROW) && hears(g->server, row, ROW) && ended(g, SPLICE_END_CREDIT, ROW) &&
	       drained(g, ROW);
}

static bool check_close(struct rig *g)
{
	if (!opens(g, 1 << 16) || !says(g->said, end, END) || !readable(g->server))
		return false;
	close(g->server);
	g->server = -1;
	/* The other end sees a reset: there were bytes that nobody read. */
	return readable(g->said) && says(g->client, end, END) && hears(g->heard, end, END);
}

static bool check_readable(struct rig *g)
{
	int there = 0;

	return says(g->said, end, END) && readable(g->server) && !ioctl(g->server, FIONREAD, &there) &&
	       there == (int)END;
}

static bool check_target(struct rig *g)
{
	if (!opens(g, 1 << 16))
		return false;
	close(g->client);
	g->client = -1;
	return says(g->said, row, ROW) && hears(g->server, row, ROW) && ended(g, SPLICE_END_TARGET, 0);
}

/* Two pieces: both are numbered as they should, and nobody else holds them. That they are cut then is not
 * tried: it takes a sender that repeats itself. */
static bool check_repeat(struct rig *g)
{
	struct splice_count c;

	return says(g->said, row, ROW) && hears(g->server, row, ROW) && says(g->said, end, END) &&
	       hears(g->server, end, END) && !splice_count(g->s, &g->pair, &c) && c.begun && c.cuts &&
	       !c.lost && c.passed == ROW + END && !c.repeated && says(g->heard, end, END) &&
	       hears(g->client, end, END) && !splice_lost(g->s, g->pair.client);
}

unsigned splice_test(struct splicer *s, struct err *e)
{
	static bool (*const check[SPLICE_CHECK_MAX])(struct rig * g) = {
		[SPLICE_CHECK_ORDER] = check_order,
		[SPLICE_CHECK_END] = check_end,
		[SPLICE_CHECK_DRAIN] = check_drain,
		[SPLICE_CHECK_CLOSE] = check_close,
		[SPLICE_CHECK_READABLE] = check_readable,
		[SPLICE_CHECK_TARGET] = check_target,
		[SPLICE_CHECK_REPEAT] = check_repeat,
	};
	unsigned failed = 0;
	struct rig g;

	for (enum splice_check c = 0; c < SPLICE_CHECK_MAX; c++) {
		if (!rig_open(&g, s) || !check[c](&g)) {
			if (!failed)
				err_set(e, -EPROTO, "this kernel fails the check of \"%s\"",
					splice_check_name(c));
			failed |= 1u << c;
		}
		rig_close(&g);
	}
	return failed;
}
