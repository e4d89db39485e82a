/* SPDX-License-Identifier: MIT */
/* Who may approve of what the policy's statements ask about. */
#include "policy/section.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#define APPROVAL      "spec.approval"
#define REQUIRED_MAX  16
#define TIMEOUT_MIN_S 1
#define TIMEOUT_MAX_S 86400
#define APPROVERS_MAX 256
#define TOKEN_MAX     64

/* "90s", "10m", "1h" as seconds. */
static bool timeout(const char *text, unsigned *seconds)
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || !*end || end[1])
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].unit == *end && n >= TIMEOUT_MIN_S && n <= TIMEOUT_MAX_S / units[i].seconds) {
			*seconds = (unsigned)n * units[i].seconds;
			return true;
		}
	return false;
}

static bool read_gid(struct reading *r, const struct node *n, uint32_t *out)
{
	static const char where[] = APPROVAL ".approvers.groups[]";
	const char *text = section_text(r, n, where);
	const struct group *group;
	unsigned long gid;

	if (!text)
		return false;
	if (isdigit((unsigned char)text[0])) {
		if (!section_number(r, n, where, 0, UINT32_MAX - 1, &gid))
			return false;
	} else {
		group = getgrnam(text);
		if (!group) {
			section_wrong(r, n, "%s: there is no group \"%.60s\"", where, text);
			return false;
		}
		gid = group->gr_gid;
	}
	*out = (uint32_t)gid;
	return true;
}

static unsigned read_ids(struct reading *r, const struct node *list, bool groups, const uint32_t **out)
{
	uint32_t *v;
	unsigned n = 0;

	if (!section_list(r, list, groups ? APPROVAL ".approvers.groups" : APPROVAL ".approvers.uids"))
		return 0;
	if (list->n > APPROVERS_MAX) {
		section_wrong(r, list, APPROVAL ".approvers: more than %d in a list", APPROVERS_MAX);
		return 0;
	}
	v = section_array(r, list->n, sizeof(*v));
	for (const struct node *c = list->child; v && c; c = c->next)
		n += groups ? read_gid(r, c, &v[n]) : section_uid(r, c, APPROVAL ".approvers.uids[]", &v[n]);
	*out = v;
	return n;
}

/* As the file of tokens has it. */
static const char *read_token(struct reading *r, const struct node *n)
{
	const char *text = section_text(r, n, APPROVAL ".approvers.tokens[]");

	if (text && (!*text || strlen(text) > TOKEN_MAX ||
			    text[strspn(text,
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")])) {
		section_wrong(r, n,
			APPROVAL ".approvers.tokens[]: a name has letters, digits, '.', '_' and '-', and at "
				 "most %d of them",
			TOKEN_MAX);
		return NULL;
	}
	return text;
}

static void read_tokens(struct reading *r, const struct node *list, struct approval *out)
{
	const char **v;

	if (!section_list(r, list, APPROVAL ".approvers.tokens"))
		return;
	if (list->n > APPROVERS_MAX) {
		section_wrong(r, list, APPROVAL ".approvers: more than %d in a list", APPROVERS_MAX);
		return;
	}
	v = section_array(r, list->n, sizeof(*v));
	for (const struct node *c = list->child; v && c; c = c->next)
		if ((v[out->ntokens] = read_token(r, c)))
			out->ntokens++;
	out->tokens = v;
}

static void read_approvers(struct reading *r, const struct node *n, struct approval *out)
{
	static const struct key keys[] = {{"uids", KEY_READ}, {"groups", KEY_READ}, {"tokens", KEY_READ}};

	if (!section_map(r, n, APPROVAL ".approvers", keys, ARRAY_LEN(keys)))
		return;
	if (!node_get(n, "uids") && !node_get(n, "groups") && !node_get(n, "tokens"))
		section_wrong(r, n, APPROVAL ".approvers names nobody: give uids, groups or tokens");
	out->nuids = read_ids(r, node_get(n, "uids"), false, &out->uids);
	out->ngids = read_ids(r, node_get(n, "groups"), true, &out->gids);
	read_tokens(r, node_get(n, "tokens"), out);
}

void approval_read(struct reading *r, const struct node *n, struct approval *out)
{
	static const struct key keys[] = {{"approvers", KEY_READ}, {"required", KEY_READ},
		{"timeout", KEY_READ}, {"wait", KEY_READ}, {"shapes", KEY_READ}};
	const struct node *late = node_get(n, "timeout"), *wait = node_get(n, "wait");
	unsigned long required = 1;
	unsigned who;

	if (!section_map(r, n, APPROVAL, keys, ARRAY_LEN(keys)))
		return;
	*out = (struct approval){.required = 1, .timeout_s = APPROVAL_TIMEOUT_S, .given = true};
	out->where = section_where(r, n);
	section_missing(r, n, APPROVAL, "approvers");
	read_approvers(r, node_get(n, "approvers"), out);
	if (section_number(r, node_get(n, "required"), APPROVAL ".required", 1, REQUIRED_MAX, &required))
		out->required = (unsigned)required;
	out->shapes = section_flag(r, node_get(n, "shapes"), APPROVAL ".shapes");
	who = out->nuids + out->ntokens;
	if (!out->ngids && who && out->required > who)
		section_wrong(r, node_get(n, "required"),
			APPROVAL ".required: %u must approve, and there are %u who may", out->required, who);
	if (late && (late->kind != NODE_SCALAR || !timeout(late->text, &out->timeout_s)))
		section_wrong(r, late, APPROVAL ".timeout must be like 90s, 10m or 1h, and at most 1d");
	if (!wait || node_is(wait, "hold"))
		return;
	if (node_is(wait, "error-and-retry"))
		out->retry = true;
	else
		section_wrong(r, wait, APPROVAL ".wait must be hold or error-and-retry");
}
