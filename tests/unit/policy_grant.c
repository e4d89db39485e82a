/* SPDX-License-Identifier: MIT */
#include "kube/pod.h"
#include "policy/policy.h"
#include "test.h"
#include <arpa/inet.h>

#define DOCUMENT(name, subjects, databases, mask)                                                            \
	"---\napiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: " name                        \
	"}\nspec:\n  subjects: " subjects "\n  databases:\n" databases mask
#define DATABASE(name, address, globs, user)                                                                 \
	"    - {name: " name ", address: '" address "', databases: " globs ", credential: {user: " user      \
	", passwordFile: /p}}\n"
#define MASK(column) "  mask:\n    - {columns: [" column "], with: null}\n"

static struct policy *load(const char *text)
{
	char path[] = "/tmp/pgveil-test-XXXXXX";
	const char *paths[] = {path};
	struct complaints c = {0};
	struct policy *p = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	if (policy_load(&p, paths, 1, &c))
		fail_msg("%s", c.n ? c.line[0] : "no complaint");
	unlink(path);
	complaints_fini(&c);
	return p;
}

/* Entries that cover where the caller dials to: a bit each; and 16 bits up, those of which nobody knows. */
#define UNKNOWN(i) (1u << (16 + (i)))
static enum coverage covers(void *arg, unsigned i)
{
	unsigned mask = *(unsigned *)arg;

	if (mask & UNKNOWN(i))
		return COVERS_UNKNOWN;
	return mask >> i & 1 ? COVERS_YES : COVERS_NO;
}

static struct caller caller(const char *cgroup, const char *unit, uint32_t uid)
{
	struct caller c = {.uid = uid};

	snprintf(c.cgroup, sizeof(c.cgroup), "%s", cgroup);
	snprintf(c.unit, sizeof(c.unit), "%s", unit);
	return c;
}

struct answer {
	int r;
	struct grant g;
	struct err e;
};

static struct answer ask(
	const struct policy *p, struct arena *a, struct caller who, unsigned mask, const char *dbname)
{
	struct answer x = {0};

	x.r = policy_grant(p, &who, covers, &mask, dbname, a, &x.g, &x.e);
	if (x.r) {
		assert_int_equal(x.r, -EACCES);
		assert_null(x.g.database);
		assert_int_equal(x.g.nrules, 0);
	} else {
		assert_non_null(x.g.database);
	}
	return x;
}

static void who(void **state)
{
	struct policy *p =
		load(DOCUMENT("a", "[{cgroup: '/agents/*'}, {unit: 'claude*.service', uid: 7}, {uid: 9}]",
			DATABASE("d", "h:5432", "[crm]", "u"), MASK("a.b.c")));
	struct arena a = {0};
	struct answer x;

	(void)state;
	assert_int_equal(ask(p, &a, caller("/agents/x", "", 1), 1, "crm").r, 0);
	/* A process that moved below its cgroup is still who it was. */
	assert_int_equal(ask(p, &a, caller("/agents/x/y/z", "", 1), 1, "crm").r, 0);
	assert_int_equal(ask(p, &a, caller("/system/claude.service", "claude.service", 7), 1, "crm").r, 0);
	assert_int_equal(ask(p, &a, caller("/else", "", 9), 1, "crm").r, 0);
	x = ask(p, &a, caller("/agents", "", 1), 1, "crm");
	assert_string_equal(x.e.sqlstate, "28000");
	assert_int_equal(ask(p, &a, caller("/agentsx/y", "", 1), 1, "crm").r, -EACCES);
	assert_int_equal(ask(p, &a, caller("", "", 1), 1, "crm").r, -EACCES);
	assert_int_equal(
		ask(p, &a, caller("/system/claude.service", "claude.service", 8), 1, "crm").r, -EACCES);
	assert_int_equal(ask(p, &a, caller("/system/x", "", 7), 1, "crm").r, -EACCES);
	x = ask(p, &a, caller("/agents/x", "", 1), 0, "crm");
	assert_string_equal(x.e.sqlstate, "08004");
	x = ask(p, &a, caller("/agents/x", "", 1), 1, "other");
	assert_string_equal(x.e.sqlstate, "3D000");
	arena_fini(&a);
	policy_unref(p);
}

