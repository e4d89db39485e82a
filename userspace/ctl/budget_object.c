/* SPDX-License-Identifier: MIT */
#include "ctl/budget_object.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/kube_api.h"

#define NUMBER_MAX ((uint64_t)INT64_MAX)
#define NAME_BYTES 16u
#define PREFIX     "xb-"

int budget_object_name(const char *key, char out[BUDGET_NAME_LEN], struct err *e)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = sizeof(hash);
	size_t len = strlen(key);

	if (len > BUDGET_KEY_MAX)
		return err_set(e, -ENAMETOOLONG, "the subject is too long to be named in an ExportBudget");
	if (EVP_Digest(key, len, hash, &n, EVP_sha256(), NULL) != 1)
		return err_set(e, -ENOMEM, "out of memory");
	strcpy(out, PREFIX);
	for (unsigned i = 0; i < NAME_BYTES; i++)
		snprintf(out + sizeof(PREFIX) - 1 + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

json_t *budget_object_make(const char *name, const char *space, const char *key)
{
	const char *split = strstr(key, ": ");

	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s%, s:s}}", "apiVersion", "pgveil.dev/v1",
		"kind", "ExportBudget", "metadata", "name", name, "namespace", space, "spec", "key", key,
		"policy", key, split ? (size_t)(split - key) : 0, "subject", split ? split + 2 : key);
}

static bool natural(const json_t *j, uint64_t *out)
{
	json_int_t n = json_integer_value(j);

	*out = n > 0 ? (uint64_t)n : 0;
	return json_is_integer(j) && n >= 0;
}

static bool holder_of(const json_t *j, struct pool_share *s)
{
	const char *hex = json_string_value(json_object_get(j, "holder"));
	char *end;

	if (!json_object_get(j, "holder"))
		return true;
	if (!hex || strlen(hex) != 16 || strspn(hex, "0123456789abcdef") != 16)
		return false;
	s->holder = strtoull(hex, &end, 16);
	s->node = json_string_value(json_object_get(j, "node"));
	return s->holder && natural(json_object_get(j, "number"), &s->number) && s->number;
}

static bool share_of(const json_t *j, struct pool_share *s)
{
	if (!json_is_object(j) || !holder_of(j, s) || !natural(json_object_get(j, "until"), &s->until_ms))
		return false;
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++)
		if (!natural(json_object_get(j, measure_name(m)), &s->n[m]))
			return false;
	return true;
}

static bool status_of(const json_t *status, struct pool *out)
{
	const json_t *leases = json_object_get(status, "leases"), *j;
	uint64_t period_s;
	size_t i;

	if (!natural(json_object_get(status, "periodSeconds"), &period_s) || period_s < 1 ||
		period_s > LIMIT_PERIOD_MAX_S ||
		!natural(json_object_get(status, "written"), &out->written_ms) ||
		!natural(json_object_get(status, "writes"), &out->writes) || !json_is_array(leases) ||
		json_array_size(leases) > POOL_SHARES_MAX)
		return false;
	out->period_s = (unsigned)period_s;
	json_array_foreach(leases, i, j)
	{
		if (!share_of(j, &out->v[out->n++]))
			return false;
	}
	return true;
}

int budget_object_take(const json_t *object, const char *key, struct pool *out, struct err *e)
{
	const json_t *status = json_object_get(object, "status");
	const char *theirs = json_string_value(json_object_get(json_object_get(object, "spec"), "key"));

	*out = (struct pool){0};
	if (!theirs || strcmp(theirs, key) != 0)
		return err_set(e, -EBADMSG, "an ExportBudget of that name is of something else");
	out->v = calloc(POOL_SHARES_MAX, sizeof(*out->v));
	if (!out->v)
		return err_set(e, -ENOMEM, "out of memory");
	out->cap = POOL_SHARES_MAX;
	if (!status || (json_is_object(status) && !json_object_size(status)) || status_of(status, out))
		return 0;
	budget_object_fini(out);
	return err_set(e, -EBADMSG, "what an ExportBudget says is not understood");
}

void budget_object_fini(struct pool *p)
{
	free(p->v);
	*p = (struct pool){0};
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)(n < NUMBER_MAX ? n : NUMBER_MAX));
}

static int put(json_t *o, const char *key, json_t *value)
{
	return value ? json_object_set_new(o, key, value) : -1;
}

static json_t *share_json(const struct pool_share *s)
{
	json_t *o = json_object();
	int r = o ? put(o, "until", number(s->until_ms)) : -1;

	for (enum measure m = MEASURE_ROWS; !r && m < MEASURES; m++)
		r = put(o, measure_name(m), number(s->n[m]));
	if (!r && s->holder) {
		r = put(o, "holder", json_sprintf("%016llx", (unsigned long long)s->holder));
		r = r ? r : put(o, "number", number(s->number));
		if (!r && s->node)
			r = put(o, "node", json_string(s->node));
	}
	if (!r)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *status_json(const struct pool *p, const uint64_t limit[MEASURES])
{
	json_t *leases = json_array(), *limits = json_object(), *spent = json_object(), *o;
	bool whole = leases && limits && spent;

	for (unsigned i = 0; whole && i < p->n; i++)
		whole = json_array_append_new(leases, share_json(&p->v[i])) == 0;
	for (enum measure m = MEASURE_ROWS; whole && m < MEASURES; m++) {
		if (limit[m] != LIMIT_NONE)
			whole = put(limits, measure_name(m), number(limit[m])) == 0;
		whole = whole && put(spent, measure_name(m), number(pool_sum(p, m))) == 0;
	}
	o = json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "periodSeconds", (int)p->period_s, "written",
		number(p->written_ms), "writes", number(p->writes), "at", kube_api_time(p->written_ms),
		"limit", limits, "spent", spent, "leases", leases);
	if (whole)
		return o;
	json_decref(o);
	return NULL;
}

json_t *budget_object_put(const json_t *object, const struct pool *p, const uint64_t limit[MEASURES])
{
	json_t *o = json_copy((json_t *)object), *status = status_json(p, limit);

	if (o && status && json_object_set(o, "status", status) == 0) {
		json_decref(status);
		return o;
	}
	json_decref(o);
	json_decref(status);
	return NULL;
}
