/* SPDX-License-Identifier: MIT */
#include "kern/renew.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bpf/abi.h"
#include "kern/pin.h"

#define SUFFIX "_renewed" /* bpffs takes no dots */

static bool as_it_was(const struct bpf_map *m, const struct bpf_map_info *was)
{
	return was->type == bpf_map__type(m) && was->key_size == bpf_map__key_size(m) &&
	       was->value_size == bpf_map__value_size(m) && was->max_entries == bpf_map__max_entries(m) &&
	       was->map_flags == bpf_map__map_flags(m);
}

static int look_at(struct renewal *rn, struct bpf_map *m, const char *path, struct err *e)
{
	struct bpf_map_info was = {0};
	__u32 len = sizeof(was);
	int fd = bpf_obj_get(path), r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, fd, "%s: %s", path, strerror(-fd));
	r = bpf_obj_get_info_by_fd(fd, &was, &len);
	if (r || as_it_was(m, &was)) {
		close(fd);
		return r ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
	}
	r = rn->n == RENEW_MAX ? -ENOSPC : bpf_map__set_pin_path(m, NULL);
	if (r) {
		close(fd);
		return err_set(e, r, "%s: it cannot be replaced", path);
	}
	rn->map[rn->n] = m;
	rn->old_fd[rn->n++] = fd;
	return 0;
}

int renew_begin(struct renewal *rn, struct bpf_object *o, const char *pin_dir, struct err *e)
{
	char path[PATH_MAX];
	struct bpf_map *m;
	int r = 0;

	bpf_object__for_each_map(m, o)
	{
		if (r || !bpf_map__pin_path(m))
			continue;
		r = pin_path(path, sizeof(path), pin_dir, "maps", bpf_map__name(m), e);
		if (!r)
			r = look_at(rn, m, path, e);
	}
	return r;
}

/* Counts of what happened go on; of what is newer there is none. */
static int copy_counters(int from, int to, struct err *e)
{
	int cpus = libbpf_num_possible_cpus(), r = cpus > 0 ? 0 : -EINVAL;
	uint64_t *each = r ? NULL : calloc((size_t)cpus, sizeof(*each));

	if (!each)
		return err_set(e, -ENOMEM, "out of memory");
	for (__u32 key = 0; !r && bpf_map_lookup_elem(from, &key, each) == 0; key++)
		r = key < COUNTER_MAX ? bpf_map_update_elem(to, &key, each, BPF_ANY) : 0;
	free(each);
	return r ? err_set(e, r, "counters: %s", strerror(-r)) : 0;
}

int renew_copy(struct renewal *rn, struct err *e)
{
	struct timespec now;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	rn->since_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	/* What the daemon knows it says again. What a socket remembers cannot be read: one that was made
	 * before and is not connected yet is refused when it does. */
	for (unsigned i = 0; i < rn->n && !r; i++)
		if (bpf_map__type(rn->map[i]) == BPF_MAP_TYPE_PERCPU_ARRAY)
			r = copy_counters(rn->old_fd[i], bpf_map__fd(rn->map[i]), e);
	return r;
}

static int take_name(struct bpf_map *m, const char *pin_dir, struct err *e)
{
	char path[PATH_MAX], beside[PATH_MAX], name[64];
	int r = pin_path(path, sizeof(path), pin_dir, "maps", bpf_map__name(m), e);

	snprintf(name, sizeof(name), "%s" SUFFIX, bpf_map__name(m));
	if (!r)
		r = pin_path(beside, sizeof(beside), pin_dir, "maps", name, e);
	if (r)
		return r;
	/* Left by somebody who got no further. */
	if (unlink(beside) < 0 && errno != ENOENT)
		return err_set(e, -errno, "%s: %m", beside);
	r = bpf_obj_pin(bpf_map__fd(m), beside);
	if (r)
		return err_set(e, r, "%s: %s", beside, strerror(-r));
	return rename(beside, path) < 0 ? err_set(e, -errno, "%s: %m", path) : 0;
}

/* Records of the older programs: their sockets do not take them away any more. The daemon whose they were is
 * gone, and their connections with it. */
static void drop_flows(int fd, uint64_t since_ns)
{
	struct flow_key key, next;
	struct flow_value v;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &v) == 0 && v.since_ns < since_ns)
			bpf_map_delete_elem(fd, &key);
	}
}

int renew_end(struct renewal *rn, const char *pin_dir, int flows_fd, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < rn->n && !r; i++)
		r = take_name(rn->map[i], pin_dir, e);
	if (!r)
		drop_flows(flows_fd, rn->since_ns);
	return r;
}

void renew_fini(struct renewal *rn)
{
	for (unsigned i = 0; i < rn->n; i++)
		close(rn->old_fd[i]);
	*rn = (struct renewal){0};
}