static struct pod *pod(const char *namespace, const char *account, const char *labels)
{
	json_t *o = json_pack("{s:{s:s, s:s, s:s, s:o}, s:{s:s}}", "metadata", "name", "p", "namespace",
		namespace, "uid", "cc1f800f-00d3-4c27-a123-4fd670a1973a", "labels",
		json_loads(labels, 0, NULL), "spec", "serviceAccountName", account);
	const struct pod_rules rules = {0};
	struct pod *p = pod_new(o, &rules);

	assert_non_null(p);
	json_decref(o);
	return p;
}

static void pods(void **state)
{
	struct policy *p = load(DOCUMENT("a",
		"[{pods: {namespace: 'agents*', labels: {app: claude, tier: one}}}, {pods: {namespace: b, "
		"serviceAccount: 'cl*'}, uid: 7}]",
		DATABASE("d", "h:1", "['*']", "u"), MASK("a.b.c")));
	static const struct {
		const char *namespace, *account, *labels;
		uint32_t uid;
		const char *is; /* NULL: nobody */
	} cases[] = {
		{"agents", "x", "{\"app\": \"claude\", \"tier\": \"one\", \"z\": \"\"}", 1,
			"pods of agents* app=claude tier=one at h/0:1 x"},
		{"agents-2", "x", "{\"app\": \"claude\", \"tier\": \"one\"}", 1,
			"pods of agents* app=claude tier=one at h/0:1 x"},
		{"agents", "x", "{\"app\": \"claude\"}", 1, NULL},
		{"agents", "x", "{\"app\": \"claude\", \"tier\": \"onE\"}", 1, NULL},
		{"other", "x", "{\"app\": \"claude\", \"tier\": \"one\"}", 1, NULL},
		{"b", "claude", "{}", 7, "uid 7 pods of b account cl* at h/0:1 x"},
		{"b", "claude", "{}", 8, NULL},
		{"b", "other", "{}", 7, NULL},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct caller c = caller("/kubepods/podx/y", "cri-containerd-1.scope", cases[i].uid);
		struct answer got;

		c.pod = pod(cases[i].namespace, cases[i].account, cases[i].labels);
		got = ask(p, &a, c, 1, "x");
		assert_int_equal(got.r, cases[i].is ? 0 : -EACCES);
		if (cases[i].is)
			assert_string_equal(got.g.identity, cases[i].is);
		pod_unref(c.pod);
		/* Without a word of the API nobody is one of them. */
		c.pod = NULL;
		assert_int_equal(ask(p, &a, c, 1, "x").r, -EACCES);
	}
	/* They are enrolled by their labels, not by what a policy says. */
	assert_false(policy_enrols_cgroup(p, "/kubepods/podx/y", ""));
	arena_fini(&a);
	policy_unref(p);
}

static void gone_cgroup(void **state)
{
	struct policy *p = load(
		DOCUMENT("a", "[{cgroup: '**'}, {unit: '*'}]", DATABASE("d", "h:5432", "['*']", "u"), ""));
	struct arena a = {0};

	(void)state;
	assert_int_equal(ask(p, &a, caller("", "", 1), 1, "crm").r, -EACCES);
	assert_int_equal(ask(p, &a, caller("/x", "", 1), 1, "crm").r, 0);
	assert_true(policy_enrols_cgroup(p, "/x", ""));
	assert_false(policy_enrols_cgroup(p, "", ""));
	arena_fini(&a);
	policy_unref(p);
}

