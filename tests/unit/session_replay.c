/* SPDX-License-Identifier: MIT */
/* Runs the scripts of tests/golden/replay: what client and server say, and what each of them is to hear. The
 * whole session, without a socket, a database or root. Every script runs several times, its bytes cut at
 * different places, and rows that may be are taken from the server to the client unread or not: what comes
 * out must not depend on that.
 *
 * A line is  client MESSAGE | server MESSAGE  (said),  to-server MESSAGE | to-client MESSAGE  (heard; nothing
 * else may be), or a directive: policy FILE, schema FILE, open, connect [tls], drop, at MS, catalog, waits,
 * pins (heard by the server: what session/pin.c sends), pinned (said by it), looked SETTING SCHEMAS TEMP (to
 * what session/look.c asks; by default "$user", public | pg_catalog public | -),
 * client-ends (half closed), server-ends, shuts (the server is to be told that nothing more comes), keeps (it
 * is not), cancels (the server was asked to cancel), cancelled (that is over), silence, closed. Messages are
 * written as in say_frontend() and say_backend() below. */
#include "policy/allowance.h"
#include "policy/recall.h"
#include "test.h"

#include <dirent.h>

#include "pgwire/frame.h"
#include "pgwire/message.h"
#include "pgwire/put.h"
#include "session/cache.h"
#include "session/session.h"
#include "session/tally.h"
#include "scribe_fake.h"
#include "settled.h"

#define ORIGIN_MAX 64

struct bytes {
	uint8_t *p;
	size_t n;
};

struct replay {
	const char *file;
	unsigned line;
	struct session_env env;
	struct fake_scribe scribe;
	struct cache *cache;
	struct slot *slot;
	struct catalog *catalog;
	struct session *s;
	struct caller who;
	uint64_t now;
	unsigned wants;
	size_t cut;            /* bytes a read gives */
	bool cancels;          /* the server was to be asked to cancel, and no line said so yet */
	struct spending spent; /* of the one window that a policy may have */
	size_t spliced;        /* bytes that were not read */
	struct tally tally;
	uint64_t clock_ns;
	struct bytes out[2]; /* what a side was sent */
	size_t seen[2];      /* of these, already compared */
	struct put say;
};

static enum coverage covers_all(void *arg, const struct policy *p, unsigned i, const struct sockaddr *a)
{
	(void)arg, (void)p, (void)i, (void)a;
	return COVERS_YES;
}

static void fail_at(struct replay *r, const char *what, const char *got)
{
	print_error("%s:%u: %s%s%s\n", r->file, r->line, what, got ? ": " : "", got ? got : "");
	fail_msg("%s:%u", r->file, r->line);
}

/* ---- driving the session ---- */

