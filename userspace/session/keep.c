/* SPDX-License-Identifier: MIT */
#include "session/keep.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/unix_address.h"
#include "kube/pod.h"
#include "record/body.h"
#include "session/about.h"
#include "session/state.h"
#include "session/tally.h"
#include "sql/constants.h"

#define PART_MAX    ((size_t)1 << 20) /* of a text in one record; what is longer goes on in others */
#define HEAD_ROOM   512
#define FORMATS_MAX 3400 /* bytes; a table has no more columns */
#define ITEM_HEAD   5
#define NAME_KEPT   ((size_t)2 * NAME_LEN_MAX) /* bytes of a prepared statement's or portal's name */

/* ---- one record ---- */

uint64_t keep_now(struct session *s)
{
	if (!s->keep.now_us && s->env->scribe)
		s->keep.now_us = s->env->scribe->now_us(s->env->scribe);
	return s->keep.now_us;
}

int keep_put(struct session *s, enum record_kind kind, uint64_t time_us, const struct span *parts, size_t n)
{
	struct record rec = {kind, s->keep.of.id, time_us, parts, n};
	struct err e = {0};
	int r;

	keep_join(s);
	r = s->env->scribe ? s->env->scribe->put(s->env->scribe, &rec, &e) : -ENODEV;

	if (r) {
		s->keep.missing++;
		return r;
	}
	s->keep.put = true;
	s->keep.owed |= kind == RECORD_STATEMENT;
	return 0;
}

int keep_commit(struct session *s, uint64_t since_ns)
{
	struct err e = {0};
	int r = s->env->scribe ? s->env->scribe->commit(s->env->scribe, &e) : -ENODEV;

	if (since_ns) {
		s->keep.written_ns = session_clock_ns(s);
		session_took(s, STAGE_RECORD, since_ns, s->keep.written_ns);
	}
	s->keep.missing += r != 0;
	s->keep.put = s->keep.owed = false;
	return r;
}

int keep_lost(struct session *s, struct err *e)
{
	if (!s->grant.record.optional)
		return err_sql(e, -EACCES, KEEP_SQLSTATE, KEEP_REASON);
	if (s->env->tally)
		metric_add(&s->env->tally->unrecorded, 1);
	if (!s->keep.told)
		session_note(s, NOTE_UNRECORDED, NULL, "the recording of this session cannot be written");
	s->keep.told = true;
	return 0;
}

/* ---- a session ---- */

static void put_address(struct body *b, const struct caller *who)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&who->dialled;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&who->dialled;
	char text[UNIX_PATH_CAP + 16] = "", address[UNIX_PATH_CAP] = "";

	if (who->dialled.ss_family == AF_UNIX) {
		unix_address_text((const struct sockaddr *)&who->dialled, address);
		snprintf(text, sizeof(text), "%s", address);
	} else if (who->dialled.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address));
		snprintf(text, sizeof(text), "[%s]:%u", address, ntohs(v6->sin6_port));
	} else if (who->dialled.ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address));
		snprintf(text, sizeof(text), "%s:%u", address, ntohs(v4->sin_port));
	}
	body_put_text(b, BODY_ADDRESS, text);
}

static void put_policies(struct body *b, const struct session *s)
{
	for (unsigned i = 0; i < s->grant.ndocuments; i++)
		body_put_text(b, BODY_POLICY, s->grant.documents[i]);
	body_put_number(b, BODY_POLICY_VERSION, policy_version(s->policy));
	body_put_text(b, BODY_LEVEL, record_level_name(s->grant.record.level));
}

/* What the server told of itself. */
static void put_pod(struct body *b, const struct pod *p)
{
	if (!p)
		return;
	body_put_text(b, BODY_NAMESPACE, p->namespace);
	body_put_text(b, BODY_POD, p->name);
	body_put_text(b, BODY_POD_UID, p->uid);
	body_put_text(b, BODY_SERVICE_ACCOUNT, p->service_account);
}

