/* SPDX-License-Identifier: MIT */
#include "sql/effect.h"

#include <stddef.h>

#include "base/attr.h"

const char *effect_name(unsigned number)
{
#define X(name, word) [EFFECT_NUMBER_##name] = word,
	static const char *const words[] = {EFFECTS(X)};
#undef X

	return number < ARRAY_LEN(words) ? words[number] : NULL;
}
