/* SPDX-License-Identifier: MIT */
/* A segment that somebody made, with a chain that holds: what stands in it is still not to be trusted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "record/be.h"
#include "record/reader.h"
#include "record/segment.h"

static char dir[] = "/dev/shm/record_reader.XXXXXX";
static int dir_fd = -1;
static volatile uint8_t sum; /* so that every byte of a body is read */

static void clean_up(void)
{
	char name[SEGMENT_NAME];

	segment_name(0, name);
	unlinkat(dir_fd, name, 0);
	rmdir(dir);
}

/* Of each entry: kind, flags, two bytes of its length, two of the one it claims to have had, the body. */
static void build(int fd, const uint8_t *p, size_t n)
{
	uint8_t head[ENTRY_HEAD], chain[ENTRY_HASH] = {0}, digest[ENTRY_HASH];
	struct segment s = {.node = SPAN_LIT("here")};
	uint8_t body[SEGMENT_BODY_MAX];
	struct entry en = {.kind = RECORD_SEGMENT};
	struct span b = {body, segment_put(&s, body)};
	struct cur c = cur_of(span_of(p, n));

	en.length = en.raw = (uint32_t)b.n;
	do {
		entry_put(&en, head);
		entry_digest(b, digest);
		entry_chain(chain, head, digest);
		if (write(fd, head, sizeof(head)) < 0 || write(fd, b.p, b.n) < 0 ||
			write(fd, chain, sizeof(chain)) < 0)
			abort();
		en.number++;
		en.kind = cur_u8(&c);
		en.flags = cur_u8(&c);
		en.length = cur_be16(&c);
		en.raw = cur_be16(&c);
		b = en.length > cur_left(&c) ? cur_rest(&c) : cur_take(&c, en.length);
		en.length = (uint32_t)b.n;
	} while (!c.bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t key[CIPHER_KEY];
	const struct reader_config cfg = {.dir = dir, .key = key, .bodies = true};
	struct read_record rec;
	char name[SEGMENT_NAME];
	struct reader *r;
	struct err e = {0};
	int fd;

	if (dir_fd < 0) {
		if (!mkdtemp(dir))
			abort();
		dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
		atexit(clean_up);
	}
	segment_name(0, name);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	build(fd, p, n);
	close(fd);
	if (reader_open(&r, &cfg, &e))
		abort();
	while (reader_next(r, &rec, &e) == 1) {
		for (size_t i = 0; i < rec.body.n; i++)
			sum ^= rec.body.p[i];
	}
	reader_close(r);
	return 0;
}
