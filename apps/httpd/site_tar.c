/* SPDX-License-Identifier: ISC */
/*
 * A site from a tar archive, which begins at the first byte of a disk.
 *
 * Formats: ustar, pax and GNU's (tar(5) of libarchive describes them). Links to files
 * within the archive are followed. The archive is not trusted: each header's checksum
 * must be correct, sizes are limited by the disk, and names are checked by site_add().
 * Other entries (devices, sparse files) are skipped and counted.
 */
#include "apps/httpd/site.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512
#define LONG_MAX_SIZE 65536		/* bytes: maximum of a long name or pax header */

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

struct link {
	struct link *next;
	char *name, *target;
	int64_t mtime;
};

struct tar {
	struct site *site;
	const char *disk;
	int fd;
	off_t size, at;			/* of the disk; offset of the next header */
	struct link *links;
	unsigned skipped;
	/* Values of extension headers, for the next header. */
	char *name, *target;
	int64_t file_size, mtime;	/* -1: nothing */
	bool sparse;
	off_t window_at;
	size_t window_len;
	char window[65536];
};

static int report_invalid(struct tar *t, off_t at, const char *what)
{
	fprintf(stderr, "httpd: %s: byte %jd: %s\n", t->disk, (intmax_t)at, what);
	return -EINVAL;
}

static int read_at(struct tar *t, off_t at, void *to, size_t len)
{
	for (size_t n = 0; n < len;) {
		ssize_t got = pread(t->fd, (char *)to + n, len - n, at + n);

		if (got <= 0)
			return -EIO;
		n += got;
	}
	return 0;
}

/*
 * Returns the block at t->at. It reads several blocks at once, since headers of small
 * files are close together. NULL: error.
 */
static const struct header *next_header(struct tar *t)
{
	off_t offset = t->at - t->window_at;

	if (offset < 0 || offset + BLOCK > (off_t)t->window_len) {
		t->window_len = sizeof(t->window);
		if ((off_t)t->window_len > t->size - t->at)
			t->window_len = t->size - t->at;
		t->window_at = t->at;
		if (read_at(t, t->at, t->window, t->window_len))
			return NULL;
		offset = 0;
	}
	return (struct header *)(t->window + offset);
}

/*
 * Parses an octal number, or a big-endian one with the first bit set. Returns -1 if it is
 * invalid or too large.
 */
static int64_t number(const char *field, size_t len)
{
	uint64_t n = 0;
	size_t i = 0;

	if (*field & 0x80) {
		if ((unsigned char)*field != 0x80)
			return -1;
		for (i = 1; i < len; i++) {
			if (n >> 55)
				return -1;
			n = n << 8 | (unsigned char)field[i];
		}
		return n;
	}
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		n = n << 3 | (field[i] - '0');
	if (i < len && field[i] && field[i] != ' ')
		return -1;
	return n;
}

static bool checksum_is_right(const struct header *h)
{
	const unsigned char *p = (const void *)h;
	int64_t stored = number(h->checksum, sizeof(h->checksum)), sum = 8 * ' ', with_sign = sum;

	for (size_t i = 0; i < BLOCK; i++)
		if (i < offsetof(struct header, checksum) || i >= offsetof(struct header, type)) {
			sum += p[i];
			with_sign += (signed char)p[i];
		}
	return stored == sum || stored == with_sign;
}

static bool is_zero(const struct header *h)
{
	static const char zero[BLOCK];

	return memcmp(h, zero, BLOCK) == 0;
}

static void set(char **where, char *value)
{
	free(*where);
	*where = value;
}

static char *field(const char *prefix, size_t prefix_size, const char *s, size_t size)
{
	size_t a = strnlen(prefix, prefix_size), b = strnlen(s, size);
	char *copy = malloc(a + b + 2);

	if (copy) {
		memcpy(copy, prefix, a);
		copy[a] = '/';
		memcpy(copy + a + (a != 0), s, b);
		copy[a + (a != 0) + b] = '\0';
	}
	return copy;
}

/* Reads the data of an extension header. */
static int read_long(struct tar *t, off_t at, int64_t size, char **data)
{
	int rc;

	if (size > LONG_MAX_SIZE)
		return report_invalid(t, at, "a name or extension header is longer than 64 KiB");
	*data = malloc(size + 1);
	if (!*data)
		return -ENOMEM;
	rc = read_at(t, at, *data, size);
	if (rc)
		free(*data);
	else
		(*data)[size] = '\0';
	return rc;
}

