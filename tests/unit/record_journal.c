/* SPDX-License-Identifier: MIT */
/* What is written is read again, whatever happens to the writer; whatever happens to the files is found. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "record/journal.h"
#include "record/reader.h"
#include "record/segment.h"

#define NOW 1764460800000000u

static const uint8_t seal_secret[SEAL_PRIVATE] = {1, 2, 3}, other_secret[SEAL_PRIVATE] = {9};
static const uint8_t key[CIPHER_KEY] = {7, 7, 7}, other_key[CIPHER_KEY] = {8};

struct place {
	char dir[64];
	struct journal *j;
	struct quill *q;
	uint64_t segment_max;
	const uint8_t *key, *seal;
	struct journal_found found;
};

static void make(struct place *p)
{
	*p = (struct place){.segment_max = 1 << 20, .seal = seal_secret};
	/* Where bringing to disk costs nothing, if there is such a place. */
	snprintf(p->dir, sizeof(p->dir), "%s/record.XXXXXX",
		access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(p->dir));
}

static int begin(struct place *p, struct err *e)
{
	const struct journal_config cfg = {
		.dir = p->dir, .node = "here", .segment_max = p->segment_max, .seal = p->seal, .key = p->key};
	int r = journal_open(&p->j, &cfg, NOW, &p->found, e);

	return r ? r : quill_new(&p->q, p->j, e);
}

static void end(struct place *p)
{
	quill_free(p->q);
	journal_close(p->j, NOW);
	p->q = NULL;
	p->j = NULL;
}

static void remove_dir(struct place *p)
{
	char path[512];
	DIR *d = opendir(p->dir);
	struct dirent *ent;

	while ((ent = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, ent->d_name);
		if (ent->d_name[0] != '.')
			assert_int_equal(unlink(path), 0);
	}
	closedir(d);
	assert_int_equal(rmdir(p->dir), 0);
}

static int put_n(struct place *p, const char *text, size_t n, struct ticket *t)
{
	const struct span parts[] = {span_of(text, n / 2), span_of(text + n / 2, n - n / 2)};
	const struct record rec = {
		.kind = RECORD_RESULT, .session = 5, .time_us = NOW + 1, .parts = parts, .n = 2};

	return journal_put(p->q, &rec, t, NULL);
}

static void put(struct place *p, const char *text)
{
	struct ticket t;

	assert_int_equal(put_n(p, text, strlen(text), &t), 0);
	assert_int_equal(journal_commit(p->j, t, NULL), 0);
}

/* Reads all; *text: the bodies of the results, one behind the other, if it is not NULL. */
static struct reader_report walk(const struct place *p, const uint8_t *k, char *text, size_t cap)
{
	const struct reader_config cfg = {.dir = p->dir, .key = k, .bodies = text != NULL};
	struct reader_report rep;
	struct read_record rec;
	struct reader *r;
	struct err e = {0};
	size_t n = 0;
	int rc;

	assert_int_equal(reader_open(&r, &cfg, &e), 0);
	while ((rc = reader_next(r, &rec, &e)) == 1) {
		if (rec.entry.kind != RECORD_RESULT || !text)
			continue;
		assert_true(rec.opened && n + rec.body.n < cap);
		memcpy(text + n, rec.body.p, rec.body.n);
		n += rec.body.n;
	}
	if (text)
		text[n] = '\0';
	rep = *reader_report(r);
	assert_true(rc == (rep.fault ? -EBADMSG : 0));
	/* A fault stays one. */
	if (rep.fault)
		assert_int_equal(reader_next(r, &rec, &e), -EBADMSG);
	reader_close(r);
	return rep;
}

static void sound(const struct place *p, uint64_t records)
{
	struct reader_report rep = walk(p, NULL, NULL, 0);

	assert_string_equal(reader_fault_name(rep.fault), "none");
	assert_int_equal(rep.records, records);
	assert_int_equal(rep.number, rep.first + records);
}

/* ---- files ---- */

