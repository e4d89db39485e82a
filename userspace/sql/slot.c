/* SPDX-License-Identifier: MIT */
#include "sql/slot.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct slot {
	struct gate *gate;
	pthread_mutex_t lock; /* held for a few stores only */
	pthread_cond_t asked;
	struct catalog *current;
	uint64_t as_of_ms, wanted_ms, failed_ms;
	uint64_t floor_ms; /* of the last slot_expire: what is older is not believed */
	struct err why;
	bool stopped;
	/* Roles stay after their last session, for its next one, until the place is needed. */
	struct {
		uint32_t oid;
		unsigned sessions;
	} roles[SLOT_ROLES_MAX];
	unsigned nroles;
	uint64_t roles_version;
};

int slot_new(struct slot **out, struct gate *gate, struct err *e)
{
	struct slot *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	*out = s;
	if (!s)
		return err_set(e, -ENOMEM, "out of memory for a catalogue's slot");
	if (gate) {
		s->gate = gate_ref(gate);
	} else if (gate_new(&s->gate, e)) {
		free(s);
		*out = NULL;
		return -ENOMEM;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->asked, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

void slot_free(struct slot *s)
{
	if (!s)
		return;
	catalog_unref(s->current);
	gate_unref(s->gate);
	pthread_cond_destroy(&s->asked);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct gate *slot_gate(struct slot *s)
{
	return s->gate;
}

struct catalog *slot_get(struct slot *s, uint64_t *as_of_ms, struct err *why)
{
	struct catalog *c;

	pthread_mutex_lock(&s->lock);
	c = catalog_ref(s->current);
	if (as_of_ms)
		*as_of_ms = s->as_of_ms;
	if (why)
		*why = s->why;
	pthread_mutex_unlock(&s->lock);
	return c;
}

void slot_put(struct slot *s, struct catalog *c, uint64_t as_of_ms)
{
	struct catalog *old;

	pthread_mutex_lock(&s->lock);
	old = s->current;
	s->current = c;
	s->as_of_ms = as_of_ms >= s->floor_ms ? as_of_ms : 0;
	s->failed_ms = 0;
	s->why = (struct err){0};
	pthread_mutex_unlock(&s->lock);
	catalog_unref(old); /* outside: it may be the last one, and freeing takes a while */
}

void slot_fail(struct slot *s, const struct err *why, uint64_t now_ms)
{
	pthread_mutex_lock(&s->lock);
	s->why = *why;
	s->failed_ms = now_ms;
	pthread_mutex_unlock(&s->lock);
}

uint64_t slot_failed_ms(struct slot *s)
{
	uint64_t ms;

	pthread_mutex_lock(&s->lock);
	ms = s->failed_ms;
	pthread_mutex_unlock(&s->lock);
	return ms;
}

void slot_expire(struct slot *s, uint64_t now_ms)
{
	pthread_mutex_lock(&s->lock);
	s->as_of_ms = 0;
	if (now_ms > s->floor_ms)
		s->floor_ms = now_ms;
	pthread_mutex_unlock(&s->lock);
}

void slot_ask(struct slot *s, uint64_t min_ms)
{
	pthread_mutex_lock(&s->lock);
	if (min_ms < s->floor_ms)
		min_ms = s->floor_ms;
	if (min_ms > s->wanted_ms)
		s->wanted_ms = min_ms;
	pthread_cond_broadcast(&s->asked);
	pthread_mutex_unlock(&s->lock);
}

static unsigned role_at(const struct slot *s, uint32_t oid)
{
	unsigned i = 0;

	while (i < s->nroles && s->roles[i].oid != oid)
		i++;
	return i;
}

static unsigned role_place(struct slot *s)
{
	unsigned i = 0;

	if (s->nroles < SLOT_ROLES_MAX)
		return s->nroles++;
	while (i < SLOT_ROLES_MAX && s->roles[i].sessions)
		i++;
	return i;
}

int slot_role_add(struct slot *s, uint32_t role, struct err *e)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	i = role_at(s, role);
	if (i == s->nroles) {
		i = role_place(s);
		if (i < SLOT_ROLES_MAX) {
			s->roles[i].oid = role;
			s->roles[i].sessions = 0;
			s->roles_version++;
			if (s->wanted_ms <= s->as_of_ms)
				s->wanted_ms = s->as_of_ms + 1;
			pthread_cond_broadcast(&s->asked);
		}
	}
	if (i < SLOT_ROLES_MAX)
		s->roles[i].sessions++;
	pthread_mutex_unlock(&s->lock);
	return i < SLOT_ROLES_MAX
		       ? 0
		       : err_sql(e, -ENOSPC, "53000", "too many roles are logged in through pgveil");
}

void slot_role_drop(struct slot *s, uint32_t role)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	i = role_at(s, role);
	if (i < s->nroles && s->roles[i].sessions)
		s->roles[i].sessions--;
	pthread_mutex_unlock(&s->lock);
}

unsigned slot_roles(struct slot *s, uint32_t roles[SLOT_ROLES_MAX], uint64_t *version)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->nroles;
	for (unsigned i = 0; i < n; i++)
		roles[i] = s->roles[i].oid;
	*version = s->roles_version;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static struct timespec after(uint64_t timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (timeout_ms > 1000ull * 86400 * 365)
		timeout_ms = 1000ull * 86400 * 365;
	t.tv_sec += (time_t)(timeout_ms / 1000);
	t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

bool slot_wait(struct slot *s, uint64_t timeout_ms)
{
	struct timespec until = after(timeout_ms);
	bool go_on;

	pthread_mutex_lock(&s->lock);
	/* a failed refresh leaves the wish open; the feeder paces its own retries by the timeout */
	while (!s->stopped && s->wanted_ms <= s->as_of_ms)
		if (pthread_cond_timedwait(&s->asked, &s->lock, &until) == ETIMEDOUT)
			break;
	if (s->failed_ms && !s->stopped)
		s->wanted_ms = 0;
	go_on = !s->stopped;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

void slot_stop(struct slot *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopped = true;
	pthread_cond_broadcast(&s->asked);
	pthread_mutex_unlock(&s->lock);
}
