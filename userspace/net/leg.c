/* SPDX-License-Identifier: MIT */
#include "net/leg.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IOV_MAX_USED 64
#define DRAIN_READS  16

void leg_close(struct leg *leg)
{
	watch_free(leg->watch);
	tls_free(leg->tls);
	if (leg->fd >= 0)
		close(leg->fd);
	*leg = (struct leg){.fd = -1, .eof = true, .broken = true};
}

ssize_t leg_read(struct leg *leg, void *p, size_t n)
{
	short events = 0;
	ssize_t got;

	if (leg->tls) {
		got = tls_read(leg->tls, p, n, &events, NULL);
		/* TLS has to write something of its own before it can go on. */
		if (got == -EAGAIN && events & POLLOUT)
			leg->blocked = true;
		return got;
	}
	do {
		got = recv(leg->fd, p, n, 0);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static ssize_t leg_write(struct leg *leg, const struct iovec *iov, size_t n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n};
	short events = 0;
	ssize_t wr;

	if (leg->tls)
		return tls_write(leg->tls, iov, (int)n, &events, NULL);
	do {
		wr = n == 1 ? send(leg->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
			    : sendmsg(leg->fd, &m, MSG_NOSIGNAL);
	} while (wr < 0 && errno == EINTR);
	return wr < 0 ? -errno : wr;
}

bool leg_flush(struct leg *leg, struct outq *q)
{
	bool progress = false;

	leg->blocked = false;
	while (!outq_empty(q) && !outq_failed(q)) {
		struct iovec iov[IOV_MAX_USED];
		size_t n = outq_iov(q, iov, IOV_MAX_USED);
		ssize_t wr = leg->broken ? -EPIPE : leg_write(leg, iov, n);

		if (wr == -EAGAIN) {
			leg->blocked = true;
			break;
		}
		if (wr < 0) {
			/* Nobody will have it. What the peer said before it went is still to be read. */
			leg->broken = true;
			wr = (ssize_t)q->bytes;
		}
		outq_wrote(q, (size_t)wr);
		progress = true;
	}
	return progress;
}

bool leg_pour(struct leg *leg, struct pipe *p, size_t *put)
{
	*put = 0;
	leg->blocked = false;
	while (p->held) {
		ssize_t wr = leg->broken ? -EPIPE : pipe_pour(p, leg->fd);

		if (wr == -EAGAIN) {
			leg->blocked = true;
			break;
		}
		if (wr < 0) {
			/* As in leg_flush; the pipe is of no use to anybody else. */
			leg->broken = true;
			return true;
		}
		*put += (size_t)wr;
	}
	return *put > 0;
}

void leg_shut(struct leg *leg)
{
	if (leg->tls)
		tls_shut(leg->tls);
	shutdown(leg->fd, SHUT_WR);
}

void leg_probe(struct leg *leg)
{
	int on = 1, idle_s = 20, every_s = 10, times = 3;

	/* A socket that was closed looks the same as one that is half closed, until it does not answer. */
	setsockopt(leg->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(leg->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(leg->fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	setsockopt(leg->fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

bool leg_gone(const struct leg *leg)
{
	struct pollfd p = {.fd = leg->fd};
	int domain = 0;
	socklen_t domain_len = sizeof(domain);
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	/* A unix socket is told at once when the other is closed, and when it only shut its writing side. */
	if (getsockopt(leg->fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == 0 && domain == AF_UNIX)
		return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
	return getsockopt(leg->fd, IPPROTO_TCP, TCP_INFO, &ti, &len) < 0 || ti.tcpi_state == TCP_CLOSE;
}

bool leg_drain(struct leg *leg)
{
	char nothing[4096];

	for (int i = 0; i < DRAIN_READS; i++) {
		ssize_t n = leg_read(leg, nothing, sizeof(nothing));

		if (n <= 0)
			return n != -EAGAIN;
	}
	return false;
}
