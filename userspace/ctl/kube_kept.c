/* SPDX-License-Identifier: MIT */
/* {"version": 1, "sha256": of the compact text of what, "what": …}. The number is against a disk that lies,
 * not against root. */
#include "ctl/kube_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/attr.h"

#define VERSION  1
#define HEX_SIZE 65

static int digest_of(const json_t *what, char hex[HEX_SIZE], struct err *e)
{
	char *text = json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);
	unsigned char d[32];
	int ok = text && EVP_Digest(text, strlen(text), d, NULL, EVP_sha256(), NULL) == 1;

	free(text);
	if (!ok)
		return err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < sizeof(d); i++)
		snprintf(hex + 2 * i, 3, "%02x", d[i]);
	return 0;
}

static int path_of(const char *dir, const char *name, const char *suffix, char out[PATH_MAX], struct err *e)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/%s%s", dir, name, suffix) >= PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "%s: too long", dir);
	return 0;
}

static int write_file(
	const char *dir, const char *temporary, const char *path, const json_t *doc, struct err *e)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), at, r = 0;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", temporary);
	errno = 0;
	if (json_dumpfd(doc, fd, JSON_INDENT(1)) != 0 || fsync(fd) < 0 || rename(temporary, path) < 0)
		r = err_set(e, errno ? -errno : -EIO, "%s: %m", temporary);
	close(fd);
	if (r) {
		unlink(temporary);
		return r;
	}
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || fsync(at) < 0)
		r = err_set(e, -errno, "%s: %m", dir);
	if (at >= 0)
		close(at);
	return r;
}

int kube_kept_save(const char *state_dir, const char *name, const json_t *what, struct err *e)
{
	char path[PATH_MAX], temporary[PATH_MAX], hex[HEX_SIZE];
	json_t *doc;
	int r = path_of(state_dir, name, "", path, e);

	if (!r)
		r = path_of(state_dir, name, ".new", temporary, e);
	if (!r)
		r = digest_of(what, hex, e);
	if (r)
		return r;
	doc = json_pack("{s:i, s:s, s:O}", "version", VERSION, "sha256", hex, "what", (json_t *)what);
	r = doc ? write_file(state_dir, temporary, path, doc, e) : err_set(e, -ENOMEM, "out of memory");
	json_decref(doc);
	return r;
}

static int check(const json_t *doc, const char *path, struct err *e)
{
	const char *said = json_string_value(json_object_get(doc, "sha256"));
	const json_t *what = json_object_get(doc, "what");
	char hex[HEX_SIZE];
	int r;

	if (json_integer_value(json_object_get(doc, "version")) != VERSION || !said || !what)
		return err_set(e, -EINVAL, "%s: made by another version of pgveil", path);
	r = digest_of(what, hex, e);
	if (!r && strcmp(hex, said) != 0)
		r = err_set(e, -EINVAL, "%s: it is not what was written", path);
	return r;
}

int kube_kept_load(const char *state_dir, const char *name, json_t **out, struct err *e)
{
	char path[PATH_MAX];
	json_error_t why;
	json_t *doc;
	int r = path_of(state_dir, name, "", path, e);

	if (r)
		return r;
	if (access(path, F_OK) < 0)
		return err_set(e, -errno, "%s: %m", path);
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (!doc)
		return err_set(e, -EINVAL, "%s:%d: %s", path, why.line, why.text);
	r = check(doc, path, e);
	if (!r)
		*out = json_incref(json_object_get(doc, "what"));
	json_decref(doc);
	return r;
}
