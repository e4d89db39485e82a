/* SPDX-License-Identifier: MIT */
/* frame: where one protocol message ends and the next begins (PostgreSQL docs, "Message Formats"). Never
 * looks inside a body; views only, no state, no allocation. */
#ifndef PGVEIL_PGWIRE_FRAME_H
#define PGVEIL_PGWIRE_FRAME_H

#include "base/buf.h"

/* Who sends a message. The same letter means different things in the two directions. */
enum peer { PEER_FRONTEND, PEER_BACKEND };

/* Message types in the protocol's own letters. X(name, letter, meaning) */
#define FRONTEND_MESSAGES(X)                                                                                 \
	X(BIND, 'B', "Bind")                                                                                 \
	X(CLOSE, 'C', "Close")                                                                               \
	X(COPY_DATA, 'd', "CopyData")                                                                        \
	X(COPY_DONE, 'c', "CopyDone")                                                                        \
	X(COPY_FAIL, 'f', "CopyFail")                                                                        \
	X(DESCRIBE, 'D', "Describe")                                                                         \
	X(EXECUTE, 'E', "Execute")                                                                           \
	X(FLUSH, 'H', "Flush")                                                                               \
	X(FUNCTION_CALL, 'F', "FunctionCall")                                                                \
	X(PARSE, 'P', "Parse")                                                                               \
	X(PASSWORD, 'p', "PasswordMessage")                                                                  \
	X(QUERY, 'Q', "Query")                                                                               \
	X(SYNC, 'S', "Sync")                                                                                 \
	X(TERMINATE, 'X', "Terminate")
#define BACKEND_MESSAGES(X)                                                                                  \
	X(AUTHENTICATION, 'R', "Authentication")                                                             \
	X(BACKEND_KEY_DATA, 'K', "BackendKeyData")                                                           \
	X(BIND_COMPLETE, '2', "BindComplete")                                                                \
	X(CLOSE_COMPLETE, '3', "CloseComplete")                                                              \
	X(COMMAND_COMPLETE, 'C', "CommandComplete")                                                          \
	X(COPY_BOTH_RESPONSE, 'W', "CopyBothResponse")                                                       \
	X(COPY_DATA, 'd', "CopyData")                                                                        \
	X(COPY_DONE, 'c', "CopyDone")                                                                        \
	X(COPY_IN_RESPONSE, 'G', "CopyInResponse")                                                           \
	X(COPY_OUT_RESPONSE, 'H', "CopyOutResponse")                                                         \
	X(DATA_ROW, 'D', "DataRow")                                                                          \
	X(EMPTY_QUERY_RESPONSE, 'I', "EmptyQueryResponse")                                                   \
	X(ERROR_RESPONSE, 'E', "ErrorResponse")                                                              \
	X(FUNCTION_CALL_RESPONSE, 'V', "FunctionCallResponse")                                               \
	X(NEGOTIATE_PROTOCOL_VERSION, 'v', "NegotiateProtocolVersion")                                       \
	X(NO_DATA, 'n', "NoData")                                                                            \
	X(NOTICE_RESPONSE, 'N', "NoticeResponse")                                                            \
	X(NOTIFICATION_RESPONSE, 'A', "NotificationResponse")                                                \
	X(PARAMETER_DESCRIPTION, 't', "ParameterDescription")                                                \
	X(PARAMETER_STATUS, 'S', "ParameterStatus")                                                          \
	X(PARSE_COMPLETE, '1', "ParseComplete")                                                              \
	X(PORTAL_SUSPENDED, 's', "PortalSuspended")                                                          \
	X(READY_FOR_QUERY, 'Z', "ReadyForQuery")                                                             \
	X(ROW_DESCRIPTION, 'T', "RowDescription")

#define X(name, letter, meaning) FE_##name = letter,
enum frontend_type { FRONTEND_MESSAGES(X) };
#undef X
#define X(name, letter, meaning) BE_##name = letter,
enum backend_type { BACKEND_MESSAGES(X) };
#undef X

#define FRAME_HEADER 5 /* type byte and length word */
/* The server's own bound on one message (PQ_LARGE_MESSAGE_LIMIT): 1 GiB - 1, the length word included. */
#define FRAME_MAX ((size_t)0x3fffffff)

struct frame {
	uint8_t type;
	size_t total;     /* header and body, bytes; always >= FRAME_HEADER */
	struct span body; /* as much of it as the input holds; borrows from the input */
};

/* Reads the header at the start of in. WIRE_OK: type, total and body (perhaps cut: whole iff body.n == total
 * - FRAME_HEADER) are set. WIRE_MORE: fewer than FRAME_HEADER bytes. WIRE_BAD: a type that peer does not send
 * (also in fewer than FRAME_HEADER bytes), or a length below 4 or above FRAME_MAX. */
MUSTCHECK enum wire frame_peek(struct span in, enum peer from, struct frame *f);
const char *frame_name(enum peer from, uint8_t type); /* "Parse"; "unknown" for anything else */

static inline bool frame_whole(const struct frame *f)
{
	return f->body.n == f->total - FRAME_HEADER;
}

#endif
