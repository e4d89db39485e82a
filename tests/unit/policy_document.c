/* SPDX-License-Identifier: MIT */
#include "mask/regex.h"
#include "policy/document.h"
#include "policy/node.h"
#include "mask/jsonpath.h"
#include "policy/strict.h"
#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>

#define HEAD                                                                                                 \
	"apiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: a}\nspec:\n  subjects: [{cgroup: " \
	"/a}]\n"
#define DATABASE "  databases: [{name: d, address: 'h:1', credential: {user: u, passwordFile: /p}}]\n"
#define MASK     HEAD DATABASE "  mask:\n"

static int load(struct documents *d, const char *text, struct complaints *c)
{
	struct guarded g = guard_copy(text, strlen(text));
	int r = documents_parse(d, "dir/f.yaml", span_of(g.p, g.n), c);

	guard_free(&g);
	return r;
}

/* What is wrong with text is exactly these lines, "line:column: message". */
static void wrong(const char *text, const char *const *lines, unsigned n)
{
	struct documents d = {0};
	struct complaints c = {0};
	int r = load(&d, text, &c);

	for (unsigned i = 0; i < n || i < c.n; i++) {
		const char *got = i < c.n ? c.line[i] : "(nothing)",
			   *expected = i < n ? lines[i] : "(nothing)";

		if (i >= n || i >= c.n || strncmp(got, "dir/f.yaml:", 11) != 0 ||
			strcmp(got + 11, expected) != 0)
			fail_msg("in\n%s\ngot      %s\nexpected %s", text, got, expected);
	}
	assert_int_equal(r, n ? -EINVAL : 0);
	documents_fini(&d);
	complaints_fini(&c);
}
#define WRONG(text, ...)                                                                                     \
	do {                                                                                                 \
		static const char *const lines_[] = {__VA_ARGS__};                                           \
		wrong(text, lines_, ARRAY_LEN(lines_));                                                      \
	} while (0)
#define RIGHT(text) wrong(text, NULL, 0)

static const char whole[] = "# the file begins with a comment\n"
			    "apiVersion: pgveil.dev/v1\n"
			    "kind: MaskingPolicy\n"
			    "metadata: {name: claude-support}\n"
			    "spec:\n"
			    "  subjects:\n"
			    "    - cgroup: \"/agents.slice/claude-*.scope\"\n"
			    "    - unit: claude.service\n"
			    "    - {uid: root, cgroup: '/x/**'}\n"
			    "    - uid: 1234\n"
			    "  databases:\n"
			    "    - name: crm\n"
			    "      address: db.internal:5432\n"
			    "      databases: [crm, 'crm_*']\n"
			    "      credential: {user: crm_agent, passwordFile: /etc/pgveil/crm.pw}\n"
			    "      tls: {mode: verify-full, ca: db-ca.pem}\n"
			    "    - name: net\n"
			    "      address: 10.1.0.0/16:5433\n"
			    "      credential: {user: u, passwordFile: p, certFile: c, keyFile: k}\n"
			    "      tls: {ca: system}\n"
			    "    - name: six\n"
			    "      address: '[fd00::]/8:5432'\n"
			    "      credential: {user: u, passwordFile: p}\n"
			    "      tls: {mode: disable}\n"
			    "  mask:\n"
			    "    - columns: [public.customers.email, \"*.users.email\"]\n"
			    "      with: {email: {keep: domain}}\n"
			    "      predicates: deny\n"
			    "      derived: redact\n"
			    "    - columns: [\"*.*.ssn\"]\n"
			    "      with: {partial: {first: 1, last: 4, fill: '#'}}\n"
			    "      derived: {fixed: gone}\n"
			    "    - {columns: [a.b.c], with: null}\n"
			    "    - {columns: [a.b.d], with: email}\n"
			    "    - {columns: [a.b.e], with: {redact: {}}}\n"
			    "    - {columns: [a.b.f], with: {fixed: ''}}\n"
			    "  statements:\n"
			    "    default: allow\n"
			    "    opaque: {default: deny}\n"
			    "    unparsed: deny\n";

static void check_whole_databases(const struct document *d)
{
	assert_int_equal(d->ndatabases, 3);
	assert_string_equal(d->databases[0].host, "db.internal");
	assert_true(d->databases[0].is_name);
	assert_int_equal(d->databases[0].port, 5432);
	assert_int_equal(d->databases[0].nglobs, 2);
	assert_string_equal(d->databases[0].user, "crm_agent");
	assert_string_equal(d->databases[0].password_file, "/etc/pgveil/crm.pw");
	assert_null(d->databases[0].cert_file);
	assert_int_equal(d->databases[0].tls, TLS_VERIFY_FULL);
	assert_string_equal(d->databases[0].ca_file, "dir/db-ca.pem");
	assert_false(d->databases[1].is_name);
	assert_int_equal(d->databases[1].prefix, 96 + 16);
	assert_string_equal(d->databases[1].globs[0], "*");
	assert_string_equal(d->databases[1].key_file, "dir/k");
	assert_null(d->databases[1].ca_file);
	assert_int_equal(d->databases[1].tls, TLS_VERIFY_FULL);
	assert_int_equal(d->databases[2].prefix, 8);
	assert_int_equal(d->databases[2].net[0], 0xfd);
	assert_int_equal(d->databases[2].tls, TLS_DISABLE);
}

static void reads_everything(void **state)
{
	struct documents all = {0};
	struct complaints c = {0};
	const struct document *d;

	(void)state;
	assert_int_equal(load(&all, whole, &c), 0);
	assert_int_equal(all.n, 1);
	d = all.v;
	assert_int_equal(d->line, 2);
	assert_string_equal(d->name, "claude-support");
	assert_int_equal(d->nsubjects, 4);
	assert_string_equal(d->subjects[0].cgroup, "/agents.slice/claude-*.scope");
	assert_string_equal(d->subjects[1].unit, "claude.service");
	assert_true(d->subjects[2].has_uid);
	assert_int_equal(d->subjects[2].uid, 0);
	assert_int_equal(d->subjects[3].uid, 1234);
	check_whole_databases(d);
	assert_int_equal(d->nrules, 6);
	assert_int_equal(d->rules[0].ncolumns, 2);
	assert_int_equal(d->rules[0].mask.kind, MASK_EMAIL);
	assert_true(d->rules[0].mask.keep_domain);
	assert_int_equal(d->rules[0].derived.kind, MASK_REDACT);
	assert_string_equal(d->rules[0].where, "dir/f.yaml:26");
	assert_int_equal(d->rules[1].mask.kind, MASK_PARTIAL);
	assert_int_equal(d->rules[1].mask.first, 1);
	assert_int_equal(d->rules[1].mask.last, 4);
	assert_string_equal(d->rules[1].mask.fill, "#");
	assert_string_equal(d->rules[1].derived.fixed, "gone");
	assert_int_equal(d->rules[2].mask.kind, MASK_NULL);
	assert_int_equal(d->rules[3].mask.kind, MASK_EMAIL);
	assert_false(d->rules[3].mask.keep_domain);
	assert_int_equal(d->rules[4].mask.kind, MASK_REDACT);
	assert_int_equal(d->rules[5].mask.kind, MASK_FIXED);
	assert_string_equal(d->rules[5].mask.fixed, "");
	documents_fini(&all);
	complaints_fini(&c);
}

static void tells_all_at_once(void **state)
{
	(void)state;
	WRONG("apiVersion: pgveil.dev/v2\n"
	      "kind: Masking\n"
	      "metadata: {}\n"
	      "spec:\n"
	      "  subjects: [{cgruop: /a}, {uid: no-such-user-here}]\n"
	      "  databases: []\n"
	      "  mask:\n"
	      "    - columns: [users.email]\n"
	      "      with: {email: {keep: local}}\n"
	      "      derived: email\n"
	      "    - with: redcat\n",
		"1:13: apiVersion must be pgveil.dev/v1", "2:7: kind must be MaskingPolicy",
		"3:11: metadata lacks \"name\"",
		"5:15: spec.subjects[] has no \"cgruop\"; did you mean \"cgroup\"?",
		"5:34: spec.subjects[].uid: there is no user \"no-such-user-here\"",
		"6:14: spec.databases is an empty list; leave it out or fill it",
		"8:17: column \"users.email\" has two parts; write schema.relation.column (\"*.users.email\" "
		"for any "
		"schema)",
		"9:28: email.keep can only be domain",
		"10:16: spec.mask[].derived can only be null, redact or fixed: a value that was computed has "
		"no shape "
		"to keep",
		"11:7: spec.mask[] lacks \"columns\"",
		"11:13: spec.mask[].with: there is no mask \"redcat\"; did you mean \"redact\"?");
}

static void top_level(void **state)
{
	(void)state;
	WRONG("", "1:1: no document in the file");
	WRONG("- a\n", "1:1: document must be a map, not a list");
	WRONG("{}\n", "1:1: document lacks \"apiVersion\"", "1:1: document lacks \"kind\"",
		"1:1: document lacks \"metadata\"", "1:1: document lacks \"spec\"");
	WRONG(HEAD "  databases:\n", "6:13: spec.databases must be a list, not nothing");
	WRONG(HEAD, "5:3: spec lacks \"databases\"");
	WRONG(HEAD DATABASE "  mask: []\n", "7:9: spec.mask is an empty list; leave it out or fill it");
	WRONG(HEAD DATABASE "  masks: []\n", "7:3: spec has no \"masks\"; did you mean \"mask\"?");
	WRONG(HEAD DATABASE "  zzzz: []\n", "7:3: spec has no \"zzzz\"");
	WRONG(HEAD DATABASE "---\n" HEAD DATABASE,
		"10:18: the document at dir/f.yaml:1 is named \"a\" already");
}

static void postgres_elsewhere(void **state)
{
	(void)state;
	RIGHT(HEAD DATABASE "  foreignPostgres: deny\n");
	RIGHT(HEAD DATABASE "  foreignPostgres: report\n");
	WRONG(HEAD DATABASE "  foreignPostgres: allow\n",
		"7:20: spec.foreignPostgres must be deny or report");
	WRONG(HEAD DATABASE "  foreignPostgres: [report]\n",
		"7:20: spec.foreignPostgres must be deny or report");
	WRONG("apiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: a}\nspec:\n"
	      "  subjects: [{uid: 5}]\n" DATABASE "  foreignPostgres: report\n",
		"7:20: spec.foreignPostgres: report never applies: no subject has a cgroup or a unit, and "
		"who is "
		"enrolled by uid alone is denied");
}

