/* SPDX-License-Identifier: MIT */
#include "ctl/webhook.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>
#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "web/http.h"
#include "ctl/clock.h"
#include "ctl/flood.h"

#define QUEUE_MAX      1000
#define TRIES_MAX      10
#define BACKOFF_MAX_S  60
#define TIMEOUT_S      10u
#define LAST_S         3 /* for what is there when the daemon ends: the recording's last head, for one */
#define SECRET_MIN     16u
#define SECRET_MAX     1024u
#define DROPPED_EACH_S 60
#define PATTERNS_MAX   64

struct item {
	STAILQ_ENTRY(item) next;
	char *body;
};

struct webhook {
	struct http *http;
	char *target; /* of the URL: path and query */
	char *events; /* what patterns point into; NULL: they are ours */
	const char *pattern[PATTERNS_MAX];
	unsigned npatterns;
	uint8_t secret[SECRET_MAX + 1];
	size_t secret_len;
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t thread;
	bool running;
	atomic_bool stopping;
	time_t last; /* stopping: until then */
	STAILQ_HEAD(, item) queue;
	unsigned n;
	uint64_t dropped; /* since it was told */
	time_t told;
	struct flood *flood;
	struct { /* events, since it began */
		uint64_t sent, failed, dropped, suppressed;
	} stats;
};

/* ---- what is told ---- */

static const char *const usual[] = {"approval.*", "grant.*", "limit.*", "stray.*", "foreign.*", "packet.*",
	"socket.*", "connect.refused", "statement.refused", "session.refused", "session.broken",
	"session.killed", "record.*", "ship.failed", "ship.replaced", "allowance.*", "budget.*", "guard.*",
	"admin.refused", "cgroup.unready"};

static bool wanted(const struct webhook *w, const char *event)
{
	for (unsigned i = 0; i < w->npatterns; i++)
		if (fnmatch(w->pattern[i], event, 0) == 0)
			return true;
	return false;
}

/* What a person did, or waits for; how many there can be of it is bounded where it happens. And what a seal
 * says is worth nothing unless it left. */
static bool told_each(const char *event)
{
	static const char *const each[] = {"approval.", "grant.", "record.sealed"};

	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		if (strncmp(event, each[i], strlen(each[i])) == 0)
			return true;
	return false;
}

/* Slack takes three characters for markup. */
static void escaped(FILE *o, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': fputs("&amp;", o); break;
		case '<': fputs("&lt;", o); break;
		case '>': fputs("&gt;", o); break;
		default: fputc(*s, o);
		}
	}
}

static char *text_of(const json_t *line)
{
	static const char *const shown[] = {
		"identity", "cgroup", "database", "kind", "rule", "sqlstate", "reason", "head"};
	const char *event = json_string_value(json_object_get(line, "event"));
	const char *msg = json_string_value(json_object_get(line, "msg"));
	char *text = NULL;
	size_t n;
	FILE *o = open_memstream(&text, &n);

	if (!o)
		return NULL;
	fprintf(o, "pgveil %s: ", event ? event : "");
	escaped(o, msg ? msg : "");
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		const char *value = json_string_value(json_object_get(line, shown[i]));

		if (!value)
			continue;
		fprintf(o, "; %s ", shown[i]);
		escaped(o, value);
	}
	return fclose(o) == 0 ? text : NULL;
}

static char *body_of(json_t *line)
{
	char *text = text_of(line), *body = NULL;
	json_t *o = text ? json_pack("{s:s, s:O}", "text", text, "event", line) : NULL;

	if (o)
		body = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	free(text);
	return body;
}

/* Under the lock. */
static void queue(struct webhook *w, json_t *line)
{
	struct item *x = w->n < QUEUE_MAX && !w->stopping ? calloc(1, sizeof(*x)) : NULL;

	if (x && line)
		x->body = body_of(line);
	if (x && x->body) {
		STAILQ_INSERT_TAIL(&w->queue, x, next);
		w->n++;
	} else {
		free(x);
		w->dropped++;
		w->stats.dropped++;
	}
	pthread_cond_signal(&w->work); /* or there is something to tell of a flood when it is over */
}

