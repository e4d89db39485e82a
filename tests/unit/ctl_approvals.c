/* SPDX-License-Identifier: MIT */
/* The desk and its file: who may decide and what it comes to, that a use is written down before it is granted
 * and never twice, and what is left of all that in the daemon after this one. */
#include "test.h"

#include <dirent.h>
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/approvals.h"
#include "policy/policy.h"

#define REVIEWER 1001u
#define SECOND   1002u
#define ASKER    65534u

struct world {
	char dir[64];
	struct approvals *a;
	const struct desk *d;
	pthread_mutex_t lock;
	pthread_cond_t poked;
	unsigned pokes;
	struct approval rule;
	const struct approval *rules[1];
	struct caller who;
};

static const uint32_t approvers[] = {REVIEWER, SECOND, ASKER};

static void on_poke(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	w->pokes++;
	pthread_cond_broadcast(&w->poked);
	pthread_mutex_unlock(&w->lock);
}

static void begin(struct world *w)
{
	struct err e = {0};

	assert_int_equal(approvals_open(&w->a, &(struct approvals_config){w->dir, NULL, on_poke, w}, &e), 0);
	assert_int_equal(approvals_begin(w->a, &e), 0);
	w->d = approvals_desk(w->a);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	snprintf(w->dir, sizeof(w->dir), "/tmp/pgveil-approvals-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->poked, NULL);
	w->rule = (struct approval){.given = true,
		.uids = approvers,
		.nuids = 3,
		.required = 1,
		.timeout_s = 600,
		.where = "f:1"};
	w->rules[0] = &w->rule;
	w->who = (struct caller){.cgroup = "/agents/one", .uid = ASKER, .comm = "agent"};
	begin(w);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	char path[128];

	approvals_close(w->a);
	snprintf(path, sizeof(path), "%s/approvals.db", w->dir);
	unlink(path);
	rmdir(w->dir);
	free(w);
	return 0;
}

static int ask(struct world *w, uint8_t what, uint8_t meaning, uint64_t *ticket, struct desk_answer *out)
{
	struct desk_request r = {.who = &w->who,
		.identity = "/agents/one at db",
		.database = "shop",
		.dbname = "shop",
		.role = "agent",
		.path = "public",
		.rule = "f:1",
		.why = "delete",
		.tag = "DELETE",
		.kind = "delete",
		.text = "DELETE FROM t",
		.rules = w->rules,
		.nrules = 1};

	memset(&r.bond, meaning, sizeof(r.bond));
	memset(r.bond.part[BOND_STATEMENT], what, BOND_LEN);
	return w->d->ask(w->d->arg, &r, 0, ticket, out);
}

/* Until the ticket is in none of the states that pass. */
static struct desk_answer settled(struct world *w, uint64_t ticket)
{
	struct desk_answer a;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		unsigned seen = w->pokes;

		pthread_mutex_unlock(&w->lock);
		w->d->look(w->d->arg, ticket, &a);
		pthread_mutex_lock(&w->lock);
		if (a.state == DESK_GRANTED || a.state == DESK_DENIED)
			break;
		while (w->pokes == seen)
			pthread_cond_wait(&w->poked, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return a;
}

static int approve(struct world *w, uint64_t id, uid_t uid, struct decision d)
{
	struct approver who = {.uid = uid};
	struct err e = {0};

	return approvals_approve(w->a, id, &who, &d, &e);
}

static enum desk_state look(struct world *w, uint64_t ticket)
{
	struct desk_answer a;

	w->d->look(w->d->arg, ticket, &a);
	return a.state;
}

static void end(struct world *w, uint64_t ticket, enum desk_end how)
{
	w->d->end(w->d->arg, ticket, how, BOND_OBJECTS);
}

static const char *state_of(struct world *w, uint64_t id, char out[32])
{
	struct approver root = {.uid = 0};
	json_t *o = approvals_show(w->a, &root, id);

	assert_non_null(o);
	snprintf(out, 32, "%s", json_string_value(json_object_get(o, "state")));
	json_decref(o);
	return out;
}

/* What the file says, as whoever opens it after a crash finds it. */
static int filed(struct world *w, const char *sql)
{
	char path[128];
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	snprintf(path, sizeof(path), "%s/approvals.db", w->dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void granted_once(void **state)
{
	struct world *w = *state;
	uint64_t one = 0, two = 0;
	struct desk_answer a, b;
	char word[32];

	assert_int_equal(ask(w, 1, 1, &one, &a), 0);
	assert_int_equal(a.state, DESK_PENDING);
	/* whoever asks for the same shares it */
	assert_int_equal(ask(w, 1, 1, &two, &b), 0);
	assert_int_equal(a.id, b.id);
	assert_int_equal(look(w, one), DESK_PENDING);
	assert_int_equal(approve(w, a.id, REVIEWER, (struct decision){0}), 0);
	assert_int_equal(settled(w, one).state, DESK_GRANTED);
	/* by then it is written down */
	assert_int_equal(filed(w, "SELECT used FROM approval WHERE id = 1 AND state = 'used'"), 1);
	b = settled(w, two);
	assert_int_equal(b.state, DESK_DENIED);
	assert_non_null(strstr(b.reason, "used up"));
	assert_string_equal(state_of(w, a.id, word), "used");
	end(w, one, DESK_SENT);
	end(w, one, DESK_OVER);
	end(w, two, DESK_LEFT);
	/* the next is asked for anew */
	assert_int_equal(ask(w, 1, 1, &one, &b), 0);
	assert_int_equal(b.state, DESK_PENDING);
	assert_true(b.id > a.id);
}

static void who_may(void **state)
{
	struct world *w = *state;
	uint64_t ticket = 0;
	struct desk_answer a;

	w->rule.required = 2;
	assert_int_equal(ask(w, 1, 1, &ticket, &a), 0);
	assert_int_equal(approve(w, a.id, 1003, (struct decision){0}), -ENOENT);
	assert_int_equal(approve(w, a.id, 0, (struct decision){0}), -EACCES);
	assert_int_equal(approve(w, a.id, ASKER, (struct decision){0}), -EACCES);
	assert_int_equal(approve(w, a.id, REVIEWER, (struct decision){0}), 0);
	assert_int_equal(approve(w, a.id, REVIEWER, (struct decision){0}), -EALREADY);
	assert_int_equal(look(w, ticket), DESK_PENDING);
	assert_int_equal(
		approve(w, a.id, REVIEWER, (struct decision){.break_glass = true, .reason = "x"}), -EACCES);
	assert_int_equal(approve(w, a.id, 0, (struct decision){.break_glass = true}), -EINVAL);
	assert_int_equal(approve(w, a.id, SECOND, (struct decision){0}), 0);
	assert_int_equal(settled(w, ticket).state, DESK_GRANTED);
}

/* Another meaning of the same statement voids what nobody waits for; a session that finds it moved ends it.
 */
static void moved(void **state)
{
	struct world *w = *state;
	uint64_t ticket = 0;
	struct desk_answer a, b;
	char word[32];

	assert_int_equal(ask(w, 1, 1, &ticket, &a), 0);
	end(w, ticket, DESK_LEFT);
	assert_int_equal(approve(w, a.id, REVIEWER, (struct decision){0}), 0);
	assert_int_equal(ask(w, 1, 2, &ticket, &b), 0);
	assert_int_equal(b.state, DESK_PENDING);
	assert_non_null(strstr(b.reason, "approval 1 is void"));
	assert_string_equal(state_of(w, a.id, word), "void");
	end(w, ticket, DESK_MOVED);
	assert_string_equal(state_of(w, b.id, word), "void");
	assert_int_equal(approve(w, b.id, REVIEWER, (struct decision){0}), -EALREADY);
	/* another statement has nothing to do with it */
	assert_int_equal(ask(w, 2, 3, &ticket, &b), 0);
	assert_string_equal(b.reason, "");
}

static void taken_back(void **state)
{
	struct world *w = *state;
	struct approver reviewer = {.uid = REVIEWER};
	uint64_t ticket = 0, other = 0;
	struct desk_answer a;
	struct err e = {0};

	assert_int_equal(ask(w, 1, 1, &ticket, &a), 0);
	assert_int_equal(approve(w, a.id, REVIEWER, (struct decision){.for_s = 3600, .uses = 2}), 0);
	assert_int_equal(settled(w, ticket).state, DESK_GRANTED);
	end(w, ticket, DESK_SENT);
	assert_int_equal(look(w, ticket), DESK_GRANTED);
	assert_int_equal(approvals_revoke(w->a, a.id, &reviewer, "enough", &e), 0);
	a = settled(w, ticket);
	assert_int_equal(a.state, DESK_DENIED);
	assert_string_equal(a.sqlstate, "57014");
	assert_int_equal(filed(w, "SELECT count(*) FROM approval WHERE state = 'revoked'"), 1);
	assert_int_equal(ask(w, 1, 1, &other, &a), 0);
	assert_int_equal(a.state, DESK_PENDING);
}

/* The daemon is gone without a word, and the next one opens the file. */
static void restarted(void **state)
{
	struct world *w = *state;
	uint64_t pending = 0, used = 0, kept = 0, again = 0;
	struct desk_answer a, b, c, d;
	char word[32];

	assert_int_equal(ask(w, 1, 1, &pending, &a), 0);
	assert_int_equal(ask(w, 2, 1, &used, &b), 0);
	assert_int_equal(ask(w, 3, 1, &kept, &c), 0);
	end(w, kept, DESK_LEFT);
	assert_int_equal(approve(w, c.id, REVIEWER, (struct decision){0}), 0);
	assert_int_equal(approve(w, b.id, REVIEWER, (struct decision){0}), 0);
	assert_int_equal(settled(w, used).state, DESK_GRANTED);
	approvals_close(w->a); /* nothing was told of what became of the use */
	begin(w);
	assert_string_equal(state_of(w, a.id, word), "denied");
	assert_int_equal(look(w, pending), DESK_DENIED);
	assert_string_equal(state_of(w, b.id, word), "used");
	assert_int_equal(filed(w, "SELECT count(*) FROM use WHERE how LIKE '%not run again'"), 1);
	/* what was used up is not there any more, what was not is */
	assert_int_equal(ask(w, 2, 1, &again, &d), 0);
	assert_int_equal(d.state, DESK_PENDING);
	assert_true(d.id > c.id);
	assert_int_equal(ask(w, 3, 1, &again, &d), 0);
	assert_int_equal(d.id, c.id);
	assert_int_equal(settled(w, again).state, DESK_GRANTED);
}

static void another_daemon(void **state)
{
	struct world *w = *state;
	uint64_t ticket = 0;
	struct desk_answer a;

	assert_int_equal(ask(w, 1, 1, &ticket, &a), 0);
	approvals_leave(w->a);
	a = settled(w, ticket);
	assert_int_equal(a.state, DESK_DENIED);
	assert_non_null(strstr(a.reason, "taken over"));
	assert_int_equal(ask(w, 2, 1, &ticket, &a), -ESHUTDOWN);
}

static void bounded(void **state)
{
	struct world *w = *state;
	struct desk_answer a;
	uint64_t ticket;
	int r = 0;

	for (uint8_t i = 1; i <= 32 && !r; i++)
		r = ask(w, i, 1, &ticket, &a);
	assert_int_equal(r, 0);
	assert_int_equal(ask(w, 33, 1, &ticket, &a), -ENOSPC);
	/* of those that are asked for, one more may wait */
	assert_int_equal(ask(w, 32, 1, &ticket, &a), 0);
}

/* Where nothing can be written, nothing is granted. */
/* Each with another meaning makes the one before void: nothing waits, and yet it is written down, and told.
 */
static void asked_in_a_loop(void **state)
{
	struct world *w = *state;
	struct desk_answer a;
	uint64_t ticket;
	int r = 0, n = 0;

	for (; n < 1000 && !r; n++) {
		r = ask(w, 1, (uint8_t)(n % 200), &ticket, &a);
		if (!r)
			w->d->end(w->d->arg, ticket, DESK_LEFT, BOND_MAX);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n, 121);
}

static void unwritten(void **state)
{
	struct world *w = *state;
	uint64_t ticket = 0;
	struct desk_answer a;
	sqlite3 *db;
	char path[128];

	assert_int_equal(ask(w, 1, 1, &ticket, &a), 0);
	end(w, ticket, DESK_LEFT);
	assert_int_equal(approve(w, a.id, REVIEWER, (struct decision){0}), 0);
	snprintf(path, sizeof(path), "%s/approvals.db", w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, "DROP TABLE use", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(ask(w, 1, 1, &ticket, &a), 0);
	a = settled(w, ticket);
	assert_int_equal(a.state, DESK_DENIED);
	assert_string_equal(a.sqlstate, "58030");
	assert_int_equal(filed(w, "SELECT used FROM approval WHERE id = 1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(granted_once, open_world, close_world),
		cmocka_unit_test_setup_teardown(who_may, open_world, close_world),
		cmocka_unit_test_setup_teardown(moved, open_world, close_world),
		cmocka_unit_test_setup_teardown(taken_back, open_world, close_world),
		cmocka_unit_test_setup_teardown(restarted, open_world, close_world),
		cmocka_unit_test_setup_teardown(another_daemon, open_world, close_world),
		cmocka_unit_test_setup_teardown(bounded, open_world, close_world),
		cmocka_unit_test_setup_teardown(asked_in_a_loop, open_world, close_world),
		cmocka_unit_test_setup_teardown(unwritten, open_world, close_world),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
