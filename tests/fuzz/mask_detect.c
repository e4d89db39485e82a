/* SPDX-License-Identifier: MIT */
/* Text, and what its findings are replaced by. Input: detectors (one, or all), how, then the text. What is
 * looked at again is clean, the rest is where it was, and no input takes long (the runner's -timeout; the
 * lists of tests/unit/mask_detect.c prove that the time is linear). */
#include "mask/detect.h"

#include <stdlib.h>
#include <string.h>

#include "value/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define REQUIRE(ok) ((ok) ? (void)0 : abort())

/* The text without its findings is a subsequence of the result: nothing else was taken or turned round. */
static void check_rest(struct span text, const struct findings *f, struct span out)
{
	size_t at = 0, o = 0;

	for (size_t i = 0; i <= f->n; i++) {
		size_t to = i < f->n ? f->v[i].from : text.n, len = to - at;

		REQUIRE(to >= at);
		while (o + len <= out.n && memcmp(out.p + o, text.p + at, len) != 0)
			o++;
		REQUIRE(o + len <= out.n);
		o += len;
		if (i < f->n) {
			REQUIRE(f->v[i].to > f->v[i].from && f->v[i].to <= text.n);
			REQUIRE(!i || f->v[i].from > f->v[i - 1].to);
			at = f->v[i].to;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mask m = {.kind = MASK_DETECT, .fill = "*"};
	struct work w = {.steps = WORK_STEPS};
	const struct hint hint = {.keys = SPAN_LIT("")};
	struct findings f, again;
	struct span text, out;
	struct arena a = {0};
	uint8_t *copy;

	if (n < 2)
		return 0;
	if (data[0] < DETECTOR_COUNT)
		detectors_add(&m.detectors, data[0]);
	else
		(void)!detectors_add_named(&m.detectors, data[0] < 128 ? "generic" : "all");
	m.replace = (enum replace)(data[1] & 3);
	m.first = data[1] >> 2 & 7;
	m.last = data[1] >> 5;
	n -= 2;
	copy = malloc(n ? n : 1); /* its own block, so that ASan sees one byte too many */
	if (!copy)
		return 0;
	memcpy(copy, data + 2, n);
	text = span_of(copy, n);
	if (utf8_valid(text) && !(n && memchr(copy, 0, n))) {
		out = detect_text(&m, text, &w, &a);
		REQUIRE(out.p || m.replace == REPLACE_NULL);
		if (detect_find(&f, &m.detectors, text, false, &w, &a)) {
			REQUIRE((f.n && m.replace == REPLACE_NULL) == !out.p);
			REQUIRE(f.n || span_eq(out, text));
			if (out.p)
				check_rest(text, &f, out);
		}
		if (out.p) {
			REQUIRE(utf8_valid(out));
			/* What is kept of one finding can make others, one after another. */
			REQUIRE(m.replace == REPLACE_PARTIAL ||
				(detect_find(&again, &m.detectors, out, false, &w, &a) && !again.n));
		}
		(void)!detect_find(&f, &m.detectors, text, true, &w, &a);
		w.hint = &hint;
		(void)!detect_find(&f, &m.detectors, text, true, &w, &a);
	}
	free(copy);
	arena_fini(&a);
	return 0;
}
