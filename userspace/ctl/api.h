/* SPDX-License-Identifier: MIT */
/* api: approvals over HTTPS (ctl/approvals_answer.h), to whoever has a token and to nobody else. Who has
 * one's secret is taken for its owner; what is guarded on this machine is refused with any. */
#ifndef PGVEIL_CTL_API_H
#define PGVEIL_CTL_API_H

#include <stdint.h>
#include "base/err.h"

struct approvals;
struct api;
struct enrol;
struct event_base;

struct api_config { /* strings outlive it */
	struct event_base *base;
	const char *where; /* ADDR:PORT */
	const char *cert_file, *key_file, *tokens_file;
	const char *mount; /* of cgroup v2 */
	struct approvals *approvals;
	struct enrol *enrol;
};

MUSTCHECK int api_open(struct api **out, const struct api_config *cfg, struct err *e);
void api_close(struct api *a); /* NULL is fine */
/* Of ADDR:PORT; 0: it has none, or where is NULL. */
uint16_t api_port(const char *where);

#endif
