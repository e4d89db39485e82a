/* SPDX-License-Identifier: MIT */
/* spec.statements: default and rules. */
#include <errno.h>
#include <string.h>

#include "policy/section.h"
#include "sql/estimate.h"

#define WHERE     "spec.statements.rules[]"
#define RULES_MAX 500

/* What functions do. */
#define OF_FUNCTIONS                                                                                         \
	(DOES_CALL | DOES_FUNCTION | DOES_CODE | DOES_READ | DOES_LOCK | DOES_NOTIFY | DOES_SEQUENCE |       \
		DOES_SETTINGS | DOES_ROLE | DOES_FILE | DOES_LARGE_OBJECT | DOES_PROCESS |                   \
		DOES_REPLICATION | DOES_TRANSACTION | DOES_MAINTAIN)

/* What a session does not do that only reads: the server would refuse some of it, and some not. */
#define READ_ONLY_DENIES                                                                                     \
	(DOES_WRITE | DOES_DDL | DOES_PRIVILEGE | DOES_LARGE_OBJECT | DOES_SEQUENCE | DOES_MAINTAIN |        \
		DOES_COPY_IN | DOES_PROGRAM | DOES_FILE | DOES_REPLICATION)

static uint64_t effect_of(const char *word)
{
	if (!strcmp(word, "write"))
		return DOES_WRITE;
	for (unsigned i = 0; i < EFFECT_COUNT; i++)
		if (!strcmp(effect_name(i), word))
			return UINT64_C(1) << i;
	return 0;
}

static void guess_effect(struct reading *r, const struct node *n)
{
	struct key words[EFFECT_COUNT + 1] = {{"write", KEY_READ}};
	const char *guess;

	for (unsigned i = 0; i < EFFECT_COUNT; i++)
		words[i + 1] = (struct key){effect_name(i), KEY_READ};
	guess = section_guess(n->text, words, ARRAY_LEN(words));
	section_wrong(r, n, "there is no effect \"%.60s\"%s%s%s", n->text, guess ? "; did you mean \"" : "",
		guess ? guess : "", guess ? "\"?" : "");
}

static uint64_t read_effects(struct reading *r, const struct node *list)
{
	uint64_t all = 0;

	if (!list)
		return DOES_ALL;
	if (!section_list(r, list, WHERE ".effects"))
		return 0;
	for (const struct node *c = list->child; c; c = c->next) {
		uint64_t one = c->kind == NODE_SCALAR ? effect_of(c->text) : 0;

		if (c->kind != NODE_SCALAR)
			section_wrong(r, c, WHERE ".effects: each is one word");
		else if (!one)
			guess_effect(r, c);
		else if ((all & one) == one)
			section_wrong(r, c, "\"%.60s\" is named already", c->text);
		all |= one;
	}
	return all;
}

static const struct pattern_name *read_names(
	struct reading *r, const struct node *list, const char *where, bool named, unsigned *n)
{
	struct pattern_name *v;
	const char *why;

	if (!list || !section_list(r, list, where))
		return NULL;
	v = section_array(r, list->n, sizeof(*v));
	if (!v)
		return NULL;
	for (const struct node *c = list->child; c; c = c->next) {
		const char *text = section_text(r, c, where);
		int rc = text ? pattern_parse_name(&v[*n], text, named, r->mem, &why) : -EINVAL;

		if (rc == -ENOMEM)
			r->failed = rc;
		else if (text && rc)
			section_wrong(r, c, "\"%.100s\" %s", text, why);
		*n += rc == 0;
	}
	return v;
}

bool guard_read_verdict(struct reading *r, const struct node *n, const char *where, enum verdict *out)
{
	for (enum verdict v = DENY; n && v <= ALLOW; v++)
		if (node_is(n, verdict_name(v))) {
			*out = v;
			return true;
		}
	if (n)
		section_wrong(r, n, "%s must be deny, ask or allow", where);
	return false;
}

