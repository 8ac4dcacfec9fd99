/* SPDX-License-Identifier: ISC */
/*
 * Selects the reply to a request: the status page, the metrics, a file of the site, or an
 * error.
 */
#include "apps/httpd/server.h"

static bool is_status(const struct request *r)
{
	return server.options.status && r->path_len >= 7 && !memcmp(r->path, ".status", 7) &&
	       (r->method == METHOD_GET || r->method == METHOD_HEAD);
}

static bool is_metrics(const struct request *r)
{
	return server.options.metrics &&
	       span_is((struct span){ r->path, r->path_len }, "metrics", 7) &&
	       (r->method == METHOD_GET || r->method == METHOD_HEAD);
}

/* The status page or its JSON. */
static const struct representation *status_for(struct connection *c, const struct request *r)
{
	if (r->path_len == 7)
		return status_page();
	if (!span_is((struct span){ r->path, r->path_len }, ".status.json", 12))
		return NULL;
	return c->own = status_json();
}

void respond_with(struct connection *c, struct reply *reply, const struct request *request,
		  int status)
{
	const struct representation *what;

	if (status) {
		reply_error(reply, status, request);
	} else if (is_status(request) || is_metrics(request)) {
		what = is_status(request) ? status_for(c, request) : (c->own = metrics());
		if (what)
			reply_with(reply, what, request);
		else
			reply_error(reply, 404, request);
	} else {
		reply_to(reply, &server.site, request);
	}
}
