/* SPDX-License-Identifier: MIT */
/* The cache of judgements: what is shared between texts that differ in constants, what is not, and that what
 * is shared is what the text itself would have got. */
#include "test.h"

#include "session/cache.h"

struct world {
	struct cache *cache;
	struct policy *policy;
	struct catalog *catalog;
	struct slot *slot;
	struct binding *binding;
	struct arena mem;
	struct grant grant;
};

static enum coverage covers_all(void *arg, unsigned i)
{
	(void)arg, (void)i;
	return COVERS_YES;
}

static int open_world(void **state)
{
	const char *file = "tests/golden/replay/policy.yaml";
	struct caller who = {.cgroup = "/agents/one"};
	struct world *w = calloc(1, sizeof(*w));
	FILE *f = fopen("tests/golden/replay/clinic.sql", "re");
	struct complaints bad = {0};
	struct err e = {0};
	char *ddl = calloc(1, 65536);

	assert_non_null(w);
	assert_non_null(f);
	assert_non_null(ddl);
	setenv("REPLAY_RECORD", "full", 1);
	assert_int_equal(policy_load(&w->policy, &file, 1, &bad), 0);
	assert_int_equal(catalog_from_ddl(&w->catalog, span_of(ddl, fread(ddl, 1, 65535, f)), &e), 0);
	assert_int_equal(
		policy_grant(w->policy, &who, covers_all, NULL, "clinic", &w->mem, &w->grant, &e), 0);
	assert_int_equal(slot_new(&w->slot, NULL, &e), 0);
	assert_int_equal(cache_new(&w->cache, &e), 0);
	assert_int_equal(
		cache_binding(w->cache, w->policy, &w->grant, w->slot, NULL, w->catalog, &w->binding, &e), 0);
	fclose(f);
	free(ddl);
	complaints_fini(&bad);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	binding_unref(w->binding);
	cache_free(w->cache);
	slot_free(w->slot);
	catalog_unref(w->catalog);
	policy_unref(w->policy);
	arena_fini(&w->mem);
	free(w);
	return 0;
}

static const char *const public_path[] = {"public"};

static struct judgement *judge_in(struct world *w, const char *const *path, unsigned npath, const char *text)
{
	struct name_scope scope = {w->catalog, path, npath};
	struct judgement *j = NULL;
	struct err e = {0};

	assert_int_equal(cache_judge(w->cache, w->binding, &scope, span_of(text, strlen(text)), &j, &e), 0);
	return j;
}

static struct judgement *judge(struct world *w, const char *text)
{
	return judge_in(w, public_path, 1, text);
}

static void describe_plan(FILE *f, const struct plan *p)
{
	fprintf(f, "%u %u %s %d %d %d %d %s|", p->verdict, p->kind, p->tag, p->rows, p->masks, p->sanitize,
		p->hold, p->name ? p->name : "-");
	if (p->verdict != ALLOW)
		fprintf(f, "%s %s %s at %d %d|", p->sqlstate, p->reason, p->hint ? p->hint : "-", p->position,
			p->retry);
	for (unsigned i = 0; i < p->ncolumns; i++)
		fprintf(f, "%u %p %p|", p->columns[i].action, (const void *)p->columns[i].mask,
			(const void *)p->columns[i].rule);
	if (p->inner)
		describe_plan(f, p->inner);
}

/* Everything that a session does by. */
static char *describe(const struct judged *js)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	for (unsigned i = 0; i < js->n; i++)
		describe_plan(f, js->plans[i]);
	fclose(f);
	return out;
}

/* Whether the second text got the judgement of the first; it is what it would have got by itself. */
static bool shared(struct world *w, const char *first, const char *second)
{
	struct name_scope scope = {w->catalog, public_path, 1};
	struct judgement *a = judge(w, first), *b = judge(w, second);
	struct arena mem = {0};
	struct judged alone;
	struct err e = {0};
	char *got = describe(judgement_plans(b)), *want;
	bool same = a == b;

	assert_int_equal(
		plan_judge(w->binding, &scope, span_of(second, strlen(second)), &mem, &alone, &e), 0);
	want = describe(&alone);
	assert_string_equal(got, want);
	free(got);
	free(want);
	arena_fini(&mem);
	judgement_unref(a);
	judgement_unref(b);
	return same;
}

