/* SPDX-License-Identifier: MIT */
#include "ctl/ship.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/shipped.h"
#include "ctl/waiting.h"
#include "record/runs.h"
#include "record/segment.h"
#include "web/deposit.h"

#define POLL_MS  2000
#define FIRST_MS 500 /* what is waited for at the most behind a first failure; doubled with each */
#define MOST_MS  (5 * 60 * 1000)
#define TELL_MS  60000
#define NODE_MAX 64
#define ID_LEN   16 /* digits of the seals' public key, which tell apart what had one name */

struct ship {
	struct s3 *s3;
	char bucket[64], prefix[S3_KEY], store[S3_KEY + 128]; /* store: as it was said */
	char node[NODE_MAX + 1];
	char base[S3_KEY]; /* PREFIX/NODE/KEY/ */
	uint64_t part;
	int recordings_fd, dir_fd, lock_fd;

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake, ended;
	bool stop, gone; /* to end; has ended */
	bool last;       /* one more round that goes well */
	char trouble[250];
	/* The thread's own. */
	pthread_t thread;
	bool started, told_key;
	unsigned failed; /* in a row */
	uint64_t told_ms;
	/* What is told of it. */
	_Atomic uint64_t stored, stored_bytes, failures, replaced;
	_Atomic uint64_t waiting, waiting_bytes, oldest_s, acknowledged_s;
	_Atomic bool failing;
};

static void count(struct ship *s, const struct waiting *w)
{
	const struct waiting_sum sum = waiting_sum(w);

	atomic_store(&s->waiting, sum.files);
	atomic_store(&s->waiting_bytes, sum.bytes);
	atomic_store(&s->oldest_s, sum.oldest_s);
}

/* ---- one file ---- */

struct keeping {
	const struct ship *s;
	const char *key;
};

static int keep(void *arg, const char *upload, struct err *e)
{
	const struct keeping *k = arg;

	return shipped_upload_put(k->s->dir_fd, k->key, upload, e);
}

/* The upload that is known to be under way, if it is of this name; another one's is ended. */
static int take_upload(struct ship *s, const char *key, char id[S3_UPLOAD], struct err *e)
{
	char of[SHIPPED_NAME], kept[SHIPPED_NAME];
	int r = shipped_upload_get(s->dir_fd, of, kept, e);

	id[0] = '\0';
	if (r || !kept[0] || strlen(kept) >= S3_UPLOAD)
		return r;
	if (strcmp(of, key) == 0) {
		strcpy(id, kept);
		return 0;
	}
	r = s3_upload_abort(s->s3, of, kept, e);
	/* Who may not, or a store that cannot, leaves it to the store's own rule for them. */
	if (r == -ENOENT || r == -EOPNOTSUPP || r == -EACCES || r == -EPROTO)
		r = 0;
	return r ? r : shipped_upload_put(s->dir_fd, of, "", e);
}

/* *after_s: how long the store wants to be left alone. */
static int put_file(struct ship *s, const char *key, int fd, const struct digest *d, struct deposit *dep,
	unsigned *after_s, struct err *e)
{
	struct keeping k = {s, key};
	int r;

	*dep = (struct deposit){.key = key, .fd = fd, .digest = d, .keep = keep, .arg = &k};
	r = d->nparts > 1 ? take_upload(s, key, dep->upload, e) : 0;
	if (!r)
		r = deposit_put(dep, s->s3, e);
	dep->arg = NULL; /* k ends here */
	*after_s = dep->retry_after_s;
	if (dep->replaced) {
		atomic_fetch_add(&s->replaced, 1);
		log_with(LOG_ERROR, "ship.replaced", LOG_FIELDS(LOG_TEXT("object", key)),
			"the store had something else under the name of a recording's file");
	}
	return r;
}

static void stored(struct ship *s, const struct waiting_file *it, const char *key, const struct deposit *dep)
{
	atomic_fetch_add(&s->stored, 1);
	atomic_fetch_add(&s->stored_bytes, dep->was_there ? 0 : it->bytes);
	atomic_store(&s->acknowledged_s, (uint64_t)time(NULL));
	log_with(LOG_INFO, "ship.stored",
		LOG_FIELDS(LOG_NUMBER("run", it->run), LOG_NUMBER("bytes", it->bytes),
			LOG_NUMBER("resumed", dep->resumed), LOG_TEXT("object", key)),
		dep->was_there ? "the store has a file of the recording already"
			       : "the store has acknowledged a file of the recording");
}