/* Parses "LENGTH KEY=VALUE\n" records; LENGTH includes all of it. */
static int read_pax(struct tar *t, off_t at, char *data, size_t size)
{
	while (size) {
		char *end, *key, *value;
		unsigned long len = strtoul(data, &end, 10);

		if (*end != ' ' || len > size || len < (size_t)(end - data) + 3 ||
		    data[len - 1] != '\n')
			return report_invalid(t, at, "invalid pax header");
		data[len - 1] = '\0';
		key = end + 1;
		value = strchr(key, '=');
		if (!value)
			return report_invalid(t, at, "invalid pax header");
		*value++ = '\0';
		if (strcmp(key, "path") == 0)
			set(&t->name, strdup(value));
		else if (strcmp(key, "linkpath") == 0)
			set(&t->target, strdup(value));
		else if (strcmp(key, "size") == 0)
			t->file_size = strtoll(value, NULL, 10);
		else if (strcmp(key, "mtime") == 0)
			t->mtime = strtoll(value, NULL, 10);
		else if (strncmp(key, "GNU.sparse.", 11) == 0)
			t->sparse = true;
		data += len;
		size -= len;
	}
	return 0;
}

/*
 * Converts a name to a site's, in place: without . and empty parts. Returns NULL if it
 * has a `..`.
 */
static const char *clean(char *name)
{
	char *out = name, *in = name;

	while (*in) {
		size_t n = strcspn(in, "/");

		if (n == 2 && in[0] == '.' && in[1] == '.')
			return NULL;
		if (n && !(n == 1 && *in == '.')) {
			if (out != name)
				*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
		in += *in == '/';
		/* The end of the output never exceeds what was read. */
	}
	*out = '\0';
	return name;
}

/*
 * Stores the path of a link's target in `to`. Returns false if it is outside of the
 * archive.
 */
static bool target_of(const struct link *l, char *to, size_t size)
{
	const char *slash = strrchr(l->name, '/'), *in = l->target;
	size_t out = *in == '/' || !slash ? 0 : slash - l->name;

	if (out >= size)
		return false;
	memcpy(to, l->name, out);
	while (*in) {
		size_t n = strcspn(in, "/");

		if (n == 2 && in[0] == '.' && in[1] == '.') {
			if (!out)
				return false;
			while (out && to[--out] != '/')
				;
		} else if (n && !(n == 1 && *in == '.')) {
			if (out + n + 2 > size)
				return false;
			if (out)
				to[out++] = '/';
			memcpy(to + out, in, n);
			out += n;
		}
		in += n;
		in += *in == '/';
	}
	to[out] = '\0';
	return true;
}

/* Targets of hard links are relative to the root. */
static int add_link(struct tar *t, char *name, char *target, bool hard, int64_t mtime)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->name = strdup(name);
	l->target = hard ? field("/", 1, target, strlen(target)) : strdup(target);
	l->mtime = mtime;
	l->next = t->links;
	t->links = l;
	return l->name && l->target ? 0 : -ENOMEM;
}

/* Links to links are repeated until there is no progress; the rest are dangling. */
static int follow_links(struct tar *t)
{
	bool progress = true;
	int rc = 0;

	while (progress && rc >= 0) {
		progress = false;
		for (struct link *l = t->links; l && rc >= 0; l = l->next) {
			char to[2048];
			struct resource *r;

			if (!l->name || !l->target || !target_of(l, to, sizeof(to)))
				continue;
			r = site_lookup(t->site, to, strlen(to));
			if (!r || !r->file)
				continue;
			rc = site_add(t->site, l->name, strlen(l->name),
				      &(struct body){ .fd = t->fd, .at = r->body.at,
						      .size = r->body.size }, r->mtime);
			if (rc == -EINVAL || rc == -ENOTDIR || rc == -EISDIR)
				rc = 0;
			set(&l->target, NULL);
			progress = true;
		}
	}
	return rc < 0 ? rc : 0;
}

