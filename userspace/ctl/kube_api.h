/* SPDX-License-Identifier: MIT */
/* kube_api: requests to the Kubernetes API server, one after the other. Blocks.
 * Kubernetes API reference, "Operations"; a failure's body is a Status object ("Status v1 meta"). */
#ifndef PGVEIL_CTL_KUBE_API_H
#define PGVEIL_CTL_KUBE_API_H

#include <jansson.h>
#include <stdint.h>
#include "base/err.h"

struct http;
struct kube_api;

struct kube_access { /* strings outlive what it is given to */
	/* "https://host:port"; NULL: as the kubelet tells every container (KUBERNETES_SERVICE_HOST, _PORT).
	 */
	const char *server;
	const char *ca_file, *token_file; /* NULL: those of the pod's service account */
};

/* The server's address, to be freed. -EINVAL: nothing names one, or it is not spoken to over TLS. */
MUSTCHECK int kube_access_server(const struct kube_access *a, char **out, struct err *e);
/* A connection of its own to it. As http_new: while there is one thread only. */
MUSTCHECK int kube_access_http(const struct kube_access *a, struct http **out, struct err *e);

/* As http_new: while there is one thread only. */
MUSTCHECK int kube_api_open(struct kube_api **out, const struct kube_access *access, struct err *e);
void kube_api_close(struct kube_api *a); /* NULL is fine */
void kube_api_stop(struct kube_api *a);  /* from any thread: what is under way ends, nothing begins */

struct kube_call {
	const char *method; /* "GET", "POST", "PUT", "PATCH" (a merge patch, RFC 7386), "DELETE" */
	const char *path;   /* "/api/v1/namespaces/x/events", with its query */
	const json_t *body; /* NULL: none */
	unsigned timeout_s; /* 0: half a minute */
	uint64_t *
		date_ms; /* what time it was there, in whole seconds; 0: it does not say. NULL: nobody asks */
};
/* One thread at a time. 0: the server did it; *answer (may be NULL) is what it said, a reference, NULL where
 * that was nothing. Otherwise the server's own words are in e: -EACCES 401 and 403, -ENOENT 404, -EEXIST a
 * 409 of something that is there already, -EAGAIN another 409 (it was changed by somebody else), -EINVAL 400,
 * 413 and 422, -EBUSY 429 and 503; -EIO where there was no answer to be read, -ECANCELED after kube_api_stop.
 */
MUSTCHECK int kube_api_do(struct kube_api *a, const struct kube_call *c, json_t **answer, struct err *e);

/* A Time of an object, in whole seconds, of ms since 1970. A reference; NULL: no memory. */
json_t *kube_api_time(uint64_t ms);

#endif
