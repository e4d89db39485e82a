/* SPDX-License-Identifier: MIT */
/* What the session's own statements, or code of the database's own, made of the search_path, the server is
 * asked for: SETs that are local, undone or of a value that only the server knows need not be imitated. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "session/state.h"

enum {
	LOOK_ROLE,
	LOOK_SCS,
	LOOK_ENCODING,
	LOOK_PATH,
	LOOK_SCHEMAS,
	LOOK_USER,
	LOOK_TEMP,
	LOOK_ISOLATION,
	LOOK_COLUMNS
};

/* What code of the database's own made of the path is set back to what the session's statements left, and
 * what these left is asked for. A path that is the server's default would follow its configuration file;
 * while a transaction is open nothing is made of it that would outlive that. */
static const char *path_now(struct session *s)
{
	bool idle = !s->unsynced && s->status == 'I';

	if (!s->own.look)
		return pin_setting(&s->scratch, "search_path", s->path.setting, !idle);
	return idle ? "pg_catalog.set_config('search_path', pg_catalog.current_setting('search_path'), false)"
		    : "pg_catalog.current_setting('search_path')";
}

bool look_follows(const struct session *s)
{
	return !s->relayed && grant_lets_all(&s->grant);
}

/* Likewise the role, where the session may have changed it; elsewhere it is the one of the login. */
static const char *role_now(struct session *s)
{
	if (s->own.look && look_follows(s))
		return "pg_catalog.current_setting('role')";
	return pin_setting(&s->scratch, "role", s->role_set, s->unsynced || s->status != 'I');
}

/* The role comes first: which schemas count depends on it. Everything is qualified. */
bool look_send(struct session *s)
{
	const char *role = role_now(s);
	const char *path = path_now(s);

	if (!role || !path || !pin_policy(s) ||
		!pin_put(s, PIN_LOOK,
			arena_printf(&s->scratch,
				"SELECT %s, pg_catalog.set_config('standard_conforming_strings', 'on', "
				"false),"
				" pg_catalog.set_config('client_encoding', 'UTF8', false), %s,"
				" pg_catalog.array_to_string(pg_catalog.current_schemas(true), "
				"pg_catalog.chr(10)),"
				" current_user::pg_catalog.text,"
				" (SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n"
				" WHERE n.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()),"
				" pg_catalog.current_setting('transaction_isolation')",
				role, path)))
		return false;
	s->pin.unsettled = s->own.look = false;
	s->own.wait = true;
	return true;
}

/* The row's cells as strings in scratch. */
static bool cells_of(struct session *s, const struct frame *f, const char *v[LOOK_COLUMNS])
{
	struct span cell;
	struct cur c;
	uint16_t n;

	if (msg_data_row(f->body, &c, &n) != WIRE_OK || n != LOOK_COLUMNS)
		return false;
	for (unsigned i = 0; i < LOOK_COLUMNS; i++) {
		if (msg_cell_next(&c, &cell) != WIRE_OK)
			return false;
		v[i] = arena_strndup(&s->scratch, cell.n ? (const char *)cell.p : "", cell.n);
		if (!v[i])
			return false;
	}
	return cur_end(&c) == WIRE_OK;
}

/* Tables that code made, or wrote to, hold what no rule speaks of. */
static void after_code(struct session *s)
{
	if (s->own.code && s->path.temp) {
		s->own.doubtful = true;
		s->own.since_ms = s->now_ms;
		if (s->unsynced || s->status != 'I')
			s->own.touched = s->own.stale = true;
	}
	s->own.code = false;
}

void look_row(struct session *s, const struct frame *f)
{
	const char *v[LOOK_COLUMNS];

	if (!cells_of(s, f, v)) {
		session_break(s, "08P01", "the database did not say how it reads statements");
		return;
	}
	if (!path_take(s, v[LOOK_PATH], v[LOOK_SCHEMAS], v[LOOK_USER], v[LOOK_TEMP]))
		session_break(s, "57P01",
			"the search_path does not begin with pg_catalog any more, or is not understood");
	else
		after_code(s);
	if (look_follows(s))
		snprintf(s->role_set, sizeof(s->role_set), "%s", v[LOOK_ROLE]);
	s->switched = strcmp(v[LOOK_USER], s->settled_user) != 0;
	s->own.frozen = strcmp(v[LOOK_ISOLATION], "read committed") != 0 &&
			strcmp(v[LOOK_ISOLATION], "read uncommitted") != 0;
	s->settled_ms = s->now_ms;
}
