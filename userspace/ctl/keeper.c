/* SPDX-License-Identifier: MIT */
/* The file is one object: {"version": 1, "boot": "…", "windows": [{"key": "…", "piece_ms": 1, "newest": 2,
 * "rows": [33 numbers], "bytes": […], "statements": […]}, …]}; newest and the places in the lists are as in
 * policy/spending.h, by the clock of that boot. It is replaced whole, under a lock on a file beside it. One
 * that is there and is not understood is no fresh budget: nothing is given until somebody looks at it. */
#include "ctl/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/budget_cluster.h"
#include "ctl/clock.h"
#include "net/worker.h"
#include "policy/allowance.h"

#define FILE_NAME "allowances.json"
#define NEW_NAME  FILE_NAME ".new"
#define LOCK_NAME "allowances.lock"
#define VERSION   1
#define JOBS_MAX  64
#define LEASED_MS 100 /* how often it is looked whether a lease is idle */
#define FAR_IDLE_MS                                                                                          \
	2000 /* when one of the cluster is: giving back and leasing anew are two requests each               \
	      */
#define BOOT_ID_LEN  36
#define FILE_WINDOWS 16384

struct kept {
	struct kept *next;
	struct spending spending;
	char key[];
};

struct errand { /* what becomes of a job */
	uint64_t now_ms;
	struct pool_lease lease; /* of the cluster */
	int r;
};

struct keeper {
	struct allowance *allowance;
	struct budget_cluster *cluster;
	int dir_fd, lock_fd;
	char boot[BOOT_ID_LEN + 1];
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t cond;
	bool asked, stop;
	struct workers *workers;
	/* The thread's own. */
	struct kept *kept;
	unsigned nkept;
	struct stat seen; /* the file that kept is of */
	bool stale;       /* kept is not what is in the file, whatever it looks like */
	int failed;       /* what the last attempt came to */
};

static void on_asked(void *arg)
{
	struct keeper *k = arg;

	pthread_mutex_lock(&k->lock);
	k->asked = true;
	pthread_cond_signal(&k->cond);
	pthread_mutex_unlock(&k->lock);
}

/* ---- the file ---- */

static void drop_kept(struct keeper *k)
{
	while (k->kept) {
		struct kept *x = k->kept;

		k->kept = x->next;
		free(x);
	}
	k->nkept = 0;
}

static struct kept *kept_of(struct keeper *k, const char *key, bool make)
{
	size_t n = strlen(key) + 1;
	struct kept *x = k->kept;

	while (x && strcmp(x->key, key) != 0)
		x = x->next;
	if (x || !make || k->nkept >= FILE_WINDOWS)
		return x;
	x = calloc(1, sizeof(*x) + n);
	if (!x)
		return NULL;
	memcpy(x->key, key, n);
	x->next = k->kept;
	k->kept = x;
	k->nkept++;
	return x;
}

static bool natural(const json_t *j, uint64_t *out)
{
	*out = (uint64_t)json_integer_value(j);
	return json_is_integer(j) && json_integer_value(j) >= 0;
}

static bool take_window(struct keeper *k, const json_t *j)
{
	const char *key = json_string_value(json_object_get(j, "key"));
	struct kept *x = key ? kept_of(k, key, true) : NULL;
	struct spending *s = x ? &x->spending : NULL;

	if (!s || s->piece_ms || !natural(json_object_get(j, "piece_ms"), &s->piece_ms) || !s->piece_ms ||
		!natural(json_object_get(j, "newest"), &s->newest))
		return false;
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		const json_t *list = json_object_get(j, measure_name(m));

		if (json_array_size(list) != SPENDING_PIECES)
			return false;
		for (unsigned i = 0; i < SPENDING_PIECES; i++)
			if (!natural(json_array_get(list, i), &s->spent[m][i]))
				return false;
	}
	return true;
}

