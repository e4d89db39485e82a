/* SPDX-License-Identifier: MIT */
/* The catalogue here is made by hand: system relations, toast tables and sensitive columns have no DDL. */
#include "policy/binding.h"
#include "sql/signature.h"
#include "test.h"

struct catalog {
	unsigned refs, n;
	struct relation *relations;
	uint64_t version;
};

struct catalog *catalog_ref(struct catalog *c)
{
	c->refs++;
	return c;
}

void catalog_unref(struct catalog *c)
{
	if (c)
		c->refs--;
}

const struct relation *catalog_relation_by_oid(const struct catalog *c, uint32_t oid)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->relations[i].oid == oid)
			return &c->relations[i];
	return NULL;
}

void catalog_each_relation(
	const struct catalog *c, bool (*fn)(void *arg, const struct relation *r), void *arg)
{
	for (unsigned i = 0; i < c->n && fn(arg, &c->relations[i]); i++)
		;
}

const struct relation *catalog_relation(const struct catalog *c, const char *schema, const char *name)
{
	for (unsigned i = 0; i < c->n; i++)
		if (!strcmp(c->relations[i].schema, schema) && !strcmp(c->relations[i].name, name))
			return &c->relations[i];
	return NULL;
}

const struct column *relation_column(const struct relation *r, const char *name)
{
	for (unsigned i = 0; i < r->ncols; i++)
		if (strcmp(r->cols[i].name, name) == 0)
			return &r->cols[i];
	return NULL;
}

const struct column *relation_column_by_attnum(const struct relation *r, int16_t attnum)
{
	for (unsigned i = 0; i < r->ncols; i++)
		if (r->cols[i].attnum == attnum)
			return &r->cols[i];
	return NULL;
}

/* 500: a domain over timestamptz; 501: an array of it */
const struct type *catalog_type_by_oid(const struct catalog *c, uint32_t oid)
{
	static const struct type domain = {.oid = 500, .kind = TYPE_DOMAIN, .base = 1184};

	(void)c;
	return oid == 500 ? &domain : NULL;
}

uint32_t catalog_type_element(const struct catalog *c, uint32_t oid)
{
	(void)c;
	return oid == 501 ? 500 : 0;
}

const struct function *signature_find(const struct catalog *c, const char *text)
{
	(void)c, (void)text;
	return NULL;
}

/* No row filters: what they are made of needs a catalogue's types. */
int filter_parse(struct filter **out, const char *text, struct arena *a, const char **why, unsigned *at)
{
	(void)out, (void)text, (void)a, (void)why, (void)at;
	return -EINVAL;
}

const char *filter_misfit(
	const struct filter *f, const struct catalog *c, const struct relation *r, struct arena *a)
{
	(void)f, (void)c, (void)r, (void)a;
	return "not here";
}

const char *filter_sql(const struct filter *f)
{
	(void)f;
	return "";
}

bool signature_valid(const char *text)
{
	return *text != '\0';
}

uint64_t catalog_version(const struct catalog *c)
{
	return c->version;
}

#define COLUMN(number, text)                                                                                 \
	{                                                                                                    \
		.name = text, .attnum = number                                                               \
	}
#define RELATION(o, s, r, k, c, ...)                                                                         \
	{                                                                                                    \
		.oid = o, .schema = s, .name = r, .kind = k, .ncols = ARRAY_LEN(c), .cols = c, __VA_ARGS__   \
	}

static struct column customers[] = {COLUMN(1, "id"), COLUMN(2, "email"), COLUMN(4, "ssn")};
static struct column mixed[] = {COLUMN(1, "Email"), COLUMN(2, "SSN")};
static struct column plain[] = {COLUMN(1, "id"), COLUMN(2, "note")};
static struct column part[] = {COLUMN(1, "ssn"), COLUMN(2, "email"), COLUMN(3, "id")};
static struct column roles[] = {COLUMN(1, "rolname"), COLUMN(2, "ssn")};
static struct column statistic[] = {
	COLUMN(1, "starelid"), {.name = "stavalues1", .attnum = 2, .sensitive = true}};
static struct column times[] = {{.name = "at", .attnum = 1, .type_oid = 1184},
	{.name = "domain", .attnum = 2, .type_oid = 500}, {.name = "list", .attnum = 3, .type_oid = 501},
	{.name = "text", .attnum = 4, .type_oid = 25}};
