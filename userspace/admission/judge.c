/* SPDX-License-Identifier: MIT */
#include "admission/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define GROUP       "pgveil.dev"
#define VERSION     "admission.k8s.io/v1"
#define PROGRAM     "system:"
#define ACCOUNT     "system:serviceaccount:"
#define DATE_LEN    20 /* "2026-01-02T03:04:05Z" */
#define WHY_QUOTED  80 /* of a user's name, in a refusal */
#define FORBIDDEN   403
#define UID_LEN_MAX 128

/* What a person writes into an approval's status; all else there is pgveild's. */
static const char *const personal[] = {"decision", "approver", "reason", "uses", "forSeconds", "shape"};

static void refuse(struct judge_verdict *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void refuse(struct judge_verdict *v, const char *fmt, ...)
{
	va_list ap;

	v->allowed = false;
	va_start(ap, fmt);
	vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
	/* a name that is cut off may end within a character, and is no text then */
	for (char *p = v->why; *p; p++)
		if ((signed char)*p < 0)
			*p = '?';
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool among(const char *const *v, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(v[i], name) == 0)
			return true;
	return false;
}

/* What is not there is like what is not there, and like nothing else. */
static bool same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return x && y ? json_equal(x, y) == 1 : !x && !y;
}

static bool is_personal(const char *key)
{
	return among(personal, ARRAY_LEN(personal), key);
}

/* The first field, of those that are a person's or of the others, that the two do not have alike; NULL: none.
 */
static const char *differs(const json_t *a, const json_t *b, bool of_person)
{
	const json_t *const both[] = {a, b};
	const char *key;
	json_t *value;

	for (unsigned i = 0; i < ARRAY_LEN(both); i++) {
		json_object_foreach((json_t *)both[i], key, value)
		{
			if (is_personal(key) == of_person && !same(a, b, key))
				return key;
		}
	}
	return NULL;
}

