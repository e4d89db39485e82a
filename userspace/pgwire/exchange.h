/* SPDX-License-Identifier: MIT */
/* exchange: a client's own authentication, passed between it and the server, as a stepper without I/O. It
 * says which message may pass, and in which form; it never answers for either side and keeps none of it. */
#ifndef PGVEIL_PGWIRE_EXCHANGE_H
#define PGVEIL_PGWIRE_EXCHANGE_H

#include "base/err.h"
#include "pgwire/frame.h"
#include "pgwire/put.h"

#define EXCHANGE_MESSAGE_MAX 8192 /* a password may be a token of the cloud's; of SCRAM's messages 1024 */

enum exchange_state {
	EXCHANGE_FAILED = 0,
	EXCHANGE_ASKED,     /* the server says how */
	EXCHANGE_PASSWORD,  /* the client's password, in clear or as md5 */
	EXCHANGE_FIRST,     /* the client's first message of SCRAM */
	EXCHANGE_CHALLENGE, /* the server's */
	EXCHANGE_FINAL,     /* the client's proof */
	EXCHANGE_VERDICT,   /* the server's proof, or its Ok */
	EXCHANGE_DONE,      /* the server accepted the client */
};

struct exchange {
	enum exchange_state state;
	bool allow_cleartext; /* a password may go in clear or as md5 */
	bool bound;           /* the server would bind to its TLS channel */
	bool proved;          /* nothing but its Ok is due: SASLFinal was seen, or is none */
};

void exchange_start(struct exchange *x, bool allow_cleartext);
/* An Authentication message of the server. 0: what the client is to hear is in *to_client; nothing for the
 * Ok, which is the caller's to say when everything is ready. -EACCES, -EPROTO: it ends here. */
MUSTCHECK int exchange_server(
	struct exchange *x, const struct frame *f, struct put *to_client, struct err *e);
/* Whether it is the client's turn; and its message, which goes to the server as it is where this gives 0. */
bool exchange_waits(const struct exchange *x);
MUSTCHECK int exchange_client(struct exchange *x, const struct frame *f, struct err *e);

#endif
