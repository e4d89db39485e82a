/* SPDX-License-Identifier: MIT */
/* Any text as the recording may have it: what is listed for a statement is one statement, and lets that
 * statement through. */
#include <assert.h>
#include <string.h>
#include "sql/shape.h"
#include "sql/stencil.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a = {0};
	struct shape *v;
	const char *why;
	unsigned count;

	if (shape_all(span_of(p, n), &a, &v, &count, &why) == 0)
		for (unsigned i = 0; i < count; i++) {
			char *text = shape_text(&v[i], NULL, &a);
			struct stencil listed, own;

			assert(text);
			if (stencil_parse(&listed, text, &a, &why) || stencil_of(&own, v[i].text, &a))
				__builtin_trap();
			assert(stencil_fits(&listed, &own));
		}
	arena_fini(&a);
	return 0;
}
