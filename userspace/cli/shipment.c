/* SPDX-License-Identifier: MIT */
#include "cli/shipment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "cli/sessions.h"
#include "record/runs.h"
#include "record/segment.h"

#define KEY_FILE_MAX 4096u /* bytes of what has no hash in its name */
#define HASH         (2 * (size_t)DIGEST_SHA256)
#define NAMES_MAX    65536u /* recordings: of nodes, and of each as often as it was installed anew */
#define FILE_MAX     (UINT64_C(1) << 30) /* a segment is 64 MiB and a record more, if nobody says otherwise */
#define BESIDES      1024u               /* bytes: an inode, and an entry in a directory that is half empty */
#define FILES_MAX    (UINT64_C(1) << 24)

/* One name of a path that stays where it is put. */
static bool is_name(const char *p, size_t n)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_=+@";

	return n && n < 128 && strspn(p, set) >= n && strspn(p, ".") < n;
}

/* Where a file of a recording begins in a name: RUN/NUMBER-HASH.pgveil, or seal.pub; NULL: it is neither.
 * *hash: the former's. */
static const char *file_of(const char *key, const char **hash)
{
	const char *base = strrchr(key, '/'), *run;

	base = base ? base + 1 : key;
	*hash = NULL;
	if (strcmp(base, "seal.pub") == 0)
		return base;
	if (strlen(base) != 17 + HASH + strlen(SEGMENT_SUFFIX) || strspn(base, "0123456789abcdef") != 16 ||
		base[16] != '-' || strspn(base + 17, "0123456789abcdef") != HASH ||
		strcmp(base + 17 + HASH, SEGMENT_SUFFIX) != 0 || base < key + RUN_NAME)
		return NULL;
	run = base - RUN_NAME;
	if (strspn(run, "0123456789") != RUN_NAME - 1 || (run > key && run[-1] != '/'))
		return NULL;
	*hash = base + 17;
	return run;
}

static bool stays_below(const char *path)
{
	for (const char *p = path, *end; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '/');
		if (!is_name(p, (size_t)(end - p)))
			return false;
	}
	return *path;
}

/* What a name below the prefix is: a file of the recording *name; false: something else that is kept there.
 */
static bool read_name(const char *below, char name[S3_KEY], const char **hash)
{
	const char *file = file_of(below, hash);
	size_t n = file ? (size_t)(file - below) : 0;

	if (!file || !stays_below(below))
		return false;
	while (n && below[n - 1] == '/')
		n--;
	snprintf(name, S3_KEY, "%.*s", n ? (int)n : 1, n ? below : ".");
	return true;
}

/* ---- one file ---- */

/* What there is for all that is still to be made. */
struct room {
	bool known;
	uint64_t block, bytes, files;
};

/* Once, below the directory that is at. Who has more on the same disk is to go on: a tenth of what is free is
 * left. */
static int room_look(struct room *room, const char *at, struct err *e)
{
	struct statvfs v;

	if (room->known)
		return 0;
	if (statvfs(at, &v) < 0)
		return err_set(e, -errno, "%s: %m", at);
	room->block = v.f_frsize ? v.f_frsize : 4096;
	room->bytes = (uint64_t)v.f_bavail / 10 * 9 * room->block;
	/* There are file systems that do not count them. */
	room->files = v.f_files ? (uint64_t)v.f_favail / 10 * 9 : UINT64_MAX;
	room->known = true;
	return 0;
}

/* However little is in it. */
static uint64_t on_disk(const struct room *room, uint64_t size)
{
	return (size / room->block + 1) * room->block + BESIDES;
}

static int room_has(const struct room *room, uint64_t size, const char *what, struct err *e)
{
	if (!room->files)
		return err_set(e, -ENOSPC, "%s: there is no room for it: too few inodes are free", what);
	if (on_disk(room, size) > room->bytes)
		return err_set(e, -ENOSPC, "%s: there is no room for it", what);
	return 0;
}

static void room_take(struct room *room, uint64_t size)
{
	room->bytes -= on_disk(room, size);
	room->files--;
}

/* One of them; room: what it takes, if that is counted. */
static int make_dir(const char *path, struct room *room, struct err *e)
{
	int r = 0;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : err_set(e, -errno, "%s: %m", path);
	if (!room)
		return 0;
	r = room_has(room, 0, path, e);
	if (r)
		rmdir(path);
	else
		room_take(room, 0);
	return r;
}

/* The directories that path is in. Up to the first n bytes of it they are the user's own, and what is free is
 * looked at there. */
static int make_dirs(char *path, size_t n, struct room *room, struct err *e)
{
	int r = 0;

	for (char *p = path + 1; !r && (p = strchr(p, '/')); p++) {
		*p = '\0';
		r = make_dir(path, p > path + n ? room : NULL, e);
		if (!r && p == path + n)
			r = room_look(room, path, e);
		*p = '/';
	}
	return r;
}