static void put_server(struct body *b, struct span greeting)
{
	struct msg_parameter_status ps;
	struct frame f;

	while (frame_peek(greeting, PEER_BACKEND, &f) == WIRE_OK && frame_whole(&f)) {
		if (msg_parameter_status(f.body, &ps) == WIRE_OK && span_is(ps.name, "server_version"))
			body_put(b, BODY_SERVER_VERSION, ps.value);
		greeting = span_of(greeting.p + f.total, greeting.n - f.total);
	}
}

int keep_begin(struct session *s, struct err *e)
{
	const struct caller *who = s->who;
	uint8_t room[4096];
	struct span whole;
	struct body b;
	int r = 0;

	if (s->env->scribe)
		s->env->scribe->begin(s->env->scribe, &s->keep.of);
	body_init(&b, room, sizeof(room));
	body_put_text(&b, BODY_CGROUP, who->cgroup);
	body_put_text(&b, BODY_UNIT, who->unit);
	put_pod(&b, who->pod);
	body_put_number(&b, BODY_CGROUP_ID, who->cgroup_id);
	body_put_number(&b, BODY_TGID, who->tgid);
	body_put_number(&b, BODY_UID, who->uid);
	body_put_text(&b, BODY_COMM, who->comm);
	body_put_number(&b, BODY_NETNS, who->netns_cookie);
	put_address(&b, who);
	body_put_text(&b, BODY_DATABASE, s->grant.database->name);
	body_put_text(&b, BODY_DBNAME, s->dbname);
	body_put_text(&b, BODY_ROLE, session_user(s));
	put_policies(&b, s);
	put_server(&b, put_bytes(&s->greeting));
	/* last: what has no room takes nothing with it but what a client says of itself */
	body_put_text(&b, BODY_CLAIMED_USER, s->user);
	body_put_text(&b, BODY_APPLICATION, s->application);
	whole = span_of(b.p, b.n);
	if (keep_put(s, RECORD_BEGIN, keep_now(s), &whole, 1) || keep_commit(s, 0))
		r = keep_lost(s, e);
	/* Who does not get in is told so, which is not on record either. */
	if (r && s->env->scribe)
		s->env->scribe->end(s->env->scribe, &s->keep.of);
	s->keep.open = r == 0;
	return r;
}

void keep_end(struct session *s)
{
	uint8_t room[HEAD_ROOM];
	struct span whole;
	struct body b;

	arena_fini(&s->keep.done_mem);
	keep_beside_fini(s);
	if (!s->keep.open)
		return;
	s->keep.open = false;
	body_init(&b, room, sizeof(room));
	body_put_number(&b, BODY_STATEMENTS, s->keep.number);
	body_put_number(&b, BODY_REFUSED, s->stats.refused);
	body_put_number(&b, BODY_ROWS, s->stats.rows);
	body_put_number(&b, BODY_BYTES, s->keep.out);
	body_put_number(&b, BODY_MASKED, s->stats.masked_cells);
	body_put_text(&b, BODY_CLOSED, s->keep.closed ? s->keep.closed : "engine");
	body_put_text(&b, BODY_SQLSTATE, s->keep.closed_by);
	whole = span_of(b.p, b.n);
	s->keep.now_us = 0; /* no step */
	/* Nothing can be refused any more. */
	if (!keep_put(s, RECORD_END, keep_now(s), &whole, 1))
		(void)keep_commit(s, 0);
	if (s->env->scribe)
		s->env->scribe->end(s->env->scribe, &s->keep.of);
}

/* ---- what may be a value ---- */

void keep_token(const struct session *s, struct span value, uint8_t out[static KEEP_TOKEN])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t mac[HMAC_LEN];

	hmac_sha256(&s->env->scribe->tokens, &value, 1, mac);
	memcpy(out, "\u2039tok:", 7);
	for (unsigned i = 0; i < 6; i++) {
		out[7 + 2 * i] = (uint8_t)digits[mac[i] >> 4];
		out[8 + 2 * i] = (uint8_t)digits[mac[i] & 15];
	}
	memcpy(out + 19, "\u203a", 3);
}

