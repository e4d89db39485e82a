/* SPDX-License-Identifier: MIT */
#include "cli/learn.h"

#include "policy/glob.h"
#include "record/body.h"

static bool matches(const char *glob, const char *text)
{
	return *text && glob_match(GLOB_NAME, glob, text);
}

/* As index.h's identity: the cgroup or one below it, the unit, the command or the uid. */
static bool is_identity(const char *glob, struct span body, struct arena *a)
{
	static const enum body_field fields[] = {BODY_UNIT, BODY_COMM};
	struct span cgroup = body_bytes(body, BODY_CGROUP);
	char *below = arena_printf(a, "%s/*", glob);
	char *text = arena_strndup(a, cgroup.n ? (const char *)cgroup.p : "", cgroup.n);
	bool yes = text && below && (matches(glob, text) || matches(below, text));

	for (unsigned i = 0; i < ARRAY_LEN(fields) && !yes; i++) {
		struct span v = body_bytes(body, fields[i]);

		text = arena_strndup(a, v.n ? (const char *)v.p : "", v.n);
		yes = text && matches(glob, text);
	}
	text = arena_printf(a, "%llu", (unsigned long long)body_number(body, BODY_UID));
	return yes || (text && matches(glob, text));
}

static bool has_text(struct span body, enum body_field field, const char *glob, struct arena *a)
{
	struct body_item it;

	while (body_next(&body, &it) == WIRE_OK) {
		char *text = it.field == (unsigned)field
				     ? arena_strndup(a, it.v.n ? (const char *)it.v.p : "", it.v.n)
				     : NULL;

		if (text && matches(glob, text))
			return true;
	}
	return false;
}

bool learn_wants(
	const struct learn_filter *f, uint32_t run, uint64_t session, struct span body, struct arena *a)
{
	if (f->run && (f->run != run || f->session != session))
		return false;
	if (f->identity && !is_identity(f->identity, body, a))
		return false;
	if (f->database && !has_text(body, BODY_DATABASE, f->database, a) &&
		!has_text(body, BODY_DBNAME, f->database, a))
		return false;
	return !f->document || has_text(body, BODY_POLICY, f->document, a);
}
