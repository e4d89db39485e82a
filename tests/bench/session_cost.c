/* SPDX-License-Identifier: MIT */
/* session_cost: the session stepper fed by hand, without sockets, for what its judging and rewriting cost.
 *
 *   session_cost WORKLOAD N [RECORD]    does it N times and prints nanoseconds for each. Under valgrind, runs
 * with two different N give the instructions (engine.py).
 *
 * RECORD: metadata, statements or full, with a journal in TMPDIR; none: nobody records, and the policy lets
 * it; without one level full, of which what the session does for it counts, the journal does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/recall.h"
#include "pgwire/frame.h"
#include "pgwire/message.h"
#include "pgwire/put.h"
#include "session/cache.h"
#include "record/journal.h"
#include "session/session.h"
#include "session/tally.h"
#include "scribe_fake.h"
#include "settled.h"

#define OID_BOOL        16
#define OID_INT4        23
#define OID_TEXT        25
#define OID_VARCHAR     1043
#define OID_DATE        1082
#define OID_TIMESTAMPTZ 1184
#define OID_NUMERIC     1700

static const char ddl[] =
	"CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));"
	"CREATE SCHEMA bench;"
	"CREATE TABLE bench.person (id int PRIMARY KEY, name text, city varchar(30), joined date,"
	" seen timestamptz, balance numeric(10, 2), active boolean, email text, ssn text, card varchar(40));";

/* As the daemon's (ctl/recorder.c), of one thread. */
struct journal_scribe {
	struct scribe scribe;
	struct journal *journal;
	struct quill *quill;
	struct ticket last;
	bool any;
	char dir[64];
};

struct world {
	struct session_env env;
	struct fake_scribe scribe;
	struct journal_scribe writer;
	struct tally tally;
	struct slot *slot;
	struct catalog *catalog;
	struct session *s;
	struct caller who;
	uint64_t now, statements;
	unsigned wants;
	struct put say;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "session_cost: %s: %s\n", what, why);
	exit(1);
}

static enum coverage covers_all(void *arg, const struct policy *p, unsigned i, const struct sockaddr *a)
{
	(void)arg, (void)p, (void)i, (void)a;
	return COVERS_YES;
}

static void tell(
	void *arg, const struct session *s, enum session_note n, const char *sqlstate, const char *text)
{
	(void)arg, (void)s, (void)sqlstate;
	if (n != NOTE_LOGIN && n != NOTE_UNRECORDED)
		die(session_note_name(n), text);
}

/* Takes what is to be sent, as a socket that has room would. */
static void drain(struct world *w)
{
	for (int side = 0; side < 2; side++) {
		struct outq *q = session_out(w->s, side);

		while (!outq_empty(q)) {
			struct iovec iov[64];
			size_t n = outq_iov(q, iov, 64), sum = 0;

			for (size_t i = 0; i < n; i++)
				sum += iov[i].iov_len;
			outq_wrote(q, sum);
		}
	}
}

static void step(struct world *w, struct event ev)
{
	w->wants = session_step(w->s, w->now, &ev);
	drain(w);
	if (w->wants & WANT_CLOSE)
		die("session", "closed");
}

static void hear(struct world *w, enum side side, struct span bytes)
{
	while (bytes.n) {
		uint8_t *p;
		size_t len, n;

		if (session_room(w->s, side, &p, &len))
			die("session_room", "no room");
		n = len < bytes.n ? len : bytes.n;
		memcpy(p, bytes.p, n);
		session_got(w->s, side, n);
		bytes = span_of(bytes.p + n, bytes.n - n);
		step(w, (struct event){.kind = EVENT_BYTES});
		/* What the worker does once the bytes are gone. */
		step(w, (struct event){.kind = EVENT_BYTES});
	}
}

static void say(struct world *w, enum side side)
{
	if (put_failed(&w->say))
		die("put", "no memory");
	hear(w, side, put_bytes(&w->say));
	put_reset(&w->say);
}

/* ---- until the session is open ---- */

