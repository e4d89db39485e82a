/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/made.h"
#include "cli/bpftool.h"
#include "cli/client.h"

#define LINKS_MAX 64
#define WAIT_MS   5000
#define POLL_MS   20

const char uninstall_help[] =
	"usage: pgveil uninstall [--unless-enrolled] [--force]\n"
	"\n"
	"Takes pgveil out of the kernel: detaches its programs and removes everything it pinned. From then "
	"on nobody is\n"
	"captured and nobody refused. The daemon must not be running. The cgroups that pgveil run made go "
	"too, where nobody\n"
	"lives in them any more.\n"
	"\n"
	"  --unless-enrolled  not while a cgroup lives that is enrolled or denied: it would reach the "
	"databases as "
	"they are\n"
	"  --force            also then, and while the daemon is running, which is of no use to it "
	"afterwards\n";

struct links { /* kernel ids of what was pinned */
	json_int_t id[LINKS_MAX];
	unsigned n;
	json_int_t root;   /* the guarded cgroup; 0: none was found */
	unsigned lived_in; /* cgroups of `pgveil run` that have processes */
};

/* The daemon holds a lock on the directory for as long as it lives. */
static bool daemon_lives(const struct settings *s)
{
	int fd = open(s->pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	json_t *answer = NULL;
	struct err e = {0};

	if (fd >= 0)
		close(fd);
	if (!locked)
		locked = client_call(s->run_dir, "GET", "/v1/status", NULL, &answer, &e) == 0 &&
			 strcmp(json_string_value(json_object_get(answer, "pin_dir"))
					 ? json_string_value(json_object_get(answer, "pin_dir"))
					 : "",
				 s->pin_dir) == 0;
	json_decref(answer);
	return locked;
}

static json_int_t link_id(json_t *shown)
{
	json_t *o = json_is_array(shown) ? json_array_get(shown, 0) : shown;

	return json_integer_value(json_object_get(o, "id"));
}

static json_int_t root_of(json_t *shown)
{
	json_t *o = json_is_array(shown) ? json_array_get(shown, 0) : shown;

	return json_integer_value(json_object_get(o, "cgroup_id"));
}

static int remove_link(const char *path, struct links *l, struct err *e)
{
	json_t *shown = NULL;
	int r = bpftool_run((const char *const[]){"link", "show", "pinned", path, NULL}, &shown, e);

	if (r)
		return r;
	if (l->n < LINKS_MAX)
		l->id[l->n++] = link_id(shown);
	if (root_of(shown))
		l->root = root_of(shown);
	json_decref(shown);
	/* Detached by force first: somebody else may hold the link, and then unpinning would leave it in
	 * force. */
	r = bpftool_run((const char *const[]){"link", "detach", "pinned", path, NULL}, &shown, e);
	json_decref(shown);
	if (!r && unlink(path) < 0)
		r = err_set(e, -errno, "%s: %m", path);
	return r;
}

static int remove_map(const char *path, struct links *l, struct err *e)
{
	(void)l;
	return unlink(path) < 0 ? err_set(e, -errno, "%s: %m", path) : 0;
}

static int each_pin(const char *dir, const char *sub,
	int (*fn)(const char *path, struct links *l, struct err *e), struct links *l, struct err *e)
{
	char path[PATH_MAX], pin[PATH_MAX];
	struct dirent *ent;
	int r = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %m", path);
	while (!r && (ent = readdir(d))) {
		if (ent->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(pin, sizeof(pin), "%s/%s", path, ent->d_name) < sizeof(pin))
			r = fn(pin, l, e);
	}
	closedir(d);
	if (!r && rmdir(path) < 0)
		r = err_set(e, -errno, "%s: %m", path);
	return r;
}

/* Still attached to a cgroup: a link that is only held by somebody is not. */
static bool in_force(json_int_t id)
{
	char text[32];
	json_t *shown = NULL, *o;
	struct err e;
	bool attached;

	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, id);
	if (bpftool_run((const char *const[]){"link", "show", "id", text, NULL}, &shown, &e))
		return false;
	o = json_is_array(shown) ? json_array_get(shown, 0) : shown;
	attached = json_integer_value(json_object_get(o, "cgroup_id")) != 0;
	json_decref(shown);
	return attached;
}

static int verify(const struct links *l, struct err *e)
{
	int waited = 0;

	/* The kernel lets go of a link a moment after its last user did. */
	for (unsigned i = 0; i < l->n; i++) {
		while (in_force(l->id[i])) {
			if (waited >= WAIT_MS)
				return err_set(e, -EBUSY, "link %lld is still attached", (long long)l->id[i]);
			poll(NULL, 0, POLL_MS);
			waited += POLL_MS;
		}
	}
	return 0;
}

struct living {
	uint64_t *id; /* of cgroups that are enrolled or denied */
	size_t n;
};

static bool is_one(const struct living *l, uint64_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->id[i] == id)
			return true;
	return false;
}

static void add_state(struct living *l, json_t *entry)
{
	json_t *f = json_object_get(entry, "formatted");
	json_t *state = json_object_get(json_object_get(f ? f : entry, "value"), "state");
	json_int_t id = json_integer_value(json_object_get(f ? f : entry, "key"));

	/* bpf/abi.h: 2 enrolled, 3 denied */
	if (json_integer_value(state) >= 2)
		l->id[l->n++] = (uint64_t)id;
}

