/* SPDX-License-Identifier: MIT */
#include "ctl/api.h"

#include <errno.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/approvals.h"
#include "ctl/approvals_answer.h"
#include "ctl/clock.h"
#include "ctl/neighbour.h"
#include "ctl/pace.h"
#include "ctl/tokens.h"
#include "net/tls.h"

#define PLACES   64
#define EACH     8 /* of one address */
#define WRONG    5 /* tokens that are none, of one address, and one more each … */
#define WRONG_MS 60000

struct api {
	struct api_config cfg;
	struct tls_context *tls;
	struct tokens *tokens;
	struct reception *reception;
	struct pace wrong;
};

static bool where_of(const char *where, struct sockaddr_storage *at, int *len)
{
	*len = sizeof(*at);
	return evutil_parse_sockaddr_port(where, (struct sockaddr *)at, len) == 0 &&
	       ((struct sockaddr_in *)at)->sin_port != 0; /* the same place in both families */
}

uint16_t api_port(const char *where)
{
	struct sockaddr_storage at = {0};
	int len;

	return where && where_of(where, &at, &len) ? ntohs(((struct sockaddr_in *)&at)->sin_port) : 0;
}

/* A token that is none costs whoever brought it, before it is looked at. */
static const struct token *admit(
	struct api *a, const struct reception_request *r, struct reception_answer *out)
{
	const struct token *t;

	if (!pace_may(&a->wrong, r->key, clock_ms())) {
		approvals_refuse(out, 429, "too many tokens from there were none: come again later");
		return NULL;
	}
	t = tokens_find(a->tokens, r->bearer, time(NULL));
	if (t)
		return t;
	pace_count(&a->wrong, r->key, clock_ms());
	log_event(LOG_WARN, "approval.refused",
		"a token that is none, or that is over, was brought over HTTPS");
	approvals_refuse(out, 401, "a token is needed, and this is none that holds");
	return NULL;
}

static void on_request(void *arg, const struct reception_request *r, struct reception_answer *out)
{
	struct api *a = arg;
	const struct token *t = admit(a, r, out);
	struct approver who = {0};
	struct err e = {0};

	if (!t)
		return;
	if (neighbour_check(r->fd, a->cfg.enrol, a->cfg.mount, &e)) {
		log_with(LOG_WARN, "approval.refused", LOG_FIELDS(LOG_TEXT("token", t->name)), "%s", e.msg);
		approvals_refuse(out, 403, e.msg);
		return;
	}
	who = (struct approver){.uid = t->uid, .token = t->name};
	approvals_answer(a->cfg.approvals, &who, r, out);
}

/* Two daemons listen there while one takes the other's place. */
static int listen_at(const char *where, struct err *e)
{
	struct sockaddr_storage at = {0};
	int len, one = 1, fd;

	if (!where_of(where, &at, &len))
		return err_set(e, -EINVAL, "--api %s: not an address with a port", where);
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "--api %s: %m", where);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, (socklen_t)len) < 0 || listen(fd, PLACES) < 0) {
		int r = err_set(e, -errno, "--api %s: %m", where);

		close(fd);
		return r;
	}
	return fd;
}

static int open_all(struct api *a, struct err *e)
{
	const struct tls_config tls = {
		.server = true, .cert_file = a->cfg.cert_file, .key_file = a->cfg.key_file};
	struct reception_config cfg = {
		.base = a->cfg.base, .fd = -1, .places = PLACES, .each = EACH, .serve = on_request, .arg = a};
	int r = tls_context_new(&a->tls, &tls, e);

	if (!r)
		r = tokens_open(&a->tokens, a->cfg.tokens_file, e);
	if (r)
		return r;
	cfg.tls = a->tls;
	cfg.fd = listen_at(a->cfg.where, e);
	if (cfg.fd < 0)
		return cfg.fd;
	r = reception_open(&a->reception, &cfg, e);
	if (r)
		close(cfg.fd);
	return r;
}

int api_open(struct api **out, const struct api_config *cfg, struct err *e)
{
	struct api *a;
	int r;

	if (!cfg->cert_file || !cfg->key_file || !cfg->tokens_file)
		return err_set(e, -EINVAL, "--api needs --api-cert, --api-key and --api-tokens");
	a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(e, -ENOMEM, "out of memory");
	a->cfg = *cfg;
	a->wrong = (struct pace){.burst = WRONG, .each_ms = WRONG_MS};
	r = open_all(a, e);
	if (r) {
		api_close(a);
		return r;
	}
	log_with(LOG_INFO, "api.listening", LOG_FIELDS(LOG_TEXT("address", cfg->where)),
		"approvals are answered there, to who has a token");
	*out = a;
	return 0;
}

void api_close(struct api *a)
{
	if (!a)
		return;
	reception_close(a->reception);
	tokens_close(a->tokens);
	tls_context_free(a->tls);
	free(a);
}