static void recording(void **state)
{
	(void)state;
	RIGHT(HEAD DATABASE "  record: {}\n");
	RIGHT(HEAD DATABASE "  record: {level: full, required: true}\n");
	RIGHT(HEAD DATABASE "  record: {level: metadata, required: false}\n");
	WRONG(HEAD DATABASE "  record: {level: off, requird: no}\n",
		"7:19: spec.record.level must be full, statements or metadata",
		"7:24: spec.record has no \"requird\"; did you mean \"required\"?");
	WRONG(HEAD DATABASE "  record: {required: maybe}\n",
		"7:22: spec.record.required must be true or false");
	WRONG(HEAD DATABASE "  record: full\n", "7:11: spec.record must be a map, not a single value");
}

#define FILTER(text) HEAD DATABASE "  rows: [{relation: a.b, filter: \"" text "\"}]\n"

static void row_filters(void **state)
{
	(void)state;
	RIGHT(FILTER("region = 'EU' AND (n BETWEEN 1 AND 5 OR NOT open) AND lower(name) LIKE 'x%'"));
	RIGHT(FILTER("'EU' <> region OR a IS NOT NULL AND b IS NOT TRUE AND c IS DISTINCT FROM -5"));
	RIGHT(FILTER("owner = current_user AND at >= '2024-01-31 10:00+00'::timestamptz AND x = y"));
	RIGHT(FILTER("false"));
	WRONG(HEAD DATABASE "  rows: []\n", "7:9: spec.rows is an empty list; leave it out or fill it");
	WRONG(HEAD DATABASE "  rows: [{relation: a, filtr: b}]\n", "7:10: spec.rows[] lacks \"filter\"",
		"7:21: \"a\" has one part; write schema.name (\"*.name\" for any schema)",
		"7:24: spec.rows[] has no \"filtr\"; did you mean \"filter\"?");
	WRONG(FILTER("region ="), "7:34: spec.rows[].filter, at \"region =\": syntax error at or near \")\"");
	WRONG(FILTER("a = 1 AND b = 'x"),
		"7:34: spec.rows[].filter, at \"'x\": unterminated quoted string at or near \"'x?)\"");
	WRONG(FILTER("a = 1) FROM t WHERE (b = 1"),
		"7:34: spec.rows[].filter, at \"a = 1) FROM t WHERE (b = 1\": it is not one condition");
	WRONG(FILTER("a = 1), (b = 1"),
		"7:34: spec.rows[].filter, at \"a = 1), (b = 1\": it is not one condition");
	WRONG(FILTER("a IN (SELECT 1)"),
		"7:34: spec.rows[].filter, at \"IN (SELECT 1)\": subqueries are not supported");
	WRONG(FILTER("a = 1 AND b = (SELECT 1)"),
		"7:34: spec.rows[].filter, at \"a = 1 AND b = (SELECT 1)\": subqueries are not supported");
	WRONG(FILTER("a = $1"), "7:34: spec.rows[].filter, at \"a = $1\": parameters have no value here");
	WRONG(FILTER("a = 1 AND random() < 0.5"),
		"7:34: spec.rows[].filter, at \"random() < 0.5\": this function is not supported: lower(), "
		"upper() and btrim() of a column are");
	WRONG(FILTER("app.lower(a) = 'x'"),
		"7:34: spec.rows[].filter, at \"app.lower(a) = 'x'\": this function is not supported: "
		"lower(), upper() and btrim() of a column are");
	WRONG(FILTER("at > now()"),
		"7:34: spec.rows[].filter, at \"now()\": this function is not supported: lower(), upper() "
		"and btrim() of a column are");
	WRONG(FILTER("at > current_timestamp"),
		"7:34: spec.rows[].filter, at \"current_timestamp\": the time, and what else hangs on the "
		"session's settings, is not supported");
	WRONG(FILTER("a = NULL"),
		"7:34: spec.rows[].filter, at \"NULL\": a comparison with NULL is never true: write IS NULL");
	WRONG(FILTER("t.a = 1"),
		"7:34: spec.rows[].filter, at \"t.a = 1\": columns are named without a relation or a schema");
	WRONG(FILTER("a::int = 1"),
		"7:34: spec.rows[].filter, at \"::int = 1\": only constants can be cast: what a cast of a "
		"column gives may fail, or hang on the session's settings");
	WRONG(FILTER("1 = 1"),
		"7:34: spec.rows[].filter, at \"1 = 1\": a comparison needs a column on one side");
	WRONG(FILTER("a LIKE 'x\\\\'"),
		"7:34: spec.rows[].filter, at \"LIKE 'x\\'\": the pattern ends in a backslash, on which "
		"LIKE fails");
	WRONG(FILTER("a + 1 > 2"),
		"7:34: spec.rows[].filter, at \"a + 1 > 2\": an operand is a column, lower(), upper() or "
		"btrim() of one, a constant, or CURRENT_USER");
	WRONG(FILTER("a ~ 'x'"),
		"7:34: spec.rows[].filter, at \"~ 'x'\": this operator is not supported: =, <>, <, <=, >, "
		">=, LIKE, ILIKE, IN, BETWEEN, IS NULL, IS DISTINCT FROM, AND, OR and NOT are");
	WRONG(HEAD DATABASE "  rows: [{relation: a.b, filter: x}]\n"
			    "  statements: {unparsed: allow, opaque: {default: allow}}\n",
		"8:26: spec.statements.unparsed: allow is for callers who may see all rows, and spec.rows is "
		"there",
		"8:51: spec.statements.opaque.default: allow cannot stand beside spec.rows: code that may do "
		"anything may read any row");
	RIGHT(HEAD DATABASE
		"  rows: [{relation: a.b, filter: x}]\n"
		"  statements: {unparsed: deny, opaque: {default: mask, allow: [\"a.f(int)\"]}}\n");
}

static void what_is_not_there_yet(void **state)
{
	(void)state;
	/* A caller without mask rules and a guard is not judged, so there nothing is denied. */
	WRONG(HEAD DATABASE "  statements: {unparsed: deny, opaque: {default: deny, allow: []}}\n",
		"7:26: spec.statements.unparsed: deny says nothing where nothing is masked, and no default "
		"and no rules are given: statements are not looked at",
		"7:40: spec.statements.opaque says nothing where nothing is masked, and no default and no "
		"rules are given: statements are not looked at",
		"7:63: spec.statements.opaque.allow is an empty list; leave it out or fill it");
	RIGHT(HEAD DATABASE "  statements: {unparsed: allow}\n");
	WRONG(HEAD DATABASE "  statements: {default: deny, unparsed: allow}\n",
		"7:41: spec.statements.unparsed: allow cannot stand beside a default or rules: what is not "
		"understood may do everything");
	WRONG(MASK "    - {columns: [a.b.c], with: null}\n  statements: {unparsed: allow, opaque: {default: "
		   "maybe, allow: [f, 'a.b', 'a.b(int', \"a.b(int) CASCADE\"]}}\n",
		"9:26: spec.statements.unparsed: allow is for callers with no masked column, and spec.mask "
		"is there",
		"9:51: spec.statements.opaque.default must be deny, mask or allow",
		"9:66: \"f\" is no function: write \"schema.name(type, …)\" with the types of its arguments",
		"9:69: \"a.b\" is no function: write \"schema.name(type, …)\" with the types of its "
		"arguments",
		"9:76: \"a.b(int\" is no function: write \"schema.name(type, …)\" with the types of its "
		"arguments",
		"9:87: \"a.b(int) CASCADE\" is no function: write \"schema.name(type, …)\" with the types of "
		"its arguments");
	WRONG(MASK "    - {columns: [a.b.c], with: redact, copies: inherit}\n",
		"8:48: spec.mask[].copies is deny or taint");
	WRONG("apiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: a}\nspec:\n"
	      "  subjects: [{pods: {labels: {}}}, {cgroup: /a, claims: {}}, {pods: {namespace: \"[\", node: "
	      "a}}]\n" DATABASE,
		"5:21: spec.subjects[].pods lacks \"namespace\"",
		"5:30: spec.subjects[].pods.labels must be a map with at least one label",
		"5:49: spec.subjects[].claims is not supported yet",
		"5:81: spec.subjects[].pods.namespace has a [ without its ]",
		"5:86: spec.subjects[].pods has no \"node\"");
}

#define RULES HEAD DATABASE "  statements:\n    rules:\n"

