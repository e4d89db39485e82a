/* SPDX-License-Identifier: MIT */
#include "policy/form.h"

#include <string.h>

/* Elements and fields of one type, all levels: types that contain others several times multiply. */
#define PARTS_MAX 4096

struct former {
	const struct catalog *c;
	struct arena *a;
	unsigned parts; /* made so far */
};

static const struct desc_part no_part = {.type = VALUE_OTHER, .typmod = -1};

static struct desc_part part_of(struct former *f, uint32_t oid, int32_t typmod, unsigned depth);

static bool has_mask(const struct desc_part *p)
{
	return p->type != VALUE_OTHER || p->desc;
}

static struct desc_part *new_parts(struct former *f, unsigned n)
{
	if (n > PARTS_MAX - f->parts)
		return NULL;
	f->parts += n;
	return arena_array(f->a, n ? n : 1, sizeof(struct desc_part));
}

static const struct value_desc *keep(struct former *f, struct value_desc d)
{
	struct value_desc *kept = arena_alloc(f->a, sizeof(*kept));

	if (kept)
		*kept = d;
	return kept;
}

static const struct value_desc *array_of(struct former *f, uint32_t element, int32_t typmod, unsigned depth)
{
	const struct type *t = catalog_type_by_oid(f->c, element);
	struct desc_part *part = new_parts(f, 1);

	if (!part)
		return NULL;
	*part = part_of(f, element, typmod, depth + 1);
	if (!has_mask(part))
		return NULL;
	return keep(f,
		(struct value_desc){.kind = DESC_ARRAY, .delim = t ? t->delim : ',', .n = 1, .parts = part});
}

static const struct value_desc *composite_of(struct former *f, const struct relation *r, unsigned depth)
{
	struct desc_part *parts = r ? new_parts(f, r->ncols) : NULL;
	bool some = false;

	if (!parts)
		return NULL;
	for (unsigned i = 0; i < r->ncols; i++) {
		parts[i] = part_of(f, r->cols[i].type_oid, r->cols[i].typmod, depth + 1);
		some = some || has_mask(&parts[i]);
	}
	if (!some)
		return NULL;
	return keep(f, (struct value_desc){.kind = DESC_COMPOSITE, .n = r->ncols, .parts = parts});
}

static const struct value_desc *desc_of(
	struct former *f, const struct type *t, uint32_t oid, int32_t typmod, unsigned depth)
{
	uint32_t element = catalog_type_element(f->c, oid);
	struct value_desc range;

	if (depth == DESC_DEPTH_MAX)
		return NULL;
	if (element)
		return array_of(f, element, typmod, depth);
	if (desc_builtin_range(oid, &range))
		return keep(f, range);
	if (!t)
		return NULL;
	switch (t->kind) {
	case TYPE_COMPOSITE: return composite_of(f, catalog_type_row(f->c, oid), depth);
	case TYPE_ENUM:
		return keep(f, (struct value_desc){.kind = DESC_ENUM, .n = t->nlabels, .labels = t->labels});
	case TYPE_RANGE: return keep(f, (struct value_desc){.kind = t->multi ? DESC_MULTIRANGE : DESC_RANGE});
	case TYPE_BASE:
	case TYPE_DOMAIN:
	case TYPE_PSEUDO: break;
	}
	return NULL;
}

/* citext is text but for how it compares. */
static bool is_citext(const struct type *t)
{
	return t->extension && !strcmp(t->extension, "citext") && !strcmp(t->name, "citext");
}

static struct desc_part part_of(struct former *f, uint32_t oid, int32_t typmod, unsigned depth)
{
	const struct type *t = catalog_type_by_oid(f->c, oid);
	struct desc_part p = no_part;

	p.oid = oid;
	if (t && t->kind == TYPE_DOMAIN) {
		typmod = typmod == -1 ? t->typmod : typmod;
		oid = t->base;
		t = catalog_type_by_oid(f->c, oid);
		if (t && t->kind == TYPE_DOMAIN)
			return p;
	}
	p.type = t && is_citext(t) ? VALUE_TEXT : value_type_of(oid);
	p.typmod = typmod;
	if (p.type == VALUE_OTHER)
		p.desc = desc_of(f, t, oid, typmod, depth);
	return p;
}

struct value_shape form_of(
	const struct catalog *c, uint32_t type_oid, int32_t typmod, enum value_format format, struct arena *a)
{
	struct former f = {.c = c, .a = a};
	struct desc_part p = part_of(&f, type_oid, typmod, 0);

	return (struct value_shape){.type = p.type, .typmod = p.typmod, .format = format, .desc = p.desc};
}
