/* SPDX-License-Identifier: MIT */
/* Reflectors and book against a small API server that pages, forgets, fails, and cuts its answers anywhere,
 * in random sequences; and questions about namespaces, whose answers come late. What the book says of a pod
 * is never laxer than what was true at some moment since the reflectors last caught up, nor by what its
 * namespace was before there was the pod; when they have, it is what is true, or stricter where a pod was so
 * before.
 *
 * kube_model [SEQUENCES [SEED]] */
#include "test.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/attr.h"
#include "kube/book.h"
#include "kube/reflector.h"

#define PODS   6u
#define SPACES 3u
#define LOG    4096u
#define PAGE   2u

enum kind { POD = 0, SPACE };

struct fact { /* of a pod or namespace, from a version on */
	uint64_t from;
	unsigned space;
	bool alive, label, escape;
};

struct object {
	struct fact *facts; /* all that it ever was */
	unsigned n, cap, number;
};

struct change {
	uint64_t version;
	enum kind kind;
	unsigned object; /* in all[kind] */
	const char *type;
};

struct wire_mark {
	size_t end;
	uint64_t version;
};

struct link { /* one reflector and its request */
	enum kind kind;
	struct reflector *r;
	bool under_way, watching, closes, told_status, last_page;
	uint64_t cursor, synced, snapshot;
	char *out; /* what the server wrote */
	size_t len, sent;
	struct wire_mark marks[512];
	unsigned nmarks, status;
};

static struct world {
	uint64_t random, version, floor, now;
	struct object *all[2];
	unsigned n[2], alive[PODS];
	struct change log[LOG];
	unsigned nlog;
	struct link link[2];
	struct book *book;
	struct question { /* the answer is under way: it is of what was so at version */
		bool under_way;
		char name[NAMESPACE_NAME_MAX];
		uint64_t news, version;
	} question;
	bool release;
} w;

static unsigned draw(unsigned n)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (unsigned)((w.random >> 16) % n);
}

static uint64_t wall(void)
{
	return w.now;
}

static struct fact *last_fact(const struct object *o)
{
	return &o->facts[o->n - 1];
}

static void add_fact(enum kind kind, unsigned i, struct fact f, const char *type)
{
	struct object *o = &w.all[kind][i];

	if (o->n == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 8;
		o->facts = realloc(o->facts, o->cap * sizeof(f));
		assert_non_null(o->facts);
	}
	f.from = ++w.version;
	o->facts[o->n++] = f;
	assert_true(w.nlog < LOG);
	w.log[w.nlog++] = (struct change){.version = f.from, .kind = kind, .object = i, .type = type};
}

static unsigned add_object(enum kind kind, struct fact f)
{
	unsigned i = w.n[kind]++;

	w.all[kind] = realloc(w.all[kind], w.n[kind] * sizeof(struct object));
	assert_non_null(w.all[kind]);
	w.all[kind][i] = (struct object){.number = i};
	f.alive = true;
	add_fact(kind, i, f, "ADDED");
	return i;
}

static void uid_of(unsigned pod, char out[37])
{
	snprintf(out, 37, "%08x-0000-4000-8000-000000000000", pod + 1);
}

/* As it was at version. */
static const struct fact *fact_at(enum kind kind, unsigned i, uint64_t version)
{
	const struct object *o = &w.all[kind][i];
	const struct fact *f = NULL;

	for (unsigned k = 0; k < o->n && o->facts[k].from <= version; k++)
		f = &o->facts[k];
	return f;
}

static size_t write_object(
	char *out, size_t cap, enum kind kind, unsigned i, const struct fact *f, uint64_t version)
{
	const char *labels =
		f->label ? ",\"labels\":{\"pgveil.dev/enroll\":\"true\"}" : ",\"labels\":{\"app\":\"}{\"}";
	char uid[37];

	uid_of(i, uid);
	return (size_t)snprintf(out, cap,
		"{\"metadata\":{\"name\":\"%c%u\",\"namespace\":\"s%u\",\"uid\":\"%s\",\"resourceVersion\":"
		"\"%" PRIu64 "\"%s},\"spec\":{\"hostPID\":%s}}",
		kind == POD ? 'p' : 's', kind == POD ? i : i, f->space, uid, version, labels,
		f->escape ? "true" : "false");
}

static void server_writes(struct link *l, const char *text, size_t n, uint64_t version)
{
	l->out = realloc(l->out, l->len + n + 1);
	assert_non_null(l->out);
	memcpy(l->out + l->len, text, n + 1);
	l->len += n;
	assert_true(l->nmarks < ARRAY_LEN(l->marks));
	l->marks[l->nmarks++] = (struct wire_mark){.end = l->len, .version = version};
}

