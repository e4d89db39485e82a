/* SPDX-License-Identifier: MIT */
/* pgveil-admission: answers the API server of a cluster. It needs no privilege, keeps nothing, and talks to
 * nobody else. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "admission/inject.h"
#include "admission/judge.h"
#include "admission/server.h"
#include "base/log.h"

#define USERS_MAX 64u

static const struct option longs[] = {
	{"listen", required_argument, NULL, 'l'},
	{"cert", required_argument, NULL, 'c'},
	{"key", required_argument, NULL, 'k'},
	{"daemon", required_argument, NULL, 'd'},
	{"account", required_argument, NULL, 'a'},
	{"wait-image", required_argument, NULL, 'i'},
	{"wait-port", required_argument, NULL, 'p'},
	{"wait-timeout", required_argument, NULL, 't'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct users {
	const char *v[USERS_MAX];
	unsigned n;
};

static void help(FILE *f)
{
	fputs("usage: pgveil-admission --cert FILE --key FILE --daemon USER… [options]\n\n"
	      "Answers a Kubernetes API server (POST /validate) whether somebody may write a\n"
	      "StatementApproval or a StatementGrant.\n\n"
	      "  --listen ADDR:PORT  where (default: [::]:8443)\n"
	      "  --cert FILE         its certificate, with the chain, in PEM; read anew when it changes\n"
	      "  --key FILE          the certificate's key; likewise\n"
	      "  --daemon USER       who pgveild is to the API server:\n"
	      "                      system:serviceaccount:NAMESPACE:NAME; may be repeated\n"
	      "  --account USER      a user whose name begins with \"system:\" and who may approve all the\n"
	      "                      same; may be repeated\n"
	      "  --wait-image IMAGE  POST /mutate gives pods that are made an init container of this image, "
	      "which\n"
	      "                      ends when the pod is captured (pgveil wait); without it none is asked "
	      "for\n"
	      "  --wait-port N       by a connect to this port (default: 5432)\n"
	      "  --wait-timeout TIME after so long it fails, and is started again (default: 120s)\n"
	      "  --help              this text\n",
		f);
}

static bool add_user(struct users *u, const char *name)
{
	if (!*name || u->n == USERS_MAX)
		return false;
	u->v[u->n++] = name;
	return true;
}

/* A user's name may be a person's; that somebody was refused is known without. */
static json_t *validate(void *arg, const json_t *asked)
{
	const json_t *request = json_object_get(asked, "request");
	const char *op = json_string_value(json_object_get(request, "operation"));
	const char *name = json_string_value(json_object_get(request, "name"));
	struct judge_verdict v;
	json_t *answer = judge_review(asked, arg, (int64_t)time(NULL), &v);

	if (!answer || !v.allowed)
		log_with(LOG_WARN, "admission.refused",
			LOG_FIELDS(LOG_TEXT("operation", op ? op : ""), LOG_TEXT("object", name ? name : "")),
			"%s", v.why);
	return answer;
}

static json_t *mutate(void *arg, const json_t *asked)
{
	const struct inject_rules *rules = arg;

	return rules->image ? inject_review(asked, rules) : NULL;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static int run(const struct server_config *cfg)
{
	struct event_base *base = event_base_new();
	struct event *term = base ? evsignal_new(base, SIGTERM, on_end, base) : NULL;
	struct event *intr = base ? evsignal_new(base, SIGINT, on_end, base) : NULL;
	struct server *s = NULL;
	struct err e = {0};
	int r = -ENOMEM;

	if (term && intr && !event_add(term, NULL) && !event_add(intr, NULL))
		r = server_open(&s, base, cfg, &e);
	if (!r) {
		log_with(LOG_INFO, "admission.listening", LOG_FIELDS(LOG_TEXT("address", cfg->listen)),
			"the API server is answered there");
		event_base_dispatch(base);
	} else {
		log_event(LOG_ERROR, "admission.failed", "%s", e.msg[0] ? e.msg : "out of memory");
	}
	server_close(s);
	if (term)
		event_free(term);
	if (intr)
		event_free(intr);
	if (base)
		event_base_free(base);
	return r ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct users daemons, accounts;
	struct judge_rules rules;
	struct inject_rules wait = {.port = "5432", .timeout = "120s"};
	const struct server_page pages[] = {{"/validate", validate, &rules}, {"/mutate", mutate, &wait}};
	struct server_config cfg = {.listen = "[::]:8443", .pages = pages, .npages = ARRAY_LEN(pages)};
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'l': cfg.listen = optarg; break;
		case 'c': cfg.cert_file = optarg; break;
		case 'k': cfg.key_file = optarg; break;
		case 'd': ok = ok && add_user(&daemons, optarg); break;
		case 'a': ok = ok && add_user(&accounts, optarg); break;
		case 'i': wait.image = optarg; break;
		case 'p': wait.port = optarg; break;
		case 't': wait.timeout = optarg; break;
		case 'h': help(stdout); return 0;
		default: ok = false; break;
		}
	}
	if (!ok || optind < argc || !cfg.cert_file || !cfg.key_file || !daemons.n) {
		help(stderr);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	rules = (struct judge_rules){daemons.v, daemons.n, accounts.v, accounts.n};
	return run(&cfg);
}
