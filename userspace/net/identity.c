/* SPDX-License-Identifier: MIT */
#include "net/identity.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/unix_address.h"
#include "kern/cgroup.h"
#include "kube/book.h"
#include "kube/pod_path.h"

#define SLOTS 1024u

struct known {
	uint64_t cgroup_id; /* 0: free */
	char *path;
};

struct identity {
	const char *mount, *root;
	struct book *book;
	pthread_mutex_t lock;
	struct known known[SLOTS]; /* by id; a newcomer takes the place of who was there */
};

int identity_new(struct identity **out, const char *mount, const char *root, struct book *book, struct err *e)
{
	struct identity *id = calloc(1, sizeof(*id));

	if (!id)
		return err_set(e, -ENOMEM, "out of memory");
	id->mount = mount;
	id->root = root;
	id->book = book;
	pthread_mutex_init(&id->lock, NULL);
	*out = id;
	return 0;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(id->known[i].path);
	pthread_mutex_destroy(&id->lock);
	free(id);
}

static struct known *slot_of(struct identity *id, uint64_t cgroup_id)
{
	return &id->known[(cgroup_id ^ cgroup_id >> 32) % SLOTS];
}

/* "" for a cgroup that is gone: no policy names that. */
static void path_of(struct identity *id, uint64_t cgroup_id, char *out, size_t cap)
{
	struct known *k = slot_of(id, cgroup_id);
	char *copy;

	out[0] = '\0';
	pthread_mutex_lock(&id->lock);
	if (k->cgroup_id == cgroup_id && k->path)
		memcpy(out, k->path, strlen(k->path) + 1);
	pthread_mutex_unlock(&id->lock);
	if (out[0] || !cgroup_id)
		return;
	if (cgroup_path(id->mount, id->root, cgroup_id, out, cap, NULL)) {
		out[0] = '\0';
		return;
	}
	copy = strdup(out);
	if (!copy)
		return;
	pthread_mutex_lock(&id->lock);
	free(k->path);
	*k = (struct known){cgroup_id, copy};
	pthread_mutex_unlock(&id->lock);
}

/* Of one that is denied the API may say what is not so of it. */
static void tell_pod(struct identity *id, struct caller *out)
{
	struct pod_verdict v;
	struct pod_path p;

	out->in_pod = id->book && pod_path_read(out->cgroup, &p);
	if (!out->in_pod)
		return;
	book_verdict(id->book, p.uid, &v);
	if (v.state == POD_DENIED)
		pod_verdict_fini(&v);
	out->pod = v.pod;
}

void identity_fill(struct identity *id, uint64_t netns_cookie, const struct flow_value *v, struct caller *out)
{
	*out = (struct caller){
		.cgroup_id = v->cgroup_id,
		.subject_id = v->subject_cgroup_id,
		.netns_cookie = netns_cookie,
		.tgid = v->tgid,
		.uid = v->uid,
	};
	path_of(id, v->cgroup_id, out->cgroup, sizeof(out->cgroup));
	cgroup_unit(out->cgroup, out->unit, sizeof(out->unit));
	tell_pod(id, out);
	memcpy(out->comm, v->comm, sizeof(out->comm));
	out->comm[sizeof(out->comm) - 1] = '\0';
	flow_dialled(v, &out->dialled);
}

void identity_fill_unix(struct identity *id, const struct unix_flow_value *v, struct caller *out)
{
	struct flow_value same = {.cgroup_id = v->cgroup_id,
		.subject_cgroup_id = v->subject_cgroup_id,
		.tgid = v->tgid,
		.uid = v->uid};

	memcpy(same.comm, v->comm, sizeof(same.comm));
	identity_fill(id, v->netns_cookie, &same, out);
	unix_address_dialled(&out->dialled, v->dialled.bytes, v->dialled.len);
}
