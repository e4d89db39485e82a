/* SPDX-License-Identifier: MIT */
/* verify of what a store has: one recording after another is brought into a directory of its own that nobody
 * else may read, proved there as any other is, and removed. A child does it: whatever becomes of that, the
 * directory goes. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli/sessions.h"
#include "cli/shipment.h"

#define PLACE     "/var/tmp" /* not /tmp, which may be memory */
#define OPEN_DIRS 16
#define NAMED_MAX 1000 /* altered objects, of all recordings; of others it is said how many */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

struct proving {
	struct sessions *s;
	json_t *altered;  /* of the recording under way … */
	uint64_t unnamed; /* … and how many more */
	unsigned named;   /* of all recordings */
	json_t *all;
	bool broken;
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void remove_all(const char *dir)
{
	if (nftw(dir, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
		fprintf(stderr, "pgveil: %s: %s: it has to be removed by hand\n", dir, strerror(errno));
}

static void on_altered(void *arg, const char *key, const char *why)
{
	struct proving *p = arg;

	if (p->named == NAMED_MAX) {
		p->unnamed++;
		return;
	}
	p->named++;
	if (!p->s->settings->json)
		printf("ALTERED: %s: %s\n", key, why);
	json_array_append_new(p->altered, json_pack("{s:s, s:s}", "object", key, "text", why));
}

/* What is left of an altered object is its absence, which the proof finds; but the last of a run may be
 * missing as well, so it counts by itself. */
static int prove_one(struct proving *p, struct shipment *sh, const char *name, const char *dir, struct err *e)
{
	const struct shipment_calls calls = {.altered = on_altered, .arg = p};
	bool itself = strcmp(name, ".") == 0;
	json_t *one = json_pack("{s:s}", "recording", name);
	bool altered;
	int r = 0;

	p->altered = json_array();
	p->unnamed = 0;
	if (!p->s->settings->json)
		printf("recording %s%s\n", sh->prefix, itself ? "" : name);
	if ((size_t)snprintf(p->s->dir, sizeof(p->s->dir), "%s%s%s", dir, itself ? "" : "/",
		    itself ? "" : name) >= sizeof(p->s->dir))
		r = err_set(e, -ENAMETOOLONG, "%s: a path is too long", dir);
	if (!r && mkdir(dir, 0700) < 0)
		r = err_set(e, -errno, "%s: %m", dir);
	if (!r)
		r = shipment_bring(sh, name, dir, &calls, e);
	if (!r && p->unnamed && !p->s->settings->json)
		printf("ALTERED: %llu more\n", (unsigned long long)p->unnamed);
	altered = json_array_size(p->altered) || p->unnamed;
	if (!r && (sessions_verify_here(p->s, one) || altered))
		p->broken = true;
	json_object_set_new(one, "altered", p->altered);
	if (p->unnamed)
		json_object_set_new(one, "altered_more", json_integer((json_int_t)p->unnamed));
	if (altered)
		json_object_set_new(one, "sound", json_false());
	json_array_append_new(p->all, one);
	remove_all(dir);
	return r;
}

static int prove_all(struct proving *p, struct shipment *sh, const char *dir, struct err *e)
{
	char **names = NULL, at[PATH_MAX];
	size_t n = 0;
	int r = shipment_names(sh, &names, &n, e);

	if (!r && !n)
		r = err_set(e, -ENOENT, "%s: there is no recording below it", p->s->from);
	if (!r && n > 1 && (p->s->has_head || p->s->has_signer))
		r = err_set(e, -EINVAL,
			"%zu recordings are there, and --head and --signer are of one: name it, as %s%s does",
			n, sh->prefix, names[0]);
	snprintf(at, sizeof(at), "%s/recording", dir);
	for (size_t i = 0; i < n && !r; i++)
		r = prove_one(p, sh, names[i], at, e);
	shipment_names_free(names);
	return r;
}

static int prove(struct sessions *s, const char *dir)
{
	struct proving p = {.s = s, .all = json_array()};
	struct shipment sh;
	struct err e = {0};
	int r = shipment_open(&sh, s, &e);

	if (!r)
		r = prove_all(&p, &sh, dir, &e);
	shipment_close(&sh);
	if (!r && s->settings->json) {
		json_t *doc = json_pack("{s:b, s:O}", "sound", !p.broken, "recordings", p.all);

		json_dumpf(doc, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(doc);
	} else if (!r) {
		printf("%zu recordings%s\n", json_array_size(p.all),
			p.broken ? ", NOT all sound" : ", all sound");
	}
	json_decref(p.all);
	return r ? sessions_fail(&e) : p.broken;
}

static volatile sig_atomic_t child;

static void hand_on(int sig)
{
	if (child > 0)
		kill((pid_t)child, sig);
}

/* The child's status; it is told of what is to end us, but for what whoever started us has us ignore. */
static int wait_for(pid_t pid, const sigset_t *set, const sigset_t *before)
{
	struct sigaction act = {.sa_handler = hand_on}, was;
	siginfo_t info;
	int status;

	child = (sig_atomic_t)pid;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (sigaction(ends[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
			sigaction(ends[i], &act, NULL);
	sigprocmask(SIG_SETMASK, before, NULL);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		if (errno != EINTR)
			return 1;
	/* Its number may be another's as soon as it is reaped. */
	sigprocmask(SIG_BLOCK, set, NULL);
	child = 0;
	if (waitpid(pid, &status, 0) < 0)
		return 1;
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "pgveil: ended by a signal: %s\n", strsignal(WTERMSIG(status)));
	return 128 + WTERMSIG(status);
}

int sessions_verify_store(struct sessions *s)
{
	const char *place = getenv("TMPDIR");
	char dir[PATH_MAX / 2];
	sigset_t set, before;
	pid_t pid, parent = getpid();
	int r;

	if (!s->endpoint || !s->credentials) {
		fputs("pgveil: verify --from needs --endpoint and --credentials\n", stderr);
		return 2;
	}
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		sigaddset(&set, ends[i]);
	if ((size_t)snprintf(dir, sizeof(dir), "%s/pgveil-verify-XXXXXX", place && *place ? place : PLACE) >=
			sizeof(dir) ||
		sigprocmask(SIG_BLOCK, &set, &before) < 0 || !mkdtemp(dir)) {
		fprintf(stderr, "pgveil: %s: %s\n", dir, strerror(errno));
		return 1;
	}
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return getppid() == parent ? prove(s, dir) : 1;
	}
	if (pid < 0)
		fprintf(stderr, "pgveil: a process cannot be made: %s\n", strerror(errno));
	r = pid < 0 ? 1 : wait_for(pid, &set, &before);
	remove_all(dir);
	return r;
}
