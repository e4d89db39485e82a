/* SPDX-License-Identifier: MIT */
/* What the workers count, as families for Prometheus. Each number has one writer, its worker; they are added
 * up here, without asking the workers, so that a worker that is busy does not hide what the others do. */
#include "base/metric.h"
#include "net/crew.h"
#include "net/listener.h"

/* One field of struct worker, over all of them. */
static uint64_t sum_at(const struct workers *ws, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ws->cfg.n; i++)
		sum += metric_get(
			(const _Atomic uint64_t *)(const void *)((const char *)&ws->worker[i] + offset));
	return sum;
}

#define SUM(ws, field) sum_at((ws), offsetof(struct worker, field))
/* The index is not a constant, as offsetof would have it. */
#define SUM_AT(ws, field, i) sum_at((ws), offsetof(struct worker, field) + (i) * sizeof(_Atomic uint64_t))

static void add_connections(const struct workers *ws, struct metric_text *m)
{
	metric_family(m, METRIC_COUNTER, "pgveil_connections_accepted",
		"Connections that reached a listener of the engine.");
	metric_number(m, NULL, atomic_load(&ws->accepted));
	metric_family(m, METRIC_COUNTER, "pgveil_connections_unserved",
		"Connections that were closed without being served.");
	for (enum unserved u = 0; u < UNSERVED_MAX; u++)
		metric_number(m, METRIC_LABELS("reason", unserved_name(u)), atomic_load(&ws->unserved[u]));
	metric_family(m, METRIC_COUNTER, "pgveil_upstream_failures",
		"Connections to a database that could not be made or logged in.");
	metric_number(m, NULL, atomic_load(&ws->upstream_failed));
	metric_family(m, METRIC_COUNTER, "pgveil_cancels_refused",
		"Cancel requests whose key belongs to no connection of the same identity.");
	metric_number(m, NULL, atomic_load(&ws->cancels_refused));
}

static void add_sessions(const struct workers *ws, struct metric_text *m)
{
	metric_family(m, METRIC_GAUGE, "pgveil_sessions", "Sessions there are now.");
	for (unsigned state = 0; state < SESSION_STATES; state++) {
		metric_number(m, METRIC_LABELS("state", session_state_name(state), "judged", "no"),
			SUM_AT(ws, tally.sessions, 2 * state));
		metric_number(m, METRIC_LABELS("state", session_state_name(state), "judged", "yes"),
			SUM_AT(ws, tally.sessions, 2 * state + 1));
	}
	metric_family(m, METRIC_COUNTER, "pgveil_session_events",
		"What happened to sessions; the log has each of them, as far as it is not too many.");
	for (enum session_note n = 0; n < SESSION_NOTE_MAX; n++)
		metric_number(m, METRIC_LABELS("event", session_note_name(n)),
			SUM_AT(ws, tally.notes, (unsigned)n));
}

static void add_unrecorded(const struct workers *ws, struct metric_text *m)
{
	metric_family(m, METRIC_COUNTER, "pgveil_unrecorded",
		"Times that something went on although it could not be recorded, where policy lets it.");
	metric_number(m, NULL, SUM(ws, tally.unrecorded));
}