static struct column toast[] = {COLUMN(1, "chunk_id"), COLUMN(3, "chunk_data")};
static uint32_t parts[] = {104};
static struct relation relations[] = {
	RELATION(101, "public", "customers", 'p', customers, .children = parts, .nchildren = 1),
	RELATION(102, "App", "Users", 'r', mixed, .triggers = false),
	RELATION(103, "public", "plain", 'v', plain, .triggers = false),
	RELATION(104, "archive", "old", 'r', part, .triggers = false),
	RELATION(105, "pg_catalog", "pg_roles", 'v', roles, .system = true),
	RELATION(106, "pg_catalog", "pg_statistic", 'r', statistic, .system = true),
	RELATION(108, "public", "times", 'r', times, .triggers = false),
	RELATION(107, "pg_toast", "pg_toast_101", 't', toast, .system = true),
};

static struct catalog catalog(void)
{
	return (struct catalog){.n = ARRAY_LEN(relations), .relations = relations};
}

static struct policy *load(const char *mask)
{
	static const char head[] =
		"apiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: a}\nspec:\n"
		"  subjects: [{uid: 1}]\n"
		"  databases: [{name: d, address: 'h:1', credential: {user: u, passwordFile: /p}}]\n"
		"  mask:\n";
	char path[] = "/tmp/pgveil-test-XXXXXX";
	const char *paths[] = {path};
	struct complaints c = {0};
	struct policy *p = NULL;
	FILE *f = fdopen(mkstemp(path), "w");

	assert_non_null(f);
	fprintf(f, "%s%s", head, mask);
	fclose(f);
	if (policy_load(&p, paths, 1, &c))
		fail_msg("%s", c.line[0]);
	unlink(path);
	complaints_fini(&c);
	return p;
}

static enum coverage everything(void *arg, unsigned i)
{
	(void)arg;
	(void)i;
	return COVERS_YES;
}

/* Takes p over. */
static struct binding *bound(struct policy *p, struct catalog *c, struct place *place)
{
	struct caller who = {.uid = 1};
	struct arena a = {0};
	struct binding *b;
	struct grant g;
	struct err e = {0};

	assert_int_equal(policy_grant(p, &who, everything, NULL, "db", &a, &g, &e), 0);
	assert_int_equal(binding_new(&b, p, &g, c, place, false, NULL, &e), 0);
	arena_fini(&a);
	policy_unref(p);
	return b;
}

#define NOT_MASKED (-1)
static int kind(const struct binding *b, uint32_t relid, int16_t attnum)
{
	const struct masking *m = binding_column(b, (struct colref){relid, attnum});

	return m ? (int)m->direct->kind : NOT_MASKED;
}

static void by_name(void **state)
{
	struct catalog c = catalog();
	struct binding *b =
		bound(load("    - {columns: [public.customers.email, 'app.users.email'], with: email}\n"
			   "    - {columns: ['*.*.ssn'], with: {partial: {last: 4}}, derived: redact}\n"),
			&c, NULL);
	const struct masking *m = binding_column(b, (struct colref){101, 4});

	(void)state;
	assert_int_equal(kind(b, 101, 1), NOT_MASKED);
	assert_int_equal(kind(b, 101, 2), MASK_EMAIL);
	assert_int_equal(m->direct->kind, MASK_PARTIAL);
	assert_int_equal(m->derived->kind, MASK_REDACT);
	assert_non_null(strstr(m->rule->where, ":9"));
	assert_int_equal(kind(b, 102, 1), MASK_EMAIL);
	assert_int_equal(kind(b, 102, 2), MASK_PARTIAL);
	assert_int_equal(kind(b, 103, 2), NOT_MASKED);
	/* *.*.ssn does not speak of system schemas. */
	assert_int_equal(kind(b, 105, 2), NOT_MASKED);
	assert_ptr_equal(binding_catalog(b), &c);
	assert_int_equal(policy_databases(binding_policy(b)), 1);
	assert_ptr_equal(binding_ref(b), b);
	binding_unref(b);
	assert_int_equal(c.refs, 1);
	binding_unref(b);
	assert_int_equal(c.refs, 0);
	binding_unref(NULL);
}