static void rules_of_all_documents(void **state)
{
	struct policy *p = load(DOCUMENT("a", "[{cgroup: '/agents/*'}]",
		DATABASE("d", "h:5432", "['c*']", "u"), MASK("a.b.c")) DOCUMENT("b",
		"[{cgroup: '/agents/x'}]", DATABASE("e", "10.0.0.0/8:5432", "[crm]", "u"), MASK("a.b.d"))
			DOCUMENT("c", "[{cgroup: '/agents/x'}]", DATABASE("f", "h:5432", "[other]", "u"),
				MASK("a.b.e")) DOCUMENT("d", "[{cgroup: '/agents/x'}]",
				DATABASE("g", "h:5432", "[clash]", "v"), MASK("a.b.f")));
	struct arena a = {0};
	struct answer x, y;

	(void)state;
	assert_int_equal(policy_databases(p), 4);
	assert_string_equal(policy_database_at(p, 3)->name, "g");
	assert_null(policy_database_at(p, 4));
	x = ask(p, &a, caller("/agents/x", "", 1), 0xf, "crm");
	assert_int_equal(x.r, 0);
	assert_int_equal(x.g.nrules, 2);
	assert_string_equal(x.g.rules[0]->columns[0], "a.b.c");
	assert_string_equal(x.g.rules[1]->columns[0], "a.b.d");
	/* The entry with the name: that is what a certificate is checked for. */
	assert_string_equal(x.g.database->name, "d");
	y = ask(p, &a, caller("/agents/x/below", "", 2), 0xf, "crm");
	assert_true(y.g.rules_id == x.g.rules_id);
	y = ask(p, &a, caller("/agents/y", "", 1), 0xf, "crm");
	assert_int_equal(y.g.nrules, 1);
	assert_true(y.g.rules_id != x.g.rules_id);
	y = ask(p, &a, caller("/agents/x", "", 1), 0x2, "crm");
	assert_int_equal(y.g.nrules, 1);
	assert_string_equal(y.g.database->name, "e");
	assert_true(y.g.rules_id != x.g.rules_id);
	y = ask(p, &a, caller("/agents/x", "", 1), 0xf, "clash");
	assert_string_equal(y.e.sqlstate, "28000");
	assert_non_null(strstr(y.e.msg, "different credentials"));
	arena_fini(&a);
	policy_unref(p);
}

/* A document of which nobody can tell whether it counts may mask: another one without masks must not win. */
static void unresolved_names(void **state)
{
	struct policy *p =
		load(DOCUMENT("a", "[{cgroup: '/agents/*'}]", DATABASE("masking", "h:5432", "[crm]", "u"),
			MASK("a.b.c")) DOCUMENT("b", "[{cgroup: '/agents/x'}, {cgroup: '/other'}]",
			DATABASE("d", "10.0.0.0/8:5432", "['*']", "u"), ""));
	struct arena a = {0};
	struct answer x = ask(p, &a, caller("/agents/x", "", 1), 2 | UNKNOWN(0), "crm");

	(void)state;
	assert_int_equal(x.r, -EACCES);
	assert_string_equal(x.e.sqlstate, "08004");
	assert_non_null(strstr(x.e.msg, "\"masking\" is not resolved yet"));
	assert_int_equal(ask(p, &a, caller("/agents/x", "", 1), 2, "crm").g.nrules, 0);
	assert_int_equal(ask(p, &a, caller("/agents/x", "", 1), 3, "crm").g.nrules, 1);
	/* It cannot count for another database, or for another caller. */
	assert_int_equal(ask(p, &a, caller("/agents/x", "", 1), 2 | UNKNOWN(0), "hr").r, 0);
	assert_int_equal(ask(p, &a, caller("/other", "", 1), 2 | UNKNOWN(0), "crm").r, 0);
	arena_fini(&a);
	policy_unref(p);
}

