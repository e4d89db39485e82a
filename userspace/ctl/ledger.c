/* SPDX-License-Identifier: MIT */
/* {"version": 1, "enrolled": [{"cgroup": "/a/b.scope", "id": 4711, "netns": "/run/netns/x" | null,
 *                              "by": "admin" | "policy" | "pod", "made": false}, ...]} */
#include "ctl/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "enrolled.json"

struct ledger {
	json_t *list;
	bool failed;
};

const char *enrolled_by_name(enum enrolled_by by)
{
#define X(name, word) word,
	static const char *const words[] = {ENROLLED_BY(X)};
#undef X

	return words[by];
}

int ledger_begin(struct ledger **out, struct err *e)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l)
		l->list = json_array();
	if (!l || !l->list) {
		free(l);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = l;
	return 0;
}

void ledger_add(struct ledger *l, const struct ledger_entry *x)
{
	json_t *entry = json_pack("{s:s, s:I, s:s?, s:s, s:b}", "cgroup", x->cgroup, "id", (json_int_t)x->id,
		"netns", x->netns, "by", enrolled_by_name(x->by), "made", x->made);

	if (!entry || json_array_append_new(l->list, entry))
		l->failed = true;
}

static int write_file(const char *text, const char *to, struct err *e)
{
	size_t n = strlen(text);
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", to);
	if (write(fd, text, n) != (ssize_t)n || fsync(fd) < 0)
		r = err_set(e, errno ? -errno : -EIO, "%s: %m", to);
	close(fd);
	return r;
}

int ledger_commit(struct ledger *l, const char *dir, struct err *e)
{
	char path[PATH_MAX], temporary[PATH_MAX + 8], *text = NULL;
	json_t *root = json_pack("{s:i, s:O}", "version", 1, "enrolled", l->list);
	int r = 0;

	if (root && !l->failed)
		text = json_dumps(root, JSON_INDENT(1));
	if (!text)
		r = err_set(e, -ENOMEM, "out of memory");
	if ((size_t)snprintf(path, sizeof(path), "%s/" FILE_NAME, dir) >= sizeof(path))
		r = err_set(e, -ENAMETOOLONG, "%s: too long", dir);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (!r)
		r = write_file(text, temporary, e);
	if (!r && rename(temporary, path) < 0)
		r = err_set(e, -errno, "%s: %m", path);
	free(text);
	json_decref(root);
	json_decref(l->list);
	free(l);
	return r;
}

static int read_entry(const json_t *j, struct ledger_entry *out)
{
	const char *word = json_string_value(json_object_get(j, "by"));
	enum enrolled_by by = ENROLLED_BY_POD;

	while (by != ENROLLED_BY_POLICY && (!word || strcmp(word, enrolled_by_name(by)) != 0))
		by--;

	*out = (struct ledger_entry){
		.cgroup = json_string_value(json_object_get(j, "cgroup")),
		.id = (uint64_t)json_integer_value(json_object_get(j, "id")),
		.netns = json_string_value(json_object_get(j, "netns")),
		.by = by,
		.made = json_is_true(json_object_get(j, "made")),
	};
	return out->cgroup && out->cgroup[0] == '/' && out->id && word ? 0 : -EINVAL;
}

int ledger_read(
	const char *dir, void (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e)
{
	char path[PATH_MAX];
	json_error_t why;
	json_t *root, *j;
	size_t i;
	int r = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/" FILE_NAME, dir) >= sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s: too long", dir);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return err_set(e, -EINVAL, "%s:%d: %s", path, why.line, why.text);
	if (json_integer_value(json_object_get(root, "version")) != 1)
		r = err_set(e, -EPROTO, "%s: made by another version of pgveil", path);
	json_array_foreach(r ? NULL : json_object_get(root, "enrolled"), i, j)
	{
		struct ledger_entry entry;

		if (read_entry(j, &entry))
			r = err_set(e, -EINVAL, "%s: entry %zu is not complete", path, i);
		else
			fn(arg, &entry);
	}
	json_decref(root);
	return r;
}
