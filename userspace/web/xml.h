/* SPDX-License-Identifier: MIT */
/* xml: what stands between a tag and its end in the short answers of an S3 store. No parser: elements of one
 * name are never inside each other there. Neither allocates nor trusts. */
#ifndef PGVEIL_WEB_XML_H
#define PGVEIL_WEB_XML_H

#include "base/buf.h"

/* Takes *in to behind the next element of that name; *inner is what is in it, borrowed. False: there is none.
 */
MUSTCHECK bool xml_next(struct span *in, const char *name, struct span *inner);
/* The first of that name as text, with its entities resolved; false: there is none, or it does not fit, or
 * has something in it that no name has. out is "" then. */
MUSTCHECK bool xml_text(struct span in, const char *name, char *out, size_t cap);

#endif