static void add_traffic(const struct workers *ws, struct metric_text *m)
{
	uint64_t refused = 0;

	for (unsigned r = 0; r < REFUSAL_MAX; r++)
		refused += SUM_AT(ws, tally.refused, r);
	metric_family(m, METRIC_COUNTER, "pgveil_statements",
		"Statements by what became of them: passed on to the server (allow), likewise by an approval "
		"(ask), refused (deny).");
	metric_number(
		m, METRIC_LABELS("verdict", "allow"), SUM(ws, tally.statements) - SUM(ws, tally.approved));
	metric_number(m, METRIC_LABELS("verdict", "ask"), SUM(ws, tally.approved));
	metric_number(m, METRIC_LABELS("verdict", "deny"), refused);
	metric_family(m, METRIC_COUNTER, "pgveil_statements_refused",
		"Statements that were refused, by the SQLSTATE that the client got.");
	for (enum refusal_code r = 0; r < REFUSAL_MAX; r++)
		metric_number(m, METRIC_LABELS("sqlstate", refusal_word(r)),
			SUM_AT(ws, tally.refused, (unsigned)r));
	metric_family(m, METRIC_COUNTER, "pgveil_refusals", "Statements that were refused, by why.");
	for (enum refusal_cause c = 0; c < CAUSE_MAX; c++)
		metric_number(m, METRIC_LABELS("cause", refusal_cause_name(c)),
			SUM_AT(ws, tally.causes, (unsigned)c));
	metric_family(m, METRIC_COUNTER, "pgveil_results_stopped",
		"Results that an export limit stopped before their end.");
	metric_number(m, NULL, SUM(ws, tally.stopped));
	metric_family(m, METRIC_COUNTER, "pgveil_rows", "Rows that went to clients.");
	metric_number(m, NULL, SUM(ws, tally.rows));
	metric_family(m, METRIC_COUNTER, "pgveil_masked_cells", "Cells of those rows that were masked.");
	metric_number(m, NULL, SUM(ws, tally.masked_cells));
	metric_family(m, METRIC_COUNTER, "pgveil_received_bytes",
		"Bytes that came from clients and from databases.");
	metric_number(m, METRIC_LABELS("from", "client"), SUM(ws, tally.bytes_to_server));
	metric_number(m, METRIC_LABELS("from", "database"), SUM(ws, tally.bytes_to_client));
}

static void add_splice(const struct workers *ws, struct metric_text *m)
{
	const struct splice_verdict *v = ws->cfg.splice_verdict;
	static const char *const way[] = {
#define X(name, word) [SPLICE_WAY_##name] = (word),
		SPLICE_WAYS(X)
#undef X
	};
	static const char *const end[] = {
#define X(name, word) [SPLICE_END_##name] = (word),
		SPLICE_ENDS(X)
#undef X
	};

	metric_family(m, METRIC_GAUGE, "pgveil_splice_on",
		"Whether rows that nothing looks at may pass without being read.");
	metric_number(m, NULL, workers_splices(ws));
	metric_family(m, METRIC_GAUGE, "pgveil_splice_test",
		"Whether the kernel passed this check at the start, before it may hand on rows by itself; "
		"only where "
		"it was asked to.");
	for (enum splice_check c = 0; v->tried && c < SPLICE_CHECK_MAX; c++)
		metric_number(m, METRIC_LABELS("check", splice_check_name(c)), !(v->failed & 1u << c));
	metric_family(m, METRIC_COUNTER, "pgveil_large_rows",
		"Rows of 64 KiB and more: of a result that passes as it is, or rewritten.");
	metric_number(m, METRIC_LABELS("result", "clean"), SUM(ws, tally.large_clean));
	metric_number(m, METRIC_LABELS("result", "rewritten"), SUM(ws, tally.large_rewritten));
	metric_family(m, METRIC_COUNTER, "pgveil_splice_reads",
		"Times that more of a large clean row was taken from a database: through a pipe, or read, "
		"and "
		"why.");
	for (enum splice_way w = 0; w < SPLICE_WAY_MAX; w++)
		metric_number(m, METRIC_LABELS("way", way[w]), SUM_AT(ws, splice_reads, (unsigned)w));
	metric_family(m, METRIC_COUNTER, "pgveil_splice_pairs",
		"Connections whose rows the kernel may hand on by itself.");
	metric_number(m, NULL, SUM(ws, paired));
	metric_family(m, METRIC_COUNTER, "pgveil_splice_windows",
		"Times that the kernel was allowed to hand on rows by itself, and what ended it.");
	for (enum splice_end e = SPLICE_END_LATE; e < SPLICE_END_MAX; e++)
		metric_number(m, METRIC_LABELS("end", end[e]), SUM_AT(ws, windows, (unsigned)e));
	metric_family(m, METRIC_COUNTER, "pgveil_splice_window_bytes", "Bytes that it handed on.");
	metric_number(m, NULL, SUM(ws, window_bytes));
	metric_family(m, METRIC_COUNTER, "pgveil_splice_window_rows",
		"Rows that it handed on; pgveil_rows has them too.");
	metric_number(m, NULL, SUM(ws, window_rows));
	metric_family(m, METRIC_COUNTER, "pgveil_splice_repeated_bytes",
		"Bytes that a database's TCP sent again as part of new ones, of connections whose rows the "
		"kernel may hand on: cut off before they are counted.");
	metric_number(m, NULL, SUM(ws, repeated));
	metric_family(m, METRIC_COUNTER, "pgveil_spliced_bytes",
		"Bytes that clients got without their being read; pgveil_received_bytes has them too.");
	metric_number(m, NULL, SUM(ws, tally.spliced_bytes));
}

