/* SPDX-License-Identifier: MIT */
#include "policy/key.h"

#include "test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD "0123456789abcdef0123456789abcdef"
#define NEW "fedcba9876543210fedcba9876543210"

static char path[] = "/tmp/pgveil-key-XXXXXX";

static void put(const char *content)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(content, f);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
}

static void read_key(uint8_t key[HMAC_KEY_LEN], const char *content, const char *id)
{
	struct err e = {0};

	put(content);
	if (key_read(key, path, id, &e))
		fail_msg("%s", e.msg);
}

static void refuse(const char *content, const char *id, const char *why)
{
	uint8_t key[HMAC_KEY_LEN];
	struct err e = {0};

	put(content);
	assert_true(key_read(key, path, id, &e) < 0);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, why);
	/* nothing of what is in the file */
	assert_null(strstr(e.msg, "0123"));
	assert_null(strstr(e.msg, "fedc"));
}

static void lists(void **state)
{
	uint8_t old[HMAC_KEY_LEN], new[HMAC_KEY_LEN], key[HMAC_KEY_LEN];

	(void)state;
	read_key(old, OLD "\n", NULL);
	read_key(new, NEW, NULL);
	assert_memory_not_equal(old, new, sizeof(old));
	/* a key under an id is the key that a file of its own would be */
	read_key(key, "k1: " OLD "\n", NULL);
	assert_memory_equal(key, old, sizeof(key));
	read_key(key, "# rotated\n\n  2026-11.b:\t" NEW "  \r\nk1: " OLD, NULL);
	assert_memory_equal(key, new, sizeof(key));
	read_key(key, "k2: " NEW "\nk1: " OLD "\n", "k1");
	assert_memory_equal(key, old, sizeof(key));
	read_key(key, "k2: " NEW "\nk1: " OLD "\n", "k2");
	assert_memory_equal(key, new, sizeof(key));
}

static void wrong_lists(void **state)
{
	(void)state;
	refuse("k1: " OLD "\n", "k2", "no key of that id");
	refuse(OLD "\n", "k1", "its key has no id");
	refuse("k1: " OLD "\nk1: " NEW "\n", NULL, "line 2 has the id of another key");
	refuse("k1: " OLD "\n\n" NEW "\n", NULL, "line 3 is not \"ID: KEY\"");
	refuse("k1: " OLD "\nk 2: " NEW "\n", NULL, "line 2 is not \"ID: KEY\"");
	/* all of them are looked at, not only the one that is used */
	refuse("k1: " OLD "\nk2: 0123456789\n", NULL, "shorter than 32 bytes");
	refuse("k1: " OLD "\nk2: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "k1", "not random");
}

/* What only looks like a list is one key, as it always was. */
static void no_lists(void **state)
{
	static const char *const same[][2] = {
		{"a:" OLD, "no blank behind the colon"},
		{": " OLD, "no id"},
		{"a b: " OLD, "a blank in the id"},
		{"an-id-that-is-longer-than-thirty-two: " OLD, "a long id"},
		{"k1: " OLD "\x80", "not text"},
	};
	uint8_t key[HMAC_KEY_LEN], old[HMAC_KEY_LEN];

	(void)state;
	read_key(old, OLD, NULL);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		read_key(key, same[i][0], NULL);
		assert_memory_not_equal(key, old, sizeof(key));
		refuse(same[i][0], "k1", "its key has no id");
	}
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(wrong_lists),
		cmocka_unit_test(no_lists),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