static uint64_t clock_ns(void *arg)
{
	struct timespec ts;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void writer_begin(struct scribe *s, struct scribed *of)
{
	(void)s;
	of->id = 1;
}

static void writer_end(struct scribe *s, struct scribed *of)
{
	(void)s, (void)of;
}

static uint64_t writer_now(struct scribe *s)
{
	return clock_ns(s) / 1000;
}

static int writer_put(struct scribe *s, const struct record *r, struct err *e)
{
	struct journal_scribe *w = (struct journal_scribe *)s;

	w->any = true;
	return journal_put(w->quill, r, &w->last, e);
}

static int writer_commit(struct scribe *s, struct err *e)
{
	struct journal_scribe *w = (struct journal_scribe *)s;
	bool any = w->any;

	w->any = false;
	return any ? journal_commit(w->journal, w->last, e) : 0;
}

static void writer_init(struct journal_scribe *w)
{
	static const uint8_t key[HMAC_KEY_LEN] = "0123456789abcdef0123456789abcde";
	const char *tmp = getenv("TMPDIR");
	struct journal_config cfg = {.dir = w->dir, .node = "bench", .segment_max = 64 << 20, .seal = key};
	struct journal_found found;
	struct err e = {0};

	*w = (struct journal_scribe){
		.scribe = {writer_begin, writer_end, writer_now, writer_put, writer_commit, {{0}, {0}}}};
	hmac_key_init(&w->scribe.tokens, key);
	snprintf(w->dir, sizeof(w->dir), "%s/session-cost-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w->dir) || journal_open(&w->journal, &cfg, 1, &found, &e) ||
		quill_new(&w->quill, w->journal, &e))
		die(w->dir, e.msg);
}

static void writer_fini(struct journal_scribe *w)
{
	char command[128];

	if (!w->journal)
		return;
	quill_free(w->quill);
	journal_close(w->journal, 1);
	snprintf(command, sizeof(command), "rm -r '%s'", w->dir);
	if (system(command))
		die(w->dir, "cannot be removed");
}

/* The policy with what it says of recording put in; path is where. */
static void record_as(const char *level, char path[static 64])
{
	const char *what = strcmp(level, "none") == 0 ? "metadata, required: false" : level;
	FILE *in = fopen("tests/bench/policy.yaml", "re"), *out;
	char line[512];
	int fd;

	snprintf(path, 64, "/tmp/session-cost-XXXXXX");
	fd = mkstemp(path);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!in || !out)
		die(path, "cannot be written");
	while (fgets(line, sizeof(line), in)) {
		fputs(line, out);
		if (strcmp(line, "spec:\n") == 0)
			fprintf(out, "  record: {level: %s}\n", what);
	}
	fclose(in);
	if (fclose(out))
		die(path, "cannot be written");
}

static void load_policy(struct world *w, const char *level)
{
	char path[64];
	const char *const files[] = {path};
	char key[] = "/tmp/session-cost-XXXXXX";
	int fd = mkstemp(key);
	struct complaints c = {0};

	if (fd < 0 || write(fd, "0123456789abcdef0123456789abcdef", 32) != 32)
		die(key, "cannot be written");
	close(fd);
	setenv("LAB_CGROUP", "/bench/masked", 1);
	setenv("LAB_CGROUP_2", "/bench/clear", 1);
	setenv("LAB_CGROUP_3", "/bench/filler", 1);
	setenv("LAB_DB_HOST", "10.0.0.1", 1);
	setenv("LAB_DB_PORT", "5432", 1);
	setenv("LAB_KEY_FILE", key, 1);
	setenv("LAB_CREDENTIAL_FILE", key, 1);
	record_as(level ? level : "full", path);
	if (policy_load(&w->env.policy, files, 1, &c))
		die(files[0], c.n ? c.line[0] : "does not load");
	complaints_fini(&c);
	unlink(path);
	unlink(key);
}