static void add_judging(const struct workers *ws, struct metric_text *m)
{
	metric_family(m, METRIC_COUNTER, "pgveil_judgements",
		"Statement texts that were looked up; missed: they had to be analysed.");
	metric_number(m, METRIC_LABELS("cache", "hit"), SUM(ws, tally.judged_cached));
	metric_number(m, METRIC_LABELS("cache", "miss"), SUM(ws, tally.judged_anew));
	metric_family(m, METRIC_GAUGE, "pgveil_cache_judgements", "Judged texts that are kept.");
	metric_number(m, NULL, SUM(ws, tally.judgements));
	metric_family(m, METRIC_GAUGE, "pgveil_cache_bytes", "Memory of the judged texts that are kept.");
	metric_number(m, NULL, SUM(ws, tally.judgement_bytes));
	metric_family(m, METRIC_GAUGE, "pgveil_cache_bindings",
		"Combinations of rules and catalogue that are kept.");
	metric_number(m, NULL, SUM(ws, tally.bindings));
}

static void add_limits(const struct workers *ws, struct metric_text *m)
{
	metric_family(m, METRIC_COUNTER, "pgveil_limits_reached",
		"Times that an export limit stopped a result or refused a statement.");
	for (enum limit_scope sc = 0; sc < SCOPE_MAX; sc++)
		for (enum measure me = 0; me < MEASURES; me++)
			metric_number(m,
				METRIC_LABELS("scope", limit_scope_name(sc), "measure", measure_name(me)),
				SUM_AT(ws, tally.limits, (unsigned)sc * MEASURES + (unsigned)me));
}

static void add_stages(const struct workers *ws, struct metric_text *m)
{
	metric_family(m, METRIC_HISTOGRAM, "pgveil_stage_seconds",
		"How long the stages of a login and of a statement took; of lookups one in sixteen is "
		"measured.");
	for (enum stage st = 0; st < STAGE_MAX; st++) {
		struct metric_times all = {0};

		for (unsigned i = 0; i < ws->cfg.n; i++)
			metric_times_add(&all, &ws->worker[i].tally.took[st]);
		metric_histogram(m, METRIC_LABELS("stage", stage_name(st)), &all);
	}
}

void workers_queues(struct workers *ws, struct workers_queues *out)
{
	*out = (struct workers_queues){.backlog = listeners_backlog(ws),
		.to_client = SUM_AT(ws, tally.queued, SIDE_CLIENT),
		.to_database = SUM_AT(ws, tally.queued, SIDE_SERVER),
		.stragglers = SUM(ws, straggling)};
	for (unsigned i = 0; i < ws->cfg.n; i++) {
		pthread_mutex_lock(&ws->worker[i].lock);
		out->posts += ws->worker[i].nposts;
		pthread_mutex_unlock(&ws->worker[i].lock);
	}
}

void workers_metrics(struct workers *ws, struct metric_text *m)
{
	metric_family(m, METRIC_GAUGE, "pgveil_workers", "Threads that carry sessions.");
	metric_number(m, NULL, ws->cfg.n);
	metric_family(m, METRIC_GAUGE, "pgveil_worker_behind_seconds",
		"How long ago the worker that is the furthest behind came round last.");
	metric_seconds(m, NULL, (double)workers_behind_ms(ws) * 1e-3);
	metric_family(m, METRIC_GAUGE, "pgveil_connections", "Connections there are now.");
	metric_number(m, NULL, registry_count(ws->registry));
	add_connections(ws, m);
	add_sessions(ws, m);
	add_traffic(ws, m);
	add_unrecorded(ws, m);
	add_splice(ws, m);
	add_judging(ws, m);
	add_limits(ws, m);
	add_stages(ws, m);
}
