/* SPDX-License-Identifier: MIT */
#include "policy/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/section.h"
#include "sql/signature.h"

/* A tree takes some 100 bytes for each byte of the most hostile text. */
#define SCRATCH_MAX ((size_t)192 << 20)

static void read_subjects(struct reading *r, const struct node *list, struct document *d)
{
	if (!section_list(r, list, "spec.subjects"))
		return;
	d->subjects = section_array(r, list->n, sizeof(*d->subjects));
	if (!d->subjects)
		return;
	for (const struct node *c = list->child; c; c = c->next)
		subject_read(r, c, &d->subjects[d->nsubjects++]);
}

static void read_databases(struct reading *r, const struct node *list, struct document *d)
{
	if (!section_list(r, list, "spec.databases"))
		return;
	if (list->n > 256) {
		section_wrong(r, list, "spec.databases has more than 256 entries");
		return;
	}
	d->databases = section_array(r, list->n, sizeof(*d->databases));
	if (!d->databases)
		return;
	for (const struct node *c = list->child; c; c = c->next)
		database_read(r, c, &d->databases[d->ndatabases++]);
	database_check_all(r, list, d->databases, d->ndatabases);
}

static void read_rules(struct reading *r, const struct node *list, struct document *d)
{
	unsigned told = r->m->total;

	if (!section_list(r, list, "spec.mask"))
		return;
	d->rules = section_array(r, list->n, sizeof(*d->rules));
	if (!d->rules)
		return;
	for (const struct node *c = list->child; c; c = c->next)
		rule_read(r, c, &d->rules[d->nrules++]);
	/* A rule that was not understood would be compared as what it is not. */
	if (r->m->total == told)
		rule_check_all(r, list, d->rules, d->nrules);
}

static void read_opaque_list(struct reading *r, const struct node *list, struct opaque_rule *out)
{
	const char **v;

	if (!section_list(r, list, "spec.statements.opaque.allow"))
		return;
	v = section_array(r, list->n, sizeof(*v));
	if (!v)
		return;
	for (const struct node *c = list->child; c; c = c->next) {
		const char *text = section_text(r, c, "an entry of spec.statements.opaque.allow");

		if (!text)
			continue;
		if (!signature_valid(text))
			section_wrong(r, c,
				"\"%.60s\" is no function: write \"schema.name(type, …)\" with the types of "
				"its "
				"arguments",
				text);
		v[out->nallow++] = text;
	}
	out->allow = v;
}

static void read_opaque(struct reading *r, const struct node *n, struct opaque_rule *out)
{
	static const struct key keys[] = {{"default", KEY_READ}, {"allow", KEY_READ}};
	const struct node *mode = node_get(n, "default");

	if (!n || !section_map(r, n, "spec.statements.opaque", keys, ARRAY_LEN(keys)))
		return;
	out->where = section_where(r, n);
	read_opaque_list(r, node_get(n, "allow"), out);
	if (!mode || node_is(mode, "deny"))
		return;
	if (node_is(mode, "mask"))
		out->mode = OPAQUE_MASK;
	else if (node_is(mode, "allow"))
		out->mode = OPAQUE_ALLOW;
	else
		section_wrong(r, mode, "spec.statements.opaque.default must be deny, mask or allow");
}

/* Something is kept from who it is for, so what its statements do must be known. */
static bool hides(const struct document *d)
{
	return d->nrules || d->nrows;
}

/* What is not understood may do everything, so a guard has nothing to say of it. */
static void read_unparsed(struct reading *r, const struct node *n, const struct document *d)
{
	if (!n || (node_is(n, "deny") && (hides(d) || d->guard.given)))
		return;
	if (node_is(n, "deny"))
		section_wrong(r, n,
			"spec.statements.unparsed: deny says nothing where nothing is masked, and no default "
			"and no rules are given: statements are not looked at");
	else if (!node_is(n, "allow"))
		section_wrong(r, n, "spec.statements.unparsed must be deny or allow");
	else if (d->nrules)
		section_wrong(r, n,
			"spec.statements.unparsed: allow is for callers with no masked column, and spec.mask "
			"is there");
	else if (d->nrows)
		section_wrong(r, n,
			"spec.statements.unparsed: allow is for callers who may see all rows, and spec.rows "
			"is there");
	else if (d->guard.given)
		section_wrong(r, n,
			"spec.statements.unparsed: allow cannot stand beside a default or rules: what is not "
			"understood may do everything");
	else if (d->export.any)
		section_wrong(r, n,
			"spec.statements.unparsed: allow cannot stand beside spec.export: of what is not "
			"understood nobody knows what it gives");
}

