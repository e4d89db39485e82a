/* SPDX-License-Identifier: MIT */
#include "ctl/pace.h"

#include <string.h>

static const struct pace_peer *find(const struct pace *p, const uint8_t key[PACE_KEY])
{
	for (unsigned i = 0; i < PACE_PEERS; i++)
		if (p->peer[i].free_ms && memcmp(p->peer[i].key, key, PACE_KEY) == 0)
			return &p->peer[i];
	return NULL;
}

bool pace_may(const struct pace *p, const uint8_t key[PACE_KEY], uint64_t now_ms)
{
	const struct pace_peer *x = find(p, key);

	return !x || x->free_ms <= now_ms + (p->burst - 1) * p->each_ms;
}

void pace_count(struct pace *p, const uint8_t key[PACE_KEY], uint64_t now_ms)
{
	struct pace_peer *x = &p->peer[0];

	for (unsigned i = 0; i < PACE_PEERS; i++) {
		if (p->peer[i].free_ms && memcmp(p->peer[i].key, key, PACE_KEY) == 0) {
			x = &p->peer[i];
			break;
		}
		if (p->peer[i].free_ms < x->free_ms)
			x = &p->peer[i];
	}
	if (memcmp(x->key, key, PACE_KEY) != 0 || x->free_ms < now_ms)
		x->free_ms = now_ms;
	memcpy(x->key, key, PACE_KEY);
	x->free_ms += p->each_ms;
}
