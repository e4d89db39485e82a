/* SPDX-License-Identifier: MIT */
/* Who may reach what, with which rules. A caller gets the rules of every document that names it and has an
 * entry for the place: a second document can add masks, never take one away. */
#include "policy/policy.h"

#include <errno.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/set.h"

/* A cgroup is also what is below it: a process that moves down keeps the rules of where it came from. The
 * length of the topmost part of path that glob names; 0: none. */
static size_t cgroup_named(const char *glob, const char *path)
{
	char prefix[sizeof(((struct caller *)0)->cgroup)];
	size_t n = strnlen(path, sizeof(prefix)), named = 0;

	if (path[0] != '/' || n == sizeof(prefix))
		return 0;
	memcpy(prefix, path, n + 1);
	for (;;) {
		char *slash;

		if (glob_match(GLOB_PATH, glob, prefix))
			named = strlen(prefix);
		slash = strrchr(prefix, '/');
		if (slash == prefix)
			return named;
		*slash = '\0';
	}
}

static bool place_named(const struct subject *s, const char *cgroup, const char *unit)
{
	if (s->cgroup && !cgroup_named(s->cgroup, cgroup))
		return false;
	return !s->unit || (*unit && glob_match(GLOB_NAME, s->unit, unit));
}

static bool pod_named(const struct pod_subject *s, const struct pod *pod)
{
	if (!pod || !s->namespace || !glob_match(GLOB_NAME, s->namespace, pod->namespace) ||
		(s->service_account && !glob_match(GLOB_NAME, s->service_account, pod->service_account)))
		return false;
	for (unsigned i = 0; i < s->nlabels; i++) {
		const char *value = pod_label(pod, s->labels[i].name);

		if (!value || strcmp(value, s->labels[i].value) != 0)
			return false;
	}
	return true;
}

static bool subject_names(const struct subject *s, const struct caller *who)
{
	return (s->cgroup || s->unit || s->has_uid || s->has_pods) &&
	       place_named(s, who->cgroup, who->unit) && (!s->has_uid || s->uid == who->uid) &&
	       (!s->has_pods || pod_named(&s->pods, who->pod));
}

static bool document_names(const struct document *d, const struct caller *who)
{
	for (unsigned i = 0; i < d->nsubjects; i++)
		if (subject_names(&d->subjects[i], who))
			return true;
	return false;
}

/* Whether s would name who if it were known where it is: its cgroup is gone, or nothing was said of its pod.
 */
static bool subject_may_name(const struct subject *s, const struct caller *who)
{
	if (s->has_uid && s->uid != who->uid)
		return false;
	if (!who->cgroup[0])
		return s->cgroup || s->unit || s->has_pods;
	return s->has_pods && who->in_pod && !who->pod && place_named(s, who->cgroup, who->unit);
}

static bool document_may_name(const struct document *d, const struct caller *who)
{
	for (unsigned i = 0; i < d->nsubjects; i++)
		if (subject_may_name(&d->subjects[i], who))
			return true;
	return false;
}

/* Of a subject that names who: the length of its cgroup's path; a uid alone has none, nor have pods: theirs
 * are as many as somebody starts. */
static size_t width(const struct subject *s, const struct caller *who)
{
	size_t n = strlen(who->unit);

	if (s->has_pods)
		return 0;
	if (s->cgroup)
		return cgroup_named(s->cgroup, who->cgroup);
	for (const char *at = who->cgroup; s->unit && (at = strchr(at, '/')) != NULL;)
		if (strncmp(++at, who->unit, n) == 0 && (at[n] == '/' || !at[n]))
			return (size_t)(at - who->cgroup) + n;
	return s->unit ? strlen(who->cgroup) : 0;
}

/* All that s, which names who, names at d. */
static const char *share_of(const struct subject *s, const struct caller *who, const struct database *d,
	const char *dbname, struct arena *a)
{
	char uid[24] = "";

	if (s->has_pods)
		return arena_printf(a, "%s at %s/%u:%u %s", s->key, d->host, d->prefix, d->port, dbname);
	if (s->has_uid)
		snprintf(uid, sizeof(uid), " uid %u", s->uid);
	return arena_printf(a, "%.*s%s at %s/%u:%u %s", (int)width(s, who), who->cgroup, uid, d->host,
		d->prefix, d->port, dbname);
}

