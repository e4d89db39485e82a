/* SPDX-License-Identifier: MIT */
#include "cli/finding.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const word[] = {[FINDING_FAIL] = "fail", [FINDING_WARN] = "warn", [FINDING_OK] = "ok"};

void finding_add(
	struct findings *f, enum verdict_of v, const char *what, const char *remedy, const char *fmt, ...)
{
	char msg[1024];
	va_list ap;
	json_t *x;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	/* What a server or a file system says may be no UTF-8. */
	for (char *p = msg; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	f->n[v]++;
	if (!f->list)
		f->list = json_array();
	x = json_pack(
		"{s:s, s:s, s:s, s:s*}", "check", what, "verdict", word[v], "finding", msg, "remedy", remedy);
	if (!x || json_array_append_new(f->list, x))
		f->lost = true;
}

void finding_print(const struct findings *f, bool json)
{
	json_t *x;
	size_t i;

	if (json) {
		json_dumpf(f->list, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	json_array_foreach(f->list, i, x)
	{
		const char *remedy = json_string_value(json_object_get(x, "remedy"));

		printf("%-4s  %-16s %s\n", json_string_value(json_object_get(x, "verdict")),
			json_string_value(json_object_get(x, "check")),
			json_string_value(json_object_get(x, "finding")));
		if (remedy)
			printf("      %-16s remedy: %s\n", "", remedy);
	}
	printf("\n%u ok, %u warnings, %u failures\n", f->n[FINDING_OK], f->n[FINDING_WARN],
		f->n[FINDING_FAIL]);
}

void finding_fini(struct findings *f)
{
	json_decref(f->list);
	*f = (struct findings){0};
}
