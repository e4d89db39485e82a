/* SPDX-License-Identifier: MIT */
/* uring_connect FD HOST PORT [sqpoll]: connects by io_uring without liburing, with sqpoll from a kernel
 * thread, and passes the socket (or the errno as text) over FD, as the dialling processes of lab.py do. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static int ring_open(struct ring *r, unsigned flags)
{
	memset(r, 0, sizeof(*r));
	r->p.flags = flags;
	r->p.sq_thread_idle = 2000;
	r->fd = (int)syscall(SYS_io_uring_setup, 4, &r->p);
	if (r->fd < 0)
		return -errno;
	r->sq = mmap(NULL, r->p.sq_off.array + r->p.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->p.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED || (void *)r->sqes == MAP_FAILED ? -errno : 0;
}

static int ring_connect(struct ring *r, int fd, const struct sockaddr_in *to)
{
	unsigned *tail = (unsigned *)(void *)(r->sq + r->p.sq_off.tail);
	unsigned *array = (unsigned *)(void *)(r->sq + r->p.sq_off.array);
	unsigned flags = IORING_ENTER_GETEVENTS;
	int sqpoll = (r->p.flags & IORING_SETUP_SQPOLL) != 0;

	memset(r->sqes, 0, sizeof(*r->sqes));
	r->sqes[0].opcode = IORING_OP_CONNECT;
	r->sqes[0].fd = fd;
	r->sqes[0].addr = (unsigned long)to;
	r->sqes[0].off = sizeof(*to);
	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_SEQ_CST);
	if (sqpoll)
		flags |= IORING_ENTER_SQ_WAKEUP;
	if (syscall(SYS_io_uring_enter, r->fd, sqpoll ? 0 : 1, 1, flags, NULL, 0) < 0)
		return -errno;
	return ((struct io_uring_cqe *)(void *)(r->cq + r->p.cq_off.cqes))->res;
}

static int answer(int out, int r, int fd)
{
	char text[16], control[CMSG_SPACE(sizeof(int))] = {0};
	int len = snprintf(text, sizeof(text), "%d", -r);
	struct iovec iov = {text, (size_t)len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (!r) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(int));
	}
	return sendmsg(out, &m, 0) < 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct ring ring;
	int fd, r;

	if (argc < 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons((unsigned short)atoi(argv[3]));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return 2;
	r = ring_open(&ring, argc > 4 ? IORING_SETUP_SQPOLL : 0);
	if (!r)
		r = ring_connect(&ring, fd, &to);
	return answer(atoi(argv[1]), r, fd);
}
