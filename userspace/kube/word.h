/* SPDX-License-Identifier: MIT */
/* word: when a node's word of one policy object is written, and when it is written again because the object
 * was seen to say something else in the node's name. Neither asks nor writes, and has no clock. */
#ifndef PGVEIL_KUBE_WORD_H
#define PGVEIL_KUBE_WORD_H

#include <stdbool.h>
#include <stdint.h>

#define WORD_AGAIN_MS  1000u /* the first time, then twice as long each time, … */
#define WORD_AGAIN_MAX 60000u

struct word {                     /* all zero: it is to be written */
	bool told, sent;          /* sent: it is being written just now */
	bool doubted;             /* something else was seen since it was sent, or told … */
	uint64_t due_ms, wait_ms; /* … and it is written again then; wait_ms: so long after */
};

/* What the object was seen to say: this, or something else. true: so it is to be written again, which was not
 * known. */
bool word_seen(struct word *w, bool says, uint64_t now_ms);
/* Whether it is to be written now; where that is later, *at is no later than that. */
bool word_due(const struct word *w, uint64_t now_ms, uint64_t *at);
void word_send(struct word *w);
/* told: all of it was written. Otherwise it is to be, and nothing that is seen changes that. */
void word_sent(struct word *w, bool told, uint64_t now_ms);

#endif
