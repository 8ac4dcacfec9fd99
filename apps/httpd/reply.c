/* SPDX-License-Identifier: ISC */
/* RFC 9110: preconditions (13), ranges (14), redirections to folders, errors. */
#include "apps/httpd/date.h"
#include "apps/httpd/reply.h"

#include <stdlib.h>
#include <strings.h>

#define QUERY_MAX 2048			/* bytes of a query that a redirection repeats */
#define BOUNDARY "xenolith-part-of-a-file"

/* ---- error pages */

static struct refusal {
	int status;
	const char *reason, *says;
	struct representation *page;
} refusals[] = {
	{ 301, "Moved Permanently", "This is a folder: its URL ends with a slash.", NULL },
	{ 308, "Permanent Redirect", "This server is used with TLS: https.", NULL },
	{ 400, "Bad Request", "The request is not valid HTTP.", NULL },
	{ 403, "Forbidden", "A file of this name cannot be uploaded.", NULL },
	{ 404, "Not Found", "There is no file of this name.", NULL },
	{ 405, "Method Not Allowed", "This URL does not support the method.", NULL },
	{ 408, "Request Timeout", "The request took too long to arrive.", NULL },
	{ 409, "Conflict", "A file cannot be stored here: the folder does not exist, or the name is"
	  " a folder's.", NULL },
	{ 411, "Length Required", "An upload needs a Content-Length, or chunks.", NULL },
	{ 412, "Precondition Failed", "The file does not match the request's conditions.", NULL },
	{ 413, "Content Too Large", "The file is larger than the server's limit.", NULL },
	{ 414, "URI Too Long", "The URL is too long.", NULL },
	{ 415, "Unsupported Media Type", "A file cannot be uploaded with a Content-Encoding.",
	  NULL },
	{ 416, "Range Not Satisfiable", "The file is shorter than the requested range.", NULL },
	{ 417, "Expectation Failed", "This server does not support the expectation.", NULL },
	{ 431, "Request Header Fields Too Large", "The request's header is too large.", NULL },
	{ 500, "Internal Server Error", "Reading or writing the file failed.", NULL },
	{ 501, "Not Implemented", "This server does not support the method.", NULL },
	{ 503, "Service Unavailable", "The server has too much to do, or not enough memory, now.",
	  NULL },
	{ 505, "HTTP Version Not Supported", "This server supports HTTP/1.0 and 1.1.", NULL },
	{ 507, "Insufficient Storage", "The server's disk is full.", NULL },
};

#define REFUSALS (sizeof(refusals) / sizeof(refusals[0]))

static struct refusal *refusal(int status)
{
	for (size_t i = 0; i < REFUSALS; i++)
		if (refusals[i].status == status)
			return &refusals[i];
	return NULL;
}

const char *reply_reason(int status)
{
	const struct refusal *r = refusal(status);

	return r ? r->reason : status == 200 ? "OK" : status == 201 ? "Created" :
	       status == 206 ? "Partial Content" :
	       status == 304 ? "Not Modified" : "No Content";
}

bool reply_init(void)
{
	for (size_t i = 0; i < REFUSALS; i++) {
		struct refusal *r = &refusals[i];
		struct body body = { .fd = -1 };
		char page[600], *copy;
		struct text t = text_in(page, sizeof(page));

		put_literal(&t, "<!doctype html>\n<html lang=en><meta charset=utf-8><title>");
		put_string(&t, r->reason);
		put_literal(&t, "</title>\n<meta name=color-scheme content=\"light dark\">"
			"<style>body{font:16px/1.6 system-ui,sans-serif;max-width:32em;"
			"margin:20vh auto;padding:0 1em}h1{font-size:1.3em}</style>\n<h1>");
		put_number(&t, r->status);
		put_char(&t, ' ');
		put_string(&t, r->reason);
		put_literal(&t, "</h1>\n<p>");
		put_string(&t, r->says);
		put_literal(&t, "\n</html>\n");
		body.size = text_len(&t);
		copy = malloc(body.size);
		if (!copy)
			return false;
		body.data = memcpy(copy, page, body.size);
		r->page = representation_new(&body, "text/html; charset=utf-8", "", 0, -1);
		if (!r->page)
			return false;
	}
	return true;
}

