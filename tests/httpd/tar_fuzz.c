/* SPDX-License-Identifier: ISC */
/* Arbitrary bytes as an archive: all entries of its index are inside it, or it is refused. */
#include "apps/httpd/site.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Checksums are made right, or nothing would get behind them. */
static void sum(uint8_t *header)
{
	unsigned n = 8 * ' ';
	char text[9];

	for (int i = 0; i < 512; i++)
		n += i >= 148 && i < 156 ? 0 : header[i];
	snprintf(text, sizeof(text), "%06o", n & 0777777);
	memcpy(header + 148, text, 7);
	header[155] = ' ';
}

static void discard(struct site *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free((char *)s->list[i]->body.data);
		free(s->list[i]);
	}
	free(s->list);
	free(s->table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t disk[16384];
	struct site site = { .keep = 1 << 20 };
	static FILE *null;
	int fd;

	if (size > sizeof(disk))
		return 0;
	if (!null)			/* the fuzzer and the sanitizers keep theirs */
		stderr = null = fopen("/dev/null", "w");
	fd = memfd_create("disk", 0);
	memcpy(disk, data, size);
	for (size_t at = 0; at + 512 <= size; at += 512)
		if (disk[at + 155] == ' ' || disk[at + 154] == 0)
			sum(disk + at);
	assert(write(fd, disk, size) == (ssize_t)size);
	assert(!site_add_folder(&site, "", 0));
	site_from_tar(&site, "disk", fd, size);
	for (size_t i = 0; i < site.count; i++) {
		struct resource *r = site.list[i];

		assert(strlen(r->name) == r->len && site_lookup(&site, r->name, r->len) == r);
		for (const char *p = r->name; (p = strstr(p, "..")); p++)
			assert((p != r->name && p[-1] != '/') || (p[2] && p[2] != '/'));
		assert(r->body.size >= 0 && r->body.at >= 0 &&
		       r->body.at + r->body.size <= (off_t)size);
	}
	discard(&site);
	close(fd);
	return 0;
}
