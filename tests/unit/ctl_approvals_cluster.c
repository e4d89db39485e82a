/* SPDX-License-Identifier: MIT */
/* How many objects of a cluster are known, what was seen of them before the daemon was started, and what
 * becomes of those for which there is no room. */
#include "test.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/approvals_cluster_internal.h"

#define AHEAD 3600

struct world {
	char dir[64], key[96], token[96];
	struct approval_store *store;
	struct cluster *c;
	struct approvals *a;
};

static unsigned crowded;

static void tap(void *arg, const char *event, const char *line, size_t len)
{
	(void)arg;
	(void)line;
	(void)len;
	crowded += strcmp(event, "approval.crowded") == 0;
}

static void on_poke(void *arg)
{
	(void)arg;
}

static void write_file(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs("a secret that all nodes of it have", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = {0};

	assert_non_null(w);
	snprintf(w->dir, sizeof(w->dir), "/tmp/pgveil-approvals-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->key, sizeof(w->key), "%s/key", w->dir);
	write_file(w->key);
	crowded = 0;
	log_set_tap(tap, NULL);
	assert_int_equal(approval_store_open(&w->store, w->dir, &e), 0);
	*state = w;
	return 0;
}

/* What was seen before is in the store; nobody is at the server's address. */
static int begin(struct world *w)
{
	const struct cluster_config cfg = {.access = {.server = "https://127.0.0.1:9", .token_file = w->key},
		.namespace = "ns",
		.node = "n1",
		.key_file = w->key};
	struct err e = {0};

	approval_store_close(w->store);
	w->store = NULL;
	assert_int_equal(cluster_new(&w->c, &cfg, &e), 0);
	assert_int_equal(approvals_open(&w->a, &(struct approvals_config){w->dir, w->c, on_poke, w}, &e), 0);
	return approvals_begin(w->a, &e);
}

static int close_world(void **state)
{
	struct world *w = *state;
	char path[128];

	approvals_close(w->a);
	cluster_free(w->c);
	approval_store_close(w->store);
	log_set_tap(NULL, NULL);
	snprintf(path, sizeof(path), "%s/approvals.db", w->dir);
	unlink(path);
	unlink(w->key);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* In one go: each row of its own is brought to the disk. */
static void seen_before(struct world *w, unsigned n)
{
	char path[128], *sql;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/approvals.db", w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sql = sqlite3_mprintf(
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %u) "
		"INSERT INTO seen SELECT 'old-' || i, 'a-' || i, 'g-' || i, 1, %lld FROM n",
		n, (long long)approvals_now() + AHEAD);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_free(sql);
	sqlite3_close(db);
}

/* As a watch tells of a grant with two uses, none of them gone. */
static const struct remote *told(struct world *w, const char *name, const char *uid)
{
	struct cluster_grant g = {.terms = {.uses = 2, .expires = approvals_now() + AHEAD}};
	struct remote *r;

	snprintf(g.name, sizeof(g.name), "%s", name);
	snprintf(g.uid, sizeof(g.uid), "%s", uid);
	pthread_mutex_lock(&w->a->lock);
	cluster_seen_grant(w->c, &g);
	r = remote_find(w->c, name);
	if (r)
		r->unkept = false; /* thousands would be brought to the disk, one by one */
	pthread_mutex_unlock(&w->a->lock);
	return r;
}

static unsigned fill(struct world *w, const char *as)
{
	unsigned n = 0;
	char name[32];

	do
		snprintf(name, sizeof(name), "%s-%u", as, n++);
	while (told(w, name, "u"));
	return n - 1;
}

/* Whatever was seen before takes no room, and counts for each that is there. */
static void past(void **state)
{
	struct world *w = *state;
	const struct remote *r;

	seen_before(w, REMOTES_MAX + 10);
	assert_int_equal(begin(w), 0);
	r = told(w, "old-7", "g-7");
	assert_non_null(r);
	assert_true(r->used == 1 && !r->spoiled && strcmp(r->past_asked, "a-7") == 0);
	r = told(w, "old-4105", "another");
	assert_true(r && r->spoiled);
	r = told(w, "new", "u");
	assert_true(r && r->used == 0 && !r->past_given[0]);
	assert_int_equal(crowded, 0);
	/* of what is spoiled only what was seen before is known, which it will be again */
	assert_int_equal(fill(w, "more"), REMOTES_MAX - 2);
	/* what was seen of one is known after it had to make room as well */
	pthread_mutex_lock(&w->a->lock);
	remote_free(w->c, remote_find(w->c, "old-7"));
	pthread_mutex_unlock(&w->a->lock);
	r = told(w, "old-7", "g-7");
	assert_true(r && r->used == 1);
}

static void no_room(void **state)
{
	struct world *w = *state;
	struct remote *r;

	assert_int_equal(begin(w), 0);
	assert_int_equal(fill(w, "a"), REMOTES_MAX);
	assert_null(told(w, "b", "u"));
	assert_int_equal(crowded, 1);
	/* all is over, for as long as they said */
	pthread_mutex_lock(&w->a->lock);
	TAILQ_FOREACH(r, &w->c->remotes, all)
	{
		r->given_gone = true;
		r->grant.terms.expires = approvals_now() - 1;
	}
	pthread_mutex_unlock(&w->a->lock);
	assert_int_equal(fill(w, "c"), REMOTES_MAX);
	assert_int_equal(crowded, 2);
}

/* An agent asks and asks, nobody decides, and nobody deletes what is over: that is in nobody's way. What
 * still may be decided on is known, and so is what is not written down yet. */
static void asked_for_and_over(void **state)
{
	struct world *w = *state;
	struct cluster_approval o = {.expires = approvals_now() - 1};
	struct remote *r;

	assert_int_equal(begin(w), 0);
	snprintf(o.uid, sizeof(o.uid), "u");
	pthread_mutex_lock(&w->a->lock);
	for (unsigned i = 0; i < 3 * REMOTES_MAX; i++) {
		if (i % REMOTES_MAX == 7)
			o.expires = approvals_now() + 600;
		snprintf(o.name, sizeof(o.name), "%s-%u", i % REMOTES_MAX == 7 ? "live" : "asked", i);
		cluster_seen_approval(w->c, &o);
		r = remote_find(w->c, o.name);
		assert_non_null(r);
		r->unkept = i % REMOTES_MAX == 9;
		o.expires = approvals_now() - 1;
	}
	for (unsigned i = 0; i < 3; i++) {
		snprintf(o.name, sizeof(o.name), "live-%u", i * REMOTES_MAX + 7);
		assert_non_null(remote_find(w->c, o.name));
		snprintf(o.name, sizeof(o.name), "asked-%u", i * REMOTES_MAX + 9);
		r = remote_find(w->c, o.name);
		assert_non_null(r);
		r->unkept = false;
	}
	pthread_mutex_unlock(&w->a->lock);
	assert_int_equal(crowded, 0);
	assert_non_null(told(w, "good", "u"));
}

/* What cannot be known must not be had again: it is not begun. */
static void too_much(void **state)
{
	struct world *w = *state;

	seen_before(w, PASTS_MAX + 1);
	assert_int_equal(begin(w), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(past, open_world, close_world),
		cmocka_unit_test_setup_teardown(no_room, open_world, close_world),
		cmocka_unit_test_setup_teardown(asked_for_and_over, open_world, close_world),
		cmocka_unit_test_setup_teardown(too_much, open_world, close_world),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
