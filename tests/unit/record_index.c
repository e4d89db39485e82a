/* SPDX-License-Identifier: MIT */
/* The index finds what the recording holds, goes on where it was, and believes nothing that was altered. */
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include "record/index.h"
#include "record/journal.h"
#include "record/segment.h"

#define NOW 1764460800000000u

static const uint8_t seal_secret[SEAL_PRIVATE] = {1, 2, 3};
static const uint8_t key[CIPHER_KEY] = {7, 7, 7};

struct place {
	char dir[64], run_dir[80];
	const uint8_t *key;
	struct journal *j;
	struct quill *q;
};

static void begin_run(struct place *p, uint32_t run)
{
	struct journal_config cfg = {
		.dir = p->run_dir, .node = "here", .segment_max = 4000, .seal = seal_secret, .key = p->key};
	struct journal_found found;
	char name[RUN_NAME];

	run_name(run, name);
	snprintf(p->run_dir, sizeof(p->run_dir), "%.60s/%s", p->dir, name);
	assert_true(mkdir(p->run_dir, 0700) == 0 || errno == EEXIST);
	assert_int_equal(journal_open(&p->j, &cfg, NOW, &found, NULL), 0);
	assert_int_equal(quill_new(&p->q, p->j, NULL), 0);
}

static void end_run(struct place *p)
{
	quill_free(p->q);
	journal_close(p->j, NOW);
}

