/* SPDX-License-Identifier: MIT */
#include "record/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "record/pack.h"
#include "record/scan.h"

struct reader {
	int dir_fd;
	bool bodies, has_key, has_signer;
	uint32_t kinds;
	uint64_t session, from;
	uint8_t key[CIPHER_KEY];
	uint64_t *segments;
	size_t nsegments, at; /* at: the one that comes next */
	bool open;
	struct scan scan;
	struct packer *packer;
	struct cipher *cipher;
	uint8_t salt[CIPHER_SALT]; /* what cipher is for */
	uint8_t *packed, *body;    /* deciphered, and unpacked */
	size_t packed_cap, body_cap;
	struct reader_report report;
};

const char *reader_fault_name(enum reader_fault f)
{
	static const char *const name[] = {
#define X(id, word, text) [FAULT_##id] = (word),
		READER_FAULTS(X)
#undef X
	};

	return name[f];
}

const char *reader_fault_text(enum reader_fault f)
{
	static const char *const text_of[] = {
#define X(id, word, text) [FAULT_##id] = (text),
		READER_FAULTS(X)
#undef X
	};

	return text_of[f];
}

int reader_open(struct reader **out, const struct reader_config *cfg, struct err *e)
{
	struct reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	r->bodies = cfg->bodies;
	r->kinds = cfg->kinds ? cfg->kinds : UINT32_MAX;
	r->session = cfg->session;
	r->from = cfg->from;
	r->has_key = cfg->key;
	r->has_signer = cfg->signer;
	r->scan.fd = -1;
	if (cfg->key)
		memcpy(r->key, cfg->key, CIPHER_KEY);
	if (cfg->signer)
		memcpy(r->report.signer, cfg->signer, SEAL_PUBLIC);
	r->dir_fd = open(cfg->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = r->dir_fd < 0 ? err_set(e, -errno, "%s: %m", cfg->dir)
			   : segment_list(r->dir_fd, &r->segments, &r->nsegments, e);
	if (!rc && cfg->bodies)
		rc = packer_new(&r->packer, e);
	if (rc) {
		reader_close(r);
		return rc;
	}
	r->report.oldest = r->nsegments ? r->segments[0] : 0;
	while (r->at + 1 < r->nsegments && r->segments[r->at + 1] <= cfg->from)
		r->at++;
	*out = r;
	return 0;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	if (r->open)
		scan_close(&r->scan);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	packer_free(r->packer);
	cipher_free(r->cipher);
	free(r->segments);
	free(r->packed);
	free(r->body);
	mem_wipe(r->key, sizeof(r->key));
	free(r);
}

const struct reader_report *reader_report(const struct reader *r)
{
	return &r->report;
}

static int fault(struct reader *r, enum reader_fault f, struct err *e)
{
	r->report.fault = f;
	return err_set(
		e, -EBADMSG, "record %llu: %s", (unsigned long long)r->report.number, reader_fault_name(f));
}

/* ---- from one file to the next ---- */

static int open_segment(struct reader *r, struct err *e)
{
	struct reader_report *rep = &r->report;
	uint64_t number = r->segments[r->at];
	int rc = scan_open(&r->scan, r->dir_fd, number, e);

	if (rc)
		return rc;
	r->open = true;
	r->at++;
	rep->segment = number;
	if (rep->segments++ == 0)
		rep->first = rep->number = number;
	else if (number != rep->number)
		return fault(r, FAULT_SEGMENT, e);
	return 0;
}

/* The file is at its end. 0: there is another; 1: that was the last. */
static int leave_segment(struct reader *r, enum scan_result how, struct err *e)
{
	struct reader_report *rep = &r->report;
	uint64_t left = how == SCAN_END ? 0 : scan_left(&r->scan);
	int rc;

	if (r->at == r->nsegments) {
		rep->torn = left;
		return 1;
	}
	scan_close(&r->scan);
	r->open = false;
	/* Looked at before it is taken: what it says of the end of the one before. */
	rep->torn = left;
	rc = open_segment(r, e);
	return rc;
}

/* The first entry of a file, which the scan found whole. */
static int join(struct reader *r, struct err *e)
{
	struct reader_report *rep = &r->report;
	const struct segment *s = &r->scan.segment;

	if (rep->segments > 1 && memcmp(s->previous, rep->hash, ENTRY_HASH) != 0)
		return fault(r, FAULT_SEGMENT, e);
	if (rep->segments > 1 && s->torn != rep->torn)
		return fault(r, FAULT_CUT, e);
	rep->torn = 0;
	return 0;
}

/* ---- one record ---- */

static int check_seal(struct reader *r, struct err *e)
{
	struct reader_report *rep = &r->report;
	const struct scan *s = &r->scan;
	const uint8_t *by;
	int rc = seal_check(s->entry.number, s->entry.time_us, s->before, s->body, &by, e);

	if (rc)
		return rc == -EBADMSG ? fault(r, FAULT_SEAL, e) : rc;
	if (!r->has_signer)
		memcpy(rep->signer, by, SEAL_PUBLIC);
	r->has_signer = true;
	if (memcmp(rep->signer, by, SEAL_PUBLIC) != 0)
		return fault(r, FAULT_SIGNER, e);
	rep->seals++;
	rep->sealed = s->entry.number;
	return 0;
}

static int cipher_of_segment(struct reader *r, struct err *e)
{
	const uint8_t *salt = r->scan.segment.salt;

	if (r->cipher && memcmp(r->salt, salt, CIPHER_SALT) == 0)
		return 0;
	cipher_free(r->cipher);
	r->cipher = NULL;
	memcpy(r->salt, salt, CIPHER_SALT);
	return cipher_new(&r->cipher, r->key, salt, e);
}

/* Bounded by what an entry may say of itself. */
static int room(uint8_t **p, size_t *cap, size_t n, struct err *e)
{
	uint8_t *more = n < *cap ? *p : realloc(*p, n + 1);

	if (!more)
		return err_set(e, -ENOMEM, "out of memory");
	if (n >= *cap)
		*cap = n + 1;
	*p = more;
	return 0;
}

static int open_body(struct reader *r, struct read_record *out, struct err *e)
{
	const struct entry *en = &r->scan.entry;
	uint8_t about[ENTRY_ABOUT];
	struct span body = r->scan.body;
	int rc;

	if (en->flags & ENTRY_AES) {
		if (!r->has_key)
			return 0;
		rc = cipher_of_segment(r, e);
		if (!rc)
			rc = room(&r->packed, &r->packed_cap, body.n, e);
		if (rc)
			return rc;
		entry_about(en, about);
		if (cipher_open(r->cipher, span_of(about, ENTRY_ABOUT), body, r->packed, e))
			return fault(r, FAULT_KEY, e);
		body = span_of(r->packed, body.n - CIPHER_MORE);
	}
	if (en->flags & ENTRY_ZSTD) {
		rc = room(&r->body, &r->body_cap, en->raw, e);
		if (rc)
			return rc;
		if (unpack(r->packer, body, r->body, en->raw, e))
			return fault(r, FAULT_BODY, e);
		body = span_of(r->body, en->raw);
	}
	if (body.n != en->raw)
		return fault(r, FAULT_BODY, e);
	out->body = body;
	out->opened = true;
	return 0;
}

static bool wants_body(const struct reader *r, const struct entry *en)
{
	return r->bodies && r->kinds >> en->kind & 1 && en->number >= r->from &&
	       (!r->session || en->session == r->session);
}

static int take(struct reader *r, struct read_record *out, struct err *e)
{
	struct reader_report *rep = &r->report;
	struct scan *s = &r->scan;
	int rc = 0;

	if (s->entry.kind == RECORD_SEGMENT)
		rc = join(r, e);
	if (!rc && s->entry.number != rep->number)
		rc = fault(r, FAULT_ORDER, e);
	if (!rc && s->entry.kind == RECORD_SEAL)
		rc = check_seal(r, e);
	*out = (struct read_record){.entry = s->entry, .hash = rep->hash};
	if (!rc && wants_body(r, &s->entry))
		rc = open_body(r, out, e);
	if (rc)
		return rc;
	memcpy(rep->hash, s->chain, ENTRY_HASH);
	rep->number++;
	rep->records++;
	return 1;
}

int reader_next(struct reader *r, struct read_record *out, struct err *e)
{
	int rc = r->report.fault ? fault(r, r->report.fault, e) : 0;

	if (!rc && !r->open)
		rc = r->at < r->nsegments ? open_segment(r, e) : 1;
	while (!rc) {
		enum scan_result how = scan_next(&r->scan, e);

		switch (how) {
		case SCAN_ENTRY: return take(r, out, e);
		case SCAN_BAD: return fault(r, FAULT_ALTERED, e);
		case SCAN_FAILED: return e && e->code ? e->code : -EIO;
		case SCAN_TORN:
		case SCAN_END: rc = leave_segment(r, how, e); break;
		}
	}
	return rc < 0 ? rc : 0;
}

int reader_follow(struct reader *r, struct err *e)
{
	uint64_t *segments;
	size_t n;
	int rc = r->open ? scan_again(&r->scan, e) : 0;

	if (!rc)
		rc = segment_list(r->dir_fd, &segments, &n, e);
	if (rc)
		return rc;
	free(r->segments);
	r->segments = segments;
	r->nsegments = n;
	/* Those that were read may be gone. */
	for (r->at = 0; r->open && r->at < n && segments[r->at] <= r->report.segment;)
		r->at++;
	r->report.oldest = n ? segments[0] : 0;
	r->report.torn = 0;
	r->from = r->report.number;
	return 0;
}