static int ship_from(
	struct ship *s, const struct waiting_file *it, int run_fd, unsigned *after_s, struct err *e)
{
	char name[SEGMENT_NAME], run[RUN_NAME], hex[DIGEST_HEX], key[S3_KEY], as[S3_KEY + 160];
	int fd, r;
	struct deposit dep = {.key = NULL};
	struct digest d;

	segment_name(it->number, name);
	run_name(it->run, run);
	fd = openat(run_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "recordings: %s: %m", name);
	r = digest_file(&d, fd, it->bytes, s->part, e);
	if (!r) {
		digest_hex(d.sha256, DIGEST_SHA256, hex);
		r = (size_t)snprintf(key, sizeof(key), "%s%s/%.16s-%s" SEGMENT_SUFFIX, s->base, run, name,
			    hex) < sizeof(key)
			    ? put_file(s, key, fd, &d, &dep, after_s, e)
			    : err_set(e, -ENAMETOOLONG, "the name of an object is too long");
	}
	if (!r) {
		snprintf(as, sizeof(as), "s3://%s/%s\n", s->bucket, key);
		r = shipped_mark(run_fd, it->number, as, e);
	}
	if (!r)
		stored(s, it, key, &dep);
	digest_fini(&d);
	close(fd);
	return r;
}

static int ship_file(struct ship *s, const struct waiting_file *it, unsigned *after_s, struct err *e)
{
	int run_fd = waiting_run(s->recordings_fd, it->run), r;

	if (run_fd < 0)
		return err_set(e, -errno, "recording %u: %m", it->run);
	r = ship_from(s, it, run_fd, after_s, e);
	close(run_fd);
	return r;
}

/* The public half of the key that the seals are by, beside what is sealed. */
static int ship_key(struct ship *s, unsigned *after_s, struct err *e)
{
	int fd = openat(s->recordings_fd, "seal.pub", O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r;
	char key[S3_KEY + 16];
	struct deposit dep;
	struct digest d;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = err_set(e, -errno, "recordings/seal.pub: %m");
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = digest_file(&d, fd, (uint64_t)st.st_size, 0, e);
	snprintf(key, sizeof(key), "%sseal.pub", s->base);
	if (!r)
		r = put_file(s, key, fd, &d, &dep, after_s, e);
	s->told_key = !r;
	digest_fini(&d);
	close(fd);
	return r;
}

/* ---- the thread ---- */

static bool is_over(struct ship *s)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* What is wrong with one file is not the store's fault, and the others may go. */
static bool is_of_file(int r)
{
	return r == -EBADMSG || r == -ENAMETOOLONG;
}

/* 0: nothing waits. */
static int round_of(struct ship *s, unsigned *after_s, struct err *e)
{
	struct waiting all = {.v = NULL};
	int r = 0, worst = 0;

	if (s->lock_fd < 0)
		r = shipped_lock(s->dir_fd, &s->lock_fd, e);
	if (r == -EBUSY) /* the daemon that this one takes over from, or that took over */
		return 0;
	if (!r)
		r = waiting_list(&all, s->recordings_fd, e);
	count(s, &all);
	if (!r && !s->told_key)
		r = ship_key(s, after_s, e);
	for (size_t i = 0; i < all.n && !r && !is_over(s); i++) {
		r = ship_file(s, &all.v[i], after_s, e);
		if (r == -ENOENT) /* retention took it */
			r = 0;
		all.v[i].done = !r;
		if (is_of_file(r)) {
			worst = r;
			r = 0;
		}
		count(s, &all);
	}
	/* One that is still under way is of a file that went. */
	if (!r && !worst && !atomic_load(&s->waiting)) {
		char none[S3_UPLOAD];

		r = take_upload(s, "", none, e);
	}
	waiting_fini(&all);
	return r ? r : worst;
}

static uint64_t jitter(uint64_t most)
{
	uint32_t v = 0;

	(void)!getrandom(&v, sizeof(v), 0);
	return most ? v % most : 0;
}

/* How long until it is tried again. */
static uint64_t pause_of(struct ship *s, unsigned after_s)
{
	uint64_t most = s->failed < 20 ? (uint64_t)FIRST_MS << s->failed : MOST_MS, wait;

	if (!s->failed)
		return POLL_MS;
	most = most < MOST_MS ? most : MOST_MS;
	wait = most / 2 + jitter(most / 2);
	return wait < (uint64_t)after_s * 1000 ? (uint64_t)after_s * 1000 + jitter(1000) : wait;
}

static void note(struct ship *s, int r, const struct err *e)
{
	uint64_t now = clock_ms();

	if (!r && s->failed)
		log_with(LOG_INFO, "ship.recovered", LOG_FIELDS(LOG_TEXT("store", s->store)),
			"the store takes recordings again");
	s->failed = r ? s->failed + 1 : 0;
	pthread_mutex_lock(&s->lock);
	snprintf(s->trouble, sizeof(s->trouble), "%s", r ? e->msg : "");
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->failing, r != 0);
	if (!r)
		return;
	atomic_fetch_add(&s->failures, 1);
	if (s->failed > 1 && now < s->told_ms + TELL_MS)
		return;
	s->told_ms = now;
	log_with(LOG_WARN, "ship.failed",
		LOG_FIELDS(LOG_TEXT("store", s->store), LOG_NUMBER("waiting", atomic_load(&s->waiting)),
			LOG_NUMBER("bytes", atomic_load(&s->waiting_bytes))),
		"%s", e->msg);
}