static const char *identify(const struct policy *p, const struct caller *who, const char *dbname,
	struct arena *a, struct grant *g)
{
	const struct subject *widest = NULL;
	size_t least = 0;

	for (unsigned i = 0; i < p->documents.n; i++)
		for (unsigned j = 0; j < p->documents.v[i].nsubjects; j++) {
			const struct subject *s = &p->documents.v[i].subjects[j];
			size_t n = subject_names(s, who) ? width(s, who) : SIZE_MAX;

			if (n == SIZE_MAX || (widest && (n > least || (n == least && s->has_uid))))
				continue;
			widest = s;
			least = n;
		}
	return widest ? share_of(widest, who, g->database, dbname, a) : NULL;
}

/* Each once, and one more than there may be, so that it is seen. false: no memory. */
static bool add_share(struct grant *g, const char *share)
{
	for (unsigned i = 0; share && i < g->nshares; i++)
		if (strcmp(g->shares[i], share) == 0)
			return true;
	if (share && g->nshares <= GRANT_SHARES_MAX)
		g->shares[g->nshares++] = share;
	return share != NULL;
}

/* One more document has one more budget: it does not put a fresh one in the place of another's. */
static int add_shares(const struct document *d, const struct database *entry, const struct caller *who,
	const char *dbname, struct arena *a, struct grant *g, struct err *e)
{
	for (unsigned i = 0; i < d->nsubjects; i++)
		if (subject_names(&d->subjects[i], who) &&
			!add_share(g, share_of(&d->subjects[i], who, entry, dbname, a)))
			return err_sql(e, -ENOMEM, "53200", "out of memory");
	return 0;
}

static int check_shares(struct grant *g, struct err *e)
{
	if (g->nshares <= GRANT_SHARES_MAX)
		return 0;
	g->nshares = GRANT_SHARES_MAX;
	for (unsigned i = 0; i < g->nrules; i++)
		if (g->rules[i]->permit.predicates == PREDICATES_EQUALITY)
			return err_sql(e, -EACCES, "54000",
				"more than %u subjects of pgveil policies name this process, and each would "
				"have a budget of constants",
				GRANT_SHARES_MAX);
	return 0;
}

bool policy_enrols_cgroup(const struct policy *p, const char *cgroup, const char *unit)
{
	for (unsigned i = 0; i < p->documents.n; i++)
		for (unsigned j = 0; j < p->documents.v[i].nsubjects; j++) {
			const struct subject *s = &p->documents.v[i].subjects[j];

			/* With a uid beside it: whoever else lives there is enrolled and then refused. */
			if ((s->cgroup || s->unit) && !s->has_pods && place_named(s, cgroup, unit))
				return true;
		}
	return false;
}

bool policy_reports_foreign(const struct policy *p, const char *cgroup, const char *unit)
{
	bool any = false;

	for (unsigned i = 0; i < p->documents.n; i++)
		for (unsigned j = 0; j < p->documents.v[i].nsubjects; j++) {
			const struct subject *s = &p->documents.v[i].subjects[j];

			if ((s->cgroup || s->unit) && !place_named(s, cgroup, unit))
				continue;
			if (!p->documents.v[i].reports_foreign)
				return false;
			any = true;
		}
	return any;
}

static bool database_named(const struct database *d, const char *dbname)
{
	for (unsigned i = 0; i < d->nglobs; i++)
		if (glob_match(GLOB_NAME, d->globs[i], dbname))
			return true;
	return false;
}

static bool has_database(const struct document *d, const char *dbname)
{
	for (unsigned i = 0; i < d->ndatabases; i++)
		if (database_named(&d->databases[i], dbname))
			return true;
	return false;
}

void policy_each_rule(
	const struct policy *p, const char *dbname, void (*fn)(void *arg, const struct rule *r), void *arg)
{
	for (unsigned i = 0; i < p->documents.n; i++) {
		const struct document *d = &p->documents.v[i];

		for (unsigned k = 0; has_database(d, dbname) && k < d->nrules; k++)
			fn(arg, &d->rules[k]);
	}
}

