/* SPDX-License-Identifier: MIT */
#include "ctl/events.h"

#include <poll.h>
#include <stdbool.h>
#include "test.h"

static void add_kind(struct events *ev, const char *event, unsigned n)
{
	char line[96];

	events_add(ev, event, line,
		(size_t)snprintf(line, sizeof(line), "{\"event\":\"%s\",\"n\":%u}", event, n));
}

static void add(struct events *ev, unsigned n)
{
	add_kind(ev, "statement.refused", n);
}

static json_int_t number(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static struct events *fresh(void)
{
	struct events *ev;
	struct err e = {0};

	assert_int_equal(events_new(&ev, &e), 0);
	return ev;
}

static bool readable(const struct events *ev)
{
	struct pollfd p = {.fd = events_fd(ev), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void in_order(void **state)
{
	struct events *ev = fresh();
	json_t *a, *list;

	(void)state;
	assert_int_equal(events_last(ev), 0);
	assert_false(readable(ev));
	for (unsigned i = 1; i <= 5; i++)
		add(ev, i);
	assert_true(readable(ev));
	events_seen(ev);
	assert_false(readable(ev));
	a = events_after(ev, 2, 2);
	list = json_object_get(a, "events");
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(number(json_array_get(list, 0), "n"), 3);
	assert_int_equal(number(json_array_get(list, 0), "seq"), 3);
	assert_int_equal(number(a, "next"), 4);
	assert_int_equal(number(a, "missed"), 0);
	json_decref(a);
	a = events_after(ev, 5, 100);
	assert_int_equal(json_array_size(json_object_get(a, "events")), 0);
	assert_int_equal(number(a, "next"), 5);
	json_decref(a);
	/* Somebody who followed an earlier daemon. */
	a = events_after(ev, 900, 100);
	assert_int_equal(json_array_size(json_object_get(a, "events")), 5);
	json_decref(a);
	events_free(ev);
}

/* Four thousand that a client can cause at will leave the one that tells of it where it was. */
static void a_flood_hides_no_other(void **state)
{
	struct events *ev = fresh();
	json_t *a, *list;

	(void)state;
	add_kind(ev, "connect.refused", 1);
	for (unsigned i = 2; i <= 10000; i++)
		add(ev, i);
	a = events_after(ev, 0, 100000);
	list = json_object_get(a, "events");
	assert_int_equal(json_array_size(list), 1 + 1024);
	assert_int_equal(number(json_array_get(list, 0), "n"), 1);
	assert_int_equal(number(json_array_get(list, 1), "n"), 10000 - 1024 + 1);
	assert_int_equal(number(a, "missed"), 10000 - 1 - 1024);
	assert_int_equal(number(a, "next"), 10000);
	json_decref(a);
	a = events_after(ev, 9990, 4);
	assert_int_equal(json_array_size(json_object_get(a, "events")), 4);
	assert_int_equal(number(a, "next"), 9994);
	assert_int_equal(number(a, "missed"), 0);
	json_decref(a);
	events_free(ev);
}

/* More kinds than there are places for, each with as many as it may have. */
static void all_together_are_bounded(void **state)
{
	struct events *ev = fresh();
	char name[32];
	json_t *a;

	(void)state;
	add_kind(ev, "first", 1);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "kind.%u", i);
		for (unsigned k = 0; k < 200; k++)
			add_kind(ev, name, k);
	}
	a = events_after(ev, 0, 100000);
	assert_int_equal(json_array_size(json_object_get(a, "events")), 4096);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(a, "events"), 0), "event")),
		"first");
	json_decref(a);
	events_free(ev);
}

static void bytes_are_bounded(void **state)
{
	static char line[8000];
	struct events *ev = fresh();
	json_t *a, *list;

	(void)state;
	add_kind(ev, "first", 1);
	memset(line, 'x', sizeof(line));
	memcpy(line, "{\"a\":\"", 6);
	memcpy(line + sizeof(line) - 2, "\"}", 2);
	for (unsigned i = 0; i < 2000; i++)
		events_add(ev, "large", line, sizeof(line));
	a = events_after(ev, 0, 100000);
	list = json_object_get(a, "events");
	assert_in_range(json_array_size(list), 500, (4 << 20) / 8000 + 1);
	assert_non_null(json_object_get(json_array_get(list, 0), "n"));
	assert_int_equal(number(a, "next"), 2001);
	json_decref(a);
	events_free(ev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(a_flood_hides_no_other),
		cmocka_unit_test(all_together_are_bounded),
		cmocka_unit_test(bytes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
