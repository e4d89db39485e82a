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
	pthread_mutex_t lock; /* over what follows; hands is read without */
	pthread_cond_t work, over;
	_Atomic enum hands hands;
	bool stop;
	struct record record;
	struct err err;
	int code;
};

static void *run_thread(void *arg)
{
	struct clerk *c = arg;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct err e = {0};
		int code;

		while (!c->stop && atomic_load(&c->hands) != HANDS_FULL)
			pthread_cond_wait(&c->work, &c->lock);
		if (c->stop)
			break;
		pthread_mutex_unlock(&c->lock);
		code = c->cfg.write(c->cfg.arg, &c->record, &e);
		pthread_mutex_lock(&c->lock);
		c->code = code;
		c->err = e;
		atomic_store(&c->hands, HANDS_OVER);
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

void clerk_hand(struct clerk *c, const struct record *r)
{
	pthread_mutex_lock(&c->lock);
	c->record = *r;
	atomic_store(&c->hands, HANDS_FULL);
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
}

enum hands clerk_hands(struct clerk *c)
{
	return atomic_load(&c->hands);
}

int clerk_join(struct clerk *c, struct err *e)
{
	int r;

	pthread_mutex_lock(&c->lock);
	while (atomic_load(&c->hands) != HANDS_OVER)
		pthread_cond_wait(&c->over, &c->lock);
	atomic_store(&c->hands, HANDS_FREE);
	r = c->code;
	*e = c->err;
	pthread_mutex_unlock(&c->lock);
	return r;
}
