/* SPDX-License-Identifier: MIT */
/* What of a session is put on record, and what may happen where that cannot be: with a scribe that fails at
 * each place in turn. */
#include "keep_setup.h"

static void queue_error(struct setup *g, const char *sqlstate, const char *text)
{
	put_error(&g->s->put, "ERROR", sqlstate, text, NULL, NULL);
	session_send(g->s, SIDE_CLIENT);
}

static void queue_ready(struct setup *g)
{
	put_ready(&g->s->put, 'I');
	session_send(g->s, SIDE_CLIENT);
}

/* ---- */

static void who_it_was_and_how_it_ended(void **state)
{
	struct setup g;

	(void)state;
	open_setup(&g);
	assert_int_equal(keep_begin(g.s, NULL), 0);
	assert_int_equal(g.scribe.ndone, 1);
	assert_int_equal(g.scribe.v[0].kind, RECORD_BEGIN);
	assert_true(span_is(field(&g, 0, BODY_CGROUP), "/agents/a") &&
		    span_is(field(&g, 0, BODY_ADDRESS), "10.0.0.1:5432"));
	assert_true(span_is(field(&g, 0, BODY_CLAIMED_USER), "claims to be") &&
		    span_is(field(&g, 0, BODY_LEVEL), "full"));
	assert_int_equal(number(&g, 0, BODY_UID), 7);
	g.s->keep.closed = "client";
	keep_end(g.s);
	keep_end(g.s); /* once */
	assert_int_equal(g.scribe.ndone, 2);
	assert_true(span_is(field(&g, 1, BODY_CLOSED), "client"));
	assert_int_equal(g.scribe.running, 0);
	close_setup(&g);
}

static void who_cannot_be_recorded_does_not_get_in(void **state)
{
	struct setup g;
	struct err e;

	(void)state;
	for (int optional = 0; optional < 2; optional++)
		for (long k = 0; k < 2; k++) {
			e = (struct err){0};
			open_setup(&g);
			g.s->grant.record.optional = optional;
			g.scribe.fails_after = k;
			assert_int_equal(keep_begin(g.s, &e), optional ? 0 : -EACCES);
			assert_string_equal(e.sqlstate, optional ? "" : "53100");
			assert_int_equal(g.scribe.running, optional);
			keep_end(g.s);
			assert_int_equal(g.scribe.running, 0);
			close_setup(&g);
		}
	open_setup(&g); /* nobody records */
	g.env.scribe = NULL;
	assert_int_equal(keep_begin(g.s, &e), -EACCES);
	g.s->grant.record.optional = true;
	assert_int_equal(keep_begin(g.s, &e), 0);
	keep_end(g.s);
	close_setup(&g);
}

static void a_text_of_any_length(void **state)
{
	static const size_t lengths[] = {0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 * (1 << 20) + 5};
	struct setup g;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		char *text = malloc(lengths[i] + 1);
		size_t at = 0;
		struct frame f;

		open_setup(&g);
		for (size_t k = 0; k < lengths[i]; k++)
			text[k] = (char)('a' + k * 7 % 26);
		text[lengths[i]] = '\0';
		assert_int_equal(keep_begin(g.s, NULL), 0);
		keep_step_begins(g.s);
		f = query(&g, text);
		assert_int_equal(keep_relayed(g.s, &f, NULL), 0);
		assert_true(keep_step_ends(g.s)); /* before the server gets it */
		assert_int_equal(g.scribe.ndone, g.scribe.n);
		for (size_t k = 1; k < g.scribe.n; k++) {
			struct span part = field(&g, k, BODY_TEXT);

			assert_true(span_is(field(&g, k, BODY_MESSAGE), k == 1 ? "query" : "more"));
			assert_int_equal(number(&g, k, BODY_STATEMENT), 1);
			assert_true(part.n <= 1 << 20 && at + part.n <= lengths[i]);
			if (part.n)
				assert_memory_equal(part.p, text + at, part.n);
			at += part.n;
		}
		assert_int_equal(at, lengths[i]);
		keep_end(g.s);
		close_setup(&g);
		free(text);
	}
}

