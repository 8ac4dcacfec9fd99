/* SPDX-License-Identifier: ISC */
#include "apps/httpd/request.h"

#include "llhttp.h"

#include <arpa/inet.h>
#include <strings.h>

ssize_t request_end(const char *data, size_t len, size_t *from)
{
	while (*from < len) {
		const char *line = data + *from;
		const char *lf = memchr(line, '\n', len - *from);

		if (!lf)
			return 0;
		/*
		 * llhttp accepts some single CRs, before 8.1.1 as a line end
		 * (CVE-2023-30589).
		 */
		if (memchr(line, '\r', lf - line + 1) != lf - 1)
			return -400;
		*from = lf + 1 - data;
		if (lf - line == 1)
			return *from;
		if (*line == ' ' || *line == '\t' || *line == ':')
			/*
			 * A folded line, or a field without a name, which llhttp accepts
			 */
			return -400;
	}
	return 0;
}

/* ---- callbacks of llhttp */

struct parse {
	struct request *r;
	struct span *value;		/* destination of the field's value */
	struct span target, expect, host, other;
	bool complete;
};

static int on_url(llhttp_t *p, const char *at, size_t len)
{
	((struct parse *)p->data)->target = (struct span){ at, len };
	return 0;
}

static bool named(const char *field, const char *name, size_t len)
{
	return strncasecmp(field, name, len) == 0;
}

static struct span *value_of(struct parse *parse, const char *field, size_t len)
{
	struct request *r = parse->r;

	switch (len) {
	case 4:
		if (!named(field, "host", len))
			break;
		r->hosts++;
		return &parse->host;
	case 5:
		if (!named(field, "range", len))
			break;
		r->ranges++;
		return &r->range;
	case 6:
		return named(field, "expect", len) ? &parse->expect : NULL;
	case 8:
		return named(field, "if-range", len) ? &r->if_range :
		       named(field, "if-match", len) ? &r->if_match : NULL;
	case 13:
		return named(field, "if-none-match", len) ? &r->if_none_match :
		       named(field, "content-range", len) ? &r->content_range : NULL;
	case 15:
		return named(field, "accept-encoding", len) ? &r->accept_encoding : NULL;
	case 16:
		return named(field, "content-encoding", len) ? &r->content_encoding : NULL;
	case 17:
		return named(field, "if-modified-since", len) ? &r->if_modified_since : NULL;
	case 19:
		return named(field, "if-unmodified-since", len) ? &r->if_unmodified_since : NULL;
	}
	return NULL;
}

static int on_field(llhttp_t *p, const char *at, size_t len)
{
	struct parse *parse = p->data;
	struct span *value = value_of(parse, at, len);

	/* If a field is repeated, the first one counts. */
	parse->value = value && !value->at ? value : &parse->other;
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
	while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	*((struct parse *)p->data)->value = (struct span){ at, len };
	return 0;
}

static int on_headers_complete(llhttp_t *p)
{
	struct parse *parse = p->data;

	parse->complete = true;
	parse->r->keep_alive = llhttp_should_keep_alive(p);
	parse->r->chunked = p->flags & F_CHUNKED;
	parse->r->has_length = p->flags & F_CONTENT_LENGTH;
	parse->r->length = p->content_length;
	parse->r->has_body = parse->r->chunked || p->content_length;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url, .on_header_field = on_field, .on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
};

/* ---- the target */

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Decodes the path to r->path. The rest of the target is the query. */
static int decode(struct request *r, struct span target)
{
	const char *p = target.at, *end = p + target.len;
	size_t n = 0;

	for (; p < end && *p != '?' && *p != '#'; p++) {
		char c = *p;

		if (c == '%') {
			if (end - p < 3 || nibble(p[1]) < 0 || nibble(p[2]) < 0)
				return 400;
			c = nibble(p[1]) << 4 | nibble(p[2]);
			p += 2;
		}
		if (!c)
			return 400;
		if (n == sizeof(r->path))
			return 414;
		r->path[n++] = c;
	}
	r->path_len = n;
	if (p < end && *p == '?')
		r->query = (struct span){ p, end - p };
	return 0;
}