static json_t *summary(const struct flooded *of)
{
	char ts[40] = "";
	time_t now = time(NULL);
	struct tm tm;
	json_t *o;

	if (gmtime_r(&now, &tm))
		strftime(ts, sizeof(ts), "%Y-%m-%dT%H:%M:%SZ", &tm);
	o = json_pack("{s:s, s:s, s:s, s:I, s:s}", "ts", ts, "level", "info", "event", of->event,
		"suppressed", (json_int_t)of->events, "msg",
		"so many more of these were not told one by one");
	if (o && of->who[0])
		json_object_set_new(o, "cgroup", json_string(of->who));
	return o;
}

/* Under the lock: what was too much to be told, and may be now. */
static void queue_summaries(struct webhook *w, uint64_t now_ms)
{
	struct flooded of;

	while (flood_over(w->flood, now_ms, &of)) {
		json_t *line = summary(&of);

		queue(w, line);
		json_decref(line);
	}
}

/* Under the lock. */
static bool admits(struct webhook *w, const char *event, const json_t *line)
{
	const char *cgroup = json_string_value(json_object_get(line, "cgroup"));
	json_int_t more = json_integer_value(json_object_get(line, "suppressed"));

	if (told_each(event))
		return true;
	if (more > 0) { /* the log says that it left some out */
		flood_count(w->flood, event, (uint64_t)more, clock_ms());
		w->stats.suppressed += (uint64_t)more;
		return false;
	}
	if (flood_admits(w->flood, event, cgroup ? cgroup : "", clock_ms()))
		return true;
	w->stats.suppressed++;
	return false;
}

void webhook_add(struct webhook *w, const char *event, const char *line, size_t len)
{
	json_t *x;

	if (!wanted(w, event))
		return;
	x = json_loadb(line, len, 0, NULL);
	pthread_mutex_lock(&w->lock);
	queue_summaries(w, clock_ms());
	if (admits(w, event, x))
		queue(w, x);
	else
		pthread_cond_signal(&w->work); /* when its while is over is new to it */
	pthread_mutex_unlock(&w->lock);
	json_decref(x);
}

unsigned webhook_depth(struct webhook *w)
{
	unsigned n = 0;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	n = w->n;
	pthread_mutex_unlock(&w->lock);
	return n;
}

void webhook_metrics(struct webhook *w, struct metric_text *m)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	metric_family(m, METRIC_COUNTER, "pgveil_webhook_events",
		"Events for the webhook: delivered, given up, without room in its queue, and of a flood, "
		"told "
		"of by their number.");
	metric_number(m, METRIC_LABELS("result", "sent"), w->stats.sent);
	metric_number(m, METRIC_LABELS("result", "failed"), w->stats.failed);
	metric_number(m, METRIC_LABELS("result", "dropped"), w->stats.dropped);
	metric_number(m, METRIC_LABELS("result", "suppressed"), w->stats.suppressed);
	pthread_mutex_unlock(&w->lock);
}

/* ---- sending ---- */

static bool sign(
	const struct webhook *w, const char *stamp, const char *body, char out[2 * EVP_MAX_MD_SIZE + 1])
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *text;
	int len = asprintf(&text, "v1:%s:%s", stamp, body);

	if (len < 0)
		return false;
	if (!HMAC(EVP_sha256(), w->secret, (int)w->secret_len, (const uint8_t *)text, (size_t)len, mac, &n))
		n = 0;
	free(text);
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", mac[i]);
	return n > 0;
}

static void on_status(void *arg, int status, unsigned retry_after_s)
{
	(void)retry_after_s;
	*(int *)arg = status;
}

