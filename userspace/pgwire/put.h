/* SPDX-License-Identifier: MIT */
/* put: writes protocol messages, length back-patched at the end. Never decides what to say. */
#ifndef PGVEIL_PGWIRE_PUT_H
#define PGVEIL_PGWIRE_PUT_H

#include "base/buf.h"
#include "base/outq.h"

/* A growing run of bytes on the heap. All zero is empty. A failed growth sticks; put_failed tells. */
struct put {
	uint8_t *p;
	size_t n, cap;
	size_t start; /* of the message being written */
	bool failed;
};

void put_fini(struct put *w);
void put_reset(struct put *w);              /* empty again, the memory kept; a failure is forgotten */
bool put_failed(const struct put *w);       /* no memory, or a message beyond FRAME_MAX */
struct span put_bytes(const struct put *w); /* all finished messages; valid until the next put */

void put_start(struct put *w, char type); /* type 0: a startup packet, which has none */
void put_finish(struct put *w);
void put_u8(struct put *w, uint8_t v);
void put_be16(struct put *w, uint16_t v);
void put_be32(struct put *w, uint32_t v);
void put_span(struct put *w, struct span s);
void put_cstr(struct put *w, const char *s);      /* with its NUL */
void put_cstr_span(struct put *w, struct span s); /* bytes and a NUL; fails on an inner NUL */
void put_param_int4(struct put *w, int32_t v);

/* Whole messages. */
/* ErrorResponse with S, V, C, M and, where not NULL, D and H */
void put_error(struct put *w, const char *severity, const char *sqlstate, const char *message,
	const char *detail, const char *hint);
void put_notice(struct put *w, const char *sqlstate, const char *message, const char *hint);
void put_query(struct put *w, const char *sql);
void put_parameter_status(struct put *w, const char *name, struct span value);
void put_ready(struct put *w, char status);
void put_startup(struct put *w, const char *const (*params)[2], size_t n); /* StartupMessage 3.0 */
void put_cancel(struct put *w, uint32_t pid, struct span key);
void put_ssl_request(struct put *w);
/* NegotiateProtocolVersion 3.newest_minor, with the names of the parameters that were not understood. */
void put_negotiate(struct put *w, uint32_t newest_minor, const struct span *unknown, size_t n);
void put_sync(struct put *w);

#endif
