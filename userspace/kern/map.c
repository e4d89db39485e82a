/* SPDX-License-Identifier: MIT */
#include "kern/map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

int map_put(const struct bpf_map *map, const void *key, const void *value, struct err *e)
{
	int r = bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY);

	if (r == -E2BIG)
		return err_set(e, r, "table %s is full", bpf_map__name(map));
	return r ? err_set(e, r, "table %s: %s", bpf_map__name(map), strerror(-r)) : 0;
}

int map_take(const struct bpf_map *map, const void *key, struct err *e)
{
	int r = bpf_map_delete_elem(bpf_map__fd(map), key);

	return r && r != -ENOENT ? err_set(e, r, "table %s: %s", bpf_map__name(map), strerror(-r)) : 0;
}

int map_keep(const struct bpf_map *map, const void *wanted, unsigned n, struct err *e)
{
	size_t size = bpf_map__key_size(map);
	unsigned char key[8], last[8];
	bool have_last = false;
	int r = 0;

	while (!r && bpf_map_get_next_key(bpf_map__fd(map), have_last ? last : NULL, key) == 0) {
		unsigned i = 0;

		while (i < n && memcmp((const unsigned char *)wanted + i * size, key, size) != 0)
			i++;
		if (i == n) {
			r = map_take(map, key, e);
			continue;
		}
		memcpy(last, key, size);
		have_last = true;
	}
	return r;
}
