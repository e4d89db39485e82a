/* SPDX-License-Identifier: MIT */
#include "ctl/tokens.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"

#define FILE_MAX 65536

struct tokens {
	char *path;
	struct token *v;
	unsigned n;
	struct timespec mtime;
	off_t size;
	ino_t inode;
	bool told; /* that it is not right */
};

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hash(const char *s, uint8_t out[32])
{
	for (int i = 0; i < 32; i++) {
		int high = nibble(s[2 * i]), low = high < 0 ? -1 : nibble(s[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return !s[64];
}

static bool take_name(const char *s, struct token *t)
{
	size_t n = strlen(s);

	if (!n || n > TOKEN_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return false;
	memcpy(t->name, s, n + 1);
	return true;
}

/* The end of that day, UTC. */
static bool take_day(const char *s, int64_t *out)
{
	struct tm tm = {0};
	const char *end = strptime(s, "%Y-%m-%d", &tm);

	if (!end || *end)
		return false;
	*out = (int64_t)timegm(&tm) + 86400;
	return true;
}

static bool take_uid(const char *s, uid_t *out)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	n = strtoul(s, &end, 10);
	*out = (uid_t)n;
	return !errno && !*end && n < UINT32_MAX;
}

static bool take_word(const char *word, struct token *t)
{
	if (strncmp(word, "uid=", 4) == 0)
		return take_uid(word + 4, &t->uid);
	return strncmp(word, "until=", 6) == 0 && take_day(word + 6, &t->until);
}

/* "" where it is right. */
static const char *take_line(char *line, struct token *t)
{
	char *rest = strchr(line, ':'), *word, *save = NULL;

	*t = (struct token){.uid = (uid_t)-1, .until = INT64_MAX};
	if (!rest)
		return "\"name: sha256\" is expected";
	*rest++ = '\0';
	if (!take_name(line, t))
		return "a name has letters, digits, '.', '_' and '-', and at most 64 of them";
	word = strtok_r(rest, " \t", &save);
	if (!word || !take_hash(word, t->hash))
		return "behind the name 64 hexadecimal digits are expected (pgveil token new)";
	while ((word = strtok_r(NULL, " \t", &save)))
		if (!take_word(word, t))
			return "behind the hash only uid=NUMBER and until=YYYY-MM-DD may stand";
	return "";
}

static int take_all(const char *path, char *text, struct token *v, unsigned *n, struct err *e)
{
	unsigned number = 0;

	for (char *line = text, *next; line && *line; line = next) {
		const char *why;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (*n == TOKENS_MAX)
			return err_set(e, -EINVAL, "%s: more than %d tokens", path, TOKENS_MAX);
		why = take_line(line, &v[*n]);
		for (unsigned i = 0; !*why && i < *n; i++)
			if (strcmp(v[i].name, v[*n].name) == 0)
				why = "that name is there already";
		if (*why)
			return err_set(e, -EINVAL, "%s:%u: %s", path, number, why);
		++*n;
	}
	return 0;
}

/* Nobody but its owner may write a hash into it; who reads it learns nothing but names. */
static int check(const char *path, const struct stat *st, struct err *e)
{
	if (!S_ISREG(st->st_mode) || st->st_size > FILE_MAX)
		return err_set(e, -EINVAL, "%s: no file of at most %d bytes", path, FILE_MAX);
	if (st->st_mode & 077 || (st->st_uid != geteuid() && st->st_uid != 0))
		return err_set(e, -EPERM, "%s: it must be its owner's alone (chmod 600), and he root", path);
	return 0;
}

static int read_file(struct tokens *t, struct err *e)
{
	char *text = malloc(FILE_MAX + 1);
	struct token *v = calloc(TOKENS_MAX, sizeof(*v));
	int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = 0;
	unsigned n = 0;
	struct stat st = {0};
	ssize_t got = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		r = err_set(e, -errno, "%s: %m", t->path);
	else
		r = check(t->path, &st, e);
	if (!r && (!text || !v))
		r = err_set(e, -ENOMEM, "out of memory");
	if (!r && (got = read(fd, text, FILE_MAX)) < 0)
		r = err_set(e, -errno, "%s: %m", t->path);
	if (!r && got >= 0) {
		text[got] = '\0';
		r = strlen(text) == (size_t)got ? take_all(t->path, text, v, &n, e)
						: err_set(e, -EINVAL, "%s: no text", t->path);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	free(t->v);
	t->v = r ? NULL : v;
	t->n = r ? 0 : n;
	if (r)
		free(v);
	t->mtime = st.st_mtim;
	t->size = st.st_size;
	t->inode = st.st_ino;
	return r;
}

int tokens_open(struct tokens **out, const char *path, struct err *e)
{
	struct tokens *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	t->path = strdup(path);
	r = t->path ? read_file(t, e) : err_set(e, -ENOMEM, "out of memory");
	if (r) {
		tokens_close(t);
		return r;
	}
	*out = t;
	return 0;
}

/* Until it is right again there is a word of it, once. */
static void look_again(struct tokens *t)
{
	struct stat st = {0};
	struct err e = {0};

	if (stat(t->path, &st) == 0 && t->v && st.st_mtim.tv_sec == t->mtime.tv_sec &&
		st.st_mtim.tv_nsec == t->mtime.tv_nsec && st.st_size == t->size && st.st_ino == t->inode)
		return;
	if (read_file(t, &e) == 0) {
		t->told = false;
		return;
	}
	if (!t->told)
		log_event(LOG_ERROR, "api.tokens", "no token is taken: %s", e.msg);
	t->told = true;
}

const struct token *tokens_find(struct tokens *t, const char *secret, int64_t now)
{
	const struct token *found = NULL;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	look_again(t);
	if (!secret || !EVP_Digest(secret, strlen(secret), hash, &n, EVP_sha256(), NULL) || n != 32)
		return NULL;
	for (unsigned i = 0; i < t->n; i++)
		if (CRYPTO_memcmp(t->v[i].hash, hash, 32) == 0)
			found = &t->v[i];
	return found && found->until > now ? found : NULL;
}

void tokens_close(struct tokens *t)
{
	if (!t)
		return;
	free(t->v);
	free(t->path);
	free(t);
}
