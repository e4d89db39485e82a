/* SPDX-License-Identifier: MIT */
/* kern_probe: the engine's kernel side without an engine, for test_kernel.py. One command a line on stdin,
 * one JSON object a line on stdout: {"r": 0 or a negative errno, "msg": why, ...}. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "kern/cgroup.h"
#include "kern/flow.h"
#include "kern/loader.h"
#include "net/netns.h"

#define ARGS 16

static struct kern *k;
static struct netns_thread *thread;
static struct netns spaces[8];
static int conns[256];
static unsigned n_spaces, n_conns;
static struct err e;

/* A reply begins here; the caller adds members and ends it. */
static void reply(int r)
{
	printf("{\"r\": %d, \"msg\": \"%s\"", r, r < 0 ? e.msg : "");
}

static void put_ip(const char *name, const __u8 ip[16], unsigned port)
{
	struct flow_value v = {.dialled_port = (__u16)port};
	struct sockaddr_storage sa;
	char text[INET6_ADDRSTRLEN];

	memcpy(v.dialled_ip, ip, 16);
	flow_dialled(&v, &sa);
	if (sa.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&sa)->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&sa)->sin6_addr, text, sizeof(text));
	printf(", \"%s\": [\"%s\", %u]", name, text, port);
}

static enum cgroup_state state_of(const char *word)
{
#define X(name, value, text)                                                                                 \
	if (strcmp(word, text) == 0)                                                                         \
		return CGROUP_##name;
	CGROUP_STATES(X)
#undef X
	fprintf(stderr, "kern_probe: no state %s\n", word);
	exit(2);
}

static void do_open(char **a)
{
	struct kern_config cfg = {
		.pin_dir = a[1], .cgroup_root = a[2], .flow_quota = a[3] ? (unsigned)atoi(a[3]) : 1000};

	reply(kern_open(&k, &cfg, &e));
}

/* Another version's object: a[1], pinned as ours are, each program below links/ by its name without v1_. */
static void do_seed(char **a)
{
	char path[4096];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = path);
	int cgroup = open(a[3], O_RDONLY | O_DIRECTORY), r = cgroup < 0 ? -errno : 0;
	struct bpf_object *o;
	struct bpf_program *p;

	snprintf(path, sizeof(path), "%s/maps", a[2]);
	o = bpf_object__open_file(a[1], &opts);
	if (!r)
		r = o ? bpf_object__load(o) : -errno;
	bpf_object__for_each_program(p, o)
	{
		struct bpf_link *link = r ? NULL : bpf_program__attach_cgroup(p, cgroup);

		snprintf(path, sizeof(path), "%s/links/%s", a[2], bpf_program__name(p) + strlen("v1_"));
		if (!r)
			r = link ? bpf_link__pin(link, path) : -errno;
		bpf_link__destroy(link);
	}
	bpf_object__close(o);
	if (cgroup >= 0)
		close(cgroup);
	err_set(&e, r, "seed: %s", strerror(-r));
	reply(r);
}

static void do_uninstall(char **a)
{
	kern_close(k);
	k = NULL;
	reply(kern_uninstall(a[1], &e));
}

static void do_cgroup(char **a)
{
	uint64_t id = 0;
	int r = cgroup_id(a[1], &id, &e);

	if (!r && strcmp(a[2], "forget") == 0)
		kern_forget_cgroup(k, id);
	else if (!r && a[3])
		r = kern_enrol_cgroup(k, id, FOREIGN_REPORT, &e);
	else if (!r)
		r = kern_set_cgroup(k, id, state_of(a[2]), &e);
	reply(r);
	printf(", \"id\": %llu", (unsigned long long)id);
}

static void do_keep(char **a)
{
	uint64_t ids[ARGS];
	unsigned n = 0;
	int r = 0;

	for (; !r && a[n + 1]; n++)
		r = cgroup_id(a[n + 1], &ids[n], &e);
	reply(r ? r : kern_keep_cgroups(k, ids, n, &e));
}

static void do_uid(char **a)
{
	reply(kern_set_uid(k, (uint32_t)atoi(a[1]), state_of(a[2]), &e));
}

static void do_uids(char **a)
{
	uint32_t uids[ARGS];
	unsigned n = 0;

	for (; a[n + 1]; n++)
		uids[n] = (uint32_t)atoi(a[n + 1]);
	reply(kern_replace_uids(k, uids, n, &e));
}

static void do_ports(char **a)
{
	uint16_t ports[ARGS];
	unsigned n = 0;

	for (; a[n + 1]; n++)
		ports[n] = (uint16_t)atoi(a[n + 1]);
	reply(kern_replace_ports(k, ports, n, &e));
}

static void do_listen(char **a)
{
	struct netns *n = &spaces[n_spaces];
	int fd, r = thread ? 0 : netns_thread_start(&thread, &e);

	fd = r ? r : netns_open_path(a[1], &e);
	if (fd >= 0) {
		r = netns_listen(thread, fd, false, n, &e);
		close(fd);
	} else {
		r = fd;
	}
	if (!r)
		r = kern_set_listener(
			k, n->cookie, (struct listener_value){.port4 = n->port4, .port6 = n->port6}, &e);
	reply(r);
	printf(", \"ns\": %u, \"cookie\": %llu, \"port4\": %u, \"port6\": %u", n_spaces++,
		(unsigned long long)n->cookie, n->port4, n->port6);
}

