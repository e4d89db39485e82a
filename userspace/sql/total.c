/* SPDX-License-Identifier: MIT */
/* What cannot fail on the values that it is given: a failure is an answer, so that only such expressions may
 * be made of masked columns. function.h says it of names, for values of simple types; here it is said of a
 * call by the types of its arguments and the constants among them.
 *
 * That a value grows too long for the server is a failure too. A call here makes no more of an argument than
 * a known number of times its length (taint.size), and taint_mix() minds the sum. */
#include "sql/lineage.h"

#include <stdlib.h>
#include <string.h>

#define CONSTANT_MAX 256   /* bytes of a constant that stands beside or between values */
#define NUMBER_MAX   10000 /* of characters */
#define DEPTH_MAX    16
#define TEXT_SIZE    32 /* how many times as long the text of an array, a row or a document may be as itself */
#define JSON_SIZE    6  /* … and the JSON of a simple value: "\u0001" */
#define ROW_SIZE     8  /* … of a row, or an array of a known type, whose values have little around them */

/* An argument: s of a simple type, p what has a text, v what becomes JSON, V what becomes jsonb, j jsonb,
 * y bytea, e no array (whose lengths must agree), x anything, u what the call may fail on; constants: S a
 * string, F a format of encode(), i an integer, n one from 0, m one from 1. Before a + the last one comes any
 * number of times, before a * all of them. */
static const struct rule {
	const char *name, *args, *type;
	unsigned size;
} rules[] = {
	{"array_agg", "e", "", 1},
	{"array_dims", "x", "text", 0},
	{"array_length", "xi", "int4", 0},
	{"array_lower", "xi", "int4", 0},
	{"array_ndims", "x", "int4", 0},
	{"array_to_json", "v", "json", 1},
	{"array_to_string", "pS", "text", 2},
	{"array_upper", "xi", "int4", 0},
	{"ascii", "s", "int4", 0},
	{"bit_length", "s", "int4", 0},
	{"btrim", "s", "text", 1},
	{"btrim", "ss", "text", 1},
	{"cardinality", "x", "int4", 0},
	{"char_length", "s", "int4", 0},
	{"character_length", "s", "int4", 0},
	{"concat", "p*", "text", 1},
	{"concat_ws", "Sp+", "text", 1},
	{"encode", "yF", "text", 4},
	{"hashtext", "s", "int4", 0},
	{"hashtextextended", "si", "int8", 0},
	{"initcap", "s", "text", 1},
	{"json_agg", "v", "json", 1},
	{"json_object_agg", "uv", "json", 1},
	{"json_build_array", "v*", "json", 1},
	{"json_build_object", "Sv*", "json", 1},
	{"jsonb_agg", "V", "jsonb", 1},
	{"jsonb_object_agg", "uV", "jsonb", 1},
	{"jsonb_build_array", "V*", "jsonb", 1},
	{"jsonb_build_object", "SV*", "jsonb", 1},
	{"jsonb_pretty", "j", "text", 32},
	{"jsonb_typeof", "j", "text", 0},
	{"left", "ss", "text", 1},
	{"length", "s", "int4", 0},
	{"length", "y", "int4", 0},
	{"lower", "s", "text", 1},
	{"lpad", "sn", "text", 1},
	{"lpad", "sns", "text", 1},
	{"ltrim", "s", "text", 1},
	{"ltrim", "ss", "text", 1},
	{"md5", "s", "text", 0},
	{"md5", "y", "text", 0},
	{"num_nonnulls", "x*", "int4", 0},
	{"num_nulls", "x*", "int4", 0},
	{"octet_length", "s", "int4", 0},
	{"octet_length", "y", "int4", 0},
	{"overlay", "sSm", "text", 2},
	{"overlay", "sSmn", "text", 2},
	{"pg_column_size", "x", "int4", 0},
	{"pg_typeof", "x", "regtype", 0},
	{"position", "ss", "int4", 0},
	{"quote_literal", "s", "text", 2},
	{"quote_nullable", "s", "text", 2},
	{"repeat", "Sn", "text", 1},
	{"replace", "sSS", "text", 1},
	{"reverse", "s", "text", 1},
	{"right", "ss", "text", 1},
	{"row_to_json", "v", "json", 1},
	{"rpad", "sn", "text", 1},
	{"rpad", "sns", "text", 1},
	{"rtrim", "s", "text", 1},
	{"rtrim", "ss", "text", 1},
	{"sha256", "y", "bytea", 0},
	{"split_part", "ssm", "text", 1},
	{"starts_with", "ss", "bool", 0},
	{"string_agg", "ss", "text", 1},
	{"string_to_array", "ss", "_text", 16},
	{"strpos", "ss", "int4", 0},
	{"substr", "si", "text", 1},
	{"substr", "sin", "text", 1},
	{"substring", "si", "text", 1},
	{"substring", "sin", "text", 1},
	{"to_json", "v", "json", 1},
	{"to_jsonb", "V", "jsonb", 1},
	{"translate", "sss", "text", 4},
	{"upper", "s", "text", 1},
};