static void whole(struct reply *reply, int status, const struct representation *what)
{
	reply->status = status;
	reply->what = what;
	reply->nranges = 1;
	reply->ranges[0] = (struct range){ 0, what->body.size };
	reply->length = what->body.size;
}

void reply_with(struct reply *reply, const struct representation *what,
		const struct request *r)
{
	reply->has_body = r->method != METHOD_HEAD;
	whole(reply, 200, what);
}

void reply_error(struct reply *reply, int status, const struct request *r)
{
	reply_with(reply, refusal(status)->page, r);
	reply->status = status;
}

void reply_stored(struct reply *reply, int status, const struct representation *what)
{
	reply->status = status;
	reply->what = what;
	reply->has_body = false;
	reply->length = 0;
	reply->nranges = 0;
}

/* ---- preconditions */

bool reply_has_tag(struct span list, struct span tag, bool weak)
{
	const char *p = list.at, *end = p + list.len;

	while (p < end) {
		bool is_weak = false;
		const char *close;

		if (*p == ' ' || *p == '\t' || *p == ',') {
			p++;
			continue;
		}
		if (*p == '*')
			return true;
		if (end - p > 2 && p[0] == 'W' && p[1] == '/') {
			is_weak = true;
			p += 2;
		}
		close = *p == '"' && end - p > 1 ? memchr(p + 1, '"', end - p - 1) : NULL;
		if (!close)
			return false;
		if ((weak || !is_weak) && span_is(tag, p, close + 1 - p))
			return true;
		p = close + 1;
	}
	return false;
}

/* Returns 0, 304 or 412: RFC 9110, 13.2.2. */
static int precondition(const struct request *r, const struct representation *what)
{
	int64_t date;

	if (r->if_match.at) {
		if (!reply_has_tag(r->if_match, what->etag, false))
			return 412;
	} else if (r->if_unmodified_since.at) {
		date = date_read(r->if_unmodified_since);
		if (date >= 0 && what->mtime > date)
			return 412;
	}
	if (r->if_none_match.at)
		return reply_has_tag(r->if_none_match, what->etag, true) ? 304 : 0;
	if (r->if_modified_since.at) {
		if (span_is(what->modified, r->if_modified_since.at, r->if_modified_since.len))
			return 304;
		date = date_read(r->if_modified_since);
		if (date >= 0 && what->mtime >= 0 && what->mtime <= date)
			return 304;
	}
	return 0;
}

/* If-Range: requires a strong tag, or exactly the same date. */
static bool if_range_matches(const struct request *r, const struct representation *what)
{
	struct span s = r->if_range;

	if (!s.at)
		return true;
	return s.len && (span_is(what->etag, s.at, s.len) ||
			 span_is(what->modified, s.at, s.len));
}

/* ---- ranges */

/* Parses digits, without overflow. Returns -1 if there are none. */
static off_t digits(const char **p, const char *end)
{
	off_t n = 0;
	const char *start = *p;

	for (; *p < end && **p >= '0' && **p <= '9'; ++*p)
		n = n > INT64_MAX / 10 - 1 ? INT64_MAX / 10 : n * 10 + (**p - '0');
	return *p == start ? -1 : n;
}

/*
 * Returns how many ranges of the list can be satisfied; -1 if the list is invalid or too
 * long.
 */
