/* SPDX-License-Identifier: MIT */
/* Which namespaces are guarded. Sequences of all else: kube_model.c. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "kube/book.h"

static uint64_t wall(void)
{
	return 1;
}

static struct book *make(const char *names, bool labelled, bool release)
{
	const struct book_config cfg = {
		.guard_namespaces = names, .guard_labelled = labelled, .release = release, .wall_ms = wall};
	struct book *b;

	assert_int_equal(book_new(&b, &cfg, &(struct err){0}), 0);
	return b;
}

static void space(struct book *b, const char *name, const char *guard)
{
	json_t *o = json_pack("{s:{s:s, s:{s:s*}}}", "metadata", "name", name, "labels", GUARD_LABEL, guard);

	assert_true(book_namespace_put(b, o));
	json_decref(o);
}

static void pod(struct book *b, const char *uid, const char *namespace, bool enroll)
{
	json_t *o = json_pack("{s:{s:s, s:s, s:s, s:{s:s}}, s:{s:s, s:[{s:s}]}}", "metadata", "name", uid,
		"namespace", namespace, "uid", uid, "labels", ENROLL_LABEL, enroll ? "true" : "false", "spec",
		"nodeName", "n", "containers", "name", "c");

	assert_true(book_pod_put(b, o));
	json_decref(o);
}

static void is(struct book *b, const char *uid, enum pod_state want)
{
	struct pod_verdict v;

	book_verdict(b, uid, &v);
	if (v.state != want)
		fail_msg("%s is %s, not %s: %s", uid, pod_state_name(v.state), pod_state_name(want), v.why);
	pod_verdict_fini(&v);
}

#define A "00000000-0000-0000-0000-00000000000a"
#define B "00000000-0000-0000-0000-00000000000b"
#define C "00000000-0000-0000-0000-00000000000c"

static void test_by_name(void **state)
{
	struct book *b = make("agents,more", false, false);

	(void)state;
	pod(b, A, "agents", true);
	pod(b, B, "agent", true);
	pod(b, C, "more", false);
	is(b, A, POD_ENROLLED);
	is(b, B, POD_EXEMPT); /* its namespace's name is known from itself */
	is(b, C, POD_UNKNOWN);
	space(b, "more", NULL);
	is(b, C, POD_EXEMPT);
	is(b, "00000000-0000-0000-0000-00000000000d", POD_UNKNOWN);
	book_free(b);
}

static void test_by_label(void **state)
{
	struct book *b = make("always", true, false);

	(void)state;
	pod(b, A, "agents", true);
	pod(b, B, "always", true);
	is(b, A, POD_UNKNOWN); /* refused: its namespace may be guarded */
	is(b, B, POD_ENROLLED);
	space(b, "agents", "yes");
	is(b, A, POD_EXEMPT);
	space(b, "agents", "true");
	is(b, A, POD_ENROLLED);
	space(b, "agents", NULL);
	is(b, A, POD_ENROLLED); /* until it ends */
	book_free(b);
	b = make(NULL, true, true);
	pod(b, A, "agents", true);
	space(b, "agents", "true");
	is(b, A, POD_ENROLLED);
	space(b, "agents", "false");
	is(b, A, POD_EXEMPT);
	book_free(b);
}

static void test_no_list_is_all(void **state)
{
	struct book *b = make(NULL, false, false);

	(void)state;
	pod(b, A, "any", true);
	is(b, A, POD_ENROLLED);
	book_free(b);
	b = make("", false, false); /* an empty one is none of them */
	pod(b, A, "any", true);
	is(b, A, POD_EXEMPT);
	book_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_by_label),
		cmocka_unit_test(test_no_list_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