/* A temporary table of the session's that copies two columns; another of its name is something else. */
static void heirs(void **state)
{
	static struct column got[] = {COLUMN(1, "a"), COLUMN(2, "b"), COLUMN(3, "c")};
	static struct column other[] = {COLUMN(1, "x"), COLUMN(2, "a")};
	static struct relation v[] = {RELATION(101, "public", "customers", 'p', customers, .triggers = false),
		RELATION(201, "pg_temp_3", "got", 'r', got, .triggers = false),
		RELATION(202, "pg_temp_4", "got", 'r', other, .triggers = false),
		RELATION(203, "public", "got", 'r', got, .triggers = false)};
	struct catalog c = {.n = ARRAY_LEN(v), .relations = v};
	struct colref email = {101, 2, 0, 0}, ssn = {101, 4, 0, 0};
	struct heir_column columns[] = {{"a", {&email, 1, 1}}, {"c", {&ssn, 1, 1}}};
	const struct heir heir = {"got", columns, 2};
	struct policy *p =
		load("    - columns: [public.customers.email]\n      with: email\n"
		     "      predicates: equality\n      aggregates: {allow: [count, sum], minGroup: 2}\n"
		     "    - {columns: [public.customers.ssn], with: redact}\n");
	struct caller who = {.uid = 1};
	struct heirs *all = NULL;
	struct arena a = {0};
	const struct masking *m;
	struct binding *b;
	struct grant g;
	struct err e = {0};

	(void)state;
	assert_int_equal(heirs_add(&all, &heir), 0);
	assert_int_equal(policy_grant(p, &who, everything, NULL, "db", &a, &g, &e), 0);
	assert_int_equal(binding_new(&b, p, &g, &c, NULL, true, all, &e), 0);
	assert_true(binding_heirs(b));
	assert_true(binding_inherits(b, 201) && binding_inherits(b, 202));
	assert_false(binding_inherits(b, 203) || binding_inherits(b, 101));
	assert_int_equal(kind(b, 201, 1), MASK_EMAIL);
	assert_int_equal(kind(b, 201, 2), NOT_MASKED);
	assert_int_equal(kind(b, 201, 3), MASK_REDACT);
	assert_int_equal(kind(b, 201, 0), MASK_NULL);
	assert_int_equal(kind(b, 201, COLREF_PLACE), MASK_NULL);
	assert_true(colset_has(binding_sources(b, (struct colref){201, 1, 0, 0}), email));
	m = binding_column(b, (struct colref){201, 1, 0, 0});
	assert_int_equal(m->permit.predicates, PREDICATES_DENY);
	assert_int_equal(m->permit.aggregates, 1u << VIA_COUNT);
	assert_int_equal(kind(b, 202, 1), MASK_NULL);
	assert_int_equal(kind(b, 202, 2), MASK_NULL);
	assert_int_equal(kind(b, 203, 1), NOT_MASKED);
	binding_unref(b);
	assert_false(heirs_forget(all, &c, NULL) || heirs_forget(all, &c, "pg_temp_3"));
	assert_true(heirs_forget(all, &c, "pg_temp_5"));
	assert_int_equal(heirs_count(all), 0);
	for (unsigned i = 0; i < HEIRS_MAX; i++)
		assert_int_equal(heirs_add(&all, &heir), 0);
	assert_int_equal(heirs_add(&all, &heir), -ENOSPC);
	heirs_free(all);
	arena_fini(&a);
	policy_unref(p);
}

static void what_nobody_may_see(void **state)
{
	struct catalog c = catalog();
	struct binding *b =
		bound(load("    - {columns: [pg_catalog.pg_statistic.*], with: {fixed: x}}\n"), &c, NULL);

	(void)state;
	assert_int_equal(kind(b, 106, 1), MASK_FIXED);
	/* A rule does not loosen a sensitive column. */
	assert_int_equal(kind(b, 106, 2), MASK_NULL);
	assert_null(binding_column(b, (struct colref){106, 2})->rule);
	assert_int_equal(kind(b, 106, 0), MASK_NULL);
	assert_int_equal(kind(b, 107, 3), MASK_NULL);
	assert_int_equal(kind(b, 999, 1), MASK_NULL);
	assert_int_equal(kind(b, 999, 0), MASK_NULL);
	assert_int_equal(kind(b, 999, -1), MASK_NULL);
	assert_int_equal(kind(b, 101, 3), MASK_NULL); /* a column that the catalogue does not know */
	assert_int_equal(kind(b, 101, -1), NOT_MASKED);
	assert_int_equal(kind(b, 101, 0), NOT_MASKED);
	assert_int_equal(kind(b, 103, 0), NOT_MASKED);
	binding_unref(b);
}

