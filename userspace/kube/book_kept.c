/* SPDX-License-Identifier: MIT */
/* Of a pod only what it may is kept, and as of when: which it is the API server must say again. */
#include "kube/book.h"

#include <errno.h>
#include <string.h>

#include "kube/book_internal.h"

json_t *book_save(struct book *b)
{
	json_t *doc = json_object(), *one;
	const char *why;
	struct entry *e;

	pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; doc && i < BOOK_BUCKETS; i++) {
		SLIST_FOREACH(e, &b->entries[i], next)
		{
			enum pod_state s = book_settle(b, e, &why);
			uint64_t as_of = e->gone || !e->round ? e->as_of_ms : b->heard_ms;

			if (s == POD_UNKNOWN)
				continue;
			one = json_pack("{s:s, s:I}", "state", pod_state_name(s), "asOf", (json_int_t)as_of);
			if (json_object_set_new(doc, e->cgroup_uid, one) != 0) {
				json_decref(doc);
				doc = NULL;
				break;
			}
		}
	}
	pthread_mutex_unlock(&b->lock);
	return doc;
}

int book_load(struct book *b, const json_t *saved, struct err *e)
{
	const char *uid;
	json_t *one;
	int rc = 0;

	if (!json_is_object(saved))
		return err_set(e, -EINVAL, "what was kept of pods is no object");
	pthread_mutex_lock(&b->lock);
	json_object_foreach((json_t *)saved, uid, one)
	{
		const char *name = json_string_value(json_object_get(one, "state"));
		struct entry *x = strlen(uid) < POD_UID_MAX ? book_entry(b, uid) : NULL;
		enum pod_state s = POD_EXEMPT;

		while (s != POD_UNKNOWN && (!name || strcmp(name, pod_state_name(s)) != 0))
			s--;
		if (!x || s == POD_UNKNOWN) {
			rc = err_set(e, -EINVAL, "what was kept of pod %.40s cannot be read", uid);
			break;
		}
		x->kept = s;
		x->as_of_ms = (uint64_t)json_integer_value(json_object_get(one, "asOf"));
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}