/* Who may be somebody that a document names is not let off by another document that names him for sure. */
static void unknown_pods(void **state)
{
	struct policy *p =
		load(DOCUMENT("masking", "[{pods: {namespace: agents}}, {pods: {namespace: b}, uid: 7}]",
			DATABASE("d", "h:5432", "[crm]", "u"), MASK("a.b.c"))
				DOCUMENT("wide", "[{cgroup: '/kubepods'}, {cgroup: '/system'}, {uid: 9}]",
					DATABASE("e", "h:5432", "['*']", "u"), "") DOCUMENT("placed",
					"[{cgroup: '/kubepods/burstable', pods: {namespace: '*'}}]",
					DATABASE("f", "h:5432", "[hr]", "u"), MASK("a.b.d")));
	struct arena a = {0};
	struct caller c = caller("/kubepods/pod1/x", "", 1);
	struct answer x;

	(void)state;
	c.in_pod = true;
	x = ask(p, &a, c, 7, "crm");
	assert_int_equal(x.r, -EACCES);
	assert_string_equal(x.e.sqlstate, "28000");
	assert_non_null(strstr(x.e.msg, "\"masking\" may be about this process"));
	assert_non_null(strstr(x.e.msg, "nothing is known of its pod yet"));
	/* Not for another database or address, nor where it is not what else the subject says. */
	assert_int_equal(ask(p, &a, c, 7, "hr").r, 0);
	assert_int_equal(ask(p, &a, c, 2, "crm").g.nrules, 0);
	assert_int_equal(ask(p, &a, c, 2 | UNKNOWN(0), "crm").r, -EACCES);
	snprintf(c.cgroup, sizeof(c.cgroup), "/kubepods/burstable/pod1/x");
	assert_int_equal(ask(p, &a, c, 7, "hr").r, -EACCES);
	/* Known, it is whoever it is. */
	c.pod = pod("agents", "x", "{}");
	assert_int_equal(ask(p, &a, c, 7, "crm").g.nrules, 1);
	pod_unref(c.pod);
	c.pod = pod("other", "x", "{}");
	assert_int_equal(ask(p, &a, c, 7, "crm").g.nrules, 0);
	assert_int_equal(ask(p, &a, c, 7, "hr").g.nrules, 1);
	pod_unref(c.pod);
	/* In no pod it is none. */
	assert_int_equal(ask(p, &a, caller("/system/x", "", 1), 7, "crm").r, 0);
	/* A cgroup that is gone may have been any, whatever the uid says. */
	x = ask(p, &a, caller("", "", 9), 7, "crm");
	assert_int_equal(x.r, -EACCES);
	assert_non_null(strstr(x.e.msg, "its cgroup is gone"));
	arena_fini(&a);
	policy_unref(p);
}

#define ASKS    "  statements: {default: allow, rules: [{effects: [delete], verdict: ask}]}\n"
#define OF(uid) "  approval: {approvers: {uids: [" uid "]}, timeout: 1h, shapes: true}\n"

/* A document that asks and names nobody means root: another one does not say instead who may approve. */
static void who_approves(void **state)
{
	struct policy *p = load(DOCUMENT("a", "[{cgroup: '/x'}]", DATABASE("d", "h:1", "[crm]", "u"),
		ASKS) DOCUMENT("b", "[{cgroup: '/x'}, {cgroup: '/y'}]", DATABASE("e", "h:1", "['*']", "u"),
		OF("7")) DOCUMENT("c", "[{cgroup: '/y'}]", DATABASE("f", "h:1", "[crm]", "u"), ASKS OF("8")));
	struct arena a = {0};
	struct answer x;

	(void)state;
	x = ask(p, &a, caller("/x", "", 1), 7, "crm");
	assert_int_equal(x.r, 0);
	assert_int_equal(x.g.napprovals, 2);
	assert_int_equal(x.g.approvals[0]->uids[0], 7);
	assert_int_equal(x.g.approvals[1]->nuids, 1);
	assert_int_equal(x.g.approvals[1]->uids[0], 0);
	assert_int_equal(x.g.approvals[1]->ngids + x.g.approvals[1]->ntokens, 0);
	assert_int_equal(x.g.approvals[1]->timeout_s, 600);
	assert_false(x.g.approvals[1]->shapes);
	/* It does not ask about other databases; and each of two that say whom is agreed with. */
	assert_int_equal(ask(p, &a, caller("/x", "", 1), 7, "hr").g.napprovals, 1);
	x = ask(p, &a, caller("/y", "", 1), 7, "crm");
	assert_int_equal(x.g.napprovals, 2);
	assert_int_equal(x.g.approvals[1]->uids[0], 8);
	/* Alone it is root by itself. */
	assert_int_equal(ask(p, &a, caller("/x", "", 1), 1, "crm").g.napprovals, 0);
	arena_fini(&a);
	policy_unref(p);
}