/* Of one that is refused no constant is kept, no comment and no quoted name; it can still be read. */
static void a_refused_text(void **state)
{
	static const char text[] =
		"SELECT a /* canary */, 'canary', 4711 FROM \"canary x\" -- canary\n WHERE b = $1";
	struct kept kept;
	struct setup g;
	struct span got;
	struct frame f;
	char *s;

	(void)state;
	open_setup(&g);
	assert_int_equal(keep_begin(g.s, NULL), 0);
	f = query(&g, text);
	assert_int_equal(keep_refused(g.s, &f, "42501", "no", &kept, NULL), 0);
	assert_true(kept.number == 1 && kept.intimate);
	got = field(&g, 1, BODY_TEXT);
	s = strndup((const char *)got.p, got.n);
	assert_null(strstr(s, "canary"));
	assert_null(strstr(s, "4711"));
	assert_memory_equal(s, "SELECT a /*\xe2\x80\xb9tok:", 18);
	assert_non_null(strstr(s, "\xe2\x80\xba*/, \xe2\x80\xb9tok:"));
	assert_non_null(strstr(s, "*/\n WHERE b = $1"));
	assert_true(
		span_is(field(&g, 1, BODY_VERDICT), "deny") && span_is(field(&g, 1, BODY_SQLSTATE), "42501"));
	free(s);
	/* the same value is the same token */
	f = query(&g, "SELECT 'canary', 'canary', 'other'");
	assert_int_equal(keep_refused(g.s, &f, "42501", "no", &kept, NULL), 0);
	got = field(&g, 2, BODY_TEXT);
	assert_memory_equal(got.p + 7, got.p + 31, KEEP_TOKEN);
	assert_memory_not_equal(got.p + 7, got.p + 55, KEEP_TOKEN);
	/* nothing of it at all */
	g.s->grant.record.level = RECORD_LEVEL_METADATA;
	assert_int_equal(keep_refused(g.s, &f, "42501", "no", &kept, NULL), 0);
	assert_null(field(&g, 3, BODY_TEXT).p);
	keep_end(g.s);
	close_setup(&g);
}

static void all_that_the_client_is_sent(void **state)
{
	size_t n = 700000, got = 0;
	uint8_t *bytes = malloc(n);
	struct setup g;

	(void)state;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i * 31 >> 3);
	for (enum record_level level = 0; level < RECORD_LEVEL_MAX; level++) {
		open_setup(&g);
		g.s->grant.record.level = level;
		assert_int_equal(keep_begin(g.s, NULL), 0);
		queue(&g, "of the login", 12);
		keep_step_begins(g.s); /* what was there is no part of it */
		for (size_t at = 0, step = 1; at < n; at += step, step = step * 3 % 8191 + 1)
			queue(&g, bytes + at, step < n - at ? step : n - at);
		assert_true(keep_step_ends(g.s));
		got = 0;
		for (size_t i = 1; i < g.scribe.n; i++) {
			assert_int_equal(g.scribe.v[i].kind, RECORD_RESULT);
			assert_true(g.scribe.v[i].n && g.scribe.v[i].n <= 256 << 10 &&
				    got + g.scribe.v[i].n <= n);
			assert_memory_equal(g.scribe.v[i].p, bytes + got, g.scribe.v[i].n);
			got += g.scribe.v[i].n;
		}
		assert_int_equal(got, level == RECORD_LEVEL_FULL ? n : 0);
		assert_int_equal(g.scribe.ndone, g.scribe.n);
		assert_int_equal(g.s->keep.out, n);
		keep_end(g.s);
		close_setup(&g);
	}
	free(bytes);
}

