/* SPDX-License-Identifier: MIT */
#include "cli/finding.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "sql/parse.h"

#define SOON_DAYS 21

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* A path as the daemon sees it, which may live in a container. */
static void path_of(char out[PATH_MAX + 64], const json_t *status, const char *path)
{
	snprintf(out, PATH_MAX + 64, "/proc/%" JSON_INTEGER_FORMAT "/root%s%s",
		json_integer_value(json_object_get(status, "pid")), *path == '/' ? "" : "/", path);
}

static void check_secret(struct findings *f, const json_t *status, const char *db, const char *path)
{
	char at[PATH_MAX + 64];
	struct stat st;

	if (!*path)
		return;
	path_of(at, status, path);
	if (stat(at, &st) < 0)
		finding_add(f, FINDING_FAIL, "secret", "make the file, or mend the policy", "%s: %s: %s", db,
			path, strerror(errno));
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		finding_add(f, FINDING_FAIL, "secret",
			"chmod 600, and change the secret: others may have read it",
			"%s: %s may be used by others than its owner (mode %04o)", db, path,
			(unsigned)(st.st_mode & 07777));
	else if (st.st_uid != 0)
		finding_add(f, FINDING_WARN, "secret", "chown root", "%s: %s belongs to uid %u", db, path,
			st.st_uid);
	else
		finding_add(f, FINDING_OK, "secret", NULL, "%s: %s is root's alone", db, path);
}

/* Every certificate of a file, the first to end counts. */
static void check_certificate(struct findings *f, const json_t *status, const char *db, const char *path)
{
	int days = INT_MAX, seconds = 0, d = 0, n = 0;
	char at[PATH_MAX + 64];
	FILE *file;
	X509 *x;

	if (!*path)
		return;
	path_of(at, status, path);
	file = fopen(at, "re");
	while (file && (x = PEM_read_X509(file, NULL, NULL, NULL))) {
		if (!ASN1_TIME_diff(&d, &seconds, NULL, X509_get0_notAfter(x)))
			d = -1;
		else if (seconds < 0 && d == 0)
			d = -1;
		if (d < days)
			days = d;
		n++;
		X509_free(x);
	}
	if (!file)
		finding_add(f, FINDING_FAIL, "certificate", "mend the policy", "%s: %s: %s", db, path,
			strerror(errno));
	else if (!n)
		finding_add(f, FINDING_FAIL, "certificate", "give a file in PEM",
			"%s: %s holds no certificate", db, path);
	else if (days < 0)
		finding_add(f, FINDING_FAIL, "certificate", "renew it", "%s: %s has ended", db, path);
	else if (days < SOON_DAYS)
		finding_add(
			f, FINDING_WARN, "certificate", "renew it", "%s: %s ends in %d days", db, path, days);
	else
		finding_add(f, FINDING_OK, "certificate", NULL, "%s: %s is good for %d days", db, path, days);
	if (file)
		fclose(file);
}

static void check_transport(struct findings *f, const json_t *db)
{
	const char *tls = text(db, "tls"), *name = text(db, "name");

	if (strcmp(tls, "verify-full") == 0)
		finding_add(f, FINDING_OK, "tls", NULL, "%s: the server is verified", name);
	else
		finding_add(f, FINDING_WARN, "tls", "tls: {mode: verify-full, ca: FILE}",
			"%s: tls is %s: whoever shapes the network of an agent may pose as the server", name,
			tls);
	if (json_is_true(json_object_get(db, "insecure_auth")))
		finding_add(f, FINDING_WARN, "tls", "use SCRAM on the server and take insecureAuth away",
			"%s: the password may be sent to a server that is not verified", name);
}

/* Whether name is one of "a,b,c". */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p++) {
		if ((p == list || p[-1] == ',') && (p[n] == ',' || !p[n]))
			return true;
	}
	return false;
}

