/* SPDX-License-Identifier: MIT */
/* test: what every unit test needs beside cmocka: input flush against a guard page, and text tables. */
#ifndef PGVEIL_TEST_H
#define PGVEIL_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

/* A copy of n bytes that ends at an unmapped page: reading one byte further crashes. Free with guard_free. */
struct guarded {
	uint8_t *p;
	size_t n;
	void *map;
	size_t map_len;
};

static inline struct guarded guard_copy(const void *bytes, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len = (n + page - 1) / page * page;
	struct guarded g = {.n = n, .map_len = len + page};

	g.map = mmap(NULL, g.map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g.map != MAP_FAILED);
	assert_int_equal(mprotect((uint8_t *)g.map + len, page, PROT_NONE), 0);
	g.p = (uint8_t *)g.map + len - n;
	if (n)
		memcpy(g.p, bytes, n);
	return g;
}

static inline void guard_free(struct guarded *g)
{
	munmap(g->map, g->map_len);
}

/* The next line of a golden table without its newline, skipping blank lines and # comments; NULL at the end.
 * Free *line once at the end. */
static inline char *golden_line(FILE *f, char **line, size_t *cap, unsigned *number)
{
	ssize_t n;

	while ((n = getline(line, cap, f)) >= 0) {
		++*number;
		if (n && (*line)[n - 1] == '\n')
			(*line)[--n] = '\0';
		if (n && (*line)[0] != '#')
			return *line;
	}
	return NULL;
}

#endif
