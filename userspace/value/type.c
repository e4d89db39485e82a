/* SPDX-License-Identifier: MIT */
#include "value/type.h"

#include <stddef.h>

#include "base/attr.h"

enum value_type value_type_of(uint32_t oid)
{
	switch (oid) {
#define X(name, number, typname, family)                                                                     \
	case number: return VALUE_##name;
		VALUE_TYPES(X)
#undef X
	}
	return VALUE_OTHER;
}

const char *value_type_name(enum value_type t)
{
	switch (t) {
#define X(name, number, typname, family)                                                                     \
	case VALUE_##name: return typname;
		VALUE_TYPES(X)
#undef X
	case VALUE_OTHER: break;
	}
	return "other";
}

uint32_t value_type_oid(enum value_type t)
{
	switch (t) {
#define X(name, number, typname, family)                                                                     \
	case VALUE_##name: return number;
		VALUE_TYPES(X)
#undef X
	case VALUE_OTHER: break;
	}
	return 0;
}

enum value_family value_family(enum value_type t)
{
	static const uint8_t families[] = {FAMILY_OTHER,
#define X(name, number, typname, family) FAMILY_##family,
		VALUE_TYPES(X)
#undef X
	};

	return (size_t)t < ARRAY_LEN(families) ? (enum value_family)families[t] : FAMILY_OTHER;
}

bool value_is_text(enum value_type t)
{
	return value_family(t) == FAMILY_TEXT;
}