struct file {
	char path[128];
	uint8_t *p;
	size_t n;
};

static struct file load(const struct place *p, uint64_t number)
{
	char name[SEGMENT_NAME];
	struct file f;
	struct stat st;
	int fd;

	segment_name(number, name);
	snprintf(f.path, sizeof(f.path), "%s/%s", p->dir, name);
	fd = open(f.path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	f.n = (size_t)st.st_size;
	f.p = malloc(f.n + 1);
	assert_int_equal(read(fd, f.p, f.n), f.n);
	close(fd);
	return f;
}

static void store(const struct file *f, size_t n)
{
	int fd = open(f->path, O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, f->p, n), n);
	close(fd);
}

/* Where record i of the file begins; its length. */
static size_t entry_at(const struct file *f, unsigned i, size_t *len)
{
	struct entry en;
	size_t at = 0;

	for (unsigned k = 0;; k++) {
		assert_true(at + ENTRY_HEAD < f->n);
		assert_int_equal(entry_get(&en, f->p + at), WIRE_OK);
		*len = ENTRY_HEAD + en.length + ENTRY_HASH;
		if (k == i)
			return at;
		at += *len;
	}
}

static size_t find(const struct place *p, const char *what)
{
	DIR *d = opendir(p->dir);
	struct dirent *ent;
	size_t hits = 0;

	while ((ent = readdir(d))) {
		uint64_t number = strtoull(ent->d_name, NULL, 16);
		struct file f;

		if (!strstr(ent->d_name, SEGMENT_SUFFIX))
			continue;
		f = load(p, number);
		hits += memmem(f.p, f.n, what, strlen(what)) != NULL;
		free(f.p);
	}
	closedir(d);
	return hits;
}

/* ---- tests ---- */

static void written_is_read(void **state)
{
	char text[8192], long_one[4000];
	struct reader_report rep;
	struct place p;

	(void)state;
	for (int enciphered = 0; enciphered < 2; enciphered++) {
		make(&p);
		p.key = enciphered ? key : NULL;
		assert_int_equal(begin(&p, NULL), 0);
		for (size_t i = 0; i < sizeof(long_one) - 1; i++)
			long_one[i] = (char)('a' + i % 7);
		long_one[sizeof(long_one) - 1] = '\0';
		put(&p, "one ");
		put(&p, "");
		put(&p, long_one);
		assert_int_equal(journal_seal(p.j, NOW, NULL), 0);
		put(&p, " canary-4711");
		end(&p);
		rep = walk(&p, key, text, sizeof(text));
		assert_int_equal(rep.fault, FAULT_NONE);
		assert_memory_equal(text, "one abcdefg", 11);
		assert_string_equal(text + strlen(text) - 12, " canary-4711");
		assert_int_equal(rep.records, 7); /* segment, four, two seals */
		assert_int_equal(rep.seals, 2);
		assert_int_equal(rep.sealed, 6);
		assert_int_equal(find(&p, "canary-4711"), !enciphered);
		sound(&p, 7);
		if (enciphered) {
			assert_int_equal(walk(&p, other_key, text, sizeof(text)).fault, FAULT_KEY);
			assert_int_equal(walk(&p, other_key, text, sizeof(text)).number, 1);
		}
		remove_dir(&p);
	}
}

static void goes_on_where_it_ended(void **state)
{
	char text[256];
	struct err e = {0};
	struct place p, second;

	(void)state;
	make(&p);
	p.key = key;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(begin(&p, NULL), 0);
		assert_int_equal(p.found.torn, 0);
		put(&p, "a");
		second = p;
		assert_int_equal(begin(&second, &e), -EBUSY);
		put(&p, "b");
		end(&p);
	}
	sound(&p, 12);
	assert_int_equal(walk(&p, key, text, sizeof(text)).segments, 3);
	assert_string_equal(text, "ababab");
	remove_dir(&p);
}