static void check_roles(struct findings *f, const json_t *server, const char *where, const char *agent_role)
{
	const char *logins = text(server, "logins");

	if (json_is_true(json_object_get(server, "superuser")) ||
		json_is_true(json_object_get(server, "bypasses_rls")))
		finding_add(f, FINDING_WARN, "role",
			"give the engine a role with the rights that agents need and no more",
			"%s: the engine's role %s is a superuser or bypasses row security", where,
			text(server, "role"));
	if (agent_role && (listed(logins, agent_role) || strcmp(agent_role, text(server, "role")) == 0))
		finding_add(f, FINDING_FAIL, "role",
			"ALTER ROLE … NOLOGIN, and name another role in the agents' DSN",
			"%s: %s has LOGIN: an agent that gets round the engine could use it, unless "
			"pg_hba.conf refuses it",
			where, agent_role);
	else if (agent_role)
		finding_add(f, FINDING_OK, "role", NULL, "%s: %s may not log in", where, agent_role);
	else if (*logins)
		finding_add(f, FINDING_WARN, "role",
			"see that the agents' DSN names none of them (doctor --agent-role ROLE checks one)",
			"%s: these may log in without the engine: %.300s", where, logins);
}

/* pg_catalog must come first; it does where the path does not name it. */
static bool path_is_fine(const char *path)
{
	const char *p = strstr(path, "pg_catalog");

	return !p || strncmp(path + strspn(path, " \""), "pg_catalog", 10) == 0;
}

static void check_server(struct findings *f, const json_t *c, const char *agent_role)
{
	const json_t *server = json_object_get(c, "server");
	char where[512];

	snprintf(where, sizeof(where), "%.100s at %.80s, database %.64s", text(c, "database"),
		text(c, "address"), text(c, "dbname"));
	if (json_is_string(json_object_get(c, "failure"))) {
		finding_add(f, FINDING_FAIL, "server",
			"see that the engine's role may log in there; pgveild's log has more", "%s: %s",
			where, text(c, "failure"));
		return;
	}
	if (!json_is_object(server)) {
		finding_add(f, FINDING_WARN, "server", "wait, and ask again", "%s: not reached yet", where);
		return;
	}
	finding_add(f, FINDING_OK, "server", NULL, "%s: PostgreSQL %s", where, text(server, "version"));
	if (atoi(text(server, "version")) > atoi(parse_grammar()))
		finding_add(f, FINDING_WARN, "server", "newer statements are refused; there is nothing to do",
			"%s: newer than the grammar (%s)", where, parse_grammar());
	if (strcmp(text(server, "encoding"), "UTF8") != 0)
		finding_add(f, FINDING_FAIL, "server", "use a database with the encoding UTF8",
			"%s: its encoding is %s: callers with mask rules are refused", where,
			text(server, "encoding"));
	if (!path_is_fine(text(server, "search_path")))
		finding_add(f, FINDING_FAIL, "server",
			"ALTER ROLE … SET search_path without pg_catalog, or with it first",
			"%s: search_path is %.200s: callers with mask rules are refused", where,
			text(server, "search_path"));
	check_roles(f, server, where, agent_role);
}

void doctor_databases(struct findings *f, const json_t *status, const char *agent_role)
{
	const json_t *databases = json_object_get(json_object_get(status, "policy"), "databases");
	const json_t *catalogues = json_object_get(status, "catalogues");
	json_t *db, *c;
	size_t i, k;

	json_array_foreach(databases, i, db)
	{
		const char *name = text(db, "name");
		bool known = false;

		check_secret(f, status, name, text(db, "password_file"));
		check_secret(f, status, name, text(db, "key_file"));
		check_certificate(f, status, name, text(db, "cert_file"));
		check_certificate(f, status, name, text(db, "ca_file"));
		check_transport(f, db);
		json_array_foreach(catalogues, k, c) known |= strcmp(text(c, "database"), name) == 0;
		if (!known)
			finding_add(f, FINDING_WARN, "server", "let an agent connect once, and ask again",
				"%s: no session used it yet, so nothing is known of the server", name);
	}
	json_array_foreach(catalogues, k, c) check_server(f, c, agent_role);
}
