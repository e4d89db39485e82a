/* SPDX-License-Identifier: MIT */
#include "ctl/cluster_object.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY_MIN  32
#define KEY_MAX  1024
#define DATE_LEN 21 /* "2026-01-02T03:04:05Z" with the NUL */
#define USES_MAX 1000

/* ---- keys ---- */

/* A key of its own for each purpose, out of one secret. */
static void derive(const uint8_t secret[static 32], const char *purpose, struct hmac_key *out)
{
	const struct span what = {(const uint8_t *)purpose, strlen(purpose)};
	struct hmac_key from;
	uint8_t key[HMAC_LEN];

	hmac_key_init(&from, secret);
	hmac_sha256(&from, &what, 1, key);
	hmac_key_init(out, key);
	mem_wipe(&from, sizeof(from));
	mem_wipe(key, sizeof(key));
}

int cluster_home_open(
	struct cluster_home *h, const char *space, const char *node, const char *key_file, struct err *e)
{
	int fd = open(key_file, O_RDONLY | O_CLOEXEC);
	uint8_t bytes[KEY_MAX + 1], secret[32];
	unsigned len = sizeof(secret);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", key_file);
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		r = err_set(e, -errno, "%s: %m", key_file);
	else if (n < KEY_MIN || n > KEY_MAX)
		r = err_set(
			e, -EINVAL, "%s: a key of %d to %d bytes is expected", key_file, KEY_MIN, KEY_MAX);
	else if (EVP_Digest(bytes, (size_t)n, secret, &len, EVP_sha256(), NULL) != 1)
		r = err_set(e, -ENOMEM, "out of memory");
	close(fd);
	if (!r) {
		h->space = space;
		h->node = node;
		derive(secret, "pgveil: what statements are bound by", &h->bonds);
		derive(secret, "pgveil: seal of objects", &h->seal);
	}
	mem_wipe(bytes, sizeof(bytes));
	mem_wipe(secret, sizeof(secret));
	return r;
}

void cluster_home_wipe(struct cluster_home *h)
{
	mem_wipe(&h->bonds, sizeof(h->bonds));
	mem_wipe(&h->seal, sizeof(h->seal));
}

/* ---- texts ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool copy(char *out, size_t max, const char *s)
{
	size_t n = strlen(s);

	if (n >= max)
		return false;
	memcpy(out, s, n + 1);
	return true;
}

static void hex_of(const uint8_t *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool bytes_of(const char *hex, uint8_t out[static BOND_LEN])
{
	if (strlen(hex) != 2ul * BOND_LEN)
		return false;
	for (unsigned i = 0; i < BOND_LEN; i++) {
		int a = nibble(hex[2 * i]), b = nibble(hex[2 * i + 1]);

		if (a < 0 || b < 0)
			return false;
		out[i] = (uint8_t)(a << 4 | b);
	}
	return true;
}

static void date_of(int64_t s, char out[DATE_LEN])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, DATE_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, DATE_LEN, "1970-01-01T00:00:00Z");
}

static int64_t seconds_of(const char *date)
{
	struct tm tm = {0};
	const char *end = strlen(date) == DATE_LEN - 1 ? strptime(date, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	return end && !*end ? (int64_t)timegm(&tm) : 0;
}

/* Of a number that a schema bounds, which may have come by another way. */
static unsigned count_of(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 && n <= USES_MAX ? (unsigned)n : 0;
}

/* ---- bindings ---- */

static const char *const part_key[BOND_MAX] = {[BOND_STATEMENT] = "statement",
	[BOND_ROLE] = "role",
	[BOND_PATH] = "path",
	[BOND_OBJECTS] = "objects",
	[BOND_SETTINGS] = "settings",
	[BOND_POLICY] = "policy"};

static json_t *binding_of(const struct bond *b)
{
	static const uint8_t none[BOND_LEN];
	char hex[2 * BOND_LEN + 1];
	json_t *o = json_object();

	for (unsigned i = 0; o && i < BOND_MAX; i++) {
		hex_of(b->part[i], BOND_LEN, hex);
		json_object_set_new(o, part_key[i], json_string(hex));
	}
	if (o && memcmp(b->shape, none, BOND_LEN) != 0) {
		hex_of(b->shape, BOND_LEN, hex);
		json_object_set_new(o, "shape", json_string(hex));
	}
	return o;
}