static int read_states(const char *dir, struct living *l, struct err *e)
{
	char path[PATH_MAX];
	json_t *dump = NULL, *entry;
	size_t i;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/maps/cgroups", dir) >= sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s: too long", dir);
	if (access(path, F_OK) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %m", path);
	r = bpftool_run((const char *const[]){"map", "dump", "pinned", path, NULL}, &dump, e);
	if (r)
		return r;
	l->id = calloc(json_array_size(dump) + 1, sizeof(*l->id));
	if (!l->id)
		r = err_set(e, -ENOMEM, "out of memory");
	json_array_foreach(dump, i, entry)
	{
		if (!r)
			add_state(l, entry);
	}
	json_decref(dump);
	return r;
}

/* Any of them that is still there on a mount, into path. */
static bool find_living(const char *mount, const struct living *l, char path[PATH_MAX])
{
	char *const top[] = {(char *)mount, NULL};
	FTS *tree = fts_open(top, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	bool found = false;
	FTSENT *x;

	while (tree && !found && (x = fts_read(tree))) {
		if (x->fts_info == FTS_D && is_one(l, x->fts_statp->st_ino)) {
			snprintf(path, PATH_MAX, "%s", x->fts_path);
			found = true;
		}
	}
	if (tree)
		fts_close(tree);
	return found;
}

/* -EBUSY: somebody would be let loose. */
static int check_enrolled(const char *dir, struct err *e)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	bool found = false, looked = false;
	struct living l = {0};
	char path[PATH_MAX] = "";
	struct mntent *m;
	int r = read_states(dir, &l, e);

	while (!r && l.n && mounts && !found && (m = getmntent(mounts))) {
		if (strcmp(m->mnt_type, "cgroup2") != 0)
			continue;
		looked = true;
		found = find_living(m->mnt_dir, &l, path);
	}
	if (mounts)
		endmntent(mounts);
	if (!r && l.n && !looked)
		r = err_set(
			e, -EBUSY, "no cgroup v2 is mounted here: it cannot be seen who is still enrolled");
	if (found)
		r = err_set(e, -EBUSY,
			"%s is enrolled or denied, and would reach databases as they are: end it first, or "
			"say --force",
			path);
	free(l.id);
	return r;
}

static bool is_made(const FTSENT *x, ino_t root)
{
	return x->fts_parent->fts_level >= FTS_ROOTLEVEL && x->fts_parent->fts_statp->st_ino == root &&
	       getxattr(x->fts_path, MADE_MARK, NULL, 0) > 0;
}

/* The cgroups that `pgveil run` made on a mount, with what their commands made below them. The kernel keeps
 * those in which somebody lives. */
static void remove_made(const char *mount, struct links *l)
{
	char *const top[] = {(char *)mount, NULL};
	FTS *tree = fts_open(top, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *x;

	while (tree && (x = fts_read(tree))) {
		if (x->fts_info == FTS_D)
			x->fts_number = x->fts_parent->fts_number || is_made(x, (ino_t)l->root);
		else if (x->fts_info == FTS_DP && x->fts_number && rmdir(x->fts_path) < 0)
			l->lived_in += !x->fts_parent->fts_number;
		else if (x->fts_info == FTS_F)
			fts_set(tree, x, FTS_SKIP);
	}
	if (tree)
		fts_close(tree);
}

static void remove_all_made(struct links *l)
{
	FILE *mounts = l->root ? setmntent("/proc/self/mounts", "re") : NULL;
	struct mntent *m;

	while (mounts && (m = getmntent(mounts))) {
		if (strcmp(m->mnt_type, "cgroup2") != 0)
			continue;
		l->lived_in = 0;
		remove_made(m->mnt_dir, l);
	}
	if (mounts)
		endmntent(mounts);
}

static int uninstall(const char *dir, struct links *l, struct err *e)
{
	struct statfs fs;
	int r;

	if (statfs(dir, &fs) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %m", dir);
	if (fs.f_type != BPF_FS_MAGIC)
		return err_set(e, -ENODEV, "%s is not on a bpf file system", dir);
	r = each_pin(dir, "links", remove_link, l, e);
	if (!r)
		r = each_pin(dir, "maps", remove_map, l, e);
	/* A mount of its own cannot be removed, only emptied. */
	if (!r && rmdir(dir) < 0 && errno != EBUSY)
		r = err_set(e, -errno, "%s: %m", dir);
	if (!r)
		remove_all_made(l);
	return r ? r : verify(l, e);
}

int cli_uninstall(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"force", no_argument, NULL, 'f'},
		{"unless-enrolled", no_argument, NULL, 'u'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct links l = {0};
	bool force = false, careful = false;
	struct err e = {0};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		force |= c == 'f';
		careful |= c == 'u';
		if (c == 'f' || c == 'u')
			continue;
		fputs(uninstall_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (!force && daemon_lives(s)) {
		fprintf(stderr, "pgveil: pgveild is running; stop it first, or say --force\n");
		return 1;
	}
	if ((careful && !force && check_enrolled(s->pin_dir, &e)) || uninstall(s->pin_dir, &l, &e)) {
		fprintf(stderr, "pgveil: %s\n", e.msg);
		return 1;
	}
	if (s->json)
		printf("{\"links\": %u, \"lived_in\": %u}\n", l.n, l.lived_in);
	else
		printf("%u programs detached, nothing is left in %s\n", l.n, s->pin_dir);
	if (!s->json && l.lived_in)
		printf("%u cgroups of pgveil run stay: processes live in them\n", l.lived_in);
	return 0;
}
