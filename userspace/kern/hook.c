/* SPDX-License-Identifier: MIT */
#include "kern/hook.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "kern/cgroup.h"

/* Newer than the headers that we build with (Linux 6.7), and so is the function that makes them useful. */
#define UNIX_CONNECT     ((enum bpf_attach_type)49)
#define UNIX_GETPEERNAME ((enum bpf_attach_type)52)
#define SET_SUN_PATH     "bpf_sock_addr_set_sun_path"
#define REACH_UNIX       "bpf_lsm_unix_stream_connect"

/* The hooks in the order of attaching: whoever is refused or turned by connect must have had its birth
 * recorded, and its flow must be recorded from the first turned connect on. */
static const struct hook hooks[] = {
	{"birth", "pgveil_birth", BPF_CGROUP_INET_SOCK_CREATE},
	{"sockops", "pgveil_sockops", BPF_CGROUP_SOCK_OPS},
	{"getpeername4", "pgveil_peer4", BPF_CGROUP_INET4_GETPEERNAME},
	{"getpeername6", "pgveil_peer6", BPF_CGROUP_INET6_GETPEERNAME},
	{"egress", "pgveil_egress", BPF_CGROUP_INET_EGRESS},
	{"connect4", "pgveil_connect4", BPF_CGROUP_INET4_CONNECT},
	{"connect6", "pgveil_connect6", BPF_CGROUP_INET6_CONNECT},
	{"getpeername_unix", "pgveil_unix_peer", UNIX_GETPEERNAME, SET_SUN_PATH,
		BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
	{"connect_unix", "pgveil_unix_connect", UNIX_CONNECT, SET_SUN_PATH, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
	{"reach_unix", "pgveil_unix_reach", BPF_LSM_CGROUP, REACH_UNIX},
};

_Static_assert(ARRAY_LEN(hooks) <= HOOKS_MAX, "who holds the links has room for all");

const struct hook *hook_at(size_t i)
{
	return i < ARRAY_LEN(hooks) ? &hooks[i] : NULL;
}

/* Whether a program may be put on a hook of the BPF LSM, which kernels may have and yet forbid. */
static bool lsm_allowed(int function)
{
	static const struct bpf_insn allow[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT}};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_CGROUP,
		.attach_btf_id = (__u32)function);
	int fd = bpf_prog_load(
		BPF_PROG_TYPE_LSM, "pgveil_try", "Dual MIT/GPL", allow, ARRAY_LEN(allow), &opts);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Whether this kernel has what h needs. */
static bool possible(const struct hook *h, const struct btf *kernel)
{
	int function;

	if (!h->needs)
		return true;
	function = kernel ? btf__find_by_name_kind(kernel, h->needs, BTF_KIND_FUNC) : -ENOENT;
	return function > 0 && (h->type != BPF_LSM_CGROUP || lsm_allowed(function));
}

void hook_prepare(struct bpf_object *obj)
{
	struct btf *kernel = btf__load_vmlinux_btf();

	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(obj, hooks[i].program);

		if (!prog)
			continue;
		if (!possible(&hooks[i], kernel)) {
			bpf_program__set_autoload(prog, false);
		} else if (hooks[i].named) {
			bpf_program__set_type(prog, hooks[i].named);
			bpf_program__set_expected_attach_type(prog, hooks[i].type);
		}
	}
	btf__free(kernel);
}

bool hook_cgroup_lives(uint64_t id)
{
	char mount[PATH_MAX], path[PATH_MAX];

	return id && (cgroup_mount(mount, sizeof(mount), NULL) ||
			     cgroup_path(mount, mount, id, path, sizeof(path), NULL) != -ENOENT);
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

static int attach(struct bpf_link **link, const struct hook *h, const struct bpf_program *prog,
	const char *root, const char *pin, struct err *e)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", root);
	/* A link is BPF_F_ALLOW_MULTI by nature: others may attach below and beside. */
	*link = bpf_program__attach_cgroup(prog, fd);
	r = *link ? 0 : -errno;
	close(fd);
	if (r == -EPERM)
		return explain_eperm(root, h, e);
	if (r)
		return err_set(e, r, "%s on %s: %s", h->pin, root, strerror(-r));
	r = bpf_link__pin(*link, pin);
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
static int discard(struct bpf_link **link, const char *pin, struct err *e)
{
	int r;

	/* Fails where it is detached already. */
	(void)bpf_link__detach(*link);
	bpf_link__destroy(*link);
	*link = NULL;
	r = unlink(pin) < 0 && errno != ENOENT ? -errno : 0;
	return r ? err_set(e, r, "%s: %s", pin, strerror(-r)) : -ENOENT;
}

/* -ENOENT: nothing to adopt. A link that somebody has detached by force, or whose cgroup was removed, counts
 * as nothing. */
static int adopt(struct bpf_link **held, const struct hook *h, struct bpf_program *prog, uint64_t root_id,
	const char *pin, struct err *e)
{
	struct bpf_link *link = bpf_link__open(pin);
	struct bpf_link_info info;
	int r;

	if (!link)
		return errno == ENOENT ? -ENOENT : err_set(e, -errno, "%s: %m", pin);
	*held = link;
	r = link_info(link, &info, pin, e);
	if (r)
		return r;
	if (info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id != root_id &&
		!hook_cgroup_lives(info.cgroup.cgroup_id))
		return discard(held, pin, e);
	if (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id != root_id ||
		info.cgroup.attach_type != h->type)
		return err_set(
			e, -EBUSY, "%s is not attached where it should be: run `pgveil uninstall`", pin);
	r = bpf_link__update_program(link, prog);
	return r ? err_set(e, r == -ENOENT ? -EIO : r, "%s: cannot replace the program: %s", pin,
			   strerror(-r))
		 : 0;
}

int hook_attach(struct bpf_link **link, const struct hook *h, struct bpf_program *prog, const char *root,
	uint64_t root_id, const char *pin, struct err *e)
{
	int r;

	bpf_link__destroy(*link); /* the pin keeps it */
	*link = NULL;
	r = adopt(link, h, prog, root_id, pin, e);
	return r == -ENOENT ? attach(link, h, prog, root, pin, e) : r;
}

int hook_check(
	const struct bpf_link *link, const struct hook *h, const char *root, uint64_t root_id, struct err *e)
{
	struct bpf_link_info info;
	int r;

	if (!link)
		return err_set(e, -ESTALE, "%s: %s is not attached", root, h->pin);
	r = link_info(link, &info, h->pin, e);
	if (r)
		return r;
	if (info.cgroup.cgroup_id != root_id)
		return err_set(e, -ESTALE, "%s: %s is attached to %s (id %llu, wanted %llu)", root, h->pin,
			info.cgroup.cgroup_id ? "another cgroup" : "nothing",
			(unsigned long long)info.cgroup.cgroup_id, (unsigned long long)root_id);
	return 0;
}
