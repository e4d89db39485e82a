/* SPDX-License-Identifier: MIT */
/* A judged session asks the server how it will read statements, and who a relayed login is, before the client
 * may say anything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/state.h"
#include "value/money.h"

/* What decides how the server reads statements, asked once a session. The settings are pinned in the startup
 * packet; this is the proof. The search_path is pinned here: one that is the server's default would follow
 * its configuration file; look.c asks for it, and sets the role, again. Everything is qualified: the
 * search_path is not known yet. */
#define SETTLE                                                                                               \
	"SELECT pg_catalog.current_setting('standard_conforming_strings'),"                                  \
	" pg_catalog.current_setting('client_encoding'),"                                                    \
	" pg_catalog.set_config('search_path', pg_catalog.current_setting('search_path'), false),"           \
	" current_user::pg_catalog.text,"                                                                    \
	" pg_catalog.array_to_string(pg_catalog.current_schemas(true), pg_catalog.chr(10)),"                 \
	" pg_catalog.current_setting('server_encoding'),"                                                    \
	" " MONEY_SAMPLE "::pg_catalog.int4::pg_catalog.money::pg_catalog.text,"                             \
	" (-" MONEY_SAMPLE ")::pg_catalog.int4::pg_catalog.money::pg_catalog.text,"                          \
	" pg_catalog.current_setting('role'),"                                                               \
	" (SELECT pg_catalog.count(*)::pg_catalog.text FROM pg_catalog.pg_event_trigger e"                   \
	" WHERE e.evtevent OPERATOR(pg_catalog.=) 'login'"                                                   \
	" AND e.evtenabled OPERATOR(pg_catalog.<>) 'D')"
/* A relayed login chose its role: which one it is, and which one it can be that it must not be. */
#define SETTLE_RELAYED                                                                                       \
	SETTLE ", session_user::pg_catalog.text,"                                                            \
	       " (SELECT r.oid::pg_catalog.text FROM pg_catalog.pg_roles r"                                  \
	       " WHERE r.rolname OPERATOR(pg_catalog.=) current_user),"                                      \
	       " (SELECT r.rolname::pg_catalog.text FROM pg_catalog.pg_roles r WHERE " ROLE_POWERS           \
	       " AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')"                                  \
	       " ORDER BY (r.rolname OPERATOR(pg_catalog.=) current_user) DESC LIMIT 1)"
enum {
	SETTLE_SCS,
	SETTLE_ENCODING,
	SETTLE_PATH,
	SETTLE_USER,
	SETTLE_SCHEMAS,
	SETTLE_SERVER,
	SETTLE_MONEY,
	SETTLE_DEBT,
	SETTLE_ROLE_SET,
	SETTLE_CODE, /* of the database's own, that runs at each login */
	SETTLE_COLUMNS,
	SETTLE_SESSION_USER = SETTLE_COLUMNS,
	SETTLE_ROLE,
	SETTLE_POWER,
	SETTLE_COLUMNS_RELAYED
};

void settle_ask(struct session *s)
{
	put_query(&s->put, s->relayed ? SETTLE_RELAYED : SETTLE);
	session_send(s, SIDE_SERVER);
	session_move(s, STATE_SETTLING);
}

/* Who a relayed login is: masks are no use against a role that need not ask for a row to have it. */
static void take_role(struct session *s, const char *const *v)
{
	struct err e = {0};
	char *end;
	unsigned long role = strtoul(v[SETTLE_ROLE], &end, 10);

	if (strcmp(v[SETTLE_USER], v[SETTLE_SESSION_USER]) != 0)
		session_break(s, "42501",
			"role \"%.63s\" becomes another one when it logs in, which is not allowed here",
			v[SETTLE_SESSION_USER]);
	else if (*v[SETTLE_POWER])
		session_break(s, "42501",
			"columns are masked for this caller, and role \"%.63s\" %s \"%.63s\", which can "
			"reach "
			"data past the masks (superuser, replication, bypassrls or the server's files)",
			v[SETTLE_USER], strcmp(v[SETTLE_USER], v[SETTLE_POWER]) == 0 ? "is" : "can become",
			v[SETTLE_POWER]);
	else if (!*v[SETTLE_ROLE] || *end || !role || role > UINT32_MAX)
		session_break(s, "08P01", "the database did not say which role this is");
	else if (slot_role_add(s->slot, (uint32_t)role, &e))
		session_break(s, e.sqlstate, "%s", e.msg);
	else
		s->role = (uint32_t)role;
	s->role_name = v[SETTLE_USER];
}

/* The row's cells as strings; false: the session was closed. */
static bool settle_cells(struct session *s, const struct frame *f, const char **v)
{
	unsigned want = s->relayed ? SETTLE_COLUMNS_RELAYED : SETTLE_COLUMNS;
	struct span cell;
	struct cur c;
	uint16_t n;

	if (msg_data_row(f->body, &c, &n) == WIRE_OK && n == want && !s->settle_result) {
		for (unsigned i = 0; i < want; i++) {
			if (msg_cell_next(&c, &cell) != WIRE_OK)
				cell = (struct span){0};
			v[i] = arena_strndup(&s->mem, cell.n ? (const char *)cell.p : "", cell.n);
			if (!v[i]) {
				session_break(s, "53200", "out of memory");
				return false;
			}
		}
		if (cur_end(&c) == WIRE_OK)
			return true;
	}
	session_break(s, "08P01", "the database did not say how it reads statements");
	return false;
}

static void take_settings(struct session *s, const struct frame *f)
{
	const char *v[SETTLE_COLUMNS_RELAYED];

	if (!settle_cells(s, f, v))
		return;
	s->settle_result = 1;
	s->settled_ms = s->now_ms;
	s->settled_user = v[SETTLE_USER];
	snprintf(s->role_set, sizeof(s->role_set), "%s", v[SETTLE_ROLE_SET]);
	s->pin.ran = strcmp(v[SETTLE_CODE], "0") != 0;
	/* lc_monetary is not among what a judged caller may change; not understood, money can only be
	 * redacted. */
	money_format_learn(&s->style.reported.money, span_of(v[SETTLE_MONEY], strlen(v[SETTLE_MONEY])),
		span_of(v[SETTLE_DEBT], strlen(v[SETTLE_DEBT])));
	if (strcmp(v[SETTLE_SCS], "on") != 0 || strcmp(v[SETTLE_ENCODING], "UTF8") != 0)
		session_break(s, "42501",
			"the database does not read statements as standard-conforming UTF-8 here");
	else if (strcmp(v[SETTLE_SERVER], "UTF8") != 0)
		/* The server cuts names by its own encoding, the parser by UTF-8. */
		session_break(s, "42501",
			"columns are masked for this caller, and the database's encoding is not UTF8");
	else if (!path_take(s, v[SETTLE_PATH], v[SETTLE_SCHEMAS], v[SETTLE_USER], ""))
		session_break(
			s, "42501", "the search_path does not begin with pg_catalog, or is not understood");
	else if (s->relayed)
		take_role(s, v);
}

void settle_server(struct session *s, const struct frame *f)
{
	switch ((int)f->type) {
	case BE_DATA_ROW: take_settings(s, f); return;
	case BE_ROW_DESCRIPTION:
	case BE_COMMAND_COMPLETE:
	case BE_PARAMETER_STATUS:
	case BE_NOTICE_RESPONSE: return;
	case BE_READY_FOR_QUERY:
		if (s->settle_result && f->body.n == 1 && f->body.p[0] == 'I') {
			enter_open(s);
			return;
		}
		break;
	default: break;
	}
	session_break(s, "08P01", "the database did not say how it reads statements");
}
