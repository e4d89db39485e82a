/* SPDX-License-Identifier: MIT */
#include "record/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "record/pack.h"
#include "record/scan.h"

#define LOCK        "lock"
#define UNBORN      "segment.new" /* a segment until its first entry is on disk */
#define PENDING_MAX ((size_t)8 << 20)

/* Where the chain is: behind so many records. */
struct place {
	uint64_t number;
	uint8_t hash[ENTRY_HASH];
};

struct journal {
	pthread_mutex_t lock; /* over all that follows, but for what is never changed */
	int dir_fd, lock_fd, fd;
	uint64_t segment_max;
	uint64_t size;          /* of the segment, without what is pending */
	bool stray;             /* there may be bytes behind size that could not be taken back */
	struct place put, done; /* with what is pending, and without */
	uint64_t epoch;         /* one more with each loss */
	uint64_t kept;          /* records before the last one */
	bool dead;              /* the disk did not keep what it was given: nothing more is written */
	uint64_t synced;        /* so many records are on disk */
	uint64_t bytes, lost;
	uint8_t *pending;
	size_t npending, cap;
	struct seal_key *seal;
	/* Never changed. */
	char node[SEGMENT_NODE];
	size_t nnode;
	uint8_t salt[CIPHER_SALT];
	bool enciphers;
	uint8_t key[CIPHER_KEY];
	_Atomic uint64_t nonces;
};

struct quill {
	struct journal *j;
	struct packer *packer;
	struct cipher *cipher;
	uint8_t *raw, *packed, *stored;
	size_t cap;
};

/* ---- entries, under the lock ---- */

static int room(struct journal *j, size_t n, struct err *e)
{
	size_t cap = j->cap ? j->cap : (size_t)64 << 10;
	uint8_t *more;

	while (cap < j->npending + n)
		cap *= 2;
	if (cap == j->cap)
		return 0;
	more = realloc(j->pending, cap);
	if (!more)
		return err_set(e, -ENOMEM, "out of memory for the recording");
	j->pending = more;
	j->cap = cap;
	return 0;
}

/* en: all but its number. */
static int append(struct journal *j, struct entry *en, struct span body, const uint8_t digest[ENTRY_HASH],
	struct err *e)
{
	size_t whole = ENTRY_HEAD + body.n + ENTRY_HASH;
	int r = room(j, whole, e);
	uint8_t *p;