static void add_bytes(struct bytes *b, const void *p, size_t n)
{
	b->p = realloc(b->p, b->n + n);
	assert_non_null(b->p);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void drain(struct replay *r)
{
	for (int side = 0; side < 2; side++) {
		struct outq *q = session_out(r->s, side);
		struct iovec iov[8];
		size_t n;

		while ((n = outq_iov(q, iov, 8)) > 0) {
			/* One byte less than there is, so that partial writes are met too. */
			size_t take = iov[0].iov_len > 1 ? iov[0].iov_len - 1 : 1;

			add_bytes(&r->out[side], iov[0].iov_base, take);
			outq_wrote(q, take);
		}
	}
}

/* A microsecond later each time that somebody looks. */
static uint64_t look_at_clock(void *arg)
{
	struct replay *r = arg;

	return r->clock_ns += 1000;
}

static void asked(void *arg)
{
	(void)arg;
}

/* What keeps the window. */
static bool keep(struct replay *r)
{
	struct allowance_job job;
	bool leased;

	if (!allowance_jobs(r->env.allowance, r->now, false, &job, 1, &leased))
		return false;
	(void)allowance_job_do(&job, &r->spent, r->now);
	allowance_done(r->env.allowance, &job, 0, r->now);
	return true;
}

static void step(struct replay *r, struct event ev)
{
	r->wants = session_step(r->s, r->now, &ev);
	r->cancels = r->cancels || r->wants & WANT_CANCEL;
	drain(r);
	/* Writing everything may let the session go on. */
	for (int i = 0; i < 3 || keep(r); i++) {
		r->wants = session_step(r->s, r->now, &(struct event){.kind = EVENT_BYTES}) |
			   (r->wants & (WANT_CONNECT | WANT_CANCEL));
		r->cancels = r->cancels || r->wants & WANT_CANCEL;
		drain(r);
	}
}

/* The start of what the server says, past the session where it may be. */
static size_t splice_row(struct replay *r, struct span bytes)
{
	size_t n = session_splice(r->s);

	if (n > bytes.n)
		n = bytes.n;
	if (n > r->cut)
		n = r->cut;
	if (n) {
		add_bytes(&r->out[SIDE_CLIENT], bytes.p, n);
		session_spliced(r->s, n);
		r->spliced += n;
	}
	return n;
}

static void hear(struct replay *r, enum side side, struct span bytes)
{
	while (bytes.n && !(r->wants & WANT_CLOSE)) {
		size_t n = bytes.n < r->cut ? bytes.n : r->cut, len;
		size_t past = side == SIDE_SERVER ? splice_row(r, bytes) : 0;
		uint8_t *p;

		if (past) {
			bytes = span_of(bytes.p + past, bytes.n - past);
			step(r, (struct event){.kind = EVENT_BYTES});
			continue;
		}
		assert_int_equal(session_room(r->s, side, &p, &len), 0);
		if (n > len)
			n = len;
		memcpy(p, bytes.p, n);
		session_got(r->s, side, n);
		bytes = span_of(bytes.p + n, bytes.n - n);
		step(r, (struct event){.kind = EVENT_BYTES});
	}
}

/* ---- the language: words, and cells between bars ---- */

static char *word(char **p)
{
	char *w = *p;

	while (*w == ' ')
		w++;
	*p = w + strcspn(w, " ");
	if (**p)
		*(*p)++ = '\0';
	return w;
}

static char *cell(char **p)
{
	char *w = *p, *end;

	while (*w == ' ')
		w++;
	end = strstr(w, " |");
	if (end) {
		*end = '\0';
		*p = end + 2;
	} else {
		*p = w + strlen(w);
	}
	return w;
}

static const char *name_of(const char *w)
{
	return strcmp(w, "-") == 0 ? "" : w;
}

/* "@schema.table.column" gives the origin; "-" none. */
static void put_origin(struct replay *r, const char *w)
{
	char copy[128], *schema, *table, *column;
	const struct relation *rel;
	const struct column *col;

	if (*w != '@') {
		put_be32(&r->say, 0);
		put_be16(&r->say, 0);
		return;
	}
	snprintf(copy, sizeof(copy), "%s", w + 1);
	schema = strtok(copy, ".");
	table = strtok(NULL, ".");
	column = strtok(NULL, ".");
	rel = catalog_relation(r->catalog, schema, table);
	col = rel ? relation_column(rel, column) : NULL;
	if (!col)
		fail_at(r, "no such column", w);
	put_be32(&r->say, rel->oid);
	put_be16(&r->say, (uint16_t)col->attnum);
}

static void say_columns(struct replay *r, char *p)
{
	char *cols[32];
	uint16_t n = 0;

	while (*p)
		cols[n++] = cell(&p);
	put_be16(&r->say, n);
	for (int i = 0; i < n; i++) { /* name origin type-oid typmod format */
		char *c = cols[i];

		put_cstr(&r->say, word(&c));
		put_origin(r, word(&c));
		put_be32(&r->say, (uint32_t)atoi(word(&c)));
		put_be16(&r->say, 0xffff);
		put_be32(&r->say, (uint32_t)atoi(word(&c)));
		put_be16(&r->say, (uint16_t)atoi(word(&c)));
	}
}

static void say_cells(struct replay *r, char *p)
{
	char *cells[32];
	uint16_t n = 0;

	while (*p)
		cells[n++] = cell(&p);
	put_be16(&r->say, n);
	for (int i = 0; i < n; i++) {
		if (strcmp(cells[i], "NULL") == 0) {
			put_be32(&r->say, UINT32_MAX);
			continue;
		}
		put_be32(&r->say, (uint32_t)strlen(cells[i]));
		put_span(&r->say, span_of(cells[i], strlen(cells[i])));
	}
}

static void say_frontend(struct replay *r, char *p)
{
	char *m = word(&p), *a, *b;

	if (!strcmp(m, "Query")) {
		put_query(&r->say, p);
		return;
	}
	if (!strcmp(m, "Parse")) { /* name text */
		put_start(&r->say, FE_PARSE);
		put_cstr(&r->say, name_of(word(&p)));
		put_cstr(&r->say, p);
		put_be16(&r->say, 0);
	} else if (!strcmp(m, "ParseTyped")) { /* name oid text: one parameter of that type */
		put_start(&r->say, FE_PARSE);
		put_cstr(&r->say, name_of(word(&p)));
		a = word(&p);
		put_cstr(&r->say, p);
		put_be16(&r->say, 1);
		put_be32(&r->say, (uint32_t)atoi(a));
	} else if (!strcmp(m, "Bind")) { /* portal statement [result format] */
		put_start(&r->say, FE_BIND);
		a = word(&p);
		b = word(&p);
		put_cstr(&r->say, name_of(a));
		put_cstr(&r->say, name_of(b));
		put_be32(&r->say, 0);
		put_be16(&r->say, *p ? 1 : 0);
		if (*p)
			put_be16(&r->say, (uint16_t)atoi(p));
	} else if (!strcmp(m, "Describe") || !strcmp(m, "Close")) { /* S|P name */
		put_start(&r->say, *m == 'D' ? FE_DESCRIBE : FE_CLOSE);
		put_u8(&r->say, (uint8_t)*word(&p));
		put_cstr(&r->say, name_of(word(&p)));
	} else if (!strcmp(m, "Execute")) { /* portal max */
		put_start(&r->say, FE_EXECUTE);
		put_cstr(&r->say, name_of(word(&p)));
		put_be32(&r->say, (uint32_t)atoi(p));
	} else if (!strcmp(m, "FunctionCall")) {
		put_start(&r->say, FE_FUNCTION_CALL);
		put_be32(&r->say, (uint32_t)atoi(p));
		put_be32(&r->say, 0);
		put_be16(&r->say, 0);
	} else if (!strcmp(m, "PasswordMessage")) { /* text; "SASL mechanism text" is a SASLInitialResponse,
						       "data text" a SASLResponse */
		put_start(&r->say, FE_PASSWORD);
		a = word(&p);
		if (!strcmp(a, "SASL")) {
			put_cstr(&r->say, word(&p));
			put_be32(&r->say, (uint32_t)strlen(p));
		} else if (strcmp(a, "data") != 0) {
			put_cstr(&r->say, a);
		}
		put_span(&r->say, span_of(p, strlen(p)));
	} else if (!strcmp(m, "CopyData")) {
		put_start(&r->say, FE_COPY_DATA);
		put_span(&r->say, span_of(p, strlen(p)));
	} else {
		static const struct {
			const char *name;
			char type;
		} plain[] = {{"Sync", FE_SYNC}, {"Flush", FE_FLUSH}, {"Terminate", FE_TERMINATE},
			{"CopyDone", FE_COPY_DONE}};
		size_t i = 0;

		while (i < 4 && strcmp(plain[i].name, m))
			i++;
		if (i == 4)
			fail_at(r, "unknown frontend message", m);
		put_start(&r->say, plain[i].type);
	}
	put_finish(&r->say);
}

/* As it stands, but ^ and two hexadecimal digits are a byte. */
static void say_escaped(struct replay *r, const char *p)
{
	unsigned byte;

	for (; *p; p++) {
		bool escaped = *p == '^' && sscanf(p + 1, "%2x", &byte) == 1;

		put_u8(&r->say, escaped ? (uint8_t)byte : (uint8_t)*p);
		p += escaped ? 2 : 0;
	}
}

static void say_fields(struct replay *r, char *p)
{ /* severity sqlstate message [| detail] */
	char *sev = word(&p), *code = word(&p), *msg = cell(&p);

	put_u8(&r->say, 'S');
	put_cstr(&r->say, sev);
	put_u8(&r->say, 'V');
	put_cstr(&r->say, sev);
	put_u8(&r->say, 'C');
	put_cstr(&r->say, code);
	put_u8(&r->say, 'M');
	put_cstr(&r->say, msg);
	if (*p) {
		put_u8(&r->say, 'D');
		put_cstr(&r->say, cell(&p));
	}
	put_u8(&r->say, 0);
}

static void say_backend(struct replay *r, char *p)
{
	static const struct {
		const char *name;
		char type;
	} plain[] = {{"ParseComplete", '1'}, {"BindComplete", '2'}, {"CloseComplete", '3'}, {"NoData", 'n'},
		{"PortalSuspended", 's'}, {"EmptyQueryResponse", 'I'}, {"CopyDone", 'c'}};
	char *m = word(&p);

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (!strcmp(plain[i].name, m)) {
			put_start(&r->say, plain[i].type);
			put_finish(&r->say);
			return;
		}
	if (!strcmp(m, "Authentication")) { /* kind, then text or mechanisms */
		uint32_t kind = (uint32_t)atoi(word(&p));

		put_start(&r->say, BE_AUTHENTICATION);
		put_be32(&r->say, kind);
		while (kind == AUTH_SASL && *p)
			put_cstr(&r->say, word(&p));
		put_span(&r->say, kind == AUTH_SASL ? span_of("", 1) : span_of(p, strlen(p)));
	} else if (!strcmp(m, "RowDescription")) {
		put_start(&r->say, BE_ROW_DESCRIPTION);
		say_columns(r, p);
	} else if (!strcmp(m, "DataRow")) {
		put_start(&r->say, BE_DATA_ROW);
		say_cells(r, p);
	} else if (!strcmp(m, "CommandComplete")) {
		put_start(&r->say, BE_COMMAND_COMPLETE);
		put_cstr(&r->say, p);
	} else if (!strcmp(m, "ReadyForQuery")) {
		put_start(&r->say, BE_READY_FOR_QUERY);
		put_u8(&r->say, (uint8_t)*p);
	} else if (!strcmp(m, "ErrorResponse") || !strcmp(m, "NoticeResponse")) {
		put_start(&r->say, *m == 'E' ? BE_ERROR_RESPONSE : BE_NOTICE_RESPONSE);
		say_fields(r, p);
	} else if (!strcmp(m, "ParameterDescription")) {
		put_start(&r->say, BE_PARAMETER_DESCRIPTION);
		put_be16(&r->say, 0);
	} else if (!strcmp(m, "ParameterStatus")) {
		put_start(&r->say, BE_PARAMETER_STATUS);
		put_cstr(&r->say, word(&p));
		put_cstr(&r->say, p);
	} else if (!strcmp(m, "CopyInResponse") || !strcmp(m, "CopyOutResponse")) {
		int columns = 0, format = 0;

		(void)sscanf(p, "%d %d", &columns, &format);
		put_start(&r->say, m[4] == 'I' ? BE_COPY_IN_RESPONSE : BE_COPY_OUT_RESPONSE);
		put_u8(&r->say, (uint8_t)format);
		put_be16(&r->say, (uint16_t)columns);
		for (int i = 0; i < columns; i++)
			put_be16(&r->say, (uint16_t)format);
	} else if (!strcmp(m, "CopyData")) {
		put_start(&r->say, BE_COPY_DATA);
		say_escaped(r, p);
	} else if (!strcmp(m, "NotificationResponse")) {
		put_start(&r->say, BE_NOTIFICATION_RESPONSE);
		put_be32(&r->say, 1);
		put_cstr(&r->say, word(&p));
		put_cstr(&r->say, p);
	} else {
		fail_at(r, "unknown backend message", m);
	}
	put_finish(&r->say);
}

/* ---- what was heard, in the same language ---- */

static int text(struct span s)
{
	return (int)s.n;
}

/* What is not printable is a dot. */
static void tell_text(struct span s, FILE *o)
{
	fputc(' ', o);
	for (size_t i = 0; i < s.n; i++)
		fputc(s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '.', o);
}

static void tell_escaped(struct span s, FILE *o)
{
	fputc(' ', o);
	for (size_t i = 0; i < s.n; i++)
		fprintf(o, s.p[i] >= ' ' && s.p[i] < 0x7f ? "%c" : "^%02x", s.p[i]);
}

static void tell_frontend(const struct frame *f, FILE *o)
{
	struct msg_query q;
	struct msg_parse pa;
	struct msg_bind b;
	struct msg_target t;
	struct msg_execute x;

	fprintf(o, "%s", frame_name(PEER_FRONTEND, f->type));
	if (f->type == FE_QUERY && msg_query(f->body, &q) == WIRE_OK)
		fprintf(o, " %.*s", text(q.sql), q.sql.p);
	if (f->type == FE_PARSE && msg_parse(f->body, &pa) == WIRE_OK)
		fprintf(o, " %.*s %.*s", pa.name.n ? text(pa.name) : 1,
			pa.name.n ? (const char *)pa.name.p : "-", text(pa.sql), pa.sql.p);
	if (f->type == FE_BIND && msg_bind(f->body, &b) == WIRE_OK)
		fprintf(o, " %.*s %.*s", b.portal.n ? text(b.portal) : 1,
			b.portal.n ? (const char *)b.portal.p : "-", b.statement.n ? text(b.statement) : 1,
			b.statement.n ? (const char *)b.statement.p : "-");
	if ((f->type == FE_DESCRIBE || f->type == FE_CLOSE) && msg_target(f->body, &t) == WIRE_OK)
		fprintf(o, " %c %.*s", t.kind, t.name.n ? text(t.name) : 1,
			t.name.n ? (const char *)t.name.p : "-");
	if (f->type == FE_EXECUTE && msg_execute(f->body, &x) == WIRE_OK)
		fprintf(o, " %.*s %u", x.portal.n ? text(x.portal) : 1,
			x.portal.n ? (const char *)x.portal.p : "-", x.max_rows);
	if (f->type == FE_COPY_DATA)
		fprintf(o, " %.*s", text(f->body), f->body.p);
	if (f->type == FE_PASSWORD)
		tell_text(f->body, o);
}

static void tell_cells(struct span body, FILE *o)
{
	struct span c;
	struct cur cur;
	uint16_t n;

	assert_int_equal(msg_data_row(body, &cur, &n), WIRE_OK);
	for (int i = 0; i < n; i++) {
		assert_int_equal(msg_cell_next(&cur, &c), WIRE_OK);
		if (c.p)
			fprintf(o, "%s%.*s", i ? " | " : " ", text(c), c.p);
		else
			fprintf(o, "%sNULL", i ? " | " : " ");
	}
	assert_int_equal(cur_end(&cur), WIRE_OK);
}

static void tell_backend(const struct frame *f, FILE *o)
{
	struct msg_column col;
	struct msg_notification no;
	struct msg_fields mf;
	struct span tag;
	struct cur cur;
	uint16_t n;

	fprintf(o, "%s", frame_name(PEER_BACKEND, f->type));
	if (f->type == BE_ROW_DESCRIPTION) {
		assert_int_equal(msg_row_description(f->body, &cur, &n), WIRE_OK);
		for (int i = 0; i < n; i++) {
			assert_int_equal(msg_column_next(&cur, &col), WIRE_OK);
			fprintf(o, " %.*s", text(col.name), col.name.p);
		}
	}
	if (f->type == BE_DATA_ROW)
		tell_cells(f->body, o);
	if (f->type == BE_COMMAND_COMPLETE && msg_command_complete(f->body, &tag) == WIRE_OK)
		fprintf(o, " %.*s", text(tag), tag.p);
	if (f->type == BE_READY_FOR_QUERY)
		fprintf(o, " %c", f->body.p[0]);
	if (f->type == BE_AUTHENTICATION)
		tell_text(f->body, o);
	if ((f->type == BE_ERROR_RESPONSE || f->type == BE_NOTICE_RESPONSE) &&
		msg_fields(f->body, &mf) == WIRE_OK) {
		fprintf(o, " %.*s %.*s %.*s", text(mf.field['V']), mf.field['V'].p, text(mf.field['C']),
			mf.field['C'].p, text(mf.field['M']), mf.field['M'].p);
		if (mf.field['D'].p)
			fprintf(o, " | %.*s", text(mf.field['D']), mf.field['D'].p);
	}
	if (f->type == BE_COPY_DATA)
		tell_escaped(f->body, o);
	if (f->type == BE_NOTIFICATION_RESPONSE && msg_notification(f->body, &no) == WIRE_OK)
		fprintf(o, " %u %.*s%s%.*s", no.pid, text(no.channel), no.channel.p, no.payload.n ? " " : "",
			text(no.payload), no.payload.p);
}

/* The next message a side heard; NULL: none. Free it. */
static char *next_heard(struct replay *r, enum side side)
{
	enum peer from = side == SIDE_SERVER ? PEER_FRONTEND : PEER_BACKEND;
	struct span all = span_of(r->out[side].p, r->out[side].n);
	struct frame f;
	char *line = NULL;
	size_t n;
	FILE *o;

	if (all.n == r->seen[side])
		return NULL;
	all = span_of(all.p + r->seen[side], all.n - r->seen[side]);
	if (frame_peek(all, from, &f) != WIRE_OK || !frame_whole(&f))
		fail_at(r, "half a message was sent",
			side == SIDE_SERVER ? "to the server" : "to the client");
	r->seen[side] += f.total;
	o = open_memstream(&line, &n);
	if (side == SIDE_SERVER)
		tell_frontend(&f, o);
	else
		tell_backend(&f, o);
	fclose(o);
	return line;
}

static void expect_heard(struct replay *r, enum side side, const char *want)
{
	char *got = next_heard(r, side);

	if (!got)
		fail_at(r, "nothing was sent, expected", want);
	/* A trailing "*" stands for the rest. */
	size_t n = strlen(want);
	bool same = n && want[n - 1] == '*' ? strncmp(got, want, n - 1) == 0 : strcmp(got, want) == 0;

	if (!same)
		fail_at(r, want, got);
	free(got);
}

static void expect_silence(struct replay *r)
{
	for (int side = 0; side < 2; side++) {
		char *got = next_heard(r, side);

		if (got)
			fail_at(r,
				side == SIDE_SERVER ? "unexpected, to the server"
						    : "unexpected, to the client",
				got);
	}
}

/* ---- directives ---- */

static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *all;

	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	all = calloc(1, 1 << 20);
	*n = fread(all, 1, (1 << 20) - 1, f);
	fclose(f);
	return all;
}