static void read_statements(struct reading *r, const struct node *n, struct document *d)
{
	static const struct key keys[] = {{"default", KEY_READ}, {"opaque", KEY_READ}, {"unparsed", KEY_READ},
		{"rules", KEY_READ}, {"only", KEY_READ}, {"settings", KEY_READ}, {"readOnly", KEY_READ}};
	const struct node *opaque = node_get(n, "opaque");

	if (!section_map(r, n, "spec.statements", keys, ARRAY_LEN(keys)))
		return;
	guard_read(r, n, &d->guard);
	read_unparsed(r, node_get(n, "unparsed"), d);
	d->opaque.guarded = d->guard.given;
	if (opaque && !hides(d) && !d->guard.given)
		section_wrong(r, opaque,
			"spec.statements.opaque says nothing where nothing is masked, and no default and no "
			"rules are given: statements are not looked at");
	if (!hides(d) && !node_get(opaque, "default"))
		d->opaque.mode = OPAQUE_ALLOW;
	read_opaque(r, opaque, &d->opaque);
	if (d->nrows && node_is(node_get(opaque, "default"), "allow"))
		section_wrong(r, node_get(opaque, "default"),
			"spec.statements.opaque.default: allow cannot stand beside spec.rows: code that may "
			"do anything may read any row");
}

/* The kernel knows it of a cgroup; whoever is enrolled by uid alone may be anywhere. */
static void read_foreign(struct reading *r, const struct node *n, struct document *d)
{
	bool placed = false;

	if (!n || node_is(n, "deny"))
		return;
	if (!node_is(n, "report")) {
		section_wrong(r, n, "spec.foreignPostgres must be deny or report");
		return;
	}
	for (unsigned i = 0; i < d->nsubjects; i++)
		placed = placed || d->subjects[i].cgroup || d->subjects[i].unit;
	if (!placed)
		section_wrong(r, n,
			"spec.foreignPostgres: report never applies: no subject has a cgroup or a unit, and "
			"who is enrolled by uid alone is denied");
	d->reports_foreign = true;
}