static void files_turn(void **state)
{
	struct reader_report rep;
	struct place p;

	(void)state;
	make(&p);
	p.segment_max = 1000;
	assert_int_equal(begin(&p, NULL), 0);
	for (int i = 0; i < 100; i++)
		put(&p, "forty bytes of a result, more or less so");
	end(&p);
	rep = walk(&p, NULL, NULL, 0);
	assert_int_equal(rep.fault, FAULT_NONE);
	assert_true(rep.segments > 8 && rep.segments < 20);
	assert_int_equal(rep.records, 100 + 2 * rep.segments);
	assert_int_equal(rep.seals, rep.segments);
	remove_dir(&p);
}

/* A recording of three files, of which the middle is looked at. */
static struct file three_files(struct place *p)
{
	make(p);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(begin(p, NULL), 0);
		put(p, "first");
		put(p, "other");
		put(p, "third");
		end(p);
	}
	sound(p, 15);
	return load(p, 5);
}

static void any_bit(void **state)
{
	struct place p;
	struct file f = three_files(&p), last = load(&p, 10);

	(void)state;
	for (size_t i = 0; i < f.n; i++) {
		struct reader_report rep;
		size_t len = 0, at = 0;
		unsigned k = 0;

		f.p[i] ^= (uint8_t)(1u << i % 8);
		store(&f, f.n);
		f.p[i] ^= (uint8_t)(1u << i % 8);
		while ((at = entry_at(&f, k, &len)) + len <= i)
			k++;
		rep = walk(&p, NULL, NULL, 0);
		assert_true(rep.fault != FAULT_NONE);
		assert_int_equal(rep.number, 5 + k);
	}
	store(&f, f.n);
	/* The last file has nobody behind it that knows how it ended. */
	for (size_t i = 0; i < last.n; i++) {
		last.p[i] ^= (uint8_t)(1u << i % 8);
		store(&last, last.n);
		last.p[i] ^= (uint8_t)(1u << i % 8);
		assert_true(walk(&p, NULL, NULL, 0).fault != FAULT_NONE);
	}
	store(&last, last.n);
	sound(&p, 15);
	free(f.p);
	free(last.p);
	remove_dir(&p);
}

static void removed_and_reordered(void **state)
{
	struct place p;
	struct file f = three_files(&p), g = f;
	size_t len, at = entry_at(&f, 1, &len), len2, at2 = entry_at(&f, 2, &len2);
	struct reader_report rep;

	(void)state;
	g.p = malloc(f.n);
	memcpy(g.p, f.p, f.n);
	memmove(g.p + at, g.p + at2, f.n - at2);
	store(&g, f.n - len);
	rep = walk(&p, NULL, NULL, 0);
	assert_int_equal(rep.fault, FAULT_ALTERED);
	assert_int_equal(rep.number, 6);

	assert_int_equal(len, len2);
	memcpy(g.p + at, f.p + at2, len);
	memcpy(g.p + at2, f.p + at, len);
	memcpy(g.p + at2 + len, f.p + at2 + len, f.n - at2 - len);
	store(&g, f.n);
	rep = walk(&p, NULL, NULL, 0);
	assert_int_equal(rep.fault, FAULT_ALTERED);
	assert_int_equal(rep.number, 6);

	assert_int_equal(unlink(f.path), 0);
	rep = walk(&p, NULL, NULL, 0);
	assert_int_equal(rep.fault, FAULT_SEGMENT);
	assert_int_equal(rep.number, 5);
	free(g.p);
	free(f.p);
	remove_dir(&p);
}

static void replaced(void **state)
{
	struct place p, o;
	struct file f = three_files(&p), g = three_files(&o), h;
	struct reader_report rep;

	(void)state;
	/* Of another recording, sound in itself. */
	h = f;
	h.p = g.p;
	h.n = g.n;
	close(open(f.path, O_WRONLY | O_TRUNC));
	store(&h, g.n);
	rep = walk(&p, NULL, NULL, 0);
	assert_int_equal(rep.fault, FAULT_SEGMENT);
	assert_int_equal(rep.number, 5);
	free(f.p);
	free(g.p);
	remove_dir(&p);
	remove_dir(&o);
}

