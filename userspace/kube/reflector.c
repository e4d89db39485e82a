/* SPDX-License-Identifier: MIT */
#include "kube/reflector.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/splitter.h"

#define PAGE_FIRST        250u /* objects; halved where they are too large together */
#define PAGE_BYTES_MAX    ((size_t)32 << 20)
#define OBJECT_BYTES_MAX  ((size_t)8 << 20) /* etcd takes 1.5 MiB; JSON may be longer than what is stored */
#define VERSION_MAX       128u
#define CONTINUE_MAX      2048u
#define BACKOFF_MIN_MS    500u
#define BACKOFF_MAX_MS    30000u
#define FAILURES_HEARD    1u
#define STEADY_MS         10000u /* a watch that lived so long makes good for what failed before */
#define RETRY_AFTER_MAX_S 600u
#define WATCH_S           240u /* and up to as much again: the server ends it by then */
#define GONE              410  /* HTTP status */
#define REFUSED           500  /* any other, of an ERROR */

enum phase { TO_LIST = 0, LISTING, TO_WATCH, WATCHING };

struct reflector {
	struct reflector_config cfg;
	enum phase phase;
	enum reflector_view view;
	int status;              /* of the answer under way; 0: not yet */
	unsigned page, failures; /* in a row */
	uint64_t not_before, as_of, since, random;
	uint64_t listing;          /* objects of the list under way */
	struct reflector_counts n; /* what is told of it */
	char version[VERSION_MAX]; /* opaque */
	char token[CONTINUE_MAX];  /* of the next page; "": the first */
	bool relist;               /* what is known of it cannot be gone on from */
	bool came;                 /* the page, or something of the watch */
	bool unreadable;           /* or not to be kept */
	int code;                  /* of an ERROR that the watch told; 0: none */
	struct splitter stream;
	char trouble[200];
};

int reflector_new(struct reflector **out, const struct reflector_config *cfg, struct err *e)
{
	struct reflector *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	r->cfg = *cfg;
	r->page = PAGE_FIRST;
	r->random = cfg->seed * 2 + 1;
	*out = r;
	return 0;
}

void reflector_free(struct reflector *r)
{
	if (!r)
		return;
	splitter_fini(&r->stream);
	free(r);
}

/* xorshift64*, 0 … n - 1: it spreads requests and has no secret to keep. */
static uint64_t draw(struct reflector *r, uint64_t n)
{
	r->random ^= r->random >> 12;
	r->random ^= r->random << 25;
	r->random ^= r->random >> 27;
	return r->random * 0x2545f4914f6cdd1dULL % n;
}

/* Behind what the server asked for, if it did. */
static void back_off(struct reflector *r, uint64_t now_ms)
{
	uint64_t ms = (uint64_t)BACKOFF_MIN_MS << (r->failures < 6 ? r->failures : 6);

	r->failures++;
	ms = ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
	ms = ms / 2 + draw(r, ms);
	r->not_before = (r->not_before > now_ms ? r->not_before : now_ms) + ms;
}

/* Selectors and resource versions are encoded by who gave them; a continue token is any text. */
static bool put_encoded(char *out, size_t cap, size_t *n, const char *s)
{
	for (; *s; s++) {
		bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~",
				     *s) != NULL;
		int k = snprintf(out + *n, cap - *n, plain ? "%c" : "%%%02X", (unsigned char)*s);

		if (k < 0 || (size_t)k >= cap - *n)
			return false;
		*n += (size_t)k;
	}
	return true;
}

static bool put_plain(char *out, size_t cap, size_t *n, const char *s)
{
	int k = snprintf(out + *n, cap - *n, "%s", s);

	if (k < 0 || (size_t)k >= cap - *n)
		return false;
	*n += (size_t)k;
	return true;
}

static bool write_target(struct reflector *r, char *out)
{
	const char *selector = r->cfg.selector ? r->cfg.selector : "";
	const size_t cap = REFLECTOR_TARGET_MAX;
	char rest[160];
	size_t n = 0;
	bool ok = put_plain(out, cap, &n, r->cfg.path) && put_plain(out, cap, &n, "?") &&
		  put_plain(out, cap, &n, selector) && put_plain(out, cap, &n, *selector ? "&" : "");

	if (r->phase == TO_LIST) {
		snprintf(rest, sizeof(rest), "limit=%u%s", r->page, r->token[0] ? "&continue=" : "");
		return ok && put_plain(out, cap, &n, rest) && put_encoded(out, cap, &n, r->token);
	}
	snprintf(rest, sizeof(rest),
		"watch=true&allowWatchBookmarks=true&timeoutSeconds=%" PRIu64 "&resourceVersion=",
		WATCH_S + draw(r, WATCH_S));
	return ok && put_plain(out, cap, &n, rest) && put_encoded(out, cap, &n, r->version);
}

