/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct err *e, int code, const char *sqlstate, const char *fmt, va_list ap)
{
	if (!e)
		return;
	e->code = code;
	memcpy(e->sqlstate, sqlstate, 5);
	e->sqlstate[5] = '\0';
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, code, "XX000", fmt, ap);
	va_end(ap);
	return code;
}

int err_sql(struct err *e, int code, const char *sqlstate, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, code, sqlstate, fmt, ap);
	va_end(ap);
	return code;
}