static void begin(struct world *w, const char *record)
{
	struct err e = {0};

	*w = (struct world){.now = 100000};
	snprintf(w->who.cgroup, sizeof(w->who.cgroup), "/bench/masked");
	w->env = (struct session_env){.max_age_ms = 5000,
		.message_max = 16 << 20,
		.cell_max = 1 << 20,
		.covers = covers_all,
		.scribe = &w->scribe.scribe,
		.tally = &w->tally,
		.clock_ns = clock_ns,
		.note = tell};
	fake_init(&w->scribe);
	w->scribe.forgets = true;
	if (record) {
		writer_init(&w->writer);
		w->env.scribe = strcmp(record, "none") == 0 ? NULL : &w->writer.scribe;
	}
	if (cache_new(&w->env.cache, &e) || recall_new(&w->env.recall, &e) || slot_new(&w->slot, NULL, &e) ||
		catalog_from_ddl(&w->catalog, span_of(ddl, sizeof(ddl) - 1), &e))
		die("world", e.msg);
	slot_put(w->slot, catalog_ref(w->catalog), w->now);
	cache_observe(w->env.cache, &w->tally, clock_ns, w);
	load_policy(w, record);
	if (session_new(&w->s, &w->env, &w->who, (struct session_key){7, "key!"}, &e))
		die("session", e.msg);
}

static void put_cells(struct put *w, const char *const *cells, uint16_t n)
{
	put_start(w, BE_DATA_ROW);
	put_be16(w, n);
	for (int i = 0; i < n; i++) {
		put_be32(w, (uint32_t)strlen(cells[i]));
		put_span(w, span_of(cells[i], strlen(cells[i])));
	}
	put_finish(w);
}

static void log_in(struct world *w)
{
	const char *params[][2] = {{"user", "agent"}, {"database", "bench"}};

	put_startup(&w->say, (const char *const(*)[2])params, 2);
	say(w, SIDE_CLIENT);
	step(w, (struct event){.kind = EVENT_CONNECTED, .slot = w->slot});
	put_start(&w->say, BE_AUTHENTICATION);
	put_be32(&w->say, AUTH_OK);
	put_finish(&w->say);
	put_ready(&w->say, 'I');
	put_settled(&w->say);
	say(w, SIDE_SERVER);
}

static void end(struct world *w)
{
	session_free(w->s);
	writer_fini(&w->writer);
	put_fini(&w->say);
	cache_free(w->env.cache);
	recall_free(w->env.recall);
	policy_unref(w->env.policy);
	catalog_unref(w->catalog);
	slot_free(w->slot);
}

/* ---- the server's answers ---- */

static void put_column(struct world *w, const struct relation *r, const char *name, uint32_t type, int format)
{
	put_cstr(&w->say, name);
	put_be32(&w->say, r->oid);
	put_be16(&w->say, (uint16_t)relation_column(r, name)->attnum);
	put_be32(&w->say, type);
	put_be16(&w->say, 0xffff);
	put_be32(&w->say, UINT32_MAX);
	put_be16(&w->say, (uint16_t)format);
}

static void put_type(struct put *w, char type)
{
	put_start(w, type);
	put_finish(w);
}

static void put_tag(struct put *w, const char *tag)
{
	put_start(w, BE_COMMAND_COMPLETE);
	put_cstr(w, tag);
	put_finish(w);
}

static void put_balance(struct world *w, int format)
{
	put_start(&w->say, BE_ROW_DESCRIPTION);
	put_be16(&w->say, 1);
	put_column(
		w, catalog_relation(w->catalog, "public", "pgbench_accounts"), "abalance", OID_INT4, format);
	put_finish(&w->say);
}

static void one_row(struct world *w)
{
	static const char *const cells[] = {"12345"};

	put_cells(&w->say, cells, 1);
	put_tag(&w->say, "SELECT 1");
	put_ready(&w->say, 'I');
	say(w, SIDE_SERVER);
}

/* As under load: some thirty statements in a millisecond. */
static void go_on(struct world *w)
{
	w->now += w->statements++ % 32 == 0;
	slot_put(w->slot, catalog_ref(w->catalog), w->now);
}