static void load_schema(struct replay *r, const char *path)
{
	struct err e = {0};
	size_t n;
	char *ddl = slurp(path, &n);

	if (catalog_from_ddl(&r->catalog, span_of(ddl, n), &e))
		fail_at(r, path, e.msg);
	free(ddl);
	slot_put(r->slot, catalog_ref(r->catalog), r->now);
}

static void load_policy(struct replay *r, const char *path)
{
	struct complaints c = {0};

	policy_unref(r->env.policy);
	r->env.policy = NULL;
	if (policy_load(&r->env.policy, &path, 1, &c))
		fail_at(r, path, c.n ? c.line[0] : "does not load");
	complaints_fini(&c);
}

/* Up to the server's first word. The StartupMessage is no frame, and not looked at. */
static bool connect_session(struct replay *r, const char *dbname, bool tls)
{
	const char *params[][2] = {{"user", "agent"}, {"database", dbname}};
	struct err e = {0};

	put_startup(&r->say, (const char *const(*)[2])params, 2);
	assert_int_equal(session_new(&r->s, &r->env, &r->who, (struct session_key){7, "key!"}, &e), 0);
	r->wants = WANT_READ_CLIENT;
	hear(r, SIDE_CLIENT, put_bytes(&r->say));
	put_reset(&r->say);
	if (!(r->wants & WANT_CONNECT))
		return false; /* refused: the script says how */
	step(r, (struct event){.kind = EVENT_CONNECTED, .slot = r->slot, .tls = tls});
	r->seen[SIDE_SERVER] = r->out[SIDE_SERVER].n;
	return true;
}

