/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 8192
#define TAIL_LEN     16 /* what ends a string, the object and the line */

struct line {
	char text[LINE_MAX_LEN];
	size_t n;
};

static enum log_level threshold = LOG_INFO;
static void (*tap)(void *arg, const char *event, const char *line, size_t len);
static void *tap_arg;

void log_set_level(enum log_level level)
{
	threshold = level;
}

void log_set_tap(void (*fn)(void *arg, const char *event, const char *line, size_t len), void *arg)
{
	tap = fn;
	tap_arg = arg;
}

/* How many bytes of s are one character of UTF-8 (RFC 3629); 0: none are. */
static size_t utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char lead, mask, low, high; /* low, high: of the second byte */
		size_t n;
	} shape[] = {{0xc0, 0xe0, 0x80, 0xbf, 2}, {0xe0, 0xff, 0xa0, 0xbf, 3}, {0xed, 0xff, 0x80, 0x9f, 3},
		{0xe0, 0xf0, 0x80, 0xbf, 3}, {0xf0, 0xff, 0x90, 0xbf, 4}, {0xf4, 0xff, 0x80, 0x8f, 4},
		{0xf0, 0xf8, 0x80, 0xbf, 4}};
	size_t i = 0;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	while ((s[0] & shape[i].mask) != shape[i].lead)
		i++;
	if (s[1] < shape[i].low || s[1] > shape[i].high)
		return 0;
	for (size_t k = 2; k < shape[i].n; k++)
		if (s[k] < 0x80 || s[k] > 0xbf)
			return 0;
	return shape[i].n;
}

static bool fits(const struct line *l, size_t n)
{
	return l->n + n + TAIL_LEN < sizeof(l->text);
}

/* A JSON string (RFC 8259, section 7); cut where the line is full. What is no UTF-8 becomes U+FFFD. */
static void add_string(struct line *l, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	l->text[l->n++] = '"';
	while (*p && fits(l, 6)) {
		size_t n = utf8_len(p);

		if (*p < 0x20 || *p == 0x7f) {
			l->n += (size_t)snprintf(l->text + l->n, 7, "\\u%04x", *p);
		} else if (n == 0) {
			memcpy(l->text + l->n, "\xef\xbf\xbd", 3);
			l->n += 3;
			n = 1;
		} else {
			if (*p == '"' || *p == '\\')
				l->text[l->n++] = '\\';
			memcpy(l->text + l->n, p, n);
			l->n += n;
		}
		p += n;
	}
	l->text[l->n++] = '"';
}

static void add_field(struct line *l, const struct log_field *f)
{
	size_t name = strlen(f->name);

	if ((f->text && !*f->text) || !fits(l, name + 32))
		return;
	l->n += (size_t)snprintf(l->text + l->n, name + 8, ",\"%s\":", f->name);
	if (f->text)
		add_string(l, f->text);
	else
		l->n += (size_t)snprintf(l->text + l->n, 24, "%" PRIu64, f->number);
}

static PRINTF_LIKE(4, 0) void put(
	enum log_level level, const char *event, const struct log_field *fields, const char *fmt, va_list ap)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};
	char msg[768], when[32];
	struct timespec ts;
	struct line l;
	struct tm tm;
	ssize_t wr;

	vsnprintf(msg, sizeof(msg), fmt, ap);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	l.n = (size_t)snprintf(l.text, sizeof(l.text),
		"{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\"", when, ts.tv_nsec / 1000000,
		name[level], event);
	for (; fields && fields->name; fields++)
		add_field(&l, fields);
	add_field(&l, &LOG_TEXT("msg", msg));
	l.text[l.n++] = '}';
	if (tap && level <= LOG_INFO)
		tap(tap_arg, event, l.text, l.n);
	if (level > threshold)
		return;
	l.text[l.n++] = '\n';
	/* One write a line, so that threads do not mix; a log that cannot be written must not stop the
	 * daemon. */
	wr = write(STDERR_FILENO, l.text, l.n);
	(void)wr;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	va_list ap;

	if (level > threshold && level > LOG_INFO)
		return;
	va_start(ap, fmt);
	put(level, event, NULL, fmt, ap);
	va_end(ap);
}

void log_with(enum log_level level, const char *event, const struct log_field *fields, const char *fmt, ...)
{
	va_list ap;

	if (level > threshold && level > LOG_INFO)
		return;
	va_start(ap, fmt);
	put(level, event, fields, fmt, ap);
	va_end(ap);
}
