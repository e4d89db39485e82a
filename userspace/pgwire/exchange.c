/* SPDX-License-Identifier: MIT */
#include "pgwire/exchange.h"

#include <errno.h>
#include <string.h>

#include "pgwire/message.h"
#include "pgwire/scram.h"

/* Every move; any other message ends it.
 *
 *   ASKED     server Authentication Ok               -> DONE       trust, peer
 *   ASKED     server Authentication Cleartext, MD5   -> PASSWORD   where allow_cleartext
 *   ASKED     server Authentication SASL             -> FIRST      the client hears of SCRAM-SHA-256 alone
 *   PASSWORD  client PasswordMessage                 -> VERDICT
 *   FIRST     client SASLInitialResponse             -> CHALLENGE
 *   CHALLENGE server Authentication SASLContinue     -> FINAL
 *   FINAL     client SASLResponse                    -> VERDICT
 *   VERDICT   server Authentication SASLFinal, once  -> VERDICT    behind FINAL only
 *   VERDICT   server Authentication Ok               -> DONE       behind FINAL only after SASLFinal
 *
 * The client's leg has no TLS, so a client that follows RFC 5802 says "n,," (it does not bind) and its proof
 * holds for the server whatever lies between. SCRAM-SHA-256-PLUS binds to the TLS channel that the client
 * itself sees: the server's is another one, so it is not offered. "y,," says that the client would have bound
 * had it been offered; a server that did offer it takes that for a downgrade, and is right. */

#define MECHANISM      "SCRAM-SHA-256"
#define MECHANISM_PLUS "SCRAM-SHA-256-PLUS"

static int violation(struct exchange *x, struct err *e, const char *what)
{
	x->state = EXCHANGE_FAILED;
	return err_sql(e, -EPROTO, "08P01", "login: %s", what);
}

static int refuse(struct exchange *x, struct err *e, const char *what)
{
	x->state = EXCHANGE_FAILED;
	return err_sql(e, -EACCES, "28000", "login: %s", what);
}

void exchange_start(struct exchange *x, bool allow_cleartext)
{
	*x = (struct exchange){.state = EXCHANGE_ASKED, .allow_cleartext = allow_cleartext};
}

static void pass(const struct frame *f, struct put *to_client)
{
	put_start(to_client, (char)f->type);
	put_span(to_client, f->body);
	put_finish(to_client);
}

static int offer(struct exchange *x, struct span mechanisms, struct put *to_client, struct err *e)
{
	struct cur c = cur_of(mechanisms);
	bool plain = false;

	for (struct span name = cur_str(&c); name.n; name = cur_str(&c)) {
		plain |= span_is(name, MECHANISM);
		x->bound |= span_is(name, MECHANISM_PLUS);
	}
	if (!plain)
		return refuse(x, e, "the server offers no SASL mechanism that can be passed through");
	put_start(to_client, BE_AUTHENTICATION);
	put_be32(to_client, AUTH_SASL);
	put_cstr(to_client, MECHANISM);
	put_u8(to_client, 0);
	put_finish(to_client);
	x->state = EXCHANGE_FIRST;
	return 0;
}

static int on_asked(struct exchange *x, const struct msg_auth *m, const struct frame *f,
	struct put *to_client, struct err *e)
{
	switch (m->kind) {
	case AUTH_OK: x->state = EXCHANGE_DONE; return 0;
	case AUTH_SASL: return offer(x, m->data, to_client, e);
	case AUTH_CLEARTEXT:
	case AUTH_MD5:
		if (!x->allow_cleartext)
			return refuse(x, e,
				m->kind == AUTH_MD5
					? "the server asks for the password as md5, and was not "
					  "verified (tls verify-full; or insecureAuth)"
					: "the server asks for the password in clear, and was not "
					  "verified (tls verify-full; or insecureAuth)");
		pass(f, to_client);
		x->state = EXCHANGE_PASSWORD;
		return 0;
	default: return refuse(x, e, "the server asks for an authentication that cannot be passed through");
	}
}

