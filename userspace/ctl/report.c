/* SPDX-License-Identifier: MIT */
#include "ctl/report.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/unix_address.h"
#include "ctl/audit.h"
#include "ctl/clock.h"
#include "ctl/enrol.h"
#include "ctl/feed.h"
#include "ctl/budget_cluster.h"
#include "ctl/kube.h"
#include "ctl/kube_event.h"
#include "ctl/kube_policy.h"
#include "ctl/pods.h"
#include "ctl/recorder.h"
#include "ctl/ship.h"
#include "ctl/snapshot.h"
#include "kern/loader.h"
#include "net/worker.h"
#include "policy/policy.h"

/* Text of a process, which may be anything: what is not UTF-8 is left out. */
static json_t *text_of(const char *s)
{
	json_t *j = json_string(s);

	return j ? j : json_string("?");
}

/* An address of the maps (IPv4 is IPv4-mapped) and a port in host order. */
static json_t *endpoint(const uint8_t ip[16], uint16_t port)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(ip, mapped, sizeof(mapped)) == 0;
	char host[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 16];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, host, sizeof(host));
	snprintf(text, sizeof(text), v4 ? "%s:%u" : "[%s]:%u", host, port);
	return json_string(text);
}

static json_t *dialled(const struct sockaddr_storage *a)
{
	char host[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 16];
	const struct sockaddr_in *in = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;
	bool v4 = a->ss_family == AF_INET;
	char path[UNIX_PATH_CAP];

	if (a->ss_family == AF_UNIX) {
		unix_address_text((const struct sockaddr *)a, path);
		return text_of(path);
	}
	inet_ntop(a->ss_family, v4 ? (const void *)&in->sin_addr : &in6->sin6_addr, host, sizeof(host));
	snprintf(text, sizeof(text), v4 ? "%s:%u" : "[%s]:%u", host,
		ntohs(v4 ? in->sin_port : in6->sin6_port));
	return json_string(text);
}

struct listing {
	json_t *list;
	uint32_t run; /* of the recording */
};

static void add_session(void *arg, const struct session_view *v)
{
	const struct caller *who = v->caller;
	struct listing *l = arg;
	char status[2] = {v->status, '\0'};
	json_t *j = json_pack("{s:I, s:I, s:o, s:i, s:o, s:o, s:o}", "socket_cookie",
		(json_int_t)v->socket_cookie, "netns_cookie", (json_int_t)v->flow.netns_cookie, "application",
		endpoint(v->flow.local_ip, v->flow.local_port), "local_port", v->flow.local_port, "listener",
		endpoint(v->flow.remote_ip, v->flow.remote_port), "dialled", dialled(&who->dialled), "caller",
		json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "cgroup", text_of(who->cgroup), "unit",
			text_of(who->unit), "cgroup_id", (json_int_t)who->cgroup_id, "subject_cgroup_id",
			(json_int_t)who->subject_id, "uid", (json_int_t)who->uid, "tgid",
			(json_int_t)who->tgid, "comm", text_of(who->comm)));

	if (!j)
		return;
	if (who->pod)
		json_object_set_new(json_object_get(j, "caller"), "pod",
			json_pack("{s:o, s:o, s:o, s:o}", "namespace", text_of(who->pod->namespace), "name",
				text_of(who->pod->name), "uid", text_of(who->pod->uid), "service_account",
				text_of(who->pod->service_account)));
	json_object_set_new(j, "database", text_of(v->database));
	json_object_set_new(j, "dbname", text_of(v->dbname));
	json_object_set_new(j, "user", text_of(v->user));
	json_object_set_new(j, "state", text_of(v->state));
	json_object_set_new(j, "transaction", text_of(status));
	json_object_set_new(j, "judged", json_boolean(v->judged));
	json_object_set_new(j, "statements", json_integer((json_int_t)v->statements));
	json_object_set_new(j, "refused", json_integer((json_int_t)v->refused));
	json_object_set_new(j, "stopped", json_integer((json_int_t)v->stopped));
	json_object_set_new(j, "rows", json_integer((json_int_t)v->rows));
	json_object_set_new(j, "masked_cells", json_integer((json_int_t)v->masked_cells));
	json_object_set_new(j, "bytes_to_client", json_integer((json_int_t)v->bytes_to_client));
	json_object_set_new(j, "spliced_bytes", json_integer((json_int_t)v->spliced_bytes));
	json_object_set_new(j, "bytes_to_server", json_integer((json_int_t)v->bytes_to_server));
	json_object_set_new(j, "age_ms", json_integer((json_int_t)v->age_ms));
	if (v->recorded)
		json_object_set_new(
			j, "recording", json_sprintf("%u-%llu", l->run, (unsigned long long)v->recorded));
	else
		json_object_set_new(j, "recording", json_null());
	json_array_append_new(l->list, j);
}

