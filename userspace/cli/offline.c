/* SPDX-License-Identifier: MIT */
#include "cli/offline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mask/jsonpath.h"
#include "mask/pattern.h"
#include "mask/regex.h"
#include "base/unix_address.h"
#include "policy/glob.h"

#define SCHEMA_MAX ((size_t)64 << 20)

/* As the daemon finds it: the first component that ends in .service or .scope. */
static void unit_of(const char *cgroup, char *out, size_t cap)
{
	for (const char *s = cgroup; (s = strchr(s, '/')) != NULL;) {
		size_t n = strcspn(++s, "/");

		if ((n > 8 && strncmp(s + n - 8, ".service", 8) == 0) ||
			(n > 6 && strncmp(s + n - 6, ".scope", 6) == 0)) {
			if (n < cap)
				snprintf(out, cap, "%.*s", (int)n, s);
			return;
		}
	}
}

int offline_caller(struct caller *who, const char *cgroup, const char *unit, const char *uid, struct err *e)
{
	char *end = NULL;
	unsigned long n = UINT32_MAX;

	*who = (struct caller){.uid = UINT32_MAX};
	if (cgroup && (cgroup[0] != '/' || strlen(cgroup) >= sizeof(who->cgroup)))
		return err_set(e, -EINVAL, "a cgroup is a path below the cgroup root that begins with /");
	if (unit && strlen(unit) >= sizeof(who->unit))
		return err_set(e, -EINVAL, "the unit's name is too long");
	if (cgroup)
		strcpy(who->cgroup, cgroup);
	if (unit)
		strcpy(who->unit, unit);
	else
		unit_of(who->cgroup, who->unit, sizeof(who->unit));
	if (uid)
		n = strtoul(uid, &end, 10);
	if (uid && (!*uid || *end || uid[0] == '-' || n >= UINT32_MAX))
		return err_set(e, -EINVAL, "a uid is a number");
	who->uid = (uint32_t)n;
	return 0;
}

int offline_read_file(const char *file, size_t max, uint8_t **text, size_t *n, struct err *e)
{
	FILE *f = fopen(file, "re");
	size_t cap = 65536;
	int r = 0;

	*text = NULL;
	*n = 0;
	if (!f)
		return err_set(e, -errno, "%.150s: %s", file, strerror(errno));
	while (!r && !feof(f)) {
		uint8_t *grown = realloc(*text, cap *= 2);

		if (!grown) {
			r = err_set(e, -ENOMEM, "%.150s: out of memory", file);
			break;
		}
		*text = grown;
		*n += fread(*text + *n, 1, cap - *n, f);
		if (ferror(f))
			r = err_set(e, -EIO, "%.150s: %s", file, strerror(errno));
		else if (*n > max)
			r = err_set(e, -EFBIG, "%.150s: larger than %zu bytes", file, max);
	}
	fclose(f);
	return r;
}

/* The dialled place, as far as a command line can know it: a host name is compared as it is written. */
struct place {
	const struct policy *policy;
	const struct database *like; /* no address: where this entry points to */
	char host[256];
	uint16_t port;
	struct sockaddr_storage address; /* ss_family 0: host is a name */
};

static enum coverage covers(void *arg, unsigned i)
{
	const struct place *p = arg;
	const struct database *d = policy_database_at(p->policy, i);

	bool same;

	if (p->like && p->like->socket)
		same = database_covers(d, (const struct sockaddr *)p->like->socket, NULL, 0);
	else if (p->like)
		same = !d->socket && d->port == p->like->port && d->is_name == p->like->is_name &&
		       d->prefix == p->like->prefix && strcasecmp(d->host, p->like->host) == 0;
	else if (p->address.ss_family)
		same = !d->is_name && database_covers(d, (const struct sockaddr *)&p->address, NULL, 0);
	else
		same = d->is_name && d->port == p->port && strcasecmp(d->host, p->host) == 0;
	return same ? COVERS_YES : COVERS_NO;
}