static bool bond_take(const json_t *spec, struct bond *out)
{
	const json_t *o = json_object_get(spec, "binding");

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < BOND_MAX; i++)
		if (!bytes_of(text(o, part_key[i]), out->part[i]))
			return false;
	return !json_object_get(o, "shape") || bytes_of(text(o, "shape"), out->shape);
}

/* ---- seals ---- */

/* In a form that does not hang on who wrote it down: keys in their order, no blanks. */
static bool seal_of(const struct cluster_home *h, const char *kind, const char *name, const json_t *spec,
	char out[2 * HMAC_LEN + 1])
{
	json_t *bare = json_copy((json_t *)spec);
	struct span parts[] = {{(const uint8_t *)kind, strlen(kind) + 1},
		{(const uint8_t *)h->space, strlen(h->space) + 1}, {(const uint8_t *)name, strlen(name) + 1},
		{0}};
	char *words;
	uint8_t mac[HMAC_LEN];

	if (!bare)
		return false;
	json_object_del(bare, "seal");
	words = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(bare);
	if (!words)
		return false;
	parts[3] = (struct span){(const uint8_t *)words, strlen(words)};
	hmac_sha256(&h->seal, parts, ARRAY_LEN(parts), mac);
	free(words);
	hex_of(mac, sizeof(mac), out);
	return true;
}

static bool sealed(const struct cluster_home *h, const char *kind, const json_t *object, const char *name)
{
	const json_t *spec = json_object_get(object, "spec");
	const char *seal = text(spec, "seal");
	char right[2 * HMAC_LEN + 1];
	unsigned differs = 0;

	if (strlen(seal) != 2ul * HMAC_LEN || !seal_of(h, kind, name, spec, right))
		return false;
	for (unsigned i = 0; i < 2 * HMAC_LEN; i++)
		differs |= (unsigned char)seal[i] ^ (unsigned char)right[i];
	return differs == 0;
}

/* With its seal; takes spec. */
static json_t *object_of(const struct cluster_home *h, const char *kind, const char *name, json_t *spec)
{
	char seal[2 * HMAC_LEN + 1];

	if (!spec || !seal_of(h, kind, name, spec, seal) ||
		json_object_set_new(spec, "seal", json_string(seal))) {
		json_decref(spec);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "apiVersion", "pgveil.dev/v1", "kind", kind,
		"metadata", "name", name, "namespace", h->space, "spec", spec);
}

/* ---- what comes ---- */

static bool names_take(
	const struct cluster_home *h, const json_t *object, char name[CLUSTER_NAME], char uid[CLUSTER_NAME])
{
	const json_t *meta = json_object_get(object, "metadata");

	return strcmp(text(meta, "namespace"), h->space) == 0 && *text(meta, "uid") &&
	       copy(name, CLUSTER_NAME, text(meta, "name")) && copy(uid, CLUSTER_NAME, text(meta, "uid"));
}

static void decision_take(const json_t *status, struct cluster_approval *out)
{
	const char *decision = text(status, "decision");
	json_int_t for_s = json_integer_value(json_object_get(status, "forSeconds"));

	/* an approval of somebody whose name cannot be told is none */
	if (!copy(out->approver, sizeof(out->approver), text(status, "approver")) || !out->approver[0])
		return;
	out->decided = *decision != '\0';
	out->approved = strcmp(decision, "approve") == 0;
	out->uses = count_of(status, "uses");
	out->for_s = for_s > 0 ? (uint64_t)for_s : 0;
	out->shape = json_is_true(json_object_get(status, "shape"));
	snprintf(out->reason, sizeof(out->reason), "%s", text(status, "reason"));
}

