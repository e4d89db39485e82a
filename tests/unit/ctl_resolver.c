/* SPDX-License-Identifier: MIT */
/* The name service is this file: db.test has the addresses of answer. */
#include "ctl/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdatomic.h>
#include "ctl/clock.h"
#include "test.h"

static _Atomic(const char *) answer;
static atomic_uint asked;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	struct sockaddr_in *in;
	struct addrinfo *a;

	(void)service, (void)hints;
	assert_string_equal(node, "db.test");
	atomic_fetch_add(&asked, 1);
	a = calloc(1, sizeof(*a) + sizeof(*in));
	in = (struct sockaddr_in *)(a + 1);
	in->sin_family = AF_INET;
	inet_pton(AF_INET, atomic_load(&answer), &in->sin_addr);
	a->ai_addr = (struct sockaddr *)in;
	*out = a;
	return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	free(a);
}

static struct policy *load(void)
{
	static const char text[] =
		"apiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: a}\nspec:\n"
		"  subjects: [{cgroup: /a}]\n"
		"  databases: [{name: d, address: 'db.test:5432', credential: {user: u, "
		"passwordFile: /p}}]\n";
	char path[] = "/tmp/pgveil-test-XXXXXX";
	const char *paths[] = {path};
	struct complaints c = {0};
	struct policy *p = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(policy_load(&p, paths, 1, &c), 0);
	unlink(path);
	complaints_fini(&c);
	return p;
}

static enum coverage covers(struct resolver *r, const struct policy *p, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(5432)};

	inet_pton(AF_INET, address, &in.sin_addr);
	return resolver_covers(r, p, 0, (struct sockaddr *)&in);
}

static void moved(void **state)
{
	struct policy *p = load();
	struct resolver *r;
	struct err e = {0};
	uint64_t end = clock_ms() + 60000;
	unsigned before, tries = 0;

	(void)state;
	answer = "10.0.0.1";
	assert_int_equal(resolver_start(&r, &e), 0);
	assert_int_equal(resolver_set_policy(r, p, &e), 0);
	resolver_wait(r, 60000);
	assert_int_equal(covers(r, p, "10.0.0.1"), COVERS_YES);
	assert_int_equal(covers(r, p, "10.0.0.2"), COVERS_NO);
	/* The name moves. Whoever comes from its new address has it asked for, long before its turn: once a
	 * second at most, however often somebody comes. */
	answer = "10.0.0.2";
	before = asked;
	while (covers(r, p, "10.0.0.2") != COVERS_YES) {
		assert_true(clock_ms() < end);
		tries++;
		usleep(1000);
	}
	assert_true(asked > before && asked <= before + 1 + tries / 100);
	/* It had the other one, and a connection there is still its own. */
	assert_int_equal(covers(r, p, "10.0.0.1"), COVERS_YES);
	resolver_stop(r);
	policy_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(moved)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