static void somebody_elses_seal(void **state)
{
	struct reader_report rep;
	struct place p;

	(void)state;
	make(&p);
	assert_int_equal(begin(&p, NULL), 0);
	end(&p);
	p.seal = other_secret;
	assert_int_equal(begin(&p, NULL), 0);
	end(&p);
	rep = walk(&p, NULL, NULL, 0);
	assert_int_equal(rep.fault, FAULT_SIGNER);
	assert_int_equal(rep.number, 3);
	remove_dir(&p);
}

/* Cut anywhere: what is whole is read, the rest is known for torn; and who knows the head misses it. */
static void cut_anywhere(void **state)
{
	struct place p;
	struct file f;

	(void)state;
	make(&p);
	assert_int_equal(begin(&p, NULL), 0);
	put(&p, "first");
	put(&p, "other");
	end(&p);
	f = load(&p, 0);
	for (size_t n = 0; n < f.n; n++) {
		struct reader_report rep;
		size_t at = 0, len = 0;
		unsigned whole = 0;

		while ((at = entry_at(&f, whole, &len)) + len <= n)
			whole++;
		store(&f, n);
		rep = walk(&p, NULL, NULL, 0);
		assert_int_equal(rep.fault, FAULT_NONE);
		assert_int_equal(rep.records, whole);
		assert_int_equal(rep.torn, n - at);
		assert_memory_not_equal(rep.hash, f.p + f.n - ENTRY_HASH, ENTRY_HASH);
		if (n < 200 || n % 11)
			continue;
		/* The next run goes on behind it, and says what it found. */
		assert_int_equal(begin(&p, NULL), 0);
		assert_int_equal(p.found.torn, n - at);
		assert_false(p.found.altered);
		put(&p, "later");
		end(&p);
		sound(&p, whole + 3);
		for (uint64_t k = 1; k < 8; k++) {
			char path[256], name[SEGMENT_NAME];

			segment_name(k, name);
			snprintf(path, sizeof(path), "%s/%s", p.dir, name);
			unlink(path);
		}
	}
	store(&f, f.n);
	free(f.p);
	remove_dir(&p);
}

/* Altered while nobody wrote: the next run goes on, and the fault stays where it is. */
static void altered_before_the_next_run(void **state)
{
	struct reader_report rep;
	struct place p;
	struct file f;

	(void)state;
	make(&p);
	assert_int_equal(begin(&p, NULL), 0);
	put(&p, "first");
	put(&p, "other");
	end(&p);
	f = load(&p, 0);
	f.p[f.n / 2] ^= 4;
	store(&f, f.n);
	assert_int_equal(begin(&p, NULL), 0);
	assert_true(p.found.altered);
	put(&p, "later");
	end(&p);
	rep = walk(&p, NULL, NULL, 0);
	assert_int_equal(rep.fault, FAULT_ALTERED);
	assert_true(rep.number < 4);
	free(f.p);
	remove_dir(&p);
}

