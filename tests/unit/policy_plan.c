/* SPDX-License-Identifier: MIT */
/* The golden tables tests/golden/plan.txt and tests/golden/ask.txt: statement → what a masked caller gets. A
 * line is
 *   SQL => pass mask null …        one word an output column
 *   SQL => shift:2 …             a date that is moved by whose it is, which is in the second column
 *   SQL => {$."a"=redact $."b"}     JSON whose parts are masked or shown; all else in it is redacted
 *   SQL => open                    passes, gives rows of columns that are not known
 *   SQL => none                    passes, gives no rows
 *   SQL => spends column:2 …       as one of these, and comparing the column costs two constants (column:1$3:
 *                                  one and as many as parameter 3 has elements)
 *   SQL => sanitized …             as one of these, and its messages are replaced by standard ones
 *   SQL => names …                 likewise, but for those of constraints and of the analysis
 *   SQL => frank …               its messages pass as they are unless something before them in its
 * transaction may have been about masked columns SQL => verbatim …              as one of these, and its
 * messages pass as they are SQL => SQLSTATE part of the reason over tests/golden/replay/clinic.sql and the
 * policy beside it, and over tests/golden/ask/schema.sql and the one beside that. */
#include "test.h"

#include "mask/jsonpath.h"
#include "policy/plan.h"

static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *all = calloc(1, 65536);

	assert_non_null(f);
	assert_non_null(all);
	*n = fread(all, 1, 65535, f);
	fclose(f);
	return all;
}

static enum coverage covers_all(void *arg, unsigned i)
{
	(void)arg, (void)i;
	return COVERS_YES;
}

static struct binding *bind_rules(
	const char *schema, const char *path, struct policy **p, struct catalog **c, struct arena *a)
{
	struct caller who = {.cgroup = "/agents/one"};
	struct complaints bad = {0};
	struct binding *b = NULL;
	struct grant g;
	struct err e = {0};
	size_t n;
	char *ddl = slurp(schema, &n);

	assert_int_equal(policy_load(p, &path, 1, &bad), 0);
	assert_int_equal(catalog_from_ddl(c, span_of(ddl, n), &e), 0);
	assert_int_equal(policy_grant(*p, &who, covers_all, NULL, "clinic", a, &g, &e), 0);
	assert_int_equal(binding_new(&b, *p, &g, *c, NULL, false, NULL, &e), 0);
	free(ddl);
	complaints_fini(&bad);
	return b;
}

static size_t tell_spends(const struct plan *p, const struct catalog *c, char *out, size_t cap)
{
	size_t n = p->nspends ? (size_t)snprintf(out, cap, "spends ") : 0;

	for (unsigned i = 0; i < p->nspends; i++) {
		const struct spend *s = &p->spends[i];
		const struct relation *r = catalog_relation_by_oid(c, s->column.relid);

		n += (size_t)snprintf(out + n, cap - n, "%s.%s:%u", r->name,
			relation_column_by_attnum(r, s->column.attnum)->name, s->count);
		if (s->param)
			n += (size_t)snprintf(out + n, cap - n, "$%u", s->param);
		n += (size_t)snprintf(out + n, cap - n, " ");
	}
	return n;
}

static size_t tell_parts(const struct jsonpath *paths, const char *blank, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, "%s{", blank);

	for (unsigned i = 0; i < jsonpath_count(paths) && n < cap; i++) {
		const struct mask *m = jsonpath_mask(paths, i);

		n += (size_t)snprintf(out + n, cap - n, "%s%s%s%s", i ? " " : "", jsonpath_text(paths, i),
			m ? "=" : "", m ? mask_kind_name(m->kind) : "");
	}
	assert_true(n + 1 < cap);
	return n + (size_t)snprintf(out + n, cap - n, "}");
}

static size_t tell_column(const struct column_plan *c, bool behind, char *out, size_t cap)
{
	static const char *const word[] = {"null", "mask", "pass"};
	const char *blank = behind ? " " : "";

	if (c->action == ACTION_MASK && c->mask->kind == MASK_SHIFT)
		return (size_t)snprintf(out, cap, "%sshift:%u", blank, c->entity);
	if (c->parts)
		return tell_parts(c->mask->paths, blank, out, cap);
	return (size_t)snprintf(out, cap, "%s%s", blank, word[c->action]);
}