static void server_expires(struct link *l)
{
	static const char gone[] =
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":"
		"\"too old resource version\",\"reason\":\"Expired\",\"code\":410}}\n";

	server_writes(l, gone, sizeof(gone) - 1, 0);
	l->closes = true;
}

/* What happened since. */
static void server_streams(struct link *l)
{
	char text[1024];
	size_t n;

	if (l->closes)
		return;
	if (l->cursor < w.floor) {
		server_expires(l);
		return;
	}
	for (unsigned i = 0; i < w.nlog; i++) {
		const struct change *c = &w.log[i];
		const struct fact *f;

		if (c->kind != l->kind || c->version <= l->cursor)
			continue;
		f = fact_at(
			c->kind, c->object, strcmp(c->type, "DELETED") == 0 ? c->version - 1 : c->version);
		n = (size_t)snprintf(text, sizeof(text), "{\"type\":\"%s\",\"object\":", c->type);
		n += write_object(text + n, sizeof(text) - n, c->kind, c->object, f, c->version);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "}\n");
		server_writes(l, text, n, c->version);
	}
	l->cursor = w.version;
	if (draw(8) == 0) {
		n = (size_t)snprintf(text, sizeof(text),
			"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{"
			"\"resourceVersion\":\"%" PRIu64 "\"},\"spec\":{\"containers\":null}}}\n",
			l->cursor);
		server_writes(l, text, n, l->cursor);
	}
}

/* A page of the collection as it was when the list began. */
static void server_lists(struct link *l, unsigned from)
{
	char text[1024];
	unsigned i = from, items = 0;
	size_t n = (size_t)snprintf(text, sizeof(text), "{\"kind\":\"List\",\"items\":[");

	server_writes(l, text, n, 0);
	for (; i < w.n[l->kind] && items < PAGE; i++) {
		const struct fact *f = fact_at(l->kind, i, l->snapshot);

		if (!f || !f->alive)
			continue;
		n = (size_t)snprintf(text, sizeof(text), "%s", items++ ? "," : "");
		n += write_object(text + n, sizeof(text) - n, l->kind, i, f, f->from);
		server_writes(l, text, n, 0);
	}
	l->last_page = i >= w.n[l->kind];
	n = (size_t)snprintf(
		text, sizeof(text), "],\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"", l->snapshot);
	if (!l->last_page)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, ",\"continue\":\"%u/+ %" PRIu64 "\"", i, l->snapshot);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "}}");
	server_writes(l, text, n, 0);
	l->closes = true;
}

static void begin_request(struct link *l, const char *target, bool faults)
{
	const char *more = strstr(target, "continue="), *at = strstr(target, "resourceVersion=");
	unsigned from = more ? (unsigned)strtoul(more + 9, NULL, 10) : 0;

	l->under_way = true;
	l->watching = strstr(target, "watch=true") != NULL;
	l->closes = l->told_status = l->last_page = false;
	l->len = l->sent = l->nmarks = 0;
	l->status = 200;
	assert_int_equal(strncmp(target, l->kind == POD ? "/api/v1/pods?" : "/api/v1/namespaces?",
				 l->kind == POD ? 13 : 19),
		0);
	if (more) /* as it was written, whatever characters are in it */
		assert_non_null(strstr(more, "%2F%2B%20"));
	if (faults && draw(6) == 0) {
		static const unsigned codes[] = {401, 403, 429, 500, 503, 410, 504};

		l->status = codes[draw(ARRAY_LEN(codes))];
		server_writes(l, "{\"kind\":\"Status\"}", 17, 0);
		l->closes = true;
		return;
	}
	if (l->watching) {
		assert_non_null(at);
		l->cursor = strtoull(at + 16, NULL, 10);
		assert_true(l->cursor > 0);
		return;
	}
	if (!more)
		l->snapshot = w.version;
	else if (l->snapshot < w.floor) {
		l->status = 410;
		l->closes = true;
		return;
	}
	server_lists(l, from);
}

/* What was read whole is known. */
static void note_synced(struct link *l)
{
	for (unsigned i = 0; l->watching && i < l->nmarks; i++) {
		if (l->marks[i].end <= l->sent && l->marks[i].version > l->synced)
			l->synced = l->marks[i].version;
	}
}