/* Startup, trust login and settling, as a server would answer them. */
static void open_session(struct replay *r, const char *dbname)
{
	struct put *w = &r->say;

	if (!connect_session(r, dbname, false))
		return;
	put_start(w, BE_AUTHENTICATION);
	put_be32(w, AUTH_OK);
	put_finish(w);
	put_ready(w, 'I');
	put_settled(w);
	hear(r, SIDE_SERVER, put_bytes(w));
	put_reset(w);
	/* The scripts are about what follows. */
	for (int side = 0; side < 2; side++)
		r->seen[side] = r->out[side].n;
}

static void say(struct replay *r, enum side side, char *p)
{
	if (side == SIDE_CLIENT)
		say_frontend(r, p);
	else
		say_backend(r, p);
	assert_false(put_failed(&r->say));
	hear(r, side, put_bytes(&r->say));
	put_reset(&r->say);
}

/* What pin.c sends, but for the Sync that may follow, and what a server answers. */
static void expect_pin(struct replay *r)
{
	static const char *const sent[] = {"Parse pgveil_pin_0000000000000000 SELECT pg_catalog.set_config(*",
		"Bind pgveil_pin_0000000000000000 pgveil_pin_0000000000000000",
		"Execute pgveil_pin_0000000000000000 0", "Close P pgveil_pin_0000000000000000",
		"Close S pgveil_pin_0000000000000000"};

	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++)
		expect_heard(r, SIDE_SERVER, sent[i]);
}

