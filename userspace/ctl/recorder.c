/* SPDX-License-Identifier: MIT */
#include "ctl/recorder_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/retention.h"
#include "ctl/seal_file.h"
#include "policy/key.h"
#include "record/body.h"
#include "record/runs.h"
#include "record/segment.h"

#define SYNC_S       1
#define SEAL_S       60
#define SEAL_RECORDS UINT64_C(100000) /* … or after so many */
#define RETAIN_S     5

uint32_t recorder_run(const struct recorder *r)
{
	return r ? r->run : 0;
}

/* ---- what the recording says of itself ---- */

static void to_hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static int put_own(struct recorder *r, enum record_kind kind, const struct body *b, struct err *e)
{
	struct span whole = span_of(b->p, b->n);
	struct record rec = {kind, 0, recorder_now_us(), &whole, 1};
	struct ticket t;
	int rc = journal_put(r->quill, &rec, &t, e);

	return rc ? rc : journal_commit(r->journal, t, e);
}

/* The first record of a run names what was there before it. */
static int put_run(struct recorder *r, struct err *e)
{
	struct run_head before[RUNS_NAMED];
	uint8_t room[RUNS_NAMED * 128];
	struct body b;
	size_t n;
	int rc = runs_before(r->dir_fd, r->run, before, &n, e);

	if (rc)
		return rc;
	body_init(&b, room, sizeof(room));
	run_put(&b, before, n);
	return put_own(r, RECORD_RUN, &b, e);
}

static void put_gone(void *arg, uint32_t run, uint64_t first, uint64_t last, uint64_t lost)
{
	char name[RUN_NAME], text[64];
	struct recorder *r = arg;
	uint8_t room[256];
	struct err e = {0};
	struct body b;

	run_name(run, name);
	snprintf(text, sizeof(text), "%s %016llx %016llx", name, (unsigned long long)first,
		(unsigned long long)last);
	body_init(&b, room, sizeof(room));
	body_put_text(&b, BODY_EVENT, "retention.removed");
	body_put_text(&b, BODY_EVENT_TEXT, text);
	/* On a full disk nothing would ever be removed: then the log alone has it. */
	if (put_own(r, RECORD_EVENT, &b, &e))
		recorder_failed(r, e.code, &e);
	log_with(LOG_INFO, "record.removed", LOG_FIELDS(LOG_TEXT("recording", text)),
		"what is too old or too much was removed");
	if (!lost)
		return;
	atomic_fetch_add(&r->lost, lost);
	log_with(LOG_ERROR, "record.dropped",
		LOG_FIELDS(LOG_TEXT("recording", text), LOG_NUMBER("bytes", lost)),
		"what was too much was removed before a store had it");
}

/* ---- the thread ---- */

static void seal(struct recorder *r)
{
	struct journal_head head;
	struct err e = {0};

	if (journal_seal(r->journal, recorder_now_us(), &e)) {
		recorder_failed(r, e.code, &e);
		return;
	}
	journal_head(r->journal, &head);
	atomic_store(&r->sealed_ms, clock_ms());
	r->sealed_s = clock_ms() / 1000;
	pthread_mutex_lock(&r->lock);
	r->sealed = head.records;
	to_hex(head.hash, ENTRY_HASH, r->head);
	pthread_mutex_unlock(&r->lock);
	log_with(LOG_INFO, "record.sealed",
		LOG_FIELDS(LOG_NUMBER("run", r->run), LOG_NUMBER("records", head.records),
			LOG_TEXT("head", r->head)),
		"the recording up to here is signed");
}

/* The first file of this run that must stay, by the record that it begins with or a later one. */
static uint64_t needed_from(struct recorder *r)
{
	struct journal_head head;
	uint64_t before;

	journal_head(r->journal, &head);
	pthread_mutex_lock(&r->lock);
	before = r->oldest && r->oldest->first < head.records ? r->oldest->first : head.records;
	pthread_mutex_unlock(&r->lock);
	return before;
}

/* Said when it begins. */
static void note_held(struct recorder *r, bool held)
{
	if (held && !atomic_load(&r->held))
		log_with(LOG_ERROR, "record.held", LOG_FIELDS(LOG_NUMBER("bytes", atomic_load(&r->bytes))),
			"the quota is used up by recordings that wait for the store; nothing more is "
			"recorded until it has taken some");
	atomic_store(&r->held, held);
}

