/* SPDX-License-Identifier: MIT */
/* Any bytes from either side, in any order, cut anywhere: the session must not crash, must not hold more than
 * its bounds allow, and must not let the canary in a masked column through to the client.
 *
 * Input: a byte (1: the session is open already; 2: the client logs in itself; 4: over TLS), then records of
 * one byte (what happens), two bytes (length, big-endian) and that many bytes. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/recall.h"
#include "pgwire/frame.h"
#include "pgwire/put.h"
#include "session/cache.h"
#include "session/session.h"
#include "scribe_fake.h"
#include "settled.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A row of (id, ssn): the server's answer to whatever was let through that shows both, however it was asked.
 */
static const char CANARY[] = "CANARY-123-45-6789";

static struct policy *policy, *relaying;
static struct fake_scribe scribe;
static struct catalog *catalog;
static uint32_t patients;
static int16_t ssn;

static enum coverage covers_all(void *arg, const struct policy *p, unsigned i, const struct sockaddr *a)
{
	(void)arg, (void)p, (void)i, (void)a;
	return COVERS_YES;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char ddl[] =
		"CREATE TABLE public.patients (id integer PRIMARY KEY, name text, ssn text);"
		"CREATE TABLE public.visits (id integer, note text);";
	const char *path = "tests/golden/replay/policy.yaml",
		   *relay = "tests/golden/replay/relay-policy.yaml";
	struct complaints c = {0};
	struct err e = {0};
	const struct relation *r;

	(void)argc, (void)argv;
	setenv("REPLAY_RECORD", "full", 1);
	fake_init(&scribe);
	scribe.forgets = true;
	if (policy_load(&policy, &path, 1, &c) || policy_load(&relaying, &relay, 1, &c) ||
		catalog_from_ddl(&catalog, SPAN_LIT(ddl), &e)) {
		fprintf(stderr, "%s %s\n", c.n ? c.line[0] : "", e.msg);
		abort();
	}
	r = catalog_relation(catalog, "public", "patients");
	assert(r && relation_column(r, "ssn"));
	patients = r->oid;
	ssn = relation_column(r, "ssn")->attnum;
	return 0;
}

/* Whatever goes to the client is looked at; nothing of it may be the canary. */
static void drain(struct session *s)
{
	for (int side = 0; side < 2; side++) {
		struct outq *q = session_out(s, side);
		struct iovec iov[64];
		struct put all = {0};
		size_t n;

		while ((n = outq_iov(q, iov, 64)) > 0) {
			size_t sum = 0;

			for (size_t i = 0; i < n; i++) {
				put_span(&all, span_of(iov[i].iov_base, iov[i].iov_len));
				sum += iov[i].iov_len;
			}
			outq_wrote(q, sum);
		}
		if (side == SIDE_CLIENT && all.n && memmem(all.p, all.n, CANARY, strlen(CANARY)))
			abort();
		put_fini(&all);
	}
}

static unsigned step(struct session *s, uint64_t now, struct event ev)
{
	unsigned w = session_step(s, now, &ev);

	drain(s);
	return w;
}

static unsigned feed(struct session *s, uint64_t now, enum side side, struct span b, unsigned w)
{
	while (b.n && (w & (side == SIDE_CLIENT ? WANT_READ_CLIENT : WANT_READ_SERVER))) {
		uint8_t *p;
		size_t len;

		if (session_room(s, side, &p, &len))
			break;
		if (len > b.n)
			len = b.n;
		memcpy(p, b.p, len);
		session_got(s, side, len);
		b = span_of(b.p + len, b.n - len);
		w = step(s, now, (struct event){.kind = EVENT_BYTES});
	}
	return w;
}

static void put_column(struct put *w, const char *name, uint32_t oid, int16_t attnum)
{
	put_cstr(w, name);
	put_be32(w, oid);
	put_be16(w, (uint16_t)attnum);
	put_be32(w, 25);
	put_be16(w, 0xffff);
	put_be32(w, UINT32_MAX);
	put_be16(w, 0);
}