static void ask(struct world *w, const char *sql)
{
	put_query(&w->say, sql);
	say(w, SIDE_CLIENT);
	put_balance(w, 0);
	one_row(w);
	go_on(w);
}

static void query(struct world *w, unsigned long aid)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT abalance FROM pgbench_accounts WHERE aid = %lu;", aid);
	ask(w, sql);
}

/* A name in it is new each time: nothing that was judged before is of use. */
static void judge_first(struct world *w, unsigned long n)
{
	char sql[400];

	for (unsigned long i = 0; i < n; i++) {
		snprintf(sql, sizeof(sql),
			"SELECT a.abalance AS n%lu FROM pgbench_accounts a JOIN bench.person p ON p.id = "
			"a.aid "
			"WHERE p.city = 'Graz' AND p.joined >= DATE '2011-05-01' AND a.bid IN (1, 2, 3) "
			"ORDER BY p.joined DESC, p.name LIMIT 10",
			i);
		ask(w, sql);
	}
}

static void select_same(struct world *w, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		query(w, 77777);
}

static void select_new(struct world *w, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		query(w, 100000 + i);
}

static void prepare(struct world *w)
{
	put_start(&w->say, FE_PARSE);
	put_cstr(&w->say, "P_0");
	put_cstr(&w->say, "SELECT abalance FROM pgbench_accounts WHERE aid = $1;");
	put_be16(&w->say, 0);
	put_finish(&w->say);
	put_sync(&w->say);
	say(w, SIDE_CLIENT);
	put_type(&w->say, BE_PARSE_COMPLETE);
	put_start(&w->say, BE_PARAMETER_DESCRIPTION);
	put_be16(&w->say, 1);
	put_be32(&w->say, OID_INT4);
	put_finish(&w->say);
	put_balance(w, 0);
	put_ready(&w->say, 'I');
	say(w, SIDE_SERVER);
}

static void put_bind(struct put *w, const char *statement, const char *value, uint16_t format)
{
	put_start(w, FE_BIND);
	put_cstr(w, "");
	put_cstr(w, statement);
	put_be16(w, 0);
	put_be16(w, value ? 1 : 0);
	if (value) {
		put_be32(w, (uint32_t)strlen(value));
		put_span(w, span_of(value, strlen(value)));
	}
	put_be16(w, 1);
	put_be16(w, format);
	put_finish(w);
}

static void put_run(struct put *w)
{
	put_start(w, FE_DESCRIBE);
	put_u8(w, 'P');
	put_cstr(w, "");
	put_finish(w);
	put_start(w, FE_EXECUTE);
	put_cstr(w, "");
	put_be32(w, 0);
	put_finish(w);
	put_sync(w);
}

static void select_prepared(struct world *w, unsigned long n)
{
	prepare(w);
	for (unsigned long i = 0; i < n; i++) {
		put_bind(&w->say, "P_0", "77777", 0);
		put_run(&w->say);
		say(w, SIDE_CLIENT);
		put_type(&w->say, BE_BIND_COMPLETE);
		put_balance(w, 0);
		one_row(w);
		go_on(w);
	}
}

/* ---- rows ---- */

static void put_person(struct world *w, unsigned long n, int format)
{
	static const struct {
		const char *name;
		uint32_t type;
	} cols[] = {{"id", OID_INT4}, {"name", OID_TEXT}, {"city", OID_VARCHAR}, {"joined", OID_DATE},
		{"seen", OID_TIMESTAMPTZ}, {"balance", OID_NUMERIC}, {"active", OID_BOOL},
		{"email", OID_TEXT}, {"ssn", OID_TEXT}, {"card", OID_VARCHAR}};
	const struct relation *r = catalog_relation(w->catalog, "bench", "person");

	put_start(&w->say, BE_ROW_DESCRIPTION);
	put_be16(&w->say, (uint16_t)n);
	for (unsigned i = 0; i < n; i++)
		put_column(w, r, cols[i].name, cols[i].type, format);
	put_finish(&w->say);
}

#define BLOCK 1000