static void retain(struct recorder *r)
{
	const struct retention l = {.run = r->run,
		.before = needed_from(r),
		.oldest_s = r->cfg.keep_s && (uint64_t)time(NULL) > r->cfg.keep_s
				    ? (uint64_t)time(NULL) - r->cfg.keep_s
				    : 0,
		.bytes_most = r->cfg.quota,
		.ships = r->cfg.ships,
		.quota_first = r->cfg.quota_first};
	struct retained left;
	struct err e = {0};

	r->retained_s = clock_ms() / 1000;
	if (retention_run(r->dir_fd, &l, put_gone, r, &left, &e)) {
		recorder_failed(r, e.code, &e);
		return;
	}
	atomic_store(&r->bytes, left.bytes);
	atomic_store(&r->over_quota, r->cfg.quota && left.bytes > r->cfg.quota);
	note_held(r, left.held);
}

/* What is in a file that is not full is shipped too, some time. */
static void turn(struct recorder *r)
{
	struct err e = {0};

	r->turned_s = clock_ms() / 1000;
	/* Before it is looked for: what comes meanwhile counts for the next. */
	atomic_store(&r->fresh, false);
	if (journal_turn(r->journal, recorder_now_us(), &e)) {
		atomic_store(&r->fresh, true);
		recorder_failed(r, e.code, &e);
	}
}

static void work(struct recorder *r)
{
	uint64_t now_s = clock_ms() / 1000;
	struct journal_head head;
	struct err e = {0};

	if (!r->cfg.each && recorder_sync(r, &r->synced, &e))
		recorder_failed(r, e.code, &e);
	journal_head(r->journal, &head);
	if (head.records > r->sealed &&
		(now_s >= r->sealed_s + SEAL_S || head.records >= r->sealed + SEAL_RECORDS))
		seal(r);
	if (!atomic_load(&r->fresh))
		r->turned_s = now_s;
	else if (r->cfg.turn_s && now_s >= r->turned_s + r->cfg.turn_s)
		turn(r);
	if (now_s >= r->retained_s + RETAIN_S || atomic_load(&r->over_quota))
		retain(r);
}