bool cluster_approval_take(const struct cluster_home *h, const json_t *object, struct cluster_approval *out)
{
	const json_t *spec = json_object_get(object, "spec"), *status = json_object_get(object, "status");

	*out = (struct cluster_approval){0};
	if (!names_take(h, object, out->name, out->uid) ||
		!sealed(h, "StatementApproval", object, out->name) || !bond_take(spec, &out->bond))
		return false;
	out->mine = strcmp(text(json_object_get(spec, "requester"), "node"), h->node) == 0;
	out->expires = seconds_of(text(spec, "expires"));
	if (!copy(out->state, sizeof(out->state), text(status, "state")))
		return false;
	snprintf(out->message, sizeof(out->message), "%s", text(status, "message"));
	decision_take(status, out);
	return true;
}

static void approvers_take(const json_t *spec, char *out, size_t max)
{
	size_t n = 0, i;
	json_t *x;

	json_array_foreach(json_object_get(spec, "approvers"), i, x)
	{
		const char *name = json_string_value(x);

		/* one that is cut off would be another one, or none */
		if (!name || n + strlen(name) + 3 > max)
			continue;
		n += (size_t)snprintf(out + n, max - n, "%s%s", n ? ", " : "", name);
	}
}

bool cluster_grant_take(const struct cluster_home *h, const json_t *object, struct cluster_grant *out)
{
	const json_t *spec = json_object_get(object, "spec"), *status = json_object_get(object, "status");
	const json_t *used = json_object_get(status, "used");
	json_int_t rows = json_integer_value(json_object_get(spec, "rows"));
	json_int_t bytes = json_integer_value(json_object_get(spec, "bytes"));

	*out = (struct cluster_grant){0};
	if (!names_take(h, object, out->name, out->uid) || !sealed(h, "StatementGrant", object, out->name) ||
		!bond_take(spec, &out->bond) ||
		!copy(out->approval, sizeof(out->approval), text(spec, "approval")) ||
		!copy(out->state, sizeof(out->state), text(status, "state")))
		return false;
	out->terms = (struct cluster_terms){.uses = count_of(spec, "uses"),
		.expires = seconds_of(text(spec, "expires")),
		.ends = json_is_true(json_object_get(spec, "ends")),
		.shaped = json_is_true(json_object_get(spec, "shaped")),
		.rows = rows > 0 ? (uint64_t)rows : 0,
		.bytes = bytes > 0 ? (uint64_t)bytes : 0};
	approvers_take(spec, out->approvers, sizeof(out->approvers));
	out->used = count_of(status, "used");
	/* a number that is none is no zero */
	return !used || (json_is_integer(used) && json_integer_value(used) == (json_int_t)out->used);
}

bool cluster_grant_lives(const struct cluster_grant *g, int64_t now_s)
{
	return g->used < g->terms.uses && g->terms.expires > now_s &&
	       (!g->state[0] || strcmp(g->state, "active") == 0);
}

/* ---- what is made ---- */

static void put_text(json_t *o, const char *key, const char *value)
{
	if (*value)
		json_object_set_new(o, key, json_string(value));
}

static json_t *requester_of(const struct cluster_home *h, const json_t *shown)
{
	const json_t *pod = json_object_get(shown, "pod"), *uid = json_object_get(shown, "uid");
	json_t *o = json_pack("{s:s, s:s}", "node", h->node, "identity", text(shown, "identity"));

	if (!o)
		return NULL;
	put_text(o, "namespace", text(pod, "namespace"));
	put_text(o, "pod", text(pod, "name"));
	put_text(o, "serviceAccount", text(pod, "service_account"));
	put_text(o, "cgroup", text(shown, "cgroup"));
	put_text(o, "comm", text(shown, "comm"));
	if (uid)
		json_object_set(o, "uid", (json_t *)uid);
	return o;
}

static void put_estimates(json_t *spec, const json_t *shown)
{
	const json_t *estimate = json_object_get(shown, "estimate"), *lift = json_object_get(shown, "lift");
	char line[512];

	if (json_object_get(estimate, "rows")) {
		snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " rows",
			json_integer_value(json_object_get(estimate, "rows")));
		put_text(spec, "estimate", line);
	} else if (*text(estimate, "none")) {
		snprintf(line, sizeof(line), "none: %s", text(estimate, "none"));
		put_text(spec, "estimate", line);
	}
	if (!json_is_object(lift))
		return;
	snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " rows, more than %s leaves",
		json_integer_value(json_object_get(lift, "rows")), text(lift, "limit"));
	put_text(spec, "wants", line);
}

