/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static bool plain_tcp(const struct leg *leg)
{
	int domain = 0, protocol = 0;
	socklen_t len = sizeof(int);

	return leg->fd >= 0 && !leg->tls && !leg->eof && !leg->broken &&
	       !getsockopt(leg->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) &&
	       !getsockopt(leg->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) &&
	       (domain == AF_INET || domain == AF_INET6) && protocol == IPPROTO_TCP;
}

/* Looks without taking. Where sockets were just paired, this is also what has the kernel look at bytes that
 * were there before. */
static ssize_t peek(int fd)
{
	char nothing;
	ssize_t n = recv(fd, &nothing, 1, MSG_PEEK | MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

void stream_pair(struct stream *t, struct splicer *s, const struct leg *server, const struct leg *client)
{
	struct err e = {0};

	t->spoilt = true;
	if (!plain_tcp(server) || !plain_tcp(client) || peek(server->fd) != -EAGAIN)
		return;
	t->splicer = s;
	/* Bytes that came in between are read past the program, and windows would never fit again. */
	t->spoilt = splice_pair(s, &t->pair, server->fd, client->fd, &e) || peek(server->fd) != -EAGAIN;
}

void stream_leave(const struct stream *t, const struct leg *server)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (t->splicer && server->fd >= 0 && peek(server->fd) > 0)
		setsockopt(server->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void stream_unpair(struct stream *t)
{
	if (t->splicer)
		splice_unpair(t->splicer, &t->pair);
	*t = (struct stream){.spoilt = true};
}

bool stream_lost(const struct stream *t, enum side side)
{
	return t->splicer && splice_lost(t->splicer, side == SIDE_SERVER ? t->pair.server : t->pair.client);
}

bool stream_begin(struct stream *t, struct session *s, const struct leg *client)
{
	struct session_stream at;
	struct splice_count c;
	struct splice_window w;

	if (!t->splicer || t->spoilt || t->open || t->draining || !session_may_stream(s, &at))
		return false;
	if (splice_count(t->splicer, &t->pair, &c) || c.lost || c.passed != t->read ||
		splice_queued(client->fd, &t->base))
		return false;
	w = (struct splice_window){.generation = t->generation + 1,
		.read = t->read,
		.credit = STREAM_CREDIT,
		.target = t->pair.client,
		.track = {.type = at.type, .to_next = (uint32_t)at.to_next}};
	/* From here on rows may go. */
	if (splice_window(t->splicer, &t->pair, &w))
		return false;
	t->generation++;
	t->at = w.track;
	t->sent = 0;
	t->queued = t->base;
	t->open = true;
	session_stream_begin(s);
	return true;
}

bool stream_ended(const struct stream *t, const struct leg *server)
{
	(void)t;
	return peek(server->fd) != -EAGAIN;
}

int stream_end(struct stream *t, struct session *s, struct splice_count *out)
{
	struct session_streamed st = {0};
	uint64_t again;
	int r = splice_count(t->splicer, &t->pair, out);

	t->open = false;
	if (r)
		return r;
	if (out->lost)
		return -EPROTO;
	again = out->repeated - t->repeated;
	t->repeated = out->repeated;
	/* One that the program has not seen is as it was opened: there was something before it, or the server
	 * broke. */
	if (out->generation != t->generation)
		*out = (struct splice_count){.end = SPLICE_END_LATE, .track = t->at};
	/* To the caller: of this window. */
	out->repeated = again;
	st = (struct session_streamed){.bytes = out->bytes,
		.rows = out->rows,
		.to_next = out->track.to_next,
		.nhead = out->track.nhead};
	memcpy(st.head, out->track.head, sizeof(st.head));
	t->sent = out->bytes;
	t->draining = true;
	return session_stream_end(s, &st);
}

bool stream_drained(struct stream *t, const struct leg *client, bool *moved)
{
	uint64_t now = 0;

	*moved = false;
	if (!t->draining)
		return true;
	if (splice_queued(client->fd, &now))
		return false;
	*moved = now != t->queued;
	t->queued = now;
	t->draining = now - t->base != t->sent;
	return !t->draining;
}