#define EQUAL "  mask:\n    - {columns: [a.b.c], with: null, predicates: equality}\n"

static bool shares(const struct grant *g, const char *share)
{
	for (unsigned i = 0; i < g->nshares; i++)
		if (strcmp(g->shares[i], share) == 0)
			return true;
	return false;
}

/* Whatever else is said of a caller, he pays of the budget that he paid of without. */
static void budgets(void **state)
{
	static const char *const others[] = {"[{pods: {namespace: agents, labels: {app: x}}}]",
		"[{pods: {namespace: '*'}, uid: 1}]", "[{cgroup: '/kubepods'}]", "[{cgroup: '/**'}]",
		"[{uid: 1}]"};
	struct arena a = {0};
	char text[4096] = DOCUMENT("a", "[{pods: {namespace: agents}}, {cgroup: '/*/burstable'}]",
		DATABASE("d", "10.0.0.0/8:1", "[crm]", "u"), EQUAL);
	struct caller c = caller("/kubepods/burstable/pod1/x", "", 1);
	struct policy *p;
	struct answer x;

	(void)state;
	c.pod = pod("agents", "y", "{\"app\": \"x\"}");
	for (size_t i = 0; i <= ARRAY_LEN(others); i++) {
		p = load(text);
		x = ask(p, &a, c, 0x3f, "crm");
		assert_int_equal(x.r, 0);
		assert_true(shares(&x.g, "pods of agents at 10.0.0.0/104:1 crm"));
		assert_true(shares(&x.g, "/kubepods/burstable at 10.0.0.0/104:1 crm"));
		assert_true(shares(&x.g, x.g.identity));
		policy_unref(p);
		/* … nor does an entry that says more of the place make it another one. */
		if (i < ARRAY_LEN(others))
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				DOCUMENT("more%zu", "%s", DATABASE("e", "10.0.0.1:1", "['*']", "u"), ""), i,
				others[i]);
	}
	pod_unref(c.pod);
	arena_fini(&a);
}

static void too_many_budgets(void **state)
{
	char text[16384];
	struct arena a = {0};

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		size_t len = (size_t)snprintf(text, sizeof(text),
			"---\napiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: a}\nspec:\n  "
			"subjects:\n");
		struct policy *p;
		struct caller c = caller("/x", "", 1);
		struct answer x;

		for (unsigned i = 0; i < GRANT_SHARES_MAX + (n > 0); i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
				"    - {pods: {namespace: 'a%.*s*'}}\n", (int)i,
				"**********************************************************************");
		snprintf(text + len, sizeof(text) - len, "  databases:\n%s%s",
			DATABASE("d", "h:1", "[crm]", "u"), n < 2 ? EQUAL : MASK("a.b.c"));
		p = load(text);
		c.pod = pod("agents", "y", "{}");
		x = ask(p, &a, c, 1, "crm");
		assert_int_equal(x.r, n == 1 ? -EACCES : 0);
		if (n == 1)
			assert_string_equal(x.e.sqlstate, "54000");
		else
			assert_int_equal(x.g.nshares, GRANT_SHARES_MAX);
		pod_unref(c.pod);
		policy_unref(p);
	}
	arena_fini(&a);
}