static void guards(void **state)
{
	(void)state;
	RIGHT(RULES "    - {effects: [ddl, privilege, file, program], verdict: deny}\n"
		    "    - {effects: [write], relations: [public.orders, '*.\"Odd.Name\"'], verdict: ask}\n"
		    "    - {effects: [write], where: missing, verdict: deny}\n"
		    "    - {functions: ['public.*', pg_catalog.pg_sleep], verdict: deny}\n"
		    "    - {schemas: [audit], verdict: deny}\n");
	RIGHT(HEAD DATABASE
		"  statements: {default: deny, opaque: {allow: ['public.f(integer)']}, unparsed: deny,"
		" rules: [{effects: [read], verdict: allow}, {effects: [update], verdict: ask}]}\n");
	WRONG(RULES "    - {effects: [wirte, read, read, write, update], verdict: deny}\n",
		"9:18: there is no effect \"wirte\"; did you mean \"write\"?",
		"9:31: \"read\" is named already", "9:44: \"update\" is named already");
	WRONG(RULES "    - {effects: [read]}\n    - {verdict: deny}\n    - {effects: [], verdict: perhaps}\n",
		"9:7: spec.statements.rules[] lacks \"verdict\"",
		"10:7: the rule names nothing: what holds for all statements is spec.statements.default",
		"11:17: spec.statements.rules[].effects is an empty list; leave it out or fill it",
		"11:30: spec.statements.rules[].verdict must be deny, ask or allow");
	WRONG(RULES "    - {relations: [orders, a.b.c, 'a b.c'], schemas: [a.b], functions: ['f()'], "
		    "verdict: deny}\n",
		"9:20: \"orders\" has one part; write schema.name (\"*.name\" for any schema)",
		"9:28: \"a.b.c\" has more parts than it may have; a name with a dot in it needs double "
		"quotes",
		"9:35: \"a b.c\" has a blank in a part without quotes",
		"9:55: \"a.b\" has more parts than it may have; a name with a dot in it needs double quotes",
		"9:73: \"f()\" has one part; write schema.name (\"*.name\" for any schema)");
	/* what can never be the case */
	WRONG(RULES "    - {effects: [notify], relations: [a.b], verdict: deny}\n"
		    "    - {effects: [insert], where: missing, verdict: deny}\n"
		    "    - {functions: [a.f], relations: [a.b], verdict: deny}\n"
		    "    - {relations: [a.b], schemas: [a], verdict: deny}\n"
		    "    - {effects: [ddl], functions: [a.f], verdict: allow}\n"
		    "    - {effects: [read], where: never, verdict: ask}\n"
		    "    - {effects: [ddl, call], estimate: {rows: 1}, verdict: ask}\n"
		    "    - {functions: [a.f], estimate: {rows: 1}, verdict: ask}\n"
		    "    - {effects: [read], estimate: {rows: 1}, verdict: allow}\n"
		    "    - {effects: [read], estimate: {rows: 0}, verdict: deny}\n"
		    "    - {effects: [read], estimate: {}, verdict: deny}\n"
		    "    - {effects: [read], estimate: {rows: 7, bytes: 9}, verdict: deny}\n",
		"9:17: the rule can never fire: nothing of that is done to relations",
		"10:17: the rule can never fire: only update and delete have a WHERE",
		"11:7: the rule can never fire: what is done to a relation or in a schema is no call; write "
		"a "
		"rule for functions of its own",
		"12:7: relations and schemas do not go together: write the schema into \"schema.relation\"",
		"13:17: the rule can never fire: no function is known to do that and nothing else; what may "
		"do "
		"anything is listed in spec.statements.opaque.allow, or denied",
		"14:32: spec.statements.rules[].where can only be missing",
		"15:17: the rule can never fire: nothing of that is done to a number of rows",
		"16:7: the rule can never fire: an estimate is of the rows of relations",
		"17:7: a rule with an estimate is for what is more than that: its verdict is ask or deny",
		"18:42: spec.statements.rules[].estimate.rows must be a number of 1 to 1000000000000",
		"19:35: spec.statements.rules[].estimate lacks \"rows\"",
		"20:45: spec.statements.rules[].estimate has no \"bytes\"");
	RIGHT(RULES "    - {effects: [read], relations: none, verdict: deny}\n");
	RIGHT(RULES "    - {effects: [read], relations: [none], verdict: deny}\n");
	WRONG(RULES "    - {relations: none, schemas: [a], verdict: deny}\n"
		    "    - {effects: [notify], relations: nothing, verdict: deny}\n"
		    "    - {effects: [read], relations: [none, a.b], verdict: deny}\n",
		"9:7: the rule can never fire: relations: none is of what has no name",
		"10:38: spec.statements.rules[].relations must be a list, not a single value",
		"11:37: \"none\" has one part; write schema.name (\"*.name\" for any schema)");
	WRONG(RULES "    - {effects: [read], relations: none, verdict: deny}\n"
		    "    - {effects: [read], verdict: deny}\n"
		    "    - {effects: [read], relations: [a.b], verdict: ask}\n",
		"9:7: the rule never decides: that of dir/f.yaml:10 says deny of all that it names",
		"11:7: the rule never decides: that of dir/f.yaml:10 says deny of all that it names");
	RIGHT(RULES "    - {effects: [read], relations: none, verdict: deny}\n"
		    "    - {effects: [read], relations: [a.b], verdict: deny}\n"
		    "    - {effects: [read], functions: [a.f], verdict: deny}\n");
	WRONG(RULES "    - {effects: [write], estimate: {rows: 10}, verdict: ask}\n"
		    "    - {effects: [delete], estimate: {rows: 100}, verdict: ask}\n"
		    "    - {effects: [delete], estimate: {rows: 100}, verdict: deny}\n"
		    "    - {effects: [delete], estimate: {rows: 5}, verdict: ask}\n",
		"10:7: the rule never decides: that of dir/f.yaml:9 says ask of all that it names");
	RIGHT(RULES
		"    - {estimate: {rows: 10000}, verdict: ask}\n"
		"    - {effects: [update, delete], where: missing, estimate: {rows: 10}, verdict: deny}\n");
	WRONG(RULES "    - {effects: [write], relations: [a.b], verdict: ask}\n"
		    "    - {effects: [write], verdict: deny}\n"
		    "    - {effects: [insert], relations: ['a.*'], verdict: deny}\n"
		    "    - {effects: [read], relations: [a.b], verdict: deny}\n"
		    "    - {effects: [read], relations: [a.b], verdict: deny}\n",
		"9:7: the rule never decides: that of dir/f.yaml:10 says deny of all that it names",
		"11:7: the rule never decides: that of dir/f.yaml:10 says deny of all that it names",
		"13:7: the rule never decides: that of dir/f.yaml:12 says deny of all that it names");
	WRONG(RULES "    - {effects: [read], verdict: allow}\n",
		"9:7: the rule never decides: spec.statements.default is allow, and no other rule is weaker");
	WRONG(HEAD DATABASE "  statements: {default: deny, rules: [{effects: [ddl], verdict: deny}]}\n",
		"7:39: the rule never decides: spec.statements.default is deny, and no other rule is weaker");
	RIGHT(HEAD DATABASE "  statements: {only: ['SELECT * FROM a WHERE id = $1', COMMIT]}\n");
	RIGHT(HEAD DATABASE "  statements: {readOnly: true, settings: {pin: {statement_timeout: 30s, "
			    "app.tenant: '7'}}}\n");
	WRONG(HEAD DATABASE "  statements: {default: deny, rules: [], only: [], settings: {}}\n",
		"7:38: spec.statements.rules is an empty list; leave it out or fill it",
		"7:48: spec.statements.only is an empty list; leave it out or fill it",
		"7:62: spec.statements.settings lacks \"pin\"");
	WRONG(HEAD DATABASE "  statements: {readOnly: yes, only: [SELEC, 'SELECT 1; SELECT 2']}\n",
		"7:26: spec.statements.readOnly must be true or false",
		"7:38: spec.statements.only: \"SELEC\" is no statement: syntax error at or near \"SELEC\"",
		"7:45: spec.statements.only: \"SELECT 1; SELECT 2\" is not one statement");
	WRONG(HEAD DATABASE
		"  statements: {settings: {pin: {search_path: a, Work_mem: 1MB, sort_mem: 1, "
		"default_transaction_read_only: 'on', transaction_isolation: x, \"a'b\": 1, jit: }}}\n",
		"7:46: spec.statements.settings.pin: \"search_path\" cannot be pinned: the engine itself "
		"says "
		"what that is",
		"7:59: spec.statements.settings.pin: \"Work_mem\" cannot be pinned: write its name in small "
		"letters",
		"7:74: spec.statements.settings.pin: \"sort_mem\" cannot be pinned: that is an older name",
		"7:108: spec.statements.settings.pin: \"default_transaction_read_only\" cannot be pinned: "
		"write "
		"spec.statements.readOnly: true",
		"7:137: spec.statements.settings.pin: \"transaction_isolation\" cannot be pinned: that is of "
		"one "
		"transaction; there is a default_transaction_… for most",
		"7:147: spec.statements.settings.pin: \"a'b\" cannot be pinned: write its name in small "
		"letters",
		"7:155: spec.statements.settings.pin is empty");
	WRONG(HEAD DATABASE "  statements: {settings: {pin: []}}\n",
		"7:32: spec.statements.settings.pin must be a map of settings and their values");
	WRONG(HEAD DATABASE "  statements: {default: maybe, rules: 7}\n",
		"7:25: spec.statements.default must be deny, ask or allow",
		"7:39: spec.statements.rules must be a list, not a single value");
}

static void approvals(void **state)
{
	static const char text[] = HEAD DATABASE "  approval: {approvers: {uids: [1001, 1002], groups: "
						 "[3000]}, required: 2, timeout: 90s, wait: "
						 "error-and-retry}\n";
	const struct approval *a;
	struct complaints c = {0};
	struct documents d = {0}, e = {0};

	(void)state;
	assert_int_equal(load(&d, text, &c), 0);
	a = &d.v[0].approval;
	assert_true(a->given && a->retry);
	assert_int_equal(a->nuids, 2);
	assert_int_equal(a->uids[1], 1002);
	assert_int_equal(a->ngids, 1);
	assert_int_equal(a->gids[0], 3000);
	assert_int_equal(a->required, 2);
	assert_int_equal(a->timeout_s, 90);
	assert_string_equal(a->where, "dir/f.yaml:7");
	/* what they say is the same, whatever stands beside it */
	assert_int_equal(load(&e,
				 "# of no matter\n" HEAD DATABASE
				 "  approval:\n    approvers: {uids: [1001, 1002], groups: [3000]}\n"
				 "    required: 2\n    timeout: 90s\n    wait: error-and-retry # really\n",
				 &c),
		0);
	assert_memory_equal(d.digest, e.digest, sizeof(d.digest));
	documents_fini(&e);
	assert_int_equal(load(&e, HEAD DATABASE "  approval: {approvers: {uids: [1001]}}\n", &c), 0);
	assert_memory_not_equal(d.digest, e.digest, sizeof(d.digest));
	a = &e.v[0].approval;
	assert_int_equal(a->required, 1);
	assert_int_equal(a->timeout_s, 600);
	assert_false(a->retry || a->shapes);
	documents_fini(&e);
	assert_int_equal(load(&e,
				 HEAD DATABASE "  approval: {approvers: {uids: [1001], tokens: [ann-slack, "
					       "bot_2]}, required: 4, shapes: true}\n",
				 &c),
		-EINVAL);
	documents_fini(&e);
	e = (struct documents){0};
	complaints_fini(&c);
	c = (struct complaints){0};
	assert_int_equal(load(&e,
				 HEAD DATABASE "  approval: {approvers: {tokens: [ann-slack, bot_2]}, "
					       "required: 2, shapes: true}\n",
				 &c),
		0);
	a = &e.v[0].approval;
	assert_true(a->shapes);
	assert_int_equal(a->ntokens, 2);
	assert_string_equal(a->tokens[1], "bot_2");
	documents_fini(&d);
	documents_fini(&e);
	complaints_fini(&c);
	WRONG(HEAD DATABASE "  approval: {approvers: {tokens: [ann slack]}, shapes: perhaps}\n",
		"7:35: spec.approval.approvers.tokens[]: a name has letters, digits, '.', '_' and '-', and "
		"at most 64 of them",
		"7:56: spec.approval.shapes must be true or false");
	WRONG(HEAD DATABASE "  approval: {required: 3, timeout: 2d, wait: forever}\n",
		"7:13: spec.approval lacks \"approvers\"",
		"7:36: spec.approval.timeout must be like 90s, 10m or 1h, and at most 1d",
		"7:46: spec.approval.wait must be hold or error-and-retry");
	WRONG(HEAD DATABASE "  approval: {approvers: {uids: [1, nobody-at-all]}}\n",
		"7:36: spec.approval.approvers.uids[]: there is no user \"nobody-at-all\"");
	WRONG(HEAD DATABASE "  approval: {approvers: {}}\n",
		"7:25: spec.approval.approvers names nobody: give uids, groups or tokens");
	WRONG(HEAD DATABASE "  approval: {approvers: {uids: [1]}, required: 2}\n",
		"7:48: spec.approval.required: 2 must approve, and there are 1 who may");
	WRONG(HEAD DATABASE "  approval: {approvers: {groups: [no-such-group]}}\n",
		"7:35: spec.approval.approvers.groups[]: there is no group \"no-such-group\"");
}

