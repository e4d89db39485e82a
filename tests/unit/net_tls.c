/* SPDX-License-Identifier: MIT */
/* Both ends in one process: ours non-blocking, the server's (OpenSSL's own, with a certificate made here) in
 * a thread that echoes. */
#include "test.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include "net/tls.h"

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

static struct identity one, two;
static char ca_file[64];

static struct identity make_identity(const char *san)
{
	struct identity id = {EVP_EC_gen("P-256"), X509_new()};
	X509_NAME *name = X509_get_subject_name(id.cert);
	X509_EXTENSION *ext;

	X509_set_version(id.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)san, -1, -1, 0);
	X509_set_issuer_name(id.cert, name);
	X509_set_pubkey(id.cert, id.key);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	assert_non_null(ext);
	X509_add_ext(id.cert, ext, -1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(id.cert, id.key, EVP_sha256()) > 0);
	return id;
}

static void trust(const struct identity *id)
{
	char fresh[80];
	FILE *f;

	/* Replaced as an administrator would: another inode under the same name. */
	snprintf(fresh, sizeof(fresh), "%s.new", ca_file);
	f = fopen(fresh, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, id->cert), 1);
	fclose(f);
	assert_int_equal(rename(fresh, ca_file), 0);
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	one = make_identity("DNS:db.example,IP:192.0.2.1,IP:2001:db8::1");
	two = make_identity("DNS:other.example");
	snprintf(ca_file, sizeof(ca_file), "/tmp/ca.XXXXXX");
	fd = mkstemp(ca_file);
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(one.key);
	EVP_PKEY_free(two.key);
	X509_free(one.cert);
	X509_free(two.cert);
	return unlink(ca_file);
}

struct server {
	pthread_t thread;
	const struct identity *id;
	int fd;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	static __thread char buf[65536];
	SSL *ssl;
	int n;

	SSL_CTX_use_certificate(ctx, s->id->cert);
	SSL_CTX_use_PrivateKey(ctx, s->id->key);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, s->fd);
	if (SSL_accept(ssl) == 1) {
		while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0 && SSL_write(ssl, buf, n) == n)
			;
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(s->fd);
	return NULL;
}

static int start_server(struct server *s, const struct identity *id)
{
	int fd[2], small = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	/* Writes must run into the end of the buffer. */
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	s->id = id;
	s->fd = fd[1];
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return fd[0];
}

static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	assert_int_equal(poll(&p, 1, 10000), 1);
}

/* Connects to id's server as host: what tls_handshake ended with. */
static int shake(const struct tls_config *cfg, const struct identity *id, const char *host)
{
	struct tls_context *c = NULL;
	struct tls *t = NULL;
	struct server s;
	short events;
	int fd = start_server(&s, id), r;

	assert_int_equal(tls_context_new(&c, cfg, NULL), 0);
	assert_int_equal(tls_new(&t, c, fd, host, NULL), 0);
	while ((r = tls_handshake(t, &events, NULL)) == -EAGAIN)
		wait_for(fd, events);
	tls_free(t);
	tls_context_free(c);
	close(fd);
	pthread_join(s.thread, NULL);
	return r;
}

static void verify_full_takes_the_right_name_only(void **state)
{
	const struct tls_config cfg = {.verify_full = true, .ca_file = ca_file};

	(void)state;
	trust(&one);
	assert_int_equal(shake(&cfg, &one, "db.example"), 1);
	assert_int_equal(shake(&cfg, &one, "192.0.2.1"), 1);
	assert_int_equal(shake(&cfg, &one, "2001:db8::1"), 1);
	assert_int_equal(shake(&cfg, &one, "db.example.org"), -EACCES);
	assert_int_equal(shake(&cfg, &one, "192.0.2.2"), -EACCES);
	assert_int_equal(shake(&cfg, &two, "other.example"), -EACCES);
}

static void the_system_s_store_does_not_know_it(void **state)
{
	const struct tls_config cfg = {.verify_full = true};

	(void)state;
	assert_int_equal(shake(&cfg, &one, "db.example"), -EACCES);
}

static void require_takes_any_unless_a_ca_is_named(void **state)
{
	struct tls_config cfg = {.verify_full = false};

	(void)state;
	assert_int_equal(shake(&cfg, &one, "whoever.example"), 1);
	trust(&two);
	cfg.ca_file = ca_file;
	assert_int_equal(shake(&cfg, &one, "whoever.example"), -EACCES);
	assert_int_equal(shake(&cfg, &two, "whoever.example"), 1);
}

