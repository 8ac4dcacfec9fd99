/* SPDX-License-Identifier: ISC */
/* The page that lists a folder without an index.html. */
#include "apps/httpd/date.h"
#include "apps/httpd/site.h"

#include <stdlib.h>
#include <string.h>

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

static void put_entry(struct text *t, const struct entry *e)
{
	char date[16];

	put_literal(t, "<tr><td><a href=\"");
	put_url(t, e->name);
	put_string(t, e->folder ? "/\">" : "\">");
	put_html(t, e->name);
	put_string(t, e->folder ? "/</a><td><td>\n" : "</a><td>");
	if (e->folder)
		return;
	if (e->mtime > 0) {
		date_write_short(date, e->mtime);
		put(t, date, sizeof(date));
	}
	put_literal(t, "<td>");
	put_size(t, e->size);
	put_char(t, '\n');
}

size_t site_row_size(struct span name)
{
	size_t size = 64;

	for (size_t i = 0; i < name.len; i++) {
		struct span one = { name.at + i, 1 };
		char escaped[16];
		struct text t = text_in(escaped, sizeof(escaped));

		put_url(&t, one);
		put_html(&t, one);
		size += text_len(&t);
	}
	return size;
}

static void put_page(struct text *t, struct span folder, const struct entry *entries, size_t n,
		     bool more)
{
	put_literal(t, "<!doctype html>\n<html lang=en><meta charset=utf-8>"
		"<meta name=viewport content=\"width=device-width\">"
		"<meta name=color-scheme content=\"light dark\">\n<title>/");
	put_html(t, folder);
	put_literal(t, "</title>\n<style>body{font:16px/1.6 system-ui,sans-serif;max-width:50em;"
		"margin:3em auto;padding:0 1em}h1{font-size:1.3em;font-weight:600}"
		"table{width:100%;border-collapse:collapse}td{padding:.2em .5em .2em 0;"
		"border-top:1px solid #8883;overflow-wrap:anywhere}td+td{text-align:right;"
		"white-space:nowrap;color:#888}a{text-decoration:none}"
		"a:hover{text-decoration:underline}</style>\n<h1>/");
	put_html(t, folder);
	put_literal(t, "</h1>\n<table>\n");
	if (folder.len)
		put_literal(t, "<tr><td><a href=\"../\">../</a><td><td>\n");
	for (int files = 0; files < 2; files++)
		for (size_t i = 0; i < n; i++)
			if (entries[i].folder == !files)
				put_entry(t, &entries[i]);
	if (more)
		put_literal(t, "<tr><td>There are more.<td><td>\n");
	put_literal(t, "</table>\n</html>\n");
}

struct representation *site_page(struct span folder, const struct entry *entries, size_t n,
				 bool more, int64_t mtime)
{
	size_t size = 2048 + 6 * folder.len * 2;
	struct body body = { .fd = -1 };
	struct representation *r;
	struct text t;
	char *data;

	for (size_t i = 0; i < n; i++)
		size += site_row_size(entries[i].name);
	data = malloc(size);
	if (!data)
		return NULL;
	t = text_in(data, size);
	put_page(&t, folder, entries, n, more);
	body.size = text_len(&t);
	body.data = realloc(data, body.size) ?: data;
	r = representation_new(&body, "text/html; charset=utf-8", SITE_HEADERS,
			       site_tag(1, body.data, body.size), mtime);
	if (!r)
		free((char *)body.data);
	return r;
}

/* ---- of an index */

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

struct representation *site_list(struct site *s, struct resource *folder)
{
	size_t i = 0, n = 0, skip = folder->len ? folder->len + 1 : 0;
	struct entry *entries;
	struct resource *r;

	if (folder->plain)
		return folder->plain;
	while (next_in(s, folder, &i))
		n++;
	entries = malloc((n + 1) * sizeof(*entries));
	if (!entries)
		return NULL;
	i = n = 0;
	while ((r = next_in(s, folder, &i)))
		entries[n++] = (struct entry){ { r->name + skip, r->len - skip }, r->folder,
					       r->body.size, r->mtime };
	folder->plain = site_page((struct span){ folder->name, folder->len }, entries, n, false,
				  s->mtime);
	free(entries);
	return folder->plain;
}
