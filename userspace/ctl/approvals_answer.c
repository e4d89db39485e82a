/* SPDX-License-Identifier: MIT */
#include "ctl/approvals_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/approvals.h"

#define REASON_MAX 500
#define FOR_MAX_S  (7 * 86400)
#define USES_MAX   1000
#define LIFT_MAX   INT64_C(1000000000000)

struct asking { /* one request */
	struct approvals *a;
	const struct approver *who;
	json_t *body; /* NULL: it is no JSON */
	struct reception_answer *out;
};

static int code_of(int r)
{
	switch (r) {
	case -ENOENT: return 404;
	case -EACCES: return 403;
	case -EINVAL: return 400;
	case -EALREADY: return 409;
	default: return 500;
	}
}

void approvals_refuse(struct reception_answer *out, int code, const char *text)
{
	json_t *message = json_string(text);

	*out = (struct reception_answer){
		code, json_pack("{s:o}", "error", message ? message : json_string("failed"))};
}

static void answer(struct asking *q, int r, const struct err *e)
{
	if (r)
		approvals_refuse(q->out, code_of(r), e->msg);
	else
		*q->out = (struct reception_answer){200, json_object()};
}

/* A reason that is text and no longer than people write; -EINVAL. */
static int take_reason(const json_t *body, const char **out, struct err *e)
{
	const json_t *v = json_object_get(body, "reason");

	*out = json_string_value(v);
	if (!json_is_object(body) || (v && !json_is_null(v) && !*out) || (*out && strlen(*out) > REASON_MAX))
		return err_set(e, -EINVAL, "a JSON object is expected, with a \"reason\" of at most %d bytes",
			REASON_MAX);
	return 0;
}

static int take_number(const json_t *body, const char *key, json_int_t max, json_int_t *out, struct err *e)
{
	const json_t *v = json_object_get(body, key);

	*out = json_integer_value(v);
	if (v && (!json_is_integer(v) || *out < 1 || *out > max))
		return err_set(e, -EINVAL, "\"%s\" must be from 1 to %lld", key, (long long)max);
	return 0;
}

static void on_approve(struct asking *q, uint64_t id)
{
	json_int_t for_s = 0, uses = 0, rows = 0, bytes = 0;
	struct decision d = {0};
	struct err e = {0};
	int r = take_reason(q->body, &d.reason, &e);

	if (!r)
		r = take_number(q->body, "for_s", FOR_MAX_S, &for_s, &e);
	if (!r)
		r = take_number(q->body, "uses", USES_MAX, &uses, &e);
	if (!r)
		r = take_number(q->body, "rows", LIFT_MAX, &rows, &e);
	if (!r)
		r = take_number(q->body, "bytes", LIFT_MAX, &bytes, &e);
	d.rows = (uint64_t)rows;
	d.bytes = (uint64_t)bytes;
	d.for_s = (uint64_t)for_s;
	d.uses = (unsigned)uses;
	d.shape = json_is_true(json_object_get(q->body, "shape"));
	d.break_glass = json_is_true(json_object_get(q->body, "break_glass"));
	if (!r)
		r = approvals_approve(q->a, id, q->who, &d, &e);
	answer(q, r, &e);
}

static void on_end(struct asking *q, uint64_t id, bool grant)
{
	const char *reason = NULL;
	struct err e = {0};
	int r = take_reason(q->body, &reason, &e);

	if (!r)
		r = grant ? approvals_revoke(q->a, id, q->who, reason, &e)
			  : approvals_deny(q->a, id, q->who, reason, &e);
	answer(q, r, &e);
}

static void on_list(struct asking *q, enum approvals_which which)
{
	json_t *list = approvals_list(q->a, q->who, which);

	*q->out = (struct reception_answer){200,
		list ? json_pack("{s:o}", which == APPROVALS_GRANTS ? "grants" : "approvals", list) : NULL};
}

static void on_show(struct asking *q, uint64_t id)
{
	json_t *o = approvals_show(q->a, q->who, id);

	if (o)
		*q->out = (struct reception_answer){200, o};
	else
		approvals_refuse(q->out, 404, "there is no such approval that you may see");
}

/* "/7/approve" as 7 and "approve"; false: it is not like that. */
static bool split(const char *rest, uint64_t *id, const char **verb)
{
	char *end;

	if (rest[0] != '/' || rest[1] < '0' || rest[1] > '9')
		return false;
	errno = 0;
	*id = strtoull(rest + 1, &end, 10);
	if (errno || (*end && *end != '/'))
		return false;
	*verb = *end ? end + 1 : "";
	return true;
}

static bool dispatch(struct asking *q, const struct reception_request *r)
{
	static const char approvals[] = "/v1/approvals", grants[] = "/v1/grants";
	const char *path = r->path, *verb = "";
	bool get = r->get;
	uint64_t id = 0;

	if (get && strcmp(path, approvals) == 0)
		on_list(q, strcmp(r->query, "state=all") == 0 ? APPROVALS_ALL : APPROVALS_PENDING);
	else if (get && strcmp(path, grants) == 0)
		on_list(q, APPROVALS_GRANTS);
	else if (strncmp(path, approvals, strlen(approvals)) == 0 &&
		 split(path + strlen(approvals), &id, &verb)) {
		if (get && !*verb)
			on_show(q, id);
		else if (!get && strcmp(verb, "approve") == 0)
			on_approve(q, id);
		else if (!get && strcmp(verb, "deny") == 0)
			on_end(q, id, false);
		else
			return false;
	} else if (!get && strncmp(path, grants, strlen(grants)) == 0 &&
		   split(path + strlen(grants), &id, &verb) && strcmp(verb, "revoke") == 0)
		on_end(q, id, true);
	else
		return false;
	return true;
}

bool approvals_asked(const char *path)
{
	return strncmp(path, "/v1/approvals", 13) == 0 || strncmp(path, "/v1/grants", 10) == 0;
}

void approvals_answer(struct approvals *a, const struct approver *who, const struct reception_request *r,
	struct reception_answer *out)
{
	struct asking q = {.a = a, .who = who, .out = out};

	q.body = r->body_len ? json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL) : json_object();
	if (!approvals_asked(r->path) || !dispatch(&q, r))
		approvals_refuse(out, 404, "no such endpoint");
	json_decref(q.body);
}
