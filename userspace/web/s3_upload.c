/* SPDX-License-Identifier: MIT */
#include "web/s3_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "web/xml.h"

/* "uploadId=…", and before it what sorts before it. */
static int query_of(char *out, size_t cap, const char *before, const char *id, struct err *e)
{
	char text[S3_TEXT];

	if (!s3_escape(id, false, text, sizeof(text)) ||
		(size_t)snprintf(out, cap, "%suploadId=%s", before, text) >= cap)
		return err_set(e, -ENAMETOOLONG, "the name of an upload is too long");
	return 0;
}

int s3_upload_begin(struct s3 *s, const char *key, char id[S3_UPLOAD], struct s3_reply *out, struct err *e)
{
	const struct s3_ask ask = {.method = "POST",
		.key = key,
		.query = "uploads=",
		.body = "",
		.more = "x-amz-checksum-algorithm: SHA256"};
	struct s3_answer a;
	int r = s3_do(s, &ask, &a, e);

	*out = a.reply;
	if (!r && !xml_text(s3_body(&a), "UploadId", id, S3_UPLOAD))
		r = err_set(e, -EIO, "the store does not say how an upload is called");
	free(a.p);
	return r;
}

int s3_upload_part(struct s3 *s, const char *key, const char *id, unsigned number, int fd,
	const struct digest_part *p, struct s3_reply *out, struct err *e)
{
	const struct http_file file = {fd, p->from, p->n};
	char query[S3_TEXT + 64], before[32];
	const struct s3_ask ask = {.method = "PUT",
		.key = key,
		.query = query,
		.file = &file,
		.sha256 = p->sha256,
		.md5 = p->md5,
		.checked = true};
	struct s3_answer a = {.p = NULL};
	int r;

	snprintf(before, sizeof(before), "partNumber=%u&", number);
	r = query_of(query, sizeof(query), before, id, e);
	if (!r)
		r = s3_do(s, &ask, &a, e);
	*out = a.reply;
	free(a.p);
	return r;
}

static char *parts_list(const struct digest *d)
{
	char etag[2 * DIGEST_MD5 + 1], checksum[DIGEST_BASE64], *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	fputs("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", f);
	for (unsigned i = 0; i < d->nparts; i++) {
		digest_hex(d->parts[i].md5, DIGEST_MD5, etag);
		digest_base64(d->parts[i].sha256, DIGEST_SHA256, checksum);
		fprintf(f,
			"<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag><ChecksumSHA256>%s</"
			"ChecksumSHA256></Part>",
			i + 1, etag, checksum);
	}
	fputs("</CompleteMultipartUpload>", f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

int s3_upload_finish(struct s3 *s, const char *key, const char *id, const struct digest *d, bool over,
	struct s3_reply *out, struct err *e)
{
	char query[S3_TEXT + 64], etag[S3_KEY], *list = parts_list(d);
	struct s3_answer a = {.p = NULL};
	int r = list ? query_of(query, sizeof(query), "", id, e) : err_set(e, -ENOMEM, "out of memory");

	*out = (struct s3_reply){0};
	if (!r) {
		const struct s3_ask ask = {.method = "POST",
			.key = key,
			.query = query,
			.body = list,
			.body_len = strlen(list),
			.anew = !over};

		r = s3_do(s, &ask, &a, e);
	}
	if (!r)
		r = s3_judge_body(&a, e);
	*out = a.reply;
	/* What it is known by is in the body, not in the head. */
	out->etag[0] = '\0';
	if (!r && xml_text(s3_body(&a), "ETag", etag, sizeof(etag)))
		s3_etag(etag, strlen(etag), out->etag);
	if (!r && !xml_text(s3_body(&a), "ChecksumSHA256", out->checksum, sizeof(out->checksum)))
		out->checksum[0] = '\0';
	free(a.p);
	free(list);
	return r;
}

int s3_upload_abort(struct s3 *s, const char *key, const char *id, struct err *e)
{
	char query[S3_TEXT + 64];
	const struct s3_ask ask = {.method = "DELETE", .key = key, .query = query};
	struct s3_answer a = {.p = NULL};
	int r = query_of(query, sizeof(query), "", id, e);

	if (!r)
		r = s3_do(s, &ask, &a, e);
	free(a.p);
	return r;
}

int s3_uploads(
	struct s3 *s, const char *key, char (*ids)[S3_UPLOAD], unsigned n, unsigned *found, struct err *e)
{
	char query[2 * S3_TEXT], text[S3_TEXT], of[S3_KEY];
	const struct s3_ask ask = {.method = "GET", .query = query};
	struct s3_answer a = {.p = NULL};
	struct span in, one;
	int r;

	*found = 0;
	if (!s3_escape(key, false, text, sizeof(text)))
		return err_set(e, -ENAMETOOLONG, "the name of an object is too long");
	snprintf(query, sizeof(query), "prefix=%s&uploads=", text);
	r = s3_do(s, &ask, &a, e);
	in = s3_body(&a);
	/* Another one whose name begins so is not meant. */
	while (!r && *found < n && xml_next(&in, "Upload", &one)) {
		if (xml_text(one, "Key", of, sizeof(of)) && strcmp(of, key) == 0 &&
			xml_text(one, "UploadId", ids[*found], S3_UPLOAD))
			++*found;
	}
	free(a.p);
	return r;
}

static int parts_page(struct s3 *s, const char *key, const char *id, unsigned *marker, struct s3_part *parts,
	unsigned n, unsigned *found, struct err *e)
{
	char query[S3_TEXT + 64], more[64] = "", text[64], etag[S3_KEY];
	const struct s3_ask ask = {.method = "GET", .key = key, .query = query};
	struct s3_answer a = {.p = NULL};
	struct span in, one;
	int r;

	if (*marker)
		snprintf(more, sizeof(more), "part-number-marker=%u&", *marker);
	r = query_of(query, sizeof(query), more, id, e);
	*marker = 0;
	if (!r)
		r = s3_do(s, &ask, &a, e);
	in = s3_body(&a);
	while (!r && *found < n && xml_next(&in, "Part", &one)) {
		struct s3_part *p = &parts[*found];

		if (!xml_text(one, "PartNumber", text, sizeof(text)))
			continue;
		p->number = (unsigned)strtoul(text, NULL, 10);
		p->size = xml_text(one, "Size", text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
		if (!xml_text(one, "ETag", etag, sizeof(etag)))
			continue;
		s3_etag(etag, strlen(etag), p->etag);
		++*found;
	}
	if (!r && xml_text(s3_body(&a), "IsTruncated", text, sizeof(text)) && strcmp(text, "true") == 0 &&
		xml_text(s3_body(&a), "NextPartNumberMarker", text, sizeof(text)))
		*marker = (unsigned)strtoul(text, NULL, 10);
	free(a.p);
	return r;
}

int s3_upload_parts(struct s3 *s, const char *key, const char *id, struct s3_part *parts, unsigned n,
	unsigned *found, struct err *e)
{
	unsigned marker = 0, before = 0;
	int r;

	*found = 0;
	do {
		r = parts_page(s, key, id, &marker, parts, n, found, e);
		/* A list that does not go on has no end. */
		if (!r && marker && marker <= before)
			r = err_set(e, -EIO, "the store's list has no end");
		before = marker;
	} while (!r && marker && *found < n);
	return r;
}