static int read_ranges(struct span s, off_t size, struct range ranges[RANGES_MAX])
{
	const char *p = s.at + 6, *end = s.at + s.len;
	unsigned n = 0, seen = 0;

	if (s.len < 6 || strncasecmp(s.at, "bytes=", 6))
		return -1;
	while (p < end) {
		off_t from, to;

		if (*p == ' ' || *p == '\t' || *p == ',') {
			p++;
			continue;
		}
		from = digits(&p, end);
		if (p == end || *p++ != '-')
			return -1;
		to = digits(&p, end);
		if ((from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from) ||
		    (p < end && *p != ',' && *p != ' ' && *p != '\t') || ++seen > RANGES_MAX)
			return -1;
		if (from < 0) {
			from = to < size ? size - to : 0;
			to = to ? size : from;
		} else {
			to = to < 0 || to >= size ? size : to + 1;
		}
		if (from < to)
			ranges[n++] = (struct range){ from, to };
	}
	return seen ? (int)n : -1;
}

/*
 * Ranges that overlap, or need more work than the whole file, are an attack or an error.
 */
static bool worth_it(const struct reply *reply, off_t size)
{
	off_t sum = 0;

	for (unsigned i = 0; i < reply->nranges; i++)
		sum += reply->ranges[i].to - reply->ranges[i].from + 100;
	return reply->nranges == 1 || sum <= size;
}

static void apply_ranges(struct reply *reply, const struct request *r)
{
	const struct representation *what = reply->what;
	int n;

	if (!r->range.at || r->ranges != 1 || r->method != METHOD_GET ||
	    !if_range_matches(r, what))
		return;
	n = read_ranges(r->range, what->body.size, reply->ranges);
	reply->nranges = n;
	if (n == 0) {
		reply_error(reply, 416, r);
		reply->ranges[1].to = what->body.size;
	} else if (n < 0 || !worth_it(reply, what->body.size)) {
		whole(reply, 200, what);
	} else {
		reply->status = 206;
		reply->length = 0;
		for (int i = 0; i < n; i++)
			reply->length += reply->ranges[i].to - reply->ranges[i].from;
		for (int i = 0; n > 1 && i <= n; i++) {
			char buffer[PART_MAX];
			struct text t = text_in(buffer, sizeof(buffer));

			reply_part(reply, &t, i);
			reply->length += text_len(&t);
		}
	}
}

static void put_range(struct text *t, const struct reply *reply, unsigned i)
{
	put_literal(t, "Content-Range: bytes ");
	put_number(t, reply->ranges[i].from);
	put_char(t, '-');
	put_number(t, reply->ranges[i].to - 1);
	put_char(t, '/');
	put_number(t, reply->what->body.size);
	put_literal(t, "\r\n");
}

void reply_part(const struct reply *reply, struct text *t, unsigned i)
{
	if (i == reply->nranges) {
		put_literal(t, "\r\n--" BOUNDARY "--\r\n");
		return;
	}
	put_string(t, i ? "\r\n--" BOUNDARY "\r\n" : "--" BOUNDARY "\r\n");
	put_literal(t, "Content-Type: ");
	put_string(t, reply->what->content_type);
	put_literal(t, "\r\n");
	put_range(t, reply, i);
	put_literal(t, "\r\n");
}

/* ---- replies */

void reply_to(struct reply *reply, struct site *site, const struct request *r)
{
	struct found found = { 0 };
	int status;

	reply->has_body = r->method == METHOD_GET;
	reply->list = false;
	if (r->method == METHOD_OPTIONS) {
		reply->status = 204;
		reply->what = NULL;
		reply->length = 0;
		reply->nranges = 0;
		return;
	}
	status = site_find(site, r->path, r->path_len, r->folder, request_accepts_gzip(r), &found);
	reply->list = found.list;
	if (status != 200) {
		reply_error(reply, status, r);
		return;
	}
	if (found.own)
		reply->own = found.what;
	status = precondition(r, found.what);
	if (status == 412) {
		reply_error(reply, 412, r);
		return;
	}
	whole(reply, status ? status : 200, found.what);
	if (status == 304) {
		reply->has_body = false;
		reply->length = 0;
		return;
	}
	if (reply->has_body && !found.own && !found.what->body.data)
		site_warm(site, found.what);
	apply_ranges(reply, r);
}