/* A result that holds the canary in patients.ssn, as a server would send it. */
static void put_result(struct put *w, unsigned how)
{
	if (!(how & 1)) {
		put_start(w, BE_ROW_DESCRIPTION);
		put_be16(w, 2);
		put_column(w, "id", patients, 1);
		put_column(w, "ssn", patients, ssn);
		put_finish(w);
	}
	put_start(w, BE_DATA_ROW);
	put_be16(w, 2);
	put_be32(w, 1);
	put_u8(w, '1');
	put_be32(w, (uint32_t)strlen(CANARY));
	put_span(w, span_of(CANARY, strlen(CANARY)));
	put_finish(w);
	if (how & 2) {
		put_start(w, BE_COMMAND_COMPLETE);
		put_cstr(w, "SELECT 1");
		put_finish(w);
	}
	if (how & 4)
		put_ready(w, how & 8 ? 'T' : 'I');
}

/* Startup, trust login and settling. */
static unsigned open_session(struct session *s, struct slot *slot, uint64_t now)
{
	const char *params[][2] = {{"user", "u"}, {"database", "clinic"}};
	struct put w = {0};
	unsigned want;

	put_startup(&w, (const char *const(*)[2])params, 2);
	want = feed(s, now, SIDE_CLIENT, put_bytes(&w), WANT_READ_CLIENT);
	assert(want & WANT_CONNECT);
	put_reset(&w);
	want = step(s, now, (struct event){.kind = EVENT_CONNECTED, .slot = slot});
	put_start(&w, BE_AUTHENTICATION);
	put_be32(&w, 0);
	put_finish(&w);
	put_ready(&w, 'I');
	put_settled(&w);
	want = feed(s, now, SIDE_SERVER, put_bytes(&w), want);
	put_fini(&w);
	return want;
}

static unsigned happen(
	struct session *s, struct slot *slot, uint64_t *now, uint8_t what, struct span b, unsigned w)
{
	struct put put = {0};

	switch (what % 10) {
	case 0:
	case 1: return feed(s, *now, SIDE_CLIENT, b, w);
	case 2:
	case 3: return feed(s, *now, SIDE_SERVER, b, w);
	case 4:
	case 5:
		put_result(&put, what / 10);
		w = feed(s, *now, SIDE_SERVER, put_bytes(&put), w);
		put_fini(&put);
		return w;
	case 6: *now += b.n * 100; return step(s, *now, (struct event){.kind = EVENT_BYTES});
	case 7:
		slot_put(slot, catalog_ref(catalog), *now);
		return step(s, *now, (struct event){.kind = EVENT_BYTES});
	case 8: return step(s, *now, (struct event){.kind = EVENT_CANCEL});
	default:
		return step(s, *now,
			(struct event){.kind = what / 10 & 1 ? EVENT_EOF : EVENT_LOST,
				.side = what / 10 & 2 ? SIDE_CLIENT : SIDE_SERVER});
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_of(span_of(data, size));
	struct caller who = {.cgroup = "/agents/one"};
	struct session_env env = {.policy = policy,
		.scribe = &scribe.scribe,
		.max_age_ms = 5000,
		.message_max = 32768,
		.cell_max = 64,
		.covers = covers_all};
	struct session *s = NULL;
	struct slot *slot = NULL;
	struct err e = {0};
	uint64_t now = 100000;
	unsigned w, how;

	/* The canary comes from the result alone; a client may well be told what it said itself. */
	if (memmem(data, size, CANARY, strlen(CANARY)))
		return 0;
	if (size && (data[0] & 3) == 2) /* the client's own login is part of the input */
		env.policy = relaying;
	if (cache_new(&env.cache, &e) || recall_new(&env.recall, &e) || slot_new(&slot, NULL, &e) ||
		session_new(&s, &env, &who, (struct session_key){1, "abcd"}, &e))
		abort();
	slot_put(slot, catalog_ref(catalog), now);
	how = cur_u8(&c);
	scribe.fails_after = how & 0x40 ? how >> 1 & 31 : -1; /* the disk is full from then on */
	if (how & 1)
		w = open_session(s, slot, now);
	else
		w = WANT_READ_CLIENT;
	while (cur_left(&c) && !(w & WANT_CLOSE)) {
		uint8_t what = cur_u8(&c);
		uint16_t n = cur_be16(&c);

		if (w & WANT_CONNECT)
			w = step(s, now,
				(struct event){.kind = EVENT_CONNECTED,
					.slot = slot,
					.password = "pw",
					.tls = how & 4});
		w = happen(s, slot, &now, what, cur_take(&c, n < cur_left(&c) ? n : cur_left(&c)), w);
	}
	session_free(s);
	slot_free(slot);
	cache_free(env.cache);
	recall_free(env.recall);
	return 0;
}