/* Resolves . and .. in place, and removes empty segments. */
static int normalise(struct request *r)
{
	size_t out = 0, in = 0;

	r->folder = true;
	while (in < r->path_len) {
		const char *name = r->path + in;
		const char *slash = memchr(name, '/', r->path_len - in);
		size_t len = slash ? (size_t)(slash - name) : r->path_len - in;

		in += len + (slash != NULL);
		if (len == 2 && name[0] == '.' && name[1] == '.') {
			if (!out)
				return 400;
			while (out && r->path[--out] != '/')
				;
		} else if (len && !(len == 1 && *name == '.')) {
			if (out)
				r->path[out++] = '/';
			memmove(r->path + out, name, len);
			out += len;
			r->folder = slash;
			continue;
		}
		r->folder = true;
	}
	r->path_len = out;
	return 0;
}

/* ---- the host */

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~", c));
}

/* 1 to 5 digits of a number up to 65535, or nothing: RFC 3986, 3.2.3. */
static bool valid_port(struct span s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + s.at[i] - '0';
		if (n > 65535)
			return false;
	}
	return !s.len || n;
}

static bool valid_ipv6(struct span s)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr address;

	if (s.len >= sizeof(text) || memchr(s.at, 0, s.len))
		return false;
	memcpy(text, s.at, s.len);
	return inet_pton(AF_INET6, text, &address) == 1;
}

/* A percent-encoded byte that is not a separator. */
static bool valid_escape(const char *p, const char *end)
{
	int c;

	if (end - p < 3 || nibble(p[1]) < 0 || nibble(p[2]) < 0)
		return false;
	c = nibble(p[1]) << 4 | nibble(p[2]);
	return c >= 0x80 || unreserved(c);
}

/*
 * uri-host [ ":" port ] of RFC 9110, 4.2 and 7.2, not empty. Stricter than the grammar:
 * no sub-delims ("a,b"), which occur in no host name and could be taken for a list; no
 * userinfo (4.2.4), no IPvFuture, no zone.
 */
static bool valid_authority(struct span s)
{
	const char *p = s.at, *end = s.at + s.len;

	if (!s.len)
		return false;
	if (*p == '[') {
		const char *close = memchr(p, ']', s.len);

		if (!close || !valid_ipv6((struct span){ p + 1, close - p - 1 }))
			return false;
		p = close + 1;
	} else {
		while (p < end && *p != ':') {
			if (*p == '%' ? !valid_escape(p, end) : !unreserved(*p))
				return false;
			p += *p == '%' ? 3 : 1;
		}
		if (p == s.at)
			return false;
	}
	return p == end || (*p == ':' && valid_port((struct span){ p + 1, end - p - 1 }));
}

static int understand_target(struct request *r, struct span target)
{
	int status;

	if (span_is(target, "*", 1) && r->method == METHOD_OPTIONS) {
		r->everything = true;
		return 0;
	}
	if (target.len > 7 && strncasecmp(target.at, "http://", 7) == 0) {
		const char *host = target.at + 7, *end = target.at + target.len, *p = host;

		while (p < end && !strchr("/?#", *p))
			p++;
		if (!valid_authority((struct span){ host, p - host }))
			return 400;
		target = (struct span){ p, end - p };	/* an empty path means / */
	} else if (!target.len || *target.at != '/') {
		return 400;
	}
	status = decode(r, target);
	return status ? status : normalise(r);
}

/*
 * A method that llhttp does not know: 501 or 505 if the request line is valid otherwise.
 */
