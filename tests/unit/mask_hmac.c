/* SPDX-License-Identifier: MIT */
#include "mask/hmac.h"

#include "test.h"

static void hex_of(char *hex, const uint8_t mac[HMAC_LEN])
{
	for (size_t i = 0; i < HMAC_LEN; i++)
		sprintf(hex + 2 * i, "%02x", mac[i]);
}

/* RFC 4231, test cases 1 to 3: their keys are shorter than ours, and zeros behind a short key do not change
 * it. */
static void rfc_4231(void **state)
{
	static const struct {
		const char *key, *data, *mac;
	} cases[] = {
		{"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
			"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"Jefe", "what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa",
			"\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
			"\xdd\xdd"
			"\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
			"\xdd\xdd"
			"\xdd\xdd\xdd\xdd",
			"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	};
	uint8_t key[HMAC_KEY_LEN], mac[HMAC_LEN];
	char hex[HMAC_LEN * 2 + 1];
	struct hmac_key ready;
	struct span data;
	size_t i, cut;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		memset(key, 0, sizeof(key));
		memcpy(key, cases[i].key, strlen(cases[i].key));
		hmac_key_init(&ready, key);
		data = span_of(cases[i].data, strlen(cases[i].data));
		/* in two parts, at each byte */
		for (cut = 0; cut <= data.n; cut++) {
			struct span parts[] = {{data.p, cut}, {data.p + cut, data.n - cut}};

			hmac_sha256(&ready, parts, 2, mac);
			hex_of(hex, mac);
			assert_string_equal(hex, cases[i].mac);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rfc_4231)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
