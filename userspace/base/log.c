/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

/* JSON string escaping (RFC 8259, section 7); cut where out is full. */
static size_t escape(char *out, size_t cap, const char *s)
{
	size_t n = 0;

	for (; *s && n + 7 < cap; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(out + n, cap - n, "\\u%04x", c);
		} else {
			out[n++] = (char)c;
		}
	}
	out[n] = '\0';
	return n;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};
	char msg[768], text[1600], line[2048], when[32];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	ssize_t wr;
	int n;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	escape(text, sizeof(text), msg);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line, sizeof(line),
		"{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\",\"msg\":\"%s\"}\n", when,
		ts.tv_nsec / 1000000, name[level], event, text);
	/* One write a line, so that threads do not mix; a log that cannot be written must not stop the
	 * daemon. */
	wr = write(STDERR_FILENO, line, (size_t)n);
	(void)wr;
}