static int try_once(struct tls_context *c, const struct identity *id, const char *host)
{
	struct tls *t = NULL;
	struct server s;
	short events;
	int fd = start_server(&s, id), r = tls_new(&t, c, fd, host, NULL);

	while (!r && (r = tls_handshake(t, &events, NULL)) == -EAGAIN) {
		wait_for(fd, events);
		r = 0;
	}
	tls_free(t);
	close(fd);
	pthread_join(s.thread, NULL);
	return r;
}

static void files_are_read_again_when_they_change(void **state)
{
	const struct tls_config cfg = {.verify_full = true, .ca_file = ca_file};
	struct tls_context *c = NULL;

	(void)state;
	trust(&one);
	assert_int_equal(tls_context_new(&c, &cfg, NULL), 0);
	assert_int_equal(try_once(c, &one, "db.example"), 1);
	trust(&two);
	assert_int_equal(try_once(c, &one, "db.example"), -EACCES);
	assert_int_equal(try_once(c, &two, "other.example"), 1);
	unlink(ca_file);
	assert_int_equal(try_once(c, &two, "other.example"), -EINVAL);
	trust(&one);
	assert_int_equal(try_once(c, &one, "db.example"), 1);
	tls_context_free(c);
}

#define TOTAL ((size_t)3 << 20)

/* As an output queue gives it: what is left, cut into spans that change between two tries of the same bytes.
 */
static int cut(const uint8_t *p, size_t left, unsigned try, struct iovec iov[8])
{
	static const size_t size[] = {1, 3, 700, 5000, 17000, 60000, 16384, 2};
	int n = 0;

	for (unsigned i = 0; i < 8 && left; i++) {
		size_t k = size[(i + try) % 8];

		/* A later try may have more in one span, never less in all. */
		if (k > left)
			k = left;
		iov[n++] = (struct iovec){(void *)p, k};
		p += k;
		left -= k;
	}
	return n;
}

static void all_bytes_come_back(void **state)
{
	const struct tls_config cfg = {.verify_full = false};
	uint8_t *out = malloc(TOTAL), *in = malloc(TOTAL);
	size_t wrote = 0, got = 0;
	struct tls_context *c = NULL;
	struct tls *t = NULL;
	struct server s;
	unsigned tries = 0, blocked = 0;
	short events, want;
	int fd = start_server(&s, &one), r;

	(void)state;
	for (size_t i = 0; i < TOTAL; i++)
		out[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
	assert_int_equal(tls_context_new(&c, &cfg, NULL), 0);
	assert_int_equal(tls_new(&t, c, fd, "x", NULL), 0);
	while ((r = tls_handshake(t, &events, NULL)) == -EAGAIN)
		wait_for(fd, events);
	assert_int_equal(r, 1);
	while (got < TOTAL) {
		struct iovec iov[8];
		ssize_t n;

		want = 0;
		if (wrote < TOTAL) {
			n = tls_write(t, iov, cut(out + wrote, TOTAL - wrote, blocked ? 4 : tries++ % 4, iov),
				&events, NULL);
			assert_true(n > 0 || n == -EAGAIN);
			blocked = n == -EAGAIN;
			want |= n < 0 ? events : 0;
			wrote += n > 0 ? (size_t)n : 0;
		}
		n = tls_read(t, in + got, TOTAL - got, &events, NULL);
		assert_true(n > 0 || n == -EAGAIN);
		got += n > 0 ? (size_t)n : 0;
		if (n < 0 && (blocked || wrote == TOTAL))
			wait_for(fd, want | events);
	}
	assert_memory_equal(in, out, TOTAL);
	shutdown(fd, SHUT_WR);
	pthread_join(s.thread, NULL);
	tls_free(t);
	tls_context_free(c);
	close(fd);
	free(out);
	free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verify_full_takes_the_right_name_only),
		cmocka_unit_test(the_system_s_store_does_not_know_it),
		cmocka_unit_test(require_takes_any_unless_a_ca_is_named),
		cmocka_unit_test(files_are_read_again_when_they_change),
		cmocka_unit_test(all_bytes_come_back),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
