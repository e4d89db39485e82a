/* SPDX-License-Identifier: MIT */
#include "kern/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kern/cgroup.h"
#include "kern/hook.h"
#include "kern/map.h"
#include "kern/pin.h"
#include "kern/renew.h"
#include "pgveil.skel.h"

#define EVENTS_A_TURN 1024u /* whoever makes more than can be read keeps nobody from the rest */
#define SHARES_BYTES  (UNIX_SHARES * sizeof(uint64_t))

struct kern {
	struct pgveil_bpf *skel;
	struct ring_buffer *events;
	unsigned nread; /* of this turn's */
	struct bpf_link *links[HOOKS_MAX];
	char *pin_dir, *root;
	unsigned flow_quota;
	_Atomic uint64_t *shares; /* of unix_shares, mapped */
	unsigned older;           /* version of the pins that are being taken over; 0: ours, or none */
	struct renewal renewal;
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

/* Whether the maps that are pinned here, if any, are ours to adopt. */
static int check_pins(struct kern *k, const char *dir, bool later, uint64_t root_id, struct err *e)
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
	if (v.abi_version > PGVEIL_ABI_VERSION)
		return err_set(e, -EPROTO,
			"%s holds the programs of a newer version (%u, this one knows %u): install that, or "
			"run "
			"`pgveil uninstall`",
			dir, v.abi_version, (unsigned)PGVEIL_ABI_VERSION);
	if (v.abi_version && v.abi_version < PGVEIL_ABI_VERSION && later)
		return err_set(e, -EPROTO,
			"%s holds the programs of an older version (%u, not %u): stop its daemon first", dir,
			v.abi_version, (unsigned)PGVEIL_ABI_VERSION);
	if (v.abi_version && v.abi_version < PGVEIL_ABI_VERSION)
		k->older = v.abi_version;
	if (v.abi_version && v.root_cgroup_id != root_id && hook_cgroup_lives(v.root_cgroup_id))
		return err_set(e, -EBUSY,
			"%s guards another cgroup (id %llu, wanted %llu): run `pgveil uninstall`", dir,
			(unsigned long long)v.root_cgroup_id, (unsigned long long)root_id);
	return 0;
}

static int load_with(struct kern *k, const char *dir, bool reach, struct err *e)
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
	hook_prepare(k->skel->obj);
	if (!reach)
		bpf_program__set_autoload(k->skel->progs.pgveil_unix_reach, false);
	r = k->older ? renew_begin(&k->renewal, k->skel->obj, dir, e) : 0;
	if (r)
		return r;
	r = pgveil_bpf__load(k->skel);
	return r ? err_set(e, r, "cannot load the BPF programs: %s (%s)", strerror(-r), said) : 0;
}

/* Locked memory is charged to the memory cgroup since 5.11, so the limit on it is not touched. */
static int load(struct kern *k, const char *dir, struct err *e)
{
	int r = load_with(k, dir, true, e);

	/* A kernel may allow a program on that hook and yet not take this one: what then is not refused,
	 * kern_unix_guard tells. */
	if (r && !k->older && k->skel && bpf_program__autoload(k->skel->progs.pgveil_unix_reach)) {
		pgveil_bpf__destroy(k->skel);
		k->skel = NULL;
		r = load_with(k, dir, false, e);
	}
	return !r && k->older ? renew_copy(&k->renewal, e) : r;
}

static int write_config(struct kern *k, uint64_t root_id, struct err *e)
{
	/* What fails in the middle is begun anew by the next: it must find the older version. */
	struct config_value v = {.abi_version = k->older ? k->older : PGVEIL_ABI_VERSION,
		.flow_quota = k->flow_quota,
		.root_cgroup_id = root_id};
	__u32 key = 0;
	int r = bpf_map_update_elem(bpf_map__fd(k->skel->maps.config), &key, &v, BPF_ANY);

	return r ? err_set(e, r, "config: %s", strerror(-r)) : 0;
}

static int on_event(void *ctx, void *data, size_t len)
{
	struct kern *k = ctx;

	if (len == sizeof(struct refusal_event) && k->fn)
		k->fn(k->arg, data);
	return ++k->nread < EVENTS_A_TURN ? 0 : -EAGAIN;
}

/* Whether this kernel has the hook: what it lacks was not loaded. */
static bool loaded(const struct kern *k, const struct hook *h)
{
	const struct bpf_program *prog = bpf_object__find_program_by_name(k->skel->obj, h->program);

	return !prog || bpf_program__autoload(prog);
}

static int attach_one(struct kern *k, size_t i, uint64_t root_id, struct err *e)
{
	const struct hook *h = hook_at(i);
	struct bpf_program *prog = bpf_object__find_program_by_name(k->skel->obj, h->program);
	char pin[PATH_MAX];
	int r = pin_path(pin, sizeof(pin), k->pin_dir, "links", h->pin, e);

	if (r)
		return r;
	return prog ? hook_attach(&k->links[i], h, prog, k->root, root_id, pin, e)
		    : err_set(e, -EINVAL, "the BPF object has no %s", h->program);
}

