/* SPDX-License-Identifier: MIT */
/* log: one JSON object a line on stderr. Only main, net, kern's door and ctl log; library layers return
 * errors. Never takes a value out of a result or a parameter. */
#ifndef PGVEIL_BASE_LOG_H
#define PGVEIL_BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level); /* default LOG_INFO */
/* event is a fixed word ("session.start"); the message is formatted and escaped. */
void log_event(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
