/* SPDX-License-Identifier: MIT */
/* utf8: characters of UTF-8 (RFC 3629: no surrogates, shortest forms only). A character is a code point.
 * Never converts and never copies. */
#ifndef PGVEIL_VALUE_UTF8_H
#define PGVEIL_VALUE_UTF8_H

#include "base/buf.h"

bool utf8_valid(struct span s);
/* These three want valid UTF-8; of anything else they give an answer within s, but a meaningless one. */
size_t utf8_chars(struct span s);
struct span utf8_first(struct span s, size_t n); /* the first n characters, or all */
struct span utf8_last(struct span s, size_t n);

#endif