static void end_request(struct link *l, bool whole)
{
	bool listed = !l->watching && whole && l->sent == l->len && l->status == 200 && l->last_page;

	reflector_end(l->r, w.now, whole);
	l->under_way = false;
	if (listed)
		l->synced = l->snapshot;
}

static void step_link(struct link *l, bool faults)
{
	char target[REFLECTOR_TARGET_MAX];
	uint64_t wait = 0;
	size_t n;

	if (!l->under_way) {
		if (reflector_next(l->r, w.now, target, &wait))
			begin_request(l, target, faults);
		else
			w.now += faults ? draw((unsigned)wait + 1) : wait;
		return;
	}
	if (!l->told_status) {
		reflector_status(l->r, w.now, (int)l->status, l->status == 429 ? draw(3) : 0);
		l->told_status = true;
	}
	if (l->watching && l->status == 200)
		server_streams(l);
	if (faults && draw(40) == 0) { /* cut, and sometimes with something else in its place */
		if (draw(2))
			(void)!reflector_body(l->r, w.now, "]garbage", 8);
		end_request(l, false);
		return;
	}
	n = l->len - l->sent;
	if (faults && n > 1)
		n = 1 + draw((unsigned)n);
	if (n) {
		enum wire got = reflector_body(l->r, w.now, l->out + l->sent, n);

		l->sent += n;
		note_synced(l);
		if (got == WIRE_BAD) {
			end_request(l, false);
			return;
		}
	}
	if (l->sent == l->len && (l->closes || (faults && l->watching && draw(20) == 0)))
		end_request(l, true);
	w.now += draw(2000);
}

static void ask(void)
{
	char name[NAMESPACE_NAME_MAX];
	uint64_t news;

	if (w.question.under_way || !book_doubt(w.book, name, &news))
		return;
	w.question = (struct question){.under_way = true, .news = news, .version = w.version};
	strcpy(w.question.name, name);
}

/* Some get none. */
static void answer(bool faults)
{
	struct question *q = &w.question;
	unsigned i = (unsigned)strtoul(q->name + 1, NULL, 10);
	const struct fact *f = q->under_way ? fact_at(SPACE, i, q->version) : NULL;
	json_t *o = NULL;
	char text[1024];

	if (!q->under_way)
		return;
	q->under_way = false;
	if (faults && draw(6) == 0)
		return;
	if (f && f->alive) {
		write_object(text, sizeof(text), SPACE, i, f, f->from);
		o = json_loads(text, 0, NULL);
		assert_non_null(o);
	}
	(void)book_sure(w.book, q->name, q->news, o);
	json_decref(o);
}

/* One that has pods is not taken away; another one by its name may have another label. */
static void mutate_space(unsigned s)
{
	struct fact f = *last_fact(&w.all[SPACE][s]);
	bool used = false;

	for (unsigned i = 0; i < PODS; i++)
		used = used || (w.alive[i] != UINT32_MAX && last_fact(&w.all[POD][w.alive[i]])->space == s);
	if (!f.alive) {
		f.alive = true;
		f.label = draw(2);
		add_fact(SPACE, s, f, "ADDED");
	} else if (!used && draw(2)) {
		f.alive = false;
		add_fact(SPACE, s, f, "DELETED");
	} else {
		f.label = !f.label;
		add_fact(SPACE, s, f, "MODIFIED");
	}
}

static void mutate(void)
{
	unsigned slot = draw(PODS), pod = w.alive[slot], what = draw(8);
	struct fact f;

	if (what == 0) {
		mutate_space(draw(SPACES));
		return;
	}
	if (pod == UINT32_MAX) {
		f = (struct fact){.space = draw(SPACES), .label = draw(3) == 0, .escape = draw(4) == 0};
		if (last_fact(&w.all[SPACE][f.space])->alive)
			w.alive[slot] = add_object(POD, f);
		return;
	}
	f = *last_fact(&w.all[POD][pod]);
	if (what < 3) {
		f.alive = false;
		add_fact(POD, pod, f, "DELETED");
		w.alive[slot] = UINT32_MAX;
		return;
	}
	if (what < 6)
		f.label = !f.label;
	else
		f.escape = f.escape || draw(4) == 0;
	add_fact(POD, pod, f, "MODIFIED");
}

static enum pod_state truth(const struct fact *p, const struct fact *s)
{
	if (!p || !p->alive || (!p->label && !(s && s->alive)))
		return POD_UNKNOWN;
	if (!p->label && !s->label)
		return POD_EXEMPT;
	return p->escape ? POD_DENIED : POD_ENROLLED;
}

