/* SPDX-License-Identifier: MIT */
#include "kern/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "kern/cgroup.h"
#include "pgveil.skel.h"

/* The hooks in the order of attaching: whoever is refused or turned by connect must have had its birth
 * recorded, and its flow must be recorded from the first turned connect on. */
static const struct hook {
	const char *pin; /* below links/ */
	const char *program;
	enum bpf_attach_type type;
} hooks[] = {
	{"birth", "pgveil_birth", BPF_CGROUP_INET_SOCK_CREATE},
	{"sockops", "pgveil_sockops", BPF_CGROUP_SOCK_OPS},
	{"getpeername4", "pgveil_peer4", BPF_CGROUP_INET4_GETPEERNAME},
	{"getpeername6", "pgveil_peer6", BPF_CGROUP_INET6_GETPEERNAME},
	{"connect4", "pgveil_connect4", BPF_CGROUP_INET4_CONNECT},
	{"connect6", "pgveil_connect6", BPF_CGROUP_INET6_CONNECT},
};

struct kern {
	struct pgveil_bpf *skel;
	struct ring_buffer *events;
	struct bpf_link *links[ARRAY_LEN(hooks)];
	char *pin_dir, *root;
	void (*fn)(void *arg, const struct refusal_event *ev);
	void *arg;
};

/* libbpf explains itself only by printing; the first warning since `said` was cleared goes into the err. */
static _Thread_local char said[160];

static int listen_to_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !said[0]) {
		vsnprintf(said, sizeof(said), fmt, ap);
		said[strcspn(said, "\n")] = '\0';
	}
	return 0;
}

static int pin_path(char *out, size_t cap, const char *dir, const char *sub, const char *name, struct err *e)
{
	int n = snprintf(out, cap, "%s/%s%s%s", dir, sub, *name ? "/" : "", name);

	return n < 0 || (size_t)n >= cap ? err_set(e, -ENAMETOOLONG, "%s: path is too long", dir) : 0;
}

static bool on_bpffs(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* Makes one directory. *made says whether it was missing. */
static int make_dir(const char *dir, bool *made, struct err *e)
{
	*made = mkdir(dir, 0700) == 0;
	return *made || errno == EEXIST ? 0 : err_set(e, -errno, "%s: %m", dir);
}

static int make_pin_dir(const char *dir, bool *fresh, struct err *e)
{
	static const char *const subs[] = {"maps", "links"};
	char path[PATH_MAX];
	bool made, sub_made;
	int r = make_dir(dir, &made, e);

	*fresh = made;
	if (r)
		return r;
	if (!on_bpffs(dir)) {
		if (made)
			rmdir(dir);
		return err_set(
			e, -ENODEV, "%s is not on a bpf file system (mount -t bpf bpf /sys/fs/bpf)", dir);
	}
	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		r = pin_path(path, sizeof(path), dir, subs[i], "", e);
		if (!r)
			r = make_dir(path, &sub_made, e);
		if (r)
			return r;
		*fresh = *fresh || sub_made;
	}
	return 0;
}

/* Whether there is a directory of this id anywhere: a removed one may keep its links for a while, and guards
 * nobody. Where that cannot be told, there is. */
static bool cgroup_lives(uint64_t id)
{
	char mount[PATH_MAX], path[PATH_MAX];

	return id && (cgroup_mount(mount, sizeof(mount), NULL) ||
			     cgroup_path(mount, mount, id, path, sizeof(path), NULL) != -ENOENT);
}

/* Whether the maps that are pinned here, if any, are ours to adopt. */
static int check_pins(const char *dir, uint64_t root_id, struct err *e)
{
	struct config_value v;
	char path[PATH_MAX];
	__u32 key = 0;
	int fd, r = pin_path(path, sizeof(path), dir, "maps", "config", e);

	if (r)
		return r;
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, fd, "%s: %s", path, strerror(-fd));
	r = bpf_map_lookup_elem(fd, &key, &v);
	close(fd);
	if (r)
		return err_set(e, r, "%s: %s", path, strerror(-r));
	if (v.abi_version && v.abi_version != PGVEIL_ABI_VERSION)
		return err_set(e, -EPROTO,
			"%s holds the programs of another version (%u, not %u): run `pgveil uninstall`", dir,
			v.abi_version, (unsigned)PGVEIL_ABI_VERSION);
	if (v.abi_version && v.root_cgroup_id != root_id && cgroup_lives(v.root_cgroup_id))
		return err_set(e, -EBUSY,
			"%s guards another cgroup (id %llu, wanted %llu): run `pgveil uninstall`", dir,
			(unsigned long long)v.root_cgroup_id, (unsigned long long)root_id);
	return 0;
}