/* 0: taken; -EAGAIN: later, perhaps; -EINVAL: not ever. */
static int send_once(const struct webhook *w, const char *body, char *why, size_t cap)
{
	char stamp[32], mac[2 * EVP_MAX_MD_SIZE + 1], line[2][256];
	const char *const headers[] = {"Content-Type: application/json", line[0], line[1], NULL};
	struct err e = {0};
	int code = 0, r;
	const struct http_request rq = {.method = "POST",
		.target = w->target,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.timeout_s = w->stopping ? 1 : TIMEOUT_S,
		.status = on_status,
		.arg = &code};

	snprintf(stamp, sizeof(stamp), "%lld", (long long)time(NULL));
	if (!sign(w, stamp, body, mac)) {
		snprintf(why, cap, "out of memory");
		return -EAGAIN;
	}
	snprintf(line[0], sizeof(line[0]), "X-Pgveil-Timestamp: %s", stamp);
	snprintf(line[1], sizeof(line[1]), "X-Pgveil-Signature: v1=%s", mac);
	r = http_do(w->http, &rq, &e);
	if (r)
		snprintf(why, cap, "%s", e.msg);
	else
		snprintf(why, cap, "the answer was %d", code);
	if (!r && code >= 200 && code < 300)
		return 0;
	/* a mistake of ours stays one */
	return !r && code >= 400 && code < 500 && code != 408 && code != 429 ? -EINVAL : -EAGAIN;
}

/* Sleeps, unless it is the end. */
static void pause_s(struct webhook *w, time_t seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&w->lock);
	while (!w->stopping && pthread_cond_timedwait(&w->work, &w->lock, &until) == 0)
		;
	pthread_mutex_unlock(&w->lock);
}

static void deliver(struct webhook *w, const char *body)
{
	time_t backoff = 1;
	char why[256] = "";
	int r = -EAGAIN;

	for (int i = 0; i < TRIES_MAX && r == -EAGAIN; i++) {
		r = send_once(w, body, why, sizeof(why));
		if (r != -EAGAIN || i + 1 == TRIES_MAX || w->stopping)
			break;
		pause_s(w, backoff);
		backoff = backoff * 2 < BACKOFF_MAX_S ? backoff * 2 : BACKOFF_MAX_S;
	}
	pthread_mutex_lock(&w->lock);
	w->stats.sent += r == 0;
	w->stats.failed += r != 0;
	pthread_mutex_unlock(&w->lock);
	if (r)
		log_event(LOG_WARN, "webhook.failed", "an event was not delivered: %s", why);
}

static void tell_dropped(struct webhook *w)
{
	time_t now = time(NULL);
	uint64_t n;

	pthread_mutex_lock(&w->lock);
	n = now - w->told >= DROPPED_EACH_S ? w->dropped : 0;
	if (n) {
		w->dropped = 0;
		w->told = now;
	}
	pthread_mutex_unlock(&w->lock);
	if (n)
		log_with(LOG_WARN, "webhook.dropped", LOG_FIELDS(LOG_NUMBER("events", n)),
			"they came faster than they could be delivered");
}

/* Until something was added, or a flood is over. */
static void await(struct webhook *w)
{
	uint64_t at_ms = flood_next_ms(w->flood);
	const struct timespec until = {(time_t)(at_ms / 1000), (long)(at_ms % 1000) * 1000000};

	if (at_ms == UINT64_MAX)
		pthread_cond_wait(&w->work, &w->lock);
	else
		pthread_cond_timedwait(&w->work, &w->lock, &until);
	queue_summaries(w, clock_ms());
}

static struct item *next_item(struct webhook *w)
{
	struct item *x = NULL;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping && STAILQ_EMPTY(&w->queue))
		await(w);
	if (!STAILQ_EMPTY(&w->queue) && (!w->stopping || time(NULL) < w->last)) {
		x = STAILQ_FIRST(&w->queue);
		STAILQ_REMOVE_HEAD(&w->queue, next);
		w->n--;
	}
	pthread_mutex_unlock(&w->lock);
	return x;
}

static void item_free(struct item *x)
{
	free(x->body);
	free(x);
}

static void *webhook_main(void *arg)
{
	struct webhook *w = arg;
	struct item *x;

	while ((x = next_item(w))) {
		deliver(w, x->body);
		item_free(x);
		tell_dropped(w);
	}
	return NULL;
}

/* ---- life ---- */

