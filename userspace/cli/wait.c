/* SPDX-License-Identifier: MIT */
/* Whether whoever runs this is captured, seen from inside and without any privilege: a connect to an address
 * that nobody has gets to the engine, or to nobody. */
#include "cli/command.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDRESS   "192.0.2.1" /* RFC 5737: for documentation, so nobody's */
#define AGAIN_MS  100
#define ANSWER_MS 2000

const char wait_help[] = "usage: pgveil wait [--port N] [--timeout TIME]\n"
			 "\n"
			 "Waits until the database connections of whoever runs it go to pgveild: for an init "
			 "container, which then "
			 "lets no\n"
			 "container start that is not captured. Needs no privilege and no file of the host. "
			 "It connects to " ADDRESS ", which is\n"
			 "nobody's address: only where connects are redirected does the engine answer there. "
			 "Exit status 0: it "
			 "does; 1: it did\n"
			 "not within the time, and why is said.\n"
			 "\n"
			 "  --port N        a port that the policy names (default: 5432)\n"
			 "  --timeout TIME  60s, 500ms (default: 60s)\n";

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Until fd can be read or written; errno says why not. */
static bool wait_for(int fd, short what, uint64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = what};
	uint64_t now = now_ms();
	int n = poll(&p, 1, now < until_ms ? (int)(until_ms - now) : 0);

	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

static bool connected(int fd, uint16_t port, uint64_t until_ms)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int error = 0;
	socklen_t n = sizeof(error);

	inet_pton(AF_INET, ADDRESS, &to.sin_addr);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, until_ms) ||
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return false;
	errno = error;
	return error == 0;
}

/* The kernel turned it round: else a gateway that accepts everything would do. */
static bool is_turned(int fd)
{
	struct sockaddr_in own = {0};
	socklen_t n = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &n) == 0 &&
	       ntohl(own.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool answers(int fd, uint64_t until_ms)
{
	static const unsigned char ssl_request[8] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
	char answer = 0;

	return send(fd, ssl_request, sizeof(ssl_request), MSG_NOSIGNAL) == (ssize_t)sizeof(ssl_request) &&
	       wait_for(fd, POLLIN, until_ms) && recv(fd, &answer, 1, 0) == 1 &&
	       (answer == 'S' || answer == 'N');
}

/* NULL: captured; else why not. */
static const char *look(uint16_t port, uint64_t until_ms)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	uint64_t limit = now_ms() + ANSWER_MS;
	const char *why = NULL;

	if (limit > until_ms)
		limit = until_ms;
	if (fd < 0)
		return strerror(errno);
	if (!connected(fd, port, limit))
		why = errno == ECONNREFUSED ? "refused: not classified yet, or no pgveild is there"
		      : errno == EACCES     ? "denied: pgveil events on the node says why"
		      : errno == ETIMEDOUT || errno == EHOSTUNREACH || errno == ENETUNREACH
			      ? "not captured: the connect went to the network"
			      : strerror(errno);
	else if (!is_turned(fd))
		why = "not captured: somebody in the network accepts connects to " ADDRESS;
	else if (!answers(fd, limit))
		why = "the engine does not answer";
	close(fd);
	return why;
}

static bool take_time(const char *text, uint64_t *ms)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *text == '-' || v > 86400000)
		return false;
	*ms = strcmp(end, "ms") == 0 ? v : v * 1000;
	return strcmp(end, "ms") == 0 || strcmp(end, "s") == 0;
}

static bool take_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*port = (uint16_t)v;
	return end != text && !*end && v > 0 && v <= UINT16_MAX;
}

static int wait_until(uint16_t port, uint64_t until_ms, bool json)
{
	const char *why;

	while ((why = look(port, until_ms)) && now_ms() + AGAIN_MS < until_ms)
		poll(NULL, 0, AGAIN_MS);
	if (json)
		printf("{\"captured\": %s, \"why\": \"%s\"}\n", why ? "false" : "true", why ? why : "");
	else if (!why)
		printf("captured: connects to port %u go to pgveild\n", port);
	else
		fprintf(stderr, "pgveil: port %u: %s\n", port, why);
	return why != NULL;
}

int cli_wait(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {SETTINGS_OPTIONS, {"port", required_argument, NULL, 'p'},
		{"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	uint64_t limit_ms = 60000;
	uint16_t port = 5432;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (settings_take(s, c) || (c == 'p' && take_port(optarg, &port)) ||
			(c == 't' && take_time(optarg, &limit_ms)))
			continue;
		fputs(wait_help, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (optind < argc) {
		fputs(wait_help, stderr);
		return 2;
	}
	return wait_until(port, now_ms() + limit_ms, s->json);
}