static void tell(const struct judged *js, const struct catalog *c, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < js->n; i++) {
		const struct plan *p = js->plans[i];

		if (i)
			n += (size_t)snprintf(out + n, cap - n, "; ");
		if (p->verdict == ALLOW)
			n += tell_spends(p, c, out + n, cap - n);
		if (p->verdict != ALLOW)
			n += (size_t)snprintf(out + n, cap - n, "%s %s", p->sqlstate, p->reason);
		else if (p->open)
			n += (size_t)snprintf(out + n, cap - n, "open");
		else if (!p->rows)
			n += (size_t)snprintf(out + n, cap - n, "none");
		for (unsigned k = 0; p->verdict == ALLOW && p->rows && k < p->ncolumns; k++)
			n += tell_column(&p->columns[k], k > 0, out + n, cap - n);
	}
}

/* The rest of what is wanted; NULL where messages are treated otherwise. */
static const char *messages(const struct judged *js, const char *want)
{
	static const char *const word[] = {"verbatim ", "sanitized ", "names ", "frank "};

	for (unsigned i = 0; i < ARRAY_LEN(word); i++) {
		if (strncmp(want, word[i], strlen(word[i])) != 0)
			continue;
		for (unsigned k = 0; k < js->n; k++)
			if (js->plans[k]->sanitize != (i > 0) || (i > 0 && js->plans[k]->frank != (i == 3)) ||
				(i > 0 && i < 3 && js->plans[k]->names != (i == 2)))
				return NULL;
		return want + strlen(word[i]);
	}
	return want;
}

static void table_in(const char *file, const char *schema, const char *rules, bool own_settings)
{
	const char *path[] = {"public"};
	struct name_scope scope = {.path = path, .npath = 1, .user = "agent", .own_settings = own_settings};
	FILE *f = fopen(file, "re");
	struct arena a = {0}, judged_in = {0};
	struct policy *p = NULL;
	struct catalog *c = NULL;
	struct binding *b = bind_rules(schema, rules, &p, &c, &a);
	char *line = NULL, *want, got[2048];
	const char *rest;
	unsigned number = 0, wrong = 0, cases = 0;
	size_t cap = 0;

	assert_non_null(f);
	scope.catalog = c;
	while (golden_line(f, &line, &cap, &number)) {
		struct judged js;
		struct err e = {0};

		want = strstr(line, " => ");
		assert_non_null(want);
		*want = '\0';
		want += 4;
		assert_int_equal(plan_judge(b, &scope, span_of(line, strlen(line)), &judged_in, &js, &e), 0);
		tell(&js, c, got, sizeof(got));
		cases++;
		rest = messages(&js, want);
		if (!rest || strncmp(got, rest, strlen(rest)) != 0) {
			print_error("%s:%u: %s\n  want %s\n  got  %s\n", file, number, line, want, got);
			wrong++;
		}
		arena_reset(&judged_in);
	}
	assert_int_equal(wrong, 0);
	assert_true(cases > 10);
	fclose(f);
	free(line);
	binding_unref(b);
	catalog_unref(c);
	policy_unref(p);
	arena_fini(&a);
	arena_fini(&judged_in);
}

static void table(const char *file, const char *schema, const char *rules)
{
	table_in(file, schema, rules, false);
}

static void golden(void **state)
{
	(void)state;
	setenv("REPLAY_RECORD", "full", 1);
	table("tests/golden/plan.txt", "tests/golden/replay/clinic.sql", "tests/golden/replay/policy.yaml");
}

/* What is asked to be sent in the place of a statement that is refused, and what becomes of that. */
static void golden_unseen(void **state)
{
	const char *path[] = {"public"}, *instead;
	struct name_scope scope = {.path = path, .npath = 1, .user = "agent"};
	FILE *f = fopen("tests/golden/unseen.txt", "re");
	struct arena a = {0}, judged_in = {0};
	struct policy *p = NULL;
	struct catalog *c = NULL;
	struct binding *b =
		bind_rules("tests/golden/ask/schema.sql", "tests/golden/ask/policy.yaml", &p, &c, &a);
	char *line = NULL, *want, got[2048], all[8192];
	unsigned number = 0, wrong = 0;
	size_t cap = 0;

	(void)state;
	assert_non_null(f);
	scope.catalog = c;
	while (golden_line(f, &line, &cap, &number)) {
		struct judged js;
		struct err e = {0};

		want = strstr(line, " => ");
		assert_non_null(want);
		*want = '\0';
		want += 4;
		assert_int_equal(plan_judge(b, &scope, span_of(line, strlen(line)), &judged_in, &js, &e), 0);
		instead = js.plans[0]->verdict != ALLOW ? js.plans[0]->instead : NULL;
		if (instead)
			assert_int_equal(
				plan_judge(b, &scope, span_of(instead, strlen(instead)), &judged_in, &js, &e),
				0);
		tell(&js, c, got, sizeof(got));
		snprintf(all, sizeof(all), "%s => %s", instead ? instead : "nothing", got);
		if (strncmp(all, want, strlen(want)) != 0) {
			print_error(
				"%s:%u: %s\n  want %s\n  got  %s\n", "unseen.txt", number, line, want, all);
			wrong++;
		}
		arena_reset(&judged_in);
	}
	assert_int_equal(wrong, 0);
	assert_true(number > 10);
	fclose(f);
	free(line);
	binding_unref(b);
	catalog_unref(c);
	policy_unref(p);
	arena_fini(&a);
	arena_fini(&judged_in);
}

