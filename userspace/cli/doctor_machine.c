/* SPDX-License-Identifier: MIT */
#include "cli/finding.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include "cli/bpftool.h"

#define FILES_FEW  20000u
#define BUILT_AT_S 1735689600 /* 2025-01-01: no clock that is right shows less */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- cgroups and bpffs ---- */

/* The first mount of a type, from /proc/self/mountinfo: "… - cgroup2 …" after its fifth word. */
static bool mount_of(const char *type, char *out, size_t cap)
{
	char line[4096], at[PATH_MAX], tail[64];
	FILE *m = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	snprintf(tail, sizeof(tail), " - %s ", type);
	while (m && !found && fgets(line, sizeof(line), m)) {
		if (strstr(line, tail) && sscanf(line, "%*s %*s %*s %*s %4095s", at) == 1) {
			snprintf(out, cap, "%s", at);
			found = true;
		}
	}
	if (m)
		fclose(m);
	return found;
}

static void check_cgroups(struct findings *f)
{
	char at[PATH_MAX], v1[PATH_MAX];

	if (!mount_of("cgroup2", at, sizeof(at)))
		finding_add(f, FINDING_FAIL, "cgroup",
			"mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with "
			"systemd.unified_cgroup_hierarchy=1",
			"cgroup v2 is not mounted");
	else if (mount_of("cgroup", v1, sizeof(v1)))
		finding_add(f, FINDING_OK, "cgroup", NULL,
			"cgroup v2 is at %s beside version 1 (hybrid): a container must be in a cgroup of "
			"both",
			at);
	else
		finding_add(f, FINDING_OK, "cgroup", NULL, "cgroup v2 is at %s", at);
}

/* As process pid sees it (0: this one). In a container of its own, a bpffs of its own ends with it, and the
 * pins with that. */
static bool is_hosts(const char *dir, json_int_t pid)
{
	char ours[PATH_MAX + 64], line[4096];
	FILE *m = fopen("/proc/1/mountinfo", "re");
	unsigned major_, minor_;
	bool found = false;
	struct stat st;

	snprintf(ours, sizeof(ours), "/proc/self/root%s", dir);
	if (pid)
		snprintf(ours, sizeof(ours), "/proc/%" JSON_INTEGER_FORMAT "/root%s", pid, dir);
	while (m && stat(ours, &st) == 0 && !found && fgets(line, sizeof(line), m))
		found = strstr(line, " - bpf ") && sscanf(line, "%*s %*s %u:%u", &major_, &minor_) == 2 &&
			makedev(major_, minor_) == st.st_dev;
	if (m)
		fclose(m);
	return found;
}

static void check_bpffs(struct findings *f, const char *pin_dir, json_int_t pid)
{
	char dir[PATH_MAX], *slash;
	struct statfs fs;

	snprintf(dir, sizeof(dir), "%s", pin_dir);
	while (statfs(dir, &fs) < 0 && errno == ENOENT && (slash = strrchr(dir, '/')) && slash != dir)
		*slash = '\0';
	if (statfs(dir, &fs) < 0 || fs.f_type != BPF_FS_MAGIC)
		finding_add(f, FINDING_FAIL, "bpffs", "mount -t bpf bpf /sys/fs/bpf",
			"%s is not on a BPF file system", pin_dir);
	else if (!is_hosts(dir, pid))
		finding_add(f, FINDING_FAIL, "bpffs",
			"mount the host's /sys/fs/bpf into the container, and see pid 1 of "
			"the host (pid: host)",
			"%s is not known to be the host's: its pins may end with this mount namespace, so "
			"pgveild does not start",
			dir);
	else
		finding_add(f, FINDING_OK, "bpffs", NULL, "%s is the host's", dir);
}

static bool is_ours(const char *name)
{
	return strncmp(name, "pgveil_", 7) == 0;
}

static bool is_our_hook(const char *type)
{
	static const char *const part[] = {"connect4", "connect6", "inet4_connect", "inet6_connect",
		"sock_create", "sock_ops", "getpeername", "inet_egress", "connect_unix"};

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (strstr(type, part[i]))
			return true;
	return false;
}

static void look_at(struct findings *f, const char *dir, unsigned *ours, unsigned *others)
{
	json_t *list = NULL, *x;
	struct err e;
	size_t i;

	if (bpftool_run((const char *const[]){"cgroup", "show", dir, NULL}, &list, &e))
		return;
	json_array_foreach(list, i, x)
	{
		if (is_ours(text(x, "name"))) {
			++*ours;
			continue;
		}
		if (!is_our_hook(text(x, "attach_type")))
			continue;
		++*others;
		if (!strstr(text(x, "attach_flags"), "multi"))
			finding_add(f, FINDING_FAIL, "programs",
				"have its owner attach it with BPF_F_ALLOW_MULTI",
				"%s: program %s on %s suffers none beside it", dir, text(x, "name"),
				text(x, "attach_type"));
	}
	json_decref(list);
}

