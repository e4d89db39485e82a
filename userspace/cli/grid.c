/* SPDX-License-Identifier: MIT */
#include "cli/grid.h"

#include <stdlib.h>
#include <string.h>
#include "cli/cell.h"
#include "value/type.h"

#define NULL_WORD "NULL"

static void clear(struct grid *g)
{
	for (size_t i = 0; i < g->ncells; i++)
		free(g->cells[i].p);
	g->ncells = 0;
}

void grid_fini(struct grid *g)
{
	clear(g);
	free(g->cells);
	free(g->width);
	free(g->right);
	*g = (struct grid){.columns = 0};
}

/* No more of it than may be shown. */
static struct span cut(struct span text)
{
	size_t max = 4 * GRID_CELL;

	return text.n > max ? span_of(text.p, max) : text;
}

static void add(struct grid *g, unsigned column, struct span text)
{
	struct span shown = cut(text);
	struct plain t = {0};
	size_t width = 0;

	if (g->ncells == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 256;
		struct grid_cell *more = reallocarray(g->cells, cap, sizeof(*more));

		if (!more)
			abort();
		g->cells = more;
		g->cap = cap;
	}
	if (text.p) {
		width = plain_terminal(&t, shown, false);
		if (shown.n < text.n) {
			plain_printf(&t, "… (%zu bytes)", text.n);
			width += 20;
		}
	} else {
		width = sizeof(NULL_WORD) - 1;
	}
	if (text.p && !t.p)
		plain_puts(&t, "");
	g->cells[g->ncells++] = (struct grid_cell){t.p, t.n, width};
	if (!g->headed && width > g->width[column])
		g->width[column] = width;
}

static bool is_number(uint32_t oid)
{
	static const uint32_t numbers[] = {20, 21, 23, 26, 700, 701, 790, 1700};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i] == oid)
			return true;
	return false;
}

void grid_begin(struct grid *g, const struct reply_column *c, unsigned n)
{
	char number[16];

	grid_fini(g);
	g->columns = n;
	g->open = true;
	g->width = calloc(n + 1, sizeof(*g->width));
	g->right = calloc(n + 1, sizeof(*g->right));
	if (!g->width || !g->right)
		abort();
	for (unsigned i = 0; i < n; i++) {
		g->right[i] = is_number(c[i].type);
		snprintf(number, sizeof(number), "%u", i + 1);
		add(g, i, c[i].name.p ? c[i].name : span_of(number, strlen(number)));
	}
}

static void repeat(struct plain *out, const char *s, size_t n)
{
	while (n--)
		plain_puts(out, s);
}

static void put_cell(const struct grid *g, unsigned column, const struct grid_cell *c, struct plain *out,
	bool head, bool color)
{
	size_t width = g->width[column], pad = c->width < width ? width - c->width : 0;
	size_t left = head ? pad / 2 : g->right[column] ? pad : 0;
	bool last = column + 1 == g->columns;

	repeat(out, " ", left + 1);
	if (head && color)
		plain_puts(out, "\033[1m");
	if (!c->p && color)
		plain_puts(out, "\033[2m");
	plain_puts(out, c->p ? c->p : NULL_WORD);
	if (color && (head || !c->p))
		plain_puts(out, "\033[0m");
	if (!last || head)
		repeat(out, " ", pad - left);
	plain_puts(out, last ? "\n" : " |");
}

static void flush(struct grid *g, struct plain *out, bool color)
{
	size_t from = 0;

	if (g->columns && !g->headed) {
		for (unsigned i = 0; i < g->columns; i++)
			put_cell(g, i, &g->cells[i], out, true, color);
		for (unsigned i = 0; i < g->columns; i++) {
			repeat(out, "-", g->width[i] + 2);
			plain_puts(out, i + 1 < g->columns ? "+" : "\n");
		}
		from = g->columns;
	}
	g->headed = true;
	for (size_t i = from; i < g->ncells; i++)
		put_cell(g, (unsigned)(i % g->columns), &g->cells[i], out, false, color);
	clear(g);
}

void grid_row(struct grid *g, const struct reply *r, struct plain *out, bool color)
{
	struct arena a = {0};

	if (!g->open || g->columns != r->n)
		grid_begin(g, r->columns, r->n);
	g->rows++;
	for (unsigned i = 0; i < r->n; i++) {
		add(g, i, cell_text(&a, &r->columns[i], r->cells[i]));
		arena_reset(&a);
	}
	arena_fini(&a);
	if (g->columns && g->ncells / g->columns >= GRID_ROWS)
		flush(g, out, color);
}

void grid_end(struct grid *g, struct plain *out, bool color)
{
	if (!g->open)
		return;
	flush(g, out, color);
	plain_printf(out, "(%llu row%s)\n", (unsigned long long)g->rows, g->rows == 1 ? "" : "s");
	grid_fini(g);
}
