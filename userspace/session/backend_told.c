/* SPDX-License-Identifier: MIT */
/* What the server tells beside the answers, in a judged session: notices, notifications, settings (backend.c
 * has the rest). */
#include <stdio.h>

#include "session/state.h"

enum fate backend_notice(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct msg_fields in;

	if (msg_fields(f->body, &in) != WIRE_OK)
		return backend_unexpected(s, f);
	if (x && x->kind == EXPECT_PIN)
		return FATE_SWALLOW;
	return words_pass(s, f, x);
}

/* A trigger can put anything into a payload, and LISTEN for anything: what is told is that there was a
 * notification, and where only where the client itself has named the channel. */
enum fate backend_notification(struct session *s, const struct msg_notification *n)
{
	if (!names_listens(&s->names, n->channel))
		return FATE_SWALLOW;
	put_start(&s->put, BE_NOTIFICATION_RESPONSE);
	put_be32(&s->put, n->pid);
	put_cstr_span(&s->put, n->channel);
	put_cstr(&s->put, "");
	put_finish(&s->put);
	session_send(s, SIDE_CLIENT);
	return FATE_WRITTEN;
}

/* Whether the server still reads statements, and is whom it was, as the login settled. No client can change
 * these; code of the database's own can, and the server tells. */
static bool still_settled(const struct session *s, const struct msg_parameter_status *ps)
{
	const struct {
		const char *name, *value; /* NULL: it is not to change at all */
	} pinned[] = {{"standard_conforming_strings", "on"}, {"client_encoding", "UTF8"},
		{"client_encoding", "UNICODE"}, /* the one other name that the server keeps */
		/* Before version 14 said whenever the role is set, changed or not. */
		{"session_authorization", *s->login_user ? s->login_user : NULL},
		{"is_superuser", s->superuser ? "on" : "off"}};
	bool any = false;

	for (unsigned i = 0; i < ARRAY_LEN(pinned); i++) {
		if (!span_is(ps->name, pinned[i].name))
			continue;
		if (pinned[i].value && span_is(ps->value, pinned[i].value))
			return true;
		any = true;
	}
	return !any;
}

/* What a statement of the session's own made of its role, or the end of its transaction. */
static bool turned(struct session *s, const struct msg_parameter_status *ps)
{
	bool user = span_is(ps->name, "session_authorization");

	if (!s->own.path || !look_follows(s) || ps->value.n > NAME_LEN_MAX ||
		(!user && !span_is(ps->name, "is_superuser")))
		return false;
	if (user)
		snprintf(s->login_user, sizeof(s->login_user), "%.*s", (int)ps->value.n,
			ps->value.n ? (const char *)ps->value.p : "");
	else
		s->superuser = span_is(ps->value, "on");
	return true;
}

enum fate backend_report(struct session *s, const struct frame *f)
{
	bool changed, again;
	struct msg_parameter_status ps;

	if (msg_parameter_status(f->body, &ps) != WIRE_OK)
		return backend_unexpected(s, f);
	changed = turned(s, &ps);
	again = !changed && style_told_again(s, ps.name, ps.value);
	if (!changed && !still_settled(s, &ps)) {
		session_break(s, "57P01", "what the login settled was changed by something in the database");
		return FATE_BROKEN;
	}
	style_report(s, ps.name, ps.value);
	style_note(s);
	if (pipeline_len(&s->pipe) && pipeline_head(&s->pipe)->kind == EXPECT_PIN)
		return FATE_SWALLOW; /* before version 14, of a setting that stays as it is */
	return !again && style_tells(s, ps.name) ? FATE_PASS : FATE_SWALLOW;
}