static void answer_pin(struct replay *r, const char *row)
{
	const char *const said[] = {"ParseComplete", "BindComplete", row, "CommandComplete SELECT 1",
		"CloseComplete", "CloseComplete"};
	char line[256];

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		snprintf(line, sizeof(line), "%s", said[i]);
		say(r, SIDE_SERVER, line);
	}
}

/* "SETTING | SCHEMAS | TEMP": schemas with spaces between them. */
static void answer_look(struct replay *r, char *line)
{
	char row[256], standard[] = "\"$user\", public | pg_catalog public |";
	char *p = *line ? line : standard, *setting = cell(&p), *schemas = cell(&p), *temp = cell(&p);

	for (char *c = schemas; *c; c++)
		if (*c == ' ')
			*c = '\n';
	snprintf(row, sizeof(row), "DataRow none | on | UTF8 | %s | %s | pgveil_agent | %s | read committed",
		setting, schemas, *temp ? temp : "NULL");
	answer_pin(r, row);
}

static void run_line(struct replay *r, char *line, const char **dbname)
{
	char *verb = word(&line);

	if (!strcmp(verb, "client"))
		say(r, SIDE_CLIENT, line);
	else if (!strcmp(verb, "server"))
		say(r, SIDE_SERVER, line);
	else if (!strcmp(verb, "to-server"))
		expect_heard(r, SIDE_SERVER, line);
	else if (!strcmp(verb, "to-client"))
		expect_heard(r, SIDE_CLIENT, line);
	else if (!strcmp(verb, "schema"))
		load_schema(r, line);
	else if (!strcmp(verb, "policy"))
		load_policy(r, line);
	else if (!strcmp(verb, "open"))
		open_session(r, *dbname);
	else if (!strcmp(verb, "connect"))
		connect_session(r, *dbname, !strcmp(line, "tls"));
	else if (!strcmp(verb, "drop")) /* what is being said to the server now is not of interest */
		r->seen[SIDE_SERVER] = r->out[SIDE_SERVER].n;
	else if (!strcmp(verb, "pins"))
		expect_pin(r);
	else if (!strcmp(verb, "pinned"))
		answer_pin(r, "DataRow public | none | on | UTF8");
	else if (!strcmp(verb, "looked"))
		answer_look(r, line);
	else if (!strcmp(verb, "silence"))
		expect_silence(r);
	else if (!strcmp(verb, "at")) {
		r->now += (uint64_t)atoi(line);
	} else if (!strcmp(verb, "catalog")) {
		slot_put(r->slot, catalog_ref(r->catalog), r->now);
		step(r, (struct event){.kind = EVENT_BYTES});
	} else if (!strcmp(verb, "waits")) {
		if (!(r->wants & WANT_WAKE))
			fail_at(r, "does not wait for a catalogue", NULL);
	} else if (!strcmp(verb, "client-ends")) {
		step(r, (struct event){.kind = EVENT_EOF, .side = SIDE_CLIENT});
	} else if (!strcmp(verb, "server-ends")) {
		step(r, (struct event){.kind = EVENT_EOF, .side = SIDE_SERVER});
	} else if (!strcmp(verb, "shuts") || !strcmp(verb, "keeps")) {
		if (!(r->wants & WANT_SHUT_SERVER) == (*verb == 's'))
			fail_at(r, "not so", verb);
	} else if (!strcmp(verb, "cancels")) {
		if (!r->cancels)
			fail_at(r, "the server was not to be asked to cancel", NULL);
		r->cancels = false;
	} else if (!strcmp(verb, "cancelled")) {
		step(r, (struct event){.kind = EVENT_CANCELLED});
	} else if (!strcmp(verb, "closed")) {
		if (!(r->wants & WANT_CLOSE))
			fail_at(r, "is still open", NULL);
	} else {
		fail_at(r, "unknown directive", verb);
	}
}

