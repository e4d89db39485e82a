/* SPDX-License-Identifier: MIT */
/* answer: what the admin socket says to a request. */
#ifndef PGVEIL_CTL_ANSWER_H
#define PGVEIL_CTL_ANSWER_H

#include <jansson.h>
#include "base/metric.h"

struct evhttp_request;

void answer_json(struct evhttp_request *req, int code, json_t *body); /* takes body; NULL: 500 */
void answer_error(struct evhttp_request *req, int code, const char *text);
void answer_metrics(struct evhttp_request *req, const struct metric_text *m);

#endif
