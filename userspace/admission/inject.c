/* SPDX-License-Identifier: MIT */
#include "admission/inject.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION     "admission.k8s.io/v1"
#define UID_LEN_MAX 128
#define NOBODY      65534

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* Within what the strictest level of Kubernetes' pod security allows. */
static json_t *container(const struct inject_rules *rules)
{
	char port[64], timeout[64];

	snprintf(port, sizeof(port), "--port=%s", rules->port);
	snprintf(timeout, sizeof(timeout), "--timeout=%s", rules->timeout);
	return json_pack("{s:s, s:s, s:[s,s,s,s], s:{s:b, s:b, s:b, s:i, s:{s:[s]}, s:{s:s}}, "
			 "s:{s:{s:s, s:s}, s:{s:s}}}",
		"name", INJECT_NAME, "image", rules->image, "command", "pgveil", "wait", port, timeout,
		"securityContext", "allowPrivilegeEscalation", 0, "readOnlyRootFilesystem", 1, "runAsNonRoot",
		1, "runAsUser", NOBODY, "capabilities", "drop", "ALL", "seccompProfile", "type",
		"RuntimeDefault", "resources", "requests", "cpu", "10m", "memory", "16Mi", "limits", "memory",
		"64Mi");
}

/* A server fills in what is not said of these; with anything else of it, such as a volume over the program,
 * it is another's. */
static bool is_filled_in(const char *key)
{
	return strcmp(key, "terminationMessagePath") == 0 || strcmp(key, "terminationMessagePolicy") == 0 ||
	       strcmp(key, "imagePullPolicy") == 0;
}

static bool is_ours(const json_t *c, const json_t *ours)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)c, key, value)
	{
		if (is_filled_in(key))
			continue;
		if (!json_equal(json_object_get(ours, key), value))
			return false;
		n++;
	}
	return n == json_object_size(ours);
}

static bool is_wanted(const json_t *request)
{
	const json_t *resource = json_object_get(request, "resource"),
		     *pod = json_object_get(request, "object");
	const json_t *notes = json_object_get(json_object_get(pod, "metadata"), "annotations");

	return strcmp(text(request, "operation"), "CREATE") == 0 && !*text(resource, "group") &&
	       strcmp(text(resource, "resource"), "pods") == 0 && !*text(request, "subResource") &&
	       json_is_object(json_object_get(pod, "spec")) &&
	       /* what the kubelet shows of a file on its node, which nobody can change here */
	       !json_object_get(notes, "kubernetes.io/config.mirror");
}

static int append(json_t *patch, json_t *operation)
{
	return operation ? json_array_append_new(patch, operation) : -1;
}

json_t *inject_patch(const json_t *request, const struct inject_rules *rules)
{
	json_t *have = json_object_get(
		json_object_get(json_object_get(request, "object"), "spec"), "initContainers");
	json_t *patch = json_array(), *ours = container(rules);
	bool there = false, failed = !patch || !ours;
	char path[64];

	/* From the end: a position that is taken away moves those behind it. */
	for (size_t i = json_array_size(have); is_wanted(request) && i-- && !failed;) {
		const json_t *c = json_array_get(have, i);

		if (strcmp(text(c, "name"), INJECT_NAME) != 0)
			continue;
		there = i == 0 && is_ours(c, ours);
		snprintf(path, sizeof(path), "/spec/initContainers/%zu", i);
		if (!there)
			failed = append(patch, json_pack("{s:s, s:s}", "op", "remove", "path", path)) != 0;
	}
	if (is_wanted(request) && !there && !failed)
		failed = append(patch, json_is_array(have)
					       ? json_pack("{s:s, s:s, s:O}", "op", "add", "path",
							 "/spec/initContainers/0", "value", ours)
					       : json_pack("{s:s, s:s, s:[O]}", "op", "add", "path",
							 "/spec/initContainers", "value", ours)) != 0;
	json_decref(ours);
	if (failed) {
		json_decref(patch);
		return NULL;
	}
	return patch;
}

static json_t *base64(const json_t *patch)
{
	char *plain = json_dumps(patch, JSON_COMPACT);
	size_t n = plain ? strlen(plain) : 0;
	unsigned char *out = plain ? malloc(n / 3 * 4 + 5) : NULL;
	json_t *s = NULL;

	if (out) {
		EVP_EncodeBlock(out, (const unsigned char *)plain, (int)n);
		s = json_string((const char *)out);
	}
	free(out);
	free(plain);
	return s;
}

json_t *inject_review(const json_t *review, const struct inject_rules *rules)
{
	const json_t *request = json_object_get(review, "request");
	const char *uid = text(request, "uid");
	json_t *patch, *answer;

	if (strcmp(text(review, "apiVersion"), VERSION) != 0 ||
		strcmp(text(review, "kind"), "AdmissionReview") != 0 || !*uid || strlen(uid) > UID_LEN_MAX)
		return NULL;
	patch = inject_patch(request, rules);
	if (!patch)
		return NULL;
	if (!json_array_size(patch))
		answer = json_pack("{s:s, s:s, s:{s:s, s:b}}", "apiVersion", VERSION, "kind",
			"AdmissionReview", "response", "uid", uid, "allowed", 1);
	else
		answer = json_pack("{s:s, s:s, s:{s:s, s:b, s:s, s:o}}", "apiVersion", VERSION, "kind",
			"AdmissionReview", "response", "uid", uid, "allowed", 1, "patchType", "JSONPatch",
			"patch", base64(patch));
	json_decref(patch);
	return answer;
}