static void permits(void **state)
{
	static const char text[] = MASK
		"    - {columns: [a.b.c], with: null}\n"
		"    - {columns: [a.b.d], with: null, predicates: allow, aggregates: {allow: []}}\n"
		"    - {columns: [a.b.e], with: null, aggregates: {allow: [avg, sum]}}\n"
		"    - {columns: [a.b.f], with: null, aggregates: {allow: [count], minGroup: 20}}\n"
		"    - {columns: [a.b.g], with: null, predicates: equality}\n"
		"    - {columns: [a.b.h], with: null, predicates: {equality: {constants: 7, period: 90m}}}\n"
		"    - {columns: [a.b.i], with: null, predicates: {equality: {period: 2d}}}\n"
		"    - {columns: [a.b.j], with: redact}\n";
	struct documents d = {0};
	struct complaints c = {0};
	const struct rule *v;

	(void)state;
	assert_int_equal(load(&d, text, &c), 0);
	v = d.v[0].rules;
	assert_int_equal(v[0].permit.predicates, PREDICATES_DENY);
	assert_int_equal(v[0].permit.aggregates, 0); /* it would say which are NULL */
	assert_int_equal(v[7].permit.aggregates, 1u << VIA_COUNT);
	assert_int_equal(v[1].permit.predicates, PREDICATES_ALLOW);
	assert_int_equal(v[1].permit.aggregates, 0);
	assert_int_equal(v[4].permit.predicates, PREDICATES_EQUALITY);
	assert_int_equal(v[4].permit.constants, PERMIT_CONSTANTS);
	assert_int_equal(v[4].permit.period_s, PERMIT_PERIOD_S);
	assert_int_equal(v[5].permit.constants, 7);
	assert_int_equal(v[5].permit.period_s, 5400);
	assert_int_equal(v[6].permit.constants, PERMIT_CONSTANTS);
	assert_int_equal(v[6].permit.period_s, 2 * 86400);
	assert_int_equal(v[2].permit.aggregates, 1u << VIA_AVG | 1u << VIA_SUM);
	assert_int_equal(v[2].permit.min_group, PERMIT_GROUP);
	assert_int_equal(v[3].permit.min_group, 20);
	documents_fini(&d);
	complaints_fini(&c);
	WRONG(MASK
		"    - {columns: [a.b.c], with: null, predicates: some, aggregates: {allow: [max, meadian, "
		"cuont]}}\n"
		"    - {columns: [a.b.d], with: null, predicates: {allow: [1]}, aggregates: {minGroup: 1}}\n"
		"    - {columns: [a.b.e], with: null, predicates: {}, aggregates: {allow: avg, min: 5}}\n"
		"    - {columns: [a.b.f], with: null, aggregates: {allow: [sum, sum], minGroup: 300}}\n",
		"8:50: spec.mask[].predicates is deny, equality, {equality: {…}} or allow",
		"8:77: spec.mask[].aggregates.allow: max shows one person's value as it is",
		"8:82: spec.mask[].aggregates.allow: \"meadian\" is none of count, sum, avg, stddev, "
		"stddev_pop, "
		"stddev_samp, variance, var_pop and var_samp",
		"8:91: spec.mask[].aggregates.allow: \"cuont\" is none of count, sum, avg, stddev, "
		"stddev_pop, "
		"stddev_samp, variance, var_pop and var_samp; did you mean \"count\"?",
		"9:50: spec.mask[].predicates is deny, equality, {equality: {…}} or allow",
		"9:51: spec.mask[].predicates has no \"allow\"",
		"9:76: spec.mask[].aggregates lacks \"allow\"",
		"9:87: spec.mask[].aggregates.minGroup must be a number of 2 to 255",
		"10:50: spec.mask[].predicates is deny, equality, {equality: {…}} or allow",
		"10:74: spec.mask[].aggregates.allow must be a list, not a single value",
		"10:79: spec.mask[].aggregates has no \"min\"", "11:64: \"sum\" stands in this list already",
		"11:80: spec.mask[].aggregates.minGroup must be a number of 2 to 255");
	WRONG(MASK
		"    - {columns: [a.b.c], with: null, predicates: {equality: {constants: 0, period: 1y}}}\n"
		"    - {columns: [a.b.d], with: null, predicates: {equality: {period: 8d, per: x}}}\n"
		"    - {columns: [a.b.e], with: null, predicates: {equality: 5}}\n"
		"    - {columns: [a.b.f], with: null, predicates: {equality: {period: 0s}}}\n",
		"8:73: spec.mask[].predicates.equality.constants must be a number of 1 to 100000",
		"8:84: spec.mask[].predicates.equality.period must be like 30s, 10m, 1h or 7d, and at most "
		"7d",
		"9:70: spec.mask[].predicates.equality.period must be like 30s, 10m, 1h or 7d, and at most "
		"7d",
		"9:74: spec.mask[].predicates.equality has no \"per\"",
		"10:61: spec.mask[].predicates.equality must be a map, not a single value",
		"11:70: spec.mask[].predicates.equality.period must be like 30s, 10m, 1h or 7d, and at most "
		"7d");
	/* of two rules that mask the same, one that lets more is no reason to leave the other out */
	RIGHT(MASK "    - {columns: [a.b.c], with: redact}\n"
		   "    - {columns: [a.b.c], with: redact, aggregates: {allow: []}, predicates: allow}\n"
		   "    - {columns: [a.b.d], with: redact, predicates: allow}\n"
		   "    - {columns: [a.b.d], with: email}\n");
	WRONG(MASK "    - {columns: [a.b.c], with: null, predicates: allow}\n"
		   "    - {columns: [a.b.c], with: null}\n",
		"8:18: \"a.b.c\" never fires here: \"a.b.c\" at line 9 masks the same at least as strictly");
}

static void yaml_itself(void **state)
{
	char deep[200] = "a: ";

	(void)state;
	WRONG("a: &x 1\n", "1:4: anchors and aliases are not allowed");
	WRONG("a: *x\n", "1:4: anchors and aliases are not allowed");
	WRONG("a: !!str 1\n", "1:4: tags are not allowed");
	WRONG("a: \"\\0\"\n", "1:4: a NUL character is not allowed");
	WRONG("? [a]\n: 1\n", "1:3: a key must be a word");
	WRONG("a: [1\nb: 2\n",
		"2:2: not YAML: while parsing a flow sequence, did not find expected ',' or ']'");
	WRONG("a: \xff\n", "1:1: not a YAML text in UTF-8: invalid leading UTF-8 octet");
	WRONG("a: \xee\x80\x80\n", "1:1: holds a character of U+E000 to U+E002, which is not allowed");
	WRONG(HEAD DATABASE "  mask: []\n  mask: []\n",
		"7:9: spec.mask is an empty list; leave it out or fill it",
		"8:3: \"mask\" stands here already, at line 7");
	memset(deep + 3, '[', 40);
	WRONG(deep, "1:35: nested too deeply");
}

static void environment(void **state)
{
	struct documents d = {0};
	struct complaints c = {0};

	(void)state;
	setenv("PGVEIL_TEST_HOST", "db.example", 1);
	setenv("PGVEIL_TEST_YAML", "x, passwordFile: /y} # ", 1);
	unsetenv("PGVEIL_TEST_NONE");
	assert_int_equal(
		load(&d,
			HEAD
			"  databases:\n"
			"    - {name: $${x}, address: \"${PGVEIL_TEST_HOST}:5432\", credential: {user: "
			"${PGVEIL_TEST_YAML}, passwordFile: ${PGVEIL_TEST_HOST}.pw}} # ${PGVEIL_TEST_NONE}\n",
			&c),
		-EINVAL); /* $${x} without quotes in braces is not YAML */
	documents_fini(&d);
	complaints_fini(&c);
	assert_int_equal(
		load(&d,
			HEAD
			"  databases:\n"
			"    - {name: '$${x}', address: \"${PGVEIL_TEST_HOST}:5432\", credential: {user: "
			"${PGVEIL_TEST_YAML}, passwordFile: ${PGVEIL_TEST_HOST}.pw}} # ${PGVEIL_TEST_NONE}\n",
			&c),
		0);
	assert_string_equal(d.v[0].databases[0].name, "${x}");
	assert_string_equal(d.v[0].databases[0].host, "db.example");
	assert_string_equal(d.v[0].databases[0].user, "x, passwordFile: /y} # ");
	assert_string_equal(d.v[0].databases[0].password_file, "dir/db.example.pw");
	documents_fini(&d);
	complaints_fini(&c);
	WRONG(HEAD "  databases: [{name: d, address: '${PGVEIL_TEST_NONE}:5432', credential: {user: "
		   "${PGVEIL_TEST_NONE}, "
		   "pasword: x}}]\n",
		"6:34: ${PGVEIL_TEST_NONE} is not set in the environment",
		"6:74: spec.databases[].credential needs a passwordFile, or a certFile and a keyFile",
		"6:81: ${PGVEIL_TEST_NONE} is not set in the environment",
		"6:102: spec.databases[].credential has no \"pasword\"");
	WRONG(HEAD DATABASE "  ${PGVEIL_TEST_HOST}: 1\n", "7:3: ${…} is not allowed in a key",
		"7:3: spec has no \"${PGVEIL_TEST_HOST}\"");
	WRONG(MASK "    - {columns: [a.b.c], with: {fixed: '${1}'}}\n",
		"8:40: ${ is not followed by a name and }; write $${ for the characters");
	WRONG(MASK "    - {columns: [a.b.c], with: {fixed: \"\\uE000\"}}\n",
		"8:40: holds a character of U+E000 to U+E002, which is not allowed");
}

