/* SPDX-License-Identifier: MIT */
/* review: what a person decides by, as it stands in a terminal: text of an agent's that neither looks like
 * ours nor like another text. */
#ifndef PGVEIL_CLI_REVIEW_H
#define PGVEIL_CLI_REVIEW_H

/* A label and what it is about. What does not fit a line of the terminal goes on below, behind the label's
 * column. */
void review_line(const char *label, const char *text);
/* Line by line, each behind a margin that nothing of the text can have, with how many there are before it. */
void review_text(const char *label, const char *text);
/* Characters that are not of ASCII, by their numbers, where any text of the last calls had some; they may
 * look like others. */
void review_letters(const char *label);

#endif