/* Where in what a client was sent the login is over; n: it is not. */
static size_t login_end(struct span out)
{
	size_t at = 0;
	struct frame f;

	while (at + 1 < out.n && out.p[at] == 'N' && out.p[at + 1]) /* no encryption */
		at++;
	while (at < out.n && frame_peek(span_of(out.p + at, out.n - at), PEER_BACKEND, &f) == WIRE_OK &&
		frame_whole(&f)) {
		at += f.total;
		if (f.type == BE_READY_FOR_QUERY)
			return at;
	}
	return out.n;
}

/* The next message; empty: none that is whole. */
static struct span next_message(struct span *in)
{
	struct span whole = {0};
	struct frame f;

	if (frame_peek(*in, PEER_BACKEND, &f) == WIRE_OK && frame_whole(&f)) {
		whole = span_of(in->p, f.total);
		*in = span_of(in->p + f.total, in->n - f.total);
	}
	return whole;
}

/* Errors and notices may be there without what they quote; all else that the client has is on record byte by
 * byte. */
static void expect_recorded(struct replay *r)
{
	struct bytes kept = {0};
	struct span is, was;
	size_t at;

	for (size_t i = 0; i < r->scribe.ndone; i++)
		if (r->scribe.v[i].kind == RECORD_RESULT)
			add_bytes(&kept, r->scribe.v[i].p, r->scribe.v[i].n);
	at = login_end(span_of(r->out[SIDE_CLIENT].p, r->out[SIDE_CLIENT].n));
	is = span_of(r->out[SIDE_CLIENT].p + at, r->out[SIDE_CLIENT].n - at);
	was = span_of(kept.p, kept.n);
	while (is.n) {
		struct span a = next_message(&is), b = next_message(&was);

		if (!a.n || !b.n) { /* cut off within a message */
			a = is;
			b = span_of(was.p, was.n < a.n ? was.n : a.n);
			is.n = 0;
		}
		if (a.n && b.n && a.p[0] == b.p[0] && (a.p[0] == 'E' || a.p[0] == 'N'))
			continue;
		if (!span_eq(a, b))
			fail_at(r, "the client got what is not on record", NULL);
	}
	free(kept.p);
}