/* Locked memory is charged to the memory cgroup since 5.11, so the limit on it is not touched. */
static int load(struct kern *k, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = path);
	int r = pin_path(path, sizeof(path), dir, "maps", "", e);

	if (r)
		return r;
	said[0] = '\0';
	k->skel = pgveil_bpf__open_opts(&opts);
	if (!k->skel)
		return err_set(e, -errno, "cannot open the BPF object: %s", said);
	r = pgveil_bpf__load(k->skel);
	return r ? err_set(e, r, "cannot load the BPF programs: %s (%s)", strerror(-r), said) : 0;
}

static int write_config(struct kern *k, uint64_t root_id, struct err *e)
{
	struct config_value v = {.abi_version = PGVEIL_ABI_VERSION, .root_cgroup_id = root_id};
	__u32 key = 0;
	int r = bpf_map_update_elem(bpf_map__fd(k->skel->maps.config), &key, &v, BPF_ANY);

	return r ? err_set(e, r, "config: %s", strerror(-r)) : 0;
}

static int on_event(void *ctx, void *data, size_t len)
{
	struct kern *k = ctx;

	if (len == sizeof(struct refusal_event) && k->fn)
		k->fn(k->arg, data);
	return 0;
}

/* An attach below, or onto, a program that was attached without BPF_F_ALLOW_MULTI is refused with a bare
 * EPERM. */
