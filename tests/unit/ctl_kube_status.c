/* SPDX-License-Identifier: MIT */
/* What is written into objects' status when the API server refuses some of it, and what other nodes write
 * meanwhile. The server is here: the tests' own kube_api. */
#include "test.h"

#include <pthread.h>

#include "ctl/clock.h"
#include "ctl/kube_api.h"
#include "ctl/kube_status.h"

#define PATIENCE_MS 60000

struct kube_api {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	json_t *objects;
	unsigned refuse; /* so many conditions of p, from now on */
	unsigned beside; /* so many events without its word while p's first is written */
	unsigned words, refused;
	uint64_t refused_ms, again_ms; /* the first; p's word after that */
};

static struct kube_api server = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct kube_status *status;

int kube_api_open(struct kube_api **out, const struct kube_access *access, struct err *e)
{
	(void)access;
	(void)e;
	*out = &server;
	return 0;
}

void kube_api_close(struct kube_api *a)
{
	(void)a;
}

void kube_api_stop(struct kube_api *a)
{
	(void)a;
}

json_t *kube_api_time(uint64_t ms)
{
	return json_integer((json_int_t)ms);
}

static uint64_t wall(void)
{
	return 1;
}

/* node2 has it in force; node1's word is there, or another one. */
static json_t *object(const char *name, bool with)
{
	json_t *o = json_pack("{s:{s:s, s:s, s:i, s:s}, s:{s:{s:{s:i, s:b}}}}", "metadata", "name", name,
		"uid", "u", "generation", 1, "resourceVersion", "5", "status", "nodes", "node2", "generation",
		1, "inForce", 1);

	if (!o)
		abort(); /* whichever thread this is */
	if (with)
		json_object_set_new(json_object_get(json_object_get(o, "status"), "nodes"), "node1",
			json_pack("{s:i, s:b}", "generation", 1, "inForce", 1));
	return o;
}

static void seen(const char *name, bool with)
{
	json_t *o = object(name, with);

	kube_status_seen(status, o);
	json_decref(o);
}

/* As a server does with a merge patch of these two. */
static json_t *patched(const char *name, const json_t *wanted)
{
	json_t *o = json_object_get(server.objects, name), *now = json_object_get(o, "status");
	json_t *conditions = json_object_get(wanted, "conditions");

	json_object_update(json_object_get(now, "nodes"), json_object_get(wanted, "nodes"));
	if (conditions)
		json_object_set(now, "conditions", conditions);
	return json_deep_copy(o);
}

int kube_api_do(struct kube_api *a, const struct kube_call *c, json_t **answer, struct err *e)
{
	const json_t *wanted = json_object_get(c->body, "status");
	bool word = json_object_get(wanted, "nodes") != NULL;
	char name[8];
	unsigned beside = 0;
	int r = 0;

	if (sscanf(c->path, "/apis/pgveil.dev/v1/maskingpolicies/%7[a-z]/status", name) != 1)
		return err_set(e, -EINVAL, "%.100s: not here", c->path);
	pthread_mutex_lock(&a->lock);
	if (strcmp(name, "p") == 0 && word) {
		beside = a->words++ ? 0 : a->beside;
		if (a->refused && !a->again_ms)
			a->again_ms = clock_ms();
	}
	if (strcmp(name, "p") == 0 && !word && a->refuse) {
		a->refuse--;
		if (!a->refused++)
			a->refused_ms = clock_ms();
		r = err_set(e, -EBUSY, "503");
	} else {
		*answer = patched(name, wanted);
	}
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < beside; i++)
		seen("p", false);
	return r;
}

static bool accepted(const char *name)
{
	const json_t *o = json_object_get(server.objects, name);

	return json_object_get(json_object_get(o, "status"), "conditions") != NULL;
}

static bool is_refused(void)
{
	return server.refused != 0;
}

static bool is_accepted(void)
{
	return accepted("p");
}

static void wait_until(bool (*is)(void))
{
	uint64_t until = clock_ms() + PATIENCE_MS;
	int r = 0;

	pthread_mutex_lock(&server.lock);
	while (!is() && !r)
		r = clock_wait(&server.changed, &server.lock, until);
	pthread_mutex_unlock(&server.lock);
	assert_int_equal(r, 0);
}

/* Until the status' own thread has made up its mind about what it was answered last. */
static void wait_counts(uint64_t written, uint64_t failed)
{
	uint64_t until = clock_ms() + PATIENCE_MS;
	struct kube_status_counts c;

	do {
		assert_true(clock_ms() < until);
		usleep(1000);
		kube_status_counts(status, &c);
	} while (c.written < written || c.failed < failed);
}

static const char *const NAMES[] = {"a", "b", "p"};

static void begin(unsigned refuse, unsigned beside)
{
	struct kube_status_line v[3];
	struct err e = {0};

	clock_cond_init(&server.changed);
	server.objects = json_object();
	server.refuse = refuse;
	server.beside = beside;
	server.words = server.refused = 0;
	server.refused_ms = server.again_ms = 0;
	for (unsigned i = 0; i < 3; i++) {
		json_object_set_new(server.objects, NAMES[i], object(NAMES[i], false));
		v[i] = (struct kube_status_line){NAMES[i], "u", 1, true, ""};
	}
	assert_int_equal(kube_status_open(&status, NULL, "node1", 0, wall, &e), 0);
	assert_int_equal(kube_status_set(status, v, 3), 0);
	assert_int_equal(kube_status_start(status, &e), 0);
}

static void end(void)
{
	kube_status_close(status);
	json_decref(server.objects);
	pthread_cond_destroy(&server.changed);
}

/* The watch shows what others wrote before, and then that the node's word is there: the condition is not. It
 * is written after the first pause, however many there were. */
static void test_a_condition_that_was_refused(void **state)
{
	struct kube_status_counts c;

	(void)state;
	begin(1, 7);
	wait_until(is_refused);
	wait_counts(2, 1);
	seen("p", true);
	kube_status_counts(status, &c);
	assert_int_equal(c.pending, 1);
	wait_until(is_accepted);
	assert_true(server.again_ms - server.refused_ms < 30000);
	end();
}

/* Neither other nodes' events of it nor what is to be written again of others makes it try sooner. */
static void test_what_is_seen_ends_no_pause(void **state)
{
	(void)state;
	begin(1, 0);
	wait_until(is_refused);
	wait_counts(2, 1);
	seen("p", false);
	seen("p", true);
	seen("p", false);
	seen("a", false);
	seen("b", false);
	seen("a", true);
	wait_until(is_accepted);
	assert_true(server.again_ms - server.refused_ms >= 1900);
	/* what was seen is not forgotten: a's and b's, p's, and then b's again */
	wait_counts(4, 1);
	end();
}

/* What is new is tried at once. */
static void test_what_is_new_ends_a_pause(void **state)
{
	struct kube_status_line v = {"p", "u", 1, true, ""};

	(void)state;
	begin(4, 0); /* 2, 4, 8 and 16 s */
	wait_until(is_refused);
	for (unsigned i = 1; i <= 4; i++) {
		wait_counts(2, i);
		assert_int_equal(kube_status_set(status, &v, 1), 0);
	}
	wait_until(is_accepted);
	assert_true(clock_ms() - server.refused_ms < 14000);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_condition_that_was_refused),
		cmocka_unit_test(test_what_is_seen_ends_no_pause),
		cmocka_unit_test(test_what_is_new_ends_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
