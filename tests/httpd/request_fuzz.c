/* SPDX-License-Identifier: ISC */
/* Arbitrary bytes as requests: parsed requests are consistent, and replies match them. */
#include "apps/httpd/reply.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct site site;

static void add(const char *folder, const char *name, size_t size)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert(f);
	while (size--)
		putc('x', f);
	fclose(f);
}

/* Small files are read into memory, so the files can be removed. */
static void prepare(void)
{
	char folder[] = "/tmp/httpd-fuzz-XXXXXX", command[256];

	assert(reply_init() && mkdtemp(folder));
	snprintf(command, sizeof(command), "%s/a", folder);
	assert(!mkdir(command, 0777));
	add(folder, "index.html", 100);
	add(folder, "a/x.txt", 1000);
	add(folder, "a/x.txt.gz", 500);
	add(folder, "a/empty", 0);
	site.mtime = 1;
	site.index = true;
	site.keep = 1 << 20;
	assert(!site_open(&site, folder) && site.count == 6);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert(!system(command));
}

static void check_path(const struct request *r)
{
	size_t n = r->path_len;

	assert(n <= sizeof(r->path) && !memchr(r->path, 0, n));
	assert(!n || (r->path[0] != '/' && r->path[n - 1] != '/'));
	for (size_t i = 0; i < n;) {
		const char *slash = memchr(r->path + i, '/', n - i);
		size_t len = slash ? (size_t)(slash - r->path) - i : n - i;

		assert(len && !(len == 1 && r->path[i] == '.') &&
		       !(len == 2 && r->path[i] == '.' && r->path[i + 1] == '.'));
		i += len + 1;
	}
}

static void check_span(struct span s, const char *data, size_t len)
{
	assert(!s.at || (s.at >= data && s.at + s.len <= data + len));
}

static void answer(const struct request *r)
{
	static struct reply reply;
	char out[16384];
	struct text t = text_in(out, 8192);
	off_t sum = 0;

	reply_to(&reply, &site, r);
	reply_head(&reply, &t, "Sun, 06 Nov 1994 08:49:37 GMT", r->keep_alive, r, 0);
	assert(text_whole(&t) && text_len(&t) > 4 && !memcmp(t.at - 4, "\r\n\r\n", 4));
	for (char *p = out; p < t.at - 4; p++)
		assert(memcmp(p, "\r\n\r\n", 4));
	if (!reply.has_body)
		return;
	for (unsigned i = 0; i < reply.nranges; i++) {
		const struct range *range = &reply.ranges[i];

		assert(range->from >= 0 && range->from <= range->to &&
		       range->to <= reply.what->body.size);
		sum += range->to - range->from;
	}
	assert(reply.nranges <= RANGES_MAX && sum <= reply.length);
	assert(reply.nranges > 1 || sum == reply.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request r;
	/* Of its own, so that a read beyond it is seen. */
	char *copy = malloc(size + !size);
	size_t from = 0, at = 0;
	ssize_t end = 0;

	if (!site.count)
		prepare();
	memcpy(copy, data, size);
	/* As it comes: the end is found all the same. */
	for (size_t n = 0; n <= size && !end; n += 7)
		end = request_end(copy, n, &at);
	if (!end)
		end = request_end(copy, size, &at);
	assert(end == request_end(copy, size, &from) || end == -400);
	if (end > 0 && !request_parse(&r, copy, end)) {
		for (const char *p = copy; (p = memchr(p, '\r', copy + end - p)); p++)
			assert(p[1] == '\n');
		check_path(&r);
		check_span(r.line, copy, end);
		check_span(r.query, copy, end);
		check_span(r.range, copy, end);
		check_span(r.if_none_match, copy, end);
		check_span(r.accept_encoding, copy, end);
		answer(&r);
	}
	free(copy);
	return 0;
}
