/* SPDX-License-Identifier: MIT */
#include "policy/section.h"

const char *record_level_name(enum record_level l)
{
	static const char *const name[] = {
#define X(id, word) [RECORD_LEVEL_##id] = (word),
		RECORD_LEVELS(X)
#undef X
	};

	return name[l];
}

void record_read(struct reading *r, const struct node *n, struct record_rule *out)
{
	static const struct key keys[] = {{"level", KEY_READ}, {"required", KEY_READ}};
	const struct node *level = node_get(n, "level");
	unsigned l = 0;

	if (!section_map(r, n, "spec.record", keys, ARRAY_LEN(keys)))
		return;
	while (level && l < RECORD_LEVEL_MAX && !node_is(level, record_level_name((enum record_level)l)))
		l++;
	if (l < RECORD_LEVEL_MAX)
		out->level = (enum record_level)l;
	else
		section_wrong(r, level, "spec.record.level must be full, statements or metadata");
	if (node_get(n, "required"))
		out->optional = !section_flag(r, node_get(n, "required"), "spec.record.required");
}