static int read_secret(struct webhook *w, const char *file, struct err *e)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return err_set(e, -errno, "%s: %m", file);
	n = read(fd, w->secret, sizeof(w->secret));
	close(fd);
	if (n < 0)
		return err_set(e, -EIO, "%s: it cannot be read", file);
	while (n > 0 && (w->secret[n - 1] == '\n' || w->secret[n - 1] == '\r'))
		n--;
	if ((size_t)n < SECRET_MIN || (size_t)n > SECRET_MAX)
		return err_set(e, -EINVAL, "%s: a secret has %u to %u bytes", file, SECRET_MIN, SECRET_MAX);
	w->secret_len = (size_t)n;
	return 0;
}

static int take_events(struct webhook *w, const char *events, struct err *e)
{
	char *rest, *word;

	if (!events) {
		memcpy(w->pattern, usual, sizeof(usual));
		w->npatterns = ARRAY_LEN(usual);
		return 0;
	}
	rest = w->events = strdup(events);
	if (!rest)
		return err_set(e, -ENOMEM, "out of memory");
	while ((word = strsep(&rest, ","))) {
		if (!*word || strspn(word, "abcdefghijklmnopqrstuvwxyz_.*") != strlen(word))
			return err_set(e, -EINVAL,
				"--webhook-events \"%s\": a list of events, as approval.*,statement.refused",
				events);
		if (w->npatterns == PATTERNS_MAX)
			return err_set(e, -EINVAL, "--webhook-events has more than %d", PATTERNS_MAX);
		w->pattern[w->npatterns++] = word;
	}
	return 0;
}

static int take_url(struct webhook *w, const char *url, struct err *e)
{
	const char *host = strstr(url, "://");
	const char *path = host ? host + 3 + strcspn(host + 3, "/?") : NULL;
	char *server = path ? strndup(url, (size_t)(path - url)) : NULL;
	const struct http_config cfg = {.server = server, .proxies = true};
	int r;

	if (!path)
		return err_set(e, -EINVAL, "--webhook: %.100s: no URL", url);
	if (!server ||
		asprintf(&w->target, "%s%.*s", *path == '/' ? "" : "/", (int)strcspn(path, "#"), path) < 0) {
		w->target = NULL;
		free(server);
		return err_set(e, -ENOMEM, "out of memory");
	}
	r = http_new(&w->http, &cfg, e);
	free(server);
	return r;
}

int webhook_open(struct webhook **out, const struct webhook_config *cfg, struct err *e)
{
	pthread_condattr_t attr;
	struct webhook *w;
	int r;

	if (!cfg->secret_file)
		return err_set(e, -EINVAL, "--webhook needs --webhook-secret: what is sent is signed");
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_condattr_destroy(&attr);
	STAILQ_INIT(&w->queue);
	r = take_url(w, cfg->url, e);
	if (!r)
		r = read_secret(w, cfg->secret_file, e);
	if (!r)
		r = take_events(w, cfg->events, e);
	if (!r)
		r = flood_new(&w->flood, cfg->while_ms, e);
	if (r) {
		webhook_close(w);
		return r;
	}
	*out = w;
	return 0;
}

int webhook_start(struct webhook *w, struct err *e)
{
	int r = pthread_create(&w->thread, NULL, webhook_main, w);

	if (r)
		return err_set(e, -r, "the webhook's thread: %s", strerror(r));
	w->running = true;
	return 0;
}

void webhook_close(struct webhook *w)
{
	struct item *x;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	if (w->flood) /* what was not told yet */
		queue_summaries(w, UINT64_MAX);
	w->last = time(NULL) + LAST_S;
	w->stopping = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	if (w->running)
		pthread_join(w->thread, NULL);
	while ((x = STAILQ_FIRST(&w->queue))) {
		STAILQ_REMOVE_HEAD(&w->queue, next);
		item_free(x);
	}
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	mem_wipe(w->secret, sizeof(w->secret));
	flood_free(w->flood);
	free(w->events);
	http_free(w->http);
	free(w->target);
	free(w);
}