static void golden_asking(void **state)
{
	(void)state;
	table("tests/golden/ask.txt", "tests/golden/ask/schema.sql", "tests/golden/ask/policy.yaml");
}

static void golden_opaque(void **state)
{
	(void)state;
	table("tests/golden/opaque-deny.txt", "tests/golden/opaque/schema.sql",
		"tests/golden/opaque/deny.yaml");
	table("tests/golden/opaque-mask.txt", "tests/golden/opaque/schema.sql",
		"tests/golden/opaque/mask.yaml");
	table("tests/golden/opaque-allow.txt", "tests/golden/opaque/schema.sql",
		"tests/golden/opaque/allow.yaml");
}

/* In a session in which no code of the database's own ran, and in one in which some did. */
static void golden_settings(void **state)
{
	(void)state;
	table_in("tests/golden/settings.txt", "tests/golden/opaque/schema.sql",
		"tests/golden/opaque/deny.yaml", true);
	table_in("tests/golden/settings-allow.txt", "tests/golden/opaque/schema.sql",
		"tests/golden/opaque/allow.yaml", true);
	table("tests/golden/settings-code.txt", "tests/golden/opaque/schema.sql",
		"tests/golden/opaque/deny.yaml");
}

static void golden_shift(void **state)
{
	char path[] = "/tmp/pgveil-golden-key-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
	close(fd);
	setenv("GOLDEN_KEY", path, 1);
	table("tests/golden/shift.txt", "tests/golden/shift/schema.sql", "tests/golden/shift/policy.yaml");
	unlink(path);
}

static void settings(void **state)
{
	const char *why;

	(void)state;
	assert_true(plan_setting_allowed("TimeZone", "UTC", &why));
	assert_true(plan_setting_allowed("client_encoding", "UTF8", &why));
	assert_true(plan_setting_allowed("client_encoding", NULL, &why));
	assert_true(plan_setting_allowed("client_encoding", "'utf-8'", &why)); /* asyncpg */
	assert_false(plan_setting_allowed("client_encoding", "SJIS", &why));
	assert_false(plan_setting_allowed("client_encoding", "", &why));
	assert_false(
		plan_setting_allowed("client_encoding", "utf8aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &why));
	assert_false(plan_setting_allowed("standard_conforming_strings", "off", &why));
	assert_false(plan_setting_allowed("standard_conforming_strings", "0", &why));
	assert_true(plan_setting_allowed("search_path", "x", &why));
	assert_false(plan_setting_allowed("search_path", "x, pg_catalog", &why));
	assert_false(plan_setting_allowed("search_path", "\"x", &why));
	assert_false(plan_setting_open("client_encoding", &why));
	assert_false(plan_setting_allowed("role", "postgres", &why));
	assert_true(plan_setting_allowed("role", "none", &why));
	assert_false(plan_setting_allowed("role", "NONE", &why)); /* a role may be called so */
	assert_false(plan_setting_allowed("session_authorization", "default", &why));
	assert_false(plan_setting_allowed("session_authorization", "postgres", &why));
	assert_false(plan_setting_allowed("client_min_messages", "debug5", &why));
	assert_false(plan_setting_allowed("backslash_quote", "on", &why));
	assert_false(plan_setting_allowed("log_statement", "all", &why));
	assert_false(plan_setting_allowed("", "x", &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(golden_asking),
		cmocka_unit_test(golden_unseen), cmocka_unit_test(golden_opaque),
		cmocka_unit_test(golden_settings), cmocka_unit_test(golden_shift),
		cmocka_unit_test(settings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
