/* SPDX-License-Identifier: MIT */
/* shipment: recordings in an S3-compatible store, brought here: each file proved to be what its name says,
 * and put nowhere but below the directory that is given. However many objects the store says that it has, and
 * however long, there is an end to what is looked at and to what is brought. Never says whether a recording
 * is whole. */
#ifndef PGVEIL_CLI_SHIPMENT_H
#define PGVEIL_CLI_SHIPMENT_H

#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/err.h"
#include "web/s3.h"

struct sessions;

struct shipment {
	struct s3 *s3;
	char prefix[S3_KEY];          /* of all names that are looked at; "" or with a '/' at its end */
	uint64_t file_max, files_max; /* bytes of a file, and objects that are listed, at the most */
	uint64_t fetched, bytes, had;
};

struct shipment_calls {
	/* Files of this recording follow; its name below the prefix, "." where that is one itself. NULL:
	 * nobody wants to know. */
	void (*recording)(void *arg, const char *name);
	/* An object that is not what its name says, or too long, or one too many; it is not here. */
	void (*altered)(void *arg, const char *key, const char *why);
	void *arg;
};

/* As the options say. -EINVAL: they do not say enough. */
MUSTCHECK int shipment_open(struct shipment *out, const struct sessions *s, struct err *e);
void shipment_close(struct shipment *sh);
/* The names of the recordings that there are, in order; *out ends with NULL and is the caller's
 * (shipment_names_free). */
MUSTCHECK int shipment_names(struct shipment *sh, char ***out, size_t *n, struct err *e);
void shipment_names_free(char **names); /* NULL is fine */
/* The files of one recording, or (NULL) of all, each to dir/NAME/…. -E2BIG: more than files_max are listed.
 * -ENOSPC: they would take more than nine tenths of the bytes or of the inodes free there. */
MUSTCHECK int shipment_bring(struct shipment *sh, const char *name, const char *dir,
	const struct shipment_calls *calls, struct err *e);

#endif
