/* SPDX-License-Identifier: MIT */
#include "ctl/clerk.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct clerk {
	struct clerk_config cfg;
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows; what was begun is the thread's until it is over */
	pthread_cond_t work, over;
	struct handed *first, **end; /* what is to be written */
	bool stop;
};

static void *run_thread(void *arg)
{
	struct clerk *c = arg;
	struct handed *h;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->stop && !c->first)
			pthread_cond_wait(&c->work, &c->lock);
		h = c->first;
		if (!h)
			break;
		c->first = h->next;
		if (!c->first)
			c->end = &c->first;
		pthread_mutex_unlock(&c->lock);
		h->code = c->cfg.write(c->cfg.arg, &h->record, &h->err);
		pthread_mutex_lock(&c->lock);
		atomic_store(&h->over, true);
		/* Under the lock: whoever has joined may be gone. */
		c->cfg.over(c->cfg.arg);
		pthread_cond_signal(&c->over);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int clerk_new(struct clerk **out, const struct clerk_config *cfg, struct err *e)
{
	struct clerk *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->cfg = *cfg;
	c->end = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->over, NULL);
	r = pthread_create(&c->thread, NULL, run_thread, c);
	if (r) {
		free(c);
		return err_set(e, -r, "clerk thread: %s", strerror(r));
	}
	pthread_setname_np(c->thread, "clerk");
	*out = c;
	return 0;
}

void clerk_free(struct clerk *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->over);
	pthread_cond_destroy(&c->work);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void clerk_hand(struct clerk *c, struct handed *h)
{
	atomic_store(&h->over, false);
	h->next = NULL;
	h->err = (struct err){0};
	pthread_mutex_lock(&c->lock);
	*c->end = h;
	c->end = &h->next;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
}

bool clerk_give_back(struct clerk *c, struct handed *h)
{
	struct handed **at;
	bool found;

	pthread_mutex_lock(&c->lock);
	for (at = &c->first; *at && *at != h; at = &(*at)->next)
		;
	found = *at != NULL;
	if (found) {
		*at = h->next;
		if (!*at)
			c->end = at;
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

int clerk_join(struct clerk *c, struct handed *h, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	while (!atomic_load(&h->over))
		pthread_cond_wait(&c->over, &c->lock);
	pthread_mutex_unlock(&c->lock);
	*e = h->err;
	return h->code;
}