static int attach_all(struct kern *k, uint64_t root_id, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && hook_at(i); i++)
		if (loaded(k, hook_at(i)))
			r = attach_one(k, i, root_id, e);
	return r;
}

int kern_check(const struct kern *k, struct err *e)
{
	uint64_t root_id;
	int r = cgroup_id(k->root, &root_id, e);

	if (r)
		return r == -ENOENT ? err_set(e, -ESTALE, "%s was removed", k->root) : r;
	for (size_t i = 0; !r && hook_at(i); i++)
		if (loaded(k, hook_at(i)))
			r = hook_check(k->links[i], hook_at(i), k->root, root_id, e);
	return r;
}

int kern_attach_again(struct kern *k, struct err *e)
{
	uint64_t root_id;
	int r = cgroup_id(k->root, &root_id, e);

	if (!r)
		r = write_config(k, root_id, e);
	return r ? r : attach_all(k, root_id, e);
}

int kern_enforce(struct kern *k, const uint16_t *ports, unsigned nports, struct err *e)
{
	uint64_t root_id;
	int r = cgroup_id(k->root, &root_id, e);

	if (!r)
		r = write_config(k, root_id, e);
	/* Before the programs: a connect to a port that they do not know yet would get through. */
	for (unsigned i = 0; !r && i < nports; i++)
		r = kern_set_port(k, ports[i], e);
	if (!r)
		r = attach_all(k, root_id, e);
	if (r || !k->older)
		return r;
	r = renew_end(&k->renewal, k->pin_dir, kern_flows_fd(k), e);
	if (r)
		return r;
	k->older = 0;
	return write_config(k, root_id, e);
}

static int open_all(struct kern *k, const struct kern_config *cfg, uint64_t root_id, struct err *e)
{
	int r = check_pins(k, cfg->pin_dir, cfg->later, root_id, e);

	if (!r)
		r = load(k, cfg->pin_dir, e);
	if (!r) {
		k->shares = mmap(NULL, SHARES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(k->skel->maps.unix_shares), 0);
		if (k->shares == MAP_FAILED) {
			k->shares = NULL;
			r = err_set(e, -errno, "unix_shares: %m");
		}
	}
	if (!r) {
		k->events = ring_buffer__new(bpf_map__fd(k->skel->maps.events), on_event, k, NULL);
		if (!k->events)
			r = err_set(e, -errno, "events: %m");
	}
	return r || cfg->later ? r : kern_enforce(k, cfg->ports, cfg->nports, e);
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
	k->flow_quota = cfg->flow_quota;
	r = k->pin_dir && k->root ? pin_make_dir(cfg->pin_dir, &fresh, e)
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
	for (size_t i = 0; hook_at(i); i++)
		bpf_link__destroy(k->links[i]);
	ring_buffer__free(k->events);
	if (k->shares)
		munmap((void *)k->shares, SHARES_BYTES);
	renew_fini(&k->renewal);
	pgveil_bpf__destroy(k->skel);
	free(k->pin_dir);
	free(k->root);
	free(k);
}

int kern_uninstall(const char *pin_dir, struct err *e)
{
	if (access(pin_dir, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (!pin_on_bpffs(pin_dir))
		return err_set(e, -ENODEV, "%s is not on a bpf file system", pin_dir);
	libbpf_set_print(listen_to_libbpf);
	return pin_remove_all(pin_dir, e);
}

int kern_set_cgroup(struct kern *k, uint64_t cgroup_id_, enum cgroup_state state, struct err *e)
{
	struct cgroup_value v = {.state = state};

	return map_put(k->skel->maps.cgroups, &cgroup_id_, &v, e);
}

int kern_enrol_cgroup(struct kern *k, uint64_t cgroup_id_, enum foreign_postgres foreign, struct err *e)
{
	struct cgroup_value v = {.state = CGROUP_ENROLLED, .foreign = foreign};

	return map_put(k->skel->maps.cgroups, &cgroup_id_, &v, e);
}

/* What is counted of cgroups that are classified no more, once their last flow is gone: none is added to
 * them. */
static void forget_quotas(struct kern *k)
{
	int quotas = bpf_map__fd(k->skel->maps.quotas), cgroups = bpf_map__fd(k->skel->maps.cgroups);
	struct quota_key key, next;
	struct cgroup_value state;
	struct quota_value v;
	int more = bpf_map_get_next_key(quotas, NULL, &next);

	while (!more) {
		key = next;
		more = bpf_map_get_next_key(quotas, &key, &next);
		if (key.subject_cgroup_id && bpf_map_lookup_elem(quotas, &key, &v) == 0 && v.flows == 0 &&
			bpf_map_lookup_elem(cgroups, &key.subject_cgroup_id, &state) == -ENOENT)
			map_take(k->skel->maps.quotas, &key, NULL);
	}
}

void kern_forget_cgroup(struct kern *k, uint64_t cgroup_id_)
{
	map_take(k->skel->maps.cgroups, &cgroup_id_, NULL);
	forget_quotas(k);
}

int kern_keep_cgroups(struct kern *k, const uint64_t *ids, unsigned n, struct err *e)
{
	int r = map_keep(k->skel->maps.cgroups, ids, n, e);

	forget_quotas(k);
	return r;
}

int kern_set_uid(struct kern *k, uint32_t uid, enum cgroup_state state, struct err *e)
{
	struct cgroup_value v = {.state = state};

	return map_put(k->skel->maps.uids, &uid, &v, e);
}

void kern_forget_uid(struct kern *k, uint32_t uid)
{
	map_take(k->skel->maps.uids, &uid, NULL);
}

int kern_replace_uids(struct kern *k, const uint32_t *uids, unsigned n, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; !r && i < n; i++)
		r = kern_set_uid(k, uids[i], CGROUP_ENROLLED, e);
	return r ? r : map_keep(k->skel->maps.uids, uids, n, e);
}

int kern_set_port(struct kern *k, uint16_t port, struct err *e)
{
	__u8 yes = 1;

	return port ? map_put(k->skel->maps.ports, &port, &yes, e) : err_set(e, -EINVAL, "0 is not a port");
}

int kern_replace_ports(struct kern *k, const uint16_t *ports, unsigned n, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; !r && i < n; i++)
		r = kern_set_port(k, ports[i], e);
	return r ? r : map_keep(k->skel->maps.ports, ports, n, e);
}