	if (r)
		return r;
	p = j->pending + j->npending;
	en->number = j->put.number;
	entry_put(en, p);
	if (body.n)
		memcpy(p + ENTRY_HEAD, body.p, body.n);
	entry_chain(j->put.hash, p, digest);
	memcpy(p + ENTRY_HEAD + body.n, j->put.hash, ENTRY_HASH);
	j->put.number++;
	j->npending += whole;
	return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put ? -errno : -EIO;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

/* What is pending is lost; of what was written of it nothing may stay. */
static void roll_back(struct journal *j)
{
	struct stat st;

	j->lost += j->put.number - j->done.number;
	j->put = j->done;
	j->npending = 0;
	j->kept = j->done.number;
	j->epoch++;
	/* Where nothing was written, as on a disk that is read-only, nothing need be taken back. */
	if (ftruncate(j->fd, (off_t)j->size) < 0)
		j->stray = fstat(j->fd, &st) < 0 || (uint64_t)st.st_size != j->size;
}

static int write_pending(struct journal *j, struct err *e)
{
	int r = write_all(j->fd, j->pending, j->npending);

	if (r) {
		roll_back(j);
		return err_set(e, r, "the recording cannot be written: %s", strerror(-r));
	}
	j->size += j->npending;
	j->bytes += j->npending;
	j->npending = 0;
	j->done = j->put;
	return 0;
}

/* ---- segments, under the lock ---- */

/* Nothing is pending. A new file that begins behind what is done; torn: bytes that stand there in the file
 * before. */
static int next_segment(struct journal *j, uint64_t torn, uint64_t now_us, struct err *e)
{
	struct segment s = {.torn = torn, .node = span_of(j->node, j->nnode)};
	uint8_t body[SEGMENT_BODY_MAX], digest[ENTRY_HASH];
	struct entry en = {.kind = RECORD_SEGMENT, .time_us = now_us};
	char name[SEGMENT_NAME];
	int fd, was = j->fd, r;

	/* Left by somebody who got no further: it never held anything but its first entry. */
	if (unlinkat(j->dir_fd, UNBORN, 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "the recording cannot go on in another file: %m");
	fd = openat(j->dir_fd, UNBORN, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "the recording cannot go on in another file: %m");
	memcpy(s.previous, j->done.hash, ENTRY_HASH);
	memcpy(s.salt, j->salt, CIPHER_SALT);
	en.length = en.raw = (uint32_t)segment_put(&s, body);
	entry_digest(span_of(body, en.length), digest);
	r = append(j, &en, span_of(body, en.length), digest, e);
	segment_name(en.number, name);
	if (!r && (write_all(fd, j->pending, j->npending) || fsync(fd) < 0 ||
			  renameat2(j->dir_fd, UNBORN, j->dir_fd, name, RENAME_NOREPLACE) < 0 ||
			  fsync(j->dir_fd) < 0))
		r = err_set(e, -errno, "the recording cannot go on in another file: %m");
	if (r) {
		close(fd);
		j->put = j->done;
		j->npending = 0;
		return r;
	}
	j->fd = fd;
	j->size = j->npending;
	j->bytes += j->npending;
	j->npending = 0;
	j->stray = false;
	j->done = j->put;
	if (was >= 0)
		close(was);
	return 0;
}

static int seal(struct journal *j, uint64_t now_us, struct err *e)
{
	struct entry en = {.kind = RECORD_SEAL, .length = SEAL_BODY, .raw = SEAL_BODY, .time_us = now_us};
	uint8_t body[SEAL_BODY], digest[ENTRY_HASH];
	int r = seal_put(j->seal, j->put.number, now_us, j->put.hash, body, e);

	if (r)
		return r;
	entry_digest(span_of(body, SEAL_BODY), digest);
	r = append(j, &en, span_of(body, SEAL_BODY), digest, e);
	return r ? r : write_pending(j, e);
}

/* After a failure the kernel may have forgotten what it did not write, and says so only once. */
static int to_disk(struct journal *j, int fd, struct err *e)
{
	if (fdatasync(fd) == 0)
		return 0;
	j->dead = true;
	return err_set(e, -errno, "the recording cannot be brought to disk: %m");
}

/* The file is full, or has something at its end that is not ours. */
static int turn(struct journal *j, uint64_t now_us, struct err *e)
{
	int r = j->stray ? 0 : seal(j, now_us, e);
	struct stat st;

	if (!r)
		r = to_disk(j, j->fd, e);
	/* The next file says how much is behind the end of this one: it must be what is there. */
	if (!r && fstat(j->fd, &st) < 0)
		r = err_set(e, -errno, "the recording cannot go on in another file: %m");
	return r ? r : next_segment(j, (uint64_t)st.st_size - j->size, now_us, e);
}

/* ---- opening ---- */

static int recover(struct journal *j, struct journal_found *found, struct err *e)
{
	uint64_t *all = NULL;
	enum scan_result sr;
	struct scan s;
	size_t n;
	int r = segment_list(j->dir_fd, &all, &n, e);

	*found = (struct journal_found){0};
	if (r || !n) {
		free(all);
		return r;
	}
	r = scan_open(&s, j->dir_fd, all[n - 1], e);
	j->done.number = all[n - 1];
	free(all);
	if (r)
		return r;
	while ((sr = scan_next(&s, e)) == SCAN_ENTRY)
		j->done.number++;
	if (sr == SCAN_FAILED)
		r = e && e->code ? e->code : -EIO;
	else if (!s.offset)
		r = err_set(e, -EBADMSG, "the last segment does not begin like one: move it away");
	found->torn = scan_left(&s);
	found->altered = sr == SCAN_BAD;
	memcpy(j->done.hash, s.chain, ENTRY_HASH);
	scan_close(&s);
	j->put = j->done;
	return r;
}

static int open_dir(struct journal *j, const char *dir, struct err *e)
{
	j->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return err_set(e, -errno, "%s: %m", dir);
	j->lock_fd = openat(j->dir_fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->lock_fd < 0)
		return err_set(e, -errno, "%s/" LOCK ": %m", dir);
	if (flock(j->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, errno == EWOULDBLOCK ? -EBUSY : -errno,
			"%s: another process writes this recording", dir);
	return 0;
}

static void free_journal(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	seal_key_free(j->seal);
	pthread_mutex_destroy(&j->lock);
	free(j->pending);
	mem_wipe(j->key, sizeof(j->key));
	free(j);
}

int journal_open(struct journal **out, const struct journal_config *cfg, uint64_t now_us,
	struct journal_found *found, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	size_t node = strlen(cfg->node);
	int r;

	if (!j)
		return err_set(e, -ENOMEM, "out of memory");
	j->dir_fd = j->lock_fd = j->fd = -1;
	pthread_mutex_init(&j->lock, NULL);
	j->segment_max = cfg->segment_max;
	j->nnode = node < SEGMENT_NODE ? node : SEGMENT_NODE;
	memcpy(j->node, cfg->node, j->nnode);
	j->enciphers = cfg->key;
	if (cfg->key)
		memcpy(j->key, cfg->key, CIPHER_KEY);
	r = RAND_bytes(j->salt, CIPHER_SALT) == 1 ? 0 : err_set(e, -EIO, "no randomness");
	if (!r)
		r = seal_key_new(&j->seal, cfg->seal, e);
	if (!r)
		r = open_dir(j, cfg->dir, e);
	if (!r)
		r = recover(j, found, e);
	if (!r)
		r = next_segment(j, found->torn, now_us, e);
	if (r) {
		free_journal(j);
		return r;
	}
	*out = j;
	return 0;
}

void journal_close(struct journal *j, uint64_t now_us)
{
	if (!j)
		return;
	(void)!journal_seal(j, now_us, NULL);
	free_journal(j);
}

/* ---- putting ---- */

int quill_new(struct quill **out, struct journal *j, struct err *e)
{
	struct quill *q = calloc(1, sizeof(*q));
	int r = q ? packer_new(&q->packer, e) : err_set(e, -ENOMEM, "out of memory");

	if (!r && j->enciphers)
		r = cipher_new(&q->cipher, j->key, j->salt, e);
	if (r) {
		quill_free(q);
		return r;
	}
	q->j = j;
	*out = q;
	return 0;
}

void quill_free(struct quill *q)
{
	if (!q)
		return;
	packer_free(q->packer);
	cipher_free(q->cipher);
	free(q->raw);
	free(q);
}

static int desk(struct quill *q, size_t n, struct err *e)
{
	size_t cap = q->cap ? q->cap : 16384;
	uint8_t *more;

	if (q->cap >= n)
		return 0;
	while (cap < n)
		cap *= 2;
	more = realloc(q->raw, 3 * cap + CIPHER_MORE);
	if (!more)
		return err_set(e, -ENOMEM, "out of memory for the recording");
	q->raw = more;
	q->packed = more + cap;
	q->stored = more + 2 * cap;
	q->cap = cap;
	return 0;
}

/* The body as it is stored. */
static int prepare(
	struct quill *q, const struct record *rec, struct entry *en, struct span *body, struct err *e)
{
	uint8_t about[ENTRY_HEAD];
	size_t n = 0, packed;
	uint8_t *p;
	int r;

	for (size_t i = 0; i < rec->n; i++) {
		if (rec->parts[i].n > ENTRY_BODY_MAX - n)
			return err_set(e, -EMSGSIZE, "a record is too long");
		n += rec->parts[i].n;
	}
	r = desk(q, n, e);
	if (r)
		return r;
	p = q->raw;
	for (size_t i = 0; rec->n > 1 && i < rec->n; i++) {
		if (rec->parts[i].n)
			memcpy(p, rec->parts[i].p, rec->parts[i].n);
		p += rec->parts[i].n;
	}
	*en = (struct entry){.kind = (uint8_t)rec->kind,
		.raw = (uint32_t)n,
		.session = rec->session,
		.time_us = rec->time_us};
	*body = rec->n == 1 ? rec->parts[0] : span_of(q->raw, n);
	packed = pack(q->packer, *body, q->packed);
	if (packed) {
		en->flags |= ENTRY_ZSTD;
		*body = span_of(q->packed, packed);
	}
	if (q->cipher && rec->kind != RECORD_RUN) {
		en->flags |= ENTRY_AES;
		entry_about(en, about);
		r = cipher_seal(q->cipher, atomic_fetch_add(&q->j->nonces, 1), span_of(about, ENTRY_ABOUT),
			*body, q->stored, e);
		*body = span_of(q->stored, body->n + CIPHER_MORE);
	}
	en->length = (uint32_t)body->n;
	return r;
}

/* That an entry may be appended. */
static int ready(struct journal *j, uint64_t now_us, struct err *e)
{
	int r = 0;

	if (j->dead)
		return err_set(
			e, -EIO, "the disk of the recording failed: the daemon is to be started again");
	if (j->npending > PENDING_MAX)
		r = write_pending(j, e);
	if (r || j->npending || (!j->stray && j->size <= j->segment_max))
		return r;
	r = turn(j, now_us, e);
	/* A full file that cannot be followed by another goes on; one that is not ours to its end does not.
	 */
	return r && !j->stray && !j->dead ? 0 : r;
}

int journal_put(struct quill *q, const struct record *rec, struct ticket *t, struct err *e)
{
	struct journal *j = q->j;
	uint8_t digest[ENTRY_HASH];
	struct entry en;
	struct span body;
	int r = prepare(q, rec, &en, &body, e);

	assert(rec->kind != RECORD_SEGMENT && rec->kind != RECORD_SEAL);
	if (r)
		return r;
	entry_digest(body, digest);
	pthread_mutex_lock(&j->lock);
	r = ready(j, rec->time_us, e);
	if (!r)
		r = append(j, &en, body, digest, e);
	if (!r)
		*t = (struct ticket){j->epoch, en.number};
	pthread_mutex_unlock(&j->lock);
	return r;
}

int journal_commit(struct journal *j, struct ticket t, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&j->lock);
	/* Of a loss before the last it is not known any more what was kept. */
	if (t.epoch != j->epoch && !(t.epoch + 1 == j->epoch && t.number < j->kept))
		r = err_set(e, -EIO, "the recording could not be written");
	else if (t.epoch == j->epoch && t.number >= j->done.number)
		r = write_pending(j, e);
	pthread_mutex_unlock(&j->lock);
	return r;
}

int journal_sync(struct journal *j, struct err *e)
{
	uint64_t upto;
	int fd, r = 0;

	pthread_mutex_lock(&j->lock);
	upto = j->done.number;
	if (!j->dead && j->synced >= upto) {
		pthread_mutex_unlock(&j->lock);
		return 0;
	}
	fd = fcntl(j->fd, F_DUPFD_CLOEXEC, 0);
	r = j->dead ? -EIO : fd < 0 ? -errno : 0;
	pthread_mutex_unlock(&j->lock);
	if (r) { /* without a descriptor the disk was not asked, and forgot nothing */
		if (fd >= 0)
			close(fd);
		return err_set(e, r, "the recording cannot be brought to disk: %s", strerror(-r));
	}
	/* Of the files before nothing is missing: they were brought to disk before they were left. Others may
	 * write meanwhile. */
	if (fdatasync(fd) < 0)
		r = err_set(e, -errno, "the recording cannot be brought to disk: %m");
	close(fd);
	pthread_mutex_lock(&j->lock);
	if (r)
		j->dead = true;
	else if (j->synced < upto)
		j->synced = upto;
	pthread_mutex_unlock(&j->lock);
	return r;
}

int journal_seal(struct journal *j, uint64_t now_us, struct err *e)
{
	int r;

	pthread_mutex_lock(&j->lock);
	r = ready(j, now_us, e);
	if (!r)
		r = seal(j, now_us, e);
	pthread_mutex_unlock(&j->lock);
	return r ? r : journal_sync(j, e);
}

int journal_turn(struct journal *j, uint64_t now_us, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&j->lock);
	if (j->dead)
		r = err_set(e, -EIO, "the disk of the recording failed: the daemon is to be started again");
	if (!r && j->npending)
		r = write_pending(j, e);
	if (!r)
		r = turn(j, now_us, e);
	pthread_mutex_unlock(&j->lock);
	return r;
}

void journal_head(struct journal *j, struct journal_head *out)
{
	pthread_mutex_lock(&j->lock);
	*out = (struct journal_head){.records = j->done.number,
		.bytes = j->bytes,
		.lost = j->lost,
		.pending = j->put.number - j->done.number,
		.pending_bytes = j->npending,
		.unsynced = j->done.number > j->synced ? j->done.number - j->synced : 0};
	memcpy(out->hash, j->done.hash, ENTRY_HASH);
	pthread_mutex_unlock(&j->lock);
}