static void addresses(void **state)
{
	static const struct {
		const char *address, *problem;
	} cases[] = {
		{"db.internal", "has no port; write host:port"},
		{"db:0", "has a port that is no number of 1 to 65535"},
		{"db:65536", "has a port that is no number of 1 to 65535"},
		{"db:5432x", "has a port that is no number of 1 to 65535"},
		{"db:", "has a port that is no number of 1 to 65535"},
		{":5432", "has no host name before the port"},
		{"10.0.0.256:1", "is no host name and no address"},
		{"10.0.1:1", "is no host name and no address"},
		{"a b:1", "is no host name and no address"},
		{"10.0.0.1/8:1", "has bits set behind its prefix"},
		{"10.0.0.0/33:1", "has a prefix length that is no number of bits"},
		{"10.0.0.0/:1", "has a prefix length that is no number of bits"},
		{"db/8:1", "has a prefix length but no address"},
		{"fd00::1:5432", "has an IPv6 address without [ ]"},
		{"[fd00::1]", "has no port; write host:port"},
		{"[fd00::1:5432", "has a [ without its ]"},
		{"[fd00::g]:1", "has no IPv6 address in [ ]"},
		{"[10.0.0.1]:1", "has no IPv6 address in [ ]"},
		{"[fd00::]x:1", "is not understood between ] and the port"},
		{"[fd00::/8]/8:1", "is not understood between ] and the port"},
		{"[fd00::/129]:1", "has a prefix length that is no number of bits"},
		{"[fd00::1/8]:1", "has bits set behind its prefix"},
	};
	char text[600], expected[300];
	const char *lines[] = {expected};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text),
			HEAD
			"  databases: [{name: d, address: '%s', credential: {user: u, passwordFile: /p}}]\n",
			cases[i].address);
		snprintf(expected, sizeof(expected), "6:34: spec.databases[].address \"%s\" %s",
			cases[i].address, cases[i].problem);
		wrong(text, lines, 1);
	}
	RIGHT(HEAD "  databases: [{name: d, address: '[fd00::/8]:1', credential: {user: u, passwordFile: "
		   "/p}}]\n");
	RIGHT(HEAD "  databases: [{name: d, address: '0.0.0.0/0:5432', credential: {user: u, passwordFile: "
		   "/p}}]\n");
	RIGHT(HEAD "  databases: [{name: d, address: 'localhost:5432', credential: {user: u, passwordFile: "
		   "/p}}]\n");
}

static void relayed(void **state)
{
	static const char whole_entry[] =
		HEAD "  databases: [{name: d, address: 'h:1', credential: relay, catalogCredential: "
		     "{user: u, passwordFile: /p, insecureAuth: true}}]\n";
	struct documents d = {0};
	struct complaints c = {0};

	(void)state;
	assert_int_equal(load(&d, whole_entry, &c), 0);
	assert_true(d.v[0].databases[0].relay && d.v[0].databases[0].insecure_auth);
	assert_string_equal(d.v[0].databases[0].user, "u");
	assert_string_equal(d.v[0].databases[0].where, "dir/f.yaml:6");
	documents_fini(&d);
	complaints_fini(&c);
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: relay}]\n",
		"6:53: spec.databases[].credential: relay needs a catalogCredential beside it");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: relay, catalogCredential: {}}]\n",
		"6:79: spec.databases[].catalogCredential lacks \"user\"",
		"6:79: spec.databases[].catalogCredential needs a passwordFile, or a certFile and a keyFile");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: {user: u, passwordFile: p}, "
		   "catalogCredential: {user: u, passwordFile: p}}]\n",
		"6:100: spec.databases[].catalogCredential is only used beside credential: relay");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: relay, catalogCredential: relay}]\n",
		"6:79: spec.databases[].catalogCredential must be a map, not a single value");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: relayed}]\n",
		"6:53: spec.databases[].credential must be a map, not a single value");
}

static void credentials_and_tls(void **state)
{
	(void)state;
	WRONG(HEAD "  databases: [{name: d, address: 'h:1'}]\n",
		"6:15: spec.databases[] lacks \"credential\"");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: {}}]\n",
		"6:53: spec.databases[].credential lacks \"user\"",
		"6:53: spec.databases[].credential needs a passwordFile, or a certFile and a keyFile");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: {user: u, password: secret}}]\n",
		"6:63: spec.databases[].credential: a password is never written in a policy; write "
		"passwordFile");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: {user: u, certFile: c}}]\n",
		"6:53: spec.databases[].credential has a certFile without its keyFile");
	RIGHT(HEAD "  databases: [{name: d, address: 'h:1', credential: {user: u, passwordFile: p, "
		   "insecureAuth: false}}]\n");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: {user: u, passwordFile: p, "
		   "insecureAuth: 'true'}}]\n",
		"6:94: spec.databases[].credential.insecureAuth must be true or false");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: {user: u, certFile: c, keyFile: k, "
		   "insecureAuth: true}}]\n",
		"6:53: spec.databases[].credential.insecureAuth is never used without a passwordFile");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', credential: {user: null, passwordFile: ''}}]\n",
		"6:60: spec.databases[].credential.user is empty",
		"6:80: spec.databases[].credential.passwordFile is empty");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', tls: {mode: verify-ca, ca: /x}, credential: "
		   "{user: u, "
		   "passwordFile: p}}]\n",
		"6:53: spec.databases[].tls.mode is verify-full, require or disable");
	WRONG(HEAD
		"  databases: [{name: d, address: 'h:1', tls: {mode: require, ca: /x}, credential: {user: u, "
		"passwordFile: p}}]\n",
		"6:66: spec.databases[].tls.ca is never used: only verify-full checks certificates");
	WRONG(HEAD "  databases: [{name: d, address: 'h:1', tls: {mode: disable}, credential: {user: u, "
		   "certFile: c, "
		   "keyFile: k}}]\n",
		"6:46: spec.databases[] has a certFile, which is never used without TLS");
	WRONG(HEAD "  databases:\n"
		   "  - {name: d, address: 'H:1', databases: [a, b, a], credential: {user: u, passwordFile: "
		   "p}}\n"
		   "  - {name: d, address: 'h:1', databases: [b], credential: {user: u, passwordFile: p}}\n"
		   "  - {name: e, address: 'h:1', databases: [c], credential: {user: u, passwordFile: p}}\n",
		"7:49: \"a\" stands in this list already",
		"8:5: another entry of spec.databases is named \"d\"",
		"8:5: entry \"d\" of spec.databases has this address and database \"b\" already");
}

static void masks(void **state)
{
	(void)state;
	WRONG(MASK "    - {columns: [], with: redact}\n    - {columns: [a.b.c], with: }\n",
		"8:17: spec.mask[].columns is an empty list; leave it out or fill it",
		"9:32: spec.mask[].with is empty");
	WRONG(MASK "    - {columns: [a.b.c], with: {partial: {}}}\n"
		   "    - {columns: [a.b.c], with: {partial: {last: -1, fill: xx}}}\n"
		   "    - {columns: [a.b.c], with: {partial: {first: 99999, fil: x}}}\n"
		   "    - {columns: [a.b.c], with: partial}\n"
		   "    - {columns: [a.b.c], with: {}}\n"
		   "    - {columns: [a.b.c], with: {redact: {}, email: {}}}\n"
		   "    - {columns: [a.b.c], with: {redact: {x: 1}}}\n"
		   "    - {columns: [a.b.c], with: {fixed: null}}\n",
		"8:42: partial keeps nothing; give first or last, or write redact",
		"9:49: partial.last must be a number of 0 to 1000",
		"9:59: partial.fill must be one character",
		"10:50: partial.first must be a number of 0 to 1000",
		"10:57: partial has no \"fil\"; did you mean \"fill\"?",
		"11:32: spec.mask[].with: partial needs its settings, as in {partial: …}",
		"12:32: spec.mask[].with must be one mask, not 0",
		"13:32: spec.mask[].with must be one mask, not 2", "14:41: redact has no settings",
		"15:40: fixed needs a single value (for SQL NULL, write null instead of fixed)");
	WRONG(MASK "    - {columns: [a.b.c], with: {number: {}}}\n"
		   "    - {columns: [a.b.c], with: {number: {round: 10, bucket: 10}}}\n"
		   "    - {columns: [a.b.c], with: {number: {round: 1}}}\n"
		   "    - {columns: [a.b.c], with: {number: {bucket: 0.5, rond: 3}}}\n"
		   "    - {columns: [a.b.c], with: number}\n"
		   "    - {columns: [a.b.c], with: {date: {}}}\n"
		   "    - {columns: [a.b.c], with: {date: {truncate: second}}}\n"
		   "    - {columns: [a.b.c], with: {date: year}}\n"
		   "    - {columns: [a.b.c], with: redact, derived: {number: {round: 10}}}\n",
		"8:41: number has one of round, bucket and noise",
		"9:41: number has one of round, bucket and noise",
		"10:49: number.round must be a number of 2 to 1000000000000000",
		"11:50: number.bucket must be a number of 2 to 1000000000000000",
		"11:55: number has no \"rond\"; did you mean \"round\"?",
		"12:32: spec.mask[].with: number needs its settings, as in {number: …}",
		"13:39: date has either truncate or shift",
		"14:50: date.truncate is decade, year, quarter, month, week, day, hour or minute",
		"15:39: date must be a map, not a single value",
		"16:49: spec.mask[].derived can only be null, redact or fixed: a value that was computed has "
		"no shape to keep");
	RIGHT(MASK "    - {columns: [a.b.c], with: {number: {round: 1000}}}\n"
		   "    - {columns: [a.b.d], with: {number: {bucket: 1000000000000000}}}\n"
		   "    - {columns: [a.b.e], with: {date: {truncate: month}}}\n");
	RIGHT(MASK "    - {columns: [a.b.c], with: {partial: {last: 4, fill: \xe2\x80\xa2}}}\n");
	RIGHT(MASK "    - {columns: ['a.\"B c\".\"d.e\"'], with: {fixed: 0}}\n");
}

