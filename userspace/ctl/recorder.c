/* SPDX-License-Identifier: MIT */
#include "ctl/recorder.h"

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
#define TELL_MS      1000

struct worker_scribe {
	struct scribe scribe;
	struct recorder *r;
	struct quill *quill;
	bool any;                  /* was put, and not committed: */
	struct ticket first, last; /* these, and what is between them */
	struct metric_times synced;
};

struct recorder {
	struct recorder_config cfg;
	int dir_fd;
	uint32_t run;
	struct journal *journal;
	struct quill *quill; /* the thread's */
	struct worker_scribe *scribes;
	unsigned nscribes;
	_Atomic uint64_t failures, told_ms; /* of writing; when the log had the last of them */
	_Atomic bool failing, over_quota, held;
	_Atomic bool fresh;     /* something was recorded since the last file was begun */
	_Atomic uint64_t lost;  /* bytes that went, and no store has */
	_Atomic uint64_t bytes; /* of all recordings, when they were last counted */

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	bool stop;
	uint64_t last_id;
	struct scribed *oldest, **newest; /* sessions that run, in the order in which they began */
	unsigned sessions;
	char head[2 * ENTRY_HASH + 1]; /* of the last seal, behind sealed records */
	uint64_t sealed;
	/* The thread's own. */
	pthread_t thread;
	bool started;
	uint64_t sealed_s, retained_s, turned_s;
	struct metric_times synced;
	_Atomic uint64_t sealed_ms;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* times: of the thread that calls. */
static int bring_to_disk(struct recorder *r, struct metric_times *times, struct err *e)
{
	uint64_t since_ns = clock_ns();
	int rc = journal_sync(r->journal, e);

	metric_took(times, clock_ns() - since_ns);
	return rc;
}

/* ---- the workers' side ---- */

static int failed(struct recorder *r, int code, const struct err *e)
{
	uint64_t now = clock_ms(), told = atomic_load(&r->told_ms);

	atomic_fetch_add(&r->failures, 1);
	atomic_store(&r->failing, true);
	if ((!told || now >= told + TELL_MS) && atomic_compare_exchange_strong(&r->told_ms, &told, now))
		log_event(LOG_ERROR, "record.failed", "%s", e->msg);
	return code;
}

static void begin(struct scribe *base, struct scribed *of)
{
	struct recorder *r = ((struct worker_scribe *)base)->r;
	struct journal_head head;

	journal_head(r->journal, &head);
	pthread_mutex_lock(&r->lock);
	of->id = ++r->last_id;
	of->first = head.records;
	of->next = NULL;
	of->link = r->newest;
	*r->newest = of;
	r->newest = &of->next;
	r->sessions++;
	pthread_mutex_unlock(&r->lock);
}

static void end(struct scribe *base, struct scribed *of)
{
	struct recorder *r = ((struct worker_scribe *)base)->r;

	pthread_mutex_lock(&r->lock);
	*of->link = of->next;
	if (of->next)
		of->next->link = of->link;
	else
		r->newest = of->link;
	r->sessions--;
	pthread_mutex_unlock(&r->lock);
	of->next = NULL;
	of->link = NULL;
}

static uint64_t scribe_now(struct scribe *base)
{
	(void)base;
	return now_us();
}

static int put(struct scribe *base, const struct record *rec, struct err *e)
{
	struct worker_scribe *s = (struct worker_scribe *)base;
	struct ticket t;
	int r = atomic_load_explicit(&s->r->over_quota, memory_order_relaxed)
			? err_set(e, -EDQUOT, "the recordings are as large as --record-quota lets them be")
			: journal_put(s->quill, rec, &t, e);

	if (r)
		return failed(s->r, r, e);
	if (!s->any)
		s->first = t;
	s->last = t;
	s->any = true;
	return 0;
}

static int commit(struct scribe *base, struct err *e)
{
	struct worker_scribe *s = (struct worker_scribe *)base;
	struct recorder *r = s->r;
	int rc = 0;

	if (!s->any)
		return 0;
	s->any = false;
	/* Between two losses something of it may have been lost with somebody else's. */
	if (s->first.epoch != s->last.epoch)
		rc = journal_commit(r->journal, s->first, e);
	if (!rc)
		rc = journal_commit(r->journal, s->last, e);
	if (!rc && r->cfg.each)
		rc = bring_to_disk(r, &s->synced, e);
	if (rc)
		return failed(r, rc, e);
	if (atomic_load_explicit(&r->failing, memory_order_relaxed))
		atomic_store(&r->failing, false);
	if (!atomic_load_explicit(&r->fresh, memory_order_relaxed))
		atomic_store(&r->fresh, true);
	return 0;
}

uint32_t recorder_run(const struct recorder *r)
{
	return r ? r->run : 0;
}

struct scribe *recorder_scribe(struct recorder *r, unsigned i)
{
	return &r->scribes[i].scribe;
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
	struct record rec = {kind, 0, now_us(), &whole, 1};
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
		failed(r, e.code, &e);
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

	if (journal_seal(r->journal, now_us(), &e)) {
		failed(r, e.code, &e);
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
		failed(r, e.code, &e);
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
	if (journal_turn(r->journal, now_us(), &e)) {
		atomic_store(&r->fresh, true);
		failed(r, e.code, &e);
	}
}

static void work(struct recorder *r)
{
	uint64_t now_s = clock_ms() / 1000;
	struct journal_head head;
	struct err e = {0};

	if (!r->cfg.each && bring_to_disk(r, &r->synced, &e))
		failed(r, e.code, &e);
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
	rc = journal_open(&r->journal, &cfg, now_us(), &found, e);
	if (!rc)
		rc = quill_new(&r->quill, r->journal, e);
	return rc ? rc : put_run(r, e);
}

static void token_key(const uint8_t *key, struct hmac_key *out)
{
	static const char what[] = "pgveil recording tokens 1";
	const struct span about = span_of(what, sizeof(what) - 1);
	uint8_t derived[HMAC_LEN];
	struct hmac_key k;

	hmac_key_init(&k, key);
	hmac_sha256(&k, &about, 1, derived);
	hmac_key_init(out, derived);
	mem_wipe(derived, sizeof(derived));
	mem_wipe(&k, sizeof(k));
}

static int make_scribes(struct recorder *r, const uint8_t *key, struct err *e)
{
	struct hmac_key tokens;
	int rc = 0;

	token_key(key, &tokens);
	r->scribes = calloc(r->cfg.nscribes, sizeof(*r->scribes));
	if (!r->scribes)
		return err_set(e, -ENOMEM, "out of memory");
	for (; !rc && r->nscribes < r->cfg.nscribes; r->nscribes++) {
		struct worker_scribe *s = &r->scribes[r->nscribes];

		*s = (struct worker_scribe){.scribe = {begin, end, scribe_now, put, commit, tokens}, .r = r};
		rc = quill_new(&s->quill, r->journal, e);
	}
	mem_wipe(&tokens, sizeof(tokens));
	return rc;
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
		rc = make_scribes(r, r->cfg.key_file ? key : sealing, e);
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
	for (unsigned i = 0; i < r->nscribes; i++)
		quill_free(r->scribes[i].quill);
	free(r->scribes);
	quill_free(r->quill);
	journal_close(r->journal, now_us());
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