static bool has_hash(const uint8_t sha256[DIGEST_SHA256], const char *hash)
{
	char hex[DIGEST_HEX];

	digest_hex(sha256, DIGEST_SHA256, hex);
	return memcmp(hex, hash, HASH) == 0;
}

/* It was fetched before, and is what its name says. */
static bool is_there(const char *path, uint64_t size, const char *hash)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct digest d = {0};
	struct stat st;
	bool there = fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == size && hash &&
		     !digest_file(&d, fd, size, 0, NULL) && has_hash(d.sha256, hash);

	digest_fini(&d);
	if (fd >= 0)
		close(fd);
	return there;
}

struct writing {
	int fd;
	struct digest_run *run;
	uint64_t n, most;
	int failed; /* errno */
};

static bool on_bytes(void *arg, const void *p, size_t n)
{
	struct writing *w = arg;
	const uint8_t *at = p;

	/* A store may go on for as long as it likes, and the disk is not its own. */
	if (n > w->most - w->n)
		w->failed = EFBIG;
	else
		w->n += n;
	if (!w->failed && digest_run_add(w->run, p, n))
		w->failed = EIO;
	while (n && !w->failed) {
		ssize_t put = write(w->fd, at, n);

		if (put < 0 && errno != EINTR)
			w->failed = errno;
		if (put <= 0)
			continue;
		at += put;
		n -= (size_t)put;
	}
	return !w->failed;
}

/* -EBADMSG: it is not what its name says, and is not kept. */
static int fetch_file(struct shipment *sh, const char *key, uint64_t size, const char *path, const char *hash,
	struct err *e)
{
	char unborn[PATH_MAX + 8];
	uint8_t sha256[DIGEST_SHA256];
	struct writing w = {.fd = -1, .most = size};
	int r = digest_run_new(&w.run, e);

	snprintf(unborn, sizeof(unborn), "%s.part", path);
	if (!r) {
		w.fd = open(unborn, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = w.fd < 0 ? err_set(e, -errno, "%s: %m", unborn) : s3_get(sh->s3, key, on_bytes, &w, e);
	}
	if (w.failed == EFBIG)
		r = err_set(e, -EBADMSG, "%s: it is longer than the store says", key);
	else if (w.failed)
		r = err_set(e, -EIO, "%s: %s", unborn, strerror(w.failed));
	if (!r && digest_run_end(w.run, sha256))
		r = err_set(e, -EIO, "%s: %s", unborn, strerror(EIO));
	if (!r && hash && !has_hash(sha256, hash))
		r = err_set(e, -EBADMSG, "%s: what the store has is not what its name says", key);
	if (!r && rename(unborn, path) < 0)
		r = err_set(e, -errno, "%s: %m", path);
	if (r && w.fd >= 0)
		unlink(unborn);
	if (w.fd >= 0)
		close(w.fd);
	digest_run_free(w.run);
	sh->bytes += r ? 0 : w.n;
	return r;
}

/* ---- all of them ---- */

/* Ours or not: a list without an end is one of names that nobody wants, too. */
static int count(const struct shipment *sh, uint64_t *listed, struct err *e)
{
	if (++*listed <= sh->files_max)
		return 0;
	return err_set(e, -E2BIG, "more than %llu objects are there (--files-max, --node)",
		(unsigned long long)sh->files_max);
}

struct bringing {
	struct shipment *sh;
	const char *name, *dir; /* name: the recording that is wanted; NULL: all */
	const struct shipment_calls *calls;
	struct err *e;
	uint64_t listed;
	struct room room;
	char last[S3_KEY];   /* recording that was named */
	char number[S3_KEY]; /* of the last file: its name, up to its hash */
};

/* They come in the order of their names, so that two of one number are neighbours. */
static bool is_second(struct bringing *b, const char *below, const char *hash)
{
	size_t n = hash ? (size_t)(hash - below) : 0;
	bool second = n && strlen(b->number) == n && strncmp(b->number, below, n) == 0;

	if (n)
		snprintf(b->number, sizeof(b->number), "%.*s", (int)n, below);
	return second;
}

/* *why: of an object that is none of ours, or not any more. */
static int bring_one(struct bringing *b, const char *key, uint64_t size, const char *hash, const char **why)
{
	char path[PATH_MAX];
	int r;

	*why = "what the store has is not what its name says";
	if (size > (hash ? b->sh->file_max : KEY_FILE_MAX)) {
		*why = hash ? "it is longer than a file of a recording is (--file-max)" : "no key is so long";
		return -EBADMSG;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", b->dir, key + strlen(b->sh->prefix)) >=
		sizeof(path) - 8)
		return err_set(b->e, -ENAMETOOLONG, "%s: a path is too long", b->dir);
	if (is_there(path, size, hash)) {
		b->sh->had++;
		return 0;
	}
	r = make_dirs(path, strlen(b->dir), &b->room, b->e);
	if (!r)
		r = room_has(&b->room, size, key, b->e);
	if (!r)
		r = fetch_file(b->sh, key, size, path, hash, b->e);
	if (r)
		return r;
	b->sh->fetched++;
	room_take(&b->room, size);
	return 0;
}

static int take(void *arg, const char *key, uint64_t size)
{
	struct bringing *b = arg;
	const char *below, *hash, *why;
	char name[S3_KEY];
	int r = count(b->sh, &b->listed, b->e);

	if (r || strlen(key) <= strlen(b->sh->prefix))
		return r;
	below = key + strlen(b->sh->prefix);
	if (!read_name(below, name, &hash) || (b->name && strcmp(name, b->name) != 0))
		return 0;
	if (is_second(b, below, hash))
		b->calls->altered(b->calls->arg, key, "it is not the only one of its number");
	r = bring_one(b, key, size, hash, &why);
	if (r == -EBADMSG) {
		b->calls->altered(b->calls->arg, key, why);
		*b->e = (struct err){0};
		return 0;
	}
	if (!r && b->calls->recording && strcmp(b->last, name) != 0) {
		memcpy(b->last, name, sizeof(name));
		b->calls->recording(b->calls->arg, name);
	}
	return r;
}

int shipment_bring(struct shipment *sh, const char *name, const char *dir, const struct shipment_calls *calls,
	struct err *e)
{
	struct bringing b = {.sh = sh, .name = name, .dir = dir, .calls = calls, .e = e};
	bool all = !name || strcmp(name, ".") == 0;
	char prefix[S3_KEY];

