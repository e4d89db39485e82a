/* SPDX-License-Identifier: MIT */
#include "ctl/flood.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOS  256
#define KINDS 64 /* more than there are */

struct slot {
	struct flooded of; /* of.event "": free */
	uint64_t until_ms;
	unsigned told;
};

struct flood {
	uint64_t while_ms;
	struct slot who[WHOS];
	struct slot kind[KINDS]; /* of whoever has no place there */
};

int flood_new(struct flood **out, uint64_t while_ms, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_set(e, -ENOMEM, "out of memory");
	(*out)->while_ms = while_ms;
	return 0;
}

void flood_free(struct flood *f)
{
	free(f);
}

/* One whose while is over and that has nothing to tell is anybody's. */
static bool is_free(const struct slot *s, uint64_t now_ms)
{
	return !s->of.event[0] || (now_ms >= s->until_ms && !s->of.events);
}

static struct slot *slot_of(
	struct slot *v, unsigned n, const char *event, const char *who, uint64_t now_ms, uint64_t while_ms)
{
	struct slot *room = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (strcmp(v[i].of.event, event) == 0 && strcmp(v[i].of.who, who) == 0) {
			room = &v[i];
			if (!is_free(room, now_ms))
				return room;
			break;
		}
		if (!room && is_free(&v[i], now_ms))
			room = &v[i];
	}
	if (!room)
		return NULL;
	*room = (struct slot){.until_ms = now_ms + while_ms};
	snprintf(room->of.event, sizeof(room->of.event), "%s", event);
	snprintf(room->of.who, sizeof(room->of.who), "%s", who);
	return room;
}

static struct slot *place_of(struct flood *f, const char *event, const char *who, uint64_t now_ms)
{
	char kind[sizeof(((struct flooded *)0)->event)], name[FLOOD_WHO];
	struct slot *s = NULL;

	snprintf(kind, sizeof(kind), "%s", event);
	snprintf(name, sizeof(name), "%s", who);
	if (*name)
		s = slot_of(f->who, WHOS, kind, name, now_ms, f->while_ms);
	return s ? s : slot_of(f->kind, KINDS, kind, "", now_ms, f->while_ms);
}

bool flood_admits(struct flood *f, const char *event, const char *who, uint64_t now_ms)
{
	struct slot *s = place_of(f, event, who, now_ms);

	if (!s)
		return true; /* of so many kinds that nobody makes them */
	if (s->told < FLOOD_AT_ONCE && now_ms < s->until_ms) {
		s->told++;
		return true;
	}
	s->of.events++;
	return false;
}

void flood_count(struct flood *f, const char *event, uint64_t events, uint64_t now_ms)
{
	struct slot *s = place_of(f, event, "", now_ms);

	if (s)
		s->of.events += events;
}

static bool take(struct slot *v, unsigned n, uint64_t now_ms, struct flooded *out)
{
	for (unsigned i = 0; i < n; i++) {
		if (!v[i].of.events || now_ms < v[i].until_ms)
			continue;
		*out = v[i].of;
		v[i] = (struct slot){0};
		return true;
	}
	return false;
}

bool flood_over(struct flood *f, uint64_t now_ms, struct flooded *out)
{
	return take(f->who, WHOS, now_ms, out) || take(f->kind, KINDS, now_ms, out);
}

static uint64_t next(const struct slot *v, unsigned n, uint64_t at_ms)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i].of.events && v[i].until_ms < at_ms)
			at_ms = v[i].until_ms;
	return at_ms;
}

uint64_t flood_next_ms(const struct flood *f)
{
	return next(f->kind, KINDS, next(f->who, WHOS, UINT64_MAX));
}