static void do_forget_listener(char **a)
{
	kern_forget_listener(k, spaces[atoi(a[1])].cookie);
	reply(0);
}

static void do_socket(char **a)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int fd = netns_socket(thread, &spaces[atoi(a[1])], AF_INET);

	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		cookie = 0;
	reply(fd < 0 ? fd : 0);
	printf(", \"cookie\": %llu", (unsigned long long)cookie);
	if (fd >= 0)
		close(fd);
}

static void claim(unsigned ns, unsigned conn)
{
	struct sockaddr_storage local, peer;
	socklen_t local_len = sizeof(local), peer_len = sizeof(peer);
	struct flow_value v;
	struct flow_key key;
	int r;

	if (getsockname(conns[conn], (struct sockaddr *)&local, &local_len) < 0 ||
		getpeername(conns[conn], (struct sockaddr *)&peer, &peer_len) < 0) {
		r = err_set(&e, -errno, "accepted socket: %m");
		reply(r);
		return;
	}
	r = flow_claim(k, spaces[ns].cookie, spaces[ns].diag_fd, (struct sockaddr *)&local,
		(struct sockaddr *)&peer, &key, &v, &e);
	reply(r);
	printf(", \"conn\": %u", conn);
	if (r)
		return;
	put_ip("dialled", v.dialled_ip, v.dialled_port);
	put_ip("peer", key.local_ip, key.local_port);
	put_ip("local", key.remote_ip, key.remote_port);
	printf(", \"cgroup\": %llu, \"subject\": %llu, \"tgid\": %u, \"uid\": %u, \"comm\": \"%.16s\"",
		(unsigned long long)v.cgroup_id, (unsigned long long)v.subject_cgroup_id, v.tgid, v.uid,
		v.comm);
}

/* accept NS 4|6: waits for a connection, up to five seconds. */
static void do_accept(char **a)
{
	unsigned ns = (unsigned)atoi(a[1]);
	struct pollfd p = {.fd = a[2][0] == '6' ? spaces[ns].listen6 : spaces[ns].listen4, .events = POLLIN};
	int n = poll(&p, 1, 5000), fd = n > 0 ? accept(p.fd, NULL, NULL) : -1;

	if (fd < 0) {
		reply(err_set(&e, -ETIMEDOUT, "nobody came"));
		return;
	}
	conns[n_conns] = fd;
	claim(ns, n_conns++);
}

static void do_claim(char **a)
{
	claim((unsigned)atoi(a[1]), (unsigned)atoi(a[2]));
}

static void do_hangup(char **a)
{
	close(conns[atoi(a[1])]);
	reply(0);
}

static void do_counters(char **a)
{
	(void)a;
	reply(0);
	for (enum counter c = 0; c < COUNTER_MAX; c++)
		printf(", \"%s\": %llu", kern_counter_name(c), (unsigned long long)kern_counter(k, c));
}

static void print_event(void *arg, const struct refusal_event *ev)
{
	int *n = arg;

	printf("%s{\"counter\": \"%s\", \"cgroup\": %llu, \"netns\": %llu, \"tgid\": %u, \"uid\": %u, "
	       "\"comm\": \"%.16s\"",
		(*n)++ ? ", " : "", kern_counter_name(ev->counter), (unsigned long long)ev->cgroup_id,
		(unsigned long long)ev->netns_cookie, ev->tgid, ev->uid, ev->comm);
	put_ip("dialled", ev->dialled_ip, ev->dialled_port);
	printf("}");
}

static void do_events(char **a)
{
	struct pollfd p = {.fd = kern_events_fd(k), .events = POLLIN};
	int n = 0;

	(void)a;
	reply(0);
	printf(", \"readable\": %d, \"events\": [", poll(&p, 1, 0));
	kern_events_read(k, print_event, &n);
	printf("]");
}

static const struct {
	const char *name;
	int args; /* at least */
	void (*fn)(char **a);
} commands[] = {
	{"open", 2, do_open},
	{"seed", 3, do_seed},
	{"uninstall", 1, do_uninstall},
	{"cgroup", 2, do_cgroup},
	{"keep", 0, do_keep},
	{"uid", 2, do_uid},
	{"uids", 0, do_uids},
	{"ports", 0, do_ports},
	{"listen", 1, do_listen},
	{"forget_listener", 1, do_forget_listener},
	{"socket", 1, do_socket},
	{"accept", 2, do_accept},
	{"claim", 2, do_claim},
	{"hangup", 1, do_hangup},
	{"counters", 0, do_counters},
	{"events", 0, do_events},
};

int main(void)
{
	char *line = NULL, *save;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		char *a[ARGS + 1] = {strtok_r(line, " \n", &save)};
		size_t c = 0;
		int n = 0;

		while (a[n] && n + 1 < ARGS)
			a[++n] = strtok_r(NULL, " \n", &save);
		while (c < ARRAY_LEN(commands) && (!a[0] || strcmp(a[0], commands[c].name) != 0))
			c++;
		if (c == ARRAY_LEN(commands) || n - 1 < commands[c].args) {
			fprintf(stderr, "kern_probe: bad command\n");
			return 2;
		}
		commands[c].fn(a);
		printf("}\n");
		fflush(stdout);
	}
	free(line);
	for (unsigned i = 0; i < n_spaces; i++)
		netns_close(&spaces[i]);
	netns_thread_stop(thread);
	kern_close(k);
	return 0;
}