static bool expired(const char *date, int64_t now_s)
{
	struct tm tm = {0};
	const char *end = strlen(date) == DATE_LEN ? strptime(date, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	return !end || *end || (int64_t)timegm(&tm) <= now_s;
}

/* An agent that reaches the API server is the service account of its pod. */
static bool is_requester(const json_t *spec, const char *user)
{
	const json_t *who = json_object_get(spec, "requester");
	const char *space = text(who, "namespace"), *account = text(who, "serviceAccount");
	size_t n = strlen(space);

	return n && strncmp(user, ACCOUNT, strlen(ACCOUNT)) == 0 &&
	       strncmp(user + strlen(ACCOUNT), space, n) == 0 && user[strlen(ACCOUNT) + n] == ':' &&
	       strcmp(user + strlen(ACCOUNT) + n + 1, account) == 0;
}

static void judge_decision(const json_t *before, const json_t *after, const char *user,
	const struct judge_rules *rules, int64_t now_s, struct judge_verdict *v)
{
	const json_t *old = json_object_get(before, "status"), *new = json_object_get(after, "status");
	const json_t *spec = json_object_get(before, "spec");
	const char *decision = text(new, "decision"), *state = text(old, "state"), *field;

	if (json_object_get(json_object_get(before, "metadata"), "deletionTimestamp"))
		refuse(v, "it is being deleted");
	else if ((field = differs(old, new, false)))
		refuse(v, "status.%.40s is pgveild's to write", field);
	else if (json_object_get(old, "decision"))
		refuse(v, "it was decided already, and is decided once");
	else if (strcmp(decision, "approve") != 0 && strcmp(decision, "deny") != 0)
		refuse(v, "status.decision must be approve or deny");
	else if (strcmp(text(new, "approver"), user) != 0)
		refuse(v, "status.approver must be who writes it, \"%.*s\"", WHY_QUOTED, user);
	else if (is_requester(spec, user))
		refuse(v, "who asks may not decide");
	else if (strncmp(user, PROGRAM, strlen(PROGRAM)) == 0 &&
		 !among(rules->accounts, rules->naccounts, user))
		refuse(v, "\"%.*s\" is a program, and not one that may decide", WHY_QUOTED, user);
	else if (*state && strcmp(state, "pending") != 0)
		refuse(v, "it is %.20s, and not to be decided any more", state);
	else if (expired(text(spec, "expires"), now_s))
		refuse(v, "its time is over");
	else
		v->allowed = true;
}

static void judge_approval_status(const json_t *before, const json_t *after, bool daemon, const char *user,
	const struct judge_rules *rules, int64_t now_s, struct judge_verdict *v)
{
	const char *field;

	if (!daemon) {
		judge_decision(before, after, user, rules, now_s, v);
		return;
	}
	field = differs(json_object_get(before, "status"), json_object_get(after, "status"), true);
	if (field)
		refuse(v, "status.%.40s is a person's to write", field);
	else
		v->allowed = true;
}

/* What is used up may run yet, and can be taken back. */
static bool may_become(const char *was, const char *is)
{
	if (!*was || strcmp(was, "active") == 0 || strcmp(was, is) == 0)
		return true;
	return strcmp(was, "used") == 0 &&
	       (strcmp(is, "revoked") == 0 || strcmp(is, "expired") == 0 || strcmp(is, "void") == 0);
}

static void judge_grant_status(
	const json_t *before, const json_t *after, bool daemon, struct judge_verdict *v)
{
	const json_t *old = json_object_get(before, "status"), *new = json_object_get(after, "status");
	const char *was = text(old, "state");

	if (!daemon)
		refuse(v, "only pgveild writes grants");
	else if (json_integer_value(json_object_get(new, "used")) <
		 json_integer_value(json_object_get(old, "used")))
		refuse(v, "what was used stays used");
	else if (!may_become(was, text(new, "state")))
		refuse(v, "it is %.20s, and stays so", was);
	else
		v->allowed = true;
}

static void judge_update(const json_t *request, const char *sub, bool approval, bool daemon, const char *user,
	const struct judge_rules *rules, int64_t now_s, struct judge_verdict *v)
{
	const json_t *before = json_object_get(request, "oldObject"),
		     *after = json_object_get(request, "object");

	if (!json_is_object(before) || !json_is_object(after))
		refuse(v, "the request has no object, or not the one before");
	else if (!same(before, after, "spec"))
		refuse(v, "its spec never changes");
	else if (*sub && approval)
		judge_approval_status(before, after, daemon, user, rules, now_s, v);
	else if (*sub)
		judge_grant_status(before, after, daemon, v);
	else if (!daemon)
		refuse(v, "only pgveild changes it beside its status");
	else if (!same(before, after, "status"))
		refuse(v, "its status is written as that");
	else
		v->allowed = true;
}

/* The API server takes a status away that comes with a new object; one that is there nevertheless is a
 * decision that nobody was asked about. */
static void judge_create(const json_t *request, bool daemon, struct judge_verdict *v)
{
	const json_t *o = json_object_get(request, "object");

	if (!daemon)
		refuse(v, "only pgveild makes one, of a statement that it holds");
	else if (!json_is_object(json_object_get(o, "spec")))
		refuse(v, "it has no spec");
	else if (json_object_size(json_object_get(o, "status")))
		refuse(v, "a new one has no status");
	else
		v->allowed = true;
}

void judge_request(
	const json_t *request, const struct judge_rules *rules, int64_t now_s, struct judge_verdict *out)
{
	const json_t *resource = json_object_get(request, "resource");
	const char *user = text(json_object_get(request, "userInfo"), "username");
	const char *plural = text(resource, "resource"), *sub = text(request, "subResource");
	const char *op = text(request, "operation");
	bool approval = strcmp(plural, "statementapprovals") == 0;
	bool daemon = *user && among(rules->daemons, rules->ndaemons, user);

	*out = (struct judge_verdict){.why = "nothing is known of such a request"};
	if (strcmp(text(resource, "group"), GROUP) != 0 || strcmp(text(resource, "version"), "v1") != 0)
		return;
	if (!approval && strcmp(plural, "statementgrants") != 0)
		return;
	if (!*user || (*sub && strcmp(sub, "status") != 0))
		return;
	if (strcmp(op, "UPDATE") == 0) {
		judge_update(request, sub, approval, daemon, user, rules, now_s, out);
	} else if (!*sub && strcmp(op, "CREATE") == 0) {
		judge_create(request, daemon, out);
	} else if (!*sub && strcmp(op, "DELETE") == 0) {
		if (daemon)
			out->allowed = true;
		else
			refuse(out, "only pgveild takes one away");
	}
}

json_t *judge_review(
	const json_t *review, const struct judge_rules *rules, int64_t now_s, struct judge_verdict *out)
{
	const json_t *request = json_object_get(review, "request");
	const char *uid = text(request, "uid");

	*out = (struct judge_verdict){.why = "it is no AdmissionReview"};
	if (strcmp(text(review, "apiVersion"), VERSION) != 0 ||
		strcmp(text(review, "kind"), "AdmissionReview") != 0 || !*uid || strlen(uid) > UID_LEN_MAX)
		return NULL;
	judge_request(request, rules, now_s, out);
	if (out->allowed)
		return json_pack("{s:s, s:s, s:{s:s, s:b}}", "apiVersion", VERSION, "kind", "AdmissionReview",
			"response", "uid", uid, "allowed", 1);
	return json_pack("{s:s, s:s, s:{s:s, s:b, s:{s:i, s:s, s:s}}}", "apiVersion", VERSION, "kind",
		"AdmissionReview", "response", "uid", uid, "allowed", 0, "status", "code", FORBIDDEN,
		"reason", "Forbidden", "message", out->why);
}
