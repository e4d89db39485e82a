/* SPDX-License-Identifier: MIT */
#include "pgwire/login.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "pgwire/message.h"
#include "pgwire/startup.h"

/* Every move; any other message fails the login. An ErrorResponse fails it from every state.
 *
 *   AUTH      Authentication Ok                -> SETTLING  trust, peer, certificate
 *   AUTH      login_accepted()                 -> SETTLING  a client's own answers were passed through
 *   AUTH      Authentication Cleartext, MD5    -> ANSWERED  (password)
 *   AUTH      Authentication SASL              -> SASL      (client-first-message)
 *   AUTH      NegotiateProtocolVersion, once   -> AUTH
 *   SASL      Authentication SASLContinue      -> SASL      (client-final-message)
 *   SASL      Authentication SASLFinal         -> ANSWERED  the server proved itself
 *   ANSWERED  Authentication Ok                -> SETTLING
 *   SETTLING  ParameterStatus, NoticeResponse  -> SETTLING
 *   SETTLING  BackendKeyData, once             -> SETTLING
 *   SETTLING  ReadyForQuery, idle              -> DONE
 */

#define MECHANISM "SCRAM-SHA-256"
#define MD5_HEX   32

static int violation(struct err *e, const char *what)
{
	return err_sql(e, -EPROTO, "08P01", "login: %s", what);
}

static int unexpected(const struct frame *f, struct err *e)
{
	return err_sql(e, -EPROTO, "08P01", "login: unexpected %s from the server",
		frame_name(PEER_BACKEND, f->type));
}

static bool startup_params_ok(const struct login_config *cfg)
{
	if (!cfg->user || !cfg->user[0] || cfg->nparams > STARTUP_PARAMS - 2)
		return false;
	for (size_t i = 0; i < cfg->nparams; i++) {
		if (strcmp(cfg->params[i][0], "user") == 0 || strcmp(cfg->params[i][0], "database") == 0)
			return false;
	}
	return true;
}

int login_start(struct login *l, const struct login_config *cfg, const uint8_t random18[18],
	struct put *to_server, struct err *e)
{
	const char *params[STARTUP_PARAMS][2];
	uint8_t nonce[SCRAM_NONCE_LEN + 1];
	size_t n = 0;

	*l = (struct login){.cfg = *cfg};
	if (!startup_params_ok(cfg))
		return err_set(e, -EINVAL, "login: no user, or startup parameters that cannot be sent");
	params[n][0] = "user";
	params[n++][1] = cfg->user;
	if (cfg->database) {
		params[n][0] = "database";
		params[n++][1] = cfg->database;
	}
	for (size_t i = 0; i < cfg->nparams; i++, n++) {
		params[n][0] = cfg->params[i][0];
		params[n][1] = cfg->params[i][1];
	}
	put_startup(to_server, (const char *const(*)[2])params, n);
	if (put_failed(to_server))
		return err_set(
			e, -ENOMEM, "login: the startup packet is too long, or there is no memory for it");
	/* The server stores no empty password, so an empty one is none. */
	if (cfg->password && !cfg->password[0])
		l->cfg.password = NULL;
	EVP_EncodeBlock(nonce, random18, 18);
	scram_client_init(&l->scram, l->cfg.password, (const char *)nonce, cfg->memory);
	l->state = LOGIN_AUTH;
	return 0;
}

/* Text of a server that nobody has authenticated yet goes to logs and clients: one line of plain ASCII. */
static void plain_text(struct span s, char *out, size_t cap)
{
	size_t n = s.n < cap - 1 ? s.n : cap - 1;

	for (size_t i = 0; i < n; i++) {
		if (s.p[i] < 0x20)
			out[i] = ' ';
		else
			out[i] = s.p[i] < 0x7f ? (char)s.p[i] : '?';
	}
	out[n] = '\0';
}

static int server_error(struct span body, struct err *e)
{
	char code[6], text[200];
	struct msg_fields m;
	struct span state;

	if (msg_fields(body, &m) != WIRE_OK)
		return violation(e, "malformed ErrorResponse");
	state = m.field['C'];
	if (state.n != 5)
		return violation(e, "ErrorResponse without an SQLSTATE");
	for (size_t i = 0; i < 5; i++) {
		if (!(state.p[i] >= '0' && state.p[i] <= '9') && !(state.p[i] >= 'A' && state.p[i] <= 'Z'))
			return violation(e, "ErrorResponse without an SQLSTATE");
	}
	plain_text(state, code, sizeof(code));
	plain_text(m.field['M'], text, sizeof(text));
	/* Class 28: who we are was refused; anything else says that the server cannot be used now. */
	return err_sql(e, memcmp(code, "28", 2) == 0 ? -EACCES : -ECONNREFUSED, code, "%s", text);
}

