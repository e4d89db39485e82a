/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "ctl/ledger.h"

struct seen {
	unsigned n;
	char text[512];
};

static void on_entry(void *arg, const struct ledger_entry *x)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	s->n++;
	snprintf(s->text + len, sizeof(s->text) - len, "%s %llu %s %s %d\n", x->cgroup,
		(unsigned long long)x->id, x->netns ? x->netns : "-", enrolled_by_name(x->by), x->made);
}

static char *make_dir(void)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/ledger.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

static void remove_dir(const char *dir)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/enrolled.json", dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* and nothing else was left in it */
}

static void put(const char *dir, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/enrolled.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void what_is_written_is_read(void **state)
{
	const struct ledger_entry entry[] = {
		{"/a/b \"c\".scope", 1ULL << 62, "/run/netns/x", ENROLLED_BY_ADMIN, false},
		{"/d", 2, NULL, ENROLLED_BY_POLICY, true},
		{"/kubepods/pod1", 3, NULL, ENROLLED_BY_POD, false},
	};
	char *dir = make_dir();
	struct ledger *l;
	struct seen s = {0};

	(void)state;
	for (int round = 0; round < 2; round++) { /* the second replaces the first */
		assert_int_equal(ledger_begin(&l, NULL), 0);
		for (size_t i = 0; i < 3; i++)
			ledger_add(l, &entry[i]);
		assert_int_equal(ledger_commit(l, dir, NULL), 0);
	}
	assert_int_equal(ledger_read(dir, on_entry, &s, NULL), 0);
	assert_string_equal(s.text,
		"/a/b \"c\".scope 4611686018427387904 /run/netns/x admin 0\n/d 2 - policy 1\n"
		"/kubepods/pod1 3 - pod 0\n");
	remove_dir(dir);
}

static void no_file_is_no_entries(void **state)
{
	char *dir = make_dir();
	struct seen s = {0};

	(void)state;
	assert_int_equal(ledger_read(dir, on_entry, &s, NULL), 0);
	assert_int_equal(s.n, 0);
	remove_dir(dir);
}

static void a_broken_file_is_a_failure(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{\"version\": 2, \"enrolled\": []}",
		"{\"version\": 1, \"enrolled\": [{\"cgroup\": \"/a\", \"by\": \"admin\"}]}",
		"{\"version\": 1, \"enrolled\": [{\"cgroup\": \"a\", \"id\": 1, \"by\": \"admin\"}]}",
		"{\"version\": 1, \"enrolled\": [{\"id\": 1, \"by\": \"admin\"}]}",
	};
	char *dir = make_dir();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct seen s = {0};
		struct err e = {0};

		put(dir, bad[i]);
		assert_int_not_equal(ledger_read(dir, on_entry, &s, &e), 0);
		assert_int_equal(s.n, 0);
		assert_string_not_equal(e.msg, "");
	}
	remove_dir(dir);
}

static void a_directory_that_is_gone_is_a_failure(void **state)
{
	const struct ledger_entry entry = {"/a", 1, NULL, true, false};
	struct ledger *l;

	(void)state;
	assert_int_equal(ledger_begin(&l, NULL), 0);
	ledger_add(l, &entry);
	assert_int_equal(ledger_commit(l, "/nonexistent/pgveil", NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(no_file_is_no_entries),
		cmocka_unit_test(a_broken_file_is_a_failure),
		cmocka_unit_test(a_directory_that_is_gone_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
