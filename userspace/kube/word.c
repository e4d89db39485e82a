/* SPDX-License-Identifier: MIT */
/* A watch that is behind shows what was before: with many nodes that write at the same time, one state of old
 * in each event of another's. So what is seen beside a write counts once, from when it was done; and it has a
 * while in which the watch may show that the word is there.
 *
 * Two that speak for one node never agree. Each sees the other's write about a wait after its own: only who
 * has had peace for longer than the longest wait begins anew with a short one. */
#include "kube/word.h"

#define PEACE_MS (2 * WORD_AGAIN_MAX)

static void doubt(struct word *w, uint64_t now_ms)
{
	uint64_t longer = 2 * w->wait_ms;

	if (!w->wait_ms || now_ms > w->due_ms + PEACE_MS)
		longer = WORD_AGAIN_MS;
	w->wait_ms = longer < WORD_AGAIN_MAX ? longer : WORD_AGAIN_MAX;
	w->due_ms = now_ms + w->wait_ms;
	w->doubted = true;
	w->told = false;
}

/* It was what had been before, or is of no account. */
static void take_back(struct word *w)
{
	w->wait_ms /= 2;
	w->doubted = false;
}

bool word_seen(struct word *w, bool says, uint64_t now_ms)
{
	/* what is to be written for the first time, or was not, is: whatever the object says before */
	if (!says && !w->doubted && (w->told || w->sent)) {
		doubt(w, now_ms);
		return true;
	}
	if (says && w->doubted) {
		take_back(w);
		w->told = !w->sent;
	}
	return false;
}

bool word_due(const struct word *w, uint64_t now_ms, uint64_t *at)
{
	if (w->told || w->sent)
		return false;
	if (!w->doubted || w->due_ms <= now_ms)
		return true;
	*at = w->due_ms < *at ? w->due_ms : *at;
	return false;
}

void word_send(struct word *w)
{
	w->sent = true;
	w->doubted = false;
}

void word_sent(struct word *w, bool told, uint64_t now_ms)
{
	w->sent = false;
	if (!told && w->doubted)
		take_back(w);
	if (w->doubted)
		w->due_ms = now_ms + w->wait_ms;
	w->told = told && !w->doubted;
}
