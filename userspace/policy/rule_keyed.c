/* SPDX-License-Identifier: MIT */
/* The masks of a rule that have a key. */
#include "policy/section.h"

#include <errno.h>
#include <string.h>

#include "policy/key.h"

/* A longer value is hidden whole. */
#define KEEP_MAX 500

static bool domain_valid(const char *s, size_t cap)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n < cap && !s[n];
}

static void keep_path(struct reading *r, const char *path)
{
	struct key_path *k = arena_alloc(r->mem, sizeof(*k));

	if (!k) {
		r->failed = -ENOMEM;
		return;
	}
	*k = (struct key_path){r->keys, path};
	r->keys = k;
}

static void read_domain(struct reading *r, const struct node *n, const char *where, struct mask *out)
{
	if (!n)
		return;
	if (n->kind != NODE_SCALAR || !domain_valid(n->text, sizeof(out->domain)))
		section_wrong(r, n, "%s.domain must be 1 to %zu letters, digits, _ . or -", where,
			sizeof(out->domain) - 1);
	else
		strcpy(out->domain, n->text);
}

/* NULL where none is given, or after a complaint: *ok is false then. */
static const char *key_id(struct reading *r, const struct node *n, const char *where, bool *ok)
{
	if (!n)
		return NULL;
	*ok = n->kind == NODE_SCALAR && key_id_valid(n->text);
	if (!*ok)
		section_wrong(r, n, "%s.keyId must be 1 to %d letters, digits, _ . or -", where, KEY_ID_MAX);
	return *ok ? n->text : NULL;
}

/* keyFile, keyId and domain, which every keyed mask has. The kind is set last: without a key it stays NULL.
 */
static void read_key(
	struct reading *r, const struct node *n, const char *where, enum mask_kind kind, struct mask *out)
{
	const struct node *file = node_get(n, "keyFile");
	uint8_t key[HMAC_KEY_LEN];
	char what[32];
	const char *path, *id;
	struct err e = {0};
	bool ok = true;

	section_missing(r, n, where, "keyFile");
	read_domain(r, node_get(n, "domain"), where, out);
	id = key_id(r, node_get(n, "keyId"), where, &ok);
	snprintf(what, sizeof(what), "%s.keyFile", where);
	path = section_path(r, file, what);
	if (!path || !ok)
		return;
	if (key_read(key, path, id, &e)) {
		section_wrong(r, file, "%s", e.msg);
		return;
	}
	out->kind = kind;
	mask_key_init(out, key);
	mem_wipe(key, sizeof(key));
	keep_path(r, path);
}

void mask_read_hash(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"keyFile", KEY_READ}, {"keyId", KEY_READ}, {"domain", KEY_READ}};

	if (section_map(r, n, "hash", keys, ARRAY_LEN(keys)))
		read_key(r, n, "hash", MASK_HASH, out);
}

void mask_read_fake(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {
		{"keyFile", KEY_READ}, {"keyId", KEY_READ}, {"domain", KEY_READ}, {"form", KEY_READ}};
	const struct node *form = node_get(n, "form");

	if (!section_map(r, n, "fake", keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, "fake", "form");
	if (form && (form->kind != NODE_SCALAR || !fake_of(form->text, &out->fake))) {
		section_wrong(r, form,
			"fake.form is name, first_name, last_name, email, phone, company, city or street");
		return;
	}
	read_key(r, n, "fake", form ? MASK_FAKE : MASK_NULL, out);
}

void mask_read_token(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {
		{"keyFile", KEY_READ}, {"keyId", KEY_READ}, {"domain", KEY_READ}, {"form", KEY_READ}};
	const struct node *form = node_get(n, "form");

	if (!section_map(r, n, "token", keys, ARRAY_LEN(keys)))
		return;
	if (form && !node_is(form, "email") && !node_is(form, "plain")) {
		section_wrong(r, form, "token.form is plain or email");
		return;
	}
	out->mail = form && node_is(form, "email");
	read_key(r, n, "token", MASK_TOKEN, out);
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Two characters of printable ASCII at least, and none twice. */
static bool alphabet_valid(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~' || strchr(s + i + 1, s[i]))
			return false;
	return n > 1;
}

static void read_alphabet(struct reading *r, const struct node *n, struct mask *out)
{
	static const char *const named[][2] = {{"digits", FPE_DIGITS}, {"lower", LOWER}, {"upper", UPPER},
		{"letters", UPPER LOWER}, {"alphanumeric", FPE_DIGITS UPPER LOWER}};
	const char *alphabet = !n ? FPE_DIGITS : n->kind == NODE_SCALAR ? n->text : "";

	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (strcmp(named[i][0], alphabet) == 0)
			alphabet = named[i][1];
	if (alphabet_valid(alphabet))
		strcpy(out->alphabet, alphabet);
	else
		section_wrong(r, n,
			"fpe.alphabet is digits, lower, upper, letters, alphanumeric, or the characters "
			"themselves, of "
			"ASCII and each once");
}

static void read_keep(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"first", KEY_READ}, {"last", KEY_READ}};
	unsigned long first = 0, last = 0;

	if (!section_map(r, n, "fpe.keep", keys, ARRAY_LEN(keys)))
		return;
	section_number(r, node_get(n, "first"), "fpe.keep.first", 0, KEEP_MAX, &first);
	section_number(r, node_get(n, "last"), "fpe.keep.last", 0, KEEP_MAX, &last);
	out->first = (unsigned)first;
	out->last = (unsigned)last;
}

