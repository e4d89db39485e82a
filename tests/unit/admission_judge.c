/* SPDX-License-Identifier: MIT */
#include "admission/judge.h"
#include "test.h"

#define DAEMON    "system:serviceaccount:pgveil-system:pgveild"
#define REQUESTER "system:serviceaccount:agents:claude"
#define OTHER     "system:serviceaccount:ops:bot"
#define NOW       1767265200 /* 2026-01-01T11:00:00Z */

static const char *const daemons[] = {DAEMON}, *const accounts[] = {OTHER};
static const struct judge_rules rules = {daemons, 1, accounts, 1};

static const char model[] =
	"{\"apiVersion\": \"pgveil.dev/v1\", \"kind\": \"StatementApproval\", \"metadata\": {\"name\": "
	"\"x\"},"
	" \"spec\": {\"requester\": {\"namespace\": \"agents\", \"serviceAccount\": \"claude\"},"
	" \"statement\": \"DELETE FROM t\", \"expires\": \"2026-01-01T12:00:00Z\"}}";

static json_t *object_of(const char *changes)
{
	json_t *o, *merge;

	if (strcmp(changes, "-") == 0)
		return json_null();
	o = json_loads(model, 0, NULL);
	merge = json_loads(changes, 0, NULL);
	assert_non_null(o);
	assert_non_null(merge);
	assert_int_equal(json_object_update_recursive(o, merge), 0);
	json_decref(merge);
	return o;
}

static const char *user_of(const char *word)
{
	if (strcmp(word, "D") == 0)
		return DAEMON;
	if (strcmp(word, "S") == 0)
		return REQUESTER;
	if (strcmp(word, "O") == 0)
		return OTHER;
	return strcmp(word, "X") == 0 ? "system:serviceaccount:agents:other" : word;
}

static json_t *request_of(const char *user, char *what, const char *before, const char *after)
{
	char *resource = strchr(what, ' '), *sub;

	assert_non_null(resource);
	*resource++ = '\0';
	sub = strchr(resource, '/');
	if (sub)
		*sub++ = '\0';
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:{s:s}, s:o, s:o}", "uid", "u1", "resource",
		"group", "pgveil.dev", "version", "v1", "resource", resource, "subResource", sub ? sub : "",
		"operation", what, "userInfo", "username", user_of(user), "oldObject", object_of(before),
		"object", object_of(after));
}

/* "a | b | c": cut in place, blanks around each taken away. */
static void cut(char *line, char *out[5])
{
	for (unsigned i = 0; i < 5; i++) {
		char *end = i < 4 ? strstr(line, "| ") : line + strlen(line);

		assert_non_null(end);
		out[i] = line;
		line = *end ? end + 2 : end;
		*end = '\0';
		while (end > out[i] && end[-1] == ' ')
			*--end = '\0';
	}
}

static void test_table(void **state)
{
	FILE *f = fopen("tests/golden/admission.txt", "r");
	char *line = NULL;
	unsigned number = 0, judged = 0;
	size_t cap = 0;

	(void)state;
	assert_non_null(f);
	while (golden_line(f, &line, &cap, &number)) {
		struct judge_verdict v;
		char *part[5];
		json_t *request;

		cut(line, part);
		request = request_of(part[0], part[1], part[2], part[3]);
		assert_non_null(request);
		judge_request(request, &rules, NOW, &v);
		if (v.allowed != (strcmp(part[4], "yes") == 0) || (!v.allowed && !strstr(v.why, part[4])))
			fail_msg("line %u: %s, %s", number, v.allowed ? "allowed" : "refused", v.why);
		json_decref(request);
		judged++;
	}
	assert_true(judged > 60);
	free(line);
	fclose(f);
}

static void test_review(void **state)
{
	char what[] = "UPDATE statementapprovals/status";
	json_t *request = request_of(
		       "ann", what, "{}", "{\"status\":{\"decision\":\"approve\",\"approver\":\"ann\"}}"),
	       *review = json_pack("{s:s, s:s, s:O}", "apiVersion", "admission.k8s.io/v1", "kind",
		       "AdmissionReview", "request", request),
	       *answer, *response;
	struct judge_verdict v;

	(void)state;
	answer = judge_review(review, &rules, NOW, &v);
	response = json_object_get(answer, "response");
	assert_string_equal(json_string_value(json_object_get(response, "uid")), "u1");
	assert_true(json_is_true(json_object_get(response, "allowed")));
	json_decref(answer);
	answer = judge_review(review, &rules, NOW + 3600, &v);
	response = json_object_get(answer, "response");
	assert_true(json_is_false(json_object_get(response, "allowed")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(response, "status"), "code")), 403);
	json_decref(answer);
	/* a name that is cut off within a character */
	json_object_set_new(json_object_get(request, "userInfo"), "username",
		json_string("aéééééééééééééééééééééééééééééééééééééééééééééééééééééééé"));
	answer = judge_review(review, &rules, NOW, &v);
	assert_non_null(answer);
	assert_false(v.allowed);
	json_decref(answer);
	json_object_del(request, "uid");
	assert_null(judge_review(review, &rules, NOW, &v));
	json_object_set_new(review, "apiVersion", json_string("admission.k8s.io/v1beta1"));
	assert_null(judge_review(review, &rules, NOW, &v));
	assert_null(judge_review(NULL, &rules, NOW, &v));
	assert_false(v.allowed);
	json_decref(review);
	json_decref(request);
}

/* Whatever is not an object where one should be is refused, and nothing reads past it. */
static void test_anything(void **state)
{
	static const char *const odd[] = {
		"null", "[]", "7", "\"x\"", "{}", "{\"status\":[]}", "{\"spec\":7}"};
	static const char *const keys[] = {
		"resource", "subResource", "operation", "userInfo", "object", "oldObject"};
	struct judge_verdict v;

	(void)state;
	for (unsigned k = 0; k < ARRAY_LEN(keys); k++) {
		for (unsigned i = 0; i < ARRAY_LEN(odd); i++) {
			char what[] = "UPDATE statementapprovals/status";
			json_t *r = request_of("ann", what, "{}",
				"{\"status\":{\"decision\":\"approve\",\"approver\":\"ann\"}}");

			json_object_set_new(r, keys[k], json_loads(odd[i], JSON_DECODE_ANY, NULL));
			judge_request(r, &rules, NOW, &v);
			assert_false(v.allowed);
			json_decref(r);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_review), cmocka_unit_test(test_anything)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