static void parents_and_whole_rows(void **state)
{
	struct catalog c = catalog();
	struct binding *b = bound(load("    - {columns: [public.customers.ssn], with: redact}\n"), &c, NULL);

	(void)state;
	assert_int_equal(kind(b, 104, 1), MASK_REDACT);
	assert_int_equal(kind(b, 104, 2), NOT_MASKED);
	assert_int_equal(kind(b, 101, 0), MASK_NULL);
	assert_int_equal(kind(b, 104, 0), MASK_NULL);
	assert_non_null(binding_column(b, (struct colref){104, 0})->rule);
	assert_int_equal(kind(b, 102, 0), NOT_MASKED);
	binding_unref(b);
}

static void strictest_wins(void **state)
{
	static const char *const orders[] = {
		"    - {columns: ['*.*.ssn'], with: {partial: {last: 4}}}\n"
		"    - {columns: [public.*.ssn], with: {partial: {last: 2}}, derived: {fixed: z}}\n"
		"    - {columns: [public.*.s*], with: {partial: {first: 2}}, derived: redact}\n",
		"    - {columns: [public.*.s*], with: {partial: {first: 2}}, derived: redact}\n"
		"    - {columns: [public.*.ssn], with: {partial: {last: 2}}, derived: {fixed: z}}\n"
		"    - {columns: ['*.*.ssn'], with: {partial: {last: 4}}}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct catalog c = catalog();
		struct binding *b = bound(load(orders[i]), &c, NULL);
		const struct masking *m = binding_column(b, (struct colref){101, 4});

		assert_int_equal(m->direct->first, 0);
		assert_int_equal(m->direct->last, 2);
		assert_int_equal(m->derived->kind, MASK_NULL);
		binding_unref(b);
	}
}

/* A rule whose mask is none for the type says NULL, which another rule may not loosen. */
static void no_form_is_null(void **state)
{
	static const char *const orders[] = {
		"    - {columns: [public.times.*], with: {date: {truncate: month}}}\n"
		"    - {columns: ['*.times.*'], with: {partial: {last: 2}}}\n",
		"    - {columns: ['*.times.*'], with: {partial: {last: 2}}}\n"
		"    - {columns: [public.times.*], with: {date: {truncate: month}}}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct catalog c = catalog();
		struct binding *b = bound(load(orders[i]), &c, NULL);

		for (int16_t attnum = 1; attnum <= 4; attnum++)
			assert_int_equal(kind(b, 108, attnum), MASK_NULL);
		binding_unref(b);
	}
}

/* Detectors of one rule hold beside the mask of another, in whatever order they stand. */
static void detectors_add_up(void **state)
{
	static const char *const orders[] = {
		"    - {columns: ['*.*.ssn'], with: {partial: {last: 4}}}\n"
		"    - {detect: [pan], in: [public.*.ssn], with: label}\n"
		"    - {detect: [email], in: [public.*.s*], with: redact}\n",
		"    - {detect: [email], in: [public.*.s*], with: redact}\n"
		"    - {detect: [pan], in: [public.*.ssn], with: label}\n"
		"    - {columns: ['*.*.ssn'], with: {partial: {last: 4}}}\n",
	};
	static const char two[] = "    - {detect: [email], in: [public.*.s*], with: redact}\n"
				  "    - {detect: [pan], in: [public.*.ssn], with: label}\n";
	struct catalog c = catalog();
	struct binding *b = bound(load(two), &c, NULL);
	const struct masking *m = binding_column(b, (struct colref){101, 4});

	(void)state;
	assert_int_equal(m->direct->kind, MASK_DETECT);
	assert_int_equal(m->direct->detectors.bits[0], 3);
	assert_int_equal(m->direct->replace, REPLACE_REDACT);
	binding_unref(b);
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		b = bound(load(orders[i]), &c, NULL);
		m = binding_column(b, (struct colref){101, 4});
		assert_int_equal(m->direct->kind, MASK_PARTIAL);
		assert_int_equal(m->direct->last, 4);
		assert_int_equal(m->direct->detectors.bits[0], 3);
		assert_int_equal(m->rule->mask.kind, MASK_PARTIAL);
		binding_unref(b);
	}
}

