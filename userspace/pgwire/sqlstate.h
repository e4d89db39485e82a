/* SPDX-License-Identifier: MIT */
/* sqlstate: the standard text of an SQLSTATE (PostgreSQL docs, appendix A): its condition name in words. */
#ifndef PGVEIL_PGWIRE_SQLSTATE_H
#define PGVEIL_PGWIRE_SQLSTATE_H

#include "base/buf.h"

/* "division by zero" for 22012. A code that the table does not know gets its class's text, and an unknown
 * class "error". Never NULL. */
const char *sqlstate_text(struct span code);

/* The text of a message with this code that a client may see: itself where the server has no value to put
 * into it ("canceling statement due to user request"), else sqlstate_text. Never NULL. */
const char *sqlstate_message(struct span code, struct span message);

/* Whether the code is one of the table's. */
bool sqlstate_known(struct span code);

#endif
