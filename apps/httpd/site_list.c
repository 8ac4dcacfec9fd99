/* SPDX-License-Identifier: ISC */
/* The page that lists a folder without an index.html. It is made at the first request. */
#include "apps/httpd/date.h"
#include "apps/httpd/site.h"

#include <stdlib.h>
#include <string.h>

/* Returns the next entry of the folder, from *i of the list on; or NULL. */
static struct resource *next_in(struct site *s, const struct resource *folder, size_t *i)
{
	size_t n = folder->len ? folder->len + 1 : 0;

	for (; *i < s->count; ++*i) {
		struct resource *r = s->list[*i];

		if (r->len > n && !memcmp(r->name, folder->name, folder->len) &&
		    (!n || r->name[n - 1] == '/') && !memchr(r->name + n, '/', r->len - n)) {
			++*i;
			return r;
		}
	}
	return NULL;
}

static void put_size(struct text *t, uint64_t bytes)
{
	static const char units[] = "KMGTP";
	int unit = -1;

	while (bytes >= 10240) {
		bytes /= 1024;
		unit++;
	}
	put_number(t, bytes);
	if (unit >= 0) {
		put_char(t, ' ');
		put_char(t, units[unit]);
	}
}

static void put_entry(struct text *t, const struct resource *folder,
		      const struct resource *r)
{
	size_t n = folder->len ? folder->len + 1 : 0;
	struct span name = { r->name + n, r->len - n };
	char date[16];

	put_literal(t, "<tr><td><a href=\"");
	put_url(t, name);
	put_string(t, r->folder ? "/\">" : "\">");
	put_html(t, name);
	put_string(t, r->folder ? "/</a><td><td>\n" : "</a><td>");
	if (r->folder)
		return;
	if (r->mtime > 0) {
		date_write_short(date, r->mtime);
		put(t, date, sizeof(date));
	}
	put_literal(t, "<td>");
	put_size(t, r->body.size);
	put_char(t, '\n');
}

static void put_list(struct site *s, struct text *t, const struct resource *folder)
{
	struct span name = { folder->name, folder->len };

	put_literal(t, "<!doctype html>\n<html lang=en><meta charset=utf-8>"
		"<meta name=viewport content=\"width=device-width\">"
		"<meta name=color-scheme content=\"light dark\">\n<title>/");
	put_html(t, name);
	put_literal(t, "</title>\n<style>body{font:16px/1.6 system-ui,sans-serif;max-width:50em;"
		"margin:3em auto;padding:0 1em}h1{font-size:1.3em;font-weight:600}"
		"table{width:100%;border-collapse:collapse}td{padding:.2em .5em .2em 0;"
		"border-top:1px solid #8883;overflow-wrap:anywhere}td+td{text-align:right;"
		"white-space:nowrap;color:#888}a{text-decoration:none}"
		"a:hover{text-decoration:underline}</style>\n<h1>/");
	put_html(t, name);
	put_literal(t, "</h1>\n<table>\n");
	if (folder->len)
		put_literal(t, "<tr><td><a href=\"../\">../</a><td><td>\n");
	for (int files = 0; files < 2; files++) {
		struct resource *r;
		size_t i = 0;

		while ((r = next_in(s, folder, &i)))
			if (r->folder == !files)
				put_entry(t, folder, r);
	}
	put_literal(t, "</table>\n</html>\n");
}

struct representation *site_list(struct site *s, struct resource *folder)
{
	struct resource *r;
	size_t i = 0, size = 2048 + 6 * folder->len * 2;
	struct text t;
	char *data;

	if (folder->plain)
		return folder->plain;
	while ((r = next_in(s, folder, &i)))
		size += 64 + 9 * r->len;
	data = malloc(size);
	if (!data)
		return NULL;
	t = text_in(data, size);
	put_list(s, &t, folder);
	folder->plain = representation_new(
		&(struct body){ .data = data, .fd = -1, .size = text_len(&t) },
		"text/html; charset=utf-8", SITE_HEADERS, site_tag(1, data, text_len(&t)), s->mtime);
	if (!folder->plain)
		free(data);
	return folder->plain;
}
