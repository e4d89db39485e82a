/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "admission/inject.h"
#include "base/attr.h"

static const struct inject_rules rules = {"registry/pgveil:1", "5432", "120s"};

static json_t *loads(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	return o;
}

static json_t *request_of(const char *operation, const char *group, const char *resource, json_t *pod)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:s, s:o}", "uid", "u1", "resource", "group", group,
		"version", "v1", "resource", resource, "operation", operation, "object", pod);
}

/* What RFC 6902 makes of a pod's init containers, for the operations that are used. */
static json_t *applied(const json_t *pod, const json_t *patch)
{
	json_t *copy = json_deep_copy(pod), *spec = json_object_get(copy, "spec"), *op;
	size_t i;

	json_array_foreach((json_t *)patch, i, op)
	{
		const char *path = json_string_value(json_object_get(op, "path"));
		json_t *all = json_object_get(spec, "initContainers"), *value = json_object_get(op, "value");
		unsigned at = 0;

		if (strcmp(path, "/spec/initContainers") == 0) {
			assert_null(all);
			json_object_set(spec, "initContainers", value);
		} else if (strcmp(json_string_value(json_object_get(op, "op")), "remove") == 0) {
			assert_int_equal(sscanf(path, "/spec/initContainers/%u", &at), 1);
			assert_int_equal(json_array_remove(all, at), 0);
		} else {
			assert_string_equal(path, "/spec/initContainers/0");
			assert_int_equal(json_array_insert(all, 0, value), 0);
		}
	}
	return copy;
}

/* Whatever it had: first is ours, then the others in their order, and once more there is nothing to do. */
static void the_first_is_ours(void **state)
{
	static const struct {
		const char *inits; /* NULL: there is no such field */
		const char *others;
	} rows[] = {
		{NULL, ""},
		{"[]", ""},
		{"[{\"name\": \"a\"}, {\"name\": \"b\"}]", "ab"},
		/* somebody's own by that name does not count, wherever it is */
		{"[{\"name\": \"pgveil-wait\", \"image\": \"x\", \"command\": [\"true\"]}]", ""},
		{"[{\"name\": \"a\"}, {\"name\": \"pgveil-wait\"}, {\"name\": \"b\"}, {\"name\": "
		 "\"pgveil-wait\"}]",
			"ab"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *pod = loads("{\"metadata\": {}, \"spec\": {\"containers\": []}}"), *request, *patch,
		       *after, *inits;
		char others[8] = "";

		if (rows[i].inits)
			json_object_set_new(
				json_object_get(pod, "spec"), "initContainers", loads(rows[i].inits));
		request = request_of("CREATE", "", "pods", json_incref(pod));
		patch = inject_patch(request, &rules);
		after = applied(pod, patch);
		inits = json_object_get(json_object_get(after, "spec"), "initContainers");
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(inits, 0), "name")), INJECT_NAME);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(inits, 0), "image")), rules.image);
		for (size_t k = 1; k < json_array_size(inits); k++)
			strcat(others, json_string_value(json_object_get(json_array_get(inits, k), "name")));
		assert_string_equal(others, rows[i].others);
		json_decref(patch);
		json_decref(request);
		json_decref(pod);
		/* What a server adds to it is not taken away. */
		json_object_set_new(
			json_array_get(inits, 0), "terminationMessagePath", json_string("/dev/null"));
		request = request_of("CREATE", "", "pods", after);
		patch = inject_patch(request, &rules);
		assert_int_equal(json_array_size(patch), 0);
		json_decref(patch);
		/* The program under another name, a variable for its loader: not ours any more. */
		json_object_set_new(json_array_get(inits, 0), "env", json_array());
		patch = inject_patch(request, &rules);
		assert_int_equal(json_array_size(patch), 2);
		json_decref(patch);
		json_decref(request);
	}
}

static void what_is_left_alone(void **state)
{
	static const char pod[] = "{\"metadata\": {}, \"spec\": {}}";
	static const struct {
		const char *operation, *group, *resource, *object;
	} rows[] = {
		{"UPDATE", "", "pods", pod},
		{"CREATE", "apps", "pods", pod},
		{"CREATE", "", "services", pod},
		{"CREATE", "", "pods",
			"{\"metadata\": {\"annotations\": {\"kubernetes.io/config.mirror\": \"x\"}}, "
			"\"spec\": {}}"},
		{"CREATE", "", "pods", "{\"metadata\": {}}"},
		{"CREATE", "", "pods", "null"},
		{"CREATE", "", "pods", "[]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *object = json_loads(rows[i].object, JSON_DECODE_ANY, NULL);
		json_t *request = request_of(rows[i].operation, rows[i].group, rows[i].resource, object);
		json_t *patch = inject_patch(request, &rules);

		assert_int_equal(json_array_size(patch), 0);
		json_decref(patch);
		json_decref(request);
	}
}

static void the_answer(void **state)
{
	json_t *pod = loads("{\"metadata\": {}, \"spec\": {}}");
	json_t *review = json_pack("{s:s, s:s, s:o}", "apiVersion", "admission.k8s.io/v1", "kind",
		"AdmissionReview", "request", request_of("CREATE", "", "pods", pod));
	json_t *answer = inject_review(review, &rules), *response = json_object_get(answer, "response");

	(void)state;
	assert_true(json_is_true(json_object_get(response, "allowed")));
	assert_string_equal(json_string_value(json_object_get(response, "uid")), "u1");
	assert_string_equal(json_string_value(json_object_get(response, "patchType")), "JSONPatch");
	/* [{"op": … in base64 */
	assert_memory_equal(json_string_value(json_object_get(response, "patch")), "W3sib3AiOi", 10);
	json_decref(answer);
	json_object_set_new(json_object_get(review, "request"), "operation", json_string("DELETE"));
	answer = inject_review(review, &rules);
	response = json_object_get(answer, "response");
	assert_true(json_is_true(json_object_get(response, "allowed")));
	assert_null(json_object_get(response, "patch"));
	json_decref(answer);
	json_object_set_new(review, "apiVersion", json_string("admission.k8s.io/v1beta1"));
	assert_null(inject_review(review, &rules));
	json_decref(review);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_ours),
		cmocka_unit_test(what_is_left_alone),
		cmocka_unit_test(the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
