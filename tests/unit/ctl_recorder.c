/* SPDX-License-Identifier: MIT */
/* The recorder over a disk that fails when it is told to: what a scribe was told is written is read again,
 * what it was told is lost is not there, and the chain holds. */
#include <time.h>
#include "test.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "base/log.h"
#include "ctl/recorder.h"
#include "record/body.h"
#include "record/recording.h"

/* ---- the disk: these stand in the place of libc's ---- */

static struct {
	int write_error, sync_error, truncate_error;
	long writes_left; /* that go well before write_error; < 0: all */
	size_t short_by;  /* bytes that each write takes at the most; 0: all */
	size_t part;      /* bytes that the failing write still takes */
	unsigned nsyncs;
} disk;

static void disk_is_well(void)
{
	memset(&disk, 0, sizeof(disk));
	disk.writes_left = -1;
}

ssize_t write(int fd, const void *p, size_t n)
{
	bool file = fd > 2;

	if (file && disk.writes_left == 0 && !disk.part) {
		errno = disk.write_error;
		return -1;
	}
	if (file && disk.writes_left == 0) {
		n = n < disk.part ? n : disk.part;
		disk.part = 0;
	} else if (file && disk.short_by && n > disk.short_by) {
		n = disk.short_by;
	} else if (file && disk.writes_left > 0) {
		disk.writes_left--;
	}
	return syscall(SYS_write, fd, p, n);
}

int ftruncate(int fd, off_t n)
{
	if (disk.truncate_error) {
		errno = disk.truncate_error;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, n);
}