/* "$1 (integer), now 7" */
static void put_opens(json_t *spec, const json_t *shown)
{
	const json_t *list = json_object_get(shown, "opens");
	json_t *out, *x;
	size_t i;

	if (!json_array_size(list) || !(out = json_array()))
		return;
	json_array_foreach((json_t *)list, i, x)
	{
		char line[1024];
		json_t *s;

		snprintf(line, sizeof(line), "%s (%s), now %.800s", text(x, "place"), text(x, "kind"),
			text(x, "now"));
		s = json_string(line);
		/* cut off within a character */
		json_array_append_new(out, s ? s : json_string(text(x, "place")));
	}
	json_object_set_new(spec, "opens", out);
}

json_t *cluster_approval_make(const struct cluster_home *h, const char *name, const json_t *shown,
	const struct bond *bond, int64_t expires, unsigned required)
{
	static const struct {
		const char *key, *from;
	} texts[] = {{"dbname", "dbname"}, {"role", "role"}, {"searchPath", "search_path"}, {"tag", "tag"},
		{"rule", "rule"}, {"why", "why"}, {"reason", "reason"}, {"shape", "shape"}};
	static const char *const lists[] = {"parameters", "relations", "locked"};
	char date[DATE_LEN];
	json_t *spec;

	date_of(expires, date);
	spec = json_pack("{s:o, s:s, s:s, s:s, s:b, s:i, s:s, s:o}", "requester", requester_of(h, shown),
		"database", text(shown, "database"), "kind", text(shown, "kind"), "statement",
		text(shown, "statement"), "inTransaction",
		json_is_true(json_object_get(shown, "in_transaction")), "required", (int)required, "expires",
		date, "binding", binding_of(bond));
	if (!spec)
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
		put_text(spec, texts[i].key, text(shown, texts[i].from));
	for (unsigned i = 0; i < ARRAY_LEN(lists); i++)
		if (json_array_size(json_object_get(shown, lists[i])))
			json_object_set(spec, lists[i], json_object_get(shown, lists[i]));
	put_estimates(spec, shown);
	put_opens(spec, shown);
	return object_of(h, "StatementApproval", name, spec);
}

json_t *cluster_grant_make(const struct cluster_home *h, const char *name, const char *approval,
	const struct bond *bond, const struct cluster_terms *terms, const json_t *approvers)
{
	char date[DATE_LEN];
	json_t *spec;

	date_of(terms->expires, date);
	spec = json_pack("{s:s, s:s, s:i, s:s, s:b, s:b, s:I, s:I, s:O, s:o}", "approval", approval, "node",
		h->node, "uses", (int)terms->uses, "expires", date, "ends", terms->ends, "shaped",
		terms->shaped, "rows", (json_int_t)terms->rows, "bytes", (json_int_t)terms->bytes,
		"approvers", approvers, "binding", binding_of(bond));
	return object_of(h, "StatementGrant", name, spec);
}

json_t *cluster_grant_use(const struct cluster_home *h, const json_t *object, int64_t now_s)
{
	const json_t *spec = json_object_get(object, "spec"), *status = json_object_get(object, "status");
	json_int_t used = json_integer_value(json_object_get(status, "used")) + 1;
	bool last = used >= json_integer_value(json_object_get(spec, "uses"));
	json_t *o = json_copy((json_t *)object), *uses = json_copy(json_object_get(status, "uses"));
	char date[DATE_LEN];

	date_of(now_s, date);
	uses = json_is_array(uses) ? uses : json_array();
	json_array_append_new(uses, json_pack("{s:s, s:s}", "node", h->node, "at", date));
	if (!o || json_object_set_new(o, "status",
			  json_pack("{s:I, s:s, s:o}", "used", used, "state", last ? "used" : "active",
				  "uses", uses))) {
		json_decref(o);
		return NULL;
	}
	return o;
}
