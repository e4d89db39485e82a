/* SPDX-License-Identifier: MIT */
/* policy: the documents of design.md section 8 as one immutable, shared set: who (subjects) may reach what
 * (databases) with which masks. Never touches the wire, a clock, or a catalogue. */
#ifndef PGVEIL_POLICY_POLICY_H
#define PGVEIL_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/buf.h"
#include "base/err.h"
#include "mask/mask.h"
#include "policy/caller.h"
#include "policy/limits.h"
#include "policy/permit.h"

struct policy; /* refcounted */

/* Every complaint about the documents, in order: "file:line:column: message". */
struct complaints {
	char **line;
	unsigned n, cap;
};
void complaints_fini(struct complaints *c);

enum tls_mode { TLS_VERIFY_FULL = 0, TLS_REQUIRE, TLS_DISABLE }; /* zero is the strictest */

struct database { /* one entry of spec.databases; owned by its policy */
	const char *name;
	const char *host; /* host name, address, or the CIDR's address */
	bool is_name;     /* host must be resolved */
	uint8_t net[16];  /* address, IPv4 as IPv4-mapped; not for names */
	unsigned prefix;  /* 0..128 over net */
	uint16_t port;
	/* A unix socket (base/unix_address.h): host is its directory, no TLS is spoken, and who listens there
	 * must have this uid. NULL: TCP. */
	const struct sockaddr_storage *socket;
	uint32_t peer_uid;
	const char *const *globs; /* database names; never empty ("*") */
	unsigned nglobs;
	/* What the engine logs in with: for its sessions and its catalogue; with relay for the catalogue
	 * alone, and sessions log in as who their client says, by an exchange that is passed through. */
	const char *user;
	const char *password_file, *cert_file, *key_file; /* NULL where not given */
	bool relay;
	bool insecure_auth; /* a password may go in clear or as md5 to a server that was not verified */
	const char *where;  /* "file:line", for warnings */
	enum tls_mode tls;
	const char *ca_file;
};

/* What becomes of a statement that calls code which nobody looked into. Zero is the strictest. */
enum opaque_mode { OPAQUE_DENY = 0, OPAQUE_MASK, OPAQUE_ALLOW };

struct opaque_rule { /* spec.statements.opaque */
	enum opaque_mode mode;
	const char *const *allow; /* "public.total(integer)", see sql/signature.h */
	unsigned nallow;
	bool guarded;      /* the document has a guard: what is not listed may do anything to it */
	const char *where; /* "file:line"; NULL: not given */
};

#define GRANT_SHARES_MAX 64u

struct guard;    /* policy/guard.h */
struct row_rule; /* policy/rows.h */

#define APPROVAL_TIMEOUT_S 600 /* where none is given */

struct approval { /* spec.approval: who may approve of what the statements' rules ask about */
	bool given;
	const uint32_t *uids, *gids;
	const char *const *tokens; /* by their names (ctl/tokens.h) */
	unsigned nuids, ngids, ntokens;
	unsigned required;  /* so many different ones */
	unsigned timeout_s; /* then it is denied */
	bool retry;         /* the client is not to wait: it is told to come again */
	bool shapes;        /* one may approve of others that differ in their values (sql/opening.h) */
	const char *where;  /* "file:line" */
};

/* spec.record: how much of a session is on record. Zero is the most. X(name, word) */
#define RECORD_LEVELS(X)                                                                                     \
	X(FULL, "full")                                                                                      \
	X(STATEMENTS, "statements") /* without the bytes that the client got */                              \
	X(METADATA, "metadata")     /* without texts and parameters */
#define X(name, word) RECORD_LEVEL_##name,
enum record_level { RECORD_LEVELS(X) RECORD_LEVEL_MAX };
#undef X
const char *record_level_name(enum record_level l);
struct record_rule {
	enum record_level level;
	bool optional; /* what cannot be recorded goes on; else it does not */
};

struct rule {                       /* one entry of spec.mask */
	const char *const *columns; /* "schema.relation.column", see policy/pattern.h */
	unsigned ncolumns;
	struct mask mask;    /* what a direct column gets */
	struct mask derived; /* what an expression over it gets: null, redact or fixed */
	struct permit permit;
	const char *where;     /* "file:line", for explain and hints */
	struct masked *masked; /* what it has masked (policy/masked.h) */
};

/* Loads files, all or nothing. -EINVAL: *c lists every mistake of every file; -ENOMEM. ${NAME} is replaced by
 * the process's environment (lab.sh uses it); an unset name is a mistake. */
MUSTCHECK int policy_load(struct policy **out, const char *const *paths, unsigned n, struct complaints *c);

