/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "record/runs.h"
#include "record/segment.h"
#include "web/s3.h"

#define HASH (2 * (size_t)DIGEST_SHA256)

struct fetch {
	struct s3 *s3;
	const char *dir;
	size_t prefix;
	uint64_t fetched, bytes, had, wrong;
	char last[PATH_MAX]; /* directory of a recording that was named */
};

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

/* The directories that path is in. */
static int make_dirs(char *path, struct err *e)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			int r = err_set(e, -errno, "%s: %m", path);

			*p = '/';
			return r;
		}
		*p = '/';
	}
	return 0;
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
	uint64_t n;
	int failed; /* errno */
};

static bool on_bytes(void *arg, const void *p, size_t n)
{
	struct writing *w = arg;
	const uint8_t *at = p;

	w->n += n;
	if (digest_run_add(w->run, p, n))
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
static int fetch_file(struct fetch *f, const char *key, const char *path, const char *hash, struct err *e)
{
	char unborn[PATH_MAX + 8];
	uint8_t sha256[DIGEST_SHA256];
	struct writing w = {.fd = -1};
	int r = digest_run_new(&w.run, e);

	snprintf(unborn, sizeof(unborn), "%s.part", path);
	if (!r) {
		w.fd = open(unborn, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = w.fd < 0 ? err_set(e, -errno, "%s: %m", unborn) : s3_get(f->s3, key, on_bytes, &w, e);
	}
	if (!r && (w.failed || digest_run_end(w.run, sha256)))
		r = err_set(e, -EIO, "%s: %s", unborn, strerror(w.failed ? w.failed : EIO));
	if (!r && hash && !has_hash(sha256, hash))
		r = err_set(e, -EBADMSG, "%s: what the store has is not what its name says", key);
	if (!r && rename(unborn, path) < 0)
		r = err_set(e, -errno, "%s: %m", path);
	if (r && w.fd >= 0)
		unlink(unborn);
	if (w.fd >= 0)
		close(w.fd);
	digest_run_free(w.run);
	f->bytes += r ? 0 : w.n;
	return r;
}

/* Each recording once: they come in the order of their names. */
static void name_recording(struct fetch *f, const char *path, size_t n)
{
	while (n && path[n - 1] == '/')
		n--;
	if (n == strlen(f->last) && strncmp(path, f->last, n) == 0)
		return;
	snprintf(f->last, sizeof(f->last), "%.*s", (int)n, path);
	printf("recording %s\n", f->last);
}

static int take(void *arg, const char *key, uint64_t size)
{
	struct fetch *f = arg;
	const char *below = key + f->prefix, *hash,
		   *file = strlen(key) > f->prefix ? file_of(below, &hash) : NULL;
	char path[PATH_MAX];
	struct err e = {0};
	int r;

	/* Something else that is kept there. */
	if (!file || !stays_below(below))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", f->dir, below) >= sizeof(path) - 8)
		return sessions_fail(&(struct err){.msg = "a path is too long"});
	r = make_dirs(path, &e);
	if (!r && is_there(path, size, hash)) {
		f->had++;
	} else if (!r) {
		r = fetch_file(f, key, path, hash, &e);
		f->fetched += !r;
	}
	if (!r)
		name_recording(f, path, strlen(path) - strlen(file));
	if (r == -EBADMSG) {
		f->wrong++;
		sessions_fail(&e);
		r = 0;
	}
	return r ? sessions_fail(&e) : 0;
}

int sessions_fetch(struct sessions *s)
{
	struct fetch f = {.dir = s->output};
	char bucket[64], prefix[S3_KEY];
	struct err e = {0};
	int r;

	if (!s->from || !s->endpoint || !s->credentials || !s->output) {
		fputs("pgveil: fetch needs --from, --endpoint, --credentials and --output\n", stderr);
		return 2;
	}
	r = s3_url(s->from, bucket, prefix, &e);
	if (!r) {
		const struct s3_config cfg = {.endpoint = s->endpoint,
			.region = s->region,
			.bucket = bucket,
			.credentials = s->credentials,
			.ca_file = s->ca,
			.plain = s->plain,
			.proxies = true};

		f.prefix = strlen(prefix);
		r = s3_new(&f.s3, &cfg, &e);
	}
	if (!r)
		r = s3_list(f.s3, prefix, take, &f, &e);
	s3_free(f.s3);
	if (r < 0)
		return sessions_fail(&e);
	printf("%llu files of %llu bytes were fetched, %llu were there\n", (unsigned long long)f.fetched,
		(unsigned long long)f.bytes, (unsigned long long)f.had);
	if (f.wrong)
		printf("ALTERED: %llu objects are not what their names say\n", (unsigned long long)f.wrong);
	return r || f.wrong ? 1 : 0;
}
