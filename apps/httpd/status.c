/* SPDX-License-Identifier: ISC */
/* The server's state, as JSON and as a page that shows it. */
#include "apps/httpd/log.h"
#include "apps/httpd/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GUEST_MAX 65536
#define OWN_MAX 4096

/* Paths are relative to the project's root, where the compiler runs. */
__asm__(".section .rodata.status,\"a\"\n"
	"status_html: .incbin \"apps/httpd/status.html\"\n"
	"status_html_end: .byte 0\n"
	".previous\n");
extern const char status_html[], status_html_end[];

const struct representation *status_page(void)
{
	static struct representation *page;

	if (!page)
		page = representation_new(
			&(struct body){ .data = status_html, .fd = -1,
					.size = status_html_end - status_html },
			"text/html; charset=utf-8", "Cache-Control: no-cache\r\n", 0, -1);
	return page;
}

static void put_named(struct text *t, const char *name, uint64_t n)
{
	if (t->at[-1] != '{')
		put_char(t, ',');
	put_json(t, (struct span){ name, strlen(name) });
	put_char(t, ':');
	put_number(t, n);
}

static void put_group(struct text *t, const char *name)
{
	put_string(t, t->at[-1] == '{' ? "\"" : ",\"");
	put_string(t, name);
	put_literal(t, "\":{");
}

static void put_statuses(struct text *t)
{
	put_group(t, "status");
	for (unsigned i = 100; i < 600; i++)
		if (server.count.status[i]) {
			char name[4] = { '0' + i / 100, '0' + i / 10 % 10, '0' + i % 10 };

			put_named(t, name, server.count.status[i]);
		}
	put_char(t, '}');
}

static void put_own(struct text *t)
{
	const struct counters *n = &server.count;

	put_char(t, '{');
	put_named(t, "time", server.wall);
	put_named(t, "uptime_ms", server.now - server.start);
	put_group(t, "connections");
	put_named(t, "now", n->now);
	put_named(t, "idle", server.phases[IDLE].count);
	put_named(t, "receiving", server.phases[HEADER].count);
	put_named(t, "uploading", server.phases[UPLOAD].count);
	put_named(t, "sending", server.phases[SEND].count);
	put_named(t, "closing", server.phases[LINGER].count);
	put_named(t, "most", n->most);
	put_named(t, "limit", server.options.connections);
	put_named(t, "accepted", n->accepted);
	put_named(t, "refused", n->refused);
	put_named(t, "evicted", n->evicted);
	put_char(t, '}');
	put_group(t, "requests");
	put_named(t, "total", n->requests);
	put_named(t, "rate", n->rate);
	put_char(t, '}');
	put_group(t, "bytes");
	put_named(t, "sent", n->sent);
	put_named(t, "received", n->received);
	put_named(t, "sent_rate", n->sent_rate);
	put_char(t, '}');
	put_statuses(t);
	put_group(t, "timeouts");
	put_named(t, "idle", n->timeouts[IDLE]);
	put_named(t, "header", n->timeouts[HEADER]);
	put_named(t, "upload", n->timeouts[UPLOAD]);
	put_named(t, "send", n->timeouts[SEND]);
	put_char(t, '}');
	put_group(t, "site");
	put_named(t, "names", server.site.count);
	put_named(t, "bytes", server.site.bytes);
	put_named(t, "in_memory", server.site.kept);
	put_char(t, '}');
	put_named(t, "log_lines_dropped", log_dropped);
}

/* Writes the guest's statistics as a JSON object, if this is a guest. */
static void put_guest(struct text *t)
{
	char *start = t->at;
	int fd = open("/proc/xenolith", O_RDONLY);
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && t->end - t->at > OWN_MAX) {
		n = read(fd, t->at, t->end - t->at - OWN_MAX);
		t->at += n > 0 ? n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (n < 0 || t->at == start || *start != '{') {
		t->at = start;
		put_literal(t, "null");
	}
}

struct representation *status_json(void)
{
	size_t size = GUEST_MAX + 2 * OWN_MAX;
	char *data = malloc(size), *fitting;
	struct text t = text_in(data, size);
	struct representation *r = NULL;

	if (!data)
		return NULL;
	put_own(&t);
	put_literal(&t, ",\"guest\":");
	put_guest(&t);
	put_literal(&t, "}\n");
	fitting = realloc(data, text_len(&t)) ?: data;
	if (text_whole(&t))
		r = representation_new(
			&(struct body){ .data = fitting, .fd = -1, .size = text_len(&t) },
			"application/json", "Cache-Control: no-store\r\n", 0, -1);
	if (!r)
		free(fitting);
	return r;
}
