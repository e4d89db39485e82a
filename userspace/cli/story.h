/* SPDX-License-Identifier: MIT */
/* story: a session's records told in order: who it was, what it asked, what it was answered. Whoever shows it
 * is a teller. */
#ifndef PGVEIL_CLI_STORY_H
#define PGVEIL_CLI_STORY_H

#include "cli/reply.h"
#include "record/reader.h"

/* A message of the client's that was put on record. */
struct question {
	uint64_t number;
	struct span message, verdict; /* query, parse, bind, execute, …; allow, deny, ask */
	struct span text;  /* whole; of execute: of the statement that was bound last; .n 0: not known */
	struct span body;  /* all of it, but for the parts of a long text */
	struct span bound; /* body with the parameters: its own, or that of the last bind */
	bool runs;         /* the server carries it out, or it was refused: it is more than a preparation */
};

struct teller { /* all spans are borrowed for the time of the call */
	void (*begin)(void *arg, uint64_t us, struct span body);
	void (*asked)(void *arg, uint64_t us, const struct question *q);
	void (*reply)(void *arg, uint64_t us, const struct reply *r);
	void (*done)(void *arg, uint64_t us, struct span body);
	void (*event)(void *arg, uint64_t us, struct span body);
	void (*end)(void *arg, uint64_t us, struct span body);
};

struct story;

struct story *story_new(const struct teller *t, void *arg); /* NULL: no memory */
void story_free(struct story *s);                           /* NULL is fine */
/* The next record of the session. false: no memory. */
MUSTCHECK bool story_take(struct story *s, const struct read_record *rec);
void story_finish(struct story *s); /* there are no more */

#endif