static uint64_t times(const struct replay *r, enum stage st)
{
	const struct metric_times *t = &r->tally.took[st];
	uint64_t n = 0;

	for (unsigned i = 0; i < METRIC_TIMES; i++)
		n += metric_get(&t->n[i]);
	assert_true(metric_get(&t->sum_ns) >= n * 1000);
	return n;
}

/* What was counted is what happened, and of what is over nothing is left. */
static void expect_tally(const struct replay *r, const struct session_stats *stats)
{
	const struct tally *t = &r->tally;
	uint64_t refused = 0, causes = 0;

	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		refused += metric_get(&t->refused[i]);
	for (unsigned i = 0; i < CAUSE_MAX; i++)
		causes += metric_get(&t->causes[i]);
	assert_int_equal(refused, causes);
	assert_int_equal(metric_get(&t->queued[SIDE_CLIENT]), 0);
	assert_int_equal(metric_get(&t->queued[SIDE_SERVER]), 0);
	assert_true(times(r, STAGE_STATEMENT) <= stats->statements);
	assert_true(times(r, STAGE_LOGIN) <= 1);
	assert_int_equal(times(r, STAGE_ANALYSIS), metric_get(&t->judged_anew));
	assert_true(times(r, STAGE_LOOKUP) <= metric_get(&t->judged_cached) / STAGE_LOOKUPS + 1);
}

