/* SPDX-License-Identifier: ISC */
/*
 * Selects the reply to a request: the status page, the metrics, a file of the site, or an
 * error.
 */
#include "apps/httpd/server.h"
#include "apps/httpd/upload.h"

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

/*
 * If descriptors or memory are missing, connections with less progress are closed; but not for a
 * list, which needs much memory and is made anew each time.
 */
static void site_reply(struct connection *c, struct reply *reply, const struct request *request)
{
	reply_to(reply, &server.site, request);
	for (int i = 0; reply->status == 503 && !reply->list && i < RESETS_MAX &&
			connection_make_room(c); i++)
		reply_to(reply, &server.site, request);
	c->own = reply->own;
}

void respond_with(struct connection *c, struct reply *reply, const struct request *request,
		  int status)
{
	const struct representation *what;

	reply->own = NULL;
	reply->can_put = upload_covers(request->path, request->path_len);
	if (!status && request->method == METHOD_PUT)
		status = 405;
	if (status) {
		reply_error(reply, status, request);
	} else if (server.options.redirect && !c->tls &&
		   reply_redirect(reply, server.options.tls, request)) {
		;
	} else if (is_status(request) || is_metrics(request)) {
		what = is_status(request) ? status_for(c, request) : (c->own = metrics());
		if (what)
			reply_with(reply, what, request);
		else
			reply_error(reply, 404, request);
	} else {
		site_reply(c, reply, request);
	}
}
