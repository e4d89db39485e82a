/* SPDX-License-Identifier: MIT */
/* kept: a message of the client's that is on record (session/keep.h), as far as what becomes of it must know.
 */
#ifndef PGVEIL_SESSION_KEPT_H
#define PGVEIL_SESSION_KEPT_H

#include <stdbool.h>
#include <stdint.h>

struct kept {
	uint64_t number; /* in its session; 0: it is not */
	uint64_t began_us;
	uint64_t since_ns; /* for tally.h's stages; 0: it is not measured */
	uint32_t sent_us; /* behind that it was sent; 0: it was not, or the server has said something of it */
	bool intimate;    /* its constants are tokens */
};

#endif
