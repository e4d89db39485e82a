/* SPDX-License-Identifier: MIT */
/* reflector: keeps up with one collection of the Kubernetes API: lists it by pages, watches it from there,
 * and lists it again where the server has forgotten what came between (410), or what it sent cannot be read.
 * A stepper: it says what to get, is told what came, and has no socket, clock or thread of its own.
 * Kubernetes API concepts: "Efficient detection of changes", "Retrieving large results sets in chunks". */
#ifndef PGVEIL_KUBE_REFLECTOR_H
#define PGVEIL_KUBE_REFLECTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#define REFLECTOR_TARGET_MAX 4096u /* bytes of a request's path and query, with its NUL */

struct reflector_config { /* strings outlive it */
	const char *path; /* "/api/v1/pods" */
	const char
		*selector; /* of the query, encoded already: "fieldSelector=spec.nodeName%3Dn1"; NULL: all */
	uint64_t seed;     /* of the jitter, so that the nodes of a cluster do not all come at once */
	/* The objects are the reflector's. false: it could not be kept (no memory), so all is listed again.
	 */
	bool (*put)(void *arg, const json_t *object);
	void (*gone)(void *arg, const json_t *object);
	/* A list begins, and is whole: what was not put in between is not there. One that broke off is begun
	 * again. */
	void (*begin)(void *arg);
	void (*listed)(void *arg);
	void *arg;
};

/* What is known of the collection. Zero is the least. */
enum reflector_view {
	REFLECTOR_BLIND = 0, /* never listed whole */
	REFLECTOR_STALE,     /* as it was at reflector_as_of, and nothing is heard of it now */
	REFLECTOR_CURRENT,   /* a watch is going on */
};

/* Why a list or a watch did not come to its end. X(name, word) */
#define REFLECTOR_FAULTS(X)                                                                                  \
	X(UNREACHED, "unreached")   /* no answer */                                                          \
	X(FORBIDDEN, "forbidden")   /* 401, 403 */                                                           \
	X(EXPIRED, "expired")       /* 410: too old to go on from */                                         \
	X(BUSY, "busy")             /* 429 */                                                                \
	X(STATUS, "status")         /* any other than 200 */                                                 \
	X(UNREADABLE, "unreadable") /* or there was no memory to keep it */                                  \
	X(BROKEN, "broken")         /* it broke off */
#define X(name, word) REFLECTOR_##name,
enum reflector_fault { REFLECTOR_FAULTS(X) REFLECTOR_FAULT_MAX };
#undef X
const char *reflector_fault_name(enum reflector_fault f);

struct reflector_counts {
	uint64_t lists;   /* how often all was listed */
	uint64_t events;  /* that a watch told, bookmarks among them */
	uint64_t objects; /* that there are, as the server told */
	uint64_t faults[REFLECTOR_FAULT_MAX];
};

struct reflector;

MUSTCHECK int reflector_new(struct reflector **out, const struct reflector_config *cfg, struct err *e);
void reflector_free(struct reflector *r); /* NULL is fine */

/* What to do while no request is under way. true: get target, which is one from now on; false: come again in
 * *wait_ms. */
MUSTCHECK bool reflector_next(
	struct reflector *r, uint64_t now_ms, char target[REFLECTOR_TARGET_MAX], uint64_t *wait_ms);
/* The status of the answer; retry_after_s: of its header, 0: none. */
void reflector_status(struct reflector *r, uint64_t now_ms, int status, unsigned retry_after_s);
/* Bytes of its body, without its transfer coding. WIRE_BAD: the request is to be ended. */
MUSTCHECK enum wire reflector_body(struct reflector *r, uint64_t now_ms, const void *bytes, size_t n);
/* The request is over; whole: the answer came to its end as HTTP has it. */
void reflector_end(struct reflector *r, uint64_t now_ms, bool whole);

enum reflector_view reflector_view(const struct reflector *r);
uint64_t reflector_as_of(
	const struct reflector *r); /* ms: when the server was last heard while all was known; 0: never */
const char *reflector_trouble(const struct reflector *r); /* why nothing is heard; "": all is well */
void reflector_count(const struct reflector *r, struct reflector_counts *out);

#endif
