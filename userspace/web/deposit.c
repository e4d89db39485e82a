/* SPDX-License-Identifier: MIT */
#include "web/deposit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STRAYS 16 /* uploads of one name that others left */

/* Whether the store has what its name says. */
enum kept {
	KEPT_OTHER = 0, /* something else */
	KEPT_UNKNOWN,   /* it does not say by what we know it by */
	KEPT_SAME,
};

static enum kept compare(const struct deposit *d, const struct s3_reply *rp)
{
	char etag[DIGEST_ETAG], checksum[DIGEST_CHECKED], whole[DIGEST_BASE64];

	digest_etag(d->digest, etag);
	digest_checksum(d->digest, checksum);
	digest_base64(d->digest->sha256, DIGEST_SHA256, whole);
	/* Of parts some stores say the checksum of the whole. */
	if (rp->checksum[0] && (strcmp(rp->checksum, checksum) == 0 || strcmp(rp->checksum, whole) == 0))
		return KEPT_SAME;
	/* One that is of parts may be of others than ours. */
	if (rp->checksum[0])
		return strchr(rp->checksum, '-') ? KEPT_UNKNOWN : KEPT_OTHER;
	/* Where a store enciphers with keys of its own an ETag is no digest: what differs says nothing. */
	return strcmp(rp->etag, etag) == 0 ? KEPT_SAME : KEPT_UNKNOWN;
}

struct reread {
	struct digest_run *run;
	uint64_t n;
	bool failed;
};

static bool on_bytes(void *arg, const void *p, size_t n)
{
	struct reread *rr = arg;

	rr->n += n;
	rr->failed = digest_run_add(rr->run, p, n) != 0;
	return !rr->failed;
}

/* What the store gives back, by its bytes. */
static int read_back(struct deposit *d, struct s3 *s, enum kept *out, struct err *e)
{
	struct reread rr = {.n = 0};
	uint8_t sha256[DIGEST_SHA256];
	int r = digest_run_new(&rr.run, e);

	if (!r)
		r = s3_get(s, d->key, on_bytes, &rr, e);
	if (!r && (rr.failed || digest_run_end(rr.run, sha256)))
		r = err_set(e, -EIO, "OpenSSL cannot hash");
	digest_run_free(rr.run);
	if (!r)
		*out = rr.n == d->digest->size && memcmp(sha256, d->digest->sha256, DIGEST_SHA256) == 0
			       ? KEPT_SAME
			       : KEPT_OTHER;
	return r;
}

/* What the store says of the object, and where that is not enough, what it gives back. */
static int look(struct deposit *d, struct s3 *s, enum kept *out, struct err *e)
{
	struct s3_reply rp;
	int r = s3_head(s, d->key, &rp, e);

	d->retry_after_s = rp.retry_after_s;
	if (r)
		return r;
	*out = rp.sized && rp.size != d->digest->size ? KEPT_OTHER : compare(d, &rp);
	/* Something else by what it says is proved by its bytes before it is replaced. */
	return *out == KEPT_SAME ? 0 : read_back(d, s, out, e);
}

static int kept_as(struct deposit *d, const char *upload, struct err *e)
{
	strncpy(d->upload, upload, S3_UPLOAD - 1);
	d->upload[S3_UPLOAD - 1] = '\0';
	return d->keep(d->arg, d->upload, e);
}

/* That there is none any more: a store that cannot end one has it end by itself. */
static int forget(struct deposit *d, struct s3 *s, struct err *e)
{
	int r;

	if (!d->upload[0])
		return 0;
	r = s3_upload_abort(s, d->key, d->upload, e);
	return r && r != -ENOENT && r != -EOPNOTSUPP ? r : kept_as(d, "", e);
}

/* Uploads of this name that are not known here: of a daemon that was killed before it could keep the id, or
 * was not told it. takes: one of them is gone on with; the others are ended. */
static int clear_strays(struct deposit *d, struct s3 *s, bool takes, struct err *e)
{
	char(*ids)[S3_UPLOAD] = calloc(STRAYS, S3_UPLOAD);
	unsigned n;
	int r = ids ? s3_uploads(s, d->key, ids, STRAYS, &n, e) : err_set(e, -ENOMEM, "out of memory");

	/* As while credentials are rotated. */
	if (r == -EACCES)
		r = s3_uploads(s, d->key, ids, STRAYS, &n, e);
	/* Who may not list, or asks a store that cannot, leaves it to the store's own rule for them. */
	if (r == -EACCES || r == -EOPNOTSUPP || r == -ENOENT)
		n = 0, r = 0;
	for (unsigned i = 0; !r && i < n; i++) {
		if (strcmp(ids[i], d->upload) == 0)
			continue;
		if (takes && !d->upload[0])
			r = kept_as(d, ids[i], e);
		else
			r = s3_upload_abort(s, d->key, ids[i], e);
		if (r == -ENOENT || r == -EOPNOTSUPP || r == -EACCES)
			r = 0;
	}
	free(ids);
	return r;
}

static bool is_part(const struct deposit *d, const struct s3_part *p)
{
	char md5[2 * DIGEST_MD5 + 1];

	if (p->number < 1 || p->number > d->digest->nparts || p->size != d->digest->parts[p->number - 1].n)
		return false;
	digest_hex(d->digest->parts[p->number - 1].md5, DIGEST_MD5, md5);
	return strcmp(md5, p->etag) == 0;
}