json_t *report_sessions(const struct report *r)
{
	json_t *list = json_array();

	struct listing l = {.list = list, .run = recorder_run(r->recorder)};

	if (!list || workers_sessions(r->workers, add_session, &l)) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static void add_enrolment(void *arg, const struct enrol_view *v)
{
	json_t *cookies = json_array();

	for (unsigned i = 0; i < v->nnetns; i++)
		json_array_append_new(cookies, json_integer((json_int_t)v->netns_cookies[i]));
	json_array_append_new(arg,
		json_pack("{s:o, s:I, s:s, s:s, s:o, s:o}", "cgroup", text_of(v->cgroup), "id",
			(json_int_t)v->id, "by", enrolled_by_name(v->by), "state", enrol_stage_name(v->stage),
			"why", v->why[0] ? text_of(v->why) : json_null(), "netns_cookies", cookies));
}

static void add_pod(void *arg, const struct pods_view *v)
{
	const struct pod_verdict *is = v->verdict;
	const struct pod *p = is->pod;

	json_array_append_new(arg,
		json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:o}", "cgroup", text_of(v->cgroup), "state",
			pod_state_name(is->state), "why", text_of(is->why), "namespace",
			p ? text_of(p->namespace) : json_null(), "pod", p ? text_of(p->name) : json_null(),
			"service_account", p ? text_of(p->service_account) : json_null(), "gone", is->gone,
			"as_of_ms", is->as_of_ms ? json_integer((json_int_t)is->as_of_ms) : json_null()));
}

/* null where this is no node of a cluster. */
static json_t *events_of(struct kube_event *k)
{
	struct kube_event_counts c;

	kube_event_counts(k, &c);
	return json_pack("{s:I, s:I, s:I, s:s}", "written", (json_int_t)c.written, "failed",
		(json_int_t)c.failed, "dropped", (json_int_t)c.dropped, "trouble", c.trouble);
}

static json_t *budgets_of(struct budget_cluster *b)
{
	struct budget_cluster_counts c;

	budget_cluster_counts(b, &c);
	return json_pack("{s:I, s:I, s:I, s:b}", "written", (json_int_t)c.written, "conflicts",
		(json_int_t)c.conflicts, "failed", (json_int_t)c.failed, "away", c.away);
}

static json_t *cluster_of(const struct report *r)
{
	json_t *doc = r->kube ? kube_report(r->kube) : json_null(), *pods = json_array();

	if (!r->kube || !doc) {
		json_decref(pods);
		return doc;
	}
	enrol_each_pod(r->enrol, add_pod, pods);
	json_object_set_new(doc, "on_node", pods);
	if (r->kube_policy)
		json_object_set_new(doc, "policies", kube_policy_report(r->kube_policy));
	if (r->kube_event)
		json_object_set_new(doc, "events", events_of(r->kube_event));
	if (r->budgets)
		json_object_set_new(doc, "budgets", budgets_of(r->budgets));
	return doc;
}

static json_t *server_of(const struct server_facts *f)
{
	if (!f->version[0])
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:o}", "version", text_of(f->version), "encoding",
		text_of(f->encoding), "search_path", text_of(f->search_path), "role", text_of(f->role),
		"superuser", f->superuser, "bypasses_rls", f->bypasses_rls, "logins", text_of(f->logins));
}

static void add_feed(void *arg, const struct feed_view *v)
{
	json_array_append_new(arg,
		json_pack("{s:o, s:s, s:o, s:i, s:b, s:b, s:o, s:o, s:o}", "database", text_of(v->database),
			"address", v->address, "dbname", text_of(v->dbname), "sessions", (int)v->sessions,
			"running", v->running, "loaded", v->loaded, "age_ms",
			v->loaded ? json_integer((json_int_t)v->age_ms) : json_null(), "failure",
			v->failure[0] ? text_of(v->failure) : json_null(), "server", server_of(v->facts)));
}

static json_t *uids_of(const struct policy *p)
{
	json_t *list = json_array();
	const uint32_t *uids;
	unsigned n = policy_uids(p, &uids);

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)uids[i]));
	return list;
}

static json_t *counters_of(const struct kern *k)
{
	json_t *o = json_object();

	for (enum counter c = 0; c < COUNTER_MAX; c++)
		json_object_set_new(o, kern_counter_name(c), json_integer((json_int_t)kern_counter(k, c)));
	return o;
}

static json_t *unserved_of(const struct workers_stats *st)
{
	json_t *o = json_object();

	for (enum unserved u = 0; u < UNSERVED_MAX; u++)
		json_object_set_new(o, unserved_name(u), json_integer((json_int_t)st->unserved[u]));
	return o;
}

