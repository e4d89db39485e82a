/* SPDX-License-Identifier: MIT */
/* startup: what a frontend may say before the protocol proper: SSLRequest, GSSENCRequest, CancelRequest,
 * StartupMessage, or a TLS ClientHello of a direct TLS connection. Never answers. */
#ifndef PGVEIL_PGWIRE_STARTUP_H
#define PGVEIL_PGWIRE_STARTUP_H

#include "base/buf.h"

#define PROTOCOL_3_0 0x00030000u
/* Request codes where a protocol version would stand: 1234 << 16 | 5678 … */
#define CANCEL_REQUEST_CODE 80877102u
#define SSL_REQUEST_CODE    80877103u
#define GSSENC_REQUEST_CODE 80877104u
#define STARTUP_MAX         ((size_t)10000) /* MAX_STARTUP_PACKET_LENGTH of the server */
#define STARTUP_PARAMS      64              /* more parameters than this are refused */
#define CANCEL_KEY_MIN      4
#define CANCEL_KEY_MAX      256 /* protocol 3.2, "BackendKeyData" */

enum startup_kind {
	STARTUP_NONE = 0,
	STARTUP_SSL,
	STARTUP_GSSENC,
	STARTUP_CANCEL,
	STARTUP_MESSAGE,
	STARTUP_TLS_HELLO
};

struct startup_param {
	struct span name, value;
};

/* One startup packet; spans borrow from the input. */
struct startup {
	enum startup_kind kind;
	size_t total; /* bytes the packet takes; 0 for STARTUP_TLS_HELLO */
	/* STARTUP_MESSAGE */
	uint32_t protocol; /* major << 16 | minor */
	struct startup_param params[STARTUP_PARAMS];
	unsigned nparams;
	/* STARTUP_CANCEL */
	uint32_t cancel_pid;
	struct span cancel_key;
};

/* WIRE_BAD: a length outside 8..STARTUP_MAX, an unknown request code, a major version other than 3, a cancel
 * key outside CANCEL_KEY_MIN..CANCEL_KEY_MAX, parameters that are not NUL-ended pairs, a repeated parameter
 * name (case ignored). Any minor version is WIRE_OK: newer clients try one on purpose. */
MUSTCHECK enum wire startup_parse(struct span in, struct startup *s);
/* The value of a parameter (exact name); .p == NULL where it is absent. */
struct span startup_param(const struct startup *s, const char *name);

#endif
