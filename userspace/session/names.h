/* SPDX-License-Identifier: MIT */
/* names: the prepared statements and portals of one session, as the server has them: SQL and the protocol
 * share one namespace for statements and one for portals and cursors. An entry is made when the server
 * confirms, never before. */
#ifndef PGVEIL_SESSION_NAMES_H
#define PGVEIL_SESSION_NAMES_H

#include "pgwire/message.h"
#include "session/account.h"
#include "session/cache.h"
#include "session/estimate.h"
#include "session/kept.h"

#define NAMES_BYTES_MAX                                                                                      \
	((size_t)128 << 20) /* what all prepared statements of a session may take, with their judgements */
#define NAMES_MAX    16384  /* prepared statements, and as many portals, of one session */
#define CHANNELS_MAX 1024   /* that one session may have said LISTEN for */
#define NAME_LEN_MAX 63     /* the server cuts longer ones, so that two names could be one: refused */

struct shape_column {
	uint32_t table_oid, type_oid;
	int16_t attnum, format;
	int32_t typmod;
};

/* What RowDescription said of a statement or portal. Refcounted. */
struct shape {
	unsigned refs;
	unsigned n; /* 0: NoData */
	struct shape_column col[];
};

struct spent { /* what the client was given of one statement */
	uint64_t rows, bytes;
};

/* What a person let through of one statement, whatever the limits are: each measure of its own. */
struct lift {
	uint64_t given, left;
};
struct lifts {
	struct lift rows, bytes; /* given 0: it is as limited as any */
};

struct prepared { /* refcounted */
	unsigned refs;
	struct spent spent; /* of a cursor, by FETCH */
	struct lifts lifts; /* likewise */
	char *name;
	struct judgement *j;     /* of the text (SQL PREPARE: of that statement alone) */
	const struct plan *plan; /* what running it does; borrowed from j. NULL: the empty query */
	struct shape *shape;     /* NULL: not described yet */
	bool from_sql;
	struct span types; /* that Parse gave the parameters, 4 bytes each; owned */
	bool approved;     /* DECLARE: a person approved of it … */
	uint8_t under[32]; /* … when bond_under() said this */
	struct span sent;  /* what the server has, where j is of a text with other constants; owned */
};

struct portal { /* refcounted */
	unsigned refs;
	struct spent spent;
	struct lifts lifts;
	char *name;
	struct prepared *prepared; /* what it runs; for an SQL cursor one made for its DECLARE */
	struct prepared *target; /* what EXECUTE or FETCH inside it meant when it was bound; NULL otherwise */
	struct shape *shape;     /* of the portal itself where it was described; its formats count */
	struct rowplan *rows;    /* made at the first row */
	struct judgement
		*latest; /* a newer judgement of the same text, where versions moved; NULL otherwise */
	bool cursor;     /* made by DECLARE */
	bool hold;       /* WITH HOLD: outlives its transaction */
	unsigned nformats;
	uint16_t *formats;          /* of Bind */
	uint64_t ticket;            /* of the approval that it was bound by (session/hold.c); 0: none */
	struct estimated estimated; /* when it was bound */
	struct kept kept;           /* the Bind, until what it bound was run once; number 0: it was */
};

struct names {
	/* Trees of search.h by name: clients choose the names, so no hash could be trusted. */
	void *prepared, *portals;
	void *channels; /* names that the client itself has said in a LISTEN */
	unsigned nprepared, nportals, nchannels;
	size_t bytes;            /* of the prepared statements */
	struct account *account; /* has them too; the owner opens and closes it. NULL: none */
};

void names_fini(struct names *n);

/* Whether one more prepared statement or portal would be too much. */
bool names_full(const struct names *n);
/* Borrowed; NULL where there is none. */
struct prepared *names_prepared(const struct names *n, struct span name);
struct portal *names_portal(const struct names *n, struct span name);
/* Takes the place of an earlier one of the same name. -ENOMEM, -ENOSPC (NAMES_MAX). The caller keeps its
 * reference. */
MUSTCHECK int names_put_prepared(struct names *n, struct prepared *p);
MUSTCHECK int names_put_portal(struct names *n, struct portal *p);
void names_drop_prepared(struct names *n, struct span name);
void names_drop_portal(struct names *n, struct span name);
/* A LISTEN by this name may have been carried out. -ENOMEM, -ENOSPC (CHANNELS_MAX). */
MUSTCHECK int names_listen(struct names *n, const char *channel);
/* An UNLISTEN certainly was; NULL: of all. */
void names_unlisten(struct names *n, const char *channel);
bool names_listens(const struct names *n, struct span channel);
void names_drop_all_prepared(struct names *n);
void names_drop_all_portals(struct names *n, bool held_too);

MUSTCHECK struct prepared *prepared_new(
	struct span name, struct judgement *j, const struct plan *plan); /* refs j */
/* Its parameters' types, which are copied. false: no memory. */
MUSTCHECK bool prepared_take_types(struct prepared *p, struct span types);
/* The text that the server has of it; it need not be that of p->j (session/cache.h). Copied. false: no
 * memory. */
MUSTCHECK bool prepared_take_text(struct prepared *p, struct span text);
struct span prepared_text(const struct prepared *p); /* borrowed */
size_t prepared_bytes(const struct prepared *p);     /* of memory */
struct prepared *prepared_ref(struct prepared *p);
void prepared_unref(struct prepared *p);
MUSTCHECK struct portal *portal_new(struct span name, struct prepared *p); /* refs p */
struct portal *portal_ref(struct portal *p);
void portal_unref(struct portal *p);

/* From the body of a RowDescription. NULL: malformed or no memory. */
MUSTCHECK struct shape *shape_new(struct span row_description);
MUSTCHECK struct shape *shape_empty(void);
struct shape *shape_ref(struct shape *s);
void shape_unref(struct shape *s);

#endif
