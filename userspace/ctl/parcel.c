/* SPDX-License-Identifier: MIT */
#include "ctl/parcel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ctl/clock.h"

union ancillary {
	char bytes[CMSG_SPACE(PARCEL_FDS * sizeof(int))];
	struct cmsghdr align;
};
/* The kernel fills the padding behind the last one with another descriptor, if one fits. */
_Static_assert(CMSG_SPACE(PARCEL_FDS * sizeof(int)) == CMSG_LEN(PARCEL_FDS * sizeof(int)),
	"no more descriptors come than a parcel has room for");

static int send_text(int sock, const char *text, const int *fds, unsigned n, struct err *e)
{
	union ancillary a = {{0}};
	struct iovec iov = {(void *)text, strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (iov.iov_len > PARCEL_BYTES || n > PARCEL_FDS)
		return err_set(e, -EMSGSIZE, "too much for one message");
	if (n) {
		struct cmsghdr *c;

		m.msg_control = a.bytes;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	do {
		sent = sendmsg(sock, &m, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? err_set(e, -errno, "the other daemon: %m") : 0;
}

int parcel_send(int sock, json_t *says, const int *fds, unsigned n, struct err *e)
{
	char *text = says ? json_dumps(says, JSON_COMPACT) : NULL;
	int r = text ? send_text(sock, text, fds, n, e) : err_set(e, -ENOMEM, "out of memory");

	free(text);
	json_decref(says);
	return r;
}

static int wait_for(int sock, uint64_t deadline_ms, struct err *e)
{
	for (;;) {
		struct pollfd p = {.fd = sock, .events = POLLIN};
		uint64_t now = clock_ms();
		int r = poll(&p, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0);

		if (r > 0)
			return 0;
		if (r == 0)
			return err_set(e, -ETIMEDOUT, "the other daemon does not answer");
		if (errno != EINTR)
			return err_set(e, -errno, "poll: %m");
	}
}

/* All descriptors that came, whatever else is wrong: they are ours to close. */
static bool take_fds(struct msghdr *m, struct parcel *out)
{
	bool ok = true;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			ok = false;
			continue;
		}
		/* There is only room for so many, and MSG_CTRUNC says that there were more. */
		memcpy(out->fd + out->n, CMSG_DATA(c), n * sizeof(int));
		out->n += (unsigned)n;
	}
	return ok;
}

int parcel_receive(int sock, uint64_t deadline_ms, struct parcel *out, struct err *e)
{
	union ancillary a;
	char text[PARCEL_BYTES];
	struct iovec iov = {text, sizeof(text)};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = a.bytes, .msg_controllen = sizeof(a.bytes)};
	ssize_t n;
	bool ok;
	int r = wait_for(sock, deadline_ms, e);

	*out = (struct parcel){0};
	if (r)
		return r;
	do {
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, -errno, "the other daemon: %m");
	ok = take_fds(&m, out);
	if (n == 0) {
		parcel_fini(out);
		return err_set(e, -ECONNRESET, "the other daemon has gone");
	}
	if (ok && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		out->says = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(out->says))
		return 0;
	parcel_fini(out);
	return err_set(e, -EBADMSG, "a message of the other daemon is truncated, or not understood");
}

void parcel_fini(struct parcel *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	json_decref(p->says);
	*p = (struct parcel){0};
}

bool parcel_is(const struct parcel *p, const char *what)
{
	const char *is = json_string_value(json_object_get(p->says, "is"));

	return is && strcmp(is, what) == 0;
}

struct bulk {
	int fd;
	size_t n;
};

static int write_some(const char *text, size_t n, void *arg)
{
	struct bulk *b = arg;

	b->n += n;
	if (b->n > PARCEL_BULK_MAX)
		return -1;
	while (n) {
		ssize_t wr = write(b->fd, text, n);

		if (wr < 0 && errno == EINTR)
			continue;
		if (wr <= 0)
			return -1;
		text += wr;
		n -= (size_t)wr;
	}
	return 0;
}

int bulk_write(const json_t *doc, struct err *e)
{
	struct bulk b = {.fd = memfd_create("pgveil-handover", MFD_CLOEXEC)};

	if (b.fd < 0)
		return err_set(e, -errno, "memfd_create: %m");
	if (!doc || json_dump_callback(doc, write_some, &b, JSON_COMPACT)) {
		close(b.fd);
		return err_set(e, -ENOMEM, "there is no room for what is handed over");
	}
	return b.fd;
}

static size_t read_some(void *text, size_t n, void *arg)
{
	struct bulk *b = arg;
	ssize_t got;

	do {
		got = pread(b->fd, text, n, (off_t)b->n);
	} while (got < 0 && errno == EINTR);
	if (got > 0)
		b->n += (size_t)got;
	return got < 0 || b->n > PARCEL_BULK_MAX ? (size_t)-1 : (size_t)got;
}

int bulk_read(int fd, json_t **doc, struct err *e)
{
	struct bulk b = {.fd = fd};
	struct stat st;

	*doc = NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, -EBADMSG, "what was handed over is not a file");
	*doc = json_load_callback(read_some, &b, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*doc)) {
		json_decref(*doc);
		*doc = NULL;
		return err_set(e, -EBADMSG, "what was handed over is not understood");
	}
	return 0;
}
