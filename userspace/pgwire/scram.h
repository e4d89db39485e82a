/* SPDX-License-Identifier: MIT */
/* scram: SCRAM-SHA-256 (RFC 5802, RFC 7677), client role, without channel binding. Never does I/O; the random
 * nonce is passed in, so that published vectors can be run. */
#ifndef PGVEIL_PGWIRE_SCRAM_H
#define PGVEIL_PGWIRE_SCRAM_H

#include "base/buf.h"
#include "base/err.h"

#define SCRAM_NONCE_LEN      24 /* characters of base64, as libpq sends (18 raw bytes) */
#define SCRAM_MESSAGE_MAX    1024
#define SCRAM_ITERATIONS_MAX 1000000 /* a server may not make us compute for minutes */

enum scram_state { SCRAM_FAILED = 0, SCRAM_START, SCRAM_FIRST_SENT, SCRAM_FINAL_SENT, SCRAM_DONE };

/* What thousands of hash rounds made of a password and a server's salt, for the next login with the same: a
 * server keeps one salt for a role. Only of servers that proved themselves. All zero is empty; used by one
 * thread. Whoever reads it can log in; so can whoever reads the password, which is on this machine as well.
 */
#define SCRAM_MEMORY_MAX 64
struct scram_memory {
	struct scram_salted {
		uint8_t of[32]; /* digest of password, salt and iterations */
		uint8_t salted[32];
	} v[SCRAM_MEMORY_MAX];
	unsigned n, next;
};
void scram_memory_fini(struct scram_memory *m); /* wipes */

struct scram_client {
	enum scram_state state;
	struct scram_memory *memory; /* NULL: none */
	struct scram_salted fresh;   /* for the memory, once the server proved itself */
	char nonce[SCRAM_NONCE_LEN + 1];
	char first_bare[64];
	uint8_t server_signature[32];
	const char *password; /* borrowed until SCRAM_FINAL_SENT */
};

/* gs2: "n,," (no TLS, or we do not bind). nonce: SCRAM_NONCE_LEN printable characters without a comma. memory
 * may be NULL. */
void scram_client_init(
	struct scram_client *s, const char *password, const char *nonce, struct scram_memory *memory);
/* client-first-message into out (NUL-ended, at most cap); returns its length or a negative errno. */
MUSTCHECK int scram_client_first(struct scram_client *s, char *out, size_t cap, struct err *e);
/* Takes server-first-message, gives client-final-message. -EPROTO: malformed, nonce not ours, iterations out
 * of 4096..SCRAM_ITERATIONS_MAX. */
MUSTCHECK int scram_client_final(
	struct scram_client *s, struct span server_first, char *out, size_t cap, struct err *e);
/* Takes server-final-message; -EACCES unless the server proved that it knows the password. */
MUSTCHECK int scram_client_verify(struct scram_client *s, struct span server_final, struct err *e);
void scram_client_fini(struct scram_client *s); /* wipes */

#endif