static void read_spec(struct reading *r, const struct node *spec, struct document *d)
{
	static const struct key keys[] = {{"subjects", KEY_READ}, {"databases", KEY_READ}, {"mask", KEY_READ},
		{"statements", KEY_READ}, {"rows", KEY_READ}, {"export", KEY_READ}, {"approval", KEY_READ},
		{"record", KEY_READ}, {"foreignPostgres", KEY_READ}};

	if (!section_map(r, spec, "spec", keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, spec, "spec", "subjects");
	section_missing(r, spec, "spec", "databases");
	read_subjects(r, node_get(spec, "subjects"), d);
	read_databases(r, node_get(spec, "databases"), d);
	read_rules(r, node_get(spec, "mask"), d);
	if (node_get(spec, "rows"))
		rows_read(r, node_get(spec, "rows"), d);
	export_read(r, node_get(spec, "export"), &d->export);
	read_statements(r, node_get(spec, "statements"), d);
	approval_read(r, node_get(spec, "approval"), &d->approval);
	read_foreign(r, node_get(spec, "foreignPostgres"), d);
	record_read(r, node_get(spec, "record"), &d->record);
}

static void read_document(struct reading *r, const struct node *n, struct document *d)
{
	static const struct key keys[] = {
		{"apiVersion", KEY_READ}, {"kind", KEY_READ}, {"metadata", KEY_READ}, {"spec", KEY_READ}};
	static const struct key metadata_keys[] = {{"name", KEY_READ}};
	const struct node *version = node_get(n, "apiVersion"), *kind = node_get(n, "kind");
	const struct node *metadata = node_get(n, "metadata");

	d->file = r->file;
	d->line = n->line;
	if (!section_map(r, n, "document", keys, ARRAY_LEN(keys)))
		return;
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		section_missing(r, n, "document", keys[i].name);
	if (version && !node_is(version, "pgveil.dev/v1"))
		section_wrong(r, version, "apiVersion must be pgveil.dev/v1");
	if (kind && !node_is(kind, "MaskingPolicy"))
		section_wrong(r, kind, "kind must be MaskingPolicy");
	if (section_map(r, metadata, "metadata", metadata_keys, ARRAY_LEN(metadata_keys))) {
		section_missing(r, metadata, "metadata", "name");
		d->name = section_text(r, node_get(metadata, "name"), "metadata.name");
	}
	read_spec(r, node_get(n, "spec"), d);
}

/* Makes room for n more; the new ones are counted at once, so that documents_fini finds their keys. */
static struct document *grow(struct documents *d, unsigned n)
{
	struct document *v = arena_array(&d->mem, d->n + n, sizeof(*v));

	if (!v)
		return NULL;
	if (d->n)
		memcpy(v, d->v, d->n * sizeof(*v));
	d->v = v;
	d->n += n;
	return v + d->n - n;
}

static void check_names(struct reading *r, const struct documents *d, unsigned first, const struct node *n)
{
	for (unsigned i = first; i < d->n && n; i++, n = n->next)
		for (unsigned j = 0; j < i; j++)
			if (d->v[i].name && d->v[j].name && strcmp(d->v[i].name, d->v[j].name) == 0)
				section_wrong(r, node_get(node_get(n, "metadata"), "name"),
					"the document at %s:%u is named \"%.60s\" already", d->v[j].file,
					d->v[j].line, d->v[i].name);
}

#define DOCUMENTS_MAX 1000

static int read_all(struct reading *r, struct documents *d, struct span text)
{
	unsigned n = 0, first = d->n;
	struct document *v;
	struct node *root;
	int rc = r->confined ? node_parse_foreign(&root, text, r->m) : node_parse(&root, text, r->m);

	if (rc)
		return rc;
	r->root = root;
	for (const struct node *c = root; c; c = c->next)
		n++;
	if (!n || n > DOCUMENTS_MAX) {
		mistake_add(
			r->m, 1, 1, n ? "more than %d documents" : "no document in the file", DOCUMENTS_MAX);
		return -EINVAL;
	}
	v = grow(d, n);
	if (!v)
		return -ENOMEM;
	for (const struct node *c = root; c; c = c->next)
		read_document(r, c, v++);
	check_names(r, d, first, root);
	return r->failed ? r->failed : digest_add(d->digest, root);
}

static const char *folder_of(struct arena *a, const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? arena_strndup(a, file, slash == file ? 1 : (size_t)(slash - file)) : ".";
}

/* Of an object nobody sees the text that its positions are of. */
static bool tell(const struct reading *r, const char *file, struct complaints *c)
{
	char path[200];

	if (!r->confined || !r->root)
		return mistakes_tell(r->m, file, c);
	for (unsigned i = 0; i < r->m->n; i++) {
		const struct mistake *v = &r->m->v[i];

		node_path(r->root, v->line, v->column, path, sizeof(path));
		if (!complaints_add(c, "%s:%s: %s", file, path, v->text))
			return false;
	}
	if (r->m->total > MISTAKES_MAX &&
		!complaints_add(c, "%s:: and %u more mistakes", file, r->m->total - MISTAKES_MAX))
		return false;
	return !r->m->no_memory;
}

static int parse(struct documents *d, const char *file, struct span text,
	const struct policy_sources *confined, struct complaints *c)
{
	struct arena scratch = {.limit = SCRATCH_MAX};
	struct mistakes m = {.mem = &scratch};
	struct reading r = {.m = &m, .mem = &d->mem, .confined = confined, .keys = d->keys};
	int rc = -ENOMEM;

	r.file = arena_strdup(&d->mem, file);
	r.folder = folder_of(&d->mem, file);
	if (r.file && r.folder)
		rc = read_all(&r, d, text);
	d->keys = r.keys;
	if (!tell(&r, file, c))
		rc = -ENOMEM;
	if (!rc && m.total)
		rc = -EINVAL;
	if (rc == -ENOMEM && complaints_add(c, "%s:1:1: out of memory", file))
		rc = -EINVAL;
	arena_fini(&scratch);
	return rc;
}

int documents_parse(struct documents *d, const char *file, struct span text, struct complaints *c)
{
	return parse(d, file, text, NULL, c);
}

int documents_parse_object(struct documents *d, const struct policy_object *o, const struct policy_sources *s,
	struct complaints *c)
{
	if (!o->fault)
		return parse(d, o->name, o->text, s, c);
	return complaints_add(c, "%s:: %s", o->name, o->fault) ? -EINVAL : -ENOMEM;
}

static int read_file(const char *file, uint8_t **text, size_t *n)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = 0;
	struct stat st;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		rc = -errno;
	else if (S_ISDIR(st.st_mode))
		rc = -EISDIR;
	/* One byte more than may be: then node_parse says that it is too large. */
	*text = malloc(NODE_TEXT_MAX + 1);
	if (!rc && !*text)
		rc = -ENOMEM;
	for (*n = 0; !rc && got > 0 && *n <= NODE_TEXT_MAX; *n += (size_t)got) {
		got = read(fd, *text + *n, NODE_TEXT_MAX + 1 - *n);
		if (got < 0) {
			rc = -errno;
			got = 0;
		}
	}
	close(fd);
	return rc;
}

int documents_read(struct documents *d, const char *file, struct complaints *c)
{
	uint8_t *text = NULL;
	size_t n = 0;
	int rc = read_file(file, &text, &n);

	if (rc) {
		if (!complaints_add(c, "%s:1:1: cannot be read: %s", file, strerror(-rc)))
			rc = -ENOMEM;
	} else {
		rc = documents_parse(d, file, span_of(text, n), c);
	}
	free(text);
	return rc == -ENOMEM || rc == 0 ? rc : -EINVAL;
}

void documents_fini(struct documents *d)
{
	for (unsigned i = 0; i < d->n; i++)
		for (unsigned j = 0; j < d->v[i].nrules; j++) {
			mask_fini(&d->v[i].rules[j].mask);
			mask_fini(&d->v[i].rules[j].derived);
		}
	arena_fini(&d->mem);
	*d = (struct documents){0};
}
