/* SPDX-License-Identifier: MIT */
/* money: amounts as lc_monetary writes them. Never asks the machine's own locales: the server's way is learnt
 * from two amounts that it wrote. */
#ifndef PGVEIL_VALUE_MONEY_H
#define PGVEIL_VALUE_MONEY_H

#include "base/buf.h"
#include "value/style.h"

#define MONEY_SAMPLE   "1234567"
#define MONEY_TEXT_MAX 160

/* From the texts of 1234567 and -1234567 (whole units). false and f not known: the way is too strange. */
bool money_format_learn(struct money_format *f, struct span positive, struct span negative);

/* Amounts in the smallest unit (cents), as the binary format has them. Only what the server itself would
 * write is read. */
MUSTCHECK bool money_get(const struct money_format *f, struct span text, int64_t *amount);
/* Returns the length; 0 where the format is not known. */
size_t money_put(const struct money_format *f, char text[MONEY_TEXT_MAX], int64_t amount);

#endif