void policy_each_row_rule(const struct policy *p, const char *dbname,
	void (*fn)(void *arg, const struct row_rule *r), void *arg)
{
	for (unsigned i = 0; i < p->documents.n; i++) {
		const struct document *d = &p->documents.v[i];

		for (unsigned k = 0; has_database(d, dbname) && k < d->nrows; k++)
			fn(arg, &d->rows[k]);
	}
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool agree(const struct database *a, const struct database *b)
{
	return same_text(a->user, b->user) && same_text(a->password_file, b->password_file) &&
	       same_text(a->cert_file, b->cert_file) && same_text(a->key_file, b->key_file) &&
	       a->relay == b->relay && a->insecure_auth == b->insecure_auth && a->tls == b->tls &&
	       same_text(a->ca_file, b->ca_file) && a->peer_uid == b->peer_uid;
}

/* Of entries that agree, the one that says most about the place: its name is what certificates are checked
 * for. */
static bool says_more(const struct database *a, const struct database *b)
{
	return a->is_name != b->is_name ? a->is_name : a->prefix > b->prefix;
}

struct search {
	bool named, covered;
	uint64_t id;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	/* splitmix64's finaliser: each step is a bijection of h, so only different inputs in one place can
	 * meet. */
	h ^= v + 0x9e3779b97f4a7c15;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
	h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
	return h ^ (h >> 31);
}

static int take_entry(struct grant *g, const struct database *d, struct err *e)
{
	if (g->database && !agree(g->database, d))
		return err_sql(e, -EACCES, "28000",
			"pgveil policies give different credentials or TLS settings for this database "
			"(entries \"%.60s\" and \"%.60s\")",
			g->database->name, d->name);
	if (!g->database || says_more(d, g->database))
		g->database = d;
	return 0;
}

/* The entries of one document; *own: of those for the place, the one that says most. NULL: there is none. */
static int search_document(const struct policy *p, unsigned i, unsigned first,
	enum coverage (*covers)(void *arg, unsigned i), void *arg, const char *dbname, struct search *s,
	struct grant *g, const struct database **own, struct err *e)
{
	const struct document *d = &p->documents.v[i];

	*own = NULL;
	for (unsigned j = 0; j < d->ndatabases; j++) {
		enum coverage c = covers(arg, first + j);

		s->covered |= c == COVERS_YES;
		if (c == COVERS_NO || !database_named(&d->databases[j], dbname))
			continue;
		if (c == COVERS_UNKNOWN)
			return err_sql(e, -EACCES, "08004",
				"the host name of pgveil's entry \"%.60s\" is not resolved yet: try again",
				d->databases[j].name);
		if (!*own || says_more(&d->databases[j], *own))
			*own = &d->databases[j];
		if (take_entry(g, &d->databases[j], e))
			return -EACCES;
	}
	if (*own)
		s->id = mix(s->id, i);
	return 0;
}

static bool may_apply(const struct document *d, unsigned first,
	enum coverage (*covers)(void *arg, unsigned i), void *arg, const char *dbname)
{
	for (unsigned j = 0; j < d->ndatabases; j++)
		if (database_named(&d->databases[j], dbname) && covers(arg, first + j) != COVERS_NO)
			return true;
	return false;
}

static int refuse_unknown(const struct document *d, const struct caller *who, struct err *e)
{
	return err_sql(e, -EACCES, "28000", "pgveil policy \"%.63s\" may be about this process, and %s",
		d->name ? d->name : "",
		who->cgroup[0] ? "nothing is known of its pod yet: try again" : "its cgroup is gone");
}

static int refuse(const struct search *s, const char *dbname, struct err *e)
{
	if (!s->named)
		return err_sql(e, -EACCES, "28000", "no pgveil policy names this process");
	if (!s->covered)
		return err_sql(e, -EACCES, "08004",
			"no pgveil policy for this process has an entry for this address");
	return err_sql(
		e, -EACCES, "3D000", "no pgveil policy for this process allows database \"%.63s\"", dbname);
}

/* All of them, whatever the others leave out. */
static void record_more(struct record_rule *all, const struct record_rule *one, bool first)
{
	if (first || one->level < all->level)
		all->level = one->level;
	all->optional = one->optional && (first || all->optional);
}

/* What nothing is masked for. */
static const struct opaque_rule lets_all = {.mode = OPAQUE_ALLOW, .where = ""};

/* Every subject of the document that names who has a window of its own: whoever moves below its cgroup is
 * named by more of them, never by fewer. */
static int add_windows(
	const struct document *d, const struct caller *who, struct arena *a, struct grant *g, struct err *e)
{
	struct window_limit *v = arena_array(a, g->limits.nwindows + d->nsubjects, sizeof(*v));

	if (!v)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	if (g->limits.nwindows)
		memcpy(v, g->limits.windows, g->limits.nwindows * sizeof(*v));
	g->limits.windows = v;
	v += g->limits.nwindows;
	for (unsigned i = 0; i < d->nsubjects; i++) {
		if (!subject_names(&d->subjects[i], who))
			continue;
		*v = (struct window_limit){
			.key = arena_printf(a, "%s: %s", d->name ? d->name : "", d->subjects[i].key),
			.set = d->export.window,
			.period_s = d->export.period_s};
		if (!v->key)
			return err_sql(e, -ENOMEM, "53200", "out of memory");
		g->limits.nwindows++;
		v++;
	}
	return 0;
}

static int add_limits(
	const struct document *d, const struct caller *who, struct arena *a, struct grant *g, struct err *e)
{
	if (!d->export.any)
		return 0;
	g->limits.ask = d->export.ask && (!g->limits.any || g->limits.ask);
	g->limits.any = true;
	limit_set_meet(&g->limits.statement, &d->export.statement);
	limit_set_meet(&g->limits.session, &d->export.session);
	return d->export.period_s ? add_windows(d, who, a, g, e) : 0;
}

/* Where a document asks and does not say whom, root is it, whoever else is named by another. */
static const uint32_t root_uid;
static const struct approval of_root = {.given = true,
	.uids = &root_uid,
	.nuids = 1,
	.required = 1,
	.timeout_s = APPROVAL_TIMEOUT_S,
	.where = ""};

static bool asks(const struct document *d)
{
	bool ask = d->export.ask || (d->guard.given && d->guard.normal == ASK);

	for (unsigned i = 0; i < d->guard.nrules; i++)
		ask = ask || d->guard.rules[i].verdict == ASK;
	return ask;
}

static int collect(const struct policy *p, const struct caller *who,
	enum coverage (*covers)(void *arg, unsigned i), void *arg, const char *dbname, struct search *s,
	const struct rule **rules, const struct row_rule **rows, const struct opaque_rule **opaque,
	const struct guard **guards, const struct approval **approvals, const char **documents,
	struct arena *a, struct grant *g, struct err *e)
{
	unsigned first = 0;
	bool of_nobody = false;

	for (unsigned i = 0; i < p->documents.n; first += p->documents.v[i++].ndatabases) {
		const struct document *d = &p->documents.v[i];
		const struct database *own;
		bool applies;

		/* It may mask what others do not. */
		if (document_may_name(d, who) && may_apply(d, first, covers, arg, dbname))
			return refuse_unknown(d, who, e);
		if (!document_names(d, who))
			continue;
		s->named = true;
		if (search_document(p, i, first, covers, arg, dbname, s, g, &own, e))
			return -EACCES;
		applies = own != NULL;
		for (unsigned j = 0; applies && j < d->nrules; j++)
			rules[g->nrules++] = &d->rules[j];
		for (unsigned j = 0; applies && j < d->nrows; j++)
			rows[g->nrows++] = &d->rows[j];
		if (applies) {
			record_more(&g->record, &d->record, g->ndocuments == 0);
			documents[g->ndocuments++] = d->name;
		}
		if (applies && (d->nrules || d->nrows || d->guard.given))
			opaque[g->nopaque++] = &d->opaque;
		if (applies && d->guard.given)
			guards[g->nguards++] = &d->guard;
		if (applies && d->approval.given)
			approvals[g->napprovals++] = &d->approval;
		else if (applies && asks(d))
			of_nobody = true;
		if (applies && (add_limits(d, who, a, g, e) || add_shares(d, own, who, dbname, a, g, e)))
			return -ENOMEM;
	}
	if (!g->nopaque)
		opaque[g->nopaque++] = &lets_all;
	/* Alone it goes without saying. */
	if (of_nobody && g->napprovals)
		approvals[g->napprovals++] = &of_root;
	return g->database ? 0 : refuse(s, dbname, e);
}

static int check_pins(const struct grant *g, struct err *e)
{
	for (unsigned i = 1; i < g->nguards; i++)
		for (unsigned k = 0; k < g->guards[i]->npins; k++) {
			const struct setting_pin *b = &g->guards[i]->pins[k], *a;

			a = guard_pin(g->guards, i, b->name);
			if (a && strcmp(a->value, b->value) != 0)
				return err_sql(e, -EACCES, "28000",
					"pgveil policies pin the setting \"%.63s\" to different values",
					b->name);
		}
	return 0;
}

static unsigned index_of(const struct policy *p, const struct database *d)
{
	unsigned i = 0;

	while (i < p->ndatabases && p->databases[i] != d)
		i++;
	return i;
}

int policy_grant(const struct policy *p, const struct caller *who,
	enum coverage (*covers)(void *arg, unsigned i), void *arg, const char *dbname, struct arena *a,
	struct grant *g, struct err *e)
{
	struct search s = {.id = p->version};
	const struct approval **approvals;
	const struct opaque_rule **opaque;
	const struct guard **guards;
	const struct rule **rules;
	const struct row_rule **rows;
	const char **documents;
	unsigned n = 0, nrows = 0;
	int r;

	*g = (struct grant){0};
	limit_set_open(&g->limits.statement);
	limit_set_open(&g->limits.session);
	g->shares = arena_array(a, GRANT_SHARES_MAX + 1, sizeof(*g->shares));
	for (unsigned i = 0; i < p->documents.n; i++)
		n += p->documents.v[i].nrules;
	for (unsigned i = 0; i < p->documents.n; i++)
		nrows += p->documents.v[i].nrows;
	rules = arena_array(a, n ? n : 1, sizeof(struct rule *));
	rows = arena_array(a, nrows ? nrows : 1, sizeof(*rows));
	opaque = arena_array(a, p->documents.n + 1ul, sizeof(*opaque));
	guards = arena_array(a, p->documents.n + 1ul, sizeof(*guards));
	approvals = arena_array(a, p->documents.n + 1ul, sizeof(*approvals));
	documents = arena_array(a, p->documents.n + 1ul, sizeof(*documents));
	if (!rules || !rows || !opaque || !guards || !approvals || !documents || !g->shares)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	r = collect(
		p, who, covers, arg, dbname, &s, rules, rows, opaque, guards, approvals, documents, a, g, e);
	if (!r) {
		g->identity = identify(p, who, dbname, a, g);
		if (!add_share(g, g->identity))
			r = err_sql(e, -ENOMEM, "53200", "out of memory");
	}
	if (r) {
		*g = (struct grant){0};
		return r;
	}
	g->rules = rules;
	g->rows = rows;
	g->guards = guards;
	r = check_shares(g, e);
	if (!r)
		r = check_pins(g, e);
	if (r) {
		*g = (struct grant){0};
		return r;
	}
	g->opaque = opaque;
	g->approvals = approvals;
	g->documents = documents;
	g->rules_id = mix(s.id, UINT64_C(1) << 32 | index_of(p, g->database));
	return 0;
}

bool grant_judges(const struct grant *g)
{
	return grant_hides(g) || g->nguards > 0 || g->limits.any;
}

bool grant_hides(const struct grant *g)
{
	return g->nrules > 0 || g->nrows > 0;
}

bool grant_lets_all(const struct grant *g)
{
	bool all = g->nopaque > 0;

	for (unsigned i = 0; i < g->nopaque; i++)
		all = all && g->opaque[i]->mode == OPAQUE_ALLOW;
	return all;
}