static void *run_thread(void *arg)
{
	struct recorder *r = arg;
	struct timespec until;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += SYNC_S;
		pthread_cond_timedwait(&r->wake, &r->lock, &until);
		if (r->stop)
			break;
		pthread_mutex_unlock(&r->lock);
		work(r);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---- opening and closing ---- */

static int open_dir(struct recorder *r, struct err *e)
{
	int state_fd = open(r->cfg.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (state_fd < 0)
		return err_set(e, -errno, "%s: %m", r->cfg.state_dir);
	if (mkdirat(state_fd, "recordings", 0700) < 0 && errno != EEXIST)
		err_set(e, -errno, "%s/recordings: %m", r->cfg.state_dir);
	else
		r->dir_fd = openat(state_fd, "recordings", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->dir_fd < 0)
		err_set(e, -errno, "%s/recordings: %m", r->cfg.state_dir);
	close(state_fd);
	return r->dir_fd < 0 ? -EIO : 0;
}

static int open_journal(
	struct recorder *r, const uint8_t seal_key[SEAL_PRIVATE], const uint8_t *key, struct err *e)
{
	char node[SEGMENT_NODE + 1] = "", name[RUN_NAME], dir[4096];
	struct journal_config cfg = {
		.dir = dir, .node = node, .segment_max = r->cfg.segment_max, .seal = seal_key, .key = key};
	struct journal_found found;
	int rc;

	gethostname(node, sizeof(node) - 1);
	rc = runs_next(r->dir_fd, &r->run, e);
	if (rc)
		return rc;
	run_name(r->run, name);
	snprintf(dir, sizeof(dir), "%s/recordings/%s", r->cfg.state_dir, name);
	rc = journal_open(&r->journal, &cfg, recorder_now_us(), &found, e);
	if (!rc)
		rc = quill_new(&r->quill, r->journal, e);
	return rc ? rc : put_run(r, e);
}

static int open_all(struct recorder *r, struct err *e)
{
	uint8_t sealing[SEAL_PRIVATE], key[CIPHER_KEY];
	int rc = open_dir(r, e);

	_Static_assert(CIPHER_KEY == HMAC_KEY_LEN && SEAL_PRIVATE == HMAC_KEY_LEN, "each makes tokens");
	if (!rc)
		rc = seal_file_take(r->dir_fd, sealing, e);
	if (!rc && r->cfg.key_file)
		rc = key_read(key, r->cfg.key_file, NULL, e);
	if (!rc)
		rc = open_journal(r, sealing, r->cfg.key_file ? key : NULL, e);
	if (!rc)
		rc = recorder_make_scribes(r, r->cfg.key_file ? key : sealing, e);
	mem_wipe(sealing, sizeof(sealing));
	mem_wipe(key, sizeof(key));
	return rc;
}

int recorder_open(struct recorder **out, const struct recorder_config *cfg, struct err *e)
{
	struct recorder *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;
	int rc;

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	r->cfg = *cfg;
	r->dir_fd = -1;
	r->newest = &r->oldest;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = open_all(r, e);
	if (!rc) {
		seal(r);
		retain(r);
		rc = pthread_create(&r->thread, NULL, run_thread, r);
		r->started = !rc;
		if (rc)
			rc = err_set(e, -rc, "recorder thread: %s", strerror(rc));
	}
	if (rc) {
		recorder_close(r);
		return rc;
	}
	log_with(LOG_INFO, "record.opened", LOG_FIELDS(LOG_NUMBER("run", r->run)), "sessions are recorded%s",
		cfg->key_file ? ", enciphered" : "");
	*out = r;
	return 0;
}

void recorder_close(struct recorder *r)
{
	if (!r)
		return;
	if (r->started) {
		pthread_mutex_lock(&r->lock);
		r->stop = true;
		pthread_cond_signal(&r->wake);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
		seal(r);
	}
	recorder_free_scribes(r);
	quill_free(r->quill);
	journal_close(r->journal, recorder_now_us());
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	mem_wipe(r, sizeof(*r));
	free(r);
}

static void add_synced(const struct recorder *r, struct metric_text *m)
{
	struct metric_times all = {0};

	metric_times_add(&all, &r->synced);
	for (unsigned i = 0; i < r->nscribes; i++)
		metric_times_add(&all, &r->scribes[i].synced);
	metric_family(m, METRIC_HISTOGRAM, "pgveil_record_sync_seconds",
		"How long it took to bring to disk what was written; a statement waits for that with "
		"--record-fsync statement.");
	metric_histogram(m, NULL, &all);
}

bool recorder_works(struct recorder *r)
{
	return !r || (!atomic_load(&r->failing) && !atomic_load(&r->over_quota));
}

void recorder_queue(struct recorder *r, struct recorder_queue *out)
{
	struct journal_head head;

	*out = (struct recorder_queue){0};
	if (!r)
		return;
	journal_head(r->journal, &head);
	*out = (struct recorder_queue){head.pending, head.pending_bytes, head.unsynced};
}

void recorder_metrics(struct recorder *r, struct metric_text *m)
{
	char name[RUN_NAME], hash[2 * ENTRY_HASH + 1];
	struct journal_head head;
	uint64_t sealed;

	if (!r)
		return;
	journal_head(r->journal, &head);
	pthread_mutex_lock(&r->lock);
	sealed = r->sealed;
	memcpy(hash, r->head, sizeof(hash));
	pthread_mutex_unlock(&r->lock);
	run_name(r->run, name);
	metric_family(m, METRIC_COUNTER, "pgveil_record_records", "Records that this run has written.");
	metric_number(m, NULL, head.records);
	metric_family(m, METRIC_COUNTER, "pgveil_record_bytes", "Bytes that this run has written of them.");
	metric_number(m, NULL, head.bytes);
	metric_family(
		m, METRIC_COUNTER, "pgveil_record_failures", "Times that something could not be written.");
	metric_number(m, NULL, atomic_load(&r->failures));
	metric_family(m, METRIC_GAUGE, "pgveil_record_failing",
		"1: the last could not, or the quota is used up; statements are refused.");
	metric_number(m, NULL, !recorder_works(r));
	metric_family(m, METRIC_GAUGE, "pgveil_record_quota_bytes", "What they may have; 0: any.");
	metric_number(m, NULL, r->cfg.quota);
	metric_family(m, METRIC_GAUGE, "pgveil_record_stored_bytes", "Of all recordings that are kept.");
	metric_number(m, NULL, atomic_load(&r->bytes));
	metric_family(m, METRIC_GAUGE, "pgveil_record_held",
		"1: the quota is used up by what waits for the store; statements are refused.");
	metric_number(m, NULL, atomic_load(&r->held));
	metric_family(m, METRIC_COUNTER, "pgveil_record_dropped_bytes",
		"Bytes that were removed before a store had them (--ship-full remove).");
	metric_number(m, NULL, atomic_load(&r->lost));
	metric_family(m, METRIC_GAUGE, "pgveil_record_sealed_records",
		"Records before the last seal; its head is the hash of the chain there.");
	metric_number(m, METRIC_LABELS("run", name, "head", hash), sealed);
	metric_family(m, METRIC_GAUGE, "pgveil_record_seal_age_seconds",
		"How long ago that was; nothing new is not sealed again.");
	metric_seconds(m, NULL, (double)(clock_ms() - atomic_load(&r->sealed_ms)) * 1e-3);
	add_synced(r, m);
}
