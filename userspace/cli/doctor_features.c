/* SPDX-License-Identifier: MIT */
/* What the kernel must have is tried, not concluded from its version: distributions carry features back.
 * Helpers and maps are tried by bpftool, hooks by loading a program that does nothing for each. */
#include "cli/finding.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cli/bpftool.h"

#define REMEDY "use a kernel of 6.1 or newer with CONFIG_CGROUP_BPF"

/* linux/bpf.h of 6.7; older ones have no name for it. */
#define UNIX_CONNECT 49

static void check_btf(struct findings *f)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		finding_add(f, FINDING_OK, "btf", NULL, "the kernel tells its types");
	else
		finding_add(f, FINDING_FAIL, "btf", "use a kernel built with CONFIG_DEBUG_INFO_BTF",
			"/sys/kernel/btf/vmlinux: %s", strerror(errno));
}

/* 0, or why the kernel takes no program of this type for this hook: "return 1". */
static int try_hook(enum bpf_prog_type type, unsigned hook)
{
	static const struct bpf_insn allow[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attr = {.prog_type = type,
		.expected_attach_type = hook,
		.insns = (uintptr_t)allow,
		.insn_cnt = sizeof(allow) / sizeof(allow[0]),
		.license = (uintptr_t) "MIT"};
	int fd = (int)syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void check_hooks(struct findings *f)
{
	static const struct {
		const char *name;
		enum bpf_prog_type type;
		unsigned hook;
		const char *without; /* what then is not done; NULL: nothing works */
	} hooks[] = {
		{"sock_create", BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, NULL},
		{"connect4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, NULL},
		{"connect6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT, NULL},
		{"getpeername4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_GETPEERNAME, NULL},
		{"getpeername6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_GETPEERNAME, NULL},
		{"sockops", BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, NULL},
		{"egress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, NULL},
		{"connect_unix", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, UNIX_CONNECT,
			"connects to unix sockets are not seen"},
	};
	int r;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		r = try_hook(hooks[i].type, hooks[i].hook);
		if (r == -EPERM) {
			finding_add(f, FINDING_WARN, "hooks", "run doctor as root", "not tried: %s",
				strerror(-r));
			return;
		}
		if (r && hooks[i].without)
			finding_add(f, FINDING_WARN, "hooks", "use a kernel of 6.7 or newer",
				"no program on %s: %s", hooks[i].name, hooks[i].without);
		else if (r)
			finding_add(f, FINDING_FAIL, "hooks", REMEDY, "no program on %s: %s", hooks[i].name,
				strerror(-r));
	}
}

static bool is_in(const json_t *list, const char *name)
{
	json_t *x;
	size_t i;

	json_array_foreach((json_t *)list, i, x)
	{
		if (json_is_string(x) && strcmp(json_string_value(x), name) == 0)
			return true;
	}
	return false;
}

static void check_maps(struct findings *f, const json_t *probe)
{
	static const char *const maps[][2] = {{"have_hash_map_type", "hash maps"},
		{"have_sk_storage_map_type", "storage in sockets"}, {"have_ringbuf_map_type", "ring buffers"},
		{"have_percpu_array_map_type", "arrays for each processor"}};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (!json_is_true(json_object_get(json_object_get(probe, "map_types"), maps[i][0])))
			finding_add(f, FINDING_FAIL, "maps", REMEDY, "no %s", maps[i][1]);
}

/* Those that came last; what is older the hooks have anyway. */
static void check_helpers(struct findings *f, const json_t *probe)
{
	static const struct {
		const char *type, *where, *helper;
	} needed[] = {
		{"cgroup_sock", "sock_create", "bpf_sk_storage_get"},
		{"cgroup_sock", "sock_create", "bpf_get_current_ancestor_cgroup_id"},
		{"cgroup_sock", "sock_create", "bpf_get_netns_cookie"},
		{"cgroup_sock", "sock_create", "bpf_ringbuf_reserve"},
		{"cgroup_sock", "sock_create", "bpf_set_retval"},
		{"cgroup_skb", "egress", "bpf_sk_storage_get"},
		{"cgroup_skb", "egress", "bpf_skb_ancestor_cgroup_id"},
		{"cgroup_skb", "egress", "bpf_ringbuf_reserve"},
		{"cgroup_sock_addr", "connect", "bpf_sk_storage_get"},
		{"cgroup_sock_addr", "connect", "bpf_get_current_cgroup_id"},
		{"cgroup_sock_addr", "connect", "bpf_get_netns_cookie"},
		{"cgroup_sock_addr", "connect", "bpf_ringbuf_reserve"},
		{"cgroup_sock_addr", "connect", "bpf_set_retval"},
		{"sock_ops", "sockops", "bpf_sk_storage_get"},
		{"sock_ops", "sockops", "bpf_get_netns_cookie"},
	};
	const json_t *helpers = json_object_get(probe, "helpers");
	char key[64];

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		snprintf(key, sizeof(key), "%s_available_helpers", needed[i].type);
		if (!is_in(json_object_get(helpers, key), needed[i].helper))
			finding_add(f, FINDING_FAIL, "helpers", REMEDY, "a program on %s cannot use %s",
				needed[i].where, needed[i].helper);
	}
}

void doctor_features(struct findings *f)
{
	unsigned before = f->n[FINDING_FAIL];
	json_t *probe = NULL;
	struct err e = {0};

	check_btf(f);
	check_hooks(f);
	if (bpftool_run((const char *const[]){"feature", "probe", "kernel", NULL}, &probe, &e)) {
		finding_add(f, FINDING_WARN, "helpers", "install bpftool and run doctor as root",
			"not tried: %s", e.msg);
		return;
	}
	check_maps(f, probe);
	check_helpers(f, probe);
	json_decref(probe);
	if (f->n[FINDING_FAIL] == before)
		finding_add(f, FINDING_OK, "bpf", NULL,
			"hooks, maps and helpers are there; attaching is proved by the daemon that runs");
}