int kern_set_listener(struct kern *k, uint64_t netns_cookie, struct listener_value v, struct err *e)
{
	return map_put(k->skel->maps.listeners, &netns_cookie, &v, e);
}

void kern_forget_listener(struct kern *k, uint64_t netns_cookie)
{
	map_take(k->skel->maps.listeners, &netns_cookie, NULL);
	map_take(k->skel->maps.unix_listeners, &netns_cookie, NULL);
}

void kern_forget_listeners(struct kern *k)
{
	map_keep(k->skel->maps.listeners, NULL, 0, NULL);
	map_keep(k->skel->maps.unix_listeners, NULL, 0, NULL);
}

int kern_cgroup_state(const struct kern *k, uint64_t cgroup_id_, enum cgroup_state *out)
{
	struct cgroup_value v;
	int r = bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.cgroups), &cgroup_id_, &v);

	if (!r)
		*out = v.state <= CGROUP_DENIED ? (enum cgroup_state)v.state : CGROUP_UNKNOWN;
	return r;
}

void kern_each_cgroup(
	const struct kern *k, void (*fn)(void *arg, uint64_t cgroup_id, enum cgroup_state state), void *arg)
{
	int fd = bpf_map__fd(k->skel->maps.cgroups);
	enum cgroup_state state;
	uint64_t id, last;
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : &last, &id) == 0) {
		if (!kern_cgroup_state(k, id, &state))
			fn(arg, id, state);
		last = id;
		first = false;
	}
}

int kern_listener(const struct kern *k, uint64_t netns_cookie, struct listener_value *out)
{
	return bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.listeners), &netns_cookie, out);
}

void kern_each_port(const struct kern *k, void (*fn)(void *arg, uint16_t port), void *arg)
{
	int fd = bpf_map__fd(k->skel->maps.ports);
	uint16_t port, last;
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : &last, &port) == 0) {
		fn(arg, port);
		last = port;
		first = false;
	}
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
	k->nread = 0;
	/* Those that are left are read in the next turn: what they are read by is readable yet. */
	if (ring_buffer__consume(k->events) < 0)
		k->fn = NULL;
	k->fn = NULL;
}

int kern_flows_fd(const struct kern *k)
{
	return bpf_map__fd(k->skel->maps.flows);
}

enum unix_guard kern_unix_guard(const struct kern *k)
{
	bool capture = bpf_program__autoload(k->skel->progs.pgveil_unix_connect);
	bool reach = bpf_program__autoload(k->skel->progs.pgveil_unix_reach);

	if (capture)
		return reach ? UNIX_GUARD_FULL : UNIX_GUARD_CAPTURE;
	return reach ? UNIX_GUARD_REFUSE : UNIX_GUARD_NONE;
}

const char *unix_guard_name(enum unix_guard g)
{
	switch (g) {
	case UNIX_GUARD_NONE: return "none";
	case UNIX_GUARD_REFUSE: return "refused";
	case UNIX_GUARD_CAPTURE: return "captured by name";
	case UNIX_GUARD_FULL: return "captured";
	}
	return "none";
}

int kern_set_unix_listener(
	struct kern *k, uint64_t netns_cookie, const struct unix_listener_value *v, struct err *e)
{
	return map_put(k->skel->maps.unix_listeners, &netns_cookie, v, e);
}

int kern_unix_flows_fd(const struct kern *k)
{
	return bpf_map__fd(k->skel->maps.unix_flows);
}

_Atomic uint64_t *kern_unix_shares(const struct kern *k)
{
	return k->shares;
}