static int explain_eperm(const char *root, const struct hook *h, struct err *e)
{
	char dir[PATH_MAX], *slash;
	struct statfs fs;

	snprintf(dir, sizeof(dir), "%s", root);
	while (dir[0] && statfs(dir, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
		__u32 flags = 0, n = 0;
		int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r = fd < 0 ? -errno : bpf_prog_query(fd, h->type, 0, &flags, NULL, &n);

		if (fd >= 0)
			close(fd);
		if (!r && n && !(flags & BPF_F_ALLOW_MULTI))
			return err_set(e, -EPERM,
				"%s on %s: another program is attached to %s without BPF_F_ALLOW_MULTI and "
				"suffers "
				"none beside it (see `bpftool cgroup show`)",
				h->pin, root, dir);
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return err_set(
		e, -EPERM, "%s on %s: not permitted (CAP_BPF and CAP_NET_ADMIN are needed)", h->pin, root);
}

static int attach(struct kern *k, size_t i, const struct bpf_program *prog, const char *root, const char *pin,
	struct err *e)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", root);
	/* A link is BPF_F_ALLOW_MULTI by nature: others may attach below and beside. */
	k->links[i] = bpf_program__attach_cgroup(prog, fd);
	r = k->links[i] ? 0 : -errno;
	close(fd);
	if (r == -EPERM)
		return explain_eperm(root, &hooks[i], e);
	if (r)
		return err_set(e, r, "%s on %s: %s", hooks[i].pin, root, strerror(-r));
	r = bpf_link__pin(k->links[i], pin);
	return r ? err_set(e, r, "%s: %s", pin, strerror(-r)) : 0;
}

static int link_info(const struct bpf_link *link, struct bpf_link_info *info, const char *pin, struct err *e)
{
	__u32 len = sizeof(*info);
	int r;

	memset(info, 0, sizeof(*info));
	r = bpf_obj_get_info_by_fd(bpf_link__fd(link), info, &len);
	return r ? err_set(e, r == -ENOENT ? -EIO : r, "%s: %s", pin, strerror(-r)) : 0;
}

/* -ENOENT: done, and nothing is there to adopt. */
static int discard(struct kern *k, size_t i, const char *pin, struct err *e)
{
	int r;

	/* Fails where it is detached already. */
	(void)bpf_link__detach(k->links[i]);
	bpf_link__destroy(k->links[i]);
	k->links[i] = NULL;
	r = unlink(pin) < 0 && errno != ENOENT ? -errno : 0;
	return r ? err_set(e, r, "%s: %s", pin, strerror(-r)) : -ENOENT;
}

/* -ENOENT: nothing to adopt. A link that somebody has detached by force, or whose cgroup was removed, counts
 * as nothing. */
static int adopt(
	struct kern *k, size_t i, struct bpf_program *prog, uint64_t root_id, const char *pin, struct err *e)
{
	struct bpf_link *link = bpf_link__open(pin);
	struct bpf_link_info info;
	int r;

	if (!link)
		return errno == ENOENT ? -ENOENT : err_set(e, -errno, "%s: %m", pin);
	k->links[i] = link;
	r = link_info(link, &info, pin, e);
	if (r)
		return r;
	if (info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id != root_id &&
		!cgroup_lives(info.cgroup.cgroup_id))
		return discard(k, i, pin, e);
	if (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id != root_id ||
		info.cgroup.attach_type != hooks[i].type)
		return err_set(
			e, -EBUSY, "%s is not attached where it should be: run `pgveil uninstall`", pin);
	r = bpf_link__update_program(link, prog);
	return r ? err_set(e, r == -ENOENT ? -EIO : r, "%s: cannot replace the program: %s", pin,
			   strerror(-r))
		 : 0;
}

static int attach_one(struct kern *k, size_t i, uint64_t root_id, struct err *e)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(k->skel->obj, hooks[i].program);
	char pin[PATH_MAX];
	int r = pin_path(pin, sizeof(pin), k->pin_dir, "links", hooks[i].pin, e);

	if (r)
		return r;
	if (!prog)
		return err_set(e, -EINVAL, "the BPF object has no %s", hooks[i].program);
	bpf_link__destroy(k->links[i]); /* the pin keeps it */
	k->links[i] = NULL;
	r = adopt(k, i, prog, root_id, pin, e);
	return r == -ENOENT ? attach(k, i, prog, k->root, pin, e) : r;
}

static int attach_all(struct kern *k, uint64_t root_id, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_LEN(hooks); i++)
		r = attach_one(k, i, root_id, e);
	return r;
}

int kern_check(const struct kern *k, struct err *e)
{
	struct bpf_link_info info;
	uint64_t root_id;
	int r = cgroup_id(k->root, &root_id, e);

	if (r)
		return r == -ENOENT ? err_set(e, -ESTALE, "%s was removed", k->root) : r;
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		if (!k->links[i])
			return err_set(e, -ESTALE, "%s: %s is not attached", k->root, hooks[i].pin);
		r = link_info(k->links[i], &info, hooks[i].pin, e);
		if (r)
			return r;
		if (info.cgroup.cgroup_id != root_id)
			return err_set(e, -ESTALE, "%s: %s is attached to %s (id %llu, wanted %llu)", k->root,
				hooks[i].pin, info.cgroup.cgroup_id ? "another cgroup" : "nothing",
				(unsigned long long)info.cgroup.cgroup_id, (unsigned long long)root_id);
	}
	return 0;
}

int kern_attach_again(struct kern *k, struct err *e)
{
	uint64_t root_id;
	int r = cgroup_id(k->root, &root_id, e);

	if (!r)
		r = write_config(k, root_id, e);
	return r ? r : attach_all(k, root_id, e);
}

static int set_ports(struct kern *k, const struct kern_config *cfg, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; !r && i < cfg->nports; i++)
		r = kern_set_port(k, cfg->ports[i], e);
	return r;
}

