/* SPDX-License-Identifier: MIT */
#include "ctl/answer.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/metrics.h"

void answer_json(struct evhttp_request *req, int code, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct evbuffer *out = evhttp_request_get_output_buffer(req);

	json_decref(body);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/json");
	if (text)
		evbuffer_add(out, text, strlen(text));
	else
		code = HTTP_INTERNAL;
	free(text);
	evhttp_send_reply(req, code, NULL, NULL);
}

void answer_error(struct evhttp_request *req, int code, const char *text)
{
	json_t *message = json_string(text);

	answer_json(req, code, json_pack("{s:o}", "error", message ? message : json_string("failed")));
}

void answer_metrics(struct evhttp_request *req, const struct metric_text *m)
{
	evhttp_add_header(
		evhttp_request_get_output_headers(req), "Content-Type", metrics_type(m->open_metrics));
	if (!m->failed)
		evbuffer_add(evhttp_request_get_output_buffer(req), m->p, m->n);
	evhttp_send_reply(req, m->failed ? HTTP_INTERNAL : HTTP_OK, NULL, NULL);
}
