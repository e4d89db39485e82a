/* SPDX-License-Identifier: MIT */
/* The first byte chooses what the rest is: 0 a startup packet, 1 messages of a frontend, 2 of a backend, 3 a
 * server's side of a login. Beside memory errors it looks for codecs that contradict themselves. */
#include <stdlib.h>
#include <string.h>

#include "pgwire/frame.h"
#include "pgwire/login.h"
#include "pgwire/message.h"
#include "pgwire/put.h"
#include "pgwire/sqlstate.h"
#include "pgwire/startup.h"

#define MUST(x)                                                                                              \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every byte of a view, so that a wrong one is seen. */
static void touch(struct span s)
{
	const volatile uint8_t *p = s.p;

	for (size_t i = 0; i < s.n; i++)
		(void)p[i];
}

/* A heap block of exactly n bytes: ASan sees the first byte beyond. */
static uint8_t *exact(struct span s, const char *more)
{
	size_t extra = strlen(more);
	uint8_t *p = malloc(s.n + extra + (s.n + extra == 0));

	MUST(p);
	if (s.n)
		memcpy(p, s.p, s.n);
	memcpy(p + s.n, more, extra);
	return p;
}

static enum wire bind(struct span body)
{
	struct msg_bind m;
	struct span v;
	struct cur c;

	if (msg_bind(body, &m) != WIRE_OK)
		return WIRE_BAD;
	touch(m.portal);
	touch(m.statement);
	touch(m.param_formats);
	c = cur_of(m.params);
	for (unsigned i = 0; i < m.nparams; i++) {
		MUST(msg_cell_next(&c, &v) == WIRE_OK);
		touch(v);
	}
	MUST(cur_end(&c) == WIRE_OK);
	for (unsigned i = 0; i <= m.nresult_formats; i++) {
		int format = bind_result_format(&m, i, m.nresult_formats);

		MUST(format >= -1 && format <= 1);
	}
	return WIRE_OK;
}

static enum wire frontend(uint8_t type, struct span body)
{
	struct msg_query query;
	struct msg_parse parse;
	struct msg_target target;
	struct msg_execute execute;
	struct msg_bind args;
	uint32_t oid;

	switch ((enum frontend_type)type) {
	case FE_BIND: return bind(body);
	case FE_CLOSE:
	case FE_DESCRIBE:
		if (msg_target(body, &target) != WIRE_OK)
			return WIRE_BAD;
		touch(target.name);
		return WIRE_OK;
	case FE_EXECUTE:
		if (msg_execute(body, &execute) != WIRE_OK)
			return WIRE_BAD;
		touch(execute.portal);
		return WIRE_OK;
	case FE_FUNCTION_CALL:
		if (msg_function_call(body, &oid, &args) != WIRE_OK)
			return WIRE_BAD;
		touch(args.param_formats);
		touch(args.params);
		touch(args.result_formats);
		return WIRE_OK;
	case FE_PARSE:
		if (msg_parse(body, &parse) != WIRE_OK)
			return WIRE_BAD;
		touch(parse.name);
		touch(parse.sql);
		touch(parse.param_types);
		return WIRE_OK;
	case FE_QUERY:
		if (msg_query(body, &query) != WIRE_OK)
			return WIRE_BAD;
		touch(query.sql);
		return WIRE_OK;
	case FE_COPY_FAIL: return msg_copy_fail(body);
	case FE_COPY_DONE:
	case FE_FLUSH:
	case FE_SYNC:
	case FE_TERMINATE: return msg_empty(body);
	case FE_COPY_DATA:
	case FE_PASSWORD: return WIRE_OK;
	}
	return WIRE_BAD;
}

static enum wire columns(struct span body)
{
	struct msg_column col;
	uint16_t n;
	struct cur c;

	if (msg_row_description(body, &c, &n) != WIRE_OK)
		return WIRE_BAD;
	MUST(n <= MESSAGE_COLUMNS_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (msg_column_next(&c, &col) != WIRE_OK)
			return WIRE_BAD;
		touch(col.name);
	}
	return cur_end(&c);
}

static enum wire cells(struct span body)
{
	struct span cell;
	uint16_t n;
	struct cur c;

	if (msg_data_row(body, &c, &n) != WIRE_OK)
		return WIRE_BAD;
	MUST(n <= MESSAGE_COLUMNS_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (msg_cell_next(&c, &cell) != WIRE_OK)
			return WIRE_BAD;
		touch(cell);
	}
	return cur_end(&c);
}

static enum wire fields(struct span body)
{
	struct msg_fields m;

	if (msg_fields(body, &m) != WIRE_OK)
		return WIRE_BAD;
	for (size_t i = 0; i < ARRAY_LEN(m.field); i++)
		touch(m.field[i]);
	MUST(sqlstate_text(m.field['C'])[0]);
	return WIRE_OK;
}

static enum wire backend_rest(uint8_t type, struct span body)
{
	struct msg_parameter_status status;
	struct msg_notification notification;
	struct msg_copy_response copy;
	struct span s = {0};
	uint32_t a, b;
	uint16_t n;
	enum wire w;
	char ready;

