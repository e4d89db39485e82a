/* SPDX-License-Identifier: MIT */
#include "kern/splice.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "pgveil_splice.skel.h"

#define LOOKS 8 /* at a socket whose bytes are being acknowledged */

struct splicer {
	struct pgveil_splice_bpf *skel;
	int sockets, windows, counts, off_switch;
};

int splice_open(struct splicer **out, struct err *e)
{
	struct splicer *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->skel = pgveil_splice_bpf__open_and_load();
	if (!s->skel) {
		r = err_set(e, -errno, "the program for splicing does not load: %m");
		splice_close(s);
		return r;
	}
	s->sockets = bpf_map__fd(s->skel->maps.sockets);
	s->windows = bpf_map__fd(s->skel->maps.windows);
	s->counts = bpf_map__fd(s->skel->maps.counts);
	s->off_switch = bpf_map__fd(s->skel->maps.off_switch);
	r = bpf_prog_attach(bpf_program__fd(s->skel->progs.pgveil_splice), s->sockets, BPF_SK_SKB_VERDICT, 0);
	if (r) {
		r = err_set(e, r, "the program for splicing cannot be attached: %s", strerror(-r));
		splice_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void splice_close(struct splicer *s)
{
	if (!s)
		return;
	pgveil_splice_bpf__destroy(s->skel);
	free(s);
}

void splice_switch(struct splicer *s, bool on)
{
	struct splice_switch v = {.off = !on};
	uint32_t key = 0;

	/* An array's element is always there. */
	(void)bpf_map_update_elem(s->off_switch, &key, &v, BPF_ANY);
}

static int cookie_of(int fd, uint64_t *out)
{
	socklen_t len = sizeof(*out);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, out, &len) < 0 ? -errno : 0;
}

int splice_pair(struct splicer *s, struct splice_pair *p, int server_fd, int client_fd, struct err *e)
{
	struct splice_count_slot count = {0};
	struct splice_window_slot shut = {0};
	uint64_t client = (uint64_t)client_fd, server = (uint64_t)server_fd;
	int r = cookie_of(server_fd, &p->server);

	if (!r)
		r = cookie_of(client_fd, &p->client);
	if (!r)
		r = bpf_map_update_elem(s->counts, &p->server, &count, BPF_NOEXIST);
	if (!r)
		r = bpf_map_update_elem(s->counts, &p->client, &count, BPF_NOEXIST);
	if (!r)
		r = bpf_map_update_elem(s->windows, &p->server, &shut, BPF_NOEXIST);
	if (!r)
		r = bpf_map_update_elem(s->sockets, &p->client, &client, BPF_NOEXIST);
	if (!r)
		r = bpf_map_update_elem(s->sockets, &p->server, &server, BPF_NOEXIST);
	return r ? err_set(e, r, "sockets cannot be paired: %s", strerror(-r)) : 0;
}

void splice_unpair(struct splicer *s, struct splice_pair *p)
{
	if (p->server) {
		(void)bpf_map_delete_elem(s->windows, &p->server);
		(void)bpf_map_delete_elem(s->counts, &p->server);
		(void)bpf_map_delete_elem(s->counts, &p->client);
	}
	*p = (struct splice_pair){0};
}

int splice_window(struct splicer *s, const struct splice_pair *p, const struct splice_window *w)
{
	struct splice_window_slot slot = {.window = *w};

	return bpf_map_update_elem(s->windows, &p->server, &slot, BPF_EXIST | BPF_F_LOCK);
}

static int count_of(struct splicer *s, uint64_t cookie, struct splice_count *out)
{
	struct splice_count_slot slot = {0};
	int r = bpf_map_lookup_elem_flags(s->counts, &cookie, &slot, BPF_F_LOCK);

	*out = slot.count;
	return r;
}

int splice_count(struct splicer *s, const struct splice_pair *p, struct splice_count *out)
{
	return count_of(s, p->server, out);
}

bool splice_lost(struct splicer *s, uint64_t cookie)
{
	struct splice_count c;

	int r = count_of(s, cookie, &c);

	/* Without a count it never came to be of a pair: what has no count is not put into the map. */
	return r ? r != -ENOENT : c.lost;
}

static int acked(int fd, uint64_t *out)
{
	struct tcp_info ti = {0};
	socklen_t len = sizeof(ti);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) < 0)
		return -errno;
	*out = ti.tcpi_bytes_acked;
	return 0;
}

int splice_queued(int fd, uint64_t *out)
{
	uint64_t before = 0, after = 0;
	int unacked = 0, r = 0;

	for (int i = 0; i < LOOKS; i++) {
		r = acked(fd, &before);
		if (!r && ioctl(fd, SIOCOUTQ, &unacked) < 0)
			r = -errno;
		if (!r)
			r = acked(fd, &after);
		if (r)
			return r;
		if (before == after) {
			*out = after + (uint64_t)unacked;
			return 0;
		}
	}
	return -EAGAIN;
}

const char *splice_check_name(enum splice_check c)
{
	static const char *const name[] = {
#define X(id, word) [SPLICE_CHECK_##id] = (word),
		SPLICE_CHECKS(X)
#undef X
	};

	return name[c];
}