/* ---- types ---- */
static uint32_t type_named(const char *name)
{
	return *name == '_' ? type_builtin_array(type_builtin(name + 1)) : type_builtin(name);
}

static bool listed(uint32_t oid, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n && oid; i++)
		if (oid == type_builtin(names[i]))
			return true;
	return false;
}

/* json: of a type whose values may be inside it. */
static bool prints(const struct catalog *c, uint32_t oid, bool json, unsigned depth)
{
	static const char *const names[] = {"bit", "box", "bytea", "cidr", "circle", "daterange",
		"datemultirange", "float4", "float8", "inet", "int4multirange", "int4range", "int8multirange",
		"int8range", "jsonb", "line", "lseg", "macaddr", "macaddr8", "money", "name", "nummultirange",
		"numrange", "oid", "path", "pg_lsn", "point", "polygon", "regtype", "tsmultirange", "tsrange",
		"tstzmultirange", "tstzrange", "tsvector", "varbit"};
	const struct relation *r;
	uint32_t element;

	oid = type_base(c, oid);
	if (!oid || depth > DEPTH_MAX)
		return false;
	if (type_simple(c, oid) || listed(oid, names, ARRAY_LEN(names)))
		return true;
	if (oid == type_builtin("json"))
		return json;
	element = type_builtin_element(oid);
	if (element)
		return prints(c, element, json, depth + 1);
	r = type_row(c, oid);
	for (unsigned i = 0; r && i < r->ncols; i++)
		if (r->cols[i].foreign || !prints(c, r->cols[i].type_oid, json, depth + 1))
			return false;
	return r != NULL;
}

static bool taint_is(const struct lineage *l, const struct taint *t, bool json, unsigned depth)
{
	const struct item *it = t->row;

	if (t->foreign || depth > DEPTH_MAX)
		return false;
	if (!t->odd || (json && t->places) || prints(l->names->catalog, t->type, json, 0))
		return true;
	for (unsigned i = 0; i < t->nfields; i++)
		if (!taint_is(l, &t->fields[i], json, depth + 1))
			return false;
	if (t->nfields)
		return true;
	for (unsigned i = 0; it && !it->rel && i < it->ncols; i++)
		if (!taint_is(l, &it->cols[i].t, json, depth + 1))
			return false;
	return it && !it->rel && !it->open && it->ncols;
}

bool taint_prints(const struct lineage *l, const struct taint *t)
{
	return taint_is(l, t, true, 0);
}

/* Not of a json, which may be no jsonb: "\u0000". */
bool taint_makes_jsonb(const struct lineage *l, const struct taint *t)
{
	return taint_is(l, t, false, 0);
}

bool taint_of_type(const struct lineage *l, const struct taint *t, const char *name)
{
	return !t->foreign && t->type && type_base(l->names->catalog, t->type) == type_named(name);
}

/* ---- constants ---- */
const char *total_string(const PgQuery__Node *n)
{
	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		n = n->type_cast->arg;
	return n && n->node_case == PG_QUERY__NODE__NODE_A_CONST && !n->a_const->isnull &&
			       n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL &&
			       strlen(n->a_const->sval->sval) <= CONSTANT_MAX
		       ? n->a_const->sval->sval
		       : NULL;
}

