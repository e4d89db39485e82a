/* SPDX-License-Identifier: MIT */
#include "ctl/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/enrol.h"
#include "ctl/estate.h"
#include "ctl/handover.h"
#include "ctl/parcel.h"
#include "kern/loader.h"
#include "net/worker.h"
#include "policy/caller.h"

#define LISTENERS_MAX 16384 /* as many as the kernel's table has */

/* A namespace whose listeners were taken over, until those who need them have them. */
struct taken {
	uint64_t cookie;
	int ns_fd; /* a copy */
};

struct takeover {
	int fd;
	pthread_mutex_t lock; /* over sending, when it is done */
	bool gone;
	json_t *estate;
	int socket[TAKEOVER_SOCKETS];
	struct taken *taken;
	unsigned ntaken;
};

static int dial(const char *run_dir, struct err *e)
{
	const struct timeval patience = {HANDOVER_ANSWER_MS / 1000, 0};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct ucred who = {0};
	socklen_t n = sizeof(who);
	int fd, r = 0;

	if ((size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s/" HANDOVER_SOCKET, run_dir) >=
		sizeof(a.sun_path))
		return err_set(e, -ENAMETOOLONG, "%s: too long for a unix socket", run_dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "%s: %m", a.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
		connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		r = errno == ENOENT || errno == ECONNREFUSED ? -ENOENT
							     : err_set(e, -errno, "%s: %m", a.sun_path);
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 ||
		 (who.uid != 0 && who.uid != geteuid()))
		r = err_set(
			e, -EACCES, "%s: not a daemon of ours listens there (uid %u)", a.sun_path, who.uid);
	if (!r)
		return fd;
	close(fd);
	return r;
}

/* The next message, which must be that one. */
static int expect(struct takeover *t, const char *what, uint64_t wait_ms, struct parcel *p, struct err *e)
{
	const char *reason;
	int r = parcel_receive(t->fd, clock_ms() + wait_ms, p, e);

	if (r || parcel_is(p, what))
		return r;
	reason = json_string_value(json_object_get(p->says, "reason"));
	r = parcel_is(p, "refused") && reason
		    ? err_set(e, -EBUSY, "the daemon that runs refuses: %s", reason)
		    : err_set(e, -EBADMSG, "the daemon that runs does not say %s", what);
	parcel_fini(p);
	return r;
}

static int take_lock(struct parcel *p, const char *pin_dir, int *lock_fd, struct err *e)
{
	struct stat ours, theirs;

	if (p->n != 1 || fstat(p->fd[0], &theirs) < 0 || stat(pin_dir, &ours) < 0 ||
		ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
		return err_set(e, -EINVAL, "the daemon that runs has other pins than %s", pin_dir);
	*lock_fd = p->fd[0];
	p->fd[0] = -1;
	return 0;
}

int takeover_begin(
	struct takeover **out, const char *run_dir, const char *pin_dir, int *lock_fd, struct err *e)
{
	int fd = dial(run_dir, e), r;
	struct takeover *t;
	struct parcel p;

	if (fd < 0)
		return fd;
	t = calloc(1, sizeof(*t));
	if (!t) {
		close(fd);
		return err_set(e, -ENOMEM, "out of memory");
	}
	t->fd = fd;
	pthread_mutex_init(&t->lock, NULL);
	for (unsigned i = 0; i < TAKEOVER_SOCKETS; i++)
		t->socket[i] = -1;
	r = parcel_send(
		fd, json_pack("{s:s, s:i}", "is", "hello", "protocol", HANDOVER_PROTOCOL), NULL, 0, e);
	if (!r)
		r = expect(t, "welcome", HANDOVER_ANSWER_MS, &p, e);
	if (!r) {
		r = take_lock(&p, pin_dir, lock_fd, e);
		parcel_fini(&p);
	}
	if (r) {
		takeover_close(t);
		return r;
	}
	*out = t;
	return 0;
}

static int take_sockets(struct takeover *t, struct parcel *p, struct err *e)
{
	static const char *const name[TAKEOVER_SOCKETS] = {
		[TAKEOVER_HANDOVER] = "handover", [TAKEOVER_ADMIN] = "admin", [TAKEOVER_METRICS] = "metrics"};
	const json_t *names = json_object_get(p->says, "fds");
	int r = -EBADMSG;

	if (json_array_size(names) != p->n)
		return err_set(e, -EBADMSG, "what was handed over is not complete");
	for (unsigned i = 0; i < p->n; i++) {
		const char *is = json_string_value(json_array_get(names, i));

		if (is && strcmp(is, "memory") == 0)
			r = bulk_read(p->fd[i], &t->estate, e);
		for (unsigned k = 0; is && k < TAKEOVER_SOCKETS; k++) {
			if (strcmp(is, name[k]) != 0 || t->socket[k] >= 0)
				continue;
			t->socket[k] = p->fd[i];
			p->fd[i] = -1;
		}
	}
	if (!r && (t->socket[TAKEOVER_HANDOVER] < 0 || t->socket[TAKEOVER_ADMIN] < 0))
		r = err_set(e, -EBADMSG, "what was handed over is not complete");
	return r;
}

static int take_listener(struct takeover *t, struct workers *ws, struct parcel *p, struct err *e)
{
	struct listening_fds l = {
		.netns_cookie = (uint64_t)json_integer_value(json_object_get(p->says, "netns_cookie")),
		.n = p->n};
	struct listening out;
	int ns_fd, r;

	if (p->n < 2 || p->n > LISTENING_FDS)
		return err_set(e, -EBADMSG, "a listener was handed over that is none");
	memcpy(l.fd, p->fd, p->n * sizeof(int));
	ns_fd = fcntl(l.fd[0], F_DUPFD_CLOEXEC, 0);
	if (ns_fd < 0)
		return err_set(e, -errno, "%m");
	r = workers_adopt(ws, &l, &out, e);
	if (r) {
		close(ns_fd);
		return r;
	}
	p->n = 0; /* they are the workers' */
	t->taken[t->ntaken++] = (struct taken){l.netns_cookie, ns_fd};
	return 0;
}

int takeover_receive(struct takeover *t, uint64_t grace_ms, struct workers *ws, struct budget *b,
	struct recall *r, struct err *e)
{
	json_int_t n = 0;
	struct parcel p;
	int rc = parcel_send(t->fd, json_pack("{s:s}", "is", "take"), NULL, 0, e);

	if (!rc)
		rc = expect(t, "estate", grace_ms + 2 * HANDOVER_ANSWER_MS, &p, e);
	if (rc)
		return rc;
	n = json_integer_value(json_object_get(p.says, "listeners"));
	rc = n >= 0 && n <= LISTENERS_MAX ? take_sockets(t, &p, e)
					  : err_set(e, -EBADMSG, "so many listeners there cannot be");
	parcel_fini(&p);
	if (!rc)
		rc = estate_take(t->estate, b, r, e);
	if (!rc) {
		t->taken = calloc((size_t)n + 1, sizeof(*t->taken));
		rc = t->taken ? 0 : err_set(e, -ENOMEM, "out of memory");
	}
	for (json_int_t i = 0; i < n && !rc; i++) {
		rc = expect(t, "listener", HANDOVER_ANSWER_MS, &p, e);
		if (rc)
			break;
		rc = take_listener(t, ws, &p, e);
		parcel_fini(&p);
	}
	return rc;
}

int takeover_socket(struct takeover *t, enum takeover_socket s)
{
	int fd = t->socket[s];

	t->socket[s] = -1;
	return fd;
}

struct opening {
	const struct takeover *t;
	struct enrol *en;
};

static int open_door(void *arg, uint64_t cgroup_id, uint64_t netns_cookie, struct err *e)
{
	const struct opening *o = arg;

	for (unsigned i = 0; i < o->t->ntaken; i++)
		if (o->t->taken[i].cookie == netns_cookie)
			return enrol_door(o->en, cgroup_id, o->t->taken[i].ns_fd, e);
	return 0;
}

static void forget(void *arg, uint64_t cookie)
{
	kern_forget_listener(arg, cookie);
}

int takeover_doors(struct takeover *t, struct workers *ws, struct kern *k, struct enrol *en, struct err *e)
{
	struct opening o = {t, en};
	int r = estate_doors(t->estate, open_door, &o, e);

	for (unsigned i = 0; i < t->ntaken; i++) {
		close(t->taken[i].ns_fd);
		if (!r)
			workers_unlisten(ws, t->taken[i].cookie, forget, k);
	}
	t->ntaken = 0;
	json_decref(t->estate);
	t->estate = NULL;
	return r;
}

int takeover_ready(struct takeover *t, struct err *e)
{
	int r = parcel_send(t->fd, json_pack("{s:s}", "is", "ready"), NULL, 0, e);

	/* What is sent after this no worker may wait for. */
	if (!r && fcntl(t->fd, F_SETFL, O_NONBLOCK) < 0)
		t->gone = true;
	return r;
}

bool takeover_cancel(struct takeover *t, uint32_t pid, struct span secret, const struct caller *who)
{
	uint32_t word = 0;
	struct err e = {0};
	int r = -ENOENT;

	if (secret.n != sizeof(word))
		return false;
	memcpy(&word, secret.p, sizeof(word));
	pthread_mutex_lock(&t->lock);
	if (!t->gone)
		r = parcel_send(t->fd,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "is", "cancel", "pid", (json_int_t)pid,
				"secret", (json_int_t)word, "cgroup_id", (json_int_t)who->cgroup_id,
				"netns_cookie", (json_int_t)who->netns_cookie, "uid", (json_int_t)who->uid),
			NULL, 0, &e);
	if (r && r != -EAGAIN)
		t->gone = true;
	pthread_mutex_unlock(&t->lock);
	return r == 0;
}

void takeover_close(struct takeover *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->ntaken; i++)
		close(t->taken[i].ns_fd);
	for (unsigned i = 0; i < TAKEOVER_SOCKETS; i++)
		if (t->socket[i] >= 0)
			close(t->socket[i]);
	json_decref(t->estate);
	free(t->taken);
	close(t->fd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