static int take_file(struct keeper *k, const json_t *doc)
{
	const char *boot = json_string_value(json_object_get(doc, "boot"));
	const json_t *windows = json_object_get(doc, "windows"), *j;
	uint64_t now = clock_ms();
	size_t i;

	if (json_integer_value(json_object_get(doc, "version")) != VERSION || !boot ||
		!json_is_array(windows))
		return -EBADMSG;
	json_array_foreach(windows, i, j)
	{
		if (!take_window(k, j))
			return -EBADMSG;
	}
	for (struct kept *x = k->kept; x && strcmp(boot, k->boot) != 0; x = x->next) {
		spending_now(&x->spending, now);
		k->stale = true; /* to be written down so, or the next daemon would begin anew */
	}
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What is in the file now, by whomever. */
static int load(struct keeper *k)
{
	int fd = openat(k->dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 0;
	struct stat st = {0};
	json_error_t why;
	json_t *doc;

	if (fd < 0 && errno == ENOENT) {
		if (k->seen.st_ino) /* somebody took it away */
			drop_kept(k);
		k->seen = st;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		r = -errno;
	if (!r && (k->stale || !same_file(&st, &k->seen))) {
		drop_kept(k);
		k->stale = false;
		doc = json_loadfd(fd, JSON_REJECT_DUPLICATES, &why);
		r = doc ? take_file(k, doc) : -EBADMSG;
		json_decref(doc);
		k->seen = st;
		if (r) {
			drop_kept(k);
			k->seen = (struct stat){0};
			k->stale = true;
		}
	}
	if (fd >= 0)
		close(fd);
	return r;
}

static json_t *window_json(const struct kept *x)
{
	json_t *j = json_pack("{s:s, s:I, s:I}", "key", x->key, "piece_ms", (json_int_t)x->spending.piece_ms,
		"newest", (json_int_t)x->spending.newest);

	for (enum measure m = MEASURE_ROWS; j && m < MEASURES; m++) {
		json_t *list = json_array();

		for (unsigned i = 0; i < SPENDING_PIECES; i++) {
			uint64_t n = x->spending.spent[m][i];

			json_array_append_new(list, json_integer(n < INT64_MAX ? (json_int_t)n : INT64_MAX));
		}
		json_object_set_new(j, measure_name(m), list);
	}
	return j;
}

static char *file_text(struct keeper *k)
{
	json_t *windows = json_array(), *doc;
	uint64_t now = clock_ms();
	char *text;

	for (struct kept *x = k->kept; x; x = x->next)
		if (!spending_over(&x->spending, now))
			json_array_append_new(windows, window_json(x));
	doc = json_pack("{s:i, s:s, s:o}", "version", VERSION, "boot", k->boot, "windows", windows);
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	json_decref(doc);
	return text;
}

static int write_all(int fd, const char *text)
{
	for (size_t n = strlen(text); n;) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			text += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

/* On disk when it returns. */
static int store(struct keeper *k)
{
	char *text = file_text(k);
	int fd = -1, r = text ? 0 : -ENOMEM;

	if (!r)
		fd = openat(k->dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (!r && fd < 0)
		r = -errno;
	if (!r)
		r = write_all(fd, text);
	if (!r && (fsync(fd) < 0 || fstat(fd, &k->seen) < 0 ||
			  renameat(k->dir_fd, NEW_NAME, k->dir_fd, FILE_NAME) < 0 || fsync(k->dir_fd) < 0))
		r = -errno;
	if (fd >= 0)
		close(fd);
	free(text);
	if (r)
		k->stale = true;
	return r;
}

/* ---- the thread ---- */

/* What other nodes leave of it is all that may be given. */
static void lease(struct keeper *k, struct allowance_job *j, struct errand *x)
{
	struct err e = {0};

	*x = (struct errand){.now_ms = clock_ms()};
	if (!k->cluster)
		return;
	if (budget_cluster_lease(k->cluster, j, x->now_ms, &x->lease, &e))
		*x = (struct errand){.now_ms = x->now_ms, .r = -EREMOTE};
	memcpy(j->ask, x->lease.got, sizeof(j->ask));
}

/* Whether what is written down here would be of the piece of time that the lease is of. */
static bool same_piece(const struct spending *s, const struct allowance_job *j, const struct errand *x)
{
	uint64_t piece_ms = spending_piece_ms(j->period_s);

	return s->piece_ms != piece_ms || s->newest == x->now_ms / piece_ms;
}

/* True: it is to be written down. */
static bool spend(struct keeper *k, struct allowance_job *j, struct spending *s, struct errand *x)
{
	if (!k->cluster)
		x->now_ms = clock_ms(); /* it may have taken a while to get here */
	spending_fit(s, j->period_s, x->now_ms);
	if (k->cluster && !x->r && !same_piece(s, j, x))
		x->r = -EAGAIN;
	if (x->r) { /* what goes back does so all the same */
		memset(j->need, 0, sizeof(j->need));
		memset(j->ask, 0, sizeof(j->ask));
		memset(j->over, 0, sizeof(j->over));
	}
	return allowance_job_do(j, s, x->now_ms);
}

/* What the cluster gave and this node does not goes back to it. */
static void settle(struct keeper *k, struct allowance_job *j, const struct errand *x)
{
	const struct pool_lease *l = &x->lease;
	uint64_t unused[MEASURES];

	if (!k->cluster)
		return;
	for (unsigned m = 0; m < MEASURES; m++) {
		unused[m] = l->got[m] - (x->r ? 0 : j->given[m]) + (x->r ? l->over[m] : 0);
		if (l->spent[m] > j->spent[m])
			j->spent[m] = l->spent[m];
		if (l->lacks[m] && l->wait_ms[m] > j->wait_ms[m])
			j->wait_ms[m] = l->wait_ms[m];
	}
	budget_cluster_return(k->cluster, j, x->now_ms, unused);
}

/* 0, or why nothing could be written down here. */
static int carry_out(struct keeper *k, struct allowance_job *v, struct errand *done, unsigned n)
{
	bool changed = false;
	int r = 0;

	for (unsigned i = 0; i < n; i++)
		lease(k, &v[i], &done[i]);
	r = flock(k->lock_fd, LOCK_EX) < 0 ? -errno : load(k);
	changed = k->stale;
	for (unsigned i = 0; !r && i < n; i++) {
		struct kept *x = kept_of(k, v[i].key, true);

		if (x)
			changed |= spend(k, &v[i], &x->spending, &done[i]);
		else
			r = -ENOSPC;
	}
	k->stale = k->stale || r;
	if (!r && changed) {
		k->stale = false;
		r = store(k);
	}
	flock(k->lock_fd, LOCK_UN);
	for (unsigned i = 0; i < n; i++) {
		done[i].r = r ? r : done[i].r;
		settle(k, &v[i], &done[i]);
	}
	return r;
}

static void tell(struct keeper *k, int r)
{
	if (r && r != k->failed)
		log_event(LOG_ERROR, "allowance.failed",
			"what is exported cannot be written down in " FILE_NAME
			" (%s): nothing of a window is given",
			strerror(-r));
	else if (!r && k->failed)
		log_event(LOG_INFO, "allowance.restored", "what is exported is written down again");
	k->failed = r;
}

static void poke(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	if (k->workers)
		workers_poke(k->workers);
	pthread_mutex_unlock(&k->lock);
}

/* *leased: something is to be given back, later. */
static void serve(struct keeper *k, bool all, bool *leased)
{
	struct allowance_job v[JOBS_MAX];
	struct errand done[JOBS_MAX];
	unsigned n;

	while ((n = allowance_jobs(k->allowance, clock_ms(), all, v, JOBS_MAX, leased)) > 0) {
		/* nobody waits for another window's answer from far away; the disk is asked once for all */
		unsigned each = k->cluster ? 1 : n;

		for (unsigned i = 0; i < n; i += each) {
			tell(k, carry_out(k, v + i, done + i, each));
			for (unsigned m = i; m < i + each; m++)
				allowance_done(k->allowance, &v[m], done[m].r, clock_ms());
			poke(k);
		}
	}
}

static void wait_for_work(struct keeper *k, bool leased)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LEASED_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!k->asked && !k->stop) {
		if (!leased)
			pthread_cond_wait(&k->cond, &k->lock);
		else if (pthread_cond_timedwait(&k->cond, &k->lock, &until) == ETIMEDOUT)
			return;
	}
}

static void *run(void *arg)
{
	struct keeper *k = arg;
	bool stop = false, leased = false;

	while (!stop) {
		pthread_mutex_lock(&k->lock);
		wait_for_work(k, leased);
		k->asked = false;
		stop = k->stop;
		pthread_mutex_unlock(&k->lock);
		serve(k, stop, &leased);
	}
	return NULL;
}

static int read_boot_id(struct keeper *k, struct err *e)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, k->boot, BOOT_ID_LEN);

	if (fd >= 0)
		close(fd);
	return n == BOOT_ID_LEN ? 0 : err_set(e, -EIO, "/proc/sys/kernel/random/boot_id cannot be read");
}

static int open_files(struct keeper *k, const char *dir, struct err *e)
{
	k->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->dir_fd < 0)
		return err_set(e, -errno, "%s: %m", dir);
	k->lock_fd = openat(k->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return k->lock_fd < 0 ? err_set(e, -errno, "%s/" LOCK_NAME ": %m", dir) : 0;
}

int keeper_start(struct keeper **out, const char *state_dir, struct budget_cluster *cluster, struct err *e)
{
	struct keeper *k = calloc(1, sizeof(*k));
	pthread_condattr_t attr;
	int r;

	if (!k)
		return err_set(e, -ENOMEM, "out of memory");
	k->dir_fd = k->lock_fd = -1;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->cond, &attr);
	pthread_condattr_destroy(&attr);
	k->cluster = cluster;
	r = allowance_new(&k->allowance, on_asked, k, e);
	if (!r && cluster)
		allowance_far(k->allowance, FAR_IDLE_MS);
	if (!r)
		r = read_boot_id(k, e);
	if (!r)
		r = open_files(k, state_dir, e);
	if (!r && pthread_create(&k->thread, NULL, run, k))
		r = err_set(e, -EAGAIN, "no thread for what is exported");
	k->started = !r;
	if (r) {
		keeper_stop(k);
		return r;
	}
	*out = k;
	return 0;
}

struct allowance *keeper_allowance(struct keeper *k)
{
	return k->allowance;
}

void keeper_set_workers(struct keeper *k, struct workers *ws)
{
	pthread_mutex_lock(&k->lock);
	k->workers = ws;
	pthread_mutex_unlock(&k->lock);
}

void keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	if (k->started) {
		pthread_mutex_lock(&k->lock);
		k->stop = true;
		pthread_cond_signal(&k->cond);
		pthread_mutex_unlock(&k->lock);
		pthread_join(k->thread, NULL);
	}
	drop_kept(k);
	allowance_free(k->allowance);
	pthread_cond_destroy(&k->cond);
	pthread_mutex_destroy(&k->lock);
	if (k->lock_fd >= 0)
		close(k->lock_fd);
	if (k->dir_fd >= 0)
		close(k->dir_fd);
	free(k);
}
