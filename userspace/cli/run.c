/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>
#include "base/attr.h"
#include "cli/client.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "pgveil run knows no system call numbers of this machine"
#endif
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0) /* of an argument's 64 bits */

const char run_help[] =
	"usage: pgveil run [--uid USER] [--gid GROUP] -- COMMAND [ARGUMENT]...\n"
	"\n"
	"Runs a command in a new cgroup whose connections to PostgreSQL go through pgveild.\n"
	"Needs root and the daemon. The cgroup is run-NUMBER.scope below the guarded one; a policy\n"
	"must name it, for instance with  cgroup: \"/pgveil.slice/run-*.scope\"\n"
	"\n"
	"  --uid USER    a name or a number: the command runs as this user, without "
	"supplementary groups, and neither it nor\n"
	"                its children can gain privileges (no_new_privs),\n"
	"                nor type into the terminal that it was started from (seccomp: TIOCSTI, TIOCLINUX)\n"
	"  --gid GROUP   its group (default: the user's own)\n"
	"\n"
	"Without --uid the command keeps your uid, and then the cgroup does not confine it: "
	"a process of the same uid can\n"
	"have something started outside of it by systemd-run, cron, or a container engine's "
	"socket, or be moved out.\n";

struct target {
	bool set;
	uid_t uid;
	gid_t gid;
	const struct passwd *user; /* NULL for a number that nobody has */
};

static int parse_id(const char *s, unsigned *out)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || v >= 0xffffffffu)
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

static int find_user(struct target *t, const char *name)
{
	unsigned id;

	t->set = true;
	if (parse_id(name, &id) == 0) {
		t->uid = id;
		t->user = getpwuid(id);
	} else {
		t->user = getpwnam(name);
		if (!t->user)
			return -ENOENT;
		t->uid = t->user->pw_uid;
	}
	t->gid = t->user ? t->user->pw_gid : t->uid;
	return 0;
}

static int find_group(const char *name, gid_t *out)
{
	const struct group *g;
	unsigned id;

	if (parse_id(name, &id) == 0) {
		*out = id;
		return 0;
	}
	g = getgrnam(name);
	if (!g)
		return -ENOENT;
	*out = g->gr_gid;
	return 0;
}

/* Where the kernel says that we are now. */
static bool is_in(const char *cgroup)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[8192];
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		found |= strncmp(line, "0::", 3) == 0 && strcmp(line + 3, cgroup) == 0;
	}
	if (f)
		fclose(f);
	return found;
}

static int enter(const struct settings *s)
{
	json_t *answer = NULL;
	struct err e = {0};
	int r = client_call(s->run_dir, "POST", "/v1/run", NULL, &answer, &e);
	const char *cgroup = json_string_value(json_object_get(answer, "cgroup"));

	if (!r && (!cgroup || !is_in(cgroup)))
		r = err_set(&e, -EPROTO, "the daemon enrolled a cgroup, but this process is not in it");
	if (r)
		fprintf(stderr, "pgveil: %s\n", e.msg);
	json_decref(answer);
	return r;
}

/* The command has root's controlling terminal: it could type there (TIOCSTI), or paste (TIOCLINUX), what
 * root's shell then runs. The kernel reads 32 bits of the request, so only these are compared. Of the other
 * system call tables of one machine, x32 has its own number, and those of 32 bits have 54 (i386, arm). */
static int forbid_typing(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 54, 4, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40000000 | 514, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {.len = ARRAY_LEN(code), .filter = code};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0 ? -errno : 0;
}

/* For good: real, effective and saved ids, no groups, no way back. */
static int drop(const struct target *t)
{
	if (setgroups(0, NULL) < 0 || setresgid(t->gid, t->gid, t->gid) < 0 ||
		setresuid(t->uid, t->uid, t->uid) < 0)
		return -errno;
	if (t->uid != 0 && (setuid(0) == 0 || getuid() != t->uid || geteuid() != t->uid))
		return -EPERM;
	if (t->user) {
		setenv("HOME", t->user->pw_dir, 1);
		setenv("USER", t->user->pw_name, 1);
		setenv("LOGNAME", t->user->pw_name, 1);
	}
	return 0;
}

static int become(const struct target *t, char **argv)
{
	int r;

	/* A descriptor of ours could be a way out: a connection, a directory of cgroups. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
		fprintf(stderr, "pgveil: descriptors cannot be closed: %m\n");
		return 1;
	}
	if (t->set) {
		r = drop(t);
		if (!r && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			r = -errno;
		if (!r)
			r = forbid_typing();
		if (r) {
			fprintf(stderr, "pgveil: the other user cannot be become: %s\n", strerror(-r));
			return 1;
		}
	}
	execvp(argv[0], argv);
	r = errno;
	fprintf(stderr, "pgveil: %s: %s\n", argv[0], strerror(r));
	return r == ENOENT ? 127 : 126;
}

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "pgveil run: %s %s is not known\n", what, value);
	return 2;
}

int cli_run(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"uid", required_argument, NULL, 'u'},
		{"gid", required_argument, NULL, 'g'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *group = NULL;
	struct target t = {0};
	int c;

	while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		if (c == 'h') {
			fputs(run_help, stdout);
			return 0;
		}
		if (c == '?')
			return 2;
		if (c == 'u' && find_user(&t, optarg))
			return usage_error("user", optarg);
		if (c == 'g')
			group = optarg;
	}
	if (optind == argc || (group && !t.set)) {
		fputs(run_help, stderr);
		return 2;
	}
	if (group && find_group(group, &t.gid))
		return usage_error("group", group);
	if (!t.set || t.uid == getuid())
		fputs("pgveil: no other --uid: this does not confine the command. A process of the same uid "
		      "can leave its\n"
		      "pgveil: cgroup through systemd-run, cron or a container engine's socket.\n",
			stderr);
	if (enter(s))
		return 1;
	return become(&t, argv + optind);
}