/* What was acknowledged is there, at whatever moment the writer is killed. */
static void killed(void **state)
{
	struct place p;
	uint64_t before = 0;

	(void)state;
	make(&p);
	p.segment_max = 20000;
	for (unsigned i = 0; i < 40; i++) {
		struct timespec pause = {0, 300000 + (long)(i * 7919 % 40) * 200000};
		struct reader_report rep;
		uint64_t acked = 0, n;
		int pair[2], status;
		pid_t pid;

		assert_int_equal(pipe(pair), 0);
		pid = fork();
		if (pid == 0) {
			if (begin(&p, NULL))
				_exit(3);
			for (uint64_t k = 1;; k++) {
				put(&p, "a result of some length that somebody is waiting for");
				if (write(pair[1], &k, sizeof(k)) != (ssize_t)sizeof(k))
					_exit(0);
			}
		}
		close(pair[1]);
		assert_int_equal(read(pair[0], &acked, sizeof(acked)), sizeof(acked));
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		while (read(pair[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
			acked = n;
		close(pair[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		rep = walk(&p, NULL, NULL, 0);
		assert_string_equal(reader_fault_name(rep.fault), "none");
		assert_true(rep.records > before + acked);
		before = rep.records;
	}
	remove_dir(&p);
}

/* No room: who commits is told, nothing half stays, and when there is room again it goes on. */
static void no_room(void **state)
{
	struct rlimit was, limit;
	struct ticket first, second, t;
	struct journal_head head;
	char text[4096];
	struct place p;

	(void)state;
	make(&p);
	assert_int_equal(begin(&p, NULL), 0);
	put(&p, "kept.");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = was;
	limit.rlim_cur = 500;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(put_n(&p, "lost", 4, &first), 0);
	assert_int_equal(
		put_n(&p,
			"lost, and longer than there is room for: 0123456789012345678901234567890123456789"
			"0123456789012345678901234567890123456789012345678901234567890123456789"
			"0123456789012345678901234567890123456789012345678901234567890123456789",
			180, &second),
		0);
	assert_int_equal(journal_commit(p.j, second, NULL), -EFBIG);
	assert_int_equal(journal_commit(p.j, first, NULL), -EIO);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, SIG_DFL);
	put(&p, "kept too.");
	put(&p, "and this.");
	/* A number that was given away again: not that record's. */
	assert_int_equal(journal_commit(p.j, first, NULL), -EIO);
	assert_int_equal(put_n(&p, "last", 4, &t), 0);
	assert_int_equal(journal_commit(p.j, t, NULL), 0);
	assert_int_equal(journal_commit(p.j, t, NULL), 0);
	journal_head(p.j, &head);
	assert_int_equal(head.lost, 2);
	end(&p);
	assert_int_equal(walk(&p, NULL, text, sizeof(text)).fault, FAULT_NONE);
	assert_string_equal(text, "kept.kept too.and this.last");
	remove_dir(&p);
}

/* Without a descriptor to spare nothing is known to be on disk, and nothing is lost: it goes on when there is
 * one. */
static void no_descriptor(void **state)
{
	struct rlimit was, limit;
	struct err e = {0};
	struct place p;

	(void)state;
	make(&p);
	assert_int_equal(begin(&p, NULL), 0);
	put(&p, "one");
	getrlimit(RLIMIT_NOFILE, &was);
	limit = (struct rlimit){3, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(journal_sync(p.j, &e), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &was);
	put(&p, "two");
	assert_int_equal(journal_sync(p.j, &e), 0);
	end(&p);
	sound(&p, 4);
	remove_dir(&p);
}

static void too_long(void **state)
{
	char *much = calloc(1, ENTRY_BODY_MAX + 1);
	struct ticket t;
	struct place p;

	(void)state;
	make(&p);
	p.key = key;
	assert_int_equal(begin(&p, NULL), 0);
	assert_int_equal(put_n(&p, much, ENTRY_BODY_MAX + 1, &t), -EMSGSIZE);
	for (size_t i = 0; i < ENTRY_BODY_MAX; i++)
		much[i] = (char)((i * 2654435761u) >> 13); /* does not get smaller */
	assert_int_equal(put_n(&p, much, ENTRY_BODY_MAX, &t), 0);
	assert_int_equal(journal_commit(p.j, t, NULL), 0);
	end(&p);
	sound(&p, 3);
	free(much);
	remove_dir(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(goes_on_where_it_ended),
		cmocka_unit_test(files_turn),
		cmocka_unit_test(any_bit),
		cmocka_unit_test(removed_and_reordered),
		cmocka_unit_test(replaced),
		cmocka_unit_test(somebody_elses_seal),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(altered_before_the_next_run),
		cmocka_unit_test(killed),
		cmocka_unit_test(no_room),
		cmocka_unit_test(no_descriptor),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