static json_t *audit_of(struct audit *a)
{
	struct audit_stats st;

	audit_stats(a, &st);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "rounds", (json_int_t)st.rounds, "cut",
		(json_int_t)st.cut, "ended", (json_int_t)st.ended, "not_ended", (json_int_t)st.not_ended,
		"foreign", (json_int_t)st.foreign, "age_ms", (json_int_t)st.age_ms, "can_end", st.can_end);
}

static void add_denied(void *arg, const char *cgroup)
{
	json_array_append_new(arg, text_of(cgroup));
}

json_t *report_status(const struct report *r)
{
	json_t *enrolled = json_array(), *feeds = json_array(), *denied = json_array();
	struct workers_stats st;
	struct err e = {0};
	json_t *j;
	int lost = kern_check(r->kern, &e);

	workers_stats(r->workers, &st);
	enrol_each(r->enrol, add_enrolment, enrolled);
	enrol_each_denied(r->enrol, add_denied, denied);
	feeds_each(r->feeds, add_feed, feeds);
	j = json_pack("{s:s, s:i, s:I, s:i, s:i, s:I, s:s, s:s, s:s}", "version", PGVEIL_VERSION, "pid",
		(int)getpid(), "uptime_ms", (json_int_t)(clock_ms() - r->since_ms), "workers",
		(int)workers_count(r->workers), "connections", (int)st.connections, "accepted",
		(json_int_t)st.accepted, "cgroup_mount", r->cgroup_mount, "guarded", r->cgroup_root,
		"pin_dir", r->pin_dir);
	if (j) {
		json_object_set_new(j, "unguarded", lost ? text_of(e.msg) : json_null());
		json_object_set_new(
			j, "unix_sockets", json_string(unix_guard_name(kern_unix_guard(r->kern))));
		json_object_set_new(j, "policy", report_policies(r));
		json_object_set(j, "enrolled", enrolled);
		json_object_set(j, "denied", denied);
		json_object_set(j, "catalogues", feeds);
		json_object_set_new(j, "kernel", counters_of(r->kern));
		json_object_set_new(j, "audit", audit_of(r->audit));
		json_object_set_new(j, "unserved", unserved_of(&st));
		json_object_set_new(j, "kubernetes", cluster_of(r));
		json_object_set_new(j, "ship", ship_status(r->ship));
	}
	json_decref(enrolled);
	json_decref(denied);
	json_decref(feeds);
	return j;
}

static const char *tls_name(enum tls_mode m)
{
	switch (m) {
	case TLS_VERIFY_FULL: return "verify-full";
	case TLS_REQUIRE: return "require";
	case TLS_DISABLE: return "disable";
	}
	return "?";
}

static json_t *file_of(const char *path)
{
	return path ? text_of(path) : json_null();
}

/* Where secrets are, never what they are. */
static json_t *database_of(const struct database *d)
{
	return json_pack("{s:o, s:o, s:i, s:i, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:s}", "name",
		text_of(d->name), "host", text_of(d->host), "port", d->port, "prefix", (int)d->prefix, "tls",
		tls_name(d->tls), "user", d->user ? text_of(d->user) : json_null(), "insecure_auth",
		d->insecure_auth, "password_file", file_of(d->password_file), "cert_file",
		file_of(d->cert_file), "key_file", file_of(d->key_file), "ca_file", file_of(d->ca_file),
		"credential", d->relay ? "relay" : "own");
}

static void add_text(void *arg, const char *text)
{
	json_array_append_new(arg, text_of(text));
}

json_t *report_policies(const struct report *r)
{
	json_t *files = json_array(), *databases = json_array(), *warnings = json_array();
	json_t *failure = NULL;

	policy_warnings(r->policy, add_text, warnings);
	for (unsigned i = 0; i < r->npolicy_files; i++)
		json_array_append_new(files, text_of(r->policy_files[i]));
	for (unsigned i = 0; i < policy_databases(r->policy); i++) {
		const struct database *d = policy_database_at(r->policy, i);

		json_array_append_new(databases, database_of(d));
	}
	if (r->complaints)
		failure = json_pack("{s:I, s:O}", "at", (json_int_t)r->failed_at_s, "complaints",
			(json_t *)(uintptr_t)r->complaints);
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "version",
		(json_int_t)policy_version(r->policy), "age_ms", (json_int_t)(clock_ms() - r->loaded_ms),
		"loaded_at", (json_int_t)r->loaded_at_s, "files", files, "databases", databases, "uids",
		uids_of(r->policy), "warnings", warnings, "failure", failure ? failure : json_null());
}
