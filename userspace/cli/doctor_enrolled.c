/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "cli/finding.h"

static json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void check_ready(struct findings *f, const json_t *list)
{
	size_t i, ready = 0;
	json_t *x;

	json_array_foreach(list, i, x)
	{
		if (strcmp(text_of(x, "state"), "enrolled") == 0)
			ready++;
		else if (*text_of(x, "why"))
			finding_add(f, FINDING_FAIL, "enrolled",
				"remove the reason; it is looked at again by itself (pgveil status)",
				"%s is captured, and no connect from inside has reached the engine: %s",
				text_of(x, "cgroup"), text_of(x, "why"));
		else
			finding_add(f, FINDING_WARN, "enrolled", "wait, and see pgveil status",
				"%s is %s: its connects are captured or refused, and nobody has looked from "
				"inside",
				text_of(x, "cgroup"), text_of(x, "state"));
	}
	if (ready == json_array_size(list))
		finding_add(f, FINDING_OK, "enrolled", NULL,
			"%zu cgroups, and a connect from inside each has reached the engine", ready);
}

static void check_strays(struct findings *f, const json_t *audit)
{
	if (!json_is_true(json_object_get(audit, "can_end")))
		finding_add(f, FINDING_WARN, "audit",
			"use a kernel with CONFIG_INET_DIAG_DESTROY, and start applications after their "
			"enrolment",
			"connections past the engine cannot be ended here, only told of");
	if (number_of(audit, "not_ended"))
		finding_add(f, FINDING_FAIL, "audit", "end these applications (pgveil events: stray.stays)",
			"%" JSON_INTEGER_FORMAT " connections past the engine could not be ended",
			number_of(audit, "not_ended"));
	if (number_of(audit, "ended") || number_of(audit, "foreign"))
		finding_add(f, FINDING_WARN, "audit",
			"see who it was (pgveil events: stray.ended, stray.foreign)",
			"%" JSON_INTEGER_FORMAT
			" connections past the engine were ended, %" JSON_INTEGER_FORMAT
			" of others were seen beside enrolled processes",
			number_of(audit, "ended"), number_of(audit, "foreign"));
	else if (json_is_true(json_object_get(audit, "can_end")))
		finding_add(f, FINDING_OK, "audit", NULL, "no connection past the engine was seen");
}

void doctor_enrolled(struct findings *f, const json_t *status)
{
	if (!status)
		return;
	check_ready(f, json_object_get(status, "enrolled"));
	check_strays(f, json_object_get(status, "audit"));
}
