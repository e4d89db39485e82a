/* SPDX-License-Identifier: MIT */
/* keep_setup: a session without connections, whose scribe is a fake, for the tests of session/keep*.c. */
#ifndef PGVEIL_TEST_KEEP_SETUP_H
#define PGVEIL_TEST_KEEP_SETUP_H

#include "test.h"

#include <netinet/in.h>
#include "record/body.h"
#include "scribe_fake.h"
#include "session/state.h"

struct setup {
	struct session *s;
	struct session_env env;
	struct caller who;
	struct fake_scribe scribe;
	struct policy *policy;
	struct put said; /* messages that were taken: they stay until the end */
};

static inline void open_setup(struct setup *g)
{
	static const char *const path = "tests/golden/guard/deny.yaml";
	struct sockaddr_in *to = (struct sockaddr_in *)&g->who.dialled;
	struct complaints c = {0};

	*g = (struct setup){.who = {.cgroup = "/agents/a", .uid = 7, .tgid = 9, .comm = "psql"}};
	to->sin_family = AF_INET;
	to->sin_port = htons(5432);
	to->sin_addr.s_addr = htonl(0x0a000001);
	assert_int_equal(policy_load(&g->policy, &path, 1, &c), 0);
	fake_init(&g->scribe);
	g->env = (struct session_env){.scribe = &g->scribe.scribe, .message_max = 16 << 20};
	g->s = calloc(1, sizeof(*g->s));
	assert_non_null(g->s);
	g->s->env = &g->env;
	g->s->who = &g->who;
	g->s->policy = g->policy;
	g->s->grant.database = policy_database_at(g->policy, 0);
	g->s->dbname = "d";
	g->s->user = "claims to be";
	g->s->state = STATE_OPEN;
}

static inline void close_setup(struct setup *g)
{
	for (int side = 0; side < 2; side++)
		outq_fini(&g->s->lane[side].out);
	arena_fini(&g->s->scratch);
	arena_fini(&g->s->keep.done_mem);
	put_fini(&g->said);
	put_fini(&g->s->put);
	policy_unref(g->policy);
	fake_fini(&g->scribe);
	free(g->s);
}

static inline struct frame frame_of(struct setup *g, char type, struct span body)
{
	struct frame f;

	put_reset(&g->said);
	put_start(&g->said, type);
	put_span(&g->said, body);
	put_finish(&g->said);
	assert_false(put_failed(&g->said));
	assert_int_equal(frame_peek(put_bytes(&g->said), PEER_FRONTEND, &f), WIRE_OK);
	return f;
}

static inline struct frame query(struct setup *g, const char *text)
{
	return frame_of(g, FE_QUERY, span_of(text, strlen(text) + 1));
}

static inline struct span field(const struct setup *g, size_t i, enum body_field f)
{
	assert_true(i < g->scribe.n);
	return body_bytes(span_of(g->scribe.v[i].p, g->scribe.v[i].n), f);
}

static inline uint64_t number(const struct setup *g, size_t i, enum body_field f)
{
	assert_true(i < g->scribe.n);
	return body_number(span_of(g->scribe.v[i].p, g->scribe.v[i].n), f);
}

static inline void queue(struct setup *g, const void *p, size_t n)
{
	outq_copy(&g->s->lane[SIDE_CLIENT].out, span_of(p, n));
}

#endif
