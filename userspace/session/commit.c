/* SPDX-License-Identifier: MIT */
/* What a statement that the server carried out does to names. */
#include <errno.h>
#include <string.h>

#include "session/state.h"

bool commit_step(struct session *s, struct step *st)
{
	const struct plan *p = st->plan;
	struct portal *o;
	int r = 0;

	if (!p)
		return true;
	if (p->kind == STATEMENT_PREPARE && st->defines) {
		r = names_put_prepared(&s->names, st->defines);
	} else if (p->kind == STATEMENT_DECLARE && st->defines) {
		o = portal_new(span_of(st->defines->name, strlen(st->defines->name)), st->defines);
		if (!o)
			return false;
		o->cursor = true;
		o->hold = p->hold;
		r = names_put_portal(&s->names, o);
		portal_unref(o);
	} else if (p->kind == STATEMENT_DEALLOCATE) {
		if (p->name)
			names_drop_prepared(&s->names, span_of(p->name, strlen(p->name)));
		else
			names_drop_all_prepared(&s->names);
	} else if (p->kind == STATEMENT_CLOSE) {
		if (p->name)
			names_drop_portal(&s->names, span_of(p->name, strlen(p->name)));
		else
			names_drop_all_portals(&s->names, true);
	} else if (p->kind == STATEMENT_DISCARD && !p->name) {
		names_drop_all_prepared(&s->names);
		names_drop_all_portals(&s->names, false);
		names_unlisten(&s->names, NULL); /* it runs in no transaction */
	} else if (p->kind == STATEMENT_LISTEN) {
		r = names_listen(
			&s->names, p->name); /* an UNLISTEN before it may have been open when it came */
		return r != -ENOMEM;
	}
	return r == 0;
}

/* The statement failed after it may have done its work: a commit can fail behind it, and names of prepared
 * statements are not undone. What they mean is not known then, so they mean nothing until somebody makes them
 * anew. */
void forget_step(struct session *s, const struct step *st)
{
	const struct plan *p = st ? st->plan : NULL;

	if (p && (p->kind == STATEMENT_PREPARE || p->kind == STATEMENT_DEALLOCATE)) {
		if (p->name)
			names_drop_prepared(&s->names, span_of(p->name, strlen(p->name)));
		else
			names_drop_all_prepared(&s->names);
	} else if (p && (p->kind == STATEMENT_DECLARE || p->kind == STATEMENT_CLOSE)) {
		if (p->name)
			names_drop_portal(&s->names, span_of(p->name, strlen(p->name)));
		else
			names_drop_all_portals(&s->names, true);
	}
}