	switch (type) {
	case BE_COMMAND_COMPLETE: w = msg_command_complete(body, &s); break;
	case BE_FUNCTION_CALL_RESPONSE: w = msg_function_result(body, &s); break;
	case BE_NEGOTIATE_PROTOCOL_VERSION: w = msg_negotiate(body, &a, &b, &s); break;
	case BE_NOTIFICATION_RESPONSE:
		w = msg_notification(body, &notification);
		s = notification.payload;
		break;
	case BE_PARAMETER_DESCRIPTION: w = msg_parameter_description(body, &n, &s); break;
	case BE_PARAMETER_STATUS:
		w = msg_parameter_status(body, &status);
		s = status.value;
		break;
	case BE_READY_FOR_QUERY: return msg_ready(body, &ready);
	case BE_COPY_BOTH_RESPONSE:
	case BE_COPY_IN_RESPONSE:
	case BE_COPY_OUT_RESPONSE:
		w = msg_copy_response(body, &copy);
		s = copy.formats;
		break;
	default: return msg_empty(body);
	}
	if (w == WIRE_OK)
		touch(s);
	return w;
}

static enum wire backend(uint8_t type, struct span body)
{
	struct msg_key_data key;
	struct msg_auth auth;

	switch (type) {
	case BE_ROW_DESCRIPTION: return columns(body);
	case BE_DATA_ROW: return cells(body);
	case BE_ERROR_RESPONSE:
	case BE_NOTICE_RESPONSE: return fields(body);
	case BE_AUTHENTICATION:
		if (msg_auth(body, &auth) != WIRE_OK)
			return WIRE_BAD;
		touch(auth.data);
		return WIRE_OK;
	case BE_BACKEND_KEY_DATA:
		if (msg_key_data(body, &key) != WIRE_OK)
			return WIRE_BAD;
		touch(key.key);
		return WIRE_OK;
	case BE_COPY_DATA: return WIRE_OK;
	default: return backend_rest(type, body);
	}
}

/* Whether the body ends with bytes that no decoder bounds. */
static bool open_ended(enum peer from, uint8_t type)
{
	if (from == PEER_FRONTEND)
		return type == FE_COPY_DATA || type == FE_PASSWORD;
	return type == BE_COPY_DATA || type == BE_AUTHENTICATION || type == BE_BACKEND_KEY_DATA;
}

static void messages(struct span in, enum peer from)
{
	enum wire (*decode)(uint8_t, struct span) = from == PEER_FRONTEND ? frontend : backend;
	struct frame f, cut;
	uint8_t *body;
	enum wire w;

	while (frame_peek(in, from, &f) == WIRE_OK) {
		MUST(f.total >= FRAME_HEADER && f.total <= FRAME_MAX + 1);
		MUST(strcmp(frame_name(from, f.type), "unknown") != 0);
		MUST(frame_peek(span_of(in.p, FRAME_HEADER - 1), from, &cut) == WIRE_MORE);
		if (!frame_whole(&f))
			return;
		body = exact(f.body, "");
		w = decode(f.type, span_of(body, f.body.n));
		free(body);
		MUST(w != WIRE_MORE);
		if (w == WIRE_OK && !open_ended(from, f.type)) {
			body = exact(f.body, "x");
			MUST(decode(f.type, span_of(body, f.body.n + 1)) == WIRE_BAD);
			free(body);
		}
		in = span_of(in.p + f.total, in.n - f.total);
	}
}

static void startup(struct span in)
{
	struct startup s, again;
	struct put w = {0};

	if (startup_parse(in, &s) != WIRE_OK)
		return;
	MUST(s.kind != STARTUP_NONE && s.total <= in.n && s.nparams <= STARTUP_PARAMS);
	touch(s.cancel_key);
	for (size_t n = 0; n < s.total && n < 300; n++)
		MUST(startup_parse(span_of(in.p, n), &again) == WIRE_MORE);
	if (s.kind != STARTUP_MESSAGE)
		return;
	put_start(&w, 0);
	put_be32(&w, s.protocol);
	for (unsigned i = 0; i < s.nparams; i++) {
		put_cstr_span(&w, s.params[i].name);
		put_cstr_span(&w, s.params[i].value);
	}
	put_u8(&w, 0);
	put_finish(&w);
	MUST(span_eq(put_bytes(&w), span_of(in.p, s.total)));
	put_fini(&w);
}

static void login(struct span in)
{
	const struct login_config cfg = {.user = "fuzz", .password = "pencil", .allow_cleartext = true};
	uint8_t random18[18];
	struct put w = {0};
	bool sasl = false;
	struct login l;
	struct frame f;
	int r = 0;

	/* The corpus holds answers to just this nonce. */
	for (uint8_t i = 0; i < sizeof(random18); i++)
		random18[i] = i;
	MUST(login_start(&l, &cfg, random18, &w, NULL) == 0);
	while (!r && l.state != LOGIN_DONE && frame_peek(in, PEER_BACKEND, &f) == WIRE_OK) {
		r = login_message(&l, &f, &w, NULL);
		MUST((r != 0) == (l.state == LOGIN_FAILED));
		sasl |= l.state == LOGIN_SASL;
		in = span_of(in.p + f.total, r ? 0 : in.n - f.total);
	}
	MUST(!put_failed(&w));
	MUST(l.state != LOGIN_DONE || !sasl || l.scram.state == SCRAM_DONE);
	put_fini(&w);
	login_fini(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *rest;
	struct span in;

	if (size == 0)
		return 0;
	rest = exact(span_of(data + 1, size - 1), "");
	in = span_of(rest, size - 1);
	switch (data[0] & 3) {
	case 0: startup(in); break;
	case 1: messages(in, PEER_FRONTEND); break;
	case 2: messages(in, PEER_BACKEND); break;
	case 3: login(in); break;
	}
	free(rest);
	return 0;
}
