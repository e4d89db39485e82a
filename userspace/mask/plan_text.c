/* SPDX-License-Identifier: MIT */
#include "mask/plan_text.h"

#include <string.h>

/* width=8 · "Plan Width": 8 · <Plan-Width>8 · Plan Width: 8, and likewise memory, disk and what follows from
 * them: how many batches a hash table took. */
static const char *const words[] = {"width", "Width", "Memory", "Disk", "Usage", "Space Used", "Space-Used",
	"Storage", "Batches", "Buckets", "originally", "temp read", "temp written", "Temp Read Blocks",
	"Temp-Read-Blocks", "Temp Written Blocks", "Temp-Written-Blocks", " bytes", "WAL Bytes", "WAL-Bytes"};

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Whether what ends at n is a word and the sign between it and a number. */
static bool measures(const uint8_t *p, size_t n)
{
	while (n && p[n - 1] == ' ')
		n--;
	if (n && (p[n - 1] == ':' || p[n - 1] == '>' || p[n - 1] == '='))
		n--;
	if (n && p[n - 1] == '"')
		n--;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i]);

		if (n >= len && !memcmp(p + n - len, words[i], len))
			return true;
	}
	return false;
}

/* "temp read=5 written=3": the second number belongs to the first's word. */
static bool follows(const uint8_t *p, size_t n, size_t last)
{
	static const char between[] = " written=";

	return last && n - last == sizeof(between) - 1 && !memcmp(p + last, between, sizeof(between) - 1);
}

struct span plan_text_blank(struct span text, struct arena *a)
{
	uint8_t *out = arena_alloc(a, text.n ? text.n : 1);
	size_t n = 0, last = 0;

	if (!out)
		return (struct span){0};
	for (size_t i = 0; i < text.n;) {
		size_t end = i;

		while (end < text.n && digit(text.p[end]))
			end++;
		if (end == i) {
			out[n++] = text.p[i++];
			continue;
		}
		if (measures(text.p, i) || follows(text.p, i, last)) {
			out[n++] = '0';
			last = end;
		} else {
			memcpy(out + n, text.p + i, end - i);
			n += end - i;
		}
		i = end;
	}
	return span_of(out, n);
}