static void insecure_auth_is_of_the_credential(void **state)
{
	struct policy *p = load(DOCUMENT("a", "[{cgroup: '/x'}]", DATABASE("d", "h:1", "[crm]", "u"), "")
			DOCUMENT("b", "[{cgroup: '/x'}]",
				"    - {name: e, address: 'h:1', credential: {user: u, passwordFile: /p, "
				"insecureAuth: true}}\n",
				""));
	struct arena a = {0};
	struct answer x;

	(void)state;
	assert_false(policy_database_at(p, 0)->insecure_auth);
	assert_true(policy_database_at(p, 1)->insecure_auth);
	x = ask(p, &a, caller("/x", "", 1), 3, "crm");
	assert_string_equal(x.e.sqlstate, "28000");
	arena_fini(&a);
	policy_unref(p);
}

static void enrolment(void **state)
{
	struct policy *p = load(
		DOCUMENT("a", "[{cgroup: '/agents/*', uid: 5}, {unit: 'c.service'}, {uid: 9}]",
			DATABASE("d", "h:5432", "[crm]", "u"), "")
			DOCUMENT("b", "[{uid: 3}, {uid: 9}]", DATABASE("d", "h:5432", "[crm]", "u"), ""));
	const uint32_t *uids;

	(void)state;
	/* The whole cgroup is enrolled although only uid 5 of it is served. */
	assert_true(policy_enrols_cgroup(p, "/agents/x", ""));
	assert_true(policy_enrols_cgroup(p, "/agents/x/y", ""));
	assert_true(policy_enrols_cgroup(p, "/system/c.service", "c.service"));
	assert_false(policy_enrols_cgroup(p, "/system/d.service", "d.service"));
	assert_false(policy_enrols_cgroup(p, "/", ""));
	assert_int_equal(policy_uids(p, &uids), 2);
	assert_int_equal(uids[0], 3);
	assert_int_equal(uids[1], 9);
	policy_unref(p);
}

static void postgres_elsewhere(void **state)
{
#define REPORT "  foreignPostgres: report\n"
	struct policy *p = load(DOCUMENT("a", "[{cgroup: '/agents/*', uid: 5}, {unit: 'c.service'}]",
		DATABASE("d", "h:5432", "[crm]", "u"), REPORT) DOCUMENT("b", "[{cgroup: '/agents/y'}]",
		DATABASE("d", "h:5432", "[crm]", "u"), "  foreignPostgres: deny\n"));
	struct policy *q =
		load(DOCUMENT("a", "[{cgroup: '/agents/*'}, {uid: 7}]", DATABASE("d", "h:5432", "[crm]", "u"),
			REPORT) DOCUMENT("b", "[{uid: 9}]", DATABASE("d", "h:5432", "[crm]", "u"), ""));

	(void)state;
	assert_true(policy_reports_foreign(p, "/agents/x", ""));
	assert_true(policy_reports_foreign(p, "/agents/x/below", ""));
	assert_true(policy_reports_foreign(p, "/system/c.service", "c.service"));
	/* One document denies. */
	assert_false(policy_reports_foreign(p, "/agents/y", ""));
	assert_false(policy_reports_foreign(p, "/agents/y/below", ""));
	/* None names it. */
	assert_false(policy_reports_foreign(p, "/other", ""));
	/* Uid 9 may be in there. */
	assert_false(policy_reports_foreign(q, "/agents/x", ""));
	policy_unref(q);
	policy_unref(p);
}

static bool at(const struct database *d, const char *address, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return database_covers(d, (struct sockaddr *)&in, NULL, 0);
	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return database_covers(d, (struct sockaddr *)&in6, NULL, 0);
}

