/* SPDX-License-Identifier: MIT */
/* An API object as a document: what it may name, what its strings are, and where its mistakes are told. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/confine.h"
#include "policy/document.h"
#include "policy/policy.h"

#define HEAD                                                                                                 \
	"{\"apiVersion\":\"pgveil.dev/"                                                                      \
	"v1\",\"kind\":\"MaskingPolicy\",\"metadata\":{\"name\":\"x\"},\"spec\":{"                           \
	"\"subjects\":[{\"pods\":{\"namespace\":\"a\"}}],\"databases\":[{\"name\":\"d\",\"address\":\"10.0." \
	"0.1:5432\","
#define RELAY "\"credential\":{\"relay\":{}},\"catalogCredential\":{\"user\":\"u\",\"passwordFile\":\"%s\"}}]"

struct dirs {
	char base[64], good[128], near[128], file[160];
	const char *secret[1];
};

static void put_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
	close(fd);
}

static void link_to(const struct dirs *d, const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", d->good, name);
	assert_int_equal(symlink(target, path), 0);
}

static void make_dirs(struct dirs *d)
{
	char path[256];

	strcpy(d->base, "/tmp/pgveil-object-XXXXXX");
	assert_non_null(mkdtemp(d->base));
	snprintf(d->good, sizeof(d->good), "%s/good", d->base);
	snprintf(d->near, sizeof(d->near), "%s/goodbye", d->base);
	assert_int_equal(mkdir(d->good, 0700), 0);
	assert_int_equal(mkdir(d->near, 0700), 0);
	snprintf(path, sizeof(path), "%s/..one", d->good);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/pw");
	put_file(path);
	snprintf(path, sizeof(path), "%s/pw", d->near);
	put_file(path);
	link_to(d, "..data", "..one");
	link_to(d, "pw", "..data/pw");
	link_to(d, "shadow", "/etc/passwd");
	link_to(d, "etc", "/etc");
	link_to(d, "near", "../goodbye/pw");
	link_to(d, "loop", "loop");
	snprintf(d->file, sizeof(d->file), "%s/pw", d->good);
	d->secret[0] = d->good;
}

static void remove_dirs(const struct dirs *d)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s'", d->base);
	assert_int_equal(system(command), 0);
}

static void test_what_may_be_named(void **state)
{
	static const struct {
		const char *path; /* behind the good directory; absolute ones as they are */
		int code;
	} cases[] = {{"/pw", 0}, {"/..data/pw", 0}, {"/..one/pw", 0}, {"", -EACCES}, {"/", -EACCES},
		{"/shadow", -EACCES}, {"/etc/passwd", -EACCES}, {"/near", -EACCES}, {"bye/pw", -EACCES},
		{"/../goodbye/pw", -EACCES}, {"/../../../etc/passwd", -EACCES}, {"/./pw", -EACCES},
		{"//pw", -EACCES}, {"/pw/", -EACCES}, {"/..", -EACCES}, {"/nothing", -ENOENT},
		{"/loop", -ELOOP}, {"/pw/x", -ENOTDIR}};
	struct dirs d;
	char path[512], long_path[6000];
	struct err e;

	(void)state;
	make_dirs(&d);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", d.good, cases[i].path);
		e = (struct err){0};
		if (confine_check(path, d.secret, 1, &e) != cases[i].code)
			fail_msg("%s: not %d: %s", path, cases[i].code, e.msg);
	}
	assert_int_equal(confine_check("/etc/passwd", d.secret, 1, &e), -EACCES);
	assert_int_equal(
		confine_check("/etc/nothing-there", d.secret, 1, &e), -EACCES); /* nor whether it is there */
	assert_int_equal(confine_check("pw", d.secret, 1, &e), -EACCES);
	assert_int_equal(confine_check("", d.secret, 1, &e), -EACCES);
	assert_int_equal(confine_check(d.file, NULL, 0, &e), -EACCES);
	assert_int_equal(confine_check(d.file, (const char *const[]){"/"}, 1, &e), -EACCES);
	assert_int_equal(confine_check(d.file, (const char *const[]){"/nothing", d.good}, 2, &e), 0);
	memset(long_path, 'a', sizeof(long_path) - 1);
	memcpy(long_path, d.good, strlen(d.good));
	long_path[strlen(d.good)] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_true(confine_check(long_path, d.secret, 1, &e) < 0);
	remove_dirs(&d);
}

