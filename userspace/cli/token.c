/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/buf.h"

#define SECRET_LEN 32
#define TOKEN_NAME 64

const char token_help[] = "usage: pgveil token new NAME [--uid USER] [--until YYYY-MM-DD]\n"
			  "\n"
			  "Makes a token for the API (pgveild --api). The token is printed once and kept "
			  "nowhere; its line is for "
			  "the file of\n"
			  "pgveild --api-tokens, which has only its hash. The policy's "
			  "approval.approvers.tokens says what NAME "
			  "may approve.\n"
			  "\n"
			  "  --uid USER        whose it is: it approves nothing that he asks for himself, "
			  "and is no second vote of "
			  "his\n"
			  "  --until DATE      the last day that it holds (UTC)\n"
			  "  --json            machine-readable output\n";

enum { OPT_UID = 2000, OPT_UNTIL };

struct wish {
	const char *name, *until;
	long uid; /* -1: none */
};

static void hex(const unsigned char *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static bool name_fits(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return false;
	return n && n <= TOKEN_NAME;
}

static bool take_user(const char *s, long *uid)
{
	const struct passwd *pw;
	char *end;

	if (isdigit((unsigned char)*s)) {
		errno = 0;
		*uid = strtol(s, &end, 10);
		return !errno && !*end && *uid < (long)UINT32_MAX;
	}
	pw = getpwnam(s);
	if (pw)
		*uid = pw->pw_uid;
	return pw != NULL;
}

static bool take_day(const char *s)
{
	struct tm tm = {0};
	const char *end = strptime(s, "%Y-%m-%d", &tm);

	return end && !*end && strlen(s) == 10;
}

static int make(const struct settings *s, const struct wish *w)
{
	unsigned char secret[SECRET_LEN], hash[EVP_MAX_MD_SIZE];
	char token[8 + 2 * SECRET_LEN], digest[65], line[256], owner[32] = "";
	unsigned n = 0;

	if (RAND_bytes(secret, sizeof(secret)) != 1) {
		fprintf(stderr, "pgveil: no randomness\n");
		return 1;
	}
	memcpy(token, "pgveil_", 7);
	hex(secret, sizeof(secret), token + 7);
	if (!EVP_Digest(token, strlen(token), hash, &n, EVP_sha256(), NULL) || n != 32) {
		fprintf(stderr, "pgveil: no SHA-256\n");
		return 1;
	}
	hex(hash, n, digest);
	if (w->uid >= 0)
		snprintf(owner, sizeof(owner), " uid=%ld", w->uid);
	snprintf(line, sizeof(line), "%s: %s%s%s%s", w->name, digest, owner, w->until ? " until=" : "",
		w->until ? w->until : "");
	if (s->json)
		printf("{\"token\": \"%s\", \"line\": \"%s\"}\n", token, line);
	else
		printf("token  %s\nline   %s\n", token, line);
	mem_wipe(secret, sizeof(secret));
	mem_wipe(token, sizeof(token));
	return 0;
}

int cli_token(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"help", no_argument, NULL, 'h'},
		{"uid", required_argument, NULL, OPT_UID}, {"until", required_argument, NULL, OPT_UNTIL},
		{0}};
	struct wish w = {.uid = -1};
	bool bad = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c))
			continue;
		switch (c) {
		case OPT_UID: bad |= !take_user(optarg, &w.uid); continue;
		case OPT_UNTIL:
			w.until = optarg;
			bad |= !take_day(optarg);
			continue;
		default: break;
		}
		fputs(token_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (argc - optind == 2 && strcmp(argv[optind], "new") == 0)
		w.name = argv[optind + 1];
	if (bad || !w.name || !name_fits(w.name)) {
		fputs(token_help, stderr);
		return 2;
	}
	return make(s, &w);
}