/* The laxest that it was since both reflectors knew all, and since there is that pod. */
static enum pod_state laxest(const struct object *p)
{
	enum pod_state most = POD_UNKNOWN;

	for (unsigned i = 0; i < p->n; i++) {
		const struct object *s = &w.all[SPACE][p->facts[i].space];
		const struct fact *now = fact_at(SPACE, p->facts[i].space, w.link[SPACE].synced);
		/* A namespace goes after the last of its pods; which label it had then nobody tells any more.
		 */
		uint64_t synced = now && now->alive ? w.link[SPACE].synced : 0;

		if (i + 1 < p->n && p->facts[i + 1].from <= w.link[POD].synced)
			continue;
		for (unsigned k = 0; k < s->n; k++) {
			enum pod_state one = truth(&p->facts[i], &s->facts[k]);

			if (k + 1 < s->n &&
				(s->facts[k + 1].from <= synced || s->facts[k + 1].from <= p->facts[0].from))
				continue;
			most = one > most ? one : most;
		}
	}
	return most;
}

static void check(bool caught_up)
{
	for (unsigned i = 0; i < w.n[POD]; i++) {
		struct pod_verdict v;
		char uid[37];
		enum pod_state most;

		uid_of(i, uid);
		book_verdict(w.book, uid, &v);
		most = laxest(&w.all[POD][i]);
		if (v.state > most || (caught_up && w.release && v.state != most))
			fail_msg("pod %u is %s (%s), and was at most %s", i, pod_state_name(v.state), v.why,
				pod_state_name(most));
		if (caught_up && v.state == POD_UNKNOWN && most != POD_UNKNOWN)
			fail_msg("pod %u is unknown, all was said of it", i);
		pod_verdict_fini(&v);
	}
}

static void check_counts(void)
{
	for (unsigned k = 0; k < 2; k++) {
		struct reflector_counts n;
		unsigned alive = 0;

		reflector_count(w.link[k].r, &n);
		for (unsigned i = 0; i < w.n[k]; i++)
			alive += last_fact(&w.all[k][i])->alive;
		assert_int_equal(n.objects, alive);
		assert_true(n.lists > 0);
	}
}

static void catch_up(void)
{
	for (unsigned i = 0;; i++) {
		bool done = true;

		assert_true(i < 1000);
		for (unsigned k = 0; k < 2; k++) {
			struct link *l = &w.link[k];

			step_link(l, false);
			done = done && l->under_way && l->watching && !l->closes && l->sent == l->len &&
			       l->cursor == w.version && reflector_view(l->r) == REFLECTOR_CURRENT;
		}
		if (done)
			break;
	}
	for (unsigned k = 0; k < 2; k++)
		w.link[k].synced = w.version;
	answer(false);
	for (unsigned i = 0; ask(), w.question.under_way; i++) {
		assert_true(i <= SPACES);
		answer(false);
	}
}

static void set_up(uint64_t seed, bool release)
{
	const struct book_config cfg = {.release = release, .wall_ms = wall};

	w = (struct world){
		.random = seed * 0x9e3779b97f4a7c15ULL + 1, .version = 10, .release = release, .now = 1000};
	for (unsigned i = 0; i < PODS; i++)
		w.alive[i] = UINT32_MAX;
	for (unsigned i = 0; i < SPACES; i++)
		add_object(SPACE, (struct fact){.label = draw(4) == 0});
	assert_int_equal(book_new(&w.book, &cfg, NULL), 0);
	for (unsigned k = 0; k < 2; k++) {
		const struct reflector_config rc = {
			.path = k == POD ? "/api/v1/pods" : "/api/v1/namespaces",
			.selector = k == POD ? "fieldSelector=spec.nodeName%3Dn1" : NULL,
			.seed = seed,
			.put = k == POD ? book_pod_put : book_namespace_put,
			.gone = k == POD ? book_pod_gone : book_namespace_gone,
			.begin = k == POD ? book_pods_begin : book_namespaces_begin,
			.listed = k == POD ? book_pods_listed : book_namespaces_listed,
			.arg = w.book,
		};

		w.link[k].kind = k;
		assert_int_equal(reflector_new(&w.link[k].r, &rc, NULL), 0);
	}
}

static void tear_down(void)
{
	for (unsigned k = 0; k < 2; k++) {
		reflector_free(w.link[k].r);
		free(w.link[k].out);
		for (unsigned i = 0; i < w.n[k]; i++)
			free(w.all[k][i].facts);
		free(w.all[k]);
	}
	book_free(w.book);
}

