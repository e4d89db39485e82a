/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/plain.h"

static void append(struct table *t, char *s)
{
	char **grown;

	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 256;
		grown = reallocarray(t->cell, t->cap, sizeof(*grown));
		if (!grown)
			abort();
		t->cell = grown;
	}
	t->cell[t->n++] = s;
}

void table_init(struct table *t, const char *const *heads, unsigned right)
{
	*t = (struct table){.right = right};
	for (; heads[t->columns]; t->columns++)
		table_cell(t, "%s", heads[t->columns]);
}

void table_tame(char *s)
{
	size_t left = strlen(s), n;
	uint32_t c;

	for (; left; s += n, left -= n) {
		n = plain_char(span_of(s, left), &c);
		if (!n || plain_hides(c))
			memset(s, '?', n ? n : 1);
		n = n ? n : 1;
	}
}

void table_cell(struct table *t, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	table_tame(s);
	append(t, s);
}

void table_print(const struct table *t)
{
	size_t width[TABLE_COLUMNS] = {0};

	for (size_t i = 0; i < t->n; i++) {
		size_t n = strlen(t->cell[i]);

		if (n > width[i % t->columns])
			width[i % t->columns] = n;
	}
	for (size_t i = 0; i < t->n; i++) {
		unsigned column = (unsigned)(i % t->columns);
		int w = (int)width[column];

		if (column + 1 == t->columns)
			printf("%*s\n", t->right >> column & 1 ? w : 0, t->cell[i]);
		else
			printf("%*s  ", t->right >> column & 1 ? w : -w, t->cell[i]);
	}
}

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct table){0};
}

const char *table_size(char out[16], unsigned long long n)
{
	static const char unit[] = "kMGTPE";
	double v = (double)n;
	int i = -1;

	if (n < 10000) {
		snprintf(out, 16, "%llu", n);
		return out;
	}
	while (v >= 1000 && i < 5) {
		v /= 1000;
		i++;
	}
	snprintf(out, 16, "%.1f%c", v, unit[i]);
	return out;
}

const char *table_age(char out[16], unsigned long long ms)
{
	unsigned long long s = ms / 1000;

	if (s < 120)
		snprintf(out, 16, "%llus", s);
	else if (s < 7200)
		snprintf(out, 16, "%llum", s / 60);
	else if (s < 172800)
		snprintf(out, 16, "%lluh", s / 3600);
	else
		snprintf(out, 16, "%llud", s / 86400);
	return out;
}