/* View definitions say '-1'::integer. */
bool total_integer(const PgQuery__Node *n, int32_t *value)
{
	const char *text = n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? total_string(n) : NULL;
	char *end;
	long v;

	if (text) {
		v = strtol(text, &end, 10);
		*value = (int32_t)v;
		return *text && !*end && v == *value;
	}
	if (!n || n->node_case != PG_QUERY__NODE__NODE_A_CONST || n->a_const->isnull ||
		n->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
		return false;
	*value = n->a_const->ival->ival;
	return true;
}

static bool number(const PgQuery__Node *n, int32_t low, int32_t high)
{
	int32_t v;

	return total_integer(n, &v) && v >= low && v <= high;
}

/* ---- calls ---- */
/* Another one fails, but only for what is not NULL. */
static bool encoding(const PgQuery__Node *n)
{
	static const char *const names[] = {"hex", "base64", "escape"};
	const char *text = total_string(n);

	for (size_t i = 0; i < ARRAY_LEN(names) && text; i++)
		if (!strcmp(text, names[i]))
			return true;
	return false;
}

static bool is_document(const struct taint *t)
{
	return t->type && (t->type == type_builtin("json") || t->type == type_builtin("jsonb"));
}

static bool fits(const struct lineage *l, char letter, const PgQuery__Node *n, const struct taint *t)
{
	bool simple = !t->odd && !t->foreign;

	switch (letter) {
	case 's': return simple;
	case 'p':
	case 'v': return taint_prints(l, t);
	case 'V': return taint_makes_jsonb(l, t);
	case 'j': return taint_of_type(l, t, "jsonb");
	case 'y': return taint_of_type(l, t, "bytea");
	case 'e':
		return (type_element(l->names->catalog, t->type) || t->row || is_document(t)) && !t->foreign;
	case 'x':
	case 'u': return true;
	case 'S': return total_string(n) != NULL;
	case 'F': return encoding(n);
	case 'i': return number(n, INT32_MIN, INT32_MAX);
	case 'n': return number(n, 0, NUMBER_MAX);
	case 'm': return number(n, 1, NUMBER_MAX);
	}
	return false;
}

/* A document goes into another as it is. */
unsigned taint_json_size(const struct taint *t)
{
	if (is_document(t))
		return taint_times(t, t->type == type_builtin("json") ? 1 : 2);
	return taint_times(t, !t->odd ? JSON_SIZE : t->row || t->nfields || t->type ? ROW_SIZE : TEXT_SIZE);
}

static unsigned size_of(char letter, const struct taint *t)
{
	if (strchr("vV", letter))
		return taint_json_size(t);
	return taint_times(t, letter == 'p' && t->odd ? TEXT_SIZE : 1);
}

static char letter_at(const char *args, size_t i)
{
	size_t n = strcspn(args, "+*");

	if (i < n)
		return args[i];
	return args[n] == '*' ? args[i % n] : args[n] == '+' ? args[n - 1] : '\0';
}

static bool rule_fits(const struct lineage *l, const struct rule *r, const PgQuery__FuncCall *f,
	const struct argument *v, unsigned *size)
{
	size_t letters = strcspn(r->args, "+*");

	if (f->n_args < letters || (strchr(r->args, '*') && f->n_args % letters))
		return false;
	*size = 0;
	for (size_t i = 0; i < f->n_args; i++) {
		char letter = letter_at(r->args, i);

		if (!letter || v[i].name || !fits(l, letter, f->args[i], &v[i].t))
			return false;
		*size += size_of(letter, &v[i].t);
		if (*size > TAINT_SIZE_MAX)
			*size = TAINT_SIZE_MAX;
	}
	return true;
}

static struct total found(const char *type, unsigned size)
{
	uint32_t oid = type_named(type);

	return (struct total){
		.yes = true, .type = oid, .odd = *type == '_' || !type_simple_builtin(oid), .size = size};
}

/* %s and %L, in their order or by number. */
static bool format_fits(const char *p, size_t n, unsigned *places)
{
	for (size_t next = 1; (p = strchr(p, '%')) != NULL; p++) {
		char *end;
		long number;

		if (*++p == '%')
			continue;
		number = strtol(p, &end, 10);
		if (end == p)
			number = (long)next;
		else if (*end != '$' || *p < '1' || *p > '9')
			return false;
		else
			p = end + 1;
		if ((*p != 's' && *p != 'L') || number < 1 || (size_t)number >= n)
			return false;
		next = (size_t)number + 1;
		(*places)++;
	}
	return true;
}

static struct total format_call(const struct lineage *l, const PgQuery__FuncCall *f, const struct argument *v)
{
	const char *text = f->n_args ? total_string(f->args[0]) : NULL;
	unsigned places = 0, size = 0;

	if (!text || !format_fits(text, f->n_args, &places))
		return (struct total){0};
	for (size_t i = 0; i < f->n_args; i++) {
		if (v[i].name || !taint_prints(l, &v[i].t))
			return (struct total){0};
		size += taint_times(&v[i].t, 2 * places * (v[i].t.odd ? TEXT_SIZE : 1));
	}
	return found("text", size < TAINT_SIZE_MAX ? size : TAINT_SIZE_MAX);
}

struct total total_call(
	const struct lineage *l, const char *name, const PgQuery__FuncCall *f, const struct argument *v)
{
	struct total t;
	unsigned size;

	if (f->func_variadic || f->agg_within_group || f->agg_star)
		return (struct total){0};
	if (!strcmp(name, "format"))
		return format_call(l, f, v);
	for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
		const struct rule *r = &rules[i];

		if (strcmp(r->name, name) != 0 || !rule_fits(l, r, f, v, &size))
			continue;
		if (!strcmp(name, "replace") &&
			strlen(total_string(f->args[2])) > strlen(total_string(f->args[1])))
			continue;
		size = r->size && size > TAINT_SIZE_MAX / r->size ? TAINT_SIZE_MAX : size * r->size;
		t = found(r->type, size);
		t.keyed = *r->args == 'u';
		return t;
	}
	return (struct total){0};
}