/* Which parts are there already. -ENOENT: the upload is not. */
static int resume(struct deposit *d, struct s3 *s, bool *has, struct err *e)
{
	struct s3_part *parts = calloc(d->digest->nparts, sizeof(*parts));
	unsigned n = 0;
	int r = parts ? s3_upload_parts(s, d->key, d->upload, parts, d->digest->nparts, &n, e)
		      : err_set(e, -ENOMEM, "out of memory");

	for (unsigned i = 0; !r && i < n; i++) {
		if (is_part(d, &parts[i]) && !has[parts[i].number - 1]) {
			has[parts[i].number - 1] = true;
			d->resumed++;
		}
	}
	free(parts);
	/* Not known: each goes again, under its number. */
	return r == -EACCES || r == -EOPNOTSUPP ? 0 : r;
}

static int put_part(struct deposit *d, struct s3 *s, unsigned i, struct err *e)
{
	const struct digest_part *p = &d->digest->parts[i];
	char checksum[DIGEST_BASE64], md5[2 * DIGEST_MD5 + 1];
	struct s3_reply rp;
	int r = s3_upload_part(s, d->key, d->upload, i + 1, d->fd, p, &rp, e);

	d->retry_after_s = rp.retry_after_s;
	if (r)
		return r;
	digest_base64(p->sha256, DIGEST_SHA256, checksum);
	digest_hex(p->md5, DIGEST_MD5, md5);
	if (rp.checksum[0] ? strcmp(rp.checksum, checksum) != 0
			   : strlen(rp.etag) == 2 * DIGEST_MD5 && strcmp(rp.etag, md5) != 0)
		return err_set(e, -EBADMSG, "part %u is something else in the store than was sent", i + 1);
	return 0;
}

static int put_parts(struct deposit *d, struct s3 *s, struct s3_reply *rp, struct err *e)
{
	bool *has = calloc(d->digest->nparts, sizeof(*has));
	int r = has ? clear_strays(d, s, true, e) : err_set(e, -ENOMEM, "out of memory");

	if (!r && d->upload[0]) {
		r = resume(d, s, has, e);
		if (r == -ENOENT)
			r = kept_as(d, "", e);
	}
	if (!r && !d->upload[0]) {
		char id[S3_UPLOAD];

		r = s3_upload_begin(s, d->key, id, rp, e);
		d->retry_after_s = rp->retry_after_s;
		if (!r)
			r = kept_as(d, id, e);
	}
	for (unsigned i = 0; !r && i < d->digest->nparts; i++)
		r = has[i] ? 0 : put_part(d, s, i, e);
	free(has);
	return r;
}

/* The parts become the object. */
static int finish(struct deposit *d, struct s3 *s, bool over, struct s3_reply *rp, struct err *e)
{
	struct err other = {0};
	int r = s3_upload_finish(s, d->key, d->upload, d->digest, over, rp, e);

	d->retry_after_s = rp->retry_after_s;
	if (!r)
		return kept_as(d, "", e);
	/* It is not there any more, or cannot come to its end as it is: the next try begins anew. */
	if ((r == -ENOENT || r == -EPROTO) && forget(d, s, &other) == 0)
		r = err_set(e, -EAGAIN, "the upload in parts could not be ended (%d)", rp->status);
	return r;
}

static int put(struct deposit *d, struct s3 *s, bool over, enum kept *kept, struct err *e)
{
	struct s3_reply rp = {0};
	bool there;
	int r;

	if (d->digest->nparts > 1) {
		r = put_parts(d, s, &rp, e);
		if (!r)
			r = finish(d, s, over, &rp, e);
	} else {
		r = s3_put(s, d->key, d->fd, d->digest, over, &rp, e);
		d->retry_after_s = rp.retry_after_s;
	}
	/* Somebody else did, or it was we, and the answer did not reach us. */
	if (r == -EEXIST || !r)
		*kept = r ? KEPT_UNKNOWN : compare(d, &rp);
	if (r && r != -EEXIST)
		return r;
	if (*kept == KEPT_SAME)
		return 0;
	there = r == -EEXIST;
	r = look(d, s, kept, e);
	/* Who may not read what was there learns of it only by putting it there. */
	return r == -EACCES && there && !over ? put(d, s, true, kept, e) : r;
}

int deposit_put(struct deposit *d, struct s3 *s, struct err *e)
{
	enum kept kept = KEPT_OTHER;
	struct err other = {0};
	int r = look(d, s, &kept, e);

	d->was_there = d->replaced = d->left = false;
	d->resumed = 0;
	/* Who may only write is told neither that it is there nor that it is not. */
	if (r == -ENOENT || r == -EACCES)
		r = put(d, s, false, &kept, e);
	else if (!r)
		d->was_there = kept == KEPT_SAME;
	if (!r && kept != KEPT_SAME) {
		d->replaced = true;
		r = put(d, s, true, &kept, e);
	}
	if (!r && kept != KEPT_SAME)
		r = err_set(e, -EBADMSG, "the store has something else than was sent");
	/* Of what is not there for us to put it into. */
	if (r == -ENOENT)
		r = -EPROTO;
	/* One that is left over cannot take that back; whoever has its id kept tries again. */
	if (!r && forget(d, s, &other))
		d->left = true;
	/* One that was begun, and its id did not reach us. */
	return r || d->digest->nparts == 1 ? r : clear_strays(d, s, false, e);
}
