/* SPDX-License-Identifier: MIT */
/* plain: text that came from elsewhere, written so that it does nothing: neither drives the terminal that
 * shows it, nor runs in the page that holds it. */
#ifndef PGVEIL_CLI_PLAIN_H
#define PGVEIL_CLI_PLAIN_H

#include <stdio.h>
#include "base/buf.h"

/* The bytes of the character that s begins with, and which it is; 0: it is no UTF-8. s is not empty. */
size_t plain_char(struct span s, uint32_t *c);
/* Columns that it takes in a terminal: 0, 1 or 2. */
unsigned plain_width(uint32_t c);

/* Text that grows. */
struct plain {
	char *p;
	size_t n, cap;
	bool failed; /* no memory: what is there is not whole */
};
void plain_fini(struct plain *t);
void plain_put(struct plain *t, const void *p, size_t n);
void plain_puts(struct plain *t, const char *s);
void plain_printf(struct plain *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Control characters, what turns the direction of writing, and what is no UTF-8 become escapes as in C: \n,
 * \x1b, \u202e. lines: newlines stay, and so do tabs. Returns the columns of the last line. */
size_t plain_terminal(struct plain *t, struct span s, bool lines);
/* A character that does something, or is not seen where it stands. */
bool plain_hides(uint32_t c);
/* As plain_terminal, of one line, and also what is not seen: a person is to decide by it. */
void plain_reviewed(struct plain *t, struct span s);
/* As the text of an element; what plain_terminal would escape is set apart. */
void plain_html(struct plain *t, struct span s);

#endif