static void networks(void **state)
{
	struct policy *p = load(DOCUMENT("a", "[{uid: 1}]",
		DATABASE("a", "10.1.2.3:5432", "[a]", "u") DATABASE("b", "10.64.0.0/10:5432", "[a]", "u")
			DATABASE("c", "[fd00::/9]:5432", "[a]", "u") DATABASE(
				"d", "0.0.0.0/0:5432", "[a]", "u") DATABASE("e", "[::1]:5432", "[a]", "u"),
		""));
	const struct database *one = policy_database_at(p, 0), *ten = policy_database_at(p, 1);
	const struct database *six = policy_database_at(p, 2), *all = policy_database_at(p, 3);
	struct sockaddr local = {.sa_family = AF_UNIX};

	(void)state;
	assert_true(at(one, "10.1.2.3", 5432));
	assert_true(at(one, "::ffff:10.1.2.3", 5432));
	assert_false(at(one, "10.1.2.3", 5433));
	assert_false(at(one, "10.1.2.2", 5432));
	assert_true(at(ten, "10.64.0.0", 5432));
	assert_true(at(ten, "10.127.255.255", 5432));
	assert_false(at(ten, "10.128.0.0", 5432));
	assert_false(at(ten, "10.63.255.255", 5432));
	assert_true(at(six, "fd7f::1", 5432));
	assert_false(at(six, "fd80::1", 5432));
	assert_false(at(six, "10.0.0.1", 5432));
	assert_true(at(all, "192.0.2.1", 5432));
	assert_false(at(all, "fd00::1", 5432));
	assert_true(at(policy_database_at(p, 4), "::1", 5432));
	assert_false(at(policy_database_at(p, 4), "127.0.0.1", 5432));
	assert_false(database_covers(all, &local, NULL, 0));
	policy_unref(p);
}

static void names(void **state)
{
	struct policy *p =
		load(DOCUMENT("a", "[{uid: 1}]", DATABASE("a", "db.internal:5432", "[a]", "u"), ""));
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(5432)};
	struct in6_addr resolved[2];

	(void)state;
	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	inet_pton(AF_INET6, "fd00::1", &resolved[0]);
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &resolved[1]);
	assert_false(database_covers(policy_database_at(p, 0), (struct sockaddr *)&in, resolved, 0));
	assert_false(database_covers(policy_database_at(p, 0), (struct sockaddr *)&in, resolved, 1));
	assert_true(database_covers(policy_database_at(p, 0), (struct sockaddr *)&in, resolved, 2));
	policy_unref(p);
}

static void versions_and_references(void **state)
{
	struct policy *p = load(DOCUMENT("a", "[{uid: 1}]", DATABASE("a", "h:1", "[a]", "u"), ""));
	struct policy *q = load(DOCUMENT("a", "[{uid: 1}]", DATABASE("a", "h:1", "[a]", "u"), ""));

	(void)state;
	assert_true(policy_version(p) != policy_version(q));
	assert_ptr_equal(policy_ref(p), p);
	policy_unref(p);
	assert_int_equal(policy_databases(p), 1);
	policy_unref(p);
	policy_unref(q);
	policy_unref(NULL);
}

static void all_or_nothing(void **state)
{
	const char *paths[] = {"/nonexistent/a.yaml", "/nonexistent/b.yaml"};
	struct complaints c = {0};
	struct policy *p = (struct policy *)1;

	(void)state;
	assert_int_equal(policy_load(&p, paths, 2, &c), -EINVAL);
	assert_null(p);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.line[1], "/nonexistent/b.yaml:1:1: cannot be read: No such file or directory");
	complaints_fini(&c);
}