static int unknown_method(struct span line)
{
	const char *p = line.at, *end = line.at + line.len, *version;

	while (p < end && (unreserved(*p) || (*p && strchr("!#$%&'*+^`|", *p))))
		p++;			/* token: RFC 9110, 5.6.2 */
	if (p == line.at || p == end || *p != ' ')
		return 400;
	version = memchr(p + 1, ' ', end - p - 1);
	if (!version || version == p + 1 || end - version != 9 || memcmp(version, " HTTP/", 6) ||
	    version[6] < '0' || version[6] > '9' || version[7] != '.' || version[8] < '0' ||
	    version[8] > '9')
		return 400;
	return version[6] == '1' ? 501 : 505;
}

int request_parse(struct request *r, const char *data, size_t len)
{
	struct parse parse = { .r = r };
	llhttp_t parser;
	int rc;

	memset(r, 0, offsetof(struct request, path));
	r->line = (struct span){ data, (const char *)memchr(data, '\r', len) - data };
	llhttp_init(&parser, HTTP_REQUEST, &settings);
	/* HTTP/1.2 is processed as 1.1: RFC 9110, 2.5 */
	parser.lenient_flags |= LENIENT_VERSION;
	parser.data = &parse;
	rc = llhttp_execute(&parser, data, len);
	if (rc == HPE_INVALID_VERSION)
		return 505;
	/* llhttp knows methods of RTSP and ICE, and refuses them only at the version. */
	if (rc == HPE_INVALID_METHOD || (rc == HPE_INVALID_CONSTANT &&
	    (parser.method == HTTP_SOURCE || parser.method > HTTP_PRI)))
		return unknown_method(r->line);
	if (rc != HPE_PAUSED || !parse.complete || !parse.target.at)
		return 400;
	if (parser.http_major != 1)
		return 505;
	/*
	 * Without a final chunked coding the end of the body is unknown: RFC 9112, 6.3.
	 */
	if (parser.flags & F_TRANSFER_ENCODING && !(parser.flags & F_CHUNKED))
		return 400;
	r->http_1_0 = parser.http_minor == 0;
	r->method = parser.method == HTTP_GET ? METHOD_GET :
		    parser.method == HTTP_HEAD ? METHOD_HEAD :
		    parser.method == HTTP_OPTIONS ? METHOD_OPTIONS :
		    parser.method == HTTP_PUT ? METHOD_PUT : METHOD_OTHER;
	if (r->hosts > 1 || (!r->hosts && !r->http_1_0) ||
	    (r->hosts && !valid_authority(parse.host)))
		return 400;
	r->host = parse.host;
	if (parse.expect.at && !r->http_1_0) {
		if (parse.expect.len != 12 || !named(parse.expect.at, "100-continue", 12))
			return 417;
		r->expects_continue = true;
	}
	rc = understand_target(r, parse.target);
	return r->method == METHOD_OTHER ? 405 : rc;	/* Allow depends on the path */
}

/* ---- Accept-Encoding */

static bool refused(const char *p, const char *end)
{
	/* ;q=0, ;q=0.000 */
	while (p < end && strchr(" \t;", *p))
		p++;
	if (end - p < 3 || (*p | 32) != 'q' || p[1] != '=' || p[2] != '0')
		return false;
	for (p += 3; p < end; p++)
		if (*p >= '1' && *p <= '9')
			return false;
	return true;
}

bool request_accepts_gzip(const struct request *r)
{
	const char *p = r->accept_encoding.at ?: "", *end = p + r->accept_encoding.len;
	bool any = false;

	while (p < end) {
		const char *comma = memchr(p, ',', end - p) ?: end;
		size_t n = 0;

		while (p < comma && (*p == ' ' || *p == '\t'))
			p++;
		while (p + n < comma && !strchr(" \t;", p[n]))
			n++;
		if ((n == 4 && named(p, "gzip", 4)) || (n == 6 && named(p, "x-gzip", 6)))
			return !refused(p + n, comma);
		if (n == 1 && *p == '*')
			any = !refused(p + n, comma);
		p = comma + 1;
	}
	return any;
}