static void make(struct place *p, const uint8_t *k)
{
	*p = (struct place){.key = k};
	snprintf(p->dir, sizeof(p->dir), "%s/index.XXXXXX",
		access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	begin_run(p, 1);
}

static int unlink_it(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void unmake(struct place *p)
{
	assert_int_equal(nftw(p->dir, unlink_it, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(struct place *p, enum record_kind kind, uint64_t session, uint64_t after_s, struct body *b)
{
	const struct span part = span_of(b->p, b->n);
	const struct record rec = {
		.kind = kind, .session = session, .time_us = NOW + after_s * 1000000, .parts = &part, .n = 1};
	struct ticket t;

	assert_false(b->failed);
	assert_int_equal(journal_put(p->q, &rec, &t, NULL), 0);
	assert_int_equal(journal_commit(p->j, t, NULL), 0);
	body_fini(b);
}

static void put_begin(struct place *p, uint64_t session, uint64_t at, const char *cgroup, const char *dbname)
{
	struct body b;

	body_grow(&b, 65536);
	body_put_text(&b, BODY_CGROUP, cgroup);
	body_put_text(&b, BODY_COMM, "psql");
	body_put_number(&b, BODY_UID, 1000 + session);
	body_put_text(&b, BODY_DATABASE, "crm");
	body_put_text(&b, BODY_DBNAME, dbname);
	put(p, RECORD_BEGIN, session, at, &b);
}

static void put_statement(struct place *p, uint64_t session, uint64_t at, uint64_t n, const char *verdict,
	const char *relation, const char *column)
{
	struct body b;

	body_grow(&b, 65536);
	body_put_number(&b, BODY_STATEMENT, n);
	body_put_text(&b, BODY_TEXT, "SELECT 'a secret'");
	body_put_text(&b, BODY_VERDICT, verdict);
	body_put_text(&b, BODY_RELATION, relation);
	body_put_text(&b, BODY_RELATION, "public.common");
	body_put_text(&b, BODY_COLUMN, column);
	body_put_text(&b, BODY_RULE, "crm.yaml:12");
	put(p, RECORD_STATEMENT, session, at, &b);
	body_grow(&b, 65536);
	body_put_number(&b, BODY_STATEMENT, n);
	body_put_number(&b, BODY_ROWS, 10);
	body_put_number(&b, BODY_BYTES, 100);
	body_put_number(&b, BODY_MASKED, 3);
	put(p, RECORD_DONE, session, at, &b);
}

static void put_end(struct place *p, uint64_t session, uint64_t at)
{
	struct body b;

	body_grow(&b, 65536);
	body_put_text(&b, BODY_CLOSED, "terminated");
	put(p, RECORD_END, session, at, &b);
}

/* Three sessions: two of agents, the last of which does not end. */
static void fill(struct place *p)
{
	put_begin(p, 1, 1, "/agents/claude.scope", "shop");
	put_statement(p, 1, 2, 1, "allow", "public.orders", "public.orders.card");
	put_statement(p, 1, 3, 2, "deny", "public.users", "public.users.ssn");
	put_begin(p, 2, 4, "/system/cron", "hr");
	put_statement(p, 2, 5, 1, "allow", "public.users", "");
	put_end(p, 1, 6);
	put_end(p, 2, 7);
	put_begin(p, 3, 8, "/agents/other.scope", "shop");
}

/* "3 2 1": what is found, in its order; and of the last one everything. */
struct found {
	char ids[256];
	struct indexed_session last;
};

static int note(void *arg, const struct indexed_session *s)
{
	struct found *f = arg;
	size_t n = strlen(f->ids);

	snprintf(f->ids + n, sizeof(f->ids) - n, "%s%u-%llu", n ? " " : "", s->run,
		(unsigned long long)s->session);
	f->last = *s;
	return 0;
}

static struct index *look_at(const struct place *p, bool anew)
{
	const struct index_config cfg = {.dir = p->dir, .key = p->key, .anew = anew};
	struct index *ix;
	struct err e = {0};
	int r = index_open(&ix, &cfg, &e);

	if (r)
		print_error("%s\n", e.msg);
	assert_int_equal(r, 0);
	return ix;
}

static struct found find(const struct place *p, const struct index_filter *f)
{
	struct index *ix = look_at(p, false);
	struct found out = {.ids = ""};

	assert_int_equal(index_sessions(ix, f, note, &out, NULL), 0);
	index_close(ix);
	return out;
}

#define FIND(p, ...) find(p, &(struct index_filter){__VA_ARGS__}).ids

static void filters(void **state)
{
	struct index_filter all = {0};
	struct found f;
	struct place p;

	(void)state;
	make(&p, NULL);
	fill(&p);
	f = find(&p, &all);
	assert_string_equal(f.ids, "1-3 1-2 1-1");
	assert_int_equal(f.last.statements, 2);
	assert_int_equal(f.last.refused, 1);
	assert_int_equal(f.last.rows, 20);
	assert_int_equal(f.last.bytes, 200);
	assert_int_equal(f.last.masked, 6);
	assert_int_equal(f.last.uid, 1001);
	assert_int_equal(f.last.began_us, NOW + 1000000);
	assert_int_equal(f.last.ended_us, NOW + 6000000);
	assert_string_equal(FIND(&p, .identity = "/agents/*"), "1-3 1-1");
	assert_string_equal(FIND(&p, .identity = "/agents"), "1-3 1-1");
	assert_string_equal(FIND(&p, .identity = "1002"), "1-2");
	assert_string_equal(FIND(&p, .identity = "psql"), "1-3 1-2 1-1");
	assert_string_equal(FIND(&p, .database = "hr"), "1-2");
	assert_string_equal(FIND(&p, .database = "crm"), "1-3 1-2 1-1");
	assert_string_equal(FIND(&p, .relation = "public.users"), "1-2 1-1");
	assert_string_equal(FIND(&p, .column = "*.ssn"), "1-1");
	assert_string_equal(FIND(&p, .verdict = "deny"), "1-1");
	assert_string_equal(FIND(&p, .rule = "crm.yaml:*"), "1-2 1-1");
	/* Of one and the same statement. */
	assert_string_equal(FIND(&p, .verdict = "deny", .relation = "public.orders"), "");
	assert_string_equal(FIND(&p, .verdict = "allow", .relation = "public.users"), "1-2");
	assert_string_equal(FIND(&p, .verdict = "deny", .relation = "public.users",
				    .column = "public.users.ssn", .rule = "*"),
		"1-1");
	assert_string_equal(FIND(&p, .live = true), "1-3");
	assert_string_equal(FIND(&p, .limit = 1), "1-3");
	assert_string_equal(FIND(&p, .since_us = NOW + 7000000), "1-3 1-2");
	assert_string_equal(FIND(&p, .until_us = NOW + 4000000), "1-2 1-1");
	assert_string_equal(FIND(&p, .run = 1, .session = 2), "1-2");
	assert_string_equal(FIND(&p, .run = 2), "");
	assert_string_equal(FIND(&p, .identity = "' OR 1=1 --"), "");
	end_run(&p);
	unmake(&p);
}

static void it_goes_on_where_it_was(void **state)
{
	struct index *ix;
	struct place p;

	(void)state;
	make(&p, NULL);
	fill(&p);
	ix = look_at(&p, false);
	assert_true(index_added(ix) > 8);
	index_close(ix);
	ix = look_at(&p, false);
	assert_int_equal(index_added(ix), 0);
	index_close(ix);
	put_statement(&p, 3, 9, 1, "ask", "public.late", "");
	ix = look_at(&p, false);
	assert_int_equal(index_added(ix), 2);
	assert_null(index_trouble(ix, 0));
	index_close(ix);
	assert_string_equal(FIND(&p, .verdict = "ask"), "1-3");
	end_run(&p);
	begin_run(&p, 2);
	put_begin(&p, 1, 20, "/x", "shop");
	assert_string_equal(FIND(&p, .database = "shop"), "2-1 1-3 1-1");
	/* Anew it is the same. */
	ix = look_at(&p, true);
	assert_true(index_added(ix) > 12);
	index_close(ix);
	assert_string_equal(FIND(&p, .database = "shop"), "2-1 1-3 1-1");
	end_run(&p);
	unmake(&p);
}

static size_t holds(const struct place *p, const char *what)
{
	char path[128], buf[1 << 18];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/" INDEX_FILE, p->dir);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return memmem(buf, n, what, strlen(what)) != NULL;
}

static void no_text_is_in_it_and_a_damaged_one_is_made_anew(void **state)
{
	char path[128];
	struct place p;
	FILE *f;

	(void)state;
	make(&p, NULL);
	fill(&p);
	assert_string_equal(FIND(&p, .database = "hr"), "1-2");
	assert_true(holds(&p, "public.orders"));
	assert_false(holds(&p, "secret"));
	snprintf(path, sizeof(path), "%s/" INDEX_FILE, p.dir);
	f = fopen(path, "r+");
	for (unsigned i = 0; i < 4096; i++)
		fputc(i & 0xff, f);
	fclose(f);
	assert_string_equal(FIND(&p, .database = "hr"), "1-2");
	assert_int_equal(truncate(path, 5000), 0);
	assert_string_equal(FIND(&p, .database = "hr"), "1-2");
	end_run(&p);
	unmake(&p);
}

static void enciphered(void **state)
{
	struct index_config cfg = {.key = NULL};
	struct index *ix;
	struct err e = {0};
	struct place p;

	(void)state;
	make(&p, key);
	fill(&p);
	cfg.dir = p.dir;
	assert_int_equal(index_open(&ix, &cfg, &e), -ENOKEY);
	assert_string_equal(FIND(&p, .database = "hr"), "1-2");
	/* What is known already needs none. */
	assert_int_equal(index_open(&ix, &cfg, &e), 0);
	index_close(ix);
	end_run(&p);
	unmake(&p);
}

static void flip(const struct place *p, uint64_t segment, long at)
{
	char path[160], name[SEGMENT_NAME];
	FILE *f;
	int c;

	segment_name(segment, name);
	snprintf(path, sizeof(path), "%s/%s", p->run_dir, name);
	f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 1, f);
	fclose(f);
}

static void what_was_altered_is_not_taken(void **state)
{
	struct index *ix;
	struct place p;

	(void)state;
	make(&p, NULL);
	put_begin(&p, 1, 1, "/a", "one");
	put_begin(&p, 2, 2, "/b", "two");
	end_run(&p);
	/* In the body of the second session's beginning. */
	flip(&p, 0, 300);
	ix = look_at(&p, false);
	assert_non_null(index_trouble(ix, 0));
	assert_int_equal(index_trouble(ix, 0)->run, 1);
	index_close(ix);
	assert_string_equal(FIND(&p, .database = "two"), "");
	unmake(&p);
}

/* Another chain in the place of one that it has seen. */
static void what_is_not_what_it_was_is_said_and_read_anew(void **state)
{
	struct place p, other;
	struct index *ix;
	struct found f = {.ids = ""};
	const struct index_filter all = {0};

	(void)state;
	make(&p, NULL);
	fill(&p);
	end_run(&p);
	assert_string_equal(FIND(&p, .database = "hr"), "1-2");
	make(&other, NULL);
	put_begin(&other, 1, 1, "/a", "elsewhere");
	end_run(&other);
	assert_int_equal(nftw(p.run_dir, unlink_it, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(rename(other.run_dir, p.run_dir), 0);
	ix = look_at(&p, false);
	assert_non_null(index_trouble(ix, 0));
	assert_int_equal(index_sessions(ix, &all, note, &f, NULL), 0);
	assert_string_equal(f.ids, "1-1");
	index_close(ix);
	/* And a run that is gone is forgotten. */
	assert_int_equal(nftw(p.run_dir, unlink_it, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_string_equal(FIND(&p, .run = 0), "");
	unmake(&p);
	unmake(&other);
}

static void what_retention_took_is_forgotten(void **state)
{
	char path[160], name[SEGMENT_NAME];
	struct place p;
	uint64_t *segments;
	size_t n;
	int fd;

	(void)state;
	make(&p, NULL);
	put_begin(&p, 1, 1, "/a", "first");
	put_end(&p, 1, 1);
	put_begin(&p, 2, 1, "/a", "second");
	for (unsigned i = 0; i < 100; i++)
		put_statement(&p, 2, 2, i + 1, "allow", "public.t", "");
	end_run(&p);
	assert_string_equal(FIND(&p, .identity = "/a"), "1-2 1-1");
	fd = open(p.run_dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(segment_list(fd, &segments, &n, NULL), 0);
	assert_true(n > 2);
	segment_name(segments[0], name);
	snprintf(path, sizeof(path), "%s/%s", p.run_dir, name);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(FIND(&p, .identity = "/a"), "1-2");
	/* Made anew it does not know whose it was. */
	index_close(look_at(&p, true));
	assert_string_equal(FIND(&p, .relation = "public.t"), "1-2");
	free(segments);
	close(fd);
	unmake(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters),
		cmocka_unit_test(it_goes_on_where_it_was),
		cmocka_unit_test(no_text_is_in_it_and_a_damaged_one_is_made_anew),
		cmocka_unit_test(enciphered),
		cmocka_unit_test(what_was_altered_is_not_taken),
		cmocka_unit_test(what_is_not_what_it_was_is_said_and_read_anew),
		cmocka_unit_test(what_retention_took_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
