/* SPDX-License-Identifier: MIT */
#include "net/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS 4096u /* a power of two */

struct count {
	struct count *next;
	uint64_t cgroup_id;
	unsigned n;
};

struct registry {
	pthread_mutex_t lock;
	unsigned max, max_per_cgroup, n;
	struct count *counts[BUCKETS];
	struct registration *keys[BUCKETS];
};

int registry_new(struct registry **out, unsigned max, unsigned max_per_cgroup, struct err *e)
{
	struct registry *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	r->max = max;
	r->max_per_cgroup = max_per_cgroup;
	*out = r;
	return 0;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct count *c = r->counts[i], *next;

		for (; c; c = next) {
			next = c->next;
			free(c);
		}
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Where the count of a cgroup hangs, or would. */
static struct count **count_at(struct registry *r, uint64_t id)
{
	struct count **p = &r->counts[(id ^ id >> 32) & (BUCKETS - 1)];

	while (*p && (*p)->cgroup_id != id)
		p = &(*p)->next;
	return p;
}

static int admit(struct registry *r, uint64_t cgroup_id)
{
	struct count **p = count_at(r, cgroup_id);

	if (r->n >= r->max)
		return -EMFILE;
	if (*p && (*p)->n >= r->max_per_cgroup)
		return -EUSERS;
	if (!*p) {
		*p = calloc(1, sizeof(**p));
		if (!*p)
			return -ENOMEM;
		(*p)->cgroup_id = cgroup_id;
	}
	(*p)->n++;
	r->n++;
	return 0;
}

int registry_admit(struct registry *r, uint64_t cgroup_id)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	rc = admit(r, cgroup_id);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void registry_leave(struct registry *r, uint64_t cgroup_id)
{
	struct count **p, *c;

	pthread_mutex_lock(&r->lock);
	p = count_at(r, cgroup_id);
	c = *p;
	if (c && --c->n == 0) {
		*p = c->next;
		free(c);
	}
	r->n--;
	pthread_mutex_unlock(&r->lock);
}

unsigned registry_count(struct registry *r)
{
	unsigned n;

	pthread_mutex_lock(&r->lock);
	n = r->n;
	pthread_mutex_unlock(&r->lock);
	return n;
}

static uint64_t key_of(uint32_t pid, const uint8_t secret[4])
{
	uint32_t s;

	memcpy(&s, secret, sizeof(s));
	return (uint64_t)pid << 32 | s;
}

/* Where the registration with that key hangs, or would. */
static struct registration **key_at(struct registry *r, uint64_t key)
{
	struct registration **p = &r->keys[(key >> 32) & (BUCKETS - 1)];

	while (*p && key_of((*p)->pid, (*p)->secret) != key)
		p = &(*p)->next;
	return p;
}

int registry_add(struct registry *r, struct registration *reg, struct err *e)
{
	struct {
		uint32_t pid;
		uint8_t secret[4];
	} random;
	struct registration **p;

	/* A client takes the pid for an int4 that is not negative. */
	for (;;) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return err_set(e, -EIO, "no randomness");
		random.pid &= 0x7fffffff;
		if (!random.pid)
			continue;
		pthread_mutex_lock(&r->lock);
		p = key_at(r, key_of(random.pid, random.secret));
		if (!*p)
			break;
		pthread_mutex_unlock(&r->lock);
	}
	reg->pid = random.pid;
	memcpy(reg->secret, random.secret, sizeof(reg->secret));
	reg->next = NULL;
	*p = reg;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

int registry_set_pid(struct registry *r, struct registration *reg, uint32_t pid)
{
	struct registration **p;
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	p = key_at(r, key_of(pid, reg->secret));
	if (*p && *p != reg)
		rc = -EEXIST;
	if (!*p) {
		*key_at(r, key_of(reg->pid, reg->secret)) = reg->next;
		reg->pid = pid;
		reg->next = NULL;
		*key_at(r, key_of(pid, reg->secret)) = reg;
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void registry_remove(struct registry *r, struct registration *reg)
{
	struct registration **p;

	if (!reg->pid)
		return;
	pthread_mutex_lock(&r->lock);
	p = key_at(r, key_of(reg->pid, reg->secret));
	if (*p == reg)
		*p = reg->next;
	pthread_mutex_unlock(&r->lock);
	reg->pid = 0;
	mem_wipe(reg->secret, sizeof(reg->secret));
}

/* In a time that does not tell how much of it is right. */
static bool same_secret(const uint8_t a[4], struct span b)
{
	uint8_t differ = 0;

	if (b.n != 4)
		return false;
	for (size_t i = 0; i < 4; i++)
		differ |= (uint8_t)(a[i] ^ b.p[i]);
	return differ == 0;
}

static bool same_identity(const struct caller *a, const struct caller *b)
{
	return a->cgroup_id == b->cgroup_id && a->netns_cookie == b->netns_cookie && a->uid == b->uid;
}

struct worker *registry_owner(
	struct registry *r, uint32_t pid, struct span secret, const struct caller *who, uint64_t *key)
{
	struct worker *owner = NULL;
	struct registration *reg;

	pthread_mutex_lock(&r->lock);
	for (reg = pid ? r->keys[pid & (BUCKETS - 1)] : NULL; reg; reg = reg->next) {
		if (reg->pid != pid || !same_secret(reg->secret, secret) || !same_identity(reg->who, who))
			continue;
		owner = reg->owner;
		*key = key_of(reg->pid, reg->secret);
	}
	pthread_mutex_unlock(&r->lock);
	return owner;
}

struct conn *registry_conn(struct registry *r, uint64_t key, const struct worker *owner)
{
	struct conn *c = NULL;
	struct registration *reg;

	pthread_mutex_lock(&r->lock);
	reg = *key_at(r, key);
	if (reg && reg->owner == owner)
		c = reg->conn;
	pthread_mutex_unlock(&r->lock);
	return c;
}