static void sharing(void **state)
{
	struct world *w = *state;

	assert_true(shared(w, "SELECT id, ssn FROM patients WHERE id = 1",
		"SELECT id, ssn FROM patients WHERE id = 222"));
	assert_true(shared(
		w, "SELECT id, ssn FROM patients WHERE id = 1", "SELECT id, ssn FROM patients WHERE id = 3"));
	assert_true(shared(w, "INSERT INTO visits (id, note) VALUES (1, 'x')",
		"INSERT INTO visits (id, note) VALUES (2, 'longer')"));
	assert_true(shared(w, "UPDATE patients SET ssn = 'x' WHERE id = 1",
		"UPDATE patients SET ssn = '' WHERE id = 2"));
	assert_true(shared(w, "DELETE FROM visits WHERE id = -1", "DELETE FROM visits WHERE id = -2"));
	/* a refusal tells where in the text */
	assert_false(shared(w, "SELECT id FROM patients WHERE ssn = 'x' AND id = 1",
		"SELECT id FROM patients WHERE ssn = 'x' AND id = 22"));
	assert_false(shared(
		w, "SELECT nope FROM patients WHERE id = 1", "SELECT nope FROM patients WHERE id = 2"));
	/* what is looked at */
	assert_false(shared(
		w, "SELECT id, ssn FROM patients ORDER BY 1", "SELECT id, ssn FROM patients ORDER BY 2"));
	/* more than one, and what holds text of another */
	assert_false(shared(w, "SELECT id FROM patients WHERE id = 1; SELECT 1",
		"SELECT id FROM patients WHERE id = 2; SELECT 1"));
	assert_false(shared(w, "PREPARE p AS SELECT id FROM patients WHERE id = 1",
		"PREPARE p AS SELECT id FROM patients WHERE id = 2"));
	assert_false(shared(w, "DECLARE c CURSOR FOR SELECT id FROM patients WHERE id = 1",
		"DECLARE c CURSOR FOR SELECT id FROM patients WHERE id = 2"));
	assert_false(shared(w, "SET work_mem = 100", "SET work_mem = 200"));
	assert_false(shared(w, "FETCH 1 FROM c", "FETCH 2 FROM c"));
	/* another kind of constant */
	assert_false(shared(
		w, "SELECT id FROM patients WHERE name = '1'", "SELECT id FROM patients WHERE name = 1"));
	assert_false(shared(
		w, "SELECT id FROM patients WHERE id = 1", "SELECT id FROM patients WHERE id = 10000000000"));
}

static void another_path(void **state)
{
	static const char *const two[] = {"public", "other"};
	struct world *w = *state;
	struct judgement *a = judge(w, "SELECT id FROM patients WHERE id = 1");
	struct judgement *b = judge_in(w, two, 2, "SELECT id FROM patients WHERE id = 2");

	assert_ptr_not_equal(a, b);
	judgement_unref(a);
	judgement_unref(b);
}

static void another_catalogue(void **state)
{
	struct world *w = *state;
	struct judgement *a = judge(w, "SELECT id FROM patients WHERE id = 1"), *b;
	struct binding *old = w->binding;
	struct catalog *before = w->catalog;
	static const char ddl[] = "CREATE TABLE patients (id int, ssn text);";
	struct err e = {0};

	assert_int_equal(catalog_from_ddl(&w->catalog, span_of(ddl, sizeof(ddl) - 1), &e), 0);
	assert_int_equal(
		cache_binding(w->cache, w->policy, &w->grant, w->slot, NULL, w->catalog, &w->binding, &e), 0);
	b = judge(w, "SELECT id FROM patients WHERE id = 2");
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(judgement_binding(b), w->binding);
	judgement_unref(a);
	judgement_unref(b);
	binding_unref(old);
	catalog_unref(before);
}

/* Many texts of one outline that differ in a constant that matters: all but the first few are for themselves.
 */
static void a_crowd(void **state)
{
	struct world *w = *state;
	char one[100], two[100];
	bool same;

	for (unsigned i = 0; i < 40; i++) {
		snprintf(one, sizeof(one), "SELECT id, ssn FROM patients WHERE id = 1 LIMIT %u", i);
		snprintf(two, sizeof(two), "SELECT id, ssn FROM patients WHERE id = 2 LIMIT %u", i);
		same = shared(w, one, two);
		assert_int_equal(same, i < 16);
	}
	assert_true(shared(w, "SELECT id FROM patients WHERE id = 1 LIMIT 3",
		"SELECT id FROM patients WHERE id = 2 LIMIT 3"));
}

/* More than the cache holds, with and without outlines: what was pushed out is judged anew. */
static void pushed_out(void **state)
{
	struct world *w = *state;
	struct judgement *first = judge(w, "SELECT id AS a FROM patients WHERE id = 1"), *again;
	char text[100];

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "SELECT %sid AS a%u FROM patients WHERE id = %u",
			i % 3 ? "" : "id, ", i, i);
		judgement_unref(judge(w, text));
	}
	again = judge(w, "SELECT id AS a FROM patients WHERE id = 2");
	assert_ptr_not_equal(first, again);
	judgement_unref(first);
	judgement_unref(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sharing, open_world, close_world),
		cmocka_unit_test_setup_teardown(another_path, open_world, close_world),
		cmocka_unit_test_setup_teardown(another_catalogue, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_crowd, open_world, close_world),
		cmocka_unit_test_setup_teardown(pushed_out, open_world, close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