static void own_patterns(void **state)
{
	struct documents d = {0};
	struct complaints c = {0};

	(void)state;
	WRONG(MASK
		"    - {detect: [us_snn, {name: email, pattern: x}, {name: a}, {nam: a, pattern: x}], in: "
		"[a.b.c], with: redact}\n"
		"    - {detect: [{name: a, pattern: '(x'}, {name: b, pattern: 'x*'}], in: [a.b.c], with: "
		"redact}\n"
		"    - {detect: [{name: a, pattern: x, context: [é, '']}], in: [a.b.c], with: redact}\n"
		"    - {detect: [{name: a, pattern: x}, {name: a, pattern: y}], in: [a.b.c], with: redact}\n"
		"    - {detect: [us, us_ssn], in: [a.b.d], with: redact}\n",
		"8:17: spec.mask[].detect: there is no detector \"us_snn\"; did you mean \"us_ssn\"?",
		"8:32: spec.mask[].detect[].name has 1 to 32 small letters, digits and _, and is no "
		"detector's or "
		"group's",
		"8:52: spec.mask[].detect[] lacks \"pattern\"", "8:63: spec.mask[].detect[] lacks \"name\"",
		"8:64: spec.mask[].detect[] has no \"nam\"; did you mean \"name\"?",
		"9:36: spec.mask[].detect[].pattern at character 3: missing closing parenthesis",
		"9:62: spec.mask[].detect[].pattern matches an empty text, which is everywhere",
		"10:49: spec.mask[].detect[].context: a word has 1 to 40 characters of ASCII",
		"10:52: spec.mask[].detect[].context: a word has 1 to 40 characters of ASCII",
		"11:40: spec.mask[].detect: a pattern named \"a\" stands in this list already",
		"12:21: \"us_ssn\" stands in this list already");
	assert_int_equal(load(&d,
				 MASK "    - {detect: [secrets, {name: mrn, pattern: 'MRN-\\d{8}', context: "
				      "[ward]}, {name: b, "
				      "pattern: x}, email], in: [a.b.c], with: label}\n",
				 &c),
		0);
	assert_int_equal(d.v[0].rules[0].mask.detectors.nown, 2);
	assert_int_equal(detectors_count(&d.v[0].rules[0].mask.detectors), 10);
	documents_fini(&d);
	/* Patterns are compared as a whole. */
	WRONG(MASK
		"    - {detect: [{name: a, pattern: x}, {name: b, pattern: y}], in: [a.b.c], with: redact}\n"
		"    - {detect: [{name: a, pattern: x}], in: [a.b.c], with: redact}\n",
		"9:46: \"a.b.c\" never fires here: \"a.b.c\" at line 8 masks the same at least as strictly");
	RIGHT(MASK
		"    - {detect: [{name: a, pattern: x}, {name: b, pattern: y}], in: [a.b.c], with: redact}\n"
		"    - {detect: [{name: a, pattern: x, context: [z]}, {name: c, pattern: x}], in: [a.b.c], "
		"with: redact}\n");
}

static void regexes(void **state)
{
	struct documents d = {0};
	struct complaints c = {0};

	(void)state;
	WRONG(MASK "    - {columns: [a.b.c], with: {regex: {pattern: '(a', replace: x}}}\n"
		   "    - {columns: [a.b.c], with: {regex: {pattern: '(a)', replace: '\\2'}}}\n"
		   "    - {columns: [a.b.c], with: {regex: {pattern: a}}}\n"
		   "    - {columns: [a.b.c], with: {regex: {pattern: [], replace: null, match: all}}}\n"
		   "    - {columns: [a.b.c], with: {regex: {pattern: 'a*', replace: '', match: each}}}\n"
		   "    - {columns: [a.b.c], with: regex}\n"
		   "    - {columns: [a.b.c], with: redact, derived: {regex: {pattern: a, replace: x}}}\n",
		"8:50: regex.pattern at character 3: missing closing parenthesis",
		"9:66: regex.replace has \\2, but the pattern has 1 group", "10:40: regex lacks \"replace\"",
		"11:50: regex.pattern must be a text", "11:63: regex.replace must be a text",
		"11:76: regex.match is whole or each",
		"12:50: regex.pattern matches an empty text, which is everywhere",
		"13:32: spec.mask[].with: regex needs its settings, as in {regex: …}",
		"14:49: spec.mask[].derived can only be null, redact or fixed: a value that was computed has "
		"no shape to keep");
	assert_int_equal(
		load(&d,
			MASK
			"    - {columns: [a.b.c], with: {regex: {pattern: '(a)b', replace: '\\1'}}}\n"
			"    - {columns: [a.b.c], with: {regex: {pattern: b, replace: '', match: each}}}\n",
			&c),
		0);
	assert_int_equal(d.v[0].rules[0].mask.kind, MASK_REGEX);
	assert_int_equal(regex_match(d.v[0].rules[1].mask.regex), REGEX_EACH);
	/* Nobody can tell which of two patterns shows less. */
	assert_false(strict_covers(&d.v[0].rules[0].mask, &d.v[0].rules[1].mask));
	assert_false(strict_covers(&d.v[0].rules[1].mask, &d.v[0].rules[0].mask));
	assert_true(strict_covers(&d.v[0].rules[0].mask, &d.v[0].rules[0].mask));
	documents_fini(&d);
	WRONG(MASK "    - {columns: [a.b.c], with: {regex: {pattern: a, replace: x}}}\n"
		   "    - {columns: [a.b.c], with: {regex: {pattern: a, replace: x, match: whole}}}\n",
		"9:18: \"a.b.c\" never fires here: \"a.b.c\" at line 8 masks the same at least as strictly");
}

static void detectors(void **state)
{
	struct documents d = {0};
	struct complaints c = {0};

	(void)state;
	WRONG(MASK "    - {detect: [pan]}\n"
		   "    - {detect: [], in: [a.b.c], with: redact}\n"
		   "    - {detect: [pan, emial, email, pan], in: [a.b.c], with: redact}\n"
		   "    - {detect: pan, in: [a.b], with: label}\n"
		   "    - {detect: [pan], columns: [a.b.c], in: [a.b.c], with: hash}\n"
		   "    - {columns: [a.b.c], in: [a.b.c], with: label}\n"
		   "    - {detect: [pan], in: [a.b.c], with: partial}\n"
		   "    - {detect: [pan], in: [a.b.c], with: {partial: {}}}\n"
		   "    - {detect: [pan], in: [a.b.c], with: {label: {x: 1}}, derived: label}\n"
		   "    - {columns: [a.b.c], with: detect}\n",
		"8:7: spec.mask[] lacks \"in\"", "8:7: spec.mask[] lacks \"with\"",
		"9:16: spec.mask[].detect is an empty list; leave it out or fill it",
		"10:22: spec.mask[].detect: there is no detector \"emial\"; did you mean \"email\"?",
		"10:36: \"pan\" stands in this list already",
		"11:16: spec.mask[].detect must be a list, not a single value",
		"11:26: column \"a.b\" has two parts; write schema.relation.column (\"*.users.email\" for "
		"any "
		"schema)",
		"12:32: spec.mask[] with detect has in, not columns",
		"12:60: spec.mask[].with is null, redact, label or {partial: …} where detect stands",
		"13:30: spec.mask[].in is for detect", "13:45: spec.mask[].with: there is no mask \"label\"",
		"14:42: spec.mask[].with: partial needs its settings, as in {partial: …}",
		"15:52: partial keeps nothing; give first or last, or write redact",
		"16:50: label has no settings", "16:68: spec.mask[].derived: there is no mask \"label\"",
		"17:32: spec.mask[].with: there is no mask \"detect\"");
	assert_int_equal(
		load(&d,
			MASK "    - {detect: [pan, email], in: [a.b.c], with: {partial: {last: 4}}}\n"
			     "    - {detect: [us_ssn], in: [a.b.d], with: label, derived: redact}\n"
			     "    - {detect: [us_ssn], in: [a.b.e], with: null}\n",
			&c),
		0);
	assert_int_equal(d.v[0].rules[0].mask.kind, MASK_DETECT);
	assert_int_equal(d.v[0].rules[0].mask.detectors.bits[0], 3);
	assert_int_equal(d.v[0].rules[0].mask.replace, REPLACE_PARTIAL);
	assert_int_equal(d.v[0].rules[0].mask.last, 4);
	assert_string_equal(d.v[0].rules[0].columns[0], "a.b.c");
	assert_int_equal(d.v[0].rules[1].mask.replace, REPLACE_LABEL);
	assert_int_equal(d.v[0].rules[1].derived.kind, MASK_REDACT);
	assert_int_equal(d.v[0].rules[2].mask.kind, MASK_DETECT);
	assert_int_equal(d.v[0].rules[2].mask.replace, REPLACE_NULL);
	documents_fini(&d);
	/* Never fires: the same or more is looked for and hidden at least as well. */
	WRONG(MASK "    - {detect: [pan, email], in: [a.b.c], with: redact}\n"
		   "    - {detect: [pan], in: [a.b.c], with: label}\n",
		"9:28: \"a.b.c\" never fires here: \"a.b.c\" at line 8 masks the same at least as strictly");
	WRONG(MASK "    - {columns: [a.b.c], with: redact}\n    - {detect: [pan], in: [a.b.c], with: null}\n",
		"9:28: \"a.b.c\" never fires here: \"a.b.c\" at line 8 masks the same at least as strictly");
	/* Each hides what the other shows. */
	RIGHT(MASK "    - {columns: [a.b.c], with: {partial: {first: 900}}}\n"
		   "    - {detect: [pan], in: [a.b.c], with: label}\n");
	RIGHT(MASK "    - {detect: [pan], in: [a.b.c], with: label}\n"
		   "    - {detect: [pan, email], in: [a.b.c], with: {partial: {last: 4}}}\n");
}

