/* SPDX-License-Identifier: MIT */
/* attr: the few compiler attributes the code uses. Never code. */
#ifndef PGVEIL_BASE_ATTR_H
#define PGVEIL_BASE_ATTR_H

#define MUSTCHECK           __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, a) __attribute__((format(printf, fmt, a)))
#define ARRAY_LEN(a)        (sizeof(a) / sizeof((a)[0]))

#endif