static void one_sequence(uint64_t seed)
{
	unsigned steps;

	set_up(seed, seed % 2);
	for (unsigned rounds = 1 + draw(3); rounds; rounds--) {
		for (steps = 5 + draw(60); steps; steps--) {
			unsigned what = draw(14);

			if (what < 4)
				mutate();
			else if (what == 4)
				w.floor = w.version - draw(3);
			else if (what == 5)
				ask();
			else if (what == 6)
				answer(true);
			else
				step_link(&w.link[draw(2)], true);
			check(false);
		}
		catch_up();
		check(true);
		check_counts();
	}
	tear_down();
}

static unsigned long sequences = 2000, first_seed = 1;

static void random_sequences(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < sequences; i++) {
		if (i % 1000 == 0 && sequences > 5000)
			print_message("seed %lu\n", first_seed + i);
		one_sequence(first_seed + i);
	}
}

/* What the server makes of requests one after another, and what is counted of it. */
static void faults_by_cause(void **state)
{
	static const char object
		[] = "{\"metadata\":{\"name\":\"s0\",\"resourceVersion\":\"7\"}}",
	  list[] = "{\"items\":[{\"metadata\":{\"name\":\"s0\"}}],\"metadata\":{\"resourceVersion\":\"5\"}}";
	static const struct {
		unsigned status; /* 0: no answer */
		const char *body, *event;
		bool whole;
		enum reflector_fault fault; /* MAX: none */
	} steps[] = {
		{0, "", NULL, false, REFLECTOR_UNREACHED},
		{401, "", NULL, true, REFLECTOR_FORBIDDEN},
		{403, "", NULL, true, REFLECTOR_FORBIDDEN},
		{429, "", NULL, true, REFLECTOR_BUSY},
		{500, "", NULL, true, REFLECTOR_STATUS},
		{200, "{\"items\":[", NULL, true, REFLECTOR_BROKEN},
		{200, "{\"items\":7}", NULL, true, REFLECTOR_UNREADABLE},
		{200, list, NULL, true, REFLECTOR_FAULT_MAX},
		{200, "", NULL, false, REFLECTOR_BROKEN}, /* a watch from here on */
		{200, "]", NULL, true, REFLECTOR_UNREADABLE},
		{200, list, NULL, true, REFLECTOR_FAULT_MAX},
		{410, "", NULL, true, REFLECTOR_EXPIRED},
		{200, list, NULL, true, REFLECTOR_FAULT_MAX},
		{200, "{\"code\":410}", "ERROR", true, REFLECTOR_EXPIRED},
		{200, list, NULL, true, REFLECTOR_FAULT_MAX},
		{200, "{\"code\":200}", "ERROR", true, REFLECTOR_STATUS},
		{200, list, NULL, true, REFLECTOR_FAULT_MAX},
		{200, object, "ADDED", true, REFLECTOR_FAULT_MAX},
		{200, object, "BOOKMARK", true, REFLECTOR_FAULT_MAX},
		{200, object, "DELETED", true, REFLECTOR_FAULT_MAX},
	};
	uint64_t want[REFLECTOR_FAULT_MAX] = {0}, now = 1000, wait;
	char target[REFLECTOR_TARGET_MAX], text[256];
	struct reflector_counts n;
	struct reflector *r;

	(void)state;
	set_up(1, false);
	r = w.link[SPACE].r;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		while (!reflector_next(r, now, target, &wait))
			now += wait;
		if (steps[i].status)
			reflector_status(r, now, (int)steps[i].status, 0);
		snprintf(text, sizeof(text), steps[i].event ? "{\"type\":\"%2$s\",\"object\":%1$s}" : "%1$s",
			steps[i].body, steps[i].event ? steps[i].event : "");
		if (steps[i].status == 200 && reflector_body(r, now, text, strlen(text)) == WIRE_BAD)
			reflector_end(r, now, false);
		else
			reflector_end(r, now, steps[i].whole);
		if (steps[i].fault != REFLECTOR_FAULT_MAX)
			want[steps[i].fault]++;
		reflector_count(r, &n);
		if (memcmp(n.faults, want, sizeof(want)) != 0)
			fail_msg("step %zu is not counted as %s", i,
				steps[i].fault == REFLECTOR_FAULT_MAX ? "well"
								      : reflector_fault_name(steps[i].fault));
	}
	assert_int_equal(n.lists, 5);
	assert_int_equal(n.events, 3);
	assert_int_equal(n.objects, 1);
	tear_down();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences),
		cmocka_unit_test(faults_by_cause),
	};

	if (argc > 1)
		sequences = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoul(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
