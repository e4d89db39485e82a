/* SPDX-License-Identifier: MIT */
/* By what a store knows a file: of one part as md5sum and sha256sum say it, of several as S3 composes it. The
 * expected were made by hashlib, not by what is tested. */
#include "test.h"

#include <fcntl.h>
#include "web/digest.h"

/* n bytes, each its place's remainder by 251. */
static int file_of(size_t n)
{
	char name[] = "/tmp/pgveil-digest-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	for (size_t i = 0; i < n; i++) {
		uint8_t b = (uint8_t)(i % 251);

		assert_int_equal(write(fd, &b, 1), 1);
	}
	return fd;
}

static void known(
	size_t n, uint64_t part, unsigned parts, const char *etag, const char *checksum, const char *hex)
{
	char e1[DIGEST_ETAG], c1[DIGEST_CHECKED], h1[DIGEST_HEX];
	int fd = file_of(n);
	struct digest d;

	assert_int_equal(digest_file(&d, fd, n, part, NULL), 0);
	assert_int_equal(d.nparts, parts);
	digest_etag(&d, e1);
	digest_checksum(&d, c1);
	digest_hex(d.sha256, DIGEST_SHA256, h1);
	assert_string_equal(e1, etag);
	assert_string_equal(c1, checksum);
	assert_string_equal(h1, hex);
	digest_fini(&d);
	close(fd);
}

static void by_its_bytes(void **state)
{
	(void)state;
	known(0, 0, 1, "d41d8cd98f00b204e9800998ecf8427e", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	known(1, 0, 1, "93b885adfe0da089cdf634904fd59f71", "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
	known(1000, 0, 1, "a24f1e3ef66950e1327f210e3997ba2c", "TkwpSzMfeiCZo3m+w0ufn8A9xGq0ZdmY9NaD2lNIfm0=",
		"4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d");
	known(1000, 1000, 1, "a24f1e3ef66950e1327f210e3997ba2c",
		"TkwpSzMfeiCZo3m+w0ufn8A9xGq0ZdmY9NaD2lNIfm0=",
		"4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d");
	known(1000, 300, 4, "92faf3ee18b84a193fa42833a6b68c97-4",
		"HAAJWxH/PfPuYWnP42auz9KWg/bgaQ7YWOEOtBIw6Ng=-4",
		"4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d");
	known(1001, 1000, 2, "8d53c6e2ff1be0ec32b26f8bfe57b2ab-2",
		"iMbaOcwtFbxywQEIzNZ9AYSGcsL+yqEn5rxyH4n8asM=-2",
		"d57f2a1c8961773c8653c0fc54fb91c8f71c62e5f0a61d7c3c8169f5c42ecd52");
	known(5000, 1024, 5, "b3f1797bf057c9247a0f963a1fa4bbb9-5",
		"iX4VVmaye70kvl89mQrS9nXwhyVyxgUIjvdoNegC7Os=-5",
		"69dbee893909fa17d1be397e0c07691336fe42049c29d403467d3d4a1fc3b5a1");
}

static void parts_are_not_too_many(void **state)
{
	int fd = file_of(100000);
	uint64_t n = 0;
	struct digest d;

	(void)state;
	assert_int_equal(digest_file(&d, fd, 100000, 1, NULL), 0);
	assert_true(d.nparts <= DIGEST_PARTS);
	for (unsigned i = 0; i < d.nparts; i++) {
		assert_int_equal(d.parts[i].from, n);
		n += d.parts[i].n;
	}
	assert_int_equal(n, 100000);
	digest_fini(&d);
	close(fd);
}

static void a_file_that_became_shorter(void **state)
{
	struct err e = {0};
	struct digest d;
	int fd = file_of(10);

	(void)state;
	assert_int_equal(digest_file(&d, fd, 11, 0, &e), -EIO);
	assert_non_null(strstr(e.msg, "shorter"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(by_its_bytes),
		cmocka_unit_test(parts_are_not_too_many), cmocka_unit_test(a_file_that_became_shorter)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
