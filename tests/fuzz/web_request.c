/* SPDX-License-Identifier: MIT */
/* Any bytes as the head of a request: never a crash, and the same whether they come at once or one after the
 * other; what is taken has no line that another reader would end elsewhere. */
#include <assert.h>
#include <string.h>
#include "web/request.h"

#define MAX 512u

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct request r, piecewise;
	enum wire w = request_read(&r, p, n, MAX), step = WIRE_MORE;

	for (size_t i = 0; i <= n && step == WIRE_MORE; i++)
		step = request_read(&piecewise, p, i, MAX);
	assert(step == w && piecewise.refusal == r.refusal && piecewise.len == r.len);
	assert((w == WIRE_BAD) == (r.refusal != 0));
	if (w == WIRE_MORE)
		assert(n < MAX);
	if (w != WIRE_OK)
		return 0;
	assert(r.len >= 18 && r.len <= n && r.len <= MAX && memcmp(p + r.len - 4, "\r\n\r\n", 4) == 0);
	assert(r.path[0] == '/' && strlen(r.path) < REQUEST_PATH && strlen(r.query) < REQUEST_QUERY);
	assert(r.sized || !r.body_len);
	assert(!r.bearer.n || (r.bearer.p > p && r.bearer.p + r.bearer.n < p + r.len));
	for (size_t i = 0; i < r.len; i++) {
		assert(p[i] && p[i] != 0x7f);
		assert((p[i] == '\n') == (i && p[i - 1] == '\r'));
	}
	return 0;
}
