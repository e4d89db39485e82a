/* SPDX-License-Identifier: MIT */
/* The search_path of a judged session, as the server says it is: the setting, and what it makes of it. */
#include <string.h>

#include "session/state.h"

static bool is_temp(const struct session *s, const char *name)
{
	return s->path.temp && strcmp(name, s->path.temp) == 0;
}

/* What the server makes of the path now must be some of its names, in their order, behind pg_catalog: then we
 * read the setting as it does. The others do not exist or may not be used yet. Only the temporary schema may
 * stand before pg_catalog, and does where the path does not name it. */
static bool same_schemas(struct session *s, const char *schemas)
{
	bool system = false;
	unsigned at = 0;

	for (bool first = true; *schemas; first = false) {
		size_t n = strcspn(schemas, "\n");
		char name[NAME_LEN_MAX + 1];

		if (n > NAME_LEN_MAX)
			return false;
		memcpy(name, schemas, n);
		name[n] = '\0';
		schemas += n + (schemas[n] != '\0');
		if (!system && strcmp(name, "pg_catalog") == 0) {
			system = true;
			continue;
		}
		if (first && is_temp(s, name)) {
			s->path.temp_first = true;
			continue;
		}
		if (!system)
			return false;
		while (at < s->path.n && strcmp(s->path.v[at], name) != 0)
			at++;
		if (at >= s->path.n)
			return false;
		s->path.counts |= UINT64_C(1) << at++;
	}
	return system;
}

static bool is_among(const char *name, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* The names of the setting, "$user" and pg_temp resolved, pg_catalog and repetitions left out. */
static bool take_names(struct session *s, const char *setting, const char *user)
{
	const char *names[PATH_MAX_NAMES], *what;
	bool ok = true, first = true;
	char name[NAME_LEN_MAX + 1];
	unsigned n = 0;

	while (ok && search_path_next(&setting, name, &ok)) {
		bool system = strcmp(name, "pg_catalog") == 0, temp = strcmp(name, "pg_temp") == 0;

		if (system && !first)
			return false; /* another schema before pg_catalog would decide what its names mean */
		first = first && temp;
		what = strcmp(name, "$user") == 0 ? user : temp ? s->path.temp : name;
		if (system || !what || is_among(what, names, n))
			continue;
		if (n == PATH_MAX_NAMES)
			return false;
		names[n] = arena_strdup(&s->path.mem, what);
		if (!names[n++])
			return false;
	}
	s->path.v = arena_array(&s->path.mem, n ? n : 1, sizeof(*s->path.v));
	if (!s->path.v)
		return false;
	memcpy(s->path.v, names, n * sizeof(*names));
	s->path.n = n;
	return ok;
}

bool path_take(
	struct session *s, const char *setting, const char *schemas, const char *user, const char *temp)
{
	arena_fini(&s->path.mem);
	s->path.v = NULL;
	s->path.n = 0;
	s->path.counts = 0;
	s->path.temp_first = false;
	s->path.temp = *temp ? arena_strdup(&s->path.mem, temp) : NULL;
	s->path.setting = arena_strdup(&s->path.mem, setting);
	s->path.user = arena_strdup(&s->path.mem, user);
	if (!s->path.setting || !s->path.user || (*temp && !s->path.temp))
		return false;
	return take_names(s, setting, user) && same_schemas(s, schemas);
}

/* Whether a schema of the path is there, and does not count; which another role may use others may change
 * without a word. */
static bool hides(const struct session *s, unsigned i)
{
	return !(s->path.counts >> i & 1) && catalog_schema_exists(binding_catalog(s->binding), s->path.v[i]);
}

void path_scope(const struct session *s, const char *path[PATH_MAX_NAMES], struct name_scope *out)
{
	*out = (struct name_scope){.path = path,
		.temp = s->path.temp,
		.temp_doubtful = s->own.doubtful,
		.own_settings = !s->pin.ran,
		.user = s->switched ? NULL : s->path.user,
		.role = s->role};
	for (unsigned i = 0; i < s->path.n; i++) {
		bool hidden = s->switched && hides(s, i);

		out->unsure = out->unsure || hidden;
		if (!hidden && !(s->path.counts >> i & 1))
			continue;
		out->temp_in_path = out->temp_in_path || is_temp(s, s->path.v[i]);
		path[out->npath++] = s->path.v[i];
	}
}