static void put_status(struct text *t, int status)
{
	put_literal(t, "HTTP/1.1 ");
	put_number(t, status);
	put_char(t, ' ');
	put_string(t, reply_reason(status));
}

bool reply_redirect(struct reply *reply, unsigned port, const struct request *r)
{
	static const char challenge[] = ".well-known/acme-challenge/";

	if (r->path_len >= sizeof(challenge) - 1 && !memcmp(r->path, challenge, sizeof(challenge) - 1))
		return false;
	/* Without a Host (HTTP/1.0) there is no address. */
	reply_error(reply, r->host.len ? 308 : 400, r);
	reply->port = port;
	return true;
}

/* The same URL with https; a Host has been checked. */
static void put_location(const struct reply *reply, struct text *t, const struct request *r)
{
	const char *close = memchr(r->host.at, ']', r->host.len) ?: r->host.at;
	const char *colon = memchr(close, ':', r->host.at + r->host.len - close);

	put_literal(t, "Location: https://");
	put(t, r->host.at, colon ? (size_t)(colon - r->host.at) : r->host.len);
	if (reply->port != 443) {
		put_literal(t, ":");
		put_number(t, reply->port);
	}
	put_literal(t, "/");
	put_url(t, (struct span){ r->path, r->path_len });
	if (r->folder && r->path_len)
		put_literal(t, "/");
	if (r->query.len < QUERY_MAX)
		put(t, r->query.at ?: "", r->query.len);
	put_literal(t, "\r\n");
}

void reply_head(const struct reply *reply, struct text *t, const char *date,
		bool keep_alive, const struct request *r, uint64_t hsts)
{
	const struct representation *what = reply->what;
	size_t from = 0;

	if (reply->status == 200)
		put_literal(t, "HTTP/1.1 200 OK");
	else
		put_status(t, reply->status);
	put_literal(t, "\r\nServer: Xenolith\r\nDate: ");
	put(t, date, DATE_LEN);
	put_literal(t, "\r\n");
	if (!keep_alive)
		put_literal(t, "Connection: close\r\n");
	else if (r->http_1_0)
		put_literal(t, "Connection: keep-alive\r\n");
	if (hsts) {
		put_literal(t, "Strict-Transport-Security: max-age=");
		put_number(t, hsts / 1000);
		put_literal(t, "\r\n");
	}
	switch (reply->status) {
	case 201:
		put_literal(t, "Content-Length: 0\r\n");
		from = what ? what->validators : 0;
		break;
	case 204:
		from = what ? what->validators : 0;
		if (what)
			break;
		/* fallthrough */
	case 405:
		put_string(t, reply->can_put ? "Allow: GET, HEAD, OPTIONS, PUT\r\n" :
						 "Allow: GET, HEAD, OPTIONS\r\n");
		break;
	case 206:
		put_literal(t, "Content-Length: ");
		put_number(t, reply->length);
		put_literal(t, "\r\n");
		from = what->type;
		if (reply->nranges == 1) {
			put_range(t, reply, 0);
		} else {
			put_literal(t, "Content-Type: multipart/byteranges; boundary=" BOUNDARY
				"\r\n");
			from = what->validators;
		}
		break;
	case 301:
		put_literal(t, "Location: /");
		put_url(t, (struct span){ r->path, r->path_len });
		put_literal(t, "/");
		if (r->query.len < QUERY_MAX)
			put(t, r->query.at ?: "", r->query.len);
		put_literal(t, "\r\n");
		break;
	case 308:
		put_location(reply, t, r);
		break;
	case 304:
		from = what->validators;
		break;
	case 416:
		put_literal(t, "Content-Range: bytes */");
		put_number(t, reply->ranges[1].to);
		put_literal(t, "\r\n");
		break;
	}
	if (what)
		put(t, what->head + from, what->head_len - from);
	put_literal(t, "\r\n");
}