/* Of one object; out is what is said first, "" where it loads. */
static void judge(const struct dirs *d, const char *text, char out[400])
{
	struct policy_object o = {"maskingpolicy/x", span_of(text, strlen(text)), NULL};
	struct policy_sources s = {.objects = &o, .nobjects = 1, .secret_dirs = d->secret, .nsecret_dirs = 1};
	struct complaints c = {0};
	struct policy *p;
	int r = policy_load_all(&p, &s, &c);

	snprintf(out, 400, "%s", c.n ? c.line[0] : "");
	assert_int_equal(r, c.n ? -EINVAL : 0);
	if (!r)
		policy_unref(p);
	complaints_fini(&c);
}

static void says(const struct dirs *d, const char *rest, const char *want)
{
	char text[4096], got[400];
	int n = snprintf(text, sizeof(text), HEAD RELAY, d->file);

	snprintf(text + n, sizeof(text) - (size_t)n, "%s}}", rest);
	judge(d, text, got);
	if (*want ? !strstr(got, want) : *got)
		fail_msg("%s\n  says: %s\n  not: %s", rest, got, want);
}

static void test_words_as_maps(void **state)
{
	struct dirs d;

	(void)state;
	make_dirs(&d);
	says(&d, "", "");
	says(&d,
		",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"redact\":{}},\"derived\":{\"null\":{}},"
		"\"predicates\":{\"deny\":{}}},{\"columns\":[\"a.b.d\"],\"with\":{\"email\":{}},"
		"\"predicates\":{\"allow\":{}}},{\"columns\":[\"a.b.e\"],\"with\":{\"null\":{}},"
		"\"predicates\":{\"equality\":{}}}]",
		"");
	says(&d,
		",\"mask\":[{\"detect\":[\"email\"],\"patterns\":[{\"name\":\"mrn\",\"pattern\":\"M-[0-9]{8}"
		"\"}],"
		"\"in\":[\"a.b.c\"],\"with\":{\"label\":{}}},"
		"{\"patterns\":[{\"name\":\"mrn\",\"pattern\":\"M-[0-9]{8}\"}],\"in\":[\"a.b.d\"],\"with\":{"
		"\"redact\":{}}}]",
		"");
	says(&d,
		",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"jsonpath\":{\"paths\":{\"$.a\":{\"keep\":{}}"
		","
		"\"$.b\":{\"redact\":{}}}}}}]",
		"");
	says(&d,
		",\"statements\":{\"default\":\"allow\",\"rules\":[{\"effects\":[\"read\"],\"relations\":["
		"\"none\"],"
		"\"verdict\":\"deny\"}]}",
		"");
	/* A word is one alone, and with nothing. */
	says(&d,
		",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"redact\":{}},\"predicates\":{\"allow\":{"
		"\"x\":1}}}]",
		"spec.mask[0].predicates");
	says(&d,
		",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"redact\":{}},\"predicates\":{\"allow\":{},"
		"\"deny\":{}}}]",
		"spec.mask[0].predicates");
	says(&d, ",\"mask\":[{\"patterns\":[],\"in\":[\"a.b.c\"],\"with\":{\"redact\":{}}}]",
		"spec.mask[0].patterns");
	remove_dirs(&d);
}

static void test_strings_are_data(void **state)
{
	struct dirs d;

	(void)state;
	make_dirs(&d);
	setenv("PGVEIL_TEST", "*", 1);
	says(&d, ",\"rows\":[{\"relation\":\"a.b\",\"filter\":\"x = '${PGVEIL_TEST}'\"}]",
		"maskingpolicy/x:spec.rows[0].filter: ${PGVEIL_TEST}: an object has no environment");
	says(&d, ",\"rows\":[{\"relation\":\"a.b\",\"filter\":\"x = '$${PGVEIL_TEST}'\"}]", "");
	/* A text that reads as a word or a switch is none: the type is what counts. */
	says(&d, ",\"statements\":{\"readOnly\":\"true\"}", "spec.statements.readOnly");
	says(&d, ",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"fixed\":null}}]",
		"spec.mask[0].with.fixed");
	says(&d, ",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"fixed\":\"null\\n  - evil: &x yes\"}}]",
		"");
	says(&d, ",\"mask\":[{\"columns\":[\"a.b.c\\\",\\\"with: {}\"],\"with\":{\"redact\":{}}}]",
		"spec.mask[0].columns[0]");
	says(&d, ",\"nothing\":1", "maskingpolicy/x:spec.nothing: spec has no \"nothing\"");
	says(&d, ",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"fixed\":\"a\\u0007b\"}}]", "");
	remove_dirs(&d);
}

