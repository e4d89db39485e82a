/* SPDX-License-Identifier: MIT */
/* form: what a catalogue knows of a type, in the terms of those who mask its values. */
#ifndef PGVEIL_POLICY_FORM_H
#define PGVEIL_POLICY_FORM_H

#include "mask/mask.h"
#include "sql/catalog.h"

/* The shape of values of a type, a domain as the type below it. Lives in a and borrows from c. A type that
 * the catalogue does not know, and one that no mask has a form for, is VALUE_OTHER without a desc, of which
 * every mask makes NULL; so is what lies too deep inside others, and everything when memory runs out. */
struct value_shape form_of(const struct catalog *c, uint32_t type_oid, int32_t typmod,
	enum value_format format, struct arena *a);

#endif
