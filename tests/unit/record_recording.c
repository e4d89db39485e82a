/* SPDX-License-Identifier: MIT */
/* Runs of a daemon, one behind the other: one that is taken away, cut or put in another's place is missed. */
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include "record/journal.h"
#include "record/recording.h"
#include "record/segment.h"

#define NOW  1764460800000000u
#define RUNS 4u

static const uint8_t seal_secret[SEAL_PRIVATE] = {1, 2, 3}, other_secret[SEAL_PRIVATE] = {9};
static const uint8_t key[CIPHER_KEY] = {7, 7, 7};

struct place {
	char dir[64];
	int fd;
	const uint8_t *seal, *key, *signer;
	uint8_t head[RUNS][ENTRY_HASH]; /* of each run at its end */
	uint64_t records[RUNS];
};

static void run_path(const struct place *p, uint32_t run, char out[static 128])
{
	char name[RUN_NAME];

	run_name(run, name);
	snprintf(out, 128, "%s/%s", p->dir, name);
}

static void put(struct quill *q, struct journal *j, enum record_kind kind, struct span body)
{
	const struct record rec = {
		.kind = kind, .session = kind == RECORD_RUN ? 0 : 1, .time_us = NOW, .parts = &body, .n = 1};
	struct ticket t;

	assert_int_equal(journal_put(q, &rec, &t, NULL), 0);
	assert_int_equal(journal_commit(j, t, NULL), 0);
}

/* As a daemon begins: the runs before are named first. */
static void begin(struct place *p, struct journal **j, struct quill **q, uint32_t *run)
{
	struct run_head before[RUNS_NAMED];
	struct journal_found found;
	struct journal_config cfg = {.node = "here", .segment_max = 1000, .seal = p->seal, .key = p->key};
	char dir[128];
	struct body b;
	uint8_t room[512];
	size_t n;

	assert_int_equal(runs_next(p->fd, run, NULL), 0);
	run_path(p, *run, dir);
	cfg.dir = dir;
	assert_int_equal(journal_open(j, &cfg, NOW, &found, NULL), 0);
	assert_int_equal(quill_new(q, *j, NULL), 0);
	assert_int_equal(runs_before(p->fd, *run, before, &n, NULL), 0);
	body_init(&b, room, sizeof(room));
	run_put(&b, before, n);
	assert_false(b.failed);
	put(*q, *j, RECORD_RUN, span_of(b.p, b.n));
}

static void end(struct place *p, struct journal *j, struct quill *q, uint32_t run)
{
	struct journal_head h;

	assert_int_equal(journal_seal(j, NOW, NULL), 0);
	journal_head(j, &h);
	memcpy(p->head[run - 1], h.hash, ENTRY_HASH);
	p->records[run - 1] = h.records;
	quill_free(q);
	journal_close(j, NOW);
}

static void make(struct place *p)
{
	char text[300];

	*p = (struct place){.seal = p->seal ? p->seal : seal_secret, .key = p->key};
	snprintf(p->dir, sizeof(p->dir), "%s/recording.XXXXXX",
		access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY);
	for (uint32_t i = 1; i <= RUNS; i++) {
		struct journal *j;
		struct quill *q;
		uint32_t run;

		begin(p, &j, &q, &run);
		assert_int_equal(run, i);
		for (unsigned k = 0; k < 20; k++) {
			size_t n = (size_t)snprintf(text, sizeof(text), "%u of %u ", k, i);

			/* What does not get smaller by packing. */
			for (uint32_t x = i * 97 + k; n < sizeof(text); n++)
				text[n] = (char)((x = x * 1664525 + 1013904223) >> 24);
			put(q, j, RECORD_RESULT, span_of(text, sizeof(text)));
		}
		end(p, j, q, run);
	}
}

