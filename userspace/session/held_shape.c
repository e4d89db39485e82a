/* SPDX-License-Identifier: MIT */
/* What the values that stay are compared by is their text; a parameter's type and format stay too, and
 * whether it is NULL. Which rule asks belongs to it: what a person lets by one reason is not let by another.
 */
#include "session/held_shape.h"

#include <errno.h>
#include <string.h>

#include "mask/hmac.h"
#include "policy/guard.h"
#include "kube/pod.h"
#include "session/state.h"
#include "sql/opening.h"

static const char *text_of(struct session *s, struct span v)
{
	return arena_strndup(&s->scratch, (const char *)v.p, v.n);
}

/* ---- what it is bound to ---- */

static void put_text(struct put *w, const char *t)
{
	put_u8(w, t != NULL);
	if (t)
		put_cstr(w, t);
}

static void put_bytes_of(struct put *w, struct span v)
{
	put_be32(w, (uint32_t)v.n);
	put_span(w, v);
}

static int put_params(struct put *w, const struct msg_bind *m, const struct openings *o)
{
	struct cur cells = cur_of(m->params);
	struct span v = {0};

	put_be16(w, m->nparam_formats);
	put_bytes_of(w, m->param_formats);
	put_be16(w, m->nparams);
	for (unsigned i = 0; i < m->nparams; i++) {
		if (msg_cell_next(&cells, &v) != WIRE_OK)
			return -EPROTO;
		put_u8(w, !v.p ? 'n' : openings_param(o, i + 1) ? 'o' : 'v');
		if (v.p && !openings_param(o, i + 1))
			put_bytes_of(w, v);
	}
	return 0;
}

static int digest(const struct session *s, const struct held *h, const struct openings *o, struct bond *bond)
{
	const struct guard_rule *rule = h->asks->guard;
	struct put w = {0};
	struct span bytes;
	int r = 0;

	put_start(&w, 'F');
	put_text(&w, s->grant.identity);
	put_be32(&w, s->who->uid);
	put_text(&w, s->who->pod ? s->who->pod->namespace : NULL);
	put_text(&w, s->who->pod ? s->who->pod->service_account : NULL);
	put_text(&w, s->grant.database->name);
	put_text(&w, s->dbname);
	put_text(&w, rule ? rule->where : NULL);
	put_bytes_of(&w, o->form);
	put_bytes_of(&w, h->types);
	put_u8(&w, h->bind != NULL);
	if (h->bind)
		r = put_params(&w, h->bind, o);
	put_finish(&w);
	bytes = put_bytes(&w);
	if (!r)
		r = put_failed(&w) ? -ENOMEM : 0;
	if (!r)
		hmac_sha256(s->env->desk->key, &bytes, 1, bond->shape);
	put_fini(&w);
	return r;
}

/* ---- what is shown ---- */

static const char *value_of(
	struct session *s, const struct held *h, const struct shown *shown, const struct opening *o)
{
	if (o->param)
		return h->bind && o->number <= shown->nvalues ? shown->values[o->number - 1] : "?";
	return shown->hidden ? SHOWN_HIDDEN : text_of(s, o->token);
}

static int show(struct session *s, const struct held *h, const struct shown *shown, const struct openings *o,
	struct held_shape *out)
{
	struct desk_open *v = arena_array(&s->scratch, o->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < o->n; i++) {
		v[i] = (struct desk_open){arena_printf(&s->scratch, "$%u", o->v[i].number), o->v[i].kind,
			value_of(s, h, shown, &o->v[i])};
		if (!v[i].name || !v[i].now)
			return -ENOMEM;
	}
	out->opens = v;
	out->nopens = o->n;
	out->text = shown->hidden ? shown_without_constants(&s->scratch, span_of(o->text, strlen(o->text)))
				  : o->text;
	return out->text ? 0 : -ENOMEM;
}

int held_shape_of(struct session *s, const struct held *h, const struct shown *shown, struct held_shape *out,
	struct bond *bond)
{
	struct openings o;
	int r;

	*out = (struct held_shape){0};
	if (h->named.n || h->nplans != 1) {
		out->why = "it runs another one by name, or is several";
		return 0;
	}
	/* what a person lets for these values is too much for others */
	if (h->demand || s->estimate.wants) {
		out->why = "it is asked for because of how many rows it is about, which other values change";
		return 0;
	}
	for (unsigned i = 0; i < s->grant.napprovals; i++)
		if (!s->grant.approvals[i]->shapes)
			out->why = "the policy does not allow it (approval.shapes)";
	if (!s->grant.napprovals)
		out->why = "the policy does not allow it (approval.shapes)";
	if (out->why)
		return 0;
	r = openings_of(&o, h->text, &s->scratch, &out->why);
	if (r)
		return r == -EINVAL ? 0 : r;
	r = digest(s, h, &o, bond);
	r = r ? r : show(s, h, shown, &o, out);
	return r;
}
