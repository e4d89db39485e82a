/* SPDX-License-Identifier: MIT */
/* desk: what a session needs of whoever decides on statements that a person must approve: it asks, looks
 * again, and says how it ended. No call waits, and none is trusted with more than a reviewer may see; the
 * session learns by a wake-up that there is something to look at. */
#ifndef PGVEIL_SESSION_DESK_H
#define PGVEIL_SESSION_DESK_H

#include "base/buf.h"
#include "base/err.h"
#include "policy/caller.h"

struct approval; /* policy/policy.h: who may decide */
struct hmac_key;

/* What an approval is bound to, each as a SHA-256. X(name, what it is called when it moved) */
#define BOND_PARTS(X)                                                                                        \
	X(STATEMENT, "the statement or a parameter") /* and who sends it, and where */                       \
	X(ROLE, "the role")                                                                                  \
	X(PATH, "the search_path")                                                                           \
	X(OBJECTS, "the definition of a relation, or of a function")                                         \
	X(SETTINGS, "a setting")                                                                             \
	X(POLICY, "the policy")
#define X(name, word) BOND_##name,
enum bond_part { BOND_PARTS(X) BOND_MAX };
#undef X
#define BOND_LEN 32
struct bond {
	uint8_t part[BOND_MAX][BOND_LEN];
	/* What stands for BOND_STATEMENT where it was approved by its shape (session/held_shape.h). Zero: it
	 * has none. */
	uint8_t shape[BOND_LEN];
};
/* The first part that differs; BOND_MAX: none. */
enum bond_part bond_moved(const struct bond *a, const struct bond *b);
/* The same where b need only have the shape of a; without one nothing has it. */
enum bond_part bond_shape_moved(const struct bond *a, const struct bond *b);
const char *bond_part_name(enum bond_part p);

struct desk_open {               /* a place where a shape has no value */
	const char *name, *kind; /* "$1", "integer" */
	const char *now;         /* what stands there; as it may be shown */
};

struct desk_request { /* all borrowed, for the time of the call */
	struct bond bond;
	const struct caller *who;
	const char *identity;          /* the subject of the policy: whoever has it may come again */
	const char *database, *dbname; /* entry of the policy, name of the database */
	const char *role, *path;       /* as the server has them */
	const char *rule, *why;        /* which rule asks, "file:line", and about what */
	const char *tag, *kind;        /* what the statement is called */
	const char *reason;            /* pgveil.reason: a claim; NULL: none */
	bool estimated;
	uint64_t rows;             /* that the server's planner guesses; known if estimated */
	const char *unestimated;   /* why that is not known; NULL: nobody asked */
	uint64_t wants;            /* rows, which is more than a limit leaves; 0: it does not need that */
	const char *limit;         /* … which */
	const char *text;          /* as it is sent, but for constants that a mask is about */
	const char *const *values; /* parameters, likewise */
	unsigned nvalues;
	const char *shape; /* that it could be approved by; NULL: none, why_no_shape */
	const char *why_no_shape;
	const struct desk_open *opens;
	unsigned nopens;
	const char *const *relations; /* that it names, and those that it reaches */
	unsigned nrelations;
	bool in_transaction;       /* one is open: what it locked stays locked */
	const char *const *locked; /* relations that it named so far */
	unsigned nlocked;
	const struct approval *const *rules; /* all of them must agree */
	unsigned nrules;
};

/* Zero is the strictest. CLAIMED: it is approved, and being written down that it is used up. GRANTED: it was
 * written down; the statement may go once. */
enum desk_state { DESK_DENIED = 0, DESK_PENDING, DESK_CLAIMED, DESK_GRANTED };

struct desk_answer {
	enum desk_state state;
	uint64_t id;       /* of the approval, for people */
	char object[64];   /* what a cluster knows it by; "": nothing */
	uint64_t until_ms; /* PENDING: when it is too late */
	bool retry;        /* PENDING: the client is not to wait, it may come again */
	/* GRANTED: of these measures it may have so much, whatever the limits are; 0: as they are. */
	uint64_t rows, bytes;
	char sqlstate[6]; /* DENIED */
	char reason[200]; /* DENIED; in a PENDING, "" or what became of an approval before it */
};

/* How it ended for one who asked. */
enum desk_end {
	DESK_LEFT = 0, /* nothing was sent: cancelled, gone, refused for another reason. It may be asked for
			  again */
	DESK_MOVED,    /* something that it was bound to is another one now: nobody may use it any more */
	DESK_SENT,     /* the server has it */
	DESK_OVER,     /* and has answered, or the connection ended */
};

struct desk { /* from any thread */
	/* 0: *ticket stands for this asking until end() says LEFT, MOVED or OVER. Whoever asks for the same
	 * again shares the approval. -ENOSPC: too much is asked for; -ESHUTDOWN: another daemon decides now;
	 * -ENOMEM. */
	int (*ask)(void *arg, const struct desk_request *r, uint64_t now_ms, uint64_t *ticket,
		struct desk_answer *out);
	/* A GRANTED that becomes DENIED was taken back, or is over: what runs by it must end. */
	void (*look)(void *arg, uint64_t ticket, struct desk_answer *out);
	void (*end)(void *arg, uint64_t ticket, enum desk_end how, enum bond_part moved);
	/* What this subject has asked for in this database, newest first. */
	void (*list)(void *arg, const char *identity,
		void (*fn)(void *arg, uint64_t id, const char *state, const char *text, const char *cause),
		void *fn_arg);
	void *arg;
	const struct hmac_key *key; /* of what is kept of a statement (struct bond); outlives the sessions */
};

#endif
