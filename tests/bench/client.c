/* SPDX-License-Identifier: MIT */
/* client: what the benchmark asks PostgreSQL for, with as little work of its own as can be: libpq logs in,
 * the rest is read from the socket by hand, message by message. The environment (PGHOST, …) says whom to ask.
 *
 *   client rows text|binary SQL   one statement: {"seconds", "first_ms", "rows", "bytes"}
 *   client asked                  a statement a line of the input, over one connection, each as text with
 * such a line client connects SECONDS       log in, SELECT 1, close, again: {"seconds", "count"} client idle
 * COUNT             logs in COUNT times, says "ready", holds them until stdin ends */
#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 20)

static void die(const char *what, const char *why)
{
	fprintf(stderr, "client: %s: %s\n", what, why);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static PGconn *login(void)
{
	PGconn *c = PQconnectdb("sslmode=disable gssencmode=disable");

	if (PQstatus(c) != CONNECTION_OK)
		die("login", PQerrorMessage(c));
	return c;
}

/* ---- rows: the socket by hand ---- */

struct reader {
	int fd;
	uint8_t *buf;
	size_t len;
	size_t skip; /* of the message under way, still to come */
	uint64_t rows, bytes;
	double first;
	bool ready;
};

static uint8_t *put32(uint8_t *w, uint32_t v)
{
	v = htobe32(v);
	return mempcpy(w, &v, sizeof(v));
}

static uint8_t *put16(uint8_t *w, uint16_t v)
{
	v = htobe16(v);
	return mempcpy(w, &v, sizeof(v));
}

static uint8_t *finish(uint8_t *start, uint8_t *end)
{
	put32(start + 1, (uint32_t)(end - start - 1));
	return end;
}

/* Parse, Bind, Describe, Execute and Sync, all unnamed: what drivers send for a parametrised query. */
static size_t extended(uint8_t *p, const char *sql, uint16_t format)
{
	uint8_t *w = p, *m = w;

	*m = 'P';
	w = put16((uint8_t *)stpcpy(stpcpy((char *)m + 5, "") + 1, sql) + 1, 0);
	m = finish(m, w);
	*m = 'B';
	m[5] = m[6] = 0;
	w = put16(put16(put16(put16(m + 7, 0), 0), 1), format);
	m = finish(m, w);
	memcpy(m, "D\0\0\0\6P", 7);
	m += 7;
	*m = 'E';
	m[5] = 0;
	m = finish(m, put32(m + 6, 0));
	*m = 'S';
	m = finish(m, m + 5);
	return (size_t)(m - p);
}

static size_t simple(uint8_t *p, const char *sql)
{
	*p = 'Q';
	return (size_t)(finish(p, (uint8_t *)stpcpy((char *)p + 5, sql) + 1) - p);
}

static void take(struct reader *r, const uint8_t *m, size_t total, size_t here)
{
	switch (m[0]) {
	case 'D':
	case 'd':
		if (r->rows++ == 0)
			r->first = now();
		break;
	case 'E': /* S, V, C and M are strings behind each other; what is printed is enough to know it by */
		for (size_t i = 5; i < here; i++)
			fputc(m[i] ? m[i] : ' ', stderr);
		die("the server says", "error");
		break;
	case 'Z': r->ready = true; break;
	}
	r->bytes += total;
}

static void read_some(struct reader *r)
{
	ssize_t n = recv(r->fd, r->buf + r->len, BUFFER - r->len, 0);
	size_t at = 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
		poll(&(struct pollfd){.fd = r->fd, .events = POLLIN}, 1, -1);
		return;
	}
	if (n <= 0)
		die("read", n ? strerror(errno) : "the connection ended");
	r->len += (size_t)n;
	while (!r->ready) {
		size_t left = r->len - at, total;
		uint32_t be;

		if (r->skip) {
			size_t k = left < r->skip ? left : r->skip;

			at += k;
			r->skip -= k;
			if (r->skip)
				break;
			continue;
		}
		if (left < 5)
			break;
		memcpy(&be, r->buf + at + 1, 4);
		total = 1 + (size_t)be32toh(be);
		if (total > left && (r->buf[at] == 'E' || total < BUFFER / 4))
			break; /* small enough to come whole */
		take(r, r->buf + at, total, left < total ? left : total);
		r->skip = total;
	}
	memmove(r->buf, r->buf + at, r->len - at);
	r->len -= at;
}

static void ask(PGconn *c, const char *format, const char *sql)
{
	struct reader r = {.fd = PQsocket(c), .buf = malloc(BUFFER)};
	size_t n;
	double start, end;

	if (!r.buf || strlen(sql) > 60000)
		die("rows", "no memory, or too much of a statement");
	n = strcmp(format, "binary") == 0 ? extended(r.buf, sql, 1) : simple(r.buf, sql);
	start = now();
	if (send(r.fd, r.buf, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send", strerror(errno));
	while (!r.ready)
		read_some(&r);
	end = now();
	printf("{\"seconds\": %.6f, \"first_ms\": %.3f, \"rows\": %lu, \"bytes\": %lu}\n", end - start,
		r.rows ? (r.first - start) * 1e3 : 0, (unsigned long)r.rows, (unsigned long)r.bytes);
	fflush(stdout);
	free(r.buf);
}

static void rows(const char *format, const char *sql)
{
	PGconn *c = login();

	ask(c, format, sql);
	PQfinish(c);
}

static void asked(void)
{
	PGconn *c = login();
	char *line = NULL;
	size_t room = 0;

	for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
		line[n - 1] = '\0';
		ask(c, "text", line);
	}
	free(line);
	PQfinish(c);
}

/* ---- connections ---- */

static void connects(double seconds)
{
	double start = now(), end = start + seconds;
	unsigned long n = 0;

	for (; now() < end; n++) {
		PGconn *c = login();
		PGresult *res = PQexec(c, "SELECT 1");

		if (PQresultStatus(res) != PGRES_TUPLES_OK)
			die("SELECT 1", PQerrorMessage(c));
		PQclear(res);
		PQfinish(c);
	}
	printf("{\"seconds\": %.6f, \"count\": %lu}\n", now() - start, n);
}

static void idle(unsigned n)
{
	struct rlimit files = {n + 64, n + 64};
	PGconn **c = calloc(n ? n : 1, sizeof(PGconn *));
	char line[16];

	setrlimit(RLIMIT_NOFILE, &files);
	if (!c)
		die("idle", "no memory");
	for (unsigned i = 0; i < n; i++) {
		PGresult *res;

		c[i] = login();
		res = PQexec(c[i], "SELECT 1");
		if (PQresultStatus(res) != PGRES_TUPLES_OK)
			die("SELECT 1", PQerrorMessage(c[i]));
		PQclear(res);
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	for (unsigned i = 0; i < n; i++)
		PQfinish(c[i]);
	free(c);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "rows") == 0)
		rows(argv[2], argv[3]);
	else if (argc == 2 && strcmp(argv[1], "asked") == 0)
		asked();
	else if (argc == 3 && strcmp(argv[1], "connects") == 0)
		connects(atof(argv[2]));
	else if (argc == 3 && strcmp(argv[1], "idle") == 0)
		idle((unsigned)atoi(argv[2]));
	else
		die("usage", "rows text|binary SQL, asked, connects SECONDS, idle COUNT");
	return 0;
}
