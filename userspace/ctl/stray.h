/* SPDX-License-Identifier: MIT */
/* stray: a connection to a database port, or to a database's unix socket, that does not go through the
 * engine, although whoever made it, or has it, is enrolled. The hooks see connects; these are what no connect
 * told of: made before the enrolment, or elsewhere and carried in as a descriptor, or by another name of the
 * socket. */
#ifndef PGVEIL_CTL_STRAY_H
#define PGVEIL_CTL_STRAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "kern/diag.h"
#include "kern/unix_diag.h"

struct census;
struct kern;

enum stray_kind {
	STRAY_OWN = 0, /* made in a cgroup that is enrolled or denied */
	STRAY_CARRIED, /* made elsewhere, and a process there has it */
	STRAY_FOREIGN, /* made by somebody who shares its network namespace, and nobody there is seen to have
			  it */
	STRAY_UNIX,    /* a unix connection: who made it is not known, a process there has it */
};

struct stray {
	enum stray_kind kind;
	struct diag_socket socket; /* UNIX: its inode only, as cookie too */
	struct unix_name name;     /* UNIX: what the server calls it */
	unsigned space;            /* in the census */
	pid_t holder;              /* of a process that is enrolled or denied; 0: none is seen */
	int holder_fd;
};

struct strays {
	struct stray *all;
	unsigned n, cap;
	bool cut; /* there may be more */
};

struct stray_limits {
	uint64_t own_cgroup;  /* the engine's: what is made there is nobody's business here */
	uint64_t home_cookie; /* the namespace where everybody lives: no FOREIGN there */
};

/* Looks through every namespace of the census. */
void strays_find(
	struct strays *st, const struct census *c, const struct kern *k, const struct stray_limits *l);
void strays_fini(struct strays *st);

#endif