/* Counts the links that were not followed. */
static void free_links(struct tar *t)
{
	while (t->links) {
		struct link *l = t->links;

		t->links = l->next;
		t->skipped += l->target != NULL;
		free(l->name);
		free(l->target);
		free(l);
	}
}

static int add_entry(struct tar *t, const struct header *h, off_t data, int64_t size)
{
	size_t len = strlen(t->name);
	bool folder = h->type == '5' || (len && t->name[len - 1] == '/');
	const char *name = clean(t->name);
	int rc = -EINVAL;

	if (!name || t->sparse || (!*name && !folder))
		rc = -EINVAL;
	else if (folder)
		rc = site_add_folder(t->site, name, strlen(name));
	else if (h->type == '0' || h->type == '7' || !h->type)
		rc = site_add(t->site, name, strlen(name),
			      &(struct body){ .fd = t->fd, .at = data, .size = size },
			      t->mtime);
	else if (h->type == '1' || h->type == '2')
		rc = add_link(t, t->name, t->target, h->type == '1', t->mtime);
	if (rc == -EINVAL || rc == -ENOTDIR || rc == -EISDIR) {
		t->skipped++;
		rc = 0;
	}
	return rc < 0 ? rc : 0;
}

static void forget(struct tar *t)
{
	set(&t->name, NULL);
	set(&t->target, NULL);
	t->file_size = t->mtime = -1;
	t->sparse = false;
}

/* Returns 1 if there may be more entries, 0 at the end. */
static int entry(struct tar *t, const struct header *h)
{
	bool ustar = memcmp(h->magic, "ustar", 6) == 0;
	off_t data = t->at + BLOCK;
	int64_t size = number(h->size, sizeof(h->size));
	char *text = NULL;
	int rc;

	if (!checksum_is_right(h))
		return report_invalid(t, t->at, t->at ? "invalid tar header" : "not a tar archive");
	if (t->file_size >= 0 && !strchr("xgLK", h->type ?: '0'))
		size = t->file_size;
	if (strchr("12345", h->type ?: '0'))
		size = 0;		/* some archives have the target's size here */
	if (size < 0 || size > t->size - data)
		return report_invalid(t, t->at, "a file exceeds the disk");
	t->at = data + (size + BLOCK - 1) / BLOCK * BLOCK;
	switch (h->type) {
	case 'g':
		return 1;
	case 'x': case 'L': case 'K':
		rc = read_long(t, data, size, &text);
		if (rc)
			return rc;
		if (h->type != 'x') {
			set(h->type == 'L' ? &t->name : &t->target, text);
			return 1;
		}
		rc = read_pax(t, data, text, size);
		free(text);
		return rc ? rc : 1;
	}
	if (!t->name)
		t->name = field(h->prefix, ustar ? sizeof(h->prefix) : 0, h->name,
				sizeof(h->name));
	if (!t->target)
		t->target = field("", 0, h->link, sizeof(h->link));
	if (t->mtime < 0)
		t->mtime = number(h->mtime, sizeof(h->mtime));
	rc = t->name && t->target ? add_entry(t, h, data, size) : -ENOMEM;
	forget(t);
	return rc ? rc : 1;
}

int site_from_tar(struct site *s, const char *disk, int fd, off_t size)
{
	struct tar *t = calloc(1, sizeof(*t));
	int rc = 1;

	if (!t)
		return -ENOMEM;
	*t = (struct tar){ .site = s, .disk = disk, .fd = fd, .size = size };
	forget(t);
	if (size < BLOCK)
		rc = report_invalid(t, 0, "not a tar archive");
	/* Zeros are the end of an archive; at the beginning, they are an empty disk. */
	while (rc > 0 && t->size - t->at >= BLOCK) {
		const struct header *h = next_header(t), copy = h ? *h : (struct header){ 0 };

		rc = !h ? -EIO : is_zero(h) && t->at ? 0 : entry(t, &copy);
	}
	if (rc >= 0)
		rc = follow_links(t);
	free_links(t);
	if (rc == 0 && t->skipped)
		fprintf(stderr, "httpd: %s: %u entries other than files were skipped\n",
			disk, t->skipped);
	if (rc == -EIO)
		fprintf(stderr, "httpd: %s: read error\n", disk);
	forget(t);
	free(t);
	return rc;
}