	if ((size_t)snprintf(prefix, sizeof(prefix), "%s%s%s", sh->prefix, all ? "" : name, all ? "" : "/") >=
		sizeof(prefix))
		return err_set(e, -ENAMETOOLONG, "%s: too long", name);
	return s3_list(sh->s3, prefix, take, &b, e);
}

struct naming {
	const struct shipment *sh;
	char **names;
	size_t n, cap;
	uint64_t listed;
	struct err *e;
};

static int note(void *arg, const char *key, uint64_t size)
{
	struct naming *l = arg;
	char name[S3_KEY];
	const char *hash;
	int r = count(l->sh, &l->listed, l->e);

	(void)size;
	if (r)
		return r;
	if (strlen(key) <= strlen(l->sh->prefix) || !read_name(key + strlen(l->sh->prefix), name, &hash) ||
		(l->n && strcmp(l->names[l->n - 1], name) == 0))
		return 0;
	if (l->n == NAMES_MAX)
		return err_set(l->e, -E2BIG, "more than %u recordings are there", NAMES_MAX);
	if (l->n + 1 >= l->cap) {
		char **more = reallocarray(l->names, l->cap = l->cap ? 2 * l->cap : 16, sizeof(*more));

		if (!more)
			return err_set(l->e, -ENOMEM, "out of memory");
		l->names = more;
	}
	l->names[l->n] = strdup(name);
	if (!l->names[l->n])
		return err_set(l->e, -ENOMEM, "out of memory");
	l->names[++l->n] = NULL;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int shipment_names(struct shipment *sh, char ***out, size_t *n, struct err *e)
{
	struct naming l = {.sh = sh, .e = e};
	int r = s3_list(sh->s3, sh->prefix, note, &l, e);
	size_t kept = 0;

	if (r) {
		shipment_names_free(l.names);
		return r;
	}
	if (l.n)
		qsort(l.names, l.n, sizeof(*l.names), by_name);
	for (size_t i = 0; i < l.n; i++) {
		if (kept && strcmp(l.names[kept - 1], l.names[i]) == 0)
			free(l.names[i]);
		else
			l.names[kept++] = l.names[i];
	}
	if (l.names)
		l.names[kept] = NULL;
	*out = l.names;
	*n = kept;
	return 0;
}

void shipment_names_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

int shipment_open(struct shipment *out, const struct sessions *s, struct err *e)
{
	char bucket[64];
	int r;

	*out = (struct shipment){.file_max = s->file_max ? s->file_max : FILE_MAX,
		.files_max = s->files_max ? s->files_max : FILES_MAX};
	r = s3_url(s->from, bucket, out->prefix, e);
	if (!r && s->node) {
		size_t n = strlen(out->prefix);

		if (!is_name(s->node, strlen(s->node)) ||
			(size_t)snprintf(out->prefix + n, sizeof(out->prefix) - n, "%s/", s->node) >=
				sizeof(out->prefix) - n)
			r = err_set(e, -EINVAL, "--node %s: no name of a node", s->node);
	}
	if (!r) {
		const struct s3_config cfg = {.endpoint = s->endpoint,
			.region = s->region,
			.bucket = bucket,
			.credentials = s->credentials,
			.ca_file = s->ca,
			.plain = s->plain,
			.proxies = true};

		r = s3_new(&out->s3, &cfg, e);
	}
	return r;
}

void shipment_close(struct shipment *sh)
{
	s3_free(sh->s3);
	sh->s3 = NULL;
}