/* Gives how many bytes were not read; splice_min: as in session_env. */
static size_t run_script(const char *path, size_t cut, size_t splice_min)
{
	struct replay r = {.file = path, .cut = cut, .now = 100000};
	struct session_stats stats = {0};
	const char *dbname = "clinic";
	struct recall *recall = NULL;
	struct err e = {0};
	char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	/* What goes past the engine is not on record as it goes. */
	setenv("REPLAY_RECORD", splice_min ? "statements" : "full", 1);
	fake_init(&r.scribe);
	snprintf(r.who.cgroup, sizeof(r.who.cgroup), "/agents/one");
	assert_int_equal(cache_new(&r.cache, &e), 0);
	assert_int_equal(slot_new(&r.slot, NULL, &e), 0);
	assert_int_equal(recall_new(&recall, &e), 0);
	r.env = (struct session_env){.cache = r.cache,
		.recall = recall,
		.max_age_ms = 5000,
		.message_max = 65536,
		.cell_max = 64,
		.splice_min = splice_min,
		.scribe = &r.scribe.scribe,
		.tally = &r.tally,
		.clock_ns = look_at_clock,
		.covers = covers_all,
		.arg = &r};
	cache_observe(r.cache, &r.tally, look_at_clock, &r);
	assert_int_equal(allowance_new(&r.env.allowance, asked, NULL, &e), 0);
	while (golden_line(f, &line, &cap, &r.line))
		run_line(&r, line, &dbname);
	expect_silence(&r);
	if (!splice_min)
		expect_recorded(&r);
	if (r.cancels)
		fail_at(&r, "the server was to be asked to cancel", NULL);
	if (r.s)
		session_stats(r.s, &stats);
	assert_int_equal(stats.spliced_bytes, r.spliced);
	fclose(f);
	free(line);
	session_free(r.s);
	assert_int_equal(r.scribe.running, 0);
	expect_tally(&r, &stats);
	fake_fini(&r.scribe);
	allowance_free(r.env.allowance);
	free(r.out[0].p);
	free(r.out[1].p);
	put_fini(&r.say);
	cache_free(r.cache);
	policy_unref(r.env.policy);
	catalog_unref(r.catalog);
	recall_free(recall);
	slot_free(r.slot);
	return r.spliced;
}

static void replay_all(void **state)
{
	static const size_t cuts[] = {1, 2, 5, 13, 1 << 20};
	struct dirent **list;
	unsigned scripts = 0;
	size_t spliced = 0;
	int n = scandir("tests/golden/replay", &list, NULL, alphasort);
	char path[512];

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		if (strstr(list[i]->d_name, ".rec")) {
			snprintf(path, sizeof(path), "tests/golden/replay/%s", list[i]->d_name);
			for (size_t c = 0; c < sizeof(cuts) / sizeof(*cuts); c++) {
				assert_int_equal(run_script(path, cuts[c], 0), 0);
				spliced += run_script(path, cuts[c], 1);
			}
			scripts++;
		}
		free(list[i]);
	}
	free(list);
	assert_true(scripts > 0);
	assert_true(spliced > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(replay_all)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
