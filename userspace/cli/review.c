/* SPDX-License-Identifier: MIT */
#include "cli/review.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli/plain.h"

#define LABEL       15u /* columns */
#define MARGIN      "    | "
#define MARGIN_MORE "    > " /* the line before goes on */
#define LETTERS_MAX 24

static uint32_t letters[LETTERS_MAX];
static unsigned nletters;
static bool more_letters;

/* 0: nobody knows, and nothing is wrapped by whoever shows it. */
static unsigned columns(void)
{
	struct winsize w;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static void note(uint32_t c)
{
	if (c < 0x80)
		return;
	for (unsigned i = 0; i < nletters; i++)
		if (letters[i] == c)
			return;
	if (nletters < LETTERS_MAX)
		letters[nletters++] = c;
	else
		more_letters = true;
}

static void note_all(struct span s)
{
	uint32_t c;

	for (size_t i = 0, n; i < s.n; i += n ? n : 1)
		if ((n = plain_char(span_of(s.p + i, s.n - i), &c)))
			note(c);
}

/* One line in pieces of at most room columns; 0: in one. */
static void put_pieces(struct span s, unsigned room, const char *before)
{
	unsigned at = 0;

	for (size_t i = 0, n; i < s.n; i += n) {
		uint32_t c = '?';
		unsigned wide;

		n = plain_char(span_of(s.p + i, s.n - i), &c);
		n = n ? n : 1;
		wide = plain_width(c);
		if (room && at + wide > room) {
			printf("\n%s", before);
			at = 0;
		}
		fwrite(s.p + i, 1, n, stdout);
		at += wide;
	}
	putchar('\n');
}

static unsigned room_behind(unsigned margin)
{
	unsigned all = columns();

	return all > margin + 20 ? all - margin : 0;
}

static struct plain tame(struct span s)
{
	struct plain t = {0};

	note_all(s);
	plain_reviewed(&t, s);
	if (t.failed)
		abort();
	return t;
}

void review_line(const char *label, const char *text)
{
	struct plain t = tame(span_of(text, strlen(text)));

	printf("%-14s ", label);
	put_pieces(span_of(t.p, t.n), room_behind(LABEL), "               ");
	plain_fini(&t);
}

void review_text(const char *label, const char *text)
{
	size_t lines = 1, n = strlen(text);
	const char *end;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n' && text[i + 1];
	printf("%-14s %zu line%s, %zu bytes\n", label, lines, lines == 1 ? "" : "s", n);
	for (; *text; text = *end ? end + 1 : end) {
		struct plain t;

		end = text + strcspn(text, "\n");
		t = tame(span_of(text, (size_t)(end - text)));
		fputs(MARGIN, stdout);
		put_pieces(span_of(t.p, t.n), room_behind(sizeof(MARGIN) - 1), MARGIN_MORE);
		plain_fini(&t);
	}
}

void review_letters(const char *label)
{
	if (!nletters)
		return;
	printf("%-14s", label);
	for (unsigned i = 0; i < nletters; i++)
		printf(" U+%04X", (unsigned)letters[i]);
	printf("%s\n", more_letters ? " and others" : "");
	nletters = 0;
	more_letters = false;
}