/* The first so many puts and commits go well: of the rest nothing may be told, or only that. */
static void a_step_that_cannot_be_kept(void **state)
{
	struct setup g;
	struct frame f;
	struct err e;
	int went = 0;

	(void)state;
	for (long k = 0; k < 8; k++) {
		bool sent, told;

		e = (struct err){0};
		open_setup(&g);
		assert_int_equal(keep_begin(g.s, NULL), 0);
		g.scribe.fails_after = k;
		keep_step_begins(g.s);
		f = query(&g, "SELECT 1");
		sent = keep_relayed(g.s, &f, &e) == 0;
		if (!sent)
			assert_string_equal(e.sqlstate, "53100");
		queue(&g, "D\0\0\0\x06\0\0", 7);
		told = keep_step_ends(g.s);
		went += sent && told;
		/* What goes out is on record. */
		assert_true(!told ||
			    (g.scribe.ndone >= 3 && g.scribe.v[g.scribe.ndone - 1].kind == RECORD_RESULT));
		g.scribe.fails_after = -1;
		keep_end(g.s);
		close_setup(&g);
	}
	assert_true(went > 0 && went < 8);
}

/* That nothing can be recorded may be said without being on record, and nothing else. */
static void only_the_excuse_may_be_told(void **state)
{
	static const struct {
		bool excuse, ready, row, other;
		bool may;
	} ways[] = {{true, true, false, false, true}, {true, false, false, false, true},
		{false, true, false, false, true}, {true, true, true, false, false},
		{true, true, false, true, false}, {false, false, true, false, false}};
	struct setup g;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		open_setup(&g);
		assert_int_equal(keep_begin(g.s, NULL), 0);
		queue(&g, "on record", 9);
		keep_step_begins(g.s);
		g.scribe.fails_after = 0;
		if (ways[i].excuse)
			queue_error(&g, KEEP_SQLSTATE, KEEP_REASON);
		if (ways[i].other)
			queue_error(&g, KEEP_SQLSTATE, "another");
		if (ways[i].row)
			queue(&g, "D\0\0\0\x06\0\0", 7);
		if (ways[i].ready)
			queue_ready(&g);
		assert_int_equal(keep_step_ends(g.s), ways[i].may);
		g.scribe.fails_after = -1;
		keep_end(g.s);
		close_setup(&g);
	}
}

/* Where it may be missing, how much is is on record as soon as something can be. */
static void what_may_be_missing_is_counted(void **state)
{
	bool found = false;
	struct setup g;
	struct frame f;

	(void)state;
	open_setup(&g);
	g.s->grant.record.optional = true;
	assert_int_equal(keep_begin(g.s, NULL), 0);
	g.scribe.fails_after = 0;
	for (int i = 0; i < 3; i++) {
		keep_step_begins(g.s);
		f = query(&g, "SELECT 1");
		assert_int_equal(keep_relayed(g.s, &f, NULL), 0);
		queue(&g, "D\0\0\0\x06\0\0", 7);
		assert_true(keep_step_ends(g.s));
	}
	assert_true(g.s->keep.missing >= 6);
	g.scribe.fails_after = -1;
	keep_step_begins(g.s);
	f = query(&g, "SELECT 2");
	assert_int_equal(keep_relayed(g.s, &f, NULL), 0);
	assert_true(keep_step_ends(g.s));
	for (size_t i = 0; i < g.scribe.ndone; i++)
		found |= g.scribe.v[i].kind == RECORD_EVENT &&
			 span_is(field(&g, i, BODY_EVENT), "record.lost") &&
			 field(&g, i, BODY_EVENT_TEXT).n == 1 && field(&g, i, BODY_EVENT_TEXT).p[0] >= '6';
	assert_true(found);
	assert_int_equal(g.s->keep.missing, 0);
	keep_end(g.s);
	close_setup(&g);
}

