/* SPDX-License-Identifier: MIT */
/* pod_client: what the pods of the tests run. Static, so that an image needs nothing beside it.
 *
 *   pause                    waits to be ended: a sandbox, or a container to run something else in
 *   race HOST PORT DB MS     dials the database from its first instruction on until it was shown a value or
 * MS have passed, and prints what came of it as a line of JSON spawn HOST PORT DB MS    on the node, by root.
 * Of each line "NUMBER NETNS FORKS CGROUP" on its input it makes the cgroup's directories and starts a pod in
 * them (CLONE_INTO_CGROUP: it never was anywhere else) of FORKS processes that race; says "started NUMBER",
 * and in the end a line of JSON
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PODS_MAX 4096
#define NOBODY   65534
#define RAW      "6172830" /* tests/integration/schema.sql */

struct tally { /* of one pod, shared by its processes; times in microseconds since its directory was made */
	_Atomic unsigned attempts, refused, denied, turned_away, masked, raw, other, silent;
	_Atomic uint64_t first_dial_us, first_reach_us;
	uint64_t made_us, started_us; /* the clock's */
	_Atomic int last_errno;
};

struct target {
	struct sockaddr_in to;
	const char *database;
	uint64_t for_us;
	unsigned pace_us; /* 0: as fast as it can for a millisecond, then so that others of this machine have
			     their turn */
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- a client ---- */

static size_t put_text(char *out, const char *s)
{
	strcpy(out, s);
	return strlen(s) + 1;
}

static bool say(int fd, char kind, const char *body, size_t n)
{
	uint32_t len = htonl((uint32_t)n + 4);
	char out[512];
	size_t at = 0;

	if (kind)
		out[at++] = kind;
	memcpy(out + at, &len, 4);
	memcpy(out + at + 4, body, n);
	at += 4 + n;
	return send(fd, out, at, MSG_NOSIGNAL) == (ssize_t)at;
}

static bool need(int fd, char *out, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = recv(fd, out + at, n - at, 0);

		if (r <= 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

/* Messages up to ReadyForQuery. false: it ended, or said an error. *raw, *rows: what rows there were. */
static bool listen_to(int fd, bool *raw, unsigned *rows)
{
	static const char canary[] = RAW;
	char head[5], body[8192];

	for (;;) {
		uint32_t n;

		if (!need(fd, head, 5))
			return false;
		memcpy(&n, head + 1, 4);
		n = ntohl(n) - 4;
		if (n > sizeof(body) || !need(fd, body, n))
			return false;
		*raw = *raw || memmem(body, n, canary, sizeof(canary) - 1);
		*rows += head[0] == 'D';
		if (head[0] == 'R' && (n < 4 || memcmp(body, "\0\0\0\0", 4) != 0))
			return false;
		if (head[0] == 'E')
			return false;
		if (head[0] == 'Z')
			return true;
	}
}

/* A session of one statement. true: a value was shown. */
static bool ask(int fd, const struct target *t, struct tally *all)
{
	static const char sql[] = "SELECT ssn FROM clinic.patient WHERE id = 1";
	struct timeval patience = {20, 0};
	char hello[256] = {0, 3, 0, 0};
	unsigned rows = 0;
	bool raw = false, ok;
	size_t n = 4;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n += put_text(hello + n, "user");
	n += put_text(hello + n, "agent");
	n += put_text(hello + n, "database");
	n += put_text(hello + n, t->database);
	hello[n++] = '\0';
	ok = say(fd, 0, hello, n) && listen_to(fd, &raw, &rows) && say(fd, 'Q', sql, sizeof(sql)) &&
	     listen_to(fd, &raw, &rows);
	if (raw)
		all->raw++;
	else if (ok && rows == 1)
		all->masked++;
	else
		all->turned_away++;
	return raw || (ok && rows == 1);
}

static void note_first(_Atomic uint64_t *at, const struct tally *all)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong(at, &none, now_us() - all->made_us + 1);
}

static void race(const struct target *t, struct tally *all)
{
	uint64_t begun = now_us();

	do {
		bool shown = false;
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			die("socket");
		note_first(&all->first_dial_us, all);
		all->attempts++;
		if (connect(fd, (const struct sockaddr *)&t->to, sizeof(t->to)) == 0) {
			note_first(&all->first_reach_us, all);
			shown = ask(fd, t, all);
		} else if (errno == ECONNREFUSED) {
			all->refused++;
		} else if (errno == EACCES) {
			all->denied++;
		} else {
			all->last_errno = errno;
			all->other++;
		}
		close(fd);
		if (shown)
			return;
		if (t->pace_us || now_us() - begun > 1000)
			usleep(t->pace_us ? t->pace_us : 1000);
	} while (now_us() - begun < t->for_us);
	all->silent++;
}

static void tell(unsigned number, const struct tally *x)
{
	printf("{\"pod\": %u, \"attempts\": %u, \"refused\": %u, \"denied\": %u, \"turned_away\": %u, "
	       "\"masked\": %u, "
	       "\"raw\": %u, \"other\": %u, \"errno\": %d, \"silent\": %u, \"first_dial_us\": %llu, "
	       "\"first_reach_us\": %llu, "
	       "\"start_us\": %llu}\n",
		number, x->attempts, x->refused, x->denied, x->turned_away, x->masked, x->raw, x->other,
		x->last_errno, x->silent, (unsigned long long)x->first_dial_us,
		(unsigned long long)x->first_reach_us, (unsigned long long)(x->started_us - x->made_us));
	fflush(stdout);
}

/* ---- on the node ---- */

static int make_cgroup(const char *path)
{
	char parent[512];

	for (const char *p = path + 1; (p = strchr(p, '/')); p++) {
		memcpy(parent, path, (size_t)(p - path));
		parent[p - path] = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			die(parent);
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(path);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void live(const struct target *t, struct tally *all, unsigned forks)
{
	for (unsigned i = 1; i < forks; i++) {
		if (fork() == 0)
			break;
	}
	if (syscall(SYS_setgid, NOBODY) < 0 || syscall(SYS_setuid, NOBODY) < 0)
		_exit(1);
	race(t, all);
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static pid_t start(
	const struct target *t, struct tally *all, const char *netns, unsigned forks, const char *cgroup)
{
	struct clone_args how = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int ns = open(netns, O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(netns);
	close(ns);
	all->made_us = now_us();
	how.cgroup = (uint64_t)make_cgroup(cgroup);
	if ((int)how.cgroup < 0)
		die(cgroup);
	all->started_us = now_us();
	pid = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
	if (pid < 0)
		die("clone3");
	if (pid == 0)
		live(t, all, forks);
	close((int)how.cgroup);
	return pid;
}

struct crowd {
	struct tally *all; /* by a pod's place */
	pid_t pids[PODS_MAX];
	unsigned numbers[PODS_MAX];
	_Atomic unsigned n;
	_Atomic bool complete;
	pthread_mutex_t speaking;
};

static void *reap(void *arg)
{
	struct crowd *c = arg;
	unsigned ended = 0;

	while (!c->complete || ended < c->n) {
		pid_t pid = waitpid(-1, NULL, 0);

		if (pid < 0) {
			usleep(1000);
			continue;
		}
		pthread_mutex_lock(&c->speaking);
		for (unsigned i = 0; i < c->n; i++) {
			if (c->pids[i] == pid)
				tell(c->numbers[i], &c->all[i]);
		}
		pthread_mutex_unlock(&c->speaking);
		ended++;
	}
	return NULL;
}

static void spawn(const struct target *t)
{
	static struct crowd c = {.speaking = PTHREAD_MUTEX_INITIALIZER};
	char netns[256], cgroup[512];
	unsigned number, forks;
	pthread_t reaper;

	c.all = mmap(
		NULL, PODS_MAX * sizeof(*c.all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.all == MAP_FAILED || pthread_create(&reaper, NULL, reap, &c))
		die("mmap");
	while (c.n < PODS_MAX && scanf("%u %255s %u %511s", &number, netns, &forks, cgroup) == 4) {
		/* Of one that ends before its pid is noted nobody would be told. */
		pthread_mutex_lock(&c.speaking);
		c.numbers[c.n] = number;
		c.pids[c.n] = start(t, &c.all[c.n], netns, forks, cgroup);
		c.n++;
		printf("{\"started\": %u}\n", number);
		fflush(stdout);
		pthread_mutex_unlock(&c.speaking);
	}
	c.complete = true;
	pthread_join(reaper, NULL);
}

int main(int argc, char **argv)
{
	struct target t = {.to.sin_family = AF_INET};
	static struct tally own;

	if (argc == 2 && strcmp(argv[1], "pause") == 0) {
		/* As pid 1 it is sent only what it has a handler for. */
		signal(SIGTERM, _exit);
		signal(SIGINT, _exit);
		for (;;)
			pause();
	}
	if (argc < 6 || argc > 7 || inet_pton(AF_INET, argv[2], &t.to.sin_addr) != 1)
		return 2;
	t.to.sin_port = htons((uint16_t)atoi(argv[3]));
	t.database = argv[4];
	t.for_us = (uint64_t)atoi(argv[5]) * 1000;
	t.pace_us = argc == 7 ? (unsigned)atoi(argv[6]) * 1000 : 0;
	if (strcmp(argv[1], "spawn") == 0) {
		spawn(&t);
		return 0;
	}
	own.made_us = own.started_us = now_us();
	race(&t, &own);
	tell(0, &own);
	return 0;
}