static void put_password(struct put *to_server, const char *answer)
{
	put_start(to_server, FE_PASSWORD);
	put_cstr(to_server, answer);
	put_finish(to_server);
}

static bool md5_hex(struct span a, struct span b, char hex[MD5_HEX + 1])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t sum[MD5_HEX / 2];
	bool ok;

	/* EVP_md5 fails where the library runs in FIPS mode. */
	ok = md && EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(md, a.p, a.n) == 1 &&
	     EVP_DigestUpdate(md, b.p, b.n) == 1 && EVP_DigestFinal_ex(md, sum, NULL) == 1;
	EVP_MD_CTX_free(md);
	for (size_t i = 0; ok && i < sizeof(sum); i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return ok;
}

/* "md5", then md5(md5(password, user) in hex, salt) in hex. */
static int md5_answer(struct login *l, struct span salt, struct put *to_server, struct err *e)
{
	struct span password = span_of(l->cfg.password, strlen(l->cfg.password));
	struct span user = span_of(l->cfg.user, strlen(l->cfg.user));
	char inner[MD5_HEX + 1], answer[3 + MD5_HEX + 1] = "md5";
	bool ok;

	ok = md5_hex(password, user, inner) && md5_hex(span_of(inner, MD5_HEX), salt, answer + 3);
	if (ok)
		put_password(to_server, answer);
	mem_wipe(inner, sizeof(inner));
	mem_wipe(answer, sizeof(answer));
	if (!ok)
		return err_set(e, -ENOTSUP,
			"login: the server asks for MD5, which the cryptographic library refuses");
	l->state = LOGIN_ANSWERED;
	return 0;
}

static int sasl_start(struct login *l, struct span mechanisms, struct put *to_server, struct err *e)
{
	struct cur c = cur_of(mechanisms);
	struct span name = cur_str(&c);
	char first[SCRAM_MESSAGE_MAX];
	int n;

	while (name.n && !span_is(name, MECHANISM))
		name = cur_str(&c);
	if (!name.n)
		return err_sql(e, -EACCES, "28000",
			"login: the server offers no SASL mechanism but ones we do not speak");
	n = scram_client_first(&l->scram, first, sizeof(first), e);
	if (n < 0)
		return n;
	put_start(to_server, FE_PASSWORD);
	put_cstr(to_server, MECHANISM);
	put_be32(to_server, (uint32_t)n);
	put_span(to_server, span_of(first, (size_t)n));
	put_finish(to_server);
	l->state = LOGIN_SASL;
	return 0;
}

static int on_auth(struct login *l, const struct msg_auth *m, struct put *to_server, struct err *e)
{
	if (m->kind == AUTH_OK) {
		l->state = LOGIN_SETTLING;
		return 0;
	}
	if (m->kind != AUTH_CLEARTEXT && m->kind != AUTH_MD5 && m->kind != AUTH_SASL)
		return err_sql(e, -EACCES, "28000",
			"login: the server asks for authentication %u, which we do not speak", m->kind);
	if (!l->cfg.password)
		return err_sql(
			e, -EACCES, "28000", "login: the server asks for a password and none is configured");
	if (m->kind == AUTH_SASL)
		return sasl_start(l, m->data, to_server, e);
	/* An md5 answer is as good as the password to whoever chose the salt: it can be guessed at leisure.
	 */
	if (!l->cfg.allow_cleartext)
		return err_sql(e, -EACCES, "28000",
			"login: the server asks for the password %s, and was not verified (tls verify-full; "
			"or "
			"insecureAuth)",
			m->kind == AUTH_MD5 ? "as md5" : "in clear");
	if (m->kind == AUTH_MD5)
		return md5_answer(l, m->data, to_server, e);
	put_password(to_server, l->cfg.password);
	l->state = LOGIN_ANSWERED;
	return 0;
}