static int read_place(struct place *p, const char *address, struct err *e)
{
	const char *colon = strrchr(address, ':'), *host = address;
	size_t n = colon ? (size_t)(colon - host) : 0;
	struct sockaddr_in6 *in6 = (void *)&p->address;
	struct sockaddr_in *in = (void *)&p->address;
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
	const char *why;

	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (!n || n >= sizeof(p->host) || !port || port > UINT16_MAX)
		return err_set(e, -EINVAL, "an address is host:port");
	memcpy(p->host, host, n);
	p->port = (uint16_t)port;
	if (host[0] == '/' || host[0] == '@') {
		why = unix_address_of_server(&p->address, p->host, p->port);
		return why ? err_set(e, -EINVAL, "the address %s", why) : 0;
	}
	if (inet_pton(AF_INET, p->host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(p->port);
	} else if (inet_pton(AF_INET6, p->host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(p->port);
	}
	return 0;
}

static const char *database_name(const struct database *d)
{
	for (unsigned i = 0; i < d->nglobs; i++)
		if (glob_literal(d->globs[i]))
			return d->globs[i];
	return "postgres";
}

static int try_grant(struct offline *o, struct place *p, const char *database, struct err *e)
{
	o->database = database;
	return policy_grant(o->policy, &o->options->who, covers, p, database, &o->mem, &o->grant, e);
}

/* Without an address or a name: the first entry that lets the caller in; its first refusal, where none does.
 */
static int find_grant(struct offline *o, struct err *e)
{
	struct place place = {.policy = o->policy};
	const char *name = o->options->database;
	int r = -EACCES;

	if (o->options->address) {
		r = read_place(&place, o->options->address, e);
		if (r)
			return r;
		if (name)
			return try_grant(o, &place, name, e);
		r = -EACCES;
	}
	for (unsigned i = 0; r == -EACCES && i < policy_databases(o->policy); i++) {
		const struct database *d = policy_database_at(o->policy, i);

		if (!o->options->address)
			place.like = d;
		r = try_grant(o, &place, name ? name : database_name(d), i ? NULL : e);
	}
	return r;
}

int offline_open(
	struct offline *o, const struct offline_options *options, struct complaints *c, struct err *e)
{
	uint8_t *text = NULL;
	size_t n;
	int r;

	*o = (struct offline){.options = options};
	r = policy_load(&o->policy, options->policies, options->npolicies, c);
	if (r)
		return err_set(e, r, "the policy has mistakes");
	if (!policy_databases(o->policy))
		return err_set(e, -EINVAL, "no policy was given");
	r = offline_read_file(options->schema, SCHEMA_MAX, &text, &n, e);
	if (!r) {
		struct err why = {0};

		r = catalog_from_ddl(&o->catalog, span_of(text, n), &why);
		if (r)
			err_set(e, r == -EACCES ? -EINVAL : r, "%.80s: %.150s", options->schema, why.msg);
	}
	free(text);
	if (r) /* -EACCES is the policy's word, not the file system's */
		return e->code = r == -EACCES ? -EINVAL : r;
	r = find_grant(o, e);
	if (!r)
		r = binding_new(&o->binding, o->policy, &o->grant, o->catalog, NULL, false, NULL, e);
	return r;
}

void offline_close(struct offline *o)
{
	binding_unref(o->binding);
	catalog_unref(o->catalog);
	policy_unref(o->policy);
	arena_fini(&o->mem);
	*o = (struct offline){0};
}

static int judge_text(const struct offline *o, struct span text, struct arena *a, struct judged *out,
	struct analysis *analysis, struct err *e)
{
	struct name_scope scope = {.catalog = o->catalog,
		.path = o->options->path,
		.npath = o->options->npath,
		.own_settings = true}; /* as in a session that is new */
	int position;

	*out = (struct judged){0};
	*analysis = (struct analysis){0};
	if (analyze(&scope, text, a, analysis, &position, NULL))
		*analysis = (struct analysis){0}; /* the judgement says why */
	return plan_judge(o->binding, &scope, text, a, out, e);
}

static bool denied(const struct judged *js)
{
	for (unsigned i = 0; i < js->n; i++)
		if (js->plans[i]->verdict != ALLOW)
			return true;
	return js->n == 0;
}

/* As the daemon does: of two texts that show the same it sends the one that passes. */
int offline_judge(const struct offline *o, struct span text, struct arena *a, struct judged *out,
	struct analysis *analysis, struct err *e)
{
	struct judged sent;
	struct analysis of_sent;
	const char *instead;
	int r;

	*out = (struct judged){0};
	*analysis = (struct analysis){0};
	if (!grant_judges(&o->grant))
		return 0;
	r = judge_text(o, text, a, out, analysis, e);
	instead = !r && out->n == 1 && denied(out) ? out->plans[0]->instead : NULL;
	if (!instead)
		return r;
	r = judge_text(o, span_of(instead, strlen(instead)), a, &sent, &of_sent, e);
	if (!r && !denied(&sent)) {
		*out = sent;
		*analysis = of_sent;
	}
	return r;
}

static const char *or_no_memory(const char *s)
{
	return s ? s : "out of memory";
}

static const char *partial_text(const struct mask *m, const char *what, struct arena *a)
{
	if (!m->last)
		return or_no_memory(arena_printf(a, "%s, keeps the first %u", what, m->first));
	if (!m->first)
		return or_no_memory(arena_printf(a, "%s, keeps the last %u", what, m->last));
	return or_no_memory(arena_printf(a, "%s, keeps the first %u and last %u", what, m->first, m->last));
}

static const char *detectors_text(const struct mask *m, struct arena *a)
{
	const struct detectors *d = &m->detectors;
	const char *text = "";

	for (unsigned i = 0; i < DETECTOR_COUNT; i++)
		if (detectors_has(d, (enum detector)i))
			text = or_no_memory(
				arena_printf(a, "%s%s%s", text, *text ? ", " : "", detector_name(i)));
	for (unsigned i = 0; i < d->nown; i++)
		text = or_no_memory(
			arena_printf(a, "%s%s%s", text, *text ? ", " : "", pattern_name(d->own[i])));
	return text;
}

static const char *detect_text_of(const struct mask *m, struct arena *a)
{
	static const char *const with[] = {"null", "redact", "label", "partial"};
	const char *text =
		or_no_memory(arena_printf(a, "detect %s, %s", detectors_text(m, a), with[m->replace]));

	return m->replace == REPLACE_PARTIAL ? partial_text(m, text, a) : text;
}

static const char *keyed_text(const struct mask *m, const char *what, struct arena *a)
{
	return m->domain[0] ? or_no_memory(arena_printf(a, "%s, domain %s", what, m->domain)) : what;
}

static const char *fpe_text_of(const struct mask *m, struct arena *a)
{
	const char *text = or_no_memory(arena_printf(a, "fpe of %s%s", m->alphabet, m->luhn ? ", Luhn" : ""));

	text = keyed_text(m, text, a);
	return m->first + m->last ? partial_text(m, text, a) : text;
}

static const char *noise_text(const struct mask *m, struct arena *a)
{
	const char *text = or_no_memory(arena_printf(a, "number, noise of %s%g",
		m->relative ? "the value times " : "", (double)m->noise / NOISE_ONE));

	return keyed_text(m, text, a);
}

static const char *own_text(const struct mask *m, struct arena *a);

static const char *paths_text(const struct mask *m, struct arena *a)
{
	const char *text = "jsonpath";

	for (unsigned i = 0; i < jsonpath_count(m->paths); i++) {
		const struct mask *of = jsonpath_mask(m->paths, i);

		text = or_no_memory(arena_printf(
			a, "%s %s: %s,", text, jsonpath_text(m->paths, i), of ? own_text(of, a) : "keep"));
	}
	return or_no_memory(
		arena_printf(a, "%s else %s", text, jsonpath_keeps(m->paths) ? "keep" : "redact"));
}

static const char *own_text(const struct mask *m, struct arena *a)
{
	switch (m->kind) {
	case MASK_NULL:
	case MASK_REDACT: return mask_kind_name(m->kind);
	case MASK_FIXED: return or_no_memory(arena_printf(a, "fixed \"%.100s\"", m->fixed));
	case MASK_FAKE: return keyed_text(m, or_no_memory(arena_printf(a, "fake %s", fake_name(m->fake))), a);
	case MASK_HASH: return keyed_text(m, "hash", a);
	case MASK_TOKEN: return keyed_text(m, m->mail ? "token, e-mail" : "token", a);
	case MASK_DATE:
		return or_no_memory(arena_printf(a, "date, truncated to the %s", time_unit_name(m->unit)));
	case MASK_SHIFT:
		return keyed_text(m,
			or_no_memory(
				arena_printf(a, "date, shifted by up to %u days by %s", m->days, m->entity)),
			a);
	case MASK_NUMBER:
		return or_no_memory(arena_printf(a,
			m->bucket ? "number, buckets of %" PRIu64 : "number, rounded to %" PRIu64, m->step));
	case MASK_NOISE: return noise_text(m, a);
	case MASK_EMAIL: return m->keep_domain ? "email, keeps the domain" : "email";
	case MASK_FPE: return fpe_text_of(m, a);
	case MASK_PARTIAL: return partial_text(m, "partial", a);
	case MASK_REGEX:
		return or_no_memory(
			arena_printf(a, "regex %.100s, %s becomes \"%.100s\"", regex_pattern(m->regex),
				regex_match(m->regex) == REGEX_WHOLE ? "the whole" : "each match",
				regex_template(m->regex)));
	case MASK_JSONPATH: return paths_text(m, a);
	case MASK_DETECT: return detect_text_of(m, a);
	}
	return "?";
}

const char *offline_mask_text(const struct mask *m, struct arena *a)
{
	const char *text = own_text(m, a);

	if (m->kind == MASK_DETECT || detectors_none(&m->detectors))
		return text;
	return or_no_memory(arena_printf(a, "%s; redact where there is %s", text, detectors_text(m, a)));
}

static const char *aggregates_text(const struct permit *p, struct arena *a)
{
	const char *list = "";

	for (unsigned v = 1; v < VIA_MAX; v++)
		if (p->aggregates >> v & 1)
			list = or_no_memory(
				arena_printf(a, "%s%s%s", list, *list ? ", " : "", via_name((enum via)v)));
	if (!*list)
		return "no aggregate";
	return p->aggregates == 1u << VIA_COUNT
		       ? list
		       : or_no_memory(arena_printf(a, "%s of %u", list, p->min_group));
}

const char *offline_permit_text(const struct permit *p, struct arena *a)
{
	const char *asked = "";

	switch (p->predicates) {
	case PREDICATES_DENY: break;
	case PREDICATES_EQUALITY:
		asked = or_no_memory(arena_printf(a, "equality, %u in %u s", p->constants, p->period_s));
		break;
	case PREDICATES_ALLOW: asked = "any predicate"; break;
	}
	if (p->aggregates == 1u << VIA_COUNT)
		return asked;
	return or_no_memory(arena_printf(a, "%s%s%s", asked, *asked ? "; " : "", aggregates_text(p, a)));
}

const char *offline_action_text(const struct column_plan *c, struct arena *a)
{
	switch (c->action) {
	case ACTION_PASS: return "pass";
	case ACTION_MASK:
		if (c->mask->kind != MASK_NULL)
			return or_no_memory(arena_printf(a, "mask:%s", mask_kind_name(c->mask->kind)));
		break;
	case ACTION_NULL: break;
	}
	return "null";
}
