/* SPDX-License-Identifier: MIT */
#include "main/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/credential.h"
#include "ctl/enrol.h"
#include "ctl/file_watch.h"
#include "ctl/kube_policy.h"
#include "ctl/resolver.h"
#include "main/daemon.h"
#include "net/worker.h"
#include "policy/policy.h"

/* What was said of the last try is not said again: one that waits for a secret is made every few seconds. */
static void tell(const struct daemon *d, const json_t *told)
{
	const json_t *one;
	size_t i;

	if (d->complaints && json_equal((json_t *)told, d->complaints))
		return;
	json_array_foreach((json_t *)told, i, one)
		log_event(LOG_ERROR, "policy.complaint", "%s", json_string_value(one));
}

static int load(const struct daemon *d, struct policy **out, json_t *told)
{
	struct policy_sources s = {
		.files = d->opt.policies,
		.nfiles = d->opt.npolicies,
		.secret_dirs = d->opt.kube_secret_dirs,
		.nsecret_dirs = d->opt.nkube_secret_dirs,
	};
	struct complaints c = {0};
	struct err e = {0};
	int r = d->kube_policy ? kube_policy_objects(d->kube_policy, &s.objects, &s.nobjects, &e) : 0;

	if (r)
		json_array_append_new(told, json_string(e.msg));
	else
		r = policy_load_all(out, &s, &c);
	for (unsigned i = 0; i < c.n; i++)
		json_array_append_new(told, json_string(c.line[i]));
	complaints_fini(&c);
	tell(d, told);
	return r;
}

static void tell_cluster(const struct daemon *d, bool loaded, const json_t *complaints)
{
	if (d->kube_policy)
		kube_policy_loaded(d->kube_policy, loaded, complaints, d->in_charge);
}

int reload_first(struct daemon *d)
{
	struct complaints none = {0};
	json_t *told = json_array();
	int r = told ? load(d, &d->policy, told) : -ENOMEM;

	if (r != -ENOMEM)
		tell_cluster(d, r == 0, told);
	if (r && r != -ENOMEM && d->kube_policy) {
		log_event(
			LOG_WARN, "policy.none", "nothing is let through until there is a policy that loads");
		d->complaints = json_incref(told);
		r = policy_load_all(&d->policy, &(struct policy_sources){0}, &none);
		complaints_fini(&none);
	}
	json_decref(told);
	return r;
}

struct paths {
	const char **v;
	unsigned n, cap;
};

static void add_path(void *arg, const char *path)
{
	struct paths *p = arg;

	if (p->n < p->cap)
		p->v[p->n] = path;
	p->n++;
}

int reload_watch(struct daemon *d, struct err *e)
{
	struct paths p = {0};
	int r;

	policy_key_files(d->policy, add_path, &p);
	p = (struct paths){.cap = p.n + d->opt.npolicies};
	p.v = calloc(p.cap ? p.cap : 1, sizeof(*p.v));
	if (!p.v)
		return err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < d->opt.npolicies; i++)
		add_path(&p, d->opt.policies[i]);
	policy_key_files(d->policy, add_path, &p);
	r = file_watch_take(d->watch, p.v, p.n, e);
	free(p.v);
	return r;
}

/* What `pgveil status` says of it until the next attempt. */
static void remember_failure(struct daemon *d, json_t *complaints)
{
	json_decref(d->complaints);
	d->complaints = json_incref(complaints);
	d->report.complaints = d->complaints;
	d->report.failed_at_s = (uint64_t)time(NULL);
}

int reload_policy(void *arg, json_t *complaints)
{
	struct daemon *d = arg;
	struct policy *p = NULL;
	struct err e = {0};
	int r;

	file_watch_mark(d->watch);
	r = load(d, &p, complaints);
	if (!r)
		r = resolver_set_policy(d->resolver, p, &e);
	/* Not the kernel's part when another daemon is in charge. */
	if (!r && d->enrol)
		r = enrol_policy(d->enrol, p, &e);
	if (r) {
		/* Back to what is in force; what the kernel knows already knew it. */
		if (e.msg[0]) {
			json_array_append_new(complaints, json_string(e.msg));
			if ((d->enrol && enrol_policy(d->enrol, d->policy, &e)) ||
				resolver_set_policy(d->resolver, d->policy, &e))
				log_event(LOG_ERROR, "policy.failed", "%s", e.msg);
		}
		tell_cluster(d, false, complaints);
		d->report.reload_failures++;
		if (!d->complaints || !json_equal(complaints, d->complaints))
			log_event(LOG_ERROR, "policy.kept",
				"the new policy is not taken; the one in force stays");
		remember_failure(d, complaints);
		policy_unref(p);
		return r;
	}
	/* A session whose new entry cannot be told to be its own would end. */
	resolver_wait(d->resolver, RESOLVE_MS);
	workers_set_policy(d->workers, p);
	policy_unref(d->policy);
	d->policy = p;
	d->report.policy = p;
	d->report.loaded_ms = clock_ms();
	d->report.loaded_at_s = (uint64_t)time(NULL);
	d->report.reloads++;
	tell_cluster(d, true, NULL);
	remember_failure(d, NULL);
	if (reload_watch(d, &e))
		log_event(LOG_WARN, "watch.failed", "%s", e.msg);
	credential_warn(p);
	log_with(LOG_INFO, "policy.loaded", LOG_FIELDS(LOG_NUMBER("version", policy_version(p))),
		"the policy was read anew");
	return 0;
}

void reload_now(void *arg)
{
	json_t *complaints = json_array();

	reload_policy(arg, complaints); /* says itself what became of it */
	json_decref(complaints);
}