static int open_all(struct kern *k, const struct kern_config *cfg, uint64_t root_id, struct err *e)
{
	int r = check_pins(cfg->pin_dir, root_id, e);

	if (!r)
		r = load(k, cfg->pin_dir, e);
	if (!r)
		r = write_config(k, root_id, e);
	/* Before the programs: a connect to a port that they do not know yet would get through. */
	if (!r)
		r = set_ports(k, cfg, e);
	if (!r) {
		k->events = ring_buffer__new(bpf_map__fd(k->skel->maps.events), on_event, k, NULL);
		if (!k->events)
			r = err_set(e, -errno, "events: %m");
	}
	return r ? r : attach_all(k, root_id, e);
}

int kern_open(struct kern **out, const struct kern_config *cfg, struct err *e)
{
	struct kern *k;
	struct err second;
	uint64_t root_id;
	bool fresh = false;
	int r = cgroup_id(cfg->cgroup_root, &root_id, e);

	*out = NULL;
	if (r)
		return r;
	libbpf_set_print(listen_to_libbpf);
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_set(e, -ENOMEM, "out of memory");
	k->pin_dir = strdup(cfg->pin_dir);
	k->root = strdup(cfg->cgroup_root);
	r = k->pin_dir && k->root ? make_pin_dir(cfg->pin_dir, &fresh, e)
				  : err_set(e, -ENOMEM, "out of memory");
	if (r) {
		kern_close(k);
		return r;
	}
	r = open_all(k, cfg, root_id, e);
	if (!r) {
		*out = k;
		return 0;
	}
	kern_close(k);
	/* What was not there before leaves nothing behind; an installation that was stays in force. */
	if (fresh && kern_uninstall(cfg->pin_dir, &second) < 0)
		return err_set(
			e, r, "%.120s; and cannot clean up: %.100s", e ? e->msg : "failed", second.msg);
	return r;
}

void kern_close(struct kern *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
		bpf_link__destroy(k->links[i]);
	ring_buffer__free(k->events);
	pgveil_bpf__destroy(k->skel);
	free(k->pin_dir);
	free(k->root);
	free(k);
}

/* Detached by force first: somebody else may hold the link open, and unpinning alone would leave it in force.
 */
static int remove_link(const char *path, struct err *e)
{
	struct bpf_link *link = bpf_link__open(path);
	int r;

	if (!link)
		return err_set(e, -errno, "%s: %m", path);
	r = bpf_link__detach(link);
	if (!r)
		r = bpf_link__unpin(link);
	bpf_link__destroy(link);
	return r ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
}

static int remove_map(const char *path, struct err *e)
{
	return unlink(path) == 0 ? 0 : err_set(e, -errno, "%s: %m", path);
}

/* All of them by whatever name: another version's go too. */
static int remove_pins(
	const char *dir, const char *sub, int (*remove_one)(const char *, struct err *), struct err *e)
{
	char path[PATH_MAX];
	struct dirent *ent;
	int r = pin_path(path, sizeof(path), dir, sub, "", e);
	DIR *d;

	if (r)
		return r;
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %m", path);
	while (!r && (ent = readdir(d))) {
		if (ent->d_name[0] == '.')
			continue;
		r = pin_path(path, sizeof(path), dir, sub, ent->d_name, e);
		if (!r)
			r = remove_one(path, e);
	}
	closedir(d);
	if (!r)
		r = pin_path(path, sizeof(path), dir, sub, "", e);
	if (!r && rmdir(path) < 0)
		r = err_set(e, -errno, "%s: %m", path);
	return r;
}