static int on_verdict(struct exchange *x, const struct msg_auth *m, const struct frame *f,
	struct put *to_client, struct err *e)
{
	if (m->kind == AUTH_OK) {
		if (!x->proved)
			return violation(x, e, "the server left SCRAM before its end");
		x->state = EXCHANGE_DONE;
		return 0;
	}
	if (m->kind != AUTH_SASL_FINAL || x->proved)
		return violation(x, e, "the server asks for authentication twice");
	x->proved = true;
	pass(f, to_client);
	return 0;
}

int exchange_server(struct exchange *x, const struct frame *f, struct put *to_client, struct err *e)
{
	struct msg_auth m;

	if (f->type != BE_AUTHENTICATION || !frame_whole(f) || msg_auth(f->body, &m) != WIRE_OK)
		return violation(x, e, "malformed Authentication");
	if (f->body.n > SCRAM_MESSAGE_MAX)
		return violation(x, e, "an Authentication message is too long");
	switch (x->state) {
	case EXCHANGE_ASKED: return on_asked(x, &m, f, to_client, e);
	case EXCHANGE_CHALLENGE:
		if (m.kind != AUTH_SASL_CONTINUE)
			return violation(x, e, "the server left SCRAM before its end");
		pass(f, to_client);
		x->state = EXCHANGE_FINAL;
		return 0;
	case EXCHANGE_VERDICT: return on_verdict(x, &m, f, to_client, e);
	case EXCHANGE_PASSWORD:
	case EXCHANGE_FIRST:
	case EXCHANGE_FINAL: return violation(x, e, "the server speaks where the client is to answer");
	case EXCHANGE_FAILED:
	case EXCHANGE_DONE: break;
	}
	return violation(x, e, "it is over already");
}

bool exchange_waits(const struct exchange *x)
{
	return x->state == EXCHANGE_PASSWORD || x->state == EXCHANGE_FIRST || x->state == EXCHANGE_FINAL;
}

static int on_password(struct exchange *x, struct span body, struct err *e)
{
	struct cur c = cur_of(body);

	cur_str(&c);
	if (cur_end(&c) != WIRE_OK)
		return violation(x, e, "malformed PasswordMessage");
	x->proved = true; /* by the password; no SASLFinal follows */
	x->state = EXCHANGE_VERDICT;
	return 0;
}

static int on_first(struct exchange *x, struct span body, struct err *e)
{
	struct cur c = cur_of(body);
	struct span name = cur_str(&c), data;
	uint32_t n = cur_be32(&c);

	data = cur_rest(&c);
	if (cur_end(&c) != WIRE_OK || n != data.n || data.n > SCRAM_MESSAGE_MAX || data.n < 3)
		return violation(x, e, "malformed SASLInitialResponse");
	if (!span_is(name, MECHANISM))
		return refuse(x, e, "the client chose a SASL mechanism that was not offered");
	if (data.p[0] != 'n' && data.p[0] != 'y')
		return refuse(x, e, "channel binding cannot be passed through: the client's side has no TLS");
	if (data.p[0] == 'y' && x->bound)
		return refuse(x, e,
			"the client looks for channel binding (\"y,,\"), which cannot be passed through to a "
			"server that offers it");
	x->state = EXCHANGE_CHALLENGE;
	return 0;
}

int exchange_client(struct exchange *x, const struct frame *f, struct err *e)
{
	if (f->type != FE_PASSWORD || !frame_whole(f) || f->total > EXCHANGE_MESSAGE_MAX)
		return violation(x, e, "the client's password was expected");
	if (x->state == EXCHANGE_PASSWORD)
		return on_password(x, f->body, e);
	if (x->state == EXCHANGE_FIRST)
		return on_first(x, f->body, e);
	if (x->state != EXCHANGE_FINAL)
		return violation(x, e, "the client speaks where the server is to answer");
	if (f->body.n > SCRAM_MESSAGE_MAX)
		return violation(x, e, "malformed SASLResponse");
	x->state = EXCHANGE_VERDICT;
	return 0;
}
