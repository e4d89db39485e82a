/* SPDX-License-Identifier: MIT */
#include "ctl/turns.h"

bool turns_take(struct turns *t, uint64_t who, uint64_t now_ms)
{
	unsigned i = 0;

	if (now_ms - t->since_ms >= 1000)
		*t = (struct turns){.since_ms = now_ms};
	while (i < t->nwho && t->who[i].id != who)
		i++;
	/* Each that is known has taken one: there is a place as long as there is a turn. */
	if (t->n == TURNS_A_SECOND || (i < t->nwho && t->who[i].n == TURNS_FOR_EACH))
		return false;
	if (i == t->nwho)
		t->who[t->nwho++].id = who;
	t->who[i].n++;
	t->n++;
	return true;
}
