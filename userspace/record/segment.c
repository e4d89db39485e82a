/* SPDX-License-Identifier: MIT */
#include "record/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "record/be.h"
#include "record/numbered.h"

#define DIGITS ((size_t)16)
#define HASH   ((size_t)64)

size_t segment_put(const struct segment *s, uint8_t body[static SEGMENT_BODY_MAX])
{
	size_t node = s->node.n < SEGMENT_NODE ? s->node.n : SEGMENT_NODE;
	uint8_t *p = put_be(body, SEGMENT_FORMAT, 4);

	memcpy(p, s->previous, ENTRY_HASH);
	p = put_be(p + ENTRY_HASH, s->torn, 8);
	memcpy(p, s->salt, CIPHER_SALT);
	p += CIPHER_SALT;
	if (node)
		memcpy(p, s->node.p, node);
	return (size_t)(p + node - body);
}

enum wire segment_get(struct segment *s, struct span body)
{
	struct cur c = cur_of(body);
	uint32_t format = cur_be32(&c);
	struct span previous = cur_take(&c, ENTRY_HASH), salt;

	s->torn = cur_be64(&c);
	salt = cur_take(&c, CIPHER_SALT);
	s->node = cur_rest(&c);
	if (format != SEGMENT_FORMAT || s->node.n > SEGMENT_NODE || cur_end(&c) != WIRE_OK)
		return WIRE_BAD;
	memcpy(s->previous, previous.p, ENTRY_HASH);
	memcpy(s->salt, salt.p, CIPHER_SALT);
	return WIRE_OK;
}

void segment_name(uint64_t number, char name[static SEGMENT_NAME])
{
	snprintf(name, SEGMENT_NAME, "%016" PRIx64 SEGMENT_SUFFIX, number);
}

/* As a store has it. */
static bool is_hashed(const char *name)
{
	return strlen(name) == DIGITS + 1 + HASH + strlen(SEGMENT_SUFFIX) && name[DIGITS] == '-' &&
	       strspn(name + DIGITS + 1, "0123456789abcdef") == HASH &&
	       strcmp(name + DIGITS + 1 + HASH, SEGMENT_SUFFIX) == 0;
}

static bool number_of(const char *name, uint64_t *out)
{
	char again[SEGMENT_NAME], *end;

	*out = strtoull(name, &end, 16);
	segment_name(*out, again);
	return strcmp(name, again) == 0 || (strncmp(name, again, DIGITS) == 0 && is_hashed(name));
}

int segment_open(int dir_fd, uint64_t number)
{
	char name[SEGMENT_NAME];
	struct dirent *ent;
	uint64_t of;
	int fd, list;
	DIR *d;

	segment_name(number, name);
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	list = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = list < 0 ? NULL : fdopendir(list);
	if (!d) {
		if (list >= 0)
			close(list);
		return -ENOENT;
	}
	while ((ent = readdir(d)))
		if (number_of(ent->d_name, &of) && of == number)
			break;
	fd = ent ? openat(dir_fd, ent->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0)
		fd = ent ? -errno : -ENOENT;
	closedir(d);
	return fd;
}

int segment_list(int dir_fd, uint64_t **out, size_t *n, struct err *e)
{
	return numbered_list(dir_fd, number_of, "the recording", out, n, e);
}
