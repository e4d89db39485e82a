/* SPDX-License-Identifier: MIT */
/* approval_store: approvals in a file of their own, so that what was decided and what was used up outlives
 * the daemon. Every call returns when it is on the disk. Used by one thread at a time; decides nothing. */
#ifndef PGVEIL_CTL_APPROVAL_STORE_H
#define PGVEIL_CTL_APPROVAL_STORE_H

#include <stdint.h>
#include "base/err.h"
#include "session/desk.h"

struct approval_store;

/* Zero is the strictest. X(name, word) */
#define APPROVAL_STATES(X)                                                                                   \
	X(DENIED, "denied")                                                                                  \
	X(PENDING, "pending")                                                                                \
	X(APPROVED, "approved")                                                                              \
	X(USED, "used")                                                                                      \
	X(EXPIRED, "expired")                                                                                \
	X(REVOKED, "revoked")                                                                                \
	X(VOID, "void") /* something that it was bound to is another one now */
#define X(name, word) APPROVAL_##name,
enum approval_state { APPROVAL_STATES(X) APPROVAL_STATE_MAX };
#undef X
const char *approval_state_name(enum approval_state s);

struct approval_row { /* strings borrowed */
	uint64_t id;
	enum approval_state state;
	const char *cause, *identity;
	int64_t asked_at, until_at; /* seconds of the epoch; until_at: of the grant, or to be decided by */
	unsigned uses, used;
	bool ends; /* what runs by it ends with it */
	struct bond bond;
	const char *shown, *votes; /* JSON */
};

MUSTCHECK int approval_store_open(
	struct approval_store **out, const char *dir, struct err *e); /* below dir */
void approval_store_close(struct approval_store *s);                  /* NULL is fine */
/* Key of what is kept of statements, made when the file was. */
void approval_store_key(const struct approval_store *s, uint8_t key[static 32]);
/* Nobody else uses it any more: what was pending is denied, with cause; what was used up and not known to be
 * sent says so. */
MUSTCHECK int approval_store_begin(struct approval_store *s, const char *cause, struct err *e);
/* The last ones, oldest first, and all that may still be used. *last: the highest number ever given. */
MUSTCHECK int approval_store_load(struct approval_store *s,
	void (*fn)(void *arg, const struct approval_row *r), void *arg, uint64_t *last, struct err *e);
/* Writes a row down: a new one, or (not added) what may change of it, but for how often it was used. */
MUSTCHECK int approval_store_save(
	struct approval_store *s, const struct approval_row *r, bool added, struct err *e);
/* One use of an approved one: *n is its number. -ESTALE: it is not approved, or used up. */
MUSTCHECK int approval_store_use(
	struct approval_store *s, uint64_t id, int64_t now, unsigned *n, struct err *e);
/* What became of a use. */
MUSTCHECK int approval_store_tell(
	struct approval_store *s, uint64_t id, unsigned n, const char *how, struct err *e);
/* How its uses went. */
MUSTCHECK int approval_store_uses(struct approval_store *s, uint64_t id,
	void (*fn)(void *arg, unsigned n, int64_t at, const char *how), void *arg, struct err *e);
/* What was seen of a cluster's grant: the most uses, and which objects they were. Strings borrowed. */
struct approval_seen {
	const char *name, *asked, *given; /* uids; "": there was none */
	unsigned used;
	int64_t until_at;
};
/* What was written before stays, but for uses, of which the most count. */
MUSTCHECK int approval_store_see(struct approval_store *s, const struct approval_seen *o, struct err *e);
/* All that is not over since before now; what is, is forgotten. */
MUSTCHECK int approval_store_seen(struct approval_store *s, int64_t now,
	void (*fn)(void *arg, const struct approval_seen *o), void *arg, struct err *e);
/* Whether it is approved still, as another daemon may have it. */
bool approval_store_valid(struct approval_store *s, uint64_t id);

#endif