uint32_t total_short(const char *name)
{
	static const struct {
		const char *name, *type;
	} types[] = {{"age", "interval"}, {"clock_timestamp", "timestamptz"}, {"now", "timestamptz"},
		{"statement_timestamp", "timestamptz"}, {"to_char", "text"}, {"to_hex", "text"},
		{"transaction_timestamp", "timestamptz"}};

	for (unsigned i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i].name, name))
			return type_named(types[i].type);
	return 0;
}

/* ---- operators ---- */
struct total total_operator(
	const struct lineage *l, const char *name, const struct taint *left, const struct taint *right)
{
	static const char *const keys[] = {"->", "->>", "?"}, *const paths[] = {"#>", "#>>"},
				 *const documents[] = {"@>", "<@"};
	bool simple = !right->odd && !right->foreign &&
		      (right->constant || taint_of_type(l, right, "text") || taint_of_type(l, right, "int4"));
	bool text = !strcmp(name, "->>") || !strcmp(name, "#>>");
	unsigned size = taint_times(left, 2);

	if (!taint_of_type(l, left, "jsonb"))
		return (struct total){0};
	/* of a scalar nothing can be taken away */
	if (!strcmp(name, "-") && left->places && taint_constant(right) &&
		(!right->type || taint_of_type(l, right, "text")))
		return found("jsonb", left->size);
	if (!strcmp(name, "||") && left->places && right->places && taint_of_type(l, right, "jsonb"))
		return found("jsonb", left->size + right->size);
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i], name) && simple)
			return found(text           ? "text"
				     : *name == '?' ? "bool"
						    : "jsonb",
				*name == '?' ? 0 : size);
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++)
		if (!strcmp(paths[i], name) && (right->constant || taint_of_type(l, right, "_text")))
			return found(text ? "text" : "jsonb", size);
	for (unsigned i = 0; i < ARRAY_LEN(documents); i++)
		if (!strcmp(documents[i], name) && (right->constant || taint_of_type(l, right, "jsonb")))
			return found("bool", 0);
	return (struct total){0};
}