bool reflector_next(
	struct reflector *r, uint64_t now_ms, char target[REFLECTOR_TARGET_MAX], uint64_t *wait_ms)
{
	if (r->not_before > now_ms) {
		*wait_ms = r->not_before - now_ms;
		return false;
	}
	if (!write_target(r, target)) {
		r->n.faults[REFLECTOR_UNREADABLE]++;
		/* No token is so long: begin again. */
		r->phase = TO_LIST;
		r->token[0] = '\0';
		snprintf(r->trouble, sizeof(r->trouble), "the request is too long");
		back_off(r, now_ms);
		*wait_ms = r->not_before - now_ms;
		return false;
	}
	if (r->phase == TO_LIST && !r->token[0]) {
		r->listing = 0;
		r->cfg.begin(r->cfg.arg);
	}
	r->phase = r->phase == TO_LIST ? LISTING : WATCHING;
	r->status = r->code = 0;
	r->relist = r->came = r->unreadable = false;
	r->since = now_ms;
	splitter_fini(&r->stream);
	splitter_init(&r->stream, r->phase == LISTING ? PAGE_BYTES_MAX : OBJECT_BYTES_MAX);
	return true;
}

void reflector_status(struct reflector *r, uint64_t now_ms, int status, unsigned retry_after_s)
{
	r->status = status;
	if (status != 200) {
		snprintf(r->trouble, sizeof(r->trouble), "%s: HTTP status %d", r->cfg.path, status);
		r->not_before = now_ms + (uint64_t)(retry_after_s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S
										      : retry_after_s) *
						 1000;
		r->relist = status == GONE; /* too old, or a continue token of yesterday */
	} else if (r->phase == WATCHING) {
		/* The server knows the version: from there on all is heard. */
		r->view = REFLECTOR_CURRENT;
		r->as_of = now_ms;
		r->trouble[0] = '\0';
	}
}

static const char *text_of(const json_t *object, const char *outer, const char *name)
{
	const json_t *o = outer ? json_object_get(object, outer) : object;

	return json_string_value(json_object_get(o, name));
}

/* false: it does not fit, so the next request cannot name it. */
static bool keep_text(char *out, size_t cap, const char *s)
{
	if (!s || strlen(s) >= cap)
		return false;
	strcpy(out, s);
	return true;
}

/* "0" would be any version that the server happens to have. */
static bool keep_version(struct reflector *r, const char *s)
{
	return keep_text(r->version, sizeof(r->version), s) && s[0] && strcmp(s, "0") != 0;
}

static enum wire unreadable(struct reflector *r, const char *what)
{
	r->relist = r->unreadable = true;
	snprintf(r->trouble, sizeof(r->trouble), "%s: %s", r->cfg.path, what);
	return WIRE_BAD;
}

static enum wire page_came(struct reflector *r, const json_t *list)
{
	const json_t *items = json_object_get(list, "items"), *item;
	const char *more = text_of(list, "metadata", "continue");
	size_t i;

	if (r->came || !(json_is_array(items) || json_is_null(items)) ||
		!keep_version(r, text_of(list, "metadata", "resourceVersion")) ||
		!keep_text(r->token, sizeof(r->token), more ? more : ""))
		return unreadable(r, "a list that cannot be read");
	json_array_foreach(items, i, item)
	{
		if (!json_is_object(item) || !r->cfg.put(r->cfg.arg, item))
			return unreadable(r, "a list of which something cannot be kept");
		r->listing++;
	}
	r->came = true;
	return WIRE_OK;
}

static void error_came(struct reflector *r, const json_t *object)
{
	const json_t *code = json_object_get(object, "code");
	const char *message = text_of(object, NULL, "message");

	/* Whatever else the server says of its watch, the place where it stood is not to be trusted. */
	r->relist = true;
	r->code = json_integer_value(code) == GONE ? GONE : REFUSED;
	snprintf(r->trouble, sizeof(r->trouble), "%s: %" JSON_INTEGER_FORMAT " %.120s", r->cfg.path,
		json_integer_value(code), message ? message : "");
}

static enum wire event_came(struct reflector *r, uint64_t now_ms, const json_t *event)
{
	const char *type = text_of(event, NULL, "type");
	const json_t *object = json_object_get(event, "object");
	bool ok = type && json_is_object(object);

	if (ok && strcmp(type, "ERROR") == 0) {
		error_came(r, object);
		return WIRE_BAD;
	}
	if (ok && (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0))
		ok = r->cfg.put(r->cfg.arg, object);
	else if (ok && strcmp(type, "DELETED") == 0)
		r->cfg.gone(r->cfg.arg, object);
	else
		ok = ok && strcmp(type, "BOOKMARK") == 0;
	if (!ok || !keep_version(r, text_of(object, "metadata", "resourceVersion")))
		return unreadable(r, "an event that cannot be read, or kept");
	r->n.objects += strcmp(type, "ADDED") == 0;
	r->n.objects -= strcmp(type, "DELETED") == 0 && r->n.objects;
	r->n.events++;
	r->as_of = now_ms;
	r->came = true;
	return WIRE_OK;
}