static void rules_that_never_fire(void **state)
{
	(void)state;
	WRONG(MASK "    - {columns: [a.b.c, a.b.c], with: redact}\n",
		"8:25: \"a.b.c\" never fires here: \"a.b.c\" at line 8 masks the same at least as strictly");
	WRONG(MASK "    - {columns: ['*.*.ssn'], with: null}\n    - {columns: [public.x.SSN], with: "
		   "{partial: {last: 4}}}\n",
		"9:18: \"public.x.SSN\" never fires here: \"*.*.ssn\" at line 8 masks the same at least as "
		"strictly");
	/* Order does not matter: the stricter one wins, so the looser one before it never fires either. */
	WRONG(MASK "    - {columns: [a.b.c], with: {partial: {last: 4}}}\n    - {columns: [A.b.C], with: "
		   "{partial: {last: 2}}}\n",
		"8:18: \"a.b.c\" never fires here: \"A.b.C\" at line 9 masks the same at least as strictly");
	WRONG(MASK "    - {columns: [a.b.c], with: {number: {round: 10}}}\n    - {columns: [a.b.c], with: "
		   "{number: {bucket: 100}}}\n    - {columns: [a.b.d], with: {date: {truncate: year}}}\n"
		   "    - {columns: [a.b.d], with: {date: {truncate: hour}}}\n",
		"8:18: \"a.b.c\" never fires here: \"a.b.c\" at line 9 masks the same at least as strictly",
		"11:18: \"a.b.d\" never fires here: \"a.b.d\" at line 10 masks the same at least as "
		"strictly");
	RIGHT(MASK "    - {columns: ['*.*.ssn'], with: {partial: {last: 4}}}\n    - {columns: [a.b.ssn], "
		   "with: null}\n");
	RIGHT(MASK "    - {columns: ['*.*.rolname'], with: null}\n    - {columns: "
		   "[pg_catalog.pg_roles.rolname], with: redact}\n");
	RIGHT(MASK "    - {columns: [a.b.c], with: redact, derived: redact}\n    - {columns: [a.b.c], with: "
		   "email}\n");
}