/* Who has a budget: nothing in it that a process can choose below where it was put. */
static void identities(void **state)
{
	struct policy *p =
		load(DOCUMENT("a", "[{cgroup: '/agents/*'}, {cgroup: '/deep/**'}, {unit: 'u*.service'}]",
			DATABASE("d", "h:1", "['*']", "u"), MASK("a.b.c")) DOCUMENT("b",
			"[{cgroup: '/agents/one/in', uid: 5}, {cgroup: '/users/**', uid: 7}, {uid: 9}]",
			DATABASE("e", "10.0.0.0/8:5", "['*']", "u"), MASK("a.b.d")));
	static const struct {
		const char *cgroup, *unit;
		uint32_t uid;
		const char *is;
	} cases[] = {
		{"/agents/one", "", 1, "/agents/one at h/0:1 x"},
		{"/agents/one/in/deeper", "", 1, "/agents/one at h/0:1 x"},
		{"/agents/one/in/deeper", "", 5, "/agents/one at h/0:1 x"},
		{"/agents/two", "", 1, "/agents/two at h/0:1 x"},
		{"/deep/a/b/c", "", 1, "/deep/a at h/0:1 x"},
		{"/system/u1.service/a/u2.service", "u1.service", 1, "/system/u1.service at h/0:1 x"},
		{"/system/xu1.service/u1.service/b", "u1.service", 1,
			"/system/xu1.service/u1.service at h/0:1 x"},
		{"/users/seven/a", "", 7, "/users/seven uid 7 at 10.0.0.0/104:5 x"},
		{"/agents/one/in", "", 9, " uid 9 at h/0:1 x"},
		{"/anywhere", "", 9, " uid 9 at 10.0.0.0/104:5 x"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct answer got = ask(p, &a, caller(cases[i].cgroup, cases[i].unit, cases[i].uid), 3, "x");

		assert_int_equal(got.r, cases[i].is[0] ? 0 : -EACCES);
		if (got.r == 0)
			assert_string_equal(got.g.identity, cases[i].is);
	}
	arena_fini(&a);
	policy_unref(p);
}

#define RECORD(how) "  record: {" how "}\n"

static void records(void **state)
{
	struct policy *p = load(DOCUMENT("a", "[{cgroup: '/a'}]", DATABASE("d", "h:5432", "[x]", "u"),
		"") DOCUMENT("b", "[{cgroup: '/b'}, {cgroup: '/bc'}]", DATABASE("d", "h:5432", "[x]", "u"),
		RECORD("level: metadata, required: false")) DOCUMENT("c", "[{cgroup: '/c'}, {cgroup: '/bc'}]",
		DATABASE("d", "h:5432", "[x]", "u"), RECORD("level: statements, required: true"))
			DOCUMENT("e", "[{cgroup: '/bc'}]", DATABASE("d", "h:5432", "[y]", "u"),
				RECORD("level: full")));
	const struct {
		const char *cgroup;
		enum record_level level;
		bool optional;
	} cases[] = {
		{"/a", RECORD_LEVEL_FULL, false}, {"/b", RECORD_LEVEL_METADATA, true},
		{"/c", RECORD_LEVEL_STATEMENTS, false},
		{"/bc", RECORD_LEVEL_STATEMENTS, false}, /* e has nothing for this database */
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct answer got = ask(p, &a, caller(cases[i].cgroup, "", 1), 15, "x");

		assert_int_equal(got.r, 0);
		assert_int_equal(got.g.record.level, cases[i].level);
		assert_int_equal(got.g.record.optional, cases[i].optional);
	}
	arena_fini(&a);
	policy_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities),
		cmocka_unit_test(who),
		cmocka_unit_test(pods),
		cmocka_unit_test(gone_cgroup),
		cmocka_unit_test(rules_of_all_documents),
		cmocka_unit_test(unresolved_names),
		cmocka_unit_test(unknown_pods),
		cmocka_unit_test(who_approves),
		cmocka_unit_test(budgets),
		cmocka_unit_test(too_many_budgets),
		cmocka_unit_test(insecure_auth_is_of_the_credential),
		cmocka_unit_test(enrolment),
		cmocka_unit_test(networks),
		cmocka_unit_test(names),
		cmocka_unit_test(versions_and_references),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(postgres_elsewhere),
		cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