static enum wire object_came(struct reflector *r, uint64_t now_ms, struct span text)
{
	json_t *o = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	enum wire w;

	if (!o)
		return unreadable(r, "no JSON, or no memory");
	w = r->phase == WATCHING ? event_came(r, now_ms, o) : page_came(r, o);
	json_decref(o);
	return w;
}

enum wire reflector_body(struct reflector *r, uint64_t now_ms, const void *bytes, size_t n)
{
	enum wire w = WIRE_OK;
	struct span object;
	int rc;

	if (r->status != 200) /* that says all; what follows is anybody's words, and as long as he likes */
		return WIRE_BAD;
	rc = splitter_put(&r->stream, bytes, n);
	if (rc == -EMSGSIZE && r->phase == LISTING)
		r->page = r->page > 1 ? r->page / 2 : 1;
	if (rc)
		return unreadable(r, rc == -EMSGSIZE ? "more at once than is taken" : "no memory");
	while (w == WIRE_OK && (w = splitter_next(&r->stream, &object)) == WIRE_OK)
		w = object_came(r, now_ms, object);
	if (w == WIRE_BAD && !r->relist)
		return unreadable(r, "something that is no object");
	return w == WIRE_BAD ? WIRE_BAD : WIRE_OK;
}

static enum reflector_fault fault_of(const struct reflector *r)
{
	switch (r->code ? r->code : r->status) {
	case 0: return REFLECTOR_UNREACHED;
	case 200: return r->unreadable ? REFLECTOR_UNREADABLE : REFLECTOR_BROKEN;
	case 401:
	case 403: return REFLECTOR_FORBIDDEN;
	case GONE: return REFLECTOR_EXPIRED;
	case 429: return REFLECTOR_BUSY;
	default: return REFLECTOR_STATUS;
	}
}

static void list_ended(struct reflector *r, uint64_t now_ms, bool whole)
{
	r->phase = TO_LIST;
	if (!whole || !r->came || r->relist || r->status != 200) {
		if (!r->trouble[0])
			snprintf(r->trouble, sizeof(r->trouble), "%s: a list broke off", r->cfg.path);
		r->token[0] = '\0'; /* from the first page: of an old one the rest may be another list's */
		r->n.faults[fault_of(r)]++;
		back_off(r, now_ms);
		return;
	}
	if (r->token[0])
		return;
	r->cfg.listed(r->cfg.arg);
	r->n.lists++;
	r->n.objects = r->listing;
	r->as_of = now_ms;
	r->view = r->view == REFLECTOR_BLIND ? REFLECTOR_STALE : r->view; /* until the watch is heard */
	r->phase = TO_WATCH;
}

static void watch_ended(struct reflector *r, uint64_t now_ms, bool whole)
{
	bool well = whole && r->status == 200 && !r->relist;

	r->phase = r->relist ? TO_LIST : TO_WATCH;
	r->token[0] = '\0';
	if (r->status == 200 && now_ms - r->since >= STEADY_MS)
		r->failures = 0;
	/* It may be cut again and again; but who hears something is not kept blind for half a minute. */
	if (r->status == 200 && r->came && r->failures > FAILURES_HEARD)
		r->failures = FAILURES_HEARD;
	if (well && (r->came || now_ms - r->since >= STEADY_MS))
		return; /* its time was up */
	r->view = REFLECTOR_STALE;
	if (!r->trouble[0])
		snprintf(r->trouble, sizeof(r->trouble), "%s: the watch broke off", r->cfg.path);
	r->n.faults[fault_of(r)]++;
	back_off(r, now_ms);
}

void reflector_end(struct reflector *r, uint64_t now_ms, bool whole)
{
	whole = whole && splitter_between(&r->stream);
	splitter_fini(&r->stream);
	if (r->phase == LISTING)
		list_ended(r, now_ms, whole);
	else
		watch_ended(r, now_ms, whole);
}

enum reflector_view reflector_view(const struct reflector *r)
{
	return r->view;
}

uint64_t reflector_as_of(const struct reflector *r)
{
	return r->as_of;
}

const char *reflector_trouble(const struct reflector *r)
{
	return r->trouble;
}

void reflector_count(const struct reflector *r, struct reflector_counts *out)
{
	*out = r->n;
}

const char *reflector_fault_name(enum reflector_fault f)
{
#define X(name, word) word,
	static const char *const names[] = {REFLECTOR_FAULTS(X)};
#undef X

	return names[f];
}