int kern_uninstall(const char *pin_dir, struct err *e)
{
	int r;

	if (access(pin_dir, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (!on_bpffs(pin_dir))
		return err_set(e, -ENODEV, "%s is not on a bpf file system", pin_dir);
	libbpf_set_print(listen_to_libbpf);
	r = remove_pins(pin_dir, "links", remove_link, e);
	if (!r)
		r = remove_pins(pin_dir, "maps", remove_map, e);
	/* EBUSY: the directory is the mount itself. */
	if (!r && rmdir(pin_dir) < 0 && errno != EBUSY)
		r = err_set(e, -errno, "%s: %m", pin_dir);
	return r;
}

static int put(const struct bpf_map *map, const void *key, const void *value, struct err *e)
{
	int r = bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY);

	if (r == -E2BIG)
		return err_set(e, r, "table %s is full", bpf_map__name(map));
	return r ? err_set(e, r, "table %s: %s", bpf_map__name(map), strerror(-r)) : 0;
}

static int take(const struct bpf_map *map, const void *key, struct err *e)
{
	int r = bpf_map_delete_elem(bpf_map__fd(map), key);

	return r && r != -ENOENT ? err_set(e, r, "table %s: %s", bpf_map__name(map), strerror(-r)) : 0;
}

/* Deletes every key that is not among the n wanted. */
static int keep(const struct bpf_map *map, const void *wanted, unsigned n, struct err *e)
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
			r = take(map, key, e);
			continue;
		}
		memcpy(last, key, size);
		have_last = true;
	}
	return r;
}

int kern_set_cgroup(struct kern *k, uint64_t cgroup_id_, enum cgroup_state state, struct err *e)
{
	struct cgroup_value v = {.state = state};

	return put(k->skel->maps.cgroups, &cgroup_id_, &v, e);
}

void kern_forget_cgroup(struct kern *k, uint64_t cgroup_id_)
{
	(void)take(k->skel->maps.cgroups, &cgroup_id_, NULL);
}

int kern_keep_cgroups(struct kern *k, const uint64_t *ids, unsigned n, struct err *e)
{
	return keep(k->skel->maps.cgroups, ids, n, e);
}

int kern_set_uid(struct kern *k, uint32_t uid, enum cgroup_state state, struct err *e)
{
	struct cgroup_value v = {.state = state};

	return put(k->skel->maps.uids, &uid, &v, e);
}

void kern_forget_uid(struct kern *k, uint32_t uid)
{
	(void)take(k->skel->maps.uids, &uid, NULL);
}

int kern_replace_uids(struct kern *k, const uint32_t *uids, unsigned n, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; !r && i < n; i++)
		r = kern_set_uid(k, uids[i], CGROUP_ENROLLED, e);
	return r ? r : keep(k->skel->maps.uids, uids, n, e);
}

int kern_set_port(struct kern *k, uint16_t port, struct err *e)
{
	__u8 yes = 1;

	return port ? put(k->skel->maps.ports, &port, &yes, e) : err_set(e, -EINVAL, "0 is not a port");
}

int kern_replace_ports(struct kern *k, const uint16_t *ports, unsigned n, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; !r && i < n; i++)
		r = kern_set_port(k, ports[i], e);
	return r ? r : keep(k->skel->maps.ports, ports, n, e);
}

int kern_set_listener(struct kern *k, uint64_t netns_cookie, struct listener_value v, struct err *e)
{
	return put(k->skel->maps.listeners, &netns_cookie, &v, e);
}

void kern_forget_listener(struct kern *k, uint64_t netns_cookie)
{
	(void)take(k->skel->maps.listeners, &netns_cookie, NULL);
}

void kern_forget_listeners(struct kern *k)
{
	(void)keep(k->skel->maps.listeners, NULL, 0, NULL);
}

uint64_t kern_counter(const struct kern *k, enum counter c)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL, sum = 0;
	__u32 key = c;

	if (each && bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.counters), &key, each) == 0)
		for (int i = 0; i < cpus; i++)
			sum += each[i];
	free(each);
	return sum;
}

const char *kern_counter_name(enum counter c)
{
	static const char *const names[] = {
#define X(name, word) [COUNTER_##name] = word,
		COUNTERS(X)
#undef X
	};

	return (unsigned)c < ARRAY_LEN(names) ? names[c] : "unknown";
}

int kern_events_fd(const struct kern *k)
{
	return ring_buffer__epoll_fd(k->events);
}

void kern_events_read(struct kern *k, void (*fn)(void *arg, const struct refusal_event *ev), void *arg)
{
	k->fn = fn;
	k->arg = arg;
	if (ring_buffer__consume(k->events) < 0)
		k->fn = NULL;
	k->fn = NULL;
}

int kern_flows_fd(const struct kern *k)
{
	return bpf_map__fd(k->skel->maps.flows);
}
