/* SPDX-License-Identifier: MIT */
/* The settings that a session begins with: those that the client's startup packet asks for, as far as it may,
 * and those that the policy pins. */
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "session/state.h"

static bool has_pins(const struct grant *g, const struct grant *of)
{
	for (unsigned i = 0; i < of->nguards; i++)
		for (unsigned k = 0; k < of->guards[i]->npins; k++) {
			const struct setting_pin *want = &of->guards[i]->pins[k];
			const struct setting_pin *has = guard_pin(g->guards, g->nguards, want->name);

			if (!has || strcmp(has->value, want->value) != 0)
				return false;
		}
	return true;
}

bool enter_same_pins(const struct grant *a, const struct grant *b)
{
	return has_pins(a, b) && has_pins(b, a) &&
	       !guard_read_only(a->guards, a->nguards) == !guard_read_only(b->guards, b->nguards);
}

bool enter_add_param(struct session *s, const char *name, const char *value)
{
	for (size_t i = 0; i < s->nparams; i++)
		if (strcasecmp(s->params[i][0], name) == 0) {
			s->params[i][1] = value;
			return true;
		}
	if (s->nparams == STARTUP_PARAMS)
		return false;
	s->params[s->nparams][0] = name;
	s->params[s->nparams++][1] = value;
	return true;
}

/* Of the startup packet a server makes what RESET and DISCARD go back to: nothing but the configuration of
 * the server's command line stands above it. */
bool enter_add_pins(struct session *s)
{
	const struct grant *g = &s->grant;
	bool fits = true;

	for (unsigned i = 0; i < g->nguards; i++)
		for (unsigned k = 0; k < g->guards[i]->npins; k++)
			fits = fits &&
			       enter_add_param(s, g->guards[i]->pins[k].name, g->guards[i]->pins[k].value);
	if (guard_read_only(g->guards, g->nguards))
		fits = fits && enter_add_param(s, "default_transaction_read_only", "on");
	return fits;
}

/* What drivers say of themselves and how they read: a guard that speaks of settings does not mean these. */
static bool is_of_driver(const char *name)
{
	static const char *const names[] = {"application_name", "client_encoding", "datestyle",
		"intervalstyle", "timezone", "extra_float_digits", "bytea_output"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static bool guard_lets(struct session *s, const char *name)
{
	const struct grant *g = &s->grant;
	const struct deed deed = {.effects = DOES_SETTINGS};
	const char *read_only = guard_read_only(g->guards, g->nguards);

	if (guard_pin(g->guards, g->nguards, name))
		return false;
	if (read_only && (strcasecmp(name, "default_transaction_read_only") == 0 ||
				 strcasecmp(name, "transaction_read_only") == 0))
		return false;
	return is_of_driver(name) ||
	       guard_judge(g->guards, g->nguards, NULL, &deed, 1, false).verdict == ALLOW;
}

/* A judged caller's parameters are settings like any SET, except that search_path may be chosen here: it is
 * asked for afterwards and stays. */
bool enter_take_setting(struct session *s, const char *name, const char *value)
{
	const char *why;
	bool allowed = strcasecmp(name, "search_path") == 0 ||
		       (strcasecmp(name, "all") != 0 && plan_setting_allowed(name, value, &why));

	if (allowed && guard_lets(s, name)) {
		if (enter_add_param(s, name, value)) {
			hold_setting(s, name, value);
			return true;
		}
		session_break(s, "08P01", "too many startup parameters");
		return false;
	}
	session_break(s, "42501", "startup parameter \"%s\" is not allowed here", name);
	return false;
}

/* One word of "options", as the server splits them: blanks separate, a backslash takes the next character as
 * it is. */
static char *next_word(const char **p, struct arena *mem)
{
	size_t n = 0;
	char *w;

	while (**p == ' ' || **p == '\t' || **p == '\n' || **p == '\r' || **p == '\f' || **p == '\v')
		++*p;
	if (!**p)
		return NULL;
	w = arena_zalloc(mem, strlen(*p) + 1);
	while (w && **p && !strchr(" \t\n\r\f\v", **p)) {
		if (**p == '\\' && (*p)[1])
			++*p;
		w[n++] = *(*p)++;
	}
	return w;
}

bool enter_take_options(struct session *s, const char *options)
{
	char *w, *value;

	while ((w = next_word(&options, &s->login_mem)) != NULL) {
		if (strcmp(w, "-c") == 0)
			w = next_word(&options, &s->login_mem);
		else if (strncmp(w, "--", 2) == 0 || strncmp(w, "-c", 2) == 0)
			w += 2;
		else
			w = NULL;
		value = w ? strchr(w, '=') : NULL;
		if (!value) {
			session_break(
				s, "42501", "startup options other than -c name=value are not allowed here");
			return false;
		}
		*value++ = '\0';
		for (char *c = w; *c; c++) /* the server takes either in --name */
			if (*c == '-')
				*c = '_';
		if (!enter_take_setting(s, w, value))
			return false;
	}
	return true;
}