static void sets(void **state)
{
	struct catalog c = catalog();
	struct binding *b =
		bound(load("    - {columns: [public.customers.email, app.users.email], with: email}\n"
			   "    - {columns: ['*.*.ssn'], with: redact}\n"),
			&c, NULL);
	struct colref none_[] = {{101, 1}, {103, 2}}, same_[] = {{101, 2}, {102, 1}, {103, 1}};
	struct colref differ_[] = {{101, 2}, {101, 4}}, unknown_[] = {{101, 2}, {999, 1}};
	struct colset none = {none_, 2, 2}, same = {same_, 3, 3}, differ = {differ_, 2, 2},
		      unknown = {unknown_, 2, 2};
	struct colset empty = {0};

	(void)state;
	assert_null(binding_set(b, &empty));
	assert_false(binding_mixed(b, &empty));
	assert_null(binding_set(b, &none));
	assert_false(binding_mixed(b, &none));
	assert_int_equal(binding_set(b, &same)->direct->kind, MASK_EMAIL);
	assert_false(binding_mixed(b, &same));
	assert_int_equal(binding_set(b, &differ)->direct->kind, MASK_REDACT);
	assert_true(binding_mixed(b, &differ));
	assert_int_equal(binding_set(b, &unknown)->direct->kind, MASK_NULL);
	assert_true(binding_mixed(b, &unknown));
	binding_unref(b);
}

static void renames(void **state)
{
	static const char rule[] = "    - {columns: [public.customers.ssn], with: redact}\n";
	struct catalog before = catalog(), after = catalog();
	struct relation changed[ARRAY_LEN(relations)];
	struct column columns[] = {COLUMN(1, "id"), COLUMN(2, "email"), COLUMN(4, "tax_number")};
	struct column child[] = {COLUMN(1, "tax_number"), COLUMN(2, "email"), COLUMN(3, "id")};
	struct column fresh[] = {COLUMN(1, "id"), COLUMN(2, "tax_number")};
	uint32_t children[] = {104, 103};
	struct recall *recall = NULL;
	struct place *place = NULL, *elsewhere = NULL;
	struct binding *b, *third;

	(void)state;
	assert_int_equal(recall_new(&recall, NULL), 0);
	assert_int_equal(recall_place(recall, "db 5432", "crm", &place, NULL), 0);
	assert_int_equal(recall_place(recall, "db 5432", "other", &elsewhere, NULL), 0);
	assert_ptr_not_equal(place, elsewhere);
	/* Forgotten at once by whoever made it: another worker, an older policy, a cache that was full. */
	binding_unref(bound(load(rule), &before, place));
	binding_unref(
		bound(load("    - {columns: [public.customers.email], with: redact}\n"), &before, place));
	memcpy(changed, relations, sizeof(changed));
	after.relations = changed;
	changed[0].name = "clients";
	changed[0].cols = columns;
	changed[3].cols = child;
	/* A partition that was made after the rename. */
	changed[2].cols = fresh;
	changed[0].children = children;
	changed[0].nchildren = 2;

	b = bound(load(rule), &after, elsewhere);
	assert_int_equal(kind(b, 101, 4), NOT_MASKED);
	binding_unref(b);

	assert_int_equal(recall_place(recall, "db 5432", "crm", &place, NULL), 0);
	b = bound(load(rule), &after, place);
	assert_int_equal(kind(b, 101, 4), MASK_REDACT);
	assert_int_equal(kind(b, 104, 1), MASK_REDACT);
	assert_int_equal(kind(b, 103, 2), MASK_REDACT);
	assert_int_equal(kind(b, 101, 2), NOT_MASKED);

	/* Over several generations, and with the new mask where the rule's was changed. */
	third = bound(load("    - {columns: [public.customers.SSN, a.b.c], with: {partial: {last: 1}}}\n"),
		&after, place);
	assert_int_equal(kind(third, 101, 4), MASK_PARTIAL);
	binding_unref(third);

	/* Without the rule there is nothing to carry. */
	third = bound(load("    - {columns: [public.customers.email], with: redact}\n"), &after, place);
	assert_int_equal(kind(third, 101, 4), NOT_MASKED);
	binding_unref(third);

	/* An older catalogue that does not know the table forgets nothing; the newest one does. */
	after.version = 2;
	binding_unref(bound(load(rule), &after, place));
	before.n = 0;
	binding_unref(bound(load(rule), &before, place));
	before.n = ARRAY_LEN(relations);
	third = bound(load(rule), &after, place);
	assert_int_equal(kind(third, 101, 4), MASK_REDACT);
	binding_unref(third);
	after.version = 3;
	after.n = 0;
	binding_unref(bound(load(rule), &after, place));
	after.n = ARRAY_LEN(changed);
	third = bound(load(rule), &after, place);
	assert_int_equal(kind(third, 101, 4), NOT_MASKED);
	binding_unref(third);
	binding_unref(b);
	recall_free(recall);
	assert_int_equal(before.refs, 0);
	assert_int_equal(after.refs, 0);
}