void mask_read_fpe(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"keyFile", KEY_READ}, {"keyId", KEY_READ}, {"domain", KEY_READ},
		{"alphabet", KEY_READ}, {"keep", KEY_READ}, {"luhn", KEY_READ}};
	const struct node *luhn = node_get(n, "luhn");
	unsigned before = r->m->total;

	if (!section_map(r, n, "fpe", keys, ARRAY_LEN(keys)))
		return;
	read_alphabet(r, node_get(n, "alphabet"), out);
	read_keep(r, node_get(n, "keep"), out);
	out->luhn = section_flag(r, luhn, "fpe.luhn");
	if (out->luhn && *out->alphabet && strcmp(out->alphabet, FPE_DIGITS) != 0)
		section_wrong(r, luhn, "fpe.luhn needs the alphabet digits");
	read_key(r, n, "fpe", r->m->total == before ? MASK_FPE : MASK_NULL, out);
}

/* A decimal number above 0 and up to most, in NOISE_ONE parts. */
static bool parts_of(const char *s, uint64_t most, uint64_t *out)
{
	uint64_t unit = NOISE_ONE;
	bool point = false;

	*out = 0;
	for (; *s; s++) {
		if (*s == '.' && !point && s[1]) {
			point = true;
			continue;
		}
		if (*s < '0' || *s > '9' || *out > most || unit == 1)
			return false;
		unit /= point ? 10 : 1;
		*out = point ? *out + (uint64_t)(*s - '0') * unit
			     : *out * 10 + (uint64_t)(*s - '0') * NOISE_ONE;
	}
	return *out > 0 && *out <= most;
}

void mask_read_noise(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"ratio", KEY_READ}, {"width", KEY_READ}, {"keyFile", KEY_READ},
		{"keyId", KEY_READ}, {"domain", KEY_READ}};
	const struct node *ratio = node_get(n, "ratio"), *width = node_get(n, "width");
	const struct node *size = ratio ? ratio : width;

	if (!section_map(r, n, "number.noise", keys, ARRAY_LEN(keys)))
		return;
	if (!ratio == !width) {
		section_wrong(r, n, "number.noise has either ratio or width");
		return;
	}
	out->relative = ratio != NULL;
	if (size->kind != NODE_SCALAR || !parts_of(size->text, ratio ? NOISE_ONE : NOISE_MAX, &out->noise)) {
		section_wrong(r, size,
			ratio ? "number.noise.ratio must be a number above 0, up to 1"
			      : "number.noise.width must be a number above 0, up to 10^12");
		return;
	}
	read_key(r, n, "number.noise", MASK_NOISE, out);
}

void mask_read_shift(struct reading *r, const struct node *n, struct mask *out)
{
	static const struct key keys[] = {{"days", KEY_READ}, {"entity", KEY_READ}, {"keyFile", KEY_READ},
		{"keyId", KEY_READ}, {"domain", KEY_READ}};
	const struct node *entity = node_get(n, "entity");
	unsigned long days = 0;
	const char *column;

	if (!section_map(r, n, "date.shift", keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, "date.shift", "days");
	section_missing(r, n, "date.shift", "entity");
	section_number(r, node_get(n, "days"), "date.shift.days", 1, MASK_DAYS_MAX, &days);
	column = section_text(r, entity, "date.shift.entity");
	if (column && strlen(column) > MASK_ENTITY_MAX) {
		section_wrong(r, entity, "date.shift.entity is the name of a column of the same table");
		return;
	}
	if (column)
		strcpy(out->entity, column);
	out->days = (unsigned)days;
	read_key(r, n, "date.shift", days && column ? MASK_SHIFT : MASK_NULL, out);
}
