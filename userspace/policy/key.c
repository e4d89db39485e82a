/* SPDX-License-Identifier: MIT */
#include "policy/key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>

#define KEY_FILE_MIN 32
#define KEY_FILE_MAX 4096
#define KEYS_MAX     32
/* A key that was typed as one letter is no key; 32 random bytes have fewer different ones once in 10^40 or
 * so. */
#define KEY_FILE_DISTINCT 8

static int read_all(int fd, const char *path, uint8_t *buf, size_t cap, size_t *len, struct err *e)
{
	ssize_t n;

	for (*len = 0; *len < cap; *len += (size_t)n) {
		n = read(fd, buf + *len, cap - *len);
		if (n < 0)
			return err_set(e, -errno, "key file %.150s: %s", path, strerror(errno));
		if (n == 0)
			break;
	}
	return 0;
}

static unsigned distinct(const uint8_t *p, size_t n)
{
	bool seen[256] = {false};
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		count += !seen[p[i]];
		seen[p[i]] = true;
	}
	return count;
}

static int derive(uint8_t *key, const char *path, struct span material, struct err *e)
{
	if (material.n > KEY_FILE_MAX)
		return err_set(e, -EINVAL, "key file %.150s: larger than %d bytes", path, KEY_FILE_MAX);
	if (material.n < KEY_FILE_MIN)
		return err_set(e, -EINVAL, "key file %.150s: shorter than %d bytes", path, KEY_FILE_MIN);
	if (distinct(material.p, material.n) < KEY_FILE_DISTINCT)
		return err_set(e, -EINVAL,
			"key file %.150s: not random (make one with: openssl rand -hex 32)", path);
	if (!EVP_Digest(material.p, material.n, key, NULL, EVP_sha256(), NULL))
		return err_set(e, -ENOMEM, "key file %.150s: SHA-256 failed", path);
	return 0;
}

static bool printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t' && s.p[i] != '\n' && s.p[i] != '\r') || s.p[i] > '~')
			return false;
	return true;
}

/* The next line without the blanks round it; false: there is none. */
static bool next_line(struct span *rest, struct span *line)
{
	const uint8_t *end;

	if (!rest->n)
		return false;
	end = memchr(rest->p, '\n', rest->n);
	*line = span_of(rest->p, end ? (size_t)(end - rest->p) : rest->n);
	*rest = end ? span_of(end + 1, rest->n - line->n - 1) : span_of(NULL, 0);
	while (line->n && line->p[line->n - 1] <= ' ')
		line->n--;
	while (line->n && line->p[0] <= ' ')
		*line = span_of(line->p + 1, line->n - 1);
	return true;
}

/* "ID: MATERIAL" */
static bool split_line(struct span line, struct span *id, struct span *material)
{
	const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	size_t n = colon ? (size_t)(colon - line.p) : 0;
	char name[KEY_ID_MAX + 1];

	if (!n || n > KEY_ID_MAX || n + 1 >= line.n || (colon[1] != ' ' && colon[1] != '\t'))
		return false;
	memcpy(name, line.p, n);
	name[n] = '\0';
	*id = span_of(line.p, n);
	*material = span_of(colon + 1, line.n - n - 1);
	while (material->n && material->p[0] <= ' ')
		*material = span_of(material->p + 1, material->n - 1);
	return key_id_valid(name);
}

static bool is_comment(struct span line)
{
	return !line.n || line.p[0] == '#';
}

/* Whether a file is a list of keys: text whose first line that says anything has an id. */
static bool is_list(struct span all)
{
	struct span line, id, material;

	if (!printable(all))
		return false;
	while (next_line(&all, &line))
		if (!is_comment(line))
			return split_line(line, &id, &material);
	return false;
}

struct key_line {
	struct span id, material;
};

static int read_list(
	struct key_line v[KEYS_MAX], unsigned *n, const char *path, struct span all, struct err *e)
{
	struct span line;

	*n = 0;
	for (unsigned number = 1; next_line(&all, &line); number++) {
		if (is_comment(line))
			continue;
		if (*n == KEYS_MAX)
			return err_set(e, -EINVAL, "key file %.150s: more than %d keys", path, KEYS_MAX);
		if (!split_line(line, &v[*n].id, &v[*n].material))
			return err_set(
				e, -EINVAL, "key file %.150s: line %u is not \"ID: KEY\"", path, number);
		for (unsigned i = 0; i < *n; i++)
			if (span_eq(v[i].id, v[*n].id))
				return err_set(e, -EINVAL,
					"key file %.150s: line %u has the id of another key", path, number);
		++*n;
	}
	return 0;
}

/* Every key of the list must be one, whichever is asked for. */
static int from_list(uint8_t *key, const char *path, struct span all, const char *id, struct err *e)
{
	uint8_t each[HMAC_KEY_LEN];
	struct key_line v[KEYS_MAX];
	unsigned n = 0;
	bool found = false;
	int r = read_list(v, &n, path, all, e);

	for (unsigned i = 0; !r && i < n; i++) {
		r = derive(each, path, v[i].material, e);
		if (r || (id ? !span_is(v[i].id, id) : i > 0))
			continue;
		memcpy(key, each, sizeof(each));
		found = true;
	}
	mem_wipe(each, sizeof(each));
	if (!r && !found)
		return err_set(e, -ENOENT, "key file %.150s: it has no key of that id", path);
	return r;
}

bool key_id_valid(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= KEY_ID_MAX && !id[n];
}

static int key_of(uint8_t *key, const char *path, struct span all, const char *id, struct err *e)
{
	if (all.n > KEY_FILE_MAX + 2) /* it was not read to its end */
		return err_set(e, -EINVAL, "key file %.150s: larger than %d bytes", path, KEY_FILE_MAX);
	if (is_list(all))
		return from_list(key, path, all, id, e);
	if (id)
		return err_set(e, -ENOENT, "key file %.150s: its key has no id", path);
	/* A raw key may end in a newline's byte; only what is longer than a key can have one to spare. */
	if (all.n > KEY_FILE_MIN && all.p[all.n - 1] == '\n')
		all.n -= all.n > KEY_FILE_MIN + 1 && all.p[all.n - 2] == '\r' ? 2 : 1;
	return derive(key, path, all, e);
}

int key_read(uint8_t key[static HMAC_KEY_LEN], const char *path, const char *id, struct err *e)
{
	uint8_t buf[KEY_FILE_MAX + 3];
	struct stat st;
	size_t n = 0;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	_Static_assert(HMAC_KEY_LEN == 32, "SHA-256 gives 32 bytes");
	if (fd < 0)
		return err_set(e, -errno, "key file %.150s: %s", path, strerror(errno));
	if (fstat(fd, &st))
		r = err_set(e, -errno, "key file %.150s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		r = err_set(e, -EINVAL, "key file %.150s: not a regular file", path);
	else if (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP))
		r = err_set(e, -EACCES, "key file %.150s: open to others (chmod o-rwx,g-w)", path);
	else
		r = read_all(fd, path, buf, sizeof(buf), &n, e);
	if (!r)
		r = key_of(key, path, span_of(buf, n), id, e);
	mem_wipe(buf, sizeof(buf));
	close(fd);
	return r;
}
