/* SPDX-License-Identifier: MIT */
/* log: one JSON object a line on stderr. Only main, net, kern's door and ctl log; library layers return
 * errors. Never takes a value out of a result or a parameter, nor the text of a statement. Every event and
 * its fields are listed in deploy/man/pgveild.8. */
#ifndef PGVEIL_BASE_LOG_H
#define PGVEIL_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_field {
	const char *name;
	const char *text; /* left out where it is empty */
	uint64_t number;  /* where text is NULL */
};
#define LOG_TEXT(name, text)     ((struct log_field){(name), (text), 0})
#define LOG_NUMBER(name, number) ((struct log_field){(name), NULL, (number)})
#define LOG_FIELDS(...)          ((const struct log_field[]){__VA_ARGS__, {0}})

void log_set_level(enum log_level level); /* default LOG_INFO */
/* Called with every line of LOG_INFO and stricter, whatever the level is, by any thread; NULL: nobody. To be
 * set while there is one thread only. */
void log_set_tap(void (*tap)(void *arg, const char *event, const char *line, size_t len), void *arg);
/* event is a fixed word ("session.login"); the message is formatted and escaped. */
void log_event(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
void log_with(enum log_level level, const char *event, const struct log_field *fields, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

#endif