static void how_it_went(void **state)
{
	struct kept kept = {.number = 4, .began_us = 1};
	struct setup g;
	size_t i;

	(void)state;
	open_setup(&g);
	assert_int_equal(keep_begin(g.s, NULL), 0);
	keep_step_begins(g.s);
	keep_tag(g.s, span_of("SELECT 3", 8));
	g.s->stats.rows = 3;
	g.s->stats.masked_cells = 2;
	queue(&g, "0123456789", 10);
	keep_done(g.s, &kept, (struct span){0});
	assert_int_equal(kept.number, 0);
	kept = (struct kept){.number = 5, .began_us = 1};
	g.s->stats.rows = 4;
	keep_done(g.s, &kept, span_of("57014", 5));
	keep_done(g.s, &kept, span_of("57014", 5)); /* once */
	assert_int_equal(g.scribe.n, 1);            /* behind what the client is sent of it */
	assert_true(keep_step_ends(g.s));
	assert_int_equal(g.scribe.n, 4);
	i = 2;
	assert_int_equal(g.scribe.v[i].kind, RECORD_DONE);
	assert_int_equal(number(&g, i, BODY_STATEMENT), 4);
	assert_int_equal(number(&g, i, BODY_ROWS), 3);
	assert_int_equal(number(&g, i, BODY_MASKED), 2);
	assert_int_equal(number(&g, i, BODY_BYTES), 10);
	assert_true(span_is(field(&g, i, BODY_TAG), "SELECT 3") && !field(&g, i, BODY_SQLSTATE).n);
	i = 3;
	assert_int_equal(number(&g, i, BODY_ROWS), 1);
	assert_int_equal(number(&g, i, BODY_BYTES), 0);
	assert_true(span_is(field(&g, i, BODY_SQLSTATE), "57014") && !field(&g, i, BODY_TAG).n);
	keep_end(g.s);
	close_setup(&g);
}

/* A message of the server about a statement whose constants are hidden, without what it quotes. */
static void messages_without_what_they_quote(void **state)
{
	static const char *const lines[][2] = {
		{"relation \"shop.orders\" does not exist", "relation \"shop.orders\" does not exist"},
		{"invalid input syntax for type integer: \"canary x\"",
			"invalid input syntax for type integer: \xe2\x80\xb9"},
		{"value \"canary\" of \"a\" is \"not\" it", NULL},
		{"\xc2\xab"
		 "canary\xc2\xbb ist falsch",
			"\xe2\x80\xb9"},
		{"nothing is quoted", "nothing is quoted"},
	};
	struct kept about = {.number = 1, .intimate = true};
	struct setup g;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const struct frame f = {.type = BE_ERROR_RESPONSE};
		char got[512];
		size_t n;

		open_setup(&g);
		assert_int_equal(keep_begin(g.s, NULL), 0);
		keep_step_begins(g.s);
		assert_true(keep_veils(g.s, &f, &about));
		put_error(&g.s->put, "ERROR", "22P02", lines[i][0], "canary as detail", "hint");
		session_send(g.s, SIDE_CLIENT);
		keep_veiled(g.s);
		assert_true(keep_step_ends(g.s));
		assert_int_equal(g.scribe.n, 2);
		n = g.scribe.v[1].n < sizeof(got) ? g.scribe.v[1].n : sizeof(got);
		memcpy(got, g.scribe.v[1].p, n);
		if (i != 2) {
			assert_null(memmem(got, n, "canary", 6));
			assert_non_null(memmem(got, n, lines[i][1], strlen(lines[i][1])));
		} else { /* a plain name may be one */
			assert_non_null(memmem(got, n, "\"a\"", 3));
		}
		assert_null(memmem(got, n, "detail", 6));
		assert_non_null(memmem(got, n, "C22P02", 6));
		/* The client gets all of it. */
		assert_true(g.s->lane[SIDE_CLIENT].out.bytes > 0);
		keep_end(g.s);
		close_setup(&g);
	}
	about.intimate = false;
	open_setup(&g);
	assert_int_equal(keep_begin(g.s, NULL), 0);
	assert_false(keep_veils(g.s, &(struct frame){.type = BE_ERROR_RESPONSE}, &about));
	keep_end(g.s);
	close_setup(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(who_it_was_and_how_it_ended),
		cmocka_unit_test(who_cannot_be_recorded_does_not_get_in),
		cmocka_unit_test(a_text_of_any_length), cmocka_unit_test(a_refused_text),
		cmocka_unit_test(all_that_the_client_is_sent), cmocka_unit_test(a_step_that_cannot_be_kept),
		cmocka_unit_test(only_the_excuse_may_be_told),
		cmocka_unit_test(what_may_be_missing_is_counted), cmocka_unit_test(how_it_went),
		cmocka_unit_test(messages_without_what_they_quote)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
