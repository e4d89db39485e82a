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

/* Asked for when all of this was known. */
static void asked(struct book *b, const char *name, const char *guard)
{
	json_t *o = json_pack("{s:{s:s, s:{s:s*}}}", "metadata", "name", name, "labels", GUARD_LABEL, guard);
	char of[NAMESPACE_NAME_MAX];
	uint64_t news;

	assert_true(book_doubt(b, of, &news));
	assert_string_equal(of, name);
	assert_true(book_sure(b, name, news, o));
	assert_false(book_doubt(b, of, &news));
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
	is(b, C, POD_UNKNOWN);
	asked(b, "more", NULL);
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
	asked(b, "agents", "yes");
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
	is(b, A, POD_ENROLLED);
	asked(b, "agents", NULL);
	is(b, A, POD_EXEMPT);
	book_free(b);
}

static void put_space(struct book *b, const char *name, bool enroll)
{
	json_t *o = json_pack("{s:{s:s, s:{s:s}}}", "metadata", "name", name, "labels", ENROLL_LABEL,
		enroll ? "true" : "false");

	assert_true(book_namespace_put(b, o));
	json_decref(o);
}

static bool answers(struct book *b, const char *name, uint64_t news, bool enroll)
{
	json_t *o = json_pack("{s:{s:s, s:{s:s}}}", "metadata", "name", name, "labels", ENROLL_LABEL,
		enroll ? "true" : "false");
	bool sure = book_sure(b, name, news, o);

	json_decref(o);
	return sure;
}

/* What is known of a namespace may be of one that is gone, or from before it was labelled. */
static void test_a_watch_that_is_behind(void **state)
{
	struct book *b = make(NULL, false, false);
	char name[NAMESPACE_NAME_MAX], second[NAMESPACE_NAME_MAX];
	uint64_t news, later;

	(void)state;
	assert_false(book_doubt(b, name, &news));
	put_space(b, "x", false);
	pod(b, A, "x", false);
	is(b, A, POD_UNKNOWN);
	assert_true(book_doubt(b, name, &news));
	assert_string_equal(name, "x");
	/* Labelled by now, which the watch did not tell yet; or there is none; or it is another's answer. */
	assert_false(answers(b, "x", news, true));
	is(b, A, POD_UNKNOWN);
	assert_false(book_sure(b, "x", news, NULL));
	(void)answers(b, "xx", news, false);
	is(b, A, POD_UNKNOWN);
	/* Each in its turn: one that is not settled does not keep others from it. */
	put_space(b, "y", false);
	pod(b, B, "y", false);
	assert_true(book_doubt(b, name, &news));
	assert_string_equal(name, "y");
	assert_true(book_doubt(b, second, &later));
	assert_string_equal(second, "x");
	/* An answer says nothing of a pod that came after the question. */
	pod(b, C, "y", false);
	assert_false(answers(b, "y", news, false));
	is(b, B, POD_EXEMPT);
	is(b, C, POD_UNKNOWN);
	/* One that is labelled is not asked for; what was exempt becomes what it is now. */
	put_space(b, "x", true);
	put_space(b, "y", true);
	is(b, A, POD_ENROLLED);
	is(b, B, POD_ENROLLED);
	is(b, C, POD_ENROLLED);
	assert_false(book_doubt(b, name, &news));
	book_free(b);
}

static void forget(struct book *b, const char *uid, const char *namespace)
{
	json_t *o = json_pack("{s:{s:s, s:s, s:s}, s:{s:s}}", "metadata", "name", uid, "namespace", namespace,
		"uid", uid, "spec", "nodeName", "n");

	book_pod_gone(b, o);
	json_decref(o);
}

/* Deleted with force it lives on, and its namespace may be made anew without a label. */
static void test_gone_is_not_released(void **state)
{
	struct book *b = make(NULL, false, true);
	char name[NAMESPACE_NAME_MAX];
	uint64_t news;

	(void)state;
	put_space(b, "x", false);
	pod(b, A, "x", false);
	book_cgroup(b, A, true);
	asked(b, "x", NULL);
	is(b, A, POD_EXEMPT);
	put_space(b, "x", true);
	is(b, A, POD_ENROLLED);
	forget(b, A, "x");
	put_space(b, "x", false);
	is(b, A, POD_ENROLLED);
	assert_false(book_doubt(b, name, &news));
	book_cgroup(b, A, false);
	is(b, A, POD_UNKNOWN);
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

#define HASH "0123456789abcdef0123456789abcdef"

static json_t *mirror(const char *uid, const char *namespace, const char *name, bool enroll)
{
	json_t *o = json_pack("{s:{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s}}, s:{s:s, s:s, s:[{s:s}]}}",
		"metadata", "uid", uid, "namespace", namespace, "name", name, "annotations",
		"kubernetes.io/config.hash", HASH, "kubernetes.io/config.mirror", HASH, "labels",
		enroll ? "pgveil.dev/enroll" : "x", "true", "spec", "nodeName", "n", "serviceAccountName", "",
		"containers", "name", "c");

	assert_non_null(o);
	return o;
}

static void put(struct book *b, json_t *o)
{
	assert_true(book_pod_put(b, o));
	json_decref(o);
}

static void gone(struct book *b, json_t *o)
{
	book_pod_gone(b, o);
	json_decref(o);
}

/* Anybody who may create a pod may write another's hash into it: a static pod is not let go by that, nor is
 * it taken for what the other one is, whichever came first. */
static void test_a_forged_mirror(void **state)
{
	static const char *const one = "11111111-1111-1111-1111-111111111111",
				 *two = "22222222-2222-2222-2222-222222222222",
				 *three = "33333333-3333-3333-3333-333333333333";

	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		struct book *b = make(NULL, false, true);
		struct pod_verdict v;

		space(b, "kube-system", NULL);
		space(b, "evil", NULL);
		put(b, first ? mirror(two, "evil", "agent-n", false)
			     : mirror(one, "kube-system", "agent-n", true));
		put(b, first ? mirror(one, "kube-system", "agent-n", true)
			     : mirror(two, "evil", "agent-n", false));
		is(b, HASH, POD_DENIED);
		gone(b, mirror(two, "evil", "agent-n", false));
		if (!first) {
			is(b, HASH, POD_DENIED);
			book_verdict(b, HASH, &v);
			assert_string_equal(v.pod->namespace, "kube-system");
			pod_verdict_fini(&v);
		}
		book_free(b);
	}
	/* the kubelet makes it anew, by the same name */
	struct book *b = make(NULL, false, false);

	space(b, "kube-system", NULL);
	put(b, mirror(one, "kube-system", "agent-n", true));
	put(b, mirror(three, "kube-system", "agent-n", true));
	is(b, HASH, POD_ENROLLED);
	gone(b, mirror(one, "kube-system", "agent-n", true));
	is(b, HASH, POD_ENROLLED);
	book_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_by_label),
		cmocka_unit_test(test_a_watch_that_is_behind),
		cmocka_unit_test(test_gone_is_not_released),
		cmocka_unit_test(test_no_list_is_all),
		cmocka_unit_test(test_a_forged_mirror),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
