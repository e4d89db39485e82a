/* SPDX-License-Identifier: MIT */
#include "policy/section.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/unix_address.h"
#include "policy/glob.h"

#define WHERE     "spec.databases[]"
#define GLOBS_MAX 256
#define NAME_CAP  64 /* of a setting in a message */
#define V4        96 /* bits before an IPv4 address in its IPv4-mapped form */

static void map_v4(uint8_t out[16], const void *v4)
{
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, v4, 4);
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (!rest || (uint8_t)((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

static bool host_bits_clear(const uint8_t *net, unsigned prefix)
{
	for (unsigned i = prefix; i < 128; i++)
		if (net[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

/* A decimal number of 0..max and nothing else. */
static bool number(const char *s, unsigned long max, unsigned long *out)
{
	size_t n = strspn(s, "0123456789");

	if (!n || n > 5 || s[n])
		return false;
	*out = strtoul(s, NULL, 10);
	return *out <= max;
}

static const char *host_name_problem(const char *host)
{
	const char *last = strrchr(host, '.');

	if (!*host || strlen(host) > 253 || host[0] == '.' || host[0] == '-')
		return "has no host name before the port";
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return strchr(host, ':') ? "has an IPv6 address without [ ]"
						 : "is no host name and no address";
	/* What ends in a number is meant as an address; a resolver might even take it for one. */
	last = last ? last + 1 : host;
	return last[strspn(last, "0123456789")] ? NULL : "is no host name and no address";
}

/* host is cut out of the address; the prefix, if any, is text behind a slash. NULL: understood. */
static const char *read_host(char *host, const char *slash, bool brackets, struct database *out)
{
	unsigned long bits;
	uint8_t v4[4];
	bool mapped = !brackets && inet_pton(AF_INET, host, v4) == 1;

	out->host = host;
	if (mapped)
		map_v4(out->net, v4);
	else if (brackets && inet_pton(AF_INET6, host, out->net) != 1)
		return "has no IPv6 address in [ ]";
	if (!mapped && !brackets) {
		out->is_name = true;
		return slash ? "has a prefix length but no address" : host_name_problem(host);
	}
	out->prefix = 128;
	if (!slash)
		return NULL;
	if (!number(slash, mapped ? 32 : 128, &bits))
		return "has a prefix length that is no number of bits";
	out->prefix = (unsigned)bits + (mapped ? V4 : 0);
	return host_bits_clear(out->net, out->prefix) ? NULL : "has bits set behind its prefix";
}

/* DIRECTORY:port or @name:port: where a server has its socket of that port, as libpq's host and port. */
static const char *read_socket(struct reading *r, char *text, struct database *out)
{
	struct sockaddr_storage *at = section_array(r, 1, sizeof(*at));
	char *colon = strrchr(text, ':');
	unsigned long port;

	if (!colon)
		return "has no port; write DIRECTORY:port";
	if (!number(colon + 1, UINT16_MAX, &port) || port == 0)
		return "has a port that is no number of 1 to 65535";
	out->port = (uint16_t)port;
	*colon = '\0';
	out->host = text;
	out->socket = at;
	return at ? unix_address_of_server(at, text, out->port) : NULL;
}

/* host:port, a.b.c.d[/n]:port, [v6]:port, [v6]/n:port, [v6/n]:port; text is cut up. */
static const char *read_address(struct reading *r, char *text, struct database *out)
{
	char *colon = strrchr(text, ':'), *close = text[0] == '[' ? strchr(text, ']') : NULL, *slash;
	unsigned long port;

	if (text[0] == '/' || text[0] == '@')
		return read_socket(r, text, out);
	if (text[0] == '[' && !close)
		return "has a [ without its ]";
	if (!colon || (close && colon < close))
		return "has no port; write host:port";
	if (!number(colon + 1, UINT16_MAX, &port) || port == 0)
		return "has a port that is no number of 1 to 65535";
	out->port = (uint16_t)port;
	*colon = '\0';
	if (close)
		*close = '\0';
	slash = strchr(text, '/');
	if (close && close[1]) {
		if (close[1] != '/' || slash)
			return "is not understood between ] and the port";
		slash = close + 1;
	}
	if (close)
		text++;
	if (slash)
		*slash++ = '\0';
	return read_host(text, slash, close != NULL, out);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted: which of them are also another entry's is asked of each pair. */
static void read_globs(struct reading *r, const struct node *list, struct database *out)
{
	static const char *const any[] = {"*"};
	const char **globs, *why;

	out->globs = any;
	out->nglobs = 1;
	if (!section_list(r, list, WHERE ".databases"))
		return;
	if (list->n > GLOBS_MAX) {
		section_wrong(r, list, WHERE ".databases has more than %d names", GLOBS_MAX);
		return;
	}
	globs = section_array(r, list->n, sizeof(*globs));
	if (!globs)
		return;
	out->nglobs = 0;
	for (const struct node *c = list->child; c; c = c->next) {
		const char *glob = section_text(r, c, WHERE ".databases[]");

		if (!glob)
			continue;
		why = glob_problem(glob);
		if (why)
			section_wrong(r, c, WHERE ".databases[] %s", why);
		for (unsigned i = 0; i < out->nglobs; i++)
			if (strcmp(globs[i], glob) == 0)
				section_wrong(r, c, "\"%.60s\" stands in this list already", glob);
		globs[out->nglobs++] = glob;
	}
	if (out->nglobs)
		qsort(globs, out->nglobs, sizeof(*globs), by_text);
	out->globs = globs;
}

static const char *member(char name[NAME_CAP], const char *where, const char *key)
{
	snprintf(name, NAME_CAP, "%s.%s", where, key);
	return name;
}

/* A credential of the engine's own; where: how the map is called. */
static void read_own(struct reading *r, const struct node *n, const char *where, struct database *out)
{
	static const struct key keys[] = {{"user", KEY_READ}, {"passwordFile", KEY_READ},
		{"certFile", KEY_READ}, {"keyFile", KEY_READ}, {"insecureAuth", KEY_READ}};
	const struct node *password = node_get(n, "password");
	char name[NAME_CAP];

	if (password) {
		mistake_add(r->m, password->key_line, password->key_column,
			"%s: a password is never written in a policy; write passwordFile", where);
		return;
	}
	if (!section_map(r, n, where, keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, where, "user");
	out->user = section_text(r, node_get(n, "user"), member(name, where, "user"));
	out->password_file =
		section_path(r, node_get(n, "passwordFile"), member(name, where, "passwordFile"));
	out->cert_file = section_path(r, node_get(n, "certFile"), member(name, where, "certFile"));
	out->key_file = section_path(r, node_get(n, "keyFile"), member(name, where, "keyFile"));
	out->insecure_auth =
		section_flag(r, node_get(n, "insecureAuth"), member(name, where, "insecureAuth"));
	if (node_get(n, "certFile") && !node_get(n, "keyFile"))
		section_wrong(r, n, "%s has a certFile without its keyFile", where);
	if (node_get(n, "keyFile") && !node_get(n, "certFile"))
		section_wrong(r, n, "%s has a keyFile without its certFile", where);
	if (!node_get(n, "passwordFile") && !node_get(n, "certFile") && !node_get(n, "keyFile"))
		section_wrong(r, n, "%s needs a passwordFile, or a certFile and a keyFile", where);
}

static void read_credential(
	struct reading *r, const struct node *n, const struct node *catalogue, struct database *out)
{
	out->relay = node_says(n, "relay");
	if (!out->relay) {
		if (catalogue)
			section_wrong(r, catalogue,
				WHERE ".catalogCredential is only used beside credential: relay");
		read_own(r, n, WHERE ".credential", out);
	} else if (!catalogue) {
		section_wrong(r, n, WHERE ".credential: relay needs a catalogCredential beside it");
	} else {
		read_own(r, catalogue, WHERE ".catalogCredential", out);
	}
}

static void read_tls(struct reading *r, const struct node *n, struct database *out)
{
	static const struct key keys[] = {{"mode", KEY_READ}, {"ca", KEY_READ}};
	static const struct key modes[] = {
		{"verify-full", KEY_READ}, {"require", KEY_READ}, {"disable", KEY_READ}};
	const struct node *ca = node_get(n, "ca");
	const char *mode, *guess;

	if (!section_map(r, n, WHERE ".tls", keys, ARRAY_LEN(keys)))
		return;
	mode = section_text(r, node_get(n, "mode"), WHERE ".tls.mode");
	if (mode && strcmp(mode, "require") == 0) {
		out->tls = TLS_REQUIRE;
	} else if (mode && strcmp(mode, "disable") == 0) {
		out->tls = TLS_DISABLE;
	} else if (mode && strcmp(mode, "verify-full") != 0) {
		guess = section_guess(mode, modes, ARRAY_LEN(modes));
		section_wrong(r, node_get(n, "mode"),
			WHERE ".tls.mode is verify-full, require or disable%s%s%s",
			guess ? "; did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
	}
	if (ca && out->tls != TLS_VERIFY_FULL)
		section_wrong(r, ca, WHERE ".tls.ca is never used: only verify-full checks certificates");
	if (!node_is(ca, "system"))
		out->ca_file = section_path(r, ca, WHERE ".tls.ca");
}

/* The server of a unix socket is known by its user, not by a certificate. */
static void read_peer(struct reading *r, const struct node *n, struct database *out)
{
	const struct node *peer = node_get(n, "peer"), *tls = node_get(n, "tls");

	if (!out->socket) {
		if (peer)
			section_wrong(
				r, peer, WHERE ".peer is only used beside the address of a unix socket");
		return;
	}
	section_missing(r, n, WHERE, "peer");
	(void)section_uid(r, peer, WHERE ".peer", &out->peer_uid);
	if (tls)
		section_wrong(r, tls,
			WHERE ".tls is never used over a unix socket; its server is known by " WHERE ".peer");
	out->tls = TLS_DISABLE;
}

void database_read(struct reading *r, const struct node *n, struct database *out)
{
	static const struct key keys[] = {{"name", KEY_READ}, {"address", KEY_READ}, {"databases", KEY_READ},
		{"credential", KEY_READ}, {"catalogCredential", KEY_READ}, {"tls", KEY_READ},
		{"peer", KEY_READ}};
	const struct node *address = node_get(n, "address");
	const char *why;
	char *text;

	if (!section_map(r, n, WHERE, keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, WHERE, "name");
	section_missing(r, n, WHERE, "address");
	section_missing(r, n, WHERE, "credential");
	out->name = section_text(r, node_get(n, "name"), WHERE ".name");
	text = section_text(r, address, WHERE ".address");
	why = text ? read_address(r, text, out) : NULL;
	if (why)
		section_wrong(r, address, WHERE ".address \"%.100s\" %s", address->text, why);
	read_globs(r, node_get(n, "databases"), out);
	read_credential(r, node_get(n, "credential"), node_get(n, "catalogCredential"), out);
	read_tls(r, node_get(n, "tls"), out);
	read_peer(r, n, out);
	out->where = section_where(r, n);
	if (out->insecure_auth && !out->password_file && !out->relay)
		section_wrong(r, node_get(n, "credential"),
			WHERE ".credential.insecureAuth is never used without a passwordFile");
	if (out->tls == TLS_DISABLE && out->cert_file)
		section_wrong(r, out->socket ? address : node_get(n, "tls"),
			WHERE " has a certFile, which is never used without TLS");
}

static bool same_place(const struct database *a, const struct database *b)
{
	if (a->socket || b->socket)
		return a->socket && b->socket &&
		       unix_address_same(
			       (const struct sockaddr *)a->socket, (const struct sockaddr *)b->socket);
	if (!a->host || !b->host || a->port != b->port || a->is_name != b->is_name)
		return false;
	return a->is_name ? strcasecmp(a->host, b->host) == 0
			  : a->prefix == b->prefix && memcmp(a->net, b->net, sizeof(a->net)) == 0;
}

/* Two entries of one document for one place: the second could only repeat or contradict the first. */
static void check_pair(
	struct reading *r, const struct node *n, const struct database *a, const struct database *b)
{
	if (a->name && b->name && strcmp(a->name, b->name) == 0)
		section_wrong(r, n, "another entry of spec.databases is named \"%.60s\"", b->name);
	if (!same_place(a, b))
		return;
	for (unsigned i = 0, j = 0; i < a->nglobs && j < b->nglobs;) {
		int c = strcmp(a->globs[i], b->globs[j]);

		if (c == 0) {
			section_wrong(r, n,
				"entry \"%.60s\" of spec.databases has this address and database \"%.60s\" "
				"already",
				a->name ? a->name : "", a->globs[i]);
			return;
		}
		i += c < 0;
		j += c > 0;
	}
}

void database_check_all(struct reading *r, const struct node *list, const struct database *v, unsigned n)
{
	const struct node *c = list->child;

	for (unsigned i = 0; i < n && c; i++, c = c->next)
		for (unsigned j = 0; j < i; j++)
			check_pair(r, c, &v[j], &v[i]);
}

bool database_covers(const struct database *d, const struct sockaddr *address,
	const struct in6_addr *resolved, unsigned nresolved)
{
	uint8_t net[16];
	in_port_t port;

	if (d->socket || address->sa_family == AF_UNIX)
		return d->socket && unix_address_same((const struct sockaddr *)d->socket, address);
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		map_v4(net, &in->sin_addr);
		port = in->sin_port;
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		memcpy(net, &in6->sin6_addr, sizeof(net));
		port = in6->sin6_port;
	} else {
		return false;
	}
	if (ntohs(port) != d->port)
		return false;
	if (!d->is_name)
		return same_prefix(net, d->net, d->prefix);
	for (unsigned i = 0; i < nresolved; i++)
		if (memcmp(&resolved[i], net, sizeof(net)) == 0)
			return true;
	return false;
}