static int on_sasl(struct login *l, const struct msg_auth *m, struct put *to_server, struct err *e)
{
	char final[SCRAM_MESSAGE_MAX + 128];
	int n;

	if (m->kind == AUTH_SASL_FINAL) {
		n = scram_client_verify(&l->scram, m->data, e);
		if (n == 0)
			l->state = LOGIN_ANSWERED;
		return n;
	}
	if (m->kind != AUTH_SASL_CONTINUE)
		return violation(e, "the server left SCRAM before its end");
	n = scram_client_final(&l->scram, m->data, final, sizeof(final), e);
	if (n < 0)
		return n;
	put_start(to_server, FE_PASSWORD);
	put_span(to_server, span_of(final, (size_t)n));
	put_finish(to_server);
	return 0;
}

static int authentication(struct login *l, const struct frame *f, struct put *to_server, struct err *e)
{
	struct msg_auth m;

	if (f->type != BE_AUTHENTICATION)
		return unexpected(f, e);
	if (msg_auth(f->body, &m) != WIRE_OK)
		return violation(e, "malformed Authentication");
	if (l->state == LOGIN_AUTH)
		return on_auth(l, &m, to_server, e);
	if (l->state == LOGIN_SASL)
		return on_sasl(l, &m, to_server, e);
	if (m.kind != AUTH_OK)
		return violation(e, "the server asks for authentication twice");
	l->state = LOGIN_SETTLING;
	return 0;
}

/* We asked for 3.0 and for no option, so there is nothing a server could want to take back. */
static int negotiate(struct login *l, struct span body, struct err *e)
{
	uint32_t minor, nunknown;
	struct span names;

	if (l->negotiated || msg_negotiate(body, &minor, &nunknown, &names) != WIRE_OK || minor != 0 ||
		nunknown != 0)
		return violation(e, "NegotiateProtocolVersion does not answer what we asked for");
	l->negotiated = true;
	return 0;
}

static int key_data(struct login *l, struct span body, struct err *e)
{
	struct msg_key_data m;

	if (l->key_len || msg_key_data(body, &m) != WIRE_OK)
		return violation(e, "malformed or repeated BackendKeyData");
	l->pid = m.pid;
	l->key_len = m.key.n;
	memcpy(l->key, m.key.p, m.key.n);
	return 0;
}

static int settle(struct login *l, const struct frame *f, struct err *e)
{
	struct msg_parameter_status status;
	struct msg_fields fields;

	if (f->type == BE_PARAMETER_STATUS)
		return msg_parameter_status(f->body, &status) == WIRE_OK
			       ? 0
			       : violation(e, "malformed ParameterStatus");
	if (f->type == BE_NOTICE_RESPONSE)
		return msg_fields(f->body, &fields) == WIRE_OK ? 0 : violation(e, "malformed NoticeResponse");
	if (f->type == BE_BACKEND_KEY_DATA)
		return key_data(l, f->body, e);
	if (f->type != BE_READY_FOR_QUERY)
		return unexpected(f, e);
	if (msg_ready(f->body, &l->status) != WIRE_OK || l->status != 'I')
		return violation(e, "the server is not ready for a first query");
	l->state = LOGIN_DONE;
	return 0;
}

static int step(struct login *l, const struct frame *f, struct put *to_server, struct err *e)
{
	if (f->type == BE_ERROR_RESPONSE && l->state != LOGIN_FAILED && l->state != LOGIN_DONE)
		return server_error(f->body, e);
	switch (l->state) {
	case LOGIN_AUTH:
		if (f->type == BE_NEGOTIATE_PROTOCOL_VERSION)
			return negotiate(l, f->body, e);
		return authentication(l, f, to_server, e);
	case LOGIN_SASL:
	case LOGIN_ANSWERED: return authentication(l, f, to_server, e);
	case LOGIN_SETTLING: return settle(l, f, e);
	case LOGIN_FAILED:
	case LOGIN_DONE: break;
	}
	return violation(e, "it is over already");
}

int login_message(struct login *l, const struct frame *f, struct put *to_server, struct err *e)
{
	int r = frame_whole(f) ? step(l, f, to_server, e) : violation(e, "a message that is cut");

	if (!r && put_failed(to_server))
		r = err_set(e, -ENOMEM, "login: no memory");
	if (r) {
		scram_client_fini(&l->scram);
		l->state = LOGIN_FAILED;
	}
	return r;
}

void login_accepted(struct login *l)
{
	/* invariant: ours alone to break; the exchange ends once. */
	assert(l->state == LOGIN_AUTH);
	l->state = LOGIN_SETTLING;
}

void login_fini(struct login *l)
{
	mem_wipe(l, sizeof(*l));
}