static void test_positions(void **state)
{
	struct dirs d;
	char got[400];

	(void)state;
	make_dirs(&d);
	says(&d,
		",\"mask\":[{\"columns\":[\"a.b.c\"],\"with\":{\"redact\":{}}},{\"columns\":[\"a.b.c\","
		"\"oops\"],"
		"\"with\":{\"null\":{}}}]",
		"maskingpolicy/x:spec.mask[1].columns[1]: ");
	judge(&d, "{}", got);
	assert_non_null(strstr(got, "maskingpolicy/x:: document lacks"));
	judge(&d, "{\"a\": \"\x7f\"}", got);
	assert_non_null(strstr(got, "maskingpolicy/x:"));
	judge(&d, "", got);
	assert_non_null(strstr(got, "no document"));
	remove_dirs(&d);
}

/* Nothing at all is a policy that lets nobody do anything; half of one is none. */
static void test_all_or_nothing(void **state)
{
	char text[2048];
	struct dirs d;
	struct complaints c = {0};
	struct policy *p;

	(void)state;
	make_dirs(&d);
	assert_int_equal(policy_load_all(&p, &(struct policy_sources){0}, &c), 0);
	assert_int_equal(policy_databases(p), 0);
	policy_unref(p);
	snprintf(text, sizeof(text), HEAD RELAY "}}", d.file);
	{
		struct policy_object two[] = {{"maskingpolicy/x", span_of(text, strlen(text)), NULL},
			{"maskingpolicy/y", span_of(text, strlen(text)), NULL}};
		struct policy_sources s = {
			.objects = two, .nobjects = 2, .secret_dirs = d.secret, .nsecret_dirs = 1};

		assert_int_equal(policy_load_all(&p, &s, &c), -EINVAL);
		assert_non_null(
			strstr(c.line[0], "maskingpolicy/y:metadata.name: the document at maskingpolicy/x"));
		complaints_fini(&c);
		two[1] = (struct policy_object){"maskingpolicy/y", {0}, "it is too large"};
		assert_int_equal(policy_load_all(&p, &s, &c), -EINVAL);
		assert_string_equal(c.line[0], "maskingpolicy/y:: it is too large");
		complaints_fini(&c);
	}
	remove_dirs(&d);
}

/* As many entries and names as there may be, for one address: who may write an object is not to keep the
 * daemon from its work. By comparing all with all it is 15 seconds. */
static void test_many_names(void **state)
{
	enum { ENTRIES = 256, NAMES = 256, CAP = 1 << 20 };
	char *text = malloc(CAP), got[400];
	struct timespec from, to;
	struct dirs d;
	size_t n;

	(void)state;
	assert_non_null(text);
	make_dirs(&d);
	for (unsigned twice = 0; twice < 2; twice++) {
		n = (size_t)snprintf(text, CAP, HEAD RELAY, d.file) - 2; /* without "}]" */
		n += (size_t)sprintf(text + n, ",\"databases\":[\"x\"]}");
		for (unsigned i = 1; i < ENTRIES; i++) {
			n += (size_t)sprintf(text + n,
				",{\"name\":\"d%u\",\"address\":\"10.0.0.1:5432\",\"credential\":{\"relay\":{"
				"}},"
				"\"catalogCredential\":{\"user\":\"u\",\"passwordFile\":\"%s\"},"
				"\"databases\":[",
				i, d.file);
			for (unsigned j = 0; j < NAMES; j++)
				n += (size_t)sprintf(text + n, "%s\"%x_%x\"", j ? "," : "", j,
					twice && i == 200 && j == 77 ? 3 : i);
			n += (size_t)sprintf(text + n, "]}");
		}
		sprintf(text + n, "]}}");
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		judge(&d, text, got);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		if (twice ? !strstr(got, "spec.databases[200]: entry \"d3\"") ||
					!strstr(got, "\"4d_3\" already")
			  : *got)
			fail_msg("%s", got);
		assert_true(to.tv_sec - from.tv_sec < 5);
	}
	free(text);
	remove_dirs(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_may_be_named),
		cmocka_unit_test(test_words_as_maps),
		cmocka_unit_test(test_strings_are_data),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