struct policy_object {     /* an object of the Kubernetes API, which is one document */
	const char *name;  /* in complaints: "maskingpolicy/claude" */
	struct span text;  /* JSON */
	const char *fault; /* it is there and its text cannot be had: why. Else NULL */
};
struct policy_sources { /* borrowed; together they are one policy */
	const char *const *files;
	unsigned nfiles;
	const struct policy_object *objects;
	unsigned nobjects;
	/* An object may name files below these, whoever writes it: absolute. A file may name any. */
	const char *const *secret_dirs;
	unsigned nsecret_dirs;
};
/* As policy_load. Nothing at all is a policy, too: nobody may do anything. */
MUSTCHECK int policy_load_all(struct policy **out, const struct policy_sources *s, struct complaints *c);
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p);             /* NULL is fine */
uint64_t policy_version(const struct policy *p); /* no two of one process are equal */
#define POLICY_DIGEST_LEN 32
const uint8_t *policy_digest(const struct policy *p); /* equal where the documents say the same */

/* What works, and should be known to whoever answers for it: calls say with "file:line: message" for each. */
void policy_warnings(const struct policy *p, void (*say)(void *arg, const char *text), void *arg);

/* Rules of all documents that have an entry for a database of this name, at whatever address. */
void policy_each_rule(
	const struct policy *p, const char *dbname, void (*fn)(void *arg, const struct rule *r), void *arg);
void policy_each_row_rule(const struct policy *p, const char *dbname,
	void (*fn)(void *arg, const struct row_rule *r), void *arg);

/* The key files that its masks were made with: what is in them counts when a policy is loaded. */
void policy_key_files(const struct policy *p, void (*fn)(void *arg, const char *path), void *arg);

unsigned policy_databases(const struct policy *p);
const struct database *policy_database_at(const struct policy *p, unsigned i);
/* Whether any subject (of any document) names this cgroup (or one above it) or unit, whatever uid stands
 * beside it / the uids that stand alone: then it is to be ENROLLED. */
bool policy_enrols_cgroup(const struct policy *p, const char *cgroup, const char *unit);
/* Whether all documents that may speak for a process in there have foreignPostgres: report (those that name
 * the cgroup or unit, and those that name a uid wherever it is). False where none does. */
bool policy_reports_foreign(const struct policy *p, const char *cgroup, const char *unit);
unsigned policy_uids(const struct policy *p, const uint32_t **uids);

/* Whether an entry is for a dialled address. Zero: its host name is not resolved, so nobody can tell. */
enum coverage { COVERS_UNKNOWN = 0, COVERS_NO, COVERS_YES };

/* Whether address is d's (resolved: addresses that d's host name has ever had, for names). */
bool database_covers(const struct database *d, const struct sockaddr *address,
	const struct in6_addr *resolved, unsigned nresolved);

/* What one caller may do with one database: documents whose subjects match, their database entry and mask
 * rules. */
struct grant {
	const struct database *database; /* NULL: denied */
	uint64_t rules_id;               /* equal for two grants with the same rules of the same policy */
	const struct rule *const *rules; /* may be empty: nothing is masked */
	unsigned nrules;
	const struct row_rule *const *rows; /* of all its documents: every one holds */
	unsigned nrows;
	/* One of each document with mask rules, row filters or a guard: all must agree. Never empty where
	 * nothing is hidden. */
	const struct opaque_rule *const *opaque;
	unsigned nopaque;
	const struct guard *const *guards; /* of each document that has one */
	unsigned nguards;
	const struct approval *const *approvals; /* of the documents that have the section: all must agree */
	unsigned napprovals;
	/* The widest subject that names the caller, and the entry of the database: who asks, and
	 * where. Whatever a caller can choose by itself (a cgroup below its own, one of the addresses of an
	 * entry) is not in it. */
	const char *identity;
	/* Who has budgets of constants (policy/budget.h): likewise, of each subject of its documents that
	 * names the caller, and the identity. What is asked is paid of all of them. */
	const char **shares;
	unsigned nshares;
	const char *const *documents; /* their names; borrowed from the policy */
	unsigned ndocuments;
	struct record_rule record; /* the most that one of its documents wants */
	struct limits limits;
};
/* covers: whether entry i of policy_database_at covers the dialled address (the caller resolves names).
 * -EACCES with a message for the client (08004 no database entry for the address, or one that counts and is
 * COVERS_UNKNOWN: its document may hold masks; 28000 no document names the
 * caller; 3D000 the database name is in no glob). Two documents that give different credentials for the same
 * place: -EACCES. The grant's memory is a's; rules point into p. */
MUSTCHECK int policy_grant(const struct policy *p, const struct caller *who,
	enum coverage (*covers)(void *arg, unsigned i), void *arg, const char *dbname, struct arena *a,
	struct grant *g, struct err *e);
/* Whether something of what the caller does must be looked at: the session is judged. */
bool grant_judges(const struct grant *g);
/* Whether it has mask rules or row filters. */
bool grant_hides(const struct grant *g);
/* Whether all of its documents let code do anything: statements.opaque.default: allow. */
bool grant_lets_all(const struct grant *g);

#endif