/* Whether what it says can be the case at all. */
static void check_rule(struct reading *r, const struct node *n, const struct guard_rule *g)
{
	const struct node *effects = node_get(n, "effects");
	bool said = effects || g->nrelations || g->nowhere || g->nschemas || g->nfunctions ||
		    g->where_missing || g->estimated;

	if (!said)
		section_wrong(r, n,
			"the rule names nothing: what holds for all statements is "
			"spec.statements.default");
	if (g->nfunctions && (g->nrelations || g->nschemas || g->where_missing))
		section_wrong(r, n,
			"the rule can never fire: what is done to a relation or in a schema is no "
			"call; write a rule for functions of its own");
	if (g->nowhere && (g->nschemas || g->nfunctions || g->where_missing))
		section_wrong(r, n, "the rule can never fire: relations: none is of what has no name");
	if (g->nrelations && g->nschemas)
		section_wrong(r, n,
			"relations and schemas do not go together: write the schema into "
			"\"schema.relation\"");
	if (g->estimated && g->nfunctions)
		section_wrong(r, n, "the rule can never fire: an estimate is of the rows of relations");
	if (g->estimated && g->verdict == ALLOW)
		section_wrong(r, n,
			"a rule with an estimate is for what is more than that: its verdict is ask or deny");
	if (!effects)
		return;
	if (g->estimated && !(g->effects & ESTIMATE_EFFECTS))
		section_wrong(
			r, effects, "the rule can never fire: nothing of that is done to a number of rows");
	if (g->where_missing && !(g->effects & (DOES_UPDATE | DOES_DELETE)))
		section_wrong(r, effects, "the rule can never fire: only update and delete have a WHERE");
	if (g->nrelations && !(g->effects & DOES_TO_RELATIONS))
		section_wrong(r, effects, "the rule can never fire: nothing of that is done to relations");
	if (g->nfunctions && g->verdict == ALLOW && !(g->effects & OF_FUNCTIONS))
		section_wrong(r, effects,
			"the rule can never fire: no function is known to do that and nothing else; what may "
			"do "
			"anything is listed in spec.statements.opaque.allow, or denied");
}