/* As schema.sql makes them: no two are the same, or a recording would pack them to nothing. */
static void put_row(struct put *w, unsigned i, uint16_t ncols)
{
	char text[7][48];
	const char *const cells[] = {
		text[0], text[1], text[2], "2011-05-01", text[3], "1234.56", "t", text[4], text[5], text[6]};
	unsigned long id = 100000 + i;

	snprintf(text[0], sizeof(text[0]), "%lu", id);
	snprintf(text[1], sizeof(text[1]), "Person number %lu", id);
	snprintf(text[2], sizeof(text[2]), "City %lu", id % 997);
	snprintf(text[3], sizeof(text[3]), "2020-03-%02lu 12:%02lu:%02lu+00", 1 + id % 28, id % 60,
		id * 7 % 60);
	snprintf(text[4], sizeof(text[4]), "person.%lu@mail.example.org", id);
	snprintf(text[5], sizeof(text[5]), "%09lu", id * 7919 % 1000000000);
	snprintf(text[6], sizeof(text[6]), "4929%012lu", id);
	put_cells(w, cells, ncols);
}

/* n rows (a multiple of BLOCK) of 7 clean columns, or of these and 2 or 3 masked ones, in reads as large as
 * the session asks for. The clean cells' bytes do not matter: they are not looked at. */
static void rows(struct world *w, unsigned long n, uint16_t ncols, int format)
{
	struct put block = {0};
	char sql[200];

	snprintf(sql, sizeof(sql),
		"SELECT id, name, city, joined, seen, balance, active%s%s FROM bench.person",
		ncols > 7 ? ", email, ssn" : "", ncols > 9 ? ", card" : "");

	put_start(&w->say, FE_PARSE);
	put_cstr(&w->say, "");
	put_cstr(&w->say, sql);
	put_be16(&w->say, 0);
	put_finish(&w->say);
	put_bind(&w->say, "", NULL, (uint16_t)format);
	put_run(&w->say);
	say(w, SIDE_CLIENT);
	put_type(&w->say, BE_PARSE_COMPLETE);
	put_start(&w->say, BE_PARAMETER_DESCRIPTION);
	put_be16(&w->say, 0);
	put_finish(&w->say);
	put_person(w, ncols, 0);
	put_type(&w->say, BE_BIND_COMPLETE);
	put_person(w, ncols, format);
	say(w, SIDE_SERVER);
	for (unsigned i = 0; i < BLOCK; i++)
		put_row(&block, i, ncols);
	for (unsigned long done = 0; done < n; done += BLOCK)
		hear(w, SIDE_SERVER, put_bytes(&block));
	put_fini(&block);
	put_tag(&w->say, "SELECT");
	put_ready(&w->say, 'I');
	say(w, SIDE_SERVER);
}

static void rows_clean(struct world *w, unsigned long n)
{
	rows(w, n, 7, 0);
}

static void rows_short(struct world *w, unsigned long n)
{
	rows(w, n, 9, 0);
}

static void rows_text(struct world *w, unsigned long n)
{
	rows(w, n, 10, 0);
}

static void rows_binary(struct world *w, unsigned long n)
{
	rows(w, n, 10, 1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(struct world *w, unsigned long n);
	} all[] = {{"select-same", select_same}, {"select-new", select_new},
		{"select-prepared", select_prepared}, {"judge-first", judge_first},
		{"rows-clean", rows_clean}, {"rows-short", rows_short}, {"rows-text", rows_text},
		{"rows-binary", rows_binary}};
	struct timespec from, to;
	struct world w;
	unsigned long n;

	if (argc < 3 || argc > 4 || (n = strtoul(argv[2], NULL, 10)) == 0)
		die("usage", "session_cost WORKLOAD N [none|metadata|statements|full]");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (strcmp(all[i].name, argv[1]) != 0)
			continue;
		buf_spare(true); /* as a worker does */
		begin(&w, argv[3]);
		log_in(&w);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		all[i].fn(&w, n);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		end(&w);
		buf_spare(false);
		printf("%.1f\n",
			((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
				(double)n);
		return 0;
	}
	die(argv[1], "no such workload");
}
