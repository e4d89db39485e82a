/* SPDX-License-Identifier: MIT */
/* What a session has set, as far as it is certain: a SET of a constant, alone in its text, outside of a
 * transaction, that the server did not refuse. Of all else it is known that something may have been set, and
 * then nothing that was approved before or elsewhere holds. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mask/hmac.h"
#include "session/hold.h"
#include "session/state.h"

static void short_digest(const struct session *s, const char *text, uint8_t out[16])
{
	struct span bytes = span_of(text, strlen(text));
	uint8_t mac[HMAC_LEN];

	hmac_sha256(s->env->desk->key, &bytes, 1, mac);
	memcpy(out, mac, 16);
}

static void set_setting(struct session *s, const char *name, const char *value)
{
	struct hold_setting x = {0};
	struct hold *o = s->hold;
	unsigned at = 0;

	short_digest(s, name, x.name);
	if (value)
		short_digest(s, value, x.value);
	while (at < o->nsettings && memcmp(o->setting[at].name, x.name, sizeof(x.name)) < 0)
		at++;
	if (at < o->nsettings && !memcmp(o->setting[at].name, x.name, sizeof(x.name))) {
		o->setting[at] = x;
		return;
	}
	if (o->nsettings == HOLD_SETTINGS_MAX) {
		o->doubtful = true;
		return;
	}
	memmove(&o->setting[at + 1], &o->setting[at], (o->nsettings - at) * sizeof(x));
	o->setting[at] = x;
	o->nsettings++;
}

/* Whole characters of it. */
static void take_reason(struct session *s, const char *value)
{
	size_t n = strnlen(value, HOLD_REASON_MAX + 1);
	struct hold *o = hold_of(s);

	if (!o)
		return;
	if (n > HOLD_REASON_MAX)
		for (n = HOLD_REASON_MAX; n && ((unsigned char)value[n] & 0xC0) == 0x80;)
			n--;
	memcpy(o->reason, value, n);
	o->reason[n] = '\0';
}

/* What is seen by another way: the path and the role by what the server says, the name that a session began
 * with by itself (session/bond.c). */
static bool seen(const struct session *s, const char *name, const char *value)
{
	if (!strcasecmp(name, "search_path") || !strcasecmp(name, "role"))
		return true;
	return s->state != STATE_OPEN && !strcasecmp(name, "application_name") && s->application &&
	       strlen(s->application) < APPLICATION_MAX && !strcmp(value, s->application);
}

void hold_setting(struct session *s, const char *name, const char *value)
{
	struct hold *o;

	if (!s->env->desk)
		return;
	if (!strcasecmp(name, "pgveil.reason")) {
		take_reason(s, value ? value : "");
		return;
	}
	s->moves++;
	if (seen(s, name, value))
		return;
	/* Where no document says who approves, nobody keeps what would only cost memory. */
	o = s->grant.napprovals ? hold_of(s) : NULL;
	if (!o) {
		s->settings_unknown = true;
		return;
	}
	/* what is set in a transaction may be undone with it, and what a default is depends on how the
	 * session began */
	if (!value || !strcasecmp(name, "all"))
		o->doubtful = true;
	if (s->state == STATE_OPEN && (s->status != 'I' || s->unsynced || pipeline_len(&s->pipe) > 1))
		o->doubtful = true;
	set_setting(s, name, value);
}

/* set_config() may stand where it is never come to, or comes to what a parameter says. */
static void maybe(struct session *s, const struct plan *p)
{
	for (; p; p = p->inner)
		for (unsigned i = 0; i < p->nchanges; i++)
			hold_setting(s, p->changes[i].name, NULL);
}

bool hold_sets(const struct plan *p, const struct step *st)
{
	const struct plan *then = st->target ? st->target->plan : NULL;

	return (p && (p->kind == STATEMENT_SET || p->kind == STATEMENT_DISCARD || p->nchanges)) ||
	       (then && then->nchanges);
}

void hold_said(struct session *s, const struct plan *p, const struct step *st, bool alone)
{
	if (p && p->kind == STATEMENT_SET && p->setting)
		hold_setting(s, p->setting, alone && !p->local ? p->value : NULL);
	maybe(s, p);
	maybe(s, st->target ? st->target->plan : NULL);
	if (p && p->kind == STATEMENT_DISCARD)
		hold_setting(s, "all", NULL);
}

void hold_failed(struct session *s, const struct expected *x)
{
	if (s->hold && x->kind == EXPECT_QUERY && x->nsteps == 1 && x->steps[0].plan->kind == STATEMENT_SET)
		s->hold->doubtful = true;
}