bool keep_plain_name(struct span name)
{
	if (!name.n || name.n > NAME_KEPT || (name.p[0] >= '0' && name.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t b = name.p[i];

		if (!((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
			    b == '_' || b == '.' || b == '$'))
			return false;
	}
	return true;
}

static bool is_comment(struct span c)
{
	return c.n > 1 && (!memcmp(c.p, "--", 2) || !memcmp(c.p, "/*", 2));
}

static size_t put_mark(uint8_t *p, const char mark[static 2])
{
	memcpy(p, mark, 2);
	return 2;
}

/* A comment stays one, so that what is left can be read as the statement that it was. p NULL: no memory. */
static struct span hush(struct session *s, struct span text, enum constants_which which)
{
	struct constant *v;
	size_t at = 0, out = 0;
	unsigned n;
	uint8_t *p;

	if (constants_find(text, which, &s->scratch, &v, &n))
		return (struct span){0};
	if (!n)
		return text;
	p = arena_alloc(&s->scratch, text.n + (size_t)n * (KEEP_TOKEN + 4));
	for (unsigned i = 0; p && i < n; i++) {
		struct span c = span_of(text.p + v[i].at, v[i].len);
		bool comment = is_comment(c);

		memcpy(p + out, text.p + at, v[i].at - at);
		out += v[i].at - at;
		if (comment)
			out += put_mark(p + out, "/*");
		keep_token(s, constants_value(c, &s->scratch), p + out);
		out += KEEP_TOKEN;
		if (comment)
			out += put_mark(p + out, "*/");
		at = v[i].at + v[i].len;
	}
	if (p && at < text.n)
		memcpy(p + out, text.p + at, text.n - at);
	return span_of(p, p ? out + text.n - at : 0);
}

/* A bound value as it is read: NULL, 'text', \x and hexadecimal digits, or its token. */
static void put_parameter(struct session *s, struct body *b, struct span cell, unsigned format, bool token)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *p = arena_alloc(&s->scratch, 2 * cell.n + KEEP_TOKEN);
	size_t n = 0;

	if (!p) {
		b->failed = true;
		return;
	}
	if (!cell.p) {
		body_put_text(b, BODY_PARAMETER, "NULL");
		return;
	}
	if (token) {
		keep_token(s, cell, p);
		body_put(b, BODY_PARAMETER, span_of(p, KEEP_TOKEN));
		return;
	}
	p[n++] = format ? '\\' : '\'';
	if (format)
		p[n++] = 'x';
	for (size_t i = 0; i < cell.n; i++) {
		if (format) {
			p[n++] = (uint8_t)digits[cell.p[i] >> 4];
			p[n++] = (uint8_t)digits[cell.p[i] & 15];
			continue;
		}
		p[n++] = cell.p[i];
		if (cell.p[i] == '\'')
			p[n++] = '\'';
	}
	if (!format)
		p[n++] = '\'';
	body_put(b, BODY_PARAMETER, span_of(p, n));
}

/* In scratch. p NULL: no memory. */
static struct span parameters(struct session *s, const struct msg_bind *m, bool token)
{
	struct cur c = cur_of(m->params), formats = cur_of(m->param_formats);
	size_t cap = 1 + 2 * m->params.n + (size_t)m->nparams * (ITEM_HEAD + KEEP_TOKEN);
	uint8_t *p = arena_alloc(&s->scratch, cap);
	unsigned format = 0;
	struct span cell;
	struct body b;

	if (!p)
		return (struct span){0};
	body_init(&b, p, cap);
	for (unsigned i = 0; i < m->nparams && msg_cell_next(&c, &cell) == WIRE_OK; i++) {
		if (i < m->nparam_formats)
			format = cur_be16(&formats);
		put_parameter(s, &b, cell, format, token);
	}
	return b.failed ? (struct span){0} : span_of(b.p, b.n);
}

/* ---- a statement ---- */

enum hide {
	HIDE_ALL = 0,   /* constants, comments, quoted names: it was refused, or nobody knows what it is */
	HIDE_CONSTANTS, /* and comments */
	HIDE_COMMENTS,
	HIDE_NOTHING, /* nothing is masked for the caller */
};

struct keepsake { /* a message that is to be kept */
	const char *message, *verdict, *sqlstate, *reason;
	struct span name, text;
	const struct about *about; /* NULL: nothing is known */
	const struct msg_bind *bind;
	enum hide hide;
	bool runs; /* the server carries it out when it has it */
	char called[32];
};

static bool keeps_text(const struct session *s)
{
	return s->grant.record.level != RECORD_LEVEL_METADATA;
}

static struct span hidden(struct session *s, struct span text, enum hide hide)
{
	static const enum constants_which which[] = {[HIDE_ALL] = CONSTANTS_ALL,
		[HIDE_CONSTANTS] = CONSTANTS_NOT_NAMES,
		[HIDE_COMMENTS] = CONSTANTS_COMMENTS};

	return hide == HIDE_NOTHING || !text.n ? text : hush(s, text, which[hide]);
}

static void put_head(const struct session *s, const struct keepsake *k, struct body *b)
{
	/* of the message under way: it runs by it, or waited for it */
	uint64_t asked = hold_id(s);
	struct span name = k->name;
	char approval[24];

	if (name.n > NAME_KEPT) /* the server takes names of any length here */
		name.n = NAME_KEPT;
	body_put_number(b, BODY_STATEMENT, s->keep.number);
	body_put_text(b, BODY_MESSAGE, k->message);
	body_put_text(b, BODY_VERDICT, asked && !strcmp(k->verdict, "allow") ? "ask" : k->verdict);
	if (asked) {
		snprintf(approval, sizeof(approval), "%llu", (unsigned long long)asked);
		body_put_text(b, BODY_APPROVAL, approval);
	}
	body_put_number(b, BODY_POLICY_VERSION, policy_version(s->policy));
	body_put_text(b, BODY_SQLSTATE, k->sqlstate);
	body_put_text(b, BODY_MESSAGE_TEXT, k->reason);
	if (name.n && (k->hide != HIDE_ALL || keep_plain_name(k->name)))
		body_put(b, BODY_PREPARED, name);
	if (k->bind && k->bind->result_formats.n && k->bind->result_formats.n <= FORMATS_MAX)
		body_put(b, BODY_FORMATS, k->bind->result_formats);
}

/* The next part of a text that is longer than one record may be. */
static int put_more(struct session *s, uint64_t number, uint64_t now_us, struct span text)
{
	struct span parts[2];
	uint8_t room[64];
	struct body b;
	int r = 0;

	while (!r && text.n) {
		struct span part = span_of(text.p, text.n < PART_MAX ? text.n : PART_MAX);

		body_init(&b, room, sizeof(room));
		body_put_number(&b, BODY_STATEMENT, number);
		body_put_text(&b, BODY_MESSAGE, "more");
		body_put_head(&b, BODY_TEXT, part.n);
		parts[0] = span_of(b.p, b.n);
		parts[1] = part;
		r = keep_put(s, RECORD_STATEMENT, now_us, parts, 2);
		text = span_of(text.p + part.n, text.n - part.n);
	}
	return r;
}

static int put_keepsake(struct session *s, const struct keepsake *k, uint64_t now_us)
{
	uint8_t room[HEAD_ROOM + NAME_KEPT + FORMATS_MAX];
	struct span text = {0}, bound = {0}, parts[4], part;
	size_t n = 0;
	struct body b;
	int r;

	if (keeps_text(s)) {
		text = hidden(s, k->text, k->hide);
		if (k->bind)
			bound = parameters(
				s, k->bind, k->hide < HIDE_COMMENTS || k->bind->params.n > PART_MAX);
		if ((k->text.n && !text.p) || (k->bind && !bound.p))
			return -ENOMEM;
	}
	part = span_of(text.p, text.n < PART_MAX ? text.n : PART_MAX);
	body_init(&b, room, sizeof(room));
	put_head(s, k, &b);
	if (part.n)
		body_put_head(&b, BODY_TEXT, part.n);
	if (b.failed) /* without its head the text would be taken for fields */
		return -EMSGSIZE;
	parts[n++] = span_of(b.p, b.n);
	parts[n++] = part;
	if (k->about)
		parts[n++] = k->about->fields;
	parts[n++] = bound;
	r = keep_put(s, RECORD_STATEMENT, now_us, parts, n);
	return r ? r : put_more(s, s->keep.number, now_us, span_of(text.p + part.n, text.n - part.n));
}

void keep_sent(struct kept *k, uint64_t now_ns)
{
	k->sent_us = (uint32_t)((now_ns - k->since_ns) / 1000) + 1;
}

static int keep(struct session *s, const struct keepsake *k, struct kept *out, struct err *e)
{
	uint64_t now_us = keep_now(s);
	struct tally *t = strcmp(k->verdict, "deny") != 0 ? s->env->tally : NULL;
	bool measured = t && session_measures(s, &t->measured_ms);

	*out = (struct kept){.number = ++s->keep.number,
		.began_us = now_us,
		.since_ns = measured ? session_clock_ns(s) : 0,
		.intimate = k->hide < HIDE_COMMENTS};
	if (!s->env->scribe) {
		s->keep.missing++;
		return keep_lost(s, e);
	}
	if (put_keepsake(s, k, now_us) || (k->runs && keep_commit(s, out->since_ns)))
		return keep_lost(s, e);
	if (out->since_ns)
		keep_sent(out, k->runs ? s->keep.written_ns : out->since_ns);
	return 0;
}

static enum hide hide_of(const struct about *a)
{
	return a->intimate ? HIDE_CONSTANTS : HIDE_COMMENTS;
}

int keep_query(
	struct session *s, struct span text, const struct judgement *j, struct kept *out, struct err *e)
{
	const struct about *a = judgement_about(j);

	return keep(s,
		&(struct keepsake){.message = "query",
			.verdict = "allow",
			.text = text,
			.about = a,
			.hide = hide_of(a),
			.runs = true},
		out, e);
}

int keep_parse(struct session *s, const struct msg_parse *m, const struct judgement *j, struct kept *out,
	struct err *e)
{
	const struct about *a = judgement_about(j);

	return keep(s,
		&(struct keepsake){.message = "parse",
			.verdict = "allow",
			.name = m->name,
			.text = m->sql,
			.about = a,
			.hide = hide_of(a),
			.runs = true},
		out, e);
}

int keep_bind(struct session *s, const struct msg_bind *m, const struct prepared *p, struct kept *out,
	struct err *e)
{
	const struct about *a = judgement_about(p->j);

	return keep(s,
		&(struct keepsake){.message = "bind",
			.verdict = "allow",
			.name = m->statement,
			.about = a,
			.bind = m,
			.hide = hide_of(a),
			.runs = true},
		out, e);
}

int keep_execute(struct session *s, struct span name, struct portal *o, struct kept *out, struct err *e)
{
	const struct about *a = judgement_about(o->prepared->j);

	*out = o->kept;
	o->kept = (struct kept){0};
	if (out->number)
		return 0;
	return keep(s,
		&(struct keepsake){.message = "execute",
			.verdict = "allow",
			.name = name,
			.about = a,
			.hide = hide_of(a),
			.runs = true},
		out, e);
}

/* No text names a function that is called by the fast-path interface; nor is its number a constant. */
static void read_call(const struct frame *f, struct keepsake *k, struct msg_bind *bind)
{
	uint32_t oid;

	k->text = f->body;
	if (msg_function_call(f->body, &oid, bind) != WIRE_OK)
		return;
	snprintf(k->called, sizeof(k->called), "function oid_%u", oid);
	k->text = span_of(k->called, strlen(k->called));
	k->bind = bind;
}

/* What a message has of a text and of parameters; bind: for them. */
static void read_message(const struct frame *f, struct keepsake *k, struct msg_bind *bind)
{
	struct msg_parse parse;
	struct msg_query query;
	struct msg_execute execute;

	k->message = frame_name(PEER_FRONTEND, f->type);
	switch ((enum frontend_type)f->type) {
	case FE_QUERY:
		k->message = "query";
		k->text = f->body;
		if (msg_query(f->body, &query) == WIRE_OK)
			k->text = query.sql;
		break;
	case FE_PARSE:
		k->message = "parse";
		k->text = f->body;
		if (msg_parse(f->body, &parse) == WIRE_OK) {
			k->text = parse.sql;
			k->name = parse.name;
		}
		break;
	case FE_BIND:
		k->message = "bind";
		if (msg_bind(f->body, bind) == WIRE_OK) {
			k->bind = bind;
			k->name = bind->statement;
		}
		break;
	case FE_EXECUTE:
		k->message = "execute";
		if (msg_execute(f->body, &execute) == WIRE_OK)
			k->name = execute.portal;
		break;
	case FE_FUNCTION_CALL: read_call(f, k, bind); break;
	case FE_CLOSE:
	case FE_COPY_DATA:
	case FE_COPY_DONE:
	case FE_COPY_FAIL:
	case FE_DESCRIBE:
	case FE_FLUSH:
	case FE_PASSWORD:
	case FE_SYNC:
	case FE_TERMINATE: break;
	}
}

int keep_refused(struct session *s, const struct frame *f, const char *sqlstate, const char *reason,
	struct kept *out, struct err *e)
{
	struct keepsake k = {.verdict = "deny", .sqlstate = sqlstate, .reason = reason, .runs = true};
	struct msg_bind bind;

	k.about = s->keep.about;
	read_message(f, &k, &bind);
	if (!frame_whole(f)) /* what is there of it is none of its values */
		k.text = span_of(k.text.p, 0);
	return keep(s, &k, out, e);
}

/* ---- not judged ---- */

static bool states(uint8_t type)
{
	return type == FE_QUERY || type == FE_PARSE || type == FE_BIND || type == FE_EXECUTE ||
	       type == FE_FUNCTION_CALL;
}

bool keep_holds(const struct session *s, const struct frame *f)
{
	return states(f->type) && !frame_whole(f) && f->total <= s->env->message_max && keeps_text(s);
}

int keep_relayed(struct session *s, const struct frame *f, struct err *e)
{
	struct keepsake k = {.verdict = "allow", .hide = HIDE_NOTHING};
	struct msg_bind bind;
	int r;

	s->keep.unready += f->type == FE_QUERY || f->type == FE_SYNC || f->type == FE_FUNCTION_CALL;
	if (!states(f->type))
		return 0;
	read_message(f, &k, &bind);
	r = keep(s, &k, &s->keep.relayed, e);
	s->keep.relayed_more = f->total - FRAME_HEADER - f->body.n;
	return r;
}

int keep_more(struct session *s, struct span bytes, struct err *e)
{
	if (!s->keep.relayed_more || !bytes.n)
		return 0;
	s->keep.relayed_more -= bytes.n < s->keep.relayed_more ? bytes.n : s->keep.relayed_more;
	if (keeps_text(s) && put_more(s, s->keep.relayed.number, keep_now(s), bytes))
		return keep_lost(s, e);
	return 0;
}