static void no_rules(void **state)
{
	struct catalog c = catalog();
	struct grant g = {0};
	struct policy *p = load("    - {columns: [a.b.c], with: redact}\n");
	struct binding *b;
	struct err e = {0};

	(void)state;
	assert_int_equal(binding_new(&b, p, &g, &c, NULL, false, NULL, &e), 0);
	assert_int_equal(kind(b, 101, 4), NOT_MASKED);
	assert_int_equal(kind(b, 106, 2), MASK_NULL);
	binding_unref(b);
	policy_unref(p);
}

/* Whether something is found in a text of column name of relation t. */
static bool found_in(struct binding *b, const struct relation *t, const char *name, const char *text)
{
	const struct masking *m =
		binding_column(b, (struct colref){t->oid, relation_column(t, name)->attnum});
	struct value_shape s = {.type = VALUE_TEXT, .typmod = -1};
	struct arena a = {0};
	struct span out;
	bool found;

	assert_non_null(m);
	out = mask_apply(m->direct, &s, span_of(text, strlen(text)), &a);
	found = !span_eq(out, span_of(text, strlen(text)));
	arena_fini(&a);
	return found;
}

static void a_name_is_a_word(void **state)
{
	static struct column named[] = {{.name = "ssn", .attnum = 1, .type_oid = 25},
		{.name = "customerSSN", .attnum = 2, .type_oid = 25},
		{.name = "note", .attnum = 3, .type_oid = 25}};
	static struct relation one[] = {RELATION(109, "public", "t", 'r', named, .triggers = false)};
	struct catalog c = {.n = 1, .relations = one};
	const struct relation *t = one;
	struct binding *b;

	(void)state;
	b = bound(load("    - {detect: [us_ssn], in: [public.t.*], with: label}\n"), &c, NULL);
	assert_true(found_in(b, t, "ssn", "617283002"));
	assert_true(found_in(b, t, "ssn", "  617283002 \n"));
	assert_true(found_in(b, t, "customerSSN", "617283002"));
	assert_false(found_in(b, t, "note", "617283002"));
	assert_true(found_in(b, t, "note", "ssn 617283002"));
	assert_false(found_in(b, t, "ssn", "nothing of the kind"));
	/* Of a long text it is not said to be that. */
	assert_false(found_in(b, t, "ssn",
		"the order that came on Monday and was sent back on Tuesday has number 617283002"));
	binding_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
		cmocka_unit_test(what_nobody_may_see),
		cmocka_unit_test(parents_and_whole_rows),
		cmocka_unit_test(strictest_wins),
		cmocka_unit_test(no_form_is_null),
		cmocka_unit_test(detectors_add_up),
		cmocka_unit_test(a_name_is_a_word),
		cmocka_unit_test(heirs),
		cmocka_unit_test(sets),
		cmocka_unit_test(renames),
		cmocka_unit_test(no_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