int fdatasync(int fd)
{
	disk.nsyncs++;
	if (disk.sync_error) {
		errno = disk.sync_error;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* ---- a place for it ---- */

struct place {
	char dir[64];
	struct recorder *r;
	struct scribe *a, *b;
	bool each;
	uint64_t quota, segment_max;
};

static void make(struct place *p)
{
	*p = (struct place){.segment_max = 1 << 20};
	disk_is_well();
	snprintf(p->dir, sizeof(p->dir), "%s/recorder.XXXXXX",
		access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(p->dir));
}

static int begin(struct place *p, struct err *e)
{
	const struct recorder_config cfg = {.state_dir = p->dir,
		.each = p->each,
		.quota = p->quota,
		.segment_max = p->segment_max,
		.nscribes = 2};
	int r = recorder_open(&p->r, &cfg, e);

	if (!r) {
		p->a = recorder_scribe(p->r, 0);
		p->b = recorder_scribe(p->r, 1);
	}
	return r;
}

static void end(struct place *p)
{
	recorder_close(p->r);
	p->r = NULL;
}

static void remove_tree(const char *path)
{
	struct dirent *ent;
	DIR *d = opendir(path);

	while (d && (ent = readdir(d))) {
		char at[512];

		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		snprintf(at, sizeof(at), "%s/%s", path, ent->d_name);
		if (unlink(at) && errno == EISDIR)
			remove_tree(at);
		else
			remove_tree(at);
	}
	if (d) {
		closedir(d);
		assert_int_equal(rmdir(path), 0);
	}
}

static int put(struct scribe *s, struct scribed *of, const char *text)
{
	const struct span body = span_of(text, strlen(text));
	const struct record rec = {
		.kind = RECORD_RESULT, .session = of->id, .time_us = s->now_us(s), .parts = &body, .n = 1};
	struct err e = {0};

	return s->put(s, &rec, &e);
}

static int commit(struct scribe *s)
{
	struct err e = {0};

	return s->commit(s, &e);
}

/* Bodies of results, one behind the other; it must hold as a whole. */
static void reads(const struct place *p, const char *text)
{
	char dir[128], got[65536];
	const struct recording_config cfg = {.dir = dir, .bodies = true};
	struct recording *r;
	struct read_record rec;
	struct err e = {0};
	uint32_t run;
	size_t n = 0;
	int rc;

	snprintf(dir, sizeof(dir), "%s/recordings", p->dir);
	assert_int_equal(recording_open(&r, &cfg, &e), 0);
	while ((rc = recording_next(r, &run, &rec, &e)) == 1)
		if (rec.entry.kind == RECORD_RESULT && n + rec.body.n < sizeof(got)) {
			memcpy(got + n, rec.body.p, rec.body.n);
			n += rec.body.n;
		}
	if (rc)
		fail_msg("%s", e.msg);
	got[n] = '\0';
	assert_string_equal(got, text);
	recording_close(r);
}

static uint64_t metric(struct place *p, const char *name)
{
	struct metric_text m = {0};
	char line[128], *at;
	uint64_t v;

	recorder_metrics(p->r, &m);
	metric_end(&m);
	assert_false(m.failed);
	snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(m.p, line);
	assert_non_null(at);
	v = strtoull(at + strlen(line), NULL, 10);
	metric_fini(&m);
	return v;
}

/* ---- */

static void written_a_few_bytes_at_a_time(void **state)
{
	struct scribed one = {0}, two = {0};
	struct place p;

	(void)state;
	make(&p);
	disk.short_by = 7;
	assert_int_equal(begin(&p, NULL), 0);
	p.a->begin(p.a, &one);
	p.b->begin(p.b, &two);
	assert_true(one.id && two.id && one.id != two.id);
	assert_int_equal(put(p.a, &one, "first "), 0);
	assert_int_equal(put(p.b, &two, "second "), 0);
	assert_int_equal(put(p.a, &one, "third"), 0);
	assert_int_equal(commit(p.a), 0);
	assert_int_equal(commit(p.b), 0);
	p.a->end(p.a, &one);
	p.b->end(p.b, &two);
	end(&p);
	reads(&p, "first second third");
	assert_int_equal(begin(&p, NULL), 0); /* another run beside it */
	assert_int_equal(recorder_run(p.r), 2);
	end(&p);
	reads(&p, "first second third");
	remove_tree(p.dir);
}

/* ENOSPC with a part of it written, or EROFS with nothing, and what was written cannot be taken back. */
static void a_disk_that_is_full_or_read_only_for_a_while(void **state)
{
	static const struct {
		int error, truncate;
		size_t part;
	} ways[] = {{ENOSPC, 0, 0}, {ENOSPC, 0, 5}, {EROFS, EROFS, 0}, {EIO, EIO, 9}, {EDQUOT, EIO, 60}};
	struct scribed one, two;
	struct place p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		/* Nothing can be put where a part of it stands there. */
		bool stays = ways[i].truncate && ways[i].part;

		one = two = (struct scribed){0};
		make(&p);
		assert_int_equal(begin(&p, NULL), 0);
		p.a->begin(p.a, &one);
		p.b->begin(p.b, &two);
		assert_int_equal(put(p.a, &one, "before "), 0);
		assert_int_equal(commit(p.a), 0);
		assert_int_equal(metric(&p, "pgveil_record_failing"), 0);
		/* the other's is lost with it, whether it was put before or after */
		assert_int_equal(put(p.b, &two, "LOST"), 0);
		assert_int_equal(put(p.a, &one, "LOST"), 0);
		disk.write_error = ways[i].error;
		disk.truncate_error = ways[i].truncate;
		disk.part = ways[i].part;
		disk.writes_left = 0;
		assert_int_equal(commit(p.a), -ways[i].error);
		assert_int_equal(put(p.b, &two, "extra "), stays ? -ways[i].error : 0);
		assert_true(commit(p.b) < 0);
		assert_true(metric(&p, "pgveil_record_failures_total") >= 2);
		assert_int_equal(metric(&p, "pgveil_record_failing"), 1);
		assert_int_equal(commit(p.a), 0); /* nothing was put */
		disk_is_well();
		assert_int_equal(put(p.b, &two, "after"), 0);
		assert_int_equal(commit(p.b), 0);
		assert_int_equal(metric(&p, "pgveil_record_failing"), 0);
		p.a->end(p.a, &one);
		p.b->end(p.b, &two);
		end(&p);
		/* What was put behind the loss, by one that had lost something, may be there: more is on
		 * record than happened, and never less. */
		reads(&p, stays ? "before after" : "before extra after");
		remove_tree(p.dir);
	}
}

/* The kernel says once that it did not keep something: from then on nothing is believed to be written. */
static void a_disk_that_does_not_keep_it(void **state)
{
	struct scribed one = {0};
	struct place p;

	(void)state;
	make(&p);
	p.each = true;
	assert_int_equal(begin(&p, NULL), 0);
	p.a->begin(p.a, &one);
	disk.nsyncs = 0;
	assert_int_equal(put(p.a, &one, "kept"), 0);
	assert_int_equal(commit(p.a), 0);
	assert_true(disk.nsyncs >= 1);
	disk.sync_error = EIO;
	assert_int_equal(put(p.a, &one, ""), 0);
	assert_int_equal(commit(p.a), -EIO);
	disk_is_well();
	assert_int_equal(put(p.a, &one, "LOST"), -EIO);
	assert_int_equal(commit(p.a), 0);
	assert_int_equal(metric(&p, "pgveil_record_failing"), 1);
	p.a->end(p.a, &one);
	end(&p);
	reads(&p, "kept");
	remove_tree(p.dir);
}

static void nothing_begins_on_a_disk_that_cannot_be_written(void **state)
{
	static const int errors[] = {EROFS, ENOSPC, EIO};
	struct err e = {0};
	struct place p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		make(&p);
		disk.write_error = errors[i];
		disk.writes_left = 0;
		assert_true(begin(&p, &e) < 0);
		assert_non_null(strstr(e.msg, "recording"));
		disk_is_well();
		assert_int_equal(begin(&p, &e), 0);
		end(&p);
		reads(&p, "");
		remove_tree(p.dir);
	}
	make(&p);
	assert_int_equal(rmdir(p.dir), 0);
	assert_true(begin(&p, &e) < 0);
}