static int unlink_it(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void remove_tree(const char *dir)
{
	assert_int_equal(nftw(dir, unlink_it, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void unmake(struct place *p)
{
	close(p->fd);
	remove_tree(p->dir);
}

static enum reader_fault walk(const struct place *p, const uint8_t *head, struct recording_report *out)
{
	const struct recording_config cfg = {
		.dir = p->dir, .key = p->key, .bodies = p->key != NULL, .head = head, .signer = p->signer};
	struct recording *r;
	struct read_record rec;
	enum reader_fault f;
	struct err e = {0};
	uint32_t run;
	int rc;

	assert_int_equal(recording_open(&r, &cfg, &e), 0);
	while ((rc = recording_next(r, &run, &rec, &e)) == 1)
		;
	f = recording_report(r)->fault;
	assert_int_equal(rc, f ? -EBADMSG : 0);
	if (f)
		assert_int_equal(recording_next(r, &run, &rec, &e), -EBADMSG);
	if (out) {
		*out = *recording_report(r);
		out->runs = NULL;
	}
	recording_close(r);
	return f;
}

static void sound_runs_are_walked_in_order(void **state)
{
	struct recording_report rep;
	struct place p = {.dir = ""};

	(void)state;
	make(&p);
	assert_int_equal(walk(&p, NULL, &rep), FAULT_NONE);
	assert_int_equal(rep.n, RUNS);
	assert_false(rep.headed);
	for (unsigned i = 0; i < RUNS; i++) {
		assert_int_equal(walk(&p, p.head[i], &rep), FAULT_NONE);
		assert_true(rep.headed && rep.head_run == i + 1);
		/* Closing sealed once more, in another file perhaps. */
		assert_int_equal(rep.head_number, p.records[i] - 1);
		assert_true(rep.behind >= 1 && rep.behind <= 3);
	}
	unmake(&p);
}

static void a_run_names_those_before_it_in_the_clear(void **state)
{
	struct place p = {.key = key};
	char path[128];

	(void)state;
	make(&p);
	assert_int_equal(walk(&p, NULL, NULL), FAULT_NONE);
	/* Without the key too. */
	p.key = NULL;
	assert_int_equal(walk(&p, NULL, NULL), FAULT_NONE);
	run_path(&p, 2, path);
	remove_tree(path);
	assert_int_equal(walk(&p, NULL, NULL), FAULT_RUN);
	unmake(&p);
}

static void a_missing_run_is_missed(void **state)
{
	(void)state;
	for (uint32_t run = 1; run <= RUNS; run++) {
		struct recording_report rep;
		struct place p = {.dir = ""};
		char path[128];

		make(&p);
		run_path(&p, run, path);
		remove_tree(path);
		/* The first may have been kept long enough; of the last nobody but its head says anything. */
		assert_int_equal(walk(&p, NULL, &rep), run == 1 || run == RUNS ? FAULT_NONE : FAULT_RUN);
		assert_int_equal(walk(&p, p.head[RUNS - 1], &rep), run == 1      ? FAULT_NONE
								   : run == RUNS ? FAULT_HEAD
										 : FAULT_RUN);
		/* An empty directory in its place is no run. */
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(walk(&p, NULL, NULL), run == RUNS ? FAULT_NONE : FAULT_RUN);
		unmake(&p);
	}
}

/* The last file of a run goes, or its last records: what is left is a chain. */
static void a_shorter_run_is_missed(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		struct place p = {.dir = ""};
		char path[128], file[SEGMENT_NAME];
		uint64_t *segments;
		size_t n;
		int fd;

		make(&p);
		run_path(&p, 3, path);
		fd = open(path, O_RDONLY | O_DIRECTORY);
		assert_int_equal(segment_list(fd, &segments, &n, NULL), 0);
		assert_true(n > 2);
		segment_name(segments[n - 1], file);
		if (how == 0) {
			assert_int_equal(unlinkat(fd, file, 0), 0);
		} else {
			int f = openat(fd, file, O_WRONLY);
			struct stat st;

			/* The last seal, and the one before it. */
			assert_int_equal(fstat(f, &st), 0);
			assert_int_equal(
				ftruncate(f, st.st_size - 2 * (ENTRY_HEAD + SEAL_BODY + ENTRY_HASH)), 0);
			close(f);
		}
		assert_int_equal(walk(&p, NULL, NULL), FAULT_RUN);
		free(segments);
		close(fd);
		unmake(&p);
	}
}

/* Another recording's run of that number, by the same key or another's. */
static void another_run_in_its_place_is_found(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		struct place p = {.dir = ""}, q = {.seal = how ? other_secret : NULL};
		char ours[128], theirs[128];

		make(&p);
		make(&q);
		run_path(&p, 2, ours);
		run_path(&q, 2, theirs);
		remove_tree(ours);
		assert_int_equal(rename(theirs, ours), 0);
		assert_int_equal(walk(&p, NULL, NULL), FAULT_RUN);
		unmake(&p);
		unmake(&q);
	}
}

static void whoever_signs_all_of_them_must_be_the_one(void **state)
{
	static const uint8_t nobody[SEAL_PUBLIC] = {1};
	struct place p = {.dir = ""};
	struct seal_key *k;

	(void)state;
	make(&p);
	assert_int_equal(seal_key_new(&k, seal_secret, NULL), 0);
	p.signer = seal_key_public(k);
	assert_int_equal(walk(&p, NULL, NULL), FAULT_NONE);
	p.signer = nobody;
	assert_int_equal(walk(&p, NULL, NULL), FAULT_SIGNER);
	seal_key_free(k);
	unmake(&p);
	/* Without it: the one of the first run. */
	make(&p);
	p.seal = other_secret;
	{
		struct journal *j;
		struct quill *q;
		uint32_t run;

		begin(&p, &j, &q, &run);
		quill_free(q);
		journal_close(j, NOW);
	}
	p.signer = NULL;
	assert_int_equal(walk(&p, NULL, NULL), FAULT_SIGNER);
	unmake(&p);
}

/* A daemon that is replaced while it works goes on behind what its successor saw. */
static void runs_may_overlap(void **state)
{
	struct place p = {.dir = ""};
	struct journal *a, *b, *c;
	struct quill *qa, *qb, *qc;
	uint32_t ra, rb, rc;

	(void)state;
	make(&p);
	begin(&p, &a, &qa, &ra);
	put(qa, a, RECORD_EVENT, SPAN_LIT("one"));
	begin(&p, &b, &qb, &rb);
	put(qa, a, RECORD_EVENT, SPAN_LIT("two"));
	put(qb, b, RECORD_EVENT, SPAN_LIT("three"));
	quill_free(qa);
	journal_close(a, NOW);
	begin(&p, &c, &qc, &rc);
	assert_int_equal(walk(&p, NULL, NULL), FAULT_NONE);
	quill_free(qb);
	journal_close(b, NOW);
	quill_free(qc);
	journal_close(c, NOW);
	assert_int_equal(walk(&p, NULL, NULL), FAULT_NONE);
	unmake(&p);
}

static void what_names_no_run_is_refused(void **state)
{
	struct run_head h[RUNS_NAMED], more[RUNS_NAMED];
	uint8_t room[512];
	struct body b;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < RUNS_NAMED; i++)
		h[i] = (struct run_head){.run = i + 1, .records = 7 * i, .hash = {(uint8_t)i}};
	body_init(&b, room, sizeof(room));
	run_put(&b, h, RUNS_NAMED);
	assert_int_equal(run_get(span_of(b.p, b.n), more, &n), WIRE_OK);
	assert_int_equal(n, RUNS_NAMED);
	assert_memory_equal(&h[2], &more[2], sizeof(h[2]));
	for (size_t cut = 1; cut < b.n; cut++) {
		struct guarded g = guard_copy(b.p, cut);

		/* At the end of one that is named it is a shorter list. */
		if (run_get(span_of(g.p, g.n), more, &n) == WIRE_OK)
			assert_int_equal(cut % (b.n / RUNS_NAMED), 0);
		guard_free(&g);
	}
	body_put_number(&b, BODY_RUN, 9);
	assert_int_equal(run_get(span_of(b.p, b.n), more, &n), WIRE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_runs_are_walked_in_order),
		cmocka_unit_test(a_run_names_those_before_it_in_the_clear),
		cmocka_unit_test(a_missing_run_is_missed),
		cmocka_unit_test(a_shorter_run_is_missed),
		cmocka_unit_test(another_run_in_its_place_is_found),
		cmocka_unit_test(whoever_signs_all_of_them_must_be_the_one),
		cmocka_unit_test(runs_may_overlap),
		cmocka_unit_test(what_names_no_run_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
