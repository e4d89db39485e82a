/* SPDX-License-Identifier: MIT */
/* deposit: a file that is in the store when it is said to be: whole, once, under a name that has its SHA-256
 * in it. Goes on where it was interrupted, leaves nothing half there, and replaces only what is proved not to
 * be what its name says. */
#ifndef PGVEIL_WEB_DEPOSIT_H
#define PGVEIL_WEB_DEPOSIT_H

#include "web/s3.h"

struct deposit {
	const char *key;
	int fd;
	const struct digest *digest; /* in parts as they are to be sent */
	/* The upload in parts that is under way for this name, as it was kept: "" where there is none. */
	char upload[S3_UPLOAD];
	/* Keeps it where it outlives the process, before any part is sent; "": there is none any more. */
	int (*keep)(void *arg, const char *upload, struct err *e);
	void *arg;
	/* What was found and done. */
	bool was_there;   /* nothing was sent */
	bool left;        /* an upload in parts that is not needed could not be ended */
	bool replaced;    /* there was something else under the name */
	unsigned resumed; /* parts that the store had already */
	unsigned retry_after_s;
};

/* 0: the store has it, and said or showed by its checksum that it has all of it. -EBADMSG: it says that it
 * has something else. Else as s3.h. */
MUSTCHECK int deposit_put(struct deposit *d, struct s3 *s, struct err *e);

#endif
