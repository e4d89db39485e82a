/* SPDX-License-Identifier: MIT */
/* login: what a frontend says to a server from StartupMessage to the first ReadyForQuery, as a stepper
 * without I/O. Used by the session for its upstream leg and by the catalogue's own connection. TLS is settled
 * before it starts. */
#ifndef PGVEIL_PGWIRE_LOGIN_H
#define PGVEIL_PGWIRE_LOGIN_H

#include "base/err.h"
#include "pgwire/frame.h"
#include "pgwire/put.h"
#include "pgwire/scram.h"

enum login_state { LOGIN_FAILED = 0, LOGIN_AUTH, LOGIN_SASL, LOGIN_ANSWERED, LOGIN_SETTLING, LOGIN_DONE };

struct login_config { /* strings borrowed until login_fini */
	const char *user, *database;
	const char *password;        /* NULL: only trust, peer-less and certificate logins can succeed */
	struct scram_memory *memory; /* outlives the login; may be NULL */
	bool allow_cleartext; /* cleartext and md5 requests are answered: the server was verified, or policy
				 says so */
	const char *const (*params)[2]; /* further startup parameters */
	size_t nparams;
};

struct login {
	enum login_state state;
	struct login_config cfg;
	struct scram_client scram;
	uint32_t pid; /* BackendKeyData, zero length where the server sent none */
	uint8_t key[256];
	size_t key_len;
	bool negotiated; /* NegotiateProtocolVersion was seen; it comes once at most */
	char status;     /* of ReadyForQuery */
};

/* The strings of cfg->params may not name user or database again; NULL for database is the server's default.
 * random18: 18 bytes of randomness for the SCRAM nonce. Writes the StartupMessage to *to_server. */
MUSTCHECK int login_start(struct login *l, const struct login_config *cfg, const uint8_t random18[18],
	struct put *to_server, struct err *e);
/* One whole backend message. 0: go on, or LOGIN_DONE was reached. -EACCES/-EPROTO/…: failed; for an
 * ErrorResponse e holds the server's SQLSTATE and message. ParameterStatus and NoticeResponse are the
 * caller's to look at (before or after; this function ignores them). NegotiateProtocolVersion is accepted
 * only with minor 0 and nothing unknown. LOGIN_DONE is only reached after AuthenticationOk (after SCRAM: only
 * after the server proved itself). */
MUSTCHECK int login_message(struct login *l, const struct frame *f, struct put *to_server, struct err *e);
/* The server accepted somebody else's answers (exchange.h): what follows its Ok is due. */
void login_accepted(struct login *l);
void login_fini(struct login *l); /* wipes secrets */

#endif