/* Behind the quota nothing is put. What a session began with stays as long as it runs. */
static void the_quota(void **state)
{
	struct scribed one = {0};
	struct place p;
	const time_t began = time(NULL);
	char big[4097];
	int r = 0;

	(void)state;
	make(&p);
	p.quota = 256 << 10;
	p.segment_max = 32 << 10;
	assert_int_equal(begin(&p, NULL), 0);
	p.a->begin(p.a, &one);
	/* The quota is looked at every few seconds, however much is written in between. */
	for (unsigned i = 0; time(NULL) - began < 60 && !r; i++) {
		for (size_t k = 0; k < sizeof(big) - 1; k++)
			big[k] = (char)('a' + (i * 2654435761u + k * 40503u) / 7 % 26);
		big[sizeof(big) - 1] = '\0';
		r = put(p.a, &one, big);
		if (!r)
			r = commit(p.a);
	}
	assert_int_equal(r, -EDQUOT);
	assert_int_equal(metric(&p, "pgveil_record_failing"), 1);
	p.a->end(p.a, &one);
	/* Nobody needs what is there any more: the thread takes the oldest, and there is room again. */
	for (unsigned i = 0; i < 1000 && r; i++) {
		usleep(10000);
		r = put(p.a, &one, "room");
	}
	assert_int_equal(r, 0);
	assert_int_equal(commit(p.a), 0);
	end(&p);
	remove_tree(p.dir);
}

static atomic_uint overs;

static void count_over(void *arg)
{
	(void)arg;
	atomic_fetch_add(&overs, 1);
}

struct block {
	struct handed handed;
	char text[16];
	struct span parts[2];
};

static void hand(struct scribe *s, struct block *b, const struct scribed *of, unsigned i)
{
	snprintf(b->text, sizeof(b->text), "%u", i);
	b->parts[0] = span_of(b->text, strlen(b->text));
	b->parts[1] = SPAN_LIT("h ");
	b->handed.record = (struct record){RECORD_RESULT, of->id, s->now_us(s), b->parts, 2};
	s->hand(s, &b->handed);
}

/* What was handed is written by its clerk, one behind the other, in whatever order with what others put; it
 * is over before it is told so, and a disk that fails fails whoever joins.
 */
static void what_is_written_beside(void **state)
{
	char all[65536] = "";
	struct scribed one = {0}, two = {0};
	struct block block[7];
	bool back[ARRAY_LEN(block)];
	struct err e = {0};
	struct place p;
	unsigned n = 0;

	(void)state;
	make(&p);
	assert_int_equal(begin(&p, NULL), 0);
	p.a->over = p.b->over = count_over;
	p.a->begin(p.a, &one);
	p.b->begin(p.b, &two);
	for (unsigned i = 0; i < 500; i++) {
		struct scribe *s = i % 2 ? p.a : p.b;
		unsigned many = 1 + i % ARRAY_LEN(block);

		for (unsigned k = 0; k < many; k++)
			hand(s, &block[k], i % 2 ? &one : &two, i + k);
		if (i % 3 == 0) { /* the other worker meanwhile: it neither waits nor is it lost */
			assert_int_equal(put(i % 2 ? p.b : p.a, &two, ""), 0);
			assert_int_equal(commit(i % 2 ? p.b : p.a), 0);
		}
		while (i % 2 && !atomic_load(&block[i % many].handed.over)) /* all before it too */
			sched_yield();
		for (unsigned k = many; k-- > 0;)
			back[k] = i % 2 == 0 && s->take_back(s, &block[k].handed);
		for (unsigned k = 0; k < many; k++) {
			if (!back[k])
				assert_int_equal(s->join(s, &block[k].handed, &e), 0);
			else
				assert_int_equal(
					s->put(s, &block[k].handed.record, &e) || s->commit(s, &e), 0);
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%uh ", i + k);
		}
		n += many;
	}
	assert_in_range(atomic_load(&overs), 250, n); /* the rest was taken back */
	for (unsigned i = 0; i < 3; i++) {
		struct span body = SPAN_LIT("LOST");
		struct handed lost = {.record = {RECORD_RESULT, one.id, p.a->now_us(p.a), &body, 1}};

		disk.write_error = ENOSPC;
		disk.part = i;
		disk.writes_left = 0;
		p.a->hand(p.a, &lost);
		assert_int_equal(p.a->join(p.a, &lost, &e), -ENOSPC);
		assert_int_equal(metric(&p, "pgveil_record_failing"), 1);
		disk_is_well();
		body = SPAN_LIT("well ");
		p.a->hand(p.a, &lost);
		assert_int_equal(p.a->join(p.a, &lost, &e), 0);
		assert_int_equal(metric(&p, "pgveil_record_failing"), 0);
		strcat(all, "well ");
	}
	p.a->end(p.a, &one);
	p.b->end(p.b, &two);
	end(&p);
	reads(&p, all);
	remove_tree(p.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(written_a_few_bytes_at_a_time),
		cmocka_unit_test(a_disk_that_is_full_or_read_only_for_a_while),
		cmocka_unit_test(a_disk_that_does_not_keep_it),
		cmocka_unit_test(nothing_begins_on_a_disk_that_cannot_be_written),
		cmocka_unit_test(the_quota), cmocka_unit_test(what_is_written_beside)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