/* On the guarded cgroup and above it: a program there that denies, or rewrites addresses after ours. */
static void check_programs(struct findings *f, const json_t *status)
{
	char dir[PATH_MAX], mount[PATH_MAX], *slash;
	unsigned ours = 0, others = 0;

	if (!mount_of("cgroup2", mount, sizeof(mount)))
		return;
	snprintf(dir, sizeof(dir), "%s", status ? text(status, "guarded") : mount);
	while (strlen(dir) >= strlen(mount)) {
		look_at(f, dir, &ours, &others);
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	if (status && json_is_string(json_object_get(status, "unguarded")))
		finding_add(f, FINDING_FAIL, "programs", "restart pgveild; see its log", "not guarded: %s",
			text(status, "unguarded"));
	if (others)
		finding_add(f, FINDING_WARN, "programs",
			"see that they do not rewrite or refuse connects to databases "
			"(bpftool cgroup tree)",
			"%u programs of others on the same hooks", others);
	else
		finding_add(f, FINDING_OK, "programs", NULL, "%u of pgveil, none of others on the same hooks",
			ours);
}

static void check_pins(struct findings *f, const char *pin_dir, const json_t *status)
{
	char links[PATH_MAX];

	snprintf(links, sizeof(links), "%s/links", pin_dir);
	if (!status && access(links, F_OK) == 0)
		finding_add(f, FINDING_FAIL, "pins", "start pgveild, or `pgveil uninstall` to stop guarding",
			"%s is there and no daemon answers: connects of enrolled cgroups are refused", links);
}

/* ---- the daemon's process ---- */

static bool line_of(const char *path, const char *prefix, char *out, size_t cap)
{
	FILE *p = fopen(path, "re");
	bool found = false;

	while (p && !found && fgets(out, (int)cap, p))
		found = strncmp(out, prefix, strlen(prefix)) == 0;
	if (p)
		fclose(p);
	return found;
}

static void check_capabilities(struct findings *f, const char *proc)
{
	static const struct {
		unsigned bit;
		const char *name, *why;
	} needed[] = {{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
			      "loads its programs and enters the agents' network namespaces"},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "finds the network namespace of another user's process"}};
	char path[64], line[256];
	uint64_t set = 0;
	bool all = true;

	snprintf(path, sizeof(path), "%s/status", proc);
	if (!line_of(path, "CapEff:", line, sizeof(line)) || sscanf(line, "CapEff: %" SCNx64, &set) != 1)
		return;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (set & (UINT64_C(1) << needed[i].bit))
			continue;
		all = false;
		finding_add(f, FINDING_FAIL, "capabilities",
			"see CapabilityBoundingSet in deploy/systemd/pgveild.service",
			"the daemon has no %s, by which it %s", needed[i].name, needed[i].why);
	}
	if (all)
		finding_add(f, FINDING_OK, "capabilities", NULL, "the daemon has those that it needs");
}

static void check_files(struct findings *f, const char *proc)
{
	char path[64], line[256];
	unsigned long soft = 0;

	snprintf(path, sizeof(path), "%s/limits", proc);
	if (!line_of(path, "Max open files", line, sizeof(line)))
		return;
	if (sscanf(line, "Max open files %lu", &soft) == 1 && soft < FILES_FEW)
		finding_add(f, FINDING_WARN, "files", "LimitNOFILE=1048576 in the unit, or ulimit -n",
			"the daemon may have %lu files open, and each session needs two", soft);
	else
		finding_add(f, FINDING_OK, "files", NULL, "enough for many sessions");
}

static void check_clock(struct findings *f)
{
	struct timex t = {.modes = 0};
	int state = adjtimex(&t);

	if (time(NULL) < BUILT_AT_S)
		finding_add(f, FINDING_FAIL, "clock", "set the clock",
			"it is before 2025 here: no certificate can be verified");
	else if (state < 0 || t.status & STA_UNSYNC)
		finding_add(f, FINDING_WARN, "clock", "run chrony or systemd-timesyncd",
			"nothing keeps the clock: times in logs, and of certificates, may be wrong");
	else
		finding_add(f, FINDING_OK, "clock", NULL, "kept by somebody");
}

void doctor_machine(struct findings *f, const char *pin_dir, const json_t *status)
{
	char proc[32];

	doctor_features(f);
	check_cgroups(f);
	check_bpffs(f, status ? text(status, "pin_dir") : pin_dir,
		json_integer_value(json_object_get(status, "pid")));
	check_programs(f, status);
	check_pins(f, pin_dir, status);
	if (status) {
		snprintf(proc, sizeof(proc), "/proc/%" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(status, "pid")));
		check_capabilities(f, proc);
		check_files(f, proc);
	}
	check_clock(f);
}