/* ends: it is the end that is waited for already. */
static void rest(struct ship *s, uint64_t ms, bool ends)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (!s->stop && (ends || !s->last) && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
		;
}

static void *run_thread(void *arg)
{
	struct ship *s = arg;
	bool last = false;
	int r = -EAGAIN;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && !(last && !r)) {
		struct err e = {0};
		unsigned after_s = 0;

		last = s->last;
		pthread_mutex_unlock(&s->lock);
		r = round_of(s, &after_s, &e);
		if (r != -ECANCELED)
			note(s, r, &e);
		pthread_mutex_lock(&s->lock);
		if (!last || r)
			rest(s, pause_of(s, after_s), last);
	}
	s->gone = true;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- opening and closing ---- */

/* A part of a name that any store and any file system takes. */
static void name_node(struct ship *s, const char *node)
{
	char host[NODE_MAX + 1] = "";
	size_t n = 0;

	if (!node) {
		gethostname(host, sizeof(host) - 1);
		node = host;
	}
	for (; *node && n < NODE_MAX; node++)
		s->node[n++] =
			strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *node)
				? *node
				: '_';
	if (!n || strspn(s->node, ".") == n)
		strcpy(s->node, "node");
}

static int name_base(struct ship *s, struct err *e)
{
	int fd = openat(s->recordings_fd, "seal.pub", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char id[ID_LEN + 1] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, id, ID_LEN);

	if (fd >= 0)
		close(fd);
	if (n != ID_LEN || strspn(id, "0123456789abcdef") != ID_LEN)
		return err_set(e, -EINVAL, "recordings/seal.pub is no public key");
	return (size_t)snprintf(s->base, sizeof(s->base), "%s%s/%s/", s->prefix, s->node, id) <
			       sizeof(s->base) - 128
		       ? 0
		       : err_set(e, -ENAMETOOLONG, "%s: is too long", s->store);
}

static int open_dirs(struct ship *s, const struct ship_config *cfg, struct err *e)
{
	char path[4096];
	int r = shipped_open(&s->dir_fd, cfg->state_dir, e);

	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/recordings", cfg->state_dir);
	s->recordings_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->recordings_fd < 0 ? err_set(e, -errno, "%s: %m", path) : 0;
}

static int start_thread(struct ship *s, struct err *e)
{
	int r = pthread_create(&s->thread, NULL, run_thread, s);

	s->started = !r;
	return r ? err_set(e, -r, "the thread that ships: %s", strerror(r)) : 0;
}

static void init_locks(struct ship *s)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_cond_init(&s->ended, &attr);
	pthread_condattr_destroy(&attr);
}