static void read_estimate(struct reading *r, const struct node *n, struct guard_rule *g)
{
	static const struct key keys[] = {{"rows", KEY_READ}};
	unsigned long rows = 0;

	if (!n || !section_map(r, n, WHERE ".estimate", keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, WHERE ".estimate", "rows");
	g->estimated = true;
	if (section_number(r, node_get(n, "rows"), WHERE ".estimate.rows", 1, 1000000000000, &rows))
		g->rows = rows;
}

/* none, or [none]. */
static bool names_none(const struct node *n)
{
	return node_is(n, "none") || (n && n->kind == NODE_LIST && n->n == 1 && node_is(n->child, "none"));
}

static void read_rule(struct reading *r, const struct node *n, struct guard_rule *g)
{
	static const struct key keys[] = {{"effects", KEY_READ}, {"relations", KEY_READ},
		{"schemas", KEY_READ}, {"functions", KEY_READ}, {"where", KEY_READ}, {"verdict", KEY_READ},
		{"estimate", KEY_READ}};
	const struct node *where = node_get(n, "where");
	unsigned told = r->m->total;

	g->where = section_where(r, n);
	if (!section_map(r, n, WHERE, keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, WHERE, "verdict");
	g->effects = read_effects(r, node_get(n, "effects"));
	g->nowhere = names_none(node_get(n, "relations"));
	if (!g->nowhere)
		g->relations =
			read_names(r, node_get(n, "relations"), WHERE ".relations", true, &g->nrelations);
	g->schemas = read_names(r, node_get(n, "schemas"), WHERE ".schemas", false, &g->nschemas);
	g->functions = read_names(r, node_get(n, "functions"), WHERE ".functions", true, &g->nfunctions);
	g->where_missing = node_is(where, "missing");
	if (where && !g->where_missing)
		section_wrong(r, where, WHERE ".where can only be missing");
	read_estimate(r, node_get(n, "estimate"), g);
	(void)guard_read_verdict(r, node_get(n, "verdict"), WHERE ".verdict", &g->verdict);
	if (r->m->total == told)
		check_rule(r, n, g);
}

/* Of two rules that say the same the later one is told. */
static bool beats(const struct guard_rule *a, const struct guard_rule *b, bool before)
{
	return a->verdict <= b->verdict && guard_rule_covers(a, b) &&
	       (before || a->verdict < b->verdict || !guard_rule_covers(b, a));
}

static void check_all(struct reading *r, const struct node *list, const struct guard *g)
{
	const struct node *c = list->child;

	for (unsigned i = 0; i < g->nrules && c; i++, c = c->next) {
		const struct guard_rule *b = &g->rules[i], *a = NULL;
		bool weaker = false;

		for (unsigned k = 0; k < g->nrules; k++) {
			weaker = weaker || g->rules[k].verdict > b->verdict;
			if (k != i && !a && beats(&g->rules[k], b, k < i))
				a = &g->rules[k];
		}
		if (a)
			section_wrong(r, c, "the rule never decides: that of %s says %s of all that it names",
				a->where, verdict_name(a->verdict));
		else if (b->verdict == g->normal && !weaker)
			section_wrong(r, c,
				"the rule never decides: spec.statements.default is %s, and no other rule is "
				"weaker",
				verdict_name(g->normal));
	}
}

/* The list with one rule more, which no other is held against. */
static void add_read_only(struct reading *r, const struct node *n, struct guard *g)
{
	struct guard_rule *v = section_array(r, g->nrules + 1ul, sizeof(*v));

	g->read_only = arena_printf(r->mem, "%s:%u", r->file, n->line);
	if (!v || !g->read_only) {
		r->failed = -ENOMEM;
		return;
	}
	if (g->nrules)
		memcpy(v, g->rules, g->nrules * sizeof(*v));
	v[g->nrules++] =
		(struct guard_rule){.effects = READ_ONLY_DENIES, .verdict = DENY, .where = g->read_only};
	g->rules = v;
}

static void read_rules(struct reading *r, const struct node *list, struct guard *g)
{
	struct guard_rule *v;
	unsigned told = r->m->total;

	if (!list || !section_list(r, list, "spec.statements.rules"))
		return;
	if (list->n > RULES_MAX) {
		section_wrong(r, list, "spec.statements.rules has more than %d entries", RULES_MAX);
		return;
	}
	v = section_array(r, list->n, sizeof(*v));
	if (!v)
		return;
	g->rules = v;
	for (const struct node *c = list->child; c; c = c->next)
		read_rule(r, c, &v[g->nrules++]);
	if (r->m->total == told)
		check_all(r, list, g);
}

void guard_read(struct reading *r, const struct node *statements, struct guard *g)
{
	const struct node *normal = node_get(statements, "default"), *list = node_get(statements, "rules");

	g->normal = ALLOW;
	if (normal)
		(void)guard_read_verdict(r, normal, "spec.statements.default", &g->normal);
	g->given = list || g->normal != ALLOW || node_get(statements, "only") ||
		   node_get(statements, "settings") || node_get(statements, "readOnly");
	g->where = arena_printf(r->mem, "%s:%u", r->file, normal ? normal->line : statements->line);
	if (!g->where)
		r->failed = -ENOMEM;
	read_rules(r, list, g);
	guard_read_only_list(r, node_get(statements, "only"), g);
	guard_read_settings(r, node_get(statements, "settings"), g);
	if (section_flag(r, node_get(statements, "readOnly"), "spec.statements.readOnly"))
		add_read_only(r, node_get(statements, "readOnly"), g);
}
