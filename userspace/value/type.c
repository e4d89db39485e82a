/* SPDX-License-Identifier: MIT */
#include "value/type.h"

enum value_type value_type_of(uint32_t oid)
{
	switch (oid) {
#define X(name, number, typname)                                                                             \
	case number: return VALUE_##name;
		VALUE_TYPES(X)
#undef X
	}
	return VALUE_OTHER;
}

const char *value_type_name(enum value_type t)
{
	switch (t) {
#define X(name, number, typname)                                                                             \
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
#define X(name, number, typname)                                                                             \
	case VALUE_##name: return number;
		VALUE_TYPES(X)
#undef X
	case VALUE_OTHER: break;
	}
	return 0;
}

bool value_is_text(enum value_type t)
{
	return t == VALUE_TEXT || t == VALUE_VARCHAR || t == VALUE_BPCHAR || t == VALUE_NAME;
}