int ship_open(struct ship **out, const struct ship_config *cfg, struct err *e)
{
	struct ship *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->recordings_fd = s->dir_fd = s->lock_fd = -1;
	s->part = cfg->part;
	init_locks(s);
	name_node(s, cfg->node);
	snprintf(s->store, sizeof(s->store), "%s", cfg->url);
	r = s3_url(cfg->url, s->bucket, s->prefix, e);
	if (!r) {
		const struct s3_config s3 = {cfg->endpoint, cfg->region, s->bucket, cfg->credentials,
			cfg->ca_file, cfg->plain, false};

		r = s3_new(&s->s3, &s3, e);
	}
	if (!r)
		r = open_dirs(s, cfg, e);
	if (!r)
		r = name_base(s, e);
	if (!r)
		r = start_thread(s, e);
	if (r) {
		ship_close(s, 0);
		return r;
	}
	log_with(LOG_INFO, "ship.opened", LOG_FIELDS(LOG_TEXT("store", s->store), LOG_TEXT("node", s->node)),
		"recordings are shipped");
	*out = s;
	return 0;
}

static void end_thread(struct ship *s, uint64_t grace_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(grace_ms / 1000);
	pthread_mutex_lock(&s->lock);
	s->last = true;
	s->stop = !grace_ms;
	pthread_cond_signal(&s->wake);
	while (!s->gone && pthread_cond_timedwait(&s->ended, &s->lock, &until) == 0)
		;
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	s3_stop(s->s3);
	pthread_join(s->thread, NULL);
}

void ship_close(struct ship *s, uint64_t grace_ms)
{
	if (!s)
		return;
	if (s->started)
		end_thread(s, grace_ms);
	s3_free(s->s3);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	if (s->recordings_fd >= 0)
		close(s->recordings_fd);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- what is told of it ---- */

static uint64_t age_s(uint64_t since_s)
{
	uint64_t now = (uint64_t)time(NULL);

	return since_s && now > since_s ? now - since_s : 0;
}

void ship_metrics(struct ship *s, struct metric_text *m)
{
	if (!s)
		return;
	metric_family(m, METRIC_COUNTER, "pgveil_ship_stored_files",
		"Files of the recording that the store has acknowledged.");
	metric_number(m, NULL, atomic_load(&s->stored));
	metric_family(m, METRIC_COUNTER, "pgveil_ship_stored_bytes", "Bytes of them that were sent.");
	metric_number(m, NULL, atomic_load(&s->stored_bytes));
	metric_family(m, METRIC_GAUGE, "pgveil_ship_waiting_files", "Files that wait for it.");
	metric_number(m, NULL, atomic_load(&s->waiting));
	metric_family(m, METRIC_GAUGE, "pgveil_ship_waiting_bytes", "Bytes that wait for it.");
	metric_number(m, NULL, atomic_load(&s->waiting_bytes));
	metric_family(m, METRIC_GAUGE, "pgveil_ship_oldest_age_seconds",
		"How long ago the oldest of them was written last; 0: none waits.");
	metric_number(m, NULL, age_s(atomic_load(&s->oldest_s)));
	metric_family(m, METRIC_COUNTER, "pgveil_ship_failures", "Times that it did not work.");
	metric_number(m, NULL, atomic_load(&s->failures));
	metric_family(m, METRIC_GAUGE, "pgveil_ship_failing", "1: the last time it did not.");
	metric_number(m, NULL, atomic_load(&s->failing));
	metric_family(m, METRIC_COUNTER, "pgveil_ship_replaced_objects",
		"Objects that were not what their name says, and were put there again.");
	metric_number(m, NULL, atomic_load(&s->replaced));
}

json_t *ship_status(struct ship *s)
{
	char trouble[sizeof(s->trouble)];

	if (!s)
		return json_null();
	pthread_mutex_lock(&s->lock);
	memcpy(trouble, s->trouble, sizeof(trouble));
	pthread_mutex_unlock(&s->lock);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "store", s->store, "node", s->node,
		"stored", (json_int_t)atomic_load(&s->stored), "waiting",
		(json_int_t)atomic_load(&s->waiting), "waiting_bytes",
		(json_int_t)atomic_load(&s->waiting_bytes), "oldest_age_s",
		(json_int_t)age_s(atomic_load(&s->oldest_s)), "failures",
		(json_int_t)atomic_load(&s->failures), "replaced", (json_int_t)atomic_load(&s->replaced),
		"trouble", trouble[0] ? json_string(trouble) : json_null());
}