static void write_file(const char *path, const char *content, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(content, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int load_hash(struct documents *d, const char *path, struct complaints *c)
{
	char text[1024];

	snprintf(text, sizeof(text),
		MASK "    - {columns: [a.b.c], with: {hash: {keyFile: %s, domain: ssn}}}\n", path);
	return load(d, text, c);
}

static void refused_key(const char *path, const char *why)
{
	struct documents d = {0};
	struct complaints c = {0};

	assert_int_equal(load_hash(&d, path, &c), -EINVAL);
	assert_int_equal(c.n, 1);
	if (!strstr(c.line[0], why) || !strstr(c.line[0], path))
		fail_msg("%s does not say %s", c.line[0], why);
	documents_fini(&d);
	complaints_fini(&c);
}

static void keys(void **state)
{
	char path[] = "/tmp/pgveil-test-XXXXXX";
	struct documents a = {0}, b = {0};
	struct hmac_key ready;
	struct complaints c = {0};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, "0123456789abcdef0123456789abcdef\n", 0600);
	assert_int_equal(load_hash(&a, path, &c), 0);
	assert_int_equal(a.v[0].rules[0].mask.kind, MASK_HASH);
	assert_string_equal(a.v[0].rules[0].mask.domain, "ssn");
	/* sha256sum of the 32 characters */
	hmac_key_init(&ready,
		(const uint8_t *)"\x3e\xb1\xbd\x43\x99\x47\xeb\x76\x29\x98\xe5\x66\xcc\xc2\xe0\x99"
				 "\xc7\x91\x11\x8b\x2f\x40\x57\x9c\xc4\xf7\xda\x2b\x50\x61\xb7\xf9");
	assert_memory_equal(&a.v[0].rules[0].mask.key, &ready, sizeof(ready));
	write_file(path, "0123456789abcdef0123456789abcdef", 0600);
	assert_int_equal(load_hash(&b, path, &c), 0);
	assert_memory_equal(&a.v[0].rules[0].mask.key, &b.v[0].rules[0].mask.key, sizeof(struct hmac_key));
	assert_int_equal(strict_compare(&a.v[0].rules[0].mask, &b.v[0].rules[0].mask), 0);
	documents_fini(&b);
	write_file(path, "0123456789abcdef0123456789abcdeg", 0600);
	assert_int_equal(load_hash(&b, path, &c), 0);
	assert_int_not_equal(strict_compare(&a.v[0].rules[0].mask, &b.v[0].rules[0].mask), 0);
	documents_fini(&b);
	documents_fini(&a);
	complaints_fini(&c);
	write_file(path, "0123456789abcdef0123456789abcde", 0600);
	refused_key(path, "shorter than 32 bytes");
	write_file(path, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0600);
	refused_key(path, "not random");
	write_file(path, "0123456789abcdef0123456789abcdef", 0604);
	refused_key(path, "open to others");
	unlink(path);
	refused_key(path, "No such file");
	refused_key("/dev/zero", "not a regular file");
}

static void keyed(void **state)
{
	char path[] = "/tmp/pgveil-test-XXXXXX", text[2048];
	struct documents d = {0};
	struct complaints c = {0};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(
		path, "k2: 0123456789abcdef0123456789abcdef\nk1: fedcba9876543210fedcba9876543210\n", 0600);
	snprintf(text, sizeof(text),
		MASK
		"    - {columns: [a.b.c], with: {token: {keyFile: %s, domain: x, form: email}}}\n"
		"    - {columns: [a.b.d], with: {token: {keyFile: %s, domain: x}}}\n"
		"    - {columns: [a.b.e], with: {token: {keyFile: %s, domain: x, keyId: k2}}}\n"
		"    - {columns: [a.b.f], with: {hash: {keyFile: %s, domain: x, keyId: k1}}}\n"
		"    - {columns: [a.b.g], with: {fpe: {keyFile: %s, keep: {first: 6, last: 4}, luhn: "
		"true}}}\n"
		"    - {columns: [a.b.h], with: {fpe: {keyFile: %s, alphabet: upper}}}\n"
		"    - {columns: [a.b.i], with: {fpe: {keyFile: %s, alphabet: \"01-\"}}}\n"
		"    - {columns: [a.b.j], with: {fake: {keyFile: %s, form: last_name}}}\n"
		"    - {columns: [a.b.k], with: {number: {noise: {keyFile: %s, ratio: 0.125}}}}\n"
		"    - {columns: [a.b.l], with: {number: {noise: {keyFile: %s, width: 1500}}}}\n"
		"    - {columns: [a.b.m], with: {date: {shift: {keyFile: %s, days: 30, entity: Whose}}}}\n",
		path, path, path, path, path, path, path, path, path, path, path);
	assert_int_equal(load(&d, text, &c), 0);
	assert_int_equal(d.v[0].rules[0].mask.kind, MASK_TOKEN);
	assert_true(d.v[0].rules[0].mask.mail);
	assert_int_equal(strict_compare(&d.v[0].rules[1].mask, &d.v[0].rules[2].mask), 0);
	assert_int_not_equal(strict_compare(&d.v[0].rules[0].mask, &d.v[0].rules[1].mask), 0);
	assert_memory_not_equal(
		&d.v[0].rules[2].mask.key, &d.v[0].rules[3].mask.key, sizeof(struct hmac_key));
	assert_int_equal(d.v[0].rules[4].mask.kind, MASK_FPE);
	assert_string_equal(d.v[0].rules[4].mask.alphabet, FPE_DIGITS);
	assert_true(d.v[0].rules[4].mask.luhn);
	assert_int_equal(d.v[0].rules[4].mask.first * 10 + d.v[0].rules[4].mask.last, 64);
	assert_string_equal(d.v[0].rules[5].mask.alphabet, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	assert_string_equal(d.v[0].rules[6].mask.alphabet, "01-");
	assert_int_equal(d.v[0].rules[7].mask.fake, FAKE_LAST_NAME);
	assert_int_equal(d.v[0].rules[8].mask.noise, NOISE_ONE / 8);
	assert_true(d.v[0].rules[8].mask.relative && !d.v[0].rules[9].mask.relative);
	assert_int_equal(d.v[0].rules[9].mask.noise, UINT64_C(1500) * NOISE_ONE);
	assert_int_equal(d.v[0].rules[10].mask.kind, MASK_SHIFT);
	assert_int_equal(d.v[0].rules[10].mask.days, 30);
	assert_string_equal(d.v[0].rules[10].mask.entity, "Whose");
	documents_fini(&d);
	unlink(path);
	WRONG(MASK
		"    - {columns: [a.b.c], with: {fpe: {keyFile: /nowhere, alphabet: aba, keep: 4, luhn: "
		"yes}}}\n"
		"    - {columns: [a.b.d], with: {fpe: {keyFile: /nowhere, alphabet: lower, luhn: true}}}\n",
		"8:48: key file /nowhere: No such file or directory",
		"8:68: fpe.alphabet is digits, lower, upper, letters, alphanumeric, or the characters "
		"themselves, of ASCII and each once",
		"8:79: fpe.keep must be a map, not a single value", "8:88: fpe.luhn must be true or false",
		"9:48: key file /nowhere: No such file or directory",
		"9:81: fpe.luhn needs the alphabet digits");
	WRONG(MASK "    - {columns: [a.b.c], with: {fake: {form: dog}}}\n"
		   "    - {columns: [a.b.d], with: {fake: {keyFile: /nowhere}}}\n"
		   "    - {columns: [a.b.e], with: {number: {noise: {ratio: 1.5}}}}\n"
		   "    - {columns: [a.b.f], with: {number: {noise: {width: 0.0000001}}}}\n"
		   "    - {columns: [a.b.g], with: {number: {noise: {width: 1, ratio: 1}}}}\n"
		   "    - {columns: [a.b.h], with: {number: {noise: {width: 1}, round: 10}}}\n"
		   "    - {columns: [a.b.i], with: {date: {shift: {days: 0, keyFile: /nowhere}}}}\n"
		   "    - {columns: [a.b.j], with: {date: {shift: {days: 3, entity: x}, truncate: day}}}\n",
		"8:46: fake.form is name, first_name, last_name, email, phone, company, city or street",
		"9:39: fake lacks \"form\"", "9:49: key file /nowhere: No such file or directory",
		"10:57: number.noise.ratio must be a number above 0, up to 1",
		"11:57: number.noise.width must be a number above 0, up to 10^12",
		"12:49: number.noise has either ratio or width",
		"13:41: number has one of round, bucket and noise", "14:47: date.shift lacks \"entity\"",
		"14:54: date.shift.days must be a number of 1 to 36500",
		"14:66: key file /nowhere: No such file or directory",
		"15:39: date has either truncate or shift");
	WRONG(MASK "    - {columns: [a.b.c], with: token}\n"
		   "    - {columns: [a.b.d], with: {token: {form: uuid}}}\n"
		   "    - {columns: [a.b.e], with: {token: {}}}\n"
		   "    - {columns: [a.b.f], with: {token: {domain: \"a b\", keyFile: /nowhere, keyId: "
		   "\"\"}}}\n",
		"8:32: spec.mask[].with: token needs its settings, as in {token: …}",
		"9:47: token.form is plain or email", "10:40: token lacks \"keyFile\"",
		"11:49: token.domain must be 1 to 31 letters, digits, _ . or -",
		"11:82: token.keyId must be 1 to 32 letters, digits, _ . or -");
}

static void paths(void **state)
{
	struct documents d = {0};
	struct complaints c = {0};
	const struct mask *m, *other;

	(void)state;
	assert_int_equal(
		load(&d,
			MASK
			"    - {columns: [a.b.c], with: {jsonpath: {paths: {\"$.b\": keep, \"$..c\": "
			"{partial: "
			"{last: 2}}, \"$.a[*]\": redact}}}}\n"
			"    - {columns: [a.b.d], with: {jsonpath: {paths: {$.a: redact}, default: keep}}}\n",
			&c),
		0);
	m = &d.v[0].rules[0].mask;
	other = &d.v[0].rules[1].mask;
	assert_int_equal(m->kind, MASK_JSONPATH);
	assert_int_equal(jsonpath_count(m->paths), 3);
	assert_string_equal(jsonpath_text(m->paths, 0), "$.a[*]"); /* the strictest first */
	assert_string_equal(jsonpath_text(m->paths, 1), "$..c");
	assert_int_equal(jsonpath_mask(m->paths, 1)->kind, MASK_PARTIAL);
	assert_null(jsonpath_mask(m->paths, 2));
	assert_true(!jsonpath_keeps(m->paths) && jsonpath_keeps(other->paths));
	assert_int_equal(strict_compare(m, m), 0);
	assert_true(strict_compare(m, other) < 0 && !strict_covers(m, other) && !strict_covers(other, m));
	documents_fini(&d);
	WRONG(MASK "    - {columns: [a.b.c], with: {jsonpath: {default: drop}}}\n"
		   "    - {columns: [a.b.d], with: {jsonpath: {paths: {}}}}\n"
		   "    - {columns: [a.b.e], with: {jsonpath: {paths: {a: redact, \"$.a[?(@ > 1)]\": redact, "
		   "$.b: no}}}}\n"
		   "    - {columns: [a.b.f], with: {jsonpath: {paths: {$.a: {jsonpath: {paths: {$: "
		   "redact}}}}}}}\n",
		"8:43: jsonpath lacks \"paths\"", "8:53: jsonpath.default is redact or keep",
		"9:51: jsonpath.paths must be a map of paths and masks",
		"10:52: jsonpath.paths: \"a\" is no path that is known here, like $.a[*].\"b c\" or $..d",
		"10:63: jsonpath.paths: \"$.a[?(@ > 1)]\" is no path that is known here, like $.a[*].\"b c\" "
		"or $..d",
		"10:93: jsonpath.paths: there is no mask \"no\"",
		"11:57: jsonpath.paths: a path has no jsonpath of its own; give the whole path");
	for (size_t i = 0; i < 6; i++) {
		static const char *const wrong[] = {
			"$.", "$[", "$[-1]", "$[1", "$.a b", "$..", "$a", "$.\"a"};
		struct jsonpath *p;
		struct err e;

		assert_int_equal(jsonpath_new(&p, true, NULL), 0);
		assert_int_equal(jsonpath_add(p, wrong[i], NULL, &e), -EINVAL);
		jsonpath_free(p);
	}
}

static void strictness(void **state)
{
	struct mask noise = {.kind = MASK_NOISE, .noise = 5}, wide = {.kind = MASK_NOISE, .noise = 50};
	struct mask token = {.kind = MASK_TOKEN}, fpe = {.kind = MASK_FPE, .alphabet = FPE_DIGITS},
		    fpe64 = {.kind = MASK_FPE, .first = 6, .last = 4};
	struct mask null = {0}, fixed = {.kind = MASK_FIXED, .fixed = (char *)"x"},
		    fixed2 = {.kind = MASK_FIXED, .fixed = (char *)"y"};
	struct mask four = {.kind = MASK_PARTIAL, .last = 4, .fill = "*"},
		    two = {.kind = MASK_PARTIAL, .first = 2, .fill = "*"};
	struct mask ten = {.kind = MASK_NUMBER, .step = 10}, hundred = {.kind = MASK_NUMBER, .step = 100},
		    bucket = {.kind = MASK_NUMBER, .step = 10, .bucket = true};
	struct mask year = {.kind = MASK_DATE, .unit = UNIT_YEAR},
		    hour = {.kind = MASK_DATE, .unit = UNIT_HOUR};
	struct mask pan = {.kind = MASK_DETECT, .detectors = {{2}}, .replace = REPLACE_REDACT},
		    mail = {.kind = MASK_DETECT, .detectors = {{1}}, .replace = REPLACE_LABEL}, met;
	struct mask shift = {.kind = MASK_SHIFT, .days = 30, .entity = "a"},
		    by_other = {.kind = MASK_SHIFT, .days = 30, .entity = "b"};
	struct mask email = {.kind = MASK_EMAIL}, domain = {.kind = MASK_EMAIL, .keep_domain = true};

	(void)state;
	assert_true(strict_compare(&null, &fixed) < 0);
	assert_true(strict_compare(&two, &four) < 0);
	assert_true(strict_compare(&four, &two) > 0);
	assert_true(strict_compare(&email, &domain) < 0);
	assert_true(strict_compare(&domain, &two) < 0);
	assert_true(strict_compare(&fixed, &fixed2) < 0);
	assert_true(strict_compare(&hundred, &ten) < 0);
	assert_true(strict_compare(&bucket, &ten) < 0);
	assert_true(strict_compare(&year, &hour) < 0);
	assert_true(strict_compare(&year, &hundred) < 0);
	assert_true(strict_compare(&ten, &email) < 0);
	assert_true(strict_compare(&two, &pan) < 0);
	assert_false(strict_covers(&two, &pan) || strict_covers(&pan, &two));
	assert_true(strict_covers(&null, &pan) && strict_covers(&fixed, &pan));
	assert_true(strict_meet(&met, &two, &pan, NULL));
	assert_true(met.kind == MASK_PARTIAL && met.first == 2 && met.detectors.bits[0] == 2);
	assert_true(strict_covers(&met, &two) && strict_covers(&met, &pan));
	assert_false(strict_covers(&two, &met));
	assert_int_not_equal(strict_compare(&two, &met), 0);
	assert_false(strict_covers(&pan, &mail) || strict_covers(&mail, &pan));
	assert_true(strict_meet(&met, &mail, &pan, NULL));
	assert_true(met.kind == MASK_DETECT && met.replace == REPLACE_REDACT && met.detectors.bits[0] == 3);
	assert_true(strict_covers(&met, &mail) && strict_covers(&met, &pan));
	assert_true(!strict_covers(&ten, &noise) && !strict_covers(&noise, &ten));
	assert_true(!strict_covers(&noise, &wide) && !strict_covers(&wide, &noise));
	assert_true(strict_meet(&met, &noise, &ten, NULL));
	assert_int_equal(met.kind, MASK_REDACT);
	assert_true(strict_covers(&shift, &shift) && strict_covers(&null, &shift));
	assert_true(!strict_covers(&shift, &by_other) && !strict_covers(&by_other, &shift));
	assert_true(!strict_covers(&year, &shift) && !strict_covers(&shift, &year));
	assert_true(strict_meet(&met, &shift, &year, NULL));
	assert_int_equal(met.kind, MASK_REDACT);
	/* fpe that keeps more than partial: each shows what the other hides */
	strcpy(fpe64.alphabet, FPE_DIGITS);
	assert_true(
		strict_covers(&fpe, &four) && strict_covers(&fpe, &fpe64) && !strict_covers(&fpe64, &fpe));
	assert_true(!strict_covers(&fpe64, &four) && !strict_covers(&four, &fpe64));
	assert_true(strict_meet(&met, &four, &fpe64, NULL));
	assert_int_equal(met.kind, MASK_REDACT);
	assert_true(strict_covers(&token, &fpe) && strict_compare(&token, &fpe) < 0);
}

static void bounds(void **state)
{
	struct documents d = {0};
	struct complaints c = {0};
	char *text = malloc(NODE_TEXT_MAX + 2), *p;

	(void)state;
	memset(text, ' ', NODE_TEXT_MAX + 1);
	assert_int_equal(documents_parse(&d, "f", span_of(text, NODE_TEXT_MAX + 1), &c), -EINVAL);
	assert_string_equal(c.line[0], "f:1:1: the file is larger than 1 MiB");
	documents_fini(&d);
	complaints_fini(&c);
	/* As many mistakes as fit: counted, not all kept. */
	p = stpcpy(text, MASK);
	for (unsigned i = 0; i < 5000; i++)
		p = stpcpy(p, "    - {x: 1}\n");
	assert_int_equal(documents_parse(&d, "f", span_of(text, (size_t)(p - text)), &c), -EINVAL);
	assert_int_equal(c.n, MISTAKES_MAX + 1);
	assert_string_equal(c.line[MISTAKES_MAX], "f:1:1: and 14500 more mistakes");
	documents_fini(&d);
	complaints_fini(&c);
	free(text);
}

/* Tests run in the project's folder. */
static void starters(void **state)
{
	static const char *const files[] = {"policy/claude-support.yaml", "policy/analytics-readonly.yaml"};
	struct documents d = {0};
	struct complaints c = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (documents_read(&d, files[i], &c))
			fail_msg("%s", c.line[0]);
	assert_int_equal(d.n, ARRAY_LEN(files));
	documents_fini(&d);
	complaints_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_everything),
		cmocka_unit_test(tells_all_at_once),
		cmocka_unit_test(top_level),
		cmocka_unit_test(postgres_elsewhere),
		cmocka_unit_test(recording),
		cmocka_unit_test(row_filters),
		cmocka_unit_test(what_is_not_there_yet),
		cmocka_unit_test(guards),
		cmocka_unit_test(approvals),
		cmocka_unit_test(permits),
		cmocka_unit_test(yaml_itself),
		cmocka_unit_test(environment),
		cmocka_unit_test(addresses),
		cmocka_unit_test(relayed),
		cmocka_unit_test(credentials_and_tls),
		cmocka_unit_test(masks),
		cmocka_unit_test(regexes),
		cmocka_unit_test(detectors),
		cmocka_unit_test(own_patterns),
		cmocka_unit_test(rules_that_never_fire),
		cmocka_unit_test(keys),
		cmocka_unit_test(keyed),
		cmocka_unit_test(paths),
		cmocka_unit_test(strictness),
		cmocka_unit_test(bounds),
		cmocka_unit_test(starters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
